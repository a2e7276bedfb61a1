use super::*;
use alloc::{
    string::{String, ToString},
    vec,
};
use proptest::prelude::*;
use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

const HOUR: u32 = 60 * 60;
/// What an entry outlives its login by, with the skew that is assumed.
const KEPT: u32 = HOUR + 120;

fn at(unix: u32) -> Timestamp {
    Timestamp::from_unix(unix)
}

fn login(n: u64) -> LoginId {
    LoginId::from_bytes(n.to_be_bytes())
}

fn bound(since: u32) -> Denied {
    Denied::Bound { since: at(since) }
}

fn entry(n: u64, end: u32, denied: Denied) -> DenylistEntry {
    DenylistEntry {
        login_id: login(n),
        end: at(end),
        denied,
    }
}

/// Lets so much time pass that the list drops entries by this one.
fn pass_to(list: &Denylist, unix: u32) {
    static TICKS: AtomicU64 = AtomicU64::new(0);
    for _ in 0..2 {
        let ticks = TICKS.fetch_add(HOUR.into(), Ordering::Relaxed);
        list.is_denied_at(login(0), at(unix), Duration::from_secs(ticks));
    }
}

fn sorted(list: &Denylist) -> Vec<(LoginId, Timestamp, Denied)> {
    let mut entries: Vec<_> = list
        .entries()
        .iter()
        .map(|entry| (entry.login_id, entry.end, entry.denied))
        .collect();
    entries.sort();
    entries
}

/// The indexes hold what the entries hold.
fn assert_whole(list: &Denylist) {
    let list = list.read();
    let indexed = list.anonymous.len() + list.bound.len() + list.logins.len();
    assert_eq!(indexed, list.entries.len());
    for (login_id, held) in &list.entries {
        let by_end = match held.denied {
            Denied::Bound { .. } => &list.bound,
            Denied::Anonymous => &list.anonymous,
            Denied::Replaced | Denied::Destroyed => &list.logins,
        };
        assert!(by_end.contains(&(held.end, *login_id)), "{login_id}");
    }
}

#[test]
fn clones_share_one_list() {
    let list = Denylist::default();
    let clone = list.clone();
    list.insert(entry(1, 100, Denied::Destroyed), at(0))
        .unwrap();
    assert!(clone.is_denied(login(1)));
    assert!(!clone.is_denied(login(2)));
    assert!(alloc::format!("{clone:?}").contains("entries: 1"));
}

#[test]
fn an_entry_outlives_its_login_by_an_hour_and_twice_the_skew() {
    for (skew, kept) in [(0, KEPT), (60, KEPT), (300, HOUR + 600)] {
        let list = Denylist::new();
        list.allow_skew(Duration::from_secs(skew));
        list.allow_skew(Duration::ZERO); // a smaller one shortens nothing
        for (n, denied) in [
            (1, Denied::Anonymous),
            (2, Denied::Replaced),
            (3, Denied::Destroyed),
        ] {
            list.insert(entry(n, 100, denied), at(0)).unwrap();
        }
        pass_to(&list, 100 + kept);
        list.insert(entry(9, 1_000_000, Denied::Destroyed), at(100 + kept))
            .unwrap();
        assert_eq!(list.entries().len(), 4, "{skew}");
        pass_to(&list, 101 + kept);
        list.insert(entry(9, 1_000_001, Denied::Destroyed), at(101 + kept))
            .unwrap();
        assert_eq!(list.entries().len(), 1, "{skew}");
        assert_whole(&list);

        // What is over does not come in: a file from before the restart may be full of it.
        list.insert(entry(5, 100, Denied::Destroyed), at(101 + kept))
            .unwrap();
        assert!(!list.is_denied(login(5)));
        pass_to(&list, 100 + kept);
        list.insert(entry(5, 100, Denied::Destroyed), at(100 + kept))
            .unwrap();
        assert!(list.is_denied(login(5)));
    }
}

/// For a reading, a request waits for the lock that all requests share.
#[test]
fn requests_stop_for_a_reading_of_the_clock_once_a_minute() {
    let mut time = SteadyTime::default();
    let mut read_at = Vec::new();
    for second in 0..=180 {
        let ticks = Duration::from_secs(second);
        if time.is_due(ticks) {
            time.read(at(0), ticks);
            read_at.push(second);
        }
    }
    assert_eq!(read_at, [0, 60, 120, 180]);
}

