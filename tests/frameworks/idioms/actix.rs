use crate::{
    app::Account,
    kit::clock::Clock,
    site::{ring, settings},
};
use actix_web::{
    App, Error, HttpResponse, Responder, ResponseError,
    body::MessageBody,
    cookie::Cookie,
    dev::{Service, ServiceRequest, ServiceResponse, Transform},
    error::ErrorForbidden,
    http::{Method, StatusCode, header},
    middleware::{Next, from_fn},
    test::{TestRequest, call_service, init_service, read_body, try_call_service},
    web,
};
use hardtack::{
    actix::SessionMiddleware,
    session::{MissingLayer, SameOriginError, Session, SessionError},
};
use std::{
    future::{Ready, ready},
    task::{Context, Poll, Waker},
};

fn middleware(name: &str) -> SessionMiddleware {
    let settings = settings(ring(), &Clock::new()).cookie_name(name);
    SessionMiddleware::new(settings.build().unwrap())
}

async fn count(session: Session) -> Result<String, SessionError> {
    let n = session.update("n", |n: &mut u32| {
        *n += 1;
        *n
    })?;
    Ok(n.to_string())
}

/// Status, names of the cookies set, body.
async fn get<B: MessageBody>(
    app: &impl Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
    path: &str,
    cookie: Option<Cookie<'_>>,
) -> (StatusCode, Vec<Cookie<'static>>, String) {
    let mut request = TestRequest::get().uri(path);
    if let Some(cookie) = cookie {
        request = request.cookie(cookie);
    }
    let response = call_service(app, request.to_request()).await;
    let cookies = response
        .response()
        .cookies()
        .map(Cookie::into_owned)
        .collect();
    let status = response.status();
    let body = read_body(response).await;
    (status, cookies, String::from_utf8(body.to_vec()).unwrap())
}

#[actix_web::test]
async fn it_wraps_a_scope_and_a_resource() {
    let app = init_service(
        App::new()
            .service(
                web::scope("/scope")
                    .wrap(middleware("scope"))
                    .route("/count", web::get().to(count)),
            )
            .service(
                web::resource("/resource")
                    .wrap(middleware("resource"))
                    .route(web::get().to(count)),
            )
            .route("/outside", web::get().to(count)),
    )
    .await;
    for (path, name) in [("/scope/count", "scope"), ("/resource", "resource")] {
        let (_, mut cookies, body) = get(&app, path, None).await;
        assert_eq!(body, "1");
        assert_eq!(cookies[0].name(), name);
        let (_, _, body) = get(&app, path, cookies.pop()).await;
        assert_eq!(body, "2");
    }
    let (status, cookies, body) = get(&app, "/outside", None).await;
    assert_eq!(
        (status, cookies.len()),
        (StatusCode::INTERNAL_SERVER_ERROR, 0)
    );
    assert_eq!(body, "");
}

/// The nearest one counts, and the one further out is not touched.
#[actix_web::test]
async fn a_scope_may_have_its_own() {
    let app = init_service(
        App::new()
            .wrap(middleware("app"))
            .route("/count", web::get().to(count))
            .service(
                web::scope("/scope")
                    .wrap(middleware("scope"))
                    .route("/count", web::get().to(count)),
            ),
    )
    .await;
    for (path, name) in [("/count", "app"), ("/scope/count", "scope")] {
        let (_, cookies, _) = get(&app, path, None).await;
        let names: Vec<_> = cookies.iter().map(Cookie::name).collect();
        assert_eq!(names, [name]);
    }
}

/// A middleware behind the session. It lets in clients that were here before, and counts the others.
async fn gate(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let session = request.extract::<Session>().await?;
    if session.get::<u32>("n")?.is_none() {
        session.insert("n", 10)?;
        return Err(ErrorForbidden("come again"));
    }
    next.call(request).await
}

#[actix_web::test]
async fn a_middleware_behind_it_has_the_session() {
    let app = init_service(
        App::new()
            .route("/", web::get().to(count))
            .wrap(from_fn(gate))
            .wrap(middleware("session")),
    )
    .await;
    // Its error is not a response yet, and saves all the same.
    let request = TestRequest::get().uri("/").to_request();
    let error = try_call_service(&app, request).await.err().unwrap();
    let response = error.error_response();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(response.headers().get(header::VARY).unwrap(), "Cookie");
    let cookie = response.cookies().next().unwrap().into_owned();
    // Rendered again, it is the same response.
    assert_eq!(
        error.error_response().cookies().next(),
        Some(cookie.clone())
    );
    let (status, _, body) = get(&app, "/", Some(cookie)).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "11"));
}

