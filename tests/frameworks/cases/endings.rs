//! A login that is over stays over: for copies of its cookies, for late answers, whatever clocks and
//! settings do.

use super::{NAME, NONE, a, line, session, token};
use crate::{
    handmade,
    kit::{
        browser::Jar,
        clock::{Clock, DAY, HOUR, MINUTE, T0, seconds},
        keys::master,
    },
    server::Framework,
    site::{Site, Visit, sealed},
};
use hardtack::session::{
    Denylist, Event, FlashLevel, LoginId, Refusal, Session, SessionError, SessionManagerBuilder,
    SkipReason, testing,
};

type Act = fn(&Session) -> Result<(), SessionError>;

/// Longer than the process remembers what it has ended.
const FORGOTTEN: u32 = 2 * MINUTE;

/// A site with a denylist, and others of the same clock and list.
fn denying(
    framework: &Framework,
    denylist: &Denylist,
    clock: &Clock,
    set: impl FnOnce(SessionManagerBuilder) -> SessionManagerBuilder,
) -> Site {
    let (denylist, clock) = (denylist.clone(), clock.clone());
    Site::with(framework, |settings| {
        set(settings.denylist(denylist).clock(move || clock.now()))
    })
}

/// Somebody who has logged in.
fn logged_in(site: &Site) -> Jar {
    sealed(&site.sessions, |session| {
        session.regenerate_for_login()?;
        session.insert("a", 1)
    })
}

/// Logs others in and out, so that the list prunes what it may.
fn prune(site: &Site) {
    for _ in 0..3 {
        let mut other = site.browser_with(&logged_in(site));
        let visit = other.visit(|session| session.destroy());
        assert_eq!(ended(&visit).len(), 1);
    }
}

/// The logins that ended.
fn ended<R>(visit: &Visit<R>) -> Vec<LoginId> {
    let login = |event: &Event| match event {
        Event::Destroyed { login_id, .. } => Some(*login_id),
        _ => None,
    };
    visit.events.iter().filter_map(login).collect()
}

fn skipped<R>(visit: &Visit<R>) -> Option<SkipReason> {
    visit.events.iter().find_map(|event| match event {
        Event::NotSaved { reason, .. } => Some(*reason),
        _ => None,
    })
}

/// The victim comes back from lunch and logs out; a copy was kept warm.
pub fn destroy_ends_what_is_idle(framework: &Framework) {
    let clock = Clock::new();
    let site = denying(framework, &Denylist::new(), &clock, |settings| settings);
    let jar = logged_in(&site);
    let mut copy = site.browser_with(&jar);
    clock.pass(20 * MINUTE);
    copy.visit(|session| session.get::<u8>("a"));
    clock.pass(11 * MINUTE);
    let mut victim = site.browser_with(&jar);
    let visit = victim.visit(|session| session.destroy());
    assert_eq!(visit.refusals(), [Refusal::IdleTimeout]);
    assert_eq!(ended(&visit).len(), 1);
    assert_eq!(victim.jar.header(), "");
    clock.pass(FORGOTTEN);
    let visit = copy.visit(|session| session.get::<u8>("a"));
    assert_eq!(visit.refusals(), [Refusal::Ended]);
    assert_eq!(visit.value(), None);
}

pub fn destroy_ends_every_login_received(framework: &Framework) {
    let clock = Clock::new();
    let site = denying(framework, &Denylist::new(), &clock, |settings| settings);
    let jars = [logged_in(&site), logged_in(&site), session(&site, 3)];
    let mut request = site.request();
    for jar in &jars {
        request = request.cookie(jar.header());
    }
    let visit = request.visit(|session| session.destroy());
    assert_eq!(ended(&visit).len(), 3);
    clock.pass(FORGOTTEN);
    for jar in &jars {
        assert_eq!(a(&site, jar.header()), None);
    }
}

/// A copy lives longer than the cookie that was logged out, and opens on no day that is left to it.
pub fn denied_after_remember(framework: &Framework) {
    let clock = Clock::new();
    let site = denying(framework, &Denylist::new(), &clock, |settings| settings);
    let mut victim = site.browser_with(&logged_in(&site));
    let mut thief = site.browser_with(&victim.jar);
    thief.visit(|session| session.remember(true));
    victim.visit(|session| session.expire_in(seconds(HOUR)));
    assert_eq!(ended(&victim.visit(|session| session.destroy())).len(), 1);
    for day in 1..14 {
        clock.set(T0 + day * DAY);
        prune(&site);
        let visit = thief.visit(|session| session.get::<u8>("a"));
        assert_eq!(visit.refusals(), [Refusal::Ended], "day {day}");
        assert_eq!(visit.value(), None);
    }
}