#[test]
fn a_clock_that_jumps_ahead_and_is_set_right_drops_nothing() {
    const YEAR: u32 = 365 * 24 * HOUR;
    let list = Denylist::new();
    let read = |minute: u32, ahead: u32| {
        let seconds = minute * 60;
        let ticks = Duration::from_secs(seconds.into());
        list.is_denied_at(login(0), at(seconds + ahead), ticks);
    };
    read(0, 0);
    list.deny(entry(1, HOUR, Denied::Destroyed), at(u32::MAX))
        .unwrap();
    // A minute before the first reading has stood for an hour, and for almost an hour more.
    for minute in 59..=118 {
        read(minute, YEAR);
        list.deny(entry(2, 2 * HOUR, Denied::Destroyed), at(u32::MAX))
            .unwrap();
        assert!(
            list.is_denied(login(1)) && list.is_denied(login(2)),
            "{minute}"
        );
    }
    read(119, 0);
    for minute in 120..=200 {
        read(minute, 0);
        list.deny(entry(3, 9 * HOUR, Denied::Destroyed), at(u32::MAX))
            .unwrap();
    }
    assert!(list.is_denied(login(1)) && list.is_denied(login(2)));
    // A clock that stays where it is, is right.
    for minute in 201..=330 {
        read(minute, YEAR);
    }
    list.deny(entry(4, 2 * YEAR, Denied::Destroyed), at(u32::MAX))
        .unwrap();
    assert_eq!(sorted(&list).len(), 1);
}

#[test]
fn a_login_is_forgotten_when_the_clock_has_stood_for_an_hour_and_not_a_second_before() {
    for (ticks, kept) in [(3_599, true), (3_600, false)] {
        let list = Denylist::new();
        list.is_denied_at(login(0), at(101 + KEPT), Duration::ZERO);
        list.deny(entry(1, 100, Denied::Destroyed), at(0)).unwrap();
        list.is_denied_at(login(0), at(101 + KEPT), Duration::from_secs(ticks));
        list.deny(entry(2, HOUR, Denied::Destroyed), at(u32::MAX))
            .unwrap();
        assert_eq!(list.is_denied(login(1)), kept, "{ticks}");
    }
}

#[test]
fn a_clock_that_is_set_right_for_a_minute_keeps_every_login() {
    // A second earlier it is not read again: most requests take no lock to write.
    for (right_at, kept) in [(59, false), (60, true)] {
        let list = Denylist::new();
        list.is_denied_at(login(0), at(101 + KEPT), Duration::ZERO);
        list.deny(entry(1, 100, Denied::Destroyed), at(0)).unwrap();
        for (wall, ticks) in [(0, right_at), (101 + KEPT, 3_600)] {
            list.is_denied_at(login(0), at(wall), Duration::from_secs(ticks));
        }
        list.deny(entry(2, HOUR, Denied::Destroyed), at(u32::MAX))
            .unwrap();
        assert_eq!(list.is_denied(login(1)), kept, "{right_at}");
    }
}

#[test]
fn times_at_the_end_of_the_range_do_not_wrap() {
    let list = Denylist::new();
    list.allow_skew(Duration::MAX);
    list.insert(entry(1, u32::MAX, Denied::Destroyed), at(u32::MAX))
        .unwrap();
    list.insert(entry(2, 0, Denied::Destroyed), at(u32::MAX))
        .unwrap();
    assert!(list.is_denied(login(1)) && list.is_denied(login(2)));
}

#[test]
fn one_insertion_prunes_a_few_and_the_next_ones_the_rest() {
    let list = Denylist::new();
    for n in 0..40 {
        list.insert(entry(n, 100, Denied::Destroyed), at(0))
            .unwrap();
    }
    pass_to(&list, 9_999);
    for (n, left) in [(100, 24 + 1), (101, 8 + 2), (102, 3), (103, 4)] {
        list.insert(entry(n, 10_000, Denied::Destroyed), at(9_999))
            .unwrap();
        assert_eq!(list.entries().len(), left);
    }
    assert_whole(&list);
}

#[test]
fn of_two_entries_the_later_end_and_the_stronger_reason_count() {
    let list = Denylist::new();
    for (end, denied, expected) in [
        (100, Denied::Anonymous, (100, Denied::Anonymous)),
        (50, Denied::Replaced, (100, Denied::Replaced)),
        (200, Denied::Anonymous, (200, Denied::Replaced)),
        (200, Denied::Destroyed, (200, Denied::Destroyed)),
        (10, Denied::Anonymous, (200, Denied::Destroyed)),
    ] {
        list.insert(entry(1, end, denied), at(0)).unwrap();
        assert_eq!(sorted(&list), [(login(1), at(expected.0), expected.1)]);
        assert_whole(&list);
    }
}

