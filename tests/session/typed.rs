//! Typed sessions: schema versions, types that do not come back, two types side by side.

use crate::kit::{
    clock::{Clock, HOUR, MINUTE},
    keys::ring,
    site::{Browser, Site, finish},
};
use hardtack::session::{
    Event, FlashLevel, OldData, Refusal, SaveError, SaveReason, SessionData, SessionError,
    SessionManager,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};

#[derive(Default, Serialize, Deserialize)]
struct V1 {
    user: u32,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct V3 {
    theme: String,
    user: u32,
}

impl SessionData for V1 {
    const NAME: &'static str = "account";
    const VERSION: u8 = 1;
}

impl SessionData for V3 {
    const NAME: &'static str = "account";
    const VERSION: u8 = 3;

    fn migrate(old: OldData<'_>) -> Option<V3> {
        assert_eq!(old.version(), 1);
        let user = old.read()?;
        (user != 13).then(|| V3 {
            theme: "light".into(),
            user,
        })
    }
}

fn versions() -> (Site<V1>, Site<V3>) {
    let clock = Clock::new();
    (
        Site::with(&clock, |builder| builder.data()),
        Site::with(&clock, |builder| builder.data()),
    )
}

fn user_of(site: &Site<V1>, user: u32) -> Browser {
    let mut browser = Browser::default();
    browser.send(site, |session| {
        session.modify(|data| data.user = user).unwrap()
    });
    site.events();
    browser
}

#[test]
fn an_older_schema_is_migrated_and_saved_when_something_is() {
    let (old, new) = versions();
    let mut browser = user_of(&old, 7);
    let before = browser.clone();
    let (_, reply) = browser.visit(&new, |session| {
        session
            .with(|data| assert_eq!((data.theme.as_str(), data.user), ("light", 7)))
            .unwrap();
        // The same value is not a change.
        session.modify(|data| data.user = 7).unwrap();
    });
    assert_eq!((reply.set_cookie.len(), &browser), (0, &before));

    // A renewal writes what the handler had.
    let mut renewed = before.clone();
    new.clock.pass(10 * MINUTE);
    let (_, reply) = renewed.visit(&new, |session| session.with(|_| ()).unwrap());
    assert_eq!(reply.set_cookie.len(), 1);
    renewed.peek(&new, |session| {
        assert_eq!(session.with(|data| data.user), Ok(7))
    });
    renewed.peek(&old, |session| assert!(session.is_new().unwrap()));

    // Times, id and flash messages come along.
    let id = browser.peek(&old, |session| session.id().unwrap());
    browser.send(&old, |session| {
        session.flash(FlashLevel::Info, "hello").unwrap()
    });
    browser.send(&new, |session| {
        session.modify(|data| data.theme = "dark".into()).unwrap()
    });
    browser.peek(&new, |session| {
        assert_eq!(session.with(|data| data.theme.clone()).unwrap(), "dark");
        assert_eq!(session.id().unwrap(), id);
        assert_eq!(
            session.created_at().unwrap().to_unix(),
            crate::kit::clock::T0
        );
        assert_eq!(session.take_flashes().unwrap()[0].text, "hello");
    });
}

#[test]
fn what_migrate_does_not_take_and_what_is_newer_is_left_alone() {
    let (old, new) = versions();
    let mut browser = user_of(&old, 13);
    let before = browser.clone();
    let (_, reply) = browser.visit(&new, |session| assert!(session.is_new().unwrap()));
    assert_eq!((reply.set_cookie.len(), &browser), (0, &before));
    assert!(matches!(
        new.events()[..],
        [Event::Refused {
            reason: Refusal::OlderSchema,
            id: Some(_),
            ..
        }]
    ));

    let mut browser = Browser::default();
    browser.send(&new, |session| {
        session.modify(|data| data.user = 7).unwrap()
    });
    let before = browser.clone();
    browser.send(&old, |session| assert!(session.is_new().unwrap()));
    assert_eq!(browser, before);
    assert!(matches!(
        old.events()[..],
        [Event::Refused {
            reason: Refusal::NewerSchema,
            id: Some(_),
            ..
        }]
    ));
}

/// The same account, of somebody who says nothing of older versions.
#[derive(Default, Serialize, Deserialize)]
struct V2 {
    user: u32,
}

impl SessionData for V2 {
    const NAME: &'static str = "account";
    const VERSION: u8 = 2;
}

#[test]
fn an_older_schema_that_nothing_is_said_of_starts_anew_and_is_left_alone() {
    let clock = Clock::new();
    let old = Site::<V1>::with(&clock, |builder| builder.data());
    let new = Site::<V2>::with(&clock, |builder| builder.data());
    let mut browser = user_of(&old, 7);
    let before = browser.clone();
    let (_, reply) = browser.visit(&new, |session| {
        assert_eq!(session.with(|data| data.user), Ok(0));
    });
    assert_eq!((reply.failed, &browser), (None, &before));
    assert!(matches!(
        new.events()[..],
        [Event::Refused {
            reason: Refusal::OlderSchema,
            id: Some(_),
            ..
        }]
    ));
}

/// What goes in as more than 9 does not come out again.
#[derive(Debug, Default, PartialEq)]
struct Fragile(u8);

impl Serialize for Fragile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            255 => Err(S::Error::custom("not this one")),
            n => serializer.serialize_u8(n),
        }
    }
}

