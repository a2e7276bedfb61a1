//! Proof cookies and challenges: tokens under keys of their own.

use super::{
    DeviceKey, DeviceSettings,
    judgement::{DeviceProof, Proofs},
};
use crate::{
    Codec, Keyring, OpenError, Opened, SealError, Timestamp,
    session::{cookie::CandidateBudget, record::LoginId},
};
use alloc::{borrow::Cow, string::String, vec::Vec};
use core::time::Duration;
use rand_core::TryCryptoRng;

/// The first parts of HKDF's info.
const PROOF: &[u8] = b"device-proof";
const CHALLENGE: &[u8] = b"device-challenge";

/// How old the challenge of a registration may be: the browser makes a key in the meantime.
const REGISTRATION_AGE: Duration = Duration::from_secs(300);
/// How old the challenge of a refresh may be: the browser only signs in the meantime.
const REFRESH_AGE: Duration = Duration::from_secs(60);

/// The payload of a proof cookie: login id and device key, exactly 41 bytes.
type ProofPayload = ([u8; 8], u8, [u8; 32]);

/// The codecs of one keyring.
pub(crate) struct DeviceCodecs {
    /// Those of the proof cookies, in the order of [`DeviceSettings::cookies`].
    proofs: Vec<Codec>,
    challenge: Codec,
    /// While a change of the name, realm or type rolls out, another instance may have made the challenge.
    former_challenges: Vec<Codec>,
}

/// The name, the realm and the type of a session cookie.
type Purpose<'p> = (&'p str, &'p str, &'p str);

/// What a challenge is good for.
#[derive(Clone, Copy)]
pub(crate) enum Challenge<'a> {
    /// To bind the session of a login.
    Registration(LoginId),
    /// To prove this key again.
    Refresh(&'a DeviceKey),
}

impl Challenge<'_> {
    /// What it is bound to, so that none of one kind, login or key is good for another.
    fn associated_data(self) -> Vec<u8> {
        match self {
            Challenge::Registration(login) => [&[0][..], &login.to_bytes()].concat(),
            Challenge::Refresh(key) => [&[1][..], key].concat(),
        }
    }

    fn max_age(self) -> Duration {
        match self {
            Challenge::Registration(_) => REGISTRATION_AGE,
            Challenge::Refresh(_) => REFRESH_AGE,
        }
    }
}

impl DeviceCodecs {
    /// Makes the codecs for session cookies of these names, realms and types: of the present one, and of the former ones.
    pub(crate) fn new<'p>(
        keyring: &Keyring,
        settings: &DeviceSettings,
        (present, formers): (Purpose<'p>, impl Iterator<Item = Purpose<'p>> + Clone),
        skew: Duration,
        floor: Timestamp,
    ) -> DeviceCodecs {
        let codec = |label: &[u8], (name, realm, type_name): Purpose<'_>| {
            let [name, realm, type_name] = [name, realm, type_name].map(str::as_bytes);
            let info: [&[u8]; 7] = [label, &[0], name, &[0], realm, &[0], type_name];
            let codec = Codec::with_label(keyring, &info).skew(skew);
            codec.reject_issued_before(floor)
        };
        let lifetime = settings.proof_lifetime.saturating_add(skew);
        let purposes = core::iter::once(present).chain(formers.clone());
        DeviceCodecs {
            proofs: purposes
                .map(|purpose| codec(PROOF, purpose).max_age(lifetime))
                .collect(),
            challenge: codec(CHALLENGE, present),
            former_challenges: formers.map(|former| codec(CHALLENGE, former)).collect(),
        }
    }

    pub(crate) fn reject_issued_before(&mut self, floor: Timestamp) {
        let challenges = core::iter::once(&mut self.challenge).chain(&mut self.former_challenges);
        for codec in challenges.chain(&mut self.proofs) {
            *codec = codec.clone().reject_issued_before(floor);
        }
    }

    /// Reads the proof cookies of a Cookie header.
    pub(crate) fn read_proofs(
        &self,
        settings: &DeviceSettings,
        cookies: &[u8],
        now: Timestamp,
    ) -> Proofs {
        let mut budget = CandidateBudget::default();
        let mut proofs = Proofs::default();
        for (cookie, codec) in settings.cookies().iter().zip(&self.proofs) {
            for token in cookie.candidates(cookies, &mut budget).flatten() {
                // A proof is never cut into chunks.
                let Cow::Borrowed(token) = token else {
                    continue;
                };
                let token = core::str::from_utf8(token).map_err(|_| OpenError::Invalid);
                let opened = token.and_then(|token| codec.open_at::<ProofPayload>(token, now));
                match opened.and_then(read) {
                    Ok(proof) => proofs.fresh.push(proof),
                    Err(
                        OpenError::UnknownVersion | OpenError::UnknownKey(_) | OpenError::Payload,
                    ) => proofs.is_unknown = true,
                    Err(_) => {}
                }
            }
        }
        proofs
    }

    /// Returns the Set-Cookie lines of a fresh proof.
    pub(crate) fn set_proof<R: TryCryptoRng + ?Sized>(
        &self,
        settings: &DeviceSettings,
        login: LoginId,
        key: &DeviceKey,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Vec<String>, SealError> {
        let (Some(cookie), Some(codec)) = (settings.cookie(), self.proofs.first()) else {
            return Ok(Vec::new());
        };
        let [sign, x @ ..] = *key;
        let payload: ProofPayload = (login.to_bytes(), sign, x);
        let token = codec.seal_with(&payload, now, rng)?;
        let lines = cookie.set(&token, Some(settings.proof_lifetime));
        lines.map_or_else(|_| Ok(Vec::new()), |(lines, _)| Ok(lines))
    }

    pub(crate) fn seal_challenge<R: TryCryptoRng + ?Sized>(
        &self,
        challenge: Challenge<'_>,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<String, SealError> {
        let bound = challenge.associated_data();
        self.challenge.bound_to(&bound).seal_with(&(), now, rng)
    }

    /// Returns `true` for a challenge that is good for this.
    pub(crate) fn is_good(&self, token: &str, challenge: Challenge<'_>, now: Timestamp) -> bool {
        let bound = challenge.associated_data();
        let mut codecs = core::iter::once(&self.challenge).chain(&self.former_challenges);
        codecs.any(|codec| {
            let codec = codec.clone().max_age(challenge.max_age());
            codec.bound_to(&bound).open_at::<()>(token, now).is_ok()
        })
    }
}

/// Reads a proof. Its key has the form that it has in a record, or a record that took it could not be read.
fn read(opened: Opened<ProofPayload>) -> Result<DeviceProof, OpenError> {
    let (login, sign, x) = opened.value;
    if !matches!(sign, 2 | 3) {
        return Err(OpenError::Payload);
    }
    let mut key = [sign; 33];
    let (_, to) = key.split_at_mut(1);
    to.copy_from_slice(&x);
    Ok(DeviceProof {
        login: LoginId::from_bytes(login),
        key,
        issued_at: opened.issued_at,
    })
}
