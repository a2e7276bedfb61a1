use super::*;
use alloc::collections::BTreeMap;
use proptest::prelude::*;

const NAME: &str = "__Host-session";
const LIMITS: CookieLimits = CookieLimits {
    max_chunks: 9,
    max_cookie_bytes: 64 * 1024,
};
/// The length of the attributes in most of these tests.
const ATTRIBUTES: usize = "; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=7776000".len();

/// Makes a token of this length. The tokens of two seeds have only the `h` in common.
fn token(seed: usize, length: usize) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let letter = |i: usize| char::from(alphabet[(i.wrapping_mul(i + 7) + i / 64 + seed * 31) % 64]);
    core::iter::once('h')
        .chain((1..length).map(letter))
        .collect()
}

/// Makes the Cookie header that a browser sends for these cookies.
fn header(cookies: &[(String, String)]) -> String {
    let pairs: Vec<String> = cookies
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("; ")
}

fn cut_up(token: &str) -> Vec<(String, String)> {
    cookies(token, ATTRIBUTES, LIMITS).unwrap()
}

/// Returns the cookies that carry this token.
fn cookies(
    token: &str,
    attributes: usize,
    limits: CookieLimits,
) -> Result<Vec<(String, String)>, TooLarge> {
    let plan = plan(token.len(), NAME, attributes, limits)?;
    let whole = || vec![(NAME.to_owned(), token.to_owned())];
    Ok(cut(token, NAME, &plan).unwrap_or_else(whole))
}

fn read(headers: &[&[u8]]) -> Vec<Result<String, Incomplete>> {
    candidates(
        &headers.join(&b"; "[..]),
        &Finder::new(NAME),
        &mut CandidateBudget::default(),
    )
    .map(|candidate| candidate.map(|token| String::from_utf8(token.into_owned()).unwrap()))
    .collect()
}

fn read_one(header: impl AsRef<[u8]>) -> Vec<Result<String, Incomplete>> {
    read(&[header.as_ref()])
}

fn ok(tokens: &[&str]) -> Vec<Result<String, Incomplete>> {
    tokens
        .iter()
        .map(|token| Ok(String::from(*token)))
        .collect()
}

fn names(headers: &[&[u8]]) -> Vec<String> {
    received(&headers.join(&b"; "[..]), &Finder::new(NAME))
        .beyond(0, NAME)
        .collect()
}

fn is_present(header: &str) -> bool {
    received(header.as_bytes(), &Finder::new(NAME))
        .beyond(0, NAME)
        .any(|name| name == NAME)
}

#[test]
fn a_token_in_one_cookie_is_borrowed() {
    let header = "a=b; __Host-session=hABC; c=d";
    let found: Vec<_> = candidates(
        header.as_bytes(),
        &Finder::new(NAME),
        &mut CandidateBudget::default(),
    )
    .collect();
    let [Ok(Cow::Borrowed(token))] = found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(token, b"hABC");
    assert!(core::ptr::eq(token, &header.as_bytes()[20..24]));
}

#[test]
fn one_cookie_and_its_surroundings() {
    for header in [
        "__Host-session=hA",
        "__Host-session=hA;",
        ";;;__Host-session=hA;;;",
        " \t__Host-session=hA\t ",
        "a=b;__Host-session=hA;c=d",
        "a=b; __Host-session=hA; __Host-session",
        "__Host-sessionx=hB; __Host-session=hA; __Host-sessio=hB",
        "__Host-session2=hB; __Host-session=hA; __Host-session.1x=hB",
        "__host-session=hB; __Host-session=hA; __HOST-SESSION=hB",
        "__Host-session.=hB; __Host-session=hA; __Host-session.0=hB; __Host-session.10=hB",
        "=__Host-session=hB; =hB; __Host-session=hA",
    ] {
        assert_eq!(read_one(header), ok(&["hA"]), "{header}");
        assert!(is_present(header), "{header}");
    }
}

