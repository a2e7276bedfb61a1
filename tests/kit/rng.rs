//! What the tests of the core share.
#![allow(dead_code, reason = "each test uses a part")]

use core::{convert::Infallible, fmt};
use hardtack::{Key, Keyring, Timestamp};
use rand_core::{TryCryptoRng, TryRng};

/// A key that is good enough for tests; another one for each number.
pub fn key(number: u8) -> Key {
    let mut bytes = [number; 32];
    bytes[0] = !number;
    Key::from_bytes(bytes).unwrap()
}

pub fn ring(number: u8) -> Keyring {
    Keyring::new(key(number))
}

pub fn at(seconds: u32) -> Timestamp {
    Timestamp::from_unix(seconds)
}

/// Gives one byte over and over: what a test wants and nobody else.
pub struct Constant(pub u8);

impl TryRng for Constant {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_ne_bytes([self.0; 4]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_ne_bytes([self.0; 8]))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        to.fill(self.0);
        Ok(())
    }
}

impl TryCryptoRng for Constant {}

/// Fails, after it has given half of the bytes.
pub struct Failing;

#[derive(Debug)]
pub struct OutOfOrder;

impl fmt::Display for OutOfOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of order")
    }
}

impl core::error::Error for OutOfOrder {}

impl TryRng for Failing {
    type Error = OutOfOrder;

    fn try_next_u32(&mut self) -> Result<u32, OutOfOrder> {
        Err(OutOfOrder)
    }

    fn try_next_u64(&mut self) -> Result<u64, OutOfOrder> {
        Err(OutOfOrder)
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), OutOfOrder> {
        let half = to.len() / 2;
        to[..half].fill(7);
        Err(OutOfOrder)
    }
}

impl TryCryptoRng for Failing {}
