//! Sessions that can be bound to a device, and what comes to their endpoint.

use crate::{
    NOW,
    exchange::{NO_HEADERS, ready},
    session::User,
};
use hardtack::session::{
    DeviceBound, Exchange, HeaderEdit, HeaderEdits, RequestHead, Session, SessionManager,
    SessionManagerBuilder, SessionMap,
};

#[path = "../../tests/kit/device.rs"]
mod device;
use device::Device;

const ENDPOINT: &str = "/.hardtack/device/session";
const SESSION: &str = "sec-secure-session-id";
const RESPONSE: &str = "secure-session-response";

/// A site, and what a browser has of it.
pub struct BoundSite {
    sessions: SessionManager,
    /// The same site without the setting.
    plain: SessionManager,
    /// The Cookie header of a login before it was bound, and after it.
    pub unbound: String,
    pub bound: String,
    /// That of somebody with 16 proofs and no session.
    pub proofs: String,
    id: String,
    challenge: String,
}

impl BoundSite {
    /// Logs a user in and binds the session.
    pub fn new(user: &User) -> BoundSite {
        let build = |builder: SessionManagerBuilder<SessionMap>| {
            let builder = builder.clock(|| NOW);
            builder.build().expect("the defaults are good")
        };
        let plain = build(crate::session::builder());
        let sessions = build(crate::session::builder().device_bound(DeviceBound::default()));
        let exchange = Exchange::begin(&sessions);
        let session = ready(exchange.session(head("POST", "/login", "", &[])));
        session
            .regenerate_for_login()
            .expect("the system's randomness");
        session.insert("user", user).expect("it fits");
        let plan = ready(exchange.commit(exchange.close()));
        let login: Vec<_> = exchange.finish(plan, NO_HEADERS).into_iter().collect();
        let unbound = cookies(&login);
        let mut site = BoundSite {
            sessions,
            plain,
            bound: String::new(),
            proofs: String::new(),
            id: String::new(),
            challenge: String::new(),
            unbound,
        };

        let proof = Device::new(1).register(quoted(&login, "challenge=\""));
        let registered = site.endpoint(&site.unbound, &[(RESPONSE, &proof)]);
        let body = registered.body();
        let (_, id) = body
            .split_once("\"session_identifier\":\"")
            .expect("instructions");
        site.id = id.split('"').next().unwrap_or_default().into();
        let set: Vec<_> = registered.into_iter().collect();
        site.bound = cookies(&set);
        let (_, proof) = site.bound.split_once("; ").expect("a proof");
        // Each is another token: equal ones are opened once.
        let proofs = (0..16).map(|number: u8| {
            let mut forged = proof.to_owned();
            let letter = char::from(b'A' + number);
            let at = forged.len() - 2;
            forged.replace_range(at..=at, letter.encode_utf8(&mut [0; 4]));
            forged
        });
        site.proofs = proofs.collect::<Vec<_>>().join("; ");
        let asked = site.endpoint(&site.bound, &[(SESSION, &site.id)]);
        let asked: Vec<_> = asked.into_iter().collect();
        site.challenge = quoted(&asked, "\"").into();
        site
    }

    fn endpoint(&self, cookies: &str, fields: &[(&str, &str)]) -> HeaderEdits {
        let exchange = Exchange::begin(&self.sessions);
        let answer = exchange.endpoint(&head("POST", ENDPOINT, cookies, fields));
        ready(answer.expect("the endpoint"))
    }

    /// What a proof of the browser's session would have to be signed for, by this device.
    pub fn proof(&self, device: u8, challenge: Option<&str>) -> String {
        Device::new(device).prove(challenge.unwrap_or(&self.challenge))
    }

    /// The status of a refresh with this proof.
    pub fn refresh(&self, proof: &str) -> Option<u16> {
        let fields = [(SESSION, self.id.as_str()), (RESPONSE, proof)];
        self.endpoint(&self.bound, &fields).status()
    }

    /// Whether a page reads the user.
    pub fn reads(&self, cookies: &str) -> bool {
        reads(&self.sessions, cookies)
    }

    /// Whether a page of the site without the setting does.
    pub fn reads_plain(&self, cookies: &str) -> bool {
        reads(&self.plain, cookies)
    }
}

fn reads(sessions: &SessionManager, cookies: &str) -> bool {
    let (read, reply) = crate::session::exchange(sessions, cookies, |session: &Session| {
        let user = session.get::<User>("user");
        user.is_ok_and(|user| user.is_some())
    });
    read && reply.set_cookie.is_empty()
}

fn head<'a>(
    method: &'a str,
    path: &'a str,
    cookies: &'a str,
    fields: &'a [(&'a str, &'a str)],
) -> RequestHead<'a, impl Iterator<Item = (&'a str, &'a str)> + Clone> {
    RequestHead {
        method,
        path,
        authority: None,
        headers: fields.iter().copied().chain([("cookie", cookies)]),
    }
}

fn parts(edit: &HeaderEdit) -> (&'static str, &str) {
    match edit {
        HeaderEdit::Append(name, value) | HeaderEdit::Set(name, value) => (name, value),
    }
}

/// The Cookie header of a browser that got these headers.
fn cookies(edits: &[HeaderEdit]) -> String {
    let lines = edits
        .iter()
        .map(parts)
        .filter(|(name, _)| *name == "set-cookie");
    let pairs = lines.filter_map(|(_, line)| line.split(';').next());
    pairs.collect::<Vec<_>>().join("; ")
}

/// The challenge in these headers.
fn quoted<'e>(edits: &'e [HeaderEdit], before: &str) -> &'e str {
    let mut values = edits
        .iter()
        .map(parts)
        .filter(|(name, _)| name.starts_with("secure-session-"));
    let (_, value) = values.next().expect("a challenge");
    let (_, challenge) = value.split_once(before).expect("a quote");
    challenge.split('"').next().unwrap_or_default()
}
