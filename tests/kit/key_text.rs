//! Key text, read by other decoders than the library's.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use std::collections::BTreeSet;

/// The bytes that key text stands for, if they could be random: canonical base64 of either alphabet, or hex.
pub fn decode(text: &str) -> Option<[u8; 32]> {
    let engines = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD];
    let base64 = engines.iter().find_map(|engine| engine.decode(text).ok());
    let bytes = base64
        .filter(|bytes| bytes.len() == 32)
        .or_else(|| hex::decode(text).ok())?;
    <[u8; 32]>::try_from(bytes)
        .ok()
        .filter(|bytes| !weak(bytes))
}

/// Returns `true` for bytes that are not random, by another rule than the one in the library.
pub fn weak(bytes: &[u8; 32]) -> bool {
    let printable = bytes
        .iter()
        .all(|byte| *byte == b' ' || byte.is_ascii_graphic());
    let mut steps = bytes.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    let first = steps.next().unwrap();
    let distinct = BTreeSet::from(*bytes).len();
    printable || distinct < 20 || steps.all(|step| step == first) || is_known(bytes)
}

/// Returns `true` for the secrets of the worked token, and for hashes of words.
fn is_known(bytes: &[u8; 32]) -> bool {
    let hex = hex::encode(bytes);
    let published = [
        "3cab12f960cfb61d8473da4128977ee54c3ba209f05fc6ad14836ad1b8278e75",
        "23d1cc9a4ee55d12dc51dbd267e4f6df6e30283e57a3de7de1f8effd9090085b",
        "2ea3e41b172f6f86191de33996881a04bb9fe19abd34ae4710223b306e1d11bc",
    ];
    published
        .iter()
        .chain(HASHES.iter().flatten())
        .any(|known| *known == hex)
}

/// What `printf '%s' WORD | sha256sum` and `echo WORD | sha256sum` print.
pub const HASHES: [[&str; 2]; 12] = [
    // ""
    [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b",
    ],
    // "123456"
    [
        "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92",
        "e150a1ec81e8e93e1eae2c3a77e66ec6dbd6a3b460f89c1d08aecf422ee401a0",
    ],
    // "admin"
    [
        "8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918",
        "fc8252c8dc55839967c58b9ad755a59b61b67c13227ddae4bd3f78a38bf394f7",
    ],
    // "changeme"
    [
        "057ba03d6c44104863dc7361fe4578965d1887360f90a0895882e58a6248fc86",
        "41edf6e61ed42a3c6848b0ae91ddc5662377c09a3ed38fcd9f9e82664294bcfd",
    ],
    // "hardtack"
    [
        "d9059a5e8de5486559327cff48f4bc6b2453904e733f57577ebbbbd881d3c231",
        "5476cb24c784c6dfa7fa0e1194967338a8b42016cef4977f96ba1a48ff361dda",
    ],
    // "hello"
    [
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
    ],
    // "key"
    [
        "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683",
        "a7998f247bd965694ff227fa325c81169a07471a8b6808d3e002a486c4e65975",
    ],
    // "password"
    [
        "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
        "6b3a55e0261b0304143f805a24924d0c1c44524821305f31d9277843b8a10f4e",
    ],
    // "secret"
    [
        "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
        "b37e50cedcd3e3f1ff64f4afc0422084ae694253cf399326868e07a35f4a45fb",
    ],
    // "session"
    [
        "3f3af1ecebbd1410ab417ec0d27bbfcb5d340e177ae159b59fc8626c2dfd9175",
        "e9d6e33fc2fea3757c6a1e121276a412ca43028a7a1efc9b6a68b1182bd55c8e",
    ],
    // "supersecret"
    [
        "f75778f7425be4db0369d09af37a6c2b9a83dea0e53e7bd57412e4b060e607f7",
        "f286c9649e613470daed56901b8ae5db67246d051b05af51fda7ff723a368f21",
    ],
    // "test"
    [
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "f2ca1bb6c7e907d06dafe4687e579fce76b37e4e93b7605022da52e6ccc26fd2",
    ],
];
