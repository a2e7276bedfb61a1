//! Idle and absolute timeouts, renewal, remember, and clocks that jump.

#[cfg(feature = "store")]
use crate::kit::store::Scripted;
use crate::kit::{
    clock::{Clock, DAY, HOUR, MINUTE, T0, seconds},
    exchange::{NO_HEADERS, Reply, ready},
    keys::key,
    site::{Browser, Site, finish, logged_in},
};
use hardtack::{
    Keyring, Timestamp,
    session::{
        Event, Exchange, Refusal, RequestHead, SameSite, SaveError, SaveReason, Session, SkipReason,
    },
};
use std::time::Duration;

fn refused(site: &Site) -> Vec<Refusal> {
    let reason = |event| match event {
        Event::Refused { reason, .. } => Some(reason),
        _ => None,
    };
    site.events().into_iter().filter_map(reason).collect()
}

fn max_age(reply: &Reply) -> Option<u32> {
    let [line] = reply.set_cookie.as_slice() else {
        panic!("{reply:?}");
    };
    let attribute = line
        .split("; ")
        .find_map(|one| one.strip_prefix("Max-Age="));
    attribute.map(|seconds| seconds.parse().unwrap())
}

#[test]
fn an_idle_session_ends_to_the_second() {
    let site = Site::new();
    let browser = logged_in(&site, "ada");
    site.clock.set(T0 + 30 * MINUTE);
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
    site.clock.pass(1);
    site.events();
    assert_eq!(browser.user(&site), None);
    assert_eq!(refused(&site), [Refusal::IdleTimeout]);
}

#[test]
fn reading_renews_after_a_tenth_and_not_before() {
    let site = Site::new();
    let mut browser = logged_in(&site, "ada");
    let read = |browser: &mut Browser| browser.visit(&site, |session| session.len().unwrap()).1;
    site.clock.pass(3 * MINUTE - 1);
    assert_eq!(read(&mut browser).set_cookie, [""; 0]);
    site.clock.pass(1);
    site.events();
    assert_eq!(read(&mut browser).set_cookie.len(), 1);
    let events = site.events();
    assert!(
        matches!(
            events[1],
            Event::Saved {
                reason: SaveReason::Renewed,
                ..
            }
        ),
        "{events:?}"
    );
    assert_eq!(read(&mut browser).set_cookie, [""; 0]);
}

#[test]
fn renew_after_is_counted_from_the_last_sealing() {
    for (setting, due) in [(0, 1), (1, 1), (10, 10)] {
        let site = Site::with(&Clock::new(), |builder| {
            builder.renew_after(seconds(setting))
        });
        let mut browser = logged_in(&site, "ada");
        for (at, lines) in [(due - 1, 0), (due, 1)] {
            site.clock.set(T0 + at);
            let (_, reply) = browser.visit(&site, |session| session.len().unwrap());
            assert_eq!(reply.set_cookie.len(), lines, "{setting} {at}");
        }
    }
}

/// Not due yet, and asked for.
#[test]
fn a_touch_starts_the_idle_time_again_and_changes_nothing_else() {
    let site = Site::new();
    let mut browser = logged_in(&site, "ada");
    let id = browser.peek(&site, |session| session.id().unwrap());
    site.clock.pass(1);
    site.events();
    let (end, reply) = browser.visit(&site, |session| {
        session.touch().unwrap();
        session.expires_at().unwrap().to_unix()
    });
    assert_eq!((end, reply.set_cookie.len()), (T0 + 1 + 30 * MINUTE, 1));
    let events = site.events();
    let reason = SaveReason::Renewed;
    assert!(
        matches!(&events[1], Event::Saved { id: saved, reason: told, .. } if (*saved, *told) == (id, reason)),
        "{events:?}"
    );
    site.clock.set(end);
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
    browser.peek(&site, |session| {
        assert_eq!(session.created_at().unwrap().to_unix(), T0);
    });
    // Nothing comes of it without a session, and nothing beyond the absolute end.
    let (_, reply) = Browser::default().visit(&site, |session| session.touch().unwrap());
    assert_eq!(reply.set_cookie, [""; 0]);
    while site.clock.unix() < T0 + 12 * HOUR {
        browser.send(&site, |session| session.touch().unwrap());
        site.clock.pass(10 * MINUTE);
    }
    assert_eq!(browser.user(&site), None);
}

