//! What the opener thinks of a token's time, once it is authentic.

use super::error::OpenError;
use crate::{keys::KeyState, timestamp::Timestamp};
use core::time::Duration;

#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// In seconds.
    pub(crate) max_age: u64,
    pub(crate) skew: Duration,
    /// What was issued earlier is revoked.
    pub(crate) floor: Timestamp,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            max_age: 24 * 60 * 60,
            skew: Duration::from_secs(60),
            floor: Timestamp::MIN,
        }
    }
}

impl Policy {
    /// Steps 6 to 8 of opening.
    pub(crate) fn check(
        &self,
        issued_at: Timestamp,
        key: KeyState,
        now: Timestamp,
    ) -> Result<(), OpenError> {
        // A clock at the end of its range must not make an immortal token.
        if issued_at == Timestamp::MAX || issued_at > now.saturating_add(self.skew) {
            return Err(OpenError::NotYetValid);
        }
        let retired = match key {
            KeyState::Retired(at) => issued_at > at.saturating_add(self.skew),
            KeyState::Primary | KeyState::Accepted => false,
        };
        if retired || issued_at < self.floor {
            return Err(OpenError::Revoked);
        }
        if now.saturating_duration_since(issued_at).as_secs() > self.max_age {
            return Err(OpenError::Expired);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No codec seals in the last second, so this is the one limit that no token of ours tests.
    #[test]
    fn a_token_of_the_last_second_is_never_valid() {
        let patient = Policy {
            max_age: u64::MAX,
            skew: Duration::MAX,
            floor: Timestamp::MIN,
        };
        for now in [Timestamp::MIN, Timestamp::MAX] {
            for key in [KeyState::Primary, KeyState::Retired(Timestamp::MAX)] {
                let refused = patient.check(Timestamp::MAX, key, now);
                assert_eq!(refused, Err(OpenError::NotYetValid));
            }
        }
    }
}
