use crate::{
    app::Account,
    kit::clock::Clock,
    log,
    site::{ring, settings},
};
use hardtack::{
    rocket::SessionFairing,
    session::{
        FlashLevel, MissingLayer, SameOrigin, Session, SessionData, SessionError, SessionManager,
    },
};
use rocket::{
    Build, Request, Rocket, Route, async_trait, catch, catchers,
    error::ErrorKind,
    fairing::AdHoc,
    get,
    http::{
        Cookie, CookieJar, Header, Method, Status,
        uri::{Host, Origin},
    },
    local::blocking::Client,
    post,
    request::{FlashMessage, FromRequest, Outcome},
    response::{Flash, Redirect},
    routes,
};
use serde::{Deserialize, Serialize};

fn sessions() -> SessionManager {
    settings(ring(), &Clock::new()).build().unwrap()
}

fn accounts() -> SessionManager<Account> {
    let settings = settings(ring(), &Clock::new()).cookie_name("account");
    settings.data().build().unwrap()
}

fn rocket(routes: Vec<Route>) -> Rocket<Build> {
    let config = rocket::Config {
        log_level: rocket::config::LogLevel::Off,
        ..rocket::Config::release_default()
    };
    rocket::custom(config).mount("/", routes)
}

fn client(routes: Vec<Route>) -> Client {
    Client::tracked(rocket(routes).attach(SessionFairing::new(sessions()))).unwrap()
}

fn text(client: &Client, path: &'static str) -> String {
    client.get(path).dispatch().into_string().unwrap()
}

#[get("/count")]
fn count(session: Session) -> Result<String, SessionError> {
    let n = session.update("n", |n: &mut u32| {
        *n += 1;
        *n
    })?;
    Ok(n.to_string())
}

#[get("/account")]
fn account(account: Session<Account>) -> Result<String, SessionError> {
    account.with(|account| account.name.clone())
}

#[test]
fn the_local_client_keeps_the_session() {
    let client = client(routes![count]);
    assert_eq!(text(&client, "/count"), "1");
    assert_eq!(text(&client, "/count"), "2");
    // A cookie that a test adds to the jar.
    let cookie = client.cookies().get("__Host-session").unwrap().clone();
    let fresh = Client::untracked(rocket(routes![count]).attach(SessionFairing::new(sessions())));
    let fresh = fresh.unwrap();
    let answer = |cookie| fresh.get("/count").cookie(cookie).dispatch().into_string();
    assert_eq!(answer(cookie.clone()), Some("3".into()));
    // What stands in a cookie's value stays in it.
    let smuggler = Cookie::new("other", format!("x; {}", cookie.stripped()));
    assert_eq!(answer(smuggler), Some("1".into()));
}

/// In HTTP/2 the host is in the request's target, and Rocket keeps it apart from the headers.
#[test]
fn a_request_of_http2_comes_from_its_own_host() {
    let client = client(routes![write]);
    for (host, origin, status) in [
        (Some("shop.example"), "https://shop.example", Status::Ok),
        (
            Some("shop.example:8443"),
            "https://shop.example:8443",
            Status::Ok,
        ),
        (
            Some("shop.example"),
            "https://evil.example",
            Status::Forbidden,
        ),
        (None, "https://shop.example", Status::Forbidden),
    ] {
        let mut request = client.post("/write").header(Header::new("origin", origin));
        if let Some(host) = host {
            request.inner_mut().set_host(Host::parse(host).unwrap());
        }
        assert_eq!(request.dispatch().status(), status, "{host:?} {origin}");
    }
}

#[post("/write")]
fn write(session: Session) -> Result<(), SessionError> {
    session.insert("n", 7)
}

/// Rocket's clones share what is local to a request, so they are one request with one session.
#[test]
fn a_clone_of_a_local_request_is_the_same_request() {
    let client = client(routes![count]);
    let request = client.get("/count");
    let first = request.clone().dispatch();
    assert_eq!(first.into_string(), Some("1".into()));
    assert_eq!(request.dispatch().status(), Status::InternalServerError);
    assert_eq!(text(&client, "/count"), "2");
}

#[get("/option")]
fn option(session: Option<Session>) -> Result<String, SessionError> {
    Ok(format!(
        "{:?}",
        session.map(|session| session.is_new()).transpose()?
    ))
}

#[get("/result")]
fn result(session: Result<Session, MissingLayer>) -> Result<String, SessionError> {
    Ok(format!("{:?}", session.map(|session| session.is_new())))
}

#[test]
fn option_and_result_are_what_rocket_makes_of_them() {
    let client = client(routes![option, result]);
    assert_eq!(text(&client, "/option"), "Some(true)");
    assert_eq!(text(&client, "/result"), "Ok(Ok(true))");
}

#[get("/guarded")]
fn guarded(_guard: SameOrigin) {}

fn launches(rocket: Rocket<Build>) -> Result<(), String> {
    match Client::tracked(rocket) {
        Ok(_) => Ok(()),
        Err(error) => Err(match error.kind() {
            ErrorKind::SentinelAborts(_) => "sentinel".into(),
            ErrorKind::FailedFairings(fairings) => fairings[0].name.to_string(),
            other => other.to_string(),
        }),
    }
}

