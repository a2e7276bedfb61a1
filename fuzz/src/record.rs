//! What stands behind the AEAD: payloads that are authentic and hostile, as from an older bug or a stolen key.

use crate::cookies::{COOKIE, LONG, SCOPE};
use crate::kit::reference_session::{RecordError, read_dictionary, read_record};
use crate::kit::{exchange::Request, raw::Raw, reference};
use crate::{NOW, key, master};
use hardtack::session::{
    Event, OldData, Refusal, Session, SessionData, SessionError, SessionManager,
    SessionManagerBuilder,
};
use hardtack::{Keyring, Timestamp};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

/// A typed session with everything that postcard can say in it.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Rich {
    text: String,
    number: i128,
    list: Vec<(Option<u16>, char)>,
    map: BTreeMap<String, f64>,
    tree: Tree,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
enum Tree {
    #[default]
    Leaf,
    Value(i64),
    Pair(Box<Tree>, Box<Tree>),
    Named {
        name: String,
        trees: Vec<Tree>,
    },
}

impl SessionData for Rich {
    const NAME: &'static str = "rich";
    const VERSION: u8 = 3;

    fn migrate(old: OldData<'_>) -> Option<Rich> {
        let Raw(bytes) = old.read()?;
        let text = String::from_utf8(bytes).ok();
        let text = text.filter(|_| old.version() > 0)?;
        Some(Rich {
            text,
            ..Rich::default()
        })
    }
}

/// Makes the sessions typed, or leaves them as they are.
type Typing<T> = fn(SessionManagerBuilder) -> SessionManagerBuilder<T>;

/// The session that this payload makes; the first byte says whether the token is padded.
fn receive<T: SessionData>(
    typing: Typing<T>,
    payload: &[u8],
    block: usize,
) -> (Request<T>, Arc<Mutex<Vec<Event>>>) {
    let purpose = [SCOPE.1, T::NAME.as_bytes()].concat();
    let scope = (SCOPE.0, purpose.as_slice());
    let token = reference::seal(&master(0), scope, None, block, (NOW, [4; 16]), payload).unwrap();
    let events = Arc::new(Mutex::new(vec![]));
    let log = events.clone();
    let sessions = typing(SessionManager::builder(Keyring::new(key(0))))
        .idle_timeout(LONG)
        .absolute_timeout(LONG)
        .remember_idle_timeout(LONG)
        .remember_absolute_timeout(LONG)
        .max_chunks(9)
        .max_cookie_bytes(9 * 4096)
        .clock(|| Timestamp::from_unix(NOW))
        .on_event(move |event| log.lock().unwrap().push(event.clone()))
        .build()
        .unwrap();
    let session = Request::new(&sessions, [format!("{COOKIE}={token}").as_bytes()]);
    (session, events)
}

/// Records and values: judged as the reference judges them, never with a panic, and what was read is written again.
pub fn record(data: &[u8]) {
    let Some((block, payload)) = data.split_first() else {
        return;
    };
    let block = usize::from(*block);
    dictionary(payload, block);
    typed(payload, block);
}

fn dictionary(payload: &[u8], block: usize) {
    let (session, events) = receive(|builder| builder, payload, block);
    let record = read_record(payload);
    let over = |created: u32, lifetime: u32| NOW.saturating_sub(created) > lifetime;
    let expected = match &record {
        Err(RecordError::UnknownLayout) => Err(Refusal::UnknownLayout),
        Err(RecordError::Payload) => Err(Refusal::Unreadable),
        Ok(record) if over(record.created_at, record.lifetime) => Err(Refusal::AbsoluteTimeout),
        Ok(record) if record.schema > 0 => Err(Refusal::NewerSchema),
        Ok(record) => read_dictionary(&record.data).map_err(|_| Refusal::Unreadable),
    };
    let new = session.is_new().unwrap();
    let refusal = events.lock().unwrap().iter().find_map(|event| match event {
        Event::Refused { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(
        (new, refusal),
        (expected.is_err(), expected.as_ref().err().copied())
    );
    let (Ok(record), Ok(entries)) = (record, expected) else {
        return;
    };
    assert_eq!(session.id().unwrap().to_bytes(), record.id);
    assert_eq!(session.created_at().unwrap().to_unix(), record.created_at);
    assert_eq!(session.is_remembered().unwrap(), record.flags & 1 == 1);
    let keys: Vec<String> = entries.iter().map(|(key, _)| key.clone()).collect();
    assert_eq!(session.keys().unwrap(), keys);
    for key in &keys {
        let _ = session.get::<IgnoredAny>(key);
        rewrite::<String>(&session, key);
        rewrite::<u64>(&session, key);
        rewrite::<i128>(&session, key);
        rewrite::<bool>(&session, key);
        rewrite::<char>(&session, key);
        rewrite::<()>(&session, key);
        rewrite::<Vec<u8>>(&session, key);
        rewrite::<(u8, String)>(&session, key);
        rewrite::<Option<Vec<Option<i32>>>>(&session, key);
        rewrite::<BTreeMap<String, Option<u8>>>(&session, key);
        rewrite::<Tree>(&session, key);
        rewrite::<Rich>(&session, key);
        rewrite::<serde_json::Value>(&session, key);
    }
    let flashes = session.take_flashes().unwrap();
    let flashes: Vec<(u8, String)> = flashes
        .into_iter()
        .map(|flash| (flash.level as u8, flash.text))
        .collect();
    assert_eq!(flashes, record.flashes);
    let reply = session.finish();
    for line in reply.set_cookie {
        assert!(line.len() <= 4096 && line.starts_with(COOKIE));
    }
}

/// Reads a value as this type; what is read can be written and read again, or is too deep.
fn rewrite<V: Serialize + DeserializeOwned + PartialEq + Debug>(session: &Session, key: &str) {
    let Ok(Some(value)) = session.get::<V>(key) else {
        return;
    };
    match session.insert(key, &value) {
        Ok(()) | Err(SessionError::TooBig { .. }) => {
            let again = session.get::<V>(key).unwrap().unwrap();
            // A NaN is not equal to itself.
            assert_eq!(format!("{again:?}"), format!("{value:?}"));
        }
        Err(SessionError::Unstorable { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

fn typed(payload: &[u8], block: usize) {
    let (session, _) = receive::<Rich>(|builder| builder.data(), payload, block);
    if session.is_new().unwrap() {
        return;
    }
    let record = read_record(payload).unwrap();
    assert!(record.schema <= Rich::VERSION);
    assert_eq!(session.id().unwrap().to_bytes(), record.id);
    // What is read is written again, and reads the same.
    session
        .flash(hardtack::session::FlashLevel::Info, "changed")
        .ok();
    let before = session.with(|rich| format!("{rich:?}")).unwrap();
    let reply = session.finish();
    assert_eq!(session.with(|rich| format!("{rich:?}")).unwrap(), before);
    assert!(matches!(
        reply.failed,
        None | Some(hardtack::session::SaveError::TooBig { .. })
    ));
}
