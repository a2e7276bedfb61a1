//! What an adapter for a framework of one's own has to get right beside the suite.
//!
//! These idioms of the other frameworks are left out:
//!
//! | idioms | reason |
//! |---|---|
//! | a service that is busy stays busy | a hyper service has no readiness |
//! | `Option` and `Result`; a guard that fails with what to add | no extractor; a call returns a `Result` |
//! | it wraps a scope and a resource | no router; the adapter wraps one service |
//! | an error that is rendered, twice or not saved; catchers | hyper makes no response of an error |
//! | launching without the fairing, or with two | hyper launches nothing |
//! | the local client and its clones; the jar and flashes of the framework | hyper has none |
//! | a forwarded request; a response fairing that writes | no router, and no fairings |

use crate::{
    kit::clock::Clock,
    server::hyper::adapter::{self, WithSession},
    site::{ring, settings},
};
use futures_util::FutureExt;
use hardtack::session::{Event, Session, SessionManager};
use hyper::{
    HeaderMap, Request, Response,
    header::{HeaderValue, SET_COOKIE, VARY},
    service::{Service, service_fn},
};
use std::{
    fmt,
    sync::{Arc, Mutex},
};

/// Sessions under this cookie name, and what happens to them.
fn sessions(name: &str) -> (SessionManager, Arc<Mutex<Vec<Event>>>) {
    let events: Arc<Mutex<Vec<Event>>> = Arc::default();
    let collect = events.clone();
    let sessions = settings(ring(), &Clock::new())
        .cookie_name(name)
        .on_event(move |event| collect.lock().unwrap().push(event.clone()))
        .build()
        .unwrap();
    (sessions, events)
}

/// Writes to the session, and answers so.
async fn write(request: Request<String>, answer: HeaderMap) -> Response<String> {
    let session: Session = match adapter::session(&request) {
        Ok(session) => session.await,
        Err(missing) => return missing,
    };
    session.insert("a", 1).unwrap();
    let mut response = Response::default();
    *response.headers_mut() = answer;
    response
}

fn answer<S: Service<Request<String>>>(service: &S) -> Result<S::Response, S::Error> {
    let answer = service.call(Request::default());
    answer.now_or_never().expect("a handler that never waits")
}

/// Counts the lines of code.
#[test]
fn the_adapter_is_short() {
    let lines = include_str!("../server/hyper_adapter.rs").lines();
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
    let lines = lines.filter(is_code).count();
    assert!(lines <= 120, "{lines} lines");
}

#[test]
fn the_nearest_one_counts() {
    let handler =
        service_fn(async |request| Ok::<_, fmt::Error>(write(request, HeaderMap::new()).await));
    let inner = WithSession::new(sessions("inner").0, handler);
    let response = answer(&WithSession::new(sessions("outer").0, inner)).unwrap();
    let cookies: Vec<_> = response.headers().get_all(SET_COOKIE).into_iter().collect();
    assert_eq!(cookies.len(), 1);
    assert!(cookies[0].as_bytes().starts_with(b"inner="));
}

/// hyper closes the connection: no browser gets a cookie, so no event tells of a saved session.
#[test]
fn an_error_saves_nothing() {
    for fails in [false, true] {
        let handler = service_fn(move |request| async move {
            let response = write(request, HeaderMap::new()).await;
            if fails { Err(fmt::Error) } else { Ok(response) }
        });
        let (sessions, events) = sessions("session");
        let answer = answer(&WithSession::new(sessions, handler));
        assert_eq!(answer.is_err(), fails);
        let events = events.lock().unwrap();
        let saved = |event: &Event| matches!(event, Event::Saved { .. });
        assert_eq!(events.iter().any(saved), !fails);
    }
}

/// A member that cannot be the name of a field would make the whole line invalid.
#[test]
fn a_vary_that_is_not_utf8() {
    let handler = service_fn(async |request| {
        let vary = HeaderValue::from_bytes(b"\xff").unwrap();
        Ok::<_, fmt::Error>(write(request, HeaderMap::from_iter([(VARY, vary)])).await)
    });
    let response = answer(&WithSession::new(sessions("session").0, handler)).unwrap();
    assert_eq!(response.headers()[VARY], "Cookie");
    assert!(response.headers().contains_key(SET_COOKIE));
}
