//! `hardtack key` and `hardtack keys check`.

use crate::{
    Failure, Report,
    args::KeysArgs,
    source,
    text::{date, date_and_distance},
};
use base64ct::{Base64, Encoding as _};
use hardtack::{Key, KeyError, KeyId, KeyState, Keyring, Timestamp};
use std::fmt::Write as _;
use zeroize::Zeroizing;

pub fn make() -> Result<Report, Failure> {
    let (text, id) = new_key()?;
    Ok(Report {
        output: format!("{}\n", *text),
        notes: vec![format!("the id of this key is {id}")],
        refused: false,
    })
}

/// The text of a new key, and its id.
fn new_key() -> Result<(Zeroizing<String>, KeyId), Failure> {
    let mut bytes = Zeroizing::new([0; 32]);
    let random = |error: &dyn std::fmt::Display| Failure::Io(format!("no random bytes: {error}"));
    getrandom::fill(&mut *bytes).map_err(|error| random(&error))?;
    let key = Key::from_bytes(*bytes).map_err(|error| random(&error))?;
    Ok((Zeroizing::new(Base64::encode_string(&*bytes)), key.id()))
}

pub fn check(args: &KeysArgs) -> Result<Report, Failure> {
    args.surplus.refuse()?;
    let place = source::place(args);
    // Standard input can be read once.
    let mut text = source::stdin_keys(args)?;
    let ring = match (&args.keys_file, &text) {
        (_, Some(text)) => text.trim_end().parse(),
        (Some(path), None) => Keyring::from_file(path),
        (None, None) => Keyring::from_env(&args.keys_env),
    };
    let error = match ring {
        Ok(ring) => return Ok(good(&ring, &place)),
        Err(error) => error,
    };
    let failure = source::failure(&error);
    if !matches!(failure, Failure::Refused(_)) {
        return Err(failure);
    }
    if text.is_none() {
        text = source::keys_text(args)?;
    }
    let Some(text) = text else {
        return Err(failure);
    };
    let mut output = String::new();
    let mut faults = 0;
    for (number, entry) in (1..).zip(entries(&text)?) {
        // Writing into a string does not fail.
        let _ = match entry {
            Ok((id, state)) => {
                writeln!(output, "{number}  {id}  {}", shown(state, Timestamp::now()))
            }
            Err(error) => {
                faults += 1;
                writeln!(output, "{number}  ------  {error}")
            }
        };
    }
    Ok(Report {
        output,
        notes: vec![match faults {
            1 => format!("{place}: one entry has a fault, and no server takes the list"),
            faults => {
                format!("{place}: {faults} entries have a fault, and no server takes the list")
            }
        }],
        refused: true,
    })
}

fn good(ring: &Keyring, place: &str) -> Report {
    let now = Timestamp::now();
    let mut report = Report::good(String::new());
    for (number, (id, state)) in (1..).zip(ring.key_states()) {
        let _ = writeln!(report.output, "{number}  {id}  {}", shown(state, now));
        if let KeyState::Retired(at) = state
            && at > now
        {
            report.notes.push(format!(
                "the key {id} retires in the future, at {}: until then it opens everything",
                date(at)
            ));
        }
    }
    report.notes.push(format!("{place}: good"));
    report
}

fn shown(state: KeyState, now: Timestamp) -> String {
    match state {
        KeyState::Primary => "seals and opens".into(),
        KeyState::Accepted => "opens".into(),
        KeyState::Retired(at) => {
            format!("opens what was sealed until {}", date_and_distance(at, now))
        }
        other => other.to_string(),
    }
}

/// What an entry of a list is, or what is wrong with it.
type Judged = Result<(KeyId, KeyState), KeyError>;

/// Each entry of a list, judged by the library in its place behind the good ones before it.
fn entries(list: &str) -> Result<Vec<Judged>, Failure> {
    let (stand_in, _) = new_key()?;
    let mut before = Zeroizing::new(String::new());
    let mut judged = Vec::new();
    for entry in list.trim_end().split(',') {
        let mut with = Zeroizing::new(before.to_string());
        if !with.is_empty() {
            with.push(',');
        }
        with.push_str(entry);
        match with.parse::<Keyring>() {
            Ok(ring) => {
                before = with;
                judged.push(ring.key_states().last().ok_or(KeyError::Empty));
            }
            Err(error) => {
                // The second entry is not the first, whatever the first is.
                if before.is_empty() {
                    before = stand_in.clone();
                }
                judged.push(Err(match error {
                    KeyError::Entry { error, .. } => *error,
                    error => error,
                }));
            }
        }
    }
    Ok(judged)
}