#[test]
fn it_does_not_launch_without_the_fairing() {
    for routes in [
        routes![count],
        routes![option],
        routes![result],
        routes![guarded],
    ] {
        assert_eq!(launches(rocket(routes)), Err("sentinel".into()));
    }
    // Another type's fairing is not its.
    let other = || rocket(routes![account]).attach(SessionFairing::new(sessions()));
    assert_eq!(launches(other()), Err("sentinel".into()));
    assert_eq!(
        launches(other().attach(SessionFairing::new(accounts()))),
        Ok(())
    );
}

/// Data that no other test has, so that its line is of this one.
#[derive(Default, Serialize, Deserialize)]
struct Unattached;

impl SessionData for Unattached {
    const NAME: &'static str = "unattached";
    const VERSION: u8 = 0;
}

#[get("/unattached")]
fn unattached(_session: Session<Unattached>) {}

/// A launch that stops says what to add.
#[test]
fn a_launch_without_the_fairing_has_a_line_and_another_has_none() {
    log::collect();
    let settings = settings(ring(), &Clock::new()).data::<Unattached>();
    let fairing = SessionFairing::new(settings.build().unwrap());
    let line = || log::has_error("idioms::rocket::Unattached>`: add `.attach(");
    assert_eq!(
        launches(rocket(routes![unattached]).attach(fairing)),
        Ok(())
    );
    assert!(!line());
    assert_eq!(
        launches(rocket(routes![unattached])),
        Err("sentinel".into())
    );
    assert!(line());
}

/// A site that answers everything itself, as one that proxies does, would leave its visitors without a bound session.
#[cfg(feature = "device")]
#[test]
fn the_endpoint_is_before_a_route_for_all_paths() {
    #[post("/<_..>")]
    fn all() {}

    let mut route = routes![all].remove(0);
    route.rank = -100;
    let settings = settings(ring(), &Clock::new()).device_bound(Default::default());
    let fairing = SessionFairing::new(settings.build().unwrap());
    let client = Client::tracked(rocket(vec![route]).attach(fairing)).unwrap();
    let status = |path| client.post(path).dispatch().status().code;
    assert_eq!(status("/.hardtack/device/session"), 400);
    assert_eq!(status("/shop"), 200);
}

#[test]
fn it_does_not_launch_with_two_fairings_of_one_type() {
    log::collect();
    let two = rocket(routes![count])
        .attach(SessionFairing::new(sessions()))
        .attach(SessionFairing::new(sessions()));
    assert_eq!(launches(two), Err("hardtack session".into()));
    assert!(log::has_error("two `SessionFairing`s of one type"));
}

/// A guard that Rocket does not see in a route's signature, so that no sentinel speaks for it.
struct Hidden;

#[async_trait]
impl<'r> FromRequest<'r> for Hidden {
    type Error = MissingLayer;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Hidden, MissingLayer> {
        request.guard::<Session>().await.map(|_| Hidden)
    }
}

#[get("/hidden")]
fn hidden(guard: Result<Hidden, MissingLayer>) -> String {
    guard.err().map(|missing| missing.to_string()).unwrap()
}

#[test]
fn a_hidden_guard_fails_with_what_to_add() {
    let client = Client::tracked(rocket(routes![hidden])).unwrap();
    assert_eq!(
        text(&client, "/hidden"),
        "no layer for `Session`: add `.attach(hardtack::rocket::SessionFairing::new(sessions))`; if it is there, it has \
         a manager of another type of data, or is attached to another `Rocket`"
    );
}

#[get("/login")]
fn login(session: Session, jar: &CookieJar<'_>) -> Result<Flash<Redirect>, SessionError> {
    session.insert("user", "Ada")?;
    session.flash(FlashLevel::Success, "ours")?;
    jar.add(("theme", "dark"));
    Ok(Flash::success(Redirect::to("/home"), "Rocket's"))
}

#[get("/home")]
fn home(
    session: Session,
    flash: Option<FlashMessage<'_>>,
    jar: &CookieJar<'_>,
) -> Result<String, SessionError> {
    let user: Option<String> = session.get("user")?;
    let ours = session.take_flashes()?.pop().map(|flash| flash.text);
    let theirs = flash.map(|flash| flash.message().to_owned());
    let theme = jar.get("theme").map(Cookie::value);
    Ok(format!("{user:?} {ours:?} {theirs:?} {theme:?}"))
}

#[test]
fn rockets_jar_and_flash_work_in_the_same_handler() {
    let client = client(routes![login, home]);
    let response = client.get("/login").dispatch();
    assert_eq!(response.status(), Status::SeeOther);
    assert_eq!(response.headers().get("Set-Cookie").count(), 3);
    drop(response);
    assert_eq!(
        text(&client, "/home"),
        r#"Some("Ada") Some("ours") Some("Rocket's") Some("dark")"#
    );
    assert_eq!(
        text(&client, "/home"),
        r#"Some("Ada") None None Some("dark")"#
    );
}

