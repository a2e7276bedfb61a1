//! A sensor's reading, sealed and opened without `std`, without an allocator and without an operating
//! system: the program of the page `hardtack::guide::no_std`.
#![no_std]
#![no_main]

use core::{fmt, panic::PanicInfo, time::Duration};
use hardtack::{Codec, Key, Keyring, OpenError, SealError, Timestamp};
use rand_core::{TryCryptoRng, TryRng};
use serde::{Deserialize, Serialize};

/// What is sealed. It borrows: opened, `room` lies in the buffer that it was opened in.
#[derive(Serialize, Deserialize, PartialEq)]
struct Reading<'a> {
    room: &'a str,
    decikelvin: u16,
    door_open: bool,
}

/// The longest reading, as postcard writes it: a room of 32 bytes and its length, 3, and 1.
const PAYLOAD: usize = 1 + 32 + 3 + 1;
/// Characters of its token: 40 bytes more, in base64.
const TOKEN: usize = (4 * (PAYLOAD + 40)).div_ceil(3);
/// Bytes to open it in: the payload and a tag of 16.
const BODY: usize = PAYLOAD + 16;

/// The board's generator. Here a constant, which is good for this program alone: two tokens of one
/// second with the same random bytes give each other away.
struct Trng {
    ready: bool,
}

#[derive(Debug)]
struct NotReady;

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the generator has no entropy yet")
    }
}

impl core::error::Error for NotReady {}

impl TryRng for Trng {
    type Error = NotReady;

    fn try_next_u32(&mut self) -> Result<u32, NotReady> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, NotReady> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), NotReady> {
        if !self.ready {
            return Err(NotReady);
        }
        to.fill(7); // here: read the register until `to` is full
        Ok(())
    }
}

impl TryCryptoRng for Trng {}

/// The board's clock, in Unix seconds.
fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000) // here: read the register
}

/// The key that the board was given: 32 random bytes, or their text (`text.parse::<Key>()`).
fn master() -> [u8; 32] {
    let mut bytes = [0xa5; 32]; // here: read them from where the board keeps secrets
    bytes[0] = 1;
    bytes
}

/// Which expectation fails, or 0.
fn run() -> i32 {
    let Ok(key) = Key::from_bytes(master()) else {
        return 1;
    };
    let hour = Duration::from_secs(3600);
    let codec = Codec::new(&Keyring::new(key), "reading/1").max_age(hour);
    if codec.token_len(PAYLOAD) != TOKEN {
        return 2;
    }
    let reading = Reading {
        room: "cellar",
        decikelvin: 2812,
        door_open: true,
    };

    // The value may be as long as `PAYLOAD` says, so this is always enough.
    let mut text = [0; TOKEN];
    let Ok(token) = codec.seal_into(&reading, now(), &mut Trng { ready: true }, &mut text) else {
        return 3;
    };
    let mut body = [0; BODY];
    if Codec::open_len(token) > body.len() {
        return 4;
    }
    match codec.open_in::<Reading<'_>>(token, now(), &mut body) {
        Ok(opened) if opened.value == reading && opened.issued_at == now() => {}
        _ => return 5,
    }

    // Without fresh randomness there is no token, and in a buffer that is too small neither: the
    // error says how many bytes are enough.
    let mut other = [0; TOKEN];
    match codec.seal_into(&reading, now(), &mut Trng { ready: false }, &mut other) {
        Err(SealError::Randomness) => {}
        _ => return 6,
    }
    match codec.seal_into(&reading, now(), &mut Trng { ready: true }, &mut other[..20]) {
        Err(SealError::BufferTooSmall { needed }) if needed == token.len() => {}
        _ => return 7,
    }
    match codec.open_in::<Reading<'_>>(token, now(), &mut body[..8]) {
        Err(OpenError::BufferTooSmall { needed }) if needed == Codec::open_len(token) => {}
        _ => return 8,
    }
    // Nor does it open after its time, or for another use.
    let later = now().saturating_add(hour + Duration::from_secs(1));
    match codec.open_in::<Reading<'_>>(token, later, &mut body) {
        Err(OpenError::Expired) => {}
        _ => return 9,
    }
    let elsewhere = codec.bound_to(b"another building");
    match elsewhere.open_in::<Reading<'_>>(token, now(), &mut body) {
        Err(OpenError::Invalid) => 0,
        _ => 10,
    }
}

/// Where a board begins.
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

// What follows is for a test on a hosted target, where the C library starts a program and has the
// `memcpy` that every compiler asks for.
#[cfg(unix)]
#[link(name = "c")]
unsafe extern "C" {}

#[cfg(not(target_os = "none"))]
#[unsafe(no_mangle)]
pub extern "C" fn main() -> i32 {
    run()
}

/// A hosted `core` is built to unwind and asks for this; `panic = "abort"` never calls it.
#[cfg(not(target_os = "none"))]
#[unsafe(no_mangle)]
pub extern "C" fn rust_eh_personality() {}
