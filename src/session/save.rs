//! From a session to the Set-Cookie lines: whether it is saved, and why.

use super::{
    Event, NotSaved, SaveError, SaveReason, SessionData, SessionId,
    cookies::{self, Names},
    current::Current,
    state::{Context, State},
};
use crate::{KeyId, KeyState, SealError};
use alloc::{string::String, vec, vec::Vec};
use core::time::Duration;
use rand_core::TryCryptoRng;

/// A renewal or a new seal that comes later than this after opening is left out: the session may have
/// been ended by another request meanwhile, and the late answer would bring it back.
const LATE: Duration = Duration::from_secs(5);

/// What the response is to carry for the session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) set_cookie: Vec<String>,
    /// Whether the response depends on the Cookie header.
    pub(super) used: bool,
}

impl<T: SessionData> State<T> {
    /// Ends the session's part in this exchange: decides what the response carries. Called once; a
    /// second time it has nothing to say.
    pub(super) fn finish<R: TryCryptoRng + ?Sized>(
        &mut self,
        cx: &Context<'_, T>,
        rng: &mut R,
    ) -> Result<Outcome, (Outcome, SaveError)> {
        let first = !core::mem::replace(&mut self.sent, true);
        let Some(current) = self.current.as_mut().filter(|_| first) else {
            return Ok(Outcome::default());
        };
        let mut outcome = Outcome {
            set_cookie: Vec::new(),
            used: true,
        };
        if self.panicked {
            self.events.push(Event::NotSaved {
                id: current.id,
                reason: NotSaved::Panicked,
            });
            return Ok(outcome);
        }
        let name = &cx.config().cookie.name;
        let received = || cookies::received([self.received.as_slice()].into_iter(), name);
        let saved = current.save(cx, rng);
        let (stale, kept) = match &saved {
            // Parts of a longer session before: of no use, and every request would carry them.
            Ok(Some(saved)) => (received(), saved.cookies.len()),
            // Only `destroy` removes what it does not replace.
            _ if self.destroyed => (received().with(0), 0),
            _ => (Names::default(), 0),
        };
        let mut failed = None;
        match saved {
            Ok(None) => {}
            Ok(Some(saved)) => {
                let lines = saved.cookies.iter();
                let lines =
                    lines.map(|(name, value)| cx.config().set_cookie(name, value, saved.max_age));
                outcome.set_cookie.extend(lines);
                self.events.push(saved.event);
                self.events.extend(saved.regenerated);
            }
            Err(NoCookie::Not(reason)) => self.events.push(Event::NotSaved {
                id: current.id,
                reason,
            }),
            Err(NoCookie::Failed(error)) => {
                self.events.push(Event::Failed {
                    id: current.id,
                    error,
                });
                failed = Some(error);
            }
        }
        let removals = stale
            .beyond(kept, name)
            .map(|name| cx.config().cookie.remove(&name));
        outcome.set_cookie.extend(removals);
        match failed {
            None => Ok(outcome),
            Some(error) => Err((outcome, error)),
        }
    }
}

/// A session on its way into cookies.
struct Saved {
    cookies: Vec<(String, String)>,
    max_age: Option<Duration>,
    event: Event,
    regenerated: Option<Event>,
}

/// Why there is no cookie.
enum NoCookie {
    Not(NotSaved),
    Failed(SaveError),
}

impl<T: SessionData> Current<T> {
    /// Seals the session, if there is a reason to.
    fn save<R: TryCryptoRng + ?Sized>(
        &mut self,
        cx: &Context<'_, T>,
        rng: &mut R,
    ) -> Result<Option<Saved>, NoCookie> {
        if self.is_blank() {
            return Ok(None);
        }
        let id = self.id_or_new(rng).map_err(NoCookie::Failed)?;
        let Some((reason, record)) = self.to_save(cx, id).map_err(NoCookie::Failed)? else {
            return Ok(None);
        };
        let renewal = matches!(reason, SaveReason::Renewed | SaveReason::Resealed);
        if renewal && cx.now().saturating_duration_since(self.opened_at) > LATE {
            return Err(NoCookie::Not(NotSaved::TooLate));
        }
        let now = cx.now();
        if self.limits(cx).check(self.created_at, now, now).is_err() {
            return Err(NoCookie::Not(NotSaved::Ended));
        }
        if !self.replaces_valid(cx) || !self.is_valid(cx, id, now) {
            return Err(NoCookie::Not(NotSaved::NotValidated));
        }
        match self.seal(cx, rng, reason, id, &record) {
            Ok(saved) => Ok(Some(saved)),
            // The cookie that the browser has is as good as it was: no reason to fail a request.
            Err(error) if renewal => Err(NoCookie::Not(NotSaved::RenewalFailed(error))),
            Err(error) => Err(NoCookie::Failed(error)),
        }
    }

