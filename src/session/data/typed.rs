use crate::secret::Scratch;
use alloc::{borrow::Cow, vec::Vec};
use serde::{Serialize, de::DeserializeOwned};

/// Makes your own type the data of a session, so that handlers ask for `Session<Account>`.
///
/// The type is encoded by postcard, with the limits that [`Codec`](crate::Codec#values) lists. The
/// encoding also shows whether the session changed. A type whose values do not come back is refused
/// by `build`, if its default value shows it, and else when such a value is saved: a field with
/// `flatten`, `tag`, `untagged` or `skip_serializing_if`, an enum with `skip` on a variant, and types that
/// read any kind of value, such as `serde_json::Value` and `Decimal`. Use a `BTreeMap` and not a `HashMap`, because
/// the order of a `HashMap` can change by itself, and the session would be saved again.
///
/// ```
/// use hardtack::session::{OldData, SessionData};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Default, Serialize, Deserialize)]
/// struct Account {
///     user: Option<u64>,
///     theme: String,
/// }
///
/// impl SessionData for Account {
///     const NAME: &'static str = "account";
///     const VERSION: u8 = 2;
///
///     fn migrate(old: OldData<'_>) -> Option<Account> {
///         match old.version() {
///             1 => {
///                 let user = old.read()?; // version 1 was only the user
///                 Some(Account { user, ..Account::default() })
///             }
///             _ => None,
///         }
///     }
/// }
///
/// let old = OldData::from_value(1, &Some(7_u64)).unwrap();
/// assert_eq!(Account::migrate(old).unwrap().user, Some(7));
/// let unknown = OldData::from_value(0, &Some(7_u64)).unwrap();
/// assert!(Account::migrate(unknown).is_none());
/// ```
pub trait SessionData: Serialize + DeserializeOwned + Default + Send + 'static {
    /// Names the type. The name is part of the key's purpose, so a session of another type never
    /// opens as this type. An empty name or a name with a zero byte does not compile.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize)]
    /// # struct Cart(Vec<u32>);
    /// impl hardtack::session::SessionData for Cart {
    ///     const NAME: &'static str = "cart"; // a new name loses every cart, but for a `FormerCookie`
    ///     const VERSION: u8 = 1;
    /// }
    /// ```
    ///
    /// ```compile_fail
    /// # use hardtack::{Key, Keyring, session::SessionManager};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize)]
    /// # struct Cart(Vec<u32>);
    /// impl hardtack::session::SessionData for Cart {
    ///     const NAME: &'static str = "";
    ///     const VERSION: u8 = 1;
    /// }
    /// # let keyring = Keyring::new(Key::generate().unwrap());
    /// let sessions = SessionManager::builder(keyring).data::<Cart>();
    /// ```
    ///
    /// ```compile_fail
    /// # use hardtack::{Key, Keyring, session::SessionManager};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize)]
    /// # struct Cart(Vec<u32>);
    /// impl hardtack::session::SessionData for Cart {
    ///     const NAME: &'static str = "cart\0";
    ///     const VERSION: u8 = 1;
    /// }
    /// # let keyring = Keyring::new(Key::generate().unwrap());
    /// let sessions = SessionManager::builder(keyring).data::<Cart>();
    /// ```
    const NAME: &'static str;

    /// Counts the versions of the type. Raise it whenever the fields of the type change.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize)]
    /// # struct Cart { wares: Vec<u32>, voucher: Option<String> }
    /// impl hardtack::session::SessionData for Cart {
    ///     const NAME: &'static str = "cart";
    ///     const VERSION: u8 = 2; // since the voucher was added
    /// }
    /// ```
    const VERSION: u8;

    /// Converts data that an older version of the type wrote. `None` refuses the old session and
    /// starts a new one; this is the default.
    ///
    /// Data of a newer version is never passed to this function. Such a session is refused, and its
    /// cookie stays in the browser for the instances that know the newer version.
    ///
    /// ```
    /// use hardtack::session::{OldData, SessionData};
    /// # use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Default, Serialize, Deserialize)]
    /// struct Cart {
    ///     wares: Vec<u32>,
    ///     voucher: Option<String>,
    /// }
    ///
    /// impl SessionData for Cart {
    ///     const NAME: &'static str = "cart";
    ///     const VERSION: u8 = 2;
    ///
    ///     fn migrate(old: OldData<'_>) -> Option<Cart> {
    ///         #[derive(Deserialize)]
    ///         struct V1 {
    ///             wares: Vec<u32>,
    ///         }
    ///         let V1 { wares } = (old.version() == 1).then(|| old.read())??;
    ///         Some(Cart { wares, voucher: None })
    ///     }
    /// }
    ///
    /// let old = OldData::from_value(1, &[7_u32, 8][..]).unwrap();
    /// assert_eq!(Cart::migrate(old).unwrap().wares, [7, 8]);
    /// let not_a_cart = OldData::from_value(1, &7_u32).unwrap();
    /// assert!(Cart::migrate(not_a_cart).is_none());
    /// ```
    fn migrate(old: OldData<'_>) -> Option<Self> {
        let _ = old;
        None
    }

    /// Merges what this request has made of `base` with what another request has made of it and saved
    /// meanwhile. Only sessions in a store call it. The default keeps `mine`, so that the later save
    /// wins; an event tells that the other change is lost. It is called for equal changes too: two requests
    /// that count from 1 both make it 2, and 3 is right.
    ///
    /// Give the same result for the same values, and keep what either side has removed removed: a page
    /// that was loading must not revive a login.
    ///
    /// ```
    /// use hardtack::session::SessionData;
    /// # use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Default, Serialize, Deserialize)]
    /// struct Visits(u32);
    ///
    /// impl SessionData for Visits {
    ///     const NAME: &'static str = "visits";
    ///     const VERSION: u8 = 1;
    ///
    ///     fn merge(base: &Visits, mine: Visits, theirs: Visits) -> Visits {
    ///         Visits(theirs.0.saturating_add(mine.0.saturating_sub(base.0)))
    ///     }
    /// }
    ///
    /// assert_eq!(Visits::merge(&Visits(7), Visits(8), Visits(9)).0, 10);
    /// ```
    fn merge(base: &Self, mine: Self, theirs: Self) -> Self {
        let _ = (base, theirs);
        mine
    }
}