#[actix_web::test]
async fn a_session_that_an_error_cannot_save_is_an_empty_500() {
    async fn fill(
        mut request: ServiceRequest,
        _: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse, Error> {
        let session = request.extract::<Session>().await?;
        let _ = session.insert("text", "x".repeat(10_000));
        Err(ErrorForbidden("come again"))
    }
    let app = init_service(
        App::new()
            .route("/", web::get().to(count))
            .wrap(from_fn(fill))
            .wrap(middleware("session")),
    )
    .await;
    let request = TestRequest::get().uri("/").to_request();
    let response = try_call_service(&app, request)
        .await
        .err()
        .unwrap()
        .error_response();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.cookies().count(), 0);
}

/// `Option` and `Result` say whether there is a layer: nothing of whether there is a session.
async fn layers(
    session: Option<Session>,
    account: Result<Session<Account>, MissingLayer>,
) -> impl Responder {
    HttpResponse::Ok().body(format!("{} {}", session.is_some(), account.is_ok()))
}

#[actix_web::test]
async fn option_and_result_are_what_actix_makes_of_them() {
    let app = init_service(
        App::new().route("/none", web::get().to(layers)).service(
            web::resource("/session")
                .wrap(middleware("session"))
                .route(web::get().to(layers)),
        ),
    )
    .await;
    assert_eq!(get(&app, "/none", None).await.2, "false false");
    assert_eq!(get(&app, "/session", None).await.2, "true false");
}

/// A middleware that counts errors looks at the status before there is a response.
#[test]
fn the_error_of_the_guard_has_its_status() {
    let refused = SameOriginError::from(SessionError::CrossOrigin);
    assert_eq!(refused.status_code(), StatusCode::FORBIDDEN);
}

/// Takes one request at a time, and is at it.
struct Busy;

impl Service<ServiceRequest> for Busy {
    type Response = ServiceResponse;
    type Error = Error;
    type Future = Ready<Result<ServiceResponse, Error>>;

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Pending
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        ready(Ok(request.into_response(HttpResponse::Ok())))
    }
}

#[actix_web::test]
async fn a_service_that_is_busy_stays_busy_behind_the_middleware() {
    let service = middleware("any").new_transform(Busy).await.unwrap();
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_pending());
}

async fn read(
    session: Session,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    session.get::<u32>("n")?;
    next.call(request).await
}

/// On the application and on a scope, with a middleware between that reads: one session, in one line.
#[actix_web::test]
async fn one_manager_twice_has_one_session() {
    let clock = Clock::new();
    let time = clock.clone();
    let sessions = settings(ring(), &clock).cookie_name("sid");
    let sessions = sessions.clock(move || time.now()).build().unwrap();
    let app = init_service(
        App::new().service(
            web::scope("")
                .wrap(SessionMiddleware::new(sessions.clone()))
                .wrap(from_fn(read))
                .wrap(SessionMiddleware::new(sessions))
                .route("/count", web::get().to(count)),
        ),
    )
    .await;
    let mut cookie = None;
    for n in 1..4 {
        // A renewal is due each time.
        clock.pass(600);
        let (_, mut cookies, body) = get(&app, "/count", cookie).await;
        assert_eq!((body, cookies.len()), (n.to_string(), 1));
        cookie = cookies.pop();
    }
}

async fn login(session: Session) -> Result<&'static str, SessionError> {
    session.regenerate_for_login()?;
    Ok("")
}

/// A form from another origin to this path, behind a middleware that rewrites the request.
async fn forged(path: &str, rewrite: fn(&mut ServiceRequest)) -> StatusCode {
    let sessions = settings(ring(), &Clock::new())
        .allow_cross_origin(|head| head.method() == "POST" && head.path() == "/sso/callback")
        .build()
        .unwrap();
    let app = init_service(
        App::new()
            .default_service(web::to(login))
            .wrap_fn(move |mut request, service| {
                rewrite(&mut request);
                service.call(request)
            })
            .wrap(SessionMiddleware::new(sessions)),
    )
    .await;
    let request = TestRequest::post()
        .uri(path)
        .insert_header(("host", "shop.example"))
        .insert_header(("origin", "https://id.example"));
    call_service(&app, request.to_request()).await.status()
}

/// A middleware takes a prefix off the path: the rule is about the path that the browser asked for.
#[actix_web::test]
async fn the_origin_is_judged_by_the_whole_path() {
    let rewrite: fn(&mut ServiceRequest) = |request| {
        let path = request.path();
        let path = path.strip_prefix("/shop").unwrap_or(path).to_owned();
        request.head_mut().uri = path.parse().unwrap();
    };
    assert_eq!(forged("/sso/callback", rewrite).await, StatusCode::OK);
    // Elsewhere, what is left of the path is the one that may.
    let elsewhere = forged("/shop/sso/callback", rewrite).await;
    assert_eq!(elsewhere, StatusCode::FORBIDDEN);
}

/// Nor does a middleware between the session's and the handler make a GET of a POST.
#[actix_web::test]
async fn the_origin_is_judged_by_the_method_that_was_sent() {
    let rewrite: fn(&mut ServiceRequest) = |request| request.head_mut().method = Method::GET;
    assert_eq!(forged("/login", rewrite).await, StatusCode::FORBIDDEN);
}
