use crate::session::device::verify::{
    KEY_LEN, POINT_LEN, SIGNATURE_LEN, decompress, is_signed, portable,
};
use alloc::vec::Vec;
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use proptest::prelude::*;

const MESSAGE: &[u8] = b"header.payload";

fn device(n: u8) -> SigningKey {
    SigningKey::from_slice(&[n; 32]).unwrap()
}

fn bytes(signature: Signature) -> [u8; SIGNATURE_LEN] {
    signature.to_bytes().into()
}

/// What every backend says, which is the same.
fn all_say(message: &[u8], signature: &[u8; SIGNATURE_LEN], point: &[u8; POINT_LEN]) -> bool {
    let answer = portable::is_signed(message, signature, point);
    assert_eq!(is_signed(message, signature, point), answer);
    answer
}

#[test]
fn a_key_is_the_point_that_it_compresses() {
    for n in 1..20 {
        let key = *device(n).verifying_key();
        let compressed = key.to_sec1_point(true);
        let compressed = compressed.as_bytes().try_into().unwrap();
        assert_eq!(
            decompress(compressed).unwrap(),
            key.to_sec1_point(false).as_bytes()
        );
        for tag in [0, 1, 4, 5, 6, 7, 0x82, 0xff] {
            let mut wrong = *compressed;
            wrong[0] = tag;
            assert_eq!(decompress(&wrong), None, "{tag}");
        }
    }
}

#[test]
fn half_of_all_x_have_no_point() {
    let on_the_curve = (0..=255_u8).filter(|n| {
        let mut key = [0; KEY_LEN];
        (key[0], key[32]) = (2, *n);
        let found = decompress(&key);
        key[0] = 3;
        assert_eq!(found.is_some(), decompress(&key).is_some());
        found.is_some()
    });
    assert_eq!(on_the_curve.count(), 125);
    let mut key = [0xff; KEY_LEN];
    key[0] = 2;
    assert_eq!(decompress(&key), None);
}

#[test]
fn a_low_and_a_high_s_are_accepted() {
    let (mut low, mut high) = (0, 0);
    for n in 1..20 {
        let device = device(n);
        let point = device.verifying_key().to_sec1_point(false);
        let point = point.as_bytes().try_into().unwrap();
        let signature: Signature = device.sign(MESSAGE);
        let other = Signature::from_scalars(signature.r().to_bytes(), (-*signature.s()).to_bytes());
        for signature in [signature, other.unwrap()] {
            if signature.normalize_s() == signature {
                low += 1;
            } else {
                high += 1;
            }
            assert!(all_say(MESSAGE, &bytes(signature), point));
            assert!(!all_say(b"header.payloae", &bytes(signature), point));
        }
    }
    assert_eq!((low, high), (19, 19));
}

#[test]
fn numbers_out_of_range_sign_nothing() {
    let device = device(1);
    let point = device.verifying_key().to_sec1_point(false);
    let point = point.as_bytes().try_into().unwrap();
    let good = bytes(device.sign(MESSAGE));
    let n = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let n = hex::decode(n).unwrap();
    for number in [&[0; 32], &[0xff; 32], &*n] {
        for half in [0, 32] {
            let mut wrong = good;
            wrong[half..half + 32].copy_from_slice(number);
            assert!(!all_say(MESSAGE, &wrong, point));
        }
    }
    assert!(!all_say(MESSAGE, &[0; 64], point));
    for at in 0..good.len() {
        let mut wrong = good;
        wrong[at] ^= 1;
        assert!(!all_say(MESSAGE, &wrong, point), "{at}");
    }
}

proptest! {
    // Unoptimised, a signature takes a while.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_backends_agree_on_any_signature(
        message: Vec<u8>,
        signature in prop::array::uniform32(any::<u8>()).prop_map(|half| [half, half].concat()),
        n in 1..=254_u8,
        sound: bool,
    ) {
        let device = device(n);
        let point = device.verifying_key().to_sec1_point(false);
        let signature = if sound { bytes(device.sign(&message)) } else { signature.try_into().unwrap() };
        prop_assert_eq!(all_say(&message, &signature, point.as_bytes().try_into().unwrap()), sound);
    }
}
