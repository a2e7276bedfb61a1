//! Times hardtack alone, in a build with flags that the peers are not built with: `own FILE [--quick]`. What it
//! writes is a run with nothing else in it.

#[expect(dead_code, reason = "the peers use all of it")]
#[path = "../../src/harness.rs"]
mod harness;
#[expect(dead_code, reason = "the peers use all of it")]
#[path = "../../src/payload.rs"]
mod payload;

use std::{env, fs};

use hardtack::{Codec, Key, Keyring, Timestamp};
use serde_json::json;

use harness::{Contender, How, compare};
use payload::{Account, SIZES};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (file, flags) = arguments.split_first().expect("usage: own FILE [--quick]");
    let rounds = if flags.iter().any(|flag| flag == "--quick") {
        300
    } else {
        5000
    };
    let how = How::Timed(rounds);
    let keyring = Keyring::new(Key::generate().expect("the system has randomness"));
    let codec = Codec::new(&keyring, "peers/1");
    let mut groups = Vec::new();
    for size in SIZES {
        eprintln!("tokens of hardtack alone, {size} bytes");
        let account = Account::sized(size);
        let token = codec.seal(&account).expect("an account seals");
        let open = || codec.open::<Account>(&token).expect("it opens").value;
        let seal = || codec.seal(&account).expect("an account seals");
        let seal_with = || {
            let sealed = codec.seal_with(&account, Timestamp::now(), &mut rand::rng());
            sealed.expect("an account seals")
        };
        let mut opener = [Contender::new("hardtack", open)];
        let mut sealers = [
            Contender::new("hardtack", seal),
            Contender::new("hardtack seal_with", seal_with),
        ];
        let timings = compare(&mut opener, how);
        groups.push(json!({ "operation": "Open", "size": size, "timings": timings }));
        let timings = compare(&mut sealers, how);
        groups.push(json!({ "operation": "Seal", "size": size, "timings": timings }));
    }
    let run = json!({ "ring": false, "tokens": [], "codecs": groups, "requests": [] });
    fs::write(file, run.to_string()).expect("the file can be written");
}
