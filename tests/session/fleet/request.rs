//! A request, from its head to its response.

use super::{
    MALLORY,
    instance::Instance,
    rollout::{Cookie, Place},
    visitor::{HOST, PATH},
};
use crate::kit::exchange::{Reply, Request, give_way};
use hardtack::{
    Timestamp,
    session::{LoginId, Refusal, Session, SessionError, SessionId},
};
use std::{
    cell::Cell,
    fmt,
    pin::Pin,
    rc::Rc,
    sync::atomic::Ordering,
    task::{Context, Poll, Waker},
};

/// Each of the requests that a browser has under way writes under a key of its own.
pub const SLOTS: usize = 6;

/// What a handler does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act {
    Read,
    /// Writes a number that nobody else writes.
    Write {
        slot: usize,
        number: u64,
    },
    Remember,
    Regenerate,
    LogIn(u32),
    LogOut,
    /// What a thief writes.
    Meddle(u64),
}

impl Act {
    fn run(self, session: &Session) -> Result<(), SessionError> {
        match self {
            Act::Read => session.get::<u32>("user").map(drop),
            Act::Write { slot, number } => {
                let user: Option<u32> = session.get("user")?;
                session.insert("owner", user)?;
                session.insert(&key(slot), number)
            }
            Act::Remember => session.remember(true),
            Act::Regenerate => session.regenerate(),
            Act::LogIn(person) => {
                session.regenerate_for_login()?;
                session.insert("owner", Some(person))?;
                session.insert("user", person)
            }
            Act::LogOut => session.destroy(),
            Act::Meddle(number) => session.insert("thief", number),
        }
    }
}

fn key(slot: usize) -> String {
    format!("slot {slot}")
}

/// What a handler finds.
#[derive(Clone, Debug)]
pub struct Seen {
    pub user: Option<u32>,
    pub owner: Option<Option<u32>>,
    pub slots: [u64; SLOTS],
    /// `None` for a session that is new.
    pub ids: Option<(SessionId, LoginId)>,
    pub refused: Option<Refusal>,
    /// Two logins came under one name.
    pub are_rivals: bool,
    pub ends: u32,
}

impl Seen {
    fn of(session: &Session) -> Result<Seen, SessionError> {
        let mut slots = [0; SLOTS];
        for (nth, slot) in slots.iter_mut().enumerate() {
            *slot = session.get(&key(nth))?.unwrap_or_default();
        }
        let ids = match session.is_new()? {
            true => None,
            false => Some((session.id()?, session.login_id()?)),
        };
        Ok(Seen {
            user: session.get("user")?,
            owner: session.get("owner")?,
            slots,
            ids,
            refused: session.refused()?,
            are_rivals: false,
            ends: session.expires_at()?.to_unix(),
        })
    }

    pub fn login(&self) -> Option<LoginId> {
        self.ids.map(|(_, login)| login)
    }
}

/// What a request came to.
#[derive(Debug)]
pub struct Outcome {
    pub done: Result<(), SessionError>,
    /// The login that the session has after the handler.
    pub login: Option<LoginId>,
    /// When the session ends, as the handler was told.
    pub ends: u32,
    pub reply: Reply,
}

impl Outcome {
    /// Says whether the visitor was told that all is well.
    pub fn is_acknowledged(&self) -> bool {
        self.done.is_ok() && self.reply.failed.is_none()
    }
}

type Work = Pin<Box<dyn Future<Output = Outcome>>>;

/// A request at work. It stops before each call of the store and while its handler works.
pub struct Serving {
    work: Work,
    seen: Rc<Cell<Option<Result<Seen, SessionError>>>>,
    is_at_work: Rc<Cell<bool>>,
}

/// What a request at work says when it has gone on.
pub enum News {
    Nothing,
    Seen(Result<Seen, SessionError>),
    Done(Outcome),
}