#[test]
fn a_full_list_drops_the_anonymous_first_and_then_the_login_that_ends_soonest() {
    let list = Denylist::with_max(3);
    list.insert(entry(1, 900, Denied::Anonymous), at(0))
        .unwrap();
    list.insert(entry(2, 200, Denied::Destroyed), at(0))
        .unwrap();
    list.insert(entry(3, 300, Denied::Replaced), at(0)).unwrap();
    // One that was there before takes no place.
    list.insert(entry(2, 200, Denied::Destroyed), at(0))
        .unwrap();
    assert!(list.is_denied(login(1)));

    list.insert(entry(4, 400, Denied::Destroyed), at(0))
        .unwrap();
    assert!(!list.is_denied(login(1)));

    let full = list
        .insert(entry(5, 500, Denied::Destroyed), at(0))
        .unwrap_err();
    assert_eq!(full.dropped, entry(2, 200, Denied::Destroyed));
    assert_eq!(
        full.to_string(),
        "the denylist is full: login 0000000000000002 was dropped, and copies of its cookies open again until 200"
    );
    // The new one, if it ends before all others; an anonymous one in any case, which nobody needs to hear of.
    let full = list
        .insert(entry(6, 10, Denied::Replaced), at(0))
        .unwrap_err();
    assert_eq!(full.dropped, entry(6, 10, Denied::Replaced));
    list.insert(entry(7, 9_999, Denied::Anonymous), at(0))
        .unwrap();
    assert_eq!(
        sorted(&list),
        [
            (login(3), at(300), Denied::Replaced),
            (login(4), at(400), Denied::Destroyed),
            (login(5), at(500), Denied::Destroyed),
        ]
    );
    assert_whole(&list);

    // What is over makes room first.
    pass_to(&list, 301 + KEPT);
    list.insert(entry(8, 90_000, Denied::Destroyed), at(301 + KEPT))
        .unwrap();
    assert!(!list.is_denied(login(3)) && list.is_denied(login(4)));
}

/// Anybody can make and destroy a million sessions without a login. If that made the list forget which logins are bound,
/// copies from before the binding would open again.
#[test]
fn no_guest_makes_a_full_list_forget_a_login_that_is_bound() {
    let list = Denylist::with_max(3);
    list.insert(entry(1, 100, bound(0)), at(0)).unwrap();
    for guest in 2..9 {
        let guest = entry(guest, 900, Denied::Anonymous);
        list.insert(guest, at(0)).unwrap();
    }
    let first = (login(1), at(100), bound(0));
    assert_eq!(sorted(&list).first(), Some(&first));
    assert_whole(&list);

    // Logins that have ended count for more, and what they cost is told.
    for ended in [10, 11] {
        let ended = entry(ended, 50, Denied::Replaced);
        list.insert(ended, at(0)).unwrap();
    }
    let full = list
        .insert(entry(12, 50, Denied::Destroyed), at(0))
        .unwrap_err();
    assert_eq!(full.dropped, entry(1, 100, bound(0)));
    assert_whole(&list);
}

#[test]
fn a_session_of_this_process_is_reported_once_and_with_no_lock_held() {
    let reported = Arc::new(Mutex::new(Vec::new()));
    let base = Denylist::with_max(1);
    let (asked, told) = (base.clone(), Arc::clone(&reported));
    let list = base.clone().on_insert(move |entry| {
        // With a lock held, either of these would wait for ever.
        assert!(asked.is_denied(entry.login_id) || entry.end == at(5));
        asked.allow_skew(Duration::ZERO);
        told.lock().unwrap().push(*entry);
    });
    let clone = list.clone();

    list.deny(entry(1, 100, Denied::Anonymous), at(u32::MAX))
        .unwrap();
    // What is reported is what counts now: the place that keeps it may overwrite.
    list.deny(entry(1, 70, Denied::Destroyed), at(u32::MAX))
        .unwrap();
    clone
        .deny(entry(1, 100, Denied::Destroyed), at(u32::MAX))
        .unwrap();
    clone
        .deny(entry(1, 50, Denied::Replaced), at(u32::MAX))
        .unwrap();
    clone
        .deny(entry(1, 200, Denied::Destroyed), at(u32::MAX))
        .unwrap();
    // Over: nothing to say. Came from elsewhere: said there.
    pass_to(&list, KEPT + 1);
    list.deny(entry(2, 0, Denied::Destroyed), at(u32::MAX))
        .unwrap();
    list.insert(entry(1, 300, Denied::Destroyed), at(0))
        .unwrap();
    // No room here, but there may be some where the callback writes.
    list.deny(entry(3, 5, Denied::Destroyed), at(u32::MAX))
        .unwrap_err();
    // A clone from before has no callback.
    base.deny(entry(1, 400, Denied::Destroyed), at(u32::MAX))
        .unwrap();
    assert_eq!(
        *reported.lock().unwrap(),
        [
            entry(1, 100, Denied::Anonymous),
            entry(1, 100, Denied::Destroyed),
            entry(1, 200, Denied::Destroyed),
            entry(3, 5, Denied::Destroyed),
        ]
    );
}

