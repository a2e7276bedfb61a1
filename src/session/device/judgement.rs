//! Which session counts, and what becomes of a bound one that comes without its proof.

use super::{DeviceKey, DeviceSettings};
use crate::{
    Timestamp,
    session::{
        head::{Header, RequestHeaders},
        record::LoginId,
    },
};
use alloc::vec::Vec;

/// What a proof cookie says: this login is on the device with this key.
pub(crate) struct DeviceProof {
    pub(super) login: LoginId,
    pub(super) key: DeviceKey,
    pub(super) issued_at: Timestamp,
}

/// The proof cookies of a request.
#[derive(Default)]
pub(crate) struct Proofs {
    pub(super) fresh: Vec<DeviceProof>,
    /// At least one is of a key, a version or a layout that another instance may know.
    pub(super) is_unknown: bool,
}

/// What a request says of its device.
#[derive(Default)]
pub(crate) struct Presented {
    pub(crate) proofs: Proofs,
    /// What becomes of it if the session is bound and none of the proofs counts.
    pub(crate) unproven: Unproven,
}

/// What the proofs of a request make of a session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is bound to no device.
    Unbound,
    /// It is bound to none, and the browser has a proof for its login: a response of before the registration
    /// came last. It takes the key.
    Adopts(DeviceKey),
    /// It is bound, and the proof is there.
    Proven,
    /// It is bound, and there is no proof.
    Unproven,
}

impl Proofs {
    /// Judges a session by its login and its key.
    pub(crate) fn judge(&self, login: LoginId, key: Option<&DeviceKey>) -> Verdict {
        let mut own = self.fresh.iter().filter(|proof| proof.login == login);
        match key {
            Some(key) if own.any(|proof| proof.key == *key) => Verdict::Proven,
            Some(_) => Verdict::Unproven,
            None => {
                // The first of equals.
                let newest = own.reduce(|newest, proof| match proof.issued_at > newest.issued_at {
                    true => proof,
                    false => newest,
                });
                newest.map_or(Verdict::Unbound, |proof| Verdict::Adopts(proof.key))
            }
        }
    }
}

/// What becomes of a request whose session is bound and has no proof. It depends on whether the browser would
/// have fetched a proof first, if it could.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Unproven {
    /// The session counts all the same: at the endpoint itself, and while proofs are not required.
    #[default]
    Counts,
    /// A link from another origin: the browser may not fetch a proof for it. The answer is an empty page that
    /// loads itself again. That second request is the site's own, so the browser fetches a proof first. It
    /// cannot loop: a request of the site's own never comes here.
    Reload,
    /// The same, and nobody looks at the answer yet.
    Prefetch,
    /// The browser could not, or need not, fetch a proof: nothing is read, and nothing written.
    Wait,
    /// The browser would have fetched a proof, so nobody has the key: no session, as after a timeout.
    Over,
}

impl Unproven {
    /// Says what becomes of a request by its head, as the browser sent it.
    pub(crate) fn of(
        settings: &DeviceSettings,
        method: &str,
        path: &str,
        headers: &RequestHeaders<'_>,
    ) -> Unproven {
        if !settings.requires {
            return Unproven::Counts;
        }
        let value = |header| headers.values(header).next().map(<[u8]>::trim_ascii);
        let is_skipped = value(Header::SecureSessionSkipped).is_some();
        if is_skipped || settings.excludes(path) {
            return Unproven::Wait;
        }
        let mode = value(Header::SecFetchMode);
        let is_from_elsewhere = matches!(
            value(Header::SecFetchSite),
            Some(b"same-site" | b"cross-site")
        );
        let is_document = value(Header::SecFetchDest) == Some(b"document");
        if is_from_elsewhere && is_document && method == "GET" && mode == Some(b"navigate") {
            return match value(Header::SecPurpose) {
                Some(_) => Unproven::Prefetch,
                None => Unproven::Reload,
            };
        }
        if is_from_elsewhere || mode.is_some_and(|mode| mode != b"navigate") {
            return Unproven::Wait;
        }
        Unproven::Over
    }

    /// The same for a request whose proofs may be known to another instance: nothing is overwritten.
    pub(crate) fn with(self, proofs: &Proofs) -> Unproven {
        match self {
            Unproven::Over if proofs.is_unknown => Unproven::Wait,
            unproven => unproven,
        }
    }
}

#[cfg(test)]
mod tests;
