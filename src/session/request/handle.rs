use super::{
    answer::Answer,
    facts::RequestFacts,
    state::{State, Write},
};
use crate::{
    Timestamp,
    session::{
        data::SessionData,
        endings::RecentEnd,
        error::{SaveError, SessionError},
        events::{self, Event, Refusal, log},
        head::RequestHead,
        lifecycle::{EndedLogin, LiveSession, Rules},
        manager::SessionManager,
        record::Flash,
    },
    system_random::SystemRandom,
};
use alloc::{sync::Arc, vec::Vec};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

#[cfg(feature = "store")]
use super::stored;

/// A handle to the session of one request. Clones share it, and none of them holds a lock across an
/// await.
pub(crate) struct Handle<T: SessionData> {
    shared: Arc<Shared<T>>,
    /// A handler got it from an adapter. Clones, and what the adapter keeps, are not of this kind.
    is_given: bool,
}

struct Shared<T: SessionData> {
    manager: SessionManager<T>,
    state: Mutex<State<T>>,
    /// The thread that is inside a call now, or 0.
    inside: AtomicUsize,
    /// How many handles that handlers got are alive.
    given: AtomicUsize,
    /// Set when a handler's panic dropped a handle.
    panicked: AtomicBool,
}

/// What a handler has ended stays ended, also if there is no response: its client hung up, or a panic took the
/// connection along.
#[cfg(feature = "store")]
impl<T: SessionData> Drop for Shared<T> {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let (Some(store), Some(stored)) = (&self.manager.settings().store, &mut state.stored) {
            stored::abandon(&self.manager, store, stored, state.write.take());
        }
    }
}

impl<T: SessionData> Handle<T> {
    pub(crate) fn new(manager: SessionManager<T>) -> Handle<T> {
        Handle {
            shared: Arc::new(Shared {
                state: Mutex::new(State::new(manager.ticks())),
                manager,
                inside: AtomicUsize::new(0),
                given: AtomicUsize::new(0),
                panicked: AtomicBool::new(false),
            }),
            is_given: false,
        }
    }

    /// Returns a handle for a handler, or for a middleware.
    pub(crate) fn give(&self) -> Handle<T> {
        self.shared.given.fetch_add(1, Ordering::Relaxed);
        Handle {
            shared: Arc::clone(&self.shared),
            is_given: true,
        }
    }

    pub(crate) fn manager(&self) -> &SessionManager<T> {
        &self.shared.manager
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.shared.manager.wall()
    }

    pub(crate) fn rules(&self) -> &Rules<T> {
        &self.shared.manager.settings().rules
    }

