use super::{Watched, overfill, panic_quietly, write_and_drop};
use hardtack::{
    rocket::SessionFairing,
    session::{SameOrigin, Session, SessionError},
};
use rocket::{
    Build, Config, Request, Rocket, async_trait, catch, catchers,
    config::LogLevel,
    fairing::AdHoc,
    get,
    http::{Header, Status},
    local::blocking::{Client, LocalResponse},
    post,
    request::{FromRequest, Outcome},
    routes,
    tokio::time,
};
use rocket_async_compression::Compression;
use rocket_cors::CorsOptions;
use std::{future::pending, time::Duration};

/// The work is polled once before the time is up.
const LIMIT: Duration = Duration::ZERO;

#[get("/write")]
fn write(session: Session) -> Result<String, SessionError> {
    session.insert("a", 1)?;
    Ok("hardtack keeps ".repeat(200))
}

/// Its own timeout, which takes back what was written.
#[get("/half")]
async fn half(session: Session) -> Result<Status, SessionError> {
    let work = async {
        session.insert("a", 1)?;
        pending::<Result<Status, SessionError>>().await
    };
    match time::timeout(LIMIT, work).await {
        Ok(done) => done,
        Err(_) => {
            session.discard_changes()?;
            Ok(Status::RequestTimeout)
        }
    }
}

#[get("/fill")]
fn fill(session: Session) {
    overfill(&session);
}

#[get("/panics")]
fn panics(session: Session) {
    session.insert("a", 1).unwrap();
    panic_quietly()
}

#[get("/panics/later")]
fn panics_later(session: Session) {
    write_and_drop(session);
    panic_quietly()
}

#[post("/guarded")]
fn guarded(_origin: SameOrigin) {}

#[get("/session")]
fn session_error(session: Session) -> Result<(), SessionError> {
    session.insert("a", 1)?;
    session.get::<String>("a").map(drop)
}

/// Refuses everybody, without the session.
struct Limiter;

#[async_trait]
impl<'r> FromRequest<'r> for Limiter {
    type Error = ();

    async fn from_request(_: &'r Request<'_>) -> Outcome<Limiter, ()> {
        Outcome::Error((Status::TooManyRequests, ()))
    }
}

#[get("/limited")]
fn limited(_limiter: Limiter, _session: Session) {}

/// Refuses everybody, and counts that in the session.
struct LoginLimiter;

#[async_trait]
impl<'r> FromRequest<'r> for LoginLimiter {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<LoginLimiter, ()> {
        let session = request.guard::<Session>().await.succeeded().unwrap();
        let count = |refused: &mut u8| *refused += 1;
        session.update("refused", count).unwrap();
        Outcome::Error((Status::TooManyRequests, ()))
    }
}

#[get("/limited_by_login")]
fn limited_by_login(_limiter: LoginLimiter) {}

type Attach = fn(Rocket<Build>) -> Rocket<Build>;

const NOTHING: Attach = |rocket| rocket;

/// The routes, with these fairings attached before the session's and after it.
struct Site {
    client: Client,
    sessions: Watched,
}

fn config() -> Config {
    Config {
        log_level: LogLevel::Off,
        ..Config::release_default()
    }
}

impl Site {
    fn new(before: Attach, after: Attach) -> Site {
        let watched = Watched::new();
        let sessions = watched.sessions.clone();
        let routes = routes![
            write,
            half,
            fill,
            panics,
            panics_later,
            guarded,
            session_error,
            limited,
            limited_by_login
        ];
        let rocket = before(rocket::custom(config()).mount("/", routes));
        let rocket = after(rocket.attach(SessionFairing::new(sessions)));
        Site {
            client: Client::untracked(rocket).unwrap(),
            sessions: watched,
        }
    }

