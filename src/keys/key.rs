use crate::{codec::error::KeyError, secret::Secret};
use base64ct::{Base64Unpadded, Encoding as _};
use core::{fmt, str::FromStr};
use hkdf::Hkdf;
use sha2::Sha256;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _, ConstantTimeLess as _};
use zeroize::{Zeroize as _, Zeroizing};

const SALT: &[u8] = b"hardtack v1";
const KEY_ID_INFO: &[u8] = b"key id";

/// The master key of the worked token in FORMAT.md: everybody has it.
const PUBLISHED: [u8; 32] = [
    0x3c, 0xab, 0x12, 0xf9, 0x60, 0xcf, 0xb6, 0x1d, 0x84, 0x73, 0xda, 0x41, 0x28, 0x97, 0x7e, 0xe5,
    0x4c, 0x3b, 0xa2, 0x09, 0xf0, 0x5f, 0xc6, 0xad, 0x14, 0x83, 0x6a, 0xd1, 0xb8, 0x27, 0x8e, 0x75,
];

/// A master key: 32 random bytes, from which the key for each purpose is derived (HKDF-SHA256,
/// [RFC 5869](https://www.rfc-editor.org/rfc/rfc5869)).
///
/// Overwritten when it is dropped; `Debug` shows the [id](Key::id) only; there is no way to get the
/// bytes back. What is moved or derived may leave a copy on the stack, which nothing can reach to
/// wipe and later calls overwrite.
///
/// Make one with `openssl rand -base64 32` or `openssl rand -hex 32` and keep it where you keep
/// passwords. There is none here to copy: what stands in a document is refused.
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
    /// What stands where there is no key.
    pub(crate) const NONE: Key = Key {
        prk: Secret([0; 32]),
        id: KeyId([0; 3]),
    };

    /// A new key from the operating system's randomness: for tests and for development, since it is
    /// gone when the process ends, and with it everything it sealed.
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
    /// [`KeyError::Randomness`] if the operating system has none to give.
    #[cfg(feature = "std")]
    pub fn generate() -> Result<Key, KeyError> {
        let mut master = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *master).map_err(|_| KeyError::Randomness)?;
        Ok(Key::derive_from(&master))
    }

    /// The key that these 32 uniformly random bytes are.
    ///
    /// ```
    /// use hardtack::{Key, KeyError};
    ///
    /// # let mut bytes = [0; 32];
    /// # getrandom::fill(&mut bytes).expect("the operating system has randomness");
    /// // `bytes` come from a secret store that keeps bytes.
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
    /// [`KeyError::Passphrase`] for 32 printable ASCII characters, [`KeyError::Pattern`] for bytes
    /// that are all equal or that count up or down in equal steps. Random bytes are neither: the
    /// chances are below 2⁻⁴⁵ and 2⁻²³⁹.
    pub fn from_bytes(mut bytes: [u8; 32]) -> Result<Key, KeyError> {
        let key = Key::from_master(&bytes);
        bytes.zeroize();
        key
    }

    fn from_master(master: &[u8; 32]) -> Result<Key, KeyError> {
        if bool::from(is_printable(master)) {
            return Err(KeyError::Passphrase);
        }
        if bool::from(is_progression(master)) {
            return Err(KeyError::Pattern);
        }
        Ok(Key::derive_from(master))
    }

    fn derive_from(master: &[u8; 32]) -> Key {
        let (mut prk, hkdf) = Hkdf::<Sha256>::extract(Some(SALT), master);
        let mut id = [0; 3];
        expand(&hkdf, &[KEY_ID_INFO], &mut id);
        let key = Key {
            prk: Secret(prk.into()),
            id: KeyId(id),
        };
        prk.as_mut_slice().zeroize();
        key
    }

    /// The key for one use: HKDF-Expand over the parts of `info`, joined.
    pub(crate) fn derive(&self, info: &[&[u8]]) -> Secret {
        let mut secret = Secret([0; 32]);
        #[expect(
            clippy::expect_used,
            reason = "fails only for less than the 32 bytes it gets"
        )]
        let hkdf = Hkdf::<Sha256>::from_prk(self.prk.as_bytes()).expect("32 bytes are a PRK");
        expand(&hkdf, info, &mut secret.0);
        secret
    }

    #[cfg(test)]
    pub(crate) fn prk(&self) -> &[u8; 32] {
        self.prk.as_bytes()
    }

    /// Names this key in tokens and logs. It tells nothing about the key.
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

