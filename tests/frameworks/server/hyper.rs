//! Bare hyper, with the adapter beside this file.

#[path = "hyper_adapter.rs"]
pub mod adapter;

use super::{Framework, Server};
use crate::app::{self, Answer, App, Handles, Neighbours};
use adapter::WithSession;
use futures_util::stream;
use hardtack::session::{Session, SessionData, SessionManager};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Request, Response,
    body::{self, Bytes, Frame, Incoming},
    header::{HeaderValue, SET_COOKIE},
    server::conn::http1,
    service::Service,
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use std::{
    convert::Infallible,
    error::Error,
    net::Ipv4Addr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{net::TcpListener, runtime::Builder};
use tower::{ServiceBuilder, service_fn, util::BoxCloneSyncService};
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer, cors::CorsLayer};

pub const FRAMEWORK: Framework = Framework {
    name: "hyper",
    serve,
    layer: "WithSession::new(sessions, service)",
    guarded: &["/guarded/"],
    takes_bytes: true,
    answers_panics: true,
};

/// Any body, of any layer.
struct Body(UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>);

impl body::Body for Body {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }
}

impl From<String> for Body {
    fn from(text: String) -> Body {
        body(Full::from(text))
    }
}

impl Default for Body {
    fn default() -> Body {
        Body::from(String::new())
    }
}

/// A service with anything around it.
type Stack = BoxCloneSyncService<Request<Incoming>, Response<Body>, Infallible>;

fn body<B>(body: B) -> Body
where
    B: body::Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    Body(body.map_err(Into::into).boxed_unsync())
}

async fn handle(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    Ok(answer(&request).await.unwrap_or_else(|refused| refused))
}

async fn answer(request: &Request<Incoming>) -> Result<Response<Body>, Response<Body>> {
    let path = request.uri().path();
    let (route, job) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
    let handles = match route {
        "run" => Handles::session(adapter::session(request)?.await),
        "account" => Handles::account(adapter::session(request)?.await),
        "both" => {
            let session = adapter::session(request)?.await;
            Handles::both(session, adapter::session(request)?.await)
        }
        "guarded" => {
            let session: Session = adapter::session(request)?.await;
            let checked = session.check_origin();
            checked.map_err(|error| adapter::session_error(&error))?;
            Handles::none()
        }
        _ => return Ok(Response::new(body(Full::from(route.to_owned())))),
    };
    match app::run(job, handles) {
        Ok(answer) => Ok(answer.into()),
        Err(error) => Err(adapter::session_error(&error)),
    }
}

impl From<Answer> for Response<Body> {
    fn from(answer: Answer) -> Response<Body> {
        let mut response = Response::new(match answer.body {
            app::Body::Text(text) => body(Full::from(text)),
            app::Body::Streamed(text) => body(StreamBody::new(stream::once(async {
                Ok::<_, Infallible>(Frame::data(Bytes::from(text())))
            }))),
        });
        *response.status_mut() = answer.status.try_into().unwrap();
        let headers = response.headers_mut();
        for (name, value) in answer.headers {
            headers.append(name, HeaderValue::from_static(value));
        }
        if answer.own_cookie {
            headers.append(SET_COOKIE, HeaderValue::from_static(app::OWN_COOKIE));
        }
        response
    }
}

fn beside(stack: Stack) -> Stack {
    let stack = ServiceBuilder::new()
        .map_response(|response: Response<_>| response.map(body))
        .layer(CorsLayer::permissive())
        .layer(CompressionLayer::new())
        .service(stack);
    BoxCloneSyncService::new(stack)
}

fn with_session<T: SessionData>(sessions: SessionManager<T>, stack: Stack) -> Stack {
    let service = Arc::new(WithSession::new(sessions, TowerToHyperService::new(stack)));
    BoxCloneSyncService::new(service_fn(move |request| service.call(request)))
}

fn serve(app: App) -> Result<Server, String> {
    let stack = ServiceBuilder::new()
        .map_response(|response: Response<_>| response.map(body))
        .layer(CatchPanicLayer::new())
        .service(service_fn(handle));
    let mut stack = BoxCloneSyncService::new(stack);
    if app.neighbours == Neighbours::Inside {
        stack = beside(stack);
    }
    if app.layers {
        stack = with_session(app.sessions, stack);
        stack = with_session(app.accounts, stack);
    }
    if app.neighbours == Neighbours::Outside {
        stack = beside(stack);
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
    runtime.spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let service = TowerToHyperService::new(stack.clone());
            let connection = TokioIo::new(connection);
            tokio::spawn(http1::Builder::new().serve_connection(connection, service));
        }
    });
    Ok(Server::new(address, || runtime.shutdown_background()))
}
