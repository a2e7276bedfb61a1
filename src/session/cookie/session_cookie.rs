//! Reads, sets and removes the cookie of a session. A token that is too long for one cookie is cut into chunks.
//!
//! ```text
//! NAME   = token                       if it fits
//! NAME   = N "." part 0                otherwise; 2 <= N <= 9
//! NAME.k = F "." part k                1 <= k < N; F = characters 24..32 of the token
//! ```
//!
//! A token begins with `h`, so it is never mistaken for a part. F is random, and only the browser
//! and the server know it. So the parts of two tokens are never mixed, and an attacker on a sibling
//! domain cannot insert a part.
//!
//! The Cookie header is read as bytes and split at `;`. Only SP and HTAB around a pair are trimmed.
//! If other white space were trimmed too, a sibling domain could set a cookie named U+00A0
//! `__Host-session`, and it would be read as `__Host-session` without the guarantees of the prefix.
//! If a pair has a byte outside ASCII, only this pair is skipped, so the cookie of another
//! application cannot hide the session. Names are compared byte by byte. Double quotes are part of
//! a value, as in browsers (RFC 6265, section 5.2). hardtack never sets a quoted value, so it
//! refuses one when it opens the token.

#[cfg(feature = "unstable-device-bound")]
use super::attributes::is_below;
use super::{
    attributes::{CookieAttributes, SameSite},
    healing,
};
use alloc::{borrow::Cow, borrow::ToOwned, format, string::String, vec, vec::Vec};
use core::time::Duration;
use memchr::{memchr, memchr_iter, memmem::Finder};

/// The maximum number of parts of a token. The count is one digit.
pub(crate) const MAX_CHUNKS: usize = 9;

/// The maximum length of all candidates of one request, in characters. It bounds the work that an
/// attacker can cause with one header.
const MAX_CANDIDATE_BYTES: usize = 64 * 1024;

/// The most candidates of one request, for the same reason.
const MAX_CANDIDATES: usize = 16;

/// The most pairs of a Cookie header that are looked at, for the same reason. Browsers keep fewer cookies for a site.
const MAX_PAIRS: usize = 1_000;

/// The most places of a name that are searched for. A header that no attacker wrote has fewer.
const SEARCHES: usize = 64;

/// The maximum length of one cookie in browsers, in bytes. RFC 6265, section 6.1, promises 4096 for
/// the name, the value and the attributes together. RFC 6265bis, Chromium and Firefox count only
/// the name and the value, and other browsers have counted the `=` too. The whole line is counted
/// here, which fits by every count.
const MAX_COOKIE_BYTES: usize = 4096;

/// The place of F in a token, within the random field of its header.
const FRAGMENT: core::ops::Range<usize> = 24..32;

/// The characters around a part: `N.` for the first part, `.k` in the name and `F.` for the others.
const FIRST_OVERHEAD: usize = 2;
const NEXT_OVERHEAD: usize = 2 + 8 + 1;
const _: () = assert!(FRAGMENT.end - FRAGMENT.start == 8);

/// The cookie of a site's sessions.
pub(crate) struct SessionCookie {
    attributes: CookieAttributes,
    /// Finds the name in Cookie headers. To make one takes as long as a search.
    finder: Finder<'static>,
    limits: CookieLimits,
    /// The text after the value in a Set-Cookie line without Max-Age. It is always the same.
    tail: String,
    /// The length of the attributes with the longest Max-Age, from the first `;` on.
    attributes_len: usize,
}

impl SessionCookie {
    /// Checks the settings. Browsers silently drop a cookie that breaks these rules (RFC 6265bis,
    /// sections 4.1.3 and 5.6). The error is a sentence for the developer.
    pub(crate) fn new(
        attributes: CookieAttributes,
        limits: CookieLimits,
    ) -> Result<SessionCookie, String> {
        let attributes = attributes.checked()?;
        if !(1..=MAX_CHUNKS).contains(&limits.max_chunks) {
            return Err(format!(
                "`max_chunks` is {}, it must be 1 to {MAX_CHUNKS}",
                limits.max_chunks
            ));
        }
        let line = |max_age| attributes.set("", "", max_age);
        let longest = Duration::from_secs(u32::MAX.into());
        Ok(SessionCookie {
            finder: Finder::new(&attributes.name).into_owned(),
            tail: line(None).split_off(1),
            attributes_len: line(Some(longest)).len().saturating_sub(1),
            attributes,
            limits,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.attributes.name
    }

    /// Returns the name without what tells browsers to be stricter, such as `__Host-`.
    #[cfg(feature = "unstable-device-bound")]
    pub(crate) fn name_without_prefix(&self) -> &str {
        self.attributes.name_without_prefix()
    }

    /// Returns the tokens of a Cookie header in the order received.
    pub(crate) fn candidates<'h>(
        &self,
        header: &'h [u8],
        budget: &mut CandidateBudget,
    ) -> impl Iterator<Item = Result<Cow<'h, [u8]>, Incomplete>> {
        candidates(header, &self.finder, budget)
    }