impl<'de> Deserialize<'de> for Fragile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            n if n > 9 => Err(D::Error::custom("more than 9")),
            n => Ok(Fragile(n)),
        }
    }
}

impl SessionData for Fragile {
    const NAME: &'static str = "fragile";
    const VERSION: u8 = 1;
}

/// The same type, with a migration of version 1 to a value that cannot be read.
#[derive(Default, Serialize, Deserialize)]
struct Broken(Fragile);

impl SessionData for Broken {
    const NAME: &'static str = "fragile";
    const VERSION: u8 = 2;

    fn migrate(_: OldData<'_>) -> Option<Broken> {
        Some(Broken(Fragile(10)))
    }
}

#[test]
fn what_cannot_be_read_back_is_not_sent() {
    let site = Site::<Fragile>::with(&Clock::new(), |builder| builder.data());
    let mut browser = Browser::default();
    let (_, reply) = browser.visit(&site, |session| session.replace(Fragile(10)).unwrap());
    assert_eq!(
        (reply.failed, &browser),
        (Some(unreadable::<Fragile>()), &Browser::default())
    );
    browser.send(&site, |session| session.replace(Fragile(9)).unwrap());
    site.events();
    let before = browser.clone();
    for bad in [10, 255] {
        let (_, reply) = browser.visit(&site, |session| {
            let replaced = session.replace(Fragile(bad));
            assert_eq!(replaced.is_err(), bad == 255);
        });
        assert_eq!(
            (reply.failed, &browser),
            (Some(unreadable::<Fragile>()), &before)
        );
        let events = site.events();
        assert!(
            matches!(
                events[..],
                [
                    _,
                    Event::Failed {
                        error: SaveError::Unreadable { .. },
                        ..
                    }
                ]
            ),
            "{events:?}"
        );
    }
    let error = browser.peek(&site, |session| session.replace(Fragile(255)).unwrap_err());
    assert!(matches!(error, SessionError::Unstorable { .. }), "{error}");
    assert!(!error.to_string().contains("not this one"), "{error}");
}

#[test]
fn what_a_migration_makes_of_a_session_must_be_readable_too() {
    let clock = Clock::new();
    let old = Site::<Fragile>::with(&clock, |builder| builder.data());
    let new = Site::<Broken>::with(&clock, |builder| builder.data());
    let mut browser = Browser::default();
    browser.send(&old, |session| session.replace(Fragile(9)).unwrap());
    let before = browser.clone();
    clock.pass(10 * MINUTE);
    let (_, reply) = browser.visit(&new, |session| session.with(|_| ()).unwrap());
    assert_eq!((reply.failed, &browser), (None, &before));
    assert!(matches!(
        new.events()[..],
        [Event::Refused {
            reason: Refusal::Unreadable,
            ..
        }]
    ));
}

