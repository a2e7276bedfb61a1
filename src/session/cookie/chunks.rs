//! The token in the Cookie header, and the token cut to fit into Set-Cookie.
//!
//! ```text
//! NAME   = token                       if it fits
//! NAME   = N "." part 0                else; 2 <= N <= 9
//! NAME.k = F "." part k                1 <= k < N; F = characters 24..32 of the token
//! ```
//!
//! A token begins with `h`, so it is never taken for a part. F is random and nobody but the browser and we know it:
//! parts of two tokens are not confused, and a sibling domain cannot slip one in.
//!
//! The Cookie header is read as bytes. It is split at `;`, and SP and HTAB around a pair are trimmed: nothing else, or
//! a sibling domain's U+00A0 `__Host-session` would pass for ours, without the guarantees of the prefix. A pair with a
//! byte outside ASCII is skipped, and only that pair: somebody else's cookie must not hide the session. Names are
//! compared byte for byte. Double quotes are part of a value, as for browsers (RFC 6265, section 5.2, keeps them): we
//! never set any, so a quoted value is not ours, and is refused when it is opened.

use alloc::{
    borrow::Cow, borrow::ToOwned, collections::BTreeMap, format, string::String, vec, vec::Vec,
};
use memchr::memchr;

/// Parts that a token may be cut into: the count is one digit.
pub(crate) const MAX_CHUNKS: usize = 9;

/// What the candidates of one request may add up to, in characters: the bound on the work that a header can cause.
const MAX_CANDIDATE_BYTES: usize = 64 * 1024;

/// Bytes that a browser takes for one cookie. RFC 6265, section 6.1, promises 4096 for name, value and attributes
/// together. RFC 6265bis, Chromium and Firefox count name and value only, others have counted the `=`; so we count the
/// whole line, which fits by any measure.
const MAX_COOKIE_BYTES: usize = 4096;

/// Where F lies in a token: within the random field of its header.
const FRAGMENT: core::ops::Range<usize> = 24..32;

/// What surrounds a part: `N.` for the first; `.k` in the name and `F.` for the others.
const FIRST_OVERHEAD: usize = 2;
const NEXT_OVERHEAD: usize = 2 + 8 + 1;
const _: () = assert!(FRAGMENT.end - FRAGMENT.start == 8);

/// A cookie announced parts of which at least one was not received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Incomplete;

/// The tokens under `name`, whole or put together, in the order received.
///
/// Ends before the candidate with which the lengths would add up to more than 64 KiB. Time is linear in the length of
/// the headers, but for the logarithm of a lookup; a token in one cookie is borrowed.
pub(super) fn candidates<'h>(
    header: &'h [u8],
    name: &str,
) -> impl Iterator<Item = Result<Cow<'h, str>, Incomplete>> {
    let mut left = MAX_CANDIDATE_BYTES;
    // Made once, when the first cookie asks for it: looking through all cookies for every part would be quadratic.
    let mut parts = None;
    cookies(header, name)
        .filter(|(k, _)| *k == 0)
        .map_while(move |(_, value)| match announced(value) {
            Some((count, first)) => {
                let parts = parts.get_or_insert_with(|| index(header, name));
                let Some(pieces) = pieces(count, first, parts) else {
                    return Some(Err(Incomplete));
                };
                left = left.checked_sub(pieces.iter().map(|piece| piece.len()).sum())?;
                Some(Ok(Cow::Owned(pieces.concat())))
            }
            None => {
                left = left.checked_sub(value.len())?;
                Some(Ok(Cow::Borrowed(value)))
            }
        })
        .fuse()
}

/// Which of NAME and NAME.1 to NAME.9 were received, whatever their values: what is to be removed when the session
/// ends, or when it needs fewer parts than before.
pub(super) fn received(header: &[u8], name: &str) -> Names {
    cookies(header, name).fold(Names::default(), |names, (k, _)| names.with(k))
}

/// Some of the names NAME (at 0) and NAME.1 to NAME.9.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) struct Names([bool; 1 + MAX_CHUNKS]);

impl Names {
    pub(crate) fn with(mut self, k: usize) -> Names {
        if let Some(named) = self.0.get_mut(k) {
            *named = true;
        }
        self
    }

    /// In ascending order, without the first `count` there are.
    pub(super) fn beyond(self, count: usize, name: &str) -> impl Iterator<Item = String> {
        let names = self.0.into_iter().enumerate().skip(count);
        names
            .filter(|(_, named)| *named)
            .map(move |(k, _)| cookie_name(name, k))
    }
}

/// The cookies that carry `token`, a token of the codec: one if it fits, or its parts.
///
/// `attributes` is the length of what follows the value in the longest Set-Cookie line, from the first `;` on.
pub(super) fn cut(
    token: String,
    name: &str,
    attributes: usize,
    limits: CookieLimits,
) -> Result<Vec<(String, String)>, TooLarge> {
    let plan = plan(token.len(), name, attributes, limits)?;
    let Some(fragment) = token.get(FRAGMENT).filter(|_| plan.count > 1) else {
        return Ok(vec![(name.to_owned(), token)]);
    };
    let split = |token, len| str::split_at_checked(token, len).unwrap_or((token, ""));
    let (first, mut rest) = split(&token, plan.first);
    let mut cookies = vec![(name.to_owned(), format!("{}.{first}", plan.count))];
    for k in 1..plan.count {
        let (part, after) = split(rest, plan.next);
        cookies.push((cookie_name(name, k), format!("{fragment}.{part}")));
        rest = after;
    }
    Ok(cookies)
}

