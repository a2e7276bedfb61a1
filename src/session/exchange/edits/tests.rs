use super::*;
use alloc::{vec, vec::Vec};
use proptest::prelude::*;

fn decide(own: &[&str], sets_cookie: bool) -> CacheControl {
    cache_control(own.iter().map(|line| line.as_bytes()), sets_cookie)
}

/// The targeted fields that are replaced in a response with these.
fn replaced(fields: &[(&str, &str)]) -> Vec<&'static str> {
    let lines = |name: &str| {
        let of_that_name = fields
            .iter()
            .filter(|(own, _)| own.eq_ignore_ascii_case(name));
        let lines: Vec<&[u8]> = of_that_name.map(|(_, line)| line.as_bytes()).collect();
        lines
    };
    targeted(lines).collect()
}

#[test]
fn vary_is_one_line_with_cookie_once() {
    for (own, expected) in [
        (vec![], Some("Cookie")),
        (vec![""], Some("Cookie")),
        (vec![" , ,"], Some("Cookie")),
        (vec!["Accept-Encoding"], Some("Accept-Encoding, Cookie")),
        (
            vec!["Accept-Encoding,, Cookie2", "\tOrigin "],
            Some("Accept-Encoding, Cookie2, Origin, Cookie"),
        ),
        (vec!["cookie"], None),
        (vec!["Accept-Encoding", "Origin , COOKIE"], None),
        (vec!["*"], None),
        (vec!["Origin, *"], None),
        // What names no field, and would be no valid line either.
        (
            vec!["Ärger, Origin", "a b", "\"Cookie\""],
            Some("Origin, Cookie"),
        ),
    ] {
        let values = own.iter().map(|line: &&str| line.as_bytes());
        assert_eq!(vary(values).as_deref(), expected, "{own:?}");
    }
    assert_eq!(vary([&b"\xff"[..]]).as_deref(), Some("Cookie"));
}

#[test]
fn a_response_that_only_read_is_private_unless_the_handler_said_something() {
    assert_eq!(decide(&[], false), CacheControl::Set("private"));
    for own in ["public, max-age=60", "", "private", "no-cache=\""] {
        assert_eq!(decide(&[own], false), CacheControl::Keep, "{own}");
    }
}

#[test]
fn a_response_that_sets_the_cookie_keeps_what_closes_it() {
    assert_eq!(decide(&[], true), CacheControl::Set("no-store"));
    for own in [
        &["private"][..],
        &["no-store"],
        &["NO-STORE"],
        &["max-age=60, Private"],
        &["max-age=60", "no-store"],
        &["", "private"],
        &[",, \t private\t ,"],
        &["private,max-age=60"],
        &["no-cache=\"set-cookie\", private"],
        &["no-cache=\"a\\\", b\", private"],
        &["no-cache=\"a\\\\\", private"],
        &["community=\"\", private"],
        // One closed is enough.
        &["private=\"x\", no-store"],
        &["no-store=1, private"],
        &["must-understand, no-store, private"],
        // A cache honours the most restrictive (RFC 9111, 4.2.1).
        &["public, private"],
    ] {
        assert_eq!(decide(own, true), CacheControl::Keep, "{own:?}");
    }
}

#[test]
fn a_response_that_sets_the_cookie_is_never_open() {
    for own in [
        &[""][..],
        &["  "],
        &[","],
        &["max-age=60"],
        &["public"],
        &["no-cache"],
        // Some other word that has one of ours in it.
        &["private-ish, x-no-store, no-store2, privat e"],
        &["private;a"],
        &["'private'"],
        &["\"private\""],
        // It speaks of one field alone.
        &["private=\"set-cookie\""],
        &["private=set-cookie"],
        &["private ="],
        &["private="],
        &["private = \"x\""],
        &["PRIVATE=\"x\""],
        // A word in a quoted string is not a directive.
        &["public, max-age=60, no-cache=\"x, private\""],
        &["no-cache=\"x\\\", private\""],
        &["no-cache=\"x, private, y\", max-age=1"],
        &["no-cache=\"private\""],
        &["a=\", private, b=\""],
        // A backslash escapes within a string only.
        &["a\\\", private, b=\"\""],
        // No end of the string, in the line or in the field: each cache guesses.
        &["no-cache=\"x, private"],
        &["private, no-cache=\"x"],
        &["private, no-cache=\"x\\\""],
        &["private, \""],
        &["no-cache=\"x", "private\""],
        &["private", "x=\""],
        // There both ways.
        &["private, private=\"x\""],
        &["private=\"x\"", "private"],
        &["no-store=1, no-store"],
        // A cache that knows the status ignores `no-store` here.
        &["must-understand, no-store, max-age=60"],
        &["no-store", "Must-Understand"],
        &["no-store, must-understand=1"],
    ] {
        assert_eq!(
            decide(own, true),
            CacheControl::Replace("no-store"),
            "{own:?}"
        );
    }
    assert_eq!(
        cache_control([&b"private\xff"[..]], true),
        CacheControl::Replace("no-store")
    );
}

