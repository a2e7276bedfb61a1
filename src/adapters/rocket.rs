//! Connects sessions to Rocket.
//!
//! ```
//! use hardtack::{Key, Keyring, rocket::SessionFairing, session::{Session, SessionError, SessionManager}};
//! # use rocket::{get, routes};
//!
//! #[get("/")]
//! fn visits(session: Session) -> Result<String, SessionError> {
//!     let visits = session.update("visits", |visits: &mut u32| {
//!         *visits += 1;
//!         *visits
//!     })?;
//!     Ok(format!("visit {visits}"))
//! }
//!
//! let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
//! let rocket = rocket::build()
//!     .mount("/", routes![visits])
//!     .attach(SessionFairing::new(sessions));
//!
//! let client = rocket::local::blocking::Client::tracked(rocket)?;
//! assert_eq!(client.get("/").dispatch().into_string().unwrap(), "visit 1");
//! assert_eq!(client.get("/").dispatch().into_string().unwrap(), "visit 2");
//!
//! // Without the fairing, Rocket does not launch.
//! let rocket = rocket::build().mount("/", routes![visits]);
//! let error = rocket::local::blocking::Client::tracked(rocket).unwrap_err();
//! assert!(matches!(error.kind(), rocket::error::ErrorKind::SentinelAborts(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! If a handler returns a [`SessionError`], Rocket calls the application's catcher for 500.
//! Response fairings that are attached before this one can still write to the session.
//!
//! Rocket makes a response of a handler's panic. Nothing is saved if the handler still has its `Session`
//! then, so lend it to functions, [as `&Session`](crate::guide::layers#a-panic-inside).
//!
//! Rocket drops a header line that is not UTF-8. If the Cookie line of a request has such bytes,
//! the request has no session, and the cookie stays in the browser. In tests, the clones of a
//! `LocalRequest` are one request with one session. Only the first clone that is dispatched can
//! write to it.

use crate::session::{
    Exchange, HeaderEdit, HeaderEdits, MissingLayer, RequestHead, SameOrigin, SameOriginError,
    Session, SessionData, SessionError, SessionManager, SessionMap, log,
};
use alloc::{
    boxed::Box,
    format,
    string::{String, ToString as _},
    vec::Vec,
};
use core::{
    cell::LazyCell,
    iter,
    marker::PhantomData,
    sync::atomic::{AtomicIsize, Ordering},
};
use rocket::{
    Build, Data, Ignite, Request, Response, Rocket, Sentinel,
    fairing::{self, Fairing, Info, Kind},
    http::{Header, HeaderMap, Method, Status},
    request::{FromRequest, Outcome},
    response::{self, Responder},
    route::{self, Handler, Route},
};
use std::io::Cursor;

/// Gives the session to request guards and saves it after the handler.
///
/// ```
/// use hardtack::{Key, Keyring, rocket::SessionFairing, session::SessionManager};
///
/// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
/// let rocket = rocket::build().attach(SessionFairing::new(sessions));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SessionFairing<T: SessionData = SessionMap> {
    sessions: SessionManager<T>,
}

impl<T: SessionData> SessionFairing<T> {
    /// Makes a fairing for these sessions.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, rocket::SessionFairing, session::SessionManager};
    /// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// let fairing = SessionFairing::new(sessions.clone()); // keep a clone to rotate keys
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(sessions: SessionManager<T>) -> SessionFairing<T> {
        SessionFairing { sessions }
    }
}

impl<T: SessionData> Clone for SessionFairing<T> {
    fn clone(&self) -> SessionFairing<T> {
        SessionFairing::new(self.sessions.clone())
    }
}

/// Holds the manager in Rocket's state, for the guard and the sentinel.
struct Attached<T: SessionData>(SessionManager<T>);

#[rocket::async_trait]
impl<T: SessionData> Fairing for SessionFairing<T> {
    fn info(&self) -> Info {
        Info {
            name: "hardtack session",
            kind: Kind::Ignite | Kind::Request | Kind::Response,
        }
    }

