//! What is sealed: a session as an application would keep it, and plain text.

use serde::{Deserialize, Serialize};

/// The sizes measured: bytes of the payload that hardtack seals. As JSON, which the peers seal, the same session is longer.
pub const SIZES: [usize; 3] = [64, 256, 1024];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    pub user: u64,
    pub tenant: u32,
    pub role: Role,
    pub name: String,
    pub return_to: String,
    pub recent: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Role {
    Member,
    Admin,
}

impl Account {
    /// A session whose postcard encoding, which is hardtack's payload, is `size` bytes long (at least 38): mostly text.
    pub fn sized(size: usize) -> Self {
        let pages = [
            "/bread",
            "/harbour/stores/lantern-oil",
            "/harbour/stores/rope?length=20",
            "/crew/watches",
            "/log/today",
        ];
        let mut account = Account {
            user: 8_412_009_331,
            tenant: 7_203,
            role: Role::Member,
            name: "Ada Lovelace".to_owned(),
            return_to: "/account/orders".to_owned(),
            recent: Vec::new(),
        };
        let mut left = size - 38;
        for page in pages.into_iter().cycle() {
            let Some(rest) = left.checked_sub(1 + page.len()) else {
                break;
            };
            left = rest;
            account.recent.push(page.to_owned());
        }
        account.return_to.extend(std::iter::repeat_n('/', left));
        account
    }
}

/// The bytes of [`Numbers`] as postcard.
pub const NUMBERS: usize = 103;

/// A session that is mostly numbers, as of a shop or a game.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Numbers {
    pub user: u64,
    pub tenant: u32,
    pub last_seen: u64,
    pub balance: i64,
    pub admin: bool,
    pub items: Vec<Item>,
    pub scores: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    pub product: u32,
    pub count: u8,
    pub price: f64,
}

impl Numbers {
    pub fn new() -> Self {
        let item = |number: u8| Item {
            product: 40_000 + 517 * u32::from(number),
            count: number,
            price: 17.25 + f64::from(number),
        };
        Numbers {
            user: 8_412_009_331,
            tenant: 7_203,
            last_seen: 1_763_600_000,
            balance: -1_250_075,
            admin: false,
            items: (1..=5).map(item).collect(),
            scores: (1..=9)
                .map(|number| 300 * number)
                .chain([7, 11, 13, 90])
                .collect(),
        }
    }
}

/// `length` characters of text.
pub fn text(length: usize) -> String {
    "So twice five miles of fertile ground with walls and towers were girdled round. "
        .chars()
        .cycle()
        .take(length)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_have_the_size_they_say() {
        for size in SIZES {
            assert_eq!(
                postcard::to_allocvec(&Account::sized(size)).unwrap().len(),
                size
            );
            assert_eq!(text(size).len(), size);
        }
        assert_eq!(
            postcard::to_allocvec(&Numbers::new()).unwrap().len(),
            NUMBERS
        );
    }
}
