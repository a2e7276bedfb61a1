use serde::{Serialize, de::DeserializeOwned};

/// A type that a typed session carries: `Session<Account>` instead of the dictionary.
///
/// It is encoded by postcard, with the limits that [`Codec`](crate::Codec#values) names. What changed is
/// told by the encoding: take a `BTreeMap`, for a `HashMap` is another one every time.
///
/// ```
/// use hardtack::session::SessionData;
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
///     fn migrate(from: u8, bytes: &[u8]) -> Option<Account> {
///         match from {
///             1 => {
///                 let user = postcard::from_bytes(bytes).ok()?; // version 1 was the user alone
///                 Some(Account { user, ..Account::default() })
///             }
///             _ => None,
///         }
///     }
/// }
///
/// assert_eq!(Account::migrate(1, &[1, 7]).unwrap().user, Some(7));
/// assert!(Account::migrate(0, &[1, 7]).is_none());
/// ```
pub trait SessionData: Serialize + DeserializeOwned + Default + Send + 'static {
    /// Names the type. It is part of the purpose of the key: a session of another type never opens as
    /// this one. Not empty, and without a zero byte.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize)]
    /// # struct Cart(Vec<u32>);
    /// impl hardtack::session::SessionData for Cart {
    ///     const NAME: &'static str = "cart"; // never another one, or every cart is lost
    ///     const VERSION: u8 = 1;
    /// }
    /// ```
    const NAME: &'static str;

    /// The version of the schema: raise it when the encoded shape of the type changes.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Default, Serialize, Deserialize)]
    /// # struct Cart { wares: Vec<u32>, voucher: Option<String> }
    /// impl hardtack::session::SessionData for Cart {
    ///     const NAME: &'static str = "cart";
    ///     const VERSION: u8 = 2; // since there is a voucher
    /// }
    /// ```
    const VERSION: u8;

    /// Reads what an older version wrote. `None` starts anew; that is the default. What a newer
    /// version wrote never comes here: it is left alone, for the instances that know it.
    ///
    /// ```
    /// use hardtack::session::SessionData;
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
    ///     fn migrate(from: u8, bytes: &[u8]) -> Option<Cart> {
    ///         #[derive(Deserialize)]
    ///         struct V1 {
    ///             wares: Vec<u32>,
    ///         }
    ///         let V1 { wares } = (from == 1).then(|| postcard::from_bytes(bytes).ok())??;
    ///         Some(Cart { wares, voucher: None })
    ///     }
    /// }
    ///
    /// assert_eq!(Cart::migrate(1, &[2, 7, 8]).unwrap().wares, [7, 8]);
    /// assert!(Cart::migrate(1, &[2, 7]).is_none()); // cut short
    /// ```
    fn migrate(from: u8, bytes: &[u8]) -> Option<Self> {
        let _ = (from, bytes);
        None
    }
}
