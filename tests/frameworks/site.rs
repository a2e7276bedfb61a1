//! A running site and what a case does with it.

use crate::{
    app::{self, Answer, App, Handles, Neighbours},
    client::{self, Response},
    kit::{browser::Jar, clock::Clock, keys},
    server::{Framework, Server},
};
#[cfg(feature = "store")]
use hardtack::store::Store;
use hardtack::{
    KeyId, Keyring,
    session::{
        Event, Refusal, SaveReason, Session, SessionData, SessionError, SessionManager,
        SessionManagerBuilder, testing,
    },
};
use std::{
    cell::RefCell,
    net::SocketAddr,
    sync::{Arc, Mutex, mpsc},
};

/// The ring of a site that says nothing else.
pub fn ring() -> Keyring {
    keys::ring(1)
}

/// Settings under this clock.
pub fn settings(ring: Keyring, clock: &Clock) -> SessionManagerBuilder {
    let clock = clock.clone();
    let builder = SessionManager::builder(ring).clock(move || clock.now());
    SET.with_borrow(|set| set.iter().fold(builder, |builder, set| set(builder)))
}

/// What all sites of a test are set to.
type Set = Box<dyn Fn(SessionManagerBuilder) -> SessionManagerBuilder>;

thread_local! {
    static SET: RefCell<Option<Set>> = const { RefCell::new(None) };
}

/// Runs a case whose sites all have these settings.
pub fn set(
    set: impl Fn(SessionManagerBuilder) -> SessionManagerBuilder + 'static,
    case: impl FnOnce(),
) {
    SET.set(Some(Box::new(set)));
    case();
}

/// Runs a case on sessions in a store.
#[cfg(feature = "store")]
pub fn stored(store: impl Store + Clone, case: impl FnOnce()) {
    set(move |builder| builder.store(store.clone()), case);
}

/// Cookies that these sessions set for what `f` does to a new session: without HTTP.
pub fn sealed<T: SessionData>(
    sessions: &SessionManager<T>,
    f: impl FnOnce(&Session<T>) -> Result<(), SessionError>,
) -> Jar {
    let session = testing::new_session(sessions);
    f(&session).unwrap();
    let mut jar = Jar::default();
    for line in testing::set_cookie(&session).unwrap() {
        jar.store(&line);
    }
    assert!(!jar.0.is_empty(), "nothing to save");
    jar
}

/// The application, running.
pub struct Site {
    server: Server,
    pub clock: Clock,
    pub sessions: SessionManager,
    events: Arc<Mutex<Vec<Event>>>,
}

/// What a request brought.
pub struct Visit<R> {
    /// `None` if the connection was closed without an answer.
    pub answer: Option<Response>,
    /// What the handler returned, if it did.
    pub result: Option<Result<R, SessionError>>,
    /// What was decided about sessions meanwhile.
    pub events: Vec<Event>,
}

impl<R> Visit<R> {
    pub fn response(&self) -> &Response {
        self.answer.as_ref().expect("an answer")
    }

    pub fn set_cookie(&self) -> Vec<&str> {
        self.response().set_cookie()
    }

    pub fn value(self) -> R {
        self.result.expect("the handler ran").expect("no error")
    }

    /// Why cookies were refused.
    pub fn refusals(&self) -> Vec<Refusal> {
        let reason = |event: &Event| match event {
            Event::Refused { reason, .. } => Some(*reason),
            _ => None,
        };
        self.events.iter().filter_map(reason).collect()
    }

    /// Why the session was saved, if it was.
    pub fn saved(&self) -> Option<SaveReason> {
        self.events.iter().find_map(|event| match event {
            Event::Saved { reason, .. } => Some(*reason),
            _ => None,
        })
    }

    /// The key that sealed the session that counted, if one did.
    pub fn opened(&self) -> Option<KeyId> {
        self.events.iter().find_map(|event| match event {
            Event::Opened { key, .. } => Some(*key),
            _ => None,
        })
    }
}

impl Site {
    pub fn new(framework: &Framework) -> Site {
        Site::with(framework, |settings| settings)
    }

    /// A site with other settings than the default ones.
    pub fn with(
        framework: &Framework,
        set: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder,
    ) -> Site {
        Site::beside(framework, Neighbours::None, set)
    }

    pub fn beside(
        framework: &Framework,
        neighbours: Neighbours,
        set: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder,
    ) -> Site {
        Site::naming("__Host-account", framework, neighbours, set)
    }

