//! Keys come and go, and nobody is logged out.

use super::{NONE, a, session};
use crate::{
    kit::{
        browser::Jar,
        clock::{Clock, T0},
        keys::key,
    },
    server::Framework,
    site::{Site, sealed, settings},
};
use hardtack::{
    Codec, KeyId, Keyring, Timestamp,
    session::{Refusal, SaveReason},
};

fn sealed_by(jar: &Jar) -> KeyId {
    Codec::inspect(&jar.0[super::NAME]).unwrap().key
}

/// A session that another instance sealed under key 2.
fn under_key_2(at: u32) -> Jar {
    let sessions = settings(Keyring::new(key(2)), &Clock::at(at))
        .build()
        .unwrap();
    sealed(&sessions, |session| session.insert("a", 1))
}

fn set_ring(site: &Site, ring: Keyring) {
    site.sessions.set_keyring(ring);
}

/// Opened, and not sealed again before its time, or two instances would fight during a roll-out.
pub fn accepted_key(framework: &Framework) {
    let site = Site::new(framework);
    set_ring(&site, Keyring::new(key(1)).accept(key(2)).unwrap());
    let mut browser = site.browser_with(&under_key_2(T0));
    let visit = browser.visit(|session| session.get::<u8>("a"));
    assert_eq!(visit.opened(), Some(key(2).id()));
    assert_eq!(visit.set_cookie(), NONE);
    assert_eq!(visit.value(), Some(1));
    // A tenth of half an hour.
    site.clock.pass(180);
    let visit = browser.visit(|session| session.get::<u8>("a"));
    assert_eq!(visit.saved(), Some(SaveReason::Renewed));
    assert_eq!(sealed_by(&browser.jar), key(1).id());
}

pub fn retired_key(framework: &Framework) {
    let site = Site::new(framework);
    let at = Timestamp::from_unix(T0 + 10);
    set_ring(
        &site,
        Keyring::new(key(1)).accept_retired(key(2), at).unwrap(),
    );
    let mut browser = site.browser_with(&under_key_2(T0));
    let visit = browser.visit(|session| session.get::<u8>("a"));
    assert_eq!(visit.saved(), Some(SaveReason::Resealed));
    assert_eq!(visit.value(), Some(1));
    assert_eq!(sealed_by(&browser.jar), key(1).id());
    assert_eq!(a(&site, browser.jar.header()), Some(1));
}

/// What a retired key seals after its retirement opens nowhere.
pub fn retired_key_used_later(framework: &Framework) {
    let site = Site::new(framework);
    let at = Timestamp::from_unix(T0);
    set_ring(
        &site,
        Keyring::new(key(1)).accept_retired(key(2), at).unwrap(),
    );
    site.clock.pass(1000);
    for (sealed_at, refused) in [(T0 + 60, None), (T0 + 61, Some(Refusal::Revoked))] {
        let cookie = under_key_2(sealed_at).header();
        let visit = site.request().cookie(cookie);
        let visit = visit.visit(|session| session.get::<u8>("a"));
        assert_eq!(visit.refusals(), Vec::from_iter(refused));
        assert_eq!(visit.value().is_some(), refused.is_none());
    }
}

/// One browser through all phases of a rotation, while the server runs.
pub fn key_rotation_while_running(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser_with(&session(&site, 0));
    let retired = || Timestamp::from_unix(T0 + 500);
    let phases = [
        (Keyring::new(key(1)).accept(key(2)).unwrap(), 1),
        (Keyring::new(key(2)).accept(key(1)).unwrap(), 2),
        (
            Keyring::new(key(2))
                .accept_retired(key(1), retired())
                .unwrap(),
            2,
        ),
        (Keyring::new(key(2)), 2),
    ];
    for (phase, (ring, primary)) in (1u8..).zip(phases) {
        set_ring(&site, ring);
        let visit = browser.visit(|session| {
            session.update("a", |a: &mut u8| {
                *a += 1;
                *a
            })
        });
        assert_eq!(visit.value(), phase);
        assert_eq!(sealed_by(&browser.jar), key(primary).id());
        site.clock.pass(200);
    }
}

/// A request under way is saved with the ring of the moment in which it is saved.
pub fn rotated_during_a_request(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser_with(&session(&site, 1));
    let sessions = site.sessions.clone();
    let visit = browser.visit(move |session| {
        session.insert("a", 2)?;
        sessions.set_keyring(Keyring::new(key(3)));
        session.get::<u8>("a")
    });
    assert_eq!(visit.value(), Some(2));
    assert_eq!(sealed_by(&browser.jar), key(3).id());
}
