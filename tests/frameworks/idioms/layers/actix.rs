use super::{Watched, overfill, panic_quietly, write_and_drop};
use actix_cors::Cors;
use actix_web::{
    App, Error, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse},
    error::{ErrorRequestTimeout, ErrorTooManyRequests},
    http::{StatusCode, header},
    middleware::{Compress, DefaultHeaders, ErrorHandlerResponse, ErrorHandlers, Next, from_fn},
    rt::time,
    test::{TestRequest, init_service, try_call_service},
    web,
};
use hardtack::{
    actix::SessionMiddleware,
    session::{SameOrigin, Session, SessionError},
};
use std::{future::pending, panic::AssertUnwindSafe, time::Duration};

const LIMIT: Duration = Duration::from_secs(10);

async fn write(session: Session) -> Result<String, SessionError> {
    session.insert("a", 1)?;
    Ok("hardtack keeps ".repeat(200))
}

async fn half(session: Session) -> Result<HttpResponse, SessionError> {
    session.insert("a", 1)?;
    pending().await
}

async fn fill(session: Session) -> HttpResponse {
    overfill(&session);
    HttpResponse::Ok().finish()
}

async fn panics(session: Session) -> HttpResponse {
    session.insert("a", 1).unwrap();
    panic_quietly()
}

async fn panics_later(session: Session) -> HttpResponse {
    write_and_drop(session);
    panic_quietly()
}

struct Answer {
    status: u16,
    headers: header::HeaderMap,
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

fn routes() -> actix_web::Scope {
    web::scope("")
        .route("/write", web::to(write))
        .route("/half", web::to(half))
        .route("/fill", web::to(fill))
        .route("/panics", web::to(panics))
        .route("/panics/later", web::to(panics_later))
}

/// What the application answers, with the headers of a browser.
async fn answer(
    sessions: Watched,
    app: impl Service<
        actix_http::Request,
        Response = ServiceResponse<impl MessageBody + 'static>,
        Error = Error,
    >,
    request: TestRequest,
) -> Answer {
    let request = request
        .insert_header(("accept-encoding", "gzip"))
        .insert_header(("origin", "https://app.example"))
        .to_request();
    let response = match try_call_service(&app, request).await {
        Ok(response) => response.map_into_boxed_body().into_parts().1,
        // As the server does.
        Err(error) => error.error_response(),
    };
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = actix_web::body::to_bytes(response.into_body()).await;
    Answer {
        status,
        headers,
        body: body.unwrap().to_vec(),
        sessions,
    }
}

/// The routes with a middleware inside of the session's, or outside.
macro_rules! get {
    (inside $middleware:expr, $request:expr) => {{
        let sessions = Watched::new();
        let session = SessionMiddleware::new(sessions.sessions.clone());
        let app = App::new().service(routes()).wrap($middleware).wrap(session);
        answer(sessions, init_service(app).await, $request).await
    }};
    (outside $middleware:expr, $request:expr) => {{
        let sessions = Watched::new();
        let session = SessionMiddleware::new(sessions.sessions.clone());
        let app = App::new().service(routes()).wrap(session).wrap($middleware);
        answer(sessions, init_service(app).await, $request).await
    }};
}

fn to(path: &str) -> TestRequest {
    TestRequest::get().uri(path)
}

/// Cancels the handler.
async fn cancel(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match time::timeout(LIMIT, next.call(request)).await {
        Ok(response) => Ok(response?.map_into_boxed_body()),
        Err(_) => Err(ErrorRequestTimeout("too slow")),
    }
}

/// Cancels the handler, and takes back what it wrote.
async fn limit(
    session: Session,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match time::timeout(LIMIT, next.call(request)).await {
        Ok(response) => Ok(response?.map_into_boxed_body()),
        Err(_) => {
            session.discard_changes()?;
            Err(ErrorRequestTimeout("too slow"))
        }
    }
}

#[actix_web::test]
async fn timeout() {
    // The clock goes on by itself when everybody waits.
    tokio::time::pause();
    let outside = get!(outside from_fn(cancel), to("/half"));
    assert_eq!((outside.status, outside.has_cookie()), (408, false));
    assert!(!outside.sessions.has_saved());
    let inside = get!(inside from_fn(cancel), to("/half"));
    assert_eq!((inside.status, inside.has_cookie()), (408, true));
    let inside = get!(inside from_fn(limit), to("/half"));
    assert_eq!((inside.status, inside.has_cookie()), (408, false));
    assert!(!inside.sessions.has_saved());
    let inside = get!(inside from_fn(limit), to("/write"));
    assert_eq!((inside.status, inside.has_cookie()), (200, true));
}

#[actix_web::test]
async fn cors() {
    let allowed = |answer: &Answer| answer.headers.contains_key("access-control-allow-origin");
    assert!(allowed(&get!(outside Cors::permissive(), to("/write"))));
    assert!(allowed(&get!(inside Cors::permissive(), to("/write"))));
    let outside = get!(outside Cors::permissive(), to("/fill"));
    assert_eq!((outside.status, allowed(&outside)), (500, true));
    let inside = get!(inside Cors::permissive(), to("/fill"));
    assert_eq!((inside.status, allowed(&inside)), (500, false));
}

#[actix_web::test]
async fn compression() {
    for answer in [
        get!(outside Compress::default(), to("/write")),
        get!(inside Compress::default(), to("/write")),
    ] {
        assert_eq!(answer.value("content-encoding"), Some("gzip"));
        assert!(answer.has_cookie());
        assert_eq!(answer.value("cache-control"), Some("no-store"));
        let mut vary = answer.headers.get_all("vary");
        assert!(vary.any(|line| line.to_str().unwrap().contains("Cookie")));
    }
}

#[actix_web::test]
async fn error_pages() {
    fn page<B>(response: ServiceResponse<B>) -> actix_web::Result<ErrorHandlerResponse<B>> {
        let (request, response) = response.into_parts();
        let response = response.set_body("our own page".to_owned());
        let response = ServiceResponse::new(request, response.map_into_boxed_body());
        Ok(ErrorHandlerResponse::Response(
            response.map_into_right_body(),
        ))
    }
    // For the body of what they wrap.
    fn handlers<B: 'static>() -> ErrorHandlers<B> {
        ErrorHandlers::new().handler(StatusCode::INTERNAL_SERVER_ERROR, page)
    }
    assert_eq!(get!(outside handlers(), to("/fill")).body, b"our own page");
    assert_eq!(get!(inside handlers(), to("/fill")).body, b"");
}

