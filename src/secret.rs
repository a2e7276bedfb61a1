//! Memory that is overwritten when it is dropped.

use zeroize::Zeroize as _;

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// Holds 32 secret bytes and overwrites them when it is dropped.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) [u8; 32]);

impl Secret {
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
