//! The browser's side of device-bound sessions, by section 8 of the specification (w3c.github.io/webappsec-dbsc), with
//! what Chromium does otherwise as habits. It shares no code with the library. Its device is a key in memory.
//!
//! What it simplifies: a site is the last two labels of a host, and one request ends before the next begins.
#![allow(dead_code, reason = "each program uses a part")]

use super::{clock::Clock, device::Device};
use serde_json::{Value, json};

/// Sends a request, and returns the response, or `None` if there is no connection.
pub type Send<'a> = &'a mut dyn FnMut(&Outgoing) -> Option<Answer>;

/// Where the browser goes, and from where.
#[derive(Clone, Debug)]
pub struct Visit {
    pub method: &'static str,
    pub url: Url,
    /// The page that wants it, or `None` if a person typed the address.
    pub initiator: Option<Url>,
    pub mode: &'static str,
    pub dest: &'static str,
}

impl Visit {
    /// A person typed the address.
    pub fn typed(url: &str) -> Visit {
        Visit {
            method: "GET",
            url: Url::parse(url),
            initiator: None,
            mode: "navigate",
            dest: "document",
        }
    }

    /// A link on another page, or on a page of the same site.
    pub fn link(from: &str, url: &str) -> Visit {
        Visit {
            initiator: Some(Url::parse(from)),
            ..Visit::typed(url)
        }
    }

    /// A form on a page.
    pub fn form(from: &str, url: &str) -> Visit {
        Visit {
            method: "POST",
            ..Visit::link(from, url)
        }
    }

    /// A script on a page.
    pub fn fetch(from: &str, method: &'static str, url: &str) -> Visit {
        Visit {
            method,
            mode: "cors",
            dest: "empty",
            ..Visit::link(from, url)
        }
    }

    fn is_same_site(&self) -> bool {
        let from = self.initiator.as_ref();
        from.is_none_or(|from| from.is_same_site(&self.url))
    }

    fn sec_fetch_site(&self) -> &'static str {
        match &self.initiator {
            None => "none",
            Some(from) if from.origin() == self.url.origin() => "same-origin",
            Some(from) if from.is_same_site(&self.url) => "same-site",
            Some(_) => "cross-site",
        }
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("host", self.url.host.clone()),
            ("sec-fetch-site", self.sec_fetch_site().into()),
            ("sec-fetch-mode", self.mode.into()),
            ("sec-fetch-dest", self.dest.into()),
        ];
        if let Some(from) = self.initiator.as_ref().filter(|_| self.method != "GET") {
            headers.push(("origin", from.origin()));
        }
        headers
    }
}

/// A request as the browser sends it. Names are in lower case.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub method: &'static str,
    pub url: Url,
    pub headers: Vec<(&'static str, String)>,
}

impl Outgoing {
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(found, _)| *found == name);
        header.map(|(_, value)| value.as_str())
    }
}

/// A response. Names are in lower case.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let headers = self.headers.iter().filter(move |(found, _)| found == name);
        headers.map(|(_, value)| value.as_str())
    }

    /// The lines of a field as the list that they are.
    fn list(&self, name: &str) -> Vec<Member> {
        let lines: Vec<&str> = self.values(name).collect();
        members(&lines.join(", "))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    pub scheme: String,
    pub host: String,
    pub path: String,
    /// With its question mark.
    pub query: String,
}

impl Url {
    pub fn parse(text: &str) -> Url {
        let (scheme, rest) = text.split_once("://").expect("an absolute address");
        let (host, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        Url {
            scheme: scheme.into(),
            host: host.into(),
            path: if path.is_empty() { "/" } else { path }.into(),
            query: query.into(),
        }
    }

    /// What a path, or an address, means on a page of this address.
    pub fn join(&self, text: &str) -> Url {
        if text.contains("://") {
            return Url::parse(text);
        }
        let text = match text.strip_prefix('/') {
            Some(_) => text.to_owned(),
            None => format!("{}{text}", self.directory()),
        };
        Url::parse(&format!("{}{text}", self.origin()))
    }

    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }

    /// The path up to its last slash.
    fn directory(&self) -> &str {
        let end = self.path.rfind('/').unwrap_or(0) + 1;
        &self.path[..end]
    }

