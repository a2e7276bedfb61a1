//! Tokens that open.

use crate::keys::master;
use crate::reference::{PADDED, header, key_id};
use crate::tokens::{Bench, NOW, accepted, bytes, case, primary, random, retired};
use crate::vector::Reads;

const SIZES: [usize; 17] = [
    0, 1, 2, 15, 16, 17, 31, 32, 63, 64, 65, 100, 255, 256, 1000, 2999, 3000,
];
const MAX: u32 = u32::MAX;

pub fn add(bench: &mut Bench) {
    payloads(bench);
    bound(bench);
    purposes(bench);
    times(bench);
    rings(bench);
}

fn payloads(bench: &mut Bench) {
    for len in SIZES {
        let case = case().with(|c| c.payload = bytes(len));
        bench.good(&format!("plain, payload of {len}"), "", case);
    }
    for (len, block) in [
        (0, 2),
        (0, 16),
        (1, 2),
        (1, 3),
        (15, 16),
        (16, 16),
        (17, 16),
        (31, 32),
        (63, 64),
        (64, 64),
        (100, 64),
        (255, 256),
        (256, 256),
        (300, 7),
        (1000, 1024),
        (2999, 512),
        (3000, 1),
    ] {
        let case = case().with(|c| (c.payload, c.block) = (bytes(len), block));
        bench.good(&format!("payload of {len}, block of {block}"), "", case);
    }
    let ends = case().with(|c| (c.payload, c.block) = (vec![1, 0x80, 0, 0], 16));
    bench.good(
        "padded payload that ends like padding",
        "only the last 80 00* is padding",
        ends,
    );
    let zeros = case().with(|c| (c.payload, c.block) = (vec![0; 20], 16));
    bench.good("padded payload of zeros", "", zeros);
    for zeros in [0, 1, 15, 200] {
        let name = format!("80 and {zeros} zeros after six bytes");
        let case = case().with(|c| c.block = 16);
        let plaintext = [&case.payload[..], &[0x80], &vec![0; zeros]].concat();
        let token = case.forged_by_the_sealer(case.header(&name), &plaintext);
        bench.good_token(&name, "the opener does not judge the block", case, token);
    }
    for (name, text) in [
        ("hello", "\u{5}hello"),
        ("the empty string", "\0"),
        ("ä", "\u{2}ä"),
    ] {
        let case = case().with(|c| (c.payload, c.reads) = (text.into(), Reads::String));
        bench.good(&format!("read as a string: {name}"), "", case);
    }
    let long = [&[0x80, 0x02][..], &[b'x'; 256]].concat();
    let case_of_256 = case().with(|c| (c.payload, c.reads) = (long, Reads::String));
    bench.good(
        "read as a string: 256 letters",
        "a length of two bytes",
        case_of_256,
    );
    let exact = case().with(|c| c.limit = 62);
    bench.good("limit met exactly", "62 characters", exact);
    let none = case().with(|c| (c.payload, c.limit) = (vec![], 54));
    bench.good(
        "limit met by the shortest token",
        "40 bytes are 54 characters",
        none,
    );
}

fn bound(bench: &mut Bench) {
    for (name, ad) in [
        ("nothing", vec![]),
        ("one zero byte", vec![0]),
        ("tenant-7", b"tenant-7".to_vec()),
        ("every byte", (0..=255).collect()),
        ("4096 bytes", bytes(4096)),
    ] {
        for block in [0, 16] {
            let case = case().with(|c| (c.ad, c.block) = (Some(ad.clone()), block));
            bench.good(&format!("bound to {name}, block of {block}"), "", case);
        }
    }
}

fn purposes(bench: &mut Bench) {
    let long = "x".repeat(300);
    for purpose in [
        "",
        " ",
        "login-link/1",
        "é/1",
        "e\u{301}/1",
        "会話/2",
        "🍪/3",
        "\u{feff}a/1",
        "a\0b",
        "ß",
        "\u{10ffff}",
        &long,
    ] {
        let name = match purpose.len() {
            300 => "purpose of 300 letters".into(),
            _ => format!("purpose {purpose:?}"),
        };
        bench.good(
            &name,
            "used byte for byte",
            case().with(|c| c.purpose = purpose.into()),
        );
    }
}

