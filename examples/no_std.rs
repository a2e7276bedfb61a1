//! Seals and opens the reading of a sensor, without `std`, an allocator or an operating system. The
//! page `hardtack::guide::no_std` shows this program.
#![no_std]
#![no_main]

use core::{fmt, panic::PanicInfo, time::Duration};
use hardtack::{Codec, Key, Keyring, OpenError, SealError, Timestamp};
use rand_core::{TryCryptoRng, TryRng};
use serde::{Deserialize, Serialize};

/// The value that is sealed. After opening, `room` borrows from the buffer.
#[derive(Serialize, Deserialize, PartialEq)]
struct Reading<'a> {
    room: &'a str,
    decikelvin: u16,
    door_open: bool,
}

/// The bytes of the longest reading in postcard: the length and 32 bytes of the room, then 3, then 1.
const PAYLOAD: usize = 1 + 32 + 3 + 1;
/// The characters of its token: base64 of the payload and 40 bytes more.
const TOKEN: usize = (4 * (PAYLOAD + 40)).div_ceil(3);
/// The bytes of the buffer for opening: the payload and a tag of 16 bytes.
const BODY: usize = PAYLOAD + 16;

/// The generator of the board. It is a constant in this example, and must not be one on a board: two
/// tokens of one second with the same random bytes reveal each other's plaintext.
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

/// Reads the clock of the board.
fn now() -> Timestamp {
    Timestamp::from_unix(1_700_000_000) // here: read the register
}

/// Reads the key of the board: 32 random bytes. For a key as text there is `text.parse::<Key>()`.
fn master() -> [u8; 32] {
    // here: read them from where the board keeps secrets
    core::array::from_fn(|place| (place * place) as u8 ^ 0xa5)
}

/// Returns the number of the expectation that fails, or 0.
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

    // No value is longer than `PAYLOAD`, so this is always enough.
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

    // Sealing fails without fresh random bytes, and in a buffer that is too small. The error says how
    // many bytes are enough.
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
    // The token does not open after its maximum age, or with other associated data.
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

/// Starts the program on a board.
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
    // A test that waits for the end of this program fails if it never ends.
    loop {
        core::hint::spin_loop();
    }
}

// The rest is for a test on a hosted target. There the C library starts a program, and it has the
// `memcpy` that every compiler needs.
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