    /// The host without a port.
    fn name(&self) -> &str {
        self.host.split(':').next().unwrap_or(&self.host)
    }

    pub fn site(&self) -> &str {
        let name = self.name();
        let dots = name.rmatch_indices('.');
        dots.map(|(at, _)| &name[at + 1..]).nth(1).unwrap_or(name)
    }

    fn is_same_site(&self, other: &Url) -> bool {
        self.scheme == other.scheme && self.site() == other.site()
    }
}

/// What decides whether a cookie is sent, and whether it is the one that a session is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    domain: Option<String>,
    path: String,
    secure: bool,
    http_only: bool,
    /// In lower case.
    same_site: String,
}

impl Attributes {
    /// Reads the attributes of a Set-Cookie line, with the defaults for a response from this address.
    fn parse(text: &str, url: &Url) -> Attributes {
        let mut attributes = Attributes {
            domain: None,
            path: match url.directory().trim_end_matches('/') {
                "" => "/".into(),
                directory => directory.into(),
            },
            secure: false,
            http_only: false,
            same_site: "lax".into(),
        };
        for part in text.split(';').map(str::trim) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match name.to_lowercase().as_str() {
                "domain" => attributes.domain = Some(value.trim_start_matches('.').to_lowercase()),
                "path" if value.starts_with('/') => attributes.path = value.into(),
                "secure" => attributes.secure = true,
                "httponly" => attributes.http_only = true,
                "samesite" => attributes.same_site = value.to_lowercase(),
                _ => {}
            }
        }
        attributes
    }

    /// Whether the host may set such a cookie, and gets it.
    fn reaches(&self, setter: &str, host: &str) -> bool {
        match &self.domain {
            Some(domain) => host == domain || host.ends_with(&format!(".{domain}")),
            None => host == setter,
        }
    }

    fn is_sent(&self, setter: &str, visit: &Visit) -> bool {
        let (path, own) = (&visit.url.path, &self.path);
        let below = path.strip_prefix(own.as_str());
        let on_path = below
            .is_some_and(|below| below.is_empty() || own.ends_with('/') || below.starts_with('/'));
        let on_site = visit.is_same_site()
            || match self.same_site.as_str() {
                "none" => true,
                "lax" => visit.mode == "navigate" && visit.method == "GET",
                _ => false,
            };
        let is_safe = !self.secure || visit.url.scheme == "https";
        self.reaches(setter, visit.url.name()) && on_path && on_site && is_safe
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    pub name: String,
    pub value: String,
    pub attributes: Attributes,
    setter: String,
    /// When the browser forgets it, in Unix seconds. It stays in the jar, for a thief keeps what they like.
    pub ends: Option<u32>,
}

/// Every cookie that the browser was given, also those that are over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cookies(pub Vec<Cookie>);

impl Cookies {
    fn store(&mut self, line: &str, url: &Url, now: u32) {
        let (pair, rest) = line.split_once(';').unwrap_or((line, ""));
        let (name, value) = pair.split_once('=').expect("a name and a value");
        let attributes = Attributes::parse(rest, url);
        let is_host_only = attributes.domain.is_none() && attributes.path == "/";
        let is_refused = !attributes.reaches(url.name(), url.name())
            || name.starts_with("__Host-") && !(is_host_only && attributes.secure);
        if is_refused {
            return;
        }
        let max_age = rest
            .split(';')
            .find_map(|part| part.trim().strip_prefix("Max-Age="));
        let max_age = max_age.map(|seconds| seconds.parse::<u32>().unwrap());
        let cookie = Cookie {
            name: name.into(),
            value: value.into(),
            setter: url.name().into(),
            ends: max_age.map(|seconds| now + seconds),
            attributes,
        };
        let same = |other: &Cookie| {
            (
                &other.name,
                &other.attributes.path,
                &other.attributes.domain,
            ) == (
                &cookie.name,
                &cookie.attributes.path,
                &cookie.attributes.domain,
            )
        };
        self.0.retain(|other| !same(other));
        if max_age != Some(0) {
            self.0.push(cookie);
        }
    }

    fn sent(&self, visit: &Visit, now: u32) -> Vec<&Cookie> {
        let cookies = self.0.iter();
        let sent = cookies.filter(|cookie| {
            cookie.ends.is_none_or(|ends| now < ends)
                && cookie.attributes.is_sent(&cookie.setter, visit)
        });
        sent.collect()
    }