/// A type with a value that does not serialize.
#[derive(Default)]
struct Strict(u8);

impl Serialize for Strict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            1 => Err(S::Error::custom("not this one")),
            n => serializer.serialize_u8(n),
        }
    }
}

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer).map(Strict)
    }
}

impl SessionData for Strict {
    const NAME: &'static str = "strict";
    const VERSION: u8 = 0;
}

#[test]
fn a_write_that_does_not_serialize_is_never_taken_for_nothing() {
    let site = Site::<Strict>::with(&Clock::new(), |builder| builder.data());
    let mut browser = Browser::default();
    let (_, reply) = browser.visit(&site, |session| {
        assert!(session.replace(Strict(1)).is_err())
    });
    assert_eq!(reply.failed, Some(unreadable::<Strict>()));
    let (_, reply) = browser.visit(&site, |session| {
        session.with(|data| assert_eq!(data.0, 0)).unwrap()
    });
    assert_eq!(reply.failed, None);
    let (_, reply) = browser.visit(&site, |session| assert!(session.replace(Strict(2)).is_ok()));
    assert_eq!(reply.set_cookie.len(), 1);
}

#[test]
fn two_sessions_with_two_names_live_side_by_side() {
    let clock = Clock::new();
    let map = Site::with(&clock, |builder| builder);
    let typed = Site::<V3>::with(&clock, |builder| {
        builder.data().cookie_name("__Host-account")
    });
    let mut browser = Browser::default();
    for n in 0..3 {
        // One request, two layers.
        let header = browser.header();
        let (cart, account) = (map.request(&header), typed.request(&header));
        cart.update("n", |n: &mut u32| *n += 1).unwrap();
        account.modify(|data| data.user += 10).unwrap();
        for reply in [finish(&cart), finish(&account)] {
            assert_eq!(reply.set_cookie.len(), 1);
            browser.take(&reply);
        }
        assert_eq!(
            browser.peek(&map, |session| session.get("n").unwrap()),
            Some(n + 1)
        );
        assert_eq!(
            browser.peek(&typed, |session| session.with(|data| data.user)),
            Ok(10 * (n + 1))
        );
    }
    browser.send(&map, |session| session.destroy().unwrap());
    assert_eq!(browser.names(), ["__Host-account"]);
    // The same cookie name and another type: nothing opens, nothing breaks.
    let other = Site::with(&clock, |builder| builder.cookie_name("__Host-account"));
    browser.peek(&other, |session| assert!(session.is_new().unwrap()));
    assert!(matches!(
        other.events()[..],
        [Event::Refused {
            reason: Refusal::Invalid,
            id: None,
            ..
        }]
    ));
    clock.pass(HOUR);
    let (_, reply) = browser.visit(&typed, |session| assert!(session.is_new().unwrap()));
    assert_eq!((reply.set_cookie.len(), reply.failed), (0, None));
    let reasons: Vec<_> = typed
        .events()
        .into_iter()
        .map(|event| {
            matches!(
                event,
                Event::Saved {
                    reason: SaveReason::Created,
                    ..
                }
            )
        })
        .collect();
    assert_eq!(reasons.iter().filter(|created| **created).count(), 1);
}

/// A variant that serde skips is counted when the role is written, and not when it is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Role {
    #[default]
    Guest,
    #[serde(skip)]
    #[expect(dead_code, reason = "moves those behind it")]
    Internal,
    User,
    Moderator,
    Admin,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Member {
    role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<u8>,
    visits: Option<u8>,
}

/// Comes back, as not every member does.
impl Default for Member {
    fn default() -> Member {
        Member {
            role: Role::Guest,
            name: Some(0),
            visits: None,
        }
    }
}

