//! Checks the test vectors of device binding. The reference implementation wrote them.

use crate::{
    Key, Keyring, Timestamp,
    session::{
        cookie::{CookieAttributes, CookieLimits, SessionCookie},
        device::{
            Challenge, DeviceBound, DeviceCodecs, DeviceSettings, Verdict, identifier, jws::Proof,
            verify::KEY_LEN,
        },
        record::LoginId,
    },
    test_vectors::of_kind,
};
use alloc::{string::String, vec::Vec};
use core::time::Duration;
use serde_json::Value;

fn vectors(kind: &str) -> Vec<Value> {
    of_kind("device.json", kind)
}

/// Returns `None` for null.
fn device_key(vector: &Value, field: &str) -> Option<[u8; KEY_LEN]> {
    let key = hex::decode(vector[field].as_str()?).unwrap();
    Some(key.try_into().unwrap())
}

#[test]
fn signatures() {
    for vector in vectors("jws") {
        let value = vector["value"].as_str().unwrap().as_bytes();
        let asked = device_key(&vector, "device_key");
        let judge = |proof: &Proof| {
            let key = asked.or(proof.key().copied()).ok_or("NoKey")?;
            let is_signed = proof.is_signed_by(&key);
            is_signed.then_some(key).ok_or("Unsigned")
        };
        let proof = Proof::read(value);
        let found = proof.as_ref().ok_or("Unreadable").and_then(judge);
        let name = &vector["name"];
        assert_eq!(found.err(), vector["error"].as_str(), "{name}");
        assert_eq!(found.ok(), device_key(&vector, "key"), "{name}");
        if let Some(challenge) = vector["challenge"].as_str() {
            assert_eq!(proof.unwrap().challenge(), challenge, "{name}");
        }
    }
}

fn text<'v>(vector: &'v Value, field: &str) -> &'v str {
    vector[field].as_str().unwrap()
}

fn number(vector: &Value, field: &str) -> u32 {
    vector[field].as_u64().unwrap().try_into().unwrap()
}

fn time(vector: &Value, field: &str) -> Timestamp {
    Timestamp::from_unix(number(vector, field))
}

fn login_id(vector: &Value) -> Option<LoginId> {
    let bytes = hex::decode(vector["login_id"].as_str()?).unwrap();
    Some(LoginId::from_bytes(bytes.try_into().unwrap()))
}

fn master(hex: &str) -> Key {
    Key::derive_from(&hex::decode(hex).unwrap().try_into().unwrap())
}

fn ring(vector: &Value) -> Keyring {
    let keys = vector["keys"].as_array().unwrap();
    let of = |state: &str| {
        let keys = keys.iter().filter(move |key| key["state"] == state);
        keys.map(|key| (master(text(key, "master")), key))
            .collect::<Vec<_>>()
    };
    let primary = of("primary").into_iter().next().unwrap().0;
    let mut ring = Keyring::new(primary);
    for (key, _) in of("accepted") {
        ring = ring.accept(key).unwrap();
    }
    for (key, of) in of("retired") {
        ring = ring.accept_retired(key, time(of, "retired_at")).unwrap();
    }
    ring
}

/// The settings and codecs of the reader.
fn reader(vector: &Value) -> (DeviceSettings, DeviceCodecs) {
    let attributes = CookieAttributes {
        name: text(vector, "cookie").into(),
        ..CookieAttributes::default()
    };
    let limits = CookieLimits {
        max_chunks: 2,
        max_cookie_bytes: 7_000,
    };
    let cookie = SessionCookie::new(attributes, limits).unwrap();
    let formers = vector["formers"].as_array();
    let formers: Vec<&Value> = formers.into_iter().flatten().collect();
    let former = |former: &&Value| {
        let path = String::from("/");
        cookie
            .former(text(former, "cookie"), None, path, false)
            .unwrap()
    };
    let former_cookies: Vec<SessionCookie> = formers.iter().map(former).collect();
    let lifetime = vector["lifetime"].as_u64().unwrap_or(600);
    let bound = DeviceBound::default().proof_lifetime(Duration::from_secs(lifetime));
    let settings = DeviceSettings::new(bound, &cookie, former_cookies.iter(), false).unwrap();
    let purpose = |of: &'static str| move |vector: &Value| String::from(text(vector, of));
    let [realm, session] = ["realm", "session"].map(purpose);
    let purposes: Vec<_> = core::iter::once(vector)
        .chain(formers)
        .map(|of| (String::from(text(of, "cookie")), realm(of), session(of)))
        .collect();
    let mut purposes = purposes
        .iter()
        .map(|(name, realm, session)| (&**name, &**realm, &**session));
    let purposes = (purposes.next().unwrap(), purposes);
    let skew = Duration::from_secs(number(vector, "skew").into());
    let floor = time(vector, "floor");
    let codecs = DeviceCodecs::new(&ring(vector), &settings, purposes, skew, floor);
    (settings, codecs)
}

#[test]
fn identifiers() {
    for vector in vectors("keys") {
        let key = device_key(&vector, "device_key").unwrap();
        assert_eq!(
            identifier(&key),
            text(&vector, "identifier"),
            "{}",
            vector["name"]
        );
    }
}

#[test]
fn proofs() {
    for vector in vectors("proof") {
        let (settings, codecs) = reader(&vector);
        let headers = vector["headers"].as_array().unwrap().iter();
        let headers: Vec<&str> = headers.map(|line| line.as_str().unwrap()).collect();
        let cookies = headers.join("; ");
        let proofs = codecs.read_proofs(&settings, cookies.as_bytes(), time(&vector, "now"));
        let bound_to = device_key(&vector, "device_key");
        let found = match proofs.judge(login_id(&vector).unwrap(), bound_to.as_ref()) {
            Verdict::Proven => bound_to,
            Verdict::Adopts(key) => Some(key),
            Verdict::Unbound | Verdict::Unproven => None,
        };
        let name = &vector["name"];
        assert_eq!(found, device_key(&vector, "key"), "{name}");
        let mut errors = vector["errors"].as_array().unwrap().iter();
        let is_unknown = |error: &Value| {
            let unknown = ["UnknownKey", "UnknownVersion", "Payload"];
            error.as_str().is_some_and(|error| unknown.contains(&error))
        };
        assert_eq!(proofs.is_unknown, errors.any(is_unknown), "{name}");
    }
}

#[test]
fn challenges() {
    for vector in vectors("challenge") {
        let (_, codecs) = reader(&vector);
        let key = device_key(&vector, "device_key");
        let challenge = match (login_id(&vector), &key) {
            (_, Some(key)) => Challenge::Refresh(key),
            (Some(login), None) => Challenge::Registration(login),
            (None, None) => panic!("a challenge is for a login or for a key"),
        };
        let is_good = codecs.is_good(text(&vector, "token"), challenge, time(&vector, "now"));
        assert_eq!(is_good, vector["error"].is_null(), "{}", vector["name"]);
    }
}