    pub fn get(&self, name: &str) -> Option<&Cookie> {
        self.0.iter().find(|cookie| cookie.name == name)
    }

    /// Forgets a cookie, as a person or a script would.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|cookie| cookie.name != name);
    }

    /// The Cookie line of a thief's client: it sends what was once there, or only the cookies with these names.
    pub fn stolen(&self, names: &[&str]) -> String {
        let cookies = self.0.iter();
        let cookies = cookies
            .filter(|cookie| names.is_empty() || names.contains(&cookie.name.as_str()))
            .map(|cookie| format!("{}={}", cookie.name, cookie.value));
        cookies.collect::<Vec<_>>().join("; ")
    }
}

/// What a browser does in its own way.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// Whether values of headers are in quotes, as the specification says.
    pub quotes: bool,
    /// Whether every refusal of a refresh ends the session. By the specification, redirects and 429 leave it.
    pub ends_at_refusals: bool,
    /// Seconds before the end of a bound cookie in which a page in scope refreshes it beforehand.
    pub proactive: u32,
}

impl Habits {
    pub const CHROMIUM: Habits = Habits {
        quotes: false,
        ends_at_refusals: true,
        proactive: 120,
    };
    pub const SPECIFICATION: Habits = Habits {
        quotes: true,
        ends_at_refusals: false,
        proactive: 0,
    };
}

/// Proofs that the browser makes for one refresh.
const MAX_PROOFS: usize = 4;
/// Signatures that a site may cause, and in how many seconds.
const QUOTA: (usize, u32) = (6, 9 * 60);

/// A bound cookie.
#[derive(Clone, Debug)]
struct Credential {
    name: String,
    attributes: Attributes,
}

/// Rule of a scope: whether it includes, for which hosts and paths.
#[derive(Clone, Debug)]
struct Rule {
    includes: bool,
    domain: String,
    path: String,
}

/// A session in the browser's store.
#[derive(Clone)]
pub struct DeviceSession {
    pub id: String,
    pub refresh_url: Url,
    pub cached_challenge: Option<String>,
    origin: Url,
    include_site: bool,
    rules: Vec<Rule>,
    credentials: Vec<Credential>,
    initiators: Vec<String>,
    key: Device,
    /// The challenge that was signed last. Its proof is sent again without another signature.
    signed: Option<String>,
    /// Refreshes that failed in a row, and until when none is tried.
    failures: u32,
    resting: Option<u32>,
}

/// What a `Secure-Session-Registration` header offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub endpoint: Url,
    pub challenge: String,
    /// The page whose response had it.
    page: Url,
}

#[derive(Debug, PartialEq, Eq)]
enum Refresh {
    Done,
    Ended,
    Skipped(&'static str),
}

/// A browser with a device. Clones are copies of the whole profile, device included.
#[derive(Clone)]
pub struct DeviceBrowser {
    pub habits: Habits,
    pub cookies: Cookies,
    pub sessions: Vec<DeviceSession>,
    /// Offers that were not followed yet.
    pub offers: Vec<Offer>,
    /// When the device signed, in Unix seconds.
    pub signatures: Vec<u32>,
    clock: Clock,
    seed: u8,
    keys: u8,
}

impl DeviceBrowser {
    /// Browsers of different seeds have different keys.
    pub fn new(habits: Habits, clock: &Clock, seed: u8) -> DeviceBrowser {
        DeviceBrowser {
            habits,
            cookies: Cookies::default(),
            sessions: vec![],
            offers: vec![],
            signatures: vec![],
            clock: clock.clone(),
            seed,
            keys: 0,
        }
    }

    /// A request with all that follows: the registrations that its response offers, and reloads that it asks for.
    pub fn visit(&mut self, visit: &Visit, send: Send<'_>) -> Option<Answer> {
        let mut visit = visit.clone();
        for _ in 0..3 {
            let answer = self.request(&visit, send)?;
            self.register(send);
            if !answer.values("refresh").any(|value| value == "0") {
                return Some(answer);
            }
            // The page itself is what asks for the reload.
            visit.initiator = Some(visit.url.clone());
        }
        panic!("it reloads for ever: {visit:?}");
    }

