//! The handle: inside its own closures, after the answer, from several threads, and when a handler
//! panics.

use crate::kit::{
    clock::{Clock, seconds},
    exchange::{NO_HEADERS, Reply, Request, ready},
    site::{Browser, Site, finish, logged_in},
};
use hardtack::session::{
    Denylist, Event, Exchange, FlashLevel, HeaderEdit, RequestHead, SaveError, Session,
    SessionData, SessionError, SessionManager, SkipReason, testing,
};
use serde::{Deserialize, Serialize, Serializer};
use std::{
    cell::RefCell,
    iter,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Barrier, Mutex, OnceLock},
    thread,
};

type Call = fn(&Session) -> Result<(), SessionError>;

/// Every call that changes something.
const WRITES: [(&str, Call); 19] = [
    ("insert", |session| session.insert("cart", 7)),
    ("remove", |session| session.remove("user").map(drop)),
    ("remove nothing", |session| {
        session.remove("nothing").map(drop)
    }),
    ("take", |session| session.take::<String>("user").map(drop)),
    ("take nothing", |session| {
        session.take::<String>("nothing").map(drop)
    }),
    ("extend", |session| session.extend([("cart", 7)])),
    ("get_or_insert_with", |session| {
        session.get_or_insert_with("n", u8::default).map(drop)
    }),
    ("update", |session| session.update("n", |_: &mut u8| ())),
    ("clear", |session| session.clear()),
    ("flash", |session| session.flash(FlashLevel::Info, "hello")),
    ("take_flashes", |session| session.take_flashes().map(drop)),
    ("regenerate", |session| session.regenerate()),
    ("regenerate_for_login", |session| {
        session.regenerate_for_login()
    }),
    ("expire_in", |session| session.expire_in(seconds(1))),
    ("remember", |session| session.remember(true)),
    ("destroy", |session| session.destroy()),
    ("modify", |session| session.modify(|_| ())),
    ("touch", |session| session.touch()),
    ("discard_changes", |session| session.discard_changes()),
];

/// Those that leave the session above as it is.
const NO_CHANGES: [&str; 6] = [
    "remove nothing",
    "take nothing",
    "take_flashes",
    "modify",
    "touch",
    "discard_changes",
];

const READS: [(&str, Call); 17] = [
    ("get", |session| session.get::<String>("user").map(drop)),
    ("get_or_remove", |session| {
        session.get_or_remove::<String>("user").map(drop)
    }),
    ("contains_key", |session| {
        session.contains_key("user").map(drop)
    }),
    ("get_or_insert_with something", |session| {
        session
            .get_or_insert_with("user", String::default)
            .map(drop)
    }),
    ("entries", |session| session.entries::<String>().map(drop)),
    ("keys", |session| session.keys().map(drop)),
    ("len", |session| session.len().map(drop)),
    ("is_empty", |session| session.is_empty().map(drop)),
    ("with", |session| session.with(|_| ())),
    ("id", |session| session.id().map(drop)),
    ("created_at", |session| session.created_at().map(drop)),
    ("expires_at", |session| session.expires_at().map(drop)),
    ("is_new", |session| session.is_new().map(drop)),
    ("is_remembered", |session| session.is_remembered().map(drop)),
    ("is_changed", |session| session.is_changed().map(drop)),
    ("login_id", |session| session.login_id().map(drop)),
    ("refused", |session| session.refused().map(drop)),
];

#[test]
fn a_call_within_a_closure_of_the_session_is_an_error() {
    let site = Site::new();
    let browser = logged_in(&site, "ada");
    let session = site.request(&browser.header());
    assert_eq!(
        SessionError::InUse.to_string(),
        "the session was used inside its own closure: use the argument of the closure, or use the session after it"
    );
    for (name, call) in WRITES.into_iter().chain(READS) {
        let inside = || call(&session.clone());
        assert_eq!(
            session.with(|_| inside()).unwrap(),
            Err(SessionError::InUse),
            "{name}"
        );
        assert_eq!(
            session.modify(|_| inside()).unwrap(),
            Err(SessionError::InUse),
            "{name}"
        );
        let updated = session.update("n", |_: &mut u8| inside()).unwrap();
        assert_eq!(updated, Err(SessionError::InUse), "{name}");
    }
    // The adapter's calls too: nothing is lost by them.
    let reply = session.with(|_| finish(&session)).unwrap();
    assert_eq!(reply.failed, Some(SaveError::InUse));
    assert_eq!(
        session.get::<String>("user").unwrap().as_deref(),
        Some("ada")
    );
    // Another session is another thing.
    let other = site.request(&browser.header());
    assert_eq!(session.with(|_| other.len()).unwrap(), Ok(1));
    assert_eq!(finish(&session).failed, None);
}

