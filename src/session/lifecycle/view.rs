use crate::{
    Timestamp,
    session::{
        data::SessionMap,
        record::{LoginId, SessionId},
    },
};
use core::fmt;

/// What [`SessionManagerBuilder::validate`](crate::session::SessionManagerBuilder::validate) sees of a session.
///
/// ```
/// # use hardtack::{Key, Keyring, session::{SessionManager, SessionView}};
/// # let keyring = Keyring::new(Key::generate()?);
/// use hardtack::Timestamp;
///
/// // Everybody who logged in before the leak is to log in again.
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
    pub(super) data: &'a T,
}

impl<T> SessionView<'_, T> {
    /// The session's id.
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

    /// When it was created: [`regenerate_for_login`](crate::session::Session::regenerate_for_login) sets it anew.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// use hardtack::Timestamp;
    /// use std::{collections::BTreeMap, sync::{Arc, RwLock}};
    ///
    /// // When a person asked to be logged out everywhere, by user.
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

    /// When the cookie was sealed; before a save, now.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// use core::time::Duration;
    /// use hardtack::Timestamp;
    ///
    /// // No copy of a cookie that is older than an hour.
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

    /// When it ends if it is not used any more.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// let sessions = SessionManager::builder(keyring)
    ///     .validate(|session| {
    ///         println!("{} ends at {}", session.id(), session.expires_at());
    ///         true
    ///     })
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// What is in it.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// // A value of another type refuses the session too.
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

/// Id and times, no value.
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
