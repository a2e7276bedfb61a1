//! The list of logins that are over although their cookies would still open.

use crate::{
    Timestamp,
    session::record::{LoginId, ParseLoginIdError},
};
use alloc::{collections::BTreeSet, sync::Arc, vec::Vec};
use core::{error::Error, fmt, str::FromStr, time::Duration};
use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// Bounds the list to about 60 MB, at about 60 bytes an entry.
const MAX_ENTRIES: usize = 1_000_000;

/// Entries that one insertion prunes at most. More than one, so that the list shrinks; few, so that
/// no request waits for a long clean-up.
const PRUNED_AT_ONCE: usize = 16;

/// How long an entry outlives the login: instances whose clocks differ must all agree that the
/// login is over before the first of them forgets it.
const MARGIN: Duration = Duration::from_secs(60 * 60);

/// The clock skew that is assumed until a manager says another.
const DEFAULT_SKEW: Duration = Duration::from_secs(60);

/// How long a reading of the clock must stand before entries are dropped by it: a clock that jumps ahead,
/// and is set right within this time, ends no entry early.
const STEADY: Duration = Duration::from_secs(60 * 60);

/// How often the clock is read for that.
const READ_EVERY: Duration = Duration::from_secs(60);

/// How long a request may have been under way when its login was bound to a device.
#[cfg(feature = "unstable-device-bound")]
const UNDER_WAY: Duration = Duration::from_secs(60);

type OnInsert = Arc<dyn Fn(&DenylistEntry) + Send + Sync>;

/// Remembers the logins that were ended, so that a copy of an old cookie opens no more.
///
/// A session that lives in its cookie cannot be deleted on the server: anyone who copied the cookie
/// can use it until it expires, also after the visitor has logged out. This list closes that gap.
/// It holds the [`LoginId`] of each login that was destroyed or replaced, and is asked whenever a
/// session is opened or saved. An entry stays until the last cookie of the login has expired, and
/// then for an hour and twice the clock skew. It goes only by a time that the clock has not taken back
/// within an hour, so a clock that jumps ahead for a while ends no entry early.
///
/// Clones share one list. The list lives in memory: a restart forgets it, and other instances do not
/// know it. To keep or share it, write each entry that [`on_insert`](Self::on_insert) reports to a
/// place of yours, and [`insert`](Self::insert) the entries that you read from there.
///
/// It holds at most 1,000,000 entries, in about 60 MB. When it is full, sessions that never logged in
/// go first, then logins that were bound to a device, and then those that have ended: of each, the ones
/// that would have expired soonest.
///
/// ```
/// use hardtack::{Timestamp, session::{Denied, Denylist, DenylistEntry, LoginId}};
/// use std::sync::{Arc, Mutex};
///
/// // One instance writes each entry down, such as to a table or a channel.
/// let table = Arc::new(Mutex::new(Vec::new()));
/// let written = Arc::clone(&table);
/// let here = Denylist::new().on_insert(move |entry| written.lock().unwrap().push(entry.to_string()));
/// # let now = Timestamp::now();
/// # let end = now.saturating_add(std::time::Duration::from_secs(60));
/// # let entry = DenylistEntry { login_id: LoginId::from_bytes([7; 8]), end, denied: Denied::Destroyed };
/// # table.lock().unwrap().push(entry.to_string());
///
/// // Another one, or the same after a restart, reads them.
/// let there = Denylist::new();
/// for line in table.lock().unwrap().iter() {
///     there.insert(line.parse()?, Timestamp::now())?;
/// }
/// assert!(there.is_denied(LoginId::from_bytes([7; 8])));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Denylist {
    list: Arc<RwLock<List>>,
    on_insert: Option<OnInsert>,
}

struct List {
    max: usize,
    skew: Duration,
    time: SteadyTime,
    entries: HashMap<LoginId, Held>,
    /// Those that never logged in, the soonest to end first.
    anonymous: BTreeSet<(Timestamp, LoginId)>,
    /// Those that were bound to a device, the soonest to end first.
    bound: BTreeSet<(Timestamp, LoginId)>,
    /// All others, the soonest to end first.
    logins: BTreeSet<(Timestamp, LoginId)>,
}

#[derive(Clone, Copy)]
struct Held {
    end: Timestamp,
    denied: Denied,
}