fn times(bench: &mut Bench) {
    let mut good = |name: &str, (issued_at, now): (u32, u32), (skew, max_age): (u64, u64)| {
        let case = case().with(|c| {
            (c.issued_at, c.now, c.skew, c.max_age) = (issued_at, now, skew, max_age);
        });
        bench.good(name, "", case);
    };
    for at in [0, 1, 1 << 31, (1 << 31) - 1, MAX - 1] {
        good(&format!("sealed and opened at {at}"), (at, at), (0, 0));
        good(
            &format!("sealed at {at}, opened at the end"),
            (at, MAX),
            (60, u64::MAX),
        );
    }
    good("exactly max age", (NOW, NOW + 86_400), (60, 86_400));
    good("max age 1, one second old", (NOW, NOW + 1), (60, 1));
    good("max age of the whole u32", (0, MAX), (0, u64::from(MAX)));
    good(
        "max age 0, from the future by the skew",
        (NOW + 60, NOW),
        (60, 0),
    );
    good("exactly the skew ahead", (NOW + 60, NOW), (60, 86_400));
    good("one second ahead, skew 1", (NOW + 1, NOW), (1, 86_400));
    good("skew of the whole u64", (MAX - 1, 0), (u64::MAX, 0));
    good(
        "skew that passes the end of the u32",
        (MAX - 1, MAX - 30),
        (60, 86_400),
    );
    good("now and skew at their ends", (MAX - 1, MAX), (u64::MAX, 1));
    for floor in [0, 1, NOW - 1, NOW] {
        bench.good(
            &format!("floor {floor}"),
            "the floor itself is good",
            case().with(|c| c.floor = floor),
        );
    }
    let last = case().with(|c| (c.floor, c.issued_at, c.now) = (MAX - 1, MAX - 1, MAX));
    bench.good("floor at the last second that a token can carry", "", last);
}

fn rings(bench: &mut Bench) {
    let mut good = |name: &str, keys: &[_], (sealer, issued_at, skew)| {
        let case = case().with(|c| {
            (c.keys, c.sealer, c.issued_at, c.skew) = (keys.to_vec(), sealer, issued_at, skew);
            c.max_age = u64::MAX;
        });
        bench.good(name, "", case);
    };
    let three = [primary(0), accepted(1), retired(2, NOW - 100)];
    good("ring of three, by the primary", &three, (0, NOW, 60));
    good("ring of three, by the accepted", &three, (1, NOW, 60));
    good(
        "ring of three, by the retired before its end",
        &three,
        (2, NOW - 1000, 60),
    );
    good("retired this second", &three, (2, NOW - 100, 60));
    good("retired, within the skew", &three, (2, NOW - 99, 60));
    good("retired, exactly the skew later", &three, (2, NOW - 40, 60));
    good("retired this second, skew 0", &three, (2, NOW - 100, 0));
    good("retired, skew of the whole u64", &three, (2, NOW, u64::MAX));
    good(
        "retired at 0, sealed at 0",
        &[primary(0), retired(2, 0)],
        (2, 0, 0),
    );
    good(
        "retired at 0, sealed at the skew",
        &[primary(0), retired(2, 0)],
        (2, 60, 60),
    );
    good(
        "retired in the future",
        &[primary(0), retired(2, NOW + 1000)],
        (2, NOW, 60),
    );
    good(
        "retired at the end of the u32",
        &[primary(0), retired(2, MAX)],
        (2, NOW, 60),
    );
    let eight: Vec<_> = (0..8)
        .map(|n| if n == 0 { primary(n) } else { accepted(n) })
        .collect();
    for n in 0..8 {
        good(&format!("ring of eight, by key {n}"), &eight, (n, NOW, 60));
    }
    let name = "padded by a ring mate with another block";
    let case = case().with(|c| (c.keys, c.sealer) = (vec![primary(0), accepted(1)], 1));
    let header = header(PADDED, key_id(&master(1)), NOW, random(name));
    let token = case.forged_by_the_sealer(header, b"\x05hello\x80\0");
    bench.good_token(name, "an opener takes both versions", case, token);
}