/// A second factor gives the session another id; the copy from before it is the same login's.
pub fn denied_after_regenerate(framework: &Framework) {
    let clock = Clock::new();
    let site = denying(framework, &Denylist::new(), &clock, |settings| settings);
    let mut browser = site.browser_with(&logged_in(&site));
    let copy = browser.jar.header();
    browser.visit(|session| session.regenerate());
    assert_ne!(browser.jar.header(), copy);
    browser.visit(|session| session.destroy());
    clock.pass(FORGOTTEN);
    assert_eq!(a(&site, copy), None);
}

/// The settings were short during the logout, and are long again.
pub fn denied_after_a_rollback(framework: &Framework) {
    let (clock, denylist) = (Clock::new(), Denylist::new());
    let short = |settings: SessionManagerBuilder| {
        settings
            .idle_timeout(seconds(5 * MINUTE))
            .absolute_timeout(seconds(5 * MINUTE))
            .remember_idle_timeout(seconds(5 * MINUTE))
            .remember_absolute_timeout(seconds(5 * MINUTE))
    };
    let long = denying(framework, &denylist, &clock, |settings| settings);
    let short = denying(framework, &denylist, &clock, short);
    let mut browser = long.browser_with(&logged_in(&long));
    browser.visit(|session| session.remember(true));
    let copy = browser.jar.header();
    let request = short.request().cookie(copy.as_str());
    assert_eq!(ended(&request.visit(|session| session.destroy())).len(), 1);
    clock.pass(5 * HOUR);
    prune(&short);
    assert_eq!(a(&long, copy), None);
}

/// A slow upload: the session is first used when its body is there, and a renewal would come late.
pub fn counted_from_the_head(framework: &Framework) {
    let site = Site::new(framework);
    let jar = session(&site, 1);
    site.clock.pass(10 * MINUTE);
    let clock = site.clock.clone();
    let visit = site.request().cookie(jar.header()).visit(move |session| {
        clock.pass(MINUTE);
        session.get::<u8>("a")
    });
    assert_eq!(skipped(&visit), Some(SkipReason::TooLate));
    assert_eq!(visit.set_cookie(), NONE);
    assert_eq!(visit.value(), Some(1));
}

/// What slow answers would save, each while another request does `other`.
fn while_another_works(framework: &Framework, act: Act, other: Act, after: u32) -> Visit<()> {
    let site = Site::new(framework);
    let jar = session(&site, 1);
    site.clock.pass(10 * MINUTE);
    let (clock, sessions, cookie) = (site.clock.clone(), site.sessions.clone(), jar.header());
    site.request().cookie(jar.header()).visit(move |session| {
        session.get::<u8>("a")?;
        let parallel = testing::session_from_cookie(&sessions, &cookie);
        other(&parallel)?;
        let _ = testing::set_cookie(&parallel);
        clock.pass(after);
        act(session)
    })
}

/// Reads with a renewal due, writes, and changes of the id.
const ANSWERS: [Act; 4] = [
    |session| session.get::<u8>("a").map(drop),
    |session| session.insert("a", 2),
    |session| session.regenerate(),
    |session| session.remember(true),
];

pub fn ended_while_another_works(framework: &Framework) {
    for act in ANSWERS {
        for after in [0, 1, 50] {
            let visit = while_another_works(framework, act, |session| session.destroy(), after);
            assert_eq!(visit.response().status, 200);
            assert_eq!(visit.set_cookie(), NONE);
        }
    }
}

pub fn replaced_while_another_works(framework: &Framework) {
    let login: Act = |session| session.regenerate_for_login();
    for act in ANSWERS {
        let visit = while_another_works(framework, act, login, 1);
        assert_eq!(visit.set_cookie(), NONE);
        assert_eq!(skipped(&visit), Some(SkipReason::LoginEnded));
    }
    // Two logins at once, as by a double click: the later answer counts.
    let visit = while_another_works(framework, login, login, 1);
    assert_eq!(visit.set_cookie().len(), 1);
}

/// An old tab's write would start the idle time again.
pub fn old_tab(framework: &Framework) {
    let site = Site::new(framework);
    let clock = site.clock.clone();
    let visit = site.browser_with(&session(&site, 1)).visit(move |session| {
        session.insert("a", 2)?;
        clock.pass(3 * HOUR);
        Ok(())
    });
    assert_eq!(skipped(&visit), Some(SkipReason::Ended));
    assert_eq!(visit.set_cookie(), NONE);
}

