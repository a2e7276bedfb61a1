//! What else the response says, and what stands beside the session.

use super::{NAME, NONE, session};
use crate::{
    app::{Answer, App, Neighbours, Role},
    kit::clock::Clock,
    log,
    server::Framework,
    site::{Site, Visit, ring, settings},
};
use hardtack::session::{Event, Session, SessionError};
use std::{env, process::Command};
use tracing::subscriber::NoSubscriber;

/// Reads or writes, and answers so.
fn answering(
    site: &Site,
    f: impl FnOnce(&Session) -> Result<(), SessionError> + Send + 'static,
    answer: Answer,
) -> Visit<()> {
    site.browser_with(&session(site, 1)).run(|mut handles| {
        f(&handles.take_session())?;
        Ok(((), answer))
    })
}

fn read(session: &Session) -> Result<(), SessionError> {
    session.get::<u8>("a").map(drop)
}

fn write(session: &Session) -> Result<(), SessionError> {
    session.insert("a", 2)
}

pub fn vary(framework: &Framework) {
    let site = Site::new(framework);
    for (own, added) in [
        (vec![], true),
        (vec!["Accept-Language"], true),
        (vec!["Accept-Language", "Origin"], true),
        (vec!["Accept-Language, cookie"], false),
        (vec!["*"], false),
    ] {
        let answer = |mut answer: Answer| {
            for value in &own {
                answer = answer.header("vary", value);
            }
            answer
        };
        let visit = answering(&site, read, answer(Answer::new()));
        let response = visit.response();
        for member in own.iter().flat_map(|value| value.split(", ")) {
            assert!(response.lists("vary", member), "{:?}", response.headers);
        }
        assert_eq!(response.lists("vary", "cookie"), !own.contains(&"*"));
        if !added {
            assert_eq!(response.values("vary"), own);
        }
    }
}

pub fn cache_control(framework: &Framework) {
    let site = Site::new(framework);
    for (own, reading, writing) in [
        (None, "private", "no-store"),
        (Some("max-age=60"), "max-age=60", "no-store"),
        (Some("public, max-age=60"), "public, max-age=60", "no-store"),
        (
            Some("private, max-age=60"),
            "private, max-age=60",
            "private, max-age=60",
        ),
        (Some("No-Store"), "No-Store", "No-Store"),
    ] {
        let answer = || match own {
            Some(own) => Answer::new().header("cache-control", own),
            None => Answer::new(),
        };
        let visit = answering(&site, read, answer());
        assert_eq!(visit.response().values("cache-control"), [reading]);
        let visit = answering(&site, write, answer());
        assert_eq!(visit.response().values("cache-control"), [writing]);
        let replaced = visit.events.contains(&Event::CacheControlReplaced);
        assert_eq!(replaced, own.is_some_and(|own| own != writing));
    }
}

/// A body that is made when the headers are out may read on, and is told that it cannot write.
pub fn streamed_body(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser_with(&session(&site, 1));
    let visit = browser.run(|mut handles| {
        let session = handles.take_session();
        session.insert("a", 2)?;
        let body = move || format!("{:?}", (session.get::<u8>("a"), session.insert("a", 3)));
        Ok(((), Answer::new().streamed(body)))
    });
    assert_eq!(visit.response().text(), "(Ok(Some(2)), Err(HeadersSent))");
    assert_eq!(visit.set_cookie().len(), 1);
    assert_eq!(browser.visit(|session| session.get("a")).value(), Some(2u8));
}

/// The session's first use comes after the headers: too late to tell caches of it.
pub fn first_use_after_the_headers(framework: &Framework) {
    let site = Site::new(framework);
    let visit = site.browser_with(&session(&site, 1)).run(|mut handles| {
        let session = handles.take_session();
        let body = move || format!("{:?}", (session.get::<u8>("a"), session.destroy()));
        Ok(((), Answer::new().streamed(body)))
    });
    assert_eq!(
        visit.response().text(),
        "(Err(HeadersSent), Err(HeadersSent))"
    );
    assert_eq!(visit.response().values("vary"), NONE);
    assert_eq!(visit.set_cookie(), NONE);
}

/// An error of the session is a 500 that tells the client nothing; the log has the text.
pub fn session_error(framework: &Framework) {
    log::collect();
    // The decoder quotes what it cannot read as this.
    #[derive(Debug, serde::Deserialize)]
    enum Theme {}
    let site = Site::new(framework);
    // All tests share the log: a key that only this one has.
    let key = framework.layer;
    let visit = site.browser().visit(|session| {
        session.insert(key, "correct horse")?;
        session.get::<Theme>(key).map(drop)
    });
    let Some(Err(error)) = &visit.result else {
        panic!("a text is not a theme");
    };
    assert_eq!(visit.response().status, 500);
    assert!(!visit.response().text().contains("type"));
    assert!(log::has_error(&error.to_string()));
    assert!(!log::has_error("correct horse"));
}

