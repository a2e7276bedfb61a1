//! Sites that keep their sessions in a store, and a person of such a site.

use super::{
    clock::Clock,
    site::{Browser, Site},
    store::Scripted,
};
use hardtack::session::SessionManagerBuilder;

pub fn site_with(
    configure: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder,
) -> (Site, Scripted) {
    let clock = Clock::new();
    let store = Scripted::new(&clock);
    let site = Site::with(&clock, |builder| configure(builder.store(store.clone())));
    (site, store)
}

/// Instances of a site that share a store.
pub fn instances<const N: usize>(
    configure: impl Fn(SessionManagerBuilder) -> SessionManagerBuilder,
) -> ([Site; N], Scripted) {
    let clock = Clock::new();
    let store = Scripted::new(&clock);
    let site = |()| Site::with(&clock, |builder| configure(builder.store(store.clone())));
    ([(); N].map(site), store)
}

/// Somebody who has logged in, and whose list has the session.
pub fn person(site: &Site, user: &str) -> Browser {
    let mut browser = Browser::default();
    browser.send(site, |session| {
        session.regenerate_for_login().unwrap();
        session.set_subject(Some(user)).unwrap();
        session.insert("user", user).unwrap();
    });
    browser
}
