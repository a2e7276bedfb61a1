//! What somebody who plants, floods, hangs up or rotates at a bad moment does to sessions in a store.

use crate::kit::{
    clock::{Clock, DAY, HOUR, MINUTE, T0, at},
    exchange::ready,
    keys::{key, ring},
    site::{Browser, Site, finish, logged_in},
    store::{Fault, Scripted, Steps},
    stored::{instances, person, site_with},
};
use hardtack::{
    Keyring,
    session::{
        Event, FormerCookie, Place, SaveError, Session, SessionData, SessionError,
        SessionManagerBuilder,
    },
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

fn log_in(session: &Session, user: &str) {
    session.regenerate_for_login().unwrap();
    session.insert("user", user).unwrap();
}

fn both(n: u8, other: u8) -> Keyring {
    Keyring::new(key(n)).accept(key(other)).unwrap()
}

/// The attacker's tickets are newer than the victim's, and there are as many of them as the store is asked for.
#[test]
fn planted_tickets_do_not_crowd_out_the_victims() {
    // An instance has to ask the store to learn of an end at the other.
    let ([site, elsewhere], _) = instances(|builder| builder.cookie_name("session"));
    let victim = person(&site, "ada");
    site.clock.pass(5);
    let mut attacker = person(&site, "mallory");
    let mut ended = person(&site, "mallory");
    let over = ended.clone();
    ended.send(&elsewhere, |session| session.destroy().unwrap());
    site.clock.pass(5);
    let earlier = attacker.clone();
    attacker.send(&site, |session| session.touch().unwrap());
    assert_ne!(earlier, attacker);
    for planted in [
        // The same session twice.
        [&earlier, &attacker],
        // One that counts, and one that is over.
        [&attacker, &over],
    ] {
        let [one, two] = planted.map(|browser| browser.header());
        for header in [
            format!("{one}; {two}; {}", victim.header()),
            format!("{}; {two}; {one}", victim.header()),
        ] {
            let request = site.request(&header);
            assert_eq!(request.get::<String>("user"), Ok(None));
            assert_eq!(request.insert("note", 7), Err(SessionError::Rivals));
            let told = |event: &Event| matches!(event, Event::Rivals { .. });
            assert!(site.events().iter().any(told));
            finish(&request);
        }
    }
}

/// The old key goes when `key_use` says that it opens nothing any more, and not by the calendar.
#[test]
fn a_key_that_went_hides_nobody_from_an_end_of_all() {
    let (site, _) = site_with(|builder| builder);
    let mut phone = person(&site, "ada");
    site.sessions.set_keyring(both(2, 1));
    phone.send(&site, |session| session.insert("cart", 7).unwrap());
    site.clock.pass(5 * MINUTE);
    phone.send(&site, |session| drop(session.get::<u32>("cart")));
    site.sessions.set_keyring(ring(2));
    assert_eq!(phone.user(&site).as_deref(), Some("ada"));
    assert_eq!(ready(site.sessions.list("ada")).unwrap().len(), 1);
    assert_eq!(ready(site.sessions.end_all("ada")).unwrap(), 1);
    assert_eq!(phone.user(&site), None);
}

/// The ticket is under the new key, and its record still under the old one.
#[test]
fn a_key_that_opens_records_is_in_use() {
    let (site, _) = site_with(|builder| builder);
    let mut phone = person(&site, "ada");
    site.sessions.set_keyring(both(2, 1));
    site.clock.pass(5 * MINUTE);
    phone.send(&site, |session| drop(session.get::<u32>("cart")));
    let opened = || {
        let uses = site.sessions.key_use();
        uses.iter().map(|one| one.opened).collect::<Vec<_>>()
    };
    assert_eq!(opened(), [0, 1]);
    phone.send(&site, |session| drop(session.get::<u32>("cart")));
    assert_eq!(opened(), [1, 2]);
}

/// A client that hangs up while the server waits for the store: the framework drops the response.
#[test]
fn a_logout_whose_client_hangs_up_ends_the_session_all_the_same() {
    let (site, store) = site_with(|builder| builder);
    let browser = person(&site, "ada");
    let request = site.request(&browser.header());
    request.destroy().unwrap();
    store.give_way();
    let mut steps = Steps::default();
    steps.add(async { drop(request.commit().await) });
    steps.step(0);
    assert_eq!(steps.running(), 1, "it waits for the store");
    drop(steps);
    store.stand();
    // The next request that the store answers takes the end along.
    let _ = person(&site, "bob").user(&site);
    let elsewhere = Site::with(&site.clock, |builder| builder.store(store.clone()));
    assert_eq!(browser.user(&elsewhere), None);
}

/// The same before there is a response, or a panic that takes the connection along.
#[test]
fn a_logout_without_a_response_ends_the_session_all_the_same() {
    let (site, store) = site_with(|builder| builder);
    let browser = person(&site, "ada");
    let request = site.request(&browser.header());
    request.destroy().unwrap();
    drop(request);
    assert!(!store.calls().contains(&"end"));
    let _ = person(&site, "bob").user(&site);
    let elsewhere = Site::with(&site.clock, |builder| builder.store(store.clone()));
    assert_eq!(browser.user(&elsewhere), None);
}

/// Somebody who has logged in, and the challenge with which the site offers to bind the session.
#[cfg(feature = "unstable-device-bound")]
fn offered(site: &Site) -> (Browser, String) {
    use hardtack::session::HeaderEdit;

    let mut browser = Browser::default();
    let request = site.request("");
    log_in(&request, "ada");
    let mut challenge = None;
    for edit in request.edits(&[], &[]) {
        match edit {
            HeaderEdit::Append("set-cookie", line) => browser.jar.store(&line),
            HeaderEdit::Append("secure-session-registration", offer) => {
                challenge = offer.split('"').nth(3).map(String::from);
            }
            _ => {}
        }
    }
    (browser, challenge.unwrap())
}

/// A page of the session ends it while the browser registers the key of its device.
#[cfg(feature = "unstable-device-bound")]
#[test]
fn a_registration_of_a_session_that_ended_meanwhile_is_refused() {
    use crate::kit::device::Device;
    use hardtack::session::{DeviceBound, Exchange, RequestHead};

    let (site, store) = site_with(|builder| builder.device_bound(DeviceBound::default()));
    let (browser, challenge) = offered(&site);
    let proof = Device::new(1).register(&challenge);
    let cookies = browser.header();
    let exchange = Exchange::begin(&site.sessions);
    let registration = exchange.endpoint(&RequestHead {
        method: "POST",
        path: "/.hardtack/device/session",
        authority: None,
        headers: [("cookie", &cookies), ("secure-session-response", &proof)],
    });
    let mut edits = None;
    site.events();
    store.give_way();
    let mut steps = Steps::default();
    steps.add(async { edits = Some(registration.unwrap().await) });
    steps.step(0);
    steps.step(0);
    let elsewhere = Site::with(&site.clock, |builder| {
        builder
            .store(store.clone())
            .device_bound(DeviceBound::default())
    });
    store.stand();
    let mut other_tab = browser.clone();
    other_tab.send(&elsewhere, |session| session.destroy().unwrap());
    steps.end(0);
    drop(steps);
    let edits = edits.unwrap();
    assert_eq!(edits.status(), Some(400));
    assert_eq!(edits.into_iter().count(), 2, "vary and cache-control");
    let bound = |event: &Event| matches!(event, Event::DeviceBound { .. });
    assert!(!site.events().iter().any(bound));
}

/// An operator of the store enters the sessions of others into their own list.
#[test]
fn nobody_reads_the_descriptions_of_others_in_their_own_list() {
    use hardtack::store::{
        End, Found, MemoryStore, Owned, OwnerKey, Put, RecordKey, Store, StoreError, Swap,
    };
    use std::sync::{Arc, Mutex};

    /// Lists everybody's sessions to everybody.
    #[derive(Clone)]
    struct Mixed(MemoryStore, Arc<Mutex<Vec<OwnerKey>>>);

    impl Store for Mixed {
        async fn load(&self, key: &RecordKey, keep: Option<Duration>) -> Result<Found, StoreError> {
            self.0.load(key, keep).await
        }

        async fn put(&self, put: Put<'_>) -> Result<Swap, StoreError> {
            self.1
                .lock()
                .unwrap()
                .extend(put.owner.map(|owner| *owner.key));
            self.0.put(put).await
        }

        async fn end(&self, end: End<'_>) -> Result<Swap, StoreError> {
            self.0.end(end).await
        }

        fn lists_owners(&self) -> bool {
            true
        }

        async fn owned(&self, _: &OwnerKey) -> Result<Vec<Owned>, StoreError> {
            let owners = self.1.lock().unwrap().clone();
            let mut all = Vec::new();
            for owner in owners {
                all.extend(self.0.owned(&owner).await?);
            }
            Ok(all)
        }

        async fn check(&self) -> Result<(), StoreError> {
            Ok(())
        }

        fn max_record_bytes(&self) -> usize {
            self.0.max_record_bytes()
        }
    }

    let store = Mixed(MemoryStore::new(1 << 20), Arc::default());
    let site = Site::with(&Clock::new(), |builder| builder.store(store));
    for user in ["ada", "mallory"] {
        Browser::default().send(&site, |session| {
            session.regenerate_for_login().unwrap();
            session.set_subject(Some(user)).unwrap();
            session.describe(&format!("the phone of {user}")).unwrap();
            session.insert("user", user).unwrap();
        });
    }
    let listed = ready(site.sessions.list("mallory")).unwrap();
    let listed: Vec<&str> = listed.iter().map(|one| &*one.description).collect();
    assert_eq!(listed, ["the phone of mallory"]);
}

/// The record of a shortened session is soon gone from the store, and the cookie of before is not.
#[test]
fn a_session_that_moved_and_was_shortened_does_not_come_back_in_its_old_cookie() {
    for shorten in [
        (|session: &Session| session.expire_in(Duration::from_secs(60)).unwrap()) as fn(&Session),
        |session| session.remember(false).unwrap(),
    ] {
        let clock = Clock::new();
        let before = Site::with(&clock, |builder| builder);
        let mut browser = Browser::default();
        browser.send(&before, |session| {
            session.regenerate_for_login().unwrap();
            session.remember(true).unwrap();
            session.insert("user", "ada").unwrap();
        });
        let old = browser.clone();
        let store = Scripted::new(&clock);
        let site = Site::with(&clock, |builder| builder.store(store.clone()));
        browser.send(&site, shorten);
        clock.pass(2 * HOUR);
        assert_eq!(browser.user(&site), None);
        assert_eq!(old.user(&site), None);
    }
}

/// The thief kept a copy of it warm while its visitor was away, before the site had a store.
#[test]
fn the_end_of_an_idle_cookie_is_remembered_as_long_as_its_copies_open() {
    let clock = Clock::new();
    let before = Site::with(&clock, |builder| builder);
    let mut browser = Browser::default();
    browser.send(&before, |session| {
        session.regenerate_for_login().unwrap();
        session.insert("user", "ada").unwrap();
    });
    let mut thief = browser.clone();
    clock.pass(20 * MINUTE);
    thief.send(&before, |session| session.touch().unwrap());
    clock.pass(11 * MINUTE);
    let store = Scripted::new(&clock);
    let site = Site::with(&clock, |builder| builder.store(store.clone()));
    browser.send(&site, |session| session.destroy().unwrap());
    clock.pass(5 * MINUTE);
    let elsewhere = Site::with(&clock, |builder| builder.store(store.clone()));
    assert_eq!(thief.user(&elsewhere), None);
}

/// They are newer than the victim's, and as many as the store is asked for: nobody knows whose session comes behind.
#[test]
fn two_planted_tickets_that_have_ended_do_not_crowd_out_the_victims() {
    let clock = Clock::new();
    let store = Scripted::new(&clock);
    let with = || {
        Site::with(&clock, |builder| {
            builder.store(store.clone()).cookie_name("session")
        })
    };
    let (site, elsewhere) = (with(), with());
    let mut victim = Browser::default();
    victim.send(&site, |session| log_in(session, "ada"));
    clock.pass(5);
    let dead: Vec<String> = (0..2)
        .map(|_| {
            let mut browser = Browser::default();
            browser.send(&elsewhere, |session| log_in(session, "mallory"));
            let header = browser.header();
            browser.send(&elsewhere, |session| session.destroy().unwrap());
            header
        })
        .collect();
    // Later the process has forgotten the ends.
    for pause in [0, 2 * MINUTE] {
        clock.pass(pause);
        site.events();
        let header = format!("{}; {}; {}", dead[0], dead[1], victim.header());
        let request = site.request(&header);
        assert_eq!(request.get::<String>("user"), Ok(None));
        assert_eq!(request.insert("note", 7), Err(SessionError::Rivals));
        let is_rivals = |event: &Event| matches!(event, Event::Rivals { .. });
        assert!(site.events().iter().any(is_rivals), "{pause}");
        // What was planted is removed.
        assert!(
            finish(&request)
                .set_cookie
                .iter()
                .all(|line| line.contains("Max-Age=0"))
        );
    }
}

/// A keyring that comes between the load and the first use.
#[test]
fn a_key_that_comes_during_a_request_opens_nothing_that_the_store_was_not_asked_for() {
    let clock = Clock::new();
    let store = Scripted::new(&clock);
    let before = Site::under(ring(2), &clock, |builder| builder);
    let mut browser = logged_in(&before, "ada");
    let copy = browser.clone();
    let full = Site::under(both(1, 2), &clock, |builder| builder.store(store.clone()));
    browser.send(&full, |session| session.destroy().unwrap());
    let behind = Site::under(ring(1), &clock, |builder| builder.store(store.clone()));
    let request = behind.request(&copy.header());
    behind.sessions.set_keyring(both(1, 2));
    assert_eq!(request.get::<String>("user"), Ok(None));
    drop(finish(&request));
    assert_eq!(copy.user(&behind), None, "it asks the store");
}

/// A logout, while a parallel request moves the session into the store under another id.
#[test]
fn a_logout_ends_what_a_parallel_request_moved_and_renamed() {
    let ([one, two, elsewhere], _) = instances(|builder| builder);
    let before = Site::with(&one.clock, |builder| builder);
    let mut browser = Browser::default();
    browser.send(&before, |session| log_in(session, "ada"));
    let renames = one.request(&browser.header());
    let logout = two.request(&browser.header());
    renames.regenerate().unwrap();
    logout.destroy().unwrap();
    let late = finish(&renames);
    let out = finish(&logout);
    assert_eq!(out.failed, None);
    browser.take(&out);
    assert_eq!(browser.user(&elsewhere), None);
    // The late response of the other tab.
    browser.take(&late);
    assert_eq!(
        browser.user(&elsewhere),
        None,
        "a late response brought it back"
    );
}

/// A logout of a session that is still in its cookie, while the store is full.
#[test]
fn an_end_that_a_full_store_does_not_remember_is_no_success() {
    let clock = Clock::new();
    let before = Site::with(&clock, |builder| builder);
    let store = Scripted::with_room(&clock, 80_000);
    let site = Site::with(&clock, |builder| {
        builder.store(store.clone()).max_record_bytes(60_000)
    });
    let mut browser = Browser::default();
    browser.send(&before, |session| log_in(session, "ada"));
    // Somebody fills the store.
    for size in [
        50_000, 20_000, 7_000, 2_000, 1_000, 500, 200, 100, 50, 20, 1,
    ] {
        for _ in 0..3 {
            Browser::default().send(&site, |session| {
                session.insert("note", "#".repeat(size)).unwrap();
            });
        }
    }
    let (_, reply) = browser.visit(&site, |session| session.destroy().unwrap());
    assert_eq!(reply.failed, Some(SaveError::Store));
}

/// Two keys are registered at once.
#[cfg(feature = "unstable-device-bound")]
#[test]
fn of_two_registrations_at_once_the_second_takes_no_key_away() {
    use crate::kit::device::Device;
    use hardtack::session::{DeviceBound, Exchange, HeaderEdit, RequestHead};

    let clock = Clock::new();
    let store = Scripted::new(&clock);
    let site = Site::with(&clock, |builder| {
        builder
            .store(store.clone())
            .device_bound(DeviceBound::default())
    });
    let (browser, challenge) = offered(&site);
    let cookies = browser.header();
    let proofs = [1, 2].map(|n| Device::new(n).register(&challenge));
    let answers = [(); 2].map(|()| std::cell::RefCell::new(None));
    store.give_way();
    let mut steps = Steps::default();
    for (proof, answer) in proofs.iter().zip(&answers) {
        let exchange = Exchange::begin(&site.sessions);
        let future = exchange
            .endpoint(&RequestHead {
                method: "POST",
                path: "/.hardtack/device/session",
                authority: None,
                headers: [("cookie", &cookies), ("secure-session-response", proof)],
            })
            .unwrap();
        steps.add(async move { *answer.borrow_mut() = Some(future.await) });
    }
    // Both have asked for the session, and wait.
    for nth in [0, 1, 0, 1] {
        steps.step(nth);
    }
    steps.end(0);
    steps.end(1);
    drop(steps);
    store.stand();
    let seen: Vec<_> = answers
        .into_iter()
        .map(|answer| {
            let edits = answer.into_inner().unwrap();
            let status = edits.status();
            let mut owner = browser.clone();
            for edit in edits {
                if let HeaderEdit::Append("set-cookie", line) = edit {
                    owner.jar.store(&line);
                }
            }
            (status, owner)
        })
        .collect();
    let [(Some(200), owner), (Some(400), _)] = &seen[..] else {
        panic!("{seen:?}");
    };
    // With the device, two tabs write at once.
    let tabs = ["cart", "theme"].map(|key| (key, site.request(&owner.header())));
    for (key, tab) in &tabs {
        tab.insert(key, 7).unwrap();
    }
    for (_, tab) in &tabs {
        drop(finish(tab));
    }
    let request = site.request(&owner.header());
    assert_eq!(request.get::<String>("user"), Ok(Some("ada".into())));
    for (key, _) in tabs {
        assert_eq!(request.get(key), Ok(Some(7)), "{key}");
    }
}

/// The application refuses a login when its response is about to be saved.
#[cfg(feature = "unstable-device-bound")]
#[test]
fn a_login_that_the_store_skips_offers_no_binding() {
    use hardtack::session::{DeviceBound, HeaderEdit};
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    let clock = Clock::new();
    let store = Scripted::new(&clock);
    let allowed = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&allowed);
    let site = Site::with(&clock, |builder| {
        builder
            .store(store.clone())
            .device_bound(DeviceBound::default())
            .validate(move |_| asked.load(Ordering::Relaxed))
    });
    let elsewhere = Site::with(&clock, |builder| {
        builder
            .store(store.clone())
            .device_bound(DeviceBound::default())
    });
    let mut browser = Browser::default();
    browser.send(&elsewhere, |session| session.insert("cart", 7).unwrap());
    let login = site.request(&browser.header());
    log_in(&login, "ada");
    // Another tab writes, so the login meets another version, and by then the application refuses it.
    browser.send(&elsewhere, |session| session.insert("cart", 8).unwrap());
    let exchange_plan = login.close();
    allowed.store(false, Ordering::Relaxed);
    let reply = login.finish_closed_edits(exchange_plan);
    let offers = reply
        .into_iter()
        .filter(|edit| matches!(edit, HeaderEdit::Append(name, _) if *name != "set-cookie"))
        .count();
    assert_eq!(offers, 0);
}

