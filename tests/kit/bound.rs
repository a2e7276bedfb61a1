//! The tables of the guide on device-bound sessions: which cookie counts, and what the endpoint answers. The rules alone
//! keep them, and each framework over HTTP.

use super::{
    clock::{Clock, MINUTE},
    dbsc::{Answer, DeviceBrowser, Habits, Outgoing, Send, Url, Visit},
    device::Device,
};
use hardtack::session::{Session, SessionError};

/// Pages below it are excluded from binding.
pub const EXCLUDED: &str = "/both/";
pub const ENDPOINT: &str = "/.hardtack/device/session";
const SITE: &str = "https://shop.example";
const SESSION: &str = "__Host-session";
const PROOF: &str = "__Host-session-bound";

/// Does what a page does, by the last part of its path. Returns its text: which session it saw before that.
pub fn page(session: &Session, path: &str) -> Result<&'static str, SessionError> {
    let seen = match (session.is_empty()?, session.is_device_bound()?) {
        (true, false) => "nobody",
        (false, false) => "unbound",
        (_, true) => "bound",
    };
    match path.rsplit('/').next() {
        Some("login") => {
            session.regenerate_for_login()?;
            session.insert("user", 7)?;
        }
        Some("logout") => session.destroy()?,
        Some("write") => session.insert("cart", 1)?,
        _ => {}
    }
    Ok(seen)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Proof {
    None,
    Good,
    Garbage,
    OfOtherLogin,
    OfOtherKey,
    TooOld,
    UnknownKey,
    UnknownVersion,
}

/// What a handler sees, or what stands in its place.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sees {
    Unbound,
    /// It has its proof, or takes the key of one.
    Bound,
    Reload,
    Prefetch,
    Waits,
    Over,
}

type Headers = &'static [(&'static str, &'static str)];

const CLIENT: Headers = &[];
const TYPED: Headers = &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")];
const OWN_LINK: Headers = &[
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
];
const LINK: Headers = &[
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
];
const LINK_OF_THE_SITE: Headers = &[
    ("sec-fetch-site", "same-site"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
];
const PREFETCH: Headers = &[
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("sec-purpose", "prefetch"),
];
const SKIPPED: Headers = &[
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("secure-session-skipped", "quota_exceeded"),
];
const FRAME: Headers = &[
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "iframe"),
];
const SCRIPT: Headers = &[
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "cors"),
];
const IMAGE: Headers = &[
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-mode", "no-cors"),
];

const EVERY_REQUEST: [Headers; 10] = [
    CLIENT,
    TYPED,
    OWN_LINK,
    LINK,
    LINK_OF_THE_SITE,
    PREFETCH,
    SKIPPED,
    FRAME,
    SCRIPT,
    IMAGE,
];
const NO_PROOF: [Proof; 7] = [
    Proof::None,
    Proof::Garbage,
    Proof::OfOtherLogin,
    Proof::OfOtherKey,
    Proof::TooOld,
    Proof::UnknownKey,
    Proof::UnknownVersion,
];

#[derive(Clone, Copy, Debug)]
struct Row {
    is_bound: bool,
    proof: Proof,
    folder: &'static str,
    headers: Headers,
    sees: Sees,
}

/// Which cookie counts.
fn rows() -> Vec<Row> {
    let mut rows = vec![];
    let mut row = |is_bound, proof, folder, headers, sees| {
        rows.push(Row {
            is_bound,
            proof,
            folder,
            headers,
            sees,
        });
    };
    for headers in EVERY_REQUEST {
        row(false, Proof::None, "/", headers, Sees::Unbound);
        row(false, Proof::Good, "/", headers, Sees::Bound);
        row(true, Proof::Good, "/", headers, Sees::Bound);
    }
    for proof in NO_PROOF {
        // A proof of its own login is one for an unbound record, whatever the key.
        let unbound = match proof {
            Proof::OfOtherKey => Sees::Bound,
            _ => Sees::Unbound,
        };
        row(false, proof, "/", CLIENT, unbound);
        row(true, proof, "/", LINK, Sees::Reload);
        row(true, proof, "/", LINK_OF_THE_SITE, Sees::Reload);
        row(true, proof, "/", PREFETCH, Sees::Prefetch);
        for headers in [SKIPPED, FRAME, SCRIPT, IMAGE] {
            row(true, proof, "/", headers, Sees::Waits);
        }
        let over = match proof {
            Proof::UnknownKey | Proof::UnknownVersion => Sees::Waits,
            _ => Sees::Over,
        };
        for headers in [CLIENT, TYPED, OWN_LINK] {
            row(true, proof, "/", headers, over);
        }
        for headers in [CLIENT, LINK, PREFETCH] {
            row(true, proof, EXCLUDED, headers, Sees::Waits);
        }
    }
    rows
}

/// The cookies of one login, before and after its registration, and proofs of all kinds.
struct Scene {
    unbound: String,
    bound: String,
    good: String,
    of_other_login: String,
    of_other_key: String,
    too_old: String,
}

