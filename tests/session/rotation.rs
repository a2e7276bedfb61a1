//! Keys that come and go while several instances share one browser.

use crate::kit::{
    clock::{Clock, T0},
    exchange::Request,
    keys::{key, master, ring},
    site::{Browser, Site, logged_in},
};
use hardtack::{
    KeyState, Keyring, Timestamp,
    session::{Event, KeyUse, Refusal, SaveReason, SessionManager, testing},
};
use std::{
    fs,
    sync::{OnceLock, mpsc},
    thread,
    time::Duration,
};

fn instance(ring: Keyring, clock: &Clock) -> Site {
    Site::under(ring, clock, |builder| builder)
}

/// One request: reads the counter, and counts.
fn count(browser: &mut Browser, site: &Site) -> u32 {
    let (count, reply) = browser.visit(site, |session| {
        session
            .update("count", |count: &mut u32| {
                *count += 1;
                *count
            })
            .unwrap()
    });
    assert_eq!(reply.failed, None);
    count
}

#[test]
fn a_rolling_rotation_logs_nobody_out_and_loses_nothing() {
    let clock = Clock::new();
    let (old, new) = (key(1), key(2));
    let sites = [(); 3].map(|()| instance(Keyring::new(old.clone()), &clock));
    let mut browser = Browser::default();
    let mut counted = 0;
    let mut visit_all = |browser: &mut Browser| {
        for _ in 0..3 {
            for site in &sites {
                counted += 1;
                clock.pass(7);
                assert_eq!(count(browser, site), counted);
            }
        }
    };
    visit_all(&mut browser);

    // 1: the new key is staged everywhere, one instance after the other. 2: it seals. 3: the old one
    // is retired. After every single step all three serve the same browser.
    let staged = || Keyring::new(old.clone()).accept(new.clone()).unwrap();
    let sealing = || Keyring::new(new.clone()).accept(old.clone()).unwrap();
    for step in [&staged as &dyn Fn() -> Keyring, &sealing] {
        for site in &sites {
            site.sessions.set_keyring(step());
            visit_all(&mut browser);
        }
    }
    let left_behind = logged_in(&instance(ring(1), &clock), "bob");
    clock.pass(1);
    let end = clock.now();
    let retired = || {
        Keyring::new(new.clone())
            .accept_retired(old.clone(), end)
            .unwrap()
    };
    for site in &sites {
        site.sessions.set_keyring(retired());
        visit_all(&mut browser);
    }

    // What the old key sealed before its end still opens, and what it seals now does not.
    assert_eq!(left_behind.user(&sites[0]).as_deref(), Some("bob"));
    clock.pass(61);
    let late = logged_in(&instance(ring(1), &clock), "mallory");
    sites[0].events();
    assert_eq!(late.user(&sites[0]), None);
    assert!(matches!(
        sites[0].events()[..],
        [Event::Refused { reason: Refusal::Revoked, key, id: Some(_), .. }] if key == Some(old.id())
    ));
    // 4: the old key is gone.
    for site in &sites {
        site.sessions.set_keyring(Keyring::new(new.clone()));
    }
    visit_all(&mut browser);
    assert_eq!(left_behind.user(&sites[1]), None);
}

#[test]
fn an_instance_without_the_newest_key_leaves_the_cookie_alone() {
    let clock = Clock::new();
    let (behind, ahead) = (instance(ring(1), &clock), instance(ring(2), &clock));
    let mut browser = logged_in(&ahead, "ada");
    let before = browser.clone();
    let (user, reply) = browser.visit(&behind, |session| session.get::<String>("user").unwrap());
    assert_eq!((user, reply.set_cookie.len()), (None, 0));
    assert_eq!(browser, before);
    assert!(matches!(
        behind.events()[..],
        [Event::Refused { reason: Refusal::UnknownKey, key: named, id: None, .. }] if named == Some(key(2).id())
    ));
    assert_eq!(browser.user(&ahead).as_deref(), Some("ada"));
}

