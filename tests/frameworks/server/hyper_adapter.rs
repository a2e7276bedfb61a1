//! hardtack for bare hyper 1. All that it knows of hardtack is what the documentation of `Exchange` says.

use hardtack::session::{
    Exchange, HeaderEdit, HeaderEdits, RequestHead, SessionData, SessionError, SessionFuture,
    SessionManager,
};
use hyper::{
    Method, Request, Response, StatusCode, Uri,
    header::{HeaderName, HeaderValue},
    service::Service,
};
use std::{any, fmt::Display, pin::Pin};

/// Gives the requests of a service their sessions.
pub struct WithSession<T: SessionData, S> {
    sessions: SessionManager<T>,
    service: S,
}

/// Where [`session`] finds the exchange, and the request line before anything rewrites it.
type Arrived<T> = (Exchange<T>, Method, Uri);

impl<T: SessionData, S> WithSession<T, S> {
    pub fn new(sessions: SessionManager<T>, service: S) -> WithSession<T, S> {
        WithSession { sessions, service }
    }
}

impl<T, S, R, B> Service<Request<R>> for WithSession<T, S>
where
    T: SessionData,
    S: Service<Request<R>, Response = Response<B>, Future: Send + 'static>,
    B: Default + From<String> + Send,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, S::Error>> + Send>>;

    fn call(&self, mut request: Request<R>) -> Self::Future {
        let exchange = Exchange::begin(&self.sessions);
        let (method, uri) = (request.method().clone(), request.uri().clone());
        if let Some(edits) = exchange.endpoint(&head(&method, &uri, request.headers())) {
            return Box::pin(async { Ok(edit(edits.await, Response::default())) });
        }
        let arrived: Arrived<T> = (exchange.clone(), method, uri);
        request.extensions_mut().insert(arrived);
        let answer = self.service.call(request);
        Box::pin(async move {
            // hyper makes no response of an error, so the exchange is dropped.
            let response = answer.await?;
            Ok(finish(&exchange, response).await)
        })
    }
}

async fn finish<T: SessionData, B: Default + From<String>>(
    exchange: &Exchange<T>,
    response: Response<B>,
) -> Response<B> {
    let plan = exchange.commit(exchange.close()).await;
    let edits = exchange.finish(plan, response.headers());
    edit(edits, response)
}

fn edit<B: From<String> + Default>(edits: HeaderEdits, mut response: Response<B>) -> Response<B> {
    if let Some(status) = edits.status() {
        response = empty(status);
        *response.body_mut() = edits.body().into();
    }
    let headers = response.headers_mut();
    for edit in edits {
        let (HeaderEdit::Append(name, value) | HeaderEdit::Set(name, value)) = &edit;
        let name = HeaderName::from_static(name);
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header's value");
        match edit {
            HeaderEdit::Append(..) => drop(headers.append(name, value)),
            HeaderEdit::Set(..) => drop(headers.insert(name, value)),
        }
    }
    response
}

/// Returns the session of a request, or the response of a handler that has no [`WithSession`].
pub fn session<T: SessionData, R, B: Default>(
    request: &Request<R>,
) -> Result<SessionFuture<T>, Response<B>> {
    let Some((exchange, method, uri)) = request.extensions().get::<Arrived<T>>() else {
        let add = "no layer for `Session";
        let new = "`: add `WithSession::new(sessions, service)`";
        let data = any::type_name::<T>();
        return Err(if T::NAME.is_empty() {
            refuse(format_args!("{add}{new}"))
        } else {
            refuse(format_args!(
                "{add}<{data}>{new} with a `SessionManager<{data}>`"
            ))
        });
    };
    Ok(exchange.session(head(method, uri, request.headers())))
}

fn head<'r, H>(method: &'r Method, uri: &'r Uri, headers: H) -> RequestHead<'r, H> {
    RequestHead {
        method: method.as_str(),
        path: uri.path(),
        authority: uri.authority().map(|authority| authority.as_str()),
        headers,
    }
}

/// Answers a handler's session error with an empty response of its status, and logs it.
pub fn session_error<B: Default>(error: &SessionError) -> Response<B> {
    let mut response = refuse(error);
    if let Ok(status) = StatusCode::from_u16(error.status()) {
        *response.status_mut() = status;
    }
    response
}

fn refuse<B: Default>(error: impl Display) -> Response<B> {
    tracing::error!(target: "hardtack", "hyper: {error}");
    empty(500)
}

fn empty<B: Default>(status: u16) -> Response<B> {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response
}