thread_local! {
    static HERE: RefCell<Option<Session>> = const { RefCell::new(None) };
}

fn len_of_here() -> Result<usize, SessionError> {
    HERE.with_borrow(|session| session.as_ref().unwrap().len())
}

/// Uses the session while it is being stored in it.
struct Nosy;

impl Serialize for Nosy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert_eq!(len_of_here(), Err(SessionError::InUse));
        serializer.serialize_unit()
    }
}

#[test]
fn a_hook_that_uses_the_session_gets_an_error_and_an_event_handler_may() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    let site = Site::with(&Clock::new(), |builder| {
        builder
            .validate(|_| {
                HERE.with_borrow(|here| {
                    let used = here.as_ref().map(Session::len);
                    assert!(used.is_none_or(|used| used == Err(SessionError::InUse)));
                });
                true
            })
            .on_event(move |_| {
                HERE.with_borrow(|here| {
                    if let Some(session) = here {
                        log.lock().unwrap().push(session.len());
                    }
                });
            })
    });
    let browser = logged_in(&site, "ada");
    let session = site.request(&browser.header());
    HERE.set(Some(session.clone()));
    assert_eq!(session.len(), Ok(1));
    session.insert("nosy", &Nosy).unwrap();
    assert_eq!(finish(&session).set_cookie.len(), 1);
    HERE.set(None);
    // Opened and saved: no lock was held.
    assert_eq!(*told.lock().unwrap(), [Ok(1), Ok(2)]);
}

/// What is ended or replaced is told, and shared with other instances, before the browser can know of it.
#[test]
fn events_and_entries_come_before_the_response() {
    type Told = Arc<Mutex<Vec<&'static str>>>;
    let told = Told::default();
    let (events, entries) = (Arc::clone(&told), Arc::clone(&told));
    let denylist = Denylist::new().on_insert(move |_| entries.lock().unwrap().push("entry"));
    let site = Site::with(&Clock::new(), |builder| {
        builder.denylist(denylist).on_event(move |event| {
            let name = match event {
                Event::Saved { .. } => "saved",
                Event::Regenerated { .. } => "regenerated",
                Event::Destroyed { .. } => "destroyed",
                _ => return,
            };
            events.lock().unwrap().push(name);
        })
    });
    let mut browser = Browser::default();
    let log_in: Call = |session| {
        session.regenerate_for_login()?;
        session.insert("user", "ada")
    };
    for (call, expected) in [
        (log_in, &["saved"][..]),
        (log_in, &["saved", "regenerated", "entry"]),
        (|session| session.destroy(), &["destroyed", "entry"]),
    ] {
        let session = site.request(&browser.header());
        call(&session).unwrap();
        let plan = session.close();
        let mut before = std::mem::take(&mut *told.lock().unwrap());
        before.sort();
        let mut expected = expected.to_vec();
        expected.sort();
        assert_eq!(before, expected);
        browser.take(&session.finish_closed(plan));
        assert_eq!(*told.lock().unwrap(), [""; 0]);
    }
}

/// A handler that is cancelled, or whose connection is gone: nothing is saved and nothing said of a save, and
/// what it has ended stays ended.
#[test]
fn a_request_without_a_response_saves_nothing() {
    let site = Site::new();
    let mut browser = logged_in(&site, "ada");
    let session = site.request(&browser.header());
    session.regenerate_for_login().unwrap();
    session.insert("user", "eve").unwrap();
    site.events();
    drop(session);
    assert_eq!(site.events(), []);
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
    browser.send(&site, |session| session.insert("cart", 7).unwrap());
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));

    site.events();
    let session = site.request(&browser.header());
    session.destroy().unwrap();
    drop(session);
    assert!(matches!(
        site.events()[..],
        [Event::Opened { .. }, Event::Destroyed { .. }]
    ));
    assert_eq!(browser.user(&site), None);
}

