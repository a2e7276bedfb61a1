//! Finds the tokens in what people copy: a token, `name=value`, a row of the browser's table, a Cookie or Set-Cookie line.

use crate::Failure;
use hardtack::{Codec, TokenHeader, session::SessionCodec};

pub const DEFAULT_NAME: &str = "__Host-session";

/// The tokens under one name.
pub struct Cookies {
    pub name: String,
    /// In the order received; `None` if a chunk is missing.
    pub tokens: Vec<Option<String>>,
}

/// The header of a token, also of one that this version of hardtack cannot open.
pub fn header(token: &str) -> Option<TokenHeader> {
    // Four versions are given or reserved: every token begins with h.
    Codec::inspect(token).filter(|header| (0x84..=0x87).contains(&header.version))
}

pub fn is_token(text: &str) -> bool {
    header(text).is_some()
}

/// Finds the tokens of the cookie `name`, or of the only cookie that looks like one of hardtack.
pub fn find(input: &[u8], name: Option<&str>) -> Result<Cookies, Failure> {
    let bare = name.unwrap_or(DEFAULT_NAME);
    let mut line = Vec::new();
    for part in input.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let part = part.trim_ascii();
        if !part.is_empty() {
            push_line(&mut line, part, bare);
        }
    }
    if line.is_empty() {
        return Err(Failure::Refused("there is nothing to read".into()));
    }
    let name = match name {
        Some(name) => name.into(),
        None => only_name(&line)?,
    };
    let tokens = SessionCodec::tokens(&line, &name);
    if tokens.is_empty() {
        return Err(Failure::Refused(format!("found no cookie {name}")));
    }
    Ok(Cookies { name, tokens })
}

/// Adds one line to a Cookie header.
fn push_line(header: &mut Vec<u8>, line: &[u8], bare: &str) {
    if !header.is_empty() {
        header.extend_from_slice(b"; ");
    }
    // The attributes of a Set-Cookie line look like no token.
    if let Some(pairs) = field(line, b"cookie:").or_else(|| field(line, b"set-cookie:")) {
        header.extend_from_slice(pairs);
    } else if let Some((name, value)) = row(line) {
        header.extend([name, b"=", value].concat());
    } else if line.contains(&b'=') {
        header.extend_from_slice(line);
    } else {
        header.extend([bare.as_bytes(), b"=", line].concat());
    }
}

/// What is behind the name of a header field.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then(|| rest.trim_ascii())
}

/// The first two columns of a table, as the browser's tools copy them.
fn row(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut columns = line.split(|byte| *byte == b'\t');
    let (name, value) = (columns.next()?, columns.next()?);
    (!name.contains(&b'=')).then_some((name, value))
}

/// The name of the cookies whose value begins like a token.
fn only_name(header: &[u8]) -> Result<String, Failure> {
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    for pair in header.split(|byte| *byte == b';') {
        let pair = String::from_utf8_lossy(pair.trim_ascii());
        let (name, value) = pair.split_once('=').unwrap_or((&pair, ""));
        let first = match value.as_bytes() {
            [b'2'..=b'9', b'.', ..] => value.get(2..).unwrap_or_default(),
            _ => value,
        };
        let names = if is_token(first) {
            &mut ours
        } else {
            &mut others
        };
        if !names.contains(&name.to_owned()) {
            names.push(name.to_owned());
        }
    }
    match ours.as_slice() {
        [name] => Ok(name.clone()),
        [] => Err(Failure::Refused(format!(
            "found no token of hardtack: it begins with h, and with 2.h to 9.h if it is in several cookies. Found only: {}",
            others.join(", ")
        ))),
        several => Err(Failure::Refused(format!(
            "there are tokens in several cookies: choose one with --cookie. Found: {}",
            several.join(", ")
        ))),
    }
}
