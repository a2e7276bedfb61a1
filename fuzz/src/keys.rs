//! Keys as text, and keyrings through rotations.

use crate::kit::{key_text::decode, reference, rng::Given};
use crate::{Time, key, master, read};
use arbitrary::Arbitrary;
use hardtack::{Codec, Key, KeyState, Keyring, OpenError, Timestamp};

/// A list of keys: the bytes of each, and its retirement.
fn decode_list(list: &str) -> Option<Vec<([u8; 32], Option<u32>)>> {
    let mut keys: Vec<([u8; 32], Option<u32>)> = vec![];
    for entry in list.split(',') {
        let (text, at) = match entry.split_once('@') {
            Some((text, at)) => (text, Some(at.trim())),
            None => (entry, None),
        };
        let at = match at {
            Some(at) if at.chars().all(|digit| digit.is_ascii_digit()) => Some(at.parse().ok()?),
            Some(_) => return None,
            None => None,
        };
        let bytes = decode(text.trim())?;
        let id = reference::key_id(&bytes);
        if keys
            .iter()
            .any(|(present, _)| reference::key_id(present) == id)
        {
            return None;
        }
        keys.push((bytes, at));
    }
    (keys.len() <= 8 && keys[0].1.is_none()).then_some(keys)
}

/// The text of a key or of a keyring is read as other decoders read it.
pub fn key_text(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let expected = decode(text);
    match text.parse::<Key>() {
        Ok(key) => {
            let bytes = expected.unwrap();
            assert_eq!(key, Key::from_bytes(bytes).unwrap());
            assert_eq!(key.id().to_bytes(), reference::key_id(&bytes));
        }
        Err(error) => assert!(expected.is_none(), "{error}"),
    }
    let expected = decode_list(text);
    match text.parse::<Keyring>() {
        Ok(ring) => {
            let expected: Vec<_> = expected
                .unwrap()
                .iter()
                .map(|(bytes, at)| (reference::key_id(bytes), *at))
                .collect();
            let retired = |state| match state {
                KeyState::Retired(at) => Some(at.to_unix()),
                _ => None,
            };
            let found: Vec<_> = ring
                .key_states()
                .map(|(id, state)| (id.to_bytes(), retired(state)))
                .collect();
            assert_eq!(found, expected);
        }
        Err(error) => assert!(expected.is_none(), "{error}"),
    }
}

#[derive(Arbitrary, Debug)]
enum Step {
    /// This key seals from now on; those of before are accepted, but for the last one if there is no room.
    Promote(u8),
    Accept(u8),
    Retire(u8, Time),
    Forget(u8),
    Seal(Time),
    Open {
        token: u8,
        now: Time,
    },
}

/// Rotations of a ring against a list, with tokens of before opened after.
pub fn keyring(data: &[u8]) {
    let Some(steps) = read::<Vec<Step>>(data) else {
        return;
    };
    let mut model: Vec<(u8, Option<u32>)> = vec![(0, None)];
    let mut tokens: Vec<(String, u8, u32)> = vec![];
    for step in steps {
        match step {
            Step::Promote(n) => {
                model.retain(|(present, _)| *present != n % 12);
                model.insert(0, (n % 12, None));
                model.truncate(8);
            }
            Step::Forget(place) => {
                let place = usize::from(place) % model.len();
                // The first one is there as long as there is a ring.
                if place > 0 {
                    model.remove(place);
                }
            }
            Step::Accept(n) => model = add(model, n % 12, None),
            Step::Retire(n, at) => model = add(model, n % 12, Some(at.unix())),
            Step::Seal(at) => {
                let (at, codec) = (at.unix(), Codec::new(&ring(&model), "fuzz/1"));
                let sealed =
                    codec.seal_with("hello", Timestamp::from_unix(at), &mut Given([9; 16]));
                assert_eq!(sealed.is_err(), at == u32::MAX);
                tokens.extend(sealed.ok().map(|token| (token, model[0].0, at)));
            }
            Step::Open { token, now } => {
                let Some((token, n, at)) = tokens.get(usize::from(token) % tokens.len().max(1))
                else {
                    continue;
                };
                let now = now.unix();
                let opened = Codec::new(&ring(&model), "fuzz/1")
                    .open_at::<String>(token, Timestamp::from_unix(now));
                let found = opened.map(|opened| (opened.value, opened.key, opened.key_state));
                assert_eq!(found, expected(&model, *n, *at, now));
            }
        }
    }
    check(&model);
}

/// The default codec's rules: 60 seconds of skew, a day of age.
fn expected(
    model: &[(u8, Option<u32>)],
    n: u8,
    at: u32,
    now: u32,
) -> Result<(String, hardtack::KeyId, KeyState), OpenError> {
    let id = key(n).id();
    let place = model.iter().position(|(present, _)| *present == n);
    let Some(place) = place else {
        return Err(OpenError::UnknownKey(id));
    };
    let retired = model[place].1;
    let after = |time: u32| u64::from(at) > u64::from(time) + 60;
    if after(now) {
        Err(OpenError::NotYetValid)
    } else if retired.is_some_and(after) {
        Err(OpenError::Revoked)
    } else if now.saturating_sub(at) > 86_400 {
        Err(OpenError::Expired)
    } else {
        Ok(("hello".into(), id, state(place, retired)))
    }
}

fn state(place: usize, retired: Option<u32>) -> KeyState {
    match retired {
        Some(at) => KeyState::Retired(Timestamp::from_unix(at)),
        None if place == 0 => KeyState::Primary,
        None => KeyState::Accepted,
    }
}

/// The list with one key more, if a ring takes it.
fn add(mut model: Vec<(u8, Option<u32>)>, n: u8, retired: Option<u32>) -> Vec<(u8, Option<u32>)> {
    let ring = ring(&model);
    let added = match retired {
        None => ring.accept(key(n)),
        Some(at) => ring.accept_retired(key(n), Timestamp::from_unix(at)),
    };
    let room = model.len() < 8 && model.iter().all(|(present, _)| *present != n);
    assert_eq!(added.is_ok(), room);
    if room {
        model.push((n, retired));
    }
    model
}

fn ring(model: &[(u8, Option<u32>)]) -> Keyring {
    let (first, others) = model.split_first().unwrap();
    others
        .iter()
        .fold(Keyring::new(key(first.0)), |ring, (n, retired)| {
            match retired {
                None => ring.accept(key(*n)),
                Some(at) => ring.accept_retired(key(*n), Timestamp::from_unix(*at)),
            }
            .unwrap()
        })
}

/// The ring and its text say what the list says.
fn check(model: &[(u8, Option<u32>)]) {
    let ids = |ring: &Keyring| ring.key_states().collect::<Vec<_>>();
    let expected: Vec<_> = model
        .iter()
        .enumerate()
        .map(|(place, (n, retired))| (key(*n).id(), state(place, *retired)))
        .collect();
    assert_eq!(ids(&ring(model)), expected);
    let entry = |(n, retired): &(u8, Option<u32>)| {
        let at = retired.map_or(String::new(), |at| format!("@{at}"));
        hex::encode(master(*n)) + &at
    };
    let list = model.iter().map(entry).collect::<Vec<_>>().join(",");
    assert_eq!(ids(&list.parse().unwrap()), expected);
}
