//! Actix Web: hardtack; actix-session with its cookie store, encrypted, which is its default.

use actix_session::storage::CookieSessionStore;
use actix_web::cookie::Key;
use actix_web::rt::Runtime;
use actix_web::test::init_service;
use actix_web::{App as Application, web};
use hardtack::actix::SessionMiddleware;

use super::{HARDTACK_TYPED, sessions, typed_sessions};
use crate::app::actix::{app, hardtack, nothing};
use crate::app::{App, READ, UNTOUCHED, User, WRITE};

pub fn apps() -> Vec<App> {
    vec![
        nothing(),
        hardtack(sessions()),
        hardtack_typed(),
        actix_session(),
    ]
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