fn without_layers() -> App {
    let clock = Clock::new();
    App {
        sessions: settings(ring(), &clock).build().unwrap(),
        accounts: settings(ring(), &clock)
            .cookie_name("__Host-account")
            .data()
            .build()
            .unwrap(),
        layers: false,
        neighbours: Neighbours::None,
    }
}

pub fn missing_layer(framework: &Framework) {
    log::collect();
    // Rocket refuses to launch at all.
    if let Ok(server) = (framework.serve)(without_layers()) {
        let guarded = framework.guarded.iter().map(|route| format!("{route}0"));
        for path in ["/run/0".into(), "/account/0".into()]
            .into_iter()
            .chain(guarded)
        {
            let response = crate::client::get(server.address, &path, &[]).unwrap();
            assert_eq!((response.status, response.text()), (500, ""));
        }
    }
    let layer = framework.layer;
    assert!(log::has_error(&format!(
        "no layer for `Session`: add `{layer}`"
    )));
    // Or it is there, and in the wrong place. The adapter for hyper wraps one service.
    let moved = log::has_error(&format!("add `{layer}`; if it is there, it "));
    assert!(moved || framework.name == "hyper");
    let account = std::any::type_name::<crate::app::Account>();
    assert!(log::has_error(&format!(
        "no layer for `Session<{account}>`: add `{layer}` with a `SessionManager<{account}>`"
    )));
}

/// A cookie that the handler sets with the framework's own means.
pub fn another_cookie(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser_with(&session(&site, 1));
    let visit = browser.run(|mut handles| {
        handles.take_session().insert("a", 2)?;
        Ok(((), Answer::new().own_cookie()))
    });
    assert_eq!(visit.set_cookie().len(), 2);
    assert_eq!(browser.jar.0["theme"], "dark");
    assert_eq!(browser.visit(|session| session.get("a")).value(), Some(2u8));
}

pub fn compression_and_cors_outside(framework: &Framework) {
    compression_and_cors(framework, Neighbours::Outside);
}

pub fn compression_and_cors_inside(framework: &Framework) {
    compression_and_cors(framework, Neighbours::Inside);
}

fn compression_and_cors(framework: &Framework, neighbours: Neighbours) {
    let site = Site::beside(framework, neighbours, |settings| settings);
    let mut browser = site.browser_with(&session(&site, 1));
    let visit = browser
        .request()
        .header("accept-encoding", "gzip")
        .header("origin", "https://other.example")
        .run(|mut handles| {
            handles.take_session().insert("a", 2)?;
            let answer = Answer::new()
                .header("vary", "Accept-Language")
                .header("content-type", "text/plain")
                .own_cookie()
                .text(&"hardtack keeps ".repeat(200));
            Ok(((), answer))
        });
    let visit = browser.keep(visit);
    let response = visit.response();
    assert_eq!(response.values("content-encoding"), ["gzip"]);
    assert!(response.body.starts_with(b"\x1f\x8b") && response.body.len() < 1000);
    assert_eq!(response.values("access-control-allow-origin").len(), 1);
    assert!(response.lists("vary", "cookie"), "{:?}", response.headers);
    assert_eq!(response.values("cache-control"), ["no-store"]);
    assert_eq!(visit.set_cookie().len(), 2);
    assert_eq!(browser.jar.0["theme"], "dark");
    assert!(browser.jar.0[NAME].starts_with('h'));
    assert_eq!(browser.visit(|session| session.get("a")).value(), Some(2u8));
}

/// A shared cache obeys a field of its own before Cache-Control, and reads what stands in quotes as text.
pub fn targeted_cache_fields(framework: &Framework) {
    let site = Site::new(framework);
    for (name, value) in [
        ("cdn-cache-control", "public, max-age=60"),
        ("surrogate-control", "max-age=60"),
        (
            "cache-control",
            "public, max-age=60, no-cache=\"x, private\"",
        ),
    ] {
        let visit = site.request().run(move |mut handles| {
            handles.take_session().insert("a", 1)?;
            Ok(((), Answer::new().header(name, value)))
        });
        assert_eq!(visit.response().values(name), ["no-store"]);
        assert_eq!(visit.response().values("cache-control"), ["no-store"]);
        assert!(visit.events.contains(&Event::CacheControlReplaced));
        assert_eq!(visit.set_cookie().len(), 1);
    }
}

/// How a process logs that says what is wrong.
const LISTENERS: [&str; 3] = ["nobody", "nobody any more", "a subscriber"];

