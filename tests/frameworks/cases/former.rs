//! A site changes its cookie: nobody is logged out, and nothing old logs in again.

use super::{NAME, NONE, a, line, session, token};
use crate::{
    kit::{
        browser::{Jar, Shelf},
        clock::{DAY, MINUTE, T0, at},
    },
    server::Framework,
    site::{Site, Visit},
};
use hardtack::session::{
    Denylist, Event, FormerCookie, Refusal, SessionError, SessionManagerBuilder,
};

fn former(name: &str) -> FormerCookie {
    FormerCookie::new(name).until(at(T0 + 14 * DAY))
}

/// A browser that tells cookies apart by their place.
#[derive(Default)]
struct Browser(Shelf);

impl Browser {
    fn visit<R: Send + 'static>(
        &mut self,
        site: &Site,
        f: impl FnOnce(&hardtack::session::Session) -> Result<R, SessionError> + Send + 'static,
    ) -> Visit<R> {
        let request = site.request().cookie(self.0.header("/run/"));
        let visit = request.visit(f);
        for line in visit.set_cookie() {
            self.0.store(line);
        }
        visit
    }
}

fn ended<R>(visit: &Visit<R>) -> usize {
    let is_end = |event: &&Event| matches!(event, Event::Destroyed { .. });
    visit.events.iter().filter(is_end).count()
}

type Set = fn(SessionManagerBuilder) -> SessionManagerBuilder;

/// Somebody logs in before the change, comes back after it, and logs out; a copy of each cookie is kept.
fn through_a_change(framework: &Framework, before: Set, after: Set, former: FormerCookie) {
    let denylist = Denylist::new();
    let old = Site::with(framework, |settings| {
        before(settings).denylist(denylist.clone())
    });
    let new = Site::with(framework, |settings| {
        after(settings).former_cookie(former).denylist(denylist)
    });
    let mut browser = Browser::default();
    browser.visit(&old, |session| {
        session.regenerate_for_login()?;
        session.insert("a", 1)
    });
    let copies = [browser.0.header("/run/")];
    let visit = browser.visit(&new, |session| session.get::<u8>("a"));
    assert_eq!(visit.set_cookie(), NONE);
    assert_eq!(visit.value(), Some(1));
    browser.visit(&new, |session| session.insert("b", 2));
    assert_eq!(browser.0.0.len(), 1, "{:?}", browser.0);
    let visit = browser.visit(&new, |session| session.get::<u8>("a"));
    assert_eq!(visit.value(), Some(1));
    let copies = copies.into_iter().chain([browser.0.header("/run/")]);
    let visit = browser.visit(&new, |session| session.destroy());
    assert_eq!(ended(&visit), 1);
    assert_eq!(browser.0.0.len(), 0, "{:?}", browser.0);
    for copy in copies {
        for site in [&old, &new] {
            site.clock.pass(2 * MINUTE);
            assert_eq!(a(site, copy.as_str()), None);
        }
    }
}

pub fn renamed(framework: &Framework) {
    let before: Set = |settings| settings.cookie_name("sid");
    through_a_change(framework, before, |settings| settings, former("sid"));
}

pub fn domain_or_path_changed(framework: &Framework) {
    let host: Set = |settings| settings.cookie_name("sid");
    let domain: Set = |settings| settings.cookie_name("sid").domain("shop.example");
    let path: Set = |settings| settings.cookie_name("sid").path("/run");
    through_a_change(framework, host, domain, former("sid"));
    let of_the_domain = || former("sid").domain("shop.example");
    through_a_change(framework, domain, host, of_the_domain());
    through_a_change(framework, path, host, former("sid").path("/run"));
}

/// Both twins would arrive under one name.
pub fn partitioned_switched(framework: &Framework) {
    let partitioned: Set = |settings| settings.partitioned(true);
    let not: Set = |settings| settings;
    through_a_change(framework, not, partitioned, former(NAME));
    through_a_change(framework, partitioned, not, former(NAME).partitioned());
    // Twins that are there already: a logout removes and ends both.
    let site = Site::with(framework, |settings| {
        settings.partitioned(true).former_cookie(former(NAME))
    });
    let twins = format!("{}; {}", line(&token(&site, 1)), line(&token(&site, 2)));
    let request = site.request().cookie(twins);
    let visit = request.visit(|session| session.destroy());
    assert_eq!(ended(&visit), 2);
    let lines = visit.set_cookie();
    let partitioned = lines.iter().filter(|line| line.contains("; Partitioned"));
    assert_eq!((lines.len(), partitioned.count()), (2, 1), "{lines:?}");
}

pub fn realm_changed(framework: &Framework) {
    let before: Set = |settings| settings.realm("one");
    let after: Set = |settings| settings.realm("two");
    through_a_change(framework, before, after, former(NAME).realm("one"));
}

pub fn planted_under_a_former_name(framework: &Framework) {
    let old = Site::with(framework, |settings| settings.cookie_name("sid"));
    let new = Site::with(framework, |settings| settings.former_cookie(former("sid")));
    let victim = session(&old, 1).header();
    let planted = session(&old, 66).header();
    let both = format!("{victim}; {planted}");
    let request = || {
        let request = new.request().header("host", "www.shop.example");
        request.cookie(both.as_str())
    };
    let visit = request().visit(|session| session.get::<u8>("a"));
    let lines = visit.set_cookie();
    let heals = |line: &&str| line.starts_with("sid=;") && line.contains("; Max-Age=0");
    assert!(lines.iter().all(heals), "{lines:?}");
    assert!(
        lines
            .iter()
            .any(|line| line.contains("; Domain=shop.example"))
    );
    // The place of the victim's own is left alone.
    let own = |line: &&str| {
        let differs = |other| line.contains(other);
        line.contains("; Path=/;") && !differs("; Domain=") && !differs("; Partitioned")
    };
    assert!(!lines.iter().any(own), "{lines:?}");
    assert_eq!(visit.refusals(), [Refusal::Rival, Refusal::Rival]);
    assert_eq!(visit.value(), None);
    let visit = request().visit(|session| session.insert("a", 2));
    assert_eq!(visit.response().status, 503);
    // Beside a present one it does not count at all.
    let request = new.request().cookie(session(&new, 3).header());
    let visit = request
        .cookie(planted)
        .visit(|session| session.get::<u8>("a"));
    assert_eq!(visit.value(), Some(3));
}

/// The browser has both cookies, of two logins.
pub fn logged_out_with_two_names(framework: &Framework) {
    let denylist = Denylist::new();
    let old = Site::with(framework, |settings| {
        settings.cookie_name("sid").denylist(denylist.clone())
    });
    let new = Site::with(framework, |settings| {
        settings.former_cookie(former("sid")).denylist(denylist)
    });
    let [former, present] = [session(&old, 1), session(&new, 2)];
    let both: Jar = Jar(former.0.into_iter().chain(present.0).collect());
    let mut browser = new.browser_with(&both);
    let visit = browser.visit(|session| session.destroy());
    assert_eq!(ended(&visit), 2);
    assert_eq!(browser.jar.header(), "");
    for site in [&old, &new] {
        site.clock.pass(2 * MINUTE);
        assert_eq!(a(site, both.header()), None);
    }
}
