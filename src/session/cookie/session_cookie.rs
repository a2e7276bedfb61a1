use super::{
    attributes::CookieAttributes,
    chunks::{self, CookieLimits, Incomplete, MAX_CHUNKS, Names, TooLarge},
};
use alloc::{borrow::Cow, format, string::String, vec::Vec};
use core::time::Duration;

/// Holds the name, the attributes and the limits of the session cookie.
pub(crate) struct SessionCookie {
    attributes: CookieAttributes,
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
        attributes.check()?;
        if !(1..=MAX_CHUNKS).contains(&limits.max_chunks) {
            return Err(format!(
                "`max_chunks` is {}, it must be 1 to {MAX_CHUNKS}",
                limits.max_chunks
            ));
        }
        let line = |max_age| attributes.set("", "", max_age);
        let longest = Duration::from_secs(u32::MAX.into());
        Ok(SessionCookie {
            tail: line(None).split_off(1),
            attributes_len: line(Some(longest)).len().saturating_sub(1),
            attributes,
            limits,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.attributes.name
    }

    /// Returns the tokens of a Cookie header in the order received.
    pub(crate) fn candidates<'h>(
        &self,
        header: &'h [u8],
    ) -> impl Iterator<Item = Result<Cow<'h, str>, Incomplete>> {
        chunks::candidates(header, self.name())
    }

    /// Returns which names of this cookie and of its chunks are in a Cookie header.
    pub(crate) fn received(&self, header: &[u8]) -> Names {
        chunks::received(header, self.name())
    }

    /// Fails if a token of `len` characters does not fit into the cookies. The length is that of
    /// the final token, after sealing and encoding.
    pub(crate) fn fits(&self, len: usize) -> Result<(), TooLarge> {
        chunks::fits(len, self.name(), self.attributes_len, self.limits)
    }

    /// Returns the Set-Cookie lines for a token, and the total length of their names, `=` and values.
    pub(crate) fn set(
        &self,
        token: String,
        max_age: Option<Duration>,
    ) -> Result<(Vec<String>, usize), TooLarge> {
        let cookies = chunks::cut(token, self.name(), self.attributes_len, self.limits)?;
        let len = |(name, value): &(String, String)| {
            name.len().saturating_add(1).saturating_add(value.len())
        };
        let total = cookies.iter().map(len).sum();
        let line = |(name, value): &(String, String)| match max_age {
            None => [name, "=", value, &self.tail].concat(),
            Some(_) => self.attributes.set(name, value, max_age),
        };
        Ok((cookies.iter().map(line).collect(), total))
    }

    /// Returns the Set-Cookie lines that remove these names, except the first `kept`.
    pub(crate) fn remove(&self, names: Names, kept: usize) -> impl Iterator<Item = String> {
        names
            .beyond(kept, self.name())
            .map(|name| self.attributes.remove(&name))
    }
}
