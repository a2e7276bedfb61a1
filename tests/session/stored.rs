//! Sessions in a store: what a request costs, what outlives what, and what a store that fails does to a
//! session.

use crate::kit::{
    clock::{Clock, DAY, HOUR, MINUTE, T0, at, seconds},
    exchange::{NO_HEADERS, Reply, Request, ready},
    keys::{key, ring},
    site::{Browser, NAME, Site, finish, logged_in},
    store::{Fault, Scripted, Steps},
    stored::{instances, person, site_with},
};
use hardtack::{
    Keyring,
    session::{
        Event, Exchange, FlashLevel, FormerCookie, Lost, Place, Refusal, RequestHead, SaveError,
        SaveReason, Session, SessionError, SessionId, SessionManagerBuilder, SkipReason, testing,
    },
    store::{MemoryStore, Store as _, StoreErrorKind},
};
use std::task::{Context, Waker};

fn site() -> (Site, Scripted) {
    site_with(|builder| builder)
}

/// The site with its cookie under another name: the one of before is a former cookie.
fn renamed(clock: &Clock, store: &Scripted) -> Site {
    Site::with(clock, |builder| {
        builder
            .store(store.clone())
            .cookie_name("__Host-id")
            .former_cookie(FormerCookie::new(NAME).until(at(T0 + DAY)))
    })
}

/// Somebody who has logged in, and whose cookie came with it.
fn visitor(site: &Site, store: &Scripted, user: &str) -> Browser {
    let mut browser = Browser::default();
    browser.send(site, |session| {
        session.regenerate_for_login().unwrap();
        session.insert("user", user).unwrap();
    });
    site.events();
    store.calls();
    browser
}

fn descriptions(site: &Site, user: &str) -> Vec<String> {
    let all = ready(site.sessions.list(user)).unwrap();
    all.into_iter().map(|one| one.description).collect()
}

fn user(session: &Session) -> Option<String> {
    session.get("user").unwrap()
}

/// Why cookies were refused.
fn refusals(site: &Site) -> Vec<Refusal> {
    let reason = |event| match event {
        Event::Refused { reason, .. } => Some(reason),
        _ => None,
    };
    site.events().into_iter().filter_map(reason).collect()
}

fn skipped(site: &Site) -> Vec<SkipReason> {
    let reason = |event| match event {
        Event::NotSaved { reason, .. } => Some(reason),
        _ => None,
    };
    site.events().into_iter().filter_map(reason).collect()
}

#[test]
fn a_ticket_is_in_the_cookie_and_the_record_in_the_store() {
    let (site, store) = site();
    let mut browser = Browser::default();
    let (_, reply) = browser.visit(&site, |session| {
        session.insert("note", "#".repeat(20_000)).unwrap();
    });
    assert_eq!(store.calls(), ["put"]);
    assert!(reply.set_cookie.len() == 1 && reply.set_cookie[0].len() < 250);
    let read = |session: &Session| session.get::<String>("note").unwrap().unwrap().len();
    assert_eq!(browser.peek(&site, read), 20_000);
}

#[test]
fn a_request_costs_what_it_uses() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    let exchange = hardtack::session::Exchange::begin(&site.sessions);
    drop(exchange.close());
    assert_eq!(store.calls(), [""; 0]);
    let (_, reply) = browser.visit(&site, |session| assert!(user(session).is_some()));
    assert_eq!(store.calls(), ["load"]);
    assert!(reply.set_cookie.is_empty());
    let (_, reply) = browser.visit(&site, |session| session.insert("cart", 7).unwrap());
    assert_eq!(store.calls(), ["load", "put"]);
    assert!(reply.set_cookie.is_empty(), "a save alone sets no cookie");
    let (_, reply) = browser.visit(&site, |session| session.insert("cart", 7).unwrap());
    assert_eq!(store.calls(), ["load"], "the same value");
    assert!(reply.set_cookie.is_empty());
    site.clock.pass(5 * MINUTE);
    let (_, reply) = browser.visit(&site, |session| assert!(user(session).is_some()));
    assert_eq!(
        store.calls(),
        ["load, keep"],
        "a renewal is part of the read"
    );
    assert_eq!(reply.set_cookie.len(), 1);
    browser.send(&site, |session| session.regenerate().unwrap());
    assert_eq!(store.calls(), ["load", "rename"]);
    browser.send(&site, |session| session.regenerate_for_login().unwrap());
    assert_eq!(store.calls(), ["load", "rename"]);
    browser.send(&site, |session| session.destroy().unwrap());
    assert_eq!(store.calls(), ["load", "end"]);
    assert!(browser.names().is_empty());
    // What the list shows is to be shown on.
    let mut browser = person(&site, "ada");
    store.calls();
    browser.send(&site, |session| session.regenerate().unwrap());
    assert_eq!(store.calls(), ["load", "owned", "rename"]);
    browser.send(&site, |session| session.remember(true).unwrap());
    assert_eq!(store.calls(), ["load", "owned", "put"]);
    browser.send(&site, |session| session.describe("phone").unwrap());
    assert_eq!(store.calls(), ["load", "put"]);
}

#[test]
fn a_ticket_that_is_over_costs_nothing() {
    let (site, store) = site();
    let browser = visitor(&site, &store, "ada");
    site.clock.pass(31 * MINUTE);
    assert_eq!(browser.peek(&site, user), None);
    assert_eq!(store.calls(), [""; 0]);
    assert_eq!(refusals(&site), [Refusal::IdleTimeout]);
}

#[test]
fn at_most_two_tickets_are_asked_for() {
    let (site, store) = site_with(|builder| builder.cookie_name("session"));
    let cookies: Vec<String> = (0..5)
        .map(|_| visitor(&site, &store, "ada").header())
        .collect();
    let request = site.request(&cookies.join("; "));
    assert!(request.is_new().unwrap(), "rivals");
    assert_eq!(store.calls(), ["load", "load"]);
    // A logout ends them all.
    request.destroy().unwrap();
    finish(&request);
    assert_eq!(store.calls(), ["end"; 5]);
}

#[test]
fn two_tickets_of_one_session_are_asked_for_once() {
    let (site, store) = site_with(|builder| builder.cookie_name("session"));
    let older = visitor(&site, &store, "ada");
    let mut newer = older.clone();
    site.clock.pass(5 * MINUTE);
    newer.send(&site, |session| drop(user(session)));
    store.calls();
    let request = site.request(&format!("{}; {}", older.header(), newer.header()));
    assert_eq!(user(&request).as_deref(), Some("ada"));
    assert_eq!(store.calls(), ["load"]);
}

#[test]
fn others_are_not_asked_for_if_the_name_cannot_be_planted() {
    let (site, store) = site();
    let older = visitor(&site, &store, "ada");
    site.clock.pass(1);
    let newer = visitor(&site, &store, "bob");
    let both = format!("{}; {}", older.header(), newer.header());
    for site in [&site, &renamed(&site.clock, &store)] {
        assert_eq!(user(&site.request(&both)).as_deref(), Some("bob"));
        assert_eq!(store.calls(), ["load"]);
    }
    store.set_down(true);
    let request = site.request(&both);
    assert_eq!(request.get::<String>("user"), Err(SessionError::Store));
    assert_eq!(store.calls(), ["load"], "it has failed once");
}

#[test]
fn a_login_over_rivals_removes_what_was_planted() {
    let (site, store) = site_with(|builder| builder.cookie_name("sid"));
    let own = visitor(&site, &store, "ada");
    let planted = visitor(&site, &store, "mallory");
    let exchange = Exchange::begin(&site.sessions);
    let header = format!("{}; {}", own.header(), planted.header());
    let session = ready(exchange.session(RequestHead {
        method: "GET",
        path: "/",
        authority: Some("www.shop.example"),
        headers: [("cookie", header.as_str())],
    }));
    session.regenerate_for_login().unwrap();
    session.insert("user", "ada").unwrap();
    let plan = ready(exchange.commit(exchange.close()));
    let reply = Reply::from(exchange.finish(plan, NO_HEADERS));
    let removes = |line: &&String| line.contains("; Domain=shop.example; Max-Age=0");
    assert_eq!(
        reply.set_cookie.iter().filter(removes).count(),
        2,
        "partitioned or not: {reply:?}"
    );
    // The new cookie comes last: a browser that takes both for one keeps it.
    assert!(reply.set_cookie.last().unwrap().starts_with("sid=h"));
}

#[test]
fn an_anonymous_session_that_nobody_comes_back_with_is_kept_for_ten_minutes() {
    let (site, _) = site();
    let cart = |session: &Session| session.get::<u32>("cart").unwrap();
    // Before a renewal is due, and after it.
    for minutes in [1, 9] {
        let mut person = Browser::default();
        person.send(&site, |session| session.insert("cart", 7).unwrap());
        site.clock.pass(minutes * MINUTE);
        assert_eq!(person.visit(&site, cart).0, Some(7));
        site.clock.pass(15 * MINUTE);
        assert_eq!(person.visit(&site, cart).0, Some(7));
    }

    let mut robot = Browser::default();
    robot.send(&site, |session| session.insert("cart", 7).unwrap());
    site.events();
    site.clock.pass(10 * MINUTE - 1);
    assert_eq!(robot.peek(&site, cart), Some(7));

    let mut robot = Browser::default();
    robot.send(&site, |session| session.insert("cart", 7).unwrap());
    site.events();
    site.clock.pass(10 * MINUTE);
    assert_eq!(robot.visit(&site, cart).0, None);
    assert_eq!(refusals(&site), [Refusal::Missing]);
}

#[test]
fn timeouts_are_those_of_the_ticket() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    for _ in 0..24 {
        site.clock.pass(25 * MINUTE);
        assert_eq!(browser.visit(&site, user).0.as_deref(), Some("ada"));
    }
    // Ten hours by now. The absolute end comes, however much it is used.
    for _ in 0..4 {
        site.clock.pass(25 * MINUTE);
        browser.send(&site, |session| drop(user(session)));
    }
    site.clock.pass(25 * MINUTE);
    assert_eq!(browser.visit(&site, user).0, None);
}

#[test]
fn a_limit_that_another_request_shortened_counts() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    let old = browser.clone();
    browser.send(&site, |session| session.expire_in(seconds(60)).unwrap());
    site.clock.pass(61);
    assert_eq!(old.peek(&site, user), None);
    assert_eq!(refusals(&site), [Refusal::AbsoluteTimeout]);
    // Nothing of it, and nothing that came beside it, is in the way of a new session.
    let request = site.request(&format!("{NAME}=x; {}", old.header()));
    assert_eq!(request.insert("cart", 7), Ok(()));
}

#[test]
fn a_record_is_kept_no_longer_for_a_save_that_shortens_its_limit() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    // Before a renewal, with which the store would keep it longer.
    site.clock.pass(MINUTE);
    browser.send(&site, |session| session.expire_in(seconds(60)).unwrap());
    site.clock.pass(34 * MINUTE);
    assert_eq!(ready(site.sessions.sweep(10)).unwrap(), 1);
}

/// A login that takes minutes finds what the visitor had put into their cart before.
#[test]
fn a_record_outlives_its_session_by_five_minutes() {
    let (site, store) = site();
    visitor(&site, &store, "ada");
    site.clock.pass(35 * MINUTE - 1);
    assert_eq!(ready(site.sessions.sweep(10)).unwrap(), 0);
    site.clock.pass(1);
    assert_eq!(ready(site.sessions.sweep(10)).unwrap(), 1);
}

#[test]
fn a_remembered_session_gets_its_cookie_although_only_the_record_changed() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    let mut other = browser.clone();
    let (_, reply) = browser.visit(&site, |session| session.remember(true).unwrap());
    assert!(reply.set_cookie[0].contains("Max-Age="));
    // The answer was lost: the next one carries it.
    let (_, reply) = other.visit(&site, |session| drop(user(session)));
    assert!(reply.set_cookie[0].contains("Max-Age="));
    site.clock.pass(2 * DAY);
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
    assert_eq!(other.user(&site).as_deref(), Some("ada"));
}

/// Nobody sits in front of a script's request: what it writes is saved, and the idle time runs on.
#[test]
fn a_write_of_a_request_that_nobody_waits_for_does_not_renew_the_ticket() {
    let (site, store) = site();
    let browser = visitor(&site, &store, "ada");
    site.clock.pass(5 * MINUTE);
    let header = browser.header();
    for (mode, lines) in [("no-cors", 0), ("cors", 1)] {
        let exchange = Exchange::begin(&site.sessions);
        let session = ready(exchange.session(RequestHead {
            method: "GET",
            path: "/",
            authority: None,
            headers: [("cookie", &*header), ("sec-fetch-mode", mode)],
        }));
        session.insert("mode", mode).unwrap();
        drop(session);
        let plan = ready(exchange.commit(exchange.close()));
        let reply = Reply::from(exchange.finish(plan, NO_HEADERS));
        assert_eq!((reply.failed, reply.set_cookie.len()), (None, lines));
        let saved = |session: &Session| session.get::<String>("mode").unwrap();
        assert_eq!(browser.peek(&site, saved).as_deref(), Some(mode));
    }
}

#[test]
fn a_touch_lets_the_store_keep_the_record_first() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    site.clock.pass(60);
    let (_, reply) = browser.visit(&site, |session| session.touch().unwrap());
    assert_eq!(store.calls(), ["load", "load, keep"]);
    assert_eq!(reply.set_cookie.len(), 1);
}

