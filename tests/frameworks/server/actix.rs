use super::{Framework, Server};
use crate::app::{self, Account, Answer, App, Body, Handles, Neighbours};
use actix_cors::Cors;
use actix_web::{
    App as Site, Error, HttpRequest, HttpResponse, HttpServer, Responder,
    body::{BoxBody, MessageBody},
    cookie::Cookie,
    dev::{ServiceRequest, ServiceResponse},
    http::StatusCode,
    middleware::{Compress, Condition, Next, from_fn},
    rt::System,
    web::{self, Path},
};
use futures_util::stream;
use hardtack::{
    actix::SessionMiddleware,
    session::{SameOrigin, Session, SessionError},
};
use std::{convert::Infallible, net::Ipv4Addr, sync::mpsc, thread};

pub const FRAMEWORK: Framework = Framework {
    name: "actix",
    serve,
    layer: ".wrap(hardtack::actix::SessionMiddleware::new(sessions))",
    guarded: &["/guarded/", "/layered/"],
    takes_bytes: true,
    answers_panics: false,
};

async fn run(job: Path<String>, session: Session) -> Result<Answer, SessionError> {
    app::run(&job, Handles::session(session))
}

async fn account(job: Path<String>, account: Session<Account>) -> Result<Answer, SessionError> {
    app::run(&job, Handles::account(account))
}

async fn both(
    job: Path<String>,
    session: Session,
    account: Session<Account>,
) -> Result<Answer, SessionError> {
    app::run(&job, Handles::both(session, account))
}

async fn guarded(job: Path<String>, _: SameOrigin) -> Result<Answer, SessionError> {
    app::run(&job, Handles::none())
}

async fn layered(job: Path<String>) -> Result<Answer, SessionError> {
    app::run(&job, Handles::none())
}

/// A middleware whose argument is the guard.
async fn same_origin(
    _: SameOrigin,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    next.call(request).await
}

async fn untouched() -> &'static str {
    "untouched"
}

fn serve(app: App) -> Result<Server, String> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        System::new().block_on(async {
            let for_sessions = SessionMiddleware::new(app.sessions);
            let for_accounts = SessionMiddleware::new(app.accounts);
            let server = HttpServer::new(move || {
                let (inside, outside) = match app.neighbours {
                    Neighbours::None => (false, false),
                    Neighbours::Inside => (true, false),
                    Neighbours::Outside => (false, true),
                };
                Site::new()
                    .route("/run/{job}", web::to(run))
                    .route("/account/{job}", web::to(account))
                    .route("/both/{job}", web::to(both))
                    .route("/guarded/{job}", web::to(guarded))
                    .route("/untouched", web::to(untouched))
                    .service(
                        web::scope("/layered")
                            .route("/{job}", web::to(layered))
                            .wrap(from_fn(same_origin)),
                    )
                    .wrap(Condition::new(inside, Compress::default()))
                    .wrap(Condition::new(inside, Cors::permissive()))
                    .wrap(Condition::new(app.layers, for_sessions.clone()))
                    .wrap(Condition::new(app.layers, for_accounts.clone()))
                    .wrap(Condition::new(outside, Compress::default()))
                    .wrap(Condition::new(outside, Cors::permissive()))
            })
            .workers(2)
            .disable_signals()
            .bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap();
            let address = server.addrs()[0];
            let server = server.run();
            tell.send((address, server.handle())).unwrap();
            server.await
        })
    });
    let (address, handle) = told.recv().unwrap();
    // The command is sent at once; the future only waits for its end.
    Ok(Server::new(address, move || drop(handle.stop(false))))
}

impl Responder for Answer {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::build(StatusCode::from_u16(self.status).unwrap());
        for header in self.headers {
            response.append_header(header);
        }
        if self.own_cookie {
            response.cookie(Cookie::parse(app::OWN_COOKIE).unwrap());
        }
        match self.body {
            Body::Text(text) => response.body(text),
            Body::Streamed(body) => {
                response.streaming(stream::once(async { Ok::<_, Infallible>(body().into()) }))
            }
        }
    }
}