#[test]
fn headers_without_the_cookie() {
    for header in [
        "",
        ";;;",
        "=",
        " ",
        "__Host-session",
        "__Host-session; =hA",
        "__Host-session2=hA",
        "__Host-session.1=ABCDEFGH.x",
        "session=hA",
        "__Host-session =hA",
        "x__Host-session=hA",
        "a=__Host-session=hA",
        "\u{b}__Host-session=hA",
        "\u{c}__Host-session=hA",
        "\r\n__Host-session=hA",
        "\0__Host-session=hA",
        "\u{85}__Host-session=hA",
        "\u{a0}__Host-session=hA",
        "\u{2003}__Host-session=hA",
        "\u{feff}__Host-session=hA",
        "__Host-session\u{a0}=hA",
        "__Host-session=hA\u{a0}",
    ] {
        assert_eq!(read_one(header), [], "{header:?}");
        assert!(!is_present(header), "{header:?}");
    }
    assert_eq!(read(&[]), []);
}

#[test]
fn a_neighbour_outside_ascii_hides_nothing() {
    for neighbour in [
        "a=é".as_bytes(),
        b"a=\xff",
        b"\xc3=1",
        b"\x80",
        b"__Host-session=\xe9",
        b"__Host-session=h\xe2\x80",
    ] {
        let header = [neighbour, b"; __Host-session=hA; ", neighbour].concat();
        assert_eq!(read_one(header), ok(&["hA"]), "{neighbour:02x?}");
    }
}

#[test]
fn values_are_taken_as_they_are() {
    for value in [
        "", "hA=B==", "\"hA\"", "h A", "h\"", "2", "2x", "0.hA", "1.hA", "22.hA", "a.hA", ".hA",
        "10.hA", "h.hA", "\u{1}",
    ] {
        assert_eq!(read_one(format!("{NAME}={value}")), ok(&[value]), "{value}");
    }
}

#[test]
fn several_are_candidates_once_in_the_order_received() {
    let header = "__Host-session=hB; a=1; __Host-session=hA; __Host-session=hB";
    assert_eq!(read_one(header), ok(&["hB", "hA"]));
    assert_eq!(
        read(&[b"__Host-session=hC", b"", b"a=1", header.as_bytes()]),
        ok(&["hC", "hB", "hA"])
    );
}

#[test]
fn what_is_cut_is_put_together() {
    // A token that fills its last cookie to the last byte, and one character more.
    let room = 4096 - ATTRIBUTES - NAME.len() - 1;
    for (length, count) in [
        (40, 1),
        (room, 1),
        (room + 1, 2),
        (2 * room - 13, 2),
        (2 * room - 12, 3),
        (9 * room - 90, 9),
    ] {
        let token = token(1, length);
        let cookies = cut_up(&token);
        assert_eq!(cookies.len(), count, "{length}");
        assert_eq!(read_one(header(&cookies)), ok(&[&token]), "{length}");
        for (name, value) in &cookies {
            assert!(
                name.len() + 1 + value.len() + ATTRIBUTES <= 4096,
                "{length}"
            );
        }
    }
}

#[test]
fn parts_are_named_as_the_format_has_them() {
    let token = token(1, 9000);
    let cookies = cut_up(&token);
    let (first, second, third) = (&cookies[0], &cookies[1], &cookies[2]);
    assert_eq!(
        (first.0.as_str(), second.0.as_str(), third.0.as_str()),
        (NAME, "__Host-session.1", "__Host-session.2")
    );
    assert_eq!(first.1.split_at(2), ("3.", &token[..first.1.len() - 2]));
    assert_eq!(&second.1[..9], format!("{}.", &token[24..32]));
    assert_eq!(&third.1[..9], format!("{}.", &token[24..32]));
}

/// Of headers with the name `aa`. Those of one letter are about as long as a value that is passed over.
const PIECES: &[&str] = &[
    ";",
    "; ",
    ";aa=",
    ";\taa.1=",
    "aa",
    "aa=",
    "aa.9=x",
    "a",
    "=",
    " ",
    "xxxxxxxxxxxxxx",
    "xxxxxxxxxxxxxxxxxx",
    "é",
];

