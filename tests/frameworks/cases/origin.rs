//! Requests that a page of another origin makes the browser send.

use super::{NONE, a, session};
use crate::{
    app::{Answer, Neighbours},
    server::Framework,
    site::{Request, Site, Visit},
};
use hardtack::session::{Event, FlashLevel, Refusal, Session, SessionError};

const EVIL: &str = "https://evil.example";
/// The host that the requests ask for, and a sibling of it.
const HOST: &str = "shop.example";
const SIBLING: &str = "https://blog.shop.example";

type Act = fn(&Session) -> Result<(), SessionError>;

/// What a page of another site would like a visitor to do.
const ACTS: [Act; 6] = [
    |session| session.destroy(),
    |session| session.regenerate_for_login(),
    |session| session.insert("a", 66),
    |session| session.flash(FlashLevel::Info, "You have won"),
    |session| session.remember(true),
    |session| session.update("a", |a: &mut u8| *a = 66),
];

/// As a browser marks a request of this page.
fn from<'s>(request: Request<'s>, origin: &'static str, fetch_site: &'static str) -> Request<'s> {
    request
        .header("host", HOST)
        .header("origin", origin)
        .header("sec-fetch-site", fetch_site)
}

/// The request has no session, its answer says so, and the browser keeps what it has.
fn refused<R>(visit: &Visit<R>) {
    assert_eq!(visit.response().status, 403);
    assert_eq!(visit.set_cookie(), NONE);
    assert!(matches!(visit.result, Some(Err(SessionError::CrossOrigin))));
    assert!(
        matches!(visit.events[..], [Event::CrossOrigin(_)]),
        "{:?}",
        visit.events
    );
}

pub fn forged_forms(framework: &Framework) {
    let site = Site::new(framework);
    let jar = session(&site, 1);
    for act in ACTS {
        for (origin, fetch_site) in [
            (EVIL, "cross-site"),
            (SIBLING, "same-site"),
            ("http://shop.example:8080", "same-site"),
            ("null", "cross-site"),
        ] {
            // A site with `SameSite=None` gets the cookie, too.
            let request = site.request().form("a=66").cookie(jar.header());
            refused(&from(request, origin, fetch_site).visit(act));
            // A browser that is older than Fetch Metadata.
            let request = site.request().form("a=66").cookie(jar.header());
            let request = request.header("host", HOST).header("origin", origin);
            refused(&request.visit(act));
        }
    }
    // Nothing of it has happened, and a renewal that is due waits.
    site.clock.pass(600);
    let request = site.request().form("").cookie(jar.header());
    let visit = from(request, EVIL, "cross-site").visit(|session| {
        let seen = (session.is_new()?, session.take_flashes()?.len());
        Ok((seen, session.get::<u8>("a")?, session.refused()?))
    });
    assert_eq!(visit.set_cookie(), NONE);
    assert_eq!(visit.value(), ((true, 0), None, Some(Refusal::CrossOrigin)));
    let visit = site.request().cookie(jar.header());
    let visit = visit.visit(|session| Ok((session.get("a")?, session.take_flashes()?)));
    assert_eq!(visit.value(), (Some(1u8), vec![]));
}

/// A link from another site opens a page with its session; every method that may change something is
/// asked for its origin, also one that nobody has heard of.
pub fn other_methods(framework: &Framework) {
    let site = Site::new(framework);
    let jar = session(&site, 1);
    let request = site.request().cookie(jar.header());
    let visit = from(request, EVIL, "cross-site").visit(|session| session.get("a"));
    assert_eq!(visit.value(), Some(1u8));
    let request = site.request().method("POST").cookie(jar.header());
    refused(&from(request, EVIL, "cross-site").visit(|session| session.insert("a", 2)));
}

pub fn own_page(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser_with(&session(&site, 1));
    for (number, headers) in [
        [
            ("sec-fetch-site", "same-origin"),
            ("origin", "https://shop.example"),
        ],
        // The address bar, or a bookmarklet.
        [
            ("sec-fetch-site", "none"),
            ("origin", "https://shop.example"),
        ],
        // A browser without Fetch Metadata, behind a proxy that speaks TLS.
        [("origin", "https://shop.example"), ("x", "")],
        [("origin", "https://SHOP.example:443"), ("x", "")],
        // A proxy that says which host was asked for.
        [
            ("origin", "https://www.shop.example"),
            ("x-forwarded-host", "www.shop.example"),
        ],
    ]
    .into_iter()
    .enumerate()
    {
        let mut request = browser.request().form("").header("host", HOST);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let visit = request.visit(move |session| session.insert("a", number + 2));
        assert_eq!(visit.response().status, 200, "{headers:?}");
        browser.keep(visit);
    }
    assert_eq!(browser.visit(|session| session.get("a")).value(), Some(6u8));
}

