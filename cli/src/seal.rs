//! `hardtack seal`.

use crate::{
    Failure, Report,
    args::SealArgs,
    json::{Session, Token},
    source::{self, Keys},
    text::date_and_distance,
};
use hardtack::{
    Codec, SealError, Timestamp,
    session::{SaveError, SessionCodec},
};
use serde::Deserialize as _;
use serde_json::Value as Json;

pub fn seal(args: &SealArgs) -> Result<Report, Failure> {
    source::one_stdin(&args.keys, &args.input)?;
    let keys = source::keys(&args.keys)?;
    let input = source::input(&args.input, "Type the JSON, then press Enter and Ctrl-D.")?;
    // Serde's message for a choice would not say what is wrong with the one that was meant.
    let json = serde_json::from_slice::<Json>(&input).map_err(not_read)?;
    let sealed = if json.get("purpose").is_some() {
        seal_token(&Token::deserialize(json).map_err(not_read)?, &keys).map(|token| (token, None))
    } else {
        seal_session(&Session::deserialize(json).map_err(not_read)?, &keys)
    };
    let (text, note) = sealed.map_err(Failure::Refused)?;
    Ok(Report {
        output: text + "\n",
        refused: note.is_some(),
        notes: note.into_iter().collect(),
    })
}

fn not_read(error: serde_json::Error) -> Failure {
    Failure::Refused(format!("the JSON is not what `open` prints: {error}"))
}

fn seal_token(token: &Token, keys: &Keys) -> Result<String, String> {
    let payload = token.payload()?;
    let codec = Codec::new(&keys.ring, &token.purpose);
    let sealed: Result<String, SealError> = match &token.bound_to {
        None => codec.seal(&payload),
        Some(bytes) => codec.bound_to(bytes.as_bytes()).seal(&payload),
    };
    sealed.map_err(|error| error.to_string())
}

/// Returns the Cookie header, and what is wrong with the session all the same.
fn seal_session(session: &Session, keys: &Keys) -> Result<(String, Option<String>), String> {
    let now = Timestamp::now();
    let record = session.record(now)?;
    let name = session
        .cookie
        .as_deref()
        .unwrap_or(crate::cookie::DEFAULT_NAME);
    let codec = SessionCodec::new(&keys.ring, name, &session.realm, &session.type_name)
        .map_err(|error| error.to_string())?;
    let cookies = codec.seal(&record, now).map_err(|error| match error {
        SaveError::Clock => "created_at is in the future".into(),
        SaveError::Unreadable { .. } => {
            "subject has 1 to 255 bytes, and device_key is a compressed point".into()
        }
        other => other.to_string(),
    })?;
    let over = record.check(now, now).is_err().then(|| {
        let end = date_and_distance(record.expires_at(now), now);
        format!("the session is over since {end}: change created_at, or its timeouts")
    });
    Ok((cookies, over))
}
