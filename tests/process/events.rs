//! Events through `tracing`: the level of each, and never a value. A program of its own, for it installs a subscriber:
//! what other tests do at the same time decides whether `tracing` listens to an event at all.
#![cfg(all(feature = "session", feature = "tracing"))]

#[path = "../kit/mod.rs"]
mod kit;

use hardtack::session::FormerCookie;
use kit::{
    clock::{Clock, HOUR, MINUTE},
    site::{Browser, NAME, Site, finish, logged_in},
};
use std::{
    fmt::Debug,
    sync::{Arc, Mutex},
    thread,
};
use tracing::{
    Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(Level, String)>>>);

impl Log {
    fn take(&self) -> Vec<(Level, String)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        assert_eq!(event.metadata().target(), "hardtack");
        let mut line = Line::default();
        event.record(&mut line);
        self.0
            .lock()
            .unwrap()
            .push((*event.metadata().level(), line.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 += &format!("{}={value:?} ", field.name());
    }
}

#[test]
fn each_event_has_its_level_and_no_value() {
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), || play(&log));
}

fn play(log: &Log) {
    let clock = Clock::new();
    let site = Site::with(&clock, |builder| {
        builder.validate(|view| !view.data().contains_key("refused"))
    });
    let mut browser = logged_in(&site, "hunter2");
    let token = browser.jar.0[NAME].clone();
    let id = browser.peek(&site, |session| session.id().unwrap());
    let mut all = String::new();
    let mut expect = |levels: &[(Level, &str)]| {
        let told = log.take();
        assert_eq!(told.len(), levels.len(), "{told:?}");
        for ((level, line), (wanted, part)) in told.iter().zip(levels) {
            assert_eq!(level, wanted, "{line}");
            assert!(line.contains(part), "{line}");
            all += line;
        }
    };
    let opened = (Level::DEBUG, "message=session opened");
    let id = format!("id={id} ");
    expect(&[(Level::DEBUG, "reason=created"), (Level::DEBUG, &id)]);

    Site::with(&clock, |builder| builder.insecure_for_development());
    expect(&[(Level::WARN, "session cookies are sent over http")]);

    browser.send(&site, |session| session.regenerate().unwrap());
    expect(&[
        opened,
        (Level::DEBUG, "reason=changed"),
        (Level::DEBUG, "message=session regenerated"),
    ]);
    let mut other = logged_in(&site, "hunter2");
    other.send(&site, |session| session.destroy().unwrap());
    expect(&[
        (Level::DEBUG, "reason=created"),
        opened,
        (Level::DEBUG, "message=session destroyed"),
    ]);
    browser.send(&site, |session| {
        session.insert("page", "hunter2".repeat(2_000)).unwrap_err();
    });
    expect(&[opened, (Level::ERROR, "error=the session needs ")]);
    browser.send(&site, |session| {
        session.insert("refused", "hunter2").unwrap()
    });
    expect(&[opened, (Level::INFO, "reason=not validated")]);

    let renamed = Site::with(&clock, |builder| {
        let former = FormerCookie::new(NAME).until(clock.now());
        builder.cookie_name("renamed").former_cookie(former)
    });
    let mut moved = browser.clone();
    moved.send(&renamed, |session| {
        session.insert("page", "hunter2").unwrap()
    });
    expect(&[
        opened,
        (Level::DEBUG, "reason=changed"),
        (Level::DEBUG, "from=\"__Host-session\""),
    ]);

    browser.send(&site, |session| {
        session.insert("odd\n", "hunter2").unwrap();
        session.get::<u8>("odd\n").unwrap_err();
        session.discard_changes().unwrap();
    });
    // A key may be a sender's: it is escaped.
    expect(&[
        opened,
        (Level::WARN, r#"key="odd\n" reason=found a text, wanted u8"#),
    ]);

    let session = site.request(&browser.header());
    session.insert("cart", "hunter2").unwrap();
    let _ = session.finish_with(&[b"public"], &[]);
    expect(&[
        opened,
        (Level::DEBUG, "reason=changed"),
        (Level::WARN, "it was replaced by no-store"),
    ]);

    let session = site.request(&browser.header());
    let handler = session.give();
    let panicked = thread::spawn(move || {
        let _handler = handler;
        std::panic::resume_unwind(Box::new("hunter2"));
    });
    assert!(panicked.join().is_err());
    session.insert("cart", "hunter2").unwrap();
    let _ = finish(&session);
    expect(&[opened, (Level::WARN, "reason=the handler panicked")]);

    #[cfg(feature = "unstable-device-bound")]
    {
        let bound = hardtack::session::DeviceBound::default();
        let bound = Site::with(&clock, |builder| builder.device_bound(bound));
        kit::site::foreign_registration(&bound);
        let created = (Level::DEBUG, "reason=created");
        let foreign = (Level::WARN, "reason=signed by another key");
        expect(&[created, opened, foreign]);
    }

    clock.pass(10 * MINUTE);
    let session = site.request(&browser.header());
    session.len().unwrap();
    clock.pass(6);
    let _ = finish(&session);
    expect(&[opened, (Level::DEBUG, "reason=too late for a renewal")]);
    let tight = Site::with(&clock, |builder| builder.max_cookie_bytes(130));
    browser.send(&tight, |session| session.len().unwrap());
    expect(&[opened, (Level::WARN, "reason=the renewal failed: ")]);

    let mut garbage = Browser::with([(NAME, "hunter2")]);
    garbage.send(&site, |session| session.len().unwrap());
    expect(&[(Level::INFO, "reason=not valid")]);
    clock.pass(HOUR);
    browser.send(&site, |session| session.len().unwrap());
    expect(&[(Level::DEBUG, "reason=idle timeout")]);

    assert!(
        !all.contains("hunter2") && !all.contains(&token[40..60]),
        "{all}"
    );
}
