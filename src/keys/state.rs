use crate::timestamp::Timestamp;
use core::fmt;

/// Says what a key of a [`Keyring`](crate::Keyring) is used for.
///
/// ```
/// use hardtack::{KeyState, Timestamp};
///
/// assert_eq!(KeyState::Accepted.to_string(), "accepted");
/// let state = KeyState::Retired(Timestamp::from_unix(1_763_600_000));
/// assert_eq!(state.to_string(), "retired at 1763600000");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyState {
    /// The key seals and opens.
    Primary,
    /// The key only opens. It is the next primary key, or it was the last one.
    Accepted,
    /// The key only opens tokens that were sealed until this time.
    Retired(Timestamp),
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyState::Primary => f.write_str("primary"),
            KeyState::Accepted => f.write_str("accepted"),
            KeyState::Retired(at) => write!(f, "retired at {at}"),
        }
    }
}
