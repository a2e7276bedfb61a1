//! What a request of another origin's page gets of a session. Which origins those are is judged in `src/session/head/`.

#[cfg(feature = "store")]
use crate::kit::store::Scripted;
use crate::kit::{
    clock::{Clock, MINUTE},
    exchange::{NO_HEADERS, Reply, ready},
    site::{Browser, Site, logged_in},
};
#[cfg(feature = "store")]
use hardtack::session::SaveError;
use hardtack::session::{Event, Exchange, Refusal, RequestHead, SameSite, Session, SessionError};

const OWN: &str = "https://shop.example";
const EVIL: &str = "https://evil.example";

/// A form that a page of this origin sends.
fn posted<R>(
    site: &Site,
    browser: &Browser,
    origin: &str,
    handler: impl FnOnce(&Session) -> R,
) -> (R, Reply) {
    let exchange = Exchange::begin(&site.sessions);
    let cookies = browser.header();
    let session = ready(exchange.session(RequestHead {
        method: "POST",
        path: "/",
        authority: Some("shop.example"),
        headers: [("cookie", &*cookies), ("origin", origin)],
    }));
    let result = handler(&session);
    drop(session);
    let plan = ready(exchange.commit(exchange.close()));
    (result, exchange.finish(plan, NO_HEADERS).into())
}

type Write = fn(&Session) -> Result<(), SessionError>;

/// Every call that writes, as a page elsewhere would like it to happen.
const WRITES: [Write; 5] = [
    |session| session.insert("user", "mallory"),
    |session| session.remember(true),
    |session| session.touch(),
    |session| session.regenerate_for_login(),
    |session| session.destroy(),
];

#[test]
fn a_page_elsewhere_reads_and_writes_nothing_of_a_visitors_session() {
    let site = Site::new();
    let browser = logged_in(&site, "ada");
    for write in WRITES {
        let (written, reply) = posted(&site, &browser, EVIL, write);
        assert_eq!(written, Err(SessionError::CrossOrigin));
        assert_eq!(reply.set_cookie, [""; 0]);
        assert!(matches!(site.events()[..], [Event::CrossOrigin(_)]));
        let (written, _) = posted(&site, &browser, OWN, write);
        assert_eq!(written, Ok(()));
        site.events();
    }
    let (seen, reply) = posted(&site, &browser, EVIL, |session| {
        let user = session.get::<String>("user").unwrap();
        (user, session.is_new().unwrap(), session.refused().unwrap())
    });
    assert_eq!(seen, (None, true, Some(Refusal::CrossOrigin)));
    assert_eq!(reply.set_cookie, [""; 0]);
}

#[cfg(feature = "store")]
#[test]
fn a_page_elsewhere_is_told_of_with_a_store_too() {
    let clock = Clock::new();
    let site = Site::with(&clock, |builder| builder.store(Scripted::new(&clock)));
    let browser = logged_in(&site, "ada");
    let (_, reply) = posted(&site, &browser, EVIL, |_| ());
    assert_eq!((reply.set_cookie, site.events().len()), (Vec::new(), 0));
    let (refused, _) = posted(&site, &browser, EVIL, Session::refused);
    assert_eq!(refused, Ok(Some(Refusal::CrossOrigin)));
    assert!(matches!(site.events()[..], [Event::CrossOrigin(_)]));
}

/// A handler that changes something else than the session, or the guard of its route, asks first.
#[test]
fn a_handler_without_a_session_learns_of_a_page_elsewhere() {
    let site = Site::new();
    let browser = logged_in(&site, "ada");
    let (checked, _) = posted(&site, &browser, OWN, Session::check_origin);
    assert_eq!(checked, Ok(()));
    assert_eq!(site.events(), [], "it opens nothing");
    let twice = |session: &Session| [session.check_origin(), session.check_origin()];
    let (checked, reply) = posted(&site, &browser, EVIL, twice);
    assert_eq!(checked, [const { Err(SessionError::CrossOrigin) }; 2]);
    assert_eq!(reply.set_cookie, [""; 0]);
    let events = site.events();
    assert!(matches!(&events[..], [Event::CrossOrigin(_)]), "{events:?}");
}

