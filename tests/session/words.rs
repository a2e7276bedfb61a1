//! The texts that the operator reads.

use crate::kit::{exchange::NO_HEADERS, site::Site};
use hardtack::session::{
    DenylistEntry, Exchange, LoginId, Lost, OldData, Refusal, RequestHead, SaveError, SaveReason,
    SessionError, SessionId, SessionMap, SkipReason, testing::NoSessionError,
};

#[test]
fn every_reason_has_its_words() {
    for (reason, words) in [
        (Refusal::Incomplete, "parts are missing"),
        (Refusal::TooLong, "too long"),
        (Refusal::Invalid, "not valid"),
        (Refusal::UnknownVersion, "unknown version"),
        (Refusal::UnknownKey, "unknown key"),
        (Refusal::UnknownLayout, "unknown layout"),
        (Refusal::Unreadable, "not readable"),
        (Refusal::OlderSchema, "older schema"),
        (Refusal::NewerSchema, "newer schema"),
        (Refusal::NotYetValid, "from the future"),
        (Refusal::Revoked, "revoked"),
        (Refusal::IdleTimeout, "idle timeout"),
        (Refusal::AbsoluteTimeout, "absolute timeout"),
        (Refusal::NotValidated, "not validated"),
    ] {
        assert_eq!(reason.to_string(), words);
    }
    for (reason, words) in [
        (SaveReason::Created, "created"),
        (SaveReason::Changed, "changed"),
        (SaveReason::Renewed, "renewed"),
        (SaveReason::Resealed, "sealed again with the primary key"),
    ] {
        assert_eq!(reason.to_string(), words);
    }
    let too_big = SaveError::TooBig { len: 8, max: 7 };
    for (reason, words) in [
        (SkipReason::Panicked, "the handler panicked"),
        (SkipReason::TooLate, "too late for a renewal"),
        (SkipReason::NotValidated, "not validated"),
        (SkipReason::Ended, "the session has ended"),
        (
            SkipReason::RenewalFailed(too_big),
            "the renewal failed: the session needs 8 bytes once it is sealed, the maximum is 7",
        ),
    ] {
        assert_eq!(reason.to_string(), words);
    }
    for (error, words) in [
        (
            too_big,
            "the session needs 8 bytes once it is sealed, the maximum is 7",
        ),
        (
            SaveError::Unreadable {
                type_name: "shop::Cart",
            },
            "the data of the session does not come back as it is: a field of `shop::Cart` may have `flatten`, `tag`, `untagged`, `skip_serializing_if` or a variant with `skip`, or read any kind of value, as `serde_json::Value` and `Decimal` do",
        ),
        (
            SaveError::Randomness,
            "the operating system returned no random bytes",
        ),
        (SaveError::Clock, "the clock is at the end of its range"),
        (
            SaveError::InUse,
            "the response was finished inside a closure of its session",
        ),
    ] {
        assert_eq!(error.to_string(), words);
    }
}

#[test]
fn what_is_lost_has_its_words() {
    for (lost, words) in [
        (Lost::Key("a\n".into()), "the value under `a\\n`"),
        (Lost::Data, "the data"),
        (Lost::Flashes, "the oldest flash messages"),
    ] {
        assert_eq!(lost.to_string(), words);
    }
}

#[cfg(feature = "unstable-device-bound")]
#[test]
fn a_refusal_of_a_device_has_its_words() {
    use hardtack::session::DeviceRefusal;
    for (reason, words) in [
        (DeviceRefusal::Script, "sent by a script"),
        (DeviceRefusal::NoSession, "no session"),
        (DeviceRefusal::Bound, "bound already"),
        (DeviceRefusal::NoProof, "no proof that can be read"),
        (DeviceRefusal::Challenge, "the challenge is not good"),
        (DeviceRefusal::ForeignKey, "signed by another key"),
    ] {
        assert_eq!(reason.to_string(), words);
    }
}

/// A record is sealed, and long: a log is not to be filled with it.
#[cfg(feature = "store")]
#[test]
fn what_a_store_says_has_its_words() {
    use hardtack::store::{Found, MemoryStore, StoreError, StoreErrorKind, Swap, Tombstone};
    for (kind, words) in [
        (
            StoreErrorKind::Unavailable,
            "the session store is unavailable",
        ),
        (
            StoreErrorKind::Timeout,
            "the session store did not answer in time",
        ),
        (
            StoreErrorKind::Corrupt,
            "the session store holds what is not a record",
        ),
        (
            StoreErrorKind::Unsupported,
            "the session store does not support this",
        ),
    ] {
        assert_eq!(StoreError::from(kind).to_string(), words);
    }
    assert_eq!(format!("{:?}", MemoryStore::new(9)), "MemoryStore(..)");
    let (record, ended) = (
        vec![7; 99],
        Tombstone::Ended(hardtack::Timestamp::from_unix(7)),
    );
    let found = [
        Found::Record(record.clone()),
        Found::Ended(ended),
        Found::Missing,
    ];
    assert_eq!(
        format!("{found:?}"),
        "[Record(99 bytes), Ended(Ended(Timestamp(7))), Missing]"
    );
    let swaps = [
        Swap::Done,
        Swap::Differs(record),
        Swap::Ended(ended),
        Swap::Missing,
    ];
    assert_eq!(
        format!("{swaps:?}"),
        "[Done, Differs(99 bytes), Ended(Ended(Timestamp(7))), Missing]"
    );
}

