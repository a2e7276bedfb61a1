//! Proofs as devices sign them, and what no browser sends.

use std::{array::from_fn, sync::LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey, signature::Signer as _};
use serde_json::json;

use crate::keys::master;
use crate::stores::List;

const HEADER: &str = r#"{"typ":"dbsc+jwt","alg":"ES256"}"#;
const PAYLOAD: &str = r#"{"jti":"a challenge"}"#;
const MAX_LEN: usize = 2048;
/// The order of the group.
const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

/// Published with the vectors, like the masters. A key takes a computation.
static DEVICES: LazyLock<[SigningKey; 5]> =
    LazyLock::new(|| from_fn(|n| SigningKey::from_slice(&master(100 + n as u32)).unwrap()));

fn device(n: usize) -> &'static SigningKey {
    &DEVICES[n]
}

fn coordinates(n: usize) -> [Vec<u8>; 2] {
    let point = device(n).verifying_key().to_sec1_point(false);
    let (x, y) = point.as_bytes()[1..].split_at(32);
    [x.into(), y.into()]
}

fn compressed(n: usize) -> [u8; 33] {
    let point = device(n).verifying_key().to_sec1_point(true);
    point.as_bytes().try_into().unwrap()
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn jwk(x: &[u8], y: &[u8]) -> String {
    let (x, y) = (encode(x), encode(y));
    format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#)
}

fn jwk_of(n: usize) -> String {
    let [x, y] = coordinates(n);
    jwk(&x, &y)
}

fn naming(jwk: &str) -> String {
    format!(r#"{{"typ":"dbsc+jwt","alg":"ES256","jwk":{jwk}}}"#)
}

fn signature(n: usize, signed: &str) -> Signature {
    device(n).sign(signed.as_bytes())
}

/// Header and payload, signed by a device.
fn sign(n: usize, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    let signed = [encode(header), encode(payload)].join(".");
    let signature = signature(n, &signed);
    format!("{signed}.{}", encode(signature.to_bytes()))
}

/// A good refresh with another signature.
fn signed_with(change: impl FnOnce(&mut Vec<u8>)) -> String {
    let signed = [HEADER, PAYLOAD].map(encode).join(".");
    let mut signature = signature(1, &signed).to_bytes().to_vec();
    change(&mut signature);
    format!("{signed}.{}", encode(signature))
}

impl List {
    fn jws(
        &mut self,
        name: &str,
        value: &str,
        device_key: Option<[u8; 33]>,
        key: Result<usize, &str>,
    ) {
        self.add(
            "jws",
            json!({
                "name": name,
                "value": value,
                "device_key": device_key.map(hex::encode),
                "error": key.err(),
                "challenge": key.ok().map(|_| "a challenge"),
                "key": key.ok().map(|n| hex::encode(compressed(n))),
            }),
        );
    }

    /// Of device 1.
    fn refresh(&mut self, name: &str, value: &str, error: Option<&str>) {
        let name = format!("refresh: {name}");
        let key = error.map_or(Ok(1), Err);
        self.jws(&name, value, Some(compressed(1)), key);
    }

    /// Of device 1.
    fn registration(&mut self, name: &str, value: &str, error: Option<&str>) {
        let name = format!("registration: {name}");
        self.jws(&name, value, None, error.map_or(Ok(1), Err));
    }
}

pub fn proofs(list: &mut List) {
    good(list);
    unsigned(list);
    signatures(list);
    texts(list);
    headers(list);
    payloads(list);
    keys(list);
}

fn good(list: &mut List) {
    let (mut even, mut odd) = (0, 0);
    for n in 1..=4 {
        let name = format!("registration: good, of device {n}");
        list.jws(&name, &sign(n, naming(&jwk_of(n)), PAYLOAD), None, Ok(n));
        let name = format!("refresh: good, of device {n}");
        list.jws(&name, &sign(n, HEADER, PAYLOAD), Some(compressed(n)), Ok(n));
        match compressed(n)[0] {
            2 => even += 1,
            _ => odd += 1,
        }
    }
    assert!(even > 0 && odd > 0);
    let text = sign(1, HEADER, PAYLOAD);
    list.refresh("in quotation marks", &format!("\"{text}\""), None);
    let parameters = format!("\"{text}\";a=1; b=\"c\"");
    list.refresh("with parameters", &parameters, None);
    let name = "that names its key";
    list.refresh(name, &sign(1, naming(&jwk_of(1)), PAYLOAD), None);
    let header = " {\"alg\" : \"ES256\",\n\t\"typ\":\"dbsc+jwt\" }\r\n";
    list.refresh("white space", &sign(1, header, PAYLOAD), None);
    let escaped = r#"{"\u006ati":"\u0061 challenge"}"#;
    list.refresh("escapes", &sign(1, HEADER, escaped), None);
    let header = r#"{"kid":["a",{"b":1}],"typ":"dbsc+jwt","n":[1,-1,1.5,true,null],"alg":"ES256"}"#;
    let payload = r#"{"aud":"https://example.org","iat":1,"jti":"a challenge","sub":null}"#;
    list.refresh("unknown members", &sign(1, header, payload), None);
    let payload = r#"{"jti":"a challenge","a":{"jti":"b"},"b":[{"jti":"c"},{"jti":"d"}]}"#;
    let name = "one name in several objects";
    list.refresh(name, &sign(1, HEADER, payload), None);
    let others = r#","kid":"7","use":"sig","key_ops":["verify"]}"#;
    let named = jwk_of(1).replace('}', others);
    let name = "unknown members of the key";
    list.registration(name, &sign(1, naming(&named), PAYLOAD), None);
    // Every value of s has a second one that is as good.
    let high_s = |is_high: bool| {
        signed_with(|signature| {
            let one = Signature::from_slice(signature).unwrap();
            let minus_s = (-*one.s()).to_bytes();
            let other = Signature::from_scalars(one.r().to_bytes(), minus_s).unwrap();
            let is_low = |one: &Signature| one.normalize_s() == *one;
            let mut both = [one, other].into_iter();
            let wanted = both.find(|one| is_low(one) != is_high).unwrap();
            *signature = wanted.to_bytes().to_vec();
        })
    };
    list.refresh("low s", &high_s(false), None);
    list.refresh("high s", &high_s(true), None);
    list.refresh("as long as it may be", &long(MAX_LEN), None);
    let error = Some("Unreadable");
    list.refresh("a character too long", &long(MAX_LEN + 1), error);
}

/// A good refresh of this many characters.
fn long(len: usize) -> String {
    let header = |spaces: usize| HEADER.to_owned() + &" ".repeat(spaces);
    let payload = |filler: usize| PAYLOAD.to_owned() + &" ".repeat(filler);
    let all = (0..3).flat_map(|spaces| (0..len).map(move |filler| (spaces, filler)));
    let lens = |(spaces, filler): &(usize, usize)| {
        let parts = [HEADER.len() + spaces, PAYLOAD.len() + filler, 64];
        let encoded = parts.map(|len| (4 * len).div_ceil(3));
        encoded.iter().sum::<usize>() + 2 == len
    };
    let (spaces, filler) = all.into_iter().find(lens).unwrap();
    sign(1, header(spaces), payload(filler))
}

/// Readable, and not signed by the key that they should be signed by.
fn unsigned(list: &mut List) {
    const ERROR: &str = "Unsigned";
    let error = Some(ERROR);
    list.refresh("by another device", &sign(2, HEADER, PAYLOAD), error);
    let name = "by another device that names its key";
    list.refresh(name, &sign(2, naming(&jwk_of(2)), PAYLOAD), error);
    let name = "that names another key";
    list.refresh(name, &sign(1, naming(&jwk_of(2)), PAYLOAD), error);
    let name = "by another device than it names";
    list.registration(name, &sign(2, naming(&jwk_of(1)), PAYLOAD), error);
    let [x, y] = coordinates(1);
    let mut off = y.clone();
    off[31] ^= 2;
    let far = |bytes: &[u8; 32]| bytes.to_vec();
    for (name, x, y) in [
        ("point off the curve", x.clone(), off),
        ("coordinates exchanged", y.clone(), x.clone()),
        ("y of another device", x.clone(), coordinates(2)[1].clone()),
        ("point of zeros", far(&[0; 32]), far(&[0; 32])),
        ("x beyond the field", far(&[0xff; 32]), y),
    ] {
        let text = sign(1, naming(&jwk(&x, &y)), PAYLOAD);
        list.registration(name, &text, error);
    }
    let text = sign(1, HEADER, PAYLOAD);
    let mut off = compressed(1);
    while VerifyingKey::from_sec1_bytes(&off).is_ok() {
        off[32] = off[32].wrapping_add(1);
    }
    let name = "refresh: key of the record off the curve";
    list.jws(name, &text, Some(off), Err(ERROR));
    let mut negative = compressed(1);
    negative[0] ^= 1;
    let name = "refresh: key of the record with the other y";
    list.jws(name, &text, Some(negative), Err(ERROR));
    let text = sign(1, HEADER, PAYLOAD);
    list.jws("registration: without a key", &text, None, Err("NoKey"));
}

fn signatures(list: &mut List) {
    let order = hex::decode(ORDER).unwrap();
    let mut unsigned = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        list.refresh(name, &signed_with(change), Some("Unsigned"));
    };
    unsigned("r changed by a bit", &|s| s[31] ^= 1);
    unsigned("s changed by a bit", &|s| s[63] ^= 1);
    unsigned("r and s exchanged", &|s| s.rotate_left(32));
    unsigned("signature of zeros", &|s| s.fill(0));
    unsigned("r of zero", &|s| s[..32].fill(0));
    unsigned("s of zero", &|s| s[32..].fill(0));
    unsigned("r of the order", &|s| s[..32].copy_from_slice(&order));
    unsigned("s of the order", &|s| s[32..].copy_from_slice(&order));
    unsigned("r beyond the order", &|s| s[..32].fill(0xff));
    let mut unreadable = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        list.refresh(name, &signed_with(change), Some("Unreadable"));
    };
    unreadable("no signature", &|s| s.clear());
    unreadable("signature of 63 bytes", &|s| s.truncate(63));
    unreadable("signature of 65 bytes", &|s| s.push(0));
    unreadable("signature in DER", &|s| {
        let der = Signature::from_slice(s).unwrap().to_der();
        *s = der.as_bytes().to_vec();
    });
    let good = sign(1, HEADER, PAYLOAD);
    let other = sign(1, HEADER, r#"{"jti":"b challenge"}"#);
    let signed = |text: &str| text.rsplit_once('.').unwrap().0.to_owned();
    let last = |text: &str| text.rsplit_once('.').unwrap().1.to_owned();
    let mixed = [signed(&good), last(&other)].join(".");
    list.refresh("signature of another payload", &mixed, Some("Unsigned"));
    let spaced = [encode(HEADER.to_owned() + " "), encode(PAYLOAD)].join(".");
    let mixed = [spaced, last(&good)].join(".");
    list.refresh("signature of another header", &mixed, Some("Unsigned"));
    let of_payload = encode(signature(1, &encode(PAYLOAD)).to_bytes());
    let mixed = [signed(&good), of_payload].join(".");
    list.refresh("signature of the payload alone", &mixed, Some("Unsigned"));
}

/// The three parts and their base64url.
fn texts(list: &mut List) {
    let good = sign(1, HEADER, PAYLOAD);
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        panic!("{good}")
    };
    let mut bad = |name: &str, value: &str| list.refresh(name, value, Some("Unreadable"));
    bad("empty", "");
    bad("two dots", "..");
    bad("two parts", &[header, payload].join("."));
    bad("without the header", &[payload, signature].join("."));
    bad("four parts", &format!("{good}.{signature}"));
    bad("an empty fourth part", &format!("{good}."));
    bad("an empty part before", &format!(".{good}"));
    bad("an empty header", &format!(".{payload}.{signature}"));
    bad("an empty payload", &format!("{header}..{signature}"));
    bad("a quotation mark before", &format!("\"{good}"));
    bad("a quotation mark after", &format!("{good}\""));
    bad(
        "two quotation marks on each side",
        &format!("\"\"{good}\"\""),
    );
    bad(
        "a parameter without quotation marks",
        &format!("{good};a=1"),
    );
    bad(
        "a letter behind the quotation marks",
        &format!("\"{good}\"a"),
    );
    bad("a third quotation mark", &format!("\"{good}\"\";a=1"));
    bad("a list", &format!("{good}, {good}"));
    bad("a space before", &format!(" {good}"));
    bad("a space after", &format!("{good} "));
    bad("a space in it", &good.replacen('.', ". ", 1));
    let resigned = |header: &str, payload: &str| {
        let signed = [header, payload].join(".");
        let signature = self::signature(1, &signed);
        format!("{signed}.{}", encode(signature.to_bytes()))
    };
    let padded = [HEADER, PAYLOAD.replace('}', " }").as_str()].map(|part| URL_SAFE.encode(part));
    assert!(padded.iter().all(|part| part.ends_with('=')));
    bad("padding in the header", &resigned(&padded[0], payload));
    bad("padding in the payload", &resigned(header, &padded[1]));
    bad("padding in the signature", &format!("{good}=="));
    let last = |part: &str| {
        let (rest, last) = part.split_at(part.len() - 1);
        let next = char::from(last.as_bytes()[0] + 1);
        format!("{rest}{next}")
    };
    assert!(header.len() % 4 != 0);
    let name = "bits left over in the header";
    bad(name, &resigned(&last(header), payload));
    let name = "bits left over in the signature";
    bad(name, &[header, payload, &last(signature)].join("."));
    let text = r#"{"jti":"a challenge","a":"~~~???>>>"}"#;
    let standard = STANDARD_NO_PAD.encode(text);
    assert!(standard.contains(['+', '/']));
    bad("base64 of the other alphabet", &resigned(header, &standard));
}

