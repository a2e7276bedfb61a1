//! Settings that a browser would silently refuse are refused with a text.

use crate::kit::{exchange::Request, keys::ring, site::Site};
use hardtack::session::{SameSite, SessionData, SessionManager, SessionManagerBuilder, SessionMap};
use serde::{Deserialize, Serialize};
use std::time::Duration;

fn refused<T: SessionData>(
    configure: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder<T>,
) -> String {
    configure(SessionManager::builder(ring(1)))
        .build()
        .unwrap_err()
        .to_string()
}

const NOT_A_TOKEN: &str = "is not a token: use letters, digits and !#$%&'*+-.^_`|~";
const LIKE_A_CHUNK: &str = "ends like the name of a chunk: it must not end in a dot and digits";

#[test]
fn names_that_no_browser_takes() {
    for name in [
        "", " ", "a b", "a=b", "a;b", "é", "a\0", "\"a\"", "a\n", "a,b", "a\u{7f}",
    ] {
        assert_eq!(
            refused(|builder| builder.cookie_name(name)),
            format!("the cookie name `{name}` {NOT_A_TOKEN}")
        );
    }
    for name in ["a.1", "a.0", "__Host-session.9", "a.12", "a.b.3"] {
        assert_eq!(
            refused(|builder| builder.cookie_name(name)),
            format!("the cookie name `{name}` {LIKE_A_CHUNK}")
        );
    }
    for name in ["a", "a.b", "1", "a.1b", "a.", "__Host-x", "__secure-x"] {
        let sessions = SessionManager::builder(ring(1)).cookie_name(name).build();
        assert!(sessions.is_ok(), "{name}");
    }
}

#[test]
fn prefixes_require_their_attributes() {
    for name in ["__Host-a", "__HOST-a", "__host-a", "__Host-Http-a"] {
        let say = |why: &str| format!("the cookie name `{name}` {why}");
        assert_eq!(
            refused(|builder| builder.cookie_name(name).domain("example.org")),
            say("allows no domain: set another cookie name, such as `__Secure-session`")
        );
        assert_eq!(
            refused(|builder| builder.cookie_name(name).path("/shop")),
            say("allows no path but `/`: set another cookie name, such as `__Secure-session`")
        );
    }
    for name in [
        "__Host-a",
        "__Secure-a",
        "__SECURE-a",
        "__Http-a",
        "__Host-Http-a",
    ] {
        assert_eq!(
            refused(|builder| builder.cookie_name(name).secure(false)),
            format!(
                "the cookie name `{name}` needs `secure`: set another cookie name, or `insecure_for_development`"
            )
        );
    }
    for name in ["__Http-a", "__Host-Http-a"] {
        assert_eq!(
            refused(|builder| builder.cookie_name(name).http_only(false)),
            format!("the cookie name `{name}` needs `http_only`")
        );
    }
    let sessions = SessionManager::builder(ring(1)).cookie_name("__Secure-a");
    assert!(sessions.domain("example.org").path("/shop").build().is_ok());
}

#[test]
fn attributes_that_no_browser_takes() {
    let named = |builder: SessionManagerBuilder| builder.cookie_name("a");
    assert_eq!(
        refused(|builder| named(builder).secure(false).same_site(SameSite::None)),
        "`SameSite::None` needs `secure`"
    );
    assert_eq!(
        refused(|builder| named(builder).secure(false).partitioned(true)),
        "`partitioned` needs `secure`"
    );
    for path in [
        "",
        "shop",
        "/a;b",
        "/é",
        "/\n",
        "/\u{1f}",
        "/\u{7f}",
        &format!("/{}", "a".repeat(1024)),
    ] {
        assert_eq!(
            refused(|builder| named(builder).path(path)),
            format!(
                "the path {path:?} is not valid: begin with `/`, use printable ASCII without `;` and at most 1,024 bytes"
            )
        );
    }
    for domain in [
        "",
        ".",
        "a..b",
        "a b",
        "a;b",
        "é.org",
        "example.org.",
        "http://a",
        "a:80",
        &"a".repeat(254),
    ] {
        assert_eq!(
            refused(|builder| named(builder).domain(domain)),
            format!("the domain {domain:?} is not a domain name")
        );
    }
    for domain in ["com", ".com", "localhost"] {
        assert_eq!(
            refused(|builder| named(builder).domain(domain)),
            format!(
                "the domain {domain:?} has no dot: browsers set no cookie for all of its hosts"
            )
        );
    }
}

