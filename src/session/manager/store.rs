//! The calls of a manager and its builder that are about a store.

use super::{
    builder::SessionManagerBuilder,
    session_manager::SessionManager,
    store_settings::{Place, StoreSettings},
};
use crate::{
    Timestamp,
    session::{
        data::{SessionData, SessionMap},
        record::{About, SessionId},
        store::{
            Ending, Found, GRACE, Moves, OwnSession, Owned, OwnerKey, Progress, RecordKey, Store,
            StoreError, StoreErrorKind, StoreKeys, Tombstone,
        },
    },
};
use alloc::{collections::BTreeSet, string::String, sync::Arc, vec::Vec};
use core::{cmp::Reverse, fmt, time::Duration};
use serde::{Serialize, de::DeserializeOwned};

/// How often the sessions of one owner are listed until no new one is among them.
const MAX_ROUNDS: u32 = 8;

/// A session of a list: see [`SessionManager::list`].
///
/// ```
/// use hardtack::session::Listed;
///
/// /// The lines of a page "Your devices". Escape the description where you show it.
/// fn lines(devices: &[Listed]) -> Vec<String> {
///     let line = |device: &Listed| format!("{} since {}", device.description, device.created_at);
///     devices.iter().map(line).collect()
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// The id of the session.
    pub id: SessionId,
    /// When somebody logged in.
    pub created_at: Timestamp,
    /// When the session last got its id or its description.
    pub seen_at: Timestamp,
    /// The text of [`describe`](crate::session::Session::describe).
    pub description: String,
}

/// Prints the id and the times, and not the description.
impl fmt::Debug for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listed")
            .field("id", &self.id)
            .field("created_at", &self.created_at)
            .field("seen_at", &self.seen_at)
            .finish_non_exhaustive()
    }
}

impl<T> SessionManagerBuilder<T> {
    /// Keeps the sessions in a store: the cookie then carries a ticket, and the store a sealed record that
    /// only the ticket opens. Handlers do not change. [`guide::stores`](crate::guide::stores) says when to
    /// use one, and what happens when it is down.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionManager, testing}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// use hardtack::store::MemoryStore;
    ///
    /// let sessions = SessionManager::builder(keyring)
    ///     .store(MemoryStore::new(64 * 1024 * 1024))
    ///     .build()?;
    /// let session = testing::new_session(&sessions);
    /// session.insert("notes", &"#".repeat(10_000))?; // more than cookies hold
    /// let cookie = testing::cookie_header(&session)?;
    /// assert!(cookie.len() < 200);
    ///
    /// let session = testing::session_from_cookie(&sessions, &cookie);
    /// assert_eq!(session.get::<String>("notes")?.unwrap().len(), 10_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("backend", "database", "redis"))]
    pub fn store(mut self, store: impl Store) -> Self {
        self.store.store = Some(Arc::new(store));
        self
    }

    /// Limits the size of a sealed record, in bytes. The default is 64 KiB. More than the store takes is a
    /// [`ConfigError`](super::ConfigError).
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::{SessionError, SessionManager, testing}};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// use hardtack::store::MemoryStore;
    ///
    /// let sessions = SessionManager::builder(keyring)
    ///     .store(MemoryStore::new(64 * 1024 * 1024))
    ///     .max_record_bytes(4096)
    ///     .build()?;
    /// let session = testing::new_session(&sessions);
    /// let error = session.insert("notes", &"#".repeat(5_000)).unwrap_err();
    /// assert!(matches!(error, SessionError::TooBig { max: 4096, .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn max_record_bytes(mut self, max: usize) -> Self {
        self.store.max_record_bytes = max;
        self
    }

    /// Sets where sessions are saved. The default is [`Place::Store`] once there is a
    /// [`store`](SessionManagerBuilder::store). Without one, `build` fails with `Place::Store`.
    /// [`guide::stores`](crate::guide::stores#moving) shows how to move a fleet.
    pub fn place(mut self, place: Place) -> Self {
        self.store.place = Some(place);
        self
    }

    /// Refuses sessions that are in their cookies: the last step of a move to the store. From then on an
    /// end in the store needs to be remembered for a minute only. With [`Place::Cookie`], `build` fails: every session
    /// that it saves would be refused. It fails without a store, too.
    pub fn only_tickets(mut self) -> Self {
        self.store.only_tickets = true;
        self
    }
}