/// The name of a former cookie may be another application's.
#[test]
fn a_former_cookie_is_removed_only_beside_an_authentic_one() {
    let clock = Clock::new();
    let store = Scripted::new(&clock);
    let under = |ring| Site::under(ring, &clock, |builder| builder.store(store.clone()));
    let (first, full) = (under(ring(1)), under(both(2, 1)));
    let site = Site::under(ring(1), &clock, |builder| {
        let sid = FormerCookie::new("sid").until(at(T0 + DAY));
        builder.store(store.clone()).former_cookie(sid)
    });
    let mut browser = person(&first, "ada");
    let ticket = browser.header();
    // The record is under a key now that the site does not know yet.
    browser.send(&full, |session| session.insert("cart", 7).unwrap());
    for (header, removed) in [("sid=another", false), (&ticket, true)] {
        let request = site.request(header);
        log_in(&request, "ada");
        let lines = finish(&request).set_cookie;
        let is_removed = lines.iter().any(|line| line.starts_with("sid=;"));
        assert_eq!(is_removed, removed, "{lines:?}");
    }
}

/// The login took longer than the session lived by the ticket that came with it, and another tab went on with it.
#[test]
fn a_slow_login_replaces_a_session_that_another_tab_has_prolonged() {
    let clock = Clock::new();
    let store = Scripted::new(&clock);
    let with = || {
        Site::with(&clock, |builder| {
            let idle = Duration::from_secs(10 * u64::from(MINUTE));
            builder.store(store.clone()).idle_timeout(idle)
        })
    };
    let (site, elsewhere) = (with(), with());
    let mut browser = person(&site, "ada");
    let login = site.request(&browser.header());
    log_in(&login, "grace");
    clock.pass(6 * MINUTE);
    browser.send(&elsewhere, |session| session.insert("cart", 7).unwrap());
    let before = browser.clone();
    clock.pass(6 * MINUTE);
    browser.take(&finish(&login));
    assert_eq!(browser.user(&elsewhere).as_deref(), Some("grace"));
    assert_eq!(before.user(&elsewhere), None);
}