#[test]
fn an_accepted_key_waits_for_renewal_and_a_retired_one_does_not() {
    let clock = Clock::new();
    let (a, b) = (
        instance(ring(1).accept(key(2)).unwrap(), &clock),
        instance(ring(2).accept(key(1)).unwrap(), &clock),
    );
    let mut browser = logged_in(&a, "ada");
    // Neither fights for its own key.
    for site in [&b, &a, &b] {
        let (_, reply) = browser.visit(site, |session| session.len().unwrap());
        assert_eq!(reply.set_cookie, [""; 0]);
    }
    b.events();
    let retired = Timestamp::from_unix(T0 + 100);
    b.sessions
        .set_keyring(ring(2).accept_retired(key(1), retired).unwrap());
    let (_, reply) = browser.visit(&b, |session| session.len().unwrap());
    assert_eq!(reply.set_cookie.len(), 1);
    assert!(matches!(
        b.events()[..],
        [
            Event::Opened { key_state: KeyState::Retired(at), .. },
            Event::Saved { reason: SaveReason::Resealed, key: sealed, .. },
        ] if at == retired && sealed == key(2).id()
    ));
    let (_, reply) = browser.visit(&b, |session| session.len().unwrap());
    assert_eq!(reply.set_cookie, [""; 0]);
}

#[test]
fn a_request_under_way_is_saved_with_the_new_ring() {
    let clock = Clock::new();
    let site = instance(ring(1), &clock);
    let browser = logged_in(&site, "ada");
    let session = site.request(&browser.header());
    session.insert("cart", 7).unwrap();
    site.sessions.clone().set_keyring(ring(2));
    let mut browser = browser.clone();
    browser.take(&crate::kit::site::finish(&session));
    assert_eq!(
        browser.user(&instance(ring(2), &clock)).as_deref(),
        Some("ada")
    );
    assert_eq!(browser.user(&instance(ring(1), &clock)), None);
}

#[test]
fn a_retired_seal_is_not_renewed_late() {
    let clock = Clock::new();
    let a = instance(ring(1), &clock);
    let browser = logged_in(&a, "ada");
    let retired = Timestamp::from_unix(T0 + 1);
    let b = instance(ring(2).accept_retired(key(1), retired).unwrap(), &clock);
    for (pause, saved) in [(1, 1), (2, 0)] {
        let session = b.request(&browser.header());
        session.len().unwrap();
        clock.pass(pause);
        assert_eq!(crate::kit::site::finish(&session).set_cookie.len(), saved);
    }
}

/// Neither clock nor `validate` is called with the keys locked.
#[test]
fn the_applications_own_code_may_set_keys() {
    static SITE: OnceLock<SessionManager> = OnceLock::new();
    fn rotate() {
        if let Some(sessions) = SITE.get() {
            sessions.set_keyring(ring(1));
        }
    }
    let sessions = SessionManager::builder(ring(1))
        .clock(|| {
            rotate();
            Timestamp::from_unix(T0)
        })
        .validate(|_| {
            rotate();
            true
        })
        .on_event(|_| rotate())
        .build()
        .unwrap();
    let sessions = SITE.get_or_init(|| sessions);
    let (done, finished) = mpsc::channel();
    thread::spawn(move || {
        let session = Request::new(sessions, []);
        session.insert("user", 7).unwrap();
        let cookie = testing::cookie_header(&session).unwrap();
        let session = Request::new(sessions, [cookie.as_bytes()]);
        done.send(session.get("user")).unwrap();
    });
    // A call that waits for itself never ends.
    let user = finished.recv_timeout(Duration::from_secs(60));
    assert_eq!(user, Ok(Ok(Some(7))));
}

