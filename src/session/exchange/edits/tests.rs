use super::*;
use alloc::{vec, vec::Vec};
use proptest::prelude::*;

fn response<'h, V: AsRef<[u8]> + ?Sized + 'h>(lines: &[(&'h str, &'h V)]) -> ResponseHeaders {
    ResponseHeaders::read(lines.iter().copied(), "session")
}

fn decide<'h, V: AsRef<[u8]> + ?Sized + 'h>(own: &[&'h V], sets_cookie: bool) -> CacheControl {
    let lines: Vec<_> = own.iter().map(|line| ("Cache-Control", *line)).collect();
    cache_control(response(&lines).cache_control, sets_cookie)
}

/// The targeted fields that are replaced in a response with these.
fn replaced(lines: &[(&str, &str)]) -> Vec<&'static str> {
    response(lines).open_targeted().collect()
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
        let lines: Vec<_> = own.iter().map(|line| ("Vary", *line)).collect();
        let vary = response(&lines).vary.with_cookie();
        assert_eq!(vary.as_deref(), expected, "{own:?}");
    }
    let vary = response(&[("vary", b"\xff")]).vary.with_cookie();
    assert_eq!(vary.as_deref(), Some("Cookie"));
}

#[test]
fn a_response_that_only_read_is_private_unless_the_handler_said_something() {
    assert_eq!(decide::<str>(&[], false), CacheControl::Set("private"));
    for own in ["public, max-age=60", "", "private", "no-cache=\""] {
        assert_eq!(decide(&[own], false), CacheControl::Keep, "{own}");
    }
}

#[test]
fn a_response_that_sets_the_cookie_keeps_what_closes_it() {
    assert_eq!(decide::<str>(&[], true), CacheControl::Set("no-store"));
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
        decide(&[b"private\xff"], true),
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
    let own = response(&[
        ("cache-control", "public, max-age=60"),
        ("cdn-cache-control", "max-age=60"),
    ]);
    let (edits, replaced) = HeaderEdits::new(answer, own, false);
    let edits = edits.0.unwrap();
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
        ["surrogate-control", "cdn-cache-control"]
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
