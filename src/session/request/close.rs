//! From a session to the Set-Cookie lines.

use super::{answer::Answer, facts::RequestFacts, open::Brought};
use crate::{
    KeyId, SealError, Timestamp,
    secret::Scratch,
    session::{
        data::SessionData,
        endings::RecentEnd,
        error::SaveError,
        events::{Event, SkipReason},
        lifecycle::{Closing, Decision, EndedLogin, LiveSession, Now, Save},
        manager::{SessionManager, SiteCookie},
        record::SessionId,
    },
};
use alloc::{string::String, vec::Vec};
use core::time::Duration;
use rand_core::TryCryptoRng;

/// Leaves a session as it came: what its handler has left half done is not to be saved.
pub(super) fn abandon<T: SessionData>(session: &LiveSession<T>, events: &mut Vec<Event>) -> Answer {
    events.push(Event::NotSaved {
        id: session.known_id(),
        reason: SkipReason::Panicked,
    });
    Answer::default()
}

/// Returns `true` if the session that came must not take the place of another cookie yet. Beside it came one whose
/// session ended or got another id a moment ago, and the browser has the next one by now. If another domain planted
/// the session that counts here, it would throw that one out, and the visitor would go on in the attacker's.
pub(super) fn waits<T: SessionData>(
    manager: &SessionManager<T>,
    session: &LiveSession<T>,
    brought: &Brought,
    now: &dyn Fn() -> Now,
) -> bool {
    let settings = manager.settings();
    let Some(came) = session.sealed_login() else {
        return false;
    };
    let keeps_id = session.known_id() == Some(came.session);
    if !keeps_id || !settings.cookie_of(brought.counts).can_be_planted() {
        return false;
    }
    #[cfg(feature = "store")]
    if brought.ended_in_store {
        return true;
    }
    // Without another login, no clock is asked.
    !brought.others.is_empty() && settings.rules.ended_lately(&brought.others, now())
}

/// Decides what becomes of a session and writes the Set-Cookie lines for it.
pub(super) fn close<T: SessionData, R: TryCryptoRng + ?Sized>(
    manager: &SessionManager<T>,
    session: &mut LiveSession<T>,
    (facts, brought, head_at): (Option<&RequestFacts>, &Brought, Duration),
    rng: &mut R,
    events: &mut Vec<Event>,
) -> Answer {
    let cookie = &manager.settings().cookie;
    let cookies = facts.map_or(&[][..], RequestFacts::cookies);
    let now = || manager.now();
    let waits = waits(manager, session, brought, &now);
    let closing = Closing {
        now: &now,
        head_at,
        renews: !waits && facts.is_none_or(|facts| facts.renews),
        others: &brought.others,
    };
    let mut answer = Answer::default();
    let unsaved = match session.decide(&manager.settings().rules, closing, rng) {
        Decision::Save(save) => match seal(manager, &save, rng) {
            Ok((set_cookie, saved)) => {
                let stale = brought.stale(cookie, cookies);
                let kept = set_cookie.len();
                answer.set_cookie = set_cookie;
                events.extend(saved);
                // A login takes the place of every login that the browser has, of idle ones too: a copy
                // of those may have been kept warm.
                let others = match session.is_login() {
                    true => &brought.others[..],
                    false => &[],
                };
                report_replaced(manager, &save, others, events);
                answer.set_cookie.extend(cookie.remove(stale, kept));
                let moves = !session.is_destroyed() && brought.counts != SiteCookie::Present;
                if moves {
                    events.push(moved(manager, &save, brought));
                }
                let mut lines =
                    removals(manager, session, cookies, (brought, moves), save.now.wall);
                if !lines.is_empty() {
                    // Before the new cookie: a browser that does not know `Partitioned`, or that keeps one
                    // cookie for a host and its domain, takes both for one and would remove what it has set.
                    lines.append(&mut answer.set_cookie);
                    answer.set_cookie = lines;
                }
                return answer;
            }
            // The cookie that the browser has is as good as it was: no reason to fail a request.
            Err(error) if save.is_renewal() => Decision::Skip(SkipReason::RenewalFailed(error)),
            Err(error) => Decision::Fail(error),
        },
        decision => decision,
    };
    answer.failed = report_unsaved(&unsaved, session.known_id(), events);
    answer.skipped = matches!(unsaved, Decision::Skip(_));
    // Only `destroy` removes what it does not replace.
    if session.is_destroyed() {
        answer
            .set_cookie
            .extend(cookie.remove(cookie.to_remove(cookies), 0));
        let others = removals(manager, session, cookies, (brought, false), manager.wall());
        answer.set_cookie.extend(others);
    }
    answer
}

/// Reports a session that is not saved, and returns the error that its response is to show.
pub(super) fn report_unsaved(
    decision: &Decision,
    id: Option<SessionId>,
    events: &mut Vec<Event>,
) -> Option<SaveError> {
    match *decision {
        Decision::Keep | Decision::Save(_) => None,
        Decision::Skip(reason) => {
            events.push(Event::NotSaved { id, reason });
            None
        }
        Decision::Fail(error) => {
            events.push(Event::Failed { id, error });
            Some(error)
        }
    }
}

