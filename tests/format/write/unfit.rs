//! Authentic tokens that the opener's settings or the payload refuse: steps 6 to 9 of the format page.

use crate::keys::master;
use crate::reference::{PLAIN, header, key_id};
use crate::tokens::{Bench, Case, NOW, accepted, case, primary, random, retired};
use crate::vector::Reads;

const MAX: u32 = u32::MAX;

pub fn add(bench: &mut Bench) {
    not_yet_valid(bench);
    revoked(bench);
    expired(bench);
    payload(bench);
}

fn not_yet_valid(bench: &mut Bench) {
    for (issued_at, now, skew) in [
        (NOW + 1, NOW, 0),
        (NOW + 2, NOW, 1),
        (NOW + 61, NOW, 60),
        (NOW + 100_000, NOW, 60),
        (1, 0, 0),
        (61, 0, 60),
        (MAX - 1, MAX - 2, 0),
        (MAX - 1, MAX - 62, 60),
        (MAX - 1, 0, 60),
        (1 << 31, (1 << 31) - 1, 0),
        (MAX - 1, 0, (1 << 32) - 3),
    ] {
        let name = format!("sealed at {issued_at}, opened at {now}, skew {skew}");
        let case = case()
            .with(|c| (c.issued_at, c.now, c.skew, c.max_age) = (issued_at, now, skew, u64::MAX));
        bench.bad(&name, "", case, "NotYetValid");
    }
    for (now, skew) in [
        (MAX, 0),
        (MAX, u64::MAX),
        (MAX - 1, 60),
        (NOW, u64::MAX),
        (0, 0),
    ] {
        let name = format!("issued at ffffffff, opened at {now}, skew {skew}");
        let case = case().with(|c| (c.now, c.skew, c.max_age) = (now, skew, u64::MAX));
        let header = header(PLAIN, key_id(&master(0)), MAX, random(&name));
        let token = case.forged_by_the_sealer(header, &case.payload);
        bench.bad_token(
            &name,
            "the last second of the u32 is never good",
            case,
            token,
            "NotYetValid",
        );
    }
}

fn revoked(bench: &mut Bench) {
    for (issued_at, floor) in [
        (NOW, NOW + 1),
        (NOW, MAX),
        (NOW - 1, NOW),
        (0, 1),
        (NOW - 1000, NOW - 500),
        (MAX - 1, MAX),
    ] {
        let name = format!("sealed at {issued_at}, floor {floor}");
        let case = case().with(|c| (c.issued_at, c.now, c.floor) = (issued_at, issued_at, floor));
        bench.bad(
            &name,
            "the floor does not forgive the skew",
            case,
            "Revoked",
        );
    }
    for (issued_at, retired_at, skew) in [
        (NOW, NOW - 1, 0),
        (NOW, NOW - 61, 60),
        (NOW, NOW - 100_000, 60),
        (NOW, 0, 60),
        (1, 0, 0),
        (61, 0, 60),
        (MAX - 1, MAX - 2, 0),
        (MAX - 1, MAX - 62, 60),
        (MAX - 1, 0, 60),
    ] {
        let name = format!("sealed at {issued_at}, key retired at {retired_at}, skew {skew}");
        let case = case().with(|c| {
            (c.keys, c.sealer) = (vec![primary(0), accepted(1), retired(2, retired_at)], 2);
            (c.issued_at, c.now, c.skew) = (issued_at, issued_at, skew);
        });
        bench.bad(&name, "", case, "Revoked");
    }
    let case =
        case().with(|c| (c.keys, c.sealer, c.floor) = (vec![primary(0), accepted(1)], 1, NOW + 1));
    bench.bad("floor against an accepted key", "", case, "Revoked");
}

fn expired(bench: &mut Bench) {
    for (issued_at, now, max_age) in [
        (NOW, NOW + 1, 0),
        (NOW, NOW + 2, 1),
        (NOW, NOW + 86_401, 86_400),
        (NOW, MAX, 86_400),
        (0, 1, 0),
        (0, 86_401, 86_400),
        (0, MAX, u64::from(MAX) - 1),
        (1, MAX, u64::from(MAX) - 2),
        (MAX - 1, MAX, 0),
        ((1 << 31) - 1, 1 << 31, 0),
        (0, MAX, 0),
        (NOW, NOW + 3600, 3599),
    ] {
        let name = format!("sealed at {issued_at}, opened at {now}, max age {max_age}");
        let case = case().with(|c| (c.issued_at, c.now, c.max_age) = (issued_at, now, max_age));
        bench.bad(&name, "", case, "Expired");
    }
    let old = |c: &mut Case| (c.now, c.skew) = (NOW + 86_401, u64::MAX);
    bench.bad("the skew prolongs nothing", "", case().with(old), "Expired");
    let retired = case()
        .with(|c| (c.keys, c.sealer, c.now) = (vec![primary(0), retired(2, NOW)], 2, NOW + 86_401));
    bench.bad("by a key that was retired later", "", retired, "Expired");
}

/// Plaintext of a padded token without the 80 that ends the payload, and payloads that are not a string.
const UNPADDABLE: [(&str, &[u8]); 8] = [
    ("empty", b""),
    ("one zero", b"\0"),
    ("sixteen zeros", &[0; 16]),
    ("no 80", b"\x05hello"),
    ("no 80 before zeros", b"\x05hello\0\0"),
    ("81 at the end", b"\x05hello\x81"),
    ("80 and then 01", b"\x05hello\x80\x01"),
    ("40 before zeros", b"\x05hello\x40\0"),
];

fn payload(bench: &mut Bench) {
    for (name, plaintext) in UNPADDABLE {
        let name = format!("padded plaintext: {name}");
        let case = case().with(|c| c.block = 16);
        let token = case.forged_by_the_sealer(case.header(&name), plaintext);
        bench.bad_token(&name, "no padding to take off", case, token, "Payload");
    }
    for (name, payload) in [
        ("empty", &b""[..]),
        ("a byte left over", b"\x05hello!"),
        ("a zero left over", b"\x05hello\0"),
        ("a byte short", b"\x05hell"),
        ("length without end", b"\x85"),
        ("not UTF-8", b"\x02\xc3\x28"),
        ("half a character", b"\x01\xc3"),
        (
            "length beyond memory",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        ),
        (
            "length beyond the u64",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        ),
        ("padding in a plain token", b"\x05hello\x80\0\0"),
    ] {
        let name = format!("read as a string: {name}");
        let case = case().with(|c| (c.payload, c.reads) = (payload.into(), Reads::String));
        bench.bad(&name, "", case, "Payload");
    }
    let short =
        case().with(|c| (c.payload, c.reads, c.block) = (b"\x05hell".to_vec(), Reads::String, 16));
    bench.bad(
        "read as a string: padding does not make up the length",
        "",
        short,
        "Payload",
    );
}
