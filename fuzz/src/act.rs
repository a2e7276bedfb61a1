//! What a handler of a target does with its session.

use arbitrary::Arbitrary;
use hardtack::session::{Session, SessionError};

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub(crate) enum Act {
    Read,
    Write,
    Login,
    Destroy,
}

impl Act {
    /// Does it. What is written goes under `key`.
    pub(crate) fn run(self, session: &Session, key: &str) -> Result<(), SessionError> {
        match self {
            Act::Read => Ok(()),
            Act::Write => session.insert(key, 1),
            Act::Login => session
                .regenerate_for_login()
                .and_then(|()| session.insert(key, 1)),
            Act::Destroy => session.destroy(),
        }
    }
}
