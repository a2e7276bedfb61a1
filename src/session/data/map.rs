use super::{cbor, typed::SessionData};
use crate::session::error::SessionError;
use alloc::{
    collections::BTreeMap,
    string::{String, ToString as _},
    vec::Vec,
};
use core::fmt;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error as _, MapAccess, Visitor},
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
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SessionMap {
    /// In ascending byte order of the keys. There are few, and each request makes and drops them: a list takes
    /// less than a tree.
    entries: Vec<(String, Value)>,
}

/// An encoded value. Two values with the same bytes are equal.
#[derive(Clone)]
struct Value {
    bytes: Vec<u8>,
    /// Written since the dictionary was read, perhaps with the bytes that were there.
    #[cfg(feature = "store")]
    is_written: bool,
}

impl Value {
    fn read(bytes: Vec<u8>) -> Value {
        Value {
            bytes,
            #[cfg(feature = "store")]
            is_written: false,
        }
    }

    fn written(bytes: Vec<u8>) -> Value {
        Value {
            #[cfg(feature = "store")]
            is_written: true,
            ..Value::read(bytes)
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Value {}

impl SessionMap {
    /// Returns the value under this key, or `None` if the key is absent.
    ///
    /// # Errors
    ///
    /// [`SessionError::WrongType`] if the value has another type.
    pub fn get<V: DeserializeOwned>(&self, key: &str) -> Result<Option<V>, SessionError> {
        let value = self.value(key);
        value.map(|value| decode(key, &value.bytes)).transpose()
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
        self.put(key, bytes);
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
            Ok(bytes) => Ok((key, bytes)),
            Err(error) => Err(unstorable(key.as_ref(), &error)),
        };
        let encoded: Vec<_> = entries.into_iter().map(encode).collect::<Result<_, _>>()?;
        for (key, bytes) in encoded {
            self.put(key.as_ref(), bytes);
        }
        Ok(())
    }

    /// Returns all keys and values, in ascending byte order of the keys.
    ///
    /// # Errors
    ///
    /// [`SessionError::WrongType`] if a value has another type.
    pub fn entries<V: DeserializeOwned>(&self) -> Result<Vec<(String, V)>, SessionError> {
        let entry = |(key, value): &(String, Value)| Ok((key.clone(), decode(key, &value.bytes)?));
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
        self.put(key, bytes);
        Ok(())
    }

    fn put(&mut self, key: &str, bytes: Vec<u8>) {
        let value = Value::written(bytes);
        match self.find(key) {
            Ok(at) => {
                if let Some((_, present)) = self.entries.get_mut(at) {
                    *present = value;
                }
            }
            Err(at) => self.entries.insert(at, (key.into(), value)),
        }
    }

    /// Returns the place of this key, or the one where it belongs.
    fn find(&self, key: &str) -> Result<usize, usize> {
        self.entries
            .binary_search_by(|(present, _)| present.as_str().cmp(key))
    }

    fn value(&self, key: &str) -> Option<&Value> {
        let (_, value) = self.entries.get(self.find(key).ok()?)?;
        Some(value)
    }

    /// Removes a value. Returns `true` if there was one.
    pub fn remove(&mut self, key: &str) -> bool {
        self.find(key).map(|at| self.entries.remove(at)).is_ok()
    }

    /// Returns `true` if there is a value under this key.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.find(key).is_ok()
    }

    /// Returns the keys in ascending byte order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(key, _)| key.as_str())
    }

    /// Returns the number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns `true` if there are no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the values that were written since the dictionary was read, changed or not.
    #[cfg(feature = "store")]
    pub(super) fn written(&self) -> SessionMap {
        let written = self.entries.iter().filter(|(_, value)| value.is_written);
        SessionMap {
            entries: written.cloned().collect(),
        }
    }

    /// Returns the keys under which two versions have another value than `base`, each with whether they have
    /// the same one.
    #[cfg(feature = "store")]
    pub(crate) fn changed_by_both<'a>(
        base: &'a SessionMap,
        mine: &'a SessionMap,
        theirs: &'a SessionMap,
    ) -> impl Iterator<Item = (&'a str, bool)> {
        mine.entries.iter().filter_map(|(key, value)| {
            let other = theirs.value(key)?;
            let before = base.value(key);
            let changed = before != Some(value) && before != Some(other);
            changed.then_some((key.as_str(), value == other))
        })
    }
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
        let mut values: BTreeMap<String, (Option<Value>, Option<Value>)> = BTreeMap::new();
        for (key, value) in mine.entries {
            values.entry(key).or_default().0 = Some(value);
        }
        for (key, value) in theirs.entries {
            values.entry(key).or_default().1 = Some(value);
        }
        let merged = values
            .into_iter()
            .filter_map(|(key, (my_value, their_value))| {
                let before = base.value(&key);
                let value = if my_value.as_ref() == before {
                    their_value
                } else if their_value.as_ref() == before {
                    my_value
                } else {
                    // A page that was loading must not bring back a login that another has removed.
                    their_value.and(my_value)
                };
                Some((key, value?))
            });
        SessionMap {
            entries: merged.collect(),
        }
    }
}

/// Prints only the keys, because values may be secret.
impl fmt::Debug for SessionMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys()).finish()
    }
}

/// Encodes a value for postcard as its length and its bytes, in one step.
struct Item<T>(T);

impl Serialize for Item<&[u8]> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de> Deserialize<'de> for Item<Vec<u8>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&[u8]>::deserialize(deserializer).map(|bytes| Item(bytes.to_vec()))
    }
}

impl Serialize for SessionMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.entries
                .iter()
                .map(|(key, value)| (key, Item(value.bytes.as_slice()))),
        )
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
        let mut entries: Vec<(String, Value)> = Vec::new();
        while let Some((key, Item(value))) = access.next_entry::<String, Item<Vec<u8>>>()? {
            if entries.last().is_some_and(|(last, _)| *last >= key) {
                return Err(A::Error::custom("keys out of order"));
            }
            entries.push((key, Value::read(value)));
        }
        Ok(SessionMap { entries })
    }
}

#[cfg(test)]
mod tests;
