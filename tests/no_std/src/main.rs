//! Links and runs without `std` and without an allocator: exit code 0 if a sealed value opens again
//! and a changed token does not.
#![no_std]
#![no_main]

use core::{convert::Infallible, panic::PanicInfo};
use hardtack::{Codec, Key, Keyring, OpenError, SealError, Timestamp};
use rand_core::{TryCryptoRng, TryRng};

/// What a board's generator is to be in the field; constant, so good for this test alone.
struct Constant;

impl TryRng for Constant {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(7)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(7)
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        to.fill(7);
        Ok(())
    }
}

impl TryCryptoRng for Constant {}

/// Which expectation fails, or 0.
fn run() -> i32 {
    let mut master = [0xa5; 32];
    master[0] = 1;
    let Ok(key) = Key::from_bytes(master) else {
        return 1;
    };
    let codec = Codec::new(&Keyring::new(key), "reading/1");
    let now = Timestamp::from_unix(1_700_000_000);
    let value = ("cellar", 281_u16, true);

    let mut small = [0; 20];
    let refused = codec.seal_into(&value, now, &mut Constant, &mut small);
    if !matches!(refused, Err(SealError::BufferTooSmall { .. })) {
        return 2;
    }
    let mut text = [0; 100];
    let Ok(token) = codec.seal_into(&value, now, &mut Constant, &mut text) else {
        return 3;
    };
    let mut buf = [0; 100];
    match codec.open_in::<(&str, u16, bool)>(token, now, &mut buf) {
        Ok(opened) if opened.value == value => {}
        _ => return 4,
    }
    let bound = codec.bound_to(b"another room");
    match bound.open_in::<(&str, u16, bool)>(token, now, &mut buf) {
        Err(OpenError::Invalid) => 0,
        _ => 5,
    }
}

// The C library: it starts a program, and has the `memcpy` that every compiler asks for.
#[cfg(unix)]
#[link(name = "c")]
unsafe extern "C" {}

/// Where the C runtime of a hosted target begins.
#[cfg(not(target_os = "none"))]
#[unsafe(no_mangle)]
pub extern "C" fn main() -> i32 {
    run()
}

#[cfg(target_os = "none")]
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    run();
    loop {
        core::hint::spin_loop();
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // To a test that expects an end, no end is a failure too.
    loop {
        core::hint::spin_loop();
    }
}

/// A hosted `core` is built to unwind and asks for this; `panic = "abort"` never calls it.
#[cfg(not(target_os = "none"))]
#[unsafe(no_mangle)]
pub extern "C" fn rust_eh_personality() {}
