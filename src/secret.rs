//! Memory that is overwritten when it is dropped.

use zeroize::Zeroize as _;

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// 32 bytes that are overwritten when they are dropped.
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

/// Plaintext that is overwritten when it is dropped, also while unwinding from `T`'s own code.
#[cfg(feature = "alloc")]
pub(crate) struct Scratch(pub(crate) Vec<u8>);

#[cfg(feature = "alloc")]
impl Drop for Scratch {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Overwrites in one sweep, where `Zeroize` writes byte by byte. The barrier stands for a reader:
/// without one, writes to memory that is freed next are dead and the compiler removes them.
pub(crate) fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    zeroize::optimization_barrier(bytes);
}