impl Serving {
    pub fn new(instance: &Instance, cookie: String, act: Act) -> Serving {
        let sessions = instance.site.sessions.clone();
        let rivals = instance.rivals.clone();
        let seen = Rc::new(Cell::new(None));
        let tell = Rc::clone(&seen);
        let is_at_work = Rc::new(Cell::new(false));
        let at_work = Rc::clone(&is_at_work);
        let work = async move {
            let request = Request::of(&sessions, (HOST, PATH), &cookie).await;
            let before = rivals.load(Ordering::Relaxed);
            let mut found = Seen::of(&request);
            if let Ok(found) = &mut found {
                found.are_rivals = rivals.load(Ordering::Relaxed) != before;
            }
            tell.set(Some(found));
            at_work.set(true);
            give_way().await;
            at_work.set(false);
            let done = act.run(&request);
            let ends = request.expires_at().map_or(0, Timestamp::to_unix);
            let login = request.login_id().ok();
            let reply = request.commit().await;
            Outcome {
                done,
                login,
                ends,
                reply,
            }
        };
        Serving {
            work: Box::pin(work),
            seen,
            is_at_work,
        }
    }

    /// Says whether the store is to answer, and not the handler.
    pub fn waits_for_store(&self) -> bool {
        !self.is_at_work.get()
    }

    pub fn go_on(&mut self) -> News {
        let mut context = Context::from_waker(Waker::noop());
        match self.work.as_mut().poll(&mut context) {
            Poll::Ready(outcome) => News::Done(outcome),
            Poll::Pending => self.seen.take().map_or(News::Nothing, News::Seen),
        }
    }

    /// Goes on to the end, with nobody else in between.
    pub fn finish(mut self) -> (Result<Seen, SessionError>, Outcome) {
        let mut seen = None;
        loop {
            match self.go_on() {
                News::Nothing => {}
                News::Seen(found) => seen = Some(found),
                News::Done(outcome) => return (seen.unwrap(), outcome),
            }
        }
    }
}

/// A request of a browser, until its response has arrived.
pub struct Tab {
    pub visitor: usize,
    pub instance: usize,
    pub place: Place,
    /// The name of the cookie that the instance sets.
    pub present: Cookie,
    pub act: Act,
    pub began: Moment,
    /// Until when the browser was promised its session.
    pub promised: u32,
    /// It is answered by then.
    pub ends: u32,
    /// Neither its handler nor its response takes time.
    pub is_instant: bool,
    /// No other request of this browser was under way at the same time.
    pub is_alone: bool,
    /// Another one of this browser was, at an instance that saves in cookies.
    pub is_mixed: bool,
    /// The clock of its instance was wrong.
    pub is_jumped: bool,
    /// The browser had no cookie of its own yet, or one from a clock that was ahead: its login is not known.
    pub is_bare: bool,
    pub seen: Option<Result<Seen, SessionError>>,
    /// The response will not arrive.
    pub is_lost: bool,
    pub stage: Stage,
}

/// A place in the order of all that happens, and its time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moment {
    pub order: u64,
    pub time: u32,
}

pub enum Stage {
    Serving(Serving),
    /// The response is under way.
    Answered(Outcome, Moment),
}

impl Tab {
    /// Says whether the handler had a session before it wrote.
    pub fn was_new(&self) -> bool {
        matches!(&self.seen, Some(Ok(seen)) if seen.ids.is_none())
    }

    /// Says whether the handler had the session that the attacker planted.
    pub fn is_the_attackers(&self) -> bool {
        matches!(&self.seen, Some(Ok(seen)) if seen.user == Some(MALLORY))
    }

    /// Says whether its cookie tells whose session it was, although that does not count any more.
    pub fn knows_its_login(&self) -> bool {
        use Refusal::{AbsoluteTimeout, Ended, IdleTimeout};
        let Some(Ok(seen)) = &self.seen else {
            return false;
        };
        matches!(seen.refused, Some(IdleTimeout | AbsoluteTimeout | Ended))
    }

    /// Says whether it gives the session another id, for all that have the one before.
    pub fn changes_id(&self) -> bool {
        match self.act {
            Act::LogIn(_) | Act::LogOut => true,
            Act::Regenerate => self.place.is_store(),
            Act::Read | Act::Write { .. } | Act::Remember | Act::Meddle(_) => false,
        }
    }
}

impl fmt::Debug for Tab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tab")
            .field("visitor", &self.visitor)
            .field("instance", &self.instance)
            .field("place", &self.place)
            .field("act", &self.act)
            .field("began", &self.began)
            .field("alone", &self.is_alone)
            .field("jumped", &self.is_jumped)
            .field("bare", &self.is_bare)
            .field("seen", &self.seen)
            .field("lost", &self.is_lost)
            .finish_non_exhaustive()
    }
}