    /// Why this session is to be saved, and the record to save; `None` if there is no reason.
    pub(super) fn to_save(
        &self,
        cx: &Context<'_, T>,
        id: SessionId,
    ) -> Result<Option<(SaveReason, Vec<u8>)>, SaveError> {
        let Some(cookie) = &self.cookie else {
            let record = self.encode_checked(id).ok_or(SaveError::Unreadable)?;
            return Ok(Some((SaveReason::Created, record)));
        };
        if self.touched {
            let record = self.encode_checked(id).ok_or(SaveError::Unreadable)?;
            if record != cookie.record.0 {
                return Ok(Some((SaveReason::Changed, record)));
            }
        }
        let renew_after = cx.config().renew_after;
        let reason = if matches!(cookie.key_state, KeyState::Retired(_)) {
            SaveReason::Resealed
        } else if self
            .limits(cx)
            .renewal_due(cookie.issued_at, cx.now(), renew_after)
        {
            SaveReason::Renewed
        } else {
            return Ok(None);
        };
        Ok(Some((reason, cookie.record.0.clone())))
    }

    /// The cookies for a record, and what is told of them.
    fn seal<R: TryCryptoRng + ?Sized>(
        &self,
        cx: &Context<'_, T>,
        rng: &mut R,
        reason: SaveReason,
        id: SessionId,
        record: &[u8],
    ) -> Result<Saved, SaveError> {
        cx.config().fits(record.len())?;
        let (token, key) = seal_record(cx, record, rng)?;
        let name = &cx.config().cookie.name;
        let cookies = cookies::cut(token, name, cx.config().attributes_len, cx.config().cookies)?;
        let len = cookies
            .iter()
            .map(|(name, value)| name.len().saturating_add(1).saturating_add(value.len()))
            .sum();
        let end = self.limits(cx).end(self.created_at, cx.now());
        Ok(Saved {
            cookies,
            max_age: self
                .remembered
                .then(|| end.saturating_duration_since(cx.now())),
            event: Event::Saved {
                id,
                key,
                reason,
                len,
            },
            regenerated: self.replaces().map(|cookie| Event::Regenerated {
                from: cookie.id,
                to: id,
                absolute_end: cookie.absolute_end,
            }),
        })
    }

    /// Whether nobody would miss this session.
    fn is_blank(&self) -> bool {
        let encoded = |data: &T| postcard::to_allocvec(data);
        self.cookie.is_none()
            && self.flashes.is_empty()
            && (!self.touched
                || encoded(&self.data)
                    .is_ok_and(|data| encoded(&T::default()).is_ok_and(|empty| data == empty)))
    }
}

/// The token of a record under the primary key, and that key's id.
fn seal_record<T: SessionData, R: TryCryptoRng + ?Sized>(
    cx: &Context<'_, T>,
    record: &[u8],
    rng: &mut R,
) -> Result<(String, KeyId), SaveError> {
    let codec = cx.sessions.codec();
    let mut text = vec![0; codec.token_len(record.len())];
    let write = |buf: &mut [u8]| {
        let needed = record.len();
        buf.get_mut(..needed)
            .ok_or(SealError::BufferTooSmall { needed })?
            .copy_from_slice(record);
        Ok(needed)
    };
    let len = codec
        .seal_payload(None, cx.now(), rng, &mut text, write)
        .map_err(|error| match error {
            SealError::Randomness => SaveError::Randomness,
            SealError::Time => SaveError::Clock,
            _ => SaveError::Unreadable,
        })?;
    text.truncate(len);
    let token = String::from_utf8(text).map_err(|_| SaveError::Unreadable)?;
    Ok((token, codec.primary()))
}
