use super::{Framework, Server};
use crate::app::{self, Account, Answer, App, Body, Handles, Neighbours};
use futures_util::stream;
use hardtack::{
    rocket::SessionFairing,
    session::{SameOrigin, Session, SessionError},
};
use rocket::{
    Config, Request,
    config::LogLevel,
    fairing::AdHoc,
    get,
    http::{Cookie, CookieJar, Status},
    post,
    response::{self, Responder, stream::ByteStream},
    routes,
    tokio::runtime::Builder,
};
use rocket_async_compression::Compression;
use rocket_cors::CorsOptions;
use std::{net::Ipv4Addr, sync::mpsc};

pub const FRAMEWORK: Framework = Framework {
    name: "rocket",
    serve,
    layer: ".attach(hardtack::rocket::SessionFairing::new(sessions))",
    // A fairing cannot answer a request.
    guarded: &["/guarded/"],
    takes_bytes: false,
    answers_panics: true,
};

#[get("/run/<job>")]
async fn run(job: &str, session: Session, jar: &CookieJar<'_>) -> Result<Answer, SessionError> {
    let answer = app::run(job, Handles::session(session))?;
    if answer.own_cookie {
        jar.add(Cookie::parse(app::OWN_COOKIE).unwrap());
    }
    Ok(answer)
}

#[post("/run/<job>")]
async fn post(job: &str, session: Session, jar: &CookieJar<'_>) -> Result<Answer, SessionError> {
    run(job, session, jar).await
}

#[get("/account/<job>")]
async fn account(job: &str, account: Session<Account>) -> Result<Answer, SessionError> {
    app::run(job, Handles::account(account))
}

#[get("/both/<job>")]
async fn both(
    job: &str,
    session: Session,
    account: Session<Account>,
) -> Result<Answer, SessionError> {
    app::run(job, Handles::both(session, account))
}

#[get("/guarded/<job>")]
async fn guarded(job: &str, _origin: SameOrigin) -> Result<Answer, SessionError> {
    app::run(job, Handles::none())
}

#[post("/guarded/<job>")]
async fn guarded_post(job: &str, origin: SameOrigin) -> Result<Answer, SessionError> {
    guarded(job, origin).await
}

#[get("/untouched")]
async fn untouched() -> &'static str {
    "untouched"
}

fn serve(app: App) -> Result<Server, String> {
    let (tell, told) = mpsc::channel();
    let config = Config {
        address: Ipv4Addr::LOCALHOST.into(),
        port: 0,
        log_level: LogLevel::Off,
        ..Config::release_default()
    };
    let mut rocket = rocket::custom(config)
        .mount(
            "/",
            routes![run, post, account, both, guarded, guarded_post, untouched],
        )
        .attach(AdHoc::on_liftoff("port", move |rocket| {
            let _ = tell.send(rocket.config().port);
            Box::pin(async {})
        }));
    // Response fairings run in the order in which they are attached.
    let cors = || CorsOptions::default().to_cors().unwrap();
    if app.neighbours == Neighbours::Inside {
        rocket = rocket.attach(Compression::fairing()).attach(cors());
    }
    if app.layers {
        rocket = rocket
            .attach(SessionFairing::new(app.sessions))
            .attach(SessionFairing::new(app.accounts));
    }
    if app.neighbours == Neighbours::Outside {
        rocket = rocket.attach(Compression::fairing()).attach(cors());
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let rocket = match runtime.block_on(rocket.ignite()) {
        Ok(rocket) => rocket,
        Err(error) => return Err(error.kind().to_string()),
    };
    runtime.spawn(async { rocket.launch().await.map(drop) });
    let address = (Ipv4Addr::LOCALHOST, told.recv().unwrap()).into();
    Ok(Server::new(address, || runtime.shutdown_background()))
}

impl<'r> Responder<'r, 'r> for Answer {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'r> {
        let mut response = match self.body {
            Body::Text(text) => text.respond_to(request)?,
            Body::Streamed(body) => {
                let body = stream::once(async { body() });
                ByteStream(body).respond_to(request)?
            }
        };
        response.set_status(Status::new(self.status));
        for (name, value) in self.headers {
            response.adjoin_raw_header(name, value);
        }
        Ok(response)
    }
}