    /// A request, deferred until its bound cookies are there. Offers of its response are kept.
    pub fn request(&mut self, visit: &Visit, send: Send<'_>) -> Option<Answer> {
        let (mut deferred, mut skipped) = (vec![], vec![]);
        while let Some(id) = self.needing_refresh(visit, &deferred) {
            if let Refresh::Skipped(reason) = self.refresh(&id, visit, send) {
                skipped.push(format!("{reason};session_identifier=\"{id}\""));
            }
            deferred.push(id);
        }
        let mut headers = visit.headers();
        if !skipped.is_empty() {
            headers.push(("secure-session-skipped", skipped.join(", ")));
        }
        let answer = self.send(visit, headers, send)?;
        for id in self.nearly_over(visit) {
            self.refresh(&id, visit, send);
        }
        Some(answer)
    }

    /// Follows the offers, each with a new key.
    pub fn register(&mut self, send: Send<'_>) {
        for offer in std::mem::take(&mut self.offers) {
            let key = self.new_key();
            let is_possible = offer.page.is_same_site(&offer.endpoint) && self.may_sign();
            if !is_possible {
                continue;
            }
            self.signatures.push(self.clock.unix());
            let proof = Some(key.register(&offer.challenge));
            let visit = device_request(&offer.endpoint, Some(offer.page));
            let answer = self.ask(&visit, None, proof, send);
            if let Some(answer) = answer.filter(|answer| answer.status < 300) {
                self.create(&answer, &offer.endpoint, None, key);
            }
        }
    }

    pub fn session(&self, id: &str) -> Option<&DeviceSession> {
        self.sessions.iter().find(|session| session.id == id)
    }

    fn session_mut(&mut self, id: &str) -> Option<&mut DeviceSession> {
        self.sessions.iter_mut().find(|session| session.id == id)
    }

    fn end(&mut self, id: &str) -> Refresh {
        self.sessions.retain(|session| session.id != id);
        Refresh::Ended
    }

    /// "Identify session needing refresh".
    fn needing_refresh(&self, visit: &Visit, deferred: &[String]) -> Option<String> {
        let sent = self.cookies.sent(visit, self.clock.unix());
        let session = self.sessions.iter().find(|session| {
            session.origin.is_same_site(&visit.url)
                && !deferred.contains(&session.id)
                && session.has_in_scope(&visit.url)
                && session.may_be_refreshed_by(visit)
                && session.misses_a_cookie(visit, &sent)
        });
        session.map(|session| session.id.clone())
    }

    /// The sessions in scope whose cookie is there, but not for much longer.
    fn nearly_over(&self, visit: &Visit) -> Vec<String> {
        let soon = self.clock.unix() + self.habits.proactive;
        let now = self.cookies.sent(visit, self.clock.unix());
        let then = self.cookies.sent(visit, soon);
        let sessions = self.sessions.iter().filter(|session| {
            session.has_in_scope(&visit.url)
                && session.may_be_refreshed_by(visit)
                && !session.misses_a_cookie(visit, &now)
                && session.misses_a_cookie(visit, &then)
        });
        sessions.map(|session| session.id.clone()).collect()
    }

