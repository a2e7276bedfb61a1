//! What the application under test does, whatever the framework: a case hands its handler over as a
//! closure, and the request says which one is to run.

use hardtack::session::{OldData, Session, SessionData, SessionError, SessionManager};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// The application's settings.
#[derive(Clone)]
pub struct App {
    pub sessions: SessionManager,
    pub accounts: SessionManager<Account>,
    /// Whether the two layers are installed.
    pub layers: bool,
    pub neighbours: Neighbours,
}

/// Where compression and CORS stand, as the framework's users have them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Neighbours {
    None,
    Inside,
    Outside,
}

/// The cookie that a handler sets with the framework's own means.
pub const OWN_COOKIE: &str = "theme=dark; Path=/";

/// What the typed session carries; the versions before and after it are in `cases::typed`.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Account {
    pub user: u64,
    pub name: String,
    pub role: Role,
}

/// A variant that serde skips is counted when a role is written, and not when it is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Role {
    #[default]
    Guest,
    #[serde(skip)]
    #[expect(dead_code, reason = "moves those behind it")]
    Internal,
    User,
    Moderator,
}

impl SessionData for Account {
    const NAME: &'static str = "account";
    const VERSION: u8 = 2;

    /// Version 1 was the user alone; version 0 is not taken any more.
    fn migrate(old: OldData<'_>) -> Option<Account> {
        let user = (old.version() == 1).then(|| old.read())??;
        let name = String::from("migrated");
        let role = Role::Guest;
        Some(Account { user, name, role })
    }
}

/// What a handler answers with.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, &'static str)>,
    pub own_cookie: bool,
    pub body: Body,
}

pub enum Body {
    Text(String),
    /// Made when the headers are out.
    Streamed(Box<dyn FnOnce() -> String + Send>),
}

impl Answer {
    pub fn new() -> Answer {
        Answer {
            status: 200,
            headers: Vec::new(),
            own_cookie: false,
            body: Body::Text(String::new()),
        }
    }

    pub fn status(mut self, status: u16) -> Answer {
        self.status = status;
        self
    }

    pub fn header(mut self, name: &'static str, value: &'static str) -> Answer {
        self.headers.push((name, value));
        self
    }

    pub fn own_cookie(mut self) -> Answer {
        self.own_cookie = true;
        self
    }

    pub fn text(mut self, text: &str) -> Answer {
        self.body = Body::Text(text.into());
        self
    }

    pub fn streamed(mut self, body: impl FnOnce() -> String + Send + 'static) -> Answer {
        self.body = Body::Streamed(Box::new(body));
        self
    }
}

/// The sessions that a route extracts.
pub struct Handles {
    session: Option<Session>,
    account: Option<Session<Account>>,
}

impl Handles {
    pub fn none() -> Handles {
        Handles {
            session: None,
            account: None,
        }
    }

    pub fn session(session: Session) -> Handles {
        Handles {
            session: Some(session),
            account: None,
        }
    }

    pub fn account(account: Session<Account>) -> Handles {
        Handles {
            session: None,
            account: Some(account),
        }
    }

    pub fn both(session: Session, account: Session<Account>) -> Handles {
        Handles {
            session: Some(session),
            account: Some(account),
        }
    }

    pub fn take_session(&mut self) -> Session {
        self.session.take().expect("the route extracts it")
    }

    pub fn take_account(&mut self) -> Session<Account> {
        self.account.take().expect("the route extracts it")
    }
}

/// The handler of one request.
pub type Job = Box<dyn FnOnce(Handles) -> Result<Answer, SessionError> + Send>;

static JOBS: Mutex<BTreeMap<String, Job>> = Mutex::new(BTreeMap::new());

/// Keeps a job until its request comes; the last segment of that request's path.
pub fn expect(job: Job) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let id = NEXT.fetch_add(1, Ordering::Relaxed).to_string();
    JOBS.lock().unwrap().insert(id.clone(), job);
    id
}

/// What a handler of each framework does.
pub fn run(job: &str, handles: Handles) -> Result<Answer, SessionError> {
    let job = JOBS.lock().unwrap().remove(job).expect("asked for once");
    job(handles)
}
