//! What the operator reads.

use hardtack::session::{NotSaved, Refusal, SaveError, SaveReason};

#[test]
fn every_reason_has_its_words() {
    for (reason, words) in [
        (Refusal::Incomplete, "parts of it are missing"),
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
        (SaveReason::Resealed, "sealed anew under the primary key"),
    ] {
        assert_eq!(reason.to_string(), words);
    }
    let too_big = SaveError::TooBig { len: 8, max: 7 };
    for (reason, words) in [
        (NotSaved::Panicked, "the handler panicked"),
        (NotSaved::TooLate, "too late for a renewal"),
        (NotSaved::NotValidated, "not validated"),
        (NotSaved::Ended, "ended meanwhile"),
        (
            NotSaved::RenewalFailed(too_big),
            "the renewal failed: the session needs 8 bytes of cookies, the limit is 7",
        ),
    ] {
        assert_eq!(reason.to_string(), words);
    }
    for (error, words) in [
        (
            too_big,
            "the session needs 8 bytes of cookies, the limit is 7",
        ),
        (
            SaveError::Unreadable,
            "the session as written cannot be read back",
        ),
        (
            SaveError::Randomness,
            "the operating system gave no randomness",
        ),
        (SaveError::Clock, "the clock stands at the end of its range"),
        (
            SaveError::InUse,
            "the session was finished inside its own closure",
        ),
    ] {
        assert_eq!(error.to_string(), words);
    }
}
