//! Values of the dictionary that are read as another type than they were written as.

use crate::kit::{
    clock::{MINUTE, T0},
    site::{Browser, Site},
};
use hardtack::session::{Event, Session, SessionError};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize)]
struct Before {
    id: u32,
    name: &'static str,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct User {
    id: u32,
    name: String,
    locale: String,
}

const BEFORE: Before = Before { id: 7, name: "ada" };

/// Somebody who logged in before the type of the value changed.
fn returning(site: &Site) -> Browser {
    let mut browser = Browser::default();
    browser.send(site, |session| session.insert("user", BEFORE).unwrap());
    site.events();
    browser
}

fn page(session: &Session) -> Result<(), SessionError> {
    session.get::<User>("user").map(drop)
}

/// What the site was told of values with another type: their key, and whether they were removed.
fn told(site: &Site) -> Vec<(String, bool)> {
    let of_type = |event| match event {
        Event::WrongType {
            id: Some(_),
            key,
            reason,
            removed,
        } => {
            assert!(reason.starts_with("found a map, wanted "), "{reason}");
            assert!(!reason.contains("ada"), "{reason}");
            Some((key, removed))
        }
        _ => None,
    };
    site.events().into_iter().filter_map(of_type).collect()
}

#[test]
fn a_value_of_another_type_is_told_and_does_not_keep_the_session_alive() {
    type Handler = fn(&Session) -> Result<(), SessionError>;
    let handlers: [Handler; 3] = [
        page,
        |session| session.take::<User>("user").map(drop),
        |session| session.update("user", |_: &mut User| ()),
    ];
    for handler in handlers {
        let site = Site::new();
        let mut browser = returning(&site);
        site.clock.set(T0 + 20 * MINUTE); // a renewal is due
        let (result, reply) = browser.visit(&site, handler);
        assert!(matches!(result, Err(SessionError::WrongType { .. })));
        assert_eq!((reply.failed, reply.set_cookie.len()), (None, 0));
        assert_eq!(told(&site), [("user".to_owned(), false)]);
        // So the page works again once the idle timeout is over.
        site.clock.set(T0 + 31 * MINUTE);
        assert_eq!(browser.peek(&site, page), Ok(()));
    }
}

#[test]
fn other_pages_renew_as_before_and_a_change_is_saved() {
    let site = Site::new();
    let mut browser = returning(&site);
    site.clock.set(T0 + 20 * MINUTE);
    let (_, reply) = browser.visit(&site, |session| session.len().unwrap());
    assert_eq!(reply.set_cookie.len(), 1);
    type Handler = fn(&Session);
    let handlers: [Handler; 2] = [
        |session| session.insert("theme", "dark").unwrap(),
        |session| session.touch().unwrap(),
    ];
    for handler in handlers {
        let (_, reply) = browser.visit(&site, |session| {
            assert!(page(session).is_err());
            handler(session);
        });
        assert_eq!(reply.set_cookie.len(), 1);
    }
}

#[test]
fn one_call_reads_a_value_or_removes_it() {
    let site = Site::new();
    let mut browser = returning(&site);
    let read = |session: &Session| session.get_or_remove::<User>("user");
    let (user, reply) = browser.visit(&site, |session| {
        assert_eq!(session.get_or_remove::<u8>("absent"), Ok(None));
        read(session)
    });
    assert_eq!((user, reply.set_cookie.len()), (Ok(None), 1));
    assert_eq!(told(&site), [("user".to_owned(), true)]);
    assert_eq!(browser.peek(&site, page), Ok(()));

    let user = User {
        locale: "en".into(),
        ..User::default()
    };
    browser.send(&site, |session| session.insert("user", &user).unwrap());
    let (read, reply) = browser.visit(&site, read);
    assert_eq!((read, reply.set_cookie.len()), (Ok(Some(user)), 0));
    assert_eq!(told(&site), []);
}

/// What is written under one name and read under another.
#[derive(Debug, Default, Serialize, Deserialize)]
struct OneWay {
    #[serde(rename(serialize = "written"))]
    field: u8,
}

/// Read as something else.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Lossy {
    #[serde(skip_deserializing)]
    field: u8,
}

/// serde cannot read these integers in such a type.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u128),
}

impl Default for Untagged {
    fn default() -> Untagged {
        Untagged::Number(0)
    }
}