proptest! {
    #[test]
    fn any_length_is_cut_and_put_together(
        length in 40..40_000usize,
        attributes in 0..4200usize,
        max_chunks in 0..12usize,
        max_cookie_bytes in 0..40_000usize,
    ) {
        let token = token(length, length);
        let limits = CookieLimits { max_chunks, max_cookie_bytes };
        let fits = fits(length, NAME, attributes, limits);
        match cookies(&token, attributes, limits) {
            Ok(cookies) => {
                prop_assert_eq!(fits, Ok(()));
                prop_assert!(cookies.len() <= max_chunks && cookies.len() <= 9);
                let sizes: Vec<usize> = cookies.iter().map(|(name, value)| name.len() + 1 + value.len()).collect();
                prop_assert!(sizes.iter().sum::<usize>() <= max_cookie_bytes);
                prop_assert!(sizes.iter().all(|size| size + attributes <= 4096));
                // No cookie more than needed: all but the last are full.
                prop_assert!(sizes[..sizes.len() - 1].iter().all(|size| size + attributes == 4096));
                prop_assert_eq!(read_one(header(&cookies)), ok(&[&token]));
            }
            Err(error) => {
                prop_assert_eq!(fits, Err(error));
                prop_assert!(error.len > error.max && error.max <= max_cookie_bytes);
            }
        }
    }

    /// Read pair by pair, as the format has it.
    #[test]
    fn a_name_is_found_wherever_it_begins_a_pair(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..400),
    ) {
        let header = pieces.concat();
        let expected: Vec<(usize, &[u8])> = header.as_bytes().split(|byte| *byte == b';').take(1000).filter_map(|pair| {
            let at = pair.iter().position(|byte| !b" \t".contains(byte))?;
            let (k, value) = match &pair[at..] {
                [b'a', b'a', b'=', value @ ..] => (0, value),
                [b'a', b'a', b'.', k @ b'1'..=b'9', b'=', value @ ..] => (usize::from(k - b'0'), value),
                _ => return None,
            };
            Some((k, value))
        }).collect();
        let found: Vec<_> = named(header.as_bytes(), &Finder::new("aa"), &mut false).map(|(k, rest)| {
            (k, rest.split(|byte| *byte == b';').next().unwrap())
        }).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn arbitrary_headers_never_panic(headers: Vec<Vec<u8>>, glue in "(; |__Host-session|=|\\.|[0-9]|h|[ \t]|é){0,60}") {
        let glue = glue.into_bytes();
        let headers: Vec<&[u8]> = headers.iter().chain([&glue]).map(Vec::as_slice).collect();
        let pairs = headers.iter().map(|header| header.split(|byte| *byte == b';').count());
        prop_assert!(read(&headers).len() <= pairs.sum::<usize>());
        prop_assert!(names(&headers).len() <= MAX_CHUNKS + 1);
    }
}

#[test]
fn what_does_not_fit_names_length_and_limit() {
    let refuse = |length, attributes, max_chunks, max_cookie_bytes| {
        cookies(
            &token(1, length),
            attributes,
            CookieLimits {
                max_chunks,
                max_cookie_bytes,
            },
        )
        .unwrap_err()
    };
    // 15 bytes of `NAME=`; each cookie holds 4096 - 96 = 4000.
    assert_eq!(
        refuse(3986, 96, 1, 7000),
        TooLarge {
            len: 3986 + 2 * 15 + 2 + 11,
            max: 4000
        }
    );
    assert_eq!(
        refuse(3985, 96, 1, 3999),
        TooLarge {
            len: 4000,
            max: 3999
        }
    );
    assert_eq!(
        refuse(7000, 96, 2, 7000),
        TooLarge {
            len: 7043,
            max: 7000
        }
    );
    assert_eq!(
        refuse(9000, 96, 2, 9000),
        TooLarge {
            len: 9000 + 3 * 15 + 2 + 2 * 11,
            max: 8000
        }
    );
    assert_eq!(
        refuse(40_000, 96, 99, 100_000),
        TooLarge {
            len: 40_000 + 11 * 15 + 2 + 10 * 11,
            max: 36_000
        }
    );
    assert_eq!(refuse(100, 96, 0, 7000), TooLarge { len: 115, max: 0 });
    // Attributes that leave exactly enough room for F, and attributes that leave too little.
    assert!(cookies(&token(1, 100), 4047, LIMITS).is_ok());
    assert_eq!(refuse(100, 4048, 9, 7000), TooLarge { len: 115, max: 48 });
    assert_eq!(refuse(100, 4048, 9, 20), TooLarge { len: 115, max: 20 });
    assert_eq!(refuse(100, 4060, 9, 7000), TooLarge { len: 115, max: 36 });
    assert_eq!(refuse(100, 9999, 9, 7000), TooLarge { len: 115, max: 15 });
    assert_eq!(
        refuse(7000, 96, 2, 7000),
        TooLarge {
            len: 7043,
            max: 7000
        }
    );
}