#[test]
fn the_steps_of_a_request_print_no_more_than_their_names() {
    let site = Site::new();
    let exchange = Exchange::begin(&site.sessions);
    let session = exchange.session(RequestHead {
        method: "GET",
        path: "/",
        authority: None,
        headers: NO_HEADERS,
    });
    let shown = format!("{exchange:?}, {session:?}");
    assert_eq!(shown, "Exchange { .. }, SessionFuture { .. }");
    drop(session);
    let plan = exchange.close();
    assert_eq!(format!("{plan:?}"), "Plan { .. }");
    assert_eq!(format!("{:?}", exchange.commit(plan)), "Commit { .. }");
}

#[cfg(feature = "unstable-device-bound")]
#[test]
fn an_answer_of_the_endpoint_prints_no_more_than_its_name() {
    let site = Site::with(&crate::kit::clock::Clock::new(), |builder| {
        builder.device_bound(hardtack::session::DeviceBound::default())
    });
    let answer = Exchange::begin(&site.sessions).endpoint(&RequestHead {
        method: "POST",
        path: "/.hardtack/device/session",
        authority: None,
        headers: NO_HEADERS,
    });
    let shown = format!("{:?}", answer.unwrap());
    assert_eq!(shown, "EndpointFuture { .. }");
}

/// A monitor that counts 5xx must not page anybody for a page elsewhere, nor call an outage a bug.
#[test]
fn each_error_has_the_status_of_who_has_to_act() {
    let errors = [
        (SessionError::CrossOrigin, 403),
        (SessionError::Rivals, 503),
        (SessionError::Ended, 503),
        (SessionError::Store, 503),
        (SessionError::HeadersSent, 500),
        (SessionError::Randomness, 500),
    ];
    for (error, status) in errors {
        assert_eq!(error.status(), status, "{error}");
    }
    #[cfg(feature = "unstable-device-bound")]
    assert_eq!(SessionError::NoDeviceProof.status(), 503);
}

#[test]
fn what_is_no_login_id_or_entry_of_a_denylist_is_told_what_one_is() {
    let error = "x".parse::<LoginId>().unwrap_err().to_string();
    assert_eq!(error, "a login id is 16 hexadecimal digits");
    let error = "x".parse::<DenylistEntry>().unwrap_err().to_string();
    assert!(
        error.starts_with("an entry of a denylist is a login id, a number of seconds and"),
        "{error}"
    );
}

#[test]
fn old_data_read_as_they_were_written_and_are_not_printed() {
    let old = OldData::from_value(3, "hunter2").unwrap();
    assert_eq!((old.version(), old.read()), (3, Some("hunter2".to_owned())));
    assert_eq!(format!("{old:?}"), "OldData { version: 3, .. }");
}

/// A key may be one that a sender chose, and the error goes to the log.
#[test]
fn a_key_is_escaped_in_the_text_of_an_error() {
    let (key, reason) = ("a\n\u{1b}[31m", "b".to_owned());
    let wrong = SessionError::WrongType {
        key: key.into(),
        reason: reason.clone(),
    };
    let unstorable = SessionError::Unstorable {
        key: key.into(),
        reason,
    };
    for error in [wrong, unstorable] {
        let text = error.to_string();
        assert!(text.contains("`a\\n\\u{1b}[31m`"), "{text}");
        assert!(!text.contains(char::is_control), "{text:?}");
    }
}

#[test]
fn without_randomness_there_is_no_id() {
    assert_eq!(
        SessionError::Randomness.to_string(),
        "the operating system returned no random bytes for a session id"
    );
}

#[test]
fn an_id_is_read_as_it_prints_and_nothing_else_is() {
    let id = SessionId::from_bytes(std::array::from_fn(|place| 0xf0 ^ place as u8));
    let digits = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
    assert_eq!(
        (id.to_string().as_str(), &*format!("{id:?}")),
        (digits, digits)
    );
    assert_eq!(digits.parse(), Ok(id));
    assert_eq!(digits.to_uppercase().parse(), Ok(id));
    assert_eq!(SessionId::from_bytes(id.to_bytes()), id);
    for text in [
        "",
        "f0",
        &digits[1..],
        &digits[2..],
        &format!("{digits}f"),
        &format!("{digits}f0"),
        &format!(" {}", &digits[1..]),
        &digits.replace('7', "g"),
        &digits.replace("f0", "é"),
    ] {
        let error = text.parse::<SessionId>().unwrap_err();
        assert_eq!(error.to_string(), "a session id is 32 hexadecimal digits");
    }
}

#[test]
fn a_test_without_a_session_is_told_why() {
    for (error, words) in [
        (
            NoSessionError::NotSet,
            "the response sets no session cookie",
        ),
        (
            NoSessionError::Removed,
            "the response removes the session cookie",
        ),
        (
            NoSessionError::Refused(Refusal::UnknownKey),
            "the session cookie is refused: unknown key",
        ),
        (
            NoSessionError::Failed(SaveError::Randomness),
            "the operating system returned no random bytes",
        ),
    ] {
        assert_eq!(error.to_string(), words);
    }
}

#[test]
fn what_is_no_dictionary_is_told_what_one_is() {
    let error = serde_json::from_str::<SessionMap>("7")
        .unwrap_err()
        .to_string();
    let wanted = "expected a map with its keys in ascending order";
    assert!(error.contains(wanted), "{error}");
}
