//! What the endpoint answers to a browser that registers a key, or proves it again.

use super::{
    DeviceKey, DeviceSettings,
    codecs::{Challenge, DeviceCodecs},
    jws::Proof,
};
use crate::{
    Timestamp,
    session::{
        events::DeviceRefusal,
        head::{Header, RequestHeaders},
        record::LoginId,
    },
};
use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// What a browser sends to the endpoint.
pub(crate) struct EndpointRequest {
    /// The key that it refreshes, by name. Without one it registers a key.
    pub(crate) refreshes: Option<Vec<u8>>,
    /// Signed by the key.
    proof: Option<Vec<u8>>,
    /// A page's script sent it. The browser's own requests have the mode `no-cors`, in which a script cannot
    /// send the header of a proof. Without this check a script could bind the session to the key of an attacker. Older
    /// browsers tell no mode, and there it still could.
    is_of_a_script: bool,
}

impl EndpointRequest {
    pub(crate) fn read(headers: &RequestHeaders<'_>) -> EndpointRequest {
        let value = |header| headers.values(header).next();
        EndpointRequest {
            refreshes: value(Header::SecSecureSessionId)
                .map(unquoted)
                .map(Vec::from),
            proof: value(Header::SecureSessionResponse).map(Vec::from),
            is_of_a_script: value(Header::SecFetchMode).is_some_and(|mode| mode != b"no-cors"),
        }
    }

    /// Fails for a request of a script.
    pub(crate) fn check_sender(&self) -> Result<(), DeviceRefusal> {
        match self.is_of_a_script {
            true => Err(DeviceRefusal::Script),
            false => Ok(()),
        }
    }

    /// Returns the key that a session of this login is to be bound to.
    pub(crate) fn register(
        &self,
        codecs: &DeviceCodecs,
        login: LoginId,
        now: Timestamp,
    ) -> Result<DeviceKey, DeviceRefusal> {
        let proof = self.proof_for(codecs, Challenge::Registration(login), now)?;
        let key = proof.key().ok_or(DeviceRefusal::NoProof)?;
        check_signature(&proof, key).map(|()| *key)
    }

    /// Fails if the request does not prove this key.
    pub(crate) fn prove(
        &self,
        codecs: &DeviceCodecs,
        key: &DeviceKey,
        now: Timestamp,
    ) -> Result<(), DeviceRefusal> {
        let proof = self.proof_for(codecs, Challenge::Refresh(key), now)?;
        check_signature(&proof, key)
    }

    /// Returns a proof whose challenge is good for this. The challenge is judged before the curve: what a flood
    /// sends costs no more than to open a token.
    fn proof_for(
        &self,
        codecs: &DeviceCodecs,
        challenge: Challenge<'_>,
        now: Timestamp,
    ) -> Result<Proof, DeviceRefusal> {
        let proof = self.proof.as_deref().and_then(Proof::read);
        let proof = proof.ok_or(DeviceRefusal::NoProof)?;
        match codecs.is_good(proof.challenge(), challenge, now) {
            true => Ok(proof),
            false => Err(DeviceRefusal::Challenge),
        }
    }

    /// Returns `true` if it only asks for a challenge, as browsers do first.
    pub(crate) fn asks_for_a_challenge(&self) -> bool {
        self.proof.is_none()
    }
}

fn check_signature(proof: &Proof, key: &DeviceKey) -> Result<(), DeviceRefusal> {
    match proof.is_signed_by(key) {
        true => Ok(()),
        false => Err(DeviceRefusal::ForeignKey),
    }
}

/// Names a key to the browser. It opens nothing.
pub(crate) fn identifier(key: &DeviceKey) -> String {
    let [hash @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
        <[u8; 32]>::from(Sha256::digest(key));
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(hash)
}

/// Tells the browser that the session is over for it.
pub(crate) fn over() -> String {
    json!({ "continue": false }).to_string()
}

impl DeviceSettings {
    /// Tells the browser which cookie to fetch anew, where, and for which requests. The cookie's attributes
    /// are written as in its Set-Cookie line: if they differ, browsers fetch it for every request.
    pub(crate) fn instructions(&self, key: &DeviceKey) -> String {
        let (name, attributes) = match self.cookie() {
            Some(cookie) => (cookie.name(), cookie.attributes_text()),
            None => ("", ""),
        };
        let exclude = |path: &String| json!({ "type": "exclude", "path": path });
        let excluded: Vec<Value> = self.excluded().iter().map(exclude).collect();
        let mut instructions = json!({
            "session_identifier": identifier(key),
            "refresh_url": self.path(),
            "scope": { "include_site": false, "scope_specification": excluded },
            "credentials": [{ "type": "cookie", "name": name, "attributes": attributes }],
        });
        let hosts: Vec<&str> = self.hosts_also_from().collect();
        if let (false, Some(members)) = (hosts.is_empty(), instructions.as_object_mut()) {
            members.insert("allowed_refresh_initiators".into(), json!(hosts));
        }
        instructions.to_string()
    }

    /// Returns the value of the header that offers to bind a session.
    pub(crate) fn offer(&self, challenge: &str) -> String {
        format!("(ES256);path=\"{}\";challenge=\"{challenge}\"", self.path())
    }

    /// Returns the value of the header that asks for a proof of this key.
    pub(crate) fn challenge(challenge: &str, key: &DeviceKey) -> String {
        format!("\"{challenge}\";id=\"{}\"", identifier(key))
    }
}

/// Browsers send strings bare, and the specification wants them quoted (RFC 9651).
fn unquoted(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    let quoted = value.strip_prefix(b"\"");
    let unquoted = quoted.and_then(|value| value.strip_suffix(b"\""));
    unquoted.unwrap_or(value)
}
