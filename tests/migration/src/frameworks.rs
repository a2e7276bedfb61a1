//! One request to an application of each framework, without a socket.

use crate::{Answer, Ask};
use actix_web::{
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
};
use rocket::{
    config::{LogLevel, SecretKey},
    http::{Header, Method},
};
use tower::ServiceExt as _;

pub fn axum(app: axum::Router, ask: Ask) -> Answer {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(ask_axum(app, ask))
}

pub async fn ask_axum(app: axum::Router, ask: Ask<'_>) -> Answer {
    use axum::{body::Body, http::Request};

    let method = if ask.path == "/logout" { "POST" } else { "GET" };
    let request = Request::builder()
        .method(method)
        .uri(ask.path)
        .header("cookie", ask.cookie);
    let response = app
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let lines = response.headers().get_all("set-cookie");
    Answer {
        status: response.status().as_u16(),
        set_cookie: lines
            .iter()
            .map(|line| line.to_str().unwrap().into())
            .collect(),
        body: text(
            &axum::body::to_bytes(response.into_body(), usize::MAX)
                .await
                .unwrap(),
        ),
    }
}

pub fn actix<F, B>(app: actix_web::App<F>, ask: Ask) -> Answer
where
    F: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = actix_web::Error,
            InitError = (),
        > + 'static,
    B: MessageBody + 'static,
{
    actix_web::rt::System::new().block_on(ask_actix(app, ask))
}

pub async fn ask_actix<F, B>(app: actix_web::App<F>, ask: Ask<'_>) -> Answer
where
    F: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = actix_web::Error,
            InitError = (),
        > + 'static,
    B: MessageBody + 'static,
{
    use actix_web::{
        HttpResponse,
        body::to_bytes,
        test::{TestRequest, init_service, try_call_service},
    };

    let method = if ask.path == "/logout" {
        TestRequest::post()
    } else {
        TestRequest::get()
    };
    let request = method.uri(ask.path).insert_header(("cookie", ask.cookie));
    let service = init_service(app).await;
    // A middleware's error becomes a response in the server.
    let response = match try_call_service(&service, request.to_request()).await {
        Ok(response) => response.into_parts().1.map_into_boxed_body(),
        Err(error) => HttpResponse::from_error(error),
    };
    let lines = response.headers().get_all("set-cookie");
    Answer {
        status: response.status().as_u16(),
        set_cookie: lines.map(|line| line.to_str().unwrap().into()).collect(),
        body: text(&to_bytes(response.into_body()).await.unwrap()),
    }
}

/// With a fixed key for Rocket's private cookies.
pub fn rocket(app: rocket::Rocket<rocket::Build>, ask: Ask) -> Answer {
    let config = rocket::Config {
        log_level: LogLevel::Off,
        secret_key: SecretKey::derive_from(&[7; 64]),
        ..rocket::Config::debug_default()
    };
    let client = rocket::local::blocking::Client::untracked(app.configure(config)).unwrap();
    let method = if ask.path == "/logout" {
        Method::Post
    } else {
        Method::Get
    };
    let response = client.req(method, ask.path);
    // The local client fills the jar with what it gets one by one, and with nothing from a header.
    let pairs = rocket::http::Cookie::split_parse_encoded(ask.cookie.to_owned());
    let cookies = pairs.map(|pair| pair.unwrap().into_owned());
    let response = response
        .header(Header::new("Cookie", ask.cookie.to_owned()))
        .cookies(cookies)
        .dispatch();
    Answer {
        status: response.status().code,
        set_cookie: response
            .headers()
            .get("Set-Cookie")
            .map(str::to_owned)
            .collect(),
        body: response.into_string().unwrap_or_default(),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
