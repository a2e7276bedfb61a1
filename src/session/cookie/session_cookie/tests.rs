use super::*;
use std::collections::BTreeSet;

#[test]
fn each_planted_cookie_is_removed_once() {
    let attributes = CookieAttributes {
        name: "sid".into(),
        ..CookieAttributes::default()
    };
    let limits = CookieLimits {
        max_chunks: 1,
        max_cookie_bytes: 4096,
    };
    let cookie = SessionCookie::new(attributes, limits).unwrap();
    // For each path of the request: `/` without the session's own line, and the other prefixes.
    for (path, expected) in [
        ("/", 2),
        ("//", 5),
        ("/a", 5),
        ("/a/", 8),
        ("/a/b", 8),
        ("", 2),
    ] {
        let lines = cookie.heal(Some("www.example.com"), path);
        let distinct: BTreeSet<&String> = lines.iter().collect();
        assert_eq!(distinct.len(), lines.len(), "{path}: {lines:#?}");
        assert_eq!(lines.len(), expected, "{path}: {lines:#?}");
    }
}
