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
    }
}