/// A session that seems to begin in a year would end a year late.
pub fn clock_ahead_at_login(framework: &Framework) {
    let site = Site::new(framework);
    let clock = site.clock.clone();
    let visit = site.browser_with(&session(&site, 1)).visit(move |session| {
        session.get::<u8>("a")?;
        clock.pass(365 * DAY);
        session.regenerate_for_login()?;
        clock.set(T0);
        Ok(())
    });
    assert_eq!(skipped(&visit), Some(SkipReason::NotYetValid));
    assert_eq!(visit.set_cookie(), NONE);
}

pub fn created_after_it_was_sealed(framework: &Framework) {
    let site = Site::new(framework);
    for (ahead, reason) in [(60, None), (61, Some(Refusal::NotYetValid))] {
        let record = handmade::record(1, T0 + ahead);
        let token = handmade::seal(&master(1), NAME, T0, &record);
        let visit = site.request().cookie(line(&token));
        let visit = visit.visit(|session| session.is_new());
        assert_eq!(visit.refusals().first(), reason.as_ref(), "{ahead}");
        assert_eq!(visit.value(), reason.is_some());
    }
}

/// Somebody else logs in at the same computer, without the box ticked.
pub fn login_over_a_remembered_session(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser_with(&logged_in(&site));
    browser.visit(|session| {
        session.remember(true)?;
        session.flash(FlashLevel::Info, "Your test results are here")
    });
    let visit = browser.visit(|session| {
        session.regenerate_for_login()?;
        session.flash(FlashLevel::Info, "Welcome")
    });
    assert!(!visit.set_cookie()[0].contains("Max-Age"));
    let visit = browser.visit(|session| Ok((session.is_remembered()?, session.take_flashes()?)));
    let (remembered, flashes) = visit.value();
    assert!(!remembered);
    let texts: Vec<&str> = flashes.iter().map(|flash| flash.text.as_str()).collect();
    assert_eq!(texts, ["Welcome"]);
}

/// What a panic leaves half done is not saved; a logout that the handler has asked for has happened.
pub fn panic_after_destroy(framework: &Framework) {
    let site = Site::new(framework);
    let browser = site.browser_with(&session(&site, 1));
    let visit = browser.request().visit(|session| {
        session.destroy()?;
        // A panic without the message on standard error.
        std::panic::resume_unwind(Box::new("the handler panics"));
        #[expect(unreachable_code, reason = "names the type")]
        Ok(())
    });
    assert_eq!(visit.answer.is_some(), framework.answers_panics);
    if visit.answer.is_some() {
        assert_eq!(visit.set_cookie(), NONE);
    }
    assert_eq!(a(&site, browser.jar.header()), None);
}

/// The site sets its cookies for a domain from now on: the host's own from before must not survive the
/// logout.
pub fn domain_added(framework: &Framework) {
    let set = |settings: SessionManagerBuilder| settings.cookie_name("__Secure-session");
    let before = Site::with(framework, set);
    let after = Site::with(framework, |settings| set(settings).domain("shop.example"));
    let old = session(&before, 1);
    let visit = after
        .request()
        .cookie(old.header())
        .visit(|session| session.destroy());
    let lines = visit.set_cookie();
    let removed = |domain: bool| {
        let is_one = |line: &&&str| {
            line.starts_with("__Secure-session=;")
                && line.contains("; Max-Age=0")
                && line.contains("; Domain=") == domain
        };
        lines.iter().filter(is_one).count()
    };
    assert_eq!((removed(true), removed(false)), (1, 1), "{lines:?}");
}

/// A removal without `Partitioned` leaves the partitioned twin.
pub fn partitioned_removal(framework: &Framework) {
    let site = Site::with(framework, |settings| settings.partitioned(true));
    let (one, two) = (token(&site, 1), token(&site, 2));
    let twins = format!("{}; {}", line(&one), line(&two));
    let visit = site
        .request()
        .cookie(twins)
        .visit(|session| session.destroy());
    assert_eq!(ended(&visit).len(), 2);
    let [removal] = visit.set_cookie()[..] else {
        panic!("{:?}", visit.set_cookie());
    };
    assert!(removal.contains("; Partitioned") && removal.contains("; Max-Age=0"));
    for token in [one, two] {
        assert_eq!(a(&site, line(&token)), None);
    }
}
