//! The application that every contender runs: how requests reach it without a socket, and as a whole server.

pub mod actix;
pub mod axum;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;

use hardtack::session::SessionData;
use serde::{Deserialize, Serialize};

use crate::harness::Contender;

/// One application of one framework, with the routes of [`Act`].
pub struct App {
    pub name: &'static str,
    /// Whether the client cannot read what is in the session.
    pub encrypts: bool,
    pub send: Box<Send>,
    pub serve: Box<Serve>,
}

/// Sends the same request with this cookie (`name=value`, or nothing) so many times, and returns the last answer.
pub type Send = dyn Fn(Act, &str, u32) -> Answer;

/// Serves the application on a free port of the loopback interface, on one thread, and tells its address.
pub type Serve = dyn FnOnce(Sender<SocketAddr>);

pub struct Answer {
    /// `name=value` of the cookies set, without those that are removed.
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
    /// Writes one, and logs in.
    Login,
}

impl Act {
    /// What is measured, with a session that is there already.
    pub const ALL: [Act; 3] = [Act::Untouched, Act::Read, Act::Write];

    pub const fn path(self) -> &'static str {
        match self {
            Act::Untouched => UNTOUCHED,
            Act::Read => READ,
            Act::Write => WRITE,
            Act::Login => LOGIN,
        }
    }
}

pub const UNTOUCHED: &str = "/untouched";
pub const READ: &str = "/read";
pub const WRITE: &str = "/write";
pub const LOGIN: &str = "/login";

/// The one value in the session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct User {
    pub id: u64,
    pub name: String,
}

pub const NAME: &str = "Ada Lovelace";

impl User {
    /// A user that no request wrote before, so that no layer may find the session unchanged.
    pub fn next() -> Self {
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

/// The name of the application with a layer that does nothing.
pub const NOTHING: &str = "a layer that does nothing";
/// The name of hardtack's own.
pub const HARDTACK: &str = "hardtack";

/// The applications of one framework as contenders, each with a session of its own that the act `first` made.
pub fn contenders(apps: &[App], first: Act, act: Act) -> Vec<Contender<'_>> {
    let contender = |app| {
        let App { name, send, .. }: &App = app;
        let cookie = match *name {
            NOTHING => format!("session={}", "A".repeat(150)),
            _ => send(first, "", 1).cookie,
        };
        let answered = send(act, &cookie, 1).body;
        let expected = if act == Act::Read { NAME } else { "" };
        assert_eq!(answered, expected, "{name}");
        let contender = Contender::batched(name, move |n| {
            send(act, &cookie, n);
        });
        match *name {
            NOTHING => contender,
            _ => contender.less(NOTHING).against(HARDTACK),
        }
    };
    apps.iter().map(contender).collect()
}
