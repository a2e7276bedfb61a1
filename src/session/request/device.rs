//! A session that is bound to a device, as its request and its endpoint find it.

use super::{
    close::{Answer, OwnAnswer},
    facts::RequestFacts,
    handle::Handle,
    head::RequestHead,
    open::Refused,
    state::{State, Write},
};
use crate::{
    SealError,
    session::{
        data::SessionData,
        device::{
            Challenge, DeviceCodecs, DeviceKey, DeviceSettings, EndpointRequest, Presented,
            Unproven, Verdict, identifier, over,
        },
        endings::{Denied, DenylistEntry},
        error::SessionError,
        events::{DeviceRefusal, Event, Refusal},
        lifecycle::{EndedLogin, LiveSession, Now},
        manager::SessionManager,
    },
};
use alloc::{borrow::Cow, boxed::Box, string::String, vec::Vec};
use getrandom::SysRng;
use rand_core::TryCryptoRng;

/// Where a request stands with its device.
#[derive(Default)]
pub(super) struct DeviceState {
    /// The session is bound, and there is no proof.
    pub(super) unproven: Option<Unproven>,
    /// The handler asked to offer the binding.
    pub(super) offers: bool,
}

/// What the endpoint does next.
pub(crate) enum Step {
    Answer(Answer),
    /// The session has its key, and is to be saved.
    Bind(EndedLogin, DeviceKey),
}

/// Reads the proofs of a request.
pub(super) fn presented<T: SessionData>(
    manager: &SessionManager<T>,
    facts: &RequestFacts,
    now: Now,
) -> Presented {
    let Some(settings) = &manager.settings().device else {
        return Presented::default();
    };
    let keys = manager.keys();
    let proofs = keys.device.as_ref();
    let proofs = proofs.map(|codecs| codecs.read_proofs(settings, facts.cookies(), now.wall));
    let proofs = proofs.unwrap_or_default();
    Presented {
        unproven: facts.unproven.with(&proofs),
        proofs,
    }
}

/// Asks a session for the proof of its device.
pub(super) fn prove<T: SessionData>(
    manager: &SessionManager<T>,
    presented: &Presented,
    now: Now,
    mut session: Box<LiveSession<T>>,
) -> Result<Box<LiveSession<T>>, (Refused, Unproven)> {
    let settings = manager.settings();
    let (Some(device), Some(login)) = (&settings.device, session.sealed_login()) else {
        return Ok(session);
    };
    let refuse = |reason, unproven| {
        let refused = Refused {
            reason,
            key: session.sealing_key(),
            login: Some(login),
        };
        Err((refused, unproven))
    };
    let key = session.device_key();
    match presented.proofs.judge(login.login, key.as_ref()) {
        Verdict::Proven => Ok(session),
        Verdict::Adopts(key) => {
            session.adopt(key);
            Ok(session)
        }
        Verdict::Unproven => match presented.unproven {
            Unproven::Counts => Ok(session),
            unproven => refuse(Refusal::NoDeviceProof, unproven),
        },
        Verdict::Unbound => {
            let denylist = settings.rules.denylist.as_ref();
            let is_copy = denylist.is_some_and(|list| list.refuses_unbound(login.login, now.wall));
            match is_copy && device.requires {
                true => refuse(Refusal::BoundSince, Unproven::Over),
                false => Ok(session),
            }
        }
    }
}

impl DeviceState {
    /// Returns `true` if nothing may take the place of the session, for its browser may have the key.
    pub(super) fn waits(&self) -> bool {
        match self.unproven {
            Some(Unproven::Reload | Unproven::Prefetch | Unproven::Wait) => true,
            Some(Unproven::Over | Unproven::Counts) | None => false,
        }
    }

    /// Returns the response that takes the place of the handler's, which had no session to show.
    pub(super) fn in_place_of<T: SessionData>(&self, session: &LiveSession<T>) -> Option<Answer> {
        if session.is_login() || session.is_destroyed() {
            return None;
        }
        let (status, headers) = match self.unproven? {
            Unproven::Reload => (200, Vec::from([("refresh", Cow::Borrowed("0"))])),
            Unproven::Prefetch => (503, Vec::new()),
            Unproven::Counts | Unproven::Wait | Unproven::Over => return None,
        };
        Some(Answer::own(status, String::new(), headers))
    }

    /// Offers to bind the session of a login, and that of a handler that asked for it.
    pub(super) fn offer<T: SessionData, R: TryCryptoRng + ?Sized>(
        &self,
        manager: &SessionManager<T>,
        session: &LiveSession<T>,
        answer: &mut Answer,
        rng: &mut R,
    ) {
        let Some(settings) = &manager.settings().device else {
            return;
        };
        let is_wanted = session.is_login() || self.offers;
        let is_possible = session.device_key().is_none() && answer.failed.is_none();
        if !settings.offers || !is_wanted || !is_possible {
            return;
        }
        let keys = manager.keys();
        let (Some(codecs), Some(login)) = (&keys.device, session.known_login()) else {
            return;
        };
        let challenge = Challenge::Registration(login);
        // Without a challenge the session is as good as that of a browser that cannot bind it.
        if let Ok(challenge) = codecs.seal_challenge(challenge, manager.wall(), rng) {
            let offer = settings.offer(&challenge);
            let headers = &mut answer.own.get_or_insert_default().headers;
            headers.push(("secure-session-registration", offer.into()));
        }
    }
}