#[test]
fn a_ticket_that_is_sealed_again_lets_the_store_keep_the_record_with_the_load() {
    let (site, store) = site();
    let browser = visitor(&site, &store, "ada");
    for (before, call) in [(T0 - 1, "load"), (T0, "load"), (T0 + 1, "load, keep")] {
        let site = Site::with(&site.clock, |builder| {
            builder.store(store.clone()).reissue_before(at(before))
        });
        assert_eq!(browser.user(&site).as_deref(), Some("ada"));
        assert_eq!(store.calls(), [call]);
    }
}

#[test]
fn a_renewal_that_the_store_does_not_take_fails_no_request() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    site.clock.pass(60);
    store.fail(&[None, Some(Fault::Before)]);
    let (_, reply) = browser.visit(&site, |session| session.touch().unwrap());
    assert_eq!(store.calls(), ["load", "load, keep"]);
    assert!(reply.set_cookie.is_empty() && reply.failed.is_none());
    assert_eq!(
        skipped(&site),
        [SkipReason::RenewalFailed(SaveError::Store)]
    );
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
}

/// Nobody loses a page because its renewal met the writes of others: the old ticket is as good as it was.
#[test]
fn a_renewal_that_finds_no_gap_fails_no_request() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    let ring = Keyring::new(key(2));
    let ring = ring.accept_retired(key(1), site.clock.now()).unwrap();
    site.sessions.set_keyring(ring);
    let reader = site.request(&browser.header());
    assert_eq!(user(&reader).as_deref(), Some("ada"));
    store.give_way();
    let mut reply = None;
    let mut steps = Steps::default();
    steps.add(async { reply = Some(reader.commit().await) });
    steps.step(0);
    store.stand();
    browser.send(&site, |session| session.insert("cart", 7).unwrap());
    site.clock.pass(3);
    site.events();
    steps.end(0);
    drop(steps);
    assert_eq!(reply.unwrap().failed, None);
    assert_eq!(
        skipped(&site),
        [SkipReason::RenewalFailed(SaveError::Contended)]
    );
}

#[test]
fn a_rotated_key_reaches_record_and_ticket() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    let retired = |n, old| {
        let ring = Keyring::new(key(n));
        ring.accept_retired(key(old), site.clock.now()).unwrap()
    };
    site.sessions.set_keyring(retired(2, 1));
    let (_, reply) = browser.visit(&site, |session| assert!(user(session).is_some()));
    assert_eq!(store.calls(), ["load, keep", "put"]);
    assert_eq!(reply.set_cookie.len(), 1);
    site.sessions.set_keyring(ring(2));
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
    assert_eq!(store.calls(), ["load"]);
}

/// Instances that seal under different keys: the ticket is under the new one, and the record under the old one.
#[test]
fn a_record_that_another_instance_wrote_under_the_old_key_is_rewritten_before_that_goes() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    let both = |n, other| Keyring::new(key(n)).accept(key(other)).unwrap();
    site.clock.pass(5 * MINUTE);
    site.sessions.set_keyring(both(2, 1));
    browser.send(&site, |session| session.touch().unwrap());
    site.sessions.set_keyring(both(1, 2));
    browser.send(&site, |session| session.insert("cart", 7).unwrap());
    let retired = Keyring::new(key(2));
    let retired = retired.accept_retired(key(1), site.clock.now()).unwrap();
    site.sessions.set_keyring(retired);
    browser.send(&site, |session| assert!(user(session).is_some()));
    site.sessions.set_keyring(ring(2));
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
}

#[test]
fn a_record_under_an_unknown_key_is_not_overwritten() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    // Sealed by an instance that has the new key: the ticket is still under the old one.
    let both = |n, other| Keyring::new(key(n)).accept(key(other)).unwrap();
    site.sessions.set_keyring(both(2, 1));
    browser.send(&site, |session| session.insert("cart", 7).unwrap());
    site.sessions.set_keyring(ring(1));
    let (written, reply) = browser.visit(&site, |session| {
        assert_eq!(user(session), None);
        assert_eq!(session.take_flashes().unwrap(), []);
        session.insert("cart", 8)
    });
    assert_eq!(written, Err(SessionError::Store));
    assert!(reply.set_cookie.is_empty());
    site.sessions.set_keyring(both(1, 2));
    let cart = |session: &Session| session.get::<u32>("cart").unwrap();
    assert_eq!(browser.peek(&site, cart), Some(7));
    // The way out: a login, or the end.
    site.sessions.set_keyring(ring(1));
    let mut again = browser.clone();
    again.send(&site, |session| {
        session.regenerate_for_login().unwrap();
        session.insert("user", "bob").unwrap();
    });
    assert_eq!(again.user(&site).as_deref(), Some("bob"));
    browser.send(&site, |session| session.destroy().unwrap());
    assert!(browser.names().is_empty());
}

/// Nothing is in the store that a new session could overwrite: its cookie is as unreadable as one under an unknown key.
#[test]
fn a_cookie_whose_key_goes_while_the_store_is_asked_hinders_no_new_session() {
    let (_, store, before, site) = moving(Place::Store);
    let browser = logged_in(&before, "ada");
    store.give_way();
    let header = browser.header();
    let mut written = None;
    let mut steps = Steps::default();
    steps.add(async {
        let request = Request::load(&site.sessions, &header).await;
        let inserted = request.insert("cart", 7);
        written = Some((inserted, request.commit().await));
    });
    steps.step(0);
    site.sessions.set_keyring(ring(2));
    steps.end(0);
    drop(steps);
    assert_eq!(refusals(&site), [Refusal::UnknownKey]);
    let (inserted, reply) = written.unwrap();
    assert_eq!((inserted, reply.set_cookie.len()), (Ok(()), 1));
}

/// Old tickets of other paths, and what somebody planted, come beside the session that counts.
#[test]
fn what_came_beside_the_session_that_counts_hinders_no_save() {
    let (site, store) = site();
    // Another instance, which has the new key.
    let keys = Keyring::new(key(2)).accept(key(1)).unwrap();
    let elsewhere = Site::under(keys, &site.clock, |builder| builder.store(store.clone()));
    let prepare: [fn(&Session); 2] = [
        |session| session.destroy().unwrap(),
        // From now on its record is unreadable here.
        |session| session.insert("cart", 7).unwrap(),
    ];
    for prepare in prepare {
        let mut browser = visitor(&site, &store, "ada");
        site.clock.pass(1);
        let other = visitor(&site, &store, "bob");
        other.clone().send(&elsewhere, prepare);
        let session = site.request(&format!("{}; {}", browser.header(), other.header()));
        assert_eq!(user(&session).as_deref(), Some("ada"));
        session.insert("cart", 1).unwrap();
        let reply = finish(&session);
        assert_eq!(reply.failed, None);
        browser.take(&reply);
        let cart = |session: &Session| session.get::<u32>("cart").unwrap();
        assert_eq!(browser.peek(&site, cart), Some(1));
    }
}

#[test]
fn a_save_ends_no_session_that_came_beside_it() {
    let (site, store) = site();
    let mut older = visitor(&site, &store, "bob");
    site.clock.pass(1);
    let newer = visitor(&site, &store, "ada");
    let session = site.request(&format!("{}; {}", older.header(), newer.header()));
    session.insert("cart", 1).unwrap();
    finish(&session);
    older.send(&site, |session| session.insert("cart", 2).unwrap());
    let cart = |session: &Session| session.get::<u32>("cart").unwrap();
    assert_eq!(older.peek(&site, cart), Some(2));
}

/// The response with the new id was lost, or a thief asked for it.
#[test]
fn the_end_of_a_ticket_that_was_dead_ends_the_session_under_its_next_id() {
    let (site, store) = site();
    let mut thief = visitor(&site, &store, "ada");
    let mut visitor = thief.clone();
    thief.send(&site, |session| session.regenerate().unwrap());
    visitor.send(&site, |session| session.destroy().unwrap());
    let elsewhere = Site::with(&site.clock, |builder| builder.store(store.clone()));
    assert_eq!(thief.user(&elsewhere), None);
}

// What fails.

#[test]
fn a_renewal_of_a_record_that_is_too_large_by_now_fails_no_request() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    browser.send(&site, |session| {
        session.insert("notes", "#".repeat(2_000)).unwrap();
    });
    let tight = Site::with(&site.clock, |builder| {
        builder.store(store.clone()).max_record_bytes(1_000)
    });
    let (_, reply) = browser.visit(&tight, |session| session.touch().unwrap());
    assert_eq!((reply.failed, reply.set_cookie.len()), (None, 0));
    let too_big = |reason: &SkipReason| {
        let SkipReason::RenewalFailed(SaveError::TooBig { max, .. }) = reason else {
            return false;
        };
        *max == 1_000
    };
    assert!(matches!(&skipped(&tight)[..], [reason] if too_big(reason)));
}

#[test]
fn a_store_that_is_down_is_no_logout() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    store.set_down(true);
    let before = browser.clone();
    let (calls, reply) = browser.visit(&site, |session| {
        [
            session.get::<String>("user").map(drop),
            session.insert("cart", 7),
            session.regenerate_for_login(),
            session.is_new().map(drop),
            session.refused().map(drop),
            session.take_flashes().map(drop),
        ]
    });
    assert!(calls.iter().all(|call| *call == Err(SessionError::Store)));
    assert_eq!(SessionError::Store.status(), 503);
    assert!(reply.set_cookie.is_empty() && reply.failed.is_none());
    assert!(browser == before);
    let events = site.events();
    let failed = |event: &Event| matches!(event, Event::StoreFailed { kind: StoreErrorKind::Unavailable, detail } if detail.as_deref() == Some("scripted"));
    assert!(events.iter().any(failed), "{events:?}");
    store.set_down(false);
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
}

#[test]
fn a_save_that_the_store_does_not_take_is_a_503() {
    for fault in [Fault::Before, Fault::After] {
        let (site, store) = site();
        let mut browser = visitor(&site, &store, "ada");
        store.fail(&[None, Some(fault), Some(Fault::Before)]);
        let (_, reply) = browser.visit(&site, |session| session.insert("cart", 7).unwrap());
        assert_eq!(reply.failed, Some(SaveError::Store));
        assert_eq!(SaveError::Store.status(), 503);
        assert!(reply.set_cookie.is_empty());
        assert_eq!(store.calls(), ["load", "put", "put"]);
        let failed = |event: &Event| {
            matches!(
                event,
                Event::Failed {
                    error: SaveError::Store,
                    ..
                }
            )
        };
        assert!(site.events().iter().any(failed));
        assert_eq!(browser.user(&site).as_deref(), Some("ada"));
    }
}

#[test]
fn a_lost_answer_is_asked_for_once_more() {
    for fault in [Fault::Before, Fault::After] {
        for handler in [
            (|session: &Session| session.insert("cart", 7).unwrap()) as fn(&Session),
            |session| {
                session.regenerate().unwrap();
                session.insert("cart", 7).unwrap();
            },
        ] {
            let (site, store) = site();
            let mut browser = visitor(&site, &store, "ada");
            store.fail(&[None, Some(fault)]);
            let (_, reply) = browser.visit(&site, handler);
            assert_eq!(reply.failed, None);
            let cart = |session: &Session| session.get::<u32>("cart").unwrap();
            assert_eq!(browser.peek(&site, cart), Some(7));
        }
        let (site, store) = site();
        store.fail(&[Some(fault)]);
        let mut browser = logged_in(&site, "ada");
        assert_eq!(browser.user(&site).as_deref(), Some("ada"));
        browser.send(&site, |session| session.regenerate_for_login().unwrap());
        store.calls();
        store.fail(&[None, Some(fault)]);
        let (_, reply) = browser.visit(&site, |session| session.destroy().unwrap());
        assert_eq!(reply.failed, None);
        assert_eq!(store.calls(), ["load", "end", "end"]);
    }
}

#[test]
fn what_a_store_has_surely_not_done_is_not_asked_for_once_more() {
    let handlers: [(fn(&Session), _); 3] = [
        (|session| session.insert("cart", 7).unwrap(), "put"),
        (|session| session.regenerate().unwrap(), "rename"),
        (|session| session.destroy().unwrap(), "end"),
    ];
    for (handler, call) in handlers {
        let (site, store) = site();
        let mut browser = visitor(&site, &store, "ada");
        store.fail(&[None, Some(Fault::Refused)]);
        let (_, reply) = browser.visit(&site, handler);
        assert_eq!(reply.failed, Some(SaveError::Store));
        assert_eq!(store.calls(), ["load", call]);
    }
}

#[test]
fn a_lost_answer_before_anothers_save_is_not_merged() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    browser.send(&site, |session| {
        session.flash(FlashLevel::Info, "once").unwrap()
    });
    // Its put is done, its answer lost; then another one saves, and the second try finds that.
    let slow = site.request(&browser.header());
    slow.flash(FlashLevel::Info, "twice?").unwrap();
    store.calls();
    store.give_way();
    store.fail(&[Some(Fault::After)]);
    let (header, sessions) = (browser.header(), site.sessions.clone());
    let mut replies = [const { None }; 2];
    let [mine, theirs] = &mut replies;
    let mut steps = Steps::default();
    steps.add(async { *mine = Some(slow.commit().await) });
    steps.add(async {
        let request = Request::load(&sessions, &header).await;
        request.insert("other", 1).unwrap();
        *theirs = Some(request.commit().await);
    });
    steps.step(0);
    steps.step(0);
    steps.end(1);
    steps.end(0);
    drop(steps);
    let [mine, theirs] = replies.map(Option::unwrap);
    assert_eq!((mine.failed, theirs.failed), (Some(SaveError::Store), None));
}

