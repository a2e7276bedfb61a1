//! Generators whose bytes a test knows, and one that fails.
#![allow(dead_code, reason = "each program uses a part")]

use core::{convert::Infallible, fmt};
use rand_core::{TryCryptoRng, TryRng};

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

/// A generator that gives these sixteen bytes, over and over.
pub struct Given(pub [u8; 16]);

impl TryRng for Given {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("the library fills bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("the library fills bytes")
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        to.copy_from_slice(&self.0);
        Ok(())
    }
}

impl TryCryptoRng for Given {}

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
