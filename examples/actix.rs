//! Serves the example site on Actix Web: `cargo run --example actix --features actix`.
//!
//! With the sessions on the server: `cargo run --example actix --features actix,stores -- --store sqlite`.

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{COOKIE, ContentType, LOCATION, RETRY_AFTER, USER_AGENT},
    middleware::{Next, from_fn},
    web::{self, Bytes, Data, Form, Redirect},
};
use hardtack::{
    actix::SessionMiddleware,
    session::{FlashLevel, SameOrigin, Session, SessionError},
};
use site::{Answer, Asked, Cart, Item, Site};
use std::{error::Error, net::Ipv4Addr};

/// Takes the session as an argument, and returns its errors with `?`.
async fn visits(session: Session) -> Result<String, SessionError> {
    let visits = session.update("visits", |visits: &mut u32| {
        *visits = visits.saturating_add(1);
        *visits
    })?;
    Ok(format!("visit {visits}\n"))
}

/// Writes to the session. The cookie is sent with the response, which may be a redirect.
async fn add_to_cart(session: Session, item: Form<Item>) -> Result<Redirect, SessionError> {
    session.update("cart", |cart: &mut Cart| {
        let count = cart.entry(item.ware).or_default();
        *count = count.saturating_add(1);
    })?;
    session.flash(FlashLevel::Success, "It is in your cart.")?;
    Ok(Redirect::to("/cart").see_other())
}

/// Serves every other page, which is the same in all three frameworks.
async fn page(
    session: Session,
    site: Data<Site>,
    request: HttpRequest,
    form: Bytes,
) -> Result<HttpResponse, SessionError> {
    let text = |name| {
        let value = request.headers().get(name);
        value.map_or("".into(), |value| String::from_utf8_lossy(value.as_bytes()))
    };
    let asked = Asked {
        method: request.method().as_str(),
        path: request.path(),
        address: request
            .peer_addr()
            .map_or(Ipv4Addr::LOCALHOST.into(), |peer| peer.ip()),
        cookies: &text(COOKIE),
        browser: &text(USER_AGENT),
        form: &form,
    };
    let html = ContentType::html();
    Ok(match site.answer(&session, &asked).await? {
        Answer::Html(page) => HttpResponse::Ok().content_type(html).body(page),
        Answer::Redirect(to) => HttpResponse::SeeOther()
            .insert_header((LOCATION, to))
            .finish(),
        Answer::Forbidden(page) => HttpResponse::Forbidden().content_type(html).body(page),
        Answer::NotFound(page) => HttpResponse::NotFound().content_type(html).body(page),
        Answer::Wait(page, seconds) => HttpResponse::TooManyRequests()
            .insert_header((RETRY_AFTER, seconds))
            .content_type(html)
            .body(page),
    })
}

/// Guards all routes. The operator's forms do not use the session, which would refuse a forged request by
/// itself.
async fn same_origin(
    _: SameOrigin,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    next.call(request).await
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (site, sessions) = site::open("Actix Web").await?;
    let site = Data::from(site);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(site.clone())
            .route("/visits", web::get().to(visits))
            .route("/cart", web::post().to(add_to_cart))
            .default_service(web::to(page))
            .wrap(from_fn(same_origin))
            .wrap(SessionMiddleware::new(sessions.clone()))
    })
    .bind(site::address()?)?;

    server.addrs().into_iter().for_each(site::announce);
    server.run().await?;
    Ok(())
}
