use super::*;
use crate::{
    Key, OpenError,
    session::{FlashLevel, SessionManager, testing},
};
use alloc::{format, string::ToString as _, vec};

const NOW: Timestamp = Timestamp::from_unix(1_700_000_000);

fn ring() -> Keyring {
    Keyring::new(Key::generate().unwrap())
}

fn after(seconds: u64) -> Timestamp {
    NOW.saturating_add(Duration::from_secs(seconds))
}

fn only_token(cookie: &str, name: &str) -> String {
    let mut tokens = SessionCodec::tokens(cookie.as_bytes(), name);
    assert_eq!(tokens.len(), 1);
    tokens.remove(0).unwrap()
}

/// A record with everything in it.
fn full() -> SessionRecord {
    let mut device_key = [7; 33];
    device_key[0] = 2;
    SessionRecord {
        version: 3,
        remembered: true,
        by_login: true,
        idle_timeout: Duration::from_secs(600),
        absolute_timeout: Duration::from_secs(7200),
        longest: Duration::from_secs(3600),
        device_key: Some(device_key),
        subject: Some("grace".into()),
        flashes: vec![Flash::new(FlashLevel::Warning, "late")],
        data: vec![1, 2, 3],
        ..SessionRecord::new(NOW).unwrap()
    }
}

#[test]
fn every_field_comes_back() {
    let codec = SessionCodec::new(&ring(), "id", "shop", "account").unwrap();
    let record = full();
    let cookie = codec.seal(&record, after(5)).unwrap();
    let opened = codec.open(&only_token(&cookie, "id"), after(6)).unwrap();
    assert!(opened.value == record);
    assert_eq!(opened.issued_at, after(5));
}

#[test]
fn the_values_of_a_dictionary_can_be_replaced() {
    let mut record = SessionRecord::new(NOW).unwrap();
    let mut values = SessionMap::default();
    values.insert("user", "ada").unwrap();
    record.set_values(&values);
    assert_eq!(record.values(), Some(values));
}

#[test]
fn a_long_session_takes_several_cookies_and_comes_back() {
    let codec = SessionCodec::new(&ring(), "__Host-session", "", "").unwrap();
    let mut record = SessionRecord::new(NOW).unwrap();
    record.data = vec![9; 20_000];
    let cookie = codec.seal(&record, NOW).unwrap();
    assert!(cookie.contains("; __Host-session.6="));
    let opened = codec.open(&only_token(&cookie, "__Host-session"), NOW);
    assert!(opened.unwrap().value == record);

    let missing = cookie.replace("__Host-session.6=", "other=");
    assert_eq!(
        SessionCodec::tokens(missing.as_bytes(), "__Host-session"),
        [None]
    );
}

#[test]
fn the_sites_own_session_opens_and_what_is_sealed_opens_there() {
    let keyring = ring();
    let sessions = SessionManager::builder(keyring.clone())
        .clock(|| NOW)
        .build()
        .unwrap();
    let session = testing::new_session(&sessions);
    session.insert("user", 7).unwrap();
    let cookie = testing::cookie_header(&session).unwrap();
    let codec = SessionCodec::new(&keyring, "__Host-session", "", "").unwrap();
    let opened = codec
        .open(&only_token(&cookie, "__Host-session"), NOW)
        .unwrap();
    let fresh = SessionRecord::new(NOW).unwrap();
    let SessionRecord {
        idle_timeout,
        absolute_timeout,
        longest,
        ..
    } = opened.value;
    // A new record has the default settings of a site.
    assert_eq!(
        (idle_timeout, absolute_timeout, longest),
        (fresh.idle_timeout, fresh.absolute_timeout, fresh.longest)
    );
    assert_eq!(opened.value.values().unwrap().get("user"), Ok(Some(7)));

    let again = codec.seal(&opened.value, NOW).unwrap();
    let session = testing::session_from_cookie(&sessions, &again);
    assert_eq!(session.id(), Ok(opened.value.id));
    assert_eq!(session.get("user"), Ok(Some(7)));
}

