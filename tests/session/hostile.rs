//! Cookies that somebody else put there.

use crate::kit::{
    browser::Shelf,
    clock::Clock,
    exchange::{Request, ready},
    keys::ring,
    site::{Browser, NAME, Site, finish, logged_in},
};
use hardtack::session::{Event, Refusal, Session, SessionManagerBuilder};
use proptest::{collection::vec, prelude::*};

/// What the victim's session says under this header.
fn user(site: &Site, header: &[u8]) -> Option<String> {
    let session = Request::new(&site.sessions, [header]);
    session.get("user").unwrap()
}

#[test]
fn the_newer_session_wins_in_either_order() {
    let site = Site::new();
    let attacker = logged_in(&site, "mallory").header();
    site.clock.pass(1);
    let victim = logged_in(&site, "ada").header();
    for header in [
        format!("{attacker}; {victim}"),
        format!("{victim}; {attacker}"),
    ] {
        assert_eq!(user(&site, header.as_bytes()).as_deref(), Some("ada"));
    }
    // Two header fields are one.
    let session = Request::new(
        &site.sessions,
        [attacker.as_bytes(), b"".as_slice(), victim.as_bytes()],
    );
    assert_eq!(
        session.get::<String>("user").unwrap().as_deref(),
        Some("ada")
    );
}

#[test]
fn the_first_of_equals_wins() {
    let site = Site::new();
    let (one, other) = (
        logged_in(&site, "ada").header(),
        logged_in(&site, "bob").header(),
    );
    let header = format!("{one}; {other}");
    assert_eq!(user(&site, header.as_bytes()).as_deref(), Some("ada"));
    let header = format!("{other}; {one}");
    assert_eq!(user(&site, header.as_bytes()).as_deref(), Some("bob"));
}

#[test]
fn a_newer_one_that_does_not_count_hides_nothing() {
    let clock = Clock::new();
    let site = Site::with(&clock, |builder| {
        builder.validate(|view| view.data().get::<String>("user") != Ok(Some("mallory".into())))
    });
    let victim = logged_in(&site, "ada").header();
    clock.pass(1);
    let attacker = logged_in(&Site::with(&clock, |builder| builder), "mallory").header();
    for header in [
        format!("{attacker}; {victim}"),
        format!("{victim}; {attacker}"),
    ] {
        assert_eq!(user(&site, header.as_bytes()).as_deref(), Some("ada"));
        let events = site.events();
        assert!(
            matches!(
                events[..],
                [
                    Event::Refused {
                        reason: Refusal::NotValidated,
                        ..
                    },
                    Event::Opened { .. }
                ]
            ),
            "{events:?}"
        );
    }
}

#[test]
fn garbage_around_a_session_hides_nothing() {
    let site = Site::new();
    let victim = logged_in(&site, "ada").header();
    let token = victim.split_once('=').unwrap().1;
    let changed = format!("{}A", &token[..token.len() - 1]);
    for garbage in [
        format!("{NAME}="),
        NAME.to_owned(),
        "=".to_owned(),
        ";;;".to_owned(),
        format!("{NAME}=h"),
        format!("{NAME}={changed}"),
        format!("{NAME}=\"{token}\""),
        format!("{NAME}=0.{token}"),
        format!("{NAME}=1.{token}"),
        format!("{NAME}=9.{token}"),
        format!("{NAME}=255.{token}"),
        format!("{NAME}=2.{token}; {NAME}.1=F.x"),
        format!("{NAME}=é"),
        format!("{NAME}.1=x; {NAME}.x=y; {NAME}.99=z"),
        format!("\u{a0}{NAME}=h"),
    ] {
        for header in [
            format!("{garbage}; {victim}"),
            format!("{victim}; {garbage}"),
        ] {
            assert_eq!(
                user(&site, header.as_bytes()).as_deref(),
                Some("ada"),
                "{header}"
            );
        }
    }
    let header = [b"x=\xff\xfe; ", victim.as_bytes(), b"; \x80=\x81"].concat();
    assert_eq!(user(&site, &header).as_deref(), Some("ada"));
}

