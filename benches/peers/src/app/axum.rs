//! Axum.

use std::net::SocketAddr;
use std::sync::mpsc::Sender;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Request, Uri, header};
use axum::routing::get;
use hardtack::session::{Session, SessionError, SessionManager};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tower::Service;
use tower::layer::util::Identity;

use super::{Act, Answer, App, HARDTACK, LOGIN, NAME, NOTHING, READ, UNTOUCHED, User, WRITE};

pub fn nothing(runtime: Runtime) -> App {
    let router = Router::new()
        .route(UNTOUCHED, get(|| async {}))
        .route(READ, get(|| async { NAME.to_owned() }))
        .route(WRITE, get(|| async {}))
        .layer(Identity::new());
    app(NOTHING, false, runtime, router)
}

/// Values are CBOR.
pub fn hardtack(runtime: Runtime, sessions: SessionManager) -> App {
    async fn read(session: Session) -> Result<String, SessionError> {
        Ok(session.get::<User>("user")?.unwrap_or_default().name)
    }
    async fn write(session: Session) -> Result<(), SessionError> {
        session.insert("user", User::next())
    }
    async fn log_in(session: Session) -> Result<(), SessionError> {
        session.regenerate_for_login()?;
        session.insert("user", User::next())
    }
    let router = Router::new()
        .route(UNTOUCHED, get(|| async {}))
        .route(READ, get(read))
        .route(WRITE, get(write))
        .route(LOGIN, get(log_in))
        .layer(hardtack::axum::SessionLayer::new(sessions));
    app(HARDTACK, true, runtime, router)
}

/// Turns a router with the three routes into something to send to.
pub fn app(name: &'static str, encrypts: bool, runtime: Runtime, router: Router) -> App {
    let site = router.clone();
    let send = move |act: Act, cookie: &str, n: u32| {
        let mut service = router.clone();
        let uri = Uri::from_static(act.path());
        let cookie = HeaderValue::from_str(cookie).expect("a cookie fits a header");
        runtime.block_on(async {
            let mut answer = None;
            for _ in 0..n {
                let mut request = Request::new(Body::empty());
                *request.uri_mut() = uri.clone();
                request.headers_mut().insert(header::COOKIE, cookie.clone());
                answer = Some(service.call(request).await.expect("a router does not fail"));
            }
            let (parts, body) = answer.expect("at least one request").into_parts();
            assert!(parts.status.is_success(), "{name}: {}", parts.status);
            let cookies = parts.headers.get_all(header::SET_COOKIE).iter();
            let cookies = cookies.filter_map(|line| {
                let line = line.to_str().expect("a cookie is ASCII");
                let pair = line.split(';').next()?;
                (!pair.split_once('=')?.1.is_empty()).then_some(pair)
            });
            let cookies: Vec<&str> = cookies.collect();
            let body = to_bytes(body, usize::MAX).await.expect("the body is there");
            Answer {
                cookie: cookies.join("; "),
                body: String::from_utf8(body.into()).expect("the body is text"),
            }
        })
    };
    App {
        name,
        encrypts,
        send: Box::new(send),
        serve: Box::new(|tell| serve(site, &tell)),
    }
}

fn serve(site: Router, tell: &Sender<SocketAddr>) {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        tell.send(address).expect("somebody waits");
        let _ = axum::serve(listener, site).await;
    });
}
