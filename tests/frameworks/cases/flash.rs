//! Messages that are shown once.

use super::NONE;
use crate::{
    app::Answer,
    kit::clock::MINUTE,
    server::Framework,
    site::{Request, Site},
};
use hardtack::session::{FlashLevel, Session, SessionError};

fn texts(session: &Session) -> Result<Vec<(FlashLevel, String)>, SessionError> {
    let flashes = session.take_flashes()?.into_iter();
    Ok(flashes.map(|flash| (flash.level, flash.text)).collect())
}

pub fn flash_once(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser();
    browser.visit(|session| {
        session.flash(FlashLevel::Success, "Saved – really: \"100 %\"; yes")?;
        session.flash(FlashLevel::Warning, "")
    });
    let expected = [
        (
            FlashLevel::Success,
            "Saved – really: \"100 %\"; yes".to_owned(),
        ),
        (FlashLevel::Warning, String::new()),
    ];
    assert_eq!(browser.visit(texts).value(), expected);
    let visit = browser.visit(texts);
    assert_eq!(visit.set_cookie(), NONE);
    assert_eq!(visit.value(), []);
}

pub fn flash_through_a_redirect(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser();
    let visit = browser.run(|mut handles| {
        handles.take_session().flash(FlashLevel::Info, "Added")?;
        Ok(((), Answer::new().status(303).header("location", "/cart")))
    });
    assert_eq!(visit.response().status, 303);
    assert_eq!(visit.response().values("location"), ["/cart"]);
    assert_eq!(
        browser.visit(texts).value(),
        [(FlashLevel::Info, "Added".into())]
    );
    assert_eq!(browser.visit(texts).value(), []);
}

/// A request that shows nothing loses nothing.
pub fn flash_waits(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser();
    browser.visit(|session| session.flash(FlashLevel::Info, "wait"));
    browser.visit(|session| session.insert("a", 1));
    browser.visit(|session| session.clear());
    assert_eq!(
        browser.visit(texts).value(),
        [(FlashLevel::Info, "wait".into())]
    );
}

pub fn flash_over_the_bound(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser();
    let visit = browser.visit(|session| {
        for _ in 0..16 {
            session.flash(FlashLevel::Info, "x")?;
        }
        Ok(session.flash(FlashLevel::Info, "x"))
    });
    assert_eq!(visit.value(), Err(SessionError::TooManyFlashes));
    assert_eq!(browser.visit(texts).value().len(), 16);
    let visit = browser.visit(|session| {
        session.flash(FlashLevel::Info, "x".repeat(1000))?;
        Ok(session.flash(FlashLevel::Info, "y".repeat(25)))
    });
    assert_eq!(visit.value(), Err(SessionError::TooManyFlashes));
    assert_eq!(browser.visit(texts).value().len(), 1);
}

/// Nobody sees the answer to HEAD, so it takes no message and renews nothing.
pub fn head_takes_no_flash(framework: &Framework) {
    preview(framework, |request| request.method("HEAD"));
}

/// A page that the browser loads in advance may never be shown.
pub fn prefetch_takes_no_flash(framework: &Framework) {
    for purpose in ["prefetch", "prefetch;prerender"] {
        preview(framework, |request| request.header("sec-purpose", purpose));
    }
}

fn preview(framework: &Framework, as_preview: impl Fn(Request<'_>) -> Request<'_>) {
    let site = Site::new(framework);
    let mut browser = site.browser();
    browser.visit(|session| session.flash(FlashLevel::Info, "Saved"));
    // A renewal is due, too.
    site.clock.pass(10 * MINUTE);
    let expected = [(FlashLevel::Info, "Saved".to_owned())];
    let visit = as_preview(browser.request()).visit(texts);
    let visit = browser.keep(visit);
    assert_eq!(visit.response().status, 200);
    assert_eq!(visit.set_cookie(), NONE);
    assert_eq!(visit.value(), expected);
    assert_eq!(browser.visit(texts).value(), expected);
}