    /// "Send request", for a refresh.
    fn refresh(&mut self, id: &str, by: &Visit, send: Send<'_>) -> Refresh {
        let now = self.clock.unix();
        let Some(session) = self.session(id) else {
            return Refresh::Ended;
        };
        if session.resting.is_some_and(|until| now < until) {
            return Refresh::Skipped("unreachable");
        }
        let (key, url) = (session.key.clone(), session.refresh_url.clone());
        let visit = device_request(&url, by.initiator.clone().or(Some(url.clone())));
        let mut proofs = 0;
        loop {
            let Some(session) = self.session(id) else {
                return Refresh::Ended;
            };
            let challenge = session.cached_challenge.clone();
            let is_signed = session.signed == challenge;
            if challenge.is_some() {
                if proofs == MAX_PROOFS {
                    return self.end(id);
                }
                proofs += 1;
                if !is_signed {
                    if !self.may_sign() {
                        return Refresh::Skipped("quota_exceeded");
                    }
                    self.signatures.push(now);
                }
            }
            let proof = challenge.as_deref().map(|challenge| key.prove(challenge));
            if let Some(session) = self.session_mut(id) {
                session.signed = challenge.clone();
            }
            let Some(answer) = self.ask(&visit, Some(id), proof, send) else {
                return self.rest(id, "unreachable");
            };
            let is_challenged = self
                .session(id)
                .is_some_and(|session| session.cached_challenge != challenge);
            return match answer.status {
                403 if is_challenged => continue,
                // By the specification the last challenge is signed again, and for ever.
                403 => self.end(id),
                300..400 | 407 | 429 if !self.habits.ends_at_refusals => Refresh::Done,
                300..500 => self.end(id),
                500.. => self.rest(id, "server_error"),
                _ => {
                    let Some(session) = self.session_mut(id) else {
                        return Refresh::Ended;
                    };
                    (session.failures, session.resting) = (0, None);
                    if !answer.body.is_empty() {
                        self.create(&answer, &url, Some(id), key);
                    }
                    Refresh::Done
                }
            };
        }
    }

    /// Waits before the next refresh, twice as long after each that failed.
    fn rest(&mut self, id: &str, reason: &'static str) -> Refresh {
        let now = self.clock.unix();
        if let Some(session) = self.session_mut(id) {
            let pause = 60 << session.failures.min(6);
            session.failures += 1;
            session.resting = Some(now + pause);
        }
        Refresh::Skipped(reason)
    }

    /// The request of the browser itself, for a registration or a refresh.
    fn ask(
        &mut self,
        visit: &Visit,
        id: Option<&str>,
        proof: Option<String>,
        send: Send<'_>,
    ) -> Option<Answer> {
        let mut headers = visit.headers();
        for (name, value) in [
            ("secure-session-response", proof.as_deref()),
            ("sec-secure-session-id", id),
        ] {
            let quoted = |value| match self.habits.quotes {
                true => format!("\"{value}\""),
                false => String::from(value),
            };
            headers.extend(value.map(|value| (name, quoted(value))));
        }
        self.send(visit, headers, send)
    }

    /// Sends the request with its cookies, and takes what the response brings.
    fn send(
        &mut self,
        visit: &Visit,
        mut headers: Vec<(&'static str, String)>,
        send: Send<'_>,
    ) -> Option<Answer> {
        let sent = self.cookies.sent(visit, self.clock.unix());
        let pairs: Vec<String> = sent
            .iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        if !pairs.is_empty() {
            headers.push(("cookie", pairs.join("; ")));
        }
        let answer = send(&Outgoing {
            method: visit.method,
            url: visit.url.clone(),
            headers,
        })?;
        for line in answer.values("set-cookie") {
            self.cookies.store(line, &visit.url, self.clock.unix());
        }
        self.take_offers(&answer, &visit.url);
        self.take_challenges(&answer, &visit.url);
        Some(answer)
    }

    /// "Process session registration", up to the request.
    fn take_offers(&mut self, answer: &Answer, url: &Url) {
        for member in answer.list("secure-session-registration") {
            let Item::List(algorithms) = &member.item else {
                continue;
            };
            let (Some(path), Some(challenge)) = (member.text("path"), member.text("challenge"))
            else {
                continue;
            };
            if algorithms.iter().any(|algorithm| algorithm == "ES256") && url.scheme == "https" {
                self.offers.push(Offer {
                    endpoint: url.join(path),
                    challenge: challenge.into(),
                    page: url.clone(),
                });
            }
        }
    }

    /// "Cache challenge".
    fn take_challenges(&mut self, answer: &Answer, url: &Url) {
        for member in answer.list("secure-session-challenge") {
            let (Item::Text(challenge), Some(id)) = (&member.item, member.text("id")) else {
                continue;
            };
            let session = self.session_mut(id);
            if let Some(session) = session.filter(|session| session.origin.is_same_site(url)) {
                session.cached_challenge = Some(challenge.clone());
            }
        }
    }

    /// "Create session". Instructions that are not valid end the session that they are for.
    fn create(&mut self, answer: &Answer, url: &Url, id: Option<&str>, key: Device) {
        let session = DeviceSession::read(&answer.body, url, id, key);
        let former = id.and_then(|id| self.session(id).cloned());
        if let Some(id) = id {
            self.end(id);
        }
        if let Some(mut session) = session {
            if let Some(former) = former {
                (session.cached_challenge, session.signed) =
                    (former.cached_challenge, former.signed);
            }
            self.end(&session.id);
            self.sessions.push(session);
        }
        self.take_challenges(answer, url);
    }

    fn new_key(&mut self) -> Device {
        self.keys += 1;
        Device::new(16 * self.seed + self.keys)
    }

    fn may_sign(&self) -> bool {
        let (max, seconds) = QUOTA;
        let since = self.clock.unix().saturating_sub(seconds);
        let recent = self.signatures.iter().filter(|at| **at > since);
        recent.count() < max
    }
}

/// The request that a browser makes for its device: a page's script cannot make such a one.
fn device_request(url: &Url, initiator: Option<Url>) -> Visit {
    Visit {
        method: "POST",
        url: url.clone(),
        initiator,
        mode: "no-cors",
        dest: "empty",
    }
}

impl DeviceSession {
    /// The key of this session, for a thief with the device.
    pub fn key(&self) -> &Device {
        &self.key
    }

