//! Actix Web.

use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::Sender;

use actix_http::Request;
use actix_service::IntoServiceFactory;
use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{AppConfig, Service, ServiceFactory, ServiceResponse};
use actix_web::http::header;
use actix_web::rt::{Runtime, System};
use actix_web::test::{TestRequest, init_service};
use actix_web::{App as Application, HttpServer, web};
use hardtack::actix::SessionMiddleware;
use hardtack::session::{Session, SessionError, SessionManager};

use super::{Act, Answer, App, HARDTACK, LOGIN, NAME, NOTHING, READ, UNTOUCHED, User, WRITE};

pub fn nothing() -> App {
    let site = || {
        Application::new()
            .wrap_fn(|request, service| service.call(request))
            .route(UNTOUCHED, web::get().to(async || ""))
            .route(READ, web::get().to(async || NAME.to_owned()))
            .route(WRITE, web::get().to(async || ""))
    };
    app(NOTHING, false, runtime(), site)
}

/// Values are CBOR.
pub fn hardtack(sessions: SessionManager) -> App {
    async fn read(session: Session) -> Result<String, SessionError> {
        Ok(session.get::<User>("user")?.unwrap_or_default().name)
    }
    async fn write(session: Session) -> Result<&'static str, SessionError> {
        session.insert("user", User::next())?;
        Ok("")
    }
    async fn log_in(session: Session) -> Result<&'static str, SessionError> {
        session.regenerate_for_login()?;
        write(session).await
    }
    let site = move || {
        Application::new()
            .wrap(SessionMiddleware::new(sessions.clone()))
            .route(UNTOUCHED, web::get().to(async || ""))
            .route(READ, web::get().to(read))
            .route(WRITE, web::get().to(write))
            .route(LOGIN, web::get().to(log_in))
    };
    app(HARDTACK, true, runtime(), site)
}

pub fn runtime() -> Runtime {
    Runtime::new().expect("a runtime starts")
}

/// Turns what makes an application with the three routes into something to send to.
pub fn app<F, I, S, B>(name: &'static str, encrypts: bool, runtime: Runtime, site: F) -> App
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request> + 'static,
    S: ServiceFactory<
            Request,
            Config = AppConfig,
            Response = ServiceResponse<B>,
            Error = actix_web::Error,
            InitError = (),
        > + 'static,
    B: MessageBody + 'static,
{
    let service = runtime.block_on(init_service(site()));
    let send = move |act: Act, cookie: &str, n: u32| {
        runtime.block_on(async {
            let mut answer = None;
            for _ in 0..n {
                let request = TestRequest::get()
                    .uri(act.path())
                    .insert_header((header::COOKIE, cookie))
                    .to_request();
                answer = Some(
                    service
                        .call(request)
                        .await
                        .expect("the application does not fail"),
                );
            }
            let answer = answer.expect("at least one request");
            assert!(answer.status().is_success(), "{name}: {}", answer.status());
            let set_cookie = answer
                .headers()
                .get(header::SET_COOKIE)
                .map(|value| value.to_str().expect("a cookie is ASCII"));
            let cookie = set_cookie
                .unwrap_or_default()
                .split(';')
                .next()
                .unwrap_or_default()
                .to_owned();
            let body = to_bytes(answer.into_body())
                .await
                .unwrap_or_else(|_| panic!("the body is there"));
            Answer {
                cookie,
                body: String::from_utf8(body.into()).expect("the body is text"),
            }
        })
    };
    App {
        name,
        encrypts,
        send: Box::new(send),
        serve: Box::new(|tell| {
            let listener = listen(&tell);
            System::new().block_on(async {
                let server = HttpServer::new(site).workers(1).disable_signals();
                let _ = server.listen(listener).expect("it listens").run().await;
            });
        }),
    }
}

fn listen(tell: &Sender<SocketAddr>) -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    tell.send(address).expect("somebody waits");
    listener
}
