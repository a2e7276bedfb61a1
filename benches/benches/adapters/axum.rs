use super::{Answer, App, NAME, READ, UNTOUCHED, User, WRITE, pair, sessions, user};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderValue, Request, Uri, header},
    routing::get,
};
use hardtack::{
    axum::SessionLayer,
    session::{Session, SessionError},
};
use tower_service::Service as _;

pub fn without() -> App {
    app(Router::new()
        .route(UNTOUCHED, get(async || {}))
        .route(READ, get(async || NAME.to_owned()))
        .route(WRITE, get(async || {})))
}

pub fn with() -> App {
    async fn read(session: Session) -> Result<String, SessionError> {
        Ok(session.get::<User>("user")?.unwrap_or_default().name)
    }
    async fn write(session: Session) -> Result<(), SessionError> {
        session.insert("user", &user())
    }
    app(Router::new()
        .route(UNTOUCHED, get(async || {}))
        .route(READ, get(read))
        .route(WRITE, get(write))
        .layer(SessionLayer::new(sessions())))
}

fn app(router: Router) -> App {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime starts");
    Box::new(move |path, cookie, requests| {
        let mut service = router.clone();
        let uri = Uri::from_static(path);
        let cookie = HeaderValue::from_str(cookie).expect("a cookie fits a field");
        runtime.block_on(async {
            let mut answer = None;
            for _ in 0..requests {
                let mut request = Request::new(Body::empty());
                *request.uri_mut() = uri.clone();
                request.headers_mut().insert(header::COOKIE, cookie.clone());
                answer = Some(service.call(request).await.expect("a router does not fail"));
            }
            let (parts, body) = answer.expect("at least one request").into_parts();
            assert!(parts.status.is_success(), "{}", parts.status);
            let set_cookie = parts.headers.get(header::SET_COOKIE);
            let body = to_bytes(body, usize::MAX).await.expect("the body is there");
            Answer {
                cookie: pair(set_cookie.map(|value| value.to_str().expect("ASCII"))),
                body: String::from_utf8(body.into()).expect("the body is text"),
            }
        })
    })
}
