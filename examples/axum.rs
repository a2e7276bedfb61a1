//! Serves the example site on Axum: `cargo run --example axum --features axum`.
//!
//! With the sessions on the server: `cargo run --example axum --features axum,stores -- --store sqlite`.

use axum::{
    Form, Router,
    body::Bytes,
    extract::{ConnectInfo, State},
    http::{
        HeaderMap, Method, StatusCode, Uri,
        header::{COOKIE, RETRY_AFTER, USER_AGENT},
    },
    middleware::from_extractor,
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use hardtack::{
    axum::SessionLayer,
    session::{FlashLevel, SameOrigin, Session, SessionError},
};
use site::{Answer, Asked, Cart, Item, Site};
use std::{error::Error, net::SocketAddr, sync::Arc};
use tokio::net::TcpListener;

/// Takes the session as an argument, and returns its errors with `?`.
async fn visits(session: Session) -> Result<String, SessionError> {
    let visits = session.update("visits", |visits: &mut u32| {
        *visits = visits.saturating_add(1);
        *visits
    })?;
    Ok(format!("visit {visits}\n"))
}

/// Writes to the session. The cookie is sent with the response, which may be a redirect.
async fn add_to_cart(session: Session, Form(item): Form<Item>) -> Result<Redirect, SessionError> {
    session.update("cart", |cart: &mut Cart| {
        let count = cart.entry(item.ware).or_default();
        *count = count.saturating_add(1);
    })?;
    session.flash(FlashLevel::Success, "It is in your cart.")?;
    Ok(Redirect::to("/cart"))
}

/// Serves every other page, which is the same in all three frameworks.
async fn page(
    session: Session,
    State(site): State<Arc<Site>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    form: Bytes,
) -> Result<Response, SessionError> {
    let text = |name| {
        headers
            .get(name)
            .map_or("".into(), |value| String::from_utf8_lossy(value.as_bytes()))
    };
    let asked = Asked {
        method: method.as_str(),
        path: uri.path(),
        address: peer.ip(),
        cookies: &text(COOKIE),
        browser: &text(USER_AGENT),
        form: &form,
    };
    Ok(match site.answer(&session, &asked).await? {
        Answer::Html(html) => Html(html).into_response(),
        Answer::Redirect(to) => Redirect::to(to).into_response(),
        Answer::Forbidden(html) => (StatusCode::FORBIDDEN, Html(html)).into_response(),
        Answer::NotFound(html) => (StatusCode::NOT_FOUND, Html(html)).into_response(),
        Answer::Wait(html, seconds) => {
            let wait = [(RETRY_AFTER, seconds.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, wait, Html(html)).into_response()
        }
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (site, sessions) = site::open("Axum").await?;
    let app = Router::new()
        .route("/visits", get(visits))
        .route("/cart", post(add_to_cart).get(page))
        .fallback(page)
        .with_state(site)
        // The operator's forms do not use the session, which would refuse a forged request by itself.
        .layer(from_extractor::<SameOrigin>())
        .layer(SessionLayer::new(sessions));

    let listener = TcpListener::bind(site::address()?).await?;
    site::announce(listener.local_addr()?);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).await?;
    Ok(())
}
