//! Writes what a response carries for its session, and decides what it tells caches (RFC 9111, RFC 9213).
//!
//! A shared cache that keeps a response with somebody's session logs every later visitor in as that
//! person (CVE-2023-30861 of Flask, CVE-2025-48947 of nextjs-auth0).

use crate::session::{
    error::SaveError,
    request::{Answer, OwnAnswer},
};
use alloc::{borrow::Cow, boxed::Box, format, string::String, vec, vec::Vec};
use core::fmt;

/// What a response carries for its session: edits of its headers, made by [`Exchange::finish`].
///
/// If there is a [`status`](HeaderEdits::status), first replace the response by one with this status and this
/// [`body`](HeaderEdits::body). Either the session could not be saved, and the response must not look as if it
/// was, or the session layer answers itself. Then make the edits, in their order.
///
/// [`Exchange::finish`]: super::Exchange::finish
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use = "a session that is not written to the response is lost"]
pub struct HeaderEdits(
    /// Nothing for most requests to most sites: no handler used the session.
    Option<Edits>,
);

#[derive(Clone, PartialEq, Eq)]
struct Edits {
    set_cookie: Vec<String>,
    vary: Option<Cow<'static, str>>,
    cache_control: Option<&'static str>,
    /// Targeted cache fields (RFC 9213) to set to `no-store`.
    targeted: Vec<&'static str>,
    failed: Option<SaveError>,
    /// Whether the body of a failure says why.
    explains: bool,
    own: Option<Box<OwnAnswer>>,
}

/// One edit of a response's headers: see [`Exchange`](super::Exchange).
///
/// Names are in lower case. A value has no byte that a header refuses, but it may go beyond ASCII if
/// the response's own lines do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderEdit {
    /// Adds a line of this name and value.
    Append(&'static str, Cow<'static, str>),
    /// Puts one line of this name and value in place of all that the response has.
    Set(&'static str, Cow<'static, str>),
}

impl HeaderEdits {
    /// Returns the edits for a response with these headers, and whether its Cache-Control was replaced.
    pub(super) fn new(answer: Answer, response: ResponseHeaders, explains: bool) -> (Self, bool) {
        let Answer {
            set_cookie,
            failed,
            own,
            skipped: _,
        } = answer;
        let mut edits = Edits {
            set_cookie,
            vary: Vary::default().with_cookie(),
            cache_control: Some(NO_STORE),
            targeted: Vec::new(),
            failed,
            explains,
            own: own.filter(|_| failed.is_none()),
        };
        // The handler's response is discarded, headers included.
        if edits.status().is_some() {
            return (HeaderEdits(Some(edits)), false);
        }
        // The headers of the session layer are for one visitor, as its cookie is.
        let is_personal = !edits.set_cookie.is_empty() || edits.own.is_some();
        let decision = cache_control(response.cache_control, is_personal);
        edits.cache_control = match decision {
            CacheControl::Keep => None,
            CacheControl::Set(value) | CacheControl::Replace(value) => Some(value),
        };
        if is_personal {
            edits.targeted.extend(response.open_targeted());
        }
        edits.vary = response.vary.with_cookie();
        let replaced = matches!(decision, CacheControl::Replace(_)) || !edits.targeted.is_empty();
        (HeaderEdits(Some(edits)), replaced)
    }

    /// Returns the status of the response that is to take the place of the handler's: because the session
    /// could not be saved (see [`SaveError::status`]), or because the session layer answers itself.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.as_ref().and_then(Edits::status)
    }

    /// Returns why the session could not be saved.
    #[must_use]
    pub fn failed(&self) -> Option<SaveError> {
        self.0.as_ref().and_then(|edits| edits.failed)
    }

    /// Returns the body of the response that takes the place of the handler's. For a session that could not be
    /// saved it is empty, unless the manager is [insecure for development]: then it is a text that says why.
    ///
    /// [insecure for development]: crate::session::SessionManagerBuilder::insecure_for_development
    #[must_use]
    pub fn body(&self) -> String {
        self.0.as_ref().map_or_else(String::new, Edits::body)
    }
}