/// So stricter attributes reach the sessions of today.
#[test]
fn what_was_sealed_before_a_time_is_sealed_again_once() {
    let clock = Clock::new();
    let before = Site::with(&clock, |builder| builder);
    let mut browser = logged_in(&before, "ada");
    clock.pass(10);
    let later = logged_in(&before, "eve");
    let after = Site::with(&clock, |builder| {
        let builder = builder.same_site(SameSite::Strict);
        builder.reissue_before(Timestamp::from_unix(T0 + 10))
    });
    let read = |browser: &mut Browser| browser.visit(&after, |session| session.len().unwrap()).1;
    let [line] = &read(&mut browser).set_cookie[..] else {
        panic!("due")
    };
    assert!(line.contains("; SameSite=Strict"), "{line}");
    assert_eq!(read(&mut browser).set_cookie, [""; 0]);
    assert_eq!(browser.user(&before).as_deref(), Some("ada"));
    // At that time itself, it has them.
    assert_eq!(read(&mut later.clone()).set_cookie, [""; 0]);
}

#[test]
fn the_end_that_is_told_is_that_of_the_cookie_after_the_answer() {
    let site = Site::new();
    type Act = fn(&hardtack::session::Session);
    let acts: [(u32, Act, u32); 5] = [
        (60, |_| (), 0),
        (
            60,
            |session| assert!(!session.remove("nothing").unwrap()),
            0,
        ),
        (60, |session| session.insert("user", "ada").unwrap(), 0),
        (60, |session| session.insert("cart", 7).unwrap(), 60),
        (180, |_| (), 180),
    ];
    for (pause, act, counted) in acts {
        site.clock.set(T0);
        let mut browser = logged_in(&site, "ada");
        site.clock.pass(pause);
        let (end, _) = browser.visit(&site, |session| {
            act(session);
            session.expires_at().unwrap().to_unix()
        });
        assert_eq!(end, T0 + counted + 30 * MINUTE);
        site.clock.set(end);
        assert_eq!(browser.user(&site).as_deref(), Some("ada"));
        site.clock.pass(1);
        assert_eq!(browser.user(&site), None);
    }
}

#[test]
fn the_absolute_end_survives_every_renewal_and_regeneration() {
    let site = Site::new();
    let mut browser = logged_in(&site, "ada");
    let end = T0 + 12 * HOUR;
    let mut n = 0;
    while site.clock.unix() + 20 * MINUTE <= end {
        site.clock.pass(20 * MINUTE);
        n += 1;
        let (_, reply) = browser.visit(&site, |session| {
            match n % 4 {
                0 => session.regenerate().unwrap(),
                1 => session.insert("n", n).unwrap(),
                2 => session
                    .clear()
                    .and_then(|()| session.insert("user", "ada"))
                    .unwrap(),
                _ => drop(session.len().unwrap()),
            }
            assert_eq!(session.created_at().unwrap().to_unix(), T0);
            assert!(session.expires_at().unwrap().to_unix() <= end);
        });
        assert_eq!(reply.set_cookie.len(), 1, "{n}");
    }
    assert_eq!((n, site.clock.unix()), (36, end));
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
    site.clock.pass(1);
    site.events();
    assert_eq!(browser.user(&site), None);
    assert_eq!(refused(&site), [Refusal::AbsoluteTimeout]);
}