fn headers(list: &mut List) {
    let mut bad = |name: &str, header: &str| {
        let text = sign(1, header, PAYLOAD);
        list.refresh(name, &text, Some("Unreadable"));
    };
    bad("header of an empty object", "{}");
    bad("header of null", "null");
    bad("header of a list", "[]");
    bad("header of a text", "\"dbsc+jwt\"");
    bad("header that does not end", &HEADER[..HEADER.len() - 1]);
    bad("header with a comma at its end", &HEADER.replace('}', ",}"));
    bad("header with something behind it", &format!("{HEADER} {{}}"));
    bad(
        "header behind a byte order mark",
        &format!("\u{feff}{HEADER}"),
    );
    bad("no typ", r#"{"alg":"ES256"}"#);
    bad("no alg", r#"{"typ":"dbsc+jwt"}"#);
    for typ in [
        "\"JWT\"",
        "\"dbsc\"",
        "\"DBSC+JWT\"",
        "\"dbsc+jwt \"",
        "[\"dbsc+jwt\"]",
        "null",
    ] {
        let name = format!("typ {typ}");
        bad(&name, &format!(r#"{{"typ":{typ},"alg":"ES256"}}"#));
    }
    for alg in [
        "\"none\"",
        "\"es256\"",
        "\"RS256\"",
        "\"HS256\"",
        "\"ES384\"",
        "[\"ES256\"]",
        "256",
    ] {
        let name = format!("alg {alg}");
        bad(&name, &format!(r#"{{"typ":"dbsc+jwt","alg":{alg}}}"#));
    }
    for crit in ["[\"b64\"]", "[]", "null"] {
        let name = format!("crit {crit}");
        let members = format!(",\"crit\":{crit}}}");
        bad(&name, &HEADER.replace('}', &members));
    }
    for (name, members) in [
        ("alg twice", r#","alg":"ES256"}"#),
        ("alg twice, once escaped", r#","\u0061lg":"ES256"}"#),
        ("alg twice, the other unknown", r#","alg":"none"}"#),
        ("an unknown member twice", r#","a":1,"a":1}"#),
        ("a member twice, deeper", r#","a":[{"b":1,"b":2}]}"#),
    ] {
        bad(name, &HEADER.replace('}', members));
    }
    let broken = [&HEADER.as_bytes()[..31], b",\"a\":\"\xff\"}"].concat();
    let text = sign(1, broken, PAYLOAD);
    list.refresh("header that is not UTF-8", &text, Some("Unreadable"));
}

fn payloads(list: &mut List) {
    for (name, payload) in [
        ("no jti", "{}"),
        ("jti of another case", r#"{"JTI":"a challenge"}"#),
        ("jti a number", r#"{"jti":1}"#),
        ("jti null", r#"{"jti":null}"#),
        ("jti a list", r#"{"jti":["a challenge"]}"#),
        ("jti deeper", r#"{"a":{"jti":"a challenge"}}"#),
        ("jti twice", r#"{"jti":"a challenge","jti":"a challenge"}"#),
        ("payload of null", "null"),
        ("payload of a list", r#"["jti","a challenge"]"#),
        ("payload of a text", r#""a challenge""#),
        (
            "payload with something behind it",
            r#"{"jti":"a challenge"}0"#,
        ),
        (
            "payload with a control character",
            "{\"jti\":\"a challenge\",\"a\":\"\n\"}",
        ),
    ] {
        let text = sign(1, HEADER, payload);
        list.refresh(name, &text, Some("Unreadable"));
    }
}

/// The key that a registration names.
fn keys(list: &mut List) {
    let good = jwk_of(1);
    let [x, y] = coordinates(1);
    let mut bad = |name: &str, jwk: &str| {
        let text = sign(1, naming(jwk), PAYLOAD);
        list.registration(name, &text, Some("Unreadable"));
    };
    bad("key null", "null");
    bad("key a text", "\"P-256\"");
    bad("key an empty object", "{}");
    bad("kty RSA", &good.replace("\"EC\"", "\"RSA\""));
    bad("kty in lower case", &good.replace("\"EC\"", "\"ec\""));
    bad("no kty", &good.replace("kty", "k"));
    bad("crv P-384", &good.replace("P-256", "P-384"));
    bad("no crv", &good.replace("crv", "c"));
    bad("no x", &good.replace("\"x\"", "\"z\""));
    bad("no y", &good.replace("\"y\"", "\"z\""));
    bad("x of 31 bytes", &jwk(&x[1..], &y));
    bad("x of 33 bytes", &jwk(&[&[0][..], &x].concat(), &y));
    bad("y of 31 bytes", &jwk(&x, &y[1..]));
    bad("y of 33 bytes", &jwk(&x, &[&[0][..], &y].concat()));
    let padded = good.replace(&encode(&x), &URL_SAFE.encode(&x));
    bad("padding in x", &padded);
    let number = good.replace(&format!("\"{}\"", encode(&y)), "7");
    bad("y a number", &number);
    bad(
        "x twice",
        &good.replace('}', &format!(",\"x\":\"{}\"}}", encode(&x))),
    );
    bad("with a private key", &good.replace('}', ",\"d\":\"AQ\"}"));
    let twice = format!("{good},\"jwk\":{good}");
    bad("key twice", &twice);
}
