use super::{
    attributes::{CookieAttributes, is_path},
    chunks::{self, CandidateBudget, CookieLimits, Incomplete, MAX_CHUNKS, Names, TooLarge},
};
use alloc::{borrow::Cow, format, string::String, vec::Vec};
use core::time::Duration;
use memchr::memmem::Finder;

/// The most lines that remove planted cookies: the path's length is the sender's choice.
const MAX_HEALING_LINES: usize = 32;

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

    /// Returns the tokens of a Cookie header in the order received.
    pub(crate) fn candidates<'h>(
        &self,
        header: &'h [u8],
        budget: &mut CandidateBudget,
    ) -> impl Iterator<Item = Result<Cow<'h, [u8]>, Incomplete>> {
        chunks::candidates(header, &self.finder, budget)
    }

    /// Returns which names of this cookie and of its chunks are in a Cookie header.
    pub(crate) fn received(&self, header: &[u8]) -> Names {
        chunks::received(header, &self.finder)
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

    /// Returns the Set-Cookie lines that remove these names but for the first `kept`. With a domain, the
    /// host's own cookies go too: those of a time before there was one.
    pub(crate) fn remove(&self, names: Names, kept: usize) -> impl Iterator<Item = String> {
        let attributes = &self.attributes;
        let lines = move |name: String| {
            let host_only = attributes.domain.is_some();
            let host_only =
                host_only.then(|| attributes.remove_from(&name, None, &attributes.path));
            core::iter::once(attributes.remove(&name)).chain(host_only)
        };
        names.beyond(kept, self.name()).flat_map(lines)
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

    /// Returns the Set-Cookie lines that remove what somebody planted under this name: for the host alone
    /// and for the host and each of its parents as the domain, for `/` and each prefix of the request's
    /// path. The session's own domain and path are left out.
    pub(crate) fn heal(&self, host: Option<&str>, path: &str) -> Vec<String> {
        let own = (
            self.attributes.domain.as_deref(),
            self.attributes.path.as_str(),
        );
        let host = host.unwrap_or_default();
        let parents = host
            .match_indices('.')
            .filter_map(|(dot, _)| host.get(dot.saturating_add(1)..));
        // A top-level domain takes no cookies.
        let domains = core::iter::once(host)
            .chain(parents)
            .filter(|domain| domain.contains('.'));
        let domains: Vec<Option<&str>> = core::iter::once(None).chain(domains.map(Some)).collect();
        let prefixes = path
            .match_indices('/')
            .skip(1)
            .filter_map(|(slash, _)| path.get(..slash));
        let paths = core::iter::once("/").chain(prefixes).chain([path]);
        let mut paths: Vec<&str> = paths.filter(|path| is_path(path)).collect();
        // The paths `/` and `//…` give `/` twice.
        paths.dedup();
        let pairs = paths
            .iter()
            .flat_map(|path| domains.iter().map(move |domain| (*domain, *path)));
        pairs
            .filter(|pair| *pair != own)
            .take(MAX_HEALING_LINES)
            .map(|(domain, path)| self.attributes.remove_from(self.name(), domain, path))
            .collect()
    }
}

#[cfg(test)]
mod tests;