fn renew(session: &Session) {
    session.regenerate().unwrap();
}

/// The thief asks for new ids while the password is checked.
#[test]
fn a_login_ends_what_a_thief_has_renamed_meanwhile() {
    let ([site, elsewhere], _) = instances(|builder| builder);
    for ends_others in [false, true] {
        let mut victim = person(&site, "ada");
        let mut thief = victim.clone();
        let login = site.request(&victim.header());
        log_in(&login, "ada");
        if ends_others {
            ready(login.end_others()).unwrap();
        }
        for _ in 0..2 {
            thief.send(&elsewhere, renew);
        }
        let reply = finish(&login);
        assert_eq!(reply.failed, None);
        victim.take(&reply);
        assert_eq!(victim.user(&elsewhere).as_deref(), Some("ada"));
        assert_eq!(thief.user(&elsewhere), None);
    }
}

/// The logout knows nothing of the session then, and the thief asks for a new id before the store is told.
#[test]
fn a_logout_that_could_not_load_its_session_ends_what_a_thief_has_renamed() {
    let ([site, elsewhere], store) = instances(|builder| builder);
    for stays_down in [false, true] {
        let victim = person(&site, "ada");
        let mut thief = victim.clone();
        match stays_down {
            true => store.set_down(true),
            false => store.fail(&[Some(Fault::Before)]),
        }
        let logout = site.request(&victim.header());
        assert_eq!(logout.get::<String>("user"), Err(SessionError::Store));
        logout.destroy().unwrap();
        if stays_down {
            assert_eq!(finish(&logout).failed, Some(SaveError::Store));
            store.set_down(false);
        }
        thief.send(&elsewhere, renew);
        if !stays_down {
            assert_eq!(finish(&logout).failed, None);
        }
        // It takes along what is pending.
        site.request(&person(&elsewhere, "bob").header());
        assert_eq!(thief.user(&elsewhere), None);
    }
}

