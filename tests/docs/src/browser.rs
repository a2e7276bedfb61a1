//! A browser for the recipes: it keeps cookies, and asks a site of any framework without a socket.

use actix_web::{
    App, HttpResponse,
    body::to_bytes,
    test::{TestRequest, init_service, try_call_service},
    web::ServiceConfig,
};
use axum::{
    Router,
    body::Body,
    http::{Request, Response},
};
use hardtack::{
    Key, Keyring, Timestamp,
    actix::SessionMiddleware,
    axum::SessionLayer,
    rocket::SessionFairing,
    session::{SessionManager, SessionManagerBuilder},
};
use rocket::{Build, Rocket, config::LogLevel, local::blocking::Client};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use tower::ServiceExt as _;

/// A clock that a test sets forward.
#[derive(Clone, Default)]
pub struct Clock(Arc<AtomicU32>);

impl Clock {
    /// Makes settings with a key of their own and this clock.
    pub fn builder(&self) -> SessionManagerBuilder {
        let seconds = Arc::clone(&self.0);
        let begin = Timestamp::now().to_unix();
        SessionManager::builder(Keyring::new(Key::generate().unwrap()))
            .clock(move || Timestamp::from_unix(begin + seconds.load(Ordering::Relaxed)))
    }

    /// Makes sessions with the default settings.
    pub fn sessions(&self) -> SessionManager {
        self.builder().build().unwrap()
    }

    /// Sets the clock forward.
    pub fn pass(&self, minutes: u32) {
        self.0.fetch_add(minutes * 60, Ordering::Relaxed);
    }
}

type Site = Box<dyn Fn(Request<String>) -> Response<String>>;

/// One visitor of one site.
pub struct Browser {
    site: Site,
    cookies: Vec<(String, String)>,
    /// The Set-Cookie lines of the last response.
    pub set_cookie: Vec<String>,
}

impl Browser {
    /// Visits a site on Axum.
    pub fn axum(sessions: &SessionManager, routes: Router) -> Browser {
        let app = routes.layer(SessionLayer::new(sessions.clone()));
        Browser::of(Box::new(move |request| {
            let app = app.clone();
            tokio::runtime::Runtime::new().unwrap().block_on(async {
                let response = app.oneshot(request.map(Body::from)).await.unwrap();
                let (head, body) = response.into_parts();
                let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
                Response::from_parts(head, text(&body))
            })
        }))
    }

    /// Visits a site on Actix Web.
    pub fn actix(sessions: &SessionManager, routes: fn(&mut ServiceConfig)) -> Browser {
        let sessions = sessions.clone();
        Browser::of(Box::new(move |request| {
            let (head, body) = request.into_parts();
            let mut asked = TestRequest::with_uri(&head.uri.to_string())
                .method(head.method.as_str().parse().unwrap())
                .set_payload(body);
            for (name, value) in &head.headers {
                asked = asked.insert_header((name.as_str(), value.to_str().unwrap()));
            }
            let layer = SessionMiddleware::new(sessions.clone());
            actix_web::rt::System::new().block_on(async move {
                let app = init_service(App::new().configure(routes).wrap(layer)).await;
                // A server makes a response of a middleware's error.
                let answer = match try_call_service(&app, asked.to_request()).await {
                    Ok(answer) => answer.into_parts().1.map_into_boxed_body(),
                    Err(error) => HttpResponse::from_error(error),
                };
                let mut response = Response::builder().status(answer.status().as_u16());
                for (name, value) in answer.headers() {
                    response = response.header(name.as_str(), value.as_bytes());
                }
                let body = to_bytes(answer.into_body()).await.unwrap();
                response.body(text(&body)).unwrap()
            })
        }))
    }

    /// Visits a site on Rocket.
    pub fn rocket(sessions: &SessionManager, site: Rocket<Build>) -> Browser {
        let config = rocket::Config {
            log_level: LogLevel::Off,
            ..rocket::Config::debug_default()
        };
        let site = site.attach(SessionFairing::new(sessions.clone()));
        let client = Client::untracked(site.configure(config)).unwrap();
        Browser::of(Box::new(move |request| {
            let (head, body) = request.into_parts();
            let method = head.method.as_str().parse().unwrap();
            let mut asked = client.req(method, head.uri.to_string()).body(body);
            for (name, value) in &head.headers {
                let header = (name.to_string(), value.to_str().unwrap().to_owned());
                asked.add_header(rocket::http::Header::new(header.0, header.1));
            }
            let answer = asked.dispatch();
            let mut response = Response::builder().status(answer.status().code);
            for header in answer.headers().iter() {
                response = response.header(header.name().as_str(), header.value());
            }
            let body = answer.into_string().unwrap_or_default();
            response.body(body).unwrap()
        }))
    }

    fn of(site: Site) -> Browser {
        Browser {
            site,
            cookies: vec![],
            set_cookie: vec![],
        }
    }

    /// Returns the status, and the place of a redirect or else the body.
    pub fn get(&mut self, path: &str) -> String {
        self.send(Request::get(path), "")
    }

    /// Posts a form.
    pub fn post(&mut self, path: &str, form: &str) -> String {
        let request = Request::post(path);
        self.send(
            request.header("content-type", "application/x-www-form-urlencoded"),
            form,
        )
    }

    /// Sends a request with headers of its own.
    pub fn send(&mut self, request: axum::http::request::Builder, form: &str) -> String {
        let pairs = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let cookie = pairs.collect::<Vec<_>>().join("; ");
        let request = request.header("host", "shop.example");
        let request = request.header("cookie", cookie).body(form.to_owned());
        let response = (self.site)(request.unwrap());
        let header = |name| response.headers().get_all(name).into_iter();
        let lines = header("set-cookie").map(|line| line.to_str().unwrap().to_owned());
        self.set_cookie = lines.collect();
        for line in &self.set_cookie {
            let (name, rest) = line.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.cookies.retain(|(its, _)| its != name);
            if !line.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        let place = header("location")
            .next()
            .map(|place| place.to_str().unwrap());
        let what = place.unwrap_or(response.body());
        format!("{} {what}", response.status().as_u16())
            .trim()
            .to_owned()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