    /// Takes what the session needs of the request's head, once. Opens nothing yet.
    pub(crate) fn receive<'h, H, N, V>(&self, head: &RequestHead<'h, H>)
    where
        H: IntoIterator<Item = (&'h N, &'h V)> + Clone,
        N: AsRef<str> + ?Sized + 'h,
        V: AsRef<[u8]> + ?Sized + 'h,
    {
        // The only error is a call from within the session's own closure, and then it has the head.
        let _ = self.locked(|state| {
            state
                .facts
                .get_or_insert_with(|| RequestFacts::read(head, self.manager()));
        });
    }

    /// Returns the request's Cookie header.
    pub(crate) fn received(&self) -> Result<Vec<u8>, SessionError> {
        let cookies = |state: &mut State<T>| match &state.facts {
            Some(facts) => facts.cookies().to_vec(),
            None => Vec::new(),
        };
        Ok(self.locked(cookies)?)
    }

    /// Fails if the request comes from another origin and has no session for that reason. The first
    /// refusal is reported as the session's own is.
    pub(crate) fn check_origin(&self) -> Result<(), SessionError> {
        self.call(|state| state.check_origin(self.manager()))
    }

    /// Returns why the request's cookie was refused, if it has none that counts.
    pub(crate) fn refused(&self) -> Result<Option<Refusal>, SessionError> {
        self.call(|state| {
            state.read(self.manager())?;
            Ok(state.refused)
        })
    }

    /// Runs `f` on the session, which is opened at its first use.
    pub(crate) fn read<R>(
        &self,
        f: impl FnOnce(&mut LiveSession<T>) -> R,
    ) -> Result<R, SessionError> {
        self.call(|state| state.read(self.manager()).map(f))
    }

    /// Returns the end of the session if it is not used again.
    pub(crate) fn expires_at(&self) -> Result<Timestamp, SessionError> {
        // The clock is the application's code, which may use the session.
        let (rules, now) = (self.rules(), self.now());
        self.call(|state| {
            let renews = state.facts.as_ref().is_none_or(|facts| facts.renews);
            let holds = state.browser_holds(self.manager());
            let session = state.read(self.manager())?;
            Ok(session.expires_at(rules, now, renews, holds))
        })
    }

    /// Runs `f` on the session to change it.
    pub(crate) fn write<R>(
        &self,
        f: impl FnOnce(&mut LiveSession<T>) -> R,
    ) -> Result<R, SessionError> {
        self.call(|state| state.write(self.manager(), Write::Change).map(f))
    }

    /// Runs `f` on the session to log somebody in.
    pub(crate) fn log_in<R>(
        &self,
        f: impl FnOnce(&mut LiveSession<T>) -> R,
    ) -> Result<R, SessionError> {
        self.call(|state| state.write(self.manager(), Write::Login).map(f))
    }

    /// Tells of a value that has another type than the handler asked for. Unless it was removed, this
    /// response does not renew the session.
    pub(crate) fn tell_wrong_type(&self, key: &str, reason: &str, removed: bool) {
        // The only error is a call from within the session's own closure, and then nothing was read.
        let _ = self.call(|state| {
            let session = state.read(self.manager())?;
            if !removed {
                session.misread();
            }
            let event = Event::WrongType {
                id: session.known_id(),
                key: key.into(),
                reason: reason.into(),
                removed,
            };
            state.events.push(event);
            Ok(())
        });
    }

    /// Takes the flash messages.
    pub(crate) fn take_flashes(&self) -> Result<Vec<Flash>, SessionError> {
        self.call(|state| state.take_flashes(self.manager()))
    }

    /// Runs `f`, which may add to the session, and then says whether the session still fits its cookies.
    pub(crate) fn grow<R>(
        &self,
        f: impl FnOnce(&mut LiveSession<T>) -> Result<R, SessionError>,
    ) -> Result<R, SessionError> {
        self.call(|state| {
            let session = state.write(self.manager(), Write::Change)?;
            let result = f(session)?;
            self.manager().settings().fits(session.record_len()?)?;
            Ok(result)
        })
    }

    /// Runs `f` with the time, and ends every login whose cookie the request brought unless it returns `true`.
    pub(crate) fn keep_or_destroy(
        &self,
        write: Write,
        f: impl FnOnce(&mut LiveSession<T>, Timestamp) -> bool,
    ) -> Result<(), SessionError> {
        // The clock is the application's code, which may use the session.
        let now = self.manager().now();
        self.call(|state| {
            let session = state.write(self.manager(), write)?;
            if f(session, now.wall) {
                return Ok(());
            }
            let own = session.sealed_login();
            session.destroy(self.rules(), now.wall);
            let others = core::mem::take(&mut state.brought.others);
            let mut told: Vec<EndedLogin> = Vec::new();
            for login in own.into_iter().chain(others) {
                if told.contains(&login) {
                    continue;
                }
                told.push(login);
                #[cfg(feature = "store")]
                if let Some(stored) = &mut state.stored {
                    let ended = self.rules().end_of(login.login, now);
                    stored.destroyed.push((login, ended));
                }
                state.events.push(Event::Destroyed {
                    id: login.session,
                    login_id: login.login,
                    absolute_end: login.absolute_end,
                });
                let full = self.manager().end(login, RecentEnd::Ended, now);
                state.events.extend(full);
            }
            Ok(())
        })
    }

    /// Closes the session: see `State::close`.
    pub(crate) fn close(&self) -> Option<Answer> {
        let (mut events, mut is_dropped) = (Vec::new(), false);
        let closed = self.locked(|state| {
            if state.close_unused() {
                return None;
            }
            let lock = &self.shared.state;
            // A closure that panicked half way poisoned the lock.
            let panicked = lock.is_poisoned() || self.shared.panicked.load(Ordering::Relaxed);
            let answer = state.close(self.manager(), &mut SystemRandom, panicked)?;
            is_dropped = !answer.set_cookie.is_empty()
                && (state.facts.as_ref()).is_some_and(|facts| facts.drops_cookies);
            events = core::mem::take(&mut state.events);
            Some(answer)
        });
        match closed {
            Ok(answer) => {
                self.report(&events);
                if is_dropped {
                    log::secure_cookie_over_http();
                }
                answer
            }
            // Within a closure of this session, what it does is not done yet.
            Err(InUse) => {
                // To the log alone: the application's callback would run with the lock held.
                events::report(&Event::Failed {
                    id: None,
                    error: SaveError::InUse,
                });
                Some(Answer::failure(SaveError::InUse))
            }
        }
    }

    /// Runs `f` on the state, then reports what happened with no lock held.
    pub(super) fn call<R>(
        &self,
        f: impl FnOnce(&mut State<T>) -> Result<R, SessionError>,
    ) -> Result<R, SessionError> {
        let mut events = Vec::new();
        let result = self.locked(|state| {
            let result = f(state);
            events = core::mem::take(&mut state.events);
            result
        })?;
        self.report(&events);
        result
    }

    pub(super) fn report(&self, events: &[Event]) {
        for event in events {
            self.manager().report(event);
        }
    }

    pub(super) fn locked<R>(&self, f: impl FnOnce(&mut State<T>) -> R) -> Result<R, InUse> {
        let Shared { state, inside, .. } = &*self.shared;
        let me = this_thread();
        // A second call from within a closure would wait for itself.
        if inside.load(Ordering::Relaxed) == me {
            return Err(InUse);
        }
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        inside.store(me, Ordering::Relaxed);
        let _leave = Leave(inside);
        Ok(f(&mut state))
    }
}

