//! Connects sessions to Axum, and to any other tower service.
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
    Commit, EndpointFuture, Exchange, HeaderEdit, HeaderEdits, MissingLayer, RequestHead,
    SameOrigin, SameOriginError, Session, SessionData, SessionError, SessionManager, SessionMap,
    log,
};
use alloc::{borrow::Cow, boxed::Box};
use axum_core::{
    body::Body,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use core::{
    any::Any,
    pin::Pin,
    task::{Context, Poll, ready},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri,
    header::InvalidHeaderValue, request::Parts,
};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

/// Gives the session to handlers and saves it after them. It is a tower layer.
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
    /// Makes a layer for these sessions.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, axum::SessionLayer, session::SessionManager};
    /// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// let layer = SessionLayer::new(sessions.clone()); // keep a clone to rotate keys
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

/// Wraps a service to provide sessions. [`SessionLayer`] makes it.
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
    Outgoing: Default + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, S::Response, T>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Incoming>) -> Self::Future {
        let exchange = Exchange::begin(&self.sessions);
        let endpoint = exchange.endpoint(&head(request.method(), request.uri(), request.headers()));
        if let Some(answer) = endpoint {
            return ResponseFuture {
                work: Work::Own { answer },
                exchange,
                closing: None,
            };
        }
        let outer = request.extensions().get::<Arrived<T>>();
        if !outer.is_some_and(|outer| outer.exchange.covers(&self.sessions)) {
            let arrived = Arrived {
                exchange: exchange.clone(),
                method: request.method().clone(),
                uri: request.uri().clone(),
            };
            request.extensions_mut().insert(arrived);
        }
        ResponseFuture {
            work: Work::Service {
                inner: self.inner.call(request),
            },
            exchange,
            closing: None,
        }
    }
}

/// What the extractor finds: the exchange, and the request line before a nested router took its prefix
/// off or a middleware rewrote it. Whether a request may come from another origin is decided by what the
/// browser sent.
struct Arrived<T: SessionData> {
    exchange: Exchange<T>,
    method: Method,
    uri: Uri,
}

impl<T: SessionData> Clone for Arrived<T> {
    fn clone(&self) -> Arrived<T> {
        Arrived {
            exchange: self.exchange.clone(),
            method: self.method.clone(),
            uri: self.uri.clone(),
        }
    }
}

pin_project! {
    /// Resolves to the response of a [`SessionService`], with the headers of the session.
    ///
    /// ```
    /// use hardtack::axum::SessionService;
    /// use http::Request;
    /// use tower_service::Service;
    ///
    /// /// Your own layer around this one can name the future that it waits for.
    /// struct Timed<S: Service<Request<String>, Response = http::Response<String>>> {
    ///     answer: hardtack::axum::ResponseFuture<S::Future, S::Response>,
    /// }
    /// ```
    pub struct ResponseFuture<F, R, T: SessionData = SessionMap> {
        #[pin]
        work: Work<F>,
        exchange: Exchange<T>,
        // The response that waits until its session is committed. In a box: few wait, and the future is moved often.
        closing: Option<Box<(R, Commit)>>,
    }
}

pin_project! {
    // What the response comes from.
    #[project = WorkOf]
    enum Work<F> {
        Service { #[pin] inner: F },
        Own { answer: EndpointFuture },
    }
}

impl<F, T, Outgoing, E> Future for ResponseFuture<F, http::Response<Outgoing>, T>
where
    F: Future<Output = Result<http::Response<Outgoing>, E>>,
    T: SessionData,
    Outgoing: Default + 'static,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let inner = match this.work.project() {
            WorkOf::Service { inner } => inner,
            WorkOf::Own { answer } => {
                let edits = ready!(Pin::new(answer).poll(cx));
                let mut response = http::Response::default();
                write(edits, &mut response);
                return Poll::Ready(Ok(response));
            }
        };
        let (mut response, mut commit) = match this.closing.take() {
            Some(closing) => *closing,
            None => {
                let response = ready!(inner.poll(cx))?;
                (response, this.exchange.commit(this.exchange.close()))
            }
        };
        let Poll::Ready(plan) = Pin::new(&mut commit).poll(cx) else {
            *this.closing = Some(Box::new((response, commit)));
            return Poll::Pending;
        };
        let edits = this.exchange.finish(plan, response.headers());
        write(edits, &mut response);
        Poll::Ready(Ok(response))
    }
}

