use super::error::OpenError;
use crate::{keys::KeyState, timestamp::Timestamp};
use core::time::Duration;

/// Holds the rules about the time in a token.
#[derive(Clone, Debug)]
pub(super) struct Validity {
    /// In seconds.
    pub(super) max_age: u64,
    pub(super) skew: Duration,
    pub(super) reject_issued_before: Timestamp,
}

impl Default for Validity {
    fn default() -> Validity {
        Validity {
            max_age: 24 * 60 * 60,
            skew: Duration::from_secs(60),
            reject_issued_before: Timestamp::MIN,
        }
    }
}

impl Validity {
    /// Takes steps 6 to 8 of opening in the format page. The token must be authentic.
    pub(super) fn check(
        &self,
        issued_at: Timestamp,
        key: KeyState,
        now: Timestamp,
    ) -> Result<(), OpenError> {
        // A clock that is stuck at the end of its range must not make tokens that never expire.
        if issued_at == Timestamp::MAX || issued_at > now.saturating_add(self.skew) {
            return Err(OpenError::NotYetValid);
        }
        let retired = match key {
            KeyState::Retired(at) => issued_at > at.saturating_add(self.skew),
            KeyState::Primary | KeyState::Accepted => false,
        };
        if retired || issued_at < self.reject_issued_before {
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

    /// Codecs do not seal in the last second, so no token of ours can test this.
    #[test]
    fn a_token_of_the_last_second_is_never_valid() {
        let patient = Validity {
            max_age: u64::MAX,
            skew: Duration::MAX,
            reject_issued_before: Timestamp::MIN,
        };
        for now in [Timestamp::MIN, Timestamp::MAX] {
            for key in [KeyState::Primary, KeyState::Retired(Timestamp::MAX)] {
                let refused = patient.check(Timestamp::MAX, key, now);
                assert_eq!(refused, Err(OpenError::NotYetValid));
            }
        }
    }
}
