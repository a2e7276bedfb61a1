//! When a Set-Cookie goes out and when not, what it weighs, and what caches are told.

use crate::kit::{
    clock::{Clock, seconds},
    exchange::Reply,
    site::{Browser, NAME, Site, finish, logged_in},
};
use hardtack::session::{
    Event, Exchange, FlashLevel, SaveError, SaveReason, Session, SessionError, SkipReason,
};
use std::time::Duration;

fn seen<T>(_: T) {}

#[test]
fn a_session_that_nobody_asks_for_costs_nothing() {
    let site = Site::new();
    let browser = logged_in(&site, "ada");
    let session = site.request(&browser.header());
    assert_eq!(finish(&session), Reply::default());
    assert_eq!(site.events(), []);
}

#[test]
fn reading_sets_no_cookie_and_says_that_the_answer_depends_on_it() {
    let site = Site::new();
    let mut browser = logged_in(&site, "ada");
    let reads: [fn(&Session); 10] = [
        |session| seen(session.get::<String>("user").unwrap()),
        |session| assert!(session.contains_key("user").unwrap()),
        |session| assert!(!session.is_new().unwrap()),
        |session| seen(session.id().unwrap()),
        |session| seen(session.keys().unwrap()),
        |session| seen(session.len().unwrap()),
        |session| seen(session.is_empty().unwrap()),
        |session| seen(session.expires_at().unwrap()),
        |session| seen(session.is_remembered().unwrap()),
        |session| seen(session.with(|map| map.len()).unwrap()),
    ];
    for read in reads {
        let (_, reply) = browser.visit(&site, read);
        assert_eq!(reply.set_cookie, [""; 0]);
        assert_eq!(
            (reply.vary.as_deref(), reply.failed),
            (Some("Cookie"), None)
        );
        assert_eq!(reply.cache_control, Some("private"));
    }
    // Presence counts too, also where there is none.
    let (_, reply) = Browser::default().visit(&site, |session| session.is_new().unwrap());
    assert_eq!(reply.set_cookie, [""; 0]);
    assert_eq!(reply.vary.as_deref(), Some("Cookie"));
}

#[test]
fn what_ends_as_it_began_is_not_saved() {
    let site = Site::new();
    let mut browser = logged_in(&site, "ada");
    let before = browser.clone();
    let writes: [fn(&Session); 9] = [
        |session| session.insert("user", "ada").unwrap(),
        |session| session.update("user", |_: &mut String| ()).unwrap(),
        |session| {
            session
                .modify(|map| map.insert("user", "ada"))
                .unwrap()
                .unwrap()
        },
        |session| assert!(!session.remove("cart").unwrap()),
        |session| assert_eq!(session.take::<u8>("cart").unwrap(), None),
        |session| assert_eq!(session.take_flashes().unwrap(), []),
        |session| {
            session.insert("cart", 7).unwrap();
            assert!(session.remove("cart").unwrap());
        },
        |session| {
            session.flash(FlashLevel::Info, "hello").unwrap();
            assert_eq!(session.take_flashes().unwrap().len(), 1);
        },
        |session| {
            session.clear().unwrap();
            session.insert("user", "ada").unwrap();
        },
    ];
    for (n, write) in writes.into_iter().enumerate() {
        let (_, reply) = browser.visit(&site, write);
        assert_eq!(reply.set_cookie, [""; 0], "{n}");
    }
    assert_eq!(browser, before);
}

#[test]
fn a_new_session_with_nothing_in_it_sets_nothing() {
    let site = Site::new();
    let nothings: [fn(&Session); 8] = [
        |session| seen(session.id().unwrap()),
        |session| session.clear().unwrap(),
        |session| session.regenerate().unwrap(),
        |session| session.regenerate_for_login().unwrap(),
        |session| session.remember(true).unwrap(),
        |session| session.expire_in(seconds(60)).unwrap(),
        |session| {
            session.insert("cart", 7).unwrap();
            assert_eq!(session.take("cart").unwrap(), Some(7));
        },
        |session| {
            session.flash(FlashLevel::Info, "hello").unwrap();
            assert_eq!(session.take_flashes().unwrap().len(), 1);
        },
    ];
    for (n, nothing) in nothings.into_iter().enumerate() {
        let (_, reply) = Browser::default().visit(&site, nothing);
        assert_eq!(reply.set_cookie, [""; 0], "{n}");
        assert_eq!(site.events(), [], "{n}");
    }
}