#[test]
fn a_logout_works_while_the_store_is_down() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    let thief = browser.clone();
    store.set_down(true);
    let (_, reply) = browser.visit(&site, |session| session.destroy().unwrap());
    assert_eq!(
        reply.failed,
        Some(SaveError::Store),
        "the visitor learns of it"
    );
    assert!(browser.names().is_empty(), "and is logged out here");
    store.set_down(false);
    // This process remembers it, and tells the store as soon as it answers.
    assert_eq!(thief.peek(&site, user), None);
    let other = visitor(&site, &store, "bob");
    other.peek(&site, user);
    assert!(store.calls().contains(&"end"));
    site.clock.pass(2 * MINUTE);
    let elsewhere = Site::with(&site.clock, |builder| builder.store(store.clone()));
    assert_eq!(thief.peek(&elsewhere, user), None);
}

/// An operator sees that logouts wait, although every visitor is served.
#[test]
fn an_end_that_the_store_does_not_take_again_is_told() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    let other = visitor(&site, &store, "bob");
    store.set_down(true);
    browser.send(&site, |session| session.destroy().unwrap());
    store.set_down(false);
    site.events();
    store.fail(&[None, Some(Fault::Before), Some(Fault::Before)]);
    assert_eq!(other.peek(&site, user).as_deref(), Some("bob"));
    let failed = |event: &Event| matches!(event, Event::StoreFailed { .. });
    assert_eq!(site.events().iter().filter(|it| failed(it)).count(), 1);
}

/// On a quiet site the timer comes before the next visitor.
#[test]
fn a_sweep_ends_what_a_logout_could_not() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    let thief = browser.clone();
    store.set_down(true);
    browser.send(&site, |session| session.destroy().unwrap());
    store.set_down(false);
    assert_eq!(ready(site.sessions.sweep(9)).unwrap(), 0);
    let elsewhere = Site::with(&site.clock, |builder| builder.store(store.clone()));
    assert_eq!(thief.peek(&elsewhere, user), None);
}

/// What it cannot ask the store about, it ends all the same, and for no longer than a ticket needs.
#[test]
fn a_logout_while_the_store_is_down_leaves_as_little_as_any_other() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    let thief = browser.clone();
    let renamed = renamed(&site.clock, &store);
    store.set_down(true);
    browser.send(&renamed, |session| session.destroy().unwrap());
    assert!(browser.names().is_empty());
    store.set_down(false);
    visitor(&renamed, &store, "bob").peek(&renamed, user);
    let elsewhere = Site::with(&site.clock, |builder| builder.store(store.clone()));
    for (passes, reason) in [(0, Refusal::Ended), (MINUTE + 1, Refusal::Missing)] {
        site.clock.pass(passes);
        assert_eq!(thief.peek(&elsewhere, user), None);
        assert_eq!(refusals(&elsewhere), [reason]);
    }
}

/// The store was not asked about it, and it opens as well as the other.
#[test]
fn a_logout_ends_a_login_that_the_store_was_not_asked_about() {
    let (site, store) = site();
    let older = visitor(&site, &store, "ada");
    site.clock.pass(1);
    let newer = visitor(&site, &store, "ada");
    let session = site.request(&format!("{}; {}", older.header(), newer.header()));
    session.destroy().unwrap();
    finish(&session);
    assert_eq!(store.calls(), ["load", "end", "end"]);
    let elsewhere = Site::with(&site.clock, |builder| builder.store(store.clone()));
    assert_eq!(older.peek(&elsewhere, user), None);
}

/// A copy of a ticket that is over in this browser may have been kept warm elsewhere.
#[test]
fn a_logout_ends_what_came_beside_the_session_that_counts() {
    let clock = Clock::new();
    let store = Scripted::new(&clock);
    let at_first = Site::with(&clock, |builder| builder.store(store.clone()));
    let renamed = renamed(&clock, &store);
    for now in [&at_first, &renamed] {
        let idle = visitor(&at_first, &store, "ada");
        let mut warm = idle.clone();
        clock.pass(29 * MINUTE);
        warm.send(&at_first, |session| session.touch().unwrap());
        clock.pass(2 * MINUTE);
        let present = visitor(now, &store, "ada");
        let session = now.request(&format!("{}; {}", present.header(), idle.header()));
        session.destroy().unwrap();
        finish(&session);
        let elsewhere = Site::with(&clock, |builder| builder.store(store.clone()));
        assert_eq!(warm.peek(&elsewhere, user), None);
    }
}

#[test]
fn what_is_written_after_a_logout_is_a_new_session() {
    let clock = Clock::new();
    let store = Scripted::new(&clock);
    let site = Site::with(&clock, |builder| builder.store(store.clone()));
    let renamed = renamed(&clock, &store);
    let anew = |session: &Session| {
        session.destroy().unwrap();
        session.insert("cart", 7).unwrap();
    };
    for now in [&site, &renamed] {
        let mut browser = visitor(&site, &store, "ada");
        let thief = browser.clone();
        let (_, reply) = browser.visit(now, anew);
        assert_eq!(reply.failed, None);
        let seen = |session: &Session| (user(session), session.get::<u32>("cart").unwrap());
        assert_eq!(browser.peek(now, seen), (None, Some(7)));
        assert_eq!(thief.peek(&site, seen), (None, None));
        let moved = |event: &Event| matches!(event, Event::Moved { .. });
        assert!(!now.events().iter().any(moved));
    }

    // If it is not saved, the logout holds all the same.
    let mut browser = visitor(&site, &store, "ada");
    store.fail(&[None, None, Some(Fault::Refused)]);
    let (_, reply) = browser.visit(&site, anew);
    assert_eq!(reply.failed, Some(SaveError::Store));
    assert!(browser.names().is_empty());
}

/// An operator counts failures by their events.
#[test]
fn a_logout_that_fails_before_a_save_is_one_failure() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    store.fail(&[None, Some(Fault::Before), Some(Fault::Before)]);
    let (_, reply) = browser.visit(&site, |session| {
        session.destroy().unwrap();
        session.insert("cart", 7).unwrap();
    });
    assert_eq!(reply.failed, Some(SaveError::Store));
    let failed = |event: &Event| matches!(event, Event::Failed { .. });
    assert_eq!(site.events().iter().filter(|it| failed(it)).count(), 1);
}

#[test]
fn a_logout_holds_if_its_handler_panics_afterwards() {
    let (site, store) = site();
    let browser = visitor(&site, &store, "ada");
    let request = site.request(&browser.header());
    let handler = std::panic::AssertUnwindSafe(|| {
        let session = request.give();
        session.destroy().unwrap();
        panic!("on purpose");
    });
    assert!(std::panic::catch_unwind(handler).is_err());
    finish(&request);
    let elsewhere = Site::with(&site.clock, |builder| builder.store(store.clone()));
    assert_eq!(browser.peek(&elsewhere, user), None);
}

#[test]
fn a_full_store_refuses_and_loses_nothing() {
    let clock = Clock::new();
    let store = Scripted::with_room(&clock, 70_000);
    let site = Site::with(&clock, |builder| {
        builder.store(store.clone()).max_record_bytes(60_000)
    });
    let mut browser = visitor(&site, &store, "ada");
    let mut greedy = Browser::default();
    greedy.send(&site, |session| {
        session.insert("note", "#".repeat(59_000)).unwrap();
    });
    let mut full = Browser::default();
    let (_, reply) = full.visit(&site, |session| {
        session.insert("note", "#".repeat(20_000)).unwrap();
    });
    assert_eq!(reply.failed, Some(SaveError::Store));
    assert!(full.names().is_empty());
    assert_eq!(browser.visit(&site, user).0.as_deref(), Some("ada"));
}

#[test]
fn a_record_that_is_too_large_is_an_error_at_once() {
    let (site, _) = site_with(|builder| builder.max_record_bytes(4096));
    let error = |session: &Session| session.insert("note", "#".repeat(5000)).unwrap_err();
    let (error, reply) = Browser::default().visit(&site, error);
    assert!(matches!(error, SessionError::TooBig { max: 4096, .. }));
    assert!(matches!(
        reply.failed,
        Some(SaveError::TooBig { max: 4096, .. })
    ));
    let first = (3000..5000).find_map(|len| {
        let write = |session: &Session| session.insert("note", "#".repeat(len)).err();
        Browser::default().visit(&site, write).0
    });
    let over = SessionError::TooBig {
        len: 4097,
        max: 4096,
    };
    assert_eq!(first, Some(over));
    let small = MemoryStore::new(1000);
    let builder = hardtack::session::SessionManager::builder(ring(1)).store(small);
    let error = builder.build().unwrap_err().to_string();
    assert_eq!(
        error,
        "`max_record_bytes` is 65536, and the store takes 744 at most: set a smaller one"
    );
    let builder = hardtack::session::SessionManager::builder(ring(1));
    let builder = builder.store(MemoryStore::new(1000)).max_record_bytes(744);
    assert!(builder.build().is_ok());
}

#[test]
fn the_manager_sweeps_and_checks_its_store() {
    let (site, store) = site();
    for user in ["ada", "bob", "eve"] {
        visitor(&site, &store, user);
    }
    assert_eq!(ready(site.sessions.sweep(9)).unwrap(), 0);
    site.clock.pass(DAY);
    assert_eq!(ready(site.sessions.sweep(2)).unwrap(), 2);
    assert_eq!(ready(site.sessions.sweep(9)).unwrap(), 1);
    ready(site.sessions.check()).unwrap();
    store.set_down(true);
    let error = ready(site.sessions.check()).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
}

#[test]
fn a_session_that_waits_for_its_store_is_not_loaded() {
    let (site, store) = site();
    let browser = visitor(&site, &store, "ada");
    store.give_way();
    let session = testing::session_from_cookie(&site.sessions, &browser.header());
    assert_eq!(session.get::<String>("user"), Err(SessionError::NotLoaded));
    assert_eq!(session.insert("cart", 7), Err(SessionError::NotLoaded));
}

// Two requests at once.

/// Two requests of one browser, both loaded before either is saved. Returns their replies.
fn race(
    site: &Site,
    browser: &Browser,
    first: impl FnOnce(&Session),
    second: impl FnOnce(&Session),
) -> [Reply; 2] {
    let [one, two] = [(); 2].map(|()| site.request(&browser.header()));
    first(&one);
    second(&two);
    [finish(&one), finish(&two)]
}

#[test]
fn nothing_that_two_requests_write_is_lost() {
    let (site, store) = site();
    let browser = visitor(&site, &store, "ada");
    race(
        &site,
        &browser,
        |session| {
            session.insert("cart", 7).unwrap();
            session.flash(FlashLevel::Info, "one").unwrap();
        },
        |session| {
            session.insert("theme", "dark").unwrap();
            session.flash(FlashLevel::Info, "two").unwrap();
        },
    );
    let keys = browser.peek(&site, |session| session.keys().unwrap());
    assert_eq!(keys, ["cart", "theme", "user"]);
    let flashes = browser.peek(&site, |session| session.take_flashes().unwrap());
    assert_eq!(flashes.len(), 2);
    assert!(
        !site
            .events()
            .iter()
            .any(|event| matches!(event, Event::Conflict { .. }))
    );
}

/// A renewal needs no write: the browser gets its ticket, and the store keeps the record.
#[test]
fn what_another_request_has_saved_already_is_not_written_again() {
    for (pause, load, cookies) in [(10 * MINUTE, "load, keep", 1), (0, "load", 0)] {
        let (site, store) = site();
        let browser = visitor(&site, &store, "ada");
        site.clock.pass(pause);
        let write = |session: &Session| session.insert("cart", 7).unwrap();
        let replies = race(&site, &browser, write, write);
        assert_eq!(
            store.calls(),
            [load, load, "put", "put"],
            "and not a third one after the merge"
        );
        for reply in replies {
            assert_eq!((reply.failed, reply.set_cookie.len()), (None, cookies));
        }
    }
}

#[test]
fn a_flash_message_is_shown_once_whatever_another_request_writes() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    let pending =
        |browser: &Browser| browser.peek(&site, |session| session.take_flashes().unwrap().len());
    let write = |session: &Session| session.insert("cart", 7).unwrap();
    let show = |session: &Session| assert_eq!(session.take_flashes().unwrap().len(), 1);
    browser.send(&site, |session| {
        session.flash(FlashLevel::Info, "saved").unwrap();
    });
    race(
        &site,
        &browser,
        |session| session.insert("theme", "dark").unwrap(),
        write,
    );
    assert_eq!(pending(&browser), 1, "nobody has shown it");
    race(&site, &browser, show, |session| {
        session.insert("cart", 8).unwrap();
    });
    assert_eq!(pending(&browser), 0);
    browser.send(&site, |session| {
        session.flash(FlashLevel::Info, "saved").unwrap();
    });
    race(&site, &browser, write, show);
    assert_eq!(pending(&browser), 0);
}

#[test]
fn the_later_save_of_one_key_wins_and_an_event_says_so() {
    let (site, store) = site();
    let browser = visitor(&site, &store, "ada");
    race(
        &site,
        &browser,
        |session| session.insert("cart", 7).unwrap(),
        |session| session.insert("cart", 8).unwrap(),
    );
    let cart = |session: &Session| session.get::<u32>("cart").unwrap();
    assert_eq!(browser.peek(&site, cart), Some(8));
    let lost = |event: &Event| matches!(event, Event::Conflict { lost: Lost::Key(key), .. } if key == "cart");
    assert!(site.events().iter().any(lost));
}