#[test]
fn update_takes_nothing_that_does_not_come_back() {
    let site = Site::new();
    let mut browser = Browser::default();
    let (_, reply) = browser.visit(&site, |session| {
        session.insert("odd", 5).unwrap();
        let update = [
            session.update("one way", |_: &mut OneWay| ()),
            session.update("lossy", |lossy: &mut Lossy| lossy.field = 1),
            session.update("number", |_: &mut Untagged| ()),
        ];
        for result in update {
            let error = result.unwrap_err();
            assert!(matches!(error, SessionError::Unstorable { .. }), "{error}");
            let text = error.to_string();
            assert!(text.ends_with(" is read as something else"), "{text}");
        }
        assert_eq!(session.keys().unwrap(), ["odd"]);
    });
    assert_eq!((reply.failed, reply.set_cookie.len()), (None, 1));
}

#[test]
fn several_values_are_stored_as_one() {
    let site = Site::new();
    let mut browser = Browser::default();
    browser.send(&site, |session| {
        session.insert("a", 1).unwrap();
        session.extend([("b", 2), ("a", 3)]).unwrap();
    });
    let (_, reply) = browser.visit(&site, |session| {
        let ab = [("a".to_owned(), 3), ("b".to_owned(), 2)];
        assert_eq!(session.entries::<u32>().unwrap(), ab);
        // A map whose keys are equal does not serialize, and what came before it is not stored.
        let twice = Twice(true);
        let error = session
            .extend([("c", Twice(false)), ("d", twice)])
            .unwrap_err();
        assert!(matches!(error, SessionError::Unstorable { key, .. } if key == "d"));
        assert_eq!(session.keys().unwrap(), ["a", "b"]);
        let error = session.extend([("e", "x".repeat(9_000))]).unwrap_err();
        assert!(matches!(error, SessionError::TooBig { .. }), "{error}");
        session.remove("e").unwrap();
        assert_eq!(session.entries::<u32>().unwrap(), ab);
    });
    assert_eq!((reply.failed, reply.set_cookie.len()), (None, 0));
}

/// A map that has a key twice, if so.
struct Twice(bool);

impl Serialize for Twice {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("key", 1), (if self.0 { "key" } else { "other" }, 2)])
    }
}

#[test]
fn entries_of_another_type_are_told_and_do_not_keep_the_session_alive() {
    let site = Site::new();
    let mut browser = returning(&site);
    site.clock.pass(29 * MINUTE);
    let (read, reply) = browser.visit(&site, |session| session.entries::<User>().map(drop));
    assert!(matches!(read, Err(SessionError::WrongType { key, .. }) if key == "user"));
    assert_eq!(reply.set_cookie.len(), 0);
    assert_eq!(told(&site), [("user".to_owned(), false)]);
}

#[test]
fn a_value_that_is_there_is_not_made_again() {
    let site = Site::new();
    let mut browser = Browser::default();
    let (made, reply) = browser.visit(&site, |session| session.get_or_insert_with("n", || 7_u8));
    assert_eq!((made, reply.set_cookie.len()), (Ok(7), 1));
    let (found, reply) = browser.visit(&site, |session| {
        session.get_or_insert_with("n", || -> u8 { panic!("it is there") })
    });
    assert_eq!((found, reply.set_cookie.len()), (Ok(7), 0));
    browser.visit(&site, |session| {
        let error = session.get_or_insert_with("n", String::new).unwrap_err();
        assert!(matches!(error, SessionError::WrongType { .. }), "{error}");
        let error = session
            .get_or_insert_with("lossy", || Lossy { field: 1 })
            .unwrap_err();
        assert!(matches!(error, SessionError::Unstorable { .. }), "{error}");
        // The closure may use the session.
        let len = session.get_or_insert_with("len", || session.len().unwrap());
        assert_eq!(len, Ok(1));
    });
}

/// The fields of a form, whose number is the sender's choice. If each were put by itself, this would take minutes.
#[test]
fn many_values_at_once_are_refused_at_once() {
    let site = Site::new();
    let mut browser = Browser::default();
    browser.send(&site, |session| {
        session.insert("0", 0).unwrap();
        let field = |n: u32| (format!("{:x}", n.wrapping_mul(2_654_435_761)), n);
        let refused = session.extend((0..200_000).map(field)).unwrap_err();
        assert!(matches!(refused, SessionError::TooBig { .. }), "{refused}");
        session.clear().unwrap();
        // Of two values under one key, the later one counts.
        session.extend([("b", 1), ("a", 2), ("b", 3)]).unwrap();
        let expected = [("a".into(), 2), ("b".into(), 3)];
        assert_eq!(session.entries::<u32>().unwrap(), expected);
    });
}
