//! What is left under the key of a record that has ended.

use super::{GRACE, RecordKey};
use crate::Timestamp;
use alloc::{vec, vec::Vec};
use core::time::Duration;

const MOVED: u8 = b'm';
const REPLACED: u8 = b'l';
const DESTROYED: u8 = b'd';
const ENDED: u8 = b'e';

/// Says why a record has ended. It stays under the record's key for a while, so that a late answer
/// cannot bring the session back.
///
/// ```
/// use hardtack::{Timestamp, store::{RecordKey, Tombstone}};
///
/// let moved = Tombstone::Moved(RecordKey::from_bytes([7; 16]), Timestamp::now());
/// assert_eq!(moved.encode().len(), 21);
/// assert_eq!(Tombstone::decode(&moved.encode()), Some(moved));
/// assert_eq!(Tombstone::Ended.encode(), b"e");
/// assert_eq!(Tombstone::decode(b"?"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tombstone {
    /// The session moved to a new id of the same login at this time. The record is under this key now.
    Moved(RecordKey, Timestamp),
    /// Another login took the place of the session at this time. Its record is under this key. An end of the session
    /// that was asked for before does not end that login.
    Replaced(RecordKey, Timestamp),
    /// The visitor destroyed the session at this time.
    Destroyed(Timestamp),
    /// The session was ended from elsewhere, for example by an administrator.
    Ended,
}

impl Tombstone {
    /// Returns the bytes to store: one byte for the reason (`m`, `l`, `d` or `e`); behind all but `e` the time, 4 bytes,
    /// big-endian; behind `m` and `l` the successor's key, 16 bytes.
    ///
    /// They are shorter than a [tag](super::Tag), so that no tombstone is taken for a record.
    ///
    /// ```
    /// use hardtack::{Timestamp, store::Tombstone};
    ///
    /// let at = Timestamp::from_unix(0x6b49_d200);
    /// assert_eq!(Tombstone::Destroyed(at).encode(), b"d\x6b\x49\xd2\x00");
    /// ```
    pub fn encode(&self) -> Vec<u8> {
        let (reason, at, successor) = match self {
            Tombstone::Moved(successor, at) => (MOVED, at, &successor.as_bytes()[..]),
            Tombstone::Replaced(successor, at) => (REPLACED, at, &successor.as_bytes()[..]),
            Tombstone::Destroyed(at) => (DESTROYED, at, &[][..]),
            Tombstone::Ended => return vec![ENDED],
        };
        [&[reason], &at.to_unix().to_be_bytes()[..], successor].concat()
    }

    /// Returns the tombstone that these bytes mean, or `None` if they mean none.
    ///
    /// ```
    /// use hardtack::store::Tombstone;
    ///
    /// assert_eq!(Tombstone::decode(b"e"), Some(Tombstone::Ended));
    /// assert_eq!(Tombstone::decode(b"d"), None); // without its time
    /// ```
    pub fn decode(bytes: &[u8]) -> Option<Tombstone> {
        let [reason, rest @ ..] = bytes else {
            return None;
        };
        if *reason == ENDED && rest.is_empty() {
            return Some(Tombstone::Ended);
        }
        let (at, successor) = rest.split_first_chunk()?;
        let at = Timestamp::from_unix(u32::from_be_bytes(*at));
        if *reason == DESTROYED && successor.is_empty() {
            return Some(Tombstone::Destroyed(at));
        }
        let successor = RecordKey::from_bytes(successor.try_into().ok()?);
        match *reason {
            MOVED => Some(Tombstone::Moved(successor, at)),
            REPLACED => Some(Tombstone::Replaced(successor, at)),
            _ => None,
        }
    }

    /// Returns `true` for a minute: the browser may be about to get a newer cookie than that of the session. The clock
    /// of `now` is at most `skew` off the one that told the time. An end from elsewhere sends no cookie.
    pub(crate) fn is_recent(&self, now: Timestamp, skew: Duration) -> bool {
        match self {
            Tombstone::Moved(_, at) | Tombstone::Replaced(_, at) | Tombstone::Destroyed(at) => {
                now.saturating_duration_since(*at) < GRACE.saturating_add(skew)
            }
            Tombstone::Ended => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Others read these bytes: the stores, in languages of their own.
    #[test]
    fn bytes_are_those_of_the_description_and_no_others_are_read() {
        let (at, successor) = (Timestamp::from_unix(0x0102_0304), [7; 16]);
        let key = RecordKey::from_bytes(successor);
        let behind = |reason: u8| [&[reason, 1, 2, 3, 4], &successor[..]].concat();
        let all = [
            (Tombstone::Moved(key, at), behind(b'm')),
            (Tombstone::Replaced(key, at), behind(b'l')),
            (Tombstone::Destroyed(at), vec![b'd', 1, 2, 3, 4]),
            (Tombstone::Ended, vec![b'e']),
        ];
        for (tombstone, bytes) in &all {
            assert_eq!(tombstone.encode(), *bytes);
            assert_eq!(Tombstone::decode(bytes).as_ref(), Some(tombstone));
            for other in [
                &bytes[..bytes.len() - 1],
                &[&bytes[..], &[0]].concat(),
                &[b"?", &bytes[1..]].concat(),
            ] {
                assert_eq!(Tombstone::decode(other), None, "{other:?}");
            }
        }
    }
}
