//! Tokens that the AEAD refuses: step 5 of the format page.

use crate::keys::master;
use crate::reference::{PADDED, PLAIN, derive, encrypt, header, key_id};
use crate::tokens::{Bench, Case, NOW, accepted, case, decode, encode, flip, primary, random};

pub fn add(bench: &mut Bench) {
    changed(bench);
    other_scope(bench);
}

/// A case on whose token no setting of time can fail, so that changed header bytes fail for one reason.
fn timeless() -> Case {
    case().with(|c| (c.skew, c.max_age) = (u64::MAX, u64::MAX))
}

fn changed(bench: &mut Bench) {
    let mut bad = |name: &str, case: &Case, token: String| {
        bench.bad_token(name, "not authentic", case.clone(), token, "Invalid");
    };
    let case = timeless();
    let token = case.token("changed");
    bad(
        "version, plain made padded",
        &case,
        flip(&token, 0, PLAIN ^ PADDED),
    );
    let padded = case.clone().with(|c| c.block = 16);
    bad(
        "version, padded made plain",
        &padded,
        flip(&padded.token("made plain"), 0, PLAIN ^ PADDED),
    );
    for bit in 0..32 {
        bad(
            &format!("issued-at, bit {bit}"),
            &case,
            flip(&token, 7 - bit / 8, 1 << (bit % 8)),
        );
    }
    for byte in 0..16 {
        bad(
            &format!("random, byte {byte}"),
            &case,
            flip(&token, 8 + byte, 1 << (byte % 8)),
        );
    }
    for byte in 0..6 {
        bad(
            &format!("ciphertext, byte {byte}"),
            &case,
            flip(&token, 24 + byte, 0x80 >> byte),
        );
    }
    for byte in 0..16 {
        bad(
            &format!("tag, byte {byte}"),
            &case,
            flip(&token, 30 + byte, 0x80 >> (byte % 8)),
        );
    }
    let raw = decode(&token);
    for cut in 1..=6 {
        bad(
            &format!("{cut} bytes cut off the tag"),
            &case,
            encode(&raw[..raw.len() - cut]),
        );
    }
    for more in [&[0][..], &[0x80], &[0; 16], &raw[30..]] {
        bad(
            &format!("{} more after the tag", hex::encode(more)),
            &case,
            encode([&raw, more].concat()),
        );
    }
    bad(
        "a byte of ciphertext removed",
        &case,
        encode([&raw[..26], &raw[27..]].concat()),
    );
    bad(
        "no ciphertext, the same tag",
        &case,
        encode([&raw[..24], &raw[30..]].concat()),
    );
    bad(
        "tag of zeros",
        &case,
        encode([&raw[..30], &[0; 16]].concat()),
    );
    let mut swapped = raw.clone();
    swapped.swap(24, 25);
    bad("two bytes of ciphertext swapped", &case, encode(swapped));
    let other = decode(&case.token("changed, other"));
    bad(
        "header of another token",
        &case,
        encode([&other[..24], &raw[24..]].concat()),
    );
    bad(
        "tag of another token",
        &case,
        encode([&raw[..30], &other[30..]].concat()),
    );
    let bound = case
        .clone()
        .with(|c| (c.ad, c.block) = (Some(b"tenant-7".to_vec()), 64));
    bad(
        "bound and padded, last byte",
        &bound,
        flip(&bound.token("bound"), 103, 1),
    );
}

fn other_scope(bench: &mut Bench) {
    for (name, sealed, opened) in [
        ("sealed unbound, opened bound to nothing", None, Some("")),
        ("sealed unbound, opened bound", None, Some("tenant-7")),
        ("sealed bound to nothing, opened unbound", Some(""), None),
        ("sealed bound, opened unbound", Some("tenant-7"), None),
        (
            "sealed bound, opened bound to nothing",
            Some("tenant-7"),
            Some(""),
        ),
        (
            "bound to tenant-7, opened for tenant-8",
            Some("tenant-7"),
            Some("tenant-8"),
        ),
        (
            "bound to tenant-7, opened for tenant-70",
            Some("tenant-7"),
            Some("tenant-70"),
        ),
        (
            "bound to tenant-7, opened for Tenant-7",
            Some("tenant-7"),
            Some("Tenant-7"),
        ),
        (
            "bound to nothing, opened for a byte 01",
            Some(""),
            Some("\u{1}"),
        ),
        (
            "bound to a byte 01, opened bound to nothing",
            Some("\u{1}"),
            Some(""),
        ),
    ] {
        let bytes = |ad: Option<&str>| ad.map(|ad| ad.as_bytes().to_vec());
        let token = case().with(|c| c.ad = bytes(sealed)).token(name);
        bench.bad_token(
            name,
            "other associated data",
            case().with(|c| c.ad = bytes(opened)),
            token,
            "Invalid",
        );
    }
    for (sealed, opened) in [
        ("greeting/1", "greeting/2"),
        ("greeting/1", "greeting/10"),
        ("greeting/1", ""),
        ("", "greeting/1"),
        ("greeting/1", "Greeting/1"),
        ("greeting/1", "greeting/1 "),
        ("greeting/1", "greeting/1\0"),
        ("a\0b", "a"),
        ("é/1", "e\u{301}/1"),
        ("会話/2", "会话/2"),
        ("ß", "ss"),
        ("\u{feff}a/1", "a/1"),
    ] {
        let name = format!("sealed for {sealed:?}, opened for {opened:?}");
        let token = case().with(|c| c.purpose = sealed.into()).token(&name);
        bench.bad_token(
            &name,
            "another purpose",
            case().with(|c| c.purpose = opened.into()),
            token,
            "Invalid",
        );
    }
    for (label, purpose) in [
        ("cookie", "greeting/1"),
        ("", "greeting/1"),
        ("seal\0", "greeting/1"),
        ("sealgreeting/1", ""),
    ] {
        let name = format!("key for {label:?}, {purpose:?}");
        let key = derive(&master(0), label, purpose.as_bytes());
        let token = encrypt(&key, &case().header(&name), None, &case().payload);
        bench.bad_token(&name, "another use", case(), token, "Invalid");
    }
    let name = "sealed by one key in the name of another";
    let ring = case().with(|c| c.keys = vec![primary(0), accepted(1)]);
    let header = header(PLAIN, key_id(&master(1)), NOW, random(name));
    let token = case().forged_by_the_sealer(header, &case().payload);
    bench.bad_token(
        name,
        "only the key that is named is tried",
        ring,
        token,
        "Invalid",
    );
    let name = "the master itself as the key";
    let token = encrypt(&master(0), &case().header(name), None, &case().payload);
    bench.bad_token(name, "", case(), token, "Invalid");
}