/// An end may reach the store late: it was down, one instance was cut off from it, or a handler or a password check took
/// long. Meanwhile the thief asks for new ids elsewhere.
#[test]
fn an_end_that_comes_late_ends_what_a_thief_has_renamed() {
    let ends = [
        |session: &Session| session.destroy().unwrap(),
        |session: &Session| log_in(session, "ada"),
    ];
    for (is_logout, acts) in [true, false].into_iter().zip(ends) {
        for is_cut_off in [false, true] {
            let ([site, elsewhere], store) = instances(|builder| builder);
            let victim = person(&site, "ada");
            let mut thief = victim.clone();
            let request = site.request(&victim.header());
            acts(&request);
            if is_cut_off {
                store.set_down(true);
                assert_eq!(finish(&request).failed, Some(SaveError::Store));
                store.set_down(false);
            }
            for _ in 0..5 {
                thief.send(&elsewhere, renew);
                site.clock.pass(10 * MINUTE);
            }
            assert_eq!(thief.user(&elsewhere).as_deref(), Some("ada"));
            if !is_cut_off {
                assert_eq!(finish(&request).failed, None);
            }
            // Others take along what is pending.
            site.request(&person(&elsewhere, "bob").header());
            // A login that the store did not take ends nothing.
            let stays = is_cut_off && !is_logout;
            assert_eq!(thief.user(&elsewhere).is_some(), stays);
        }
    }
}

/// Robots ask for new ids too, and must not fill the store.
#[test]
fn the_next_id_of_a_guest_is_remembered_for_a_minute_and_that_of_a_person_for_an_hour() {
    for (is_guest, seconds) in [(true, MINUTE), (false, HOUR)] {
        let (site, _) = site_with(|builder| builder);
        let mut browser = match is_guest {
            true => logged_in(&site, "guest"),
            false => person(&site, "ada"),
        };
        browser.send(&site, renew);
        for _ in 0..2 {
            site.clock.pass(seconds / 3);
            browser.send(&site, |session| session.touch().unwrap());
        }
        site.clock.pass(seconds / 3 - 1);
        assert_eq!(ready(site.sessions.sweep(9)).unwrap(), 0);
        site.clock.pass(1);
        assert_eq!(ready(site.sessions.sweep(9)).unwrap(), 1);
        // A login is not followed into.
        let mut browser = person(&site, "ada");
        browser.send(&site, |session| log_in(session, "ada"));
        site.clock.pass(MINUTE);
        assert_eq!(ready(site.sessions.sweep(9)).unwrap(), 1);
    }
}

/// Among planted tickets, the store is not asked for the victim's.
#[test]
fn ends_among_planted_tickets_end_what_a_thief_has_renamed() {
    let ([site, elsewhere], _) = instances(|builder| builder.cookie_name("session"));
    for acts in [
        |session: &Session| session.destroy().unwrap(),
        |session: &Session| log_in(session, "ada"),
    ] {
        let victim = person(&site, "ada");
        let mut thief = victim.clone();
        site.clock.pass(5);
        let planted = [(); 2].map(|()| person(&site, "mallory").header());
        let header = format!("{}; {}", planted.join("; "), victim.header());
        let request = site.request(&header);
        acts(&request);
        thief.send(&elsewhere, renew);
        assert_eq!(finish(&request).failed, None);
        assert_eq!(thief.user(&elsewhere), None);
    }
}

/// An adapter of one's own may lose the request between two steps.
#[test]
fn a_logout_whose_plan_is_dropped_ends_the_session_all_the_same() {
    let ([site, elsewhere], _) = instances(|builder| builder);
    for commits in [false, true] {
        let victim = person(&site, "ada");
        let logout = site.request(&victim.header());
        logout.destroy().unwrap();
        let plan = logout.close();
        if commits {
            drop(logout.begin_commit(plan));
        }
        drop(logout);
        site.request(&person(&elsewhere, "bob").header());
        assert_eq!(victim.user(&elsewhere), None);
    }
}

/// The cookie is from before the session went into the store.
#[test]
fn the_end_of_a_cookie_that_was_over_ends_the_session_under_its_next_id() {
    let ([one, two, elsewhere], _) = instances(|builder| builder);
    let before = Site::with(&one.clock, |builder| builder);
    let mut browser = Browser::default();
    browser.send(&before, |session| log_in(session, "ada"));
    let mut stale = browser.clone();
    browser.send(&one, renew);
    browser.send(&one, renew);
    stale.send(&two, |session| session.destroy().unwrap());
    assert_eq!(browser.user(&elsewhere), None);
}

/// Two tabs log in at once, and one of them sends an older session too.
#[test]
fn a_login_over_a_session_that_another_login_replaced_keeps_what_it_held() {
    let ([site, elsewhere], _) = instances(|builder| builder.cookie_name("session"));
    let mut older = person(&site, "ada");
    older.send(&site, |session| session.insert("cart", 7).unwrap());
    site.clock.pass(5);
    let newer = person(&site, "ada");
    let late = elsewhere.request(&older.header());
    log_in(&late, "ada");
    let both = site.request(&format!("{}; {}", newer.header(), older.header()));
    log_in(&both, "ada");
    assert_eq!(finish(&both).failed, None);
    older.take(&finish(&late));
    let cart = older.peek(&site, |session| session.get::<u32>("cart"));
    assert_eq!(cart, Ok(Some(7)));
}

/// Grace logs in on a shared computer, slowly. Meanwhile another tab gets a new id for Ada's session, or logs Ada in
/// again. Then Ada logs out, or an administrator ends the session.
#[test]
fn a_login_takes_nothing_of_a_session_that_was_renamed_and_then_ended() {
    let nothing = |_: &Session| {};
    let again = |session: &Session| {
        session.regenerate_for_login().unwrap();
        session.set_subject(Some("ada")).unwrap();
    };
    for (name, moves) in [
        ("not", nothing as fn(&Session)),
        ("renamed", renew),
        ("again", again),
    ] {
        for by_administrator in [false, true] {
            let ([site, elsewhere], _) = instances(|builder| builder);
            let mut browser = person(&site, "ada");
            browser.send(&site, |session| session.insert("diary", "secret").unwrap());
            let login = site.request(&browser.header());
            log_in(&login, "grace");
            browser.send(&elsewhere, moves);
            match by_administrator {
                true => assert_eq!(ready(elsewhere.sessions.end_all("ada")).unwrap(), 1),
                false => browser.send(&elsewhere, |session| session.destroy().unwrap()),
            }
            browser.take(&finish(&login));
            assert_eq!(browser.user(&site).as_deref(), Some("grace"));
            let diary = browser.peek(&site, |session| session.get::<String>("diary"));
            assert_eq!(diary, Ok(None), "{name}, {by_administrator}");
        }
    }
}

/// The visitor was away for longer than the idle limit. The thief kept the copy warm, and has just got another id.
#[test]
fn the_end_of_an_idle_ticket_ends_what_a_thief_has_renamed() {
    for acts in [
        |session: &Session| session.destroy().unwrap(),
        |session: &Session| log_in(session, "ada"),
    ] {
        for renames in [false, true] {
            let ([site, elsewhere], _) = instances(|builder| builder);
            let mut victim = person(&site, "ada");
            let mut thief = victim.clone();
            site.clock.pass(20 * MINUTE);
            thief.send(&elsewhere, |session| session.touch().unwrap());
            site.clock.pass(11 * MINUTE);
            if renames {
                thief.send(&elsewhere, renew);
            }
            let (_, reply) = victim.visit(&site, acts);
            assert_eq!(reply.failed, None);
            assert_eq!(thief.user(&elsewhere), None, "renames: {renames}");
        }
    }
}

