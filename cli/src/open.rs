//! `hardtack open`.

use crate::{
    Failure, Report,
    args::OpenArgs,
    cookie::{self, Cookies},
    inspect::missing_chunk,
    json::{Session, Token},
    payload::Payload,
    source::{self, Keys},
    text::{date, date_and_distance},
};
use hardtack::{
    Codec, KeyState, OpenError, Opened, Timestamp,
    session::{Refusal, SessionCodec, SessionRecord},
};
use std::time::Duration;

pub fn open(args: &OpenArgs) -> Result<Report, Failure> {
    source::one_stdin(&args.keys, &args.input)?;
    let keys = source::keys(&args.keys)?;
    let input = source::input(
        &args.input,
        "Paste the cookie or the token, then press Enter and Ctrl-D.",
    )?;
    let cookies = cookie::find(&input, args.cookie.as_deref())?;
    match &args.purpose {
        Some(purpose) => open_token(args, purpose, &keys, &cookies),
        None => open_session(args, &keys, &cookies),
    }
}

/// The JSON of a token or a session.
fn document<T: serde::Serialize>(document: &T) -> Result<String, Failure> {
    match serde_json::to_string_pretty(document) {
        Ok(json) => Ok(json + "\n"),
        Err(error) => Err(Failure::Io(format!("cannot write JSON: {error}"))),
    }
}

fn open_token(
    args: &OpenArgs,
    purpose: &str,
    keys: &Keys,
    cookies: &Cookies,
) -> Result<Report, Failure> {
    let now = Timestamp::now();
    let [Some(token)] = cookies.tokens.as_slice() else {
        return Err(Failure::Refused("give one whole token at a time".into()));
    };
    // The age is judged below, so that a token that is over can be looked at.
    let codec = Codec::new(&keys.ring, purpose).max_age(Duration::MAX);
    let opened: Result<Opened<Payload>, _> = match &args.bound_to {
        None => codec.open_at(token, now),
        Some(bytes) => codec.bound_to(bytes.as_bytes()).open_at(token, now),
    };
    let opened = opened.map_err(|error| {
        Failure::Refused(match error {
            OpenError::Invalid => "the token does not open: it was changed or cut off, or --purpose or --bound-to are \
                                   not what it was sealed with, or it is a session (leave --purpose out)"
                .into(),
            OpenError::UnknownKey(_) => unknown_key(token, keys),
            OpenError::Revoked => revoked(token, keys),
            OpenError::NotYetValid => from_the_future(token, now),
            other => other.to_string(),
        })
    })?;
    let end = opened.issued_at.saturating_add(args.max_age);
    let mut report = Report::good(document(&Token {
        purpose: purpose.into(),
        bound_to: args.bound_to.clone(),
        key: opened.key.to_string(),
        issued_at: date(opened.issued_at),
        ends_at: date(end),
        payload: Token::payload_json(&opened.value),
    })?);
    if now.saturating_duration_since(opened.issued_at) > args.max_age {
        let max_age = humantime::format_duration(args.max_age);
        report.notes.push(format!(
            "the token is over since {}, if the site takes tokens of at most {max_age} (--max-age)",
            date_and_distance(end, now)
        ));
        report.refused = true;
    }
    Ok(report)
}

