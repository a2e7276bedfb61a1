//! Memory after its end, read by the kernel, so that the compiler sees no reader and may leave out what was written
//! for nobody.
#![allow(dead_code, reason = "each program uses a part")]

use core::hint::black_box;
use std::{fs::File, os::unix::fs::FileExt as _, vec};

/// Whether `len` bytes at an address hold the secret, in use or freed.
pub fn holds(address: usize, len: usize, secret: &[u8]) -> bool {
    let mut memory = vec![0; len];
    let process = File::open("/proc/self/mem").unwrap();
    process.read_exact_at(&mut memory, address as u64).unwrap();
    memory.windows(secret.len()).any(|window| window == secret)
}

/// Lends a secret from a frame of the stack to `f`. Returns whether its place there still holds a half of it once the
/// frame has returned, and what `f` returned.
pub fn stays_in_frame<R>(secret: &[u8; 32], f: impl FnOnce(&mut [u8; 32]) -> R) -> (bool, R) {
    let (address, returned) = lend(secret, f);
    let stays = secret.chunks(16).any(|half| holds(address, 32, half));
    (stays, returned)
}

/// The place is far from both ends of the frame: what looks for the secret afterwards calls functions too, and their
/// frames must not overwrite it.
#[inline(never)]
fn lend<R>(secret: &[u8; 32], f: impl FnOnce(&mut [u8; 32]) -> R) -> (usize, R) {
    let mut frame = [[0; 32]; 2048];
    let place = &mut frame[1024];
    *place = *secret;
    black_box(&mut *place);
    let returned = f(place);
    ((&raw const *place).addr(), returned)
}