/// What two requests make of one key, and what the events say was lost.
fn conflict(
    site: &Site,
    store: &Scripted,
    before: Option<u32>,
    handlers: [fn(&Session); 2],
) -> (Option<u32>, Vec<String>) {
    let mut browser = visitor(site, store, "ada");
    if let Some(before) = before {
        browser.send(site, |session| session.insert("wares", before).unwrap());
    }
    let [one, two] = handlers;
    race(site, &browser, one, two);
    let lost = |event| match event {
        Event::Conflict {
            lost: Lost::Key(key),
            ..
        } => Some(key),
        _ => None,
    };
    let lost = site.events().into_iter().filter_map(lost).collect();
    let wares = |session: &Session| session.get("wares").unwrap();
    (browser.peek(site, wares), lost)
}

#[test]
fn the_site_can_say_what_becomes_of_two_writes_to_one_key() {
    let (site, store) = site_with(|builder| {
        builder.on_conflict("wares", |base: Option<u32>, mine: u32, theirs: u32| {
            mine + theirs - base.unwrap_or(0)
        })
    });
    let insert = [
        (|session| session.insert("wares", 3).unwrap()) as fn(&Session),
        |session| session.insert("wares", 5).unwrap(),
    ];
    assert_eq!(conflict(&site, &store, None, insert), (Some(8), vec![]));
    assert_eq!(conflict(&site, &store, Some(1), insert), (Some(7), vec![]));
    // It is asked about conflicts alone. A removal wins, and so does a write of the whole.
    let removal = [insert[0], |session: &Session| drop(session.remove("wares"))];
    let lost = vec!["wares".into()];
    assert_eq!(conflict(&site, &store, Some(1), removal), (None, lost));
    let clear = [insert[0], |session: &Session| {
        session.clear().unwrap();
        session.insert("wares", 9).unwrap();
    }];
    assert_eq!(conflict(&site, &store, Some(1), clear).0, Some(9));
    // Two that count from 1 may write the same.
    let same = [insert[0], insert[0]];
    assert_eq!(conflict(&site, &store, Some(1), same), (Some(5), vec![]));
}

#[test]
fn a_conflict_of_values_of_another_type_is_lost_as_before() {
    let (site, store) = site_with(|builder| {
        let longer = |_: Option<String>, mine: String, theirs: String| mine + &theirs;
        builder.on_conflict("wares", longer)
    });
    let insert = [
        (|session| session.insert("wares", 3).unwrap()) as fn(&Session),
        |session| session.insert("wares", 5).unwrap(),
    ];
    let lost = vec!["wares".to_owned()];
    assert_eq!(conflict(&site, &store, None, insert), (Some(5), lost));
}

#[test]
fn a_merge_asks_validate_again() {
    let (site, store) = site_with(|builder| builder.validate(|session| session.data().len() < 3));
    let browser = visitor(&site, &store, "ada");
    race(
        &site,
        &browser,
        |session| session.insert("cart", 7).unwrap(),
        |session| session.insert("theme", "dark").unwrap(),
    );
    assert_eq!(skipped(&site), [SkipReason::NotValidated]);
    assert_eq!(browser.peek(&site, |session| session.len().unwrap()), 2);
}

#[test]
fn a_merge_that_is_too_large_is_a_500_and_the_others_save_stays() {
    let (site, store) = site_with(|builder| builder.max_record_bytes(4096));
    let browser = visitor(&site, &store, "ada");
    let note = "#".repeat(2500);
    let [_, second] = race(
        &site,
        &browser,
        |session| session.insert("one", &note).unwrap(),
        |session| session.insert("two", &note).unwrap(),
    );
    assert!(matches!(
        second.failed,
        Some(SaveError::TooBig { max: 4096, .. })
    ));
    let keys = browser.peek(&site, |session| session.keys().unwrap());
    assert_eq!(keys, ["one", "user"]);
}

/// Another request has ended the session by the clock, and not by `destroy`.
#[test]
fn a_save_that_meets_a_session_whose_time_is_over_is_left_out_unless_it_is_a_login() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    let pages: [fn(&Session); 2] = [
        |session| session.insert("cart", 7).unwrap(),
        |session| {
            session.regenerate_for_login().unwrap();
            session.insert("user", "bob").unwrap();
        },
    ];
    let [page, login] = pages.map(|write| {
        let request = site.request(&browser.header());
        write(&request);
        request
    });
    browser.send(&site, |session| session.expire_in(seconds(1)).unwrap());
    site.clock.pass(2);
    site.events();
    let reply = finish(&page);
    assert_eq!((reply.failed, reply.set_cookie.len()), (None, 0));
    assert_eq!(skipped(&site), [SkipReason::Ended]);
    browser.take(&finish(&login));
    assert_eq!(browser.user(&site).as_deref(), Some("bob"));
}

#[test]
fn a_login_that_is_clicked_twice_logs_in() {
    let login = |session: &Session| {
        session.regenerate_for_login().unwrap();
        session.insert("user", "ada").unwrap();
    };
    let (site, _) = site();
    let mut browser = Browser::default();
    browser.send(&site, |session| session.insert("cart", 7).unwrap());
    let replies = race(&site, &browser, login, login);
    for reply in replies {
        assert_eq!(reply.failed, None);
        let mut browser = browser.clone();
        browser.take(&reply);
        let found = browser.peek(&site, |session| {
            (user(session), session.get::<u32>("cart").unwrap())
        });
        assert_eq!(found, (Some("ada".into()), Some(7)));
    }
}

#[test]
fn a_login_merges_what_a_page_wrote_meanwhile() {
    let (site, _) = site();
    let mut browser = Browser::default();
    browser.send(&site, |session| session.insert("seen", 1).unwrap());
    let [_, login] = race(
        &site,
        &browser,
        |session| session.insert("cart", 7).unwrap(),
        |session| {
            session.regenerate_for_login().unwrap();
            session.insert("user", "ada").unwrap();
        },
    );
    browser.take(&login);
    let keys = browser.peek(&site, |session| session.keys().unwrap());
    assert_eq!(keys, ["cart", "seen", "user"]);
}

#[test]
fn no_late_answer_brings_back_what_was_ended() {
    let regenerate = |session: &Session| session.regenerate().unwrap();
    let write = |session: &Session| session.insert("cart", 7).unwrap();
    let destroy = |session: &Session| session.destroy().unwrap();
    for late in [regenerate as fn(&Session), write] {
        let (site, store) = site();
        let browser = visitor(&site, &store, "ada");
        let [_, reply] = race(&site, &browser, destroy, late);
        assert!(reply.set_cookie.is_empty() && reply.failed.is_none());
        assert_eq!(browser.user(&site), None);
        // Nor on another instance, which remembers nothing of it.
        let (elsewhere, _) = (
            Site::with(&site.clock, |builder| builder.store(store.clone())),
            (),
        );
        let slow = elsewhere.request(&browser.header());
        assert!(slow.is_new().unwrap());
        slow.insert("cart", 7).unwrap();
        assert!(finish(&slow).set_cookie.is_empty());
    }
}

#[test]
fn a_logout_ends_what_a_parallel_request_renamed() {
    let (site, store) = site();
    let browser = visitor(&site, &store, "ada");
    let [renamed, _] = race(
        &site,
        &browser,
        |session| session.regenerate().unwrap(),
        |session| session.destroy().unwrap(),
    );
    let mut other = browser.clone();
    other.take(&renamed);
    let elsewhere = Site::with(&site.clock, |builder| builder.store(store.clone()));
    assert_eq!(other.peek(&elsewhere, user), None);
    assert_eq!(refusals(&elsewhere), [Refusal::Ended]);
}

#[test]
fn a_planted_ticket_does_not_end_the_login_that_came_after_it() {
    let (site, _) = site();
    let mut planted = Browser::default();
    planted.send(&site, |session| session.insert("cart", 7).unwrap());
    let mut victim = planted.clone();
    victim.send(&site, |session| {
        session.regenerate_for_login().unwrap();
        session.insert("user", "ada").unwrap();
    });
    // The attacker's copy neither follows into the login nor ends it.
    assert_eq!(planted.visit(&site, user).0, None);
    planted.send(&site, |session| session.destroy().unwrap());
    assert_eq!(victim.user(&site).as_deref(), Some("ada"));
}

/// A logout that the store did not take is repeated. It still ends the session under its next id, but not a login
/// that was made over it meanwhile.
#[test]
fn an_end_that_is_held_back_ends_no_login_that_came_after_it() {
    type Rename = fn(&Session);
    let renames: [(Rename, bool); 2] = [
        (|session| session.regenerate().unwrap(), false),
        (
            |session| {
                session.regenerate_for_login().unwrap();
                session.insert("user", "bob").unwrap();
            },
            true,
        ),
    ];
    for (rename, lives) in renames {
        let (site, store) = site();
        let mut browser = visitor(&site, &store, "ada");
        // The tab of another instance, whose request the logout overtook.
        let elsewhere = Site::with(&site.clock, |builder| builder.store(store.clone()));
        let logout = site.request(&browser.header());
        logout.destroy().unwrap();
        store.set_down(true);
        assert_eq!(finish(&logout).failed, Some(SaveError::Store));
        store.set_down(false);
        browser.send(&elsewhere, rename);
        let other = visitor(&site, &store, "eve");
        other.peek(&site, user);
        assert!(store.calls().contains(&"end"));
        assert_eq!(browser.user(&elsewhere).is_some(), lives);
    }
}

#[test]
fn an_end_ends_no_login_that_was_saved_before_it() {
    let ends: [fn(&Site, &Request, SessionId); 3] = [
        |_, logout, _| drop(finish(logout)),
        |site, _, id| ready(site.sessions.end_session(id)).unwrap(),
        |site, _, _| assert!(ready(site.sessions.end_all("user-7")).is_ok()),
    ];
    for end in ends {
        let (site, store) = site();
        let mut browser = device(&site, "phone");
        let id = browser.peek(&site, |session| session.id().unwrap());
        let elsewhere = Site::with(&site.clock, |builder| builder.store(store.clone()));
        let logout = site.request(&browser.header());
        logout.destroy().unwrap();
        browser.send(&elsewhere, |session| {
            session.regenerate_for_login().unwrap();
            session.set_subject(Some("user-8")).unwrap();
            session.insert("user", "bob").unwrap();
        });
        end(&elsewhere, &logout, id);
        assert_eq!(browser.user(&elsewhere).as_deref(), Some("bob"));
    }
}

#[test]
fn a_write_with_an_old_ticket_does_not_throw_out_the_new_one() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    let old = browser.clone();
    browser.send(&site, |session| session.regenerate().unwrap());
    let (_, reply) = old.clone().visit(&site, |session| {
        assert!(session.is_new().unwrap());
        session.insert("cart", 7).unwrap();
    });
    assert!(reply.set_cookie.is_empty());
    assert_eq!(skipped(&site), [SkipReason::LoginEnded]);
    // A login gets through.
    let mut again = old.clone();
    again.send(&site, |session| {
        session.regenerate_for_login().unwrap();
        session.insert("user", "bob").unwrap();
    });
    assert_eq!(again.user(&site).as_deref(), Some("bob"));
}

/// The response may have been lost that took the cookie away or brought another one. The store remembers the end of a
/// session that moved out of its cookie for as long as that would open.
#[test]
fn a_write_with_an_old_cookie_is_left_out_for_a_minute_however_long_its_end_is_remembered() {
    let ends: [fn(&Session); 3] = [
        |session| session.destroy().unwrap(),
        |session| session.regenerate().unwrap(),
        |session| {
            session.regenerate_for_login().unwrap();
            session.insert("user", "bob").unwrap();
        },
    ];
    for end in ends {
        for was_in_cookie in [false, true] {
            let (clock, store, before, site) = moving(Place::Store);
            let instance = || Site::with(&clock, |builder| builder.store(store.clone()));
            let (elsewhere, late) = (instance(), instance());
            let old = match was_in_cookie {
                true => in_cookie(&before, "ada"),
                false => in_cookie(&site, "ada"),
            };
            old.clone().send(&site, end);
            let write = |site: &Site| {
                site.events();
                let (_, reply) = old
                    .clone()
                    .visit(site, |session| session.insert("cart", 7).unwrap());
                let is_left_out = skipped(site) == [SkipReason::LoginEnded];
                assert_eq!(is_left_out, reply.set_cookie.is_empty());
                is_left_out
            };
            clock.pass(MINUTE - 1);
            assert!(write(&elsewhere));
            // The clocks of two instances may be a minute apart.
            clock.pass(MINUTE);
            assert!(write(&elsewhere) || !was_in_cookie);
            clock.pass(1);
            assert!(!write(&late));
            assert_eq!(old.user(&late), None);
        }
    }
}

#[test]
fn a_login_after_a_logout_keeps_only_its_own_writes() {
    for here in [false, true] {
        let (site, store) = site();
        let mut browser = visitor(&site, &store, "ada");
        browser.send(&site, |session| session.insert("secret", 7).unwrap());
        let instance = || Site::with(&site.clock, |builder| builder.store(store.clone()));
        let other = instance();
        let elsewhere = if here { &site } else { &other };
        let login = elsewhere.request(&browser.header());
        login.regenerate_for_login().unwrap();
        login.insert("user", "bob").unwrap();
        browser
            .clone()
            .send(&site, |session| session.destroy().unwrap());
        let reply = finish(&login);
        browser.take(&reply);
        let keys = browser.peek(elsewhere, |session| session.keys().unwrap());
        assert_eq!(keys, ["user"]);
        assert_eq!(browser.user(elsewhere).as_deref(), Some("bob"));
    }
}

