use super::{
    close::{self, Answer},
    open,
};
use crate::session::{
    data::SessionData,
    error::SessionError,
    events::{Event, Refusal},
    lifecycle::LiveSession,
    manager::SessionManager,
};
use alloc::vec::Vec;
use rand_core::TryCryptoRng;

/// Where a request stands with its session.
enum Phase<T> {
    /// Nobody has used the session: its cookies were not looked at.
    Unopened,
    Open(LiveSession<T>, Headers),
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
    /// The request's Cookie header, its lines joined.
    pub(super) cookies: Vec<u8>,
    phase: Phase<T>,
    /// Why a cookie was refused, if no other counts.
    pub(super) refused: Option<Refusal>,
    /// To be reported once no lock is held.
    pub(super) events: Vec<Event>,
}

impl<T: SessionData> State<T> {
    pub(super) fn new() -> State<T> {
        State {
            cookies: Vec::new(),
            phase: Phase::Unopened,
            refused: None,
            events: Vec::new(),
        }
    }

    /// Takes the values of the request's Cookie header lines, once.
    pub(super) fn receive<'h>(&mut self, lines: impl IntoIterator<Item = &'h [u8]>) {
        if !self.cookies.is_empty() {
            return;
        }
        for line in lines {
            if !self.cookies.is_empty() {
                self.cookies.push(b';');
            }
            self.cookies.extend_from_slice(line);
        }
    }

    /// Returns the session to read it, and opens it at its first use.
    pub(super) fn read(
        &mut self,
        manager: &SessionManager<T>,
    ) -> Result<&mut LiveSession<T>, SessionError> {
        if let Phase::Unopened = self.phase {
            let found = open::open(manager, &self.cookies, &mut self.events);
            self.refused = found.refused;
            self.phase = Phase::Open(found.session, Headers::Open);
        }
        match &mut self.phase {
            Phase::Open(session, _) => Ok(session),
            // A first use now would not have told caches to keep the response private.
            Phase::Unused | Phase::Unopened => Err(SessionError::HeadersSent),
        }
    }

    /// Returns the session to change it.
    pub(super) fn write(
        &mut self,
        manager: &SessionManager<T>,
    ) -> Result<&mut LiveSession<T>, SessionError> {
        match self.phase {
            Phase::Open(_, Headers::Decided) | Phase::Unused => Err(SessionError::HeadersSent),
            Phase::Unopened | Phase::Open(_, Headers::Open) => self.read(manager),
        }
    }

    /// Decides what the response carries: nothing if nobody used the session, or at a second call.
    /// What a handler that panicked has left half done is not saved.
    pub(super) fn close<R: TryCryptoRng + ?Sized>(
        &mut self,
        manager: &SessionManager<T>,
        rng: &mut R,
        panicked: bool,
    ) -> Option<Answer> {
        let Phase::Open(session, headers) = &mut self.phase else {
            self.phase = Phase::Unused;
            return None;
        };
        match core::mem::replace(headers, Headers::Decided) {
            Headers::Decided => None,
            Headers::Open if panicked => Some(close::abandon(session, &mut self.events)),
            Headers::Open => {
                let (cookies, events) = (&self.cookies, &mut self.events);
                Some(close::close(manager, session, cookies, rng, events))
            }
        }
    }
}

#[cfg(test)]
mod tests;
