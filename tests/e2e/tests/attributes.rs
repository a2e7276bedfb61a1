//! Chromium keeps and removes a session's cookies with every combination of attributes: a removal
//! whose attributes are not the setter's would leave the cookie where it is. And with every combination that can be
//! bound to a device, it knows the proof cookie that it was given from the one that it was told of: else it would
//! fetch a proof for every request.

mod app;

use axum::{
    Router,
    extract::Request,
    http::header::COOKIE,
    routing::{get, post},
};
use e2e::{Browser, Proxy};
use hardtack::{
    Key, Keyring,
    axum::SessionLayer,
    session::{
        DeviceBound, SameSite, Session, SessionError, SessionManager, SessionManagerBuilder,
    },
};
use std::{thread, time::Duration};

/// Long enough for two cookies.
const LONG: usize = 4500;

struct Case {
    name: String,
    secure: bool,
    http_only: bool,
    same_site: SameSite,
    /// Below the place where its handlers are, or everywhere.
    everywhere: bool,
    partitioned: bool,
    domain: Option<&'static str>,
}

impl Case {
    /// Its settings, for handlers below this place.
    fn builder(&self, keyring: &Keyring, place: &str) -> SessionManagerBuilder {
        let builder = SessionManager::builder(keyring.clone())
            .cookie_name(&self.name)
            .secure(self.secure)
            .http_only(self.http_only)
            .same_site(self.same_site)
            .path(if self.everywhere { "/" } else { place })
            .partitioned(self.partitioned);
        match self.domain {
            Some(domain) => builder.domain(domain),
            None => builder,
        }
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (bits, same_site) in (0..32).flat_map(|bits| {
        [SameSite::Strict, SameSite::Lax, SameSite::None].map(|same_site| (bits, same_site))
    }) {
        let bit = |place: u32| bits >> place & 1 == 1;
        let (secure, http_only, everywhere, partitioned) = (bit(0), bit(1), bit(2), bit(3));
        let domain = bit(4).then_some("site.localhost");
        if !secure && (partitioned || same_site == SameSite::None) {
            continue; // `build` refuses them, as browsers do
        }
        let prefix = match (secure, everywhere, domain) {
            (true, true, None) => "__Host-",
            (true, ..) => "__Secure-",
            _ => "",
        };
        cases.push(Case {
            name: format!("{prefix}case{}", cases.len()),
            secure,
            http_only,
            same_site,
            everywhere,
            partitioned,
            domain,
        });
    }
    cases
}

async fn set(session: Session) -> Result<&'static str, SessionError> {
    session.insert("long", "#".repeat(LONG))?;
    Ok("set")
}

async fn destroy(session: Session) -> Result<&'static str, SessionError> {
    session.destroy()?;
    Ok("destroyed")
}

/// What came: whether there is a session, and the names of the cookies.
async fn see(session: Session, request: Request) -> Result<String, SessionError> {
    let cookies = request.headers().get(COOKIE);
    let cookies = cookies.map_or("", |cookies| cookies.to_str().unwrap());
    let names = cookies
        .split("; ")
        .filter_map(|pair| Some(pair.split_once('=')?.0));
    let names: Vec<&str> = names.collect();
    let length = session.get::<String>("long")?.map(|long| long.len());
    Ok(format!("{length:?} {}", names.join(" ")))
}

/// Serves every case below its number, and says on which port.
fn serve(cases: &[Case]) -> u16 {
    let keyring = Keyring::new(Key::generate().unwrap());
    let app = cases
        .iter()
        .enumerate()
        .fold(Router::new(), |app, (number, case)| {
            let place = format!("/{number}");
            let builder = case.builder(&keyring, &place);
            let here = Router::new()
                .route("/set", get(set))
                .route("/see", get(see))
                .route("/destroy", get(destroy))
                .layer(SessionLayer::new(builder.build().unwrap()));
            app.nest(&place, here)
        });
    app::serve(app)
}

