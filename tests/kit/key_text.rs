//! Key text, read by other decoders than the library's.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};

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
    let published =
        hex::encode(bytes) == "3cab12f960cfb61d8473da4128977ee54c3ba209f05fc6ad14836ad1b8278e75";
    printable || published || steps.all(|step| step == first)
}
