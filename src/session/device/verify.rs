//! ECDSA on P-256 with SHA-256, as ES256 of [RFC 7518] has it: signatures are r and s, 32 bytes each.
//!
//! Two implementations agree on every signature. With the feature `ring`, on x86-64 and aarch64, `ring`
//! verifies. Everything else runs `p256`, which also computes the points.
//!
//! Of the two values that s may have, both are accepted: ES256 names neither, and browsers sign with
//! either. A second form of a signature that verifies gains an attacker nothing, for what counts is the
//! challenge that was signed.
//!
//! [RFC 7518]: https://www.rfc-editor.org/rfc/rfc7518#section-3.4

use p256::{
    AffinePoint,
    elliptic_curve::{point::DecompressPoint as _, sec1::ToSec1Point as _, subtle::Choice},
};

/// Bytes of a public key: a compressed point (SEC 1).
pub(crate) const KEY_LEN: usize = 33;
/// Bytes of a point with both coordinates, behind a byte that says so.
pub(crate) const POINT_LEN: usize = 65;
pub(crate) const SIGNATURE_LEN: usize = 64;

/// Returns the point that a compressed key names, or `None` if there is none on the curve.
pub(crate) fn decompress(key: &[u8; KEY_LEN]) -> Option<[u8; POINT_LEN]> {
    let (tag, x) = key.split_first()?;
    // 5 would be a form without the sign of y, which some decoders take.
    let y_is_odd = match tag {
        2 => 0,
        3 => 1,
        _ => return None,
    };
    let x: &[u8; 32] = x.try_into().ok()?;
    let point = AffinePoint::decompress(x.into(), Choice::from(y_is_odd)).into_option()?;
    point.to_sec1_point(false).as_bytes().try_into().ok()
}

#[cfg(any(
    test,
    not(all(feature = "ring", any(target_arch = "x86_64", target_arch = "aarch64")))
))]
pub(crate) mod portable {
    use super::{POINT_LEN, SIGNATURE_LEN};
    use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier as _};

    pub(crate) fn is_signed(
        message: &[u8],
        signature: &[u8; SIGNATURE_LEN],
        point: &[u8; POINT_LEN],
    ) -> bool {
        let Ok(key) = VerifyingKey::from_sec1_bytes(point) else {
            return false;
        };
        Signature::from_slice(signature)
            .is_ok_and(|signature| key.verify(message, &signature).is_ok())
    }
}

#[cfg(all(feature = "ring", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) mod with_ring {
    use super::{POINT_LEN, SIGNATURE_LEN};
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    pub(crate) fn is_signed(
        message: &[u8],
        signature: &[u8; SIGNATURE_LEN],
        point: &[u8; POINT_LEN],
    ) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(message, signature)
            .is_ok()
    }
}

#[cfg(not(all(feature = "ring", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(crate) use portable::is_signed;
#[cfg(all(feature = "ring", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) use with_ring::is_signed;