#[test]
fn a_token_that_grew_ignores_no_part_and_one_that_shrank_no_more() {
    let (small, large, larger) = (token(1, 100), token(2, 5000), token(3, 9000));
    // The browser replaces cookies of the same name. Parts that were not removed stay.
    let mut jar: BTreeMap<String, String> = BTreeMap::new();
    for token in [&small, &large, &larger, &large, &small, &larger, &small] {
        jar.extend(cut_up(token));
        let cookies: Vec<_> = jar.clone().into_iter().collect();
        assert_eq!(read_one(header(&cookies)), ok(&[token]));
    }
    let cookies: Vec<_> = jar.into_iter().collect();
    assert_eq!(
        names(&[header(&cookies).as_bytes()]),
        [NAME, "__Host-session.1", "__Host-session.2"]
    );
}

#[test]
fn parts_come_in_any_order_and_over_several_headers() {
    let token = token(1, 9000);
    let mut cookies = cut_up(&token);
    for _ in 0..cookies.len() {
        cookies.rotate_left(1);
        assert_eq!(read_one(header(&cookies)), ok(&[&token]));
        // HTTP/2 may send one header for each cookie.
        let headers: Vec<String> = cookies
            .iter()
            .map(|cookie| header(core::slice::from_ref(cookie)))
            .collect();
        assert_eq!(
            read(&headers.iter().map(String::as_bytes).collect::<Vec<_>>()),
            ok(&[&token])
        );
    }
}

#[test]
fn a_missing_or_foreign_part_makes_the_token_incomplete() {
    let (ours, theirs) = (cut_up(&token(1, 9000)), cut_up(&token(2, 9000)));
    for k in 1..3 {
        let mut cookies = ours.clone();
        cookies.remove(k);
        assert_eq!(read_one(header(&cookies)), [Err(Incomplete)], "{k}");
        cookies.push(theirs[k].clone());
        assert_eq!(read_one(header(&cookies)), [Err(Incomplete)], "{k}");
        cookies.push(ours[k].clone());
        assert_eq!(read_one(header(&cookies)), ok(&[&token(1, 9000)]), "{k}");
    }
    // A part with a byte outside ASCII counts as missing. So does a part without its dot, or with F
    // of another length.
    let f = &token(1, 40)[24..32];
    for part in [
        format!("{f}.é"),
        f.to_owned(),
        format!("{f}x.A"),
        format!("{}.A", &f[1..]),
        ".A".into(),
        "".into(),
    ] {
        let header = format!("{NAME}=2.{}; {NAME}.1={part}", token(1, 40));
        assert_eq!(read_one(header), [Err(Incomplete)], "{part}");
    }
    // An incomplete token does not hide the next.
    assert_eq!(
        read_one(format!("{NAME}=2.h; {NAME}=hA")),
        [Err(Incomplete), Ok("hA".into())]
    );
}

#[test]
fn of_duplicated_parts_the_first_of_the_same_token_counts() {
    let (token, other) = (token(1, 5000), token(2, 5000));
    let (ours, theirs) = (cut_up(&token), cut_up(&other));
    let late = (ours[1].0.clone(), format!("{}.{}", &token[24..32], "late"));
    let cookies = [
        theirs[1].clone(),
        ours[0].clone(),
        ours[1].clone(),
        late,
        theirs[0].clone(),
    ];
    assert_eq!(read_one(header(&cookies)), ok(&[&token, &other]));
    let early = (ours[1].0.clone(), format!("{}.{}", &token[24..32], "early"));
    let cookies = [ours[0].clone(), early, ours[1].clone()];
    assert_ne!(read_one(header(&cookies)), ok(&[&token]));
}

