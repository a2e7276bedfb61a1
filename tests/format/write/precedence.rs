//! Tokens with two faults: the earlier step names the error.

use crate::keys::master;
use crate::reference::{PLAIN, header, key_id};
use crate::tokens::{
    Bench, Case, NOW, accepted, bytes, case, encode, flip, primary, random, retired,
};

const MAX: u32 = u32::MAX;

type Spoil = fn(&mut Fault);

/// What a token can be refused for, each as a change to the case and its token.
fn faults() -> Vec<(&'static str, &'static str, Spoil)> {
    vec![
        ("too long", "TooLong", |f| f.case.limit = 10),
        ("a stranger to the alphabet", "Invalid", |f| f.suffix = "*"),
        ("an unknown version", "UnknownVersion", |f| {
            f.header[0] = 0x86
        }),
        ("an unknown key", "UnknownKey", |f| f.header[1..4].fill(0)),
        ("a changed tag", "Invalid", |f| f.tag = 1),
        ("the last second", "NotYetValid", |f| {
            f.header[4..8].fill(0xff)
        }),
        ("the future", "NotYetValid", |f| f.case.now = NOW - 61),
        ("a floor", "Revoked", |f| f.case.floor = MAX),
        ("a retired key", "Revoked", |f| {
            f.case.keys[1] = retired(1, 0)
        }),
        ("great age", "Expired", |f| f.case.now = NOW + 86_401),
        ("no padding", "Payload", |f| f.header[0] |= 1),
    ]
}

struct Fault {
    case: Case,
    header: [u8; 24],
    tag: u8,
    suffix: &'static str,
}

pub fn add(bench: &mut Bench) {
    let faults = faults();
    for (i, (first, error, spoil)) in faults.iter().enumerate() {
        for (then, later, spoil_too) in &faults[i + 1..] {
            let name = format!("{first} and {then}");
            let exclude = error == later
                || (*first, *then) == ("the future", "great age")
                || (*first, *then) == ("the last second", "great age")
                || (*first, *then) == ("an unknown key", "a retired key")
                || (*first, *then) == ("an unknown version", "no padding");
            if exclude {
                continue; // cannot both be, or are one error
            }
            let case = case().with(|c| (c.keys, c.sealer) = (vec![primary(0), accepted(1)], 1));
            let header = header(PLAIN, key_id(&master(1)), NOW, random(&name));
            let mut fault = Fault {
                case,
                header,
                tag: 0,
                suffix: "",
            };
            spoil(&mut fault);
            spoil_too(&mut fault);
            let Fault {
                case,
                header,
                tag,
                suffix,
            } = fault;
            let token = case.forged_by_the_sealer(header, &case.payload);
            let token = flip(&token, 45, tag) + suffix;
            bench.both(&name, case, token, error, later);
        }
    }
    let name = "39 bytes and an unknown version";
    let token = encode([&[0x86][..], &bytes(38)].concat());
    bench.both(name, case(), token, "Invalid", "UnknownVersion");
    let name = "39 bytes and an unknown key";
    let token = encode([&[PLAIN][..], &bytes(38)].concat());
    bench.both(name, case(), token, "Invalid", "UnknownKey");
}
