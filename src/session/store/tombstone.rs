//! What is left under the key of a record that has ended.

use super::{GRACE, RecordKey};
use crate::Timestamp;
use alloc::vec::Vec;
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
    /// The session was ended from elsewhere at this time, for example by an administrator.
    Ended(Timestamp),
}

impl Tombstone {
    /// Returns the bytes to store: one byte for the reason (`m`, `l`, `d` or `e`), the time (4 bytes, big-endian), and
    /// behind `m` and `l` the successor's key, 16 bytes.
    ///
    /// They are shorter than a [tag](super::Tag), so that no tombstone is taken for a record.
    ///
    /// ```
    /// use hardtack::{Timestamp, store::Tombstone};
    ///
    /// let at = Timestamp::from_unix(0x6b49_d200);
    /// assert_eq!(Tombstone::Ended(at).encode(), b"e\x6b\x49\xd2\x00");
    /// ```
    pub fn encode(&self) -> Vec<u8> {
        let (reason, at, successor) = match self {
            Tombstone::Moved(successor, at) => (MOVED, at, &successor.as_bytes()[..]),
            Tombstone::Replaced(successor, at) => (REPLACED, at, &successor.as_bytes()[..]),
            Tombstone::Destroyed(at) => (DESTROYED, at, &[][..]),
            Tombstone::Ended(at) => (ENDED, at, &[][..]),
        };
        [&[reason], &at.to_unix().to_be_bytes()[..], successor].concat()
    }

    /// Returns the tombstone that these bytes mean, or `None` if they mean none.
    ///
    /// ```
    /// use hardtack::{Timestamp, store::Tombstone};
    ///
    /// let ended = Tombstone::Ended(Timestamp::from_unix(7));
    /// assert_eq!(Tombstone::decode(b"e\0\0\0\x07"), Some(ended));
    /// assert_eq!(Tombstone::decode(b"e"), None); // without its time
    /// ```
    pub fn decode(bytes: &[u8]) -> Option<Tombstone> {
        let (reason, rest) = bytes.split_first()?;
        let (at, successor) = rest.split_first_chunk()?;
        let at = Timestamp::from_unix(u32::from_be_bytes(*at));
        let successor = match successor {
            [] => None,
            key => Some(RecordKey::from_bytes(key.try_into().ok()?)),
        };
        match (*reason, successor) {
            (MOVED, Some(successor)) => Some(Tombstone::Moved(successor, at)),
            (REPLACED, Some(successor)) => Some(Tombstone::Replaced(successor, at)),
            (DESTROYED, None) => Some(Tombstone::Destroyed(at)),
            (ENDED, None) => Some(Tombstone::Ended(at)),
            _ => None,
        }
    }

    /// Returns when the record ended, by the clock of the instance that ended it.
    pub(crate) fn at(&self) -> Timestamp {
        match self {
            Tombstone::Moved(_, at)
            | Tombstone::Replaced(_, at)
            | Tombstone::Destroyed(at)
            | Tombstone::Ended(at) => *at,
        }
    }

    /// Returns `true` for a minute: the browser may be about to get a newer cookie than that of the session. The clock
    /// of `now` is at most `skew` off the one that told the time: what comes from further ahead says nothing.
    pub(crate) fn is_recent(&self, now: Timestamp, skew: Duration) -> bool {
        let age = now.saturating_duration_since(self.at());
        age < GRACE.saturating_add(skew) && self.at() <= now.saturating_add(skew)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

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
            (Tombstone::Ended(at), vec![b'e', 1, 2, 3, 4]),
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

    /// The clocks of two instances may be a minute apart. One that is further ahead must not silence a browser.
    #[test]
    fn an_end_is_recent_for_a_minute_and_the_skew_of_the_clocks() {
        let at = Timestamp::from_unix(1_000);
        let skew = Duration::from_secs(60);
        let successor = RecordKey::from_bytes([7; 16]);
        for tombstone in [
            Tombstone::Moved(successor, at),
            Tombstone::Replaced(successor, at),
            Tombstone::Destroyed(at),
            Tombstone::Ended(at),
        ] {
            let is_recent = |now| tombstone.is_recent(Timestamp::from_unix(now), skew);
            let times = [939, 940, 1_000, 1_119, 1_120];
            assert_eq!(times.map(is_recent), [false, true, true, true, false]);
        }
    }
}
