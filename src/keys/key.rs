use super::{error::KeyError, id::KeyId, text, weak};
use crate::secret::{Secret, wipe};
use core::{fmt, str::FromStr};
use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
#[cfg(feature = "std")]
use zeroize::Zeroizing;

/// The salt of HKDF-Extract.
const SALT: &[u8] = b"hardtack v1";
/// The info of the HKDF-Expand that makes the key id.
const KEY_ID_INFO: &[u8] = b"key id";

/// Holds a master key: 32 random bytes. The key of each purpose is derived from it by HKDF-SHA256
/// ([RFC 5869](https://www.rfc-editor.org/rfc/rfc5869)).
///
/// Make a key with `openssl rand -base64 32` or `openssl rand -hex 32`, and keep it where you keep
/// passwords. No example key is shown here on purpose: keys that are published in hardtack's
/// documents are refused.
///
/// The key is overwritten when it is dropped. `Debug` shows only its [id](Key::id), and no method
/// returns its bytes. A move or a derivation may leave a copy on the stack, which cannot be wiped and
/// which later calls overwrite.
///
/// ```
/// use hardtack::{Key, KeyError};
///
/// # let mut random = [0; 32];
/// # getrandom::fill(&mut random).expect("the operating system has randomness");
/// # let text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
/// // `text` is what `openssl rand -hex 32` printed.
/// let key: Key = text.parse()?;
/// println!("{key:?}"); // such as Key(fc47ef)
/// assert_eq!(text.to_uppercase().parse::<Key>()?, key);
///
/// assert_eq!("hunter2".parse::<Key>().unwrap_err(), KeyError::Length { found: 7 });
/// assert_eq!("=".repeat(44).parse::<Key>().unwrap_err(), KeyError::Encoding { found: 44 });
/// assert_eq!(Key::from_bytes(*b"a passphrase of thirty-two bytes").unwrap_err(), KeyError::Passphrase);
/// assert_eq!(Key::from_bytes([7; 32]).unwrap_err(), KeyError::Pattern);
/// let published = "3cab12f960cfb61d8473da4128977ee54c3ba209f05fc6ad14836ad1b8278e75";
/// assert_eq!(published.parse::<Key>().unwrap_err(), KeyError::Published);
/// # Ok::<(), KeyError>(())
/// ```
#[derive(Clone)]
pub struct Key {
    prk: Secret,
    id: KeyId,
}

impl Key {
    /// Makes a new key with random bytes from the operating system.
    ///
    /// This is for tests and for development. The key is lost when the process ends, and then
    /// nothing opens the tokens that it sealed. The checks of [`Key::from_bytes`] do not apply: these
    /// bytes are known to be random.
    ///
    /// ```
    /// use hardtack::Key;
    ///
    /// assert_ne!(Key::generate()?, Key::generate()?);
    /// # Ok::<(), hardtack::KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`KeyError::Randomness`] if the operating system returns no random bytes.
    #[cfg(feature = "std")]
    #[doc(alias = "random")]
    pub fn generate() -> Result<Key, KeyError> {
        let mut master = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *master).map_err(|_| KeyError::Randomness)?;
        Ok(Key::derive_from(&master))
    }

    /// Makes a key from 32 uniformly random bytes.
    ///
    /// ```
    /// use hardtack::{Key, KeyError};
    ///
    /// # let mut bytes = [0; 32];
    /// # getrandom::fill(&mut bytes).expect("the operating system has randomness");
    /// // `bytes` come from a secret store.
    /// let key = Key::from_bytes(bytes)?;
    /// assert_eq!(key, Key::from_bytes(bytes)?);
    ///
    /// assert_eq!(Key::from_bytes([0; 32]).unwrap_err(), KeyError::Pattern);
    /// assert_eq!(
    ///     Key::from_bytes(*b"correct horse battery staple ...").unwrap_err(),
    ///     KeyError::Passphrase,
    /// );
    /// # Ok::<(), hardtack::KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`KeyError::Passphrase`] for 32 printable ASCII characters. [`KeyError::Pattern`] for bytes that
    /// count up or down in equal steps, and for fewer than 20 distinct bytes: everything that repeats
    /// after 16 bytes or fewer, and a half of zeros. [`KeyError::Published`] for a secret from
    /// hardtack's documents. [`KeyError::PasswordHash`] for the SHA-256 of a common password.
    ///
    /// Random bytes have fewer than 20 distinct values once in 6.9 thousand million keys, a probability
    /// below 2⁻³². All other checks together refuse them with a probability below 2⁻⁴⁵.
    pub fn from_bytes(mut bytes: [u8; 32]) -> Result<Key, KeyError> {
        Key::from_master(&mut bytes)
    }

    /// Overwrites the master key, also if it is refused.
    fn from_master(master: &mut [u8; 32]) -> Result<Key, KeyError> {
        let key = Key::checked(master);
        wipe(master);
        key
    }

    fn checked(master: &[u8; 32]) -> Result<Key, KeyError> {
        weak::refuse_weak(master)?;
        Ok(Key::derive_from(master))
    }

    /// Derives a key without the checks, for random bytes and for the worked token's test.
    pub(crate) fn derive_from(master: &[u8; 32]) -> Key {
        let (prk, hkdf) = extract(SALT, master);
        let mut id = [0; 3];
        expand(&hkdf, &[KEY_ID_INFO], &mut id);
        let id = KeyId::from_bytes(id);
        Key { prk, id }
    }

    /// Takes the key apart for a place in a keyring.
    pub(super) fn into_parts(self) -> (KeyId, Secret) {
        (self.id, self.prk)
    }

    #[cfg(test)]
    pub(crate) fn prk(&self) -> &Secret {
        &self.prk
    }

    /// Returns the id that names this key in tokens and logs. It tells nothing about the key itself.
    ///
    /// ```
    /// use hardtack::{Codec, Key, Keyring};
    ///
    /// let key = Key::generate()?;
    /// let token = Codec::new(&Keyring::new(key.clone()), "greeting/1").seal("hello")?;
    /// assert_eq!(Codec::inspect(&token).unwrap().key, key.id());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }
}

