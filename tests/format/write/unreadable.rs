//! Tokens refused before any key is used: steps 1 to 4 of the format page.

use crate::keys::master;
use crate::reference::{PLAIN, header, key_id};
use crate::tokens::{Bench, NOW, accepted, bytes, case, decode, encode, primary, random, retired};

pub fn add(bench: &mut Bench) {
    too_long(bench);
    not_canonical(bench);
    too_short(bench);
    unknown_version(bench);
    unknown_key(bench);
}

fn too_long(bench: &mut Bench) {
    for (len, limit) in [
        (6, 61),
        (6, 54),
        (6, 32),
        (6, 1),
        (6, 0),
        (0, 53),
        (3000, 4053),
        (12_249, 16_384),
    ] {
        let case = case().with(|c| (c.payload, c.limit) = (bytes(len), limit));
        bench.bad(
            &format!("payload of {len}, limit {limit}"),
            "",
            case,
            "TooLong",
        );
    }
}

fn not_canonical(bench: &mut Bench) {
    let mut bad = |name: &str, comment: &str, token: String| {
        bench.bad_token(name, comment, case(), token, "Invalid");
    };
    let token = case().token("not canonical");
    assert_eq!(token.len() % 4, 2);
    for padding in ["=", "==", "===", "%3D%3D"] {
        bad(
            &format!("ends in {padding}"),
            "no padding",
            format!("{token}{padding}"),
        );
    }
    let spaces = [
        " ", "\t", "\n", "\r\n", "\u{b}", "\u{c}", "\0", "\u{a0}", "\u{2028}", "\u{feff}",
    ];
    for space in spaces {
        bad(&format!("{space:?} after"), "", format!("{token}{space}"));
        bad(&format!("{space:?} before"), "", format!("{space}{token}"));
        bad(
            &format!("{space:?} inside"),
            "",
            format!("{}{space}{}", &token[..40], &token[40..]),
        );
    }
    for stranger in [
        "+", "/", "=", "*", ".", "~", "%", ",", "\"", "é", "ａ", "\u{7f}",
    ] {
        for at in [0, 31, 32, 61] {
            let name = format!("{stranger:?} for character {at}");
            bad(
                &name,
                "not of the alphabet",
                format!("{}{stranger}{}", &token[..at], &token[at + 1..]),
            );
        }
    }
    let both = (0..).map(|n| case().token(&format!("alphabet {n}")));
    let both = both
        .into_iter()
        .find(|token| token.contains('-') && token.contains('_'))
        .unwrap();
    bad(
        "plus for minus",
        "the other alphabet",
        both.replace('-', "+"),
    );
    bad(
        "slash for underscore",
        "the other alphabet",
        both.replace('_', "/"),
    );
    bad(
        "standard alphabet",
        "the other alphabet",
        both.replace('-', "+").replace('_', "/"),
    );
    let quoted = format!("\"{token}\"");
    bad("in quotation marks", "", quoted);
    bad("twice with a comma", "", format!("{token},{token}"));
    bad(
        "one character too few",
        "4n + 1 characters are not whole bytes",
        token[..61].into(),
    );
    bad(
        "three characters more",
        "4n + 1 characters are not whole bytes",
        format!("{token}AAA"),
    );
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut trailing = |token: &str, unused: usize| {
        let (head, last) = token.split_at(token.len() - 1);
        let value = alphabet
            .iter()
            .position(|c| *c == last.as_bytes()[0])
            .unwrap();
        assert_eq!(value % unused, 0);
        for bits in 1..unused {
            let name = format!("trailing bits {bits} of {unused}");
            bad(
                &name,
                "decodes alike in a lax decoder",
                format!("{head}{}", alphabet[value + bits] as char),
            );
        }
    };
    trailing(&token, 16);
    trailing(
        &case().with(|c| c.payload.truncate(5)).token("trailing 4"),
        4,
    );
}

fn too_short(bench: &mut Bench) {
    let whole = decode(&case().with(|c| c.payload.clear()).token("too short"));
    for len in [0, 1, 2, 3, 4, 7, 8, 16, 23, 24, 25, 38, 39] {
        let token = encode(&whole[..len]);
        bench.bad_token(
            &format!("{len} bytes"),
            "40 is the least",
            case(),
            token,
            "Invalid",
        );
    }
}

fn unknown_version(bench: &mut Bench) {
    for version in [
        0x86, 0x87, 0x00, 0x01, 0x02, 0x04, 0x05, 0x44, 0x80, 0x81, 0x82, 0x83, 0x88, 0x94, 0xa4,
        0xc4, 0xfe, 0xff,
    ] {
        let name = format!("version {version:#04x}");
        let header = header(version, key_id(&master(0)), NOW, random(&name));
        let token = case().forged_by_the_sealer(header, &case().payload);
        bench.bad_token(
            &name,
            "authentic otherwise",
            case(),
            token,
            "UnknownVersion",
        );
    }
}

fn unknown_key(bench: &mut Bench) {
    bench.bad(
        "sealed by a stranger",
        "",
        case().with(|c| c.sealer = 9),
        "UnknownKey",
    );
    let ring =
        case().with(|c| (c.keys, c.sealer) = (vec![primary(0), accepted(1), retired(2, NOW)], 9));
    bench.bad("sealed by a stranger to three keys", "", ring, "UnknownKey");
    let id = u32::from_be_bytes([&[0][..], &key_id(&master(0))].concat().try_into().unwrap());
    for bit in 0..24 {
        let name = format!("key id, bit {bit}");
        let [_, other @ ..] = (id ^ 1 << bit).to_be_bytes();
        let header = header(PLAIN, other, NOW, random(&name));
        let token = case().forged_by_the_sealer(header, &case().payload);
        bench.bad_token(
            &name,
            "no key is tried that the token does not name",
            case(),
            token,
            "UnknownKey",
        );
    }
}