    /// Returns which names of this cookie and of its parts are in a Cookie header.
    pub(crate) fn received(&self, header: &[u8]) -> Names {
        received(header, &self.finder)
    }

    /// Fails if a token of `len` characters does not fit into the cookies. The length is that of
    /// the final token, after sealing and encoding.
    pub(crate) fn fits(&self, len: usize) -> Result<(), TooLarge> {
        fits(len, self.name(), self.attributes_len, self.limits)
    }

    /// Returns the Set-Cookie lines for a token, and the total length of their names, `=` and values.
    pub(crate) fn set(
        &self,
        token: &str,
        max_age: Option<Duration>,
    ) -> Result<(Vec<String>, usize), TooLarge> {
        let plan = plan(token.len(), self.name(), self.attributes_len, self.limits)?;
        let len =
            |name: &str, value: &str| name.len().saturating_add(1).saturating_add(value.len());
        let line = |name: &str, value: &str| match max_age {
            None => [name, "=", value, &self.tail].concat(),
            Some(_) => self.attributes.set(name, value, max_age),
        };
        let Some(chunks) = cut(token, self.name(), &plan) else {
            return Ok((vec![line(self.name(), token)], len(self.name(), token)));
        };
        let total = chunks.iter().map(|(name, value)| len(name, value)).sum();
        let lines = chunks.iter().map(|(name, value)| line(name, value));
        Ok((lines.collect(), total))
    }

    /// Returns the Set-Cookie lines that remove these names but for the first `kept`. With a domain, the
    /// host's own cookies go too: those of a time before there was one.
    pub(crate) fn remove(&self, names: Names, kept: usize) -> Vec<String> {
        let attributes = &self.attributes;
        let mut lines = Vec::new();
        for name in names.beyond(kept, self.name()) {
            lines.push(attributes.remove(&name));
            if attributes.domain.is_some() {
                lines.push(attributes.remove_from(&name, None, &attributes.path));
            }
        }
        lines
    }

    /// Returns which names are to be removed when a session ends: those received, and NAME itself if the
    /// path of the request may have hidden it.
    pub(crate) fn to_remove(&self, header: &[u8]) -> Names {
        let received = self.received(header);
        if self.attributes.path == "/" {
            received
        } else {
            received.with(0)
        }
    }

    /// Returns a cookie that the sessions had before.
    pub(crate) fn former(
        &self,
        name: &str,
        domain: Option<String>,
        path: String,
        partitioned: bool,
    ) -> Result<SessionCookie, String> {
        let attributes = self.attributes.of_former(name, domain, path, partitioned);
        SessionCookie::new(attributes, self.limits)
    }

    /// Returns a cookie that goes where this one goes, under a name with this at its end.
    #[cfg(feature = "unstable-device-bound")]
    pub(crate) fn companion(&self, suffix: &str) -> Result<SessionCookie, String> {
        let mut attributes = self.attributes.clone();
        attributes.name.push_str(suffix);
        SessionCookie::new(attributes, self.limits)
    }

    /// Leaves this many bytes of the limit to another cookie.
    #[cfg(feature = "unstable-device-bound")]
    pub(crate) fn leave_room(&mut self, bytes: usize) {
        let max = &mut self.limits.max_cookie_bytes;
        *max = max.saturating_sub(bytes);
    }

    /// Returns the attributes as in a Set-Cookie line, without Max-Age.
    #[cfg(feature = "unstable-device-bound")]
    pub(crate) fn attributes_text(&self) -> &str {
        self.tail.trim_start_matches("; ")
    }