/// Their credential was checked, and what they wrote is theirs, also if it is what was there before.
#[test]
fn a_login_that_writes_what_was_there_logs_in_although_the_session_ends() {
    let end = |site: &Site, browser: &Browser| {
        browser
            .clone()
            .send(site, |session| session.destroy().unwrap());
    };
    let log_in_twice = |site: &Site, browser: &Browser| {
        for _ in 0..2 {
            browser.clone().send(site, |session| {
                session.regenerate_for_login().unwrap();
                session.insert("user", "ada").unwrap();
            });
        }
    };
    type Write = fn(&Session) -> Result<(), SessionError>;
    let writes: [Write; 4] = [
        |session| session.insert("user", "ada"),
        |session| session.extend([("user", "ada")]),
        |session| session.update("user", |user: &mut String| *user = "ada".into()),
        |session| session.modify(|map| map.insert("user", "ada"))?,
    ];
    for write in writes {
        for happens in [end as fn(&Site, &Browser), log_in_twice] {
            for here in [false, true] {
                let (site, store) = site();
                let mut browser = visitor(&site, &store, "ada");
                browser.send(&site, |session| session.insert("secret", 7).unwrap());
                let other = Site::with(&site.clock, |builder| builder.store(store.clone()));
                let elsewhere = if here { &site } else { &other };
                let login = elsewhere.request(&browser.header());
                write(&login).unwrap();
                login.regenerate_for_login().unwrap();
                happens(&site, &browser);
                browser.take(&finish(&login));
                assert_eq!(browser.user(elsewhere).as_deref(), Some("ada"));
            }
        }
    }
}

/// It wrote nothing, so there is nothing to save once the session has ended, and an event says so.
#[test]
fn a_login_that_writes_nothing_over_a_session_that_ends_is_told() {
    for here in [false, true] {
        let (site, store) = site();
        let browser = visitor(&site, &store, "ada");
        let other = Site::with(&site.clock, |builder| builder.store(store.clone()));
        let elsewhere = if here { &site } else { &other };
        let login = elsewhere.request(&browser.header());
        login.regenerate_for_login().unwrap();
        browser
            .clone()
            .send(&site, |session| session.destroy().unwrap());
        assert!(finish(&login).set_cookie.is_empty());
        assert_eq!(skipped(elsewhere), [SkipReason::LoginEnded]);
    }
}

#[test]
fn a_save_that_finds_no_gap_gives_up() {
    let (site, store) = site();
    let browser = visitor(&site, &store, "ada");
    let slow = site.request(&browser.header());
    slow.insert("cart", 7).unwrap();
    store.give_way();
    let (header, sessions) = (browser.header(), site.sessions.clone());
    let mut reply = None;
    let mut steps = Steps::default();
    steps.add(async { reply = Some(slow.commit().await) });
    steps.step(0);
    // Before each of its tries another request saves the session.
    for rival in 0..64 {
        let (header, sessions) = (header.clone(), sessions.clone());
        let mut rivals = Steps::default();
        rivals.add(async move {
            let request = Request::load(&sessions, &header).await;
            request.insert("rival", rival).unwrap();
            assert_eq!(request.commit().await.failed, None);
        });
        rivals.end(0);
        steps.step(0);
    }
    assert_eq!(steps.running(), 0);
    drop(steps);
    assert_eq!(reply.unwrap().failed, Some(SaveError::Contended));
    assert_eq!(SaveError::Contended.status(), 503);
    store.stand();
    let keys = browser.peek(&site, |session| session.keys().unwrap());
    assert_eq!(keys, ["rival", "user"]);
}

#[test]
fn a_save_that_has_tried_for_two_seconds_gives_up() {
    for (seconds, failed) in [(2, None), (3, Some(SaveError::Contended))] {
        let (site, store) = site();
        let browser = visitor(&site, &store, "ada");
        let slow = site.request(&browser.header());
        slow.insert("cart", 7).unwrap();
        store.give_way();
        let mut reply = None;
        let mut steps = Steps::default();
        steps.add(async { reply = Some(slow.commit().await) });
        steps.step(0);
        site.clock.pass(seconds);
        let mut rival = Steps::default();
        rival.add(async {
            let request = Request::load(&site.sessions, &browser.header()).await;
            request.insert("rival", 8).unwrap();
            assert_eq!(request.commit().await.failed, None);
        });
        rival.end(0);
        steps.end(0);
        drop(steps);
        assert_eq!(reply.unwrap().failed, failed);
    }
}

#[test]
fn a_record_that_is_missing_is_not_put_back() {
    let (site, store) = site();
    let browser = visitor(&site, &store, "ada");
    let slow = site.request(&browser.header());
    slow.insert("cart", 7).unwrap();
    store.forget();
    let reply = finish(&slow);
    assert!(reply.set_cookie.is_empty() && reply.failed.is_none());
    assert_eq!(skipped(&site), [SkipReason::Missing]);
    assert_eq!(browser.user(&site), None);
}

/// However a session ends during a request, an event tells of the write, and the response goes out as it is. The next
/// request has no session in any case. A login is saved.
#[test]
fn what_is_written_to_a_session_that_ends_meanwhile_is_told() {
    type End = fn(&Site, &Scripted, &Browser);
    let ends: [(End, SkipReason); 5] = [
        // Its idle end, and its absolute one.
        (
            |site, _, _| site.clock.pass(30 * MINUTE + 1),
            SkipReason::Ended,
        ),
        (|site, _, _| site.clock.pass(46 * MINUTE), SkipReason::Ended),
        (
            |site, _, browser| {
                browser
                    .clone()
                    .send(site, |session| session.destroy().unwrap());
            },
            SkipReason::LoginEnded,
        ),
        (
            |site, _, browser| {
                let id = browser.peek(site, |session| session.id().unwrap());
                ready(site.sessions.end_session(id)).unwrap();
            },
            SkipReason::LoginEnded,
        ),
        (|_, store, _| store.forget(), SkipReason::Missing),
    ];
    let writes: [fn(&Session); 2] = [
        |session| session.insert("cart", 7).unwrap(),
        |session| session.regenerate().unwrap(),
    ];
    for (end, reason) in ends {
        for write in writes {
            let (site, store) = site();
            let mut browser = visitor(&site, &store, "ada");
            let elsewhere = Site::with(&site.clock, |builder| builder.store(store.clone()));
            browser.send(&site, |session| {
                session.expire_in(seconds(45 * MINUTE)).unwrap()
            });
            let [slow, login] = [(); 2].map(|()| site.request(&browser.header()));
            write(&slow);
            login.regenerate_for_login().unwrap();
            login.insert("user", "bob").unwrap();
            end(&elsewhere, &store, &browser);
            site.events();
            let reply = finish(&slow);
            assert!(reply.set_cookie.is_empty() && reply.failed.is_none());
            assert_eq!(skipped(&site), [reason]);
            assert_eq!(browser.user(&site), None);
            browser.take(&finish(&login));
            assert_eq!(browser.user(&site).as_deref(), Some("bob"));
        }
    }
}

#[test]
fn a_fresh_ticket_without_a_record_is_asked_for_once_more() {
    let (site, store) = site();
    let browser = visitor(&site, &store, "ada");
    // The store lost its memory.
    let lost = Scripted::new(&site.clock);
    let elsewhere = Site::with(&site.clock, |builder| builder.store(lost.clone()));
    assert_eq!(browser.peek(&elsewhere, user), None);
    assert_eq!(lost.calls(), ["load", "load, keep"]);
    site.clock.pass(60);
    assert_eq!(browser.peek(&elsewhere, user), None);
    assert_eq!(lost.calls(), ["load"]);
    assert_eq!(refusals(&elsewhere), [Refusal::Missing; 2]);
}

// Moving.

fn moving(place: Place) -> (Clock, Scripted, Site, Site) {
    let clock = Clock::new();
    let store = Scripted::new(&clock);
    let before = Site::with(&clock, |builder| builder);
    let site = Site::with(&clock, |builder| builder.store(store.clone()).place(place));
    (clock, store, before, site)
}

#[test]
fn a_session_in_a_cookie_moves_at_its_next_save() {
    let (_, store, before, site) = moving(Place::Store);
    let mut browser = logged_in(&before, "ada");
    let (id, login) = browser.peek(&before, |session| (session.id(), session.login_id()));
    let old = browser.clone();
    let (_, reply) = browser.visit(&site, |session| assert!(user(session).is_some()));
    assert!(reply.set_cookie.is_empty(), "a read moves nothing");
    assert_eq!(store.calls(), ["load"]);
    browser.send(&site, |session| session.insert("cart", 7).unwrap());
    assert_eq!(store.calls(), ["load", "put"]);
    let now = browser.peek(&site, |session| (session.id(), session.login_id()));
    assert_eq!(now, (id, login));
    // An old cookie cannot replay the past: it finds the record, and gets a ticket for it.
    let mut late = old.clone();
    let (cart, reply) = late.visit(&site, |session| session.get::<u32>("cart").unwrap());
    assert_eq!((cart, reply.set_cookie.len()), (Some(7), 1));
    browser.send(&site, |session| session.destroy().unwrap());
    assert_eq!(old.user(&site), None);
    site.clock.pass(10 * MINUTE);
    let elsewhere = Site::with(&site.clock, |builder| builder.store(store.clone()));
    assert_eq!(old.user(&elsewhere), None, "not after a minute either");
}

/// Another request of the browser saves while the device gets a name.
#[test]
fn a_description_is_not_lost_beside_another_save() {
    let ([site, elsewhere], _) = instances(|builder| builder);
    let mut browser = person(&site, "ada");
    let naming = site.request(&browser.header());
    naming.describe("work phone").unwrap();
    browser.send(&elsewhere, |session| session.insert("cart", 7).unwrap());
    assert_eq!(finish(&naming).failed, None);
    assert_eq!(descriptions(&site, "ada"), ["work phone"]);
    assert_eq!(
        browser.peek(&site, |session| session.get("cart")),
        Ok(Some(7))
    );
}

/// The device gets a name while another request of the browser gets a new id, and is on its way to the store.
#[test]
fn a_description_is_not_undone_by_a_new_id() {
    let ([site, elsewhere], store) = instances(|builder| builder);
    let browser = person(&site, "ada");
    let moving = site.request(&browser.header());
    moving.regenerate().unwrap();
    let naming = elsewhere.request(&browser.header());
    naming.describe("work phone").unwrap();
    naming.insert("named", true).unwrap();
    store.give_way();
    let mut steps = Steps::default();
    for request in [&moving, &naming] {
        steps.add(async { assert_eq!(request.commit().await.failed, None) });
    }
    // It has read what the list shows, and not written yet.
    steps.step(0);
    steps.step(0);
    steps.end(1);
    steps.end(0);
    store.stand();
    assert_eq!(descriptions(&site, "ada"), ["work phone"]);
}

/// One node of Memcached is down, or one key is on a shard that is.
#[test]
fn an_end_that_fails_keeps_a_sweep_from_no_other() {
    let ([site, elsewhere], store) = instances(|builder| builder);
    let people: Vec<_> = (0..40).map(|_| person(&site, "ada")).collect();
    store.set_down(true);
    for one in &people {
        let logout = site.request(&one.header());
        logout.destroy().unwrap();
        let _ = finish(&logout);
    }
    store.set_down(false);
    // A call that fails is repeated once.
    let live = || {
        people
            .iter()
            .filter(|one| one.user(&elsewhere).is_some())
            .count()
    };
    store.fail(&[Some(Fault::Before); 2 * 3]);
    assert!(ready(site.sessions.sweep(9)).is_err());
    assert_eq!(live(), 3);
    // Each of them may take as long as the store's deadline.
    store.set_down(true);
    for one in &people[..6] {
        let logout = elsewhere.request(&one.header());
        logout.destroy().unwrap();
        let _ = finish(&logout);
    }
    store.set_down(false);
    store.fail(&[Some(Fault::Before); 2 * 40]);
    store.calls();
    assert!(ready(elsewhere.sessions.sweep(9)).is_err());
    assert_eq!(store.calls(), [vec!["end"; 2 * 4], vec!["sweep"]].concat());
    store.stand();
    assert!(ready(site.sessions.sweep(9)).is_ok());
    assert_eq!(live(), 0);
}

/// Ten minutes after a guest came, the store may drop the record. On SQL, that takes up to an hour more.
#[test]
fn a_guest_who_comes_back_late_keeps_the_session() {
    let (site, store) = site_with(|builder| builder.idle_timeout(seconds(12 * HOUR)));
    let mut guest = visitor(&site, &store, "guest");
    guest.send(&site, |session| session.destroy().unwrap());
    guest.send(&site, |session| session.insert("cart", 7).unwrap());
    store.calls();
    site.clock.pass(9 * MINUTE);
    guest.send(&site, |session| session.get::<u32>("cart").unwrap());
    site.clock.pass(9 * MINUTE);
    guest.send(&site, |session| session.get::<u32>("cart").unwrap());
    assert_eq!(store.calls(), ["load, keep"; 2]);
}

/// Every request would carry them until the browser is closed.
#[test]
fn the_parts_of_a_session_that_moves_are_removed() {
    let (_, _, before, site) = moving(Place::Store);
    let mut browser = Browser::default();
    browser.send(&before, |session| {
        session.insert("note", "#".repeat(4_000)).unwrap();
    });
    assert_eq!(browser.names().len(), 2);
    browser.send(&site, |session| session.insert("cart", 7).unwrap());
    assert_eq!(browser.names(), [NAME]);
}

/// A page that shows how long the session lasts shows it for the ticket that comes with it.
#[test]
fn a_session_that_moves_says_until_when_its_ticket_opens() {
    let (clock, store, before, site) = moving(Place::Store);
    let renamed = renamed(&clock, &store);
    for (before, after) in [(&before, &site), (&site, &renamed)] {
        let mut browser = logged_in(before, "ada");
        let began = clock.unix();
        clock.pass(MINUTE);
        let (end, _) = browser.visit(after, |session| {
            session.insert("cart", 7).unwrap();
            session.expires_at().unwrap()
        });
        assert_eq!(end, at(began + 31 * MINUTE));
        assert_eq!(browser.peek(after, |session| session.expires_at()), Ok(end));
        clock.set(began + 31 * MINUTE);
        assert_eq!(browser.user(after).as_deref(), Some("ada"));
    }
}

