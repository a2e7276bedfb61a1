use super::{
    answer::Answer,
    close,
    facts::{Access, RequestFacts},
    open::{self, Brought, Found},
};
use crate::session::{
    data::SessionData,
    error::SessionError,
    events::{Event, Refusal},
    lifecycle::{BrowserHolds, LiveSession},
    manager::{SessionManager, SiteCookie},
    record::Flash,
};
use alloc::{boxed::Box, vec::Vec};
use core::time::Duration;
use rand_core::TryCryptoRng;

#[cfg(feature = "unstable-device-bound")]
use super::device::DeviceState;
#[cfg(feature = "store")]
use super::stored::{self, Loaded, Stored};
#[cfg(feature = "store")]
use crate::session::manager::Place;

/// Where a request stands with its session.
enum Phase<T> {
    /// Nobody has used the session: its cookies were not looked at.
    Unopened,
    /// In a box: most requests to a site never have one, and it is moved on its way here.
    Open(Box<LiveSession<T>>, Headers),
    /// The headers are decided, and nobody has used the session until then.
    Unused,
}

/// The headers of the response: once they are decided, a session can be read, and nothing else.
enum Headers {
    Open,
    Decided,
}

/// What a request and its response have of a session.
pub(super) struct State<T> {
    /// When the request's head arrived: logins that ended later are over for it, and a late answer counts
    /// from here.
    pub(super) head_at: Duration,
    /// `None` until the session is asked for.
    pub(super) facts: Option<RequestFacts>,
    phase: Phase<T>,
    /// Why a cookie was refused, if no other counts.
    pub(super) refused: Option<Refusal>,
    /// Cookies of two logins came under the name of this one.
    pub(super) rivals: Option<SiteCookie>,
    pub(super) brought: Brought,
    #[cfg(feature = "unstable-device-bound")]
    pub(super) device: DeviceState,
    /// To be reported once no lock is held.
    pub(super) events: Vec<Event>,
    /// What the store said, once it was asked.
    #[cfg(feature = "store")]
    pub(super) stored: Option<Box<Stored>>,
    /// What the store has to do for the response.
    #[cfg(feature = "store")]
    pub(super) write: Option<Box<stored::Write>>,
}

/// What a call is going to do.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Write {
    /// Changes the session, which a request from elsewhere must not.
    Change,
    /// Logs somebody in: their credential was checked.
    Login,
    /// Ends what the browser has, whatever it is.
    Destroy,
}

impl<T: SessionData> State<T> {
    pub(super) fn new(head_at: Duration) -> State<T> {
        State {
            head_at,
            facts: None,
            phase: Phase::Unopened,
            refused: None,
            rivals: None,
            brought: Brought::NOTHING,
            #[cfg(feature = "unstable-device-bound")]
            device: DeviceState::default(),
            events: Vec::new(),
            #[cfg(feature = "store")]
            stored: None,
            #[cfg(feature = "store")]
            write: None,
        }
    }

    /// Returns the session to read it, and opens it at its first use.
    pub(super) fn read(
        &mut self,
        manager: &SessionManager<T>,
    ) -> Result<&mut LiveSession<T>, SessionError> {
        self.loaded_for(manager, false)?;
        self.open(manager)
    }

    /// Fails if the store was not asked yet, or gave no answer that the call needs.
    fn loaded_for(
        &mut self,
        manager: &SessionManager<T>,
        destroys: bool,
    ) -> Result<(), SessionError> {
        #[cfg(feature = "store")]
        if manager.settings().store.is_some() {
            let stored = self.stored.as_mut().ok_or(SessionError::NotLoaded)?;
            stored.used(destroys, &mut self.events)?;
        }
        #[cfg(not(feature = "store"))]
        let _ = (manager, destroys);
        Ok(())
    }

    fn open(&mut self, manager: &SessionManager<T>) -> Result<&mut LiveSession<T>, SessionError> {
        if let Phase::Unopened = self.phase {
            let facts = self.facts.as_ref();
            let found = open::open(manager, facts, self.head_at, &mut self.events);
            let cross_origin = self.take(found);
            self.events.extend(cross_origin);
        }
        match &mut self.phase {
            Phase::Open(session, _) => Ok(session),
            // A first use now would not have told caches to keep the response private.
            Phase::Unused | Phase::Unopened => Err(SessionError::HeadersSent),
        }
    }

    /// Returns the event for a request that has no session because of its origin.
    fn take(&mut self, found: Found<T>) -> Option<Event> {
        self.refused = found.refused;
        self.rivals = found.rivals;
        #[cfg(feature = "unstable-device-bound")]
        {
            self.device.unproven = found.unproven;
        }
        self.brought = found.brought;
        self.phase = Phase::Open(found.session, Headers::Open);
        let Some(Access::Refused(request)) = self.facts.as_ref().map(|facts| &facts.access) else {
            return None;
        };
        self.refused = Some(Refusal::CrossOrigin);
        Some(Event::CrossOrigin((**request).clone()))
    }

