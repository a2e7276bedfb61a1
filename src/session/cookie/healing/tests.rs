use super::{super::attributes::SameSite, *};
use alloc::{borrow::ToOwned as _, collections::BTreeSet, format, string::ToString as _, vec};

const HOST: Option<&str> = Some("www.shop.example");

/// A cookie that a sibling domain can plant.
fn plantable() -> CookieAttributes {
    CookieAttributes {
        name: "sid".into(),
        ..CookieAttributes::default()
    }
}

/// What the lines need of a response.
fn bytes(lines: &[String]) -> usize {
    let headers = lines.iter().map(|line| format!("set-cookie: {line}\r\n"));
    headers.map(|header| header.len()).sum()
}

#[test]
fn a_path_brings_the_cookies_of_each_of_its_prefixes() {
    for (path, expected) in [
        ("/", vec!["/"]),
        ("", vec!["/"]),
        ("*", vec!["/"]),
        ("a/b", vec!["/"]),
        ("//", vec!["/", "//"]),
        ("///", vec!["/", "//", "///"]),
        ("/a", vec!["/", "/a"]),
        ("/a/", vec!["/", "/a", "/a/"]),
        ("/a/b", vec!["/", "/a", "/a/", "/a/b"]),
        ("/a//b", vec!["/", "/a", "/a/", "/a//", "/a//b"]),
        ("/a;/b", vec!["/"]),
        ("/a/b;", vec!["/", "/a", "/a/"]),
    ] {
        assert_eq!(paths(path), expected, "{path}");
    }
    let long = |len| format!("/{}", "a".repeat(len));
    assert_eq!(paths(&long(1023)), ["/", &long(1023)]);
    assert_eq!(paths(&long(1024)), ["/"]);
}

#[test]
fn a_host_brings_its_own_cookies_and_those_of_its_parents() {
    let own = None;
    let parents = |domains: &[&'static str]| {
        let domains = domains.iter().map(|domain| Some(*domain));
        core::iter::once(own).chain(domains).collect::<Vec<_>>()
    };
    assert_eq!(domains(None), [own]);
    assert_eq!(domains(Some("localhost")), [own]);
    assert_eq!(domains(Some("shop.example")), parents(&["shop.example"]));
    assert_eq!(
        domains(HOST),
        parents(&["www.shop.example", "shop.example"])
    );
}

#[test]
fn a_line_has_what_browsers_need_and_no_more() {
    let lines = |attributes: &CookieAttributes| removals(attributes, Some("shop.example"), "/", 0);
    let all = [
        "sid=; Secure; Path=/; Max-Age=0",
        "sid=; Partitioned; Secure; Path=/; Max-Age=0",
        "sid=; Secure; Path=/; Domain=shop.example; Max-Age=0",
        "sid=; Partitioned; Secure; Path=/; Domain=shop.example; Max-Age=0",
    ];
    // The own place alone is left out, and only in its own partition state.
    assert_eq!(lines(&plantable()), all[1..]);
    let partitioned = CookieAttributes {
        partitioned: true,
        ..plantable()
    };
    assert_eq!(lines(&partitioned), [all[0], all[2], all[3]]);
    let of_domain = CookieAttributes {
        domain: Some("shop.example".into()),
        ..plantable()
    };
    assert_eq!(lines(&of_domain), [all[0], all[1], all[3]]);
    let below = CookieAttributes {
        path: "/account/".into(),
        ..plantable()
    };
    let path = "/account/x";
    let lines_below = removals(&below, None, path, 0);
    let own = "sid=; Secure; Path=/account/; Max-Age=0";
    assert_eq!(lines_below.len(), 8 - 1);
    assert!(!lines_below.contains(&own.to_string()), "{lines_below:?}");

    // Over http, browsers take no partitioned cookie, and so have none.
    let mut http = plantable();
    http.allow_http();
    assert_eq!(
        lines(&http),
        ["sid=; Path=/; Domain=shop.example; Max-Age=0"]
    );

    let embedded = CookieAttributes {
        same_site: SameSite::None,
        ..plantable()
    };
    for line in lines(&embedded) {
        assert!(line.contains("; SameSite=None;"), "{line}");
    }
    for (name, demands) in [
        ("__Http-sid", true),
        ("__http-sid", true),
        ("__host-http-sid", true),
        ("__Secure-sid", false),
    ] {
        let name = name.into();
        let prefixed = CookieAttributes {
            name,
            ..plantable()
        };
        for line in lines(&prefixed) {
            assert_eq!(line.contains("; HttpOnly;"), demands, "{line}");
            assert!(line.contains("; Secure;"), "{line}");
        }
    }
}

