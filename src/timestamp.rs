use core::{fmt, time::Duration};

/// A point in time: whole seconds since 1970-01-01 00:00:00 UTC, as a `u32`.
///
/// Every operation saturates at 0 and at [`u32::MAX`] (2106-02-07 06:28:15 UTC). The last second is
/// no usable time: nothing is sealed at it and nothing sealed at it opens, so that a clock stuck at
/// the end of its range makes no immortal token.
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
    /// The earliest time, 1970-01-01 00:00:00 UTC.
    pub(crate) const MIN: Timestamp = Timestamp(0);
    /// The end of the range: refused in tokens.
    pub(crate) const MAX: Timestamp = Timestamp(u32::MAX);

    /// The time that is `seconds` after the start of 1970, UTC.
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

    /// Seconds since the start of 1970, UTC.
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

    /// The system's clock, to the second; a clock set outside 1970 to 2106 gives the nearer end.
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
        let since_epoch = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        Timestamp(whole_seconds(since_epoch))
    }

    /// This time and `duration`, in whole seconds (a fraction is dropped).
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

    /// This time less `duration`, in whole seconds (a fraction is dropped).
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

    /// How long `earlier` is past; zero if it is not.
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

/// `duration` in whole seconds, at most [`u32::MAX`].
pub(crate) const fn whole_seconds(duration: Duration) -> u32 {
    const MAX: u64 = u32::MAX as u64;
    match duration.as_secs() {
        seconds @ 0..=MAX => seconds as u32,
        _ => u32::MAX,
    }
}

/// The number of seconds.
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
    fn now_is_in_this_century() {
        assert!(Timestamp::now() > Timestamp::from_unix(1_700_000_000));
        assert!(Timestamp::now() < Timestamp::MAX);
    }
}
