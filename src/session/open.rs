//! From the Cookie header to a session.

use super::{
    Event, Refusal, SessionData, SessionId, cookies,
    current::{Current, DataAt, Opened},
    record::{Record, RecordError},
    state::{Context, State},
    timeouts::Limits,
};
use crate::{Codec, KeyId, OpenError, secret::Scratch, token};
use alloc::{vec, vec::Vec};
use core::cmp::Reverse;

/// The most refused cookies of one request that are reported: their number is the sender's choice.
const MAX_REFUSALS: usize = 8;

impl<T: SessionData> State<T> {
    /// The session of the cookie that counts: of those that open, and that schema and `validate` do not
    /// refuse, the one that was sealed last, the first of equals. So a sibling domain's cookie of the
    /// same name, older or forged, hides nothing.
    pub(super) fn open(&mut self, cx: &Context<'_, T>) -> Option<Current<T>> {
        // The clock is the application's code: read before the keys are locked, it may set others.
        let _ = cx.now();
        let codec = cx.sessions.codec();
        let headers = [self.received.as_slice()];
        let mut opened = Vec::new();
        let mut refused = Vec::new();
        for candidate in cookies::candidates(headers.iter().copied(), &cx.config().cookie.name) {
            let token = candidate.map_err(|_incomplete| (Refusal::Incomplete, None, None));
            match token.and_then(|token| open_one(cx, &codec, &token)) {
                Ok(found) => opened.push(found),
                Err(why) => refused.push(why),
            }
        }
        drop(codec);
        // Stable: of equals the first stays the first.
        opened.sort_by_key(|(_, cookie)| Reverse(cookie.issued_at));
        let mut counts = None;
        for (record, cookie) in opened {
            let Opened {
                id, key, key_state, ..
            } = cookie;
            match Current::from_record(cx, record, cookie) {
                Ok(current) => {
                    counts = Some((current, Event::Opened { id, key, key_state }));
                    break;
                }
                Err(reason) => refused.push((reason, Some(key), Some(id))),
            }
        }
        let report = |(reason, key, id)| Event::Refused { reason, key, id };
        self.events
            .extend(refused.into_iter().take(MAX_REFUSALS).map(report));
        let (current, event) = counts?;
        self.events.push(event);
        Some(current)
    }
}

/// Why a cookie does not count, and what it says of itself.
type Refused = (Refusal, Option<KeyId>, Option<SessionId>);

/// Opens one token, down to the session's times.
fn open_one<T: SessionData>(
    cx: &Context<'_, T>,
    codec: &Codec,
    token: &str,
) -> Result<(Record<DataAt>, Opened), Refused> {
    let named_key = || Codec::inspect(token).map(|header| header.key);
    let mut scratch = Scratch(vec![0; token::body_len(token.len())]);
    let opened = match codec.open_payload(None, token, cx.now(), &mut scratch.0) {
        Ok(opened) => opened,
        Err(error) => return Err((refusal(error), named_key(), None)),
    };
    let (issued_at, key, key_state) = (opened.issued_at, opened.key, opened.key_state);
    let len = opened.value.len();
    let record = match Record::decode(opened.value) {
        Ok(record) => record,
        Err(RecordError::UnknownLayout(_)) => {
            return Err((Refusal::UnknownLayout, Some(key), None));
        }
        Err(RecordError::Malformed) => return Err((Refusal::Unreadable, Some(key), None)),
    };
    let limits = Limits::of(&record).and(cx.config().limits(record.remembered));
    let mut times = limits.check(record.created_at, issued_at, cx.now());
    if record.created_at < cx.config().floor {
        times = Err(Refusal::Revoked);
    }
    times.map_err(|reason| (reason, Some(key), Some(record.id)))?;
    let data_at = DataAt(len.saturating_sub(record.data.len()));
    let record = record.with_data(data_at);
    scratch.0.truncate(len);
    let opened = Opened {
        record: scratch,
        id: record.id,
        absolute_end: Limits::of(&record).absolute_end(record.created_at),
        issued_at,
        key,
        key_state,
    };
    Ok((record, opened))
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
