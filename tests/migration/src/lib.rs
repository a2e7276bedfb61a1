//! What a switch from an old session to hardtack has to do, whatever the framework: run by the examples of the guide's
//! page on migrating, with `cargo test --manifest-path tests/migration/Cargo.toml`.

mod frameworks;
mod stored;

pub use frameworks::{actix, ask_actix, ask_axum, axum, rocket};
pub use stored::check_redis;

use hardtack::{
    Key, Keyring, Timestamp,
    session::{
        Session, SessionManager,
        testing::{self, NoSessionError},
    },
};

#[cfg(doctest)]
#[doc = include_str!("../../../src/guide/migrating.md")]
pub struct Migrating;

/// The date of the guide.
const UNTIL: u32 = 1_798_761_600;

/// A clock.
pub type Now = fn() -> Timestamp;

/// Of a request: its path, `/logout` by POST, and its Cookie header.
pub struct Ask<'a> {
    pub path: &'a str,
    pub cookie: &'a str,
}

pub struct Answer {
    pub status: u16,
    pub set_cookie: Vec<String>,
    pub body: String,
}

impl Answer {
    fn removes(&self, name: &str) -> bool {
        self.set_cookie.iter().any(|line| {
            line.starts_with(&format!("{name}=;"))
                && line.contains("Max-Age=0")
                && line.contains("Path=/")
        })
    }
}

/// A cookie of the old library, and what the guide says of it.
pub struct Old {
    pub name: &'static str,
    /// The cookie that has the theme, if the theme has one of its own.
    pub other: Option<&'static str>,
    /// An attribute that it has by default.
    pub attribute: &'static str,
    /// Whether it outlives the browser: then the session does too.
    pub remembered: bool,
}

/// Sends requests to an application with a switch. `/old` logs user 7 in as the old library did, with the
/// theme `dark`, `/` returns the user, `/logout` ends the session.
pub fn check(old: Old, send: impl Fn(SessionManager, Now, Ask) -> Answer) {
    let site = Site {
        sessions: SessionManager::builder(Keyring::new(Key::generate().unwrap()))
            .build()
            .unwrap(),
        send,
        old,
    };
    let name = site.old.name;

    // Once: the old cookie logs in and goes.
    let copy = site.old_cookies();
    let answer = site.get(before, &copy);
    assert_eq!(answer.body, "user 7");
    assert!(site.is_rid_of_old(&answer), "{:?}", answer.set_cookie);
    let session = site.session(&answer).unwrap();
    assert_eq!(session.get("user"), Ok(Some(7)));
    // With all that the old one held, and for as long.
    assert_eq!(session.get("theme"), Ok(Some("dark".to_owned())));
    assert_eq!(session.is_remembered(), Ok(site.old.remembered));

    // From then on the session does, also when the date has come.
    let cookie = testing::cookie_header(&session).unwrap();
    for now in [before as Now, after] {
        let answer = site.get(now, &cookie);
        assert_eq!(
            (answer.body.as_str(), answer.set_cookie.len()),
            ("user 7", 0)
        );
    }

    // A visitor without a login keeps the rest, and nobody is logged in. What the session has of its own stays.
    if let Some(other) = site.old.other {
        let theme = site.old_cookie(other);
        let answer = site.get(before, &theme);
        assert_eq!(answer.body, "nobody");
        assert!(answer.removes(other) && !answer.removes(name));
        let session = site.session(&answer).unwrap();
        assert_eq!(session.get("theme"), Ok(Some("dark".to_owned())));
        assert_eq!(session.is_remembered(), Ok(false));
        let light = site.begin(|session| session.insert("theme", "light").unwrap());
        let answer = site.get(before, &format!("{theme}; {light}"));
        assert!(answer.removes(other));
        assert_eq!(site.session(&answer).unwrap_err(), NoSessionError::NotSet);
        site.is_nobody(after, &theme);
    }

    // A user who is logged in stays logged in. The old cookie is ignored if the session has a user.
    let eight = site.begin(|session| session.insert("user", 8).unwrap());
    let answer = site.get(before, &format!("{}; {eight}", site.old_cookies()));
    assert_eq!(answer.body, "user 8");
    assert!(site.is_rid_of_old(&answer));
    assert_eq!(site.session(&answer).unwrap_err(), NoSessionError::NotSet);

    // A session without a user, perhaps planted, gets another id, and keeps its cart.
    let planted = site.begin(|session| session.insert("cart", 1).unwrap());
    let planted_id = site.open(&planted).id().unwrap();
    let answer = site.get(before, &format!("{planted}; {}", site.old_cookies()));
    let session = site.session(&answer).unwrap();
    assert_eq!(session.get("theme"), Ok(Some("dark".to_owned())));
    assert_eq!(
        (session.get("user"), session.get("cart")),
        (Ok(Some(7)), Ok(Some(1)))
    );
    assert_ne!(session.id().unwrap(), planted_id);

    // Forged: its last characters, which are of the value or of the tag over it.
    // Half of an escape would turn into one that is not UTF-8, so the cut moves before it.
    let old = site.old_cookie(name);
    let cut = old.len() - 6;
    let cut = old[..cut]
        .rfind('%')
        .filter(|at| at + 2 >= cut)
        .unwrap_or(cut);
    let (start, end) = old.split_at(cut);
    let end: String = end
        .chars()
        .rev()
        .map(|c| if c == 'A' { 'B' } else { 'A' })
        .collect();
    site.is_nobody(before, &format!("{start}{end}"));

    // A session that cannot be saved, here because it is too big, leaves the old cookie where it is.
    let ring = Keyring::new(Key::generate().unwrap());
    let small = SessionManager::builder(ring)
        .max_cookie_bytes(122)
        .build()
        .unwrap();
    let old = site.old_cookies();
    let answer = (site.send)(
        small,
        before,
        Ask {
            path: "/",
            cookie: &old,
        },
    );
    assert_eq!((answer.status, answer.set_cookie), (500, vec![]));
    assert_eq!(site.get(before, &old).body, "user 7");

    // A log-out ends both.
    let answer = site.ask(
        before,
        "/logout",
        &format!("{}; {eight}", site.old_cookies()),
    );
    assert_eq!(site.session(&answer).unwrap_err(), NoSessionError::Removed);
    assert!(site.is_rid_of_old(&answer));

    // A copy of the first cookie, until the date; in a store for a minute.
    assert_eq!(site.get(before, &copy).body, "user 7");
    site.is_nobody(after, &copy);
    site.is_nobody(after, &site.old_cookies());
}