struct Forward;

#[async_trait]
impl<'r> FromRequest<'r> for Forward {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Forward, ()> {
        let session = request.guard::<Session>().await.succeeded().unwrap();
        session.insert("first", "seen").unwrap();
        Outcome::Forward(Status::NotFound)
    }
}

#[get("/forward")]
fn forward(_forward: Forward, _session: Session) {}

#[get("/forward", rank = 2)]
fn forwarded(session: Session) -> Result<String, SessionError> {
    Ok(session.get::<String>("first")?.unwrap_or_default())
}

#[test]
fn a_forwarded_request_has_one_session() {
    let client = client(routes![forward, forwarded]);
    let response = client.get("/forward").dispatch();
    assert_eq!(response.headers().get("Set-Cookie").count(), 1);
    assert_eq!(response.into_string().unwrap(), "seen");
}

#[catch(500)]
async fn failed(request: &Request<'_>) -> String {
    let session = request.guard::<Session>().await.succeeded().unwrap();
    session.flash(FlashLevel::Error, "failed").unwrap();
    "our own page".into()
}

#[get("/wrong")]
fn wrong(session: Session) -> Result<String, SessionError> {
    session.insert("number", 1)?;
    Ok(session.get::<String>("number")?.unwrap_or_default())
}

#[test]
fn an_error_goes_to_the_catcher_which_has_the_session() {
    let rocket = rocket(routes![wrong, home]).register("/", catchers![failed]);
    let client = Client::tracked(rocket.attach(SessionFairing::new(sessions()))).unwrap();
    let response = client.get("/wrong").dispatch();
    assert_eq!(response.status(), Status::InternalServerError);
    assert_eq!(response.into_string().unwrap(), "our own page");
    assert_eq!(text(&client, "/home"), r#"None Some("failed") None None"#);
}

#[test]
fn a_response_fairing_before_it_may_write() {
    let rocket = rocket(routes![home])
        .attach(AdHoc::on_response("visit", |request, _| {
            Box::pin(async move {
                let session = request.guard::<Session>().await.succeeded().unwrap();
                session.flash(FlashLevel::Info, "been here").unwrap();
            })
        }))
        .attach(SessionFairing::new(sessions()));
    let client = Client::tracked(rocket).unwrap();
    text(&client, "/home");
    assert_eq!(
        text(&client, "/home"),
        r#"None Some("been here") None None"#
    );
}

#[post("/<_..>")]
fn login_by_post(session: Session) -> Result<(), SessionError> {
    session.regenerate_for_login()
}

#[get("/<_..>")]
fn login_by_get(session: Session) -> Result<(), SessionError> {
    session.regenerate_for_login()
}

/// A form from another origin to this path of `host`, with a fairing behind the session's that rewrites the request.
fn forged(path: &str, host: &'static str, rewrite: fn(&mut Request<'_>)) -> Status {
    let sessions = settings(ring(), &Clock::new())
        .allow_cross_origin(|head| head.method() == "POST" && head.path() == "/sso/callback")
        .build()
        .unwrap();
    let rocket = rocket(routes![login_by_post, login_by_get])
        .attach(SessionFairing::new(sessions))
        .attach(AdHoc::on_request("rewrite", move |request, _| {
            Box::pin(async move { rewrite(request) })
        }));
    let client = Client::untracked(rocket).unwrap();
    let mut request = client.post(path);
    request.inner_mut().set_host(Host::parse(host).unwrap());
    let origin = Header::new("origin", "https://id.example");
    request.header(origin).dispatch().status()
}

/// A fairing takes a prefix off the path: the rule is about the path that the browser asked for.
#[test]
fn the_origin_is_judged_by_the_whole_path() {
    let rewrite: fn(&mut Request<'_>) = |request| {
        let path = request.uri().path().as_str();
        let path = path.strip_prefix("/shop").unwrap_or(path);
        let path = Origin::parse_owned(path.to_owned()).unwrap();
        request.set_uri(path);
    };
    let host = "shop.example";
    assert_eq!(forged("/sso/callback", host, rewrite), Status::Ok);
    // Elsewhere, what is left of the path is the one that may.
    let elsewhere = forged("/shop/sso/callback", host, rewrite);
    assert_eq!(elsewhere, Status::Forbidden);
}

/// Nor does a fairing behind the session's make a GET of a POST.
#[test]
fn the_origin_is_judged_by_the_method_that_was_sent() {
    let rewrite: fn(&mut Request<'_>) = |request| request.set_method(Method::Get);
    let status = forged("/login", "shop.example", rewrite);
    assert_eq!(status, Status::Forbidden);
}

/// HTTP/2 has the host in its target, and no fairing makes it the one that the form came from.
#[test]
fn the_origin_is_judged_by_the_host_that_was_asked_for() {
    let rewrite: fn(&mut Request<'_>) = |request| {
        request.set_host(Host::parse("id.example").unwrap());
    };
    assert_eq!(forged("/login", "id.example", |_| {}), Status::Ok);
    let status = forged("/login", "shop.example", rewrite);
    assert_eq!(status, Status::Forbidden);
}