    /// Reads instructions. `None` if they are not valid, or end the session.
    fn read(body: &[u8], url: &Url, id: Option<&str>, key: Device) -> Option<DeviceSession> {
        let json: Value = serde_json::from_slice(body).ok()?;
        if json.get("continue") == Some(&json!(false)) {
            return None;
        }
        let identifier = json.get("session_identifier")?.as_str()?;
        let scope = json.get("scope")?;
        let origin = match scope.get("origin") {
            Some(origin) => Url::parse(origin.as_str()?),
            None => Url::parse(&url.origin()),
        };
        let refresh_url = match json.get("refresh_url") {
            Some(path) => url.join(path.as_str()?),
            None => url.clone(),
        };
        let include_site = scope.get("include_site")?.as_bool()?;
        let is_valid = id.is_none_or(|id| id == identifier)
            && origin.is_same_site(url)
            && refresh_url.is_same_site(url)
            && refresh_url.scheme == "https"
            && !identifier.is_empty();
        // Other hosts of a site would have to be listed at a well-known address.
        let may_include = origin.name() == url.site() && url.name() == url.site();
        if !is_valid || include_site && !may_include {
            return None;
        }
        let text = |value: &Value, name: &str, default: &str| match value.get(name) {
            Some(value) => value.as_str().map(String::from),
            None => Some(default.to_owned()),
        };
        let list = |value: Option<&Value>| match value {
            Some(value) => value.as_array().cloned(),
            None => Some(vec![]),
        };
        let rules = list(scope.get("scope_specification"))?.into_iter();
        let rules = rules.map(|rule| {
            Some(Rule {
                includes: match rule.get("type")?.as_str()? {
                    "include" => true,
                    "exclude" => false,
                    _ => return None,
                },
                domain: text(&rule, "domain", "*")?,
                path: text(&rule, "path", "/")?,
            })
        });
        let credentials = json.get("credentials")?.as_array()?.iter();
        let credentials = credentials.map(|credential| {
            let attributes = text(credential, "attributes", "")?;
            let name = text(credential, "name", "")?;
            let is_valid = credential.get("type")? == "cookie"
                && !name.is_empty()
                && !attributes.to_lowercase().contains("partitioned");
            let attributes = Attributes::parse(&attributes, url);
            is_valid.then_some(Credential { name, attributes })
        });
        let credentials: Vec<Credential> = credentials.collect::<Option<_>>()?;
        let could_be_set = |credential: &Credential| {
            let attributes = &credential.attributes;
            attributes.reaches(url.name(), url.name())
        };
        if !credentials.iter().any(could_be_set) {
            return None;
        }
        let initiators = list(json.get("allowed_refresh_initiators"))?.into_iter();
        Some(DeviceSession {
            id: identifier.into(),
            refresh_url,
            cached_challenge: None,
            origin,
            include_site,
            rules: rules.collect::<Option<_>>()?,
            credentials,
            initiators: initiators
                .map(|host| host.as_str().map(String::from))
                .collect::<Option<_>>()?,
            key,
            signed: None,
            failures: 0,
            resting: None,
        })
    }

