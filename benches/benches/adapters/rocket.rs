use super::{Answer, App, NAME, User, pair, sessions, user};
use hardtack::{
    rocket::SessionFairing,
    session::{Session, SessionError},
};
use rocket::{
    Build, Config, Rocket,
    config::LogLevel,
    get,
    http::{Cookie, Header},
    local::asynchronous::Client,
    routes,
};

#[get("/untouched")]
fn untouched() {}

pub fn without() -> App {
    #[get("/read")]
    fn read() -> String {
        NAME.to_owned()
    }
    #[get("/write")]
    fn write() {}
    app(|rocket| rocket.mount("/", routes![untouched, read, write]))
}

pub fn with() -> App {
    #[get("/read")]
    fn read(session: Session) -> Result<String, SessionError> {
        Ok(session.get::<User>("user")?.unwrap_or_default().name)
    }
    #[get("/write")]
    fn write(session: Session) -> Result<(), SessionError> {
        session.insert("user", &user())
    }
    app(|rocket| {
        rocket
            .attach(SessionFairing::new(sessions()))
            .mount("/", routes![untouched, read, write])
    })
}

fn app(build: impl FnOnce(Rocket<Build>) -> Rocket<Build>) -> App {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    let config = Config {
        log_level: LogLevel::Off,
        ..Config::release_default()
    };
    let client = runtime.block_on(Client::untracked(build(rocket::custom(config))));
    let client = client.expect("the rocket launches");
    Box::new(move |path, cookie, requests| {
        // From a socket a request has the header and, parsed, the jar. The local client fills neither from the other.
        let header = (!cookie.is_empty()).then(|| Header::new("Cookie", cookie.to_owned()));
        let cookie = Cookie::parse_encoded(cookie.to_owned()).ok();
        runtime.block_on(async {
            let mut answer = None;
            for _ in 0..requests {
                let mut request = client.get(path).cookies(cookie.clone());
                if let Some(header) = &header {
                    request.add_header(header.clone());
                }
                answer = Some(request.dispatch().await);
            }
            let answer = answer.expect("at least one request");
            assert!(answer.status().code < 300, "{}", answer.status());
            Answer {
                cookie: pair(answer.headers().get_one("Set-Cookie")),
                body: answer.into_string().await.unwrap_or_default(),
            }
        })
    })
}
