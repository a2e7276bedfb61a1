//! Limits failed logins, by name and by address.
//!
//! A session cannot count them, because an attacker just drops the cookie and begins again at zero.

use crate::{accounts::MAX_NAME, journal::Journal};
use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{
        StateStore,
        keyed::{HashMapStateStore, ShrinkableKeyedStateStore},
    },
};
use std::{
    convert::Infallible,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

const MINUTE: Duration = Duration::from_secs(60);

/// For one name, at once. Then one more each minute.
pub(crate) const FAILURES_OF_A_NAME: u32 = 5;
/// For one address, at once. Then one more every ten seconds. Many people may share it.
const FAILURES_OF_AN_ADDRESS: u32 = 50;

/// Above this many names or addresses, those that count nothing any more are forgotten, so that an attacker
/// cannot fill the memory. Each of them costs the attacker a password that is checked.
const MANY: usize = 10_000;

pub(crate) struct Limits {
    names: Limit<String>,
    addresses: Limit<IpAddr>,
}

impl Limits {
    pub(crate) fn new(journal: &Arc<Journal>) -> Limits {
        Limits {
            names: Limit::new(journal, MINUTE, FAILURES_OF_A_NAME),
            addresses: Limit::new(journal, MINUTE / 6, FAILURES_OF_AN_ADDRESS),
        }
    }

    /// Counts an attempt, or returns how long to wait before the next one. Call it before the password is
    /// checked: an attacker who sends many attempts at the same moment would otherwise have all of them.
    pub(crate) fn attempt(&self, name: &str, address: IpAddr) -> Result<(), Duration> {
        self.addresses.attempt(&network(address))?;
        self.names.attempt(&counted(name))
    }

    /// Takes the attempt back, because it did not fail.
    pub(crate) fn succeeded(&self, name: &str, address: IpAddr) {
        self.addresses.take_back(&network(address));
        self.names.take_back(&counted(name));
    }
}

/// Returns the name that counts. Nobody has a longer one, and many of them would fill the memory.
fn counted(name: &str) -> String {
    let short = Some(name).filter(|name| name.len() <= MAX_NAME);
    short.unwrap_or_default().into()
}

/// Returns the address that counts. Anyone with IPv6 has all addresses of a /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

struct Limit<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, States<K>, SiteClock, NoOpMiddleware<Duration>>,
    states: States<K>,
    /// The time after which there is one more attempt.
    one_per: Duration,
}

impl<K: Hash + Eq + Clone> Limit<K> {
    fn new(journal: &Arc<Journal>, one_per: Duration, burst: u32) -> Limit<K> {
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(one_per).unwrap_or(Quota::per_minute(NonZeroU32::MIN));
        let states = States(Arc::default());
        Limit {
            limiter: RateLimiter::new(
                quota.allow_burst(burst),
                states.clone(),
                SiteClock(journal.clone()),
            ),
            states,
            one_per,
        }
    }

    fn attempt(&self, key: &K) -> Result<(), Duration> {
        if self.limiter.len() > MANY {
            self.limiter.retain_recent();
        }
        let counted = self.limiter.check_key(key);
        counted.map_err(|until| until.wait_time_from(self.limiter.clock().now()))
    }

    fn take_back(&self, key: &K) {
        let one = Nanos::from(self.one_per);
        let Ok(()) = self.states.measure_and_replace(key, |before| {
            let after = before.unwrap_or_default().saturating_sub(one);
            Ok::<_, Infallible>(((), after))
        });
    }
}

/// The states of a limiter, which cannot take back an attempt by itself.
struct States<K>(Arc<HashMapStateStore<K>>);

impl<K> Clone for States<K> {
    fn clone(&self) -> Self {
        States(self.0.clone())
    }
}

impl<K: Hash + Eq + Clone> StateStore for States<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0.measure_and_replace(key, f)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for States<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.0.retain_recent(drop_below);
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The clock of the site, which its operator sets forward.
struct SiteClock(Arc<Journal>);

impl Clock for SiteClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_secs(self.0.now().to_unix().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn limits() -> (Limits, Arc<Journal>) {
        let journal = Arc::default();
        (Limits::new(&journal), journal)
    }

    #[test]
    fn a_name_has_a_few_failures_and_then_one_a_minute() {
        let (limits, journal) = limits();
        for _ in 0..FAILURES_OF_A_NAME {
            assert_eq!(limits.attempt("ada", HOME), Ok(()));
        }
        let wait = limits.attempt("ada", HOME).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= MINUTE, "{wait:?}");
        // Elsewhere it is the same name, and here another name is another one.
        let elsewhere = IpAddr::from([192, 0, 2, 1]);
        assert!(limits.attempt("ada", elsewhere).is_err());
        assert_eq!(limits.attempt("bob", HOME), Ok(()));
        journal.advance(wait);
        assert_eq!(limits.attempt("ada", elsewhere), Ok(()));
        assert!(limits.attempt("ada", elsewhere).is_err());
    }

    #[test]
    fn a_login_that_works_counts_nothing() {
        let (limits, _) = limits();
        for _ in 0..3 * FAILURES_OF_AN_ADDRESS {
            assert_eq!(limits.attempt("ada", HOME), Ok(()));
            limits.succeeded("ada", HOME);
        }
        for _ in 0..FAILURES_OF_A_NAME {
            assert_eq!(limits.attempt("ada", HOME), Ok(()));
        }
        assert!(limits.attempt("ada", HOME).is_err());
    }

    #[test]
    fn attempts_at_the_same_moment_count_before_they_fail() {
        let (limits, _) = limits();
        let begun = (0..100).filter(|_| limits.attempt("ada", HOME).is_ok());
        assert_eq!(begun.count(), FAILURES_OF_A_NAME as usize);
    }

    #[test]
    fn an_address_tries_no_endless_list_of_names() {
        let (limits, _) = limits();
        for n in 0..FAILURES_OF_AN_ADDRESS {
            assert_eq!(limits.attempt(&n.to_string(), HOME), Ok(()));
        }
        assert!(limits.attempt("one more", HOME).is_err());
    }

    #[test]
    fn an_address_counts_with_its_network() {
        let same = ["2001:db8:0:1::1", "2001:db8:0:1:ffff::"].map(|text| text.parse().unwrap());
        assert_eq!(network(same[0]), network(same[1]));
        assert_ne!(
            network(same[0]),
            network("2001:db8:0:2::1".parse().unwrap())
        );
        assert_eq!(network("::ffff:127.0.0.1".parse().unwrap()), HOME);
        assert_ne!(network(HOME), network([127, 0, 0, 2].into()));
    }

    #[test]
    fn all_names_that_are_too_long_are_one() {
        let (limits, _) = limits();
        let long = |n: u32| format!("{n}{}", "a".repeat(MAX_NAME));
        for n in 0..FAILURES_OF_A_NAME {
            assert_eq!(limits.attempt(&long(n), HOME), Ok(()));
        }
        assert!(limits.attempt(&long(FAILURES_OF_A_NAME), HOME).is_err());
    }

    #[test]
    fn names_that_count_nothing_any_more_are_forgotten() {
        let (limits, journal) = limits();
        let attempt = |n: usize| limits.names.attempt(&n.to_string());
        for n in 0..=MANY {
            assert_eq!(attempt(n), Ok(()));
        }
        assert_eq!(attempt(MANY), Ok(()));
        assert_eq!(limits.names.limiter.len(), MANY + 1, "each of them counts");
        journal.advance(FAILURES_OF_A_NAME * MINUTE);
        assert_eq!(attempt(0), Ok(()));
        assert!(limits.names.limiter.len() <= 1);
    }
}
