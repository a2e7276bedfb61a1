use super::validity::Validity;
use crate::{
    keys::{KeySlots, Keyring},
    token,
};
use core::fmt;

/// Holds the keys and the rules of one codec: all that sealing and opening need.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) keys: KeySlots,
    pub(super) validity: Validity,
    /// In bytes; 0 and 1 mean no padding.
    pub(super) pad_to: usize,
    /// In characters.
    pub(super) max_token_len: usize,
}

impl Settings {
    /// Derives the keys for this info of HKDF-Expand, and takes the default rules.
    pub(super) fn new(keyring: &Keyring, info: &[&[u8]]) -> Settings {
        Settings {
            keys: keyring.derive(info),
            validity: Validity::default(),
            pad_to: 1,
            max_token_len: 16 * 1024,
        }
    }

    pub(super) fn token_len(&self, payload_len: usize) -> usize {
        token_len(payload_len, self.pad_to)
    }
}

/// Returns the number of characters of a token, which does not depend on the keys. Saturates.
pub(crate) const fn token_len(payload_len: usize, pad_to: usize) -> usize {
    token::text_len(token::padded_len(payload_len, pad_to))
}

/// Shows the codec: key ids and rules, and never a key.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codec")
            .field("keys", &KeyStates(&self.keys))
            .field("validity", &self.validity)
            .field("pad_to", &self.pad_to)
            .field("max_token_len", &self.max_token_len)
            .finish()
    }
}

struct KeyStates<'a>(&'a KeySlots);

impl fmt::Debug for KeyStates<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.states()).finish()
    }
}
