use super::{Watched, overfill, panic_quietly, write_and_drop};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, VARY},
        request::Builder,
    },
    middleware::{Next, from_extractor, from_fn, map_response},
    response::{IntoResponse, Response},
    routing::any,
};
use hardtack::{
    axum::SessionLayer,
    session::{SameOrigin, Session, SessionError},
};
use std::{future::pending, time::Duration};
use tokio::{runtime, time};
use tower::{ServiceBuilder, ServiceExt};
use tower_http::{
    catch_panic::CatchPanicLayer, compression::CompressionLayer, cors::CorsLayer,
    limit::RequestBodyLimitLayer, set_header::SetResponseHeaderLayer, timeout::TimeoutLayer,
    trace::TraceLayer,
};

const LIMIT: Duration = Duration::from_secs(10);

async fn write(session: Session) -> Result<String, SessionError> {
    session.insert("a", 1)?;
    Ok("hardtack keeps ".repeat(200))
}

async fn half(session: Session) -> Result<(), SessionError> {
    session.insert("a", 1)?;
    pending().await
}

async fn fill(session: Session) {
    overfill(&session);
}

async fn panics(session: Session) {
    session.insert("a", 1).unwrap();
    panic_quietly()
}

async fn panics_later(session: Session) {
    write_and_drop(session);
    panic_quietly()
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
    sessions: Watched,
}

impl Answer {
    fn value(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn has_cookie(&self) -> bool {
        self.headers.contains_key("set-cookie")
    }
}

type Wrap = fn(Router) -> Router;

const NOTHING: Wrap = |router| router;

/// A GET for this path, with these around the routes.
fn get(path: &str, inside: Wrap, outside: Wrap) -> Answer {
    send(Request::get(path), inside, outside)
}

fn routes() -> Router {
    Router::new()
        .route("/write", any(write))
        .route("/half", any(half))
        .route("/fill", any(fill))
        .route("/panics", any(panics))
        .route("/panics/later", any(panics_later))
}

fn send(request: Builder, inside: Wrap, outside: Wrap) -> Answer {
    let sessions = Watched::new();
    let layer = SessionLayer::new(sessions.sessions.clone());
    answer(request, outside(inside(routes()).layer(layer)), sessions)
}

/// The order that the page shows.
fn send_to_all(request: Builder) -> Answer {
    let watched = Watched::new();
    let sessions = watched.sessions.clone();
    let router = routes()
        .layer(from_extractor::<SameOrigin>())
        .layer(SessionLayer::new(sessions))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            LIMIT,
        ))
        .layer(CorsLayer::permissive());
    answer(request, router, watched)
}

fn answer(request: Builder, router: Router, sessions: Watched) -> Answer {
    let request = request
        .header("accept-encoding", "gzip")
        .header("origin", "https://app.example")
        .body(Body::empty())
        .unwrap();
    // Its clock goes on by itself when everybody waits.
    let runtime = runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let response = router.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = to_bytes(response.into_body(), 100_000).await.unwrap();
        Answer {
            status,
            headers,
            body: body.to_vec(),
            sessions,
        }
    })
}

/// Cancels the handler, and takes back what it wrote.
async fn limit(session: Session, request: Request, next: Next) -> Result<Response, SessionError> {
    match time::timeout(LIMIT, next.run(request)).await {
        Ok(response) => Ok(response),
        Err(_) => {
            session.discard_changes()?;
            Ok(StatusCode::REQUEST_TIMEOUT.into_response())
        }
    }
}

#[test]
fn timeout() {
    const LAYER: Wrap = |router| {
        router.layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            LIMIT,
        ))
    };
    let outside = get("/half", NOTHING, LAYER);
    assert_eq!((outside.status, outside.has_cookie()), (408, false));
    assert!(!outside.sessions.has_saved());
    let among_all = send_to_all(Request::get("/half"));
    assert_eq!((among_all.status, among_all.has_cookie()), (408, false));
    let inside = get("/half", LAYER, NOTHING);
    assert_eq!((inside.status, inside.has_cookie()), (408, true));
    let inside = get("/half", |router| router.layer(from_fn(limit)), NOTHING);
    assert_eq!((inside.status, inside.has_cookie()), (408, false));
    assert!(!inside.sessions.has_saved());
    // It lets pass what is in time.
    let inside = get("/write", |router| router.layer(from_fn(limit)), NOTHING);
    assert_eq!((inside.status, inside.has_cookie()), (200, true));
}

#[test]
fn cors() {
    const LAYER: Wrap = |router| router.layer(CorsLayer::permissive());
    for (inside, outside, readable) in [(NOTHING, LAYER, true), (LAYER, NOTHING, false)] {
        let answer = get("/write", inside, outside);
        assert_eq!(answer.value("access-control-allow-origin"), Some("*"));
        let answer = get("/fill", inside, outside);
        assert_eq!(answer.status, 500);
        let allowed = answer.value("access-control-allow-origin");
        assert_eq!(allowed, readable.then_some("*"));
    }
}

#[test]
fn compression() {
    const LAYER: Wrap = |router| router.layer(CompressionLayer::new());
    for (inside, outside) in [(NOTHING, LAYER), (LAYER, NOTHING)] {
        let answer = get("/write", inside, outside);
        assert_eq!(answer.value("content-encoding"), Some("gzip"));
        assert!(answer.has_cookie());
        assert_eq!(answer.value("cache-control"), Some("no-store"));
        let vary = answer.headers.get_all("vary").into_iter();
        let vary: Vec<_> = vary.map(|value| value.to_str().unwrap()).collect();
        assert!(vary.join(", ").contains("Cookie"), "{vary:?}");
    }
}

