use hardtack::{Codec, Key, KeyError, KeyId, KeyState, Keyring, OpenError, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{master, time};
use crate::kit::{raw::Raw, rng::Given};

/// A few keys, so that a ring is often asked to take one twice.
fn key(n: usize) -> Key {
    Key::from_bytes(std::array::from_fn(|i| (n * 7 + i * i) as u8)).unwrap()
}

/// Additions to a ring: which of the few keys, and its retirement.
fn additions() -> impl Strategy<Value = Vec<(usize, Option<u32>)>> {
    vec((0..12_usize, proptest::option::of(time())), 0..12)
}

fn state(retired: Option<u32>) -> KeyState {
    retired.map_or(KeyState::Accepted, |at| {
        KeyState::Retired(Timestamp::from_unix(at))
    })
}

fn add(ring: Keyring, n: usize, retired: Option<u32>) -> Result<Keyring, KeyError> {
    match retired {
        None => ring.accept(key(n)),
        Some(at) => ring.accept_retired(key(n), Timestamp::from_unix(at)),
    }
}

/// A ring of what can be added, and what it should hold.
fn build(additions: &[(usize, Option<u32>)]) -> (Keyring, Vec<(usize, Option<u32>)>) {
    let (mut ring, mut model) = (Keyring::new(key(0)), vec![(0, None)]);
    for (n, retired) in additions {
        if let Ok(larger) = add(ring.clone(), *n, *retired) {
            ring = larger;
            model.push((*n, *retired));
        }
    }
    (ring, model)
}

proptest! {
    #[test]
    fn a_ring_holds_up_to_eight_keys_each_once(additions in additions()) {
        let (mut ring, mut model) = (Keyring::new(key(0)), vec![(key(0).id(), KeyState::Primary)]);
        for (n, retired) in additions {
            let id: KeyId = key(n).id();
            let added = add(ring.clone(), n, retired);
            if model.iter().any(|(present, _)| *present == id) {
                prop_assert_eq!(added.unwrap_err(), KeyError::DuplicateId(id));
            } else if model.len() == 8 {
                prop_assert_eq!(added.unwrap_err(), KeyError::TooMany);
            } else {
                ring = added.unwrap();
                model.push((id, state(retired)));
            }
            prop_assert_eq!(ring.key_states().collect::<Vec<_>>(), &model[..]);
        }
    }

    #[test]
    fn a_list_makes_the_ring_that_calls_make(additions in additions(), space in "[ \t\n]{0,3}", hex in any::<bool>()) {
        let (ring, model) = build(&additions);
        let text = |n: usize| {
            let bytes: [u8; 32] = std::array::from_fn(|i| (n * 7 + i * i) as u8);
            if hex { hex::encode(bytes) } else { base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes) }
        };
        let entry = |(n, retired): &(usize, Option<u32>)| match retired {
            None => format!("{space}{}{space}", text(*n)),
            Some(at) => format!("{space}{}@{at}{space}", text(*n)),
        };
        let list = model.iter().map(entry).collect::<Vec<_>>().join(",");
        let parsed: Keyring = list.parse().unwrap();
        prop_assert_eq!(parsed.key_states().collect::<Vec<_>>(), ring.key_states().collect::<Vec<_>>());
        prop_assert_eq!(format!("{parsed} {parsed:?}"), format!("{ring} {ring:?}"));
    }

    #[test]
    fn one_bad_entry_refuses_the_list_and_is_named(additions in additions(), at in any::<proptest::sample::Index>(), bad in "[^,]{0,50}") {
        if bad.parse::<Key>().is_ok() {
            return Ok(());
        }
        let (_, model) = build(&additions);
        let at = at.index(model.len());
        let text = |n: usize| hex::encode(std::array::from_fn::<u8, 32, _>(|i| (n * 7 + i * i) as u8));
        let mut entries: Vec<String> = model.iter().map(|(n, _)| text(*n)).collect();
        entries[at] = bad.clone();
        match entries.join(",").parse::<Keyring>().unwrap_err() {
            KeyError::Entry { entry, .. } => prop_assert_eq!(entry, at + 1),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn any_list_is_read_without_a_panic(list in "\\PC{0,200}|([0-9a-f]{64}(@[0-9+-]{0,12})?[, ]?){0,9}") {
        if let Ok(ring) = list.parse::<Keyring>() {
            prop_assert_eq!(ring.key_states().count(), list.split(',').count());
        }
    }

    #[test]
    fn a_ring_opens_what_its_keys_sealed_while_they_were_in_use(additions in additions(), n in 0..12_usize, at in time(), skew in 0..100_u64) {
        let at = at.min(u32::MAX - 1);
        let (ring, model) = build(&additions);
        let issued_at = Timestamp::from_unix(at);
        let token = Codec::new(&Keyring::new(key(n)), "ring/1").seal_with("hello", issued_at, &mut Given([9; 16])).unwrap();
        let codec = Codec::new(&ring, "ring/1").skew(std::time::Duration::from_secs(skew));
        let opened = codec.open_at::<String>(&token, issued_at);
        match model.iter().find(|(member, _)| *member == n) {
            None => prop_assert_eq!(opened.unwrap_err(), OpenError::UnknownKey(key(n).id())),
            Some((_, Some(end))) if u64::from(at) > u64::from(*end) + skew => {
                prop_assert_eq!(opened.unwrap_err(), OpenError::Revoked);
            }
            Some((_, retired)) => {
                let opened = opened.unwrap();
                let expected = if n == 0 { KeyState::Primary } else { state(*retired) };
                prop_assert_eq!((opened.key, opened.key_state), (key(n).id(), expected));
            }
        }
    }

    #[test]
    fn tokens_live_through_a_rotation(old in master(), new in master(), payload in vec(any::<u8>(), 0..50)) {
        let [old, new] = [old, new].map(|master| Key::from_bytes(master).unwrap());
        if old.id() == new.id() {
            return Ok(());
        }
        let now = Timestamp::from_unix(1_700_000_000);
        let day = Timestamp::from_unix(1_700_000_000 + 80_000);
        let rings = [
            Keyring::new(old.clone()),
            Keyring::new(old.clone()).accept(new.clone()).unwrap(),
            Keyring::new(new.clone()).accept(old.clone()).unwrap(),
            Keyring::new(new).accept_retired(old, now).unwrap(),
        ];
        // Instances one step apart understand each other, in both directions, all the way.
        for pair in rings.windows(2) {
            for (from, to) in [(0, 1), (1, 0)] {
                let [sealer, opener] = [from, to].map(|side| Codec::new(&pair[side], "ring/1"));
                let token = sealer.seal_with(&Raw(payload.clone()), now, &mut Given([3; 16])).unwrap();
                prop_assert_eq!(&opener.open_at::<Raw>(&token, day).unwrap().value.0, &payload);
            }
        }
    }
}
