use crate::{
    Timestamp,
    session::{
        data::SessionMap,
        record::{LoginId, SessionId},
    },
};
use core::fmt;

/// Shows a session to [`validate`](crate::session::SessionManagerBuilder::validate), which decides
/// whether to refuse it.
///
/// ```
/// # use hardtack::{Key, Keyring, session::{SessionManager, SessionView}};
/// # let keyring = Keyring::new(Key::generate()?);
/// use hardtack::Timestamp;
///
/// // Everybody who logged in before the leak must log in again.
/// let leak = Timestamp::from_unix(1_763_600_000);
/// let sessions = SessionManager::builder(keyring)
///     .validate(move |session: &SessionView| session.created_at() > leak)
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SessionView<'a, T = SessionMap> {
    pub(super) id: SessionId,
    pub(super) login_id: LoginId,
    pub(super) created_at: Timestamp,
    pub(super) issued_at: Timestamp,
    pub(super) expires_at: Timestamp,
    #[cfg(feature = "unstable-device-bound")]
    pub(super) is_device_bound: bool,
    pub(super) data: &'a T,
}

impl<T> SessionView<'_, T> {
    /// Returns the id of the session.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, SessionId}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// use std::collections::BTreeSet;
    ///
    /// let ended: BTreeSet<SessionId> = ["b0b1b2b3b4b5b6b7b8b9babbbcbdbebf".parse()?].into();
    /// let sessions = SessionManager::builder(keyring)
    ///     .validate(move |session| !ended.contains(&session.id()))
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Returns the login's id: see [`LoginId`]. It stays when the session's id changes, until somebody logs
    /// in.
    #[must_use]
    pub fn login_id(&self) -> LoginId {
        self.login_id
    }

    /// Returns `true` if the session is bound to a key in the browser's device: see
    /// [`Session::is_device_bound`](crate::session::Session::is_device_bound).
    #[cfg(feature = "unstable-device-bound")]
    #[cfg_attr(docsrs, doc(cfg(feature = "unstable-device-bound")))]
    #[must_use]
    pub fn is_device_bound(&self) -> bool {
        self.is_device_bound
    }

    /// Returns the time when the session was created.
    /// [`regenerate_for_login`](crate::session::Session::regenerate_for_login) sets it to the time
    /// of the login.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// use hardtack::Timestamp;
    /// use std::{collections::BTreeMap, sync::{Arc, RwLock}};
    ///
    /// // The last time when each user asked to be logged out everywhere.
    /// let asked = Arc::new(RwLock::new(BTreeMap::<u64, Timestamp>::new()));
    /// let table = Arc::clone(&asked);
    /// let sessions = SessionManager::builder(keyring)
    ///     .validate(move |session| match session.data().get::<u64>("user") {
    ///         Ok(Some(user)) => {
    ///             let asked = table.read().unwrap().get(&user).copied();
    ///             asked.is_none_or(|asked| session.created_at() > asked)
    ///         }
    ///         _ => true,
    ///     })
    ///     .build()?;
    /// asked.write().unwrap().insert(7, Timestamp::now());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Returns the time when the cookie was sealed. Before a save, this is the present time.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// use core::time::Duration;
    /// use hardtack::Timestamp;
    ///
    /// // Refuses a copied cookie after an hour.
    /// let sessions = SessionManager::builder(keyring)
    ///     .validate(|session| {
    ///         let age = Timestamp::now().saturating_duration_since(session.issued_at());
    ///         age <= Duration::from_secs(3600)
    ///     })
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// Returns the time when the session ends if it is not used again.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Returns the data of the session.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// // Refuses user 13, and a session whose user has another type.
    /// let sessions = SessionManager::builder(keyring)
    ///     .validate(|session| matches!(session.data().get::<u64>("user"), Ok(user) if user != Some(13)))
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn data(&self) -> &T {
        self.data
    }
}

/// Prints the id and the times, and never a value.
impl<T> fmt::Debug for SessionView<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionView")
            .field("id", &self.id)
            .field("created_at", &self.created_at)
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