/// Each kind of 500 that the library makes has its line in the log, with every kind of listener to `tracing`. Another process says
/// them, in which this case runs alone. `.ci/run tests` runs it without the feature `tracing` too.
pub fn no_500_without_a_line(framework: &Framework) {
    const SPEAKER: &str = "HARDTACK_TEST_SPEAKS";
    if let Ok(listener) = env::var(SPEAKER) {
        match listener.as_str() {
            "nobody any more" => tracing::subscriber::with_default(NoSubscriber::new(), || ()),
            "a subscriber" => log::collect(),
            _ => {}
        }
        fail_in_every_way(framework);
        return log::print();
    }
    for listener in LISTENERS {
        let said = Command::new(env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg(format!("{}::no_500_without_a_line", framework.name))
            .env(SPEAKER, listener)
            .output()
            .unwrap();
        let text = String::from_utf8(said.stderr).unwrap();
        assert!(said.status.success(), "{text}");
        let mut lines = vec![
            "the session needs ",
            "a field of `frameworks::app::Account` may have ",
            "under one session cookie name",
            "a request from https://evil.example to ",
            "a request from https://guarded.example to ",
        ];
        // The adapter for hyper is this suite's own, and knows `tracing` only.
        if framework.name != "hyper" {
            lines.extend([
                "the value under `a` has another type",
                "no layer for `Session`: add `",
            ]);
        }
        if cfg!(feature = "store") {
            lines.push("the session store ");
        }
        if cfg!(debug_assertions) {
            lines.push("a Secure cookie answers a request that seems to come over http");
        }
        for line in lines {
            let is_one = |said: &str| said.starts_with("hardtack: ") && said.contains(line);
            // Of what others choose the number of, only the first lines are printed.
            let found = text.lines().filter(|said| is_one(said)).count();
            assert!(found >= 1, "{listener}: {line} in {text}");
            let once = line.starts_with("a Secure cookie");
            assert!(!once || found == 1, "{listener}: {line} in {text}");
        }
    }
}

fn fail_in_every_way(framework: &Framework) {
    let site = Site::with(framework, |settings| settings.cookie_name("sid"));
    let status = |visit: Visit<()>| visit.response().status;
    let visit = site.request().visit(|session| {
        let _ = session.insert("a", "x".repeat(40_000));
        Ok(())
    });
    assert_eq!(status(visit), 500);
    let visit = site.request().route("/account/").run(|mut handles| {
        let account = handles.take_account();
        account.modify(|account| account.role = Role::User)?;
        Ok(((), Answer::new()))
    });
    assert_eq!(status(visit), 500);
    let jars = [session(&site, 1), session(&site, 2)];
    let cookies = jars.clone().map(|jar| jar.header()).join("; ");
    let visit = site.request().cookie(cookies);
    assert_eq!(status(visit.visit(|session| session.insert("a", 3))), 503);
    let forged = |origin: &str| site.request().method("POST").header("origin", origin);
    let visit = forged("https://evil.example").visit(|session| session.insert("a", 3));
    assert_eq!(status(visit), 403);
    for route in framework.guarded {
        let visit = forged("https://guarded.example").route(route);
        assert_eq!(status(visit.run(|_| Ok(((), Answer::new())))), 403);
    }
    let visit = site.request().cookie(jars[0].header());
    let visit = visit.visit(|session| session.get::<String>("a").map(drop));
    assert_eq!(status(visit), 500);
    // Nothing is wrong where a Secure cookie reaches the browser.
    for (name, value) in [
        ("host", "127.0.0.1:3000"),
        ("host", "site.localhost"),
        ("sec-fetch-site", "none"),
        ("x-forwarded-proto", "https"),
    ] {
        let request = site.request().header(name, value);
        let request = match name {
            "host" => request,
            _ => request.header("host", "shop.example"),
        };
        assert_eq!(status(request.visit(|session| session.insert("a", 3))), 200);
    }
    assert!(!log::has("a Secure cookie"), "too early");
    for _ in 0..2 {
        let request = site.request().header("host", "192.0.2.1:3000");
        assert_eq!(status(request.visit(|session| session.insert("a", 3))), 200);
    }
    #[cfg(feature = "store")]
    {
        // It has room for one record.
        let small = hardtack::store::MemoryStore::new(2_000);
        let site = Site::with(framework, |settings| {
            settings.store(small).max_record_bytes(1_500)
        });
        let [one, other] = [(); 2].map(|()| {
            let visit = site.request();
            status(visit.visit(|session| session.insert("a", "x".repeat(1_000))))
        });
        assert_eq!((one, other), (200, 503));
    }
    if let Ok(server) = (framework.serve)(without_layers()) {
        let response = crate::client::get(server.address, "/run/0", &[]).unwrap();
        assert_eq!(response.status, 500);
    }
}

/// On a developer's machine the 500 says why. Elsewhere it tells nobody anything.
pub fn failed_save_in_development(framework: &Framework) {
    let fail = |site: &Site| {
        let visit = site.request().visit(|session| {
            let _ = session.insert("a", "x".repeat(40_000));
            Ok(())
        });
        let response = visit.response();
        assert_eq!(response.status, 500);
        response.text().to_owned()
    };
    assert_eq!(fail(&Site::new(framework)), "");
    let site = Site::with(framework, |settings| settings.insecure_for_development());
    let said = fail(&site);
    // The adapter for hyper takes any body that has an empty one.
    if framework.name != "hyper" {
        assert!(
            said.starts_with("the session was not saved: the session needs "),
            "{said}"
        );
        assert!(said.ends_with("the maximum is 7000\n"), "{said}");
    }
}
