//! The simulated browser of device-bound sessions: it keeps the rules of the specification, against a server of these
//! tests, and it binds a session of the library.

use crate::kit::{
    bound::{EXCLUDED, page, statuses_of_the_endpoint, which_cookie_counts},
    clock::{Clock, MINUTE},
    dbsc::{Answer, DeviceBrowser, Habits, Outgoing, Url, Visit},
    exchange::{NO_HEADERS, ready},
    keys,
};
use hardtack::session::{DeviceBound, Exchange, HeaderEdit, RequestHead, SessionManager};

const HOME: &str = "https://shop.example/";
const PROOF: &str = "proof=1; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax";

/// A server that offers to bind every session, and answers refreshes with these statuses, the last for ever.
struct Server {
    /// `scope` and `allowed_refresh_initiators`, in JSON.
    more: &'static str,
    attributes: &'static str,
    refreshes: Vec<u16>,
    challenges: u32,
    seen: Vec<Outgoing>,
}

impl Server {
    fn new(refreshes: &[u16]) -> Server {
        Server {
            more: r#""scope":{"include_site":false}"#,
            attributes: "Path=/; Secure; HttpOnly; SameSite=Lax",
            refreshes: refreshes.to_vec(),
            challenges: 0,
            seen: vec![],
        }
    }