fn before() -> Timestamp {
    Timestamp::from_unix(UNTIL - 1)
}

fn after() -> Timestamp {
    Timestamp::from_unix(UNTIL)
}

struct Site<S> {
    sessions: SessionManager,
    send: S,
    old: Old,
}

impl<S: Fn(SessionManager, Now, Ask) -> Answer> Site<S> {
    fn ask(&self, now: Now, path: &str, cookie: &str) -> Answer {
        let answer = (self.send)(self.sessions.clone(), now, Ask { path, cookie });
        assert!(
            (200..400).contains(&answer.status),
            "{path}: {}",
            answer.status
        );
        answer
    }

    fn get(&self, now: Now, cookie: &str) -> Answer {
        self.ask(now, "/", cookie)
    }

    /// Logs in as the old library did, and returns all of its cookies.
    fn old_cookies(&self) -> String {
        let names = [Some(self.old.name), self.old.other];
        let pairs = names
            .into_iter()
            .flatten()
            .map(|name| self.old_cookie(name));
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// Logs in as the old library did, and returns one of its cookies.
    fn old_cookie(&self, name: &str) -> String {
        let answer = self.ask(before, "/old", "");
        let mut lines = answer.set_cookie.iter();
        let line = lines
            .find(|line| line.starts_with(&format!("{name}=")))
            .expect("the old library sets its cookie");
        assert!(line.contains(self.old.attribute), "{line}");
        line.split(';').next().unwrap_or_default().into()
    }

    fn is_rid_of_old(&self, answer: &Answer) -> bool {
        let mut names = [Some(self.old.name), self.old.other].into_iter().flatten();
        names.all(|name| answer.removes(name))
    }

    fn is_nobody(&self, now: Now, cookie: &str) {
        let answer = self.get(now, cookie);
        assert_eq!(answer.body, "nobody");
        assert_eq!(self.session(&answer).unwrap_err(), NoSessionError::NotSet);
    }

    fn session(&self, answer: &Answer) -> Result<Session, NoSessionError> {
        testing::session_from_set_cookie(&self.sessions, &answer.set_cookie)
    }

    fn begin(&self, write: impl FnOnce(&Session)) -> String {
        let session = testing::new_session(&self.sessions);
        write(&session);
        testing::cookie_header(&session).unwrap()
    }

    fn open(&self, cookie: &str) -> Session {
        testing::session_from_cookie(&self.sessions, cookie)
    }
}