    fn get(&self, path: &'static str) -> LocalResponse<'_> {
        get(&self.client, path)
    }
}

fn get<'c>(client: &'c Client, path: &'static str) -> LocalResponse<'c> {
    let request = client.get(path);
    let request = request.header(Header::new("accept-encoding", "gzip"));
    let origin = Header::new("origin", "https://app.example");
    request.header(origin).dispatch()
}

fn value<'r>(response: &'r LocalResponse<'_>, name: &str) -> Option<&'r str> {
    response.headers().get_one(name)
}

fn has_cookie(response: &LocalResponse<'_>) -> bool {
    value(response, "set-cookie").is_some()
}

#[test]
fn timeout() {
    let site = Site::new(NOTHING, NOTHING);
    let answer = site.get("/half");
    assert_eq!(answer.status(), Status::RequestTimeout);
    assert!(!has_cookie(&answer));
    assert!(!site.sessions.has_saved());
}

#[test]
fn cors() {
    const CORS: Attach = |rocket| rocket.attach(CorsOptions::default().to_cors().unwrap());
    for (before, after, readable) in [(NOTHING, CORS, true), (CORS, NOTHING, false)] {
        let site = Site::new(before, after);
        let allowed =
            |answer: &LocalResponse<'_>| value(answer, "access-control-allow-origin").is_some();
        assert!(allowed(&site.get("/write")));
        let answer = site.get("/fill");
        assert_eq!(answer.status(), Status::InternalServerError);
        assert_eq!(allowed(&answer), readable);
    }
}

#[test]
fn compression() {
    const COMPRESSION: Attach = |rocket| rocket.attach(Compression::fairing());
    for (before, after) in [(NOTHING, COMPRESSION), (COMPRESSION, NOTHING)] {
        let site = Site::new(before, after);
        let answer = site.get("/write");
        assert_eq!(value(&answer, "content-encoding"), Some("gzip"));
        assert!(has_cookie(&answer));
        assert_eq!(value(&answer, "cache-control"), Some("no-store"));
        let mut vary = answer.headers().get("vary");
        assert!(vary.any(|line| line.contains("Cookie")));
    }
    // In the order that the page shows.
    let sessions = Watched::new().sessions;
    let rocket = rocket::custom(config())
        .mount("/", routes![write])
        .attach(SessionFairing::new(sessions))
        .attach(Compression::fairing())
        .attach(CorsOptions::default().to_cors().unwrap());
    let client = Client::untracked(rocket).unwrap();
    let answer = get(&client, "/write");
    assert!(has_cookie(&answer) && value(&answer, "access-control-allow-origin").is_some());
}

#[catch(500)]
async fn page(request: &Request<'_>) -> String {
    let session = request.guard::<Session>().await.succeeded().unwrap();
    format!("our own page, {:?}", session.get::<u8>("a"))
}

#[test]
fn error_pages() {
    let site = Site::new(|rocket| rocket.register("/", catchers![page]), NOTHING);
    let answer = site.get("/session");
    assert_eq!(answer.into_string().unwrap(), "our own page, Ok(Some(1))");
    // The session fails to be saved when the catchers are done.
    assert_eq!(site.get("/fill").into_string().unwrap(), "");
    // A fairing behind it sees that response.
    const PAGE: Attach = |rocket| {
        rocket.attach(AdHoc::on_response("page", |_, response| {
            Box::pin(async move {
                if response.status() == Status::InternalServerError {
                    let page = "our own page";
                    response.set_sized_body(page.len(), std::io::Cursor::new(page));
                }
            })
        }))
    };
    let site = Site::new(NOTHING, PAGE);
    assert_eq!(site.get("/fill").into_string().unwrap(), "our own page");
}

#[test]
fn header_setters() {
    const OPEN: &str = "public, max-age=60";
    const SETTER: Attach = |rocket| {
        rocket.attach(AdHoc::on_response("cache", |_, response| {
            Box::pin(async {
                response.set_raw_header("Cache-Control", OPEN);
                response.set_raw_header("Vary", "Accept-Language");
            })
        }))
    };
    let site = Site::new(SETTER, NOTHING);
    let answer = site.get("/write");
    assert_eq!(value(&answer, "cache-control"), Some("no-store"));
    assert_eq!(value(&answer, "vary"), Some("Accept-Language, Cookie"));
    let site = Site::new(NOTHING, SETTER);
    let answer = site.get("/write");
    assert_eq!(value(&answer, "cache-control"), Some(OPEN));
    assert_eq!(value(&answer, "vary"), Some("Accept-Language"));
    assert!(has_cookie(&answer));
}

/// Rocket attaches its own by itself, before all others.
#[test]
fn shield() {
    let site = Site::new(NOTHING, NOTHING);
    assert!(value(&site.get("/write"), "x-frame-options").is_some());
    assert_eq!(value(&site.get("/fill"), "x-frame-options"), None);
}

#[test]
fn panics_of_a_handler() {
    for (path, is_noticed) in [("/panics", true), ("/panics/later", false)] {
        let site = Site::new(NOTHING, NOTHING);
        let answer = site.get(path);
        assert_eq!(answer.status(), Status::InternalServerError);
        assert_eq!(has_cookie(&answer), !is_noticed);
        assert_eq!(site.sessions.has_saved(), !is_noticed);
        assert_eq!(site.sessions.has_told_a_panic(), is_noticed);
    }
}

#[test]
fn rate_limiter() {
    let site = Site::new(NOTHING, NOTHING);
    let answer = site.get("/limited");
    assert_eq!(answer.status(), Status::TooManyRequests);
    assert_eq!(value(&answer, "vary"), None);
    let answer = site.get("/limited_by_login");
    assert_eq!(answer.status(), Status::TooManyRequests);
    assert!(has_cookie(&answer));
}

#[test]
fn origin_guard() {
    let site = Site::new(NOTHING, NOTHING);
    let forged = site.client.post("/guarded");
    let forged = forged.header(Header::new("host", "shop.example"));
    let forged = forged.header(Header::new("origin", "https://evil.example"));
    assert_eq!(forged.dispatch().status(), Status::Forbidden);
    assert_eq!(site.client.post("/guarded").dispatch().status(), Status::Ok);
}
