//! What pages of other origins can do to a visitor, in Chromium: those of another site, of a sibling domain, and
//! of another port. The browser sends Lax cookies with the forms of the latter two.

mod app;

use axum::{
    Router,
    extract::RawQuery,
    http::HeaderValue,
    middleware::map_response,
    response::{Html, Response},
    routing::{get, post},
};
use e2e::{Browser, KEYS, Server};
use hardtack::{
    Key, Keyring,
    axum::SessionLayer,
    session::{Session, SessionError, SessionManager},
};
use std::future::ready;

/// The fields of all forms of the example site that change something. An hour would end every session.
const FIELDS: [(&str, &str); 5] = [
    ("ware", "Rope"),
    ("name", "ada"),
    ("password", "analytical engine"),
    ("theme", "dark"),
    ("minutes", "60"),
];

/// A page with a form that posts to the address in the query.
async fn form(RawQuery(target): RawQuery) -> Html<String> {
    let target = target.unwrap_or_default();
    let fields = FIELDS.map(|(name, value)| format!("<input name={name} value='{value}'>"));
    let fields = fields.concat();
    Html(format!(
        "<form method=post action='{target}'>{fields}<button>Win</button></form>"
    ))
}

/// Serves the pages of other origins, which one server has under all names.
fn serve_pages() -> u16 {
    app::serve(Router::new().route("/form", get(form)))
}

fn forged(example: &str) {
    let server = Server::start(example, KEYS);
    let pages = serve_pages();
    let (_, port) = server.origin.rsplit_once(':').unwrap();
    let site = format!("http://shop.site.localhost:{port}");
    let browser = Browser::start();
    let user = || {
        browser.open(&format!("{site}/"));
        browser.texts("#user")
    };
    let log_in = || {
        browser.open(&format!("{site}/login"));
        browser.fill("#name", "ada");
        browser.fill("#password", "analytical engine");
        browser.follow("main form button");
    };
    log_in();
    assert_eq!(user(), ["ada"]);
    for host in [
        "evil.localhost",      // another site
        "blog.site.localhost", // a sibling: the cookie comes along
        "shop.site.localhost", // another port: the same
    ] {
        for path in [
            "/logout",
            "/forget",
            "/cart",
            "/preferences",
            "/login",
            "/operator/clock",
        ] {
            browser.open(&format!("http://{host}:{pages}/form?{site}{path}"));
            browser.follow("button");
            // Chromium has a page of its own for an empty answer.
            assert!(browser.text("body").contains("403"), "{host} {path}");
        }
        // A script, which sees nothing of the answer.
        browser.open(&format!("http://{host}:{pages}/form"));
        let post = format!(
            "return fetch('{site}/logout', {{ method: 'POST', mode: 'no-cors', credentials: 'include' }}) \
             .then(() => 'sent')"
        );
        assert_eq!(browser.script(&post), "sent", "{host}");
        assert_eq!(user(), ["ada"], "{host}");
        assert_eq!(browser.text("#items"), "0 items");
    }
    // A visitor who is not logged in is not logged in by somebody else.
    browser.open(&format!("{site}/"));
    browser.follow("[action='/logout'] button");
    browser.open(&format!(
        "http://blog.site.localhost:{pages}/form?{site}/login"
    ));
    browser.follow("button");
    assert!(user().is_empty());
    log_in();
    assert_eq!(user(), ["ada"]);
}

#[test]
fn axum() {
    forged("axum");
}

#[test]
fn actix() {
    forged("actix");
}

#[test]
fn rocket() {
    forged("rocket");
}

async fn log_in(session: Session, name: String) -> Result<(), SessionError> {
    session.regenerate_for_login()?;
    session.insert("user", name)
}

async fn log_out(session: Session) -> Result<(), SessionError> {
    session.destroy()
}

async fn user(session: Session) -> Result<String, SessionError> {
    Ok(session.get("user")?.unwrap_or_default())
}

/// An interface for the pages of this origin.
fn serve_api(trusted: &str) -> u16 {
    let sessions = SessionManager::builder(Keyring::new(Key::generate().unwrap()))
        .trust_origin(trusted)
        .build()
        .unwrap();
    let headers = [
        ("access-control-allow-origin", trusted),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-headers", "content-type"),
        ("vary", "origin"),
    ];
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_str(value).unwrap()));
    let cors = map_response(move |mut response: Response| {
        for (name, value) in headers.clone() {
            response.headers_mut().append(name, value);
        }
        ready(response)
    });
    let preflight = async || ();
    app::serve(
        Router::new()
            .route("/login", post(log_in).options(preflight))
            .route("/logout", post(log_out).options(preflight))
            .route("/user", get(user))
            .layer(SessionLayer::new(sessions))
            .layer(cors),
    )
}

/// An application whose pages are on one origin and its interface on another.
#[test]
fn a_trusted_origin_works_and_its_siblings_do_not() {
    let pages = serve_pages();
    let trusted = format!("http://app.site.localhost:{pages}");
    let api = format!("http://api.site.localhost:{}", serve_api(&trusted));
    let browser = Browser::start();
    let ask = |path: &str, options: &str| {
        browser.script(&format!(
            "return fetch('{api}{path}', {{ credentials: 'include', {options} }}) \
             .then(async (answer) => `${{answer.status}} ${{await answer.text()}}`) \
             .catch((error) => error.name)"
        ))
    };
    // With this type, the browser asks before: a preflight.
    let log_in = "method: 'POST', headers: { 'content-type': 'application/json' }, body: 'ada'";
    browser.open(&format!("{trusted}/form"));
    assert_eq!(ask("/user", ""), "200 ");
    assert_eq!(ask("/login", log_in), "200 ");
    assert_eq!(ask("/user", ""), "200 ada");
    for host in [
        "evil.localhost",
        "blog.site.localhost",
        "api.site.localhost",
    ] {
        browser.open(&format!("http://{host}:{pages}/form"));
        assert_eq!(ask("/user", ""), "TypeError", "{host}");
        assert_eq!(ask("/login", log_in), "TypeError", "{host}");
        ask("/logout", "method: 'POST', mode: 'no-cors'");
        browser.open(&format!("http://{host}:{pages}/form?{api}/logout"));
        browser.follow("button");
        assert!(browser.text("body").contains("403"), "{host}");
    }
    browser.open(&format!("{trusted}/form"));
    assert_eq!(ask("/user", ""), "200 ada");
    assert_eq!(ask("/logout", "method: 'POST'"), "200 ");
    assert_eq!(ask("/user", ""), "200 ");
}
