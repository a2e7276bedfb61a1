use crate::session::device::{
    jws::{MAX_LEN, Proof},
    verify::{KEY_LEN, POINT_LEN, decompress},
};
use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};
use base64_simd::URL_SAFE_NO_PAD;
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use proptest::prelude::*;

const HEADER: &str = r#"{"typ":"dbsc+jwt","alg":"ES256"}"#;
const PAYLOAD: &str = r#"{"jti":"a challenge"}"#;

fn device(n: u8) -> SigningKey {
    SigningKey::from_slice(&[n; 32]).unwrap()
}

fn point_of(device: &SigningKey) -> [u8; POINT_LEN] {
    let point = device.verifying_key().to_sec1_point(false);
    point.as_bytes().try_into().unwrap()
}

fn key_of(device: &SigningKey) -> [u8; KEY_LEN] {
    let point = device.verifying_key().to_sec1_point(true);
    point.as_bytes().try_into().unwrap()
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

/// The members of a good jwk, and others behind them.
fn jwk(point: &[u8], others: &str) -> String {
    let (x, y) = point[1..].split_at(32);
    let (x, y) = (base64url(x), base64url(y));
    format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"{others}}}"#)
}

fn with_jwk(jwk: &str) -> String {
    format!(r#"{{"typ":"dbsc+jwt","alg":"ES256","jwk":{jwk}}}"#)
}

fn signed(device: &SigningKey, header: &str, payload: &str) -> String {
    let signed = [header, payload].map(|part| base64url(part.as_bytes()));
    sign(device, &signed.join("."))
}

fn sign(device: &SigningKey, text: &str) -> String {
    let signature: Signature = device.sign(text.as_bytes());
    format!("{text}.{}", base64url(&signature.to_bytes()))
}

/// What is read and signed by the key that it names, if it names one, and else by device 1.
fn is_good(proof: &str) -> bool {
    Proof::read(proof.as_bytes()).is_some_and(|proof| {
        let key = proof.key().copied();
        proof.is_signed_by(&key.unwrap_or_else(|| key_of(&device(1))))
    })
}

#[test]
fn a_registration_names_its_key() {
    for n in 1..9 {
        let device = device(n);
        let header = with_jwk(&jwk(&point_of(&device), ""));
        let text = signed(&device, &header, PAYLOAD);
        let proof = Proof::read(text.as_bytes()).unwrap();
        assert_eq!(proof.challenge(), "a challenge");
        assert_eq!(proof.key(), Some(&key_of(&device)));
        assert!(proof.is_signed_by(&key_of(&device)));
        assert!(!proof.is_signed_by(&key_of(&self::device(9))));
    }
}

#[test]
fn a_refresh_names_none() {
    let text = signed(&device(1), HEADER, PAYLOAD);
    let proof = Proof::read(text.as_bytes()).unwrap();
    assert_eq!(proof.key(), None);
    assert!(proof.is_signed_by(&key_of(&device(1))));
    assert!(!proof.is_signed_by(&key_of(&device(2))));
}

#[test]
fn a_proof_signed_by_another_key_than_it_names_is_signed_by_nobody() {
    let header = with_jwk(&jwk(&point_of(&device(2)), ""));
    let text = signed(&device(1), &header, PAYLOAD);
    let proof = Proof::read(text.as_bytes()).unwrap();
    assert!(!proof.is_signed_by(&key_of(&device(1))));
    assert!(!proof.is_signed_by(&key_of(&device(2))));
}

#[test]
fn a_value_has_both_quotes_or_none() {
    let text = signed(&device(1), HEADER, PAYLOAD);
    assert!(is_good(&text));
    assert!(is_good(&format!("\"{text}\"")));
    assert!(is_good(&format!("\"{text}\";a=1; b=\"c\"")));
    for wrong in [
        format!("\"{text}"),
        format!("{text}\""),
        format!("\"\"{text}\"\""),
        format!("'{text}'"),
        format!("\"{text}\"a"),
        format!("\"{text}\"\";a=1"),
        format!("{text};a=1"),
        format!(" {text}"),
        format!("{text}, {text}"),
        "\"".to_string(),
        "\"\"".to_string(),
        String::new(),
    ] {
        assert!(Proof::read(wrong.as_bytes()).is_none(), "{wrong}");
    }
}

#[test]
fn unknown_members_are_read_over() {
    let header =
        r#" { "kid":["a",{"b":1}], "alg":"ES256", "n":[1,-1,1.5,true,null], "typ":"dbsc+jwt" } "#;
    let payload =
        r#"{"aud":"https://shop.example","iat":1,"\u006ati":"\u0061 challenge","sub":null}"#;
    let text = signed(&device(1), header, payload);
    assert_eq!(
        Proof::read(text.as_bytes()).unwrap().challenge(),
        "a challenge"
    );
    assert!(is_good(&text));
    let named = with_jwk(&jwk(
        &point_of(&device(1)),
        r#","kid":"7","use":"sig","key_ops":["verify"]"#,
    ));
    assert!(is_good(&signed(&device(1), &named, PAYLOAD)));
}

#[test]
fn a_header_of_another_kind_is_refused() {
    for wrong in [
        "",
        "{}",
        "[]",
        "7",
        "\"dbsc+jwt\"",
        "{",
        r#"{"typ":"dbsc+jwt","alg":"ES256"} {}"#,
        r#"{"alg":"ES256"}"#,
        r#"{"typ":"JWT","alg":"ES256"}"#,
        r#"{"typ":"DBSC+JWT","alg":"ES256"}"#,
        r#"{"typ":["dbsc+jwt"],"alg":"ES256"}"#,
        r#"{"typ":"dbsc+jwt"}"#,
        r#"{"typ":"dbsc+jwt","alg":"none"}"#,
        r#"{"typ":"dbsc+jwt","alg":"RS256"}"#,
        r#"{"typ":"dbsc+jwt","alg":"HS256"}"#,
        r#"{"typ":"dbsc+jwt","alg":"ES384"}"#,
        r#"{"typ":"dbsc+jwt","alg":"es256"}"#,
        r#"{"typ":"dbsc+jwt","alg":null}"#,
        r#"{"typ":"dbsc+jwt","alg":"ES256","crit":["exp"],"exp":1}"#,
        r#"{"typ":"dbsc+jwt","alg":"ES256","crit":[]}"#,
        r#"{"typ":"dbsc+jwt","alg":"ES256","alg":"ES256"}"#,
        r#"{"typ":"dbsc+jwt","alg":"none","\u0061lg":"ES256"}"#,
        r#"{"typ":"dbsc+jwt","alg":"ES256","a":1,"a":1}"#,
        r#"{"typ":"dbsc+jwt","alg":"ES256","a":[{"b":{"c":1,"c":2}}]}"#,
    ] {
        let text = signed(&device(1), wrong, PAYLOAD);
        assert!(Proof::read(text.as_bytes()).is_none(), "{wrong}");
    }
}

#[test]
fn a_payload_without_a_challenge_is_refused() {
    for wrong in [
        "",
        "{}",
        "\"a challenge\"",
        r#"{"jti":7}"#,
        r#"{"jti":null}"#,
        r#"{"jti":["a challenge"]}"#,
        r#"{"jti":{"jti":"a challenge"}}"#,
        r#"{"JTI":"a challenge"}"#,
        r#"{"jti":"a challenge","jti":"a challenge"}"#,
        r#"{"jti":"a challenge",}"#,
        "{\"jti\":\"a\nchallenge\"}",
        r#"{"jti":"\ud800"}"#,
    ] {
        let text = signed(&device(1), HEADER, wrong);
        assert!(Proof::read(text.as_bytes()).is_none(), "{wrong}");
    }
    let bytes = [
        base64url(HEADER.as_bytes()),
        base64url(b"{\"jti\":\"\xff\"}"),
    ];
    assert!(Proof::read(sign(&device(1), &bytes.join(".")).as_bytes()).is_none());
}

#[test]
fn a_key_of_another_kind_is_refused() {
    let point = point_of(&device(1));
    let good = jwk(&point, "");
    assert!(is_good(&signed(&device(1), &with_jwk(&good), PAYLOAD)));
    let (x, y) = (base64url(&point[1..33]), base64url(&point[33..]));
    for (member, with) in [
        (r#""kty":"EC","#, ""),
        (r#""EC""#, r#""OKP""#),
        (r#""EC""#, r#""RSA""#),
        (r#""EC""#, "1"),
        (r#""P-256""#, r#""P-384""#),
        (r#""P-256""#, r#""secp256k1""#),
        (r#""crv":"P-256","#, ""),
        (r#""kty""#, r#""d":"AQ","kty""#),
        (r#""kty""#, r#""d":null,"kty""#),
        (r#""kty""#, r#""x":"AQ","kty""#),
        (r#""x""#, r#""X""#),
        (r#""y""#, r#""z""#),
        (&*x, ""),
        (&*x, &x[..42]),
        (&*x, &base64url(&point[1..32])),
        (&*x, &base64url(&[&[0], &point[1..33]].concat())),
        (&*x, &format!("{x}=")),
        (&*y, &base64url(&[&point[33..], &[0]].concat())),
        (&*y, &format!("{y}=")),
        (&*y, &format!("{} ", &y[..42])),
        (&*good, "null"),
        (&*good, "[]"),
        (&*good, "{}"),
        (&*good, r#""EC""#),
    ] {
        let wrong = good.replace(member, with);
        assert_ne!(wrong, good);
        let text = signed(&device(1), &with_jwk(&wrong), PAYLOAD);
        assert!(Proof::read(text.as_bytes()).is_none(), "{wrong}");
    }
    // The last of 43 characters has two bits of nothing.
    let last = x.as_bytes()[42];
    let wrong = [&x[..42], core::str::from_utf8(&[last + 1]).unwrap()].concat();
    let text = signed(&device(1), &with_jwk(&good.replace(&x, &wrong)), PAYLOAD);
    assert!(Proof::read(text.as_bytes()).is_none(), "{wrong}");
}

#[test]
fn a_point_that_is_not_on_the_curve_signs_nothing() {
    let point = point_of(&device(1));
    let refused = |point: &[u8]| {
        let text = signed(&device(1), &with_jwk(&jwk(point, "")), PAYLOAD);
        let proof = Proof::read(text.as_bytes()).unwrap();
        let key = *proof.key().unwrap();
        assert!(!proof.is_signed_by(&key));
        assert!(!proof.is_signed_by(&key_of(&device(1))));
    };
    // Another y of the same parity compresses to the same key.
    for bit in [0x02, 0x01] {
        let mut wrong = point;
        wrong[64] ^= bit;
        refused(&wrong);
    }
    let mut wrong = point;
    wrong[33..].copy_from_slice(&[0; 32]);
    refused(&wrong);
    refused(&[0; 65]);
    refused(&[0xff; 65]);
    // p more than an x below 2^256 - p: the same number, written in another way.
    let p = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
    let mut wrong = [4; 65];
    hex::decode_to_slice(p, &mut wrong[1..33]).unwrap();
    let zero = decompress(&[&[2], [0; 32].as_slice()].concat().try_into().unwrap()).unwrap();
    wrong[33..].copy_from_slice(&zero[33..]);
    refused(&wrong);
}

#[test]
fn the_text_has_one_form() {
    let good = signed(&device(1), HEADER, PAYLOAD);
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        panic!("{good}");
    };
    let signature_bytes = URL_SAFE_NO_PAD.decode_to_vec(signature).unwrap();
    let der = Signature::from_slice(&signature_bytes).unwrap().to_der();
    for wrong in [
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{signature}"),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{header}..{payload}.{signature}"),
        "..".to_string(),
        ".".to_string(),
        format!("{header}.{payload}.{signature}=="),
        format!("{header}.{payload}=.{signature}"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header} .{payload}.{signature}"),
        format!("{header}\n.{payload}.{signature}"),
        format!("{header}.{payload}.{}", base64url(der.as_bytes())),
        format!("{header}.{payload}.{}", base64url(&signature_bytes[..63])),
        format!(
            "{header}.{payload}.{}",
            base64url(&[&signature_bytes[..], &[0]].concat())
        ),
    ] {
        assert!(Proof::read(wrong.as_bytes()).is_none(), "{wrong}");
    }
    // The alphabet is base64url's, here of a payload that shows it.
    let text = signed(&device(1), HEADER, r#"{"jti":"~~~???>>>"}"#);
    assert!(is_good(&text) && text.contains('-') && text.contains('_'));
    for (url, plain) in [('-', "+"), ('_', "/")] {
        assert!(Proof::read(text.replace(url, plain).as_bytes()).is_none());
    }
}

#[test]
fn no_character_can_be_another() {
    let device = device(1);
    let good = signed(&device, &with_jwk(&jwk(&point_of(&device), "")), PAYLOAD);
    assert!(is_good(&good));
    for at in 0..good.len() {
        let here = good.as_bytes()[at];
        for other in [b'A', b'=', b'.', here ^ 1] {
            if here != other {
                let mut wrong = good.clone().into_bytes();
                wrong[at] = other;
                let wrong = core::str::from_utf8(&wrong).unwrap();
                assert!(!is_good(wrong), "{wrong}");
            }
        }
    }
}

#[test]
fn a_proof_has_at_most_two_kibibytes() {
    let of_len = |len: usize| {
        let challenge = "c".repeat(len);
        let payload = format!(r#"{{"jti":"{challenge}"}}"#);
        // With the space, the parts before and behind the payload leave it a length that base64 can have.
        signed(&device(1), &format!("{HEADER} "), &payload)
    };
    // Unoptimised, a signature takes a while: few of them are made.
    let lens: Vec<usize> = (1..MAX_LEN).collect();
    let fitting = lens.partition_point(|len| of_len(*len).len() <= MAX_LEN);
    let longest = of_len(fitting);
    assert_eq!(longest.len(), MAX_LEN);
    assert!(is_good(&longest) && is_good(&format!("\"{longest}\"")));
    assert!(Proof::read(of_len(fitting + 1).as_bytes()).is_none());
    let deep = "[".repeat(1200);
    assert!(Proof::read(signed(&device(1), &deep, PAYLOAD).as_bytes()).is_none());
}

proptest! {
    // Unoptimised, a signature takes a while.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
        prop_assert!(Proof::read(&bytes).is_none());
    }

    #[test]
    fn any_json_is_read_without_a_panic(header in "[\\[\\]{}\",:a-z0-9\\\\]{0,40}", payload: String) {
        let text = signed(&device(1), &header, &payload);
        prop_assert!(Proof::read(text.as_bytes()).is_none());
    }

    #[test]
    fn any_challenge_comes_back(challenge: String) {
        let payload = serde_json::json!({ "jti": challenge }).to_string();
        let text = signed(&device(1), HEADER, &payload);
        let proof = Proof::read(text.as_bytes());
        prop_assert_eq!(proof.is_none(), text.len() > MAX_LEN);
        if let Some(proof) = proof {
            prop_assert_eq!(proof.challenge(), challenge);
        }
    }
}