#[actix_web::test]
async fn header_setters() {
    const OPEN: &str = "public, max-age=60";
    let default = || DefaultHeaders::new().add((header::CACHE_CONTROL, OPEN));
    // It adds only what is not there.
    for answer in [
        get!(inside default(), to("/write")),
        get!(outside default(), to("/write")),
    ] {
        assert_eq!(answer.value("cache-control"), Some("no-store"));
    }
    async fn overwrite(
        request: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        let mut response = next.call(request).await?;
        let headers = response.headers_mut();
        for (name, value) in [
            (header::CACHE_CONTROL, OPEN),
            (header::VARY, "Accept-Language"),
        ] {
            headers.insert(name, header::HeaderValue::from_static(value));
        }
        Ok(response)
    }
    let inside = get!(inside from_fn(overwrite), to("/write"));
    assert_eq!(inside.value("cache-control"), Some("no-store"));
    assert_eq!(inside.value("vary"), Some("Accept-Language, Cookie"));
    let outside = get!(outside from_fn(overwrite), to("/write"));
    assert_eq!(outside.value("cache-control"), Some(OPEN));
    assert_eq!(outside.value("vary"), Some("Accept-Language"));
    assert!(outside.has_cookie());
}

/// Actix Web has no middleware for panics: the server closes the connection, as the tests of all frameworks see.
/// Here the panic comes out of the service.
#[actix_web::test]
async fn panics_of_a_handler() {
    use futures_util::FutureExt;
    for path in ["/panics", "/panics/later"] {
        let sessions = Watched::new();
        let session = SessionMiddleware::new(sessions.sessions.clone());
        let app = init_service(App::new().service(routes()).wrap(session)).await;
        let answer = app.call(to(path).to_request());
        assert!(AssertUnwindSafe(answer).catch_unwind().await.is_err());
        assert!(!sessions.has_saved());
    }
}

#[actix_web::test]
async fn rate_limiter() {
    async fn refuse(
        _: ServiceRequest,
        _: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse, Error> {
        Err(ErrorTooManyRequests("come again"))
    }
    let outside = get!(outside from_fn(refuse), to("/write"));
    assert_eq!((outside.status, outside.value("vary")), (429, None));
    // By login: it needs the session.
    async fn refuse_login(
        session: Session,
        _: ServiceRequest,
        _: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse, Error> {
        session.update("refused", |refused: &mut u8| *refused += 1)?;
        Err(ErrorTooManyRequests("come again"))
    }
    let inside = get!(inside from_fn(refuse_login), to("/write"));
    assert_eq!((inside.status, inside.has_cookie()), (429, true));
    assert_eq!(
        get!(outside from_fn(refuse_login), to("/write")).status,
        500
    );
}

async fn same_origin(
    _: SameOrigin,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    next.call(request).await
}

#[actix_web::test]
async fn origin_guard() {
    let forged = || {
        let request = TestRequest::post().uri("/write");
        request.insert_header(("host", "shop.example"))
    };
    assert_eq!(get!(inside from_fn(same_origin), forged()).status, 403);
    assert_eq!(get!(outside from_fn(same_origin), forged()).status, 500);
    // In the order that the page shows.
    let watched = Watched::new();
    let sessions = watched.sessions.clone();
    let app = App::new()
        .service(routes())
        .wrap(from_fn(same_origin))
        .wrap(SessionMiddleware::new(sessions.clone()))
        .wrap(from_fn(cancel))
        .wrap(Cors::permissive());
    let answer = answer(watched, init_service(app).await, forged()).await;
    let allowed = answer.headers.contains_key("access-control-allow-origin");
    assert_eq!((answer.status, allowed), (403, true));
}
