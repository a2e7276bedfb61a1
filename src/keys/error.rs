use super::id::KeyId;
use core::{error::Error, fmt};

#[cfg(feature = "alloc")]
use alloc::boxed::Box;
#[cfg(feature = "std")]
use alloc::string::String;
#[cfg(feature = "std")]
use std::{io::ErrorKind, path::PathBuf};

/// The command at the end of every message that asks for another key.
const MAKE_A_KEY: &str = "make a key with `openssl rand -base64 32`";

/// Says why a key or a keyring was refused. No variant carries key material.
///
/// The text says what was found and how to mend it: the command that makes a good key, or what to
/// remove. [`Keyring::from_env`](crate::Keyring::from_env) puts the name of the variable and the
/// number of the key in front, and [`Keyring::from_file`](crate::Keyring::from_file) the path. `Debug` prints the same text, so that an error that is returned from
/// `main` can be read.
///
/// ```
/// use hardtack::{Key, KeyError};
///
/// let error = "correct horse battery staple".parse::<Key>().unwrap_err();
/// assert_eq!(error, KeyError::Length { found: 28 });
/// assert_eq!(
///     error.to_string(),
///     "found 28 characters, a key is 32 random bytes in 43 or 44 characters of base64 or 64 of hex: \
///      make a key with `openssl rand -base64 32`",
/// );
/// assert_eq!(format!("{error:?}"), error.to_string());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is not 43 or 44 characters of base64, and not 64 of hex.
    Length {
        /// The length of the text in bytes of UTF-8.
        found: usize,
    },
    /// The text has the length of a key, and is not canonical base64 or hex. It has another
    /// character, or characters of both base64 alphabets, or bits set after the last byte.
    Encoding {
        /// The length of the text in bytes of UTF-8.
        found: usize,
    },
    /// The text is a key with something before or after it, such as quotation marks, a line break or
    /// a byte order mark.
    Character {
        /// The first such character. It is in no base64 or hex, hence in no key.
        found: char,
    },
    /// The text is a key behind a prefix such as `base64:`.
    Prefix {
        /// The prefix: `base64:`, `hex:` or `0x`.
        found: &'static str,
    },
    /// The key is 32 printable ASCII characters. This is a passphrase, and not random bytes.
    Passphrase,
    /// Each byte differs from the one before it by the same amount, or fewer than 20 of the bytes are
    /// distinct. So few distinct bytes come from repetition, from a half of zeros or from text.
    Pattern,
    /// The key is the SHA-256 of a common password, of such a word and a line break, or of nothing.
    PasswordHash,
    /// The key is printed in hardtack's documents, where everybody can read it.
    Published,
    /// The operating system returned no random bytes.
    Randomness,
    /// Two keys of one keyring have this id. Either the list has the same key twice, or two keys
    /// have the same id by chance, which happens to one pair in 2²⁴.
    DuplicateId(KeyId),
    /// The keyring would have more than 8 keys.
    TooMany,
    /// An entry of the list is empty.
    Empty,
    /// The first key of the list has a retirement time. The first key seals, so it cannot be retired.
    RetiredPrimary,
    /// The text after `@` is not a time in whole Unix seconds that fits a `u32`.
    RetirementTime,
    /// An entry of a list is wrong.
    #[cfg(feature = "alloc")]
    Entry {
        /// The place of the entry in the list, counted from 1.
        entry: usize,
        /// The reason.
        error: Box<KeyError>,
    },
    /// An environment variable is wrong.
    #[cfg(feature = "std")]
    Variable {
        /// The name of the variable.
        name: String,
        /// The reason.
        error: Box<KeyError>,
    },
    /// A file is wrong.
    #[cfg(feature = "std")]
    File {
        /// The path of the file.
        path: PathBuf,
        /// The reason.
        error: Box<KeyError>,
    },
    /// The file cannot be opened or read, or is longer than 4,096 bytes.
    #[cfg(feature = "std")]
    Unreadable(ErrorKind),
    /// The environment variable is not set.
    #[cfg(feature = "std")]
    Unset,
    /// An entry of the environment variable or the file is not UTF-8.
    #[cfg(feature = "std")]
    NotUnicode,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::Length { found } => write!(
                f,
                "found {found} characters, a key is 32 random bytes in 43 or 44 characters of base64 or 64 of hex: {MAKE_A_KEY}"
            ),
            KeyError::Encoding { found } => write!(
                f,
                "found {found} characters that are not canonical {}: {MAKE_A_KEY}",
                if *found == 64 { "hex" } else { "base64" }
            ),
            KeyError::Character { found } => {
                write!(
                    f,
                    "found {} before or after the key: remove it",
                    Name(*found)
                )
            }
            KeyError::Prefix { found } => {
                write!(f, "found the prefix {found} before the key: remove it")
            }
            KeyError::Passphrase => write!(
                f,
                "found 32 printable characters, a passphrase is not a key: {MAKE_A_KEY}"
            ),
            KeyError::Pattern => write!(
                f,
                "found 32 bytes that follow a pattern and are not random: {MAKE_A_KEY}"
            ),
            KeyError::PasswordHash => write!(
                f,
                "found the SHA-256 of a common password, which is as easy to guess as the password: {MAKE_A_KEY}"
            ),
            KeyError::Published => write!(
                f,
                "found a key that is published in hardtack's documents: {MAKE_A_KEY}"
            ),
            KeyError::Randomness => f.write_str("the operating system returned no random bytes"),
            KeyError::DuplicateId(id) => write!(
                f,
                "two keys of the keyring have the id {id}: remove the duplicate, or {MAKE_A_KEY}"
            ),
            KeyError::TooMany => f.write_str("found more than 8 keys: remove the oldest"),
            KeyError::Empty => write!(f, "found an empty entry: remove it, or {MAKE_A_KEY}"),
            KeyError::RetiredPrimary => write!(
                f,
                "found a retirement time on the first key, which seals: put another key first, or {MAKE_A_KEY}"
            ),
            KeyError::RetirementTime => f.write_str(
                "found no time in Unix seconds after the @: `date +%s` prints the current time",
            ),
            #[cfg(feature = "alloc")]
            KeyError::Entry { entry, error } => write!(f, "key {entry}: {error}"),
            #[cfg(feature = "std")]
            KeyError::Variable { name, error } => write!(f, "environment variable {name}: {error}"),
            #[cfg(feature = "std")]
            KeyError::File { path, error } => write!(f, "file {}: {error}", path.display()),
            #[cfg(feature = "std")]
            KeyError::Unreadable(kind) => {
                write!(
                    f,
                    "cannot be read ({kind}): check the path and the permissions"
                )
            }
            #[cfg(feature = "std")]
            KeyError::Unset => write!(f, "not set: {MAKE_A_KEY}"),
            #[cfg(feature = "std")]
            KeyError::NotUnicode => write!(f, "found bytes that are not UTF-8: {MAKE_A_KEY}"),
        }
    }
}

/// Names a character, also one that does not show on a screen.
struct Name(char);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            '\n' | '\r' => f.write_str("a line break"),
            ' ' => f.write_str("a space"),
            '\t' => f.write_str("a tab"),
            '\u{feff}' => f.write_str("a byte order mark (U+FEFF)"),
            mark @ ('"' | '\'') => write!(f, "a quotation mark ({mark})"),
            other if other.is_ascii_graphic() => write!(f, "the character {other}"),
            other => write!(f, "the character U+{:04X}", u32::from(other)),
        }
    }
}

/// Prints the text of `Display`: an error that is returned from `main` is shown by `Debug`.
impl fmt::Debug for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for KeyError {}
