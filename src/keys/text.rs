//! The text of a key.

use super::error::KeyError;
use base64ct::{Base64Unpadded, Encoding as _};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _, ConstantTimeLess as _};
use zeroize::Zeroizing;

/// Prefixes that other software puts in front of a key.
const PREFIXES: [&str; 3] = ["base64:", "hex:", "0x"];

/// Decodes key text, in constant time for a given length.
pub(super) fn decode(text: &str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let mut master = Zeroizing::new([0; 32]);
    let decoded = match (text.len(), text.as_bytes()) {
        (64, hex) => base16ct::mixed::decode(hex, &mut *master).is_ok(),
        (44, [base64 @ .., b'=']) | (43, base64) => decode_base64(base64, &mut master),
        _ => false,
    };
    if !decoded {
        return Err(diagnose(text));
    }
    Ok(master)
}

/// Decodes unpadded base64 in either alphabet, but not in both at once.
fn decode_base64(text: &[u8], out: &mut [u8; 32]) -> bool {
    let mut standard = Zeroizing::new([0; 43]);
    let mut url_safe_seen = Choice::from(0);
    let mut standard_seen = Choice::from(0);
    for (to, from) in standard.iter_mut().zip(text) {
        let minus = from.ct_eq(&b'-');
        let underscore = from.ct_eq(&b'_');
        *to = u8::conditional_select(from, &b'+', minus);
        *to = u8::conditional_select(to, &b'/', underscore);
        url_safe_seen |= minus;
        url_safe_seen |= underscore;
        standard_seen |= from.ct_eq(&b'+');
        standard_seen |= from.ct_eq(&b'/');
    }
    let decoded = Base64Unpadded::decode(*standard, out).is_ok();
    decoded & !bool::from(url_safe_seen & standard_seen)
}

/// Says what is wrong with text that does not decode: something around a key, else its length, else
/// its characters.
fn diagnose(text: &str) -> KeyError {
    let found = text.len();
    around_a_key(text).unwrap_or(if has_key_len(text) {
        KeyError::Encoding { found }
    } else {
        KeyError::Length { found }
    })
}

/// Finds the character or the prefix that makes a key unreadable. What it names can stand in no key.
fn around_a_key(text: &str) -> Option<KeyError> {
    // One decision, for a text of the right length is mostly a key with a mistyped character: which
    // characters it begins and ends with must not show in the time that this takes.
    let (first, last) = (text.as_bytes().first()?, text.as_bytes().last()?);
    if bool::from(is_key_character(*first) & is_key_character(*last)) {
        return prefix(text).map(|found| KeyError::Prefix { found });
    }
    let odd = |character| !u8::try_from(character).is_ok_and(|byte| is_key_character(byte).into());
    let inner = text.trim_matches(odd);
    if !has_key_len(inner) && prefix(inner).is_none() {
        return None;
    }
    let found = text.chars().find(|character| odd(*character))?;
    Some(KeyError::Character { found })
}

/// Returns the prefix of a text that is a prefix and a key.
fn prefix(text: &str) -> Option<&'static str> {
    let mut prefixes = PREFIXES.into_iter();
    prefixes.find(|prefix| {
        // The length first: it is not secret, and no key is compared with the prefixes.
        let rest = text.len().checked_sub(prefix.len());
        rest.is_some_and(is_key_len) && text.starts_with(prefix)
    })
}

fn has_key_len(text: &str) -> bool {
    is_key_len(text.len())
}

fn is_key_len(len: usize) -> bool {
    matches!(len, 43 | 44 | 64)
}

/// Returns whether a byte is in one of the base64 alphabets, or their padding. Hex is part of them.
fn is_key_character(byte: u8) -> Choice {
    let within = |first: u8, last: u8| !byte.ct_lt(&first) & !last.ct_lt(&byte);
    let others = b"+/-_=".iter().map(|other| byte.ct_eq(other));
    others.fold(
        within(b'A', b'Z') | within(b'a', b'z') | within(b'0', b'9'),
        |any, other| any | other,
    )
}