#[test]
fn a_change_is_saved_with_the_attributes_of_the_settings() {
    let site = Site::new();
    let mut browser = Browser::default();
    let (id, reply) = browser.visit(&site, |session| {
        session.insert("user", "ada").unwrap();
        session.id().unwrap()
    });
    let [line] = reply.set_cookie.as_slice() else {
        panic!("{reply:?}");
    };
    let (value, attributes) = line.split_once("; ").unwrap();
    assert!(value.starts_with("__Host-session=h"), "{value}");
    assert_eq!(attributes, "HttpOnly; SameSite=Lax; Secure; Path=/");
    assert_eq!(reply.cache_control, Some("no-store"));
    assert_eq!(reply.vary.as_deref(), Some("Cookie"));
    let [
        Event::Saved {
            id: saved,
            reason,
            len,
            ..
        },
    ] = site.events()[..]
    else {
        panic!();
    };
    assert_eq!((saved, reason, len), (id, SaveReason::Created, value.len()));
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
}

#[test]
fn the_fields_of_the_handler_are_kept_where_they_are_safe() {
    let site = Site::new();
    let browser = logged_in(&site, "ada");
    let reply = |write: bool, cache_control: &'static [&'static str], vary: &'static [&str]| {
        let session = site.request(&browser.header());
        if write {
            session.insert("cart", 7).unwrap();
        } else {
            session.is_new().unwrap();
        }
        site.events();
        let bytes = |lines: &[&'static str]| -> Vec<&'static [u8]> {
            lines.iter().map(|line| line.as_bytes()).collect()
        };
        let reply = session.finish_with(&bytes(cache_control), &bytes(vary));
        let replaced = site.events().contains(&Event::CacheControlReplaced);
        (
            reply.vary.unwrap_or_default(),
            reply.cache_control,
            replaced,
        )
    };
    assert_eq!(
        reply(false, &["public"], &["Cookie"]),
        (String::new(), None, false)
    );
    assert_eq!(
        reply(false, &[], &["Accept"]),
        ("Accept, Cookie".into(), Some("private"), false)
    );
    assert_eq!(
        reply(true, &[], &["*"]),
        (String::new(), Some("no-store"), false)
    );
    assert_eq!(
        reply(true, &["max-age=60"], &[]),
        ("Cookie".into(), Some("no-store"), true)
    );
    assert_eq!(
        reply(true, &["max-age=60, private"], &[]),
        ("Cookie".into(), None, false)
    );
}

/// A text that CBOR and base64 turn into about four thirds of its length.
fn text(len: usize) -> String {
    "x".repeat(len)
}

#[test]
fn outgrowing_is_reported_when_it_happens_and_loses_no_cookie() {
    let site = Site::new();
    let mut browser = logged_in(&site, "ada");
    let before = browser.clone();
    let (error, reply) = browser.visit(&site, |session| {
        let error = session.insert("page", text(6_000)).unwrap_err();
        // What was written is there, to be removed.
        assert!(session.contains_key("page").unwrap());
        error
    });
    let SessionError::TooBig { len, max } = error else {
        panic!("{error}");
    };
    assert_eq!(max, 7_000);
    assert!(len > 8_000, "{len}");
    assert_eq!(
        error.to_string(),
        format!(
            "the session needs {len} bytes once it is sealed, the maximum is 7000: remove something"
        )
    );
    // It was ignored: the answer is a 500, which no cache keeps and which leaves the cookie alone.
    let error = SaveError::TooBig { len, max };
    assert_eq!(reply.failed, Some(error));
    assert_eq!(reply.set_cookie, [""; 0]);
    assert_eq!(reply.cache_control, Some("no-store"));
    assert_eq!(reply.vary.as_deref(), Some("Cookie"));
    assert_eq!(browser, before);
    let events = site.events();
    let [
        Event::Opened { id, .. },
        Event::Failed {
            id: failed,
            error: told,
        },
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!((failed, told), (&Some(*id), &error));
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));

    // A removal mends it.
    let (_, reply) = browser.visit(&site, |session| {
        assert!(session.insert("page", text(6_000)).is_err());
        assert!(session.remove("page").unwrap());
        session.insert("cart", 7).unwrap();
    });
    assert_eq!((reply.failed, reply.set_cookie.len()), (None, 1));
}

