//! From the Cookie header to a session.

use crate::{
    Codec, KeyId, OpenError,
    secret::Scratch,
    session::{
        data::SessionData,
        events::{Event, Refusal},
        lifecycle::{EndedLogin, LiveSession, Now, Sealed},
        manager::{Keys, SessionManager},
        record::RecordHead,
    },
    token,
};
use alloc::{vec, vec::Vec};
use core::cmp::Reverse;

/// The most refused cookies of one request that are reported: their number is the sender's choice.
const MAX_REFUSALS: usize = 8;

/// What the cookies of a request came to.
pub(super) struct Found<T> {
    pub(super) session: LiveSession<T>,
    /// Why the first cookie was refused, if none counts.
    pub(super) refused: Option<Refusal>,
    /// The logins of all cookies that are authentic and do not count: a logout ends them too.
    pub(super) others: Vec<EndedLogin>,
    /// Two logins under one name: neither counts.
    pub(super) rivals: bool,
}

/// Why a cookie does not count, and what it says of itself.
#[derive(Clone, Copy)]
struct Refused {
    reason: Refusal,
    key: Option<KeyId>,
    login: Option<EndedLogin>,
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
    let cookie = &manager.settings().cookie;
    let mut opened = Vec::new();
    let mut refused = Vec::new();
    let keys = manager.keys();
    for candidate in cookie.candidates(cookies) {
        let token = candidate.map_err(|_incomplete| Refused {
            reason: Refusal::Incomplete,
            key: None,
            login: None,
        });
        match token.and_then(|token| open_token(manager, &keys, now, &token)) {
            Ok(found) => opened.push(found),
            Err(why) => refused.push(why),
        }
    }
    drop(keys);
    // Stable: of equals the first stays the first.
    opened.sort_by_key(|(_, sealed)| Reverse(sealed.issued_at));
    let mut others: Vec<_> = match opened.as_slice() {
        [] | [_] => Vec::new(),
        opened => opened.iter().map(|(_, sealed)| sealed.login).collect(),
    };
    let (counts, rivals) = choose(manager, opened, &mut refused, events);
    others.extend(refused.iter().filter_map(|refused| refused.login));
    let first = refused.first().map(|refused| refused.reason);
    events.extend(
        refused
            .into_iter()
            .take(MAX_REFUSALS)
            .map(|refused| Event::Refused {
                reason: refused.reason,
                key: refused.key,
                id: refused.login.map(|login| login.session),
                login_id: refused.login.map(|login| login.login),
            }),
    );
    let (session, refused) = match counts {
        Some((session, opened)) => {
            events.push(opened);
            (session, None)
        }
        None => (LiveSession::new(&manager.settings().rules, now.wall), first),
    };
    Found {
        session,
        refused,
        others,
        rivals,
    }
}

/// Returns the session that counts, and whether rivals made it none.
fn choose<T: SessionData>(
    manager: &SessionManager<T>,
    opened: Vec<(RecordHead, Sealed)>,
    refused: &mut Vec<Refused>,
    events: &mut Vec<Event>,
) -> (Option<(LiveSession<T>, Event)>, bool) {
    let refuse = |sealed: &Sealed, reason| Refused {
        reason,
        key: Some(sealed.key),
        login: Some(sealed.login),
    };
    let open = |head, sealed: Sealed| {
        let told = refuse(&sealed, Refusal::NotValidated);
        let event = Event::Opened {
            id: sealed.ids.session,
            login_id: sealed.ids.login,
            key: sealed.key,
            key_state: sealed.key_state,
        };
        match LiveSession::open(&manager.settings().rules, head, sealed) {
            Ok(session) => Ok((session, event, told)),
            Err(reason) => Err(Refused { reason, ..told }),
        }
    };
    let mut opened = opened.into_iter();
    let newest = loop {
        match opened.next().map(|(head, sealed)| open(head, sealed)) {
            Some(Ok(newest)) => break newest,
            Some(Err(why)) => refused.push(why),
            None => return (None, false),
        }
    };
    // Under a name that another domain can set, all must be known.
    if manager.settings().cookie.can_be_planted() {
        let mut others = Vec::new();
        for (head, sealed) in opened {
            match open(head, sealed) {
                Ok((.., other)) => others.push(other),
                Err(why) => refused.push(why),
            }
        }
        let (_, _, newest) = &newest;
        let logins = |other: &Refused| Some([newest.login?.login, other.login?.login]);
        let mut pairs = others.iter().filter_map(logins);
        if let Some(login_ids) = pairs.find(|[newest, other]| newest != other) {
            // An attacker's own session, planted by a sibling domain: what the victim writes would be
            // theirs.
            events.push(Event::Rivals { login_ids });
            let rivals = core::iter::once(*newest).chain(others);
            refused.extend(rivals.map(|told| Refused {
                reason: Refusal::Rival,
                ..told
            }));
            return (None, true);
        }
    }
    let (session, event, _) = newest;
    (Some((session, event)), false)
}

/// Opens one token, down to the session's times.
fn open_token<T: SessionData>(
    manager: &SessionManager<T>,
    keys: &Keys,
    now: Now,
    token: &str,
) -> Result<(RecordHead, Sealed), Refused> {
    let mut scratch = Scratch(vec![0; token::body_len(token.len())]);
    let opened = match keys
        .codec
        .open_payload(None, token, now.wall, &mut scratch.0)
    {
        Ok(opened) => opened,
        Err(error) => {
            return Err(Refused {
                reason: refusal(error),
                key: Codec::inspect(token).map(|header| header.key),
                login: None,
            });
        }
    };
    let facts = (opened.issued_at, opened.key, opened.key_state);
    let (key, len) = (opened.key, opened.value.len());
    scratch.0.truncate(len);
    let read = Sealed::read(&manager.settings().rules, now, scratch, facts, keys.floor);
    if read.is_ok() {
        keys.count(key, now.wall);
    }
    read.map_err(|(reason, login)| Refused {
        reason,
        key: Some(key),
        login,
    })
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
