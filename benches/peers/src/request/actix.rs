//! Actix Web: hardtack; actix-session with its cookie store, encrypted, which is its default.

use actix_session::storage::CookieSessionStore;
use actix_web::cookie::Key;
use actix_web::{App as Application, web};
use hardtack::actix::SessionMiddleware;

use super::{HARDTACK_TYPED, sessions, typed_sessions};
use crate::app::actix::{app, hardtack, nothing, runtime};
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
    let sessions = typed_sessions();
    let site = move || {
        Application::new()
            .wrap(SessionMiddleware::new(sessions.clone()))
            .route(UNTOUCHED, web::get().to(async || ""))
            .route(READ, web::get().to(read))
            .route(WRITE, web::get().to(write))
    };
    app(HARDTACK_TYPED, true, runtime(), site)
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
    let key = Key::generate();
    let site = move || {
        let layer = SessionMiddleware::new(CookieSessionStore::default(), key.clone());
        Application::new()
            .wrap(layer)
            .route(UNTOUCHED, web::get().to(async || ""))
            .route(READ, web::get().to(read))
            .route(WRITE, web::get().to(write))
    };
    app("actix-session, cookie store", true, runtime(), site)
}
