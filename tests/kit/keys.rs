//! Keys from numbers.
#![allow(dead_code, reason = "each program uses a part")]

use hardtack::{Key, Keyring};

/// Master key number `n`, which the library takes for random bytes.
pub fn master(n: u8) -> [u8; 32] {
    std::array::from_fn(|i| (usize::from(n) * 7 + i * i) as u8)
}

pub fn key(n: u8) -> Key {
    Key::from_bytes(master(n)).unwrap()
}

/// The keyring of a site with this key alone.
pub fn ring(n: u8) -> Keyring {
    Keyring::new(key(n))
}
