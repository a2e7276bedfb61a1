//! Proofs of a device, against another reading of them: the `base64` crate, JSON as `serde_json` takes it, and `p256`.

use crate::device::{jws::Proof, verify};
use crate::read;
use arbitrary::Arbitrary;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use p256::ecdsa::{
    Signature, SigningKey, VerifyingKey, signature::Signer as _, signature::Verifier as _,
};
use serde_json::Value;

/// The parts of a proof. Each is right, or wrong in one way; a part that chooses nothing is right.
#[derive(Arbitrary, Debug)]
struct Parts {
    device: u8,
    header: Vec<(Name, Choice)>,
    jwk: Option<Vec<(Name, Choice)>>,
    payload: Vec<(Name, Choice)>,
    signature: Signed,
    /// Bytes of the text that are replaced, each by place and value.
    edits: Vec<(u16, u8)>,
    quoted: bool,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Name {
    Typ,
    Alg,
    Jwk,
    Crit,
    Kty,
    Crv,
    X,
    Y,
    D,
    Jti,
    /// `j`, as JSON can also write it.
    Escaped,
    Other(u8),
}

#[derive(Arbitrary, Clone, Debug)]
enum Choice {
    Good,
    Text(String),
    Number(i32),
    Null,
    /// An object with a member twice.
    Twice,
    List(Vec<bool>),
    OtherKey(u8),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Signed {
    Low,
    High,
    Der,
    By(u8),
    Bytes([u8; 8]),
}

/// Raw bytes, or parts.
#[derive(Arbitrary, Debug)]
enum Input {
    Raw(Vec<u8>),
    Parts(Parts),
}

pub fn device_proof(data: &[u8]) {
    let Some(input) = read::<Input>(data) else {
        return;
    };
    match input {
        Input::Raw(bytes) => check(&bytes),
        Input::Parts(parts) => {
            let text = parts.text();
            check(&text);
            if parts.is_good() {
                let Some(proof) = Proof::read(&text) else {
                    panic!("refused: {}", String::from_utf8_lossy(&text));
                };
                let key = compressed(&device(parts.device));
                assert!(proof.is_signed_by(&key));
                assert_eq!(proof.key(), parts.jwk.as_ref().map(|_| &key));
            }
        }
    }
}

/// Whatever the library reads, the lenient reader reads too, and in the same way. It says of each proof what the
/// library says, or names what makes the library stricter.
fn check(value: &[u8]) {
    let proof = Proof::read(value);
    let lenient = Lenient::read(value);
    let Some(proof) = proof else {
        return;
    };
    let lenient = lenient.expect("read by the library alone");
    assert_eq!(proof.challenge(), lenient.challenge);
    assert_eq!(proof.key().is_some(), lenient.point.is_some());
    let keys = [1, 2].map(|n| compressed(&device(n)));
    for key in keys.iter().chain(proof.key()) {
        let is_signed = proof.is_signed_by(key);
        assert_eq!(is_signed, lenient.is_signed_by(key));
    }
    // Each backend says the same of any key that is a point.
    if let Some(point) = keys.first().and_then(verify::decompress) {
        let signature = lenient.signature.as_slice().try_into().unwrap();
        assert_eq!(
            verify::is_signed(&lenient.signed, signature, &point),
            lenient.verifies(&VerifyingKey::from_sec1_bytes(&point).unwrap()),
        );
    }
}

/// What takes any JSON and looks at no more than what a proof says.
struct Lenient {
    signed: Vec<u8>,
    signature: Vec<u8>,
    challenge: String,
    point: Option<Vec<u8>>,
}

impl Lenient {
    fn read(value: &[u8]) -> Option<Lenient> {
        let text = std::str::from_utf8(value).ok()?;
        let text = text.split('"').find(|text| !text.is_empty())?;
        let [header, payload, signature] = text.split('.').collect::<Vec<_>>()[..] else {
            return None;
        };
        let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        let json = |text| serde_json::from_slice::<Value>(&decode(text)?).ok();
        let (header_json, payload_json) = (json(header)?, json(payload)?);
        if header_json["alg"] != "ES256" || header_json["typ"] != "dbsc+jwt" {
            return None;
        }
        let point = match header_json.get("jwk") {
            Some(jwk) => {
                let coordinate = |name| decode(jwk[name].as_str()?);
                Some([vec![4], coordinate("x")?, coordinate("y")?].concat())
            }
            None => None,
        };
        Some(Lenient {
            signed: format!("{header}.{payload}").into_bytes(),
            signature: decode(signature)?,
            challenge: payload_json["jti"].as_str()?.to_owned(),
            point,
        })
    }

    fn is_signed_by(&self, key: &[u8]) -> bool {
        let Ok(key) = VerifyingKey::from_sec1_bytes(key) else {
            return false;
        };
        let named = self.point.as_deref().map(VerifyingKey::from_sec1_bytes);
        named.is_none_or(|named| named.is_ok_and(|named| named == key)) && self.verifies(&key)
    }