#[test]
fn a_login_starts_a_new_lifetime() {
    let site = Site::new();
    let mut browser = logged_in(&site, "nobody");
    browser.send(&site, |session| session.expire_in(seconds(HOUR)).unwrap());
    site.clock.pass(10 * MINUTE);
    // A new id alone does not start a new lifetime, and does not restore the timeouts of the settings.
    for (login, created, lifetime) in [(false, T0, HOUR), (true, T0 + 10 * MINUTE, 12 * HOUR)] {
        browser.send(&site, |session| {
            match login {
                true => session.regenerate_for_login().unwrap(),
                false => session.regenerate().unwrap(),
            }
            session.remember(false).unwrap();
            session.insert("user", "ada").unwrap();
        });
        browser.peek(&site, |session| {
            assert_eq!(session.created_at().unwrap().to_unix(), created);
            let user: Option<String> = session.get("user").unwrap();
            assert_eq!(user.as_deref(), Some("ada"));
        });
        let end = created + lifetime;
        let mut browser = browser.clone();
        site.clock.set(T0 + 10 * MINUTE);
        while site.clock.unix() + 29 * MINUTE < end {
            site.clock.pass(29 * MINUTE);
            browser.send(&site, |session| session.len().unwrap());
        }
        site.clock.set(end);
        assert_eq!(browser.user(&site).as_deref(), Some("ada"), "{login}");
        site.clock.pass(1);
        assert_eq!(browser.user(&site), None, "{login}");
        site.clock.set(T0 + 10 * MINUTE);
    }
}

#[test]
fn raising_a_timeout_revives_nothing_and_lowering_one_acts_at_once() {
    let clock = Clock::new();
    let with = |idle, absolute| {
        Site::with(&clock, |builder| {
            builder
                .idle_timeout(seconds(idle))
                .absolute_timeout(seconds(absolute))
        })
    };
    let (short, long) = (with(100, 1_000), with(200, 2_000));

    let browser = logged_in(&short, "ada");
    clock.set(T0 + 100);
    assert_eq!(browser.user(&long).as_deref(), Some("ada"));
    clock.set(T0 + 101);
    assert_eq!(browser.user(&long), None);

    clock.set(T0);
    let browser = logged_in(&long, "ada");
    clock.set(T0 + 101);
    assert_eq!(browser.user(&long).as_deref(), Some("ada"));
    assert_eq!(browser.user(&short), None);

    // The absolute end, of a session that is used all the time.
    for (first, then) in [(&short, &long), (&long, &short)] {
        clock.set(T0);
        let mut browser = logged_in(first, "ada");
        for _ in 0..20 {
            clock.pass(50);
            browser.send(first, |session| session.len().unwrap());
        }
        assert_eq!(browser.user(then).as_deref(), Some("ada"));
        clock.pass(1);
        assert_eq!(browser.user(then), None);
    }
}

#[test]
fn expire_in_shortens_and_never_extends() {
    let site = Site::new();
    let mut browser = logged_in(&site, "ada");
    let expire_in = |browser: &mut Browser, after: u32| {
        browser
            .visit(&site, |session| {
                session.expire_in(seconds(after)).unwrap();
                session.expires_at().unwrap().to_unix()
            })
            .0
    };
    assert_eq!(expire_in(&mut browser, 20 * HOUR), T0 + 30 * MINUTE);
    assert_eq!(expire_in(&mut browser, 10 * MINUTE), T0 + 10 * MINUTE);
    // Not even back to what the settings allow.
    assert_eq!(expire_in(&mut browser, HOUR), T0 + 10 * MINUTE);
    site.clock.pass(9 * MINUTE);
    assert_eq!(expire_in(&mut browser, 10 * MINUTE), T0 + 10 * MINUTE);
    site.clock.pass(61);
    assert_eq!(browser.user(&site), None);
}

#[test]
fn expire_in_no_time_ends_with_this_second() {
    let site = Site::new();
    let mut browser = logged_in(&site, "ada");
    browser.send(&site, |session| session.expire_in(Duration::ZERO).unwrap());
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
    site.clock.pass(1);
    assert_eq!(browser.user(&site), None);
}