#[test]
fn no_browser_keeps_a_cookie_for_more_than_400_days() {
    const DAY: u64 = 24 * 60 * 60;
    for (days, max_age) in [(400, 34_560_000), (401, 34_560_000), (399, 34_473_600)] {
        let age = Duration::from_secs(days * DAY);
        let builder = SessionManager::builder(ring(1))
            .remember_absolute_timeout(age)
            .remember_idle_timeout(age);
        let session = Request::new(&builder.build().unwrap(), []);
        session.remember(true).unwrap();
        session.insert("user", "ada").unwrap();
        let [line] = &session.finish().set_cookie[..] else {
            panic!("{days}");
        };
        assert!(line.ends_with(&format!("; Max-Age={max_age}")), "{line}");
    }
}

#[test]
fn an_idle_timeout_beyond_the_absolute_one_is_refused() {
    let hours = |hours: u64| Duration::from_secs(hours * 60 * 60);
    let say = |idle: &str, absolute: &str| {
        format!(
            "`{idle}` is longer than `{absolute}`, which ends the session first: raise `{absolute}`, or lower `{idle}`"
        )
    };
    assert_eq!(
        refused(|builder| builder.idle_timeout(hours(7 * 24))),
        say("idle_timeout", "absolute_timeout")
    );
    assert_eq!(
        refused(|builder| builder
            .absolute_timeout(hours(1))
            .idle_timeout(hours(2))
            .data::<Typed>()),
        say("idle_timeout", "absolute_timeout")
    );
    assert_eq!(
        refused(|builder| builder.remember_idle_timeout(hours(91 * 24))),
        say("remember_idle_timeout", "remember_absolute_timeout")
    );
    // Nobody has chosen the idle timeout here: it follows.
    let ends = |builder: SessionManagerBuilder, remembered| {
        let session = Request::new(&builder.build().unwrap(), []);
        session.remember(remembered).unwrap();
        let (created, end) = (session.created_at().unwrap(), session.expires_at().unwrap());
        end.saturating_duration_since(created)
    };
    let builder = || SessionManager::builder(ring(1));
    let minutes = Duration::from_secs(10 * 60);
    assert_eq!(ends(builder().absolute_timeout(minutes), false), minutes);
    let short = builder().remember_absolute_timeout(minutes);
    assert_eq!(ends(short, true), minutes);
    let same = builder().idle_timeout(hours(9)).absolute_timeout(hours(9));
    assert_eq!(ends(same, false), hours(9));
    let endless = builder()
        .idle_timeout(Duration::MAX)
        .absolute_timeout(Duration::MAX);
    assert!(endless.build().is_ok());
}

#[test]
fn attributes_that_browsers_take_are_set_as_they_are() {
    let printable = (' '..='~').filter(|character| *character != ';');
    let longest = format!("/{}", "a".repeat(929)) + &printable.collect::<String>();
    assert_eq!(longest.len(), 1024);
    let builder = SessionManager::builder(ring(1))
        .cookie_name("a")
        .path(&longest);
    let session = Request::new(&builder.build().unwrap(), []);
    session.insert("user", "ada").unwrap();
    let [line] = &session.finish().set_cookie[..] else {
        panic!("{longest}");
    };
    assert!(line.ends_with(&format!("; Path={longest}")), "{line}");

    let longest = format!("{}.org", "a".repeat(249));
    for (name, domain, same_site, attribute) in [
        ("__Http-a", None, SameSite::None, "SameSite=None"),
        ("__Host-Http-a", None, SameSite::Strict, "SameSite=Strict"),
        ("a", Some(longest.as_str()), SameSite::None, "SameSite=None"),
        (
            "a",
            Some(".Example.ORG"),
            SameSite::Lax,
            "Domain=example.org",
        ),
    ] {
        let builder = SessionManager::builder(ring(1))
            .cookie_name(name)
            .same_site(same_site);
        let builder = match domain {
            Some(domain) => builder.domain(domain),
            None => builder,
        };
        let session = Request::new(&builder.build().unwrap(), []);
        session.insert("user", "ada").unwrap();
        let [line] = &session.finish().set_cookie[..] else {
            panic!("{name}");
        };
        let attributes: Vec<_> = line.split("; ").skip(1).collect();
        assert!(attributes.contains(&attribute), "{line}");
        let domain = domain.map(|domain| {
            let domain = domain.trim_start_matches('.').to_lowercase();
            format!("Domain={domain}")
        });
        assert!(
            domain.is_none_or(|domain| attributes.contains(&domain.as_str())),
            "{line}"
        );
    }
}

