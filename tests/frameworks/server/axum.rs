use super::{Framework, Server};
use crate::app::{self, Account, Answer, App, Body, Handles, Neighbours};
use axum::{
    Router,
    extract::Path,
    http::{StatusCode, header::SET_COOKIE},
    middleware::from_extractor,
    response::{AppendHeaders, IntoResponse, Response},
    routing::any,
};
use futures_util::stream;
use hardtack::{
    axum::SessionLayer,
    session::{SameOrigin, Session, SessionError},
};
use std::{convert::Infallible, net::Ipv4Addr};
use tokio::{net::TcpListener, runtime::Builder};
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer, cors::CorsLayer};

pub const FRAMEWORK: Framework = Framework {
    name: "axum",
    serve,
    layer: ".layer(hardtack::axum::SessionLayer::new(sessions))",
    guarded: &["/guarded/", "/layered/"],
    takes_bytes: true,
    answers_panics: true,
};

async fn run(Path(job): Path<String>, session: Session) -> Result<Answer, SessionError> {
    app::run(&job, Handles::session(session))
}

async fn account(
    Path(job): Path<String>,
    account: Session<Account>,
) -> Result<Answer, SessionError> {
    app::run(&job, Handles::account(account))
}

async fn both(
    Path(job): Path<String>,
    session: Session,
    account: Session<Account>,
) -> Result<Answer, SessionError> {
    app::run(&job, Handles::both(session, account))
}

async fn guarded(Path(job): Path<String>, _: SameOrigin) -> Result<Answer, SessionError> {
    app::run(&job, Handles::none())
}

async fn layered(Path(job): Path<String>) -> Result<Answer, SessionError> {
    app::run(&job, Handles::none())
}

async fn untouched() -> &'static str {
    "untouched"
}

fn serve(app: App) -> Result<Server, String> {
    let mut router = Router::new()
        .route("/run/{job}", any(run))
        .route("/account/{job}", any(account))
        .route("/both/{job}", any(both))
        .route("/guarded/{job}", any(guarded))
        .route("/untouched", any(untouched))
        .merge(
            Router::new()
                .route("/layered/{job}", any(layered))
                .layer(from_extractor::<SameOrigin>()),
        )
        .layer(CatchPanicLayer::new());
    let beside = |router: Router| {
        router
            .layer(CompressionLayer::new())
            .layer(CorsLayer::permissive())
    };
    if app.neighbours == Neighbours::Inside {
        router = beside(router);
    }
    if app.layers {
        router = router
            .layer(SessionLayer::new(app.sessions))
            .layer(SessionLayer::new(app.accounts));
    }
    if app.neighbours == Neighbours::Outside {
        router = beside(router);
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime
        .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async { axum::serve(listener, router).await });
    Ok(Server::new(address, || runtime.shutdown_background()))
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap();
        let cookie = self.own_cookie.then_some((SET_COOKIE, app::OWN_COOKIE));
        let headers = (AppendHeaders(cookie), AppendHeaders(self.headers));
        match self.body {
            Body::Text(text) => (status, headers, text).into_response(),
            Body::Streamed(body) => {
                let body = stream::once(async { Ok::<_, Infallible>(body()) });
                (status, headers, axum::body::Body::from_stream(body)).into_response()
            }
        }
    }
}