impl<T: SessionData> Clone for Handle<T> {
    fn clone(&self) -> Handle<T> {
        Handle {
            shared: Arc::clone(&self.shared),
            is_given: false,
        }
    }
}

/// A handler's panic marks the session: a framework that catches the panic answers all the same, and what
/// the handler left half done is not to be saved. A panic that drops a clone, while the handler still has
/// its own handle, is that of a task beside it. Without one, nobody can tell, and nothing is saved. A panic that
/// drops no handle is not noticed: the handler gave its own to a function that has returned.
impl<T: SessionData> Drop for Handle<T> {
    fn drop(&mut self) {
        let Shared {
            given, panicked, ..
        } = &*self.shared;
        if std::thread::panicking() && (self.is_given || given.load(Ordering::Relaxed) == 0) {
            // Without the lock: another thread may be inside, and this one may be itself.
            panicked.store(true, Ordering::Relaxed);
        }
        if self.is_given {
            given.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The call came from within a closure that runs inside of another call.
pub(super) struct InUse;

impl From<InUse> for SessionError {
    fn from(_: InUse) -> SessionError {
        SessionError::InUse
    }
}

/// Marks the call as left, also when it panics.
struct Leave<'s>(&'s AtomicUsize);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// A number for this thread while it lives, never 0.
fn this_thread() -> usize {
    std::thread_local!(static HERE: u8 = const { 0 });
    HERE.with(|here| core::ptr::from_ref(here).addr())
}

#[cfg(feature = "store")]
mod in_store;
#[cfg(feature = "store")]
pub(crate) use in_store::Boxed;
