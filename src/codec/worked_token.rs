//! Computes the worked token of the format page. Every value is read from the table of that page.

use crate::{
    Codec, Key, KeyError, KeyId, Keyring, Timestamp,
    token::{HeaderBytes, VERSION_PLAIN, aead_seal},
};
use alloc::vec::Vec;
use core::convert::Infallible;
use rand_core::{TryCryptoRng, TryRng};

const DOCUMENT: &str = include_str!("../guide/format.md");

fn line(name: &str) -> &'static str {
    let (_, table) = DOCUMENT.split_once("### A worked token").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let mut lines = table.lines().filter_map(|line| line.strip_prefix("| "));
    let found = lines.find(|line| line.starts_with(name));
    found.unwrap_or_else(|| panic!("no row begins with {name:?}"))
}

/// Returns the texts between back-quotes in the row that begins with `name`.
fn quoted<const N: usize>(name: &str) -> [&'static str; N] {
    let all: Vec<_> = line(name).split('`').skip(1).step_by(2).collect();
    all.try_into().unwrap()
}

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    let mut bytes = [0; N];
    let decoded = base16ct::lower::decode(hex, &mut bytes).unwrap();
    assert_eq!(decoded.len(), N);
    bytes
}

fn array<const N: usize>(name: &str) -> [u8; N] {
    let [hex] = quoted(name);
    bytes(hex)
}

fn issued_at() -> u32 {
    let cell = line("issued-at").split('|').nth(1).unwrap();
    cell.trim().parse().unwrap()
}

/// Returns the bytes of the table's row `random`, once.
struct Random(Option<[u8; 16]>);

impl TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("a token asks for 16 bytes at once")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("a token asks for 16 bytes at once")
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        to.copy_from_slice(&self.0.take().expect("a token asks once"));
        Ok(())
    }
}

impl TryCryptoRng for Random {}

#[test]
fn the_keys_are_those_of_the_table() {
    let [master] = quoted("master");
    assert_eq!(master.parse::<Key>(), Err(KeyError::Published));
    // Refused as a key too, because they stand there.
    for row in ["prk", "key |"] {
        assert_eq!(Key::from_bytes(array(row)), Err(KeyError::Published));
    }
    let key = Key::derive_from(&bytes(master));
    assert_eq!(*key.prk().as_bytes(), array("prk"));
    assert_eq!(key.id().to_bytes(), array("key id"));
    let [label, purpose] = quoted("label, purpose");
    let info = [label.as_bytes(), &[0], purpose.as_bytes()];
    let derived = Keyring::new(key).derive(&info);
    assert_eq!(*derived.primary().1.as_bytes(), array("key |"));
}

#[test]
fn the_header_is_that_of_the_table() {
    let header = HeaderBytes::new(
        VERSION_PLAIN,
        KeyId::from_bytes(array("key id")),
        Timestamp::from_unix(issued_at()),
        array("random"),
    );
    assert_eq!(*header.nonce(), array("header"));
}

#[test]
fn ciphertext_and_tag_are_those_of_the_table() {
    let [value, payload] = quoted("payload");
    let mut data: [u8; 6] = bytes(payload);
    assert_eq!(postcard::to_slice(value, &mut [0; 6]).unwrap(), data);
    let tag = aead_seal(&array("key |"), &array("header"), &[], &mut data);
    let [ciphertext, expected_tag] = quoted("ciphertext, tag");
    assert_eq!(data, bytes(ciphertext));
    assert_eq!(tag.ok().unwrap(), bytes(expected_tag));
}

#[test]
fn the_tokens_are_those_of_the_table_and_open() {
    let ring = Keyring::new(Key::derive_from(&array("master")));
    let [_, purpose] = quoted("label, purpose");
    let plain = Codec::new(&ring, purpose);
    let block = line("the same, unbound")
        .split("padded to ")
        .nth(1)
        .unwrap();
    let block = block.split(' ').next().unwrap().parse().unwrap();
    let padded = Codec::new(&ring, purpose).pad_to(block);

    let now = Timestamp::from_unix(issued_at());
    let [value, _] = quoted("payload");
    let rng = || Random(Some(array("random")));

    let [expected] = quoted("token |");
    let mut buf = [0; 100];
    let token = plain.seal_into(value, now, &mut rng(), &mut buf);
    assert_eq!(token, Ok(expected));
    let opened = plain.open_in::<&str>(expected, now, &mut buf);
    assert_eq!(opened.unwrap().value, value);

    let [associated_data, expected] = quoted("the same, bound to");
    let bound = plain.bound_to(associated_data.as_bytes());
    let token = bound.seal_into(value, now, &mut rng(), &mut buf);
    assert_eq!(token, Ok(expected));
    let opened = bound.open_in::<&str>(expected, now, &mut buf);
    assert_eq!(opened.unwrap().value, value);

    let [expected] = quoted("the same, unbound");
    let token = padded.seal_into(value, now, &mut rng(), &mut buf);
    assert_eq!(token, Ok(expected));
    let opened = plain.open_in::<&str>(expected, now, &mut buf);
    assert_eq!(opened.unwrap().value, value);
}