#[test]
fn a_callback_that_panics_spoils_nothing() {
    let list = Denylist::new().on_insert(|_| panic!("callback"));
    let denied = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| {
        list.deny(entry(1, 100, Denied::Destroyed), at(u32::MAX))
    }));
    assert!(denied.is_err());
    assert!(list.is_denied(login(1)));
    list.insert(entry(2, 100, Denied::Destroyed), at(0))
        .unwrap();
    assert_whole(&list);
}

#[test]
fn an_entry_is_one_line_and_nothing_else_is_one() {
    for (entry, line) in [
        (
            entry(0xb0, 1_763_600_000, Denied::Destroyed),
            "00000000000000b0 1763600000 destroyed",
        ),
        (entry(1, 0, Denied::Replaced), "0000000000000001 0 replaced"),
        (entry(2, 9, bound(7)), "0000000000000002 9 bound 7"),
        (
            entry(u64::MAX, u32::MAX, Denied::Anonymous),
            "ffffffffffffffff 4294967295 anonymous",
        ),
    ] {
        assert_eq!(entry.to_string(), line);
        assert_eq!(line.parse(), Ok(entry));
    }
    for line in [
        "",
        " ",
        "0000000000000001",
        "0000000000000001 0",
        "0000000000000001 0 ",
        "0000000000000001 0 Replaced",
        "0000000000000001  0 replaced",
        "0000000000000001 0 replaced\n",
        " 0000000000000001 0 replaced",
        "0000000000000001 0 replaced more",
        "0000000000000001 0 bound",
        "0000000000000001 0 bound ",
        "0000000000000001 0 bound +1",
        "0000000000000001 0 bound 4294967296",
        "0000000000000001 0 bound 1 ",
        "0000000000000001 0 bound  1",
        "0000000000000001 0 replaced 1",
        "0000000000000001 +1 replaced",
        "0000000000000001 -1 replaced",
        "0000000000000001 4294967296 replaced",
        "0000000000000001  replaced",
        "000000000000001 0 replaced",
    ] {
        assert_eq!(
            line.parse::<DenylistEntry>(),
            Err(ParseDenylistEntryError),
            "{line:?}"
        );
    }
    assert_eq!(
        ParseDenylistEntryError.to_string(),
        "an entry of a denylist is a login id, a number of seconds and `anonymous`, `replaced`, `destroyed` or `bound` with a number of seconds"
    );
}

#[test]
fn the_list_is_bounded_by_a_million() {
    assert_eq!(Denylist::new().read().max, 1_000_000);
}

/// Copies of before the binding; the session itself goes on.
#[cfg(feature = "unstable-device-bound")]
#[test]
fn a_login_that_was_bound_to_a_device_is_denied_without_it_after_a_minute() {
    let list = Denylist::new();
    list.deny(entry(1, HOUR, bound(100)), at(100)).unwrap();
    let refuses = |now| list.refuses_unbound(login(1), at(now));
    assert_eq!(
        [refuses(100), refuses(220), refuses(221)],
        [false, false, true]
    );
    assert!(!list.is_denied(login(1)) && !list.refuses_unbound(login(2), at(HOUR)));
    assert!(list.binds(login(1)) && !list.binds(login(2)));

    // Bound once more, by another instance: not a minute more.
    list.insert(entry(1, HOUR, bound(150)), at(150)).unwrap();
    list.insert(entry(1, 2 * HOUR, bound(151)), at(151))
        .unwrap();
    assert!(refuses(221));

    // The entry comes later, such as after a restart, or its time is that of a clock which is ahead.
    for (since, comes_at, last) in [(100, 110, 220), (100, 900, 220), (300, 200, 320)] {
        let list = Denylist::new();
        let line = entry(1, HOUR, bound(since)).to_string();
        list.insert(line.parse().unwrap(), at(comes_at)).unwrap();
        let refuses = |now| list.refuses_unbound(login(1), at(now));
        assert!(!refuses(last) && refuses(last + 1), "{since} {comes_at}");
        // One that was bound before that.
        list.insert(entry(1, HOUR, bound(50)), at(comes_at))
            .unwrap();
        assert!(!refuses(170) && refuses(171), "{since} {comes_at}");
        assert_whole(&list);
    }

    list.deny(entry(1, HOUR, Denied::Destroyed), at(200))
        .unwrap();
    assert!(list.is_denied(login(1)) && !refuses(900) && !list.binds(login(1)));
}