impl Answer {
    fn own(status: u16, body: String, headers: Vec<(&'static str, Cow<'static, str>)>) -> Answer {
        Answer {
            own: Some(Box::new(OwnAnswer {
                status: Some(status),
                body,
                headers,
            })),
            ..Answer::default()
        }
    }

    fn json(status: u16, body: String) -> Answer {
        let json = Cow::Borrowed("application/json");
        Answer::own(status, body, Vec::from([("content-type", json)]))
    }

    fn empty(status: u16) -> Answer {
        Answer::own(status, String::new(), Vec::new())
    }
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
    pub(crate) fn receive_endpoint<'h, H, I>(
        &self,
        head: &RequestHead<'h, H>,
    ) -> Option<EndpointRequest>
    where
        H: Fn(&'static str) -> I,
        I: IntoIterator<Item = &'h [u8]>,
    {
        let device = self.manager().settings().device.as_ref()?;
        if head.method != "POST" || !device.is_endpoint(head.path) {
            return None;
        }
        // The only error is a call from within the session's own closure, and nobody has the session yet.
        let _ = self.locked(|state| {
            state
                .facts
                .get_or_insert_with(|| RequestFacts::of_endpoint(head));
        });
        Some(EndpointRequest::read(&head.header))
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
        let closed = closed.unwrap_or_default();
        if closed.failed.is_some() {
            return Answer::empty(UNAVAILABLE);
        }
        #[cfg(feature = "store")]
        let is_in_store = settings.store.is_some();
        #[cfg(not(feature = "store"))]
        let is_in_store = false;
        if closed.set_cookie.is_empty() && !is_in_store {
            // It ended meanwhile: an event has said so.
            return Answer::empty(400);
        }
        let Some(device) = &settings.device else {
            return Answer::empty(UNAVAILABLE);
        };
        let proven = {
            let keys = manager.keys();
            let codecs = keys.device.as_ref().ok_or(SealError::Randomness);
            codecs.and_then(|codecs| {
                codecs.set_proof(device, login.login, key, now.wall, &mut SysRng)
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
                denied: Denied::Bound,
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
        match &request.refreshes {
            Some(identifier) => Step::Answer(self.refresh(state, request, identifier)),
            None => match self.register(state, request) {
                Ok((login, key)) => Step::Bind(login, key),
                Err(reason) => {
                    self.refuse(state, reason);
                    Step::Answer(Answer::empty(400))
                }
            },
        }
    }

    fn register(
        &self,
        state: &mut State<T>,
        request: &EndpointRequest,
    ) -> Result<(EndedLogin, DeviceKey), DeviceRefusal> {
        request.check_sender()?;
        let no_session = DeviceRefusal::NoSession;
        let session = state.read(self.manager).map_err(|_| no_session)?;
        let login = session.sealed_login().ok_or(no_session)?;
        if session.device_key().is_some() {
            return Err(DeviceRefusal::Bound);
        }
        let keys = self.manager.keys();
        let codecs = keys.device.as_ref().ok_or(no_session)?;
        let key = request.register(codecs, login.login, self.now.wall)?;
        session.bind(key);
        Ok((login, key))
    }

    fn refresh(&self, state: &mut State<T>, request: &EndpointRequest, named: &[u8]) -> Answer {
        if let Err(reason) = request.check_sender() {
            self.refuse(state, reason);
            return Answer::empty(400);
        }
        let session = match state.read(self.manager) {
            Ok(session) => session,
            Err(_) => return Answer::empty(UNAVAILABLE),
        };
        let (Some(key), Some(login)) = (session.device_key(), session.sealed_login()) else {
            return match state.refused.is_some_and(may_come_back) {
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
        let proven = request.prove(codecs, &key, self.now.wall);
        let answer = match proven {
            Ok(()) => self.proven(codecs, login, &key),
            Err(_) => self.challenge(codecs, &key),
        };
        match proven {
            Ok(()) if answer.is_ok() => state.events.push(Event::DeviceProven {
                id: login.session,
                login_id: login.login,
            }),
            Err(reason) if !request.asks_for_a_challenge() => self.refuse(state, reason),
            _ => {}
        }
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
        answer.set_cookie = codecs.set_proof(self.settings, login.login, key, now, &mut SysRng)?;
        Ok(answer)
    }

    fn challenge(&self, codecs: &DeviceCodecs, key: &DeviceKey) -> Result<Answer, SealError> {
        let challenge = Challenge::Refresh(key);
        let challenge = codecs.seal_challenge(challenge, self.now.wall, &mut SysRng)?;
        let header = DeviceSettings::challenge(&challenge, key);
        let headers = Vec::from([("secure-session-challenge", header.into())]);
        Ok(Answer::own(403, String::new(), headers))
    }

    fn refuse(&self, state: &mut State<T>, reason: DeviceRefusal) {
        let login = state.read(self.manager).ok();
        let login = login.and_then(|session| session.sealed_login());
        state.events.push(Event::DeviceRefused {
            id: login.map(|login| login.session),
            login_id: login.map(|login| login.login),
            reason,
        });
    }
}
