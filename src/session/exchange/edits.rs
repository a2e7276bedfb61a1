use super::caching::{self, CacheControl};
use crate::session::{error::SaveError, request::Answer};
use alloc::{borrow::Cow, format, string::String, vec, vec::Vec};
use core::fmt;

/// What a response carries for its session: edits of its headers, made by [`Exchange::finish`].
///
/// If there is a [`status`](HeaderEdits::status), the session could not be saved: first replace the response
/// by one with this status and this [`body`](HeaderEdits::body), so that it does not look as if everything
/// went well. Then make the edits, in their order.
///
/// [`Exchange::finish`]: super::Exchange::finish
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use = "a session that is not written to the response is lost"]
pub struct HeaderEdits {
    set_cookie: Vec<String>,
    vary: Option<Cow<'static, str>>,
    cache_control: Option<&'static str>,
    /// Targeted cache fields (RFC 9213) to set to `no-store`.
    targeted: Vec<&'static str>,
    failed: Option<SaveError>,
    /// Whether the body of a failure says why.
    explains: bool,
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
    /// Returns the edits for a response, given its own header lines, and whether its Cache-Control was
    /// replaced.
    pub(super) fn new<'h, I>(
        answer: Answer,
        header: impl Fn(&'static str) -> I,
        explains: bool,
    ) -> (Self, bool)
    where
        I: IntoIterator<Item = &'h [u8]>,
    {
        let Answer { set_cookie, failed } = answer;
        let mut edits = HeaderEdits {
            set_cookie,
            vary: caching::vary([]),
            cache_control: Some(caching::NO_STORE),
            targeted: Vec::new(),
            failed,
            explains,
        };
        // The handler's response is discarded, headers included.
        if failed.is_some() {
            return (edits, false);
        }
        edits.vary = caching::vary(header("vary"));
        let own = header("cache-control");
        let decision = caching::cache_control(own, !edits.set_cookie.is_empty());
        edits.cache_control = match decision {
            CacheControl::Keep => None,
            CacheControl::Set(value) | CacheControl::Replace(value) => Some(value),
        };
        if !edits.set_cookie.is_empty() {
            edits.targeted.extend(caching::targeted(header));
        }
        let replaced = matches!(decision, CacheControl::Replace(_)) || !edits.targeted.is_empty();
        (edits, replaced)
    }

    /// Returns the status of the response that is to take the place of the handler's, because the session
    /// could not be saved: see [`SaveError::status`].
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.failed.map(|error| error.status())
    }

    /// Returns why the session could not be saved.
    #[must_use]
    pub fn failed(&self) -> Option<SaveError> {
        self.failed
    }

    /// Returns the body of the response that replaces the response of a session that could not be saved. It is
    /// empty, unless the manager is [insecure for development]: then it is a text that says why.
    ///
    /// [insecure for development]: crate::session::SessionManagerBuilder::insecure_for_development
    #[must_use]
    pub fn body(&self) -> String {
        match self.failed {
            Some(error) if self.explains => format!("the session was not saved: {error}\n"),
            _ => String::new(),
        }
    }
}

impl IntoIterator for HeaderEdits {
    type Item = HeaderEdit;
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        IntoIter {
            set_cookie: self.set_cookie.into_iter(),
            vary: self.vary,
            cache_control: self.cache_control,
            targeted: self.targeted.into_iter(),
        }
    }
}

/// Iterates over [`HeaderEdits`].
pub struct IntoIter {
    set_cookie: vec::IntoIter<String>,
    vary: Option<Cow<'static, str>>,
    cache_control: Option<&'static str>,
    targeted: vec::IntoIter<&'static str>,
}

impl Iterator for IntoIter {
    type Item = HeaderEdit;

    fn next(&mut self) -> Option<HeaderEdit> {
        if let Some(line) = self.set_cookie.next() {
            return Some(HeaderEdit::Append("set-cookie", line.into()));
        }
        if let Some(vary) = self.vary.take() {
            return Some(HeaderEdit::Set("vary", vary));
        }
        if let Some(cache_control) = self.cache_control.take() {
            return Some(HeaderEdit::Set("cache-control", cache_control.into()));
        }
        let name = self.targeted.next()?;
        Some(HeaderEdit::Set(name, caching::NO_STORE.into()))
    }
}

/// Prints the names of the cookies and not their values, which are as good as the session.
impl fmt::Debug for HeaderEdits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |line: &String| line.split('=').next().map(String::from);
        let names: Vec<_> = self.set_cookie.iter().filter_map(name).collect();
        f.debug_struct("HeaderEdits")
            .field("set_cookie", &names)
            .field("vary", &self.vary)
            .field("cache_control", &self.cache_control)
            .field("targeted", &self.targeted)
            .field("failed", &self.failed)
            .field("explains", &self.explains)
            .finish()
    }
}