#[test]
fn white_space_of_unicode_does_not_make_a_name_ours() {
    let site = Site::new();
    let attacker = logged_in(&site, "mallory").header();
    for space in [
        "\u{a0}", "\u{2003}", "\u{3000}", "\u{b}", "\u{c}", "\u{85}", "\u{feff}",
    ] {
        assert_eq!(
            user(&site, format!("{space}{attacker}").as_bytes()),
            None,
            "{space:?}"
        );
    }
    assert!(user(&site, format!(" \t{attacker}").as_bytes()).is_some());
}

#[test]
fn chunks_of_two_sessions_are_not_mixed() {
    let site = Site::new();
    let long = |user: &str| {
        let mut browser = Browser::default();
        browser.send(&site, |session| {
            session.insert("user", user).unwrap();
            session.insert("page", user.repeat(1_000)).unwrap();
        });
        assert_eq!(browser.jar.0.len(), 2);
        browser
            .jar
            .0
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
    };
    let attacker = long("mallo");
    site.clock.pass(1);
    let victim = long("adala");
    let orders = [
        [&attacker[1], &victim[0], &attacker[0], &victim[1]],
        [&victim[0], &attacker[0], &attacker[1], &victim[1]],
        [&attacker[0], &attacker[1], &victim[1], &victim[0]],
    ];
    for order in orders {
        let header = order.map(String::as_str).join("; ");
        assert_eq!(user(&site, header.as_bytes()).as_deref(), Some("adala"));
    }
    // Half of each is nothing.
    for (a, b) in [(&attacker[0], &victim[1]), (&victim[0], &attacker[1])] {
        site.events();
        assert_eq!(user(&site, format!("{a}; {b}").as_bytes()), None);
        assert_eq!(
            site.events(),
            [Event::Refused {
                reason: Refusal::Incomplete,
                key: None,
                id: None,
                login_id: None,
            }]
        );
    }
    // Growing replaces a part of the attacker's that has our name, and shrinking removes it.
    let mut browser = Browser::with([(NAME, "2.x"), (&format!("{NAME}.1"), "F.x")]);
    browser.send(&site, |session| {
        session.insert("page", "x".repeat(4_000)).unwrap()
    });
    assert!(browser.peek(&site, |session| session.contains_key("page").unwrap()));
}

/// What is longer costs no decryption, and all that nine cookies hold is looked at.
#[test]
fn a_token_longer_than_nine_cookies_is_refused_unread() {
    let site = Site::new();
    for (len, is_too_long) in [(9 * 4096, false), (9 * 4096 + 1, true)] {
        let header = format!("{NAME}={}", "h".repeat(len));
        assert_eq!(user(&site, header.as_bytes()), None);
        let [Event::Refused { reason, .. }] = site.events()[..] else {
            panic!("{len}");
        };
        assert_eq!(reason == Refusal::TooLong, is_too_long, "{len}: {reason}");
    }
}

#[test]
fn a_token_for_something_else_is_no_session() {
    let clock = Clock::new();
    let site = Site::with(&clock, |builder| builder);
    let token = logged_in(&site, "ada").jar.0[NAME].clone();
    let named = |name: &str| Site::with(&clock, |builder| builder.cookie_name(name));
    assert_eq!(
        user(&named("session"), format!("session={token}").as_bytes()),
        None
    );
    let realm = Site::with(&clock, |builder| builder.realm("staging"));
    assert_eq!(user(&realm, format!("{NAME}={token}").as_bytes()), None);
    // Name and realm are not run together.
    let one = Site::with(&clock, |builder| builder.cookie_name("id").realm("a"));
    let other = Site::with(&clock, |builder| builder.cookie_name("ida"));
    let token = logged_in(&one, "ada").jar.0["id"].clone();
    assert_eq!(user(&other, format!("ida={token}").as_bytes()), None);
    let codec = hardtack::Codec::new(&ring(1), NAME);
    let token = codec
        .seal_with(&1, clock.now(), &mut getrandom::SysRng)
        .unwrap();
    assert_eq!(user(&site, format!("{NAME}={token}").as_bytes()), None);
}