/// For a dictionary in a store.
impl SessionManagerBuilder<SessionMap> {
    /// Says what becomes of the value under a key that two requests changed at the same time: `decide` gets
    /// the value that both started from, that of the later save (`mine`), and that of the earlier one
    /// (`theirs`). By default the later save wins, and an [`Event::Conflict`] tells of it.
    ///
    /// It is asked about equal values too: two requests that count from 1 both write 2, and 3 is right. It
    /// is not asked if one of them removed the value: a page that was loading must not bring back a login
    /// that another one has removed. If a value has another type than `decide` takes, the default counts.
    ///
    /// Typed data merge as a whole: see [`SessionData::merge`]. With this setting before
    /// [`data`](SessionManagerBuilder::data), `build` fails.
    ///
    /// [`Event::Conflict`]: crate::session::Event::Conflict
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::SessionManager, store::MemoryStore};
    /// # let keyring = Keyring::new(Key::generate()?);
    /// use std::collections::BTreeSet;
    ///
    /// let sessions = SessionManager::builder(keyring)
    ///     .store(MemoryStore::new(64 * 1024 * 1024))
    ///     // A counter: add what each of them added.
    ///     .on_conflict("visits", |base: Option<u32>, mine: u32, theirs: u32| {
    ///         theirs.saturating_add(mine.saturating_sub(base.unwrap_or(0)))
    ///     })
    ///     // A set that only grows: take both.
    ///     .on_conflict("seen", |_: Option<BTreeSet<u64>>, mine: BTreeSet<u64>, theirs| {
    ///         mine.into_iter().chain(theirs).collect()
    ///     })
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_conflict<V: Serialize + DeserializeOwned>(
        mut self,
        key: &str,
        decide: impl Fn(Option<V>, V, V) -> V + Send + Sync + 'static,
    ) -> Self {
        self.store.conflicts.set(key, decide);
        self
    }
}

/// Calls about the store. Without one they answer [`StoreErrorKind::Unsupported`].
impl<T: SessionData> SessionManager<T> {
    /// Runs each command that the store will need, and returns an error that names what is missing: a
    /// permission, a setting, a version. Call it when the server starts.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, session::SessionManager, store::MemoryStore};
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = SessionManager::builder(Keyring::new(Key::generate()?))
    ///     .store(MemoryStore::new(64 * 1024 * 1024))
    ///     .build()?;
    /// sessions.check().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// That of the store.
    pub async fn check(&self) -> Result<(), StoreError> {
        let store = self.store()?;
        store.store.check().await
    }

    /// Deletes at most `limit` records and tombstones past their time, and returns their number. Call it
    /// from a timer if the engine has no expiry of its own, as SQL: hardtack starts no task. Until then what is
    /// past its time takes space, and an ended session stays ended for longer. Before that, it sends the ends that the
    /// store has not taken yet.
    ///
    /// ```
    /// # use hardtack::{session::SessionManager, store::StoreError};
    /// async fn clean_up(sessions: &SessionManager) -> Result<(), StoreError> {
    ///     while sessions.sweep(1_000).await? == 1_000 {}
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// That of the store.
    pub async fn sweep(&self, limit: u32) -> Result<u32, StoreError> {
        let store = self.store()?;
        // What keeps an end from the store must not keep the sweep from its work.
        let ended = store.pending.run_all(&*store.store, self.moves()).await;
        let swept = store.store.sweep(limit).await?;
        ended.map(|()| swept)
    }

    /// Returns the live sessions of a [subject](crate::session::Session::set_subject), newest first. A
    /// session that is still in its cookie is not among them.
    ///
    /// # Errors
    ///
    /// That of the store: [`StoreErrorKind::Unsupported`] if it keeps no lists of owners.
    pub async fn list(&self, subject: &str) -> Result<Vec<Listed>, StoreError> {
        let mut listed: Vec<Listed> = Vec::new();
        for (owner, entry) in self.owned(subject).await? {
            let opened =
                self.with_keys(|keys| keys.open_about((&entry.key, &owner), &entry.about))?;
            // An entry under a key that is gone, or of another person.
            let Ok(opened) = opened else { continue };
            let Ok(about) = About::decode(&opened.plaintext.0) else {
                continue;
            };
            listed.push(Listed {
                id: about.id,
                created_at: about.created_at,
                seen_at: opened.issued_at,
                description: about.text,
            });
        }
        listed.sort_by_key(|listed| Reverse((listed.created_at, listed.id)));
        listed.dedup_by_key(|listed| listed.id);
        Ok(listed)
    }

    /// Ends one session, on whatever device it is. It may be over already.
    ///
    /// ```
    /// # use hardtack::session::{SessionId, SessionManager};
    /// # use hardtack::store::StoreError;
    /// /// Ends a session of the list, if it is the person's own.
    /// async fn end_device(sessions: &SessionManager, user: &str, id: SessionId) -> Result<bool, StoreError> {
    ///     let own = sessions.list(user).await?.iter().any(|device| device.id == id);
    ///     if own {
    ///         sessions.end_session(id).await?;
    ///     }
    ///     Ok(own)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// That of the store. The session may have ended. If the store does not take the end, later requests try again.
    pub async fn end_session(&self, id: SessionId) -> Result<(), StoreError> {
        let key = self.with_keys(|keys| keys.record_key(id))?;
        let (ending, store) = (self.ending(key, None)?, self.store()?);
        for ending in store.pending.hold([ending]) {
            if ending.run(&*store.store, &mut self.moves()).await? != Progress::Done {
                return Err(Ending::outrun());
            }
        }
        Ok(())
    }

