//! The session for Actix Web.
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
//! // Made outside the closure: every worker has the same keys.
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
//! The middleware may also wrap a `Scope` or a `Resource`. What is wrapped later is further out: a
//! middleware that wants the session is wrapped before this one, and gets it with
//! `request.extract::<Session>()`.

use crate::session::{
    HeaderEdits, Layered, MissingLayer, Session, SessionData, SessionError, SessionManager,
    SessionMap, report,
};
use actix_web::{
    Error, FromRequest, HttpMessage as _, HttpRequest, HttpResponse, ResponseError,
    body::EitherBody,
    dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform},
    http::{
        StatusCode,
        header::{
            CACHE_CONTROL, COOKIE, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue,
            SET_COOKIE, VARY,
        },
    },
};
use alloc::borrow::Cow;
use core::{
    cell::OnceCell,
    future::{Ready, ready},
    pin::Pin,
    task::{Context, Poll, ready},
};
use pin_project_lite::pin_project;

/// Opens the session before the handler and saves it after.
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
    /// A middleware for these sessions.
    ///
    /// ```
    /// # use hardtack::{Key, Keyring, actix::SessionMiddleware, session::SessionManager};
    /// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
    /// let middleware = SessionMiddleware::new(sessions.clone()); // keep one, to rotate its keys
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

/// The service that [`SessionMiddleware`] makes.
///
/// ```
/// use hardtack::actix::SessionService;
///
/// /// The service of a middleware of yours that always brings the session can name what it wraps.
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
    type Future = ResponseFuture<S::Future, T>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
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
    /// use actix_web::dev::{Service, ServiceRequest};
    ///
    /// /// A middleware of yours around this one can name the future that it waits for.
    /// struct Timed<S: Service<ServiceRequest>> {
    ///     answer: hardtack::actix::ResponseFuture<S::Future>,
    /// }
    /// ```
    pub struct ResponseFuture<F, T: SessionData = SessionMap> {
        #[pin]
        inner: F,
        session: Session<T>,
    }
}

impl<F, T, B> Future for ResponseFuture<F, T>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    T: SessionData,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        Poll::Ready(match ready!(this.inner.poll(cx)) {
            Ok(response) => {
                let (request, response) = response.into_parts();
                let reply = finish(this.session, response.headers());
                let response = write(reply, response);
                Ok(ServiceResponse::new(request, response))
            }
            // Of a middleware: a handler's error is a response by now. This one is still to become a
            // response, with the session's fields, for errors save too.
            Err(mut error) => {
                let (session, reply) = (this.session.clone(), OnceCell::new());
                error.add_response_mapper(move |response| {
                    let reply = reply.get_or_init(|| finish(&session, response.headers()));
                    write(reply.clone(), response).map_into_boxed_body()
                });
                Err(error)
            }
        })
    }
}

fn finish<T: SessionData>(session: &Session<T>, headers: &HeaderMap) -> HeaderEdits {
    let values = |name: HeaderName| headers.get_all(name).map(HeaderValue::as_bytes);
    session.finish(values(CACHE_CONTROL), values(VARY))
}

fn write<B>(reply: HeaderEdits, response: HttpResponse<B>) -> HttpResponse<EitherBody<B>> {
    let mut response = match reply.failed {
        None => response.map_into_left_body(),
        Some(_) => HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR).map_into_right_body(),
    };
    // `build` has refused every setting with a byte that no field has.
    if write_fields(reply, response.headers_mut()).is_err() {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    response
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

impl<T: SessionData> FromRequest for Session<T> {
    type Error = MissingLayer;
    type Future = SessionFuture<T>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> SessionFuture<T> {
        let extensions = request.extensions();
        let session = match extensions.get::<Layered<T>>() {
            Some(layered) => {
                let cookies = request.headers().get_all(COOKIE);
                Ok(layered.session(cookies.map(HeaderValue::as_bytes)))
            }
            None => Err(MissingLayer::report::<T>(
                ".wrap(hardtack::actix::SessionMiddleware::new(sessions))",
            )),
        };
        SessionFuture(ready(session))
    }
}

/// The future of the extractor.
///
/// ```
/// use actix_web::{FromRequest, HttpRequest, dev::Payload, Error};
/// use hardtack::session::Session;
///
/// /// An extractor of yours that needs the session can keep the future of it.
/// fn session(request: &HttpRequest, payload: &mut Payload) -> hardtack::actix::SessionFuture {
///     Session::from_request(request, payload)
/// }
/// ```
#[derive(Debug)]
pub struct SessionFuture<T: SessionData = SessionMap>(Ready<Result<Session<T>, MissingLayer>>);

impl<T: SessionData> Future for SessionFuture<T> {
    type Output = Result<Session<T>, MissingLayer>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl ResponseError for MissingLayer {
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

/// An empty 500; the text goes to the log.
impl ResponseError for SessionError {
    fn error_response(&self) -> HttpResponse {
        report::error(self);
        HttpResponse::new(self.status_code())
    }
}