    /// Refuses a second fairing for the same type, because a guard could not tell the two apart.
    async fn on_ignite(&self, rocket: Rocket<Build>) -> fairing::Result {
        if rocket.state::<Attached<T>>().is_some() {
            log::error(
                log::Topic::Setup,
                &format!(
                    "two `SessionFairing`s of one type: attach one `SessionFairing<{}>`",
                    core::any::type_name::<T>()
                ),
            );
            return Err(rocket);
        }
        let rocket = match Exchange::has_endpoint(&self.sessions) {
            true => rocket.mount("/", [endpoint_route::<T>()]),
            false => rocket,
        };
        Ok(rocket.manage(Attached(self.sessions.clone())))
    }

    /// Starts the exchange and keeps what arrived. Rocket changes HEAD to GET if no route matches HEAD.
    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        Begun::of(request, &self.sessions);
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let Begun { exchange, .. } = Begun::of(request, &self.sessions);
        let plan = exchange.commit(exchange.close()).await;
        // Nobody looks at them if no handler used the session.
        let headers = LazyCell::new(|| all_lines(response.headers()));
        let lines = iter::once_with(|| lines(&headers)).flatten();
        let edits = exchange.finish(plan, lines);
        drop(headers);
        write(edits, response);
    }
}

fn write(edits: HeaderEdits, response: &mut Response<'_>) {
    if let Some(status) = edits.status() {
        let body = edits.body();
        *response = Response::build()
            .status(Status::new(status))
            .sized_body(body.len(), Cursor::new(body))
            .finalize();
    }
    for edit in edits {
        match edit {
            HeaderEdit::Append(name, value) => response.adjoin_raw_header(name, value),
            HeaderEdit::Set(name, value) => {
                response.set_raw_header(name, value);
            }
        }
    }
}

/// Returns all header lines, for [`lines`].
fn all_lines<'h>(headers: &'h HeaderMap<'_>) -> Vec<Header<'h>> {
    let mut all = Vec::with_capacity(headers.len());
    headers.iter().for_each(|line| all.push(line));
    all
}

/// Returns the name and the value of each line.
fn lines<'l>(headers: &'l [Header<'_>]) -> impl Iterator<Item = (&'l str, &'l str)> + Clone {
    headers
        .iter()
        .map(|line| (line.name().as_str(), line.value()))
}

/// Before every route of the application, for a fairing cannot answer by itself. Each manager has its own
/// rank, because Rocket takes two routes of one rank and path for a mistake.
fn endpoint_route<T: SessionData>() -> Route {
    static MANAGERS: AtomicIsize = AtomicIsize::new(0);
    let rank = BEFORE_ALL.saturating_sub(MANAGERS.fetch_add(1, Ordering::Relaxed));
    let mut route = Route::ranked(rank, Method::Post, "/<path..>", Endpoint::<T>(PhantomData));
    route.name = Some("hardtack session endpoint".into());
    route
}

/// Far below the ranks that Rocket gives.
const BEFORE_ALL: isize = -1000;

struct Endpoint<T>(PhantomData<fn() -> T>);

impl<T> Clone for Endpoint<T> {
    fn clone(&self) -> Endpoint<T> {
        Endpoint(PhantomData)
    }
}

#[rocket::async_trait]
impl<T: SessionData> Handler for Endpoint<T> {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> route::Outcome<'r> {
        let attached = request.rocket().state::<Attached<T>>();
        let answer = attached.and_then(|Attached(sessions)| {
            let begun = Begun::of(request, sessions);
            let headers = all_lines(request.headers());
            begun.exchange.endpoint(&begun.head(lines(&headers)))
        });
        let Some(answer) = answer else {
            return route::Outcome::Forward((data, Status::NotFound));
        };
        let mut response = Response::new();
        write(answer.await, &mut response);
        route::Outcome::Success(response)
    }
}

/// What the guard finds in the request's cache: the exchange, and the request line before Rocket or a fairing
/// rewrote it. Whether a request may come from another origin is decided by what the browser sent.
struct Begun<T: SessionData> {
    exchange: Exchange<T>,
    method: Method,
    path: String,
    authority: Option<String>,
}