#[test]
fn counts_are_one_digit_from_two_to_nine() {
    let first = token(1, 40);
    let f = &first[24..32];
    let parts: String = (1..=9).map(|k| format!("; {NAME}.{k}={f}.{k}")).collect();
    for (count, read) in [
        ("0", format!("0.{first}")),
        ("1", format!("1.{first}")),
        ("2", format!("{first}1")),
        ("9", format!("{first}12345678")),
        ("10", format!("10.{first}")),
        ("255", format!("255.{first}")),
        ("-2", format!("-2.{first}")),
        ("02", format!("02.{first}")),
    ] {
        assert_eq!(
            read_one(format!("{NAME}={count}.{first}{parts}")),
            ok(&[&read]),
            "{count}"
        );
    }
    // F must be there to be compared.
    for short in ["", "h", &first[..31]] {
        assert_eq!(
            read_one(format!("{NAME}=2.{short}{parts}")),
            [Err(Incomplete)],
            "{short}"
        );
    }
    assert_eq!(
        read_one(format!("{NAME}=2.{}; {NAME}.1={f}.", &first[..32])),
        ok(&[&first[..32]])
    );
}

#[test]
fn candidates_end_at_64_kib() {
    let tokens = (1..=40).map(|seed| (NAME.to_owned(), token(seed, 5000)));
    let header = header(&tokens.collect::<Vec<_>>());
    assert_eq!(read_one(&header).len(), 13);
    // Exactly 64 KiB is accepted. One byte more is not, and nothing after it.
    let exactly = "h".repeat(65_536);
    assert_eq!(read_one(format!("{NAME}={exactly}")), ok(&[&exactly]));
    assert_eq!(
        read_one(format!("{NAME}=h; {NAME}={exactly}; {NAME}=hA")),
        ok(&["h"])
    );
    let header = format!("{NAME}=h; {NAME}={exactly}; {NAME}=hA");
    let mut budget = CandidateBudget::default();
    let name = Finder::new(NAME);
    let mut rest = candidates(header.as_bytes(), &name, &mut budget);
    assert_eq!(rest.by_ref().count(), 1);
    assert_eq!(rest.next(), None);
}

#[test]
fn parts_shared_by_many_candidates_are_put_together_within_64_kib() {
    // 8 parts of 4,000 characters, and as many first parts as fit into the header. Each would be a
    // token of 32 KB.
    let first = token(1, 32);
    let mut header: String = (1..9)
        .map(|k| format!("{NAME}.{k}={}.{}; ", &first[24..32], "x".repeat(4000)))
        .collect();
    for tail in 0..2000 {
        header += &format!("{NAME}=9.{first}{tail}; ");
    }
    let found = read_one(header);
    assert_eq!(found.len(), 2);
    assert!(found.iter().flatten().all(|token| token.len() == 32_033));
}

#[test]
fn candidates_end_after_16() {
    let pairs = |count| {
        (0..count)
            .map(|i| format!("{NAME}=h{i}; "))
            .collect::<String>()
    };
    assert_eq!(read_one(pairs(16)).len(), 16);
    assert_eq!(read_one(pairs(17)).len(), 16);
    // Copies do not count, whole or cut, and incomplete ones do.
    let token = token(1, 100);
    let cut = format!(
        "{NAME}=2.{}; {NAME}.1={}.{}; ",
        &token[..50],
        &token[24..32],
        &token[50..]
    );
    let copies = format!("{cut}{}", format!("{NAME}={token}; ").repeat(100));
    assert_eq!(read_one(format!("{copies}{}", pairs(15))).len(), 16);
    assert_eq!(read_one(format!("{copies}{}", pairs(16))).len(), 16);
    let incomplete = format!("{NAME}=3.{token}; ").repeat(16);
    assert_eq!(
        read_one(format!("{incomplete}{NAME}=hA")),
        vec![Err(Incomplete); 16]
    );
}

#[test]
fn hundreds_of_pairs_are_read() {
    let many: String = (0..980)
        .map(|i| format!("{NAME}.{}={i:08}.x; ", i % 9 + 1))
        .collect();
    let incomplete = format!("{NAME}=9.{}; ", token(1, 32)).repeat(15);
    let found = read_one(format!("{many}{incomplete}a; =; {NAME}=hA"));
    assert_eq!(found.len(), 16);
    assert_eq!(found.last(), Some(&Ok("hA".into())));
    assert_eq!(read_one("a=b;".repeat(999) + NAME + "=hA"), ok(&["hA"]));
    assert_eq!(read_one(";".repeat(65_536)), []);
    assert_eq!(read_one(" ".repeat(65_536)), []);
    assert_eq!(names(&[many.as_bytes()]).len(), 9);
}