fn value(browser: &DeviceBrowser, name: &str) -> String {
    browser.cookies.get(name).expect("a cookie").value.clone()
}

/// A browser whose login is offered its binding.
fn logged_in(clock: &Clock, seed: u8, send: Send<'_>) -> DeviceBrowser {
    let mut browser = DeviceBrowser::new(Habits::CHROMIUM, clock, seed);
    let login = Visit::form(SITE, &format!("{SITE}/login"));
    browser.request(&login, send);
    assert_eq!(browser.offers.len(), 1);
    browser
}

impl Scene {
    fn new(clock: &Clock, send: Send<'_>) -> Scene {
        let mut browser = logged_in(clock, 1, send);
        let unbound = value(&browser, SESSION);
        // Two tabs, each with a key of its own.
        let mut tab = DeviceBrowser::new(Habits::CHROMIUM, clock, 2);
        tab.cookies = browser.cookies.clone();
        tab.offers = browser.offers.clone();
        let mut other = logged_in(clock, 3, send);
        for each in [&mut browser, &mut tab, &mut other] {
            each.register(send);
        }
        let too_old = value(&browser, PROOF);
        // Each fetches another proof for the next page.
        clock.pass(11 * MINUTE + 1);
        for each in [&mut browser, &mut tab, &mut other] {
            each.request(&Visit::typed(SITE), send);
        }
        Scene {
            unbound,
            bound: value(&browser, SESSION),
            good: value(&browser, PROOF),
            of_other_login: value(&other, PROOF),
            of_other_key: value(&tab, PROOF),
            too_old,
        }
    }

    fn proof(&self, proof: Proof) -> Option<String> {
        Some(match proof {
            Proof::None => return None,
            Proof::Good => self.good.clone(),
            Proof::Garbage => "x".into(),
            Proof::OfOtherLogin => self.of_other_login.clone(),
            Proof::OfOtherKey => self.of_other_key.clone(),
            Proof::TooOld => self.too_old.clone(),
            Proof::UnknownKey => of_unknown_key(&self.good),
            Proof::UnknownVersion => format!("x{}", &self.good[1..]),
        })
    }
}

/// The same token as one of a key that nobody has: the first byte is the version, and the id of the key follows.
fn of_unknown_key(token: &str) -> String {
    let other = if token[4..].starts_with('x') {
        'y'
    } else {
        'x'
    };
    format!("{}{other}{}", &token[..4], &token[5..])
}

