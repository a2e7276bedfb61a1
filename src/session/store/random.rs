//! Bytes that differ in every run, so that runs on one server do not meet. Nothing here is a secret.

use core::{
    hash::BuildHasher,
    sync::atomic::{AtomicU64, Ordering},
};
use std::hash::RandomState;

#[derive(Default)]
pub(super) struct Source {
    state: RandomState,
    drawn: AtomicU64,
}

impl Source {
    pub(super) fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let n = self.drawn.fetch_add(1, Ordering::Relaxed);
            let word = self.state.hash_one(n).to_le_bytes();
            for (byte, random) in chunk.iter_mut().zip(word) {
                *byte = random;
            }
        }
    }
}