#[test]
fn max_age_is_what_remains_and_only_of_a_remembered_session() {
    let site = Site::new();
    let mut browser = Browser::default();
    let (_, reply) = browser.visit(&site, |session| session.insert("user", "ada").unwrap());
    assert_eq!(max_age(&reply), None);
    let (_, reply) = browser.visit(&site, |session| session.remember(true).unwrap());
    assert_eq!(max_age(&reply), Some(14 * DAY));

    // Renewed day after day, until the absolute end is the nearer one.
    for day in 1..=90 {
        site.clock.set(T0 + day * DAY);
        let (lines, reply) = browser.visit(&site, |session| {
            assert!(session.is_remembered().unwrap());
            session.insert("day", day).unwrap();
        });
        let () = lines;
        let wanted = (14 * DAY).min((90 - day) * DAY);
        assert_eq!(max_age(&reply), Some(wanted), "day {day}");
    }
    assert_eq!(browser, Browser::default());
}

#[test]
fn a_remembered_session_lives_for_two_weeks_without_use() {
    let site = Site::new();
    let mut browser = logged_in(&site, "ada");
    browser.send(&site, |session| session.remember(true).unwrap());
    site.clock.set(T0 + 14 * DAY);
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
    site.clock.pass(1);
    site.events();
    assert_eq!(browser.user(&site), None);
    assert_eq!(refused(&site), [Refusal::IdleTimeout]);
}

#[test]
fn remembering_can_be_taken_back() {
    let site = Site::new();
    let mut browser = logged_in(&site, "ada");
    browser.send(&site, |session| session.remember(true).unwrap());
    site.clock.pass(11 * HOUR);
    let (_, reply) = browser.visit(&site, |session| session.remember(false).unwrap());
    assert_eq!(max_age(&reply), None);
    browser.peek(&site, |session| {
        assert!(!session.is_remembered().unwrap());
        assert_eq!(
            session.expires_at().unwrap(),
            site.clock.now().saturating_add(seconds(30 * MINUTE))
        );
    });
    // Saying what is so anyway changes nothing.
    let (_, reply) = browser.visit(&site, |session| session.remember(false).unwrap());
    assert_eq!(reply.set_cookie, [""; 0]);
}

#[test]
fn a_session_that_only_being_remembered_kept_alive_ends_with_it() {
    let site = Site::new();
    let mut browser = logged_in(&site, "ada");
    let ((id, login_id), _) = browser.visit(&site, |session| {
        session.remember(true).unwrap();
        (session.id().unwrap(), session.login_id().unwrap())
    });
    site.clock.pass(13 * HOUR);
    site.events();
    let (_, reply) = browser.visit(&site, |session| session.remember(false).unwrap());
    assert_eq!(reply.failed, None);
    assert_eq!(browser, Browser::default());
    let absolute_end = Timestamp::from_unix(T0 + 90 * DAY);
    assert_eq!(
        site.events()[1..],
        [Event::Destroyed {
            id,
            login_id,
            absolute_end
        }]
    );
}

#[test]
fn a_late_renewal_is_left_out_and_a_late_write_is_saved() {
    let site = Site::new();
    let browser = logged_in(&site, "ada");
    site.clock.pass(10 * MINUTE);
    // Once half of the idle limit is gone, a slow upload must not end the session.
    for (age, took, renewed) in [
        (10 * MINUTE, 1, 1),
        (10 * MINUTE, 2, 0),
        (10 * MINUTE, HOUR, 0),
        (15 * MINUTE - 31, 30, 0),
        (15 * MINUTE, 30, 1),
        (15 * MINUTE, 31, 0),
    ] {
        site.clock.set(T0 + age);
        let session = site.request(&browser.header());
        session.len().unwrap();
        site.clock.pass(took);
        site.events();
        assert_eq!(finish(&session).set_cookie.len(), renewed, "{age} {took}");
        if renewed == 0 {
            assert!(matches!(
                site.events()[..],
                [Event::NotSaved {
                    id: Some(_),
                    reason: SkipReason::TooLate
                }]
            ));
        }
    }
    // A write is saved until the cookie that it came with has been idle for too long, and not then: an
    // old tab would start the idle time again.
    for (answered, saved) in [
        (30 * MINUTE, 1),
        (30 * MINUTE + 1, 0),
        (3 * HOUR, 0),
        (12 * HOUR + 1, 0),
    ] {
        site.clock.set(T0 + 10 * MINUTE);
        let session = site.request(&browser.header());
        session.insert("cart", 7).unwrap();
        site.clock.set(T0 + answered);
        site.events();
        assert_eq!(finish(&session).set_cookie.len(), saved, "{answered}");
        if saved == 0 {
            assert!(matches!(
                site.events()[..],
                [Event::NotSaved {
                    reason: SkipReason::Ended,
                    ..
                }]
            ));
        }
    }
}