    /// Fails if browsers cannot bind a session in this cookie to their device. The error is a sentence for
    /// the developer.
    #[cfg(feature = "unstable-device-bound")]
    pub(crate) fn check_for_device(&self) -> Result<(), String> {
        let refuse = |why: &str| Err(format!("`device_bound` {why}"));
        match &self.attributes {
            attributes if !attributes.secure => {
                refuse("needs `secure`: browsers bind over https only")
            }
            attributes if attributes.domain.is_some() => {
                refuse("allows no `domain`: a session is bound for one host")
            }
            attributes if attributes.partitioned => refuse("allows no `partitioned`"),
            _ => Ok(()),
        }
    }

    /// Returns `true` if browsers send the cookie with requests for this path (RFC 6265, section 5.1.4).
    #[cfg(feature = "unstable-device-bound")]
    pub(crate) fn goes_to(&self, path: &str) -> bool {
        is_below(path, &self.attributes.path)
    }

    /// Returns `true` if a browser takes both for one cookie: the later replaces the earlier.
    pub(crate) fn is_in_place_of(&self, other: &SessionCookie) -> bool {
        self.attributes.place() == other.attributes.place()
    }

    /// Returns `true` if browsers take the cookie over https only.
    pub(crate) fn is_secure(&self) -> bool {
        self.attributes.secure
    }

    /// Returns `true` if another domain can set a cookie of this name.
    pub(crate) fn can_be_planted(&self) -> bool {
        !self.attributes.is_host_only()
    }

    /// Returns `true` if browsers send it with requests of other sites.
    pub(crate) fn is_sent_from_other_sites(&self) -> bool {
        self.attributes.same_site == SameSite::None
    }

    /// Returns the Set-Cookie lines that remove what somebody planted under this name: for the host alone
    /// and for the host and each of its parents as the domain, for `/` and each prefix of the request's
    /// path, with and without `Partitioned`. The session's own place is left out. If these are too many for a
    /// response, `turn` chooses among those below `/`.
    pub(crate) fn heal(&self, host: Option<&str>, path: &str, turn: u32) -> Vec<String> {
        healing::removals(&self.attributes, host, path, turn)
    }
}

/// Says that a cookie announced parts, and at least one part was not received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Incomplete;

/// What is left of the candidates of one request, whatever names they have, and what was met beside them.
pub(crate) struct CandidateBudget {
    bytes: usize,
    count: usize,
    /// There is a cookie whose name begins with one that was read, and goes on.
    pub(crate) has_longer_name: bool,
    /// There is a part of a session that was too long for one cookie.
    pub(crate) has_parts: bool,
}

impl Default for CandidateBudget {
    fn default() -> CandidateBudget {
        CandidateBudget {
            bytes: MAX_CANDIDATE_BYTES,
            count: MAX_CANDIDATES,
            has_longer_name: false,
            has_parts: false,
        }
    }
}

impl CandidateBudget {
    /// Takes a token of `len` characters, or nothing more.
    fn take(&mut self, len: usize) -> Option<()> {
        let Some(bytes) = self.bytes.checked_sub(len) else {
            self.count = 0;
            return None;
        };
        self.count = self.count.checked_sub(1)?;
        self.bytes = bytes;
        Some(())
    }
}

/// Returns the tokens under `name`, whole or joined, in the order received, each of them once.
///
/// The iterator ends after 16 candidates, and before the total length would exceed 64 KiB, of all names
/// that share the budget: how many there are is the sender's choice. The time is linear in the length of
/// the headers, except for the comparison of parts with at most 16 candidates. A token in one cookie is borrowed.
pub(crate) fn candidates<'h>(
    header: &'h [u8],
    name: &Finder<'_>,
    budget: &mut CandidateBudget,
) -> impl Iterator<Item = Result<Cow<'h, [u8]>, Incomplete>> {
    // The header is searched once, however many candidates and parts there are.
    let mut cookies = named(header, name, &mut budget.has_longer_name);
    // Most requests have one cookie: it needs no list.
    let (first_cookie, other_cookies) = (cookies.next(), cookies.collect::<Vec<_>>());
    budget.has_parts |= first_cookie
        .iter()
        .chain(&other_cookies)
        .any(|(k, _)| *k > 0);
    let mut at = 0_usize;
    let mut parts = None;
    let mut joined: Vec<&[u8]> = Vec::new();
    let mut seen: Vec<Cow<'h, [u8]>> = Vec::new();
    core::iter::from_fn(move || {
        loop {
            let (k, rest) = match at.checked_sub(1) {
                None => first_cookie?,
                Some(at) => *other_cookies.get(at)?,
            };
            at = at.saturating_add(1);
            let Some(value) = (k == 0).then_some(rest).and_then(value) else {
                continue;
            };
            let token = match announced(value) {
                // The same again: how often is the sender's choice, so it must not be joined again.
                Some(_) if joined.contains(&value) => continue,
                Some((count, first)) => {
                    let parts = parts.get_or_insert_with(|| {
                        index(
                            first_cookie
                                .into_iter()
                                .chain(other_cookies.iter().copied()),
                        )
                    });
                    let pieces = pieces(count, first, parts);
                    joined.extend(pieces.is_some().then_some(value));
                    pieces.map(|pieces| Cow::Owned(pieces.concat()))
                }
                None => Some(Cow::Borrowed(value)),
            };
            if token.as_ref().is_some_and(|token| seen.contains(token)) {
                continue;
            }
            let len = token.as_ref().map_or(0, |token| token.len());
            if budget.take(len).is_none() {
                at = usize::MAX;
                return None;
            }
            if !other_cookies.is_empty() {
                seen.extend(token.clone());
            }
            return Some(token.ok_or(Incomplete));
        }
    })
}