    fn answer(&mut self, request: &Outgoing) -> Option<Answer> {
        self.seen.push(request.clone());
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut answer = Answer {
            status: 200,
            ..Answer::default()
        };
        let instructions = format!(
            r#"{{"session_identifier":"id",{},"credentials":[{{"type":"cookie","name":"proof","attributes":"{}"}}]}}"#,
            self.more, self.attributes
        );
        match (
            request.url.path.as_str(),
            request.header("sec-secure-session-id"),
        ) {
            ("/login", _) => {
                let offer = r#"(RS256 ES256);path="device";challenge="first", (none);path="/none""#;
                answer
                    .headers
                    .push(header("secure-session-registration", offer));
            }
            ("/device", None) => {
                answer.body = instructions.into_bytes();
                answer.headers.push(header("set-cookie", PROOF));
            }
            ("/device", Some(_)) => {
                let is_signed = request.header("secure-session-response").is_some();
                answer.status = match self.refreshes[..] {
                    [200, ..] if !is_signed => 403,
                    [status] => status,
                    _ => self.refreshes.remove(0),
                };
                match answer.status {
                    200 => answer.headers.push(header("set-cookie", PROOF)),
                    // No status: nobody is there.
                    0 => return None,
                    // A refusal without a challenge.
                    1 => answer.status = 403,
                    // What ends the session.
                    2 => {
                        answer.status = 200;
                        answer.body = br#"{"continue":false}"#.to_vec();
                    }
                    403 => {
                        self.challenges += 1;
                        let challenge = format!(r#""c{}";id="id""#, self.challenges);
                        answer
                            .headers
                            .push(header("secure-session-challenge", &challenge));
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        Some(answer)
    }

    /// The requests since the last call, as methods and paths.
    fn paths(&mut self) -> Vec<String> {
        let seen = std::mem::take(&mut self.seen).into_iter();
        seen.map(|request| format!("{} {}", request.method, request.url.path))
            .collect()
    }
}

/// A browser that has just bound a session, and its server.
fn bound(habits: Habits, mut server: Server) -> (DeviceBrowser, Server, Clock) {
    let clock = Clock::new();
    let mut browser = DeviceBrowser::new(habits, &clock, 1);
    let login = Visit::form(HOME, "https://shop.example/login");
    browser.visit(&login, &mut |request| server.answer(request));
    assert_eq!(server.paths(), ["POST /login", "POST /device"]);
    (browser, server, clock)
}

/// Visits, and returns what the server saw of it.
fn seen(browser: &mut DeviceBrowser, server: &mut Server, visit: &Visit) -> Vec<String> {
    browser.visit(visit, &mut |request| server.answer(request));
    server.paths()
}

/// The last header of this name that the browser sends when it visits its home.
fn skipped(browser: &mut DeviceBrowser, server: &mut Server) -> Option<String> {
    let visit = Visit::typed(HOME);
    browser.visit(&visit, &mut |request| server.answer(request));
    let last = server.seen.pop().unwrap();
    server.seen.clear();
    last.header("secure-session-skipped").map(String::from)
}

#[test]
fn a_request_waits_for_its_cookie() {
    let (mut browser, mut server, clock) = bound(Habits::SPECIFICATION, Server::new(&[200]));
    let home = Visit::typed(HOME);
    assert_eq!(seen(&mut browser, &mut server, &home), ["GET /"]);
    clock.pass(10 * MINUTE);
    let expected = ["POST /device", "POST /device", "GET /"];
    assert_eq!(seen(&mut browser, &mut server, &home), expected);
    assert_eq!(seen(&mut browser, &mut server, &home), ["GET /"]);
    assert_eq!(browser.signatures.len(), 2);
}

#[test]
fn a_proof_is_quoted_or_bare() {
    for (habits, quoted) in [(Habits::SPECIFICATION, true), (Habits::CHROMIUM, false)] {
        let (mut browser, mut server, clock) = bound(habits, Server::new(&[200]));
        clock.pass(10 * MINUTE);
        browser.request(&Visit::typed(HOME), &mut |request| server.answer(request));
        let refresh = &server.seen[1];
        for name in ["secure-session-response", "sec-secure-session-id"] {
            let value = refresh.header(name).unwrap();
            assert_eq!(
                value.starts_with('"') && value.ends_with('"'),
                quoted,
                "{value}"
            );
        }
        assert_eq!(refresh.header("sec-fetch-mode"), Some("no-cors"));
        assert_eq!(refresh.header("origin"), Some("https://shop.example"));
    }
}

#[test]
fn a_cookie_of_other_attributes_is_missing_in_every_request() {
    let server = Server {
        attributes: "Path=/; Secure; SameSite=Lax",
        ..Server::new(&[200])
    };
    let (mut browser, mut server, _) = bound(Habits::SPECIFICATION, server);
    for _ in 0..3 {
        let paths = seen(&mut browser, &mut server, &Visit::typed(HOME));
        assert_eq!(paths.last().unwrap(), "GET /");
        assert!(paths.len() > 1, "{paths:?}");
    }
}

#[test]
fn the_last_rule_that_matches_counts() {
    let server = Server {
        more: r#""scope":{"include_site":false,"scope_specification":[
            {"type":"exclude","path":"/assets/"},
            {"type":"include","path":"/assets/own"},
            {"type":"exclude","domain":"*.shop.example","path":"/"}
        ]}"#,
        ..Server::new(&[200])
    };
    let (mut browser, mut server, _) = bound(Habits::SPECIFICATION, server);
    browser.cookies.remove("proof");
    for (path, waits) in [
        ("assets/a.css", false),
        ("assets/own", true),
        ("assets/own/a", true),
        ("assets/owner", false),
        ("assets", true),
        ("device", false),
    ] {
        let mut browser = browser.clone();
        let paths = seen(
            &mut browser,
            &mut server,
            &Visit::typed(&format!("{HOME}{path}")),
        );
        assert_eq!(paths.len() > 1, waits, "{path}: {paths:?}");
    }
    // Another origin of the site is out of scope.
    let other = Visit::typed("https://www.shop.example/");
    assert_eq!(seen(&mut browser, &mut server, &other), ["GET /"]);
}

#[test]
fn only_pages_of_the_scope_and_those_named_cause_a_refresh() {
    for (more, waits) in [
        (
            r#""scope":{"include_site":false}"#,
            [true, true, false, false],
        ),
        (
            r#""scope":{"include_site":true}"#,
            [true, true, true, false],
        ),
        (
            r#""scope":{"include_site":false},"allowed_refresh_initiators":["*"]"#,
            [true; 4],
        ),
        (
            r#""scope":{"include_site":false},"allowed_refresh_initiators":["www.shop.example"]"#,
            [true, true, true, false],
        ),
    ] {
        let server = Server {
            more,
            ..Server::new(&[200])
        };
        let (mut browser, mut server, _) = bound(Habits::SPECIFICATION, server);
        browser.cookies.remove("proof");
        let from = [HOME, "https://www.shop.example/", "https://evil.example/"];
        let links = from.map(|from| Visit::link(from, HOME));
        let visits = [Visit::typed(HOME)].into_iter().chain(links);
        let found = visits.map(|visit| {
            let mut browser = browser.clone();
            seen(&mut browser, &mut server, &visit).len() > 1
        });
        assert_eq!(found.collect::<Vec<_>>(), waits, "{more}");
    }
}

#[test]
fn a_status_ends_a_session_or_leaves_it() {
    // 0 stands for a lost connection, 1 for a 403 without a challenge, 2 for instructions that end.
    for (status, by_specification, by_chromium) in [
        (200, true, true),
        (0, true, true),
        (1, false, false),
        (2, false, false),
        (302, true, false),
        (400, false, false),
        (401, false, false),
        (403, false, false),
        (404, false, false),
        (429, true, false),
        (500, true, true),
        (503, true, true),
    ] {
        for (habits, stays) in [
            (Habits::SPECIFICATION, by_specification),
            (Habits::CHROMIUM, by_chromium),
        ] {
            let (mut browser, mut server, _) = bound(habits, Server::new(&[status]));
            browser.cookies.remove("proof");
            let paths = seen(&mut browser, &mut server, &Visit::typed(HOME));
            assert_eq!(paths.last().unwrap(), "GET /");
            assert_eq!(
                browser.session("id").is_some(),
                stays,
                "{status}: {habits:?}"
            );
            if status == 403 {
                // Without a proof first, then with four.
                assert_eq!(paths.len(), 1 + 4 + 1);
            }
        }
    }
}

#[test]
fn a_refresh_that_failed_is_not_tried_again_at_once() {
    for (status, reason) in [(500, "server_error"), (0, "unreachable")] {
        let (mut browser, mut server, clock) = bound(Habits::CHROMIUM, Server::new(&[status, 200]));
        browser.cookies.remove("proof");
        let says = |reason| Some(format!("{reason};session_identifier=\"id\""));
        assert_eq!(skipped(&mut browser, &mut server), says(reason));
        assert_eq!(skipped(&mut browser, &mut server), says("unreachable"));
        clock.pass(MINUTE);
        assert_eq!(skipped(&mut browser, &mut server), None);
    }
}

#[test]
fn a_site_causes_six_signatures_in_nine_minutes() {
    let (mut browser, mut server, clock) = bound(Habits::CHROMIUM, Server::new(&[200]));
    let quota = Some("quota_exceeded;session_identifier=\"id\"".to_owned());
    // Each refresh tries the last challenge again, which has its proof, and would sign a new one.
    let refresh = |_| {
        browser.cookies.remove("proof");
        server.refreshes = vec![403, 200];
        skipped(&mut browser, &mut server)
    };
    let refreshes = (0..10).map(refresh).take_while(|skipped| *skipped != quota);
    let refreshes = refreshes.count();
    // The registration was the first.
    assert_eq!((refreshes, browser.signatures.len()), (5, 6));
    clock.pass(9 * MINUTE);
    assert_eq!(skipped(&mut browser, &mut server), None);
}

#[test]
fn a_cookie_that_ends_soon_is_fetched_beforehand() {
    for (habits, paths) in [
        (Habits::SPECIFICATION, &["GET /"][..]),
        (Habits::CHROMIUM, &["GET /", "POST /device", "POST /device"]),
    ] {
        let (mut browser, mut server, clock) = bound(habits, Server::new(&[200]));
        clock.pass(8 * MINUTE - 1);
        let home = Visit::typed(HOME);
        assert_eq!(seen(&mut browser, &mut server, &home), ["GET /"]);
        clock.pass(1);
        assert_eq!(seen(&mut browser, &mut server, &home), paths);
    }
}

#[test]
fn cookies_go_where_their_attributes_say() {
    let clock = Clock::new();
    let mut browser = DeviceBrowser::new(Habits::CHROMIUM, &clock, 1);
    let lines = [
        "lax=1; Path=/; SameSite=Lax",
        "strict=1; Path=/; SameSite=Strict",
        "none=1; Path=/; Secure; SameSite=None",
        "site=1; Domain=shop.example; Path=/; SameSite=Strict",
        "below=1; Path=/a; SameSite=Lax",
        "foreign=1; Domain=evil.example; Path=/",
        "__Host-path=1; Path=/a; Secure",
    ];
    let headers = lines.map(|line| ("set-cookie".to_owned(), line.to_owned()));
    let answer = Answer {
        status: 200,
        headers: headers.to_vec(),
        body: vec![],
    };
    browser.request(&Visit::typed(HOME), &mut |_| Some(answer.clone()));
    let evil = "https://evil.example/";
    for (visit, expected) in [
        (Visit::typed(HOME), "lax=1; strict=1; none=1; site=1"),
        (
            Visit::typed("https://shop.example/a/b"),
            "lax=1; strict=1; none=1; site=1; below=1",
        ),
        (
            Visit::typed("https://shop.example/ab"),
            "lax=1; strict=1; none=1; site=1",
        ),
        (Visit::link(evil, HOME), "lax=1; none=1"),
        (Visit::form(evil, HOME), "none=1"),
        (Visit::fetch(evil, "GET", HOME), "none=1"),
        (
            Visit::form("https://www.shop.example/", HOME),
            "lax=1; strict=1; none=1; site=1",
        ),
        (Visit::typed("https://www.shop.example/"), "site=1"),
        (
            Visit::typed("http://shop.example/"),
            "lax=1; strict=1; site=1",
        ),
    ] {
        let mut cookie = None;
        browser.request(&visit, &mut |request| {
            cookie = request.header("cookie").map(String::from);
            Some(Answer::default())
        });
        assert_eq!(cookie.as_deref(), Some(expected), "{visit:?}");
    }
    let url = Url::parse("https://shop.example/a/b?c");
    assert_eq!(url.join("d").path, "/a/d");
    assert_eq!(url.join("/d").path, "/d");
}

/// The library as the server, with the pages of the tables.
pub fn hardtack(sessions: &SessionManager, request: &Outgoing) -> Answer {
    let exchange = Exchange::begin(sessions);
    let head = RequestHead {
        method: request.method,
        path: &request.url.path,
        authority: None,
        headers: request.headers.iter().map(|(name, value)| (*name, value)),
    };
    let (edits, page) = match exchange.endpoint(&head) {
        Some(answer) => (ready(answer), Ok("")),
        None => {
            let page = page(&ready(exchange.session(head)), &request.url.path);
            let plan = ready(exchange.commit(exchange.close()));
            (exchange.finish(plan, NO_HEADERS), page)
        }
    };
    let (status, body) = match (edits.status(), page) {
        (Some(status), _) => (status, edits.body()),
        (None, Ok(page)) => (200, page.into()),
        (None, Err(_)) => (503, String::new()),
    };
    let body = body.into_bytes();
    let headers = edits.into_iter().map(|edit| match edit {
        HeaderEdit::Append(name, value) | HeaderEdit::Set(name, value) => {
            (name.to_owned(), value.into_owned())
        }
    });
    Answer {
        status,
        headers: headers.collect(),
        body,
    }
}

/// A site under a clock.
pub fn site(clock: &Clock) -> SessionManager {
    let time = clock.clone();
    let builder = SessionManager::builder(keys::ring(1)).clock(move || time.now());
    let bound = DeviceBound::default().exclude(EXCLUDED);
    builder.device_bound(bound).build().unwrap()
}

#[test]
fn which_cookie_counts_is_what_the_table_says() {
    let clock = Clock::new();
    let sessions = site(&clock);
    which_cookie_counts(&clock, &mut |request| Some(hardtack(&sessions, request)));
}

#[test]
fn the_endpoint_answers_what_the_table_says() {
    let clock = Clock::new();
    let sessions = site(&clock);
    statuses_of_the_endpoint(&clock, &mut |request| Some(hardtack(&sessions, request)));
}

#[test]
fn the_library_and_the_browser_agree() {
    for habits in [Habits::SPECIFICATION, Habits::CHROMIUM] {
        let clock = Clock::new();
        let sessions = site(&clock);
        let mut send = |request: &Outgoing| Some(hardtack(&sessions, request));
        let mut browser = DeviceBrowser::new(habits, &clock, 1);
        let login = Visit::form(HOME, "https://shop.example/login");
        browser.visit(&login, &mut send);
        assert_eq!(browser.sessions.len(), 1);
        // Every visit waits for a proof of its own, typed or from a link of another site.
        for from in [HOME, "https://evil.example/"] {
            clock.pass(12 * MINUTE);
            let answer = browser.visit(&Visit::link(from, HOME), &mut send);
            assert_eq!(answer.unwrap().body, b"bound", "{from}: {habits:?}");
        }
        // A copy of both cookies works for as long as the proof lasts, and a copy of the session cookie alone never.
        let thief = |names: &[&str]| {
            let request = Outgoing {
                method: "GET",
                url: Url::parse(HOME),
                headers: vec![("cookie", browser.cookies.stolen(names))],
            };
            send(&request).unwrap().body
        };
        assert_eq!(thief(&["__Host-session"]), b"nobody");
        assert_eq!(thief(&[]), b"bound");
        clock.pass(11 * MINUTE);
        assert_eq!(thief(&[]), b"bound");
        clock.pass(1);
        assert_eq!(thief(&[]), b"nobody");
    }
}