/// The time that entries are dropped by: what the clock said an hour ago or earlier and has not taken back
/// since. The hour is measured by the clock of the process, which nobody sets.
#[derive(Default)]
struct SteadyTime {
    /// `None` for the first hour.
    steady: Option<Timestamp>,
    /// A reading that is to stand for an hour, and when it was taken.
    pending: Option<(Timestamp, Duration)>,
    read_at: Option<Duration>,
}

impl SteadyTime {
    fn is_due(&self, ticks: Duration) -> bool {
        let due = |read_at: Duration| ticks.saturating_sub(read_at) >= READ_EVERY;
        self.read_at.is_none_or(due)
    }

    fn read(&mut self, wall: Timestamp, ticks: Duration) {
        self.read_at = Some(ticks);
        match self.pending {
            Some((earlier, since)) if wall >= earlier => {
                if ticks.saturating_sub(since) >= STEADY {
                    self.steady = Some(earlier);
                    self.pending = Some((wall, ticks));
                }
            }
            // The first reading, or the clock was set back: what it said before was wrong.
            _ => {
                self.steady = self.steady.map(|steady| steady.min(wall));
                self.pending = Some((wall, ticks));
            }
        }
    }
}

/// Holds one entry of a [`Denylist`].
///
/// It prints as one line of text, to be stored or sent, and is parsed from it: the login id, the end
/// in seconds since 1970, and the reason, with its own time if it has one.
///
/// ```
/// use hardtack::session::{Denied, DenylistEntry};
///
/// let entry: DenylistEntry = "b0b1b2b3b4b5b6b7 1763600000 destroyed".parse()?;
/// assert_eq!(entry.end.to_unix(), 1_763_600_000);
/// assert_eq!(entry.denied, Denied::Destroyed);
/// assert_eq!(entry.to_string(), "b0b1b2b3b4b5b6b7 1763600000 destroyed");
/// # Ok::<(), hardtack::session::ParseDenylistEntryError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DenylistEntry {
    /// The login.
    pub login_id: LoginId,
    /// When the last cookie of the login expires, to the second: no later setting prolongs it.
    pub end: Timestamp,
    /// Why the login is denied.
    pub denied: Denied,
}

/// Says why a login is in a [`Denylist`]. Prints as `anonymous`, `replaced`, `destroyed`, or `bound` and the time in
/// seconds since 1970.
///
/// ```
/// use hardtack::{Timestamp, session::Denied};
///
/// let since = Timestamp::from_unix(1_763_600_000);
/// assert_eq!(Denied::Bound { since }.to_string(), "bound 1763600000");
/// assert_eq!(Denied::Replaced.to_string(), "replaced");
/// assert_eq!("destroyed".parse(), Ok(Denied::Destroyed));
/// assert!("Destroyed".parse::<Denied>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Denied {
    /// The login was bound to a device: only its cookies without the device's key are denied, from a minute
    /// later on. When the list is full, such an entry goes after all of `Anonymous` and before those of logins
    /// that have ended.
    Bound {
        /// The time of the registration. An instance that gets the entry later, such as after a restart, gives the
        /// copies no minute of its own.
        since: Timestamp,
    },
    /// A session in which nobody had logged in was destroyed. Such an entry is the first to go when
    /// the list is full: anyone can make and destroy such sessions, and their copies are worth little.
    Anonymous,
    /// Another login took its place.
    Replaced,
    /// Its session was destroyed.
    Destroyed,
}

impl Denied {
    const fn name(self) -> &'static str {
        match self {
            Denied::Bound { .. } => "bound",
            Denied::Anonymous => "anonymous",
            Denied::Replaced => "replaced",
            Denied::Destroyed => "destroyed",
        }
    }

    /// Returns the stronger of two reasons. A login that was bound twice was bound the first time.
    fn and(self, other: Denied) -> Denied {
        match (self, other) {
            (Denied::Bound { since }, Denied::Bound { since: other }) => Denied::Bound {
                since: since.min(other),
            },
            _ => self.max(other),
        }
    }
}

impl Denylist {
    /// Makes an empty list.
    ///
    /// ```
    /// use hardtack::session::Denylist;
    ///
    /// let denylist = Denylist::new();
    /// assert_eq!(denylist.entries(), []);
    /// ```
    #[must_use]
    pub fn new() -> Denylist {
        Denylist::with_max(MAX_ENTRIES)
    }

