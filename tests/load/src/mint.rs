//! Cookies that a server must take or refuse, made with its own keys and a clock of our own.

use crate::{
    browser::Jar,
    clock::{Clock, HOUR, MINUTE},
    keys::{self, Keys},
};
use hardtack::{
    Key, Keyring, Timestamp,
    session::{SessionManager, SessionManagerBuilder, testing},
};
use std::{error::Error, time::Duration};

/// The count in each of them. A server that accepts one answers with the next number.
pub const COUNT: u32 = 1000;

pub const NAME: &str = "__Host-session";

pub struct Minted {
    /// By the primary key that the server has at the time.
    by_key: Vec<ByKey>,
    foreign: String,
    /// Sealed now, under a key that was retired an hour ago.
    revoked: String,
}

struct ByKey {
    good: String,
    refused: [String; 3],
}

impl Minted {
    pub fn new(keys: &Keys) -> Result<Minted, Box<dyn Error>> {
        let now = Timestamp::now().to_unix();
        let by_key = keys.all().into_iter().map(|key| {
            Ok::<_, Box<dyn Error>>(ByKey {
                good: seal(&key, now, now)?,
                refused: [
                    // Not used for too long; older than any session; from the future.
                    seal(&key, now - HOUR, now - HOUR)?,
                    seal(&key, now - 13 * HOUR, now)?,
                    seal(&key, now + 30 * MINUTE, now + 30 * MINUTE)?,
                ],
            })
        });
        Ok(Minted {
            by_key: by_key.collect::<Result<_, _>>()?,
            foreign: seal(&keys::text().parse()?, now, now)?,
            revoked: seal(&keys.retired(), now, now)?,
        })
    }

    /// A session that opens: were it not for their times, those that are refused would open too.
    pub fn good(&self, primary: usize) -> &str {
        &self.by_key[primary].good
    }

    /// A token that was made as it should be, and is refused all the same.
    pub fn refused(&self, primary: usize) -> &str {
        let by_key = &self.by_key[primary];
        let places = by_key.refused.len();
        match fastrand::usize(..places + 2) {
            place if place < places => &by_key.refused[place],
            place if place == places => &self.foreign,
            _ => &self.revoked,
        }
    }
}

/// The token of a session that was created and last saved at these times.
fn seal(key: &Key, created_at: u32, issued_at: u32) -> Result<String, Box<dyn Error>> {
    let clock = Clock::at(created_at);
    let time = clock.clone();
    let day = Duration::from_secs(24 * 3600);
    let settings: SessionManagerBuilder = SessionManager::builder(Keyring::new(key.clone()))
        .idle_timeout(day)
        .absolute_timeout(day)
        .clock(move || time.now());
    let sessions = settings.build()?;
    let session = testing::new_session(&sessions);
    session.insert("visits", 0)?;
    let first = testing::set_cookie(&session)?;
    clock.set(issued_at);
    let session = testing::session_from_set_cookie(&sessions, first)?;
    session.insert("visits", COUNT)?;
    let lines = testing::set_cookie(&session)?;
    let mut jar = Jar::default();
    jar.store(&lines[0]);
    Ok(jar.0.remove(NAME).ok_or("no cookie")?)
}