#[test]
fn the_limits_hold_on_the_final_bytes() {
    for (chunks, bytes) in [
        (1, 50_000),
        (2, 50_000),
        (3, 50_000),
        (9, 50_000),
        (2, 7_000),
        (9, 9_999),
        (2, 500),
    ] {
        for remembered in [false, true] {
            let site = Site::with(&Clock::new(), |builder| {
                // The longest Max-Age that there is.
                builder
                    .max_chunks(chunks)
                    .max_cookie_bytes(bytes)
                    .remember_idle_timeout(Duration::MAX)
                    .remember_absolute_timeout(Duration::MAX)
            });
            let save = |len: usize| {
                let mut browser = Browser::default();
                let (inserted, reply) = browser.visit(&site, |session| {
                    session.remember(remembered).unwrap();
                    session.insert("page", text(len))
                });
                for line in &reply.set_cookie {
                    assert!(line.len() <= 4096, "{}", line.len());
                }
                let total: usize = browser
                    .jar
                    .0
                    .iter()
                    .map(|(n, v)| n.len() + 1 + v.len())
                    .sum();
                match (inserted, reply.failed) {
                    (Ok(()), None) => {
                        assert!(total <= bytes && browser.jar.0.len() <= chunks);
                        let read = browser.peek(&site, |session| session.get::<String>("page"));
                        assert_eq!(read.unwrap(), Some(text(len)));
                        Ok((total, reply.set_cookie))
                    }
                    (Err(SessionError::TooBig { len, max }), Some(error)) => {
                        assert_eq!(error, SaveError::TooBig { len, max });
                        assert!(len > max);
                        assert_eq!(reply.set_cookie, [""; 0]);
                        Err((len, max))
                    }
                    other => panic!("{other:?}"),
                }
            };
            // The longest text that fits, by halving.
            let (mut fits, mut breaks) = (0, 40_000);
            while breaks - fits > 1 {
                let middle = usize::midpoint(fits, breaks);
                match save(middle) {
                    Ok(_) => fits = middle,
                    Err(_) => breaks = middle,
                }
            }
            let (total, lines) = save(fits).unwrap();
            let (needed, max) = save(breaks).unwrap_err();
            // Three bytes are four characters, so a byte more is at most two characters more.
            assert!(needed - total <= 2 + 40, "{chunks} {bytes}");
            assert!(total <= max && needed > max);
            if bytes == 50_000 {
                assert_eq!(lines.len(), chunks);
                if remembered && chunks > 1 {
                    assert_eq!(lines[0].len(), 4096);
                }
            } else {
                assert_eq!(max, bytes);
                assert!(bytes - total < 3, "{total} of {bytes}");
            }
        }
    }
}

/// A developer sees at once why a page is a 500, and a visitor reads nothing of the site's inside.
#[test]
fn a_session_that_was_not_saved_says_why_to_a_developer_alone() {
    let body = |site: &Site| {
        let session = site.request("");
        let _ = session.insert("page", text(10_000));
        session.edits(&[], &[]).body()
    };
    assert_eq!(body(&Site::new()), "");
    let site = Site::with(&Clock::new(), |builder| builder.insecure_for_development());
    let said = body(&site);
    assert!(
        said.starts_with("the session was not saved: the session needs "),
        "{said}"
    );
    assert_eq!(site.request("").edits(&[], &[]).body(), "");
}