    /// Returns the session to change it.
    pub(super) fn write(
        &mut self,
        manager: &SessionManager<T>,
        write: Write,
    ) -> Result<&mut LiveSession<T>, SessionError> {
        match self.phase {
            Phase::Open(_, Headers::Decided) | Phase::Unused => {
                return Err(SessionError::HeadersSent);
            }
            Phase::Unopened | Phase::Open(_, Headers::Open) => {}
        }
        self.loaded_for(manager, write == Write::Destroy)?;
        self.open(manager)?;
        let access = self.facts.as_ref().map(|facts| &facts.access);
        let logged_in = self.is_login();
        match access {
            Some(Access::Refused(_)) => return Err(SessionError::CrossOrigin),
            Some(Access::Allowed) if !logged_in && !self.allows(manager, write) => {
                return Err(SessionError::CrossOrigin);
            }
            _ => {}
        }
        if self.rivals.is_some() && write == Write::Change && !logged_in {
            return Err(SessionError::Rivals);
        }
        #[cfg(feature = "unstable-device-bound")]
        if write == Write::Change && !logged_in && self.device.waits() {
            return Err(SessionError::NoDeviceProof);
        }
        #[cfg(feature = "store")]
        if write == Write::Change
            && !logged_in
            && self
                .stored
                .as_ref()
                .is_some_and(|stored| stored.is_unreadable())
        {
            return Err(SessionError::Store);
        }
        self.open(manager)
    }

    /// Returns `true` if the response may carry anything for the session.
    fn may_save(&self, manager: &SessionManager<T>) -> bool {
        match self.facts.as_ref().map(|facts| &facts.access) {
            Some(Access::Refused(_)) => false,
            // A renewal too would put a planted session in the place of a login that was withheld.
            Some(Access::Allowed) => {
                self.is_login() || self.is_destroyed() || self.brings_session(manager)
            }
            Some(Access::All) | None => true,
        }
    }

    /// Returns `true` if the browser has got a newer cookie by now, or is to get it.
    #[cfg(feature = "unstable-device-bound")]
    pub(super) fn is_outdated(&self) -> bool {
        #[cfg(feature = "store")]
        return self.stored.as_ref().is_some_and(|stored| stored.is_over());
        #[cfg(not(feature = "store"))]
        false
    }

    /// Returns `true` if a handler was allowed to end the session that came.
    fn is_destroyed(&self) -> bool {
        matches!(&self.phase, Phase::Open(session, _) if session.is_destroyed())
    }

    fn is_login(&self) -> bool {
        matches!(&self.phase, Phase::Open(session, _) if session.is_login())
    }

    /// Returns `true` if a session came that another domain cannot have planted in the place of one that browsers
    /// withhold.
    fn brings_session(&self, manager: &SessionManager<T>) -> bool {
        self.is_trusted(manager, self.brought.counts)
            && matches!(&self.phase, Phase::Open(session, _) if !session.is_new())
    }

    fn is_trusted(&self, manager: &SessionManager<T>, which: SiteCookie) -> bool {
        let cookie = manager.settings().cookie_of(which);
        // A planted one would be a rival of that which they send.
        let is_sent = which == SiteCookie::Present && cookie.is_sent_from_other_sites();
        is_sent || !cookie.can_be_planted()
    }

    /// Returns `true` if a page of an allowed origin may do this.
    fn allows(&self, manager: &SessionManager<T>, write: Write) -> bool {
        match write {
            Write::Login => true,
            Write::Change => self.brings_session(manager),
            Write::Destroy => self.brings_session(manager) || self.brings_own_cookie(manager),
        }
    }

    /// Returns `true` if the visitor's own cookie came, whose session did not open: it may be ended all the same.
    fn brings_own_cookie(&self, manager: &SessionManager<T>) -> bool {
        self.brought.own && self.is_trusted(manager, SiteCookie::Present)
    }

    /// Returns what the cookie will hold of the session that came, if it is saved.
    pub(super) fn browser_holds(&self, manager: &SessionManager<T>) -> BrowserHolds {
        #[cfg(feature = "store")]
        if let (Some(store), Some(stored)) = (&manager.settings().store, &self.stored)
            && store.place == Place::Store
            && stored.came_as_ticket()
            // From a former cookie, every save moves it.
            && self.brought.counts == SiteCookie::Present
        {
            return BrowserHolds::Ticket;
        }
        #[cfg(not(feature = "store"))]
        let _ = manager;
        BrowserHolds::Session
    }