/// The thief was a second faster than the request.
#[test]
fn the_end_of_a_ticket_that_a_thief_has_renamed_ends_the_session() {
    for acts in [
        |session: &Session| session.destroy().unwrap(),
        |session: &Session| log_in(session, "ada"),
    ] {
        let ([site, elsewhere], _) = instances(|builder| builder);
        let mut victim = person(&site, "ada");
        let mut thief = victim.clone();
        thief.send(&elsewhere, renew);
        site.clock.pass(1);
        victim.send(&site, acts);
        assert_eq!(thief.user(&elsewhere), None);
    }
}

/// An account that asked for many new ids within an hour, and the tickets that it got.
fn chain(site: &Site, len: usize) -> Vec<String> {
    let mut attacker = person(site, "mallory");
    let mut tickets = Vec::new();
    for _ in 0..len {
        tickets.push(attacker.header());
        attacker.send(site, renew);
    }
    site.clock.pass(5);
    tickets
}

/// Old tickets behind a live one are not asked for, and each is followed.
#[test]
fn one_request_does_not_cost_a_thousand_calls_nor_do_those_of_others() {
    let ([site], store) = instances(|builder| builder);
    let chain = chain(&site, 1_000);
    let own = logged_in(&site, "x").header();
    let bob = person(&site, "bob");
    let request = site.request(&format!("{own}; {}", chain[..15].join("; ")));
    request.destroy().unwrap();
    store.calls();
    finish(&request);
    let own = store.calls().len();
    let paid = [(); 100].map(|()| {
        bob.user(&site);
        store.calls().len()
    });
    assert!(
        own < 100 && paid.iter().all(|calls| *calls <= 10),
        "{own}, {paid:?}"
    );
}

#[test]
fn no_end_keeps_the_sweep_from_its_work() {
    let ([site], _) = instances(|builder| builder);
    let chain = chain(&site, 500);
    let own = logged_in(&site, "x").header();
    let request = site.request(&format!("{own}; {}", chain[0]));
    request.destroy().unwrap();
    finish(&request);
    let swept = [(); 3].map(|()| ready(site.sessions.sweep(10_000)).ok());
    assert!(swept[0].is_some(), "{swept:?}");
}

/// A fleet on its way. A page loads at an instance with `Place::Cookie` while another tab logs in, or out.
#[test]
fn a_write_beside_a_tombstone_is_left_out_under_place_cookie_too() {
    for acts in [
        |session: &Session| log_in(session, "ada"),
        |session: &Session| session.destroy().unwrap(),
        renew,
    ] {
        for place in [Place::Store, Place::Cookie] {
            let clock = Clock::new();
            let store = Scripted::new(&clock);
            let with =
                |place| Site::with(&clock, |builder| builder.store(store.clone()).place(place));
            let (site, elsewhere) = (with(Place::Store), with(place));
            let mut browser = person(&site, "guest");
            let late = browser.header();
            browser.send(&site, acts);
            let late = elsewhere.request(&late);
            late.insert("cart", 7).unwrap();
            assert_eq!(finish(&late).set_cookie, [""; 0], "{place:?}");
        }
    }
}

/// A new password ends all sessions, and the visitor logs in with it while another page of the browser loads.
#[test]
fn a_login_after_an_end_of_all_is_not_thrown_out_by_a_page_that_loads() {
    let ([site, elsewhere], _) = instances(|builder| builder);
    let mut browser = person(&site, "ada");
    let old = browser.header();
    assert_eq!(ready(site.sessions.end_all("ada")).unwrap(), 1);
    browser.send(&site, |session| log_in(session, "ada"));
    let late = elsewhere.request(&old);
    late.insert("cart", 7).unwrap();
    browser.take(&finish(&late));
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
}

/// The clock of one instance was ahead by twenty minutes when the session got another id, and its response was lost.
#[test]
fn a_tombstone_of_the_future_does_not_leave_out_writes_for_longer() {
    let (clock, wrong) = (Clock::new(), Clock::new());
    let store = Scripted::new(&clock);
    let site = Site::with(&clock, |builder| builder.store(store.clone()));
    let ahead = Site::with(&wrong, |builder| builder.store(store.clone()));
    let mut browser = person(&site, "ada");
    wrong.pass(20 * MINUTE);
    browser.clone().send(&ahead, renew);
    clock.pass(3 * MINUTE);
    let (_, reply) = browser.visit(&site, |session| session.insert("cart", 7).unwrap());
    assert_eq!(reply.set_cookie.len(), 1);
}

/// A site that says whose session it is, and has no other call at login: somebody has logged in.
#[test]
fn an_end_follows_a_session_that_has_a_subject() {
    let ([site, elsewhere], _) = instances(|builder| builder);
    let mut victim = Browser::default();
    victim.send(&site, |session| {
        session.set_subject(Some("ada")).unwrap();
        session.insert("user", "ada").unwrap();
    });
    let mut thief = victim.clone();
    let request = site.request(&victim.header());
    request.destroy().unwrap();
    thief.send(&elsewhere, renew);
    site.clock.pass(2 * MINUTE);
    assert_eq!(finish(&request).failed, None);
    assert_eq!(thief.user(&elsewhere), None);
}

/// The browser refreshes its proof while a page of the same session asks for a new id.
#[cfg(feature = "unstable-device-bound")]
#[test]
fn a_refresh_beside_a_rename_does_not_end_the_session_in_the_browser() {
    use crate::kit::device::Device;
    use hardtack::session::{DeviceBound, Exchange, HeaderEdit, RequestHead};

    let ([site, elsewhere], _) = instances(|builder| builder.device_bound(DeviceBound::default()));
    let (mut browser, challenge) = offered(&site);
    let endpoint = |site: &Site, browser: &mut Browser, header: (&str, &str)| {
        let cookies = browser.header();
        let exchange = Exchange::begin(&site.sessions);
        let answer = exchange.endpoint(&RequestHead {
            method: "POST",
            path: "/.hardtack/device/session",
            authority: None,
            headers: [("cookie", &*cookies), header],
        });
        let edits = ready(answer.unwrap());
        let (status, body) = (edits.status(), edits.body());
        for edit in edits {
            if let HeaderEdit::Append("set-cookie", line) = edit {
                browser.jar.store(&line);
            }
        }
        (status, body)
    };
    let proof = Device::new(1).register(&challenge);
    let proof = ("secure-session-response", &*proof);
    let (status, body) = endpoint(&site, &mut browser, proof);
    assert_eq!(status, Some(200));
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    let id = body["session_identifier"].as_str().unwrap();
    let mut old = browser.clone();
    let refresh = ("sec-secure-session-id", id);
    assert_eq!(endpoint(&elsewhere, &mut old, refresh).0, Some(403));
    browser.send(&site, renew);
    let (status, _) = endpoint(&elsewhere, &mut old, refresh);
    assert_eq!(status, Some(503), "200 would end it in the browser");
    // By then the browser has the newer cookie, or will never get it.
    site.clock.pass(2 * MINUTE);
    assert_eq!(endpoint(&elsewhere, &mut old, refresh).0, Some(200));
}

