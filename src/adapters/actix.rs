//! Connects sessions to Actix Web.
//!
//! ```
//! use actix_web::{App, HttpServer, web};
//! use hardtack::{Keyring, actix::SessionMiddleware, session::{Session, SessionError, SessionManager}};
//!
//! async fn visits(session: Session) -> Result<String, SessionError> {
//!     let visits = session.update("visits", |visits: &mut u32| {
//!         *visits += 1;
//!         *visits
//!     })?;
//!     Ok(format!("visit {visits}"))
//! }
//!
//! # fn site() -> Result<(), Box<dyn std::error::Error>> {
//! // Make the manager outside the closure, so that all workers share one set of keys.
//! let sessions = SessionManager::builder(Keyring::from_env("SESSION_KEYS")?).build()?;
//! let server = HttpServer::new(move || {
//!     App::new()
//!         .route("/", web::get().to(visits))
//!         .wrap(SessionMiddleware::new(sessions.clone()))
//! });
//! # Ok(())
//! # }
//! ```
//!
//! The middleware may also wrap a `Scope` or a `Resource`. Actix runs the middleware that was
//! wrapped last first. If your own middleware needs the session, wrap it before this one and call
//! `request.extract::<Session>()`.

use crate::session::{
    Commit, EndpointFuture, Exchange, HeaderEdit, HeaderEdits, MissingLayer, Plan, RequestHead,
    SameOrigin, SameOriginError, Session, SessionData, SessionError, SessionFuture, SessionManager,
    SessionMap, log,
};
use actix_web::{
    Error, FromRequest, HttpMessage as _, HttpRequest, HttpResponse, ResponseError,
    body::{BoxBody, EitherBody},
    dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform},
    http::{
        Method, StatusCode, Uri,
        header::{HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue},
    },
};
use alloc::{borrow::Cow, boxed::Box};
use core::{
    future::{Ready, ready},
    pin::Pin,
    task::{Context, Poll, ready},
};
use pin_project_lite::pin_project;

/// Gives the session to handlers and saves it after them.
///
/// ```
/// use actix_web::{App, web};
/// use hardtack::{Key, Keyring, actix::SessionMiddleware, session::SessionManager};
///
/// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
/// let shop = web::scope("/shop").wrap(SessionMiddleware::new(sessions));
/// let app = App::new().service(shop);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SessionMiddleware<T: SessionData = SessionMap> {
    sessions: SessionManager<T>,
}

impl<T: SessionData> SessionMiddleware<T> {
    /// Makes a middleware for these sessions.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, actix::SessionMiddleware, session::SessionManager};
    /// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// let middleware = SessionMiddleware::new(sessions.clone()); // keep a clone to rotate keys
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(sessions: SessionManager<T>) -> SessionMiddleware<T> {
        SessionMiddleware { sessions }
    }
}

impl<T: SessionData> Clone for SessionMiddleware<T> {
    fn clone(&self) -> SessionMiddleware<T> {
        SessionMiddleware::new(self.sessions.clone())
    }
}

impl<S, T, B> Transform<S, ServiceRequest> for SessionMiddleware<T>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    T: SessionData,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = SessionService<S, T>;
    type InitError = ();
    type Future = Ready<Result<SessionService<S, T>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(SessionService {
            inner,
            sessions: self.sessions.clone(),
        }))
    }
}

/// Wraps a service to provide sessions. [`SessionMiddleware`] makes it.
///
/// ```
/// use hardtack::actix::SessionService;
///
/// /// The service of your own middleware can name the service that it wraps.
/// struct WithSession<S>(SessionService<S>);
/// ```
#[derive(Debug)]
pub struct SessionService<S, T: SessionData = SessionMap> {
    inner: S,
    sessions: SessionManager<T>,
}

impl<S, T, B> Service<ServiceRequest> for SessionService<S, T>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    T: SessionData,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = ResponseFuture<S::Future, ServiceResponse<B>, T>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let exchange = Exchange::begin(&self.sessions);
        let endpoint = exchange.endpoint(&head(request.method(), request.uri(), request.headers()));
        if let Some(answer) = endpoint {
            let (request, _) = request.into_parts();
            return ResponseFuture {
                work: Work::Own { request, answer },
                exchange,
                closing: None,
            };
        }
        let covered = match request.extensions().get::<Arrived<T>>() {
            Some(outer) => outer.exchange.covers(&self.sessions),
            None => false,
        };
        if !covered {
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

/// What the extractor finds: the exchange, and the request line before a middleware rewrote it. Whether a
/// request may come from another origin is decided by what the browser sent.
struct Arrived<T: SessionData> {
    exchange: Exchange<T>,
    method: Method,
    uri: Uri,
}

pin_project! {
    /// Resolves to the response of a [`SessionService`], with the headers of the session.
    ///
    /// ```
    /// use actix_web::dev::{Service, ServiceRequest};
    ///
    /// /// Your own middleware around this one can name the future that it waits for.
    /// struct Timed<S: Service<ServiceRequest>> {
    ///     answer: hardtack::actix::ResponseFuture<S::Future, S::Response>,
    /// }
    /// ```
    pub struct ResponseFuture<F, R, T: SessionData = SessionMap> {
        #[pin]
        work: Work<F>,
        exchange: Exchange<T>,
        // The response that waits until its session is committed. In a box: few wait, and the future is moved often.
        closing: Option<Box<(Result<R, Error>, Commit)>>,
    }
}

pin_project! {
    // What the response comes from.
    #[project = WorkOf]
    enum Work<F> {
        Service { #[pin] inner: F },
        Own { request: HttpRequest, answer: EndpointFuture },
    }
}

impl<F, T, B> Future for ResponseFuture<F, ServiceResponse<B>, T>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    T: SessionData,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let inner = match this.work.project() {
            WorkOf::Service { inner } => inner,
            WorkOf::Own { request, answer } => {
                let edits = ready!(Pin::new(answer).poll(cx));
                let response = edit(edits, HttpResponse::new(StatusCode::OK)).map_into_boxed_body();
                let response = ServiceResponse::new(request.clone(), response);
                return Poll::Ready(Ok(response.map_into_right_body()));
            }
        };
        let (response, mut commit) = match this.closing.take() {
            Some(closing) => *closing,
            None => {
                let response = ready!(inner.poll(cx));
                (response, this.exchange.commit(this.exchange.close()))
            }
        };
        let Poll::Ready(plan) = Pin::new(&mut commit).poll(cx) else {
            *this.closing = Some(Box::new((response, commit)));
            return Poll::Pending;
        };
        Poll::Ready(match response {
            Ok(response) => {
                let (request, response) = response.into_parts();
                let response = write(this.exchange, plan, response);
                Ok(ServiceResponse::new(request, response))
            }
            // The error comes from a middleware, because errors of handlers are responses by now.
            // Actix makes a response of it later. The mapper adds the headers of the session,
            // because a request that fails saves its session too.
            Err(mut error) => {
                let exchange = this.exchange.clone();
                error.add_response_mapper(move |response| {
                    write(&exchange, plan.clone(), response).map_into_boxed_body()
                });
                Err(error)
            }
        })
    }
}

