//! The names under which a store keeps things.

use alloc::string::String;
use core::fmt;

/// Defines a key of fixed length whose `Debug` shows no byte: logs and errors must not name a record.
macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        ///
        #[doc = concat!("```\nlet it = hardtack::store::", stringify!($name), "::from_bytes([7; ", $len, "]);")]
        #[doc = concat!("assert_eq!(format!(\"{it:?}\"), \"", stringify!($name), "(..)\");\n```")]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Takes the bytes as they are.
            ///
            #[doc = concat!("```\nlet it = hardtack::store::", stringify!($name), "::from_bytes([7; ", $len, "]);")]
            #[doc = concat!("assert_eq!(it.as_bytes(), &[7; ", $len, "]);\n```")]
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// Returns the bytes.
            ///
            #[doc = concat!("```\nlet it = hardtack::store::", stringify!($name), "::from_bytes([7; ", $len, "]);")]
            #[doc = concat!("assert_eq!(it.as_bytes(), &[7; ", $len, "]);\n```")]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

opaque! {
    /// Names one record: 16 bytes that are derived from the id of the session.
    RecordKey, 16
}
opaque! {
    /// Names the owner of records: 16 bytes that are derived from the session's subject.
    OwnerKey, 16
}
opaque! {
    /// Tells two versions of a record apart: the first 24 bytes of the record, 128 bits of them random.
    ///
    /// Each sealing makes a new tag, so that a record that was replaced and put back is not mistaken for
    /// the first one.
    Tag, 24
}

impl RecordKey {
    /// Returns the key as text: these characters, and the key's hexadecimal digits. It is for engines
    /// whose keys are text.
    ///
    /// ```
    /// use hardtack::store::RecordKey;
    ///
    /// let key = RecordKey::from_bytes([0x7f; 16]);
    /// assert_eq!(key.to_text("shop:"), "shop:7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f");
    /// ```
    pub fn to_text(&self, prefix: &str) -> String {
        to_text(prefix, &self.0)
    }
}

impl OwnerKey {
    /// Returns the key as text: these characters, and the key's hexadecimal digits.
    ///
    /// ```
    /// use hardtack::store::OwnerKey;
    ///
    /// let owner = OwnerKey::from_bytes([7; 16]);
    /// assert_eq!(owner.to_text("owner:"), "owner:07070707070707070707070707070707");
    /// ```
    pub fn to_text(&self, prefix: &str) -> String {
        to_text(prefix, &self.0)
    }
}

/// Without a formatter, which would take half of the time of a call: every request names a record.
fn to_text(prefix: &str, key: &[u8; 16]) -> String {
    let mut text = String::with_capacity(prefix.len().saturating_add(32));
    text.push_str(prefix);
    let digits = key.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    text.extend(digits.filter_map(|digit| char::from_digit(digit.into(), 16)));
    text
}

impl Tag {
    /// Returns the tag of a record, or `None` if these bytes are too short for a record.
    ///
    /// ```
    /// use hardtack::store::Tag;
    ///
    /// assert_eq!(Tag::of(&[7; 40]), Some(Tag::from_bytes([7; 24])));
    /// assert_eq!(Tag::of(&[7; 23]), None);
    /// ```
    pub fn of(record: &[u8]) -> Option<Tag> {
        record.first_chunk().copied().map(Tag)
    }
}
