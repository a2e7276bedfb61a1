//! The places where a sibling domain can have set a cookie, and the lines that remove it there.

use super::attributes::{CookieAttributes, is_below, path_len};
use alloc::{string::String, vec::Vec};

/// The most bytes of these lines in a response. A proxy refuses a response with more headers than it has room for, and
/// nothing would be removed: nginx has 4 KB by default. A quarter of that is left to other headers.
const MAX_BYTES: usize = 3 * 1024;

/// What a line needs besides its value.
const AROUND: usize = "set-cookie: \r\n".len();

/// Returns the Set-Cookie values that remove this cookie from each place whose cookies a request of this host and path
/// brings, except for the cookie's own place.
///
/// The places at `/` come first: a cookie there hurts the most. If there is no room for all of the others, they begin at
/// the one that `turn` chooses. Otherwise somebody could plant a cookie that no response ever removes.
///
/// A browser sends the own cookie below its path only. If the request has another path, it may be that a proxy or a router
/// took the beginning away. So the places below the cookie's path are named too.
pub(super) fn removals(
    attributes: &CookieAttributes,
    host: Option<&str>,
    path: &str,
    turn: u32,
) -> Vec<String> {
    let (_, domain, own_path, partitioned) = attributes.place();
    let own = (domain, own_path, partitioned);
    let whole = (!is_below(path, own_path)).then(|| {
        let path = path.get(..path_len(path)).unwrap_or_default();
        [own_path.trim_end_matches('/'), path].concat()
    });
    let mut paths = paths(path);
    paths.extend(whole.iter().flat_map(|whole| self::paths(whole)).skip(1));
    // A browser keeps a cookie of each kind apart, and takes a partitioned one only if it is Secure.
    let kinds: &[bool] = if attributes.secure {
        &[false, true]
    } else {
        &[false]
    };
    let domains = domains(host);
    let of_kind = |domain| kinds.iter().map(move |kind| (domain, *kind));
    let places: Vec<_> = domains.into_iter().flat_map(of_kind).collect();
    // Path and host are the sender's choice, so only the places that there is room for are looked at.
    let place = |at: usize| {
        let path = paths.get(at.checked_div(places.len())?)?;
        let (domain, kind) = places.get(at.checked_rem(places.len())?)?;
        Some((*domain, *path, *kind))
    };
    let all = paths.len().saturating_mul(places.len());
    let turn = usize::try_from(turn).unwrap_or_default();
    let below = all.saturating_sub(places.len());
    let start = turn.checked_rem(below).unwrap_or_default();
    let start = start.saturating_add(places.len());
    let order = (0..places.len())
        .chain(start..all)
        .chain(places.len()..start);
    let mut room = MAX_BYTES;
    let lines = order
        .filter_map(place)
        .filter(|place| *place != own)
        .map(|(domain, path, partitioned)| attributes.remove_planted(domain, path, partitioned));
    lines
        .map_while(|line| {
            room = room.checked_sub(line.len().saturating_add(AROUND))?;
            Some(line)
        })
        .collect()
}

/// Returns no domain, for the host alone, and the host and each of its parents.
fn domains(host: Option<&str>) -> Vec<Option<&str>> {
    let host = host.unwrap_or_default();
    let parents = host
        .match_indices('.')
        .filter_map(|(dot, _)| host.get(dot.saturating_add(1)..));
    // A top-level domain takes no cookies.
    let domains = core::iter::once(host)
        .chain(parents)
        .filter(|domain| domain.contains('.'));
    core::iter::once(None).chain(domains.map(Some)).collect()
}

/// Returns the paths whose cookies a request for this path brings, each once and the shortest first: `/account` and
/// `/account/` are two, and `/account/x` brings the cookies of both (RFC 6265, section 5.1.4).
fn paths(path: &str) -> Vec<&str> {
    let path = if path.starts_with('/') { path } else { "/" };
    let prefixes = path.match_indices('/').flat_map(|(slash, _)| {
        let with_slash = path.get(..=slash);
        [path.get(..slash), with_slash].into_iter().flatten()
    });
    // The first one is empty. The first that is too long, or has a wrong byte, ends the rest: millions of slashes must not
    // be read once for each of them.
    let len = path_len(path);
    let prefixes = prefixes.skip(1).chain([path]);
    let prefixes = prefixes.take_while(|prefix| prefix.len() <= len);
    let mut paths: Vec<&str> = core::iter::once("/").chain(prefixes).collect();
    paths.dedup();
    paths
}

#[cfg(test)]
mod tests;
