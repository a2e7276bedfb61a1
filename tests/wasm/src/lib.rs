//! Counts visits on Axum, with the clock and the randomness of the caller.
#![allow(
    unsafe_code,
    reason = "a function that another language calls has a fixed name, and so has the generator"
)]

use axum::{
    Router,
    body::{Body, HttpBody as _},
    http::Request,
    routing::get,
};
use hardtack::{
    Keyring, Timestamp,
    axum::SessionLayer,
    session::{Session, SessionError, SessionManager},
};
use std::{
    error::Error,
    pin::pin,
    sync::atomic::{AtomicU32, Ordering},
    task::{Context, Poll, Waker},
};
use tower_service::Service as _;

/// A key that is nobody's: `hardtack key`.
const KEY: &str = "mJ3cQ0xV5hY8rN2tLkA7uZ1eWpSdGfB4iHqXoCvT9Rs=";

static NOW: AtomicU32 = AtomicU32::new(0);

async fn visits(session: Session) -> Result<String, SessionError> {
    session.update("visits", |visits: &mut u32| {
        *visits += 1;
        visits.to_string()
    })
}

/// Nothing here waits for anything.
fn ready<F: Future>(future: F) -> Result<F::Output, &'static str> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Ok(value),
        Poll::Pending => Err("the site waits"),
    }
}

/// The body of the response, and the cookie that it sets.
fn ask(site: &mut Router, cookie: &str) -> Result<(String, String), Box<dyn Error>> {
    let request = Request::get("/")
        .header("cookie", cookie)
        .body(Body::empty())?;
    let response = ready(site.call(request))??;
    let set = response.headers().get("set-cookie").ok_or("no cookie")?;
    let cookie = set
        .to_str()?
        .split(';')
        .next()
        .unwrap_or_default()
        .to_owned();
    let mut body = pin!(response.into_body());
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(Some(frame)) = body.as_mut().poll_frame(&mut context) else {
        return Err("no body".into());
    };
    let data = frame?.into_data().map_err(|_| "no data")?;
    Ok((String::from_utf8(data.to_vec())?, cookie))
}

fn count(first: u32, second: u32) -> Result<u32, Box<dyn Error>> {
    let sessions = SessionManager::builder(KEY.parse::<Keyring>()?)
        .clock(|| Timestamp::from_unix(NOW.load(Ordering::Relaxed)))
        .build()?;
    let mut site = Router::new()
        .route("/", get(visits))
        .layer(SessionLayer::new(sessions));
    NOW.store(first, Ordering::Relaxed);
    let (_, cookie) = ask(&mut site, "")?;
    NOW.store(second, Ordering::Relaxed);
    let (body, again) = ask(&mut site, &cookie)?;
    if again == cookie {
        return Err("the generator repeats".into());
    }
    Ok(body.parse()?)
}

/// Visits the site at two times, in Unix seconds. Returns how many visits the second one counts, or 0 if it fails.
#[unsafe(no_mangle)]
pub extern "C" fn visits_at(first: u32, second: u32) -> u32 {
    count(first, second).unwrap_or(0)
}

#[cfg(getrandom_backend = "custom")]
mod generator {
    #[link(wasm_import_module = "host")]
    unsafe extern "C" {
        fn fill(to: *mut u8, len: usize);
    }

    /// Has the name that getrandom 0.4 asks for.
    #[unsafe(no_mangle)]
    unsafe extern "Rust" fn __getrandom_v03_custom(
        to: *mut u8,
        len: usize,
    ) -> Result<(), getrandom::Error> {
        // SAFETY: the caller owns these bytes, and the host writes no others.
        unsafe { fill(to, len) };
        Ok(())
    }
}