/// A value has room for thousands of names, and each of them costs a search.
#[test]
fn a_value_full_of_the_name_is_searched_64_times_and_hides_no_session() {
    let header = format!("other={}; {NAME}=hA", NAME.repeat(100));
    let name = Finder::new(NAME);
    assert_eq!(mentions(header.as_bytes(), &name).count(), 64 + 1);
    assert_eq!(read_one(header), ok(&["hA"]));
}

#[test]
fn of_a_header_1000_pairs_are_looked_at() {
    for fill in [
        ";",
        "a=b; ",
        "é;",
        "x__Host-session=; ",
        "__Host-session;\t",
        "__Host-session.1=; ",
    ] {
        let header = |count| format!("{}{NAME}=hA; {NAME}=hB", fill.repeat(count));
        assert_eq!(read_one(header(998)), ok(&["hA", "hB"]), "{fill}");
        assert_eq!(read_one(header(999)), ok(&["hA"]), "{fill}");
        assert_eq!(read_one(header(1000)), ok(&[]), "{fill}");
        let names = names(&[header(1000).as_bytes()]);
        assert_eq!(names.is_empty(), !fill.contains(".1="), "{fill}");
    }
}

#[test]
fn received_names_stand_once_and_only_ours() {
    let header = "__Host-session.3=x; a=b; __Host-session=hA; __Host-session.3=y; __Host-session.9=; \
        __Host-session.10=x; __Host-session.0=x; __Host-session.x=x; __Host-session2=x; __Host-session=hB; \
        __Host-session.1x=x; __Host-session.2; \u{a0}__Host-session.4=x; __Host-session.5=é; __host-session.6=x";
    assert_eq!(
        names(&[header.as_bytes()]),
        [NAME, "__Host-session.3", "__Host-session.9"]
    );
    assert_eq!(
        names(&[b"a=b", b"__Host-session.1=x"]),
        ["__Host-session.1"]
    );
    assert!(names(&[]).is_empty());
}

#[test]
fn a_name_that_begins_another_sees_nothing_of_it() {
    let header = "session.1=ABCDEFGH.x; session-admin=hB; session=hA";
    let budget = &mut CandidateBudget::default();
    let found: Vec<_> = candidates(header.as_bytes(), &Finder::new("session"), budget).collect();
    assert_eq!(found, [Ok(Cow::Borrowed(&b"hA"[..]))]);
    let found: Vec<_> =
        candidates(header.as_bytes(), &Finder::new("session-admin"), budget).collect();
    assert_eq!(found, [Ok(Cow::Borrowed(&b"hB"[..]))]);
}

#[test]
fn names_that_share_a_budget_have_16_candidates_together() {
    let pairs = |name: &str, count: usize| {
        let pairs = (0..count).map(|n| format!("{name}=h{n}"));
        pairs.collect::<Vec<_>>().join("; ")
    };
    let header = format!("{}; {}", pairs("old", 15), pairs(NAME, 10));
    let mut budget = CandidateBudget::default();
    let mut found = |name| candidates(header.as_bytes(), &Finder::new(name), &mut budget).count();
    assert_eq!([found(NAME), found("old"), found("older")], [10, 6, 0]);
}

#[test]
fn a_name_whose_tokens_exceed_64_kib_leaves_nothing_to_the_next() {
    let header = format!("{NAME}={}; old=h", "h".repeat(64 * 1024 + 1));
    let mut budget = CandidateBudget::default();
    let mut found = |name| candidates(header.as_bytes(), &Finder::new(name), &mut budget).count();
    assert_eq!([found(NAME), found("old")], [0, 0]);
}

#[test]
fn a_name_within_another_name_or_a_value_is_not_ours() {
    for (header, expected) in [
        ("aaa=1; aa=2", vec!["2"]),
        ("x aa=1; aa=2", vec!["2"]),
        ("x=aa=1;\t aa=2 \t", vec!["2"]),
        ("aa aa=1;aa=2;;aa", vec!["2"]),
        ("aa=aa=1", vec!["aa=1"]),
        ("aa.1=1;aa=aa.1=3;aaaa=4;aa=", vec!["aa.1=3", ""]),
        ("aa", vec![]),
    ] {
        let found: Vec<_> = candidates(
            header.as_bytes(),
            &Finder::new("aa"),
            &mut CandidateBudget::default(),
        )
        .map(|token| String::from_utf8(token.unwrap().into_owned()).unwrap())
        .collect();
        assert_eq!(found, expected, "{header}");
    }
}