#[test]
fn a_realm_with_a_zero_byte_is_refused() {
    assert_eq!(
        refused(|builder| builder.realm("a\0b")),
        "the realm contains a zero byte"
    );
}

#[test]
fn sessions_that_could_not_live() {
    type Set = fn(SessionManagerBuilder, Duration) -> SessionManagerBuilder;
    let settings: [(&str, Set); 4] = [
        ("idle_timeout", SessionManagerBuilder::idle_timeout),
        ("absolute_timeout", SessionManagerBuilder::absolute_timeout),
        (
            "remember_idle_timeout",
            SessionManagerBuilder::remember_idle_timeout,
        ),
        (
            "remember_absolute_timeout",
            SessionManagerBuilder::remember_absolute_timeout,
        ),
    ];
    for (name, set) in settings {
        for short in [Duration::ZERO, Duration::from_millis(999)] {
            assert_eq!(
                refused(|builder| set(builder, short)),
                format!("`{name}` is shorter than a second: every session would end at once")
            );
        }
        assert!(
            set(SessionManager::builder(ring(1)), Duration::from_secs(1))
                .build()
                .is_ok()
        );
    }
    for chunks in [0, 10, usize::MAX] {
        assert_eq!(
            refused(|builder| builder.max_chunks(chunks)),
            format!("`max_chunks` is {chunks}, it must be 1 to 9")
        );
    }
    assert_eq!(
        refused(|builder| builder.validate(|_| true).data::<Typed>()),
        "`validate` was set before `data`, which changes the type that it takes: set it afterwards"
    );
    let sessions = SessionManager::builder(ring(1))
        .validate(|_| true)
        .data::<Typed>()
        .validate(|_| true);
    assert!(sessions.build().is_ok());
}

#[test]
fn cookies_in_which_nothing_has_room() {
    type Set = fn(SessionManagerBuilder) -> SessionManagerBuilder;
    let settings: [Set; 4] = [
        |builder| builder.max_cookie_bytes(0),
        |builder| builder.max_cookie_bytes(100),
        |builder| builder.pad_to(20_000),
        |builder| builder.cookie_name(&"n".repeat(5_000)),
    ];
    for set in settings {
        let sentence = refused(set);
        let (start, end) = ("an empty session needs ", ": no session could be saved");
        assert!(
            sentence.starts_with(start) && sentence.ends_with(end),
            "{sentence}"
        );
    }
    let sessions = SessionManager::builder(ring(1))
        .max_cookie_bytes(200)
        .build()
        .unwrap();
    let session = Request::new(&sessions, []);
    session.insert("user", 7).unwrap();
    assert_eq!(session.finish().set_cookie.len(), 1);
}

/// Everybody would be logged out by the next request.
#[cfg(feature = "store")]
#[test]
fn a_site_that_saves_in_cookies_and_opens_only_tickets_is_refused() {
    use hardtack::session::Place;
    let with = |place| {
        SessionManager::builder(ring(1))
            .store(hardtack::store::MemoryStore::new(1 << 20))
            .place(place)
            .only_tickets()
            .build()
    };
    assert!(with(Place::Store).is_ok());
    let error = with(Place::Cookie).unwrap_err().to_string();
    assert!(error.contains("`only_tickets` refuses"), "{error}");
}

