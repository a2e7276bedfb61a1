//! The session for Rocket.
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
//! A failed call, as the `Err` of a handler, goes to the application's catcher for 500. Response
//! fairings that are attached before this one may still write to the session.
//!
//! Rocket drops a header line that is not UTF-8: a request whose Cookie line contains such bytes has
//! no session here, and the cookie stays. In tests, the clones of one `LocalRequest` are one request
//! with one session: only the first that is dispatched can write to it.

use crate::session::{
    Layered, MissingLayer, Session, SessionData, SessionError, SessionManager, SessionMap, report,
};
use alloc::{boxed::Box, format, string::ToString as _, vec::Vec};
use rocket::{
    Build, Ignite, Request, Response, Rocket, Sentinel,
    fairing::{self, Fairing, Info, Kind},
    http::Status,
    request::{FromRequest, Outcome},
    response::{self, Responder},
};

/// Makes the session for the guards, and saves it after the handler.
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
    /// A fairing for these sessions.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, rocket::SessionFairing, session::SessionManager};
    /// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// let fairing = SessionFairing::new(sessions.clone()); // keep one, to rotate its keys
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

/// In Rocket's state, for the guard and the sentinel.
struct Attached<T: SessionData>(SessionManager<T>);

#[rocket::async_trait]
impl<T: SessionData> Fairing for SessionFairing<T> {
    fn info(&self) -> Info {
        Info {
            name: "hardtack session",
            kind: Kind::Ignite | Kind::Response,
        }
    }

    /// Refuses a second fairing for the same type: a guard could not tell them apart.
    async fn on_ignite(&self, rocket: Rocket<Build>) -> fairing::Result {
        if rocket.state::<Attached<T>>().is_some() {
            report::error(&format!(
                "two `SessionFairing`s of one type: attach one `SessionFairing<{}>`",
                core::any::type_name::<T>()
            ));
            return Err(rocket);
        }
        Ok(rocket.manage(Attached(self.sessions.clone())))
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let Layered(session) = request.local_cache(|| Layered(self.sessions.begin()));
        let headers = response.headers();
        let values = |name| headers.get(name).map(str::as_bytes);
        let reply = session.finish(values("Cache-Control"), values("Vary"));
        if reply.failed.is_some() {
            *response = Response::build()
                .status(Status::InternalServerError)
                .finalize();
        }
        for line in reply.set_cookie {
            response.adjoin_raw_header("Set-Cookie", line);
        }
        if let Some(vary) = reply.vary {
            response.set_raw_header("Vary", vary);
        }
        if let Some(cache_control) = reply.cache_control {
            response.set_raw_header("Cache-Control", cache_control);
        }
    }
}

#[rocket::async_trait]
impl<'r, T: SessionData> FromRequest<'r> for Session<T> {
    type Error = MissingLayer;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Session<T>, MissingLayer> {
        let Some(Attached(sessions)) = request.rocket().state() else {
            return Outcome::Error((Status::InternalServerError, missing::<T>()));
        };
        let layered = request.local_cache(|| Layered::<T>(sessions.begin()));
        let headers = request.headers();
        if headers.contains("Cookie") {
            return Outcome::Success(layered.session(headers.get("Cookie").map(str::as_bytes)));
        }
        // Rocket's local client fills the jar only. In a request from a socket the jar has nothing
        // that the header has not.
        let jar: Vec<_> = request
            .cookies()
            .iter()
            .map(|cookie| cookie.stripped().encoded().to_string())
            .collect();
        Outcome::Success(layered.session(jar.iter().map(|pair| pair.as_bytes())))
    }
}

/// Rocket does not launch with a route that asks for a session without its fairing.
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
    MissingLayer::report::<T>(".attach(hardtack::rocket::SessionFairing::new(sessions))")
}

/// A 500, by the application's catcher; the text goes to the log.
impl<'r> Responder<'r, 'static> for SessionError {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        report::error(&self);
        Err(Status::InternalServerError)
    }
}
