//! Three instances of a site, one in each framework, that serve the same sessions over HTTP.

use crate::{
    app::{self, Answer, App, Neighbours},
    client,
    kit::{browser::Jar, clock::Clock},
    server::{Framework, Server, actix, axum, rocket},
    site::{ring, settings},
};
use hardtack::{
    session::{LoginId, Place, Session, SessionError, SessionManagerBuilder},
    store::Store,
};
use std::{
    array,
    sync::{
        Arc, Barrier, RwLock,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

const INSTANCES: usize = 3;
const FRAMEWORKS: [&Framework; INSTANCES] =
    [&axum::FRAMEWORK, &actix::FRAMEWORK, &rocket::FRAMEWORK];

fn start(
    framework: &Framework,
    clock: &Clock,
    set: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder,
) -> Server {
    let accounts = settings(ring(), clock).cookie_name("__Host-account");
    let app = App {
        sessions: set(settings(ring(), clock)).build().unwrap(),
        accounts: accounts.data().build().unwrap(),
        layers: true,
        neighbours: Neighbours::None,
    };
    (framework.serve)(app).unwrap()
}

/// Sends a request whose handler is `f`, and keeps the cookies that it gets.
fn visit<R: Send + 'static>(
    server: &Server,
    jar: &mut Jar,
    f: impl FnOnce(&Session) -> Result<R, SessionError> + Send + 'static,
) -> Result<R, String> {
    let (tell, told) = mpsc::channel();
    let job = app::expect(Box::new(move |mut handles| {
        let result = f(&handles.take_session())?;
        tell.send(result).unwrap();
        Ok(Answer::new())
    }));
    let cookies = jar.header();
    let headers = [("cookie", cookies.as_bytes())];
    let response = client::get(server.address, &format!("/run/{job}"), &headers);
    let response = response.ok_or("no answer")?;
    if response.status != 200 {
        return Err(format!("status {}", response.status));
    }
    for line in response.set_cookie() {
        jar.store(line);
    }
    told.try_recv()
        .map_err(|_| "the handler did not run".into())
}

fn log_in(server: &Server, user: usize) -> (Jar, LoginId) {
    let mut jar = Jar::default();
    let login = visit(server, &mut jar, move |session| {
        session.regenerate_for_login()?;
        session.insert("user", user)
    });
    login.unwrap();
    let login = visit(server, &mut jar, Session::login_id);
    (jar, login.unwrap())
}

/// How many requests write to one session at the same time.
const WRITERS: usize = 64;

/// What all of them write under keys of their own is kept.
pub fn keeps_what_all_write(store: &(impl Store + Clone)) {
    // It stands still, so that no writer gives up: each time that one loses, another one is done.
    let clock = Clock::new();
    let fleet = FRAMEWORKS
        .map(|framework| start(framework, &clock, |settings| settings.store(store.clone())));
    let (jar, _) = log_in(&fleet[0], 7);
    let barrier = Barrier::new(WRITERS);
    thread::scope(|scope| {
        for nth in 0..WRITERS {
            let (mut jar, server, barrier) = (jar.clone(), &fleet[nth % INSTANCES], &barrier);
            scope.spawn(move || {
                barrier.wait();
                visit(server, &mut jar, move |session| {
                    session.insert(&nth.to_string(), nth)
                })
                .unwrap();
            });
        }
    });
    for server in &fleet {
        let kept = visit(server, &mut jar.clone(), |session| {
            (0..WRITERS)
                .map(|nth| session.get(&nth.to_string()))
                .collect::<Result<Vec<Option<usize>>, _>>()
        });
        let all: Vec<_> = (0..WRITERS).map(Some).collect();
        assert_eq!(kept.unwrap(), all);
    }
}

/// How many visitors go on while the fleet moves, each with a count of their own.
const VISITORS: usize = 200;
/// How many of them send a request at the same time.
const AT_ONCE: usize = 8;

/// The settings of an instance.
#[derive(Clone, Copy, Debug)]
enum Version {
    WithoutStore,
    OnlyReadsIt,
    Saves,
    OnlyTickets,
}

use Version::{OnlyReadsIt, OnlyTickets, Saves, WithoutStore};

/// Takes every instance through the steps of a move into the store and back, one instance after the other, while visitors
/// count at all of them.
pub fn moves_there_and_back(store: &(impl Store + Clone)) {
    let clock = Clock::new();
    let instance = |nth: usize, version| {
        let set = |settings: SessionManagerBuilder| match version {
            WithoutStore => settings,
            OnlyReadsIt => settings.store(store.clone()).place(Place::Cookie),
            Saves => settings.store(store.clone()),
            OnlyTickets => settings.store(store.clone()).only_tickets(),
        };
        // Whoever is being served by an instance holds it.
        Arc::new(start(FRAMEWORKS[nth], &clock, set))
    };
    let fleet: [_; INSTANCES] = array::from_fn(|nth| RwLock::new(instance(nth, WithoutStore)));
    let is_over = AtomicBool::new(false);
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        // If a check fails, all of them end.
        let _over = OnDrop(&is_over);
        for first in 0..AT_ONCE {
            let (tell, fleet, is_over) = (tell.clone(), &fleet, &is_over);
            scope.spawn(move || {
                let _over = OnDrop(is_over);
                let visitor =
                    |nth: usize| Visitor::log_in(&fleet[nth % INSTANCES].read().unwrap(), nth);
                let mut visitors: Vec<_> =
                    (first..VISITORS).step_by(AT_ONCE).map(visitor).collect();
                while !is_over.load(Ordering::Relaxed) {
                    for visitor in &mut visitors {
                        // Each takes another way through the fleet.
                        let at = visitor.nth + visitor.count * (1 + visitor.nth / INSTANCES);
                        let server = fleet[at % INSTANCES].read().unwrap().clone();
                        let _ = tell.send((visitor.nth, at % INSTANCES, visitor.count_on(&server)));
                    }
                }
            });
        }
        drop(tell);
        // Waits until each visitor has begun and ended a visit after this call. Returns who has a ticket.
        let wait = |now: &str| {
            let check = |(nth, at, visited): (usize, usize, Result<bool, String>)| {
                let told = |error| panic!("{now}: visitor {nth} at {at}: {error}");
                (nth, visited.unwrap_or_else(told))
            };
            told.try_iter().map(check).for_each(drop);
            let (mut visits, mut tickets) = ([0; VISITORS], [false; VISITORS]);
            while visits.iter().any(|visits| *visits < 2) {
                let (nth, has_ticket) = check(told.recv().unwrap());
                tickets[nth] = has_ticket;
                visits[nth] += 1;
            }
            tickets
        };
        for version in [
            OnlyReadsIt,
            Saves,
            OnlyTickets,
            Saves,
            OnlyReadsIt,
            WithoutStore,
        ] {
            let mut tickets = [false; VISITORS];
            for (nth, place) in fleet.iter().enumerate() {
                let now = format!("{version:?} at {nth}");
                *place.write().unwrap() = instance(nth, version);
                clock.pass(60);
                tickets = wait(&now);
            }
            let is_in_store = matches!(version, Saves | OnlyTickets);
            assert_eq!(tickets, [is_in_store; VISITORS], "{version:?}");
        }
    });
}

/// Sets it when it is dropped.
struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Visitor {
    nth: usize,
    jar: Jar,
    login: LoginId,
    count: usize,
}

impl Visitor {
    fn log_in(server: &Server, nth: usize) -> Visitor {
        let (jar, login) = log_in(server, nth);
        Visitor {
            nth,
            jar,
            login,
            count: 0,
        }
    }

    /// Counts on, if the session is the one of the visit before. Returns whether it is in the store.
    fn count_on(&mut self, server: &Server) -> Result<bool, String> {
        let found = visit(server, &mut self.jar, |session| {
            let found = session.get::<usize>("count")?.unwrap_or_default();
            session.insert("count", found + 1)?;
            session.insert("padding", "#".repeat(100))?;
            Ok((session.is_new()?, session.login_id()?, found))
        })?;
        let expected = (false, self.login, self.count);
        if found != expected {
            return Err(format!("{found:?}, not {expected:?}"));
        }
        self.count += 1;
        let token = self.jar.0.values().next().ok_or("no cookie")?;
        Ok(token.len() < 180)
    }
}