#[test]
fn a_flood_of_cookies_makes_a_few_events_and_no_error() {
    let site = Site::new();
    let mut browser = logged_in(&site, "ada");
    let victim = browser.header();
    let token = victim.split_once('=').unwrap().1.to_owned();
    let forged = format!("{NAME}={}", token.chars().rev().collect::<String>());
    let pairs: [(&str, String); 5] = [
        ("forged", forged),
        ("names", "a=b".into()),
        ("counts", format!("{NAME}=9.{token}")),
        ("parts", format!("{NAME}.1=F.x")),
        ("nothing", String::new()),
    ];
    for (what, pair) in pairs {
        let count = 65_536 / (pair.len() + 1);
        let flood = vec![pair; count].join(";");
        for (header, found) in [(flood.clone(), false), (format!("{victim};{flood}"), true)] {
            let session = site.request(&header);
            assert_eq!(session.contains_key("user").unwrap(), found, "{what}");
            let events = site.events();
            assert!(events.len() <= 9, "{what}: {}", events.len());
            assert_eq!(finish(&session).failed, None);
            site.events();
        }
    }
    // One pair of 64 KB, and bytes of every value.
    let long = format!("{NAME}={}", "h".repeat(65_536));
    assert_eq!(user(&site, long.as_bytes()), None);
    let all: Vec<u8> = (0..=255).cycle().take(65_536).collect();
    assert_eq!(user(&site, &all), None);
    browser.send(&site, |session: &Session| session.len().unwrap());
    assert_eq!(browser.user(&site).as_deref(), Some("ada"));
}

/// Bytes as they come, and what looks like ours.
fn mangled() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        vec(any::<u8>(), 0..20),
        "(; ?|__Host-session|=|\\.|[0-9]|h|[ \t]|é|\u{a0}|[A-Za-z0-9_-]{30,40}){0,20}"
            .prop_map(String::into_bytes),
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_header_hides_a_session_or_fails_a_request(before in mangled(), after in mangled()) {
        let site = Site::new();
        let victim = logged_in(&site, "ada").header();
        let header = [&before[..], b";", victim.as_bytes(), b";", &after[..]].concat();
        prop_assert_eq!(user(&site, &header), Some("ada".to_owned()));

        let without = [&before[..], &after[..]].concat();
        let session = Request::new(&site.sessions, [without.as_slice()]);
        prop_assert!(session.is_new().unwrap());
        session.insert("user", "bob").unwrap();
        let reply = finish(&session);
        prop_assert_eq!(reply.failed, None);
        // What it overwrites and what it removes can be written into a header.
        for line in &reply.set_cookie {
            prop_assert!(line.starts_with(NAME) && line.bytes().all(|byte| (b' '..0x7f).contains(&byte)));
        }
    }
}

/// A visitor of `www.shop.example`, in whose browser somebody has planted a login of their own.
struct Victim {
    site: Site,
    shelf: Shelf,
}

impl Victim {
    /// They log in, and the cookie is planted at this place.
    fn new(configure: fn(SessionManagerBuilder) -> SessionManagerBuilder, place: &str) -> Victim {
        let site = Site::with(&Clock::new(), |builder| {
            configure(builder.cookie_name("session"))
        });
        let mut shelf = Shelf::default();
        let (_, reply) = Browser::default().visit(&site, log_in);
        for line in reply.set_cookie {
            shelf.store(&line);
        }
        let planted = logged_in(&site, "mallory").header();
        shelf.store(&format!("{planted}; Secure; {place}"));
        assert_eq!(shelf.0.len(), 2, "{place}");
        Victim { site, shelf }
    }

    /// Takes the response. Returns the name of the visitor.
    fn visit(&mut self, path: &str) -> Option<String> {
        let (host, cookies) = ("www.shop.example", self.shelf.header(path));
        let request = ready(Request::of(&self.site.sessions, (host, path), &cookies));
        let user = request.get("user").unwrap();
        for line in finish(&request).set_cookie {
            self.shelf.store(&line);
        }
        user
    }
}

fn log_in(session: &Session) {
    session.regenerate_for_login().unwrap();
    session.insert("user", "ada").unwrap();
}

