//! One session during one request: what the cookie said and what the handler made of it. Time and
//! randomness are parameters.

use super::{
    Event, Flash, SessionData, SessionError, SessionId, SessionManager,
    config::Config,
    current::{Current, new_id},
    error::{MAX_FLASH_BYTES, MAX_FLASHES},
};
use crate::{Timestamp, timestamp::whole_seconds};
use alloc::vec::Vec;
use core::{cell::OnceCell, time::Duration};
use rand_core::TryCryptoRng;

/// What a request and its response have of a session.
pub(super) struct State<T> {
    /// The Cookie header.
    pub(super) received: Vec<u8>,
    /// From the first use on.
    pub(super) current: Option<Current<T>>,
    pub(super) destroyed: bool,
    pub(super) panicked: bool,
    pub(super) sent: bool,
    pub(super) events: Vec<Event>,
}

/// What stays the same for the length of one call.
pub(super) struct Context<'c, T: SessionData> {
    pub(super) sessions: &'c SessionManager<T>,
    /// Read when first asked for: most calls find the session open and need no clock.
    pub(super) now: OnceCell<Timestamp>,
}

impl<'c, T: SessionData> Context<'c, T> {
    pub(super) fn config(&self) -> &'c Config<T> {
        self.sessions.config()
    }

    pub(super) fn now(&self) -> Timestamp {
        *self.now.get_or_init(|| self.sessions.now())
    }
}

impl<T: SessionData> State<T> {
    pub(super) fn new() -> State<T> {
        State {
            received: Vec::new(),
            current: None,
            destroyed: false,
            panicked: false,
            sent: false,
            events: Vec::new(),
        }
    }