impl Edits {
    fn status(&self) -> Option<u16> {
        let own = || self.own.as_ref().and_then(|own| own.status);
        self.failed.map(|error| error.status()).or_else(own)
    }

    fn body(&self) -> String {
        match (self.failed, &self.own) {
            (Some(error), _) if self.explains => format!("the session was not saved: {error}\n"),
            (None, Some(own)) => own.body.clone(),
            (Some(_), _) | (None, None) => String::new(),
        }
    }
}

impl IntoIterator for HeaderEdits {
    type Item = HeaderEdit;
    type IntoIter = IntoIter;

    #[inline]
    fn into_iter(self) -> IntoIter {
        IntoIter(self.0.map(|edits| Remaining {
            set_cookie: edits.set_cookie.into_iter(),
            own: edits.own.map(|own| own.headers.into_iter()),
            vary: edits.vary,
            cache_control: edits.cache_control,
            targeted: edits.targeted.into_iter(),
        }))
    }
}

/// Iterates over [`HeaderEdits`].
pub struct IntoIter(Option<Remaining>);

struct Remaining {
    set_cookie: vec::IntoIter<String>,
    own: Option<vec::IntoIter<(&'static str, Cow<'static, str>)>>,
    vary: Option<Cow<'static, str>>,
    cache_control: Option<&'static str>,
    targeted: vec::IntoIter<&'static str>,
}

impl Iterator for IntoIter {
    type Item = HeaderEdit;

    #[inline]
    fn next(&mut self) -> Option<HeaderEdit> {
        self.0.as_mut()?.next()
    }
}

impl Remaining {
    fn next(&mut self) -> Option<HeaderEdit> {
        if let Some(line) = self.set_cookie.next() {
            return Some(HeaderEdit::Append("set-cookie", line.into()));
        }
        if let Some((name, value)) = self.own.as_mut().and_then(Iterator::next) {
            return Some(HeaderEdit::Append(name, value));
        }
        if let Some(vary) = self.vary.take() {
            return Some(HeaderEdit::Set("vary", vary));
        }
        if let Some(cache_control) = self.cache_control.take() {
            return Some(HeaderEdit::Set("cache-control", cache_control.into()));
        }
        let name = self.targeted.next()?;
        Some(HeaderEdit::Set(name, NO_STORE.into()))
    }
}

/// Prints the names of the cookies and not their values, which are as good as the session.
impl fmt::Debug for HeaderEdits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("HeaderEdits");
        if let Some(edits) = &self.0 {
            let name = |line: &String| line.split('=').next().map(String::from);
            let names: Vec<_> = edits.set_cookie.iter().filter_map(name).collect();
            shown
                .field("set_cookie", &names)
                .field("vary", &edits.vary)
                .field("cache_control", &edits.cache_control)
                .field("targeted", &edits.targeted)
                .field("failed", &edits.failed)
                .field("explains", &edits.explains);
        }
        shown.finish()
    }
}

/// Tells a cache not to keep the response.
const NO_STORE: &str = "no-store";

/// What the headers of the handler's response say, read in one pass.
#[derive(Default)]
pub(super) struct ResponseHeaders {
    /// The handler, or a layer inside, has set the session's cookie.
    pub(super) sets_the_cookie: bool,
    vary: Vary,
    cache_control: Option<Directives>,
    /// Those that are there, each with whether `private` closes it.
    targeted: Vec<(&'static str, bool, Directives)>,
}

impl ResponseHeaders {
    pub(super) fn read<'h, N, V>(
        lines: impl IntoIterator<Item = (&'h N, &'h V)>,
        cookie_name: &str,
    ) -> ResponseHeaders
    where
        N: AsRef<str> + ?Sized + 'h,
        V: AsRef<[u8]> + ?Sized + 'h,
    {
        let mut headers = ResponseHeaders::default();
        for (name, value) in lines {
            headers.note(name.as_ref(), value.as_ref(), cookie_name);
        }
        headers
    }

