//! Requests, in process: what a session adds to one, against the same application with a layer that does nothing.

mod actix;
mod axum;
mod rocket;

use std::sync::atomic::{AtomicU64, Ordering};

use hardtack::session::{SessionData, SessionManager};
use hardtack::{Key, Keyring};
use serde::{Deserialize, Serialize};

use crate::harness::{Contender, How, Timing, compare};

/// One application of one framework, with the routes of [`Act`].
pub struct App {
    pub name: &'static str,
    /// Whether the client cannot read what is in the session.
    pub encrypts: bool,
    pub send: Box<Send>,
}

/// Sends the same request with this cookie (`name=value`, or nothing) so many times, and returns the last answer.
pub type Send = dyn Fn(Act, &str, u32) -> Answer;

pub struct Answer {
    /// `name=value` of the cookie set, or nothing.
    pub cookie: String,
    pub body: String,
}

/// What the handler does with the session that the request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// Nothing: it does not ask for it.
    Untouched,
    /// Reads one [`User`] and answers with the name.
    Read,
    /// Writes one [`User`], different every time.
    Write,
}

impl Act {
    pub const ALL: [Act; 3] = [Act::Untouched, Act::Read, Act::Write];

    const fn path(self) -> &'static str {
        match self {
            Act::Untouched => UNTOUCHED,
            Act::Read => READ,
            Act::Write => WRITE,
        }
    }
}

const UNTOUCHED: &str = "/untouched";
const READ: &str = "/read";
const WRITE: &str = "/write";

/// The one value in the session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
}

const NAME: &str = "Ada Lovelace";

impl User {
    /// A user that no request wrote before, so that no layer may find the session unchanged.
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1_000_000);
        User {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            name: NAME.to_owned(),
        }
    }
}

impl SessionData for User {
    const NAME: &'static str = "user";
    const VERSION: u8 = 1;
}

/// hardtack's sessions, with every setting at its default.
fn sessions() -> SessionManager {
    SessionManager::builder(keyring())
        .build()
        .expect("the defaults are good")
}

/// The same, of one type instead of a dictionary.
fn typed_sessions() -> SessionManager<User> {
    SessionManager::builder(keyring())
        .data()
        .build()
        .expect("the defaults are good")
}

fn keyring() -> Keyring {
    Keyring::new(Key::generate().expect("the system has randomness"))
}

/// The name of the application with a layer that does nothing.
const NOTHING: &str = "a layer that does nothing";
/// The names of hardtack's own: a dictionary, as most peers have, and one type.
pub const HARDTACK: &str = "hardtack";
pub const HARDTACK_TYPED: &str = "hardtack, typed";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Framework {
    Axum,
    Actix,
    Rocket,
}

impl Framework {
    pub const ALL: [Framework; 3] = [Framework::Axum, Framework::Actix, Framework::Rocket];

    fn apps(self) -> Vec<App> {
        match self {
            Framework::Axum => axum::apps(),
            Framework::Actix => actix::apps(),
            Framework::Rocket => rocket::apps(),
        }
    }
}

/// One act in one framework.
#[derive(Serialize, Deserialize)]
pub struct Group {
    pub framework: Framework,
    pub act: Act,
    /// Net of the application with a layer that does nothing, which is their frame.
    pub timings: Vec<Timing>,
    /// The names of those that encrypt.
    pub encrypting: Vec<String>,
}

pub fn measure(how: How) -> Vec<Group> {
    let mut groups = Vec::new();
    for framework in Framework::ALL {
        let apps = framework.apps();
        for act in Act::ALL {
            eprintln!("requests, {framework:?}, {act:?}");
            let mut contenders: Vec<Contender> = apps
                .iter()
                .map(|app| {
                    let cookie = match app.name {
                        NOTHING => format!("session={}", "A".repeat(150)),
                        _ => (app.send)(Act::Write, "", 1).cookie,
                    };
                    let answered = (app.send)(act, &cookie, 1).body;
                    assert_eq!(
                        answered,
                        if act == Act::Read { NAME } else { "" },
                        "{}",
                        app.name
                    );
                    let contender = Contender::batched(app.name, move |n| {
                        (app.send)(act, &cookie, n);
                    });
                    match app.name {
                        NOTHING => contender,
                        _ => contender.less(NOTHING).against(HARDTACK),
                    }
                })
                .collect();
            groups.push(Group {
                framework,
                act,
                timings: compare(&mut contenders, how),
                encrypting: apps
                    .iter()
                    .filter(|app| app.encrypts)
                    .map(|app| app.name.to_owned())
                    .collect(),
            });
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is timed is what is claimed: the cookie of one request is the session of the next, a write sets a new one, a read none.
    #[test]
    fn every_application_keeps_its_session() {
        for framework in Framework::ALL {
            for app in framework.apps() {
                let label = format!("{framework:?}, {}", app.name);
                let first = (app.send)(Act::Write, "", 1).cookie;
                let untouched = (app.send)(Act::Untouched, &first, 2);
                let read = (app.send)(Act::Read, &first, 2);
                let written = (app.send)(Act::Write, &first, 2);
                assert_eq!(
                    (untouched.body.as_str(), untouched.cookie.as_str()),
                    ("", ""),
                    "{label}"
                );
                assert_eq!(
                    (read.body.as_str(), read.cookie.as_str()),
                    (NAME, ""),
                    "{label}"
                );
                assert_eq!(written.body, "", "{label}");
                if app.name == NOTHING {
                    assert_eq!(first, "", "{label}");
                    continue;
                }
                assert_ne!(written.cookie, "", "{label}");
                assert_eq!(
                    (app.send)(Act::Read, &written.cookie, 1).body,
                    NAME,
                    "{label}"
                );
                let name = first.split_once('=').expect("a cookie has a name").0;
                assert_eq!(
                    (app.send)(Act::Read, &format!("{name}=forged"), 1).body,
                    "",
                    "{label}"
                );
                assert_eq!((app.send)(Act::Read, "", 1).body, "", "{label}");
                assert_eq!(
                    !first.contains(NAME) && app.encrypts,
                    app.encrypts,
                    "{label}"
                );
            }
        }
    }
}