/// It leads through more ids than an end follows at once. It was over when it came.
#[test]
fn a_planted_ticket_of_a_long_chain_neither_fails_a_logout_nor_keeps_a_login_out() {
    let (site, _) = site_with(|builder| builder.cookie_name("session"));
    let chain = chain(&site, 200);
    site.clock.pass(5 * MINUTE);
    let victim = person(&site, "ada");
    let logout = site.request(&format!("{}; {}", victim.header(), chain[0]));
    logout.destroy().unwrap();
    assert_eq!(finish(&logout).failed, None);
    assert_eq!(victim.user(&site), None);
    let login = site.request(&chain[0]);
    login.destroy().unwrap();
    log_in(&login, "ada");
    let mut victim = Browser::default();
    victim.take(&finish(&login));
    assert_eq!(victim.user(&site).as_deref(), Some("ada"));
}

#[test]
fn the_end_of_a_session_with_many_ids_goes_on_with_the_next_requests() {
    let (site, _) = site_with(|builder| builder);
    let mut thief = person(&site, "ada");
    let id = thief.peek(&site, |session| session.id().unwrap());
    for _ in 0..70 {
        thief.send(&site, renew);
    }
    ready(site.sessions.end_session(id)).unwrap_err();
    // A request takes it along.
    person(&site, "bob").user(&site);
    assert_eq!(thief.user(&site), None);
}

/// One account asks for many new ids, and sends its old tickets with each logout. Then the client of somebody else's logout
/// hangs up.
#[test]
fn old_tickets_of_one_account_do_not_hold_up_the_ends_of_others() {
    let ([site, elsewhere], _) = instances(|builder| builder);
    let chain = chain(&site, 1_500);
    let own = logged_in(&site, "x").header();
    let bob = person(&site, "bob");
    for part in chain.chunks(15) {
        let request = site.request(&format!("{own}; {}", part.join("; ")));
        request.destroy().unwrap();
        finish(&request);
    }
    let victim = person(&elsewhere, "ada");
    let logout = site.request(&victim.header());
    logout.destroy().unwrap();
    drop(logout);
    bob.user(&site);
    assert_eq!(victim.user(&elsewhere), None);
}

/// A fleet changes the name of the cookie. A renewal under the new name arrives after another instance gave the session a
/// new id, or after a login there, under the former name.
#[test]
fn a_former_cookie_counts_beside_a_present_one_whose_successor_it_is() {
    for acts in [renew, |session: &Session| log_in(session, "ada")] {
        let clock = Clock::new();
        let store = Scripted::new(&clock);
        let one = Site::with(&clock, |builder| {
            let host = FormerCookie::new("__Host-session").until(at(T0 + DAY));
            let builder = builder.store(store.clone()).cookie_name("sid");
            builder.former_cookie(host)
        });
        let two = Site::with(&clock, |builder| {
            let sid = FormerCookie::new("sid").until(at(T0 + DAY));
            builder.store(store.clone()).former_cookie(sid)
        });
        let mut browser = person(&two, "ada");
        clock.pass(5 * MINUTE);
        let page = two.request(&browser.header());
        assert_eq!(page.get("user"), Ok(Some(String::from("ada"))));
        let late = finish(&page);
        browser.send(&one, acts);
        browser.take(&late);
        assert_eq!(browser.user(&two).as_deref(), Some("ada"));
    }
}

/// A sibling domain planted its own session under the name of before. It counts for a page that was loading while another
/// tab logged in or out, and the visitor must not go on in it. What the page writes is saved all the same: nothing
/// tells it from a session of the visitor's own.
#[test]
fn a_planted_session_is_not_renewed_or_moved_in_the_place_of_what_took_over() {
    let acts: [fn(&Session); 3] = [
        |_| {},
        |session| session.insert("cart", 7).unwrap(),
        |session| session.touch().unwrap(),
    ];
    let ends = [
        |session: &Session| log_in(session, "ada"),
        |session: &Session| session.destroy().unwrap(),
    ];
    let idle = Duration::from_secs(10 * u64::from(MINUTE));
    for (in_store, place) in [
        (true, Place::Store),
        (false, Place::Store),
        (true, Place::Cookie),
    ] {
        for (act, end) in acts.into_iter().flat_map(|act| ends.map(|end| (act, end))) {
            let clock = Clock::new();
            let store = Scripted::new(&clock);
            let before = Site::with(&clock, |builder| {
                let builder = builder.cookie_name("sid").idle_timeout(idle);
                match in_store {
                    true => builder.store(store.clone()),
                    false => builder,
                }
            });
            let with = |place| {
                let sid = FormerCookie::new("sid").until(at(T0 + DAY));
                let configure = |builder: SessionManagerBuilder| {
                    let builder = builder.store(store.clone()).place(place);
                    builder.former_cookie(sid).idle_timeout(idle)
                };
                Site::with(&clock, configure)
            };
            let (site, elsewhere) = (with(Place::Store), with(place));
            let mut planted = Browser::default();
            planted.send(&before, |session| log_in(session, "mallory"));
            let planted = planted.header();
            clock.pass(4 * MINUTE);
            let mut browser = person(&site, "ada");
            let page = format!("{}; {planted}", browser.header());
            browser.send(&site, end);
            let request = elsewhere.request(&page);
            assert_eq!(request.get("user"), Ok(Some(String::from("mallory"))));
            act(&request);
            let writes = request.get::<u8>("cart") == Ok(Some(7));
            let reply = finish(&request);
            if place == Place::Store || !writes {
                assert_eq!(reply.set_cookie, [""; 0], "{place:?} {in_store}");
            }
            clock.pass(3 * MINUTE);
            let later = elsewhere.request(&page);
            let cart = later.get("cart");
            assert!(place == Place::Cookie || cart == Ok(writes.then_some(7)));
            assert_ne!(finish(&later).set_cookie, [""; 0], "{place:?} {in_store}");
        }
    }
}

/// A cookie that nobody else can set moves at once, and so does a session that gets another id.
#[test]
fn no_other_session_waits_beside_one_that_has_ended() {
    let reads = |_: &Session| {};
    for (name, act, waits) in [
        ("sid", reads as fn(&Session), true),
        ("sid", renew, false),
        ("__Host-sid", reads, false),
    ] {
        let clock = Clock::new();
        let store = Scripted::new(&clock);
        let before = Site::with(&clock, |it| it.store(store.clone()).cookie_name(name));
        let site = Site::with(&clock, |builder| {
            let former = FormerCookie::new(name).until(at(T0 + DAY));
            builder.store(store.clone()).former_cookie(former)
        });
        let own = person(&before, "ada");
        clock.pass(10 * MINUTE);
        let mut ended = person(&site, "ada");
        let header = format!("{}; {}", ended.header(), own.header());
        ended.send(&site, |session| session.destroy().unwrap());
        let request = site.request(&header);
        assert_eq!(request.get("user"), Ok(Some(String::from("ada"))));
        act(&request);
        assert_eq!(finish(&request).set_cookie.is_empty(), waits, "{name}");
    }
}

/// The former cookie may be the visitor's own.
#[test]
fn a_description_is_kept_while_its_session_waits() {
    let clock = Clock::new();
    let store = Scripted::new(&clock);
    let before = Site::with(&clock, |it| it.store(store.clone()).cookie_name("sid"));
    let site = Site::with(&clock, |builder| {
        let sid = FormerCookie::new("sid").until(at(T0 + DAY));
        builder.store(store.clone()).former_cookie(sid)
    });
    let own = person(&before, "ada");
    let mut ended = person(&site, "ada");
    let header = format!("{}; {}", ended.header(), own.header());
    ended.send(&site, |session| session.destroy().unwrap());
    let request = site.request(&header);
    request.describe("phone").unwrap();
    assert_eq!(finish(&request).set_cookie, [""; 0]);
    let listed = ready(site.sessions.list("ada")).unwrap();
    assert_eq!(listed[0].description, "phone");
}