    fn with_max(max: usize) -> Denylist {
        Denylist {
            list: Arc::new(RwLock::new(List {
                max,
                skew: DEFAULT_SKEW,
                time: SteadyTime::default(),
                entries: HashMap::new(),
                anonymous: BTreeSet::new(),
                bound: BTreeSet::new(),
                logins: BTreeSet::new(),
            })),
            on_insert: None,
        }
    }

    /// Calls `callback` for each entry that a session of this process adds, or prolongs, through
    /// this list or a later clone of it. Replaces the callback that was set before.
    ///
    /// Entries that you [`insert`](Self::insert) are not reported, so two instances that tell each
    /// other their entries do not send one back and forth for ever. The callback runs before the response
    /// goes out, and no lock is held meanwhile: hand the entry to a channel or a task, and return.
    ///
    /// ```
    /// use hardtack::session::Denylist;
    /// use std::sync::mpsc;
    ///
    /// let (sender, entries) = mpsc::channel();
    /// let denylist = Denylist::new().on_insert(move |entry| {
    ///     let _ = sender.send(*entry);
    /// });
    /// ```
    #[must_use]
    pub fn on_insert(
        mut self,
        callback: impl Fn(&DenylistEntry) + Send + Sync + 'static,
    ) -> Denylist {
        self.on_insert = Some(Arc::new(callback));
        self
    }

    /// Returns `true` if the login was ended.
    ///
    /// ```
    /// use hardtack::session::{Denylist, LoginId};
    ///
    /// assert!(!Denylist::new().is_denied(LoginId::from_bytes([7; 8])));
    /// ```
    #[must_use]
    pub fn is_denied(&self, login_id: LoginId) -> bool {
        self.read().denies(login_id)
    }

    /// Returns `true` for a login that was bound to a device more than a minute and the clock skew ago: a cookie of it
    /// that names no device is a copy of before. Requests that were under way then get through.
    #[cfg(feature = "unstable-device-bound")]
    pub(crate) fn refuses_unbound(&self, login_id: LoginId, now: Timestamp) -> bool {
        let list = self.read();
        let under_way = UNDER_WAY.saturating_add(list.skew);
        let held = list.entries.get(&login_id);
        held.is_some_and(|held| match held.denied {
            Denied::Bound { since } => now > since.saturating_add(under_way),
            Denied::Anonymous | Denied::Replaced | Denied::Destroyed => false,
        })
    }

    /// Returns `true` for a login that was bound to a device.
    #[cfg(feature = "unstable-device-bound")]
    pub(crate) fn binds(&self, login_id: LoginId) -> bool {
        let held = self.read().entries.get(&login_id).copied();
        held.is_some_and(|held| matches!(held.denied, Denied::Bound { .. }))
    }

    /// Returns [`is_denied`](Self::is_denied) for a session of this process, whose manager's clocks say these times.
    pub(crate) fn is_denied_at(&self, login_id: LoginId, wall: Timestamp, ticks: Duration) -> bool {
        let (denied, due) = {
            let list = self.read();
            (list.denies(login_id), list.time.is_due(ticks))
        };
        if due {
            self.write().time.read(wall, ticks);
        }
        denied
    }