#[test]
fn clocks_that_differ_by_the_skew_share_a_session() {
    let clock = Clock::new();
    let site = Site::with(&clock, |builder| builder);
    for (behind, opens) in [(60, true), (61, false)] {
        clock.set(T0);
        let mut browser = logged_in(&site, "ada");
        clock.set(T0 - behind);
        let (user, reply) = browser.visit(&site, |session| session.get::<String>("user").unwrap());
        assert_eq!((user.is_some(), reply.set_cookie.len()), (opens, 0));
        if !opens {
            assert_eq!(refused(&site), [Refusal::NotYetValid]);
        }
    }
}

/// One setting for every check that compares the clocks of two servers.
#[test]
fn the_skew_of_the_settings_counts_for_every_check() {
    const SKEW: u32 = 5 * MINUTE;
    let clock = Clock::new();
    let site = Site::with(&clock, |builder| builder.clock_skew(seconds(SKEW)));
    for (ahead, is_good) in [(SKEW, true), (SKEW + 1, false)] {
        // A session that is sealed in the future.
        clock.set(T0 + ahead);
        let browser = logged_in(&site, "ada");
        clock.set(T0);
        assert_eq!(browser.user(&site).is_some(), is_good, "{ahead}");

        // One that begins in the future of its own sealing.
        let browser = logged_in(&site, "ada");
        clock.set(T0 + ahead);
        let request = site.request(&browser.header());
        request.regenerate_for_login().unwrap();
        clock.set(T0);
        let reply = finish(&request);
        assert_eq!(!reply.set_cookie.is_empty(), is_good, "{ahead}");

        // A key that was retired on another server's clock.
        clock.set(T0 + ahead);
        let retired = Keyring::new(key(2)).accept_retired(key(1), Timestamp::from_unix(T0));
        let next = Site::under(retired.unwrap(), &clock, |builder| {
            builder.clock_skew(seconds(SKEW))
        });
        let browser = logged_in(&site, "ada");
        assert_eq!(browser.user(&next).is_some(), is_good, "{ahead}");
    }
}

#[test]
fn a_clock_that_jumps_back_and_forth_ends_no_session_in_between() {
    let site = Site::new();
    let mut browser = logged_in(&site, "ada");
    // Far ahead and far behind: refused, but the cookie stays for when the clock is right again.
    for wrong in [0, 1, T0 - DAY, T0 + 365 * DAY, u32::MAX - 1, u32::MAX] {
        site.clock.set(wrong);
        let (user, reply) = browser.visit(&site, |session| session.get::<String>("user").unwrap());
        assert_eq!(
            (user, reply.set_cookie.len(), reply.failed),
            (None, 0, None),
            "{wrong}"
        );
    }
    site.clock.set(T0 + 1);
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));

    // Within one request. What a session that began later would be sealed with is not saved, but the
    // cookie stays.
    for (opened, answered) in [(T0, 0), (T0, T0 - 30), (T0, T0 + 3), (T0 - 30, T0)] {
        site.clock.set(opened);
        let session = site.request(&browser.header());
        session.insert("at", answered).unwrap();
        site.clock.set(answered);
        let mut browser = browser.clone();
        browser.take(&finish(&session));
        site.clock.set(T0 + 4);
        assert_eq!(
            browser.user(&site).as_deref(),
            Some("ada"),
            "{opened} {answered}"
        );
    }
}