#[test]
fn name_realm_and_type_are_part_of_the_key() {
    let keyring = ring();
    let codec = |name, realm, data| SessionCodec::new(&keyring, name, realm, data).unwrap();
    let cookie = codec("id", "shop", "cart").seal(&full(), NOW).unwrap();
    let token = only_token(&cookie, "id");
    for (name, realm, data) in [
        ("sid", "shop", "cart"),
        ("id", "", "cart"),
        ("id", "shop", ""),
    ] {
        let refused = codec(name, realm, data).open(&token, NOW).unwrap_err();
        assert_eq!(refused, Refusal::Invalid);
    }
    for (name, realm, data) in [("i d", "", ""), ("id", "\0", ""), ("id", "", "a\0b")] {
        assert!(SessionCodec::new(&keyring, name, realm, data).is_err());
    }
}

#[test]
fn the_record_tells_when_it_is_over() {
    let record = full();
    let sealed = after(3000);
    // By its idle timeout it would end later than by the longest lifetime that it ever had.
    assert_eq!(record.expires_at(sealed), after(3600));
    assert_eq!(record.check(sealed, after(3600)), Ok(()));
    assert_eq!(
        record.check(sealed, after(3601)),
        Err(Refusal::AbsoluteTimeout)
    );
    assert_eq!(record.check(NOW, after(601)), Err(Refusal::IdleTimeout));
    assert_eq!(record.check(NOW.saturating_sub(CLOCK_SKEW), NOW), Ok(()));
    let before = NOW.saturating_sub(CLOCK_SKEW + Duration::from_secs(1));
    assert_eq!(record.check(before, NOW), Err(Refusal::NotYetValid));
}

#[test]
fn what_no_site_would_read_is_not_sealed() {
    let codec = SessionCodec::new(&ring(), "id", "", "").unwrap();
    let sealed = |change: fn(&mut SessionRecord)| {
        let mut record = full();
        change(&mut record);
        codec.seal(&record, NOW).map(drop)
    };
    assert_eq!(sealed(|_| ()), Ok(()));
    assert_eq!(
        sealed(|r| r.subject = Some(String::new())),
        Err(SaveError::unreadable::<SessionRecord>())
    );
    assert_eq!(
        sealed(|r| r.device_key = Some([9; 33])),
        Err(SaveError::unreadable::<SessionRecord>())
    );
    assert_eq!(
        sealed(|r| r.idle_timeout += Duration::from_millis(1)),
        Err(SaveError::unreadable::<SessionRecord>())
    );
    assert_eq!(sealed(|r| r.created_at = after(61)), Err(SaveError::Clock));
    let last = Timestamp::from_unix(u32::MAX);
    assert_eq!(codec.seal(&full(), last), Err(SaveError::Clock));
    let big = sealed(|r| r.data = vec![0; 40_000]);
    assert!(matches!(big, Err(SaveError::TooBig { .. })));
}

#[test]
fn a_record_that_lies_elsewhere_is_told_from_a_broken_one() {
    let keyring = ring();
    let codec = SessionCodec::new(&keyring, "id", "", "").unwrap();
    let sealer = cookie_codec(&keyring, "id", "", "");
    let open = |payload: &[u8]| {
        let token = sealer
            .seal_with(&Raw(payload), NOW, &mut SystemRandom)
            .unwrap();
        codec.open(&token, NOW).unwrap_err()
    };
    assert_eq!(open(&[2; 50]), Refusal::UnknownLayout);
    assert_eq!(open(&[1; 5]), Refusal::Unreadable);
    let other = SessionCodec::new(&ring(), "id", "", "").unwrap();
    let token = only_token(&other.seal(&full(), NOW).unwrap(), "id");
    assert_eq!(codec.open(&token, NOW), Err(Refusal::UnknownKey));
    assert_eq!(Refusal::of(OpenError::Invalid), Refusal::Invalid);
}

#[test]
fn debug_shows_no_value() {
    let shown = format!("{:?}", full());
    assert!(shown.contains(&full().created_at.to_string()));
    // Neither is in the digits of an id.
    assert!(!shown.contains("grace") && !shown.contains("late"));

    let key = Key::generate().unwrap();
    let codec = SessionCodec::new(&Keyring::new(key.clone()), "sid", "", "").unwrap();
    let shown = format!("{codec:?}");
    assert!(shown.contains("\"sid\"") && shown.contains(&key.id().to_string()));
}