#[test]
fn a_ring_is_replaced_by_a_good_file_only() {
    let clock = Clock::new();
    let site = instance(ring(1), &clock);
    let browser = logged_in(&site, "ada");
    let name = format!("hardtack-reload-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let [one, two] = [1, 2].map(|n| hex::encode(master(n)));
    let reload = |list: &[u8]| {
        fs::write(&path, list).unwrap();
        site.sessions.reload_keyring(&path)
    };
    let ids = || {
        let uses = site.sessions.key_use().into_iter();
        uses.map(|one| one.key).collect::<Vec<_>>()
    };

    assert!(site.sessions.reload_keyring(&path).is_err());
    for bad in [
        b"".as_slice(),
        b"\xff",
        &two.as_bytes()[..63],
        format!("{two},").as_bytes(),
        format!("{two},{}", "00".repeat(32)).as_bytes(),
        format!("{two},{one}@").as_bytes(),
    ] {
        let error = reload(bad).unwrap_err();
        let expected = Keyring::from_file(&path).unwrap_err();
        assert_eq!(error, expected);
        assert!(error.to_string().contains(path.to_str().unwrap()));
        assert_eq!(ids(), [key(1).id()]);
        assert_eq!(browser.user(&site).as_deref(), Some("ada"));
    }
    assert_eq!(reload(format!("{two},{one}\n").as_bytes()), Ok(()));
    assert_eq!(ids(), [key(2).id(), key(1).id()]);
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
    assert_eq!(reload(two.as_bytes()), Ok(()));
    assert_eq!(browser.user(&site), None);
    fs::remove_file(&path).unwrap();
}

#[test]
fn the_use_of_each_key_is_counted() {
    let clock = Clock::new();
    let site = instance(ring(1), &clock);
    let uses = || {
        let uses = site.sessions.key_use().into_iter();
        let facts = |one: KeyUse| (one.key, one.state, one.opened, one.last_opened);
        uses.map(facts).collect::<Vec<_>>()
    };
    let at = |seconds| Some(Timestamp::from_unix(T0 + seconds));
    let (old, new) = (key(1).id(), key(2).id());

    // A login opens no cookie.
    let browser = logged_in(&site, "ada");
    assert_eq!(uses(), [(old, KeyState::Primary, 0, None)]);
    for second in 1..=3 {
        clock.pass(1);
        assert!(browser.user(&site).is_some());
        let count = second as usize;
        assert_eq!(uses(), [(old, KeyState::Primary, count, at(second))]);
    }

    // What does not open does not count, nor a request that never asks for its session.
    clock.pass(1);
    let other = instance(ring(3), &clock);
    assert!(logged_in(&other, "eve").user(&site).is_none());
    let forged = browser.header().replace("session=h", "session=hA");
    assert!(site.request(&forged).is_new().unwrap());
    drop(site.request(&browser.header()));
    assert_eq!(uses(), [(old, KeyState::Primary, 3, at(3))]);

    // The old key keeps its count, for every clone.
    let both = Keyring::new(key(2)).accept(key(1)).unwrap();
    site.sessions.clone().set_keyring(both);
    let primary = (new, KeyState::Primary, 0, None);
    assert_eq!(uses(), [primary, (old, KeyState::Accepted, 3, at(3))]);
    assert!(browser.user(&site).is_some());
    assert_eq!(uses(), [primary, (old, KeyState::Accepted, 4, at(4))]);
    let later = logged_in(&site, "bob");
    clock.pass(1);
    assert!(later.user(&site).is_some());
    let primary = (new, KeyState::Primary, 1, at(5));
    assert_eq!(uses(), [primary, (old, KeyState::Accepted, 4, at(4))]);

    // After the idle timeout, the old key opens no session: it may go.
    clock.pass(3600);
    assert!(browser.user(&site).is_none());
    assert_eq!(uses(), [primary, (old, KeyState::Accepted, 4, at(4))]);
    site.sessions.set_keyring(ring(2));
    assert_eq!(uses(), [primary]);
    // One that comes back begins anew.
    site.sessions.set_keyring(ring(1));
    assert_eq!(uses(), [(old, KeyState::Primary, 0, None)]);
}