    fn note(&mut self, name: &str, value: &[u8], cookie_name: &str) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("set-cookie") {
            let rest = value.strip_prefix(cookie_name.as_bytes());
            self.sets_the_cookie |= rest.is_some_and(|rest| rest.starts_with(b"="));
        } else if is("vary") {
            self.vary.note(value);
        } else if is("cache-control") {
            let directives = self.cache_control.get_or_insert_default();
            directives.note_all(value);
        } else {
            for (known, private_closes) in TARGETED.into_iter().filter(|(known, _)| is(known)) {
                self.note_targeted(known, private_closes, value);
            }
        }
    }

    fn note_targeted(&mut self, known: &'static str, private_closes: bool, value: &[u8]) {
        let mut earlier = self.targeted.iter_mut();
        if let Some((_, _, directives)) = earlier.find(|(name, ..)| *name == known) {
            return directives.note_all(value);
        }
        let mut directives = Directives::default();
        directives.note_all(value);
        self.targeted.push((known, private_closes, directives));
    }

    /// Returns the names of the targeted fields that are to be replaced by [`NO_STORE`] in a response that
    /// sets the session's cookie.
    ///
    /// A field that is not there is not set: its caches then obey `Cache-Control`.
    fn open_targeted(&self) -> impl Iterator<Item = &'static str> {
        let targeted = self.targeted.iter();
        let open = targeted.filter(|(_, private_closes, own)| !own.closed(*private_closes));
        open.map(|(name, ..)| *name)
    }
}

/// The response's `Vary`.
///
/// It becomes one line, for some middleware takes the first line for all of them (actix-cors 0.7), and a
/// shared cache would never learn of the second.
#[derive(Default)]
struct Vary {
    has_cookie: bool,
    /// The names of the other fields, each with a comma behind it.
    others: String,
}

impl Vary {
    fn note(&mut self, line: &[u8]) {
        for name in line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            self.has_cookie |= name == b"*" || name.eq_ignore_ascii_case(b"cookie");
            // Field names are tokens (RFC 9110, 12.5.5). Other bytes could make the line invalid.
            if let (true, Ok(name)) = (is_token(name), str::from_utf8(name)) {
                self.others.push_str(name);
                self.others.push_str(", ");
            }
        }
    }

    /// Returns what it is to be, or `None` if its lines are right.
    fn with_cookie(self) -> Option<Cow<'static, str>> {
        if self.has_cookie {
            return None;
        }
        if self.others.is_empty() {
            return Some("Cookie".into());
        }
        Some([&self.others, "Cookie"].concat().into())
    }
}

