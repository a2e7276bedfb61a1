//! What a response that depends on a session tells caches (RFC 9111). A response with somebody's
//! session in a shared cache logs everybody in as that user (CVE-2023-30861, CVE-2025-48947).

use alloc::{borrow::Cow, string::String, vec::Vec};

/// A response's `Vary` with `Cookie` among its members, if it is not yet. In one line, for there is
/// middleware that takes the first for all of them (actix-cors 0.7), and a shared cache would never
/// hear of the second.
pub(super) fn vary<'a>(own: impl IntoIterator<Item = &'a [u8]>) -> Option<Cow<'static, str>> {
    let mut line = Vec::new();
    for name in members(own).filter(|name| !name.is_empty()) {
        if name == b"*" || name.eq_ignore_ascii_case(b"cookie") {
            return None;
        }
        line.extend_from_slice(name);
        line.extend_from_slice(b", ");
    }
    if line.is_empty() {
        return Some("Cookie".into());
    }
    // Members are tokens (RFC 9110, 12.5.5): what is not UTF-8 names no field.
    let mut line = String::from_utf8_lossy(&line).into_owned();
    line.push_str("Cookie");
    Some(line.into())
}

/// What becomes of a response's `Cache-Control`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CacheControl {
    Keep,
    /// The handler set none.
    Set(&'static str),
    /// The handler's own would let a shared cache keep a cookie.
    Replace(&'static str),
}

pub(super) fn cache_control<'a>(
    own: impl IntoIterator<Item = &'a [u8]>,
    sets_cookie: bool,
) -> CacheControl {
    let mut none = true;
    // `private="set-cookie"` speaks of that field alone: not what is meant here.
    let closed = members(own.into_iter().inspect(|_| none = false)).any(|name| {
        name.eq_ignore_ascii_case(b"private") || name.eq_ignore_ascii_case(b"no-store")
    });
    match (none, sets_cookie) {
        (true, true) => CacheControl::Set("no-store"),
        (true, false) => CacheControl::Set("private"),
        (false, true) if !closed => CacheControl::Replace("no-store"),
        (false, _) => CacheControl::Keep,
    }
}

/// The members of a list-valued field, over all its lines.
fn members<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> impl Iterator<Item = &'a [u8]> {
    values
        .into_iter()
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn decide(own: &[&str], sets_cookie: bool) -> CacheControl {
        cache_control(own.iter().map(|value| value.as_bytes()), sets_cookie)
    }

    #[test]
    fn vary_is_one_line_with_cookie_once() {
        for (own, expected) in [
            (vec![], Some("Cookie")),
            (vec![""], Some("Cookie")),
            (vec!["Accept-Encoding"], Some("Accept-Encoding, Cookie")),
            (
                vec!["Accept-Encoding,, Cookie2", "Origin"],
                Some("Accept-Encoding, Cookie2, Origin, Cookie"),
            ),
            (vec!["cookie"], None),
            (vec!["Accept-Encoding", "Origin , COOKIE"], None),
            (vec!["*"], None),
            (vec!["Origin, *"], None),
        ] {
            let values = own.iter().map(|value: &&str| value.as_bytes());
            assert_eq!(vary(values).as_deref(), expected, "{own:?}");
        }
        assert_eq!(vary([&b"\xff"[..]]).as_deref(), Some("\u{fffd}, Cookie"));
    }

    #[test]
    fn a_read_response_is_private_unless_the_handler_said_something() {
        assert_eq!(decide(&[], false), CacheControl::Set("private"));
        assert_eq!(decide(&["public, max-age=60"], false), CacheControl::Keep);
    }

    #[test]
    fn a_response_that_sets_the_cookie_is_never_public() {
        assert_eq!(decide(&[], true), CacheControl::Set("no-store"));
        assert_eq!(
            decide(&["max-age=60"], true),
            CacheControl::Replace("no-store")
        );
        assert_eq!(decide(&["public"], true), CacheControl::Replace("no-store"));
        assert_eq!(
            decide(&["private=\"set-cookie\""], true),
            CacheControl::Replace("no-store")
        );
        assert_eq!(decide(&["max-age=60, Private"], true), CacheControl::Keep);
        assert_eq!(
            decide(&["max-age=60", "no-store"], true),
            CacheControl::Keep
        );
    }
}