fn ask(
    send: Send<'_>,
    (method, path): (&'static str, &str),
    cookies: &str,
    headers: &[(&'static str, &str)],
) -> Answer {
    let cookie = (!cookies.is_empty()).then_some(("cookie", cookies));
    let headers = headers.iter().copied().chain(cookie);
    let request = Outgoing {
        method,
        url: Url::parse(&format!("{SITE}{path}")),
        headers: headers
            .map(|(name, value)| (name, value.to_owned()))
            .collect(),
    };
    send(&request).expect("an answer")
}

impl Row {
    fn ask(&self, page: &str, scene: &Scene, send: Send<'_>) -> Answer {
        let session = if self.is_bound {
            &scene.bound
        } else {
            &scene.unbound
        };
        let mut cookies = format!("{SESSION}={session}");
        if let Some(proof) = scene.proof(self.proof) {
            cookies.push_str(&format!("; {PROOF}={proof}"));
        }
        let path = format!("{}{page}", self.folder);
        ask(send, ("GET", &path), &cookies, self.headers)
    }

    /// The status, the text and whether the session's cookie is set, for what the page does.
    fn expected(&self, page: &str) -> (u16, &'static str, Option<bool>) {
        let always_works = page.starts_with("log");
        let text = match self.sees {
            Sees::Unbound => "unbound",
            Sees::Bound => "bound",
            _ => "nobody",
        };
        match (self.sees, page) {
            // A logout removes it.
            _ if always_works => (200, text, Some(true)),
            (Sees::Reload, _) => (200, "", Some(false)),
            (Sees::Prefetch, _) | (Sees::Waits, "write") => (503, "", Some(false)),
            (Sees::Waits, _) => (200, text, Some(false)),
            (Sees::Over, _) => (200, text, Some(page == "write")),
            // A session that counts may be renewed.
            (Sees::Unbound | Sees::Bound, _) => (200, text, (page == "write").then_some(true)),
        }
    }

    fn check(&self, page: &str, answer: &Answer) {
        let (status, text, sets) = self.expected(page);
        let body = String::from_utf8_lossy(&answer.body);
        let session = format!("{SESSION}=");
        let is_set = answer
            .values("set-cookie")
            .any(|line| line.starts_with(&session));
        // What a framework writes for an error is its own business.
        let is_text = body == text || status == 503 && self.sees == Sees::Waits;
        assert!(
            answer.status == status && sets.is_none_or(|sets| sets == is_set) && is_text,
            "{self:?} {page:?}: {answer:?}"
        );
        let reloads = answer.values("refresh").collect::<Vec<_>>() == ["0"];
        assert_eq!(
            reloads,
            self.sees == Sees::Reload && !page.starts_with("log"),
            "{self:?}"
        );
        let offers = answer.values("secure-session-registration").count();
        assert_eq!(offers, usize::from(page == "login"), "{self:?} {page:?}");
    }
}

/// Every row, for a page that reads, and one that writes; and a login and a logout, which always work.
pub fn which_cookie_counts(clock: &Clock, send: Send<'_>) {
    let scene = Scene::new(clock, send);
    for row in rows() {
        for page in ["", "write"] {
            row.check(page, &row.ask(page, &scene, send));
        }
    }
    // Each ends its login.
    let mut kinds = vec![];
    for row in rows() {
        if kinds.contains(&row.sees) {
            continue;
        }
        kinds.push(row.sees);
        for page in ["login", "logout"] {
            let scene = Scene::new(clock, send);
            row.check(page, &row.ask(page, &scene, send));
        }
    }
    assert_eq!(kinds.len(), 6);
}

/// Every status of the endpoint.
pub fn statuses_of_the_endpoint(clock: &Clock, send: Send<'_>) {
    let browser = logged_in(clock, 1, send);
    let login = format!("{SESSION}={}", value(&browser, SESSION));
    let unread = format!("{SESSION}={}", of_unknown_key(&value(&browser, SESSION)));
    let challenge = browser.offers[0].challenge.clone();
    let foreign = logged_in(clock, 2, send).offers[0].challenge.clone();
    let (own, other) = (Device::new(1), Device::new(2));
    let response = "secure-session-response";
    let mut answer = |cookies: &str, headers: &[(&'static str, &str)], status: u16| {
        let answer = ask(send, ("POST", ENDPOINT), cookies, headers);
        assert_eq!(answer.status, status, "{headers:?} {answer:?}");
        assert_eq!(
            answer.values("cache-control").collect::<Vec<_>>(),
            ["no-store"]
        );
        let is_challenged = answer.values("secure-session-challenge").count() == 1;
        assert_eq!(is_challenged, status == 403);
        let is_over = answer.body == br#"{"continue":false}"#;
        assert_eq!(
            answer.body.is_empty() || is_over,
            answer.values("set-cookie").count() == 0
        );
        assert_eq!(answer.body.is_empty(), status != 200);
        (answer, is_over)
    };

    let good = own.register(&challenge);
    let (head, _) = good.rsplit_once('.').unwrap();
    let elsewhere = other.register(&challenge);
    let (_, signature) = elsewhere.rsplit_once('.').unwrap();
    for proof in [
        "x.y.z",
        &own.prove(&challenge),
        &own.register("x"),
        &own.register(&foreign),
        &format!("{head}.{signature}"),
    ] {
        answer(&login, &[(response, proof)], 400);
    }
    answer("", &[(response, &good)], 400);
    answer(&unread, &[(response, &good)], 400);
    answer(&login, &[], 400);
    answer(
        &login,
        &[(response, &good), ("sec-fetch-mode", "cors")],
        400,
    );
    clock.pass(300);
    let (registered, _) = answer(
        &login,
        &[(response, &good), ("sec-fetch-mode", "no-cors")],
        200,
    );
    let cookies: Vec<&str> = registered.values("set-cookie").collect();
    let cookies = cookies.iter().map(|line| line.split(';').next().unwrap());
    let bound = cookies.collect::<Vec<_>>().join("; ");
    answer(&bound, &[(response, &good)], 400);
    clock.pass(1);
    answer(&login, &[(response, &good)], 400);

    let instructions: serde_json::Value = serde_json::from_slice(&registered.body).unwrap();
    let id = instructions["session_identifier"].as_str().unwrap();
    let name = "sec-secure-session-id";
    for (cookies, id) in [("", id), (&login, id), (&bound, "x"), (&bound, "")] {
        assert!(answer(cookies, &[(name, id)], 200).1);
    }
    answer(&unread, &[(name, id)], 503);
    let (asked, _) = answer(&bound, &[(name, &format!("\"{id}\""))], 403);
    let challenge = asked.values("secure-session-challenge").next().unwrap();
    let challenge = challenge.split('"').nth(1).unwrap().to_owned();
    let good = own.prove(&challenge);
    for proof in [
        "x",
        &other.prove(&challenge),
        &own.prove("x"),
        &own.prove(&foreign),
    ] {
        answer(&bound, &[(name, id), (response, proof)], 403);
    }
    answer(
        &bound,
        &[(name, id), (response, &good), ("sec-fetch-mode", "cors")],
        400,
    );
    clock.pass(60);
    for good in [&good, &format!("\"{good}\"")] {
        assert!(!answer(&bound, &[(name, id), (response, good)], 200).1);
    }
    clock.pass(1);
    answer(&bound, &[(name, id), (response, &good)], 403);
}
