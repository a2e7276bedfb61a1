//! Requests, in process: what a session adds to one, against the same application with a layer that does nothing.

mod actix;
mod axum;
mod rocket;

use hardtack::session::SessionManager;
use hardtack::{Key, Keyring};
use serde::{Deserialize, Serialize};

use crate::app::{Act, App, User, contenders};
use crate::harness::{How, Timing, compare};

/// hardtack's sessions as one type; under its own name they are a dictionary, as most peers have.
pub const HARDTACK_TYPED: &str = "hardtack, typed";

/// A value in a token of [`hardtack::Codec`], without a session around it: what Rocket and the cipher take for themselves.
pub const HARDTACK_CODEC: &str = "hardtack, `Codec` by hand";

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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Framework {
    Axum,
    Actix,
    Rocket,
}

impl Framework {
    pub const ALL: [Framework; 3] = [Framework::Axum, Framework::Actix, Framework::Rocket];

    pub fn apps(self) -> Vec<App> {
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
            let mut contenders = contenders(&apps, Act::Write, act);
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
    use crate::app::{NAME, NOTHING};

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