/// A thief ticks "keep me logged in", on a page that changes nothing else. The session now lives for ninety days, and its
/// entry in the list was to last for the twelve hours of the login.
#[test]
fn a_session_that_is_remembered_after_its_login_stays_in_the_list() {
    let clock = Clock::new();
    let store = Scripted::new(&clock).with_an_index_apart();
    let site = Site::with(&clock, |builder| builder.store(store.clone()));
    let mut thief = person(&site, "ada");
    thief.send(&site, |session| session.remember(true).unwrap());
    clock.pass(15 * HOUR);
    assert_eq!(thief.user(&site).as_deref(), Some("ada"));
    assert_eq!(ready(site.sessions.end_all("ada")).unwrap(), 1);
    assert_eq!(thief.user(&site), None);
}

/// The same, by settings that are lowered for a while.
#[test]
fn an_entry_lasts_as_long_as_its_session_can_live() {
    let clock = Clock::new();
    let store = Scripted::new(&clock).with_an_index_apart();
    let with = |hours: u32| {
        let timeout = Duration::from_secs(u64::from(hours * HOUR));
        Site::with(&clock, |builder| {
            let builder = builder.store(store.clone()).absolute_timeout(timeout);
            builder.idle_timeout(timeout)
        })
    };
    let (site, lower) = (with(12), with(1));
    let mut browser = person(&site, "ada");
    browser.send(&lower, renew);
    clock.pass(30 * MINUTE);
    browser.send(&site, |session| session.insert("cart", 7).unwrap());
    clock.pass(3 * HOUR);
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
    assert_eq!(ready(site.sessions.end_all("ada")).unwrap(), 1);
}