/// Returns which of NAME and NAME.1 to NAME.9 were received, with any values. They are removed when
/// the session ends, or when it needs fewer parts than before.
fn received(header: &[u8], name: &Finder<'_>) -> Names {
    named(header, name, &mut false)
        .filter(|(_, rest)| value(rest).is_some())
        .fold(Names::default(), |names, (k, _)| names.with(k))
}

/// Holds a set of the names NAME (at 0) and NAME.1 to NAME.9.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) struct Names([bool; 1 + MAX_CHUNKS]);

impl Names {
    pub(crate) fn with(mut self, k: usize) -> Names {
        if let Some(named) = self.0.get_mut(k) {
            *named = true;
        }
        self
    }

    /// Returns the names from number `count` on, in ascending order.
    fn beyond(self, count: usize, name: &str) -> impl Iterator<Item = String> {
        let numbers = (count..self.0.len()).filter(move |k| self.0.get(*k) == Some(&true));
        numbers.map(|k| cookie_name(name, k))
    }
}

/// Returns the cookies that carry the parts of a token of the codec, or `None` if it fits into one cookie.
fn cut(token: &str, name: &str, plan: &Plan) -> Option<Vec<(String, String)>> {
    let fragment = token.get(FRAGMENT).filter(|_| plan.count > 1)?;
    let split = |token, len| str::split_at_checked(token, len).unwrap_or((token, ""));
    let (first, mut rest) = split(token, plan.first);
    let mut cookies = vec![(name.to_owned(), format!("{}.{first}", plan.count))];
    for k in 1..plan.count {
        let (part, after) = split(rest, plan.next);
        cookies.push((cookie_name(name, k), format!("{fragment}.{part}")));
        rest = after;
    }
    Some(cookies)
}

/// Fails if a token of `len` characters could not be sent. `insert` needs to know this before
/// sealing.
fn fits(len: usize, name: &str, attributes: usize, limits: CookieLimits) -> Result<(), TooLarge> {
    plan(len, name, attributes, limits).map(drop)
}

/// Holds the limits that the application sets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CookieLimits {
    /// The maximum number of cookies, up to [`MAX_CHUNKS`].
    pub(crate) max_chunks: usize,
    /// The maximum length of `NAME=` and value in bytes, for all cookies together. Every request
    /// carries them.
    pub(crate) max_cookie_bytes: usize,
}

/// Says that a token does not fit into the cookies that are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge {
    /// The length of the names, `=` and values of all its cookies, in bytes.
    pub(crate) len: usize,
    /// The maximum in bytes.
    pub(crate) max: usize,
}

/// Says how to split a token: the number of cookies, and the characters of the token in the first
/// cookie and in each of the others.
struct Plan {
    count: usize,
    first: usize,
    next: usize,
}

/// Says how to send a token of this length, or fails if it cannot be sent. `attributes` is the length of the
/// attributes in the longest Set-Cookie line, from the first `;` on.
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
    // If the first part has no room for F, only one cookie is possible.
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