    /// Ends all sessions of a [subject](crate::session::Session::set_subject), and returns their number:
    /// "log out everywhere", or an account that is closed.
    ///
    /// A login whose password was checked before and that is saved after it survives. Close this gap with
    /// [`validate`](SessionManagerBuilder::validate) and a version that you keep for each user.
    ///
    /// A request that ends all and then logs in over its own session [`replace`](crate::session::Session::replace)s typed
    /// data, or the login is a 503. With [`end_others`](crate::session::Session::end_others), its own session goes on.
    ///
    /// A session that is still in its cookie is in no list and goes on, until
    /// [`only_tickets`](SessionManagerBuilder::only_tickets) refuses it. The same version ends it at once.
    ///
    /// # Errors
    ///
    /// That of the store. Some of the sessions may have ended.
    pub async fn end_all(&self, subject: &str) -> Result<u32, StoreError> {
        let ended = self.end_but(subject, None).await?;
        Ok(ended.unwrap_or(0))
    }

    /// Returns `true` if the store has a session under this id: for a WebSocket that outlives its request. After
    /// [`regenerate`](crate::session::Session::regenerate) the session has another id. A record stays for a while after the
    /// session's timeouts, so this tells of ends and not of timeouts.
    ///
    /// # Errors
    ///
    /// That of the store.
    pub async fn is_live(&self, id: SessionId) -> Result<bool, StoreError> {
        let key = self.with_keys(|keys| keys.record_key(id))?;
        let found = self.store()?.store.load(&key, None).await?;
        Ok(matches!(found, Found::Record(_)))
    }

    /// Ends all sessions of a subject but `own`. Returns `None` if that has ended or has another id by now.
    pub(crate) async fn end_but(
        &self,
        subject: &str,
        own: Option<OwnSession>,
    ) -> Result<Option<u32>, StoreError> {
        let store = &*self.store()?.store;
        let (mut ended, mut outran) = (BTreeSet::new(), false);
        // A session that is renamed meanwhile is in the next list.
        for _ in 0..MAX_ROUNDS {
            let owned = self.owned(subject).await?;
            let is_new = |(_, entry): &(OwnerKey, Owned)| !ended.contains(&entry.key);
            let mut new: Vec<_> = owned.into_iter().filter(is_new).collect();
            new.retain(|(_, entry)| !own.as_ref().is_some_and(|own| own.has(entry.key)));
            outran = false;
            if new.is_empty() {
                break;
            }
            if let Some(own) = &own {
                // Behind the list: it must not have what another tab made of the own session.
                if !own.goes_on(store).await? {
                    return Ok(None);
                }
            }
            for (owner, entry) in new {
                let mut ending = self.ending(entry.key, Some(owner))?;
                match ending.run(store, &mut self.moves(), |_| false).await? {
                    Progress::Done => _ = ended.insert(entry.key),
                    Progress::Late | Progress::Outrun => outran = true,
                }
            }
        }
        match outran {
            true => Err(Ending::outrun()),
            false => Ok(Some(u32::try_from(ended.len()).unwrap_or(u32::MAX))),
        }
    }

    /// Returns how far the ends of one request follow sessions to their next ids.
    pub(crate) fn moves(&self) -> Moves {
        Moves::new(self.wall(), self.settings().rules.skew)
    }

    pub(crate) fn lists_owners(&self) -> bool {
        self.store().is_ok_and(|store| store.store.lists_owners())
    }

    fn ending(&self, key: RecordKey, owner: Option<OwnerKey>) -> Result<Ending, StoreError> {
        // Whether it was in a cookie before is not known here, nor until when that opens.
        let rules = &self.settings().rules;
        let longest = Duration::from_secs(rules.longest().into());
        let grace = match self.store()?.only_tickets {
            true => GRACE,
            // Until the slowest clock of the site takes no copy any more.
            false => longest
                .saturating_add(rules.skew.saturating_mul(2))
                .max(GRACE),
        };
        Ok(Ending {
            key,
            tombstone: Tombstone::Ended(self.wall()),
            owner,
            grace,
            asked_at: Timestamp::MIN,
        })
    }

    /// Returns the entries of a subject under each key of the ring.
    async fn owned(&self, subject: &str) -> Result<Vec<(OwnerKey, Owned)>, StoreError> {
        let owners = self.with_keys(|keys| keys.owners(subject))?;
        let mut owned = Vec::new();
        for owner in owners {
            let entries = self.store()?.store.owned(&owner).await?;
            owned.extend(entries.into_iter().map(|entry| (owner, entry)));
        }
        Ok(owned)
    }

    fn with_keys<R>(&self, f: impl FnOnce(&StoreKeys) -> R) -> Result<R, StoreError> {
        let keys = self.keys();
        let keys = keys.store.as_ref();
        keys.map(f)
            .ok_or_else(|| StoreErrorKind::Unsupported.into())
    }

    fn store(&self) -> Result<&StoreSettings, StoreError> {
        let store = self.settings().store.as_deref();
        store.ok_or_else(|| StoreErrorKind::Unsupported.into())
    }
}