/// Reads the data of a record; `None` if bytes are left over.
pub(crate) fn decode<T: SessionData>(bytes: &[u8]) -> Option<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((data, [])) => Some(data),
        _ => None,
    }
}

/// Encodes data, in memory that does not grow: what grows leaves copies behind.
pub(crate) fn encode<T: Serialize>(data: &T) -> Option<Scratch> {
    encode_in(data, postcard::experimental::serialized_size(data).ok()?)
}

fn encode_in<T: Serialize>(data: &T, len: usize) -> Option<Scratch> {
    let bytes = postcard::to_extend(data, Vec::with_capacity(len));
    bytes.ok().map(Scratch)
}

/// Returns `true` if data with this encoding is read as data with the same encoding. A 500 today is
/// better than a session tomorrow that is broken, or says something else.
pub(crate) fn comes_back<T: SessionData>(bytes: &[u8]) -> bool {
    let again = |data: T| encode_in(&data, bytes.len());
    let Some(again) = decode(bytes).and_then(again) else {
        return false;
    };
    // A `HashMap` comes back in another order, of the same bytes.
    let sorted = |bytes: &[u8]| {
        let mut sorted = Scratch(bytes.to_vec());
        sorted.0.sort_unstable();
        sorted
    };
    again.0 == bytes || sorted(&again.0).0 == sorted(bytes).0
}

/// Holds data that an older version of a type wrote, for [`SessionData::migrate`].
pub struct OldData<'a> {
    version: u8,
    bytes: Cow<'a, [u8]>,
}

impl OldData<'_> {
    /// Encodes a value as version `version` did, for tests of [`migrate`](SessionData::migrate).
    /// Returns `None` if the value does not serialize.
    pub fn from_value<V: Serialize + ?Sized>(version: u8, value: &V) -> Option<OldData<'static>> {
        let bytes = postcard::to_allocvec(value).ok()?;
        Some(OldData {
            version,
            bytes: bytes.into(),
        })
    }

    /// Returns the [`VERSION`](SessionData::VERSION) that wrote the data.
    #[must_use]
    pub fn version(&self) -> u8 {
        self.version
    }

    /// Reads the data as the older type. Returns `None` if the data is not a value of that type, or
    /// if bytes are left over.
    #[must_use]
    pub fn read<V: DeserializeOwned>(&self) -> Option<V> {
        match postcard::take_from_bytes(&self.bytes) {
            Ok((value, [])) => Some(value),
            _ => None,
        }
    }
}

impl<'a> OldData<'a> {
    pub(crate) fn new(version: u8, bytes: &'a [u8]) -> OldData<'a> {
        OldData {
            version,
            bytes: bytes.into(),
        }
    }
}

/// Prints the version, and never a value.
impl core::fmt::Debug for OldData<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("OldData")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
