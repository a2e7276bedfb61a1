use super::*;

fn at(unix: u32) -> Timestamp {
    Timestamp::from_unix(unix)
}

fn timeouts(idle: u32, lifetime: u32) -> Timeouts {
    Timeouts { idle, lifetime }
}

#[test]
fn exactly_at_a_limit_a_session_is_still_good() {
    let timeouts = timeouts(10, 100);
    for (created, issued, now, judged) in [
        (0, 0, 10, Ok(())),
        (0, 0, 11, Err(Refusal::IdleTimeout)),
        (0, 95, 100, Ok(())),
        (0, 95, 101, Err(Refusal::AbsoluteTimeout)),
        // Over by both: the end that no renewal would have put off.
        (0, 0, 101, Err(Refusal::AbsoluteTimeout)),
        // From the future: the skew is the token's to judge, and no arithmetic wraps.
        (50, 50, 0, Ok(())),
        (u32::MAX, u32::MAX, 0, Ok(())),
        (0, u32::MAX - 10, u32::MAX, Err(Refusal::AbsoluteTimeout)),
        (u32::MAX - 50, u32::MAX - 10, u32::MAX, Ok(())),
        (
            u32::MAX - 50,
            u32::MAX - 11,
            u32::MAX,
            Err(Refusal::IdleTimeout),
        ),
    ] {
        let checked = timeouts.check(at(created), at(issued), at(now));
        assert_eq!(checked, judged, "{created} {issued} {now}");
    }
}

#[test]
fn the_earlier_of_two_limits_holds_each_by_itself() {
    assert_eq!(timeouts(10, 100).and(timeouts(20, 50)), timeouts(10, 50));
    assert_eq!(timeouts(20, 50).and(timeouts(10, 100)), timeouts(10, 50));
}

#[test]
fn the_end_is_the_earlier_one() {
    let short = timeouts(10, 100);
    assert_eq!(short.end(at(0), at(50)), at(60));
    assert_eq!(short.end(at(0), at(95)), at(100));
    assert_eq!(short.absolute_end(at(7)), at(107));
    assert_eq!(
        timeouts(u32::MAX, u32::MAX).end(at(5), at(6)),
        Timestamp::MAX
    );
}

#[test]
fn renewal_is_due_after_a_tenth_or_what_was_set_but_never_twice_a_second() {
    let second = Duration::from_secs(1);
    for (idle, setting, due) in [
        (1800, None, 180),
        (1809, None, 180),
        (9, None, 1),
        (1, None, 1),
        (1800, Some(Duration::ZERO), 1),
        (1800, Some(second / 2), 1),
        (1800, Some(7 * second), 7),
        (1800, Some(Duration::MAX), u32::MAX),
    ] {
        let is_due = |now| timeouts(idle, 9_999).renewal_due(at(0), at(now), setting);
        assert!(!is_due(due - 1) && is_due(due), "{idle} {setting:?}");
    }
    assert!(!timeouts(1800, 9_999).renewal_due(at(100), at(0), None));
}

#[test]
fn durations_beyond_the_range_are_its_end() {
    let long = Timeouts::new(Duration::MAX, Duration::from_millis(1_999));
    assert_eq!(long, timeouts(u32::MAX, 1));
}