#[test]
fn two_requests_that_move_a_session_meet_in_one_record() {
    let (_, _, before, site) = moving(Place::Store);
    let mut browser = logged_in(&before, "ada");
    let [one, two] = race(
        &site,
        &browser,
        |session| session.insert("cart", 7).unwrap(),
        |session| session.insert("theme", 1).unwrap(),
    );
    for reply in [two, one] {
        browser.take(&reply);
        let keys = browser.peek(&site, |session| session.keys().unwrap());
        assert_eq!(keys, ["cart", "theme", "user"]);
    }
}

#[test]
fn a_session_that_moves_and_gets_a_new_id_leaves_no_way_back() {
    for handler in [
        (|session: &Session| session.regenerate().unwrap()) as fn(&Session),
        |session| session.regenerate_for_login().unwrap(),
    ] {
        let (_, _, before, site) = moving(Place::Store);
        let mut browser = logged_in(&before, "ada");
        let old = browser.clone();
        let [_, reply] = race(
            &site,
            &browser,
            |session| session.insert("cart", 7).unwrap(),
            handler,
        );
        browser.take(&reply);
        let keys = browser.peek(&site, |session| session.keys().unwrap());
        assert_eq!(keys, ["cart", "user"]);
        site.clock.pass(10 * MINUTE);
        assert_eq!(old.user(&site), None);
    }
}

/// Somebody who has logged in before the move.
fn in_cookie(before: &Site, user: &str) -> Browser {
    let mut browser = Browser::default();
    browser.send(before, |session| {
        session.regenerate_for_login().unwrap();
        session.insert("user", user).unwrap();
    });
    browser
}

/// The visitor's browser has a cookie that is idle; a thief has kept a copy warm.
fn idle_visitor_and_thief(before: &Site) -> (Browser, Browser) {
    let browser = in_cookie(before, "ada");
    let mut thief = browser.clone();
    before.clock.pass(25 * MINUTE);
    thief.send(before, |session| drop(user(session)));
    before.clock.pass(10 * MINUTE);
    assert_eq!(browser.user(before), None);
    (browser, thief)
}

#[test]
fn an_idle_cookie_that_is_ended_or_replaced_leaves_no_way_back() {
    for handler in [
        (|session: &Session| session.destroy().unwrap()) as fn(&Session),
        |session| {
            session.regenerate_for_login().unwrap();
            session.insert("user", "ada").unwrap();
        },
    ] {
        let (_, _, before, site) = moving(Place::Store);
        let (mut browser, thief) = idle_visitor_and_thief(&before);
        browser.send(&site, handler);
        site.clock.pass(5 * MINUTE);
        assert_eq!(thief.user(&site), None);
    }
}

/// Robots leave carts in cookies, come back with them after hours, and must not fill the store with ends.
#[test]
fn an_idle_cookie_that_nobody_had_logged_in_with_leaves_its_end_for_a_minute() {
    for handler in [
        (|session: &Session| session.destroy().unwrap()) as fn(&Session),
        |session| {
            session.regenerate_for_login().unwrap();
            session.insert("user", "ada").unwrap();
        },
    ] {
        let (clock, store, before, site) = moving(Place::Store);
        let mut browser = logged_in(&before, "guest");
        clock.pass(35 * MINUTE);
        browser.send(&site, handler);
        assert!(store.calls().contains(&"end"));
        clock.pass(MINUTE);
        assert_eq!(ready(store.sweep(9)).unwrap(), 1);
    }
}

/// The first tombstone counts, so it must last as long as a copy of the cookie could open.
#[test]
fn a_guest_who_logs_out_stays_out_though_another_tab_was_faster_to_say_so() {
    for other_tab in [
        (|session: &Session| session.destroy().unwrap()) as fn(&Session),
        |session| {
            session.regenerate_for_login().unwrap();
            session.insert("user", "ada").unwrap();
        },
    ] {
        let (clock, _, before, site) = moving(Place::Store);
        let mut guest = Browser::default();
        guest.send(&before, |session| session.insert("cart", 7).unwrap());
        let copy = guest.clone();
        let logout = site.request(&guest.header());
        logout.destroy().unwrap();
        guest.send(&site, other_tab);
        assert_eq!(finish(&logout).failed, None);
        clock.pass(5 * MINUTE);
        assert!(copy.peek(&site, |session| session.is_new().unwrap()));
    }
}

#[test]
fn a_logout_that_is_clicked_twice_leaves_no_way_back() {
    for place in [Place::Store, Place::Cookie] {
        let (_, _, before, site) = moving(place);
        let copy = in_cookie(&before, "ada");
        let first = site.request(&copy.header());
        first.destroy().unwrap();
        let second = site.request(&copy.header());
        second.destroy().unwrap();
        for request in [second, first] {
            assert_eq!(finish(&request).failed, None);
        }
        site.clock.pass(5 * MINUTE);
        assert_eq!(copy.user(&site), None, "{place:?}");
    }
}

/// Nobody knows whether the session was in its cookie once, and a thief may have a copy of that.
#[test]
fn an_end_from_elsewhere_is_remembered_as_long_as_a_cookie_of_before_could_open() {
    let (clock, store, before, site) = moving(Place::Store);
    let last = Site::with(&clock, |builder| {
        builder.store(store.clone()).only_tickets()
    });
    for (now, swept) in [(&site, 0), (&last, 1)] {
        let mut browser = logged_in(&before, "ada");
        let thief = browser.clone();
        browser.send(&site, |session| session.insert("cart", 7).unwrap());
        let id = browser.peek(&site, |session| session.id().unwrap());
        ready(now.sessions.end_session(id)).unwrap();
        clock.pass(5 * MINUTE);
        assert_eq!(thief.user(now), None);
        // Once only tickets open, a minute is enough.
        assert_eq!(ready(store.sweep(9)).unwrap(), swept);
    }
}

#[test]
fn an_end_is_remembered_until_the_slowest_clock_has_seen_the_last_cookie_expire() {
    let hour = |builder: SessionManagerBuilder| {
        let hour = seconds(60 * MINUTE);
        let builder = builder.idle_timeout(hour).absolute_timeout(hour);
        builder
            .remember_idle_timeout(hour)
            .remember_absolute_timeout(hour)
    };
    let clock = Clock::new();
    let store = Scripted::new(&clock);
    let before = Site::with(&clock, hour);
    let ahead = Clock::at(T0 + 50);
    let site = |clock: &Clock| Site::with(clock, |builder| hour(builder.store(store.clone())));
    let (slow, fast) = (site(&clock), site(&ahead));
    let mut browser = logged_in(&before, "ada");
    let thief = browser.clone();
    browser.send(&fast, |session| session.destroy().unwrap());
    clock.pass(60 * MINUTE - 1);
    assert_eq!(thief.user(&slow), None);
}

#[test]
fn a_rotated_key_does_not_part_those_who_move() {
    let (clock, store, before, _) = moving(Place::Store);
    let browser = logged_in(&before, "ada");
    let both = |n, other| Keyring::new(key(n)).accept(key(other)).unwrap();
    let [one, two] = [both(1, 2), both(2, 1)]
        .map(|ring| Site::under(ring, &clock, |builder| builder.store(store.clone())));
    let mut browsers = [browser.clone(), browser];
    browsers[0].send(&one, |session| session.insert("cart", 7).unwrap());
    browsers[1].send(&two, |session| session.insert("theme", 7).unwrap());
    for browser in browsers {
        for site in [&one, &two] {
            assert_eq!(browser.peek(site, |session| session.len().unwrap()), 3);
        }
    }
}

#[test]
fn a_session_moves_back_under_another_id() {
    let (_, store, _, site) = moving(Place::Cookie);
    let stored = Site::with(&site.clock, |builder| builder.store(store.clone()));
    let plain = Site::with(&site.clock, |builder| builder);
    let mut browser = visitor(&stored, &store, "ada");
    let ids = |session: &Session| (session.id().unwrap(), session.login_id().unwrap());
    let (id, login) = browser.peek(&site, ids);
    let (_, reply) = browser.visit(&site, |session| drop(user(session)));
    assert!(reply.set_cookie.is_empty(), "a read moves nothing");
    browser.send(&site, |session| session.insert("cart", 7).unwrap());
    assert_eq!(
        browser.user(&plain).as_deref(),
        Some("ada"),
        "without any store"
    );
    let (new_id, same_login) = browser.peek(&plain, ids);
    assert!(new_id != id && same_login == login);
    assert!(!store.calls().contains(&"put"));
    // Now it is in its cookie, and keeps its id.
    browser.send(&site, |session| session.insert("cart", 8).unwrap());
    assert_eq!(browser.peek(&site, ids), (new_id, login));

    // An id that the handler has seen is the one that it gets.
    let mut other = visitor(&stored, &store, "bob");
    let (seen, _) = other.visit(&site, |session| {
        session.regenerate().unwrap();
        session.id().unwrap()
    });
    assert_eq!(other.peek(&plain, ids).0, seen);
}

/// Robots must not fill the store: their cookies hold the session, and what they end was never in the store.
#[test]
fn an_end_in_a_cookie_leaves_little_in_the_store_unless_somebody_had_logged_in() {
    let (clock, store, _, site) = moving(Place::Cookie);
    let [mut robot, mut person] = [(); 2].map(|()| Browser::default());
    robot.send(&site, |session| session.insert("cart", 7).unwrap());
    person.send(&site, |session| {
        session.regenerate_for_login().unwrap();
        session.insert("user", "ada").unwrap();
    });
    let thief = person.clone();
    for browser in [&mut robot, &mut person] {
        browser.send(&site, |session| session.destroy().unwrap());
    }
    assert_eq!(ready(store.sweep(9)).unwrap(), 0);
    clock.pass(MINUTE + 1);
    assert_eq!(ready(store.sweep(9)).unwrap(), 1, "that of the robot");
    let stored = Site::with(&clock, |builder| builder.store(store.clone()));
    assert_eq!(thief.user(&stored), None);
    // Where another instance has moved it, its record is the only one that counts.
    let mut browser = Browser::default();
    browser.send(&site, |session| session.insert("user", "eve").unwrap());
    let copy = browser.clone();
    browser.send(&stored, |session| session.insert("cart", 7).unwrap());
    browser.send(&site, |session| session.destroy().unwrap());
    clock.pass(10 * MINUTE);
    let elsewhere = Site::with(&clock, |builder| builder.store(store.clone()));
    assert_eq!(copy.user(&elsewhere), None);
    let mut browser = Browser::default();
    browser.send(&site, |session| session.insert("user", "eve").unwrap());
    let (mut copy, mut moved) = (browser.clone(), browser.clone());
    moved.send(&stored, |session| session.insert("cart", 7).unwrap());
    copy.send(&site, |session| session.destroy().unwrap());
    clock.pass(10 * MINUTE);
    assert_eq!(browser.user(&elsewhere), None);
}

#[test]
fn a_renewal_that_is_late_or_that_nobody_waits_for_moves_nothing_back() {
    let (_, store, _, site) = moving(Place::Cookie);
    let stored = Site::with(&site.clock, |builder| builder.store(store.clone()));
    let browser = visitor(&stored, &store, "ada");
    // Due, and half of the idle limit is gone.
    site.clock.pass(16 * MINUTE);
    let late = site.request(&browser.header());
    assert_eq!(user(&late).as_deref(), Some("ada"));
    site.clock.pass(31);
    assert!(finish(&late).set_cookie.is_empty());
    assert_eq!(skipped(&site), [SkipReason::TooLate]);

    let exchange = Exchange::begin(&site.sessions);
    let header = browser.header();
    let image = RequestHead {
        method: "GET",
        path: "/",
        authority: None,
        headers: [("cookie", header.as_str()), ("sec-fetch-mode", "no-cors")],
    };
    assert_eq!(
        user(&ready(exchange.session(image))).as_deref(),
        Some("ada")
    );
    let plan = ready(exchange.commit(exchange.close()));
    let reply = Reply::from(exchange.finish(plan, NO_HEADERS));
    assert!(reply.set_cookie.is_empty());
}

#[test]
fn what_does_not_fit_into_the_cookie_stays_in_the_store() {
    let (_, store, _, site) = moving(Place::Cookie);
    let stored = Site::with(&site.clock, |builder| builder.store(store.clone()));
    let mut browser = Browser::default();
    browser.send(&stored, |session| {
        session.insert("note", "#".repeat(20_000)).unwrap();
    });
    let stayed = |site: &Site| {
        let stayed = |event| match event {
            Event::StaysInStore { id, len, max, .. } => Some((id, len > max)),
            _ => None,
        };
        site.events()
            .into_iter()
            .filter_map(stayed)
            .collect::<Vec<_>>()
    };
    let (_, reply) = browser.visit(&site, |session| drop(session.remove("nothing")));
    assert_eq!(reply.failed, None);
    assert_eq!(stayed(&site), [], "a read would not have moved it");
    let note = |session: &Session| {
        session
            .get::<String>("note")
            .unwrap()
            .map(|note| note.len())
    };
    assert_eq!(browser.peek(&site, note), Some(20_000));
    let (_, reply) = browser.visit(&site, |session| session.touch().unwrap());
    assert_eq!(reply.failed, None);
    let id = browser.peek(&site, |session| session.id().unwrap());
    assert_eq!(stayed(&site), [(id, true)]);
    assert_eq!(browser.peek(&site, note), Some(20_000));
    // Smaller again, it goes.
    browser.send(&site, |session| drop(session.remove("note")));
    assert_eq!(stayed(&site), []);
    assert_ne!(browser.peek(&site, |session| session.id().unwrap()), id);
}