/// Runs HKDF-Extract, whose output is a secret like its input.
pub(crate) fn extract(salt: &[u8], secret: &[u8]) -> (Secret, Hkdf<Sha256>) {
    let (mut prk, hkdf) = Hkdf::extract(Some(salt), secret);
    (Secret::take(prk.as_mut()), hkdf)
}

/// Derives the key for one use from a master key: HKDF-Expand over the joined parts of `info`.
pub(super) fn derive(prk: &Secret, info: &[&[u8]]) -> Secret {
    let mut secret = Secret::ZERO;
    #[expect(
        clippy::expect_used,
        reason = "fails only for a key of less than 32 bytes"
    )]
    let hkdf = Hkdf::<Sha256>::from_prk(prk.as_bytes()).expect("32 bytes are a PRK");
    expand(&hkdf, info, secret.as_mut_bytes());
    secret
}

#[expect(
    clippy::expect_used,
    reason = "fails only for an output of more than 255 blocks of 32 bytes"
)]
fn expand(hkdf: &Hkdf<Sha256>, info: &[&[u8]], out: &mut [u8]) {
    hkdf.expand_multi_info(info, out).expect("at most 32 bytes");
}

/// Reads 32 bytes from 43 or 44 characters of base64 ([RFC 4648], the standard or the URL-safe
/// alphabet, padded or not, canonical) or from 64 characters of hex (either case), in constant time
/// for a given length.
///
/// White space around the text is not part of a key. If you read a key from a file, trim it.
///
/// # Errors
///
/// [`KeyError::Length`], [`KeyError::Encoding`], [`KeyError::Character`] or [`KeyError::Prefix`] if
/// the text is not a key; [`KeyError::Published`], [`KeyError::Passphrase`], [`KeyError::Pattern`] and
/// [`KeyError::PasswordHash`] as in [`Key::from_bytes`].
///
/// [RFC 4648]: https://www.rfc-editor.org/rfc/rfc4648
impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Key, KeyError> {
        Key::from_master(&mut *text::decode(text)?)
    }
}

/// Compares in constant time.
impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.prk.as_bytes().ct_eq(other.prk.as_bytes()).into()
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

#[cfg(all(test, feature = "std", target_os = "linux"))]
mod tests {
    use super::Key;
    use crate::{KeyError, unseen::stays_in_frame};

    #[test]
    fn the_bytes_of_a_key_are_wiped() {
        let master: [u8; 32] = core::array::from_fn(|place| (place * place) as u8 ^ 0x5a);
        let (stays, key) = stays_in_frame(&master, Key::from_master);
        assert!(!stays);
        assert_eq!(key, Key::from_bytes(master));
        assert!(key.is_ok());
    }

    #[test]
    fn the_bytes_of_a_refused_key_are_wiped() {
        let passphrase = b"a passphrase of thirty-two bytes";
        let (stays, key) = stays_in_frame(passphrase, Key::from_master);
        assert!(!stays);
        assert_eq!(key, Err(KeyError::Passphrase));
    }
}
