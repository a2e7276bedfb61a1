use super::{cbor, entries::Entries, typed::SessionData};
use crate::session::error::SessionError;
#[cfg(feature = "store")]
use alloc::collections::BTreeSet;
use alloc::{
    collections::BTreeMap,
    string::{String, ToString as _},
    vec::Vec,
};
use core::fmt;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error as _, MapAccess, Visitor},
    ser::SerializeMap as _,
};

/// Holds a dictionary of values that serde can serialize. It is the default data of a
/// [`Session`](crate::session::Session).
///
/// Each value is encoded as one CBOR item (RFC 8949), which carries its type. So reading a value as
/// another type is an error and never returns wrong data. `Some(None)` and `Some(())` are read as
/// `None`, because CBOR has only one null.
///
/// ```
/// use hardtack::session::{SessionMap, SessionError};
///
/// let mut map = SessionMap::default();
/// map.insert("user", "ada")?;
/// assert_eq!(map.get::<String>("user")?.as_deref(), Some("ada"));
/// assert!(matches!(map.get::<u64>("user"), Err(SessionError::WrongType { .. })));
/// assert_eq!(format!("{map:?}"), r#"{"user"}"#); // keys only
/// # Ok::<(), SessionError>(())
/// ```
#[derive(Clone, Default)]
pub struct SessionMap {
    entries: Entries,
    /// The keys that were written since the dictionary was read, perhaps with the values that were there. Some may have
    /// been removed again.
    #[cfg(feature = "store")]
    written: BTreeSet<String>,
}

/// Two dictionaries with the same encoded values are equal.
impl PartialEq for SessionMap {
    fn eq(&self, other: &SessionMap) -> bool {
        self.entries == other.entries
    }
}

impl Eq for SessionMap {}

impl SessionMap {
    fn read(entries: Entries) -> SessionMap {
        SessionMap {
            entries,
            #[cfg(feature = "store")]
            written: BTreeSet::new(),
        }
    }

    /// Returns the value under this key, or `None` if the key is absent.
    ///
    /// # Errors
    ///
    /// [`SessionError::WrongType`] if the value has another type.
    pub fn get<V: DeserializeOwned>(&self, key: &str) -> Result<Option<V>, SessionError> {
        let value = self.entries.value(key);
        value.map(|value| decode(key, value)).transpose()
    }

    /// Stores a value under this key and replaces a previous value.
    ///
    /// ```
    /// # use hardtack::session::{SessionMap, SessionError};
    /// let mut map = SessionMap::default();
    /// map.insert("cart", [7, 8])?;
    /// map.insert("cart", [7])?;
    /// assert_eq!(map.get::<Vec<u32>>("cart")?, Some(vec![7]));
    ///
    /// # #[cfg(unix)] {
    /// // A value that does not serialize is refused, and the previous value stays.
    /// use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};
    /// let error = map.insert("cart", Path::new(OsStr::from_bytes(b"\xff"))).unwrap_err();
    /// assert!(matches!(error, SessionError::Unstorable { .. }));
    /// # }
    /// # Ok::<(), SessionError>(())
    /// ```
    ///
    /// Only [`Session::update`](crate::session::Session::update) checks that the value can be read again,
    /// because this method takes values that cannot. Three kinds of values are stored and never read:
    /// an `i128` or `u128` in an untagged, internally tagged or flattened type,
    /// `serde_json::value::RawValue`, and a type whose `rename` is for one direction only.
    ///
    /// # Errors
    ///
    /// [`SessionError::Unstorable`] if the value does not serialize. The previous value stays.
    pub fn insert(&mut self, key: &str, value: impl Serialize) -> Result<(), SessionError> {
        let bytes = cbor::encode(&value).map_err(|error| unstorable(key, &error))?;
        self.put(key, &bytes);
        Ok(())
    }