impl SessionData for Member {
    const NAME: &'static str = "member";
    const VERSION: u8 = 1;
}

#[test]
fn what_comes_back_as_something_else_is_not_sent() {
    let member = |role, name, visits| Member { role, name, visits };
    for lossy in [
        // A moderator, when it is read.
        member(Role::User, Some(1), Some(1)),
        member(Role::Moderator, Some(1), Some(1)),
        member(Role::Admin, Some(1), Some(1)),
        // The visits, when the name is read.
        member(Role::Guest, None, Some(0)),
    ] {
        let site = Site::<Member>::with(&Clock::new(), |builder| builder.data());
        let mut browser = Browser::default();
        let (_, reply) = browser.visit(&site, |session| session.replace(lossy).unwrap());
        assert_eq!(reply.failed, Some(unreadable::<Member>()));
        assert_eq!(browser, Browser::default());
    }
    let site = Site::<Member>::with(&Clock::new(), |builder| builder.data());
    let mut browser = Browser::default();
    let same = member(Role::Guest, Some(1), None);
    browser.send(&site, |session| session.replace(same).unwrap());
    let read = browser.peek(&site, |session| session.replace(Member::default()).unwrap());
    assert_eq!(read, member(Role::Guest, Some(1), None));
}

/// The names of the session types of this file are in its errors.
fn unreadable<T>() -> SaveError {
    SaveError::Unreadable {
        type_name: std::any::type_name::<T>(),
    }
}

macro_rules! session_data {
    ($($type:ty)*) => {$(
        impl SessionData for $type {
            const NAME: &'static str = "odd";
            const VERSION: u8 = 1;
        }
    )*};
}
session_data!(Tagged Flattened Anything MaybeAnything Counts);

#[derive(Default, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    #[default]
    Guest,
}

#[derive(Default, Serialize, Deserialize)]
struct Flattened {
    #[serde(flatten)]
    more: std::collections::BTreeMap<String, u8>,
}

#[derive(Default, Serialize, Deserialize)]
struct Anything {
    value: serde_json::Value,
}

#[derive(Default, Serialize, Deserialize)]
struct MaybeAnything {
    value: Option<serde_json::Value>,
}

#[derive(Default, Serialize, Deserialize)]
struct Counts(std::collections::HashMap<u32, u32>);

/// It is read in another order, of the same bytes.
#[test]
fn a_hash_map_comes_back() {
    let site = Site::<Counts>::with(&Clock::new(), |builder| builder.data());
    let mut browser = Browser::default();
    let counts = || (0..100).map(|n| (n, n * n)).collect();
    let (_, reply) = browser.visit(&site, |session| session.replace(Counts(counts())).unwrap());
    assert_eq!((reply.failed, reply.set_cookie.len()), (None, 1));
    let read = browser.peek(&site, |session| session.with(|data| data.0.clone()));
    assert_eq!(read, Ok(counts()));
}

#[test]
fn a_type_whose_default_does_not_come_back_is_refused_by_name() {
    fn refused<T: SessionData>() {
        let builder = SessionManager::builder(ring(1)).data::<T>();
        let error = builder.build().unwrap_err().to_string();
        let name = std::any::type_name::<T>();
        assert!(
            error.contains(&format!("a field of `{name}` may have `flatten`")),
            "{error}"
        );
    }
    refused::<Tagged>();
    refused::<Flattened>();
    refused::<Anything>();
}

#[test]
fn a_value_that_does_not_come_back_names_its_type() {
    let site = Site::<MaybeAnything>::with(&Clock::new(), |builder| builder.data());
    let mut browser = Browser::default();
    let (_, reply) = browser.visit(&site, |session| {
        session.modify(|data| data.value = Some(7.into())).unwrap();
    });
    let error = reply.failed.unwrap();
    assert_eq!(error, unreadable::<MaybeAnything>());
    assert!(
        error.to_string().contains("MaybeAnything` may have"),
        "{error}"
    );
}