/// The session is in its cookie again, with its subject, and the fleet goes into the store once more. A thief asks for
/// a new id, and hangs up between the two writes.
#[test]
fn a_session_whose_move_stopped_half_way_is_in_the_list() {
    let clock = Clock::new();
    let store = Scripted::new(&clock);
    let with = |place| Site::with(&clock, |builder| builder.store(store.clone()).place(place));
    let (site, back) = (with(Place::Store), with(Place::Cookie));
    let mut thief = person(&site, "ada");
    thief.send(&back, |session| session.insert("cart", 7).unwrap());
    // The record that stays when a session moves back.
    assert_eq!(ready(site.sessions.end_all("ada")).unwrap(), 1);
    assert_eq!(thief.user(&site).as_deref(), Some("ada"));

    let request = site.request(&thief.header());
    request.regenerate().unwrap();
    store.calls();
    let plan = request.close();
    store.give_way();
    let mut steps = Steps::default();
    let commit = request.begin_commit(plan);
    steps.add(async {
        let _ = commit.await;
    });
    while !store.calls().contains(&"put") {
        steps.step(0);
    }
    drop(steps);
    store.stand();
    assert_eq!(ready(site.sessions.end_all("ada")).unwrap(), 1);
    assert_eq!(thief.user(&site), None);
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Account {
    user: String,
    diary: String,
}

impl SessionData for Account {
    const NAME: &'static str = "account";
    const VERSION: u8 = 1;
}

/// Grace logs in on a shared computer, slowly. Meanwhile Ada logs out there, at this instance or at another.
#[test]
fn a_typed_login_takes_nothing_of_a_session_that_has_ended() {
    let clock = Clock::new();
    let store = Scripted::new(&clock);
    let site = |()| Site::<Account>::with(&clock, |builder| builder.store(store.clone()).data());
    let sites = [(); 2].map(site);
    let account = |user: &str, diary: &str| Account {
        user: user.into(),
        diary: diary.into(),
    };
    for (replaces, ends_at) in [(false, 0), (false, 1), (true, 0), (true, 1)] {
        let request = sites[0].request("");
        request.regenerate_for_login().unwrap();
        request.replace(account("ada", "secret")).unwrap();
        let mut browser = Browser::default();
        browser.take(&finish(&request));
        let login = sites[0].request(&browser.header());
        login.regenerate_for_login().unwrap();
        match replaces {
            true => _ = login.replace(account("grace", "")).unwrap(),
            false => login.modify(|it| it.user = "grace".into()).unwrap(),
        }
        let logout = sites[ends_at].request(&browser.header());
        logout.destroy().unwrap();
        assert_eq!(finish(&logout).failed, None);
        let reply = finish(&login);
        browser.take(&reply);
        let seen = sites[1].request(&browser.header()).with(Account::clone);
        match replaces {
            true => assert_eq!((reply.failed, seen), (None, Ok(account("grace", "")))),
            false => {
                let failed = Some(SaveError::Contended);
                assert_eq!((reply.failed, seen), (failed, Ok(Account::default())));
            }
        }
    }
}

/// An administrator ends a session whose cookie of before still opens at an instance whose clock is behind.
#[test]
fn an_end_from_elsewhere_is_remembered_until_the_slowest_clock_takes_no_copy() {
    let hour = |builder: SessionManagerBuilder| {
        let hour = Duration::from_secs(HOUR.into());
        let builder = builder.idle_timeout(hour).absolute_timeout(hour);
        let builder = builder.remember_idle_timeout(hour);
        builder.remember_absolute_timeout(hour)
    };
    let (clock, ahead) = (Clock::new(), Clock::at(T0 + 50));
    let store = Scripted::new(&clock);
    let before = Site::with(&ahead, hour);
    let site = Site::with(&clock, |builder| hour(builder.store(store.clone())));
    let mut browser = logged_in(&before, "ada");
    let thief = browser.clone();
    browser.send(&site, |session| session.insert("cart", 7).unwrap());
    let id = browser.peek(&site, |session| session.id().unwrap());
    ready(site.sessions.end_session(id)).unwrap();
    clock.pass(HOUR);
    assert_eq!(thief.user(&site), None);
}

/// Each call of a store that does not answer takes its deadline, of two seconds by default.
#[test]
fn a_request_of_many_tickets_does_not_wait_for_a_silent_store_again_and_again() {
    let logs_out = |session: &Session| session.destroy().unwrap();
    let logs_in = |session: &Session| log_in(session, "mallory");
    for (act, saved) in [(&logs_out as &dyn Fn(&Session), 0), (&logs_in, 1)] {
        let (site, store) = site_with(|builder| builder);
        let tickets: Vec<_> = (0..16).map(|_| person(&site, "mallory").header()).collect();
        let request = site.request(&tickets.join("; "));
        act(&request);
        store.calls();
        store.fail(&vec![None; saved]);
        store.fail(&[Some(Fault::Silent); 40]);
        let _ = finish(&request);
        assert_eq!(store.calls().len(), saved + 2);
        // The others are pending.
        store.stand();
        ready(site.sessions.sweep(1)).unwrap();
        let live = |ticket: &String| site.request(ticket).get::<String>("user") != Ok(None);
        assert!(!tickets.iter().any(live));
    }
}

/// Its end is remembered for as long as it could open, and leads to the next id for an hour.
#[test]
fn an_old_cookie_does_not_end_what_a_session_became_days_ago() {
    let clock = Clock::new();
    let before = Site::with(&clock, |builder| builder);
    let store = Scripted::new(&clock);
    let site = Site::with(&clock, |builder| builder.store(store.clone()));
    for (pause, ends) in [(HOUR + MINUTE, true), (HOUR + MINUTE + 1, false)] {
        let mut browser = Browser::default();
        browser.send(&before, |session| {
            log_in(session, "ada");
            session.remember(true).unwrap();
        });
        let mut stale = browser.clone();
        browser.send(&site, renew);
        clock.pass(pause);
        stale.send(&site, |session| session.destroy().unwrap());
        clock.pass(2 * MINUTE);
        assert_eq!(browser.user(&site).is_none(), ends);
    }
}

/// The first step of a move. A site that says whose session it is, and has no other call at login.
#[test]
fn the_end_of_a_cookie_with_a_subject_is_remembered() {
    use hardtack::session::Place;
    let ([site, elsewhere], _) = instances(|builder| builder.place(Place::Cookie));
    for logs_in in [true, false] {
        let mut browser = Browser::default();
        browser.send(&site, |session| {
            if logs_in {
                session.regenerate_for_login().unwrap();
            }
            session.set_subject(Some("ada")).unwrap();
            session.insert("user", "ada").unwrap();
        });
        let copy = browser.clone();
        browser.send(&site, |session| session.destroy().unwrap());
        site.clock.pass(2 * MINUTE);
        assert_eq!(copy.user(&elsewhere), None, "{logs_in}");
    }
}

/// Grace logs in on a shared computer. Another tab gets a new id for Ada's session before the login reaches the store, and
/// Ada logs out between two of its calls.
#[test]
fn a_login_takes_nothing_of_a_session_that_ends_between_its_calls() {
    // Memcached and a Redis cluster rename in two steps. From these calls on, the login was there first.
    for ((in_steps, decided), calls) in [(false, 4), (true, 7)]
        .into_iter()
        .flat_map(|kind| (0..10).map(move |calls| (kind, calls)))
    {
        let clock = Clock::new();
        let store = match in_steps {
            true => Scripted::new(&clock).with_renames_in_steps(),
            false => Scripted::new(&clock),
        };
        let [site, elsewhere] =
            [(); 2].map(|()| Site::with(&clock, |builder| builder.store(store.clone())));
        let mut browser = person(&site, "ada");
        browser.send(&site, |session| session.insert("diary", "secret").unwrap());
        let login = site.request(&browser.header());
        log_in(&login, "grace");
        let mut reply = None;
        browser.send(&elsewhere, renew);
        store.give_way();
        let mut steps = Steps::default();
        steps.add(async { reply = Some(login.commit().await) });
        steps.begin(0, calls + 1);
        store.stand();
        let (_, ended) = browser.visit(&elsewhere, |session| session.destroy().unwrap());
        assert_eq!(ended.failed, None);
        steps.end(0);
        drop(steps);
        let mut grace = Browser::default();
        grace.take(&reply.unwrap());
        assert_eq!(grace.user(&site).as_deref(), Some("grace"), "{calls}");
        let diary = grace.peek(&site, |session| session.get::<String>("diary"));
        assert_eq!(
            diary.unwrap().is_some(),
            calls >= decided,
            "{in_steps}, {calls}"
        );
    }
}

/// The same with typed data: if the login is not saved, nothing of it stays in the list.
#[test]
fn a_typed_login_that_is_not_saved_leaves_no_device_in_the_list() {
    let mut failed = 0;
    for (in_steps, calls) in [false, true]
        .into_iter()
        .flat_map(|in_steps| (0..10).map(move |calls| (in_steps, calls)))
    {
        let clock = Clock::new();
        let store = match in_steps {
            true => Scripted::new(&clock).with_renames_in_steps(),
            false => Scripted::new(&clock),
        };
        let site = |()| Site::<Account>::with(&clock, |it| it.store(store.clone()).data());
        let [site, elsewhere] = [(); 2].map(site);
        let mut browser = Browser::default();
        browser.send(&site, |session| {
            session.regenerate_for_login().unwrap();
            session.modify(|account| account.diary = "secret".into())
        });
        let login = site.request(&browser.header());
        login.regenerate_for_login().unwrap();
        login.set_subject(Some("grace")).unwrap();
        let mut reply = None;
        browser.send(&elsewhere, |session| session.regenerate().unwrap());
        store.give_way();
        let mut steps = Steps::default();
        steps.add(async { reply = Some(login.commit().await) });
        steps.begin(0, calls + 1);
        store.stand();
        browser.send(&elsewhere, |session| session.destroy().unwrap());
        steps.end(0);
        drop(steps);
        let is_saved = reply.unwrap().failed.is_none();
        failed += usize::from(!is_saved);
        let listed = ready(site.sessions.list("grace")).unwrap();
        assert_eq!(listed.len(), usize::from(is_saved), "{in_steps}, {calls}");
    }
    assert!(failed > 4, "{failed}");
}

/// The thief had new ids before the logout, and the store was down then or the client hung up.
#[test]
fn a_pending_end_goes_on_along_ids_of_before_it() {
    for hangs_up in [false, true] {
        let ([site, elsewhere], store) = instances(|builder| builder);
        let victim = person(&site, "ada");
        let mut thief = victim.clone();
        for _ in 0..30 {
            thief.send(&elsewhere, renew);
        }
        site.clock.pass(5);
        store.set_down(!hangs_up);
        let logout = site.request(&victim.header());
        logout.destroy().unwrap();
        match hangs_up {
            true => drop(logout),
            false => assert_eq!(finish(&logout).failed, Some(SaveError::Store)),
        }
        store.set_down(false);
        let bob = person(&elsewhere, "bob");
        for _ in 0..4 {
            bob.user(&site);
        }
        assert_eq!(thief.user(&elsewhere), None, "{hangs_up}");
    }
}

/// After an outage the timer sends all ends. That of one account leads through many ids.
#[test]
fn a_sweep_loses_no_end_behind_a_long_one() {
    let ([site, elsewhere], store) = instances(|builder| builder);
    let mut attacker = person(&elsewhere, "mallory");
    let old = attacker.clone();
    for _ in 0..100 {
        attacker.send(&elsewhere, renew);
    }
    let victim = person(&elsewhere, "ada");
    let mut thief = victim.clone();
    thief.send(&elsewhere, renew);
    site.clock.pass(5);
    store.set_down(true);
    for browser in [&old, &victim] {
        let logout = site.request(&browser.header());
        logout.destroy().unwrap();
        assert_eq!(finish(&logout).failed, Some(SaveError::Store));
    }
    store.set_down(false);
    ready(site.sessions.sweep(9)).unwrap();
    assert_eq!(thief.user(&elsewhere), None);
    assert_eq!(attacker.user(&elsewhere).as_deref(), Some("mallory"));
    ready(site.sessions.sweep(9)).unwrap();
    assert_eq!(attacker.user(&elsewhere), None);
}

/// What is left goes on with the next requests.
#[test]
fn a_logout_of_more_ids_than_one_request_follows_ends_them_all() {
    let ([site, elsewhere], _) = instances(|builder| builder);
    let victim = person(&site, "ada");
    let mut thief = victim.clone();
    for _ in 0..70 {
        thief.send(&elsewhere, renew);
    }
    site.clock.pass(5);
    victim
        .clone()
        .send(&site, |session| session.destroy().unwrap());
    let told = |event: &Event| matches!(event, Event::StoreFailed { .. });
    assert!(site.events().iter().any(told));
    person(&elsewhere, "bob").user(&site);
    assert_eq!(thief.user(&elsewhere), None);
}

/// It leads through many ids, and stands before the victim's ticket. A thief had one new id of the victim's session.
#[test]
fn a_planted_ticket_of_a_long_chain_hides_nothing_from_an_end() {
    for acts in [
        |session: &Session| session.destroy().unwrap(),
        |session: &Session| log_in(session, "ada"),
    ] {
        let ([site, elsewhere], _) = instances(|builder| builder.cookie_name("session"));
        let chain = chain(&site, 100);
        let victim = person(&site, "ada");
        let mut thief = victim.clone();
        thief.send(&elsewhere, renew);
        site.clock.pass(5);
        let request = site.request(&format!("{}; {}", chain[0], victim.header()));
        acts(&request);
        assert_eq!(finish(&request).failed, None);
        assert_eq!(thief.user(&elsewhere), None);
    }
}
