//! Actix Web: hardtack; actix-session with its cookie store, encrypted, which is its default.

use actix_session::storage::CookieSessionStore;
use actix_web::body::{MessageBody, to_bytes};
use actix_web::cookie::Key;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header;
use actix_web::rt::Runtime;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App as Application, web};
use hardtack::actix::SessionMiddleware;

use super::{
    Act, Answer, App, HARDTACK, HARDTACK_TYPED, NAME, NOTHING, READ, UNTOUCHED, User, WRITE,
    sessions, typed_sessions,
};

pub fn apps() -> Vec<App> {
    vec![nothing(), hardtack(), hardtack_typed(), actix_session()]
}

/// Turns an application with the three routes, once `init_service` made it, into something to send to.
pub(super) fn app<S, B>(name: &'static str, encrypts: bool, runtime: Runtime, service: S) -> App
where
    S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>
        + 'static,
    B: MessageBody + 'static,
{
    let send = move |act: Act, cookie: &str, n: u32| {
        runtime.block_on(async {
            let mut answer = None;
            for _ in 0..n {
                let request = TestRequest::get()
                    .uri(act.path())
                    .insert_header((header::COOKIE, cookie))
                    .to_request();
                answer = Some(
                    service
                        .call(request)
                        .await
                        .expect("the application does not fail"),
                );
            }
            let answer = answer.expect("at least one request");
            assert!(answer.status().is_success(), "{name}: {}", answer.status());
            let set_cookie = answer
                .headers()
                .get(header::SET_COOKIE)
                .map(|value| value.to_str().expect("a cookie is ASCII"));
            let cookie = set_cookie
                .unwrap_or_default()
                .split(';')
                .next()
                .unwrap_or_default()
                .to_owned();
            let body = to_bytes(answer.into_body())
                .await
                .unwrap_or_else(|_| panic!("the body is there"));
            Answer {
                cookie,
                body: String::from_utf8(body.into()).expect("the body is text"),
            }
        })
    };
    App {
        name,
        encrypts,
        send: Box::new(send),
    }
}

fn nothing() -> App {
    let runtime = Runtime::new().expect("a runtime starts");
    let service = runtime.block_on(init_service(
        Application::new()
            .wrap_fn(|request, service| service.call(request))
            .route(UNTOUCHED, web::get().to(async || ""))
            .route(READ, web::get().to(async || NAME.to_owned()))
            .route(WRITE, web::get().to(async || "")),
    ));
    app(NOTHING, false, runtime, service)
}

/// Values are CBOR in an encrypted cookie.
fn hardtack() -> App {
    use hardtack::session::{Session, SessionError};

    async fn read(session: Session) -> Result<String, SessionError> {
        Ok(session.get::<User>("user")?.unwrap_or_default().name)
    }
    async fn write(session: Session) -> Result<&'static str, SessionError> {
        session.insert("user", &User::next())?;
        Ok("")
    }
    let runtime = Runtime::new().expect("a runtime starts");
    let service = runtime.block_on(init_service(
        Application::new()
            .wrap(SessionMiddleware::new(sessions()))
            .route(UNTOUCHED, web::get().to(async || ""))
            .route(READ, web::get().to(read))
            .route(WRITE, web::get().to(write)),
    ));
    app(HARDTACK, true, runtime, service)
}

/// One typed value, postcard in an encrypted cookie.
fn hardtack_typed() -> App {
    use hardtack::session::{Session, SessionError};

    async fn read(session: Session<User>) -> Result<String, SessionError> {
        session.with(|user| user.name.clone())
    }
    async fn write(session: Session<User>) -> Result<&'static str, SessionError> {
        session.replace(User::next())?;
        Ok("")
    }
    let runtime = Runtime::new().expect("a runtime starts");
    let service = runtime.block_on(init_service(
        Application::new()
            .wrap(SessionMiddleware::new(typed_sessions()))
            .route(UNTOUCHED, web::get().to(async || ""))
            .route(READ, web::get().to(read))
            .route(WRITE, web::get().to(write)),
    ));
    app(HARDTACK_TYPED, true, runtime, service)
}

/// Values are JSON texts in a JSON map in an encrypted cookie.
fn actix_session() -> App {
    use actix_session::{Session, SessionMiddleware};

    async fn read(session: Session) -> String {
        session
            .get::<User>("user")
            .expect("the value is a user")
            .unwrap_or_default()
            .name
    }
    async fn write(session: Session) -> &'static str {
        session
            .insert("user", User::next())
            .expect("a user is JSON");
        ""
    }
    let runtime = Runtime::new().expect("a runtime starts");
    let service = runtime.block_on(init_service(
        Application::new()
            .wrap(SessionMiddleware::new(
                CookieSessionStore::default(),
                Key::generate(),
            ))
            .route(UNTOUCHED, web::get().to(async || ""))
            .route(READ, web::get().to(read))
            .route(WRITE, web::get().to(write)),
    ));
    app("actix-session, cookie store", true, runtime, service)
}