    fn verifies(&self, key: &VerifyingKey) -> bool {
        Signature::from_slice(&self.signature)
            .is_ok_and(|signature| key.verify(&self.signed, &signature).is_ok())
    }
}

fn device(n: u8) -> SigningKey {
    SigningKey::from_slice(&[1 + n % 4; 32]).unwrap()
}

fn compressed(device: &SigningKey) -> [u8; 33] {
    let point = device.verifying_key().to_sec1_point(true);
    point.as_bytes().try_into().unwrap()
}

fn base64url(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

impl Parts {
    /// Whether nothing is wrong with it, by construction.
    fn is_good(&self) -> bool {
        let harmless = |members: &[(Name, Choice)]| {
            let mut seen = vec![];
            members.iter().all(|(name, choice)| {
                let is_new = !seen.contains(&name.text());
                seen.push(name.text());
                let is_known = !matches!(name, Name::Other(_));
                is_new && !is_known && !matches!(choice, Choice::Twice)
            })
        };
        let signed = match self.signature {
            Signed::Low | Signed::High => true,
            Signed::By(n) => n % 4 == self.device % 4,
            Signed::Der | Signed::Bytes(_) => false,
        };
        harmless(&self.header)
            && self.jwk.as_deref().is_none_or(harmless)
            && harmless(&self.payload)
            && signed
            && self.edits.is_empty()
            && self.text().len() <= 2048
    }

    fn text(&self) -> Vec<u8> {
        let device = device(self.device);
        let mut header = vec![member("typ", "\"dbsc+jwt\""), member("alg", "\"ES256\"")];
        if let Some(extra) = &self.jwk {
            let point = device.verifying_key().to_sec1_point(false);
            let point = point.as_bytes();
            let mut jwk = vec![
                member("kty", "\"EC\""),
                member("crv", "\"P-256\""),
                member("x", &format!("{:?}", base64url(&point[1..33]))),
                member("y", &format!("{:?}", base64url(&point[33..]))),
            ];
            replace(&mut jwk, extra);
            header.push(member("jwk", &object(&jwk)));
        }
        let mut payload = vec![member("jti", "\"a challenge\"")];
        replace(&mut header, &self.header);
        replace(&mut payload, &self.payload);
        let signed = [header, payload]
            .map(|members| base64url(object(&members).as_bytes()))
            .join(".");
        let signature: Signature = device.sign(signed.as_bytes());
        let high = Signature::from_scalars(signature.r().to_bytes(), (-*signature.s()).to_bytes());
        let signature = match self.signature {
            Signed::Low => signature.normalize_s().to_bytes().to_vec(),
            Signed::High => high.unwrap().to_bytes().to_vec(),
            Signed::Der => signature.to_der().as_bytes().to_vec(),
            Signed::By(n) => {
                let signature: Signature = self::device(n).sign(signed.as_bytes());
                signature.to_bytes().to_vec()
            }
            Signed::Bytes(bytes) => bytes.repeat(8),
        };
        let mut text = format!("{signed}.{}", base64url(&signature)).into_bytes();
        for (place, byte) in &self.edits {
            let place = usize::from(*place) % text.len();
            text[place] = *byte;
        }
        if self.quoted {
            text = [b"\"", &text[..], b"\""].concat();
        }
        text
    }
}

fn member(name: &str, value: &str) -> (String, String) {
    (format!("{name:?}"), value.to_owned())
}

fn object(members: &[(String, String)]) -> String {
    let members = members
        .iter()
        .map(|(name, value)| format!("{name}:{value}"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// A known member with a value of its own replaces the good one; the rest comes behind.
fn replace(members: &mut Vec<(String, String)>, by: &[(Name, Choice)]) {
    for (name, choice) in by {
        let name = name.text();
        match members.iter_mut().find(|(known, _)| *known == name) {
            Some((_, value)) if !matches!(choice, Choice::Good) => *value = choice.text(),
            _ => members.push((name, choice.text())),
        }
    }
}

impl Name {
    /// In JSON.
    fn text(self) -> String {
        match self {
            Name::Typ => "\"typ\"".into(),
            Name::Alg => "\"alg\"".into(),
            Name::Jwk => "\"jwk\"".into(),
            Name::Crit => "\"crit\"".into(),
            Name::Kty => "\"kty\"".into(),
            Name::Crv => "\"crv\"".into(),
            Name::X => "\"x\"".into(),
            Name::Y => "\"y\"".into(),
            Name::D => "\"d\"".into(),
            Name::Jti => "\"jti\"".into(),
            Name::Escaped => "\"\\u006ati\"".into(),
            Name::Other(n) => format!("\"other{n}\""),
        }
    }
}

impl Choice {
    /// In JSON.
    fn text(&self) -> String {
        match self {
            Choice::Good => "\"a challenge\"".into(),
            Choice::Text(text) => Value::from(text.as_str()).to_string(),
            Choice::Number(number) => number.to_string(),
            Choice::Null => "null".into(),
            Choice::Twice => "{\"a\":1,\"a\":1}".into(),
            Choice::List(list) => format!("{list:?}"),
            Choice::OtherKey(n) => format!("{:?}", base64url(&compressed(&device(*n))[1..])),
        }
    }
}