/// The offer to bind a session to its device is for one visitor, also where no cookie goes with it.
#[test]
fn a_response_with_headers_of_the_session_layer_is_never_open() {
    let answer = Answer {
        own: Some(Box::new(OwnAnswer {
            headers: vec![("secure-session-registration", "(ES256)".into())],
            ..OwnAnswer::default()
        })),
        ..Answer::default()
    };
    let own = |name: &str| match name {
        "cache-control" => vec![&b"public, max-age=60"[..]],
        "cdn-cache-control" => vec![&b"max-age=60"[..]],
        _ => vec![],
    };
    let (edits, replaced) = HeaderEdits::new(answer, own, false);
    assert!(replaced);
    assert_eq!(edits.cache_control, Some(NO_STORE));
    assert_eq!(edits.targeted, ["cdn-cache-control"]);
}

#[test]
fn every_targeted_field_that_is_open_is_replaced() {
    assert_eq!(
        replaced(&[("Cache-Control", "public"), ("X-Cache", "public")]),
        [""; 0]
    );
    for (name, private_closes) in TARGETED {
        for open in [
            "public",
            "max-age=60",
            "private=?0",
            "no-store=?0",
            "no-store;x",
            "a=\"",
        ] {
            assert_eq!(replaced(&[(name, open)]), [name], "{open}");
        }
        assert_eq!(
            replaced(&[(name, "max-age=1"), (name, "no-store")]),
            [""; 0]
        );
        assert_eq!(replaced(&[(&name.to_uppercase(), "public")]), [name]);
        assert_eq!(
            replaced(&[(name, "private")]).is_empty(),
            private_closes,
            "{name}"
        );
        assert_eq!(
            replaced(&[(name, "")]).is_empty(),
            !private_closes,
            "{name}"
        );
        assert_eq!(replaced(&[(name, "max-age=60, x=\"y, no-store\"")]), [name]);
    }
    assert_eq!(
        replaced(&[
            ("Surrogate-Control", "max-age=60;fastly"),
            ("CDN-Cache-Control", "public"),
            ("Vercel-CDN-Cache-Control", "no-store"),
        ]),
        ["cdn-cache-control", "surrogate-control"]
    );
}

/// A page that is put together at the edge would go out in pieces if a renewal took this away.
#[test]
fn instructions_for_page_assembly_stay() {
    for (name, line, kept) in [
        ("Surrogate-Control", "content=\"ESI/1.0\"", true),
        ("Surrogate-Control", "content=\"ESI/1.0\", no-store", true),
        (
            "Surrogate-Control",
            "content=\"ESI/1.0\", max-age=60",
            false,
        ),
        ("Surrogate-Control", "content=\"ESI/1.0", false),
        ("Edge-Control", "dca=esi", true),
        ("Edge-Control", "!no-store, dca=esi", false),
        ("CDN-Cache-Control", "content=\"ESI/1.0\"", false),
    ] {
        assert_eq!(replaced(&[(name, line)]).is_empty(), kept, "{name}: {line}");
    }
}

proptest! {
    /// Whatever the lines are, a cache that knows neither quotes nor arguments and one that joins
    /// the lines find a closing word in what is kept.
    #[test]
    fn what_is_kept_is_closed_for_a_naive_reader_too(
        lines in proptest::collection::vec("(private|no-store|public|x|=|\"|\\\\|, | |;){0,8}", 0..3),
    ) {
        let own: Vec<&str> = lines.iter().map(|line| line.as_str()).collect();
        if decide(&own, true) == CacheControl::Keep {
            let naive = own
                .iter()
                .flat_map(|line| line.split(','))
                .any(|word| ["private", "no-store"].contains(&word.trim()));
            prop_assert!(naive, "{:?}", own);
            let joined = own.join(", ");
            prop_assert_eq!(decide(&[&joined], true), CacheControl::Keep);
        }
    }
}
