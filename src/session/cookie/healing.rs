//! The places from which a sibling domain can have set a cookie.

use super::attributes::is_path;
use alloc::vec::Vec;

/// Returns each domain and path whose cookies a request of this host and path brings, each pair once.
pub(super) fn places<'a>(
    host: Option<&'a str>,
    path: &'a str,
) -> impl Iterator<Item = (Option<&'a str>, &'a str)> {
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
    paths.into_iter().flat_map(move |path| {
        let domains = domains.clone().into_iter();
        domains.map(move |domain| (domain, path))
    })
}