    /// Adds an entry that was kept or came from another instance. `now` is the current time, such
    /// as [`Timestamp::now`].
    ///
    /// An entry whose time has passed is left out. Of two entries for one login the later end
    /// counts, so you can insert one entry as often as you like.
    ///
    /// # Errors
    ///
    /// [`DenylistFull`] if a login had to go: the one of all, this one included, that would have
    /// expired soonest. Logins that were bound to a device go before those that have ended.
    ///
    /// ```
    /// use hardtack::{Timestamp, session::{Denylist, LoginId}};
    ///
    /// let denylist = Denylist::new();
    /// let now = Timestamp::from_unix(1_763_600_000);
    /// denylist.insert("b0b1b2b3b4b5b6b7 1763640000 destroyed".parse()?, now)?;
    /// denylist.insert("0001020304050607 1763500000 destroyed".parse()?, now)?; // long over
    /// assert!(denylist.is_denied("b0b1b2b3b4b5b6b7".parse()?));
    /// assert!(!denylist.is_denied("0001020304050607".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn insert(&self, entry: DenylistEntry, now: Timestamp) -> Result<(), DenylistFull> {
        let mut list = self.write();
        if list.is_over(entry.end, now) {
            return Ok(());
        }
        list.insert(entry, now).1
    }

    /// Adds an entry for a session of this process, and reports it to the callback if it is new or
    /// ends later than known.
    ///
    /// # Errors
    ///
    /// See [`insert`](Self::insert).
    pub(crate) fn deny(&self, entry: DenylistEntry, now: Timestamp) -> Result<(), DenylistFull> {
        let (changed, result) = self.write().insert(entry, now);
        // Reported even if this list had no room: the place that the callback writes to may have.
        if let (Some(entry), Some(callback)) = (changed, &self.on_insert) {
            callback(&entry);
        }
        result
    }

    /// Returns all entries, in no particular order, such as to write them down before a restart.
    ///
    /// ```
    /// use hardtack::session::Denylist;
    ///
    /// let denylist = Denylist::new();
    /// let lines: Vec<String> = denylist.entries().iter().map(ToString::to_string).collect();
    /// std::fs::write("/dev/null", lines.join("\n"))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn entries(&self) -> Vec<DenylistEntry> {
        let entry = |(login_id, held): (&LoginId, &Held)| DenylistEntry {
            login_id: *login_id,
            end: held.end,
            denied: held.denied,
        };
        self.read().entries.iter().map(entry).collect()
    }

    /// Keeps entries for at least this clock skew, twice, beyond their end. Managers with different
    /// settings may share a list, so the largest counts.
    pub(crate) fn allow_skew(&self, skew: Duration) {
        let mut list = self.write();
        list.skew = list.skew.max(skew);
    }

    // No change can panic half-way, so a poisoned lock still guards a whole list.
    fn read(&self) -> RwLockReadGuard<'_, List> {
        self.list.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, List> {
        self.list.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Denylist {
    fn default() -> Denylist {
        Denylist::new()
    }
}

/// Shows how many entries there are, and no login id: there may be a million.
impl fmt::Debug for Denylist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Denylist")
            .field("entries", &self.read().entries.len())
            .finish_non_exhaustive()
    }
}

impl List {
    fn denies(&self, login_id: LoginId) -> bool {
        let held = self.entries.get(&login_id);
        held.is_some_and(|held| !matches!(held.denied, Denied::Bound { .. }))
    }

    /// Returns the entry as it is now, if it says something new, and what that cost.
    fn insert(
        &mut self,
        entry: DenylistEntry,
        now: Timestamp,
    ) -> (Option<DenylistEntry>, Result<(), DenylistFull>) {
        // The earlier of both, because managers with other clocks may share the list.
        if let Some(steady) = self.time.steady.map(|steady| steady.min(now)) {
            for _ in 0..PRUNED_AT_ONCE {
                let pruned = self.pop_over(steady);
                if !pruned {
                    break;
                }
            }
            if self.is_over(entry.end, steady) {
                return (None, Ok(()));
            }
        }
        let DenylistEntry {
            login_id,
            mut end,
            mut denied,
        } = entry;
        // Another instance's clock may be ahead: the copies have no more than a minute from now on.
        if let Denied::Bound { since } = &mut denied {
            *since = now.min(*since);
        }
        if let Some(held) = self.entries.get(&login_id).copied() {
            let (before, was) = (held.end, held.denied);
            (end, denied) = (end.max(before), denied.and(was));
            if (end, denied) == (before, was) {
                return (None, Ok(()));
            }
            self.by_end(was).remove(&(before, login_id));
        }
        let held = Held { end, denied };
        self.entries.insert(login_id, held);
        self.by_end(denied).insert((end, login_id));
        let entry = DenylistEntry {
            login_id,
            end,
            denied,
        };
        (Some(entry), self.make_room())
    }

    /// Drops one entry if there are too many. Of the logins the one that ends soonest goes: a copy of
    /// its cookie opens again, but for the shortest time of all. Anybody can make sessions that never logged
    /// in, so they take the place of no login, and of none that was bound.
    fn make_room(&mut self) -> Result<(), DenylistFull> {
        if self.entries.len() <= self.max {
            return Ok(());
        }
        if let Some((_, login_id)) = self.anonymous.pop_first() {
            self.entries.remove(&login_id);
            return Ok(());
        }
        let soonest = self.bound.pop_first().or_else(|| self.logins.pop_first());
        let Some((end, login_id)) = soonest else {
            return Ok(());
        };
        let Some(held) = self.entries.remove(&login_id) else {
            return Ok(());
        };
        let dropped = DenylistEntry {
            login_id,
            end,
            denied: held.denied,
        };
        Err(DenylistFull { dropped })
    }