#[test]
fn sessions_live_at_both_ends_of_time() {
    let site = Site::new();
    for start in [0, u32::MAX - 100] {
        site.clock.set(start);
        let browser = logged_in(&site, "ada");
        site.clock.pass(99);
        assert_eq!(browser.user(&site).as_deref(), Some("ada"));
        browser.peek(&site, |session| {
            let end = u64::from(start) + u64::from(30 * MINUTE);
            let end = u32::try_from(end).unwrap_or(u32::MAX);
            assert_eq!(session.expires_at().unwrap().to_unix(), end);
        });
    }
    // At the very last second nothing is sealed: no write, and no renewal that anybody would miss.
    let mut browser = {
        site.clock.set(u32::MAX - HOUR / 6);
        logged_in(&site, "ada")
    };
    let before = browser.clone();
    site.clock.set(u32::MAX);
    let (_, reply) = browser.visit(&site, |session| session.insert("cart", 7).unwrap());
    assert_eq!((reply.failed, &browser), (Some(SaveError::Clock), &before));
    let (_, reply) = browser.visit(&site, |session| session.len().unwrap());
    assert_eq!((reply.failed, &browser), (None, &before));
}

#[test]
fn the_floor_refuses_by_creation_as_well_as_by_sealing() {
    let clock = Clock::new();
    let before = Site::with(&clock, |builder| builder);
    let floor = Timestamp::from_unix(T0 + 600);
    let built = Site::with(&clock, |builder| builder.reject_issued_before(floor));
    let running = Site::with(&clock, |builder| builder);
    let early = logged_in(&before, "ada");
    assert_eq!(early.user(&running).as_deref(), Some("ada"));
    running.sessions.reject_issued_before(floor);
    for after in [built, running] {
        clock.set(T0);
        let mut browser = early.clone();
        assert_eq!(browser.user(&after), None);
        clock.set(T0 + 700);
        // Sealed after the floor, created before it.
        browser.send(&before, |session| session.insert("cart", 7).unwrap());
        after.events();
        assert_eq!(browser.user(&after), None);
        assert_eq!(refused(&after), [Refusal::Revoked]);
        let browser = logged_in(&after, "ada");
        assert_eq!(browser.user(&after).as_deref(), Some("ada"));
    }
}

#[test]
fn a_site_may_remember_every_session() {
    let site = Site::with(&Clock::new(), |builder| builder.remember_by_default());
    let mut browser = Browser::default();
    let (_, reply) = browser.visit(&site, |session| session.insert("cart", 7).unwrap());
    assert_eq!(max_age(&reply), Some(14 * DAY));
    // The limits are those of remembered sessions, and a login is remembered too.
    site.clock.pass(13 * DAY);
    let (_, reply) = browser.visit(&site, |session| {
        assert!(session.is_remembered().unwrap());
        session.regenerate_for_login().unwrap();
    });
    assert_eq!(max_age(&reply), Some(14 * DAY));

    // On a shared computer, the handler says so, before the login or after it.
    for before in [true, false] {
        let (_, reply) = browser.visit(&site, |session| {
            if before {
                session.remember(false).unwrap();
            }
            session.regenerate_for_login().unwrap();
            session.remember(false).unwrap();
            session.insert("user", before).unwrap();
        });
        assert_eq!(max_age(&reply), None);
    }
    // What a logout leaves is a session like any other.
    let (_, reply) = browser.visit(&site, |session| {
        session.destroy().unwrap();
        session.insert("cart", 8).unwrap();
    });
    assert_eq!(max_age(&reply), Some(14 * DAY));
}