#[test]
fn what_was_planted_is_removed_wherever_it_was_planted() {
    let host: fn(SessionManagerBuilder) -> SessionManagerBuilder = |builder| builder;
    for (configure, place) in [
        (host, "Path=/; Domain=shop.example"),
        (host, "Path=/; Domain=www.shop.example"),
        (host, "Path=/account"),
        (host, "Path=/account; Domain=shop.example"),
        (host, "Path=/account/; Domain=shop.example"),
        (host, "Path=/account/settings; Domain=shop.example"),
        (host, "Path=/; Domain=shop.example; Partitioned"),
        (host, "Path=/account/; Domain=shop.example; Partitioned"),
        // The own place, but for the partition.
        (host, "Path=/; Partitioned"),
        (|builder| builder.partitioned(true), "Path=/"),
        (|builder| builder.domain("shop.example"), "Path=/"),
        (
            |builder| builder.domain("shop.example"),
            "Path=/account/; Domain=shop.example",
        ),
        (
            |builder| builder.domain("shop.example"),
            "Path=/; Domain=shop.example; Partitioned",
        ),
    ] {
        let mut victim = Victim::new(configure, place);
        let path = "/account/settings";
        assert_eq!(victim.visit(path), None, "{place}: rivals");
        assert_eq!(victim.visit(path).as_deref(), Some("ada"), "{place}");
        assert_eq!(victim.shelf.0.len(), 1, "{place}: {:?}", victim.shelf);
    }
}

/// A path with more places than a response has room for hides nothing for good.
#[test]
fn what_was_planted_deep_down_is_removed_after_some_requests() {
    let path = "/api/v1/users/7/orders/3/lines/4/notes/5";
    let prefixes = path.match_indices('/').skip(1).map(|(at, _)| at);
    for place in prefixes.flat_map(|at| [&path[..at], &path[..=at]]) {
        let place = format!("Path={place}; Domain=shop.example; Partitioned");
        let mut victim = Victim::new(|builder| builder, &place);
        let healed = (0..1_000).any(|_| victim.visit(path).as_deref() == Some("ada"));
        assert!(healed, "{place}");
    }
}

/// The cookie of the settings was not planted, however its domain is written there.
#[test]
fn healing_leaves_the_own_cookie_however_its_domain_is_written() {
    let settings: [fn(SessionManagerBuilder) -> SessionManagerBuilder; 3] = [
        |builder| builder.domain("shop.example"),
        |builder| builder.domain(".shop.example"),
        |builder| builder.domain("Shop.Example"),
    ];
    for configure in settings {
        let mut victim = Victim::new(configure, "Path=/account; Domain=shop.example");
        assert_eq!(victim.visit("/account"), None, "rivals");
        assert_eq!(victim.visit("/account").as_deref(), Some("ada"));
    }
}

/// The request has not the path that the browser asked for. Where the site is, the setting says.
#[test]
fn what_was_planted_below_the_cookies_path_is_removed_behind_a_proxy_that_takes_it_away() {
    for place in ["Path=/app/account", "Path=/app/", "Path=/"] {
        let place = format!("{place}; Domain=shop.example");
        let mut victim = Victim::new(|builder| builder.path("/app"), &place);
        let mut visit = || {
            let cookies = victim.shelf.header("/app/account");
            let place = ("www.shop.example", "/account");
            let request = ready(Request::of(&victim.site.sessions, place, &cookies));
            let user: Option<String> = request.get("user").unwrap();
            for line in finish(&request).set_cookie {
                victim.shelf.store(&line);
            }
            user
        };
        assert_eq!(visit(), None, "{place}: rivals");
        assert_eq!(visit().as_deref(), Some("ada"), "{place}");
    }
}

/// Browsers and the check of the origin take a host with an underscore.
#[test]
fn what_was_planted_is_removed_from_a_host_with_an_underscore() {
    let site = Site::with(&Clock::new(), |builder| builder.cookie_name("session"));
    let own = logged_in(&site, "ada").header();
    let planted = logged_in(&site, "mallory").header();
    let cookies = format!("{own}; {planted}");
    let place = ("my_shop.shop.example", "/");
    let request = ready(Request::of(&site.sessions, place, &cookies));
    assert_eq!(request.get::<String>("user").unwrap(), None, "rivals");
    let lines = finish(&request).set_cookie;
    for domain in ["Domain=my_shop.shop.example;", "Domain=shop.example;"] {
        assert!(lines.iter().any(|line| line.contains(domain)), "{lines:?}");
    }
}