/// Says what becomes of a response's `Cache-Control`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CacheControl {
    /// The handler's own lines are right.
    Keep,
    /// The handler set none.
    Set(&'static str),
    /// The handler's own would let a shared cache keep a cookie.
    Replace(&'static str),
}

/// Returns what becomes of the response's `Cache-Control`.
///
/// A response that sets the session's cookie is closed to shared caches whatever the handler said.
/// One that only read the session is private unless the handler said something.
fn cache_control(own: Option<Directives>, sets_cookie: bool) -> CacheControl {
    match (own, sets_cookie) {
        (None, true) => CacheControl::Set(NO_STORE),
        (None, false) => CacheControl::Set("private"),
        (Some(directives), true) if !directives.closed(true) => CacheControl::Replace(NO_STORE),
        (Some(_), _) => CacheControl::Keep,
    }
}

/// Lists the fields that a class of shared caches obeys in place of `Cache-Control`. A private
/// `Cache-Control` does not reach such a cache.
///
/// They are `CDN-Cache-Control` of RFC 9213, the targeted fields of vendors, and two that are older than the
/// RFC. The `bool` says whether `private` closes the cache. In the older two it means nothing, and
/// LiteSpeed has a private cache of its own, which tells visitors apart by address.
///
/// `X-Accel-Expires` is not here: nginx keeps no response with a Set-Cookie.
const TARGETED: [(&str, bool); 9] = [
    ("cdn-cache-control", true),
    ("akamai-cache-control", true),
    ("cloudflare-cdn-cache-control", true),
    ("deno-cdn-cache-control", true),
    ("netlify-cdn-cache-control", true),
    ("vercel-cdn-cache-control", true),
    ("x-litespeed-cache-control", false),
    ("surrogate-control", false),
    ("edge-control", false),
];

/// Holds what the lines of one field say about keeping the response.
#[derive(Clone, Copy, Debug, Default)]
struct Directives {
    /// A quoted string has no end, and each cache guesses where it ends.
    malformed: bool,
    private: Directive,
    no_store: Directive,
    must_understand: Directive,
    /// There is more than how the page is put together.
    other: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Directive {
    /// By itself: it speaks of the whole response.
    bare: bool,
    /// With an argument: `private="set-cookie"` speaks of that field alone, and `private=?0` says
    /// "no" in the structured fields of RFC 9213.
    with_argument: bool,
}

impl Directives {
    fn note_all(&mut self, line: &[u8]) {
        let mut rest = line;
        while !rest.is_empty() {
            let Ok((member, end)) = member(rest) else {
                self.malformed = true;
                return;
            };
            rest = end;
            self.note(member.trim_ascii());
        }
    }

    fn note(&mut self, member: &[u8]) {
        let (name, with_argument) = match member.iter().position(|byte| *byte == b'=') {
            Some(equals) => (member.get(..equals).unwrap_or_default(), true),
            None => (member, false),
        };
        let is = |directive: &str| name.trim_ascii().eq_ignore_ascii_case(directive.as_bytes());
        // `content` of `Surrogate-Control` and `dca` of `Edge-Control` say how a page is put together
        // at the edge, and nothing about keeping it.
        self.other |= !(member.is_empty() || is("content") || is("dca"));
        for (name, directive) in [
            ("private", &mut self.private),
            ("no-store", &mut self.no_store),
            ("must-understand", &mut self.must_understand),
        ] {
            if is(name) {
                directive.bare |= !with_argument;
                directive.with_argument |= with_argument;
            }
        }
    }

    /// Returns `true` if no shared cache keeps the response, whichever way it reads the field.
    fn closed(self, private_closes: bool) -> bool {
        // A directive that is there both ways: some caches take the first, some the last.
        let clear = |directive: Directive| directive.bare && !directive.with_argument;
        // Beside `must-understand` a cache that knows the status ignores `no-store`
        // (RFC 9111, 5.2.2.3).
        let must_understand = self.must_understand.bare || self.must_understand.with_argument;
        let silent = !private_closes && !self.other;
        !self.malformed
            && (silent
                || clear(self.private) && private_closes
                || clear(self.no_store) && !must_understand)
    }
}

/// Says that a quoted string does not end in its line.
struct Unterminated;

/// Cuts the first member off a list, at the first comma outside of a quoted string (RFC 9110,
/// 5.6.1 and 5.6.4). In `no-cache="x, private"` the comma, and so `private`, is part of a string.
fn member(list: &[u8]) -> Result<(&[u8], &[u8]), Unterminated> {
    let (mut quoted, mut escaped) = (false, false);
    for (i, byte) in list.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                let (member, rest) = list.split_at(i);
                return Ok((member, rest.get(1..).unwrap_or_default()));
            }
            _ => {}
        }
    }
    if quoted {
        Err(Unterminated)
    } else {
        Ok((list, &[]))
    }
}

/// Returns `true` for a token (RFC 9110, 5.6.2).
fn is_token(name: &[u8]) -> bool {
    let is_token_byte =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !name.is_empty() && name.iter().all(is_token_byte)
}

#[cfg(test)]
mod tests;
