use super::{Answer, App, NAME, READ, UNTOUCHED, User, WRITE, pair, sessions, user};
use actix_web::{
    Error,
    body::{MessageBody, to_bytes},
    dev::{Service, ServiceResponse},
    http::header,
    rt::Runtime,
    test::{TestRequest, init_service},
    web,
};
use hardtack::{
    actix::SessionMiddleware,
    session::{Session, SessionError},
};

pub fn without() -> App {
    let runtime = Runtime::new().expect("a runtime starts");
    let service = runtime.block_on(init_service(
        actix_web::App::new()
            .route(UNTOUCHED, web::get().to(async || ""))
            .route(READ, web::get().to(async || NAME.to_owned()))
            .route(WRITE, web::get().to(async || "")),
    ));
    app(runtime, service)
}

pub fn with() -> App {
    async fn read(session: Session) -> Result<String, SessionError> {
        Ok(session.get::<User>("user")?.unwrap_or_default().name)
    }
    async fn write(session: Session) -> Result<&'static str, SessionError> {
        session.insert("user", &user())?;
        Ok("")
    }
    let runtime = Runtime::new().expect("a runtime starts");
    let service = runtime.block_on(init_service(
        actix_web::App::new()
            .wrap(SessionMiddleware::new(sessions()))
            .route(UNTOUCHED, web::get().to(async || ""))
            .route(READ, web::get().to(read))
            .route(WRITE, web::get().to(write)),
    ));
    app(runtime, service)
}

fn app<S, B>(runtime: Runtime, service: S) -> App
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    Box::new(move |path, cookie, requests| {
        runtime.block_on(async {
            let mut answer = None;
            for _ in 0..requests {
                let request = TestRequest::get().uri(path);
                let request = request.insert_header((header::COOKIE, cookie));
                let called = service.call(request.to_request()).await;
                answer = Some(called.expect("the application does not fail"));
            }
            let answer = answer.expect("at least one request");
            assert!(answer.status().is_success(), "{}", answer.status());
            let set_cookie = answer.headers().get(header::SET_COOKIE);
            let cookie = pair(set_cookie.map(|value| value.to_str().expect("ASCII")));
            let body = to_bytes(answer.into_body()).await;
            let body = body.unwrap_or_else(|_| panic!("the body is there"));
            Answer {
                cookie,
                body: String::from_utf8(body.into()).expect("the body is text"),
            }
        })
    })
}