/// Returns the event for a session that moves out of a former cookie.
pub(super) fn moved<T: SessionData>(
    manager: &SessionManager<T>,
    save: &Save,
    brought: &Brought,
) -> Event {
    Event::Moved {
        id: save.ids.session,
        login_id: save.ids.login,
        from: manager.settings().cookie_of(brought.counts).name().into(),
    }
}

/// Returns the lines that remove what the session leaves behind beside its own cookie: former cookies, and at
/// a login or an end the proof of a device.
pub(super) fn removals<T: SessionData>(
    manager: &SessionManager<T>,
    session: &LiveSession<T>,
    cookies: &[u8],
    (brought, moves): (&Brought, bool),
    now: Timestamp,
) -> Vec<String> {
    let is_over = session.is_login() || session.is_destroyed();
    let formers = remove_formers(manager, cookies, brought, moves || is_over, now);
    #[cfg(feature = "unstable-device-bound")]
    if is_over && let Some(device) = &manager.settings().device {
        let proofs = device.cookies().iter();
        let proofs = proofs.flat_map(|proof| proof.remove(proof.received(cookies), 0));
        return formers.chain(proofs).collect();
    }
    formers.collect()
}

/// Returns the lines that remove the former cookies: `all`, or those that nobody can tell from the present one
/// and that a later request would bring again beside it. They go whether they were received or not, because the
/// path of one may have hidden it. A request without any authentic cookie removes none: nothing says that the
/// browser has one of ours, and the name may be another application's.
fn remove_formers<'m, T: SessionData>(
    manager: &'m SessionManager<T>,
    cookies: &'m [u8],
    brought: &'m Brought,
    all: bool,
    now: Timestamp,
) -> impl Iterator<Item = String> {
    let formers = manager.settings().formers_at(now);
    let removed =
        formers.filter(move |(_, former)| brought.authentic && (all || former.opens_as_present));
    removed.flat_map(move |(_, former)| former.removal(cookies))
}

/// Reports the sessions that a save has replaced, each of them once, and ends their logins if a new one takes their place.
pub(super) fn report_replaced<T: SessionData>(
    manager: &SessionManager<T>,
    save: &Save,
    others: &[EndedLogin],
    events: &mut Vec<Event>,
) {
    let mut told: Vec<&EndedLogin> = Vec::new();
    for replaced in save.replaces.iter().chain(others) {
        if told.contains(&replaced) {
            continue;
        }
        told.push(replaced);
        events.push(Event::Regenerated {
            from: replaced.session,
            to: save.ids.session,
            from_login: replaced.login,
            to_login: save.ids.login,
            absolute_end: replaced.absolute_end,
        });
        if replaced.login == save.ids.login {
            let renamed = &manager.settings().rules.renamed;
            renamed.remember(replaced.session, RecentEnd::Replaced, save.now.ticks);
        } else {
            events.extend(manager.end(*replaced, RecentEnd::Replaced, save.now));
        }
    }
}

/// Seals a record under the primary key. Returns its Set-Cookie lines, and the event for them if anybody listens.
fn seal<T: SessionData, R: TryCryptoRng + ?Sized>(
    manager: &SessionManager<T>,
    save: &Save,
    rng: &mut R,
) -> Result<(Vec<String>, Option<Event>), SaveError> {
    let settings = manager.settings();
    settings.fits(save.record.0.len())?;
    let (token, key) = seal_record(manager, &save.record.0, save.now.wall, rng)?;
    let (set_cookie, len) = settings.cookie.set(&token, save.max_age)?;
    let saved = manager.hears().then_some(Event::Saved {
        id: save.ids.session,
        login_id: save.ids.login,
        key,
        reason: save.reason,
        len,
    });
    Ok((set_cookie, saved))
}

/// Returns the token of a record, and the id of the key that sealed it.
pub(super) fn seal_record<T: SessionData, R: TryCryptoRng + ?Sized>(
    manager: &SessionManager<T>,
    record: &[u8],
    now: Timestamp,
    rng: &mut R,
) -> Result<(String, KeyId), SaveError> {
    let keys = manager.keys();
    let codec = &keys.codec;
    let mut text = Scratch::zeroed(codec.token_len(record.len()));
    let write = |buf: &mut [u8]| {
        let needed = record.len();
        buf.get_mut(..needed)
            .ok_or(SealError::BufferTooSmall { needed })?
            .copy_from_slice(record);
        Ok(needed)
    };
    let len = codec
        .seal_payload(None, now, rng, &mut text.0, write)
        .map_err(SaveError::of::<T>)?;
    text.0.truncate(len);
    let token = String::from_utf8(core::mem::take(&mut text.0))
        .map_err(|_| SaveError::unreadable::<T>())?;
    Ok((token, codec.primary()))
}
