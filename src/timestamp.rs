//! Time in whole seconds, as it is written into tokens.

use core::{fmt, time::Duration};

#[cfg(feature = "std")]
use std::time::{SystemTime, UNIX_EPOCH};

/// Holds a point in time: the whole seconds since 1970-01-01 00:00:00 UTC, as a `u32`.
///
/// Every operation saturates at 0 and at [`u32::MAX`] (2106-02-07 06:28:15 UTC). The last second
/// cannot be used in tokens: sealing fails at that time, and a token with that time does not open.
/// Otherwise a clock that is stuck at the end of its range would make tokens that never expire.
///
/// ```
/// use core::time::Duration;
/// use hardtack::Timestamp;
///
/// let noon = Timestamp::from_unix(1_700_000_000);
/// let later = noon.saturating_add(Duration::from_secs(90));
/// assert_eq!(later.to_unix(), 1_700_000_090);
/// assert_eq!(later.saturating_duration_since(noon), Duration::from_secs(90));
/// assert_eq!(noon.saturating_duration_since(later), Duration::ZERO);
/// assert_eq!(Timestamp::from_unix(u32::MAX).saturating_add(Duration::MAX).to_unix(), u32::MAX);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u32);

impl Timestamp {
    /// 1970-01-01 00:00:00 UTC.
    pub(crate) const MIN: Timestamp = Timestamp(0);
    /// 2106-02-07 06:28:15 UTC, which is refused in tokens.
    pub(crate) const MAX: Timestamp = Timestamp(u32::MAX);

    /// Makes a timestamp from Unix time in seconds.
    ///
    /// ```
    /// use hardtack::Timestamp;
    ///
    /// const RELEASE: Timestamp = Timestamp::from_unix(1_763_600_000);
    /// assert!(RELEASE < Timestamp::now());
    /// ```
    #[must_use]
    pub const fn from_unix(seconds: u32) -> Timestamp {
        Timestamp(seconds)
    }

    /// Returns the Unix time in seconds.
    ///
    /// ```
    /// use hardtack::Timestamp;
    ///
    /// assert_eq!(Timestamp::from_unix(1_763_600_000).to_unix(), 1_763_600_000);
    /// ```
    #[must_use]
    pub const fn to_unix(self) -> u32 {
        self.0
    }

    /// Reads the system's clock. A clock that is set to a time before 1970 or after 2106 gives the
    /// nearest timestamp.
    ///
    /// ```
    /// use hardtack::Timestamp;
    ///
    /// let now = Timestamp::now();
    /// println!("{now}"); // such as 1763600000
    /// assert!(now > Timestamp::from_unix(1_700_000_000));
    /// ```
    #[cfg(feature = "std")]
    #[must_use]
    pub fn now() -> Timestamp {
        SystemTime::now().into()
    }

    /// Returns the time that is `duration` later. Fractions of a second are dropped.
    ///
    /// ```
    /// use core::time::Duration;
    /// use hardtack::Timestamp;
    ///
    /// let noon = Timestamp::from_unix(1_700_000_000);
    /// let later = noon.saturating_add(Duration::from_millis(1_999));
    /// assert_eq!(later.to_unix(), 1_700_000_001);
    /// assert_eq!(later.saturating_add(Duration::MAX).to_unix(), u32::MAX);
    /// ```
    #[must_use]
    pub const fn saturating_add(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(whole_seconds(duration)))
    }

    /// Returns the time that is `duration` earlier. Fractions of a second are dropped.
    ///
    /// ```
    /// use core::time::Duration;
    /// use hardtack::Timestamp;
    ///
    /// let noon = Timestamp::from_unix(1_700_000_000);
    /// assert_eq!(noon.saturating_sub(Duration::from_secs(60)).to_unix(), 1_699_999_940);
    /// assert_eq!(noon.saturating_sub(Duration::MAX).to_unix(), 0);
    /// ```
    #[must_use]
    pub const fn saturating_sub(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(whole_seconds(duration)))
    }

    /// Returns the time that has passed since `earlier`, or zero if `earlier` is later than `self`.
    ///
    /// ```
    /// use core::time::Duration;
    /// use hardtack::Timestamp;
    ///
    /// let (noon, later) = (Timestamp::from_unix(1_700_000_000), Timestamp::from_unix(1_700_000_060));
    /// assert_eq!(later.saturating_duration_since(noon), Duration::from_secs(60));
    /// assert_eq!(noon.saturating_duration_since(later), Duration::ZERO);
    /// ```
    #[must_use]
    pub const fn saturating_duration_since(self, earlier: Timestamp) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0) as u64)
    }
}

