//! What is left under the key of a record that has ended.

use super::RecordKey;
use alloc::{vec, vec::Vec};

const MOVED: u8 = b'm';
const REPLACED: u8 = b'l';
const DESTROYED: u8 = b'd';
const ENDED: u8 = b'e';

/// Says why a record has ended. It stays under the record's key for a while, so that a late answer
/// cannot bring the session back.
///
/// ```
/// use hardtack::store::{RecordKey, Tombstone};
///
/// let moved = Tombstone::Moved(RecordKey::from_bytes([7; 16]));
/// assert_eq!(moved.encode().len(), 17);
/// assert_eq!(Tombstone::decode(&moved.encode()), Some(moved));
/// assert_eq!(Tombstone::Destroyed.encode(), b"d");
/// assert_eq!(Tombstone::decode(b"?"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tombstone {
    /// The session moved to a new id of the same login. The record is under this key now.
    Moved(RecordKey),
    /// Another login took the place of the session. Its record is under this key. An end of the session that
    /// was asked for before does not end that login.
    Replaced(RecordKey),
    /// The visitor destroyed the session.
    Destroyed,
    /// The session was ended from elsewhere, for example by an administrator.
    Ended,
}

impl Tombstone {
    /// Returns the bytes to store: one byte for the reason, and the successor's key behind `m` and `l`.
    ///
    /// They are shorter than a [tag](super::Tag), so that no tombstone is taken for a record.
    ///
    /// ```
    /// use hardtack::store::Tombstone;
    ///
    /// assert_eq!(Tombstone::Ended.encode(), b"e");
    /// ```
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Tombstone::Moved(successor) => with_successor(MOVED, successor),
            Tombstone::Replaced(successor) => with_successor(REPLACED, successor),
            Tombstone::Destroyed => vec![DESTROYED],
            Tombstone::Ended => vec![ENDED],
        }
    }

    /// Returns the tombstone that these bytes mean, or `None` if they mean none.
    ///
    /// ```
    /// use hardtack::store::Tombstone;
    ///
    /// assert_eq!(Tombstone::decode(b"d"), Some(Tombstone::Destroyed));
    /// assert_eq!(Tombstone::decode(b"m"), None);
    /// ```
    pub fn decode(bytes: &[u8]) -> Option<Tombstone> {
        match bytes {
            [reason @ (MOVED | REPLACED), successor @ ..] => {
                let successor = RecordKey::from_bytes(successor.try_into().ok()?);
                Some(match *reason {
                    MOVED => Tombstone::Moved(successor),
                    _ => Tombstone::Replaced(successor),
                })
            }
            [DESTROYED] => Some(Tombstone::Destroyed),
            [ENDED] => Some(Tombstone::Ended),
            _ => None,
        }
    }
}

fn with_successor(reason: u8, successor: &RecordKey) -> Vec<u8> {
    let mut bytes = vec![reason];
    bytes.extend_from_slice(successor.as_bytes());
    bytes
}
