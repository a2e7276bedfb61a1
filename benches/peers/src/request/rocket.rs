//! Rocket: hardtack; Rocket's own private cookies, which take no fairing.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::Sender;

use hardtack::Codec;
use hardtack::rocket::SessionFairing;
use hardtack::session::{Session, SessionError};
use rocket::config::{LogLevel, SecretKey};
use rocket::fairing::AdHoc;
use rocket::http::{Cookie, CookieJar, Header, SameSite};
use rocket::local::asynchronous::Client;
use rocket::{Build, Config, Rocket, State, get, routes};
use tokio::runtime::{Builder, Runtime};

use super::{HARDTACK_CODEC, HARDTACK_TYPED, keyring, sessions, typed_sessions};
use crate::app::{Act, Answer, App, HARDTACK, NAME, NOTHING, User};

pub fn apps() -> Vec<App> {
    vec![
        nothing(),
        hardtack(),
        hardtack_typed(),
        hardtack_codec(),
        private_cookies(),
    ]
}

/// Turns a rocket with the three routes into something to send to.
fn app(name: &'static str, encrypts: bool, build: fn(Rocket<Build>) -> Rocket<Build>) -> App {
    let runtime = runtime();
    let config = Config {
        address: Ipv4Addr::LOCALHOST.into(),
        port: 0,
        log_level: LogLevel::Off,
        secret_key: SecretKey::generate().expect("the system has randomness"),
        ..Config::release_default()
    };
    let site = build(rocket::custom(config.clone()));
    let client = runtime
        .block_on(Client::untracked(build(rocket::custom(config))))
        .expect("the rocket launches");
    let send = move |act: Act, cookie: &str, n: u32| {
        // From a socket a request has the header and, parsed and decoded, the jar. The local client fills neither from the other.
        let header = (!cookie.is_empty()).then(|| Header::new("Cookie", cookie.to_owned()));
        let cookie = Cookie::parse_encoded(cookie.to_owned()).ok();
        runtime.block_on(async {
            let mut answer = None;
            for _ in 0..n {
                let mut request = client.get(act.path()).cookies(cookie.clone());
                if let Some(header) = &header {
                    request.add_header(header.clone());
                }
                answer = Some(request.dispatch().await);
            }
            let answer = answer.expect("at least one request");
            assert!(answer.status().code < 300, "{name}: {}", answer.status());
            let set_cookie = answer.headers().get_one("Set-Cookie").unwrap_or_default();
            let cookie = set_cookie.split(';').next().unwrap_or_default().to_owned();
            Answer {
                cookie,
                body: answer.into_string().await.unwrap_or_default(),
            }
        })
    };
    App {
        name,
        encrypts,
        send: Box::new(send),
        serve: Box::new(|tell| serve(site, tell)),
    }
}

fn runtime() -> Runtime {
    let mut runtime = Builder::new_current_thread();
    runtime.enable_all().build().expect("a runtime starts")
}

fn serve(site: Rocket<Build>, tell: Sender<SocketAddr>) {
    let told = AdHoc::on_liftoff("address", move |rocket| {
        let Config { address, port, .. } = rocket.config();
        let address = SocketAddr::new(*address, *port);
        Box::pin(async move { tell.send(address).expect("somebody waits") })
    });
    let _ = runtime().block_on(site.attach(told).launch());
}

#[get("/untouched")]
fn untouched() {}

fn nothing() -> App {
    #[get("/read")]
    fn read() -> String {
        NAME.to_owned()
    }
    #[get("/write")]
    fn write() {}
    app(NOTHING, false, |rocket| {
        rocket
            .attach(AdHoc::on_response("nothing", |_, _| Box::pin(async {})))
            .mount("/", routes![untouched, read, write])
    })
}

/// Values are CBOR in an encrypted cookie.
fn hardtack() -> App {
    #[get("/read")]
    fn read(session: Session) -> Result<String, SessionError> {
        Ok(session.get::<User>("user")?.unwrap_or_default().name)
    }
    #[get("/write")]
    fn write(session: Session) -> Result<(), SessionError> {
        session.insert("user", User::next())
    }
    app(HARDTACK, true, |rocket| {
        rocket
            .attach(SessionFairing::new(sessions()))
            .mount("/", routes![untouched, read, write])
    })
}

/// One typed value, postcard in an encrypted cookie.
fn hardtack_typed() -> App {
    #[get("/read")]
    fn read(session: Session<User>) -> Result<String, SessionError> {
        session.with(|user| user.name.clone())
    }
    #[get("/write")]
    fn write(session: Session<User>) -> Result<(), SessionError> {
        session.replace(User::next()).map(drop)
    }
    app(HARDTACK_TYPED, true, |rocket| {
        rocket
            .attach(SessionFairing::new(typed_sessions()))
            .mount("/", routes![untouched, read, write])
    })
}

/// One value, postcard in a token. The handler finds it, and sets it, in Rocket's cookies.
fn hardtack_codec() -> App {
    #[get("/read")]
    fn read(codec: &State<Codec>, jar: &CookieJar<'_>) -> String {
        let user = jar
            .get("session")
            .and_then(|cookie| codec.open::<User>(cookie.value()).ok());
        user.map_or_else(String::new, |user| user.value.name)
    }
    #[get("/write")]
    fn write(codec: &State<Codec>, jar: &CookieJar<'_>) {
        let token = codec.seal(&User::next()).expect("a user seals");
        let cookie = Cookie::build(("session", token))
            .secure(true)
            .http_only(true)
            .same_site(SameSite::Lax);
        jar.add(cookie);
    }
    app(HARDTACK_CODEC, true, |rocket| {
        rocket
            .manage(Codec::new(&keyring(), "session/1"))
            .mount("/", routes![untouched, read, write])
    })
}

/// The value is JSON in an encrypted cookie.
fn private_cookies() -> App {
    #[get("/read")]
    fn read(jar: &CookieJar<'_>) -> String {
        let user: Option<User> = jar
            .get_private("session")
            .and_then(|cookie| serde_json::from_str(cookie.value()).ok());
        user.unwrap_or_default().name
    }
    #[get("/write")]
    fn write(jar: &CookieJar<'_>) {
        jar.add_private((
            "session",
            serde_json::to_string(&User::next()).expect("a user is JSON"),
        ));
    }
    app("private cookies", true, |rocket| {
        rocket.mount("/", routes![untouched, read, write])
    })
}