    /// Stores several values as [`insert`](SessionMap::insert) does.
    ///
    /// # Errors
    ///
    /// [`SessionError::Unstorable`] if one of them does not serialize. Then none is stored.
    pub fn extend<K: AsRef<str>, V: Serialize>(
        &mut self,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(), SessionError> {
        let encode = |(key, value): (K, V)| match cbor::encode(&value) {
            Ok(bytes) => Ok((key.as_ref().into(), bytes)),
            Err(error) => Err(unstorable(key.as_ref(), &error)),
        };
        let encoded = entries.into_iter().map(encode);
        let encoded: BTreeMap<String, _> = encoded.collect::<Result<_, _>>()?;
        // In one pass: they may be the fields of a form, whose number is the sender's choice.
        let mut all: BTreeMap<&str, &[u8]> = self.entries.iter().collect();
        let written = encoded.iter();
        all.extend(written.map(|(key, bytes)| (key.as_str(), &bytes[..])));
        self.entries = all.into_iter().collect();
        #[cfg(feature = "store")]
        self.written.extend(encoded.into_keys());
        Ok(())
    }

    /// Returns all keys and values, in ascending byte order of the keys.
    ///
    /// # Errors
    ///
    /// [`SessionError::WrongType`] if a value has another type.
    pub fn entries<V: DeserializeOwned>(&self) -> Result<Vec<(String, V)>, SessionError> {
        let entry = |(key, value): (&str, _)| Ok((key.into(), decode(key, value)?));
        self.entries.iter().map(entry).collect()
    }

    /// Stores a value as [`insert`](SessionMap::insert) does, if it is read as a value with the same
    /// encoding.
    pub(crate) fn insert_readable<V>(&mut self, key: &str, value: &V) -> Result<(), SessionError>
    where
        V: Serialize + DeserializeOwned,
    {
        let again = |bytes: &[u8]| cbor::encode(&cbor::decode::<V>(bytes).ok()?).ok();
        let bytes = cbor::encode(value).map_err(|error| unstorable(key, &error))?;
        if again(&bytes).as_ref() != Some(&bytes) {
            let type_name = core::any::type_name::<V>();
            return Err(unstorable(
                key,
                &format_args!("{type_name} is read as something else"),
            ));
        }
        self.put(key, &bytes);
        Ok(())
    }

    /// Removes a value. Returns `true` if there was one.
    pub fn remove(&mut self, key: &str) -> bool {
        self.entries.remove(key)
    }

    /// Returns `true` if there is a value under this key.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.entries.value(key).is_some()
    }

    /// Returns the keys in ascending byte order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(key, _)| key)
    }

    /// Returns the number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns `true` if there are no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn put(&mut self, key: &str, value: &[u8]) {
        self.entries.put(key, value);
        #[cfg(feature = "store")]
        if !self.written.contains(key) {
            self.written.insert(key.into());
        }
    }

    /// Returns the values that were written since the dictionary was read, changed or not.
    #[cfg(feature = "store")]
    pub(super) fn written(&self) -> SessionMap {
        let entries = self.entries.iter();
        let written = entries.filter(|(key, _)| self.written.contains(*key));
        SessionMap::read(written.collect())
    }
}

/// Returns the values of each key in three dictionaries, in ascending order of the keys.
pub(crate) fn versions(all: [&SessionMap; 3]) -> BTreeMap<&str, [Option<&[u8]>; 3]> {
    let mut versions: BTreeMap<&str, [Option<&[u8]>; 3]> = BTreeMap::new();
    for (version, map) in all.into_iter().enumerate() {
        for (key, value) in map.entries.iter() {
            let values = versions.entry(key).or_default();
            if let Some(place) = values.get_mut(version) {
                *place = Some(value);
            }
        }
    }
    versions
}

fn decode<V: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<V, SessionError> {
    cbor::decode(bytes).map_err(|error| SessionError::WrongType {
        key: key.into(),
        reason: error.to_string(),
    })
}

fn unstorable(key: &str, reason: &impl fmt::Display) -> SessionError {
    SessionError::Unstorable {
        key: key.into(),
        reason: reason.to_string(),
    }
}

/// Has the empty name and the version 0, as the format defines for a dictionary.
impl SessionData for SessionMap {
    const NAME: &'static str = "";
    const VERSION: u8 = 0;

    /// Merges key by key: a key that one side changed is that side's. Of two changes of one key a removal
    /// wins, or else `mine`.
    fn merge(base: &SessionMap, mine: SessionMap, theirs: SessionMap) -> SessionMap {
        let versions = versions([base, &mine, &theirs]).into_iter();
        let merged = versions.filter_map(|(key, [before, mine, theirs])| {
            let value = if mine == before {
                theirs
            } else if theirs == before {
                mine
            } else {
                // A page that was loading must not bring back a login that another has removed.
                theirs.and(mine)
            };
            Some((key, value?))
        });
        SessionMap::read(merged.collect())
    }
}

/// Prints only the keys, because values may be secret.
impl fmt::Debug for SessionMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys()).finish()
    }
}

/// Encodes a value for postcard as its length and its bytes, in one step.
struct Item<'a>(&'a [u8]);

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl Serialize for SessionMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self.entries.iter() {
            map.serialize_entry(key, &Item(value))?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for SessionMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

/// Accepts only keys in ascending order, so that a dictionary has exactly one encoding.
struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = SessionMap;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map with its keys in ascending order")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<SessionMap, A::Error> {
        let mut entries = Entries::default();
        let mut last = None;
        while let Some((key, value)) = access.next_entry::<&str, &[u8]>()? {
            if last.is_some_and(|last| last >= key) {
                return Err(A::Error::custom("keys out of order"));
            }
            last = Some(key);
            entries.push(key, value);
        }
        Ok(SessionMap::read(entries))
    }
}

#[cfg(test)]
mod tests;
