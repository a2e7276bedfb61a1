//! Messages that are shown once.

use super::NONE;
use crate::{app::Answer, server::Framework, site::Site};
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
