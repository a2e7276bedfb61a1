//! Chromium keeps and removes a session's cookies with every combination of attributes: a removal
//! whose attributes are not the setter's would leave the cookie where it is.

mod app;

use axum::{Router, extract::Request, http::header::COOKIE, routing::get};
use e2e::Browser;
use hardtack::{
    Key, Keyring,
    axum::SessionLayer,
    session::{SameSite, Session, SessionError, SessionManager},
};

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
            let mut builder = SessionManager::builder(keyring.clone())
                .cookie_name(&case.name)
                .secure(case.secure)
                .http_only(case.http_only)
                .same_site(case.same_site)
                .path(if case.everywhere { "/" } else { &place })
                .partitioned(case.partitioned);
            if let Some(domain) = case.domain {
                builder = builder.domain(domain);
            }
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