fn write<T: SessionData, B>(
    exchange: &Exchange<T>,
    plan: Plan,
    response: HttpResponse<B>,
) -> HttpResponse<EitherBody<B>> {
    let edits = exchange.finish(plan, response.headers());
    edit(edits, response)
}

fn edit<B>(edits: HeaderEdits, response: HttpResponse<B>) -> HttpResponse<EitherBody<B>> {
    let mut response = match edits.status() {
        None => response.map_into_left_body(),
        Some(status) => {
            let body = BoxBody::new(edits.body());
            HttpResponse::with_body(status_code(status), body).map_into_right_body()
        }
    };
    // `build` refuses every setting with a byte that is not allowed in a header.
    if let Err(error) = write_headers(edits, response.headers_mut()) {
        log::error(log::Topic::FailedSave, &error);
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    response
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

impl<T: SessionData> FromRequest for Session<T> {
    type Error = MissingLayer;
    type Future = ExtractFuture<T>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> ExtractFuture<T> {
        let extensions = request.extensions();
        let Some(arrived) = extensions.get::<Arrived<T>>() else {
            return ExtractFuture(Err(MissingLayer::report::<T>(
                ".wrap(hardtack::actix::SessionMiddleware::new(sessions))",
                "it is inside of what asks, or it wraps another `Scope` or `Resource`: call it on the `App`, after \
                 the middleware that uses the session",
            )));
        };
        let Arrived {
            exchange,
            method,
            uri,
        } = arrived;
        ExtractFuture(Ok(exchange.session(head(method, uri, request.headers()))))
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

/// Resolves to the session, as the future of the extractor.
///
/// ```
/// use actix_web::{FromRequest, HttpRequest, dev::Payload, Error};
/// use hardtack::session::Session;
///
/// /// Your own extractor that needs the session can store this future.
/// fn session(request: &HttpRequest, payload: &mut Payload) -> hardtack::actix::ExtractFuture {
///     Session::from_request(request, payload)
/// }
/// ```
#[derive(Debug)]
pub struct ExtractFuture<T: SessionData = SessionMap>(Result<SessionFuture<T>, MissingLayer>);

impl<T: SessionData> Future for ExtractFuture<T> {
    type Output = Result<Session<T>, MissingLayer>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Ok(session) => Pin::new(session).poll(cx).map(Ok),
            Err(missing) => Poll::Ready(Err(*missing)),
        }
    }
}

/// An argument of a handler. With `actix_web::middleware::from_fn`, it is one of a middleware, to be wrapped
/// before the [`SessionMiddleware`].
impl<T: SessionData> FromRequest for SameOrigin<T> {
    type Error = SameOriginError;
    type Future = SameOriginFuture<T>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> SameOriginFuture<T> {
        SameOriginFuture(Session::from_request(request, payload))
    }
}

/// Resolves to the guard, as the future of the extractor [`SameOrigin`].
#[derive(Debug)]
pub struct SameOriginFuture<T: SessionData = SessionMap>(ExtractFuture<T>);

impl<T: SessionData> Future for SameOriginFuture<T> {
    type Output = Result<SameOrigin<T>, SameOriginError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let session = ready!(Pin::new(&mut self.0).poll(cx))?;
        Poll::Ready(SameOrigin::judge(&session))
    }
}

impl ResponseError for SameOriginError {
    fn status_code(&self) -> StatusCode {
        match self {
            SameOriginError::MissingLayer(missing) => missing.status_code(),
            SameOriginError::Refused(refused) => refused.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            SameOriginError::MissingLayer(missing) => missing.error_response(),
            SameOriginError::Refused(refused) => refused.error_response(),
        }
    }
}

impl ResponseError for MissingLayer {
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

/// Responds with an empty 500. The text goes to the log.
impl ResponseError for SessionError {
    fn status_code(&self) -> StatusCode {
        status_code(self.status())
    }

    fn error_response(&self) -> HttpResponse {
        log::failed_call(self);
        HttpResponse::new(self.status_code())
    }
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
