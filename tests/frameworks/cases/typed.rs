//! Typed sessions, and two layers on one application.

use super::{NAME, NONE};
use crate::{
    app::{Account, Answer, Neighbours, Role},
    kit::browser::Jar,
    log,
    server::Framework,
    site::{Request, Site, Visit, ring, sealed, settings},
};
use hardtack::session::{Event, Refusal, Session, SessionData, SessionError};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicUsize, Ordering};

const ACCOUNT: &str = "__Host-account";

fn visit<R: Send + 'static>(
    request: Request<'_>,
    f: impl FnOnce(&Session<Account>) -> Result<R, SessionError> + Send + 'static,
) -> Visit<R> {
    request
        .route("/account/")
        .run(|mut handles| Ok((f(&handles.take_account())?, Answer::new())))
}

fn user(account: &Session<Account>) -> Result<(u64, String), SessionError> {
    account.with(|account| (account.user, account.name.clone()))
}

pub fn typed_session(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser();
    let set = visit(browser.request(), |account| {
        account.modify(|account| account.user = 7)?;
        account.modify(|account| account.name.push_str("Ada"))
    });
    assert_eq!(set.set_cookie().len(), 1);
    browser.keep(set);
    let seen = visit(browser.request(), user);
    assert_eq!(seen.set_cookie(), NONE);
    assert_eq!(seen.value(), (7, "Ada".into()));
    let same = visit(browser.request(), |account| {
        account.modify(|account| account.user = 7)
    });
    assert_eq!(same.set_cookie(), NONE);
}

/// A user who would be a moderator on the next request: a 500 today.
pub fn value_that_changes(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser();
    let set = visit(browser.request(), |account| {
        account.modify(|account| account.user = 7)
    });
    browser.keep(set);
    let lossy = visit(browser.request(), |account| {
        account.modify(|account| account.role = Role::User)
    });
    assert_eq!(lossy.response().status, 500);
    assert_eq!(lossy.set_cookie(), NONE);
    let error = lossy.events.iter().find_map(|event| match event {
        Event::Failed { error, .. } => Some(error.to_string()),
        _ => None,
    });
    let name = std::any::type_name::<Account>();
    assert!(error.is_some_and(|error| error.contains(name)));
    let seen = visit(browser.request(), |account| {
        account.with(|account| (account.user, account.role))
    });
    assert_eq!(seen.value(), (7, Role::Guest));
}

/// The account as another version of the application has it.
#[derive(Default, Serialize, Deserialize)]
struct Other<const VERSION: u8>(u64);

impl<const VERSION: u8> SessionData for Other<VERSION> {
    const NAME: &'static str = "account";
    const VERSION: u8 = VERSION;
}

/// A session of that version.
fn version<const VERSION: u8>(site: &Site) -> Jar {
    let sessions = settings(ring(), &site.clock)
        .cookie_name(ACCOUNT)
        .data::<Other<VERSION>>()
        .build()
        .unwrap();
    sealed(&sessions, |session| session.modify(|other| other.0 = 7))
}

pub fn older_schema(framework: &Framework) {
    let site = Site::new(framework);
    let migrated = visit(site.browser_with(&version::<1>(&site)).request(), user);
    assert_eq!(migrated.refusals(), []);
    assert_eq!(migrated.value(), (7, "migrated".into()));
}

pub fn older_schema_not_taken(framework: &Framework) {
    let site = Site::new(framework);
    let anew = visit(site.browser_with(&version::<0>(&site)).request(), user);
    assert_eq!(anew.refusals(), [Refusal::OlderSchema]);
    assert_eq!(anew.set_cookie(), NONE);
    assert_eq!(anew.value(), (0, String::new()));
}

/// An instance with the next version runs beside this one: its sessions stay for it.
pub fn newer_schema(framework: &Framework) {
    let site = Site::new(framework);
    let newer = visit(site.browser_with(&version::<3>(&site)).request(), user);
    assert_eq!(newer.refusals(), [Refusal::NewerSchema]);
    assert_eq!(newer.set_cookie(), NONE);
    assert_eq!(newer.value(), (0, String::new()));
}

pub fn two_layers(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser();
    let both = browser.request().route("/both/").run(|mut handles| {
        handles.take_session().insert("a", 1)?;
        handles.take_account().modify(|account| account.user = 7)?;
        Ok(((), Answer::new()))
    });
    assert_eq!(both.set_cookie().len(), 2);
    assert_eq!(both.response().values("vary"), ["Cookie"]);
    assert_eq!(both.response().values("cache-control"), ["no-store"]);
    browser.keep(both);
    let names: Vec<_> = browser.jar.0.keys().collect();
    assert_eq!(names, [ACCOUNT, NAME]);
    assert_eq!(browser.visit(|session| session.keys()).value(), ["a"]);
    assert_eq!(visit(browser.request(), user).value().0, 7);
    // Ending one leaves the other.
    browser.visit(|session| session.destroy());
    assert_eq!(visit(browser.request(), user).value().0, 7);
}

/// Two managers of one name overwrite each other's cookies, whatever their types are: the log says so when
/// the first of them sets it.
pub fn two_layers_of_one_name(framework: &Framework) {
    static SITES: AtomicUsize = AtomicUsize::new(0);
    log::collect();
    // All tests share the log.
    let name = format!("both-{}", SITES.fetch_add(1, Ordering::Relaxed));
    let error = format!("two `SessionManager`s with the cookie name `{name}` serve one request");
    let site = Site::naming(&name, framework, Neighbours::None, |settings| {
        settings.cookie_name(&name)
    });
    site.request().visit(|session| session.get::<u8>("a"));
    assert!(!log::has_error(&error));
    site.request().visit(|session| session.insert("a", 1));
    assert!(log::has_error(&error));
}

/// One's token under the other's name.
pub fn two_layers_swapped(framework: &Framework) {
    let site = Site::new(framework);
    let account = version::<2>(&site).0.remove(ACCOUNT).unwrap();
    let session = super::token(&site, 1);
    let request = site
        .request()
        .cookie(format!("{NAME}={account}; {ACCOUNT}={session}"));
    let swapped = request.route("/both/").run(|mut handles| {
        let session = handles.take_session().is_new()?;
        Ok(((session, handles.take_account().is_new()?), Answer::new()))
    });
    assert_eq!(swapped.refusals(), [Refusal::Invalid; 2]);
    assert_eq!(swapped.value(), (true, true));
}