    /// "Identify if a URL is in scope": of the rules, the last that matches counts.
    fn has_in_scope(&self, url: &Url) -> bool {
        let is_refresh = (&self.refresh_url.host, &self.refresh_url.path) == (&url.host, &url.path);
        if !self.covers(url) || is_refresh {
            return false;
        }
        let rule = self.rules.iter().rev().find(|rule| {
            let below = url.path.strip_prefix(rule.path.as_str());
            let on_path = below.is_some_and(|below| {
                below.is_empty() || rule.path.ends_with('/') || below.starts_with('/')
            });
            on_path && matches_host(&rule.domain, url.name())
        });
        rule.is_none_or(|rule| rule.includes)
    }

    /// "Identify if a request is allowed to refresh". An address that a person typed is.
    fn may_be_refreshed_by(&self, visit: &Visit) -> bool {
        let Some(from) = &visit.initiator else {
            return true;
        };
        let mut initiators = self.initiators.iter();
        self.covers(from) || initiators.any(|pattern| matches_host(pattern, from.name()))
    }

    fn covers(&self, url: &Url) -> bool {
        match self.include_site {
            true => url.is_same_site(&self.origin),
            false => url.origin() == self.origin.origin(),
        }
    }

    /// "Identify if missing session credential".
    fn misses_a_cookie(&self, visit: &Visit, sent: &[&Cookie]) -> bool {
        self.credentials.iter().any(|credential| {
            let is_sent = |cookie: &&Cookie| {
                cookie.name == credential.name && cookie.attributes == credential.attributes
            };
            let attributes = &credential.attributes;
            attributes.is_sent(self.refresh_url.name(), visit) && !sent.iter().any(is_sent)
        })
    }
}

/// "Identify if a host matches a pattern".
fn matches_host(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some("") => true,
        Some(end) => end.starts_with('.') && host.ends_with(end),
        None => host == pattern,
    }
}

/// A member of a list of structured fields (RFC 9651), as far as these headers have them.
#[derive(Debug, PartialEq, Eq)]
struct Member {
    item: Item,
    parameters: Vec<(String, Item)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Item {
    Text(String),
    Token(String),
    List(Vec<String>),
}

impl Member {
    fn text(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find_map(|(found, value)| match value {
                Item::Text(text) if found == name => Some(text.as_str()),
                _ => None,
            })
    }
}

/// Reads a list. Anything else counts as if the header was absent.
fn members(text: &str) -> Vec<Member> {
    let mut rest = text.trim();
    let mut members = vec![];
    while !rest.is_empty() {
        let Some(member) = read_member(&mut rest) else {
            return vec![];
        };
        members.push(member);
        rest = rest.trim_start();
        match rest.strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None if rest.is_empty() => {}
            None => return vec![],
        }
    }
    members
}

fn read_member(rest: &mut &str) -> Option<Member> {
    let item = match rest.strip_prefix('(') {
        Some(list) => {
            let (inner, after) = list.split_once(')')?;
            *rest = after;
            Item::List(inner.split_whitespace().map(String::from).collect())
        }
        None => read_item(rest)?,
    };
    let mut parameters = vec![];
    while let Some(parameter) = rest.strip_prefix(';') {
        let parameter = parameter.trim_start();
        let end = parameter.find(['=', ';', ',']).unwrap_or(parameter.len());
        let (name, after) = parameter.split_at(end);
        *rest = after;
        if let Some(value) = after.strip_prefix('=') {
            *rest = value;
            parameters.push((name.to_owned(), read_item(rest)?));
        }
    }
    Some(Member { item, parameters })
}

fn read_item(rest: &mut &str) -> Option<Item> {
    let Some(quoted) = rest.strip_prefix('"') else {
        let end = rest.find([';', ',', ' ']).unwrap_or(rest.len());
        let (token, after) = rest.split_at(end);
        *rest = after;
        return (!token.is_empty()).then(|| Item::Token(token.into()));
    };
    let (mut text, mut chars) = (String::new(), quoted.chars());
    loop {
        match chars.next()? {
            '"' => break,
            '\\' => text.push(chars.next()?),
            other => text.push(other),
        }
    }
    *rest = chars.as_str();
    Some(Item::Text(text))
}