#[test]
fn a_session_over_a_lowered_limit_can_still_be_read_and_mended() {
    let clock = Clock::new();
    let before = Site::with(&clock, |builder| builder);
    let after = Site::with(&clock, |builder| builder.max_cookie_bytes(1_000));
    let mut browser = Browser::default();
    browser.send(&before, |session| {
        session.insert("user", "ada").unwrap();
        session.insert("page", text(2_000)).unwrap();
    });
    let cookies = browser.clone();

    // Renewal is due and impossible; a reader loses nothing by it.
    clock.pass(200);
    let (user, reply) = browser.visit(&after, |session| session.get::<String>("user").unwrap());
    assert_eq!(user.as_deref(), Some("ada"));
    assert_eq!((reply.failed, &browser), (None, &cookies));
    let [Event::Opened { .. }, Event::NotSaved { reason, .. }] = after.events()[..] else {
        panic!();
    };
    let SkipReason::RenewalFailed(SaveError::TooBig { max: 1_000, .. }) = reason else {
        panic!("{reason}");
    };

    let (_, reply) = browser.visit(&after, |session| session.insert("cart", 7).unwrap_err());
    assert!(reply.failed.is_some());
    let (_, reply) = browser.visit(&after, |session| session.remove("page").unwrap());
    assert_eq!(reply.failed, None);
    assert_eq!(browser.user(&after).as_deref(), Some("ada"));
}

#[test]
fn chunks_come_and_go_with_the_size() {
    let site = Site::with(&Clock::new(), |builder| {
        builder.max_chunks(4).max_cookie_bytes(16_000)
    });
    let mut browser = Browser::default();
    let chunk = |k: usize| format!("{NAME}.{k}");
    for (len, count) in [
        (10, 1),
        (4_000, 2),
        (10_000, 4),
        (7_000, 3),
        (10, 1),
        (4_000, 2),
    ] {
        let (_, reply) = browser.visit(&site, |session| session.insert("page", text(len)).unwrap());
        assert_eq!(reply.failed, None);
        let wanted: Vec<_> = std::iter::once(NAME.into())
            .chain((1..count).map(chunk))
            .collect();
        assert_eq!(browser.names(), wanted);
        let read = browser.peek(&site, |session| session.get::<String>("page").unwrap());
        assert_eq!(read, Some(text(len)));
    }
    browser.send(&site, |session| session.destroy().unwrap());
    assert_eq!(browser, Browser::default());
}

/// Else every request of this browser would carry it until it is closed.
#[test]
fn a_part_whose_first_cookie_is_gone_is_removed_by_the_next_save() {
    let site = Site::new();
    let mut browser = Browser::with([(&*format!("{NAME}.1"), "F.x")]);
    browser.send(&site, |session| session.insert("cart", 7).unwrap());
    assert_eq!(browser.names(), [NAME]);
}

#[test]
fn what_is_wrong_with_a_call_is_told_before_the_size_of_the_session() {
    let site = Site::new();
    let session = site.request("");
    session.insert("name", "ada").unwrap();
    let too_big = session.insert("page", "x".repeat(10_000));
    assert!(matches!(too_big, Err(SessionError::TooBig { .. })));
    let wrong = session.update("name", |visits: &mut u32| *visits += 1);
    assert!(
        matches!(wrong, Err(SessionError::WrongType { .. })),
        "{wrong:?}"
    );
}

#[test]
fn an_update_to_a_value_that_cannot_be_stored_leaves_the_one_before() {
    #[derive(Default, serde::Serialize, serde::Deserialize)]
    struct Nested(Option<Box<Nested>>);

    let site = Site::new();
    let mut browser = Browser::default();
    browser.send(&site, |session| {
        session.insert("deep", Nested::default()).unwrap()
    });
    let before = browser.clone();
    let (_, reply) = browser.visit(&site, |session| {
        let updated = session.update("deep", |nested: &mut Nested| {
            for _ in 0..200 {
                *nested = Nested(Some(Box::new(std::mem::take(nested))));
            }
        });
        assert!(
            matches!(updated, Err(SessionError::Unstorable { .. })),
            "{updated:?}"
        );
        let nested: Nested = session.get("deep").unwrap().unwrap();
        assert!(nested.0.is_none());
    });
    assert_eq!((reply.failed, &browser), (None, &before));
}

/// Else the layer outside would overwrite what the layer inside has set.
#[test]
fn a_layer_inside_leaves_the_request_to_the_one_outside_of_the_same_manager() {
    let site = Site::new();
    let outside = Exchange::begin(&site.sessions);
    assert!(outside.covers(&site.sessions.clone()));
    assert!(!outside.covers(&Site::new().sessions));
}