fn denied() -> impl Strategy<Value = Denied> {
    prop_oneof![
        Just(bound(0)),
        Just(Denied::Anonymous),
        Just(Denied::Replaced),
        Just(Denied::Destroyed)
    ]
}

proptest! {
    /// Against a list that is searched from end to end. With this few entries, each insertion
    /// prunes all that is over.
    #[test]
    fn it_agrees_with_a_plain_list(
        steps in proptest::collection::vec((0..16_u64, 0..20_u32, denied(), 0..5_u32), 1..80),
    ) {
        let (max, unit) = (6, 1_000);
        let list = Denylist::with_max(max);
        let mut plain: Vec<DenylistEntry> = vec![];
        let mut now = 0;
        for (n, ahead, denied, pause) in steps {
            now += pause * unit;
            let new = entry(n, now + ahead * unit, denied);
            pass_to(&list, now);
            let result = list.insert(new, at(now));

            let mut expected = Ok(());
            plain.retain(|entry| now <= entry.end.to_unix() + KEPT);
            match plain.iter_mut().find(|entry| entry.login_id == new.login_id) {
                Some(entry) => {
                    entry.end = entry.end.max(new.end);
                    entry.denied = entry.denied.max(new.denied);
                }
                None => plain.push(new),
            }
            let turn = |denied: Denied| match denied {
                Denied::Anonymous => 0,
                Denied::Bound { .. } => 1,
                Denied::Replaced | Denied::Destroyed => 2,
            };
            plain.sort_by_key(|entry| (turn(entry.denied), entry.end, entry.login_id));
            if plain.len() > max {
                let dropped = plain.remove(0);
                if dropped.denied != Denied::Anonymous {
                    expected = Err(DenylistFull { dropped });
                }
            }
            prop_assert_eq!(result, expected);
            for n in 0..16 {
                let denied = |entry: &DenylistEntry| !matches!(entry.denied, Denied::Bound { .. }) && entry.login_id == login(n);
                let denied = plain.iter().any(denied);
                prop_assert_eq!(list.is_denied(login(n)), denied, "{} at {}", n, now);
            }
            assert_whole(&list);
        }
    }

    #[test]
    fn a_line_comes_back_as_the_entry_that_it_was(n in any::<u64>(), end in any::<u32>(), since in any::<u32>(), denied in denied()) {
        let denied = match denied {
            Denied::Bound { .. } => bound(since),
            other => other,
        };
        let entry = entry(n, end, denied);
        prop_assert_eq!(entry.to_string().parse(), Ok(entry));
    }
}

/// Copies of a login that is dropped open again, so the log has to say so. Another process says it, in which this test runs
/// alone.
#[test]
fn a_full_denylist_has_a_line_in_the_log() {
    use crate::{
        Key, Keyring,
        session::{SessionManager, testing},
    };
    const SPEAKER: &str = "HARDTACK_TEST_SPEAKS";
    if std::env::var_os(SPEAKER).is_some() {
        let sessions = SessionManager::builder(Keyring::new(Key::generate().unwrap()))
            .denylist(Denylist::with_max(1))
            .build()
            .unwrap();
        for _ in 0..2 {
            let session = testing::new_session(&sessions);
            session.regenerate_for_login().unwrap();
            session.insert("user", "ada").unwrap();
            let cookie = testing::cookie_header(&session).unwrap();
            let session = testing::session_from_cookie(&sessions, &cookie);
            session.destroy().unwrap();
        }
        return;
    }
    let said = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("session::endings::denylist::tests::a_full_denylist_has_a_line_in_the_log")
        .env(SPEAKER, "yes")
        .output()
        .unwrap();
    let said = String::from_utf8(said.stderr).unwrap();
    let line = "hardtack: the denylist is full: login ";
    assert_eq!(said.matches(line).count(), 1, "{said}");
}