    /// Takes the request's Cookie headers, once.
    pub(super) fn receive<'h>(&mut self, headers: impl IntoIterator<Item = &'h [u8]>) {
        if !self.received.is_empty() {
            return;
        }
        for header in headers {
            if !self.received.is_empty() {
                self.received.push(b';');
            }
            self.received.extend_from_slice(header);
        }
    }

    /// Ends the exchange if nobody has used the session: what most requests do.
    pub(super) fn close_unused(&mut self) -> bool {
        self.sent |= self.current.is_none();
        self.current.is_none()
    }

    /// Opens the session at its first use.
    fn current(&mut self, cx: &Context<'_, T>) -> Result<&mut Current<T>, SessionError> {
        if self.current.is_none() {
            if self.sent {
                return Err(SessionError::HeadersSent);
            }
            let opened = self.open(cx);
            self.current = Some(opened.unwrap_or_else(|| Current::new(cx)));
        }
        self.current.as_mut().ok_or(SessionError::HeadersSent)
    }

    /// The session for a call that changes it.
    fn touch(&mut self, cx: &Context<'_, T>) -> Result<&mut Current<T>, SessionError> {
        if self.sent {
            return Err(SessionError::HeadersSent);
        }
        let current = self.current(cx)?;
        current.touched = true;
        Ok(current)
    }

    pub(super) fn data(&mut self, cx: &Context<'_, T>) -> Result<&T, SessionError> {
        Ok(&self.current(cx)?.data)
    }

    /// Changes the data. Whether it still fits its cookies is said at once.
    pub(super) fn change<R>(
        &mut self,
        cx: &Context<'_, T>,
        f: impl FnOnce(&mut T) -> Result<R, SessionError>,
    ) -> Result<R, SessionError> {
        let current = self.touch(cx)?;
        let result = f(&mut current.data)?;
        current.check_size(cx)?;
        Ok(result)
    }

    /// Changes the data so that it needs less room.
    pub(super) fn shrink<R>(
        &mut self,
        cx: &Context<'_, T>,
        f: impl FnOnce(&mut T) -> R,
    ) -> Result<R, SessionError> {
        Ok(f(&mut self.touch(cx)?.data))
    }

    pub(super) fn flash(&mut self, cx: &Context<'_, T>, flash: Flash) -> Result<(), SessionError> {
        let current = self.touch(cx)?;
        let bytes = current
            .flashes
            .iter()
            .map(|flash| flash.text.len())
            .sum::<usize>();
        if current.flashes.len() >= MAX_FLASHES
            || bytes.saturating_add(flash.text.len()) > MAX_FLASH_BYTES
        {
            return Err(SessionError::TooManyFlashes);
        }
        current.flashes.push(flash);
        current.check_size(cx)
    }

    pub(super) fn take_flashes(&mut self, cx: &Context<'_, T>) -> Result<Vec<Flash>, SessionError> {
        Ok(core::mem::take(&mut self.touch(cx)?.flashes))
    }

    pub(super) fn id<R: TryCryptoRng + ?Sized>(
        &mut self,
        cx: &Context<'_, T>,
        rng: &mut R,
    ) -> Result<SessionId, SessionError> {
        let current = self.current(cx)?;
        current.id_or_new(rng).map_err(|_| SessionError::Randomness)
    }

    pub(super) fn created_at(&mut self, cx: &Context<'_, T>) -> Result<Timestamp, SessionError> {
        Ok(self.current(cx)?.created_at)
    }

    pub(super) fn expires_at(&mut self, cx: &Context<'_, T>) -> Result<Timestamp, SessionError> {
        let current = self.current(cx)?;
        let issued_at = match (&current.cookie, current.to_save(cx, current.any_id())) {
            (Some(cookie), Ok(None) | Err(_)) => cookie.issued_at,
            _ => cx.now(),
        };
        Ok(current.limits(cx).end(current.created_at, issued_at))
    }

    pub(super) fn is_new(&mut self, cx: &Context<'_, T>) -> Result<bool, SessionError> {
        Ok(self.current(cx)?.cookie.is_none())
    }

    pub(super) fn is_remembered(&mut self, cx: &Context<'_, T>) -> Result<bool, SessionError> {
        Ok(self.current(cx)?.remembered)
    }

    /// Another id; with `login`, another lifetime too.
    pub(super) fn regenerate<R: TryCryptoRng + ?Sized>(
        &mut self,
        cx: &Context<'_, T>,
        login: bool,
        rng: &mut R,
    ) -> Result<(), SessionError> {
        let current = self.touch(cx)?;
        current.id = Some(new_id(rng).map_err(|_| SessionError::Randomness)?);
        if login {
            current.created_at = cx.now();
            current.limits = cx.config().limits(current.remembered);
        }
        Ok(())
    }

    /// The session ends `after` from now at the latest.
    pub(super) fn expire_in(
        &mut self,
        cx: &Context<'_, T>,
        after: Duration,
    ) -> Result<(), SessionError> {
        let current = self.touch(cx)?;
        let end = cx.now().saturating_add(after);
        let lifetime = whole_seconds(end.saturating_duration_since(current.created_at));
        // Nor beyond the settings, or raising them would bring back what should be over.
        current.limits.lifetime = lifetime.min(current.limits(cx).lifetime);
        Ok(())
    }

    pub(super) fn remember(
        &mut self,
        cx: &Context<'_, T>,
        remembered: bool,
    ) -> Result<(), SessionError> {
        let current = self.touch(cx)?;
        if current.remembered == remembered {
            return Ok(());
        }
        let (limits, now) = (cx.config().limits(remembered), cx.now());
        // A new session has nothing to end: a clock that jumped makes it old, and a cookie that was
        // refused stays.
        if current.cookie.is_some() && limits.check(current.created_at, now, now).is_err() {
            // Not saved, it would stay in the browser as it is: remembered.
            return self.destroy(cx);
        }
        current.remembered = remembered;
        current.limits = limits;
        Ok(())
    }

    pub(super) fn destroy(&mut self, cx: &Context<'_, T>) -> Result<(), SessionError> {
        // As the cookie has it, whatever this request has made of it: a session that never was in a
        // cookie has nobody who could come back with it.
        if let Some(cookie) = self.touch(cx)?.cookie.take() {
            self.events.push(Event::Destroyed {
                id: cookie.id,
                absolute_end: cookie.absolute_end,
            });
        }
        self.destroyed = true;
        self.current = Some(Current::new(cx));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