#[test]
fn after_the_headers_a_write_is_an_error_and_changes_nothing() {
    let site = Site::new();
    let browser = logged_in(&site, "ada");
    assert_eq!(
        SessionError::HeadersSent.to_string(),
        "the session was used after the headers were sent: use it in the handler, before the body"
    );
    let session = site.request(&browser.header());
    session.len().unwrap();
    let _ = finish(&session);
    for (name, call) in WRITES {
        assert_eq!(call(&session), Err(SessionError::HeadersSent), "{name}");
    }
    for (name, call) in READS {
        assert_eq!(call(&session), Ok(()), "{name}");
    }
    let mut ran = false;
    let updated = session.update("n", |_: &mut u8| ran = true);
    assert_eq!((updated, ran), (Err(SessionError::HeadersSent), false));
    assert_eq!(session.keys().unwrap(), ["user"]);
    // A second answer has nothing to say.
    assert_eq!(finish(&session), Reply::default());

    // The first read comes too late as well: caches were not told.
    let session = site.request(&browser.header());
    let _ = finish(&session);
    for (name, call) in WRITES.into_iter().chain(READS) {
        assert_eq!(call(&session), Err(SessionError::HeadersSent), "{name}");
    }
}

#[test]
fn what_a_request_changes_it_knows_and_can_take_back() {
    let site = Site::new();
    for (name, call) in WRITES {
        let mut browser = logged_in(&site, "ada");
        let before = browser.clone();
        let session = site.request(&browser.header());
        let ids = || (session.id().unwrap(), session.login_id().unwrap());
        let its_own = ids();
        assert_eq!(session.is_changed(), Ok(false), "{name}");
        call(&session).unwrap();
        let changed = !NO_CHANGES.contains(&name);
        assert_eq!(session.is_changed(), Ok(changed), "{name}");
        session.discard_changes().unwrap();
        // What was ended stays ended.
        let ended = name == "destroy";
        assert_eq!(session.is_changed(), Ok(ended), "{name}");
        assert_eq!(ids() == its_own, !ended, "{name}");
        site.events();
        browser.take(&finish(&session));
        assert_eq!(browser == before, !ended, "{name}");
        let told = site.events();
        assert!(told.is_empty(), "{name}: {told:?}");
        let user = (!ended).then_some("ada");
        assert_eq!(browser.user(&site).as_deref(), user, "{name}");
    }
    // A new session, and what is written after the change of mind.
    let session = site.request("");
    assert_eq!(session.is_changed(), Ok(false));
    session.insert("cart", 7).unwrap();
    assert_eq!(session.is_changed(), Ok(true));
    session.discard_changes().unwrap();
    assert_eq!(session.is_changed(), Ok(false));
    session.insert("user", "ada").unwrap();
    assert_eq!(session.keys().unwrap(), ["user"]);
    assert_eq!(finish(&session).set_cookie.len(), 1);
}

#[test]
fn threads_wait_for_each_other_and_lose_nothing() {
    let site = Site::new();
    let mut browser = logged_in(&site, "ada");
    let session = site.request(&browser.header());
    let start = Barrier::new(4);
    thread::scope(|scope| {
        for n in 0..4 {
            let (session, start) = (session.clone(), &start);
            scope.spawn(move || {
                start.wait();
                for _ in 0..50 {
                    let count = |n: &mut u32| {
                        // For the others to call while this one is inside.
                        thread::yield_now();
                        *n += 1;
                    };
                    session.update("n", count).unwrap();
                    session
                        .modify(|map| map.insert(&n.to_string(), n))
                        .unwrap()
                        .unwrap();
                    session.get::<String>("user").unwrap().unwrap();
                }
            });
        }
    });
    browser.take(&finish(&session));
    browser.peek(&site, |session| {
        assert_eq!(session.get("n").unwrap(), Some(200));
        assert_eq!(session.len().unwrap(), 6);
    });
}

/// A panic with nothing on standard error.
fn quiet_panic() {
    std::panic::resume_unwind(Box::new("a handler"));
}

fn assert_nothing_saved(site: &Site, session: &Request) {
    site.events();
    let reply = finish(session);
    assert_eq!((&reply.set_cookie[..], reply.failed), (&[][..], None));
    let events = site.events();
    assert!(
        matches!(
            events[..],
            [Event::NotSaved {
                reason: SkipReason::Panicked,
                ..
            }]
        ),
        "{events:?}"
    );
}

#[test]
fn a_panic_saves_nothing() {
    let site = Site::new();
    let browser = logged_in(&site, "ada");
    let session = site.request(&browser.header());
    session.insert("cart", 7).unwrap();
    let handler = session.give();
    let caught = catch_unwind(AssertUnwindSafe(move || {
        let _handler = handler;
        quiet_panic();
    }));
    assert!(caught.is_err());
    assert_nothing_saved(&site, &session);
}