#[test]
fn a_destroyed_session_leaves_no_cookie_whatever_its_attributes() {
    let cases = cases();
    assert_eq!(cases.len(), 64);
    let port = serve(&cases);
    let browser = Browser::start();
    for (number, case) in cases.iter().enumerate() {
        let name = &case.name;
        let go = |step: &str| {
            browser.open(&format!("http://app.site.localhost:{port}/{number}/{step}"));
            browser.text("body")
        };
        go("set");
        assert_eq!(go("see"), format!("Some({LONG}) {name} {name}.1"), "{case}");
        go("destroy");
        assert_eq!(go("see"), "None", "{case}");
        assert_eq!(browser.cookies().len(), 0, "{case}");
    }
}

async fn log_in(session: Session) -> Result<(), SessionError> {
    session.regenerate_for_login()?;
    session.insert("user", 7)
}

async fn is_bound(session: Session) -> Result<String, SessionError> {
    Ok(session.is_device_bound()?.to_string())
}

/// What the layer answers in place of.
async fn unreached() {
    unreachable!()
}

#[test]
fn no_page_fetches_a_proof_whatever_the_attributes() {
    let keyring = Keyring::new(Key::generate().unwrap());
    let endpoint = |place: &str| format!("{place}/device");
    // The page that tells whether nginx is ready.
    let mut app = Router::new().route("/goodbye", get(|| async {}));
    let mut bound = vec![];
    for (number, case) in cases().into_iter().enumerate() {
        let place = format!("/{number}");
        let device = DeviceBound::default().path(&endpoint(&place));
        let can_be_bound = case.secure && !case.partitioned && case.domain.is_none();
        match case.builder(&keyring, &place).device_bound(device).build() {
            Ok(sessions) => {
                let here = Router::new()
                    .route(&format!("{place}/log-in"), get(log_in))
                    .route(&format!("{place}/see"), get(is_bound))
                    .route(&endpoint(&place), post(unreached))
                    .layer(SessionLayer::new(sessions));
                app = app.merge(here);
                assert!(can_be_bound, "{case}");
                bound.push((place, case));
            }
            Err(_) => assert!(!can_be_bound, "{case}"),
        }
    }
    assert_eq!(bound.len(), 12);
    let proxy = Proxy::start_https(&format!("http://localhost:{}", app::serve(app)));
    let profile = tempfile::tempdir().unwrap();
    let browser = Browser::start_with_device(&proxy.key_hash(), profile.path());
    for (place, case) in &bound {
        // Each has a site of its own, because browsers sign a few times in ten minutes for a site.
        let host = format!("case{}.test", &place[1..]);
        let page = |step: &str| format!("https://{host}:{}{place}/{step}", proxy.https);
        let see = || {
            browser.open(&page("see"));
            browser.text("body")
        };
        let asked = || proxy.requests(&format!("POST {}", endpoint(place)));
        browser.open(&page("log-in"));
        // The registration is the browser's own business, beside the page.
        let bound = (0..300).any(|_| {
            thread::sleep(Duration::from_millis(100));
            see() == "true"
        });
        assert!(bound, "{case}\n{}", proxy.log());
        for _ in 0..3 {
            assert_eq!(see(), "true", "{case}");
        }
        assert_eq!(asked(), 1, "{case}\n{}", proxy.log());

        // Nor did it take the cookie for one that nobody needs.
        browser.delete_cookie(&format!("{}-bound", case.name));
        assert_eq!(see(), "true", "{case}");
        assert_eq!(asked(), 3, "{case}\n{}", proxy.log());
        see();
        assert_eq!(asked(), 3, "{case}\n{}", proxy.log());
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Case {
            name,
            secure,
            http_only,
            same_site,
            everywhere,
            partitioned,
            domain,
        } = self;
        write!(
            f,
            "{name}: secure {secure}, http_only {http_only}, {same_site:?}, everywhere {everywhere}, \
             partitioned {partitioned}, domain {domain:?}"
        )
    }
}
