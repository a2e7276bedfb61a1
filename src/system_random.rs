//! The operating system's generator, hedged against a machine that was copied.

use core::sync::atomic::{AtomicU64, Ordering};
use getrandom::{Error, SysRng};
use rand_core::{TryCryptoRng, TryRng, utils::next_word_via_fill};

/// Draws from the operating system's generator, and mixes in the present nanosecond and a counter.
///
/// A snapshot that is started twice, or a clone of a virtual machine, draws the same bytes again. A nonce that
/// repeats lets an attacker forge tokens. With the mixture, both machines would have to seal in the same nanosecond
/// too. The bytes stay as random as they were, because nothing that is mixed in depends on them.
///
/// The format page recommends an HMAC of the content instead. That costs a fifth to a half of a seal.
pub(crate) struct SystemRandom;

impl TryRng for SystemRandom {
    type Error = Error;

    fn try_next_u32(&mut self) -> Result<u32, Error> {
        next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Error> {
        next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        draw(&mut SysRng, bytes)
    }
}

impl TryCryptoRng for SystemRandom {}

/// Draws from `source`, and mixes in the present nanosecond and how many draws there were before.
fn draw<R: TryRng>(source: &mut R, bytes: &mut [u8]) -> Result<(), R::Error> {
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    source.try_fill_bytes(bytes)?;
    mix(bytes, nanoseconds(), DRAWN.fetch_add(1, Ordering::Relaxed));
    Ok(())
}

/// Makes equal bytes differ if the moment or the count does.
fn mix(bytes: &mut [u8], moment: u64, count: u64) {
    let (moment, count) = (moment.to_be_bytes(), count.to_be_bytes());
    for (byte, mixed) in bytes.iter_mut().zip(moment.into_iter().chain(count)) {
        *byte ^= mixed;
    }
}

/// Returns the nanoseconds since 1970, modulo 2^64: 584 years.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
fn nanoseconds() -> u64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    since
        .as_secs()
        .wrapping_mul(1_000_000_000)
        .wrapping_add(u64::from(since.subsec_nanos()))
}

/// There is no clock on this target, and asking for one panics.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
fn nanoseconds() -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::{SystemRandom, draw, mix, nanoseconds};
    use core::convert::Infallible;
    use rand_core::TryRng;

    /// In nanoseconds.
    const YEAR: u64 = 31_557_600_000_000_000;

    /// What two copies of a machine draw.
    const COPIED: [u8; 16] = [0x5a; 16];

    /// The generator of a copied machine: it draws the same bytes whenever it is asked.
    struct Copied;

    impl TryRng for Copied {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            Ok(0x5a5a_5a5a)
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            Ok(0x5a5a_5a5a_5a5a_5a5a)
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
            bytes.fill(0x5a);
            Ok(())
        }
    }

    fn mixed(moment: u64, count: u64) -> [u8; 16] {
        let mut bytes = COPIED;
        mix(&mut bytes, moment, count);
        bytes
    }

    #[test]
    fn a_copied_machine_seals_no_two_tokens_with_one_nonce() {
        let draw = || {
            let mut bytes = [0; 16];
            draw(&mut Copied, &mut bytes).unwrap();
            let mixed = u128::from_be_bytes(bytes) ^ u128::from_be_bytes(COPIED);
            ((mixed >> 64) as u64, mixed as u64)
        };
        let ((moment, first), (_, second)) = (draw(), draw());
        assert!(nanoseconds().abs_diff(moment) < YEAR, "{moment}");
        // Other tests draw at the same time.
        assert!(first < second, "{first} {second}");
    }

    #[test]
    fn copies_of_a_machine_differ_by_a_nanosecond() {
        assert_ne!(mixed(1, 7), mixed(2, 7));
        assert_ne!(mixed(1 << 63, 7), mixed(0, 7));
    }

    #[test]
    fn draws_in_one_nanosecond_differ() {
        assert_ne!(mixed(1, 7), mixed(1, 8));
        assert_ne!(mixed(1, 1 << 63), mixed(1, 0));
        // The moment and the count do not cancel each other.
        assert_ne!(mixed(1, 2), mixed(2, 1));
        assert_ne!(mixed(3, 3), COPIED);
    }

    #[test]
    fn only_the_first_16_bytes_are_mixed() {
        let mut bytes = [0x5a; 24];
        mix(&mut bytes, u64::MAX, u64::MAX);
        assert_eq!(bytes[..16], [0xa5; 16]);
        assert_eq!(bytes[16..], [0x5a; 8]);
    }

    #[test]
    fn the_moment_is_in_nanoseconds() {
        let first = nanoseconds();
        // 2026-01-01 to 2106-01-01.
        assert!((1_767_225_600..4_291_747_200).contains(&(first / 1_000_000_000)));
        assert!((0..1_000_000).any(|_| nanoseconds() % 1_000_000_000 != first % 1_000_000_000));
    }

    #[test]
    fn every_draw_differs() {
        let mut rng = SystemRandom;
        let mut draw = || {
            let mut bytes = [0; 16];
            rng.try_fill_bytes(&mut bytes).unwrap();
            bytes
        };
        assert_ne!(draw(), draw());
        assert_ne!(rng.try_next_u64().unwrap(), rng.try_next_u64().unwrap());
        assert_ne!(rng.try_next_u32().unwrap(), rng.try_next_u32().unwrap());
    }
}
