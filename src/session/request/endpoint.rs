//! The endpoint where a browser registers the key of its device, and proves it again.

use super::{
    answer::Answer,
    facts::RequestFacts,
    handle::Handle,
    state::{State, Write},
};
use crate::{
    SealError,
    session::{
        data::SessionData,
        device::{
            Challenge, DeviceCodecs, DeviceKey, DeviceSettings, EndpointRequest, identifier, over,
        },
        endings::{Denied, DenylistEntry},
        error::SessionError,
        events::{DeviceRefusal, Event, Refusal},
        head::{RequestHead, RequestHeaders},
        lifecycle::{EndedLogin, Now},
        manager::SessionManager,
    },
    system_random::SystemRandom,
};
use alloc::{string::String, vec::Vec};

/// What the endpoint does next.
pub(crate) enum Step {
    Answer(Answer),
    /// The session has its key, and is to be saved.
    Bind(EndedLogin, DeviceKey),
}

/// For now: the browser tries again later, and keeps its key.
const UNAVAILABLE: u16 = 503;

/// Returns `true` for a cookie that another instance may read, or a later request.
fn may_come_back(refused: Refusal) -> bool {
    matches!(
        refused,
        Refusal::UnknownKey
            | Refusal::UnknownVersion
            | Refusal::UnknownLayout
            | Refusal::NewerSchema
            | Refusal::NotYetValid
            | Refusal::Rival
    )
}

impl<T: SessionData> Handle<T> {
    /// Takes a request that is for the endpoint.
    pub(crate) fn receive_endpoint<'h, H, N, V>(
        &self,
        head: &RequestHead<'h, H>,
    ) -> Option<EndpointRequest>
    where
        H: IntoIterator<Item = (&'h N, &'h V)> + Clone,
        N: AsRef<str> + ?Sized + 'h,
        V: AsRef<[u8]> + ?Sized + 'h,
    {
        let device = self.manager().settings().device.as_ref()?;
        if head.method != "POST" || !device.is_endpoint(head.path) {
            return None;
        }
        let headers = RequestHeaders::read(head.headers.clone());
        // The only error is a call from within the session's own closure, and nobody has the session yet.
        let _ = self.locked(|state| {
            state
                .facts
                .get_or_insert_with(|| RequestFacts::of_endpoint(&headers));
        });
        Some(EndpointRequest::read(&headers))
    }

    /// Answers a browser at the endpoint, once its session is loaded.
    pub(crate) fn answer_endpoint(&self, request: &EndpointRequest) -> Step {
        let now = self.manager().now();
        let step = self.call(|state| {
            let step = match &self.manager().settings().device {
                Some(settings) => Endpoint {
                    manager: self.manager(),
                    settings,
                    now,
                }
                .answer(state, request),
                None => Step::Answer(Answer::empty(UNAVAILABLE)),
            };
            if let Step::Answer(_) = step {
                state.leave();
            }
            Ok(step)
        });
        step.unwrap_or_else(|_in_use| Step::Answer(Answer::empty(UNAVAILABLE)))
    }

    /// Answers a registration whose session was closed with its key, and committed.
    pub(crate) fn answer_bound(
        &self,
        login: EndedLogin,
        key: &DeviceKey,
        closed: Option<Answer>,
    ) -> Answer {
        let manager = self.manager();
        let now = manager.now();
        let settings = manager.settings();
        let Some(closed) = closed.filter(|closed| !closed.skipped) else {
            // It ended meanwhile: an event has said so.
            return Answer::empty(400);
        };
        if closed.failed.is_some() {
            return Answer::empty(UNAVAILABLE);
        }
        let Some(device) = &settings.device else {
            return Answer::empty(UNAVAILABLE);
        };
        let proven = {
            let keys = manager.keys();
            let codecs = keys.device.as_ref().ok_or(SealError::Randomness);
            codecs.and_then(|codecs| {
                codecs.set_proof(device, login.login, key, now.wall, &mut SystemRandom)
            })
        };
        let Ok(proof) = proven else {
            return Answer::empty(UNAVAILABLE);
        };
        self.report(&[Event::DeviceBound {
            id: login.session,
            login_id: login.login,
        }]);
        if let Some(denylist) = &settings.rules.denylist {
            let entry = DenylistEntry {
                login_id: login.login,
                end: login.absolute_end,
                denied: Denied::Bound { since: now.wall },
            };
            if let Err(full) = denylist.deny(entry, now.wall) {
                self.report(&[Event::DenylistFull(full)]);
            }
        }
        let mut answer = Answer::json(200, device.instructions(key));
        answer.set_cookie = closed.set_cookie;
        answer.set_cookie.extend(proof);
        answer
    }

    /// Offers to bind the session with this response. Returns whether it can be offered.
    pub(crate) fn offer_device_binding(&self) -> Result<bool, SessionError> {
        self.call(|state| {
            let manager = self.manager();
            let session = state.write(manager, Write::Change)?;
            let is_unbound = session.device_key().is_none() && !session.is_new();
            let offers = manager.settings().device.as_ref();
            let offers = is_unbound && offers.is_some_and(|device| device.offers);
            state.device.offers |= offers;
            Ok(offers)
        })
    }
}

