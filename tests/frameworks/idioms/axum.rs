use crate::{
    kit::{browser::Jar, clock::Clock},
    log,
    site::{ring, settings},
};
use axum::{
    Router,
    body::Body,
    extract::FromRequestParts,
    http::{Method, Request, Response, StatusCode},
    middleware::{Next, from_fn},
    routing::any,
};
use hardtack::{
    axum::SessionLayer,
    session::{SameOrigin, SameOriginError, Session, SessionError, testing},
};
use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll, Waker},
};
use tower::{Layer, Service, ServiceExt, service_fn};

/// Takes one request at a time, and is at it.
#[derive(Clone)]
struct Busy;

impl Service<Request<Body>> for Busy {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Pending
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        ready(Ok(Response::default()))
    }
}

#[test]
fn a_service_that_is_busy_stays_busy_behind_the_layer() {
    let sessions = settings(ring(), &Clock::new()).build().unwrap();
    let mut service = SessionLayer::new(sessions).layer(Busy);
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_pending());
}

/// A tower service may have a body of its own, which the layer cannot fill: the reason goes to the log.
#[test]
fn a_body_that_is_not_axums_stays_empty_and_a_line_says_so() {
    log::collect();
    let line = "the body of the responses is not Axum's";
    let fill = service_fn(async |request: Request<Body>| {
        let (mut parts, _) = request.into_parts();
        let session = Session::from_request_parts(&mut parts, &()).await;
        let session: Session = session.unwrap();
        assert!(session.insert("text", "x".repeat(10_000)).is_err());
        Ok::<_, Infallible>(Response::new(()))
    });
    for explains in [false, true] {
        let builder = settings(ring(), &Clock::new());
        let sessions = match explains {
            true => builder.insecure_for_development().build().unwrap(),
            false => builder.build().unwrap(),
        };
        let answer = SessionLayer::new(sessions).layer(fill);
        let answer = answer.oneshot(Request::get("/").body(Body::empty()).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let response = runtime.unwrap().block_on(answer).unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        // Without a reason there is nothing to leave out.
        assert_eq!(log::has_error(line), explains);
    }
}

async fn login(session: Session) -> Result<(), SessionError> {
    session.regenerate_for_login()
}

/// A form from another origin to this path, answered by this router with its layer.
fn forged(router: Router, path: &str) -> StatusCode {
    let sessions = settings(ring(), &Clock::new())
        .allow_cross_origin(|head| head.method() == "POST" && head.path() == "/sso/callback")
        .build()
        .unwrap();
    let request = Request::post(path)
        .header("host", "shop.example")
        .header("origin", "https://id.example")
        .body(Body::empty())
        .unwrap();
    let answer = router.layer(SessionLayer::new(sessions)).oneshot(request);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(answer).unwrap().status()
}

/// A nested router takes its prefix off the path: the rule is about the path that the browser asked for.
#[test]
fn the_origin_is_judged_by_the_whole_path() {
    let nested = || Router::new().nest("/sso", Router::new().route("/callback", any(login)));
    assert_eq!(forged(nested(), "/sso/callback"), StatusCode::OK);
    // Elsewhere, what is left of the path is the one that may.
    let inner = Router::new().route("/sso/callback", any(login));
    let nested = Router::new().nest("/shop", inner);
    assert_eq!(forged(nested, "/shop/sso/callback"), StatusCode::FORBIDDEN);
}

/// Nor does a middleware between the layer and the handler make a GET of a POST.
#[test]
fn the_origin_is_judged_by_the_method_that_was_sent() {
    let rewrite = from_fn(async |mut request: Request<Body>, next: Next| {
        *request.method_mut() = Method::GET;
        next.run(request).await
    });
    let router = Router::new().route("/login", any(login)).layer(rewrite);
    assert_eq!(forged(router, "/login"), StatusCode::FORBIDDEN);
}

/// On the router and on a route, with a middleware between that reads: one session, in one line.
#[test]
fn one_manager_twice_has_one_session() {
    async fn count(session: Session) -> Result<String, SessionError> {
        let n = session.update("n", |n: &mut u32| {
            *n += 1;
            *n
        })?;
        Ok(n.to_string())
    }
    async fn read(
        session: Session,
        request: Request<Body>,
        next: Next,
    ) -> Result<Response<Body>, SessionError> {
        session.get::<u32>("n")?;
        Ok(next.run(request).await)
    }
    let clock = Clock::new();
    let sessions = settings(ring(), &clock).build().unwrap();
    let router = Router::new()
        .route("/", any(count))
        .layer(SessionLayer::new(sessions.clone()))
        .layer(from_fn(read))
        .layer(SessionLayer::new(sessions.clone()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut jar = Jar::default();
    for n in 1..4_u32 {
        // A renewal is due each time.
        clock.pass(600);
        let request = Request::get("/").header("cookie", jar.header());
        let answer = router.clone().oneshot(request.body(Body::empty()).unwrap());
        let response = runtime.block_on(answer).unwrap();
        let set = response.headers().get_all("set-cookie").iter();
        let set: Vec<&str> = set.map(|line| line.to_str().unwrap()).collect();
        assert_eq!(set.len(), 1);
        jar.store(set[0]);
        let session = testing::session_from_cookie(&sessions, &jar.header());
        assert_eq!(session.get("n"), Ok(Some(n)));
    }
}

/// Two managers with one cookie name would overwrite each other's cookies.
#[test]
fn two_managers_of_one_name_are_an_error_in_the_log() {
    log::collect();
    let sessions = || {
        let settings = settings(ring(), &Clock::new()).cookie_name("shared");
        settings.build().unwrap()
    };
    let router = Router::new()
        .route("/", any(async || ()))
        .layer(SessionLayer::new(sessions()))
        .layer(SessionLayer::new(sessions()));
    let request = Request::get("/").body(Body::empty()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(router.oneshot(request)).unwrap();
    assert!(log::has_error(
        "two `SessionManager`s with the cookie name `shared` serve one request"
    ));
}

/// A handler can take the error of the guard, and show it.
#[test]
fn the_guard_says_why_a_request_does_not_pass() {
    async fn told(guard: Result<SameOrigin, SameOriginError>) -> String {
        match guard {
            Ok(guard) => format!("{guard:?}"),
            Err(error) => format!("{}: {error}", error.status()),
        }
    }
    let without = Router::new().route("/", any(told));
    let sessions = settings(ring(), &Clock::new()).build().unwrap();
    let with = without.clone().layer(SessionLayer::new(sessions));
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.unwrap();
    let told = |router: &Router, origin| {
        let request = Request::post("/")
            .header("host", "shop.example")
            .header("origin", origin)
            .body(Body::empty());
        let answer = router.clone().oneshot(request.unwrap());
        let body = runtime.block_on(answer).unwrap().into_body();
        let body = runtime.block_on(axum::body::to_bytes(body, 1 << 10));
        String::from_utf8(body.unwrap().into()).unwrap()
    };
    let (own, other) = ("https://shop.example", "https://evil.example");
    assert_eq!(told(&with, own), "SameOrigin { .. }");
    let refused = SessionError::CrossOrigin;
    assert_eq!(told(&with, other), format!("403: {refused}"));
    let missing = told(&without, own);
    assert!(
        missing.starts_with("500: no layer for `Session`: add `"),
        "{missing}"
    );
}