/// A proxy or a router that takes the beginning of the path away is seen by the own cookie, which came all the same.
#[test]
fn the_path_of_the_cookie_stands_in_for_what_a_proxy_takes_away() {
    let with_path = |own: &str| CookieAttributes {
        path: own.into(),
        ..plantable()
    };
    // The path may also be that of a page which the own cookie is not for.
    for (own, path) in [
        ("/app", "/account"),
        ("/app", "/account;/x"),
        ("/app/", "/account"),
    ] {
        let lines = removals(&with_path(own), Some("shop.example"), path, 3);
        for place in ["/", path, "/app", "/app/", "/app/account"] {
            if place.contains(';') {
                continue;
            }
            for kind in ["", " Partitioned;"] {
                let line = format!("sid=;{kind} Secure; Path={place}; Max-Age=0");
                let is_own = place == own && kind.is_empty();
                assert_eq!(lines.contains(&line), !is_own, "{line}: {lines:?}");
            }
        }
    }
    let lines = removals(&with_path("/app/"), HOST, "/account", 3);
    for planted in ["/app", "/app/account"] {
        let planted = format!("sid=; Secure; Path={planted}; Domain=shop.example; Max-Age=0");
        assert!(lines.contains(&planted), "{lines:?}");
    }
    // A path that only begins with the same letters is another one.
    let lines = removals(&with_path("/app"), None, "/apple", 0);
    assert!(
        lines.iter().any(|line| line.contains("Path=/app/apple;")),
        "{lines:?}"
    );
    // The limit holds for the whole.
    let long = format!("/{}", "a".repeat(1023));
    let lines = removals(&with_path("/app"), None, &long, 0);
    assert!(
        !lines.iter().any(|line| line.contains("/app/aaa")),
        "{lines:?}"
    );
}

/// The figures of the guide.
#[test]
fn three_parts_of_a_path_need_less_than_3_kb() {
    let lines = removals(&plantable(), HOST, "/account/orders/1234567", 0);
    assert_eq!(lines.len(), 3 * 6 * 2 - 1);
    assert!(bytes(&lines) <= 3 * 1024, "{}", bytes(&lines));
}

/// Whichever place somebody chooses, one of the next responses removes what they planted there.
#[test]
fn what_one_response_has_no_room_for_is_in_another_one() {
    let segment = "a".repeat(200);
    for (host, path, places) in [
        (HOST, "/account/orders".to_owned(), 3 * 4 * 2 - 1),
        (HOST, "/api/v1/users/7/orders/3".to_owned(), 3 * 12 * 2 - 1),
        (
            HOST,
            format!("/{segment}/{segment}/{segment}"),
            3 * 6 * 2 - 1,
        ),
        (
            Some("a.b.c.d.shop.example"),
            "/a".repeat(20),
            6 * 40 * 2 - 1,
        ),
    ] {
        let attributes = plantable();
        let mut seen = BTreeSet::new();
        for turn in 0..1_000 {
            let lines = removals(&attributes, host, &path, turn);
            let distinct: BTreeSet<&String> = lines.iter().collect();
            assert_eq!(distinct.len(), lines.len(), "{path}: {lines:#?}");
            assert!(bytes(&lines) <= 3 * 1024, "{path}: {}", bytes(&lines));
            // A cookie at `/` hurts the most.
            let widest = removals(&attributes, host, "/", turn);
            assert!(lines.starts_with(&widest), "{path}: {lines:#?}");
            seen.extend(lines);
        }
        assert_eq!(seen.len(), places, "{path}");
    }
}

/// Path and host are the sender's choice. If each of a path's prefixes were read as a whole, this would not end.
#[test]
fn a_path_that_is_all_slashes_is_healed_at_once() {
    let path = "/".repeat(1 << 21);
    let lines = removals(&plantable(), HOST, &path, u32::MAX);
    assert!(lines.len() > 6, "{lines:?}");
    assert!(bytes(&lines) <= 3 * 1024, "{}", bytes(&lines));
    let host = "a.".repeat(126) + "a";
    let lines = removals(&plantable(), Some(&host), &path, u32::MAX);
    assert!(bytes(&lines) <= 3 * 1024, "{}", bytes(&lines));
}
