//! Every limit of time, on both of its sides.

use crate::kit::{
    clock::at,
    keys::{key, ring},
    rng::Constant,
};
use core::time::Duration;
use hardtack::{Codec, KeyState, Keyring, OpenError, SealError};

const LAST: u32 = u32::MAX;

fn codec() -> Codec {
    Codec::new(&ring(1), "time/1")
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What this codec says at `now` to a token sealed at `issued_at` under the same primary key.
fn open(codec: &Codec, issued_at: u32, now: u32) -> Result<KeyState, OpenError> {
    open_from(codec, codec, issued_at, now)
}

fn open_from(
    sealer: &Codec,
    opener: &Codec,
    issued_at: u32,
    now: u32,
) -> Result<KeyState, OpenError> {
    let (mut buf, mut scratch) = ([0; 100], [0; 100]);
    let token = sealer
        .seal_into("value", at(issued_at), &mut Constant(1), &mut buf)
        .unwrap();
    let opened = opener.open_in::<&str>(token, at(now), &mut scratch)?;
    assert_eq!((opened.value, opened.issued_at), ("value", at(issued_at)));
    Ok(opened.key_state)
}

const GOOD: Result<KeyState, OpenError> = Ok(KeyState::Primary);

#[test]
fn the_default_is_a_day_and_a_minute() {
    let day = 24 * 60 * 60;
    assert_eq!(open(&codec(), 1000, 1000 + day), GOOD);
    let expired = open(&codec(), 1000, 1001 + day);
    assert_eq!(expired, Err(OpenError::Expired));
    assert_eq!(open(&codec(), 1060, 1000), GOOD);
    assert_eq!(open(&codec(), 1061, 1000), Err(OpenError::NotYetValid));
}

#[test]
fn a_token_of_exactly_the_max_age_is_good() {
    let codec = codec().max_age(Duration::from_millis(5999));
    assert_eq!(open(&codec, 1000, 1005), GOOD);
    assert_eq!(open(&codec, 1000, 1006), Err(OpenError::Expired));
}

#[test]
fn a_max_age_of_zero_is_the_same_second_or_the_skew() {
    let codec = codec().max_age(Duration::ZERO);
    assert_eq!(open(&codec, 0, 0), GOOD);
    assert_eq!(open(&codec, 1060, 1000), GOOD);
    assert_eq!(open(&codec, 1000, 1001), Err(OpenError::Expired));
    assert_eq!(open(&codec, 0, LAST), Err(OpenError::Expired));
}

#[test]
fn the_whole_range_of_time_is_an_age() {
    let open_aged = |max_age| open(&codec().max_age(max_age), 0, LAST);
    assert_eq!(open_aged(seconds(u64::from(LAST))), GOOD);
    let expired = open_aged(seconds(u64::from(LAST) - 1));
    assert_eq!(expired, Err(OpenError::Expired));
    assert_eq!(open_aged(seconds(u64::from(LAST) + 1)), GOOD);
    assert_eq!(open_aged(seconds(u64::MAX)), GOOD);
    assert_eq!(open_aged(Duration::MAX), GOOD);
}

#[test]
fn a_skew_of_zero_takes_nothing_from_the_future() {
    let codec = codec().skew(Duration::ZERO);
    assert_eq!(open(&codec, 1000, 1000), GOOD);
    assert_eq!(open(&codec, 1001, 1000), Err(OpenError::NotYetValid));
}

#[test]
fn the_skew_saturates_at_the_end_of_time() {
    assert_eq!(open(&codec(), LAST - 1, LAST - 61), GOOD);
    let early = open(&codec(), LAST - 1, LAST - 62);
    assert_eq!(early, Err(OpenError::NotYetValid));
    assert_eq!(open(&codec(), LAST - 1, LAST), GOOD);
    let patient = codec().skew(Duration::MAX);
    assert_eq!(open(&patient, LAST - 1, 0), GOOD);
}

#[test]
fn nothing_is_sealed_in_the_last_second() {
    let mut buf = [0xff; 100];
    let sealed = codec().seal_into("value", at(LAST), &mut Constant(1), &mut buf);
    assert_eq!(sealed, Err(SealError::Time));
    assert_eq!(buf, [0; 100]);
}

#[test]
fn the_floor_refuses_what_is_earlier() {
    let codec = codec().reject_issued_before(at(1000));
    assert_eq!(open(&codec, 1000, 1000), GOOD);
    assert_eq!(open(&codec, 999, 1000), Err(OpenError::Revoked));
    let never = self::codec().reject_issued_before(at(LAST));
    assert_eq!(open(&never, LAST - 1, LAST), Err(OpenError::Revoked));
}

#[test]
fn a_retired_key_opens_what_was_sealed_until_its_retirement_and_the_skew() {
    let open_retired = |retired_at: u32, issued_at| {
        let ring = ring(2).accept_retired(key(1), at(retired_at)).unwrap();
        let opener = Codec::new(&ring, "time/1");
        open_from(&codec(), &opener, issued_at, issued_at)
    };
    let retired = |seconds| Ok(KeyState::Retired(at(seconds)));
    assert_eq!(open_retired(1000, 1060), retired(1000));
    assert_eq!(open_retired(1000, 1061), Err(OpenError::Revoked));
    assert_eq!(open_retired(0, 0), retired(0));
    assert_eq!(open_retired(LAST, LAST - 1), retired(LAST));
}

#[test]
fn an_accepted_key_opens_at_any_time() {
    let ring: Keyring = ring(2).accept(key(1)).unwrap();
    let opener = Codec::new(&ring, "time/1");
    for issued_at in [0, 1000, LAST - 1] {
        let opened = open_from(&codec(), &opener, issued_at, issued_at);
        assert_eq!(opened, Ok(KeyState::Accepted));
    }
}
