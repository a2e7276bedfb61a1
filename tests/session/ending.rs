//! Logout, what a copied cookie is still good for, and answers that come too late.

use crate::kit::{
    clock::{Clock, DAY, HOUR, MINUTE, T0, seconds},
    keys::ring,
    site::{Browser, NAME, Site, finish, logged_in},
};
use hardtack::{
    Timestamp,
    session::{Event, Refusal, SameSite, SaveError, Session, SessionId, SkipReason},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

#[test]
fn destroy_removes_the_session_and_a_copy_lives_until_its_timeouts() {
    let site = Site::new();
    let mut browser = logged_in(&site, "ada");
    let copy = browser.clone();
    let ((id, login_id), reply) = browser.visit(&site, |session| {
        let id = (session.id().unwrap(), session.login_id().unwrap());
        session.destroy().unwrap();
        assert!(session.is_new().unwrap());
        assert_eq!(session.get::<String>("user").unwrap(), None);
        id
    });
    assert_eq!(browser, Browser::default());
    assert_eq!(reply.cache_control, Some("no-store"));
    let absolute_end = Timestamp::from_unix(T0 + 90 * DAY);
    assert_eq!(
        site.events()[1..],
        [Event::Destroyed {
            id,
            login_id,
            absolute_end
        }]
    );
    // This process remembers for a minute what it has ended; a denylist remembers it for good.
    for (after, user) in [
        (0, None),
        (60, None),
        (61, Some("ada")),
        (30 * MINUTE + 1, None),
    ] {
        site.clock.set(T0 + after);
        assert_eq!(copy.user(&site).as_deref(), user, "{after}");
    }
}

/// Two tabs of somebody whose session was idle for too long: one logs in, and the other, begun before,
/// writes. A session of its own would throw out the login.
#[test]
fn a_late_write_over_an_idle_cookie_does_not_replace_the_login_of_another_tab() {
    let site = Site::new();
    let idle = logged_in(&site, "ada");
    site.clock.pass(31 * MINUTE);
    let [slow, slower] = [(); 2].map(|()| site.request(&idle.header()));
    assert!(slow.is_new().unwrap() && slower.is_new().unwrap());
    let mut browser = idle.clone();
    browser.send(&site, |session| {
        session.regenerate_for_login().unwrap();
        session.insert("user", "ada").unwrap();
    });
    site.events();

    site.clock.pass(60);
    slow.insert("cart", 1).unwrap();
    assert_eq!(finish(&slow).set_cookie.len(), 0);
    let id = Some(slow.id().unwrap());
    let reason = SkipReason::LoginEnded;
    assert_eq!(site.events(), [Event::NotSaved { id, reason }]);
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
    // Another login gets through, as it does over a live session.
    slower.regenerate_for_login().unwrap();
    slower.insert("user", "ada").unwrap();
    assert_eq!(finish(&slower).set_cookie.len(), 1);

    // A request without the old cookie, and one after a minute, are those of a stranger.
    for (cookie, after) in [("", 0), (idle.header().as_str(), 61)] {
        site.clock.pass(after);
        let stranger = site.request(cookie);
        stranger.insert("cart", 1).unwrap();
        assert_eq!(finish(&stranger).set_cookie.len(), 1, "{after}");
    }
}

/// A browser with a live cookie and an older one of the same session: each is reported once.
#[test]
fn a_login_reports_each_session_that_it_replaces_once() {
    let site = Site::new();
    let mut browser = logged_in(&site, "ada");
    let older = browser.header();
    browser.send(&site, |session| session.regenerate().unwrap());
    site.events();
    let request = site.request(&format!("{older}; {}", browser.header()));
    request.regenerate_for_login().unwrap();
    assert_eq!(finish(&request).set_cookie.len(), 1);
    let events = site.events();
    let replaced = events.iter().filter_map(|event| match event {
        Event::Regenerated { from, .. } => Some(*from),
        _ => None,
    });
    let replaced: Vec<_> = replaced.collect();
    assert_eq!(replaced.len(), 2, "{events:?}");
    assert_ne!(replaced[0], replaced[1]);
}

/// Two tabs log in over one session, with and without a list that denies what was replaced.
#[test]
fn of_two_logins_at_once_the_later_counts() {
    let denylist = hardtack::session::Denylist::new();
    for site in [
        Site::new(),
        Site::with(&Clock::new(), |builder| builder.denylist(denylist)),
    ] {
        let log_in = |session: &Session, user: &str| {
            session.regenerate_for_login().unwrap();
            session.insert("user", user).unwrap();
        };
        let mut browser = Browser::default();
        browser.send(&site, |session| log_in(session, "ada"));
        let later = site.request(&browser.header());
        assert!(!later.is_new().unwrap());
        browser.send(&site, |session| log_in(session, "bob"));
        log_in(&later, "eve");
        browser.take(&finish(&later));
        assert_eq!(browser.user(&site).as_deref(), Some("eve"));
    }
}

/// The visitor was idle, a copy was kept warm, and the visitor logs in again: the copy's login is over.
#[test]
fn a_login_replaces_the_logins_of_idle_cookies_too() {
    let denylist = hardtack::session::Denylist::new();
    let site = Site::with(&Clock::new(), |builder| builder.denylist(denylist));
    let mut browser = Browser::default();
    let log_in = |session: &Session| {
        session.regenerate_for_login().unwrap();
        session.insert("user", "ada").unwrap();
    };
    browser.send(&site, log_in);
    let mut thief = browser.clone();
    site.clock.pass(20 * MINUTE);
    thief.send(&site, |session| session.touch().unwrap());
    site.clock.pass(11 * MINUTE);
    assert_eq!(browser.user(&site), None);
    assert_eq!(thief.user(&site).as_deref(), Some("ada"));
    let (from, from_login) = thief.peek(&site, |session| {
        (session.id().unwrap(), session.login_id().unwrap())
    });
    site.events();

    let ((to, to_login), _) = browser.visit(&site, |session| {
        log_in(session);
        (session.id().unwrap(), session.login_id().unwrap())
    });
    let absolute_end = Timestamp::from_unix(T0 + 90 * DAY);
    assert_eq!(
        site.events().last(),
        Some(&Event::Regenerated {
            from,
            to,
            from_login,
            to_login,
            absolute_end
        })
    );
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
    assert_eq!(thief.user(&site), None);
}

#[test]
fn what_is_told_of_an_ended_session_is_what_its_copy_has() {
    // Neither a new id nor a shorter life of the session that is ended shortens that of its cookie.
    let site = Site::new();
    type Before = fn(&hardtack::session::Session);
    let befores: [Before; 5] = [
        |_| (),
        |session| session.regenerate().unwrap(),
        |session| session.regenerate_for_login().unwrap(),
        |session| session.expire_in(seconds(1)).unwrap(),
        |session| session.remember(true).unwrap(),
    ];
    for before in befores {
        site.clock.set(T0);
        let mut browser = logged_in(&site, "ada");
        let (id, login_id) = browser.peek(&site, |session| {
            (session.id().unwrap(), session.login_id().unwrap())
        });
        site.clock.pass(MINUTE);
        site.events();
        browser.send(&site, |session| {
            before(session);
            session.destroy().unwrap();
            session.destroy().unwrap();
        });
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
}

#[test]
fn a_denylist_fed_by_events_outlives_the_settings_it_was_made_under() {
    let clock = Clock::new();
    let long = Site::with(&clock, |builder| builder);
    let short = Site::with(&clock, |builder| builder.absolute_timeout(seconds(HOUR)));
    let mut browser = logged_in(&long, "ada");
    browser.send(&short, |session| session.destroy().unwrap());
    let events = short.events();
    // A copy would open again if the setting was raised, or if it had called `remember` before.
    let Event::Destroyed { absolute_end, .. } = events[1] else {
        panic!("{events:?}");
    };
    assert_eq!(absolute_end.to_unix(), T0 + 90 * DAY);
}

/// Ids and the time until which they are refused.
#[derive(Clone, Default)]
struct Denylist(Arc<Mutex<BTreeMap<SessionId, Timestamp>>>);

impl Denylist {
    /// With the ids that `regenerate` replaced, or without.
    fn site(&self, clock: &Clock, replaced: bool) -> Site {
        let (fed, asked) = (self.clone(), self.clone());
        Site::with(clock, |builder| {
            builder
                .on_event(move |event| match event {
                    Event::Destroyed {
                        id, absolute_end, ..
                    } => fed.add(*id, *absolute_end),
                    Event::Regenerated {
                        from, absolute_end, ..
                    } if replaced => {
                        fed.add(*from, *absolute_end);
                    }
                    _ => {}
                })
                .validate(move |view| !asked.0.lock().unwrap().contains_key(&view.id()))
        })
    }

    fn add(&self, id: SessionId, until: Timestamp) {
        self.0.lock().unwrap().insert(id, until);
    }
}

#[test]
fn a_denylist_refuses_a_copy_at_once() {
    let site = Denylist::default().site(&Clock::new(), false);
    let mut browser = logged_in(&site, "ada");
    let copy = browser.clone();
    browser.send(&site, |session| session.destroy().unwrap());
    assert_eq!(copy.user(&site), None);
    // And leaves it alone, as every cookie that is refused.
    let mut thief = copy.clone();
    thief.send(&site, |session| session.len().unwrap());
    assert_eq!(thief, copy);
}

#[test]
fn a_slow_answer_does_not_bring_back_a_session_that_was_ended_meanwhile() {
    type Write = fn(&hardtack::session::Session);
    // A new id does not evade the denylist.
    let writes: [(Write, _); 3] = [
        (|session| session.insert("cart", 7).unwrap(), None),
        (|session| session.regenerate().unwrap(), None),
        // Somebody checked a password for it, and must not think that they are logged in.
        (
            |session| session.regenerate_for_login().unwrap(),
            Some(SaveError::Contended),
        ),
    ];
    for (write, failed) in writes {
        let site = Denylist::default().site(&Clock::new(), false);
        let mut browser = logged_in(&site, "ada");
        let slow = site.request(&browser.header());
        write(&slow);
        browser.send(&site, |session| session.destroy().unwrap());
        let reply = finish(&slow);
        assert_eq!((&reply.set_cookie[..], reply.failed), (&[][..], failed));
    }
}

#[test]
fn a_denylist_of_replaced_ids_lets_the_login_pass_that_replaces_one() {
    let site = Denylist::default().site(&Clock::new(), true);
    let mut browser = logged_in(&site, "nobody");
    let before = browser.clone();
    browser.send(&site, |session| {
        session.regenerate_for_login().unwrap();
        session.insert("user", "ada").unwrap();
    });
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
    assert_eq!(before.user(&site), None);
}

#[test]
fn regenerated_is_told_once_the_new_id_is_out() {
    let site = Site::new();
    let mut browser = logged_in(&site, "ada");
    let from = browser.peek(&site, |session| session.id().unwrap());
    site.clock.pass(MINUTE);
    site.events();
    // Two changes in one request are one change from outside, and `expire_in` does not age the copy.
    let ((to, to_login), _) = browser.visit(&site, |session| {
        session.regenerate().unwrap();
        session.expire_in(seconds(1)).unwrap();
        session.regenerate_for_login().unwrap();
        (session.id().unwrap(), session.login_id().unwrap())
    });
    let absolute_end = Timestamp::from_unix(T0 + 90 * DAY);
    let events = site.events();
    let [
        Event::Opened { id, login_id, .. },
        Event::Saved { id: saved, .. },
        regenerated,
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!((*id, *saved), (from, to));
    assert_eq!(
        *regenerated,
        Event::Regenerated {
            from,
            to,
            from_login: *login_id,
            to_login,
            absolute_end
        }
    );
    assert_ne!(*login_id, to_login);

    // Not saved, not regenerated.
    browser.send(&site, |session| {
        session.regenerate().unwrap();
        session.insert("page", "x".repeat(9_000)).unwrap_err();
    });
    let events = site.events();
    assert!(
        matches!(events[..], [Event::Opened { .. }, Event::Failed { .. }]),
        "{events:?}"
    );
}

#[test]
fn a_new_id_does_not_evade_validate() {
    let denied: Arc<Mutex<Vec<SessionId>>> = Arc::default();
    let asked = Arc::clone(&denied);
    let site = Site::with(&Clock::new(), |builder| {
        builder.validate(move |view| !asked.lock().unwrap().contains(&view.id()))
    });
    let mut browser = logged_in(&site, "ada");
    let before = browser.clone();
    browser.send(&site, |session| {
        let id = session.id().unwrap();
        // By an operator, while the handler runs.
        denied.lock().unwrap().push(id);
        session.regenerate().unwrap();
    });
    assert!(browser == before, "no cookie under the new id");
    assert!(matches!(
        site.events()[..],
        [
            Event::Opened { .. },
            Event::NotSaved {
                reason: SkipReason::NotValidated,
                ..
            }
        ]
    ));
}

#[test]
fn validate_sees_the_session_and_refuses_when_it_is_opened_and_when_it_is_saved() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let site = Site::with(&Clock::new(), |builder| {
        builder.validate(move |view| {
            let user: Option<String> = view.data().get("user").unwrap();
            let times = [view.created_at(), view.issued_at(), view.expires_at()];
            log.lock()
                .unwrap()
                .push((view.id(), times.map(Timestamp::to_unix)));
            user.as_deref() != Some("mallory")
        })
    });
    let mut browser = logged_in(&site, "ada");
    let id = browser.peek(&site, |session| session.id().unwrap());
    site.clock.pass(600);
    site.events();
    seen.lock().unwrap().clear();
    // At saving.
    let before = browser.clone();
    let (_, reply) = browser.visit(&site, |session| session.insert("user", "mallory").unwrap());
    assert_eq!((reply.failed, &browser), (None, &before));
    assert!(matches!(
        site.events()[..],
        [Event::Opened { .. }, Event::NotSaved { id: Some(known), reason: SkipReason::NotValidated }]
        if known == id
    ));
    let now = T0 + 600;
    assert_eq!(
        *seen.lock().unwrap(),
        [(id, [T0, T0, T0 + 1800]), (id, [T0, now, now + 1800])]
    );

    // At opening.
    let free = Site::with(&site.clock, |builder| builder);
    let (_, _) = browser.visit(&free, |session| session.insert("user", "mallory").unwrap());
    assert_eq!(browser.user(&free).as_deref(), Some("mallory"));
    let before = browser.clone();
    browser.send(&site, |session| assert!(session.is_new().unwrap()));
    assert_eq!(browser, before);
    assert!(matches!(
        site.events()[..],
        [Event::Refused { id: Some(known), reason: Refusal::NotValidated, .. }] if known == id
    ));
}

#[test]
fn validate_is_asked_before_a_renewal() {
    let denylist = Denylist::default();
    let site = denylist.site(&Clock::new(), false);
    let browser = logged_in(&site, "ada");
    site.clock.pass(600);
    let session = site.request(&browser.header());
    let id = session.id().unwrap();
    denylist.add(id, site.clock.now());
    assert_eq!(finish(&session).set_cookie, [""; 0]);
}

#[test]
fn destroy_removes_every_cookie_received_even_if_none_opened() {
    let site = Site::new();
    let cookies = format!(
        "{NAME}.9=x; {NAME}=garbage; a=b; {NAME}.2=F.x; {NAME}.2=again; {NAME}.x=1; {NAME}x=1; {NAME}.10=1; {NAME}.0=1"
    );
    for (header, removed) in [
        (
            cookies.as_str(),
            vec![NAME.to_owned(), format!("{NAME}.2"), format!("{NAME}.9")],
        ),
        (&format!("{NAME}.1=x"), vec![format!("{NAME}.1")]),
        // What a browser withheld, because another site made the request, is not this request's to remove.
        ("", vec![]),
    ] {
        let session = site.request(header);
        session.destroy().unwrap();
        let reply = finish(&session);
        let mut names: Vec<_> = reply
            .set_cookie
            .iter()
            .map(|line| line.split_once('=').unwrap().0.to_owned())
            .collect();
        names.sort();
        assert_eq!(names, removed);
        for line in &reply.set_cookie {
            assert!(line.contains("; Max-Age=0"), "{line}");
        }
    }
}

#[test]
fn a_removal_repeats_the_attributes_of_the_setter() {
    for bits in 0..64_u8 {
        let on = |bit: u8| bits & (1 << bit) != 0;
        let (secure, http_only, partitioned) = (on(0), on(1), on(2));
        if partitioned && !secure {
            continue;
        }
        let site = Site::with(&Clock::new(), |builder| {
            let builder = builder
                .cookie_name("id")
                .secure(secure)
                .http_only(http_only)
                .partitioned(partitioned)
                .path(if on(3) { "/shop" } else { "/" })
                .same_site(if on(4) {
                    SameSite::Strict
                } else {
                    SameSite::Lax
                });
            if on(5) {
                builder.domain("example.org")
            } else {
                builder
            }
        });
        let session = site.request("");
        session.insert("user", "ada").unwrap();
        let set = finish(&session).set_cookie;
        let pair = set[0].split("; ").next().unwrap();
        let session = site.request(pair);
        session.destroy().unwrap();
        let removed = finish(&session).set_cookie;
        let attributes = |line: &str| -> Vec<String> {
            let attributes = line.split("; ").skip(1);
            attributes
                .filter(|one| !one.starts_with("Max-Age=") && !one.starts_with("Expires="))
                .map(str::to_owned)
                .collect()
        };
        let set = attributes(&set[0]);
        assert_eq!(attributes(&removed[0]), set);
        // With a domain, the cookie of a time before there was one goes too.
        assert_eq!(removed.len(), if on(5) { 2 } else { 1 });
        if let Some(twin) = removed.get(1) {
            let mut set = set.clone();
            set.retain(|attribute| attribute != "Domain=example.org");
            assert_eq!(attributes(twin), set);
        }
        // A path may have hidden the cookie from this request.
        let session = site.request("");
        session.destroy().unwrap();
        let unseen = finish(&session).set_cookie;
        assert_eq!(unseen, if on(3) { removed } else { vec![] });
        for (wanted, text) in [
            (secure, "Secure"),
            (http_only, "HttpOnly"),
            (partitioned, "Partitioned"),
            (on(3), "Path=/shop"),
            (!on(3), "Path=/"),
            (on(4), "SameSite=Strict"),
            (!on(4), "SameSite=Lax"),
            (on(5), "Domain=example.org"),
        ] {
            assert_eq!(set.contains(&text.to_owned()), wanted, "{text} {set:?}");
        }
    }
}

#[test]
fn a_write_after_destroy_makes_a_fresh_session() {
    let site = Site::with(&Clock::new(), |builder| builder);
    let mut browser = Browser::default();
    browser.send(&site, |session| {
        session.insert("user", "ada").unwrap();
        session.insert("page", "x".repeat(4_000)).unwrap();
        session.remember(true).unwrap();
    });
    assert_eq!(browser.jar.0.len(), 2);
    let old = browser.peek(&site, |session| session.id().unwrap());
    site.clock.pass(MINUTE);
    browser.send(&site, |session| {
        session.destroy().unwrap();
        session.insert("user", "bob").unwrap();
    });
    // The parts of the old one are gone.
    assert_eq!(browser.names(), [NAME]);
    browser.peek(&site, |session| {
        assert_ne!(session.id().unwrap(), old);
        assert_eq!(session.created_at().unwrap(), site.clock.now());
        assert!(!session.is_remembered().unwrap());
        assert_eq!(session.keys().unwrap(), ["user"]);
        assert_eq!(
            session.get::<String>("user").unwrap().as_deref(),
            Some("bob")
        );
    });
}

#[test]
fn a_logout_counts_even_if_what_follows_cannot_be_saved() {
    let site = Site::new();
    let mut browser = logged_in(&site, "ada");
    let (_, reply) = browser.visit(&site, |session| {
        session.destroy().unwrap();
        session.insert("page", "x".repeat(9_000)).unwrap_err();
    });
    assert!(reply.failed.is_some());
    assert_eq!(browser, Browser::default());
}

#[test]
fn a_refused_cookie_stays_until_a_write_replaces_it() {
    let site = Site::new();
    let mut browser = Browser::with([
        (NAME, "3.garbage"),
        (&format!("{NAME}.1"), "F.stale"),
        (&format!("{NAME}.2"), "F.stale"),
    ]);
    let before = browser.clone();
    let (_, reply) = browser.visit(&site, |session| assert!(session.is_new().unwrap()));
    assert_eq!((reply.failed, &browser), (None, &before));
    browser.send(&site, |session| session.insert("user", "ada").unwrap());
    assert_eq!(browser.names(), [NAME]);
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
}

#[test]
fn a_late_answer_to_an_old_tab_does_not_undo_a_login() {
    // The tab's session is over, due for renewal, or one that this instance cannot open.
    for (age, other_ring) in [(31 * MINUTE, false), (10 * MINUTE, false), (0, true)] {
        let clock = Clock::new();
        let site = Site::with(&clock, |builder| builder);
        let other = Site::under(ring(2), &clock, |builder| builder);
        let mut browser = logged_in(&site, "nobody");
        clock.pass(age);
        let tab = if other_ring { &other } else { &site }.request(&browser.header());
        tab.get::<String>("user").unwrap();
        browser.send(&site, |session| {
            session.regenerate_for_login().unwrap();
            session.insert("user", "ada").unwrap();
        });
        clock.pass(6);
        browser.take(&finish(&tab));
        assert_eq!(browser.user(&site).as_deref(), Some("ada"));
    }
}