/// Refuses a token of `len` characters that could not be sent: for `insert`, before anything is sealed.
pub(super) fn fits(
    len: usize,
    name: &str,
    attributes: usize,
    limits: CookieLimits,
) -> Result<(), TooLarge> {
    plan(len, name, attributes, limits).map(drop)
}

/// What the application allows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CookieLimits {
    /// Cookies, at most [`MAX_CHUNKS`].
    pub(crate) max_chunks: usize,
    /// Bytes of `NAME=` and value, all cookies together: what comes back with every request.
    pub(crate) max_cookie_bytes: usize,
}

/// A token does not fit into the cookies allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge {
    /// Bytes that it takes: names, `=` and values of all its cookies.
    pub(crate) len: usize,
    /// Bytes that there are.
    pub(crate) max: usize,
}

/// How a token is cut: the number of cookies, and the characters of the token in the first and in each of the others.
struct Plan {
    count: usize,
    first: usize,
    next: usize,
}

fn plan(
    token: usize,
    name: &str,
    attributes: usize,
    limits: CookieLimits,
) -> Result<Plan, TooLarge> {
    let name = name.len().saturating_add(1);
    let whole = MAX_COOKIE_BYTES.saturating_sub(name.saturating_add(attributes));
    let first = whole.saturating_sub(FIRST_OVERHEAD);
    let next = whole.saturating_sub(NEXT_OVERHEAD);
    let mut len = name.saturating_add(token);
    let mut max = name.saturating_add(whole);
    let mut others = 0;
    // Without room for F, one cookie is all there is.
    if token > whole && first >= FRAGMENT.end {
        others = token.saturating_sub(first).div_ceil(next);
        len = len
            .saturating_add(FIRST_OVERHEAD)
            .saturating_add(others.saturating_mul(name.saturating_add(NEXT_OVERHEAD)));
        max = max.saturating_mul(MAX_CHUNKS);
    }
    let allowed = name.saturating_add(whole).saturating_mul(limits.max_chunks);
    let max = max.min(allowed).min(limits.max_cookie_bytes);
    if len <= max {
        Ok(Plan {
            count: others.saturating_add(1),
            first,
            next,
        })
    } else {
        Err(TooLarge { len, max })
    }
}

fn cookie_name(name: &str, k: usize) -> String {
    match k {
        0 => name.to_owned(),
        _ => format!("{name}.{k}"),
    }
}

/// The cookies NAME and NAME.k, in the order received, as k (0 for NAME) and value.
fn cookies<'h>(header: &'h [u8], name: &str) -> impl Iterator<Item = (usize, &'h str)> {
    pairs(header).filter_map(move |pair| {
        // Most pairs are of others: the name decides before anything else is looked at.
        let (k, value) = match trim(pair).strip_prefix(name.as_bytes())? {
            [b'=', value @ ..] => (0, value),
            [b'.', k @ b'1'..=b'9', b'=', value @ ..] => {
                (usize::from(k.saturating_sub(b'0')), value)
            }
            _ => return None,
        };
        let value = core::str::from_utf8(value).ok()?;
        value.is_ascii().then_some((k, value))
    })
}

/// The header, split at each `;`.
fn pairs(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(header);
    core::iter::from_fn(move || {
        let header = rest?;
        let end = memchr(b';', header).unwrap_or(header.len());
        let (pair, after) = header.split_at_checked(end)?;
        rest = after.split_first().map(|(_, after)| after);
        Some(pair)
    })
}

/// N and part 0, if the value of NAME is one.
fn announced(value: &str) -> Option<(usize, &str)> {
    let [count @ b'2'..=b'9', b'.', ..] = value.as_bytes() else {
        return None;
    };
    Some((
        usize::from(count.saturating_sub(b'0')),
        value.get(FIRST_OVERHEAD..)?,
    ))
}

fn trim(mut pair: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = pair {
        pair = rest;
    }
    pair
}

/// Parts by k and F; of several, the first received.
type Parts<'h> = BTreeMap<(usize, &'h str), &'h str>;

fn index<'h>(header: &'h [u8], name: &str) -> Parts<'h> {
    let mut parts = Parts::new();
    for (k, value) in cookies(header, name) {
        if let Some((fragment, part)) = value.split_once('.') {
            parts.entry((k, fragment)).or_insert(part);
        }
    }
    parts
}

/// The `count` pieces of the token that begins with `first`. `count` is a digit, and the loop ends at the first part
/// that was not received.
fn pieces<'h>(count: usize, first: &'h str, parts: &Parts<'h>) -> Option<Vec<&'h str>> {
    let fragment = first.get(FRAGMENT)?;
    let others = (1..count).map(|k| parts.get(&(k, fragment)).copied());
    core::iter::once(Some(first)).chain(others).collect()
}

#[cfg(test)]
mod tests;
