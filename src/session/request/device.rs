//! A session that is bound to a device, as its request finds it.

use super::{answer::Answer, facts::RequestFacts};
use crate::session::{
    data::SessionData,
    device::{Challenge, Verdict},
    events::Refusal,
    lifecycle::{LiveSession, Now},
    manager::SessionManager,
};
use alloc::{borrow::Cow, string::String, vec::Vec};
use rand_core::TryCryptoRng;

pub(super) use crate::session::device::{Presented, Unproven};

/// Where a request stands with its device.
#[derive(Default)]
pub(super) struct DeviceState {
    /// The session is bound, and there is no proof.
    pub(super) unproven: Option<Unproven>,
    /// The handler asked to offer the binding.
    pub(super) offers: bool,
}

/// Reads the proofs of a request, if it may have some.
pub(super) fn presented<T: SessionData>(
    manager: &SessionManager<T>,
    facts: &RequestFacts,
    now: Now,
    has_proofs: bool,
) -> Presented {
    let Some(settings) = &manager.settings().device else {
        return Presented::default();
    };
    let proofs = has_proofs.then(|| {
        let keys = manager.keys();
        let codecs = keys.device.as_ref()?;
        Some(codecs.read_proofs(settings, facts.cookies(), now.wall))
    });
    let proofs = proofs.flatten().unwrap_or_default();
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
    session: &mut LiveSession<T>,
) -> Result<(), (Refusal, Unproven)> {
    let settings = manager.settings();
    let (Some(device), Some(login)) = (&settings.device, session.sealed_login()) else {
        return Ok(());
    };
    let key = session.device_key();
    match presented.proofs.judge(login.login, key.as_ref()) {
        Verdict::Proven => Ok(()),
        Verdict::Adopts(key) => {
            session.adopt(key);
            Ok(())
        }
        Verdict::Unproven => match presented.unproven {
            Unproven::Counts => Ok(()),
            unproven => Err((Refusal::NoDeviceProof, unproven)),
        },
        Verdict::Unbound => {
            let denylist = settings.rules.denylist.as_ref();
            let is_copy = denylist.is_some_and(|list| list.refuses_unbound(login.login, now.wall));
            match is_copy && device.requires {
                true => Err((Refusal::BoundSince, Unproven::Over)),
                false => Ok(()),
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
        let is_wanted = settings.offers && (session.is_login() || self.offers);
        // What is not saved has no login that a key could be bound to.
        let is_lost = session.is_blank() || session.is_login() && answer.skipped;
        if !is_wanted || is_lost {
            return;
        }
        // The clock is the application's code: read before the keys are locked, because it may set others.
        let now = manager.wall();
        let keys = manager.keys();
        let (Some(codecs), Some(login)) = (&keys.device, session.known_login()) else {
            return;
        };
        let challenge = Challenge::Registration(login);
        // Without a challenge the session is as good as that of a browser that cannot bind it.
        if let Ok(challenge) = codecs.seal_challenge(challenge, now, rng) {
            let offer = settings.offer(&challenge);
            let headers = &mut answer.own.get_or_insert_default().headers;
            headers.push(("secure-session-registration", offer.into()));
        }
    }
}
