use super::{id::KeyId, state::KeyState};
use crate::secret::Secret;

/// The most keys that a keyring holds.
const MAX_KEYS: usize = 8;

/// Holds one to eight secrets with their key ids and states, without allocating. The primary is
/// first. In a keyring the secrets are master keys, in a codec the keys of its purpose.
#[derive(Clone)]
pub(crate) struct KeySlots([KeySlot; MAX_KEYS]);

/// Holds a key, or no key if there is no state.
///
/// An empty slot is zeros, and not the `None` of an `Option`: writing `None` leaves the bytes of the
/// key unset, so that a copy of it takes along what lay there before. On the stack this may be a key.
#[derive(Clone)]
struct KeySlot {
    id: KeyId,
    state: Option<KeyState>,
    secret: Secret,
}

impl KeySlots {
    pub(super) fn new(id: KeyId, primary: Secret) -> KeySlots {
        let mut slots = KeySlots::EMPTY;
        let [first, ..] = &mut slots.0;
        *first = KeySlot {
            id,
            state: Some(KeyState::Primary),
            secret: primary,
        };
        slots
    }

    const EMPTY: KeySlots = KeySlots(
        [const {
            KeySlot {
                id: KeyId::from_bytes([0; 3]),
                state: None,
                secret: Secret::ZERO,
            }
        }; MAX_KEYS],
    );

    /// Puts a key into the first empty slot. Returns `None` if there is no empty slot.
    pub(super) fn add(&mut self, id: KeyId, state: KeyState, secret: Secret) -> Option<()> {
        let empty = self.0.iter_mut().find(|slot| slot.state.is_none())?;
        *empty = KeySlot {
            id,
            state: Some(state),
            secret,
        };
        Some(())
    }

    /// Makes slots with the same ids and states, and with other secrets.
    pub(super) fn map(&self, secret: impl Fn(&Secret) -> Secret) -> KeySlots {
        let mut slots = KeySlots::EMPTY;
        for (to, from) in slots.0.iter_mut().zip(&self.0) {
            if from.state.is_some() {
                *to = KeySlot {
                    id: from.id,
                    state: from.state,
                    secret: secret(&from.secret),
                };
            }
        }
        slots
    }

    /// Returns the key that seals.
    pub(crate) fn primary(&self) -> (KeyId, &Secret) {
        let [first, ..] = &self.0;
        (first.id, &first.secret)
    }

    /// Returns the key with this id.
    pub(crate) fn find(&self, id: KeyId) -> Option<(KeyState, &Secret)> {
        let mut slots = self.0.iter();
        slots.find_map(|slot| match slot.state {
            Some(state) if slot.id == id => Some((state, &slot.secret)),
            _ => None,
        })
    }

    /// Returns the ids and states, the primary first and the others in the order they were added.
    pub(crate) fn states(&self) -> impl Iterator<Item = (KeyId, KeyState)> + '_ {
        let slots = self.0.iter();
        slots.filter_map(|slot| Some((slot.id, slot.state?)))
    }

    /// Returns the ids and secrets, the primary first.
    #[cfg(feature = "store")]
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (KeyId, &Secret)> + '_ {
        let slots = self.0.iter();
        slots.filter_map(|slot| slot.state.map(|_| (slot.id, &slot.secret)))
    }
}