fn open_session(args: &OpenArgs, keys: &Keys, cookies: &Cookies) -> Result<Report, Failure> {
    let now = Timestamp::now();
    let place = [&cookies.name, &*args.realm, &*args.type_name];
    let codec = SessionCodec::new(&keys.ring, place[0], place[1], place[2])
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let mut notes = Vec::new();
    let mut opened: Vec<Opened<SessionRecord>> = Vec::new();
    for token in &cookies.tokens {
        match token.as_ref().map(|token| (token, codec.open(token, now))) {
            None => notes.push(missing_chunk(&cookies.name)),
            Some((_, Ok(session))) => opened.push(session),
            Some((token, Err(refusal))) => notes.push(refused(refusal, token, keys, place, now)),
        }
    }
    // Those that are over come last. Of the others the newest counts, and the first of equals.
    let is_over = |one: &Opened<SessionRecord>| one.value.check(one.issued_at, now).is_err();
    opened.sort_by_key(|one| (is_over(one), std::cmp::Reverse(one.issued_at)));
    let Some(counts) = opened.first() else {
        return Err(Failure::Refused(notes.join("\nhardtack: ")));
    };
    let mut refused = false;
    if let Err(refusal) = counts.value.check(counts.issued_at, now) {
        refused = true;
        let end = counts.value.expires_at(counts.issued_at);
        notes.push(match refusal {
            Refusal::IdleTimeout => format!(
                "the session is over since {}: it was not used for longer than its idle timeout",
                date_and_distance(end, now)
            ),
            Refusal::AbsoluteTimeout => format!(
                "the session is over since {}: it is older than its absolute timeout",
                date_and_distance(end, now)
            ),
            _ => "the session began after it was sealed: a clock was wrong, and no site takes it"
                .into(),
        });
    }
    let rivals = opened
        .iter()
        .any(|one| !is_over(one) && one.value.login_id != counts.value.login_id);
    if rivals && !cookies.name.starts_with("__Host-") {
        refused = true;
        notes.push(format!(
            "two logins came under the name {}, which another domain can set: a site takes neither of them",
            cookies.name
        ));
    } else if opened.len() > 1 {
        let others = opened.iter().skip(1).map(|one| one.value.id.to_string());
        let others = others.collect::<Vec<_>>().join(", ");
        notes.push(format!(
            "several cookies open, and the newest counts. The others: {others}"
        ));
    }
    if counts.value.device_key.is_some() {
        notes.push("the session counts only together with a proof from its device".into());
    }
    let session = Session::of(&counts.value, place, counts.key, counts.issued_at);
    let session = session.map_err(Failure::Refused)?;
    Ok(Report {
        output: document(&session)?,
        notes,
        refused,
    })
}

fn refused(refusal: Refusal, token: &str, keys: &Keys, place: [&str; 3], now: Timestamp) -> String {
    match refusal {
        Refusal::Invalid if !cookie::is_token(token) => "this is not a token of hardtack".into(),
        Refusal::Invalid => {
            let [name, realm, type_name] = place.map(|part| if part.is_empty() { "none" } else { part });
            format!(
                "the session does not open: it was changed or cut off, or the site has another cookie name (now {name}), \
                 realm (now {realm}) or type (now {type_name}): see --cookie, --realm and --type. A token of a \
                 codec needs --purpose"
            )
        }
        Refusal::UnknownKey => unknown_key(token, keys),
        Refusal::Revoked => revoked(token, keys),
        Refusal::NotYetValid => from_the_future(token, now),
        Refusal::UnknownLayout => {
            "the token opens, and holds no session that this version knows: the session lies in a store, or another \
             version of hardtack made it"
                .into()
        }
        other => other.to_string(),
    }
}

fn unknown_key(token: &str, keys: &Keys) -> String {
    let id = cookie::header(token).map_or_else(String::new, |header| header.key.to_string());
    format!(
        "the key {id} is missing: it sealed the token, and {} has {}",
        keys.place, keys.ring
    )
}

fn revoked(token: &str, keys: &Keys) -> String {
    let header = cookie::header(token);
    let state = header.and_then(|header| keys.ring.key_states().find(|(id, _)| *id == header.key));
    match (header, state) {
        (Some(header), Some((id, KeyState::Retired(at)))) => format!(
            "the key {id} was retired at {}, and the token was sealed with it later, at {}: the key may be stolen",
            date(at),
            date(header.issued_at)
        ),
        _ => OpenError::Revoked.to_string(),
    }
}

fn from_the_future(token: &str, now: Timestamp) -> String {
    match cookie::header(token) {
        Some(header) => format!(
            "the token was sealed in the future, at {}: a clock is wrong",
            date_and_distance(header.issued_at, now)
        ),
        None => OpenError::NotYetValid.to_string(),
    }
}