fn head<'r>(
    method: &'r Method,
    uri: &'r Uri,
    headers: &'r HeaderMap,
) -> RequestHead<'r, &'r HeaderMap> {
    RequestHead {
        method: method.as_str(),
        path: uri.path(),
        authority: uri.authority().map(|authority| authority.as_str()),
        headers,
    }
}

fn write<Outgoing: Default + 'static>(edits: HeaderEdits, response: &mut http::Response<Outgoing>) {
    if let Some(status) = edits.status() {
        *response = http::Response::default();
        *response.status_mut() = status_code(status);
        // Another body than Axum's own stays empty.
        match (response.body_mut() as &mut dyn Any).downcast_mut::<Body>() {
            Some(body) => *body = edits.body().into(),
            None if edits.body().is_empty() => {}
            None => log::error(
                log::Topic::Setup,
                &"the body of the responses is not Axum's, and what the session layer says was left out",
            ),
        }
    }
    // `build` refuses every setting with a byte that is not allowed in a header.
    if let Err(error) = write_headers(edits, response.headers_mut()) {
        log::error(log::Topic::FailedSave, &error);
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
}

fn write_headers(edits: HeaderEdits, headers: &mut HeaderMap) -> Result<(), InvalidHeaderValue> {
    for edit in edits {
        match edit {
            HeaderEdit::Append(name, value) => {
                headers.append(HeaderName::from_static(name), header_value(value)?);
            }
            HeaderEdit::Set(name, value) => {
                headers.insert(HeaderName::from_static(name), header_value(value)?);
            }
        }
    }
    Ok(())
}

fn header_value(value: Cow<'static, str>) -> Result<HeaderValue, InvalidHeaderValue> {
    match value {
        Cow::Borrowed(value) => Ok(HeaderValue::from_static(value)),
        Cow::Owned(value) => value.try_into(),
    }
}

impl<S: Sync, T: SessionData> FromRequestParts<S> for Session<T> {
    type Rejection = MissingLayer;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Session<T>, MissingLayer> {
        let Some(arrived) = parts.extensions.get::<Arrived<T>>() else {
            return Err(MissingLayer::report::<T>(
                ".layer(hardtack::axum::SessionLayer::new(sessions))",
                "it is inside of what asks, or the route was added after it: call it after all routes, and after \
                 the layers that use the session (in a `ServiceBuilder`, before them)",
            ));
        };
        let Arrived {
            exchange,
            method,
            uri,
        } = arrived;
        let session = exchange.session(head(method, uri, &parts.headers));
        Ok(session.await)
    }
}

/// An argument of a handler. `axum::middleware::from_extractor` makes a layer of it, to be put inside of the
/// [`SessionLayer`].
impl<S: Sync, T: SessionData> FromRequestParts<S> for SameOrigin<T> {
    type Rejection = SameOriginError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> Result<SameOrigin<T>, SameOriginError> {
        SameOrigin::judge(&Session::from_request_parts(parts, state).await?)
    }
}

impl IntoResponse for MissingLayer {
    fn into_response(self) -> Response {
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

impl IntoResponse for SameOriginError {
    fn into_response(self) -> Response {
        match self {
            SameOriginError::MissingLayer(missing) => missing.into_response(),
            SameOriginError::Refused(refused) => refused.into_response(),
        }
    }
}

/// Responds with an empty 500. The text goes to the log.
impl IntoResponse for SessionError {
    fn into_response(self) -> Response {
        log::failed_call(&self);
        status_code(self.status()).into_response()
    }
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