#[test]
fn error_pages() {
    async fn page(mut response: Response) -> Response {
        if response.status().is_server_error() {
            *response.body_mut() = Body::from("our own page");
        }
        response
    }
    const LAYER: Wrap = |router| router.layer(map_response(page));
    assert_eq!(get("/fill", NOTHING, LAYER).body, b"our own page");
    assert_eq!(get("/fill", LAYER, NOTHING).body, b"");
    // With the session on it.
    async fn page_for(
        session: Session,
        request: Request,
        next: Next,
    ) -> Result<Response, SessionError> {
        let response = next.run(request).await;
        let seen = session.get::<u8>("a")?;
        Ok((response.status(), format!("our page, {seen:?}")).into_response())
    }
    let layer: Wrap = |router| router.layer(from_fn(page_for));
    let inside = get("/write", layer, NOTHING);
    assert_eq!(
        (inside.body, inside.headers.contains_key("set-cookie")),
        (b"our page, Some(1)".to_vec(), true)
    );
    assert_eq!(get("/write", NOTHING, layer).status, 500);
}

#[test]
fn header_setters() {
    const OPEN: &str = "public, max-age=60";
    const LAYER: Wrap = |router| {
        let value = HeaderValue::from_static(OPEN);
        router.layer(SetResponseHeaderLayer::overriding(CACHE_CONTROL, value))
    };
    let inside = get("/write", LAYER, NOTHING);
    assert_eq!(inside.value("cache-control"), Some("no-store"));
    let outside = get("/write", NOTHING, LAYER);
    assert_eq!(outside.value("cache-control"), Some(OPEN));
    assert!(outside.has_cookie());
    const LANGUAGE: Wrap = |router| {
        let value = HeaderValue::from_static("Accept-Language");
        router.layer(SetResponseHeaderLayer::overriding(VARY, value))
    };
    let inside = get("/write", LANGUAGE, NOTHING);
    assert_eq!(inside.value("vary"), Some("Accept-Language, Cookie"));
    let outside = get("/write", NOTHING, LANGUAGE);
    assert_eq!(outside.value("vary"), Some("Accept-Language"));
}

#[test]
fn catch_panic() {
    const LAYER: Wrap = |router| router.layer(CatchPanicLayer::new());
    for (path, inside, outside, saves, told) in [
        ("/panics", LAYER, NOTHING, false, true),
        ("/panics/later", LAYER, NOTHING, true, false),
        ("/panics", NOTHING, LAYER, false, false),
        ("/panics/later", NOTHING, LAYER, false, false),
    ] {
        let answer = get(path, inside, outside);
        assert_eq!((answer.status, answer.has_cookie()), (500, saves));
        assert_eq!(answer.sessions.has_saved(), saves);
        assert_eq!(answer.sessions.has_told_a_panic(), told);
    }
}

#[test]
fn rate_limiter() {
    async fn refuse() -> StatusCode {
        StatusCode::TOO_MANY_REQUESTS
    }
    const LAYER: Wrap = |router| router.layer(from_fn(async |_: Request, _: Next| refuse().await));
    let outside = get("/write", NOTHING, LAYER);
    assert_eq!((outside.status, outside.value("vary")), (429, None));
    // By login: it needs the session.
    async fn by_login(session: Session) -> Result<StatusCode, SessionError> {
        session.update("refused", |refused: &mut u8| *refused += 1)?;
        Ok(refuse().await)
    }
    let layer: Wrap = |router| {
        router.layer(from_fn(async |session: Session, _: Request, _: Next| {
            by_login(session).await
        }))
    };
    let inside = get("/write", layer, NOTHING);
    assert_eq!((inside.status, inside.has_cookie()), (429, true));
    assert_eq!(get("/write", NOTHING, layer).status, 500);
}

#[test]
fn origin_guard() {
    const LAYER: Wrap = |router| router.layer(from_extractor::<SameOrigin>());
    let forged = || Request::post("/write").header("host", "shop.example");
    assert_eq!(send(forged(), LAYER, NOTHING).status, 403);
    let among_all = send_to_all(forged());
    let allowed = among_all.value("access-control-allow-origin");
    assert_eq!((among_all.status, allowed), (403, Some("*")));
    assert_eq!(send(forged(), NOTHING, LAYER).status, 500);
}

/// Layers that give the response a body of another type, such as one with an end that is logged. A `Router` makes
/// its own of that, and a `ServiceBuilder` does not.
#[test]
fn tracing_and_body_limits() {
    const LAYERS: Wrap = |router| {
        router
            .layer(TraceLayer::new_for_http())
            .layer(RequestBodyLimitLayer::new(64 * 1024))
    };
    for (inside, outside) in [(LAYERS, NOTHING), (NOTHING, LAYERS)] {
        let answer = get("/write", inside, outside);
        assert_eq!((answer.status, answer.has_cookie()), (200, true));
    }
    let sessions = Watched::new().sessions;
    let layers = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(RequestBodyLimitLayer::new(64 * 1024))
        .layer(SessionLayer::new(sessions));
    let router = Router::new().route("/write", any(write)).layer(layers);
    let request = Request::get("/write").body(Body::empty()).unwrap();
    let runtime = runtime::Builder::new_current_thread().build().unwrap();
    let response = runtime.block_on(router.oneshot(request)).unwrap();
    assert!(response.headers().contains_key("set-cookie"));
}