/// The endpoint at this moment.
struct Endpoint<'m, T: SessionData> {
    manager: &'m SessionManager<T>,
    settings: &'m DeviceSettings,
    now: Now,
}

impl<T: SessionData> Endpoint<'_, T> {
    fn answer(&self, state: &mut State<T>, request: &EndpointRequest) -> Step {
        if state.read(self.manager).is_err() {
            return Step::Answer(Answer::empty(UNAVAILABLE));
        }
        if let Err(reason) = request.check_sender() {
            return self.refuse(state, reason);
        }
        match &request.refreshes {
            Some(identifier) => Step::Answer(self.refresh(state, request, identifier)),
            None => match self.register(state, request) {
                Ok((login, key)) => Step::Bind(login, key),
                Err(reason) => self.refuse(state, reason),
            },
        }
    }

    fn register(
        &self,
        state: &mut State<T>,
        request: &EndpointRequest,
    ) -> Result<(EndedLogin, DeviceKey), DeviceRefusal> {
        let no_session = DeviceRefusal::NoSession;
        let session = state.read(self.manager).map_err(|_| no_session)?;
        let login = session.sealed_login().ok_or(no_session)?;
        let denylist = self.manager.settings().rules.denylist.as_ref();
        // A copy of before the registration still counts for a minute, and must not be bound to another key in it.
        let is_copy = denylist.is_some_and(|denylist| denylist.binds(login.login));
        if session.device_key().is_some() || is_copy {
            return Err(DeviceRefusal::Bound);
        }
        let keys = self.manager.keys();
        let codecs = keys.device.as_ref().ok_or(no_session)?;
        let key = request.register(codecs, login.login, self.now.wall)?;
        session.bind(key);
        Ok((login, key))
    }

    fn refresh(&self, state: &mut State<T>, request: &EndpointRequest, named: &[u8]) -> Answer {
        let session = match state.read(self.manager) {
            Ok(session) => session,
            Err(_) => return Answer::empty(UNAVAILABLE),
        };
        let (Some(key), Some(login)) = (session.device_key(), session.sealed_login()) else {
            let comes_back = state.refused.is_some_and(may_come_back) || state.is_outdated();
            return match comes_back {
                true => Answer::empty(UNAVAILABLE),
                false => Answer::json(200, over()),
            };
        };
        if identifier(&key).as_bytes() != named {
            return Answer::json(200, over());
        }
        let keys = self.manager.keys();
        let Some(codecs) = &keys.device else {
            return Answer::empty(UNAVAILABLE);
        };
        let answer = match request.prove(codecs, &key, self.now.wall) {
            Ok(()) => self.proven(codecs, login, &key).inspect(|_| {
                state.events.push(Event::DeviceProven {
                    id: login.session,
                    login_id: login.login,
                });
            }),
            Err(reason) => {
                if !request.asks_for_a_challenge() {
                    self.tell(state, reason);
                }
                self.challenge(codecs, &key)
            }
        };
        answer.unwrap_or_else(|_| Answer::empty(UNAVAILABLE))
    }

    fn proven(
        &self,
        codecs: &DeviceCodecs,
        login: EndedLogin,
        key: &DeviceKey,
    ) -> Result<Answer, SealError> {
        let mut answer = Answer::json(200, self.settings.instructions(key));
        let now = self.now.wall;
        answer.set_cookie =
            codecs.set_proof(self.settings, login.login, key, now, &mut SystemRandom)?;
        Ok(answer)
    }

    fn challenge(&self, codecs: &DeviceCodecs, key: &DeviceKey) -> Result<Answer, SealError> {
        let challenge = Challenge::Refresh(key);
        let challenge = codecs.seal_challenge(challenge, self.now.wall, &mut SystemRandom)?;
        let header = DeviceSettings::challenge(&challenge, key);
        let headers = Vec::from([("secure-session-challenge", header.into())]);
        Ok(Answer::own(403, String::new(), headers))
    }

    fn refuse(&self, state: &mut State<T>, reason: DeviceRefusal) -> Step {
        self.tell(state, reason);
        Step::Answer(Answer::empty(400))
    }

    fn tell(&self, state: &mut State<T>, reason: DeviceRefusal) {
        let login = state.read(self.manager).ok();
        let login = login.and_then(|session| session.sealed_login());
        state.events.push(Event::DeviceRefused {
            id: login.map(|login| login.session),
            login_id: login.map(|login| login.login),
            reason,
        });
    }
}