#[test]
fn only_tickets_refuses_what_is_in_its_cookie() {
    let clock = Clock::new();
    let store = Scripted::new(&clock);
    let before = Site::with(&clock, |builder| builder);
    let site = Site::with(&clock, |builder| {
        builder.store(store.clone()).only_tickets()
    });
    let browser = logged_in(&before, "ada");
    assert_eq!(browser.user(&site), None);
    assert_eq!(refusals(&site), [Refusal::NotATicket]);
    assert_eq!(store.calls(), [""; 0]);
}

/// No cookie opens by itself any more, so an end need not be remembered until the last one would have expired.
#[test]
fn once_only_tickets_open_an_end_is_remembered_for_a_minute() {
    let (clock, store, before, site) = moving(Place::Store);
    let last = Site::with(&clock, |builder| {
        builder.store(store.clone()).only_tickets()
    });
    let mut browser = logged_in(&before, "ada");
    browser.send(&site, |session| session.insert("cart", 7).unwrap());
    browser.send(&last, |session| session.destroy().unwrap());
    clock.pass(MINUTE - 1);
    assert_eq!(ready(store.sweep(9)).unwrap(), 0);
    clock.pass(1);
    assert_eq!(ready(store.sweep(9)).unwrap(), 1);
}

#[test]
fn a_site_without_a_store_leaves_a_ticket_alone() {
    let (site, store) = site();
    let browser = visitor(&site, &store, "ada");
    let before = Site::with(&site.clock, |builder| builder);
    assert_eq!(browser.user(&before), None);
    assert_eq!(refusals(&before), [Refusal::UnknownLayout]);
    assert!(browser.names().contains(&NAME));
}

#[test]
fn a_renewal_says_so() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    site.clock.pass(5 * MINUTE);
    browser.send(&site, |session| drop(user(session)));
    let saved = |event: &Event| match event {
        Event::Saved { reason, .. } => Some(*reason),
        _ => None,
    };
    let reasons: Vec<SaveReason> = site.events().iter().filter_map(saved).collect();
    assert_eq!(reasons, [SaveReason::Renewed]);
}

// Owners.

/// Somebody who has logged in on one device, and is listed.
fn device(site: &Site, name: &str) -> Browser {
    let mut browser = Browser::default();
    browser.send(site, |session| {
        session.regenerate_for_login().unwrap();
        session.set_subject(Some("user-7")).unwrap();
        session.describe(name).unwrap();
        session.insert("user", name).unwrap();
    });
    browser
}

fn names(site: &Site) -> Vec<String> {
    let listed = ready(site.sessions.list("user-7")).unwrap();
    let mut names: Vec<String> = listed.into_iter().map(|one| one.description).collect();
    names.sort();
    names
}

#[test]
fn a_login_of_a_subject_is_listed_though_it_holds_nothing_else() {
    let (site, _) = site();
    let mut phone = Browser::default();
    phone.send(&site, |session| {
        session.regenerate_for_login().unwrap();
        session.set_subject(Some("user-7")).unwrap();
        session.describe("phone").unwrap();
    });
    assert_eq!(names(&site), ["phone"]);
    // Without a subject, nobody would miss it.
    let mut robot = Browser::default();
    robot.send(&site, |session| {
        session.set_subject(Some("user-7")).unwrap();
        session.set_subject(None).unwrap();
    });
    assert_eq!(robot.header(), "");
}

#[test]
fn the_sessions_of_a_person_are_listed_under_whatever_id() {
    let (site, _) = site();
    let mut phone = device(&site, "phone");
    let mut laptop = device(&site, "laptop");
    assert_eq!(names(&site), ["laptop", "phone"]);
    phone.send(&site, |session| session.regenerate().unwrap());
    phone.send(&site, |session| session.insert("cart", 7).unwrap());
    assert_eq!(names(&site), ["laptop", "phone"]);
    laptop.send(&site, |session| session.describe("old laptop").unwrap());
    assert_eq!(names(&site), ["old laptop", "phone"]);
    let id = phone.peek(&site, |session| session.id().unwrap());
    let listed = ready(site.sessions.list("user-7")).unwrap();
    assert!(
        listed
            .iter()
            .any(|one| one.id == id && one.description == "phone")
    );
    laptop.send(&site, |session| session.destroy().unwrap());
    assert_eq!(names(&site), ["phone"]);
    phone.send(&site, |session| session.set_subject(None).unwrap());
    assert!(names(&site).is_empty());
    assert_eq!(phone.user(&site).as_deref(), Some("phone"));
}

/// The list has as many sessions as it may have, and a new id adds none.
#[test]
fn a_new_id_among_a_thousand_sessions_ends_none_of_them() {
    let (site, _) = site();
    let mut devices: Vec<Browser> = (0..1_000).map(|_| device(&site, "phone")).collect();
    devices[999].send(&site, |session| session.regenerate().unwrap());
    assert_eq!(names(&site).len(), 1_000);
    assert!(devices.iter().all(|device| device.user(&site).is_some()));
}

/// The device that one has just logged in with comes first, where one looks for it.
#[test]
fn the_list_of_a_person_begins_with_the_newest_login() {
    let (site, _) = site();
    for name in ["phone", "laptop", "tablet"] {
        device(&site, name);
        site.clock.pass(1);
    }
    let listed = ready(site.sessions.list("user-7")).unwrap();
    let names: Vec<_> = listed.iter().map(|one| &*one.description).collect();
    assert_eq!(names, ["tablet", "laptop", "phone"]);
}

/// An engine with an index apart keeps the entry under the old key until that ends.
#[test]
fn a_rotated_key_lists_nobody_twice() {
    let clock = Clock::new();
    let store = Scripted::new(&clock).with_an_index_apart();
    let site = Site::with(&clock, |builder| builder.store(store.clone()));
    let mut phone = device(&site, "phone");
    let ring = Keyring::new(key(2));
    let ring = ring.accept_retired(key(1), clock.now()).unwrap();
    site.sessions.set_keyring(ring);
    phone.send(&site, |session| drop(user(session)));
    assert_eq!(names(&site), ["phone"]);
    assert_eq!(ready(site.sessions.end_all("user-7")).unwrap(), 1);
    assert_eq!(names(&site), [""; 0]);
}

/// The lists of people who log in and out each day would grow without end.
#[test]
fn a_session_that_ends_leaves_the_index_of_an_engine_that_keeps_one() {
    let clock = Clock::new();
    let store = Scripted::new(&clock).with_an_index_apart();
    let site = Site::with(&clock, |builder| builder.store(store.clone()));
    let mut phone = device(&site, "phone");
    assert_eq!(store.indexed(), 1);
    phone.send(&site, |session| session.destroy().unwrap());
    assert_eq!(store.indexed(), 0, "a logout");
    device(&site, "laptop");
    assert_eq!(ready(site.sessions.end_all("user-7")).unwrap(), 1);
    assert_eq!(store.indexed(), 0, "an end of all");
}

/// Nobody's list shows another person's session, and "log out everywhere" ends none.
#[test]
fn a_login_leaves_the_list_of_the_person_before() {
    let (site, _) = site();
    let mut browser = device(&site, "phone");
    browser.send(&site, |session| {
        session.regenerate_for_login().unwrap();
        session.insert("user", "bob").unwrap();
    });
    assert!(names(&site).is_empty());
    assert_eq!(ready(site.sessions.end_all("user-7")).unwrap(), 0);
    let request = site.request(&browser.header());
    assert_eq!(ready(request.end_others()), Ok(0));
    assert_eq!(browser.user(&site).as_deref(), Some("bob"));
}

/// In this order the id is new twice, and the subject is of this request.
#[test]
fn a_subject_that_is_set_before_the_login_counts() {
    let (site, _) = site();
    let mut browser = device(&site, "phone");
    browser.send(&site, |session| {
        session.set_subject(Some("user-7")).unwrap();
        session.describe("tablet").unwrap();
        session.regenerate_for_login().unwrap();
    });
    assert_eq!(names(&site), ["tablet"]);
    browser.send(&site, |session| {
        session.set_subject(Some("user-7")).unwrap();
        session.discard_changes().unwrap();
        session.regenerate_for_login().unwrap();
    });
    assert!(names(&site).is_empty());
}

/// The same person keeps the name of the device.
#[test]
fn a_second_login_of_one_person_stays_in_the_list() {
    let (site, _) = site();
    let mut browser = device(&site, "phone");
    browser.send(&site, |session| {
        session.regenerate_for_login().unwrap();
        session.set_subject(Some("user-7")).unwrap();
    });
    assert_eq!(names(&site), ["phone"]);
}

#[test]
fn a_save_leaves_the_list_alone() {
    let (site, store) = site();
    let mut phone = device(&site, "phone");
    store.calls();
    phone.send(&site, |session| session.insert("cart", 7).unwrap());
    assert_eq!(store.calls(), ["load", "put"]);
    let listed = format!("{:?}", ready(site.sessions.list("user-7")).unwrap());
    assert!(listed.starts_with("[Listed { id: "), "{listed}");
    assert!(!listed.contains("phone"), "{listed}");
}

#[test]
fn a_description_counts_although_nothing_else_than_a_renewal_is_due() {
    let (site, _) = site();
    let mut browser = device(&site, "laptop");
    site.clock.pass(10 * MINUTE);
    browser.send(&site, |session| {
        session.describe("laptop, at home").unwrap()
    });
    assert_eq!(names(&site), ["laptop, at home"]);
}

#[test]
fn a_rotated_key_loses_nobody_in_the_list() {
    let (site, _) = site();
    let mut phone = device(&site, "phone");
    let ring = Keyring::new(key(2));
    let ring = ring.accept_retired(key(1), site.clock.now()).unwrap();
    site.sessions.set_keyring(ring);
    assert_eq!(names(&site), ["phone"]);
    phone.send(&site, |session| drop(user(session)));
    site.sessions.set_keyring(self::ring(2));
    assert_eq!(names(&site), ["phone"]);
}

#[test]
fn one_session_or_all_of_a_person_end_from_elsewhere() {
    let (site, store) = site();
    let [mut phone, laptop, tablet] = ["phone", "laptop", "tablet"].map(|name| device(&site, name));
    let elsewhere = Site::with(&site.clock, |builder| builder.store(store.clone()));
    let id = phone.peek(&site, |session| session.id().unwrap());
    assert!(ready(elsewhere.sessions.is_live(id)).unwrap());
    // A request that is under way brings nothing back, under no id.
    let slow = site.request(&phone.header());
    slow.regenerate().unwrap();
    ready(elsewhere.sessions.end_session(id)).unwrap();
    assert!(finish(&slow).set_cookie.is_empty());
    assert!(!ready(elsewhere.sessions.is_live(id)).unwrap());
    assert_eq!(phone.user(&site), None);
    assert_eq!(names(&site), ["laptop", "tablet"]);
    // A visitor whose session an administrator has ended can begin another one. Not at once: perhaps they ended it
    // themselves, by a new password, and log in while another page loads.
    for begins in [false, true] {
        phone.send(&site, |session| session.insert("user", "guest").unwrap());
        assert_eq!(phone.user(&site).is_some(), begins);
        site.clock.pass(2 * MINUTE);
    }
    let request = site.request(&laptop.header());
    assert_eq!(ready(request.end_others()), Ok(1));
    assert_eq!(tablet.user(&site), None);
    assert_eq!(laptop.user(&site).as_deref(), Some("laptop"));
    assert_eq!(ready(elsewhere.sessions.end_all("user-7")).unwrap(), 1);
    assert_eq!(laptop.user(&site), None);
    assert!(names(&site).is_empty());
}

/// The person reads the list for a while before they press the button.
#[test]
fn an_end_follows_a_session_that_got_another_id_since_the_list_was_shown() {
    let (site, _) = site();
    let mut phone = device(&site, "phone");
    let id = phone.peek(&site, |session| session.id().unwrap());
    phone.send(&site, |session| session.regenerate().unwrap());
    ready(site.sessions.end_session(id)).unwrap();
    assert_eq!(phone.user(&site), None);
}

#[test]
fn an_end_of_all_follows_a_session_into_its_next_id() {
    let (site, store) = site();
    for gap in 0..6 {
        let phone = device(&site, "phone");
        store.give_way();
        let (header, sessions) = (phone.header(), site.sessions.clone());
        let mut reply = None;
        let mut steps = Steps::default();
        steps.add(async {
            let request = Request::load(&sessions, &header).await;
            request.regenerate().unwrap();
            reply = Some(request.commit().await);
        });
        steps.add(async { assert!(sessions.end_all("user-7").await.is_ok()) });
        for _ in 0..gap {
            if steps.running() == 2 {
                steps.step(0);
            }
        }
        steps.end(1);
        steps.end(0);
        drop(steps);
        let mut phone = phone.clone();
        phone.take(&reply.unwrap());
        store.stand();
        assert_eq!(phone.user(&site), None, "{gap}");
    }
}

/// A thief asks for new ids while the server of the site is busy with others, more than one end follows.
#[test]
fn an_end_of_all_looks_again_for_a_session_that_outran_it() {
    let (site, store) = site();
    for renames in [63, 64, 65, 200] {
        let mut thief = device(&site, "phone");
        store.give_way();
        let mut ended = None;
        let mut steps = Steps::default();
        steps.add(async { ended = Some(site.sessions.end_all("user-7").await) });
        steps.step(0);
        store.stand();
        for _ in 0..renames {
            thief.send(&site, |session| session.regenerate().unwrap());
        }
        steps.end(0);
        drop(steps);
        assert_eq!(ended.unwrap().unwrap(), 1);
        assert_eq!(thief.user(&site), None, "{renames}");
    }
}