/// curl, an app and a server send neither field.
pub fn not_a_browser(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser_with(&session(&site, 1));
    let visit = browser
        .request()
        .form("")
        .visit(|session| session.insert("a", 2));
    let visit = browser.keep(visit);
    assert_eq!(visit.response().status, 200);
    assert_eq!(browser.visit(|session| session.get("a")).value(), Some(2u8));
}

/// The browser withholds a Lax cookie from another site's form: what the answer set would replace the
/// login, and what it removed would end it.
pub fn withheld_cookie(framework: &Framework) {
    let site = Site::new(framework);
    for act in ACTS {
        let request = site.request().form("");
        refused(&from(request, EVIL, "cross-site").visit(act));
    }
}

/// A page of any site can open a WebSocket, with cookies; browsers mark it by its origin alone.
pub fn handshake(framework: &Framework) {
    let site = Site::new(framework);
    let jar = session(&site, 1);
    let handshake = |origin: &'static str| {
        site.request()
            .cookie(jar.header())
            .header("host", HOST)
            .header("origin", origin)
            .header("upgrade", "WebSocket")
            .header("connection", "close")
    };
    let visit = handshake(EVIL).visit(|session| session.get::<u8>("a"));
    assert!(matches!(visit.events[..], [Event::CrossOrigin(_)]));
    assert_eq!(visit.value(), None);
    refused(&handshake(SIBLING).visit(|session| session.insert("a", 2)));
    let visit = handshake("https://shop.example").visit(|session| session.get("a"));
    assert_eq!(visit.value(), Some(1u8));
}

/// A page on another domain of the same people. The layer for CORS is outside, or the page could not
/// read the 403 of an origin that is not trusted.
pub fn trusted_origin(framework: &Framework) {
    const APP: &str = "https://app.example";
    let site = Site::beside(framework, Neighbours::Outside, |settings| {
        settings
            .trust_origin(APP)
            .trust_origin("capacitor://localhost")
    });
    let mut browser = site.browser_with(&session(&site, 1));
    for (number, origin) in [APP, "capacitor://localhost"].into_iter().enumerate() {
        let request = browser.request().form("");
        let visit = from(request, origin, "cross-site")
            .visit(move |session| session.insert("a", number + 2));
        let visit = browser.keep(visit);
        let response = visit.response();
        assert_eq!(response.status, 200);
        assert_eq!(response.values("access-control-allow-origin").len(), 1);
    }
    assert_eq!(browser.visit(|session| session.get("a")).value(), Some(3u8));
    for other in [
        EVIL,
        "https://app.example.evil.example",
        "http://app.example",
    ] {
        let request = browser.request().form("");
        let visit = from(request, other, "cross-site").visit(|session| session.insert("a", 66));
        let response = visit.response();
        assert_eq!(response.status, 403);
        assert_eq!(response.values("access-control-allow-origin").len(), 1);
        assert_eq!(visit.set_cookie(), NONE);
    }
}

fn allowing(framework: &Framework) -> Site {
    Site::with(framework, |settings| {
        settings
            .allow_cross_origin(|head| head.method() == "POST" && head.path().starts_with("/run/"))
    })
}

/// An identity provider posts its answer here: somebody may log in, and nothing else is written.
pub fn allowed_origin(framework: &Framework) {
    let site = allowing(framework);
    for act in ACTS.into_iter().enumerate().filter(|(n, _)| *n != 1) {
        let visit = from(site.request().form(""), EVIL, "cross-site").visit(act.1);
        assert_eq!(visit.response().status, 403);
        assert_eq!(visit.set_cookie(), NONE);
    }
    let visit = from(site.request().form(""), EVIL, "cross-site").visit(|session| {
        session.regenerate_for_login()?;
        session.insert("a", 2)?;
        session.flash(FlashLevel::Info, "Welcome")
    });
    assert_eq!(visit.response().status, 200);
    let [line] = visit.set_cookie()[..] else {
        panic!("{:?}", visit.set_cookie());
    };
    assert_eq!(a(&site, line.split("; ").next().unwrap()), Some(2));
}