/// A site learns when it starts that its cookie is too small for a ticket, and not from its visitors.
#[cfg(feature = "store")]
#[test]
fn a_cookie_that_holds_the_longest_ticket_is_enough_for_a_store() {
    let with = |bytes: usize| {
        SessionManager::builder(ring(1))
            .store(hardtack::store::MemoryStore::new(1 << 20))
            .max_cookie_bytes(bytes)
            .build()
    };
    // `__Host-session=`, and base64url of a header, 62 bytes and a tag.
    let enough = 15 + (24 + 62 + 16_usize) * 4 / 3;
    assert!(with(enough).is_ok());
    let error = with(enough - 1).unwrap_err().to_string();
    assert!(
        error.starts_with("an empty session needs 151 bytes"),
        "{error}"
    );
}

#[derive(Default, Serialize, Deserialize)]
struct Typed;

impl SessionData for Typed {
    const NAME: &'static str = "typed";
    const VERSION: u8 = 0;
}

#[test]
fn the_cookie_for_development_is_a_plain_one() {
    for (name, expected) in [
        (None, "session=h"),
        (Some("mine"), "mine=h"),
        // Over http, no browser takes a name with a prefix.
        (Some("__Host-shop"), "shop=h"),
        (Some("__HOST-shop"), "shop=h"),
        (Some("__Secure-shop"), "shop=h"),
        (Some("__Host-Http-shop"), "shop=h"),
        (Some("__Http-shop"), "shop=h"),
    ] {
        let builder = SessionManager::builder(ring(1)).insecure_for_development();
        let builder = match name {
            Some(name) => builder.cookie_name(name),
            None => builder,
        };
        let session = Request::new(&builder.build().unwrap(), []);
        session.insert("user", 7).unwrap();
        let reply = session.finish();
        let [line] = reply.set_cookie.as_slice() else {
            panic!("{reply:?}");
        };
        assert!(line.starts_with(expected), "{line}");
        assert!(line.ends_with("; HttpOnly; SameSite=Lax; Path=/"), "{line}");
    }
}

#[test]
fn sessions_are_padded_if_asked() {
    let len = |pad_to: usize, text: &str| {
        let site = Site::<SessionMap>::with(&crate::kit::clock::Clock::new(), |builder| {
            builder.pad_to(pad_to)
        });
        crate::kit::site::logged_in(&site, text).header().len()
    };
    assert_ne!(len(0, "a"), len(0, "a longer name"));
    assert_eq!(len(256, "a"), len(256, "a longer name"));
}

#[cfg(feature = "store")]
#[test]
fn a_setting_of_a_store_that_would_have_no_effect() {
    use crate::kit::clock::Clock;
    use hardtack::{session::Place, store::MemoryStore};

    #[derive(Default, Serialize, Deserialize)]
    struct Account {
        visits: u32,
    }

    impl SessionData for Account {
        const NAME: &'static str = "account";
        const VERSION: u8 = 1;
    }

    let no_store = "`only_tickets` and `Place::Store` need a `store`: without one, every session is in its cookie";
    assert_eq!(refused(SessionManagerBuilder::only_tickets), no_store);
    assert_eq!(refused(|builder| builder.place(Place::Store)), no_store);
    assert_eq!(
        refused(|builder| builder
            .store(MemoryStore::new(1 << 20))
            .on_conflict("visits", |_: Option<u32>, mine: u32, _: u32| mine)
            .data::<Account>()),
        "`on_conflict` is for a dictionary, and `data` makes the sessions typed: say it in `SessionData::merge`"
    );
    // A site that is about to get a store, or had one.
    let clock = Clock::new();
    drop(Site::with(&clock, |builder| builder.place(Place::Cookie)));
    drop(Site::with(&clock, |builder| {
        builder.store(MemoryStore::new(1 << 20)).data::<Account>()
    }));
}