    /// A site whose accounts are in a cookie of this name.
    pub fn naming(
        accounts: &str,
        framework: &Framework,
        neighbours: Neighbours,
        set: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder,
    ) -> Site {
        let clock = Clock::new();
        let events: Arc<Mutex<Vec<Event>>> = Arc::default();
        let collect = events.clone();
        let sessions = set(settings(ring(), &clock))
            .on_event(move |event| collect.lock().unwrap().push(event.clone()))
            .build()
            .unwrap();
        let collect = events.clone();
        let accounts = settings(ring(), &clock)
            .cookie_name(accounts)
            .on_event(move |event| collect.lock().unwrap().push(event.clone()))
            .data()
            .build()
            .unwrap();
        let app = App {
            sessions: sessions.clone(),
            accounts,
            layers: true,
            neighbours,
        };
        Site {
            server: (framework.serve)(app).unwrap(),
            clock,
            sessions,
            events,
        }
    }

    /// A request to the route whose handler takes the session.
    pub fn request(&self) -> Request<'_> {
        Request {
            site: self,
            method: "GET",
            route: "/run/",
            headers: Vec::new(),
            body: None,
        }
    }

    /// A browser without cookies.
    pub fn browser(&self) -> Browser<'_> {
        Browser {
            site: self,
            jar: Jar::default(),
        }
    }

    /// A browser with these cookies.
    pub fn browser_with(&self, jar: &Jar) -> Browser<'_> {
        let jar = jar.clone();
        Browser { site: self, jar }
    }

    /// Sends a request with a path that belongs to no job.
    pub fn get(&self, path: &str, headers: &[(&str, &[u8])]) -> Response {
        client::get(self.server.address, path, headers).expect("an answer")
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    pub fn take_events(&self) -> Vec<Event> {
        std::mem::take(&mut self.events.lock().unwrap())
    }
}

/// A request to be sent.
pub struct Request<'s> {
    site: &'s Site,
    method: &'static str,
    route: &'static str,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Option<&'static str>,
}

impl Request<'_> {
    pub fn route(mut self, route: &'static str) -> Self {
        self.route = route;
        self
    }

    pub fn header(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    /// Makes it a POST request with this form.
    pub fn form(mut self, form: &'static str) -> Self {
        self.method = "POST";
        self.body = Some(form);
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    /// Adds a Cookie line.
    pub fn cookie(self, line: impl Into<Vec<u8>>) -> Self {
        self.header("cookie", line)
    }

    /// Sends it; `f` is the handler.
    pub fn run<R: Send + 'static>(
        self,
        f: impl FnOnce(Handles) -> Result<(R, Answer), SessionError> + Send + 'static,
    ) -> Visit<R> {
        let (tell, told) = mpsc::channel();
        let job = app::expect(Box::new(move |handles| {
            let (result, answer) = match f(handles) {
                Ok((value, answer)) => (Ok(value), Ok(answer)),
                Err(error) => (Err(error.clone()), Err(error)),
            };
            let _ = tell.send(result);
            answer
        }));
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_slice()))
            .collect();
        self.site.take_events();
        let path = format!("{}{job}", self.route);
        Visit {
            answer: client::send(
                self.site.server.address,
                self.method,
                &path,
                &headers,
                self.body,
            ),
            result: told.try_recv().ok(),
            events: self.site.take_events(),
        }
    }

    /// Sends it; `f` is the handler, whose answer is empty.
    pub fn visit<R: Send + 'static>(
        self,
        f: impl FnOnce(&Session) -> Result<R, SessionError> + Send + 'static,
    ) -> Visit<R> {
        self.run(|mut handles| Ok((f(&handles.take_session())?, Answer::new())))
    }
}

/// Sends the cookies that it got.
pub struct Browser<'s> {
    site: &'s Site,
    pub jar: Jar,
}

impl<'s> Browser<'s> {
    /// A request with the cookies that it has.
    pub fn request(&self) -> Request<'s> {
        match self.jar.header() {
            empty if empty.is_empty() => self.site.request(),
            line => self.site.request().cookie(line),
        }
    }

    /// Does what the Set-Cookie lines of the answer say.
    pub fn keep<R>(&mut self, visit: Visit<R>) -> Visit<R> {
        for line in visit.answer.iter().flat_map(Response::set_cookie) {
            self.jar.store(line);
        }
        visit
    }

    pub fn run<R: Send + 'static>(
        &mut self,
        f: impl FnOnce(Handles) -> Result<(R, Answer), SessionError> + Send + 'static,
    ) -> Visit<R> {
        let visit = self.request().run(f);
        self.keep(visit)
    }

    pub fn visit<R: Send + 'static>(
        &mut self,
        f: impl FnOnce(&Session) -> Result<R, SessionError> + Send + 'static,
    ) -> Visit<R> {
        let visit = self.request().visit(f);
        self.keep(visit)
    }
}