/// A payment or a single sign-on comes back without the cookie that the browser withholds: what it wrote would replace
/// the login of the visitor.
#[test]
fn an_allowed_page_elsewhere_without_a_cookie_may_log_in_and_nothing_else() {
    let site = Site::with(&Clock::new(), |builder| {
        builder.allow_cross_origin(|_| true)
    });
    let stranger = Browser::default();
    for write in WRITES {
        let (written, reply) = posted(&site, &stranger, EVIL, write);
        match written {
            Ok(()) => assert_eq!(reply.failed, None),
            Err(error) => {
                assert_eq!(error, SessionError::CrossOrigin);
                assert_eq!(reply.set_cookie, [""; 0]);
            }
        }
    }
    let written = WRITES.map(|write| posted(&site, &stranger, EVIL, write).0.is_ok());
    assert_eq!(written, [false, false, false, true, false]);
    let (login, reply) = posted(&site, &stranger, EVIL, |session| {
        session.regenerate_for_login()?;
        session.insert("user", "ada")
    });
    assert_eq!((login, reply.set_cookie.len()), (Ok(()), 1));
    // With a cookie it is like any other.
    let browser = logged_in(&site, "ada");
    let (written, _) = posted(&site, &browser, EVIL, WRITES[0]);
    assert_eq!(written, Ok(()));
}

/// Browsers withhold a Lax cookie, and send one that a sibling domain has planted: it would take its place.
#[test]
fn an_allowed_page_elsewhere_with_a_planted_cookie_may_log_in_and_nothing_else() {
    let clock = Clock::new();
    for same_site in [SameSite::Lax, SameSite::None] {
        let site = Site::with(&clock, |builder| {
            let builder = builder.cookie_name("session").same_site(same_site);
            builder.allow_cross_origin(|_| true)
        });
        let planted = logged_in(&site, "mallory");
        // A browser sends both of these, and of two logins none counts.
        let is_sent = same_site == SameSite::None;
        let written = WRITES.map(|write| posted(&site, &planted, EVIL, write).0.is_ok());
        assert_eq!(written, [is_sent, is_sent, is_sent, true, is_sent]);
        clock.pass(10 * MINUTE);
        let (_, reply) = posted(&site, &planted, EVIL, Session::is_new);
        assert_eq!(reply.set_cookie.is_empty(), !is_sent);
    }
}

/// A logout on a route of allowed origins, with a cookie that browsers do not withhold. It answers `Ok`.
#[test]
fn a_logout_of_an_allowed_page_elsewhere_ends_the_session() {
    for name in ["__Host-session", "session"] {
        let clock = Clock::new();
        let with = || {
            Site::with(&clock, |builder| {
                let builder = builder.cookie_name(name).same_site(SameSite::None);
                builder.allow_cross_origin(|_| true)
            })
        };
        let (site, elsewhere) = (with(), with());
        let mut browser = logged_in(&site, "ada");
        let (ended, reply) = posted(&site, &browser, EVIL, Session::destroy);
        assert_eq!(ended, Ok(()));
        browser.take(&reply);
        assert_eq!(
            browser.user(&elsewhere),
            None,
            "{name}: {:?}",
            reply.set_cookie
        );
    }
}

/// Two instances that allow other origins, with a cookie that browsers send with their requests.
#[cfg(feature = "store")]
fn instances(clock: &Clock, store: &Scripted) -> [Site; 2] {
    let site = |()| {
        Site::with(clock, |builder| {
            let builder = builder.store(store.clone()).same_site(SameSite::None);
            builder.allow_cross_origin(|_| true)
        })
    };
    [(); 2].map(site)
}

/// The same with a store: the record is alive when the response goes out.
#[cfg(feature = "store")]
#[test]
fn a_logout_of_an_allowed_page_elsewhere_ends_the_record() {
    let clock = Clock::new();
    let store = Scripted::new(&clock);
    let [site, elsewhere] = instances(&clock, &store);
    let mut browser = logged_in(&site, "ada");
    let copy = browser.clone();
    let (ended, reply) = posted(&site, &browser, EVIL, Session::destroy);
    assert_eq!(ended, Ok(()));
    browser.take(&reply);
    assert_eq!(copy.user(&elsewhere), None);
    assert_eq!(browser.header(), "");
}

/// Its session does not open: the store is down, or a thief has asked for a new id.
#[cfg(feature = "store")]
#[test]
fn a_logout_of_an_allowed_page_elsewhere_ends_a_session_that_does_not_open() {
    for is_down in [true, false] {
        let clock = Clock::new();
        let store = Scripted::new(&clock);
        let [site, elsewhere] = instances(&clock, &store);
        let mut thief = logged_in(&site, "ada");
        let mut browser = thief.clone();
        match is_down {
            true => store.set_down(true),
            false => thief.send(&elsewhere, |session| session.regenerate().unwrap()),
        }
        let (ended, reply) = posted(&site, &browser, EVIL, Session::destroy);
        assert_eq!(ended, Ok(()));
        assert_eq!(reply.failed, is_down.then_some(SaveError::Store));
        browser.take(&reply);
        assert_eq!(browser.header(), "");
        store.set_down(false);
        let _ = logged_in(&site, "bob").user(&site);
        assert_eq!(thief.user(&elsewhere), None);
    }
}