/// Returns where the values of NAME and NAME.k begin, each with k. Says whether a longer name was among them.
///
/// The name is searched for, and not each `;`: a header may have many of them. What follows the name
/// is looked at first, because most of what a hostile header has is refused by it.
fn named<'h>(
    header: &'h [u8],
    name: &Finder<'_>,
    has_longer_name: &mut bool,
) -> impl Iterator<Item = (usize, &'h [u8])> {
    let len = name.needle().len();
    let header = first_pairs(header);
    mentions(header, name).filter_map(move |start| {
        let (before, named) = header.split_at_checked(start)?;
        let (k, rest) = match named.get(len..)? {
            [b'=', rest @ ..] => (0, rest),
            [b'.', k @ b'1'..=b'9', b'=', rest @ ..] => (usize::from(k.saturating_sub(b'0')), rest),
            _ => {
                *has_longer_name = true;
                return None;
            }
        };
        // Else it is part of another name, or of a value.
        matches!(trim_end(before), [] | [.., b';']).then_some((k, rest))
    })
}

/// Returns a header's first [`MAX_PAIRS`] pairs.
fn first_pairs(header: &[u8]) -> &[u8] {
    if header.len() < MAX_PAIRS {
        return header;
    }
    let end = memchr_iter(b';', header).nth(MAX_PAIRS.saturating_sub(1));
    end.and_then(|end| header.get(..end)).unwrap_or(header)
}

/// Returns where the name stands, in ascending order: everywhere up to the first [`SEARCHES`] places, and then only
/// where it begins a pair. A value may repeat a short name thousands of times, and there are few pairs.
fn mentions(header: &[u8], name: &Finder<'_>) -> impl Iterator<Item = usize> {
    let (mut from, mut searches) = (0_usize, SEARCHES);
    core::iter::from_fn(move || {
        let rest = header.get(from..)?;
        let start = if searches > 0 {
            searches = searches.saturating_sub(1);
            name.find(rest)
        } else {
            memchr_iter(b';', rest).find_map(|semicolon| {
                let pair = trim_start(rest.get(semicolon.saturating_add(1)..)?);
                let start = rest.len().saturating_sub(pair.len());
                pair.starts_with(name.needle()).then_some(start)
            })
        };
        let start = from.saturating_add(start?);
        from = start.saturating_add(name.needle().len());
        Some(start)
    })
}

/// Returns the value that `rest` begins with.
fn value(rest: &[u8]) -> Option<&[u8]> {
    let value = rest.get(..memchr(b';', rest).unwrap_or(rest.len()))?;
    let value = trim_end(value);
    // Without a branch for each byte, which `is_ascii` has for what is left of a block: a fortieth of a read.
    let bits = value.iter().fold(0, |bits, byte| bits | byte);
    bits.is_ascii().then_some(value)
}

fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Returns N and part 0, if the value of NAME announces parts.
fn announced(value: &[u8]) -> Option<(usize, &[u8])> {
    let [count @ b'2'..=b'9', b'.', first @ ..] = value else {
        return None;
    };
    Some((usize::from(count.saturating_sub(b'0')), first))
}

/// F, as bytes: it is compared with many others.
type Fragment = [u8; FRAGMENT.end - FRAGMENT.start];

/// The cookies NAME.k in the order received: k, F, and what follows the dot behind it. NAME itself may be among them, as
/// k = 0, and is not read from here.
type Parts<'h> = Vec<(usize, Fragment, &'h [u8])>;

/// Most of them are not looked at again, so no value is read yet, and none is sorted.
fn index<'h>(cookies: impl Iterator<Item = (usize, &'h [u8])>) -> Parts<'h> {
    let part = |(k, rest): (usize, &'h [u8])| match rest.split_first_chunk() {
        Some((fragment, [b'.', part @ ..])) => Some((k, *fragment, part)),
        _ => None,
    };
    cookies.filter_map(part).collect()
}

/// Returns the `count` pieces of the token that begins with `first`. If several cookies have the same k
/// and F, the first one received is kept.
fn pieces<'h>(count: usize, first: &'h [u8], parts: &Parts<'h>) -> Option<Vec<&'h [u8]>> {
    let wanted: Fragment = first.get(FRAGMENT)?.try_into().ok()?;
    let mut pieces = [None; MAX_CHUNKS];
    for (k, fragment, part) in parts {
        if *fragment == wanted
            && let Some(piece @ None) = pieces.get_mut(*k)
        {
            *piece = value(part);
        }
    }
    let others = pieces.get(1..count)?.iter().copied();
    core::iter::once(Some(first)).chain(others).collect()
}

#[cfg(test)]
mod tests;
