//! Serves the example site on Rocket: `cargo run --example rocket --features rocket`.
//!
//! With the sessions on the server: `cargo run --example rocket --features rocket,stores -- --store sqlite`.

use hardtack::{
    rocket::SessionFairing,
    session::{FlashLevel, SameOrigin, Session, SessionError},
};
use rocket::{
    Config, Request, Responder, State,
    config::LogLevel,
    fairing::AdHoc,
    form::Form,
    get,
    http::Header,
    post,
    request::{FromRequest, Outcome},
    response::{Redirect, content::RawHtml},
    routes,
};
use site::{Answer, Asked, Cart, Item, Site};
use std::{convert::Infallible, error::Error, net::Ipv4Addr, sync::Arc};

/// Takes the session as a request guard, and returns its errors with `?`.
#[get("/visits")]
fn visits(session: Session) -> Result<String, SessionError> {
    let visits = session.update("visits", |visits: &mut u32| {
        *visits = visits.saturating_add(1);
        *visits
    })?;
    Ok(format!("visit {visits}\n"))
}

/// Writes to the session. The cookie is sent with the response, which may be a redirect.
#[post("/cart", data = "<item>")]
fn add_to_cart(session: Session, item: Form<Item>) -> Result<Redirect, SessionError> {
    session.update("cart", |cart: &mut Cart| {
        let count = cart.entry(item.ware).or_default();
        *count = count.saturating_add(1);
    })?;
    session.flash(FlashLevel::Success, "It is in your cart.")?;
    Ok(Redirect::to("/cart"))
}

#[derive(Responder)]
enum Page {
    Html(RawHtml<String>),
    Redirect(Box<Redirect>),
    #[response(status = 403)]
    Forbidden(RawHtml<String>),
    #[response(status = 404)]
    NotFound(RawHtml<String>),
    #[response(status = 429)]
    Wait(RawHtml<String>, Header<'static>),
}

/// Serves every other page, which is the same in all three frameworks.
#[get("/<_..>", rank = 20)]
async fn page(
    session: Session,
    site: &State<Arc<Site>>,
    request: Head<'_>,
) -> Result<Page, SessionError> {
    Ok(match site.answer(&session, &request.0).await? {
        Answer::Html(page) => Page::Html(RawHtml(page)),
        Answer::Redirect(to) => Page::Redirect(Box::new(Redirect::to(to))),
        Answer::Forbidden(page) => Page::Forbidden(RawHtml(page)),
        Answer::NotFound(page) => Page::NotFound(RawHtml(page)),
        Answer::Wait(page, seconds) => {
            let wait = Header::new("Retry-After", seconds.to_string());
            Page::Wait(RawHtml(page), wait)
        }
    })
}

/// Has a guard, because the operator's forms do not use the session, which would refuse a forged request by itself.
#[post("/<_..>", data = "<form>", rank = 20)]
async fn submit(
    _origin: SameOrigin,
    session: Session,
    site: &State<Arc<Site>>,
    request: Head<'_>,
    form: Vec<u8>,
) -> Result<Page, SessionError> {
    let asked = Asked {
        form: &form,
        ..request.0
    };
    page(session, site, Head(asked)).await
}

/// Holds a request without its body.
struct Head<'r>(Asked<'r>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Head<'r> {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Head<'r>, Infallible> {
        Outcome::Success(Head(Asked {
            method: request.method().as_str(),
            path: request.uri().path().as_str(),
            address: request
                .remote()
                .map_or(Ipv4Addr::LOCALHOST.into(), |peer| peer.ip()),
            cookies: request.headers().get_one("Cookie").unwrap_or_default(),
            browser: request.headers().get_one("User-Agent").unwrap_or_default(),
            form: &[],
        }))
    }
}

#[rocket::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (site, sessions) = site::open("Rocket").await?;
    let address = site::address()?;
    let config = Config {
        address: address.ip(),
        port: address.port(),
        log_level: LogLevel::Critical,
        ..Config::default()
    };
    rocket::custom(config)
        .manage(site)
        .mount("/", routes![visits, add_to_cart, page, submit])
        .attach(SessionFairing::new(sessions))
        .attach(AdHoc::on_liftoff("announce", |rocket| {
            let at = (rocket.config().address, rocket.config().port);
            Box::pin(async move { site::announce(at.into()) })
        }))
        .launch()
        .await?;
    Ok(())
}
