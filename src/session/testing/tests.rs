use super::*;
use crate::session::{SessionData, SessionError};
use crate::{Key, Keyring};
use alloc::{string::ToString as _, vec, vec::Vec};
use serde::{Deserialize, Serialize};

fn sessions(byte: u8) -> SessionManager {
    let key = core::array::from_fn(|i| (i * i) as u8 ^ byte);
    SessionManager::builder(Keyring::new(Key::from_bytes(key).unwrap()))
        .build()
        .unwrap()
}

fn with(sessions: &SessionManager, bytes: usize) -> Session {
    let session = new_session(sessions);
    session.insert("text", "x".repeat(bytes)).unwrap();
    session
}

fn len(session: &Session) -> Option<usize> {
    let text = session.get::<String>("text").unwrap();
    text.map(|text| text.len())
}

fn come_back(sessions: &SessionManager, cookie: &str) -> Session {
    session_from_cookie(sessions, cookie)
}

#[test]
fn a_header_opens_again_whole_or_in_chunks() {
    let sessions = sessions(1);
    for (bytes, cookies) in [(10, 1), (4_000, 2)] {
        let cookie = cookie_header(&with(&sessions, bytes)).unwrap();
        assert_eq!(cookie.matches('=').count(), cookies, "{bytes}");
        assert_eq!(len(&come_back(&sessions, &cookie)), Some(bytes));
        let response = set_cookie(&with(&sessions, bytes)).unwrap();
        assert_eq!(
            len(&session_from_set_cookie(&sessions, response).unwrap()),
            Some(bytes)
        );
    }
}

#[test]
fn a_header_is_what_the_browser_has_after_the_response() {
    let sessions = sessions(1);
    let long = cookie_header(&with(&sessions, 4_000)).unwrap();
    let others =
        format!("a=1;\t{long} ; __Host-session.x=1; __Host-session.12=2; __Host-session-2=3");
    // Nothing changed: the cookies that it came with, and only these.
    let session = come_back(&sessions, &others);
    assert_eq!(len(&session), Some(4_000));
    assert_eq!(cookie_header(&session).unwrap(), long);
    // Nor was it used.
    assert_eq!(cookie_header(&come_back(&sessions, &others)).unwrap(), long);
    // Shorter: the second chunk goes.
    let session = come_back(&sessions, &long);
    session.insert("text", "x").unwrap();
    let short = cookie_header(&session).unwrap();
    assert_eq!(short.matches('=').count(), 1);
    assert_eq!(len(&come_back(&sessions, &short)), Some(1));
    // Ended.
    let session = come_back(&sessions, &long);
    session.destroy().unwrap();
    assert_eq!(cookie_header(&session), Err(NoSessionError::Removed));
}

#[test]
fn of_a_response_only_the_session_counts_and_of_two_the_last() {
    let sessions = sessions(1);
    let mut response = set_cookie(&with(&sessions, 10)).unwrap();
    response.extend(set_cookie(&with(&sessions, 4_000)).unwrap());
    response.extend(
        [
            "theme=dark; Max-Age=0",
            "__Host-session.x=; Max-Age=0",
            "no cookie",
        ]
        .map(String::from),
    );
    assert_eq!(
        len(&session_from_set_cookie(&sessions, &response).unwrap()),
        Some(4_000)
    );
    response.push("theme=dark".into());
    let session = session_from_set_cookie(&sessions, &response).unwrap();
    assert!(!cookie_header(&session).unwrap().contains("theme"));
    let mut bytes: Vec<Vec<u8>> = response.into_iter().map(String::into_bytes).collect();
    bytes.insert(0, vec![0xff, b'=']);
    assert_eq!(
        len(&session_from_set_cookie(&sessions, &bytes).unwrap()),
        Some(4_000)
    );
    // A chunk that is removed is not there.
    bytes.push(b"__Host-session.1=; Max-Age=0".to_vec());
    let refused = NoSessionError::Refused(Refusal::Incomplete);
    assert_eq!(
        session_from_set_cookie(&sessions, &bytes).unwrap_err(),
        refused
    );
    // Removed, then set: what a handler does that destroys and writes again.
    let session = come_back(&sessions, &cookie_header(&with(&sessions, 10)).unwrap());
    session.destroy().unwrap();
    session.insert("text", "new").unwrap();
    let mut response = vec!["__Host-session=; Max-Age=0".to_string()];
    response.extend(set_cookie(&session).unwrap());
    assert_eq!(
        len(&session_from_set_cookie(&sessions, response).unwrap()),
        Some(3)
    );
}

#[test]
fn what_is_not_there_is_an_error() {
    let mine = sessions(1);
    let none = |response: &[&str]| session_from_set_cookie(&mine, response).unwrap_err();
    assert_eq!(none(&[]), NoSessionError::NotSet);
    assert_eq!(
        none(&["session=x", "__Host-session.1=y", "__host-session=z"]),
        NoSessionError::NotSet
    );
    assert_eq!(
        none(&["__Host-session=x"]),
        NoSessionError::Refused(Refusal::Invalid)
    );
    assert_eq!(
        none(&["__Host-session=; Max-Age=0"]),
        NoSessionError::Removed
    );
    assert_eq!(
        none(&["__Host-session.1=; Max-Age=0"]),
        NoSessionError::NotSet
    );
    let others = set_cookie(&with(&sessions(2), 1)).unwrap();
    let refused = NoSessionError::Refused(Refusal::UnknownKey);
    assert_eq!(session_from_set_cookie(&mine, others).unwrap_err(), refused);
    assert_eq!(
        refused.to_string(),
        "the session cookie is refused: unknown key"
    );

    let session = with(&mine, 1);
    let clone = session.clone();
    assert_eq!(
        session.update("text", |_: &mut String| cookie_header(&clone)),
        Ok(Err(NoSessionError::Failed(SaveError::InUse)))
    );
    let session = new_session(&mine);
    assert!(matches!(
        session.insert("text", "x".repeat(9_000)),
        Err(SessionError::TooBig { .. })
    ));
    assert!(matches!(
        cookie_header(&session),
        Err(NoSessionError::Failed(SaveError::TooBig { .. }))
    ));
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Account(u64);

impl SessionData for Account {
    const NAME: &'static str = "account";
    const VERSION: u8 = 1;
}

#[test]
fn typed_sessions_too() {
    let ring = Keyring::new(Key::generate().unwrap());
    let sessions = SessionManager::builder(ring.clone())
        .data::<Account>()
        .build()
        .unwrap();
    let session = new_session(&sessions);
    session.replace(Account(7)).unwrap();
    let session = session_from_set_cookie(&sessions, set_cookie(&session).unwrap()).unwrap();
    assert_eq!(session.with(|account| account.0), Ok(7));
    let cookie = cookie_header(&session).unwrap();
    let dictionary = SessionManager::builder(ring).build().unwrap();
    let refused = NoSessionError::Refused(Refusal::Invalid);
    assert_eq!(
        session_from_set_cookie(&dictionary, [cookie]).unwrap_err(),
        refused
    );
}