#[test]
fn a_session_from_before_the_setting_keeps_its_time_until_the_login() {
    let clock = Clock::new();
    let before = Site::with(&clock, |builder| builder);
    let mut browser = logged_in(&before, "ada");
    let after = Site::with(&clock, |builder| builder.remember_by_default());
    let (_, reply) = browser.visit(&after, |session| session.insert("cart", 7).unwrap());
    assert_eq!(max_age(&reply), None);
    let (_, reply) = browser.visit(&after, |session| session.regenerate_for_login().unwrap());
    assert_eq!(max_age(&reply), Some(14 * DAY));
}

/// Sites whose sessions are in the cookie, and in a store.
const PLACES: &[fn(&Clock) -> Site] = &[
    |clock| Site::with(clock, |builder| builder),
    #[cfg(feature = "store")]
    |clock| {
        let store = Scripted::new(clock);
        Site::with(clock, |builder| builder.store(store))
    },
];

/// Whatever a request does, and wherever sessions are: exactly at that time the session is still good.
#[test]
fn a_session_ends_when_its_handler_was_told() {
    let calls: [fn(&Session); 8] = [
        |session| drop(session.len()),
        |session| session.insert("cart", 7).unwrap(),
        |session| session.insert("user", "ada").unwrap(),
        |session| session.touch().unwrap(),
        |session| session.regenerate().unwrap(),
        |session| session.regenerate_for_login().unwrap(),
        |session| session.remember(true).unwrap(),
        |session| session.expire_in(seconds(HOUR)).unwrap(),
    ];
    // Neither due nor at once, and due; with a page and with an image, which renews nothing.
    for later in [2 * MINUTE, 10 * MINUTE] {
        for mode in [&b"navigate"[..], b"no-cors"] {
            for (at, site) in PLACES.iter().enumerate() {
                for (nth, call) in calls.into_iter().enumerate() {
                    let site = site(&Clock::new());
                    let mut browser = Browser::default();
                    browser.send(&site, |session| {
                        session.regenerate_for_login().unwrap();
                        session.insert("user", "ada").unwrap();
                    });
                    site.clock.pass(later);
                    let header = browser.header();
                    let exchange = Exchange::begin(&site.sessions);
                    let session = ready(exchange.session(RequestHead {
                        method: "GET",
                        path: "/",
                        authority: None,
                        headers: [("cookie", header.as_bytes()), ("sec-fetch-mode", mode)],
                    }));
                    call(&session);
                    let end = session.expires_at().unwrap();
                    let plan = ready(exchange.commit(exchange.close()));
                    browser.take(&exchange.finish(plan, NO_HEADERS).into());
                    for (over, user) in [(0, Some("ada")), (1, None)] {
                        site.clock.set(end.to_unix() + over);
                        assert_eq!(
                            browser.user(&site).as_deref(),
                            user,
                            "{nth} {at} {later} {over}"
                        );
                    }
                }
            }
        }
    }
}

/// A request that takes ten minutes. What it writes counts from the write, and a ticket is sealed for it. What it only
/// reads counts as before: a mere renewal would be far too late.
#[test]
fn a_slow_write_counts_from_the_write_and_a_slow_look_not_at_all() {
    for site in PLACES {
        for writes in [true, false] {
            let site = site(&Clock::new());
            let mut browser = logged_in(&site, "ada");
            let begins = site.clock.now().to_unix();
            site.clock.pass(2 * MINUTE);
            let (end, reply) = browser.visit(&site, |session| {
                assert_eq!(session.len(), Ok(1));
                site.clock.pass(10 * MINUTE);
                if writes {
                    session.insert("cart", 7).unwrap();
                }
                session.expires_at().unwrap().to_unix()
            });
            let counts_from = if writes { 12 * MINUTE } else { 0 };
            assert_eq!(end, begins + counts_from + 30 * MINUTE);
            assert_eq!(reply.set_cookie.len(), usize::from(writes));
            for (over, user) in [(0, Some("ada")), (1, None)] {
                site.clock.set(end + over);
                assert_eq!(browser.user(&site).as_deref(), user);
            }
        }
    }
}
