//! Reads keys, cookies and JSON from where the arguments say.

use crate::{
    Failure,
    args::{InputArgs, KeysArgs},
    say,
};
use hardtack::{KeyError, Keyring};
use std::{
    fs::File,
    io::{self, IsTerminal as _, Read},
    path::Path,
};
use zeroize::Zeroizing;

/// More than any browser or session has. Something else was named by mistake.
const MAX_LEN: u64 = 1 << 20;

/// A keyring, and where it comes from.
pub struct Keys {
    pub ring: Keyring,
    pub place: String,
}

pub fn keys(args: &KeysArgs) -> Result<Keys, Failure> {
    args.surplus.refuse()?;
    let ring = match (&args.keys_file, stdin_keys(args)?) {
        (_, Some(text)) => text.trim_end().parse(),
        (Some(path), None) => Keyring::from_file(path),
        (None, None) => Keyring::from_env(&args.keys_env),
    };
    let place = place(args);
    match ring {
        Ok(ring) => Ok(Keys { ring, place }),
        Err(error) => Err(failure(&error)),
    }
}

/// The name of the variable or the file.
pub fn place(args: &KeysArgs) -> String {
    match &args.keys_file {
        None => args.keys_env.clone(),
        Some(_) if args.is_stdin() => "standard input".into(),
        Some(path) => path.display().to_string(),
    }
}

/// The list of keys on standard input, if they are to come from there.
pub fn stdin_keys(args: &KeysArgs) -> Result<Option<Zeroizing<String>>, Failure> {
    if !args.is_stdin() {
        return Ok(None);
    }
    let not_utf8 = || Failure::Refused("standard input: found bytes that are not UTF-8".into());
    keys_text(args)?.ok_or_else(not_utf8).map(Some)
}

/// The list of keys as it stands there. `None` if it is not UTF-8.
pub fn keys_text(args: &KeysArgs) -> Result<Option<Zeroizing<String>>, Failure> {
    let bytes = match &args.keys_file {
        None => std::env::var_os(&args.keys_env).map(|text| text.into_encoded_bytes()),
        Some(path) => Some(read_file(
            path,
            "Type the keys, then press Enter and Ctrl-D.",
        )?),
    };
    let mut bytes = Zeroizing::new(bytes.unwrap_or_default());
    let text = String::from_utf8(std::mem::take(&mut *bytes));
    Ok(text.ok().map(Zeroizing::new))
}

/// Tells a list with a fault from one that cannot be read at all.
pub fn failure(error: &KeyError) -> Failure {
    match error {
        KeyError::Variable { error: inner, .. } | KeyError::File { error: inner, .. }
            if matches!(**inner, KeyError::Unset | KeyError::Unreadable(_)) =>
        {
            Failure::Io(error.to_string())
        }
        _ => Failure::Refused(error.to_string()),
    }
}

/// What to look into: bytes, because cookies of other applications may be anything.
pub fn input(args: &InputArgs, prompt: &str) -> Result<Vec<u8>, Failure> {
    match (&args.env, &args.file) {
        (Some(name), _) => match std::env::var_os(name) {
            Some(text) => Ok(text.into_encoded_bytes()),
            None => Err(Failure::Io(format!("environment variable {name}: not set"))),
        },
        (None, Some(path)) => read_file(path, prompt),
        (None, None) => read_stdin(prompt),
    }
}

/// Both cannot come from one stream.
pub fn one_stdin(keys: &KeysArgs, input: &InputArgs) -> Result<(), Failure> {
    let keys = keys.is_stdin();
    let input = input.env.is_none() && input.file.as_deref().is_none_or(is_stdin);
    if keys && input {
        return Err(Failure::Usage(
            "the keys are to come from standard input: name a --file or --env for the rest".into(),
        ));
    }
    Ok(())
}

pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn read_file(path: &Path, prompt: &str) -> Result<Vec<u8>, Failure> {
    if is_stdin(path) {
        return read_stdin(prompt);
    }
    let named = |error: io::Error| Failure::Io(format!("file {}: {error}", path.display()));
    read(File::open(path).map_err(named)?).map_err(named)
}

fn read_stdin(prompt: &str) -> Result<Vec<u8>, Failure> {
    let stdin = io::stdin().lock();
    let terminal = stdin.is_terminal();
    if terminal {
        say(prompt);
    }
    let bytes = read(stdin).map_err(|error| Failure::Io(format!("standard input: {error}")))?;
    if terminal
        && bytes
            .split(|byte| *byte == b'\n')
            .any(|line| line.len() >= 4095)
    {
        say(
            "a terminal cuts lines off after 4,095 characters: if this one was longer, read it from a file",
        );
    }
    Ok(bytes)
}

fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_LEN + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_LEN {
        return Err(io::Error::other("longer than any session"));
    }
    Ok(bytes)
}
