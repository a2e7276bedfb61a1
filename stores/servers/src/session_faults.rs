//! What becomes of sessions when their store fails: a 503 or nothing at all, never a logout, and nothing that
//! has ended comes back.

use crate::{
    Fault, Proxy, browser::is_removal, clock::Clock, faults::works_again, visitor::Visitor,
};
use hardtack::{
    session::{Session, SessionError, SessionManager},
    store::{Store, StoreError, StoreErrorKind},
};
use std::collections::BTreeMap;
use tokio::time::{pause, resume};

/// Records and tombstones by their names.
pub type Values = BTreeMap<Vec<u8>, Vec<u8>>;

/// A server, as its operator reaches it.
#[allow(async_fn_in_trait, reason = "only these tests call it")]
pub trait Engine {
    /// The store on it.
    type Store: Store;

    /// The port of the server.
    fn port(&self) -> u16;
    /// Connects a store with the deadline [`PATIENT`](crate::PATIENT), over this port. The last one is that of the
    /// instance that the faults meet.
    async fn connect(&mut self, port: u16) -> Self::Store;
    /// Returns all that it holds.
    async fn values(&self) -> Values;
    /// Puts a value under a name, or deletes it.
    async fn set(&self, name: &[u8], value: Option<&[u8]>);
    /// Begins a fault of this engine.
    async fn fail(&mut self, fault: &'static str);
    /// Ends it.
    async fn mend(&mut self, fault: &'static str);
}

/// What is wrong during a request.
#[derive(Clone, Copy, Debug)]
pub enum Broken {
    /// The connection.
    Connection(Fault),
    /// The engine, in a way of its own. It keeps what it holds.
    Engine(&'static str),
    /// The same, and only its deadline ends a call.
    Silent(&'static str),
    /// It has lost everything.
    Flushed,
    /// It has lost this record.
    Evicted,
    /// A bit of this byte of the record is another one.
    Flipped(usize),
    /// Another visitor's record is in its place.
    Swapped,
    /// The version before is in its place.
    RolledBack,
}

impl Broken {
    /// Whether only the deadline ends a call.
    fn does_not_answer(self) -> bool {
        matches!(self, Connection(Fault::Hang) | Broken::Silent(_))
    }
}

use Broken::{Connection, Evicted, Flipped, Flushed, RolledBack, Swapped};

/// The faults of every engine.
const ALL: [Broken; 11] = [
    Connection(Fault::Refuse),
    Connection(Fault::ResetBefore),
    Connection(Fault::ResetAfter),
    Connection(Fault::Hang),
    Connection(Fault::HalfAnAnswer),
    Flushed,
    Evicted,
    Flipped(20),
    Flipped(60),
    Swapped,
    RolledBack,
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    Read,
    Write,
    Login,
    Logout,
}

const OPS: [Op; 4] = [Op::Read, Op::Write, Op::Login, Op::Logout];

impl Op {
    /// Returns what the handler read, if it read.
    fn run(self, session: &Session) -> Result<Option<Seen>, SessionError> {
        match self {
            Op::Read => return seen(session).map(Some),
            Op::Write => session.update("count", |count: &mut u32| *count += 1)?,
            Op::Login => {
                session.regenerate_for_login()?;
                session.insert("user", "carl")?;
            }
            Op::Logout => session.destroy()?,
        }
        Ok(None)
    }
}

/// User and count of a session, or `None` if there is none.
type Seen = Option<(Option<String>, u32)>;

fn seen(session: &Session) -> Result<Seen, SessionError> {
    if session.is_new()? {
        return Ok(None);
    }
    let count = session.get("count")?.unwrap_or_default();
    Ok(Some((session.get("user")?, count)))
}

fn is(user: &str, count: u32) -> Seen {
    Some((Some(user.into()), count))
}

/// What a visitor sees as soon as the store answers.
async fn look(sessions: &SessionManager, visitor: &Visitor) -> Seen {
    works_again(|| async {
        let request = visitor.request(sessions).await;
        seen(&request).map_err(|_| StoreError::from(StoreErrorKind::Unavailable))
    })
    .await
}

/// Breaks the store in every way, these included, before each request and before each response. The runtime has one
/// thread: while nothing answers, its time goes on only when there is nothing left to do but to wait.
pub async fn sessions_survive<E: Engine>(engine: &mut E, own: &[Broken]) {
    let clock = Clock::new();
    let proxy = Proxy::start(engine.port());
    let mut instances = Vec::new();
    for port in [engine.port(), proxy.port()] {
        let store = engine.connect(port).await;
        instances.push(clock.builder().store(store).build().unwrap());
    }
    let mut world = World {
        engine,
        proxy,
        site: instances.remove(1),
        elsewhere: instances.remove(0),
    };
    for broken in ALL.iter().chain(own) {
        for op in OPS {
            for early in [true, false] {
                let told = format!("{op:?}, {broken:?}, {early}");
                world.one(*broken, op, early, &told).await;
            }
        }
    }
    for regenerates in [false, true] {
        world.evicted_tombstone(regenerates).await;
    }
}

struct World<'e, E> {
    engine: &'e mut E,
    proxy: Proxy,
    /// What the faults meet.
    site: SessionManager,
    /// Another instance, with a connection that nothing breaks.
    elsewhere: SessionManager,
}

impl<E: Engine> World<'_, E> {
    /// Somebody who has counted to 2, the name of the record, and its version of before.
    async fn ada(&self) -> (Visitor, Vec<u8>, Vec<u8>) {
        for name in self.engine.values().await.into_keys() {
            self.engine.set(&name, None).await;
        }
        let mut ada = Visitor::log_in(&self.elsewhere, "ada").await;
        let mut versions = Vec::new();
        for _ in 0..2 {
            ada.visit(&self.elsewhere, |session| Op::Write.run(session).unwrap())
                .await;
            versions.extend(self.engine.values().await);
        }
        let (name, before) = versions.swap_remove(0);
        (ada, name, before)
    }

    async fn one(&mut self, broken: Broken, op: Op, early: bool, told: &str) {
        let (before, name, old) = self.ada().await;
        let bob = Visitor::log_in(&self.elsewhere, "bob").await;
        let healthy = self.engine.values().await;
        let mut ada = before.clone();
        if early {
            self.fail(broken, &name, &old).await;
        }
        let request = ada.request(&self.site).await;
        let called = op.run(&request);
        if !early {
            self.fail(broken, &name, &old).await;
        }
        let reply = request.commit().await;
        ada.take(&reply);
        self.mend(broken, &name, &healthy).await;

        if let Err(error) = &called {
            assert_eq!(*error, SessionError::Store, "{told}");
        }
        assert!(
            reply.failed.is_none_or(|failed| failed.status() == 503),
            "{told}"
        );
        let removes = reply.set_cookie.iter().any(|line| is_removal(line));
        assert_eq!(removes, op == Op::Logout, "{told}");
        let done = called.is_ok() && reply.failed.is_none();
        let after = match op {
            Op::Logout => {
                // Another visitor's request tells the store what it did not take before.
                assert_eq!(
                    look(&self.site, &bob).await.is_some(),
                    !matches!(broken, Flushed),
                    "{told}"
                );
                None
            }
            _ => look(&self.elsewhere, &ada).await,
        };
        let old = look(&self.elsewhere, &before).await;
        let read = called.ok().flatten();
        match broken {
            Broken::Connection(_) | Broken::Engine(_) | Broken::Silent(_) => {
                // It may have done what it did not say.
                let silent = [Fault::ResetAfter, Fault::HalfAnAnswer];
                let unknown = matches!(broken, Connection(fault) if silent.contains(&fault));
                // Nobody whose session lives is told that there is none.
                assert!(read.is_none_or(|read| read == is("ada", 2)), "{told}");
                match op {
                    Op::Read => assert_eq!(old, is("ada", 2), "{told}"),
                    Op::Write if done => assert_eq!(old, is("ada", 3), "{told}"),
                    Op::Write if unknown => {
                        assert!(old == is("ada", 2) || old == is("ada", 3), "{told}");
                    }
                    Op::Write => assert_eq!(old, is("ada", 2), "{told}"),
                    Op::Login if done => assert_eq!((after, old), (is("carl", 2), None), "{told}"),
                    Op::Login => {
                        assert!(reply.set_cookie.is_empty(), "{told}");
                        let stays = old == is("ada", 2);
                        assert!(stays || (unknown && old.is_none()), "{told}: {old:?}");
                    }
                    Op::Logout => assert_eq!(old, None, "{told}"),
                }
            }
            Flushed | Evicted => {
                assert!(done, "{told}");
                assert_eq!(old, None, "{told}: nothing is put back");
                let late = if early { None } else { is("ada", 2) };
                match op {
                    Op::Read => {
                        assert_eq!(read, Some(late), "{told}");
                        assert!(reply.set_cookie.is_empty(), "{told}");
                    }
                    // A new session, of somebody who is not logged in, or none.
                    Op::Write if early => assert_eq!(after, Some((None, 1)), "{told}"),
                    Op::Write => assert!(reply.set_cookie.is_empty(), "{told}"),
                    Op::Login => assert!(
                        after.is_some_and(|(user, _)| user.as_deref() == Some("carl")),
                        "{told}"
                    ),
                    Op::Logout => {}
                }
            }
            Flipped(_) | Swapped => match op {
                Op::Read => {
                    let late = if early { None } else { is("ada", 2) };
                    assert_eq!((read, old), (Some(late), is("ada", 2)), "{told}");
                    assert!(reply.set_cookie.is_empty(), "{told}");
                }
                Op::Write => {
                    assert!(!early || !done, "{told}");
                    assert!(reply.set_cookie.is_empty(), "{told}");
                    assert_eq!(
                        old,
                        is("ada", if done { 3 } else { 2 }),
                        "{told}: nothing is overwritten"
                    );
                }
                // The ways out.
                Op::Login if early || done => {
                    assert!(done, "{told}");
                    assert!(
                        after.is_some_and(|(user, _)| user.as_deref() == Some("carl")),
                        "{told}"
                    );
                }
                Op::Login => assert_eq!(old, is("ada", 2), "{told}"),
                Op::Logout => assert_eq!((done, old), (true, None), "{told}"),
            },
            RolledBack => {
                assert!(done, "{told}");
                match op {
                    Op::Read => assert!(old == is("ada", 1), "{told}"),
                    Op::Write => assert!(old == is("ada", 2) || old == is("ada", 3), "{told}"),
                    Op::Login => {
                        assert!(
                            after.is_some_and(|(user, _)| user.as_deref() == Some("carl")),
                            "{told}"
                        );
                        assert_eq!(old, None, "{told}");
                    }
                    Op::Logout => assert_eq!(old, None, "{told}"),
                }
            }
        }
    }

    async fn fail(&mut self, broken: Broken, name: &[u8], old: &[u8]) {
        let values = self.engine.values().await;
        match broken {
            Broken::Connection(fault) => self.proxy.set(fault),
            Broken::Engine(fault) | Broken::Silent(fault) => self.engine.fail(fault).await,
            Flushed => {
                for name in values.keys() {
                    self.engine.set(name, None).await;
                }
            }
            Evicted => self.engine.set(name, None).await,
            Flipped(at) => {
                let mut value = values[name].clone();
                value[at] ^= 1;
                self.engine.set(name, Some(&value)).await;
            }
            Swapped => {
                let [mut names, mut others] = [values.keys(), values.keys()];
                let (one, two) = (names.next().unwrap(), others.nth(1).unwrap());
                self.engine.set(one, Some(&values[two])).await;
                self.engine.set(two, Some(&values[one])).await;
            }
            RolledBack => self.engine.set(name, Some(old)).await,
        }
        if broken.does_not_answer() {
            pause();
        }
    }

    async fn mend(&mut self, broken: Broken, name: &[u8], healthy: &Values) {
        if broken.does_not_answer() {
            resume();
        }
        match broken {
            Broken::Connection(_) => self.proxy.set(Fault::None),
            Broken::Engine(fault) | Broken::Silent(fault) => self.engine.mend(fault).await,
            Flipped(at) => {
                let mut flipped = healthy[name].clone();
                flipped[at] ^= 1;
                // Unless the site has written there.
                if self.engine.values().await.get(name) == Some(&flipped) {
                    self.engine.set(name, Some(&healthy[name])).await;
                }
            }
            Swapped => {
                let there = self.engine.values().await;
                for (name, value) in healthy {
                    let is_swapped = |there: &Vec<u8>| {
                        there != value && healthy.values().any(|other| other == there)
                    };
                    if there.get(name).is_some_and(is_swapped) {
                        self.engine.set(name, Some(value)).await;
                    }
                }
            }
            Flushed | Evicted | RolledBack => {}
        }
    }

    /// The engine evicts what a logout has left, before a slow answer comes.
    async fn evicted_tombstone(&self, regenerates: bool) {
        let (mut ada, name, _) = self.ada().await;
        let before = ada.clone();
        let slow = ada.request(&self.site).await;
        Op::Write.run(&slow).unwrap();
        if regenerates {
            slow.regenerate().unwrap();
        }
        ada.visit(&self.elsewhere, |session| session.destroy().unwrap())
            .await;
        self.engine.set(&name, None).await;
        let reply = slow.commit().await;
        assert!(reply.set_cookie.is_empty());
        assert_eq!(look(&self.elsewhere, &before).await, None);
        assert!(self.engine.values().await.is_empty(), "nothing is put back");
    }
}
