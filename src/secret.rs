//! Memory that is overwritten when it is dropped.

use zeroize::Zeroize as _;

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// Holds 32 secret bytes and overwrites them when it is dropped.
#[derive(Clone)]
pub(crate) struct Secret([u8; 32]);

impl Secret {
    pub(crate) const ZERO: Secret = Secret([0; 32]);

    /// Copies the bytes and overwrites them where they stood. The field is private, so that no secret is
    /// made of bytes that stay behind.
    pub(crate) fn take(bytes: &mut [u8; 32]) -> Secret {
        let secret = Secret(*bytes);
        wipe(bytes);
        secret
    }

    pub(crate) fn as_mut_bytes(&mut self) -> &mut [u8; 32] {
        &mut self.0
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Holds plaintext and overwrites it when it is dropped, also if code of the application panics
/// while it serializes or deserializes a value.
#[cfg(feature = "alloc")]
#[derive(Clone, PartialEq)]
pub(crate) struct Scratch(pub(crate) Vec<u8>);

#[cfg(feature = "alloc")]
impl Scratch {
    /// Returns this many zeros.
    #[inline]
    #[expect(
        clippy::slow_vector_initialization,
        reason = "glibc before 2.41 takes zeroed memory from outside of the thread's cache, which is slower"
    )]
    pub(crate) fn zeroed(len: usize) -> Scratch {
        let mut bytes = Vec::with_capacity(len);
        bytes.resize(len, 0);
        Scratch(bytes)
    }
}

#[cfg(feature = "alloc")]
impl Drop for Scratch {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Overwrites bytes with zeros.
///
/// `Zeroize` writes one byte at a time, which is slow for plaintext; `fill` is one sweep. The
/// compiler would remove it in front of a deallocation, because nothing reads the zeros. The barrier
/// counts as a reader.
pub(crate) fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    zeroize::optimization_barrier(bytes);
}

#[cfg(all(test, feature = "std", target_os = "linux"))]
mod tests {
    use super::{Secret, wipe};
    use crate::unseen::stays_in_frame;

    const BYTES: &[u8; 32] = b"thirty-two bytes that must leave";

    #[test]
    fn what_is_wiped_on_the_stack_leaves_it() {
        let (stays, ()) = stays_in_frame(BYTES, |bytes| wipe(bytes));
        assert!(!stays);
    }

    #[test]
    fn what_becomes_a_secret_is_wiped() {
        let (stays, secret) = stays_in_frame(BYTES, Secret::take);
        assert!(!stays);
        assert_eq!(secret.as_bytes(), BYTES);
    }
}
