//! The session for Axum, and for any other tower service.
//!
//! ```
//! # fn site() -> Result<(), Box<dyn std::error::Error>> {
//! use hardtack::{Keyring, axum::SessionLayer, session::{Session, SessionError, SessionManager}};
//!
//! async fn visits(session: Session) -> Result<String, SessionError> {
//!     let visits = session.update("visits", |visits: &mut u32| {
//!         *visits += 1;
//!         *visits
//!     })?;
//!     Ok(format!("visit {visits}"))
//! }
//!
//! let sessions = SessionManager::builder(Keyring::from_env("SESSION_KEYS")?).build()?;
//! let layer = SessionLayer::new(sessions);
//! // let app = axum::Router::new().route("/", get(visits)).layer(layer);
//! # Ok(())
//! # }
//! ```

use crate::session::{
    HeaderEdits, Layered, MissingLayer, Session, SessionData, SessionError, SessionManager,
    SessionMap, report,
};
use alloc::borrow::Cow;
use axum_core::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, StatusCode,
    header::{CACHE_CONTROL, COOKIE, InvalidHeaderValue, SET_COOKIE, VARY},
    request::Parts,
};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

/// Opens the session before the service and saves it after: a tower layer.
///
/// ```
/// use hardtack::{Key, Keyring, axum::SessionLayer, session::SessionManager};
///
/// let keyring = Keyring::new(Key::generate()?);
/// let visitors = SessionManager::builder(keyring.clone()).build()?;
/// let layer = SessionLayer::new(visitors);
/// // Router::new().route("/", get(visits)).layer(layer)
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SessionLayer<T: SessionData = SessionMap> {
    sessions: SessionManager<T>,
}

impl<T: SessionData> SessionLayer<T> {
    /// A layer for these sessions.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, axum::SessionLayer, session::SessionManager};
    /// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// let layer = SessionLayer::new(sessions.clone()); // keep one, to rotate its keys
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(sessions: SessionManager<T>) -> SessionLayer<T> {
        SessionLayer { sessions }
    }
}

impl<T: SessionData> Clone for SessionLayer<T> {
    fn clone(&self) -> SessionLayer<T> {
        SessionLayer {
            sessions: self.sessions.clone(),
        }
    }
}

impl<S, T: SessionData> Layer<S> for SessionLayer<T> {
    type Service = SessionService<S, T>;

    fn layer(&self, inner: S) -> SessionService<S, T> {
        SessionService {
            inner,
            sessions: self.sessions.clone(),
        }
    }
}

/// The service that [`SessionLayer`] makes.
///
/// ```
/// # use hardtack::{Key, Keyring, session::SessionManager};
/// use hardtack::axum::{SessionLayer, SessionService};
/// use tower_layer::Layer as _;
///
/// struct Site; // any tower service
///
/// # let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
/// let service: SessionService<Site> = SessionLayer::new(sessions).layer(Site);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SessionService<S, T: SessionData = SessionMap> {
    inner: S,
    sessions: SessionManager<T>,
}

impl<S: Clone, T: SessionData> Clone for SessionService<S, T> {
    fn clone(&self) -> SessionService<S, T> {
        SessionService {
            inner: self.inner.clone(),
            sessions: self.sessions.clone(),
        }
    }
}

impl<S, T, Incoming, Outgoing> Service<Request<Incoming>> for SessionService<S, T>
where
    S: Service<Request<Incoming>, Response = http::Response<Outgoing>>,
    T: SessionData,
    Outgoing: Default,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, T>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Incoming>) -> Self::Future {
        let session = self.sessions.begin();
        request.extensions_mut().insert(Layered(session.clone()));
        ResponseFuture {
            inner: self.inner.call(request),
            session,
        }
    }
}

pin_project! {
    /// The response of a [`SessionService`], with its session's fields.
    ///
    /// ```
    /// use hardtack::axum::SessionService;
    /// use http::Request;
    /// use tower_service::Service;
    ///
    /// /// A layer of yours around this one can name the future that it waits for.
    /// struct Timed<S: Service<Request<String>, Response = http::Response<String>>> {
    ///     answer: hardtack::axum::ResponseFuture<S::Future>,
    /// }
    /// ```
    pub struct ResponseFuture<F, T: SessionData = SessionMap> {
        #[pin]
        inner: F,
        session: Session<T>,
    }
}

impl<F, T, Outgoing, E> Future for ResponseFuture<F, T>
where
    F: Future<Output = Result<http::Response<Outgoing>, E>>,
    T: SessionData,
    Outgoing: Default,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx))?;
        let values = |name: HeaderName| {
            response
                .headers()
                .get_all(name)
                .into_iter()
                .map(HeaderValue::as_bytes)
        };
        let reply = this.session.finish(values(CACHE_CONTROL), values(VARY));
        write(reply, &mut response);
        Poll::Ready(Ok(response))
    }
}

fn write<Outgoing: Default>(reply: HeaderEdits, response: &mut http::Response<Outgoing>) {
    if reply.failed.is_some() {
        *response = http::Response::default();
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    // `build` has refused every setting with a byte that no field has.
    if write_fields(reply, response.headers_mut()).is_err() {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
}

fn write_fields(reply: HeaderEdits, headers: &mut HeaderMap) -> Result<(), InvalidHeaderValue> {
    for line in reply.set_cookie {
        headers.append(SET_COOKIE, line.try_into()?);
    }
    if let Some(vary) = reply.vary {
        let vary = match vary {
            Cow::Borrowed(vary) => HeaderValue::from_static(vary),
            Cow::Owned(vary) => vary.try_into()?,
        };
        headers.insert(VARY, vary);
    }
    if let Some(cache_control) = reply.cache_control {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache_control));
    }
    Ok(())
}

impl<S: Sync, T: SessionData> FromRequestParts<S> for Session<T> {
    type Rejection = MissingLayer;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Session<T>, MissingLayer> {
        let Some(layered) = parts.extensions.get::<Layered<T>>() else {
            return Err(MissingLayer::report::<T>(
                ".layer(hardtack::axum::SessionLayer::new(sessions))",
            ));
        };
        let cookies = parts.headers.get_all(COOKIE);
        Ok(layered.session(cookies.into_iter().map(HeaderValue::as_bytes)))
    }
}

impl IntoResponse for MissingLayer {
    fn into_response(self) -> Response {
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// An empty 500; the text goes to the log.
impl IntoResponse for SessionError {
    fn into_response(self) -> Response {
        report::error(&self);
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}