impl<T: SessionData> Begun<T> {
    fn of<'r>(request: &'r Request<'_>, sessions: &SessionManager<T>) -> &'r Begun<T> {
        request.local_cache(|| Begun {
            exchange: Exchange::begin(sessions),
            method: method_as_sent(request),
            path: request.uri().path().as_str().into(),
            authority: authority(request),
        })
    }

    fn head<H>(&self, headers: H) -> RequestHead<'_, H> {
        RequestHead {
            method: self.method.as_str(),
            path: &self.path,
            authority: self.authority.as_deref(),
            headers,
        }
    }
}

/// Returns the host of an HTTP/2 request, whose target has it. Rocket keeps nothing else of that. `Host` fields
/// count by themselves, because Rocket keeps the first of several.
fn authority(request: &Request<'_>) -> Option<String> {
    match request.headers().contains("host") {
        true => None,
        false => request.host().map(|host| host.to_string()),
    }
}

/// Returns the method of a request, or POST if the browser may have sent that. Rocket takes the method
/// out of a form's first field, `_method`, before any fairing sees the request: another site's form
/// would pass for a GET.
fn method_as_sent(request: &Request<'_>) -> Method {
    if request.content_type().is_some_and(|kind| kind.is_form()) {
        return Method::Post;
    }
    request.method()
}

#[rocket::async_trait]
impl<'r, T: SessionData> FromRequest<'r> for Session<T> {
    type Error = MissingLayer;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Session<T>, MissingLayer> {
        let Some(Attached(sessions)) = request.rocket().state() else {
            return Outcome::Error((Status::InternalServerError, missing::<T>()));
        };
        let begun = Begun::of(request, sessions);
        let headers = all_lines(request.headers());
        // Rocket's local client fills only the jar. In a request from a socket, everything in the
        // jar is in the header too.
        let jar: Vec<String> = match request.headers().contains("cookie") {
            true => Vec::new(),
            false => request
                .cookies()
                .iter()
                .map(|cookie| cookie.stripped().encoded().to_string())
                .collect(),
        };
        let jar_lines = jar.iter().map(|cookie| ("cookie", cookie.as_str()));
        let head = begun.head(lines(&headers).chain(jar_lines));
        let session = begun.exchange.session(head);
        Outcome::Success(session.await)
    }
}

/// Stops the launch of Rocket if a route asks for a session and its fairing is missing.
impl<T: SessionData> Sentinel for Session<T> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        let attached = rocket.state::<Attached<T>>().is_some();
        if !attached {
            missing::<T>();
        }
        !attached
    }
}

fn missing<T: SessionData>() -> MissingLayer {
    MissingLayer::report::<T>(
        ".attach(hardtack::rocket::SessionFairing::new(sessions))",
        "it has a manager of another type of data, or is attached to another `Rocket`",
    )
}

#[rocket::async_trait]
impl<'r, T: SessionData> FromRequest<'r> for SameOrigin<T> {
    type Error = SameOriginError;

    async fn from_request(request: &'r Request<'_>) -> Outcome<SameOrigin<T>, SameOriginError> {
        let session = match Session::from_request(request).await {
            Outcome::Success(session) => session,
            Outcome::Error((status, missing)) => return Outcome::Error((status, missing.into())),
            Outcome::Forward(status) => return Outcome::Forward(status),
        };
        match SameOrigin::judge(&session) {
            Ok(guard) => Outcome::Success(guard),
            Err(error) => Outcome::Error((Status::new(error.status()), error)),
        }
    }
}

/// Stops the launch of Rocket if a route has the guard and there is no fairing for sessions.
impl<T: SessionData> Sentinel for SameOrigin<T> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        Session::<T>::abort(rocket)
    }
}

/// Responds with the application's catcher for 500. The text goes to the log.
impl<'r> Responder<'r, 'static> for SessionError {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        log::failed_call(&self);
        Err(Status::new(self.status()))
    }
}
