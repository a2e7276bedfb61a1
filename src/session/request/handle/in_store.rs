//! What a handle to a session does with its store.

use super::{Handle, stored};
use crate::session::{
    data::SessionData,
    error::SessionError,
    events::Event,
    record::SessionId,
    request::Answer,
    store::{OwnSession, StoreError, StoreErrorKind},
};
use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};
use core::{pin::Pin, time::Duration};

/// What a store has to do for a request.
pub(crate) type Boxed<R> = Pin<Box<dyn Future<Output = R> + Send>>;

impl<T: SessionData> Handle<T> {
    /// Returns a future that loads the session from its store and gives `result`, or `result` if there is nothing
    /// to load.
    ///
    /// In its box, as that of [`write_to_store`](Handle::write_to_store): both are large, and would be copied on
    /// their way there.
    pub(crate) fn load<R: Send + 'static>(&self, result: R) -> Result<Boxed<R>, R> {
        let Some(store) = self.manager().settings().store.as_ref() else {
            return Err(result);
        };
        let tokens = self
            .locked(|state| {
                if state.stored.is_some() {
                    return None;
                }
                match stored::begin(self.manager(), state.facts.as_ref(), state.head_at) {
                    Ok(tokens) => Some(tokens),
                    Err(loaded) => {
                        state.loaded(loaded);
                        None
                    }
                }
            })
            .ok()
            .flatten();
        let Some(tokens) = tokens else {
            return Err(result);
        };
        let (handle, store) = (self.clone(), Arc::clone(store));
        Ok(Box::pin(async move {
            let owed = Owed::now(&handle);
            let loaded = stored::load(handle.manager(), &store, tokens).await;
            owed.came();
            let events = handle.locked(|state| {
                state.loaded(loaded);
                core::mem::take(&mut state.events)
            });
            handle.report(&events.unwrap_or_default());
            result
        }))
    }

    /// Returns a future that writes the closed session to its store and gives what `then` makes of the answer, if
    /// there is something to write.
    pub(crate) fn write_to_store<R>(
        &self,
        answer: Answer,
        then: impl FnOnce(Answer) -> R + Send + 'static,
    ) -> Result<Boxed<R>, Answer> {
        let Some(store) = self.manager().settings().store.as_ref() else {
            return Err(answer);
        };
        let Ok(true) = self.locked(|state| state.write.is_some()) else {
            return Err(answer);
        };
        let (handle, store) = (self.clone(), Arc::clone(store));
        Ok(Box::pin(async move {
            // Not before: if this future is dropped unpolled, the session is abandoned with what it ends.
            let Ok(Some(write)) = handle.locked(|state| state.write.take()) else {
                return then(answer);
            };
            let owed = Owed::now(&handle);
            let (answer, events) = stored::commit(handle.manager(), &store, write, answer).await;
            owed.came();
            handle.report(&events);
            then(answer)
        }))
    }

    /// Ends every other session of the subject.
    pub(crate) async fn end_others(&self) -> Result<u32, SessionError> {
        let manager = self.manager();
        let (subject, ids, asked) = self.call(|state| {
            let session = state.read(manager)?;
            let subject = session.subject().map(String::from);
            let ids: Vec<SessionId> = session.own_ids().collect();
            let is_login = session.is_login();
            let stored = state.stored.as_ref().filter(|_| !is_login);
            Ok((subject, ids, stored.and_then(|stored| stored.asked_at())))
        })?;
        let Some(subject) = subject else {
            return Ok(0);
        };
        let failed = |error: &StoreError| {
            self.report(&[stored::store_failed(error)]);
            SessionError::Store
        };
        let key = |id| stored::record_key(manager, id).map_err(|error| failed(&error));
        let own = OwnSession {
            keys: ids.into_iter().map(key).collect::<Result<_, _>>()?,
            asked_at: asked.map(|(id, _)| key(id)).transpose()?,
            was_there: asked.is_some_and(|(_, was_there)| was_there),
        };
        let ended = manager.end_but(&subject, Some(own)).await;
        ended
            .map_err(|error| failed(&error))?
            .ok_or(SessionError::Ended)
    }
}

/// An answer that the store owes. If the request is dropped before, because its client hangs up or a layer outside waits
/// no longer, nobody else would tell that the store is silent.
struct Owed<'h, T: SessionData> {
    handle: &'h Handle<T>,
    since: Option<Duration>,
}

/// Clients that hang up sooner say nothing of the store.
const OWED_TOO_LONG: Duration = Duration::from_secs(1);

impl<'h, T: SessionData> Owed<'h, T> {
    fn now(handle: &'h Handle<T>) -> Owed<'h, T> {
        let since = Some(handle.manager().ticks());
        Owed { handle, since }
    }

    fn came(mut self) {
        self.since = None;
    }
}

impl<T: SessionData> Drop for Owed<'_, T> {
    fn drop(&mut self) {
        let ticks = || self.handle.manager().ticks();
        // A panic within a panic would end the process, and the clock and the report are the application's code.
        let since = self.since.filter(|_| !std::thread::panicking());
        if since.is_some_and(|since| ticks().saturating_sub(since) >= OWED_TOO_LONG) {
            self.handle.report(&[Event::StoreFailed {
                kind: StoreErrorKind::Timeout,
                detail: Some("the request was dropped while it waited for the store".into()),
            }]);
        }
    }
}