    /// Takes what the store said, unless another load was faster.
    #[cfg(feature = "store")]
    pub(super) fn loaded(&mut self, loaded: Loaded<T>) {
        let Phase::Unopened = self.phase else {
            return;
        };
        if self.stored.is_some() {
            return;
        }
        let Loaded {
            found,
            mut stored,
            events,
        } = loaded;
        stored.tell_later(self.take(found));
        self.stored = Some(stored);
        self.events.extend(events);
    }

    /// Fails for a request that has no session because of its origin.
    pub(super) fn check_origin(&mut self, manager: &SessionManager<T>) -> Result<(), SessionError> {
        let access = self.facts.as_ref().map(|facts| &facts.access);
        if !matches!(access, Some(Access::Refused(_))) {
            return Ok(());
        }
        // Its first use is what tells the log.
        self.read(manager)?;
        Err(SessionError::CrossOrigin)
    }

    /// Returns the flash messages. A request that nobody sees the answer of (HEAD, a prefetch) takes none.
    pub(super) fn take_flashes(
        &mut self,
        manager: &SessionManager<T>,
    ) -> Result<Vec<Flash>, SessionError> {
        if self.facts.as_ref().is_some_and(|facts| facts.is_preview) {
            return Ok(self.read(manager)?.flashes().to_vec());
        }
        match self.write(manager, Write::Change) {
            Ok(session) => Ok(session.take_flashes()),
            // There is nothing to take: the session is a new one.
            Err(SessionError::CrossOrigin | SessionError::Rivals) => Ok(Vec::new()),
            #[cfg(feature = "unstable-device-bound")]
            Err(SessionError::NoDeviceProof) => Ok(Vec::new()),
            #[cfg(feature = "store")]
            Err(SessionError::Store) => Ok(self.read(manager)?.flashes().to_vec()),
            Err(error) => Err(error),
        }
    }

    /// Closes a session that nobody has used until now. Returns `false` if somebody has.
    pub(super) fn close_unused(&mut self) -> bool {
        match self.phase {
            Phase::Open(..) => false,
            Phase::Unopened | Phase::Unused => {
                self.phase = Phase::Unused;
                true
            }
        }
    }

    /// Closes the session without a word: the response is not the handler's.
    #[cfg(feature = "unstable-device-bound")]
    pub(super) fn leave(&mut self) {
        match &mut self.phase {
            Phase::Open(_, headers) => *headers = Headers::Decided,
            Phase::Unopened | Phase::Unused => self.phase = Phase::Unused,
        }
    }

    /// Decides what the response carries for a session that was used: nothing at a second call.
    /// What a handler that panicked has left half done is not saved.
    pub(super) fn close<R: TryCryptoRng + ?Sized>(
        &mut self,
        manager: &SessionManager<T>,
        rng: &mut R,
        panicked: bool,
    ) -> Option<Answer> {
        let may_save = self.may_save(manager);
        let Phase::Open(session, headers) = &mut self.phase else {
            return None;
        };
        #[cfg(feature = "store")]
        if self.stored.as_ref().is_some_and(|stored| !stored.is_used()) {
            // The handler only took it.
            self.phase = Phase::Unused;
            return None;
        }
        let Headers::Open = core::mem::replace(headers, Headers::Decided) else {
            return None;
        };
        let events = &mut self.events;
        if panicked {
            #[cfg(feature = "store")]
            if let (Some(store), Some(stored)) = (&manager.settings().store, &mut self.stored) {
                // What the handler ended stays ended.
                self.write = stored::end(manager, store, stored).map(Box::new);
            }
            return Some(close::abandon(session, events));
        }
        if !may_save {
            // Nothing of the visitor's is set, removed or renewed.
            return Some(Answer::default());
        }
        let facts = self.facts.as_ref();
        #[cfg(feature = "unstable-device-bound")]
        if let Some(answer) = self.device.in_place_of(session) {
            return Some(answer);
        }
        let request = (facts, &self.brought, self.head_at);
        #[cfg(feature = "store")]
        let in_store = match (&manager.settings().store, &mut self.stored) {
            (Some(store), Some(stored)) => {
                let place = (manager, &**store);
                let (answer, write) = stored::close(place, (session, stored), request, rng, events);
                self.write = write.map(Box::new);
                Some(answer)
            }
            _ => None,
        };
        #[cfg(not(feature = "store"))]
        let in_store = None;
        let mut answer = match in_store {
            Some(answer) => answer,
            None => close::close(manager, session, request, rng, events),
        };
        if let (Some(cookie), Some(facts)) = (self.rivals, facts) {
            let cookie = manager.settings().cookie_of(cookie);
            // An attacker must not know for which places this response has no room.
            let turn = rng.try_next_u32().unwrap_or_default();
            let healing = cookie.heal(facts.host(), facts.path(), turn);
            answer.set_cookie.splice(..0, healing);
        }
        #[cfg(feature = "unstable-device-bound")]
        self.device.offer(manager, session, &mut answer, rng);
        Some(answer)
    }
}

#[cfg(test)]
mod tests;