/// A cookie with `SameSite=None` comes along, so there is no login that it would replace.
pub fn allowed_origin_with_its_cookie(framework: &Framework) {
    let site = allowing(framework);
    let mut browser = site.browser_with(&session(&site, 1));
    let request = browser.request().form("");
    let visit = from(request, EVIL, "cross-site").visit(|session| session.insert("a", 2));
    browser.keep(visit);
    assert_eq!(browser.visit(|session| session.get("a")).value(), Some(2u8));
}

/// Rocket takes the method out of a form, for browsers that know two of them. The other frameworks leave
/// it alone.
pub fn method_in_the_form(framework: &Framework) {
    let site = Site::new(framework);
    let jar = session(&site, 1);
    for form in ["_method=get", "_method=GET&a=66", "_method=post&a=66"] {
        for act in ACTS {
            let request = site.request().form(form).cookie(jar.header());
            refused(&from(request, EVIL, "cross-site").visit(act));
        }
    }
    // The site's own pages may do it.
    let mut browser = site.browser_with(&jar);
    let request = browser.request().form("_method=get");
    let visit = from(request, "https://shop.example", "same-origin").run(|mut handles| {
        handles.take_session().insert("a", 2)?;
        Ok(((), Answer::new()))
    });
    browser.keep(visit);
    assert_eq!(browser.visit(|session| session.get("a")).value(), Some(2u8));
}

/// A route that does not use the session, guarded: its handler runs for none of the requests that would have no
/// session.
pub fn guarded_route(framework: &Framework) {
    let site = Site::new(framework);
    let cookie = session(&site, 1).header();
    for route in framework.guarded {
        let request = || site.request().route(route).cookie(cookie.clone());
        let send = |request: Request<'_>| request.run(|_| Ok(((), Answer::new())));
        for (origin, fetch_site) in [(EVIL, "cross-site"), (SIBLING, "same-site"), ("null", "")] {
            for forged in [request().form("a=1"), request().form("_method=get")] {
                let forged = forged.header("host", HOST).header("origin", origin);
                let forged = match fetch_site {
                    "" => forged,
                    fetch_site => forged.header("sec-fetch-site", fetch_site),
                };
                let visit = send(forged);
                assert_eq!(visit.response().status, 403, "{route} {origin}");
                assert!(visit.result.is_none(), "{route} {origin}");
                assert_eq!(visit.set_cookie(), NONE);
                let [Event::CrossOrigin(told)] = &visit.events[..] else {
                    panic!("{:?}", visit.events);
                };
                assert_eq!(told.origin.as_deref(), Some(origin));
                assert_eq!(told.host.as_deref(), Some(HOST));
            }
        }
        let handshake = request().header("host", HOST).header("origin", EVIL);
        let handshake = handshake.header("upgrade", "websocket");
        let visit = send(handshake.header("connection", "close"));
        assert_eq!(
            (visit.response().status, visit.result.is_none()),
            (403, true)
        );
        for passes in [
            request().form(""),
            from(request().form(""), "https://shop.example", "same-origin"),
            from(request(), EVIL, "cross-site"),
        ] {
            let visit = send(passes);
            assert_eq!(visit.response().status, 200, "{route}");
            assert!(visit.result.is_some());
            // It costs what a route without a session costs.
            assert_eq!(visit.response().values("vary"), NONE);
            assert_eq!(visit.events, []);
        }
    }
}

/// The guard has the settings of the manager.
pub fn guarded_route_of_a_trusted_origin(framework: &Framework) {
    const APP: &str = "https://app.example";
    for route in framework.guarded {
        let site = Site::with(framework, |settings| settings.trust_origin(APP));
        let visit = from(site.request().route(route).form(""), APP, "cross-site");
        let visit = visit.run(|_| Ok(((), Answer::new())));
        assert_eq!(visit.response().status, 200, "{route}");
        let visit = from(site.request().route(route).form(""), EVIL, "cross-site");
        let visit = visit.run(|_| Ok(((), Answer::new())));
        assert_eq!(visit.response().status, 403, "{route}");
        let site = Site::with(framework, |settings| {
            settings.allow_cross_origin(move |head| head.path().starts_with(route))
        });
        let visit = from(site.request().route(route).form(""), EVIL, "cross-site");
        let visit = visit.run(|_| Ok(((), Answer::new())));
        assert_eq!(visit.response().status, 200, "{route}");
    }
}