#[expect(
    clippy::expect_used,
    reason = "fails only for more than 255 blocks of 32 bytes"
)]
fn expand(hkdf: &Hkdf<Sha256>, info: &[&[u8]], out: &mut [u8]) {
    hkdf.expand_multi_info(info, out).expect("at most 32 bytes");
}

/// Reads 32 bytes of base64 (the standard or the URL-safe alphabet, padded or not, canonical) or of
/// hex (either case), in constant time for a given length. White space around it is not part of a
/// key: trim what a file ends with.
impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Key, KeyError> {
        let found = text.len();
        let mut master = Zeroizing::new([0; 32]);
        let decoded = match (found, text.as_bytes()) {
            (64, hex) => base16ct::mixed::decode(hex, &mut *master).is_ok(),
            (44, [base64 @ .., b'=']) | (43, base64) => decode_base64(base64, &mut master),
            (44, _) => false,
            _ => return Err(KeyError::Length { found }),
        };
        if !decoded {
            return Err(KeyError::Encoding { found });
        }
        if bool::from(master.ct_eq(&PUBLISHED)) {
            return Err(KeyError::Published);
        }
        Key::from_master(&master)
    }
}

/// Unpadded base64 in either alphabet, but not in both at once.
fn decode_base64(text: &[u8], out: &mut [u8; 32]) -> bool {
    let mut standard = Zeroizing::new([0; 43]);
    let mut url_safe_seen = Choice::from(0);
    let mut standard_seen = Choice::from(0);
    for (to, from) in standard.iter_mut().zip(text) {
        let minus = from.ct_eq(&b'-');
        let underscore = from.ct_eq(&b'_');
        *to = u8::conditional_select(from, &b'+', minus);
        *to = u8::conditional_select(to, &b'/', underscore);
        url_safe_seen |= minus;
        url_safe_seen |= underscore;
        standard_seen |= from.ct_eq(&b'+');
        standard_seen |= from.ct_eq(&b'/');
    }
    let decoded = Base64Unpadded::decode(*standard, out).is_ok();
    decoded & !bool::from(url_safe_seen & standard_seen)
}

fn is_printable(bytes: &[u8; 32]) -> Choice {
    let mut all = Choice::from(1);
    for byte in bytes {
        all &= !byte.ct_lt(&b' ') & byte.ct_lt(&0x7f);
    }
    all
}

/// Whether each byte differs from the one before it by the same amount, modulo 256.
fn is_progression(bytes: &[u8; 32]) -> Choice {
    let [first, second, ..] = bytes;
    let step = second.wrapping_sub(*first);
    let mut all = Choice::from(1);
    for (byte, next) in bytes.iter().zip(bytes.iter().skip(1)) {
        all &= next.wrapping_sub(*byte).ct_eq(&step);
    }
    all
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

/// The name of a key: three bytes derived from it, in every token that it sealed, public.
///
/// `Display` gives six hex digits.
///
/// ```
/// use hardtack::KeyId;
///
/// let id = KeyId::from_bytes([0xfc, 0x47, 0xef]);
/// assert_eq!(id.to_string(), "fc47ef");
/// assert_eq!(format!("{id:?}"), "KeyId(fc47ef)");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 3]);

impl KeyId {
    /// The key id that these bytes of a token are.
    ///
    /// ```
    /// use hardtack::KeyId;
    ///
    /// // The worked token of the format, and its bytes 1 to 4.
    /// let token = "hPxH72VT8QCgoaKjpKWmp6ipqqusra6vuvwDp_GdVY7SWnDC8fAHZp4J14KeEg";
    /// let id = hardtack::Codec::inspect(token).unwrap().key;
    /// assert_eq!(id, KeyId::from_bytes([0xfc, 0x47, 0xef]));
    /// ```
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 3]) -> KeyId {
        KeyId(bytes)
    }

    /// The three bytes as they stand in a token.
    ///
    /// ```
    /// use hardtack::{Key, KeyId};
    ///
    /// let id = Key::generate()?.id();
    /// assert_eq!(KeyId::from_bytes(id.to_bytes()), id);
    /// # Ok::<(), hardtack::KeyError>(())
    /// ```
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 3] {
        self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c] = self.0;
        write!(f, "{a:02x}{b:02x}{c:02x}")
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}
