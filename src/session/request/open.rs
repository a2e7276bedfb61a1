//! From the Cookie header to a session.

use crate::{
    Codec, KeyId, OpenError, Timestamp,
    secret::Scratch,
    session::{
        data::SessionData,
        events::{Event, Refusal},
        lifecycle::{LiveSession, Sealed},
        manager::SessionManager,
        record::{RecordHead, SessionId},
    },
    token,
};
use alloc::{vec, vec::Vec};
use core::cmp::Reverse;

/// The most refused cookies of one request that are reported: their number is the sender's choice.
const MAX_REFUSALS: usize = 8;

pub(super) struct Found<T> {
    pub(super) session: LiveSession<T>,
    /// Why the first cookie was refused, if none counts.
    pub(super) refused: Option<Refusal>,
}

/// Opens the session of the cookie that counts, or starts a new one. Of the cookies that open, and that
/// neither schema nor `validate` refuses, the one that was sealed last counts, and the first of equals.
/// So a sibling domain's cookie of the same name, older or forged, hides nothing.
pub(super) fn open<T: SessionData>(
    manager: &SessionManager<T>,
    cookies: &[u8],
    events: &mut Vec<Event>,
) -> Found<T> {
    // The clock is the application's code: read before the keys are locked, because it may set others.
    let now = manager.now();
    let rules = &manager.settings().rules;
    let mut authentic = Vec::new();
    let mut refused = Vec::new();
    let codec = manager.codec();
    for candidate in manager.settings().cookie.candidates(cookies) {
        let token = candidate.map_err(|_incomplete| (Refusal::Incomplete, None, None));
        match token.and_then(|token| open_token(manager, &codec, now, &token)) {
            Ok(opened) => authentic.push(opened),
            Err(why) => refused.push(why),
        }
    }
    drop(codec);
    // Stable: of equals the first stays the first.
    authentic.sort_by_key(|(_, sealed)| Reverse(sealed.issued_at));
    let mut session = None;
    for (head, sealed) in authentic {
        let Sealed {
            id, key, key_state, ..
        } = sealed;
        match LiveSession::open(rules, now, head, sealed) {
            Ok(opened) => {
                session = Some((opened, Event::Opened { id, key, key_state }));
                break;
            }
            Err(reason) => refused.push((reason, Some(key), Some(id))),
        }
    }
    let first = refused.first().map(|(reason, ..)| *reason);
    let refusal = |(reason, key, id)| Event::Refused { reason, key, id };
    events.extend(refused.into_iter().take(MAX_REFUSALS).map(refusal));
    match session {
        Some((session, opened)) => {
            events.push(opened);
            let refused = None;
            Found { session, refused }
        }
        None => Found {
            session: LiveSession::new(rules, now),
            refused: first,
        },
    }
}

/// Why a cookie does not count, and what it says of itself.
type Refused = (Refusal, Option<KeyId>, Option<SessionId>);

/// Opens one token, down to the session's times.
fn open_token<T: SessionData>(
    manager: &SessionManager<T>,
    codec: &Codec,
    now: Timestamp,
    token: &str,
) -> Result<(RecordHead, Sealed), Refused> {
    let mut scratch = Scratch(vec![0; token::body_len(token.len())]);
    let opened = match codec.open_payload(None, token, now, &mut scratch.0) {
        Ok(opened) => opened,
        Err(error) => {
            let named_key = Codec::inspect(token).map(|header| header.key);
            return Err((refusal(error), named_key, None));
        }
    };
    let facts = (opened.issued_at, opened.key, opened.key_state);
    let (key, len) = (opened.key, opened.value.len());
    scratch.0.truncate(len);
    Sealed::read(&manager.settings().rules, now, scratch, facts)
        .map_err(|(reason, id)| (reason, Some(key), id))
}

fn refusal(error: OpenError) -> Refusal {
    match error {
        OpenError::TooLong => Refusal::TooLong,
        OpenError::UnknownVersion => Refusal::UnknownVersion,
        OpenError::UnknownKey(_) => Refusal::UnknownKey,
        OpenError::NotYetValid => Refusal::NotYetValid,
        OpenError::Revoked => Refusal::Revoked,
        OpenError::Expired => Refusal::AbsoluteTimeout,
        OpenError::Payload => Refusal::Unreadable,
        OpenError::Invalid
        | OpenError::BufferTooSmall { .. }
        | OpenError::AssociatedDataTooLong => Refusal::Invalid,
    }
}
