//! A session over 4 KB travels in several cookies.

use super::{NAME, NONE};
use crate::{
    kit::browser::Jar,
    server::Framework,
    site::{Site, Visit, sealed},
};
use hardtack::session::{Event, Refusal, SaveError, SessionError};

/// A site that allows as much as there can be.
fn roomy(framework: &Framework) -> Site {
    Site::with(framework, |settings| {
        settings.max_chunks(9).max_cookie_bytes(36_000)
    })
}

/// A session with so many bytes in it.
fn filled(site: &Site, bytes: usize) -> Jar {
    sealed(&site.sessions, |session| {
        session.insert("text", "x".repeat(bytes))
    })
}

fn names(jar: &Jar) -> Vec<&str> {
    jar.0.keys().map(String::as_str).collect()
}

const ONE: &str = NAME;
const TWO: &str = "__Host-session.1";
const THREE: &str = "__Host-session.2";

/// How long the text is that a request finds.
fn text(site: &Site, jar: &Jar) -> Option<usize> {
    let visit = site.request().cookie(jar.header());
    let text = visit.visit(|session| session.get::<String>("text")).value();
    text.map(|text| text.len())
}

fn resize(site: &Site, from: usize, to: usize) -> (Jar, Visit<()>) {
    let mut browser = site.browser_with(&filled(site, from));
    let visit = browser.visit(move |session| session.insert("text", "x".repeat(to)));
    assert_eq!(text(site, &browser.jar), Some(to));
    (browser.jar, visit)
}

pub fn chunks_grow(framework: &Framework) {
    let site = roomy(framework);
    let (jar, visit) = resize(&site, 10, 4000);
    assert_eq!(names(&jar), [ONE, TWO]);
    assert_eq!(visit.set_cookie().len(), 2);
    let (jar, _) = resize(&site, 4000, 8000);
    assert_eq!(names(&jar), [ONE, TWO, THREE]);
    // No line is longer than a browser takes.
    let (jar, visit) = resize(&site, 10, 25_000);
    assert_eq!(jar.0.len(), 9);
    assert!(visit.set_cookie().iter().all(|line| line.len() <= 4096));
}

pub fn chunks_shrink(framework: &Framework) {
    let site = roomy(framework);
    let (jar, visit) = resize(&site, 8000, 4000);
    assert_eq!(names(&jar), [ONE, TWO]);
    // Two are set, the third is removed.
    assert_eq!(visit.set_cookie().len(), 3);
}

pub fn chunks_vanish(framework: &Framework) {
    let site = roomy(framework);
    let (jar, visit) = resize(&site, 8000, 10);
    assert_eq!(names(&jar), [ONE]);
    assert_eq!(visit.set_cookie().len(), 3);
    let mut browser = site.browser_with(&filled(&site, 8000));
    let visit = browser.visit(|session| session.destroy());
    assert_eq!(visit.set_cookie().len(), 3);
    assert!(browser.jar.0.is_empty());
}

/// Parts of another token, and of none, before and behind ours.
pub fn chunks_foreign(framework: &Framework) {
    let site = roomy(framework);
    let (ours, other) = (filled(&site, 4000), filled(&site, 4100));
    let (one, two, foreign) = (&ours.0[ONE], &ours.0[TWO], &other.0[TWO]);
    for cookie in [
        format!("{TWO}={foreign}; {ONE}={one}; {TWO}={two}"),
        format!("{ONE}={one}; {TWO}=hhhhhhhh.hhhh; {TWO}={two}; {THREE}={foreign}"),
        format!("{TWO}={two}; {TWO}={foreign}; {ONE}={one}; {TWO}=; {NAME}.x=y"),
    ] {
        let visit = site.request().cookie(cookie);
        let visit = visit.visit(|session| session.get::<String>("text"));
        assert_eq!(visit.refusals(), []);
        assert_eq!(visit.value().map(|text| text.len()), Some(4000));
    }
    // A part of another token does not count as a part of this one.
    let visit = site
        .request()
        .cookie(format!("{ONE}={one}; {TWO}={foreign}"));
    let visit = visit.visit(|session| session.is_new());
    assert_eq!(visit.refusals(), [Refusal::Incomplete]);
}

pub fn chunk_missing(framework: &Framework) {
    let site = roomy(framework);
    for gone in [ONE, TWO, THREE] {
        let mut browser = site.browser_with(&filled(&site, 8000));
        browser.jar.0.remove(gone);
        let visit = browser.visit(|session| session.is_new());
        let expected = if gone == ONE {
            vec![]
        } else {
            vec![Refusal::Incomplete]
        };
        assert_eq!(visit.refusals(), expected);
        assert_eq!(visit.set_cookie(), NONE);
        assert!(visit.value());
    }
}

/// `insert` returns an error. If a handler ignores it, the response is a 500 and the browser keeps its cookie.
pub fn over_the_cap(framework: &Framework) {
    let site = Site::new(framework);
    for listens in [true, false] {
        let mut browser = site.browser_with(&filled(&site, 10));
        let before = browser.jar.clone();
        let visit = browser.visit(
            move |session| match session.insert("text", "x".repeat(6000)) {
                Err(error) if listens => Err(error),
                result => Ok(result),
            },
        );
        let limit = 7000;
        let said = match visit.result.clone().unwrap() {
            Ok(result) => result,
            Err(error) => Err(error),
        };
        let Err(SessionError::TooBig { len, max }) = said else {
            panic!("{said:?}");
        };
        assert!(len > limit && max == limit);
        assert_eq!(visit.response().status, 500);
        assert_eq!(visit.response().text(), "");
        assert_eq!(visit.set_cookie(), NONE);
        assert_eq!(visit.response().values("cache-control"), ["no-store"]);
        let failed = visit.events.iter().find_map(|event| match event {
            Event::Failed { error, .. } => Some(*error),
            _ => None,
        });
        assert_eq!(failed, Some(SaveError::TooBig { len, max }));
        assert_eq!(browser.jar, before);
    }
}

/// What was too big may be made smaller again.
pub fn over_the_cap_and_back(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser_with(&filled(&site, 10));
    let visit = browser.visit(|session| {
        let result = session.insert("more", "x".repeat(6000));
        session.remove("more")?;
        session.insert("text", "short")?;
        Ok(result.is_err())
    });
    assert_eq!(visit.response().status, 200);
    assert!(visit.value());
    assert_eq!(text(&site, &browser.jar), Some(5));
}