    /// Removes an entry whose time has passed, if there is one.
    fn pop_over(&mut self, now: Timestamp) -> bool {
        let soonest = |ends: &BTreeSet<_>| ends.first().map(|(end, _)| *end);
        let bound = Denied::Bound { since: now };
        for denied in [Denied::Anonymous, bound, Denied::Destroyed] {
            if soonest(self.by_end(denied)).is_some_and(|end| self.is_over(end, now))
                && let Some((_, login_id)) = self.by_end(denied).pop_first()
            {
                self.entries.remove(&login_id);
                return true;
            }
        }
        false
    }

    fn is_over(&self, end: Timestamp, now: Timestamp) -> bool {
        let margin = MARGIN.saturating_add(self.skew.saturating_mul(2));
        now > end.saturating_add(margin)
    }

    fn by_end(&mut self, denied: Denied) -> &mut BTreeSet<(Timestamp, LoginId)> {
        match denied {
            Denied::Bound { .. } => &mut self.bound,
            Denied::Anonymous => &mut self.anonymous,
            Denied::Replaced | Denied::Destroyed => &mut self.logins,
        }
    }
}

/// Says that a [`Denylist`] was full and lost a login: a copy of that login's cookie opens again
/// until its end.
///
/// ```
/// use hardtack::session::DenylistFull;
///
/// fn alert(error: &DenylistFull) {
///     eprintln!("{error}"); // such as: the denylist is full: login b0b1b2b3b4b5b6b7 was dropped …
///     eprintln!("it would have expired at {}", error.dropped.end);
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DenylistFull {
    /// The entry that went.
    pub dropped: DenylistEntry,
}

impl fmt::Display for DenylistFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DenylistEntry { login_id, end, .. } = self.dropped;
        write!(
            f,
            "the denylist is full: login {login_id} was dropped, and copies of its cookies open again until {end}"
        )
    }
}

impl Error for DenylistFull {}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Denied::Bound { since } => write!(f, "{} {since}", self.name()),
            Denied::Anonymous | Denied::Replaced | Denied::Destroyed => f.pad(self.name()),
        }
    }
}

impl FromStr for Denied {
    type Err = ParseDenylistEntryError;

    fn from_str(text: &str) -> Result<Denied, ParseDenylistEntryError> {
        let mut named = [Denied::Anonymous, Denied::Replaced, Denied::Destroyed].into_iter();
        if let Some(denied) = named.find(|denied| denied.name() == text) {
            return Ok(denied);
        }
        let since = text.strip_prefix("bound ").ok_or(ParseDenylistEntryError)?;
        Ok(Denied::Bound {
            since: seconds(since)?,
        })
    }
}

/// Reads seconds since 1970. `u32` also takes a plus sign.
fn seconds(text: &str) -> Result<Timestamp, ParseDenylistEntryError> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|_| is_plain);
    let seconds = seconds.ok_or(ParseDenylistEntryError)?;
    Ok(Timestamp::from_unix(seconds))
}

impl fmt::Display for DenylistEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.login_id, self.end, self.denied)
    }
}

impl FromStr for DenylistEntry {
    type Err = ParseDenylistEntryError;

    fn from_str(line: &str) -> Result<DenylistEntry, ParseDenylistEntryError> {
        let mut parts = line.splitn(3, ' ');
        let mut part = || parts.next().ok_or(ParseDenylistEntryError);
        Ok(DenylistEntry {
            login_id: part()?.parse()?,
            end: seconds(part()?)?,
            denied: part()?.parse()?,
        })
    }
}

/// Says that a text is not a [`DenylistEntry`] or not a [`Denied`].
///
/// ```
/// use hardtack::session::DenylistEntry;
///
/// let error = "b0b1b2b3b4b5b6b7".parse::<DenylistEntry>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "an entry of a denylist is a login id, a number of seconds and `anonymous`, `replaced`, `destroyed` or `bound` with a number of seconds",
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseDenylistEntryError;

impl fmt::Display for ParseDenylistEntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "an entry of a denylist is a login id, a number of seconds and `anonymous`, `replaced`, `destroyed` or `bound` with a number of seconds",
        )
    }
}

impl Error for ParseDenylistEntryError {}

impl From<ParseLoginIdError> for ParseDenylistEntryError {
    fn from(_: ParseLoginIdError) -> ParseDenylistEntryError {
        ParseDenylistEntryError
    }
}

#[cfg(test)]
mod tests;