/// Returns the whole seconds of `duration`, at most [`u32::MAX`].
pub(crate) const fn whole_seconds(duration: Duration) -> u32 {
    const MAX: u64 = u32::MAX as u64;
    match duration.as_secs() {
        seconds @ 0..=MAX => seconds as u32,
        _ => u32::MAX,
    }
}

/// Drops the fraction of a second and saturates: a time before 1970 becomes 0, a time after
/// 2106-02-07 06:28:15 UTC becomes [`u32::MAX`].
///
/// ```
/// use hardtack::Timestamp;
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let time = UNIX_EPOCH + Duration::from_millis(1_700_000_000_999);
/// assert_eq!(Timestamp::from(time), Timestamp::from_unix(1_700_000_000));
/// let early = UNIX_EPOCH - Duration::from_secs(1);
/// assert_eq!(Timestamp::from(early), Timestamp::from_unix(0));
/// ```
#[cfg(feature = "std")]
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Timestamp {
        let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(whole_seconds(since_epoch))
    }
}

/// Converts without loss.
///
/// ```
/// use hardtack::Timestamp;
/// use std::time::SystemTime;
///
/// let noon = Timestamp::from_unix(1_700_000_000);
/// assert_eq!(Timestamp::from(SystemTime::from(noon)), noon);
/// ```
#[cfg(feature = "std")]
impl From<Timestamp> for SystemTime {
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "every platform's SystemTime holds the years 1970 to 2106"
    )]
    fn from(time: Timestamp) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(time.0.into())
    }
}

/// Shows the Unix time in seconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends_and_drops_fractions() {
        let second = Duration::from_secs(1);
        assert_eq!(Timestamp::MIN.saturating_sub(second), Timestamp::MIN);
        assert_eq!(Timestamp::MAX.saturating_add(second), Timestamp::MAX);
        assert_eq!(Timestamp::MAX.saturating_sub(Duration::MAX), Timestamp::MIN);
        assert_eq!(Timestamp::MIN.saturating_add(Duration::MAX), Timestamp::MAX);
        let beyond_u32 = Duration::from_secs(u64::from(u32::MAX) + 1);
        assert_eq!(Timestamp::MIN.saturating_add(beyond_u32), Timestamp::MAX);
        assert_eq!(
            Timestamp(5).saturating_add(Duration::from_millis(1999)),
            Timestamp(6)
        );
        assert_eq!(
            Timestamp::MAX.saturating_duration_since(Timestamp::MIN),
            Duration::from_secs(u64::from(u32::MAX))
        );
    }

    #[cfg(feature = "std")]
    #[test]
    fn every_timestamp_is_a_system_time_and_comes_back() {
        for time in [Timestamp::MIN, Timestamp(1), Timestamp::MAX] {
            assert_eq!(Timestamp::from(SystemTime::from(time)), time);
        }
    }

    #[cfg(feature = "std")]
    #[test]
    fn a_system_time_beyond_the_range_becomes_its_end() {
        let end = UNIX_EPOCH + Duration::from_secs(u64::from(u32::MAX));
        let fraction = Duration::from_millis(999);
        assert_eq!(Timestamp::from(end - fraction), Timestamp(u32::MAX - 1));
        assert_eq!(Timestamp::from(end + fraction), Timestamp::MAX);
        let later = end + Duration::from_secs(1);
        assert_eq!(Timestamp::from(later), Timestamp::MAX);
        let earlier = UNIX_EPOCH - fraction;
        assert_eq!(Timestamp::from(earlier), Timestamp::MIN);
    }

    #[cfg(feature = "std")]
    #[test]
    fn now_is_in_this_century() {
        assert!(Timestamp::now() > Timestamp::from_unix(1_700_000_000));
        assert!(Timestamp::now() < Timestamp::MAX);
    }
}