/// A task beside the handler has a clone of the session.
#[test]
fn a_panic_beside_the_handler_is_not_the_handlers() {
    let site = Site::new();
    let session = site.request("");
    let handler = session.give();
    handler.insert("user", "ada").unwrap();
    let clone = handler.clone();
    let task = thread::spawn(move || {
        clone.insert("cart", 7).unwrap();
        quiet_panic();
    });
    assert!(task.join().is_err());
    drop(handler);
    assert_eq!(finish(&session).set_cookie.len(), 1);
}

/// A handler that has only a clone left, and panics with it.
#[test]
fn a_panic_counts_if_no_handler_has_its_session() {
    let site = Site::new();
    let handler = testing::new_session(&site.sessions);
    handler.insert("user", "ada").unwrap();
    let (clone, kept) = (handler.clone(), handler.clone());
    drop(handler);
    let panicked = thread::spawn(move || {
        let _clone = clone;
        quiet_panic();
    });
    assert!(panicked.join().is_err());
    assert_eq!(testing::set_cookie(&kept), Ok(vec![]));
}

#[test]
fn a_panic_in_a_closure_saves_nothing_and_blocks_nobody() {
    let site = Site::new();
    let browser = logged_in(&site, "ada");
    type Panic = fn(&Session);
    let panics: [Panic; 3] = [
        |session| session.modify(|_| quiet_panic()).unwrap(),
        |session| session.update("n", |_: &mut u8| quiet_panic()).unwrap(),
        |session| session.with(|_| quiet_panic()).unwrap(),
    ];
    for panic in panics {
        let session = site.request(&browser.header());
        session.insert("cart", 7).unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| panic(&session))).is_err());
        // Not held for ever, and not "inside its own closure" for ever.
        assert_eq!(
            session.get::<String>("user").unwrap().as_deref(),
            Some("ada")
        );
        session.insert("more", 8).unwrap();
        assert_nothing_saved(&site, &session);
    }
}

#[test]
fn a_panic_counts_while_another_thread_uses_the_session() {
    let site = Site::new();
    let browser = logged_in(&site, "ada");
    let session = site.request(&browser.header());
    session.insert("cart", 7).unwrap();
    let handler = session.give();
    session
        .with(|_| {
            let panicked = thread::spawn(move || {
                let _handler = handler;
                quiet_panic();
            });
            assert!(panicked.join().is_err());
        })
        .unwrap();
    assert_nothing_saved(&site, &session);
}

#[test]
fn a_panic_in_a_hook_is_the_handlers_panic() {
    static PANIC: OnceLock<()> = OnceLock::new();
    let site = Site::with(&Clock::new(), |builder| {
        builder.validate(|_| {
            if PANIC.get().is_some() {
                quiet_panic();
            }
            true
        })
    });
    let browser = logged_in(&site, "ada");
    let session = site.request(&browser.header());
    session.insert("cart", 7).unwrap();
    PANIC.set(()).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| finish(&session))).is_err());
    assert_eq!(session.insert("more", 8), Err(SessionError::HeadersSent));
}

#[derive(Default, Serialize, Deserialize)]
struct Account {
    password: String,
}

impl SessionData for Account {
    const NAME: &'static str = "account";
    const VERSION: u8 = 1;
}

