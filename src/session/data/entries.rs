use alloc::vec::Vec;
use core::{cmp::Ordering, ops::Range, str::from_utf8};

/// Keys and encoded values, in ascending byte order of the keys.
///
/// They are in one piece of memory, because every request makes and drops them all. An entry is the lengths of its key
/// and its value, the key, and the value.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Entries(Vec<u8>);

const LENGTHS: usize = 2 * size_of::<usize>();

impl Entries {
    /// Appends an entry, whose key must be behind all others.
    pub(super) fn push(&mut self, key: &str, value: &[u8]) {
        self.0.reserve(entry_len(key.as_bytes(), value));
        self.0.extend_from_slice(&key.len().to_ne_bytes());
        self.0.extend_from_slice(&value.len().to_ne_bytes());
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(value);
    }

    /// Puts a value under a key, in place of the one that is there.
    pub(super) fn put(&mut self, key: &str, value: &[u8]) {
        let place = self.find(key);
        let behind = self.0.split_off(place.end);
        self.0.truncate(place.start);
        self.push(key, value);
        self.0.extend_from_slice(&behind);
    }

    /// Returns `true` if the key was there.
    pub(super) fn remove(&mut self, key: &str) -> bool {
        let place = self.find(key);
        self.0.drain(place).next().is_some()
    }

    pub(super) fn value(&self, key: &str) -> Option<&[u8]> {
        let (_, value) = self.raw().find(|(found, _)| *found == key.as_bytes())?;
        Some(value)
    }

    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        // Every key was a `str`.
        self.raw()
            .filter_map(|(key, value)| Some((from_utf8(key).ok()?, value)))
    }

    pub(super) fn len(&self) -> usize {
        self.raw().count()
    }

    /// Returns the place of this key's entry, or the empty place where it belongs.
    fn find(&self, key: &str) -> Range<usize> {
        let mut at = 0_usize;
        for (found, value) in self.raw() {
            let end = at.saturating_add(entry_len(found, value));
            match found.cmp(key.as_bytes()) {
                Ordering::Less => at = end,
                Ordering::Equal => return at..end,
                Ordering::Greater => break,
            }
        }
        at..at
    }

    #[inline]
    fn raw(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = self.0.as_slice();
        core::iter::from_fn(move || {
            let (key_len, behind) = rest.split_first_chunk()?;
            let (value_len, behind) = behind.split_first_chunk()?;
            let (key, behind) = behind.split_at_checked(usize::from_ne_bytes(*key_len))?;
            let (value, behind) = behind.split_at_checked(usize::from_ne_bytes(*value_len))?;
            rest = behind;
            Some((key, value))
        })
    }
}

fn entry_len(key: &[u8], value: &[u8]) -> usize {
    LENGTHS
        .saturating_add(key.len())
        .saturating_add(value.len())
}

impl<'a> FromIterator<(&'a str, &'a [u8])> for Entries {
    /// Takes the entries in ascending order of their keys.
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a [u8])>>(entries: I) -> Entries {
        let mut all = Entries::default();
        for (key, value) in entries {
            all.push(key, value);
        }
        all
    }
}
