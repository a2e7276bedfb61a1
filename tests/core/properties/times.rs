use std::time::Duration;

use hardtack::Timestamp;
use proptest::prelude::*;

use super::{seconds, time};

/// In numbers that cannot overflow.
fn clamp(seconds: i128) -> u32 {
    seconds.clamp(0, i128::from(u32::MAX)) as u32
}

proptest! {
    #[test]
    fn adding_saturates(at in time(), seconds in seconds(), nanos in 0..1_000_000_000_u32) {
        let sum = Timestamp::from_unix(at).saturating_add(Duration::new(seconds, nanos));
        prop_assert_eq!(sum.to_unix(), clamp(i128::from(at) + i128::from(seconds)));
    }

    #[test]
    fn subtracting_saturates(at in time(), seconds in seconds(), nanos in 0..1_000_000_000_u32) {
        let difference = Timestamp::from_unix(at).saturating_sub(Duration::new(seconds, nanos));
        prop_assert_eq!(difference.to_unix(), clamp(i128::from(at) - i128::from(seconds)));
    }

    #[test]
    fn the_time_between_saturates_and_orders(one in time(), other in time()) {
        let (from, to) = (Timestamp::from_unix(one), Timestamp::from_unix(other));
        let between = u64::from(clamp(i128::from(other) - i128::from(one)));
        prop_assert_eq!(to.saturating_duration_since(from), Duration::from_secs(between));
        prop_assert_eq!(from.cmp(&to), one.cmp(&other));
        prop_assert_eq!(from.to_string(), one.to_string());
    }
}