#[test]
fn nothing_prints_what_is_in_a_session() {
    let seen = Arc::new(Mutex::new(String::new()));
    let log = Arc::clone(&seen);
    let site = Site::with(&Clock::new(), |builder| {
        builder.realm("visible").validate(move |view| {
            *log.lock().unwrap() += &format!("{view:?} {:?}", view.data());
            true
        })
    });
    let session = site.request("");
    session.insert("password", "hunter2").unwrap();
    session.flash(FlashLevel::Info, "hunter2").unwrap();
    let errors = [
        session.get::<u32>("password").unwrap_err(),
        session.get::<Vec<Option<char>>>("password").unwrap_err(),
        session.take::<bool>("password").unwrap_err(),
        session.update("password", |_: &mut u8| ()).unwrap_err(),
        session.insert("doubled", &Doubled).unwrap_err(),
        session.insert("refusing", &Refusing).unwrap_err(),
    ];
    assert_eq!(
        errors[0].to_string(),
        "the value under `password` has another type: found a text, wanted u32"
    );
    for error in &errors {
        *seen.lock().unwrap() += &format!("{error} {error:?}");
    }
    let map = session.with(|map| format!("{map:?}")).unwrap();
    assert!(map.contains("\"password\""), "{map}");
    let edits = session.edits(&[], &[]);
    *seen.lock().unwrap() += &format!(
        "{session:?} {edits:?} {:?} {:?}",
        site.sessions,
        site.events()
    );
    let reply = Reply::from(edits);
    let builder = SessionManager::builder(crate::kit::keys::ring(1)).realm("visible");
    *seen.lock().unwrap() += &format!("{map} {builder:?}");
    *seen.lock().unwrap() += &format!("{:?}", builder.data::<Account>());
    let seen = seen.lock().unwrap();
    // The token is as good as what is in it.
    let token = reply.set_cookie[0]
        .split_once('=')
        .unwrap()
        .1
        .split_once(';')
        .unwrap()
        .0;
    for secret in ["hunter2", "68756e74657232", &token[40..60], "104, 117, 110"] {
        assert!(!seen.contains(secret), "{secret} in {seen}");
    }
    // What helps is there: keys, names, ids.
    for shown in [
        "password",
        "realm: \"visible\"",
        "set_cookie: [\"__Host-session\"]",
        "765340 primary",
        "Session {",
        "SessionManager { codec: Codec {",
        "SessionView { id: ",
    ] {
        assert!(seen.contains(shown), "{shown} in {seen}");
    }
}

/// A map with a key twice.
struct Doubled;

impl Serialize for Doubled {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("hunter2", 1), ("hunter2", 2)])
    }
}

struct Refusing;

impl Serialize for Refusing {
    fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("hunter2 is not a good password"))
    }
}

/// Some frameworks keep a name as it was sent. A shared cache that obeys `CDN-Cache-Control` would keep the
/// cookie for everybody.
#[test]
fn headers_count_in_any_case() {
    let site = Site::new();
    let cookies = logged_in(&site, "ada").header();
    let exchange = Exchange::begin(&site.sessions);
    let session = ready(exchange.session(RequestHead {
        method: "POST",
        path: "/",
        authority: None,
        headers: [
            ("HOST", "shop.example"),
            ("Origin", "https://shop.example"),
            ("COOKIE", &cookies),
        ],
    }));
    assert_eq!(
        session.get::<String>("user").unwrap().as_deref(),
        Some("ada")
    );
    session.insert("cart", 1).unwrap();
    let plan = ready(exchange.commit(exchange.close()));
    let own = [
        ("VARY", "Accept-Encoding"),
        ("Cache-control", "public"),
        ("cdn-Cache-Control", "max-age=60"),
    ];
    let mut edits = exchange.finish(plan, own).into_iter().skip(1);
    let set = |name, value: &'static str| Some(HeaderEdit::Set(name, value.into()));
    assert_eq!(edits.next(), set("vary", "Accept-Encoding, Cookie"));
    assert_eq!(edits.next(), set("cache-control", "no-store"));
    assert_eq!(edits.next(), set("cdn-cache-control", "no-store"));
    assert_eq!(edits.next(), None);
}

/// Nobody sees the answer to HEAD or to a prefetch.
#[test]
fn a_preview_takes_no_message_and_renews_nothing() {
    let site = Site::new();
    let mut browser = logged_in(&site, "ada");
    browser.send(&site, |session| {
        session.flash(FlashLevel::Info, "saved").unwrap()
    });
    site.clock.pass(10 * 60);
    let cookies = browser.header();
    let visit = |method, purpose: Option<&str>| {
        let exchange = Exchange::begin(&site.sessions);
        let session = ready(
            exchange.session(RequestHead {
                method,
                path: "/",
                authority: None,
                headers: iter::once(("cookie", cookies.as_str()))
                    .chain(purpose.map(|purpose| ("sec-purpose", purpose))),
            }),
        );
        let shown = session.take_flashes().unwrap().len();
        let plan = ready(exchange.commit(exchange.close()));
        let reply = Reply::from(exchange.finish(plan, NO_HEADERS));
        (shown, reply.set_cookie.len())
    };
    assert_eq!(visit("HEAD", None), (1, 0), "shown, and still there");
    for purpose in ["prefetch", "Prefetch;prerender"] {
        assert_eq!(visit("GET", Some(purpose)), (1, 0), "{purpose}");
    }
    assert_eq!(visit("GET", None), (1, 1));
}