/// The administrator has to know.
#[test]
fn an_end_of_all_that_is_outrun_each_time_is_an_error() {
    let (site, store) = site();
    let mut thief = device(&site, "phone");
    let mut ended = None;
    let mut steps = Steps::default();
    steps.add(async { ended = Some(site.sessions.end_all("user-7").await) });
    while steps.running() == 1 {
        store.give_way();
        steps.step(0);
        store.stand();
        for _ in 0..2 {
            thief.send(&site, |session| session.regenerate().unwrap());
        }
    }
    drop(steps);
    assert!(ended.unwrap().is_err());
    assert_eq!(thief.user(&site).as_deref(), Some("phone"));
}

/// A thief could outrun a logout as long as they go on. What is left of it must not begin anew.
#[test]
fn a_logout_that_is_outrun_goes_on_where_it_stopped() {
    let (site, store) = site();
    let mut phone = device(&site, "phone");
    let logout = site.request(&phone.header());
    logout.destroy().unwrap();
    let elsewhere = Site::with(&site.clock, |builder| builder.store(store.clone()));
    for _ in 0..150 {
        phone.send(&elsewhere, |session| session.regenerate().unwrap());
    }
    assert_eq!(finish(&logout).failed, Some(SaveError::Store));
    // 64 ids are behind, and each request of others goes through a few.
    let mut requests = 0;
    while phone.user(&elsewhere).is_some() {
        site.request(&visitor(&site, &store, "ada").header());
        requests += 1;
    }
    assert_eq!(requests, (150 - 64_u32).div_ceil(8 + 1));
}

/// An attacker who logs in again and again could hold up the request of the person who ends all.
#[test]
fn an_end_of_all_ends_although_somebody_logs_in_after_each_of_its_looks() {
    let (site, store) = site();
    store.give_way();
    let mut ended = None;
    let mut steps = Steps::default();
    steps.add(async { ended = Some(site.sessions.end_all("user-7").await) });
    steps.step(0);
    for round in 0..8 {
        let mut login = Steps::default();
        login.add(async {
            let request = Request::load(&site.sessions, "").await;
            request.regenerate_for_login().unwrap();
            request.set_subject(Some("user-7")).unwrap();
            request.insert("user", "mallory").unwrap();
            assert_eq!(request.commit().await.failed, None);
        });
        login.end(0);
        assert_eq!(steps.running(), 1, "{round}");
        // It lists the sessions, and ends the new one.
        steps.step(0);
        steps.step(0);
    }
    assert_eq!(steps.running(), 0);
    drop(steps);
    assert_eq!(ended.unwrap().unwrap(), 8);
}

#[test]
fn who_is_not_listed_is_told_so() {
    let site = Site::new();
    let request = site.request("");
    let error = request.set_subject(Some("user-7")).unwrap_err();
    assert!(matches!(&error, SessionError::Unstorable { key, .. } if key == "the subject"));
    let (site, _) = self::site();
    let request = site.request("");
    for subject in [String::new(), "#".repeat(256)] {
        assert!(request.set_subject(Some(&subject)).is_err());
    }
    assert!(request.describe(&"#".repeat(256)).is_err());
    assert_eq!(ready(request.end_others()), Ok(0));
}

#[test]
fn who_cannot_be_listed_is_told_so_at_the_first_call() {
    let clock = Clock::new();
    let store = Scripted::new(&clock).without_lists();
    let site = Site::with(&clock, |builder| builder.store(store.clone()));
    let (mut browser, mut refused) = (Browser::default(), Vec::new());
    let (_, reply) = browser.visit(&site, |session| {
        session.regenerate_for_login().unwrap();
        refused.push(session.set_subject(Some("user-7")).unwrap_err());
        refused.push(session.describe("phone").unwrap_err());
        session.insert("user", "ada").unwrap();
    });
    for error in refused {
        assert!(
            error.to_string().contains("keeps lists of owners"),
            "{error}"
        );
        assert_eq!(error.status(), 500, "a mistake of the site, and no outage");
    }
    assert_eq!(reply.failed, None);
    // Nobody has a subject that no list knows.
    assert_eq!(store.calls(), ["put"]);
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
    let unsupported = ready(site.sessions.end_all("user-7")).unwrap_err();
    assert_eq!(unsupported.kind(), StoreErrorKind::Unsupported);
    let unsupported = ready(site.sessions.list("user-7")).unwrap_err();
    assert_eq!(unsupported.kind(), StoreErrorKind::Unsupported);
}

/// The site has changed its engine, and people who were listed stay logged in.
#[test]
fn a_listed_session_goes_on_in_a_store_without_lists() {
    let (site, store) = site();
    let mut phone = device(&site, "phone");
    let unlisted = Site::with(&site.clock, |builder| {
        builder.store(store.clone().without_lists())
    });
    let (_, reply) = phone.visit(&unlisted, |session| session.regenerate().unwrap());
    assert_eq!(reply.failed, None);
    assert_eq!(phone.user(&unlisted).as_deref(), Some("phone"));
}

#[test]
fn an_end_of_all_leaves_a_session_that_is_in_its_cookie() {
    let (_, store, _, site) = moving(Place::Cookie);
    let back = device(&site, "phone");
    assert!(store.calls().is_empty(), "in the cookie, so in no list");
    let stored = Site::with(&site.clock, |builder| builder.store(store.clone()));
    assert_eq!(ready(stored.sessions.end_all("user-7")).unwrap(), 0);
    assert_eq!(back.user(&stored).as_deref(), Some("phone"));
    // The last step of the move ends what is left.
    let last = Site::with(&site.clock, |builder| {
        builder.store(store.clone()).only_tickets()
    });
    assert_eq!(back.user(&last), None);
}

#[test]
fn a_login_ends_the_idle_tickets_of_its_browser() {
    let (site, store) = site_with(|builder| builder.cookie_name("session"));
    let idle = visitor(&site, &store, "ada");
    site.clock.pass(31 * MINUTE);
    idle.clone().send(&site, |session| {
        session.regenerate_for_login().unwrap();
        session.insert("user", "ada").unwrap();
    });
    // A copy may have been kept warm.
    assert_eq!(store.calls(), ["put", "end"]);
}

#[test]
fn a_renamed_cookie_leads_to_the_same_record() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    let renamed = renamed(&site.clock, &store);
    assert_eq!(browser.user(&renamed).as_deref(), Some("ada"));
    browser.send(&renamed, |session| session.insert("cart", 7).unwrap());
    assert_eq!(browser.names(), ["__Host-id"]);
    let moved = |event: &Event| matches!(event, Event::Moved { .. });
    assert!(renamed.events().iter().any(moved));
    assert_eq!(browser.user(&renamed).as_deref(), Some("ada"));
    let (_, reply) = browser.visit(&renamed, |session| session.insert("cart", 8).unwrap());
    assert!(reply.set_cookie.is_empty());
    browser.send(&renamed, |session| session.destroy().unwrap());
    assert!(browser.names().is_empty());

    // A renewal moves it too, and writes nothing.
    let mut reader = visitor(&site, &store, "bob");
    renamed.events();
    site.clock.pass(5 * MINUTE);
    reader.send(&renamed, |session| assert!(user(session).is_some()));
    assert_eq!(reader.names(), ["__Host-id"]);
    assert_eq!(renamed.events().iter().filter(|it| moved(it)).count(), 1);
    site.clock.pass(5 * MINUTE);
    reader.send(&renamed, |session| assert!(user(session).is_some()));
    assert!(!renamed.events().iter().any(moved));
}

#[test]
fn a_key_that_goes_during_a_request_is_not_left_in_the_ticket() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    browser.send(&site, |session| {
        session.insert("cart", 7).unwrap();
        site.sessions.set_keyring(ring(3));
    });
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
}

#[test]
fn a_session_that_is_only_taken_is_neither_told_nor_renewed() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    site.clock.pass(5 * MINUTE);
    let (_, reply) = browser.visit(&site, |_| ());
    assert_eq!((reply, site.events()), (Reply::default(), vec![]));
}

/// One node of several is silent, and a logout on it is pending. Pages of the other nodes must not wait for it each time.
#[test]
fn a_pending_end_that_is_not_answered_is_not_tried_by_every_request() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    let other = visitor(&site, &store, "bob");
    // Each of the two calls takes two seconds.
    let hangs = Some(Fault::Hangs);
    store.fail(&[None, hangs, hangs]);
    browser.send(&site, |session| session.destroy().unwrap());
    let page = |faults: &[Option<Fault>]| {
        store.calls();
        store.fail(faults);
        assert_eq!(other.user(&site).as_deref(), Some("bob"));
        store.calls().len()
    };
    for _ in 0..3 {
        assert_eq!(page(&[None, hangs, hangs]), 3);
        assert_eq!(page(&[]), 1);
        site.clock.pass(1);
        assert_eq!(page(&[]), 1);
        site.clock.pass(1);
    }
    // It answers, and the next end waits for nothing.
    assert_eq!(page(&[]), 2);
    let mut browser = visitor(&site, &store, "ada");
    store.fail(&[None, Some(Fault::Before), Some(Fault::Before)]);
    browser.send(&site, |session| session.destroy().unwrap());
    assert_eq!(page(&[]), 2);
    assert_eq!(page(&[]), 1);
}

/// Pages that come at once, or whose visitors leave, do not each take one along.
#[test]
fn one_request_at_a_time_takes_a_pending_end_along() {
    let (site, store) = site();
    let other = visitor(&site, &store, "bob");
    let silent = Some(Fault::Silent);
    for n in 0..4 {
        let mut browser = person(&site, &format!("person {n}"));
        store.fail(&[None, silent, silent]);
        browser.send(&site, |session| session.destroy().unwrap());
        store.stand();
    }
    site.clock.pass(2);
    let header = other.header();
    store.give_way();
    let mut pages = Steps::default();
    for _ in 0..4 {
        let (sessions, header) = (&site.sessions, &header);
        pages.add(async move {
            drop(Request::load(sessions, header).await);
        });
    }
    for nth in 0..4 {
        pages.step(nth);
    }
    for nth in (0..4).rev() {
        pages.step(nth);
    }
    assert_eq!(pages.running(), 1);
    store.calls();
    drop(pages);
    store.stand();
    // Its turn is over after five seconds.
    for (pause, calls) in [(0, 1), (4, 1), (1, 2)] {
        site.clock.pass(pause);
        assert_eq!(other.user(&site).as_deref(), Some("bob"));
        assert_eq!(store.calls().len(), calls, "{pause}");
    }
}

/// It equals what the store has, so there is nothing to save.
#[test]
fn a_write_that_a_removal_has_beaten_is_told() {
    let (site, store) = site();
    let mut browser = visitor(&site, &store, "ada");
    browser.send(&site, |session| session.insert("wares", 1).unwrap());
    let late = site.request(&browser.header());
    late.insert("wares", 2).unwrap();
    browser.send(&site, |session| drop(session.remove("wares")));
    site.events();
    assert_eq!(finish(&late).failed, None);
    let lost = |event: &Event| matches!(event, Event::Conflict { lost: Lost::Key(key), .. } if key == "wares");
    assert!(site.events().iter().any(lost));
}

/// A layer outside waits for less than the store's deadline, or the client does.
#[test]
fn a_store_that_is_silent_when_the_request_is_dropped_is_told() {
    let (site, store) = site();
    let browser = visitor(&site, &store, "ada");
    let header = browser.header();
    let head = || RequestHead {
        method: "GET",
        path: "/",
        authority: None,
        headers: [("cookie", header.as_str())],
    };
    let exchange = Exchange::begin(&site.sessions);
    let session = ready(exchange.session(head()));
    session.insert("cart", 7).unwrap();
    let commit = exchange.commit(exchange.close());
    store.give_way();
    let load = Exchange::begin(&site.sessions).session(head());
    let told = |seconds, future: &mut dyn FnMut()| {
        site.events();
        site.clock.pass(seconds);
        future();
        let events = site.events();
        let silent = |event: &&Event| {
            let timeout = StoreErrorKind::Timeout;
            matches!(event, Event::StoreFailed { kind, .. } if *kind == timeout)
        };
        events.iter().filter(silent).count()
    };
    let mut context = Context::from_waker(Waker::noop());
    let (mut load, mut commit) = (Some(Box::pin(load)), Some(Box::pin(commit)));
    assert!(
        load.as_mut()
            .unwrap()
            .as_mut()
            .poll(&mut context)
            .is_pending()
    );
    assert_eq!(told(1, &mut || drop(load.take())), 1);
    assert!(
        commit
            .as_mut()
            .unwrap()
            .as_mut()
            .poll(&mut context)
            .is_pending()
    );
    assert_eq!(told(1, &mut || drop(commit.take())), 1);
    let at_once = Exchange::begin(&site.sessions).session(head());
    let mut at_once = Some(Box::pin(at_once));
    assert!(
        at_once
            .as_mut()
            .unwrap()
            .as_mut()
            .poll(&mut context)
            .is_pending()
    );
    assert_eq!(told(0, &mut || drop(at_once.take())), 0);

    // What came is not owed, however late.
    store.stand();
    store.fail(&[Some(Fault::Hangs)]);
    let late = Exchange::begin(&site.sessions);
    assert_eq!(told(0, &mut || drop(ready(late.session(head())))), 1);
}
