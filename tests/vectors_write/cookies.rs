//! Cookie headers and cut tokens: which tokens a reader finds under a name.

use serde::Serialize;

use crate::session::{candidates, cut};
use crate::tokens::{bytes, case};

#[derive(Serialize)]
pub struct Vector {
    name: String,
    cookie: &'static str,
    /// The Cookie headers, with `\xNN` for a byte that is not printable ASCII and for the backslash.
    headers: Vec<String>,
    /// What is to be opened, in this order; null is a token of which a part is missing.
    tokens: Vec<Option<String>>,
    comment: &'static str,
}

pub const NAME: &str = "__Host-session";

pub fn escape(header: &[u8]) -> String {
    let byte = |byte: &u8| match byte {
        b' '..=b'~' if *byte != b'\\' => char::from(*byte).to_string(),
        byte => format!("\\x{byte:02x}"),
    };
    header.iter().map(byte).collect()
}

struct List(Vec<Vector>);

impl List {
    fn add(
        &mut self,
        name: &str,
        comment: &'static str,
        headers: &[&[u8]],
        tokens: &[Option<&str>],
    ) {
        let bytes: Vec<Vec<u8>> = headers.iter().map(|header| header.to_vec()).collect();
        let found = candidates(&bytes, NAME);
        assert_eq!(
            found.iter().map(Option::as_deref).collect::<Vec<_>>(),
            tokens,
            "{name}"
        );
        assert!(
            self.0.iter().all(|other| other.name != name),
            "two headers {name}"
        );
        self.0.push(Vector {
            name: name.into(),
            cookie: NAME,
            headers: headers.iter().map(|header| escape(header)).collect(),
            tokens: found,
            comment,
        });
    }

    fn text(&mut self, name: &str, comment: &'static str, header: &str, tokens: &[Option<&str>]) {
        self.add(name, comment, &[header.as_bytes()], tokens);
    }
}

pub fn headers() -> Vec<Vector> {
    let mut list = List(vec![]);
    plain(&mut list);
    white_space(&mut list);
    outside_ascii(&mut list);
    names(&mut list);
    duplicates(&mut list);
    list.0
}

fn plain(list: &mut List) {
    list.add("no header", "", &[], &[]);
    list.text("empty header", "", "", &[]);
    list.text("alone", "", "__Host-session=h1", &[Some("h1")]);
    list.text(
        "between others",
        "",
        "a=1; __Host-session=h1; b=2",
        &[Some("h1")],
    );
    list.text(
        "without a space",
        "",
        "a=1;__Host-session=h1;b=2",
        &[Some("h1")],
    );
    list.text("empty fields", "", ";; ;__Host-session=h1;;", &[Some("h1")]);
    list.text("empty value", "", "__Host-session=", &[Some("")]);
    list.text(
        "equals signs in the value",
        "the first divides",
        "__Host-session=h=1==",
        &[Some("h=1==")],
    );
    list.text(
        "quotation marks",
        "are part of the value",
        "__Host-session=\"h1\"",
        &[Some("\"h1\"")],
    );
    list.text(
        "percent sign",
        "nothing is decoded",
        "__Host-session=h%31",
        &[Some("h%31")],
    );
    list.text(
        "space in the value",
        "",
        "__Host-session=h 1",
        &[Some("h 1")],
    );
    list.text(
        "comma",
        "divides nothing",
        "__Host-session=h1, __Host-session=h2",
        &[Some("h1, __Host-session=h2")],
    );
    list.text("no equals sign", "has no name", "__Host-session; h1", &[]);
    list.text(
        "nothing before the equals sign",
        "",
        "=__Host-session; =h1",
        &[],
    );
    list.text("the name as a value", "", "a=__Host-session=h1", &[]);
    list.text(
        "control characters",
        "",
        "a=\u{1}\u{7f}; __Host-session=h1",
        &[Some("h1")],
    );
    let two: [&[u8]; 2] = [b"a=1; __Host-session=h1", b"__Host-session=h2; b=2"];
    list.add(
        "two header lines",
        "as HTTP/2 sends them",
        &two,
        &[Some("h1"), Some("h2")],
    );
    let split: [&[u8]; 2] = [b"__Host-session", b"=h1"];
    list.add("a pair across two lines", "is none", &split, &[]);
}

fn white_space(list: &mut List) {
    list.text(
        "spaces around",
        "",
        "a=1;   __Host-session=h1   ; b=2",
        &[Some("h1")],
    );
    list.text(
        "tabs around",
        "",
        "a=1;\t__Host-session=h1\t",
        &[Some("h1")],
    );
    list.text(
        "both around",
        "",
        " \t \t__Host-session=h1 \t ",
        &[Some("h1")],
    );
    list.text(
        "space before the equals sign",
        "another name",
        "__Host-session =h1",
        &[],
    );
    for (name, space) in [
        ("vertical tab", "\u{b}"),
        ("form feed", "\u{c}"),
        ("carriage return", "\r"),
        ("line feed", "\n"),
        ("zero", "\0"),
    ] {
        let before = format!("a=1; {space}__Host-session=h1");
        list.text(
            &format!("{name} before"),
            "is not trimmed: another name",
            &before,
            &[],
        );
        let after = format!("__Host-session=h1{space}");
        list.text(
            &format!("{name} after"),
            "is part of the value",
            &after,
            &[Some(&after[15..])],
        );
    }
    for space in [
        "\u{85}", "\u{a0}", "\u{1680}", "\u{2000}", "\u{2003}", "\u{2028}", "\u{202f}", "\u{205f}",
        "\u{3000}", "\u{feff}",
    ] {
        let code = u32::from(space.chars().next().unwrap());
        let before = format!("{space}__Host-session=evil; __Host-session=h1");
        list.text(
            &format!("U+{code:04X} before"),
            "set by a sibling domain without the prefix's guarantees",
            &before,
            &[Some("h1")],
        );
        let after = format!("__Host-session=evil{space}; __Host-session=h1");
        list.text(
            &format!("U+{code:04X} after"),
            "skipped by itself",
            &after,
            &[Some("h1")],
        );
    }
}

/// Its name, the header and the tokens found.
type OneHeader = (&'static str, &'static [u8], &'static [Option<&'static str>]);

fn outside_ascii(list: &mut List) {
    let cases: [OneHeader; 9] = [
        (
            "another's value in UTF-8",
            b"a=\xc3\xa9; __Host-session=h1; b=2",
            &[Some("h1")],
        ),
        (
            "another's value in Latin-1",
            b"a=\xe9; __Host-session=h1",
            &[Some("h1")],
        ),
        (
            "another's name in UTF-8",
            b"\xc3\xa9=1; __Host-session=h1",
            &[Some("h1")],
        ),
        (
            "another's, after it",
            b"__Host-session=h1; a=\xff\xfe",
            &[Some("h1")],
        ),
        (
            "its own value",
            b"__Host-session=h\xc3\xa9; __Host-session=h1",
            &[Some("h1")],
        ),
        ("its own value, no UTF-8", b"__Host-session=h\xff", &[]),
        (
            "Latin-1 no-break space before",
            b"\xa0__Host-session=evil; __Host-session=h1",
            &[Some("h1")],
        ),
        ("Latin-1 next line before", b"\x85__Host-session=evil", &[]),
        (
            "half a character before the semicolon",
            b"a=\xc3; __Host-session=h1",
            &[Some("h1")],
        ),
    ];
    for (name, header, tokens) in cases {
        list.add(
            &format!("outside ASCII: {name}"),
            "skipped by itself",
            &[header],
            tokens,
        );
    }
}

fn names(list: &mut List) {
    for other in [
        "__host-session",
        "__HOST-SESSION",
        "__Host-sessio",
        "__Host-sessions",
        "x__Host-session",
        "session",
        "__Host-session.0",
        "__Host-session.1",
        "__Host-session.",
        "$__Host-session",
        "__Host-session[]",
        "\"__Host-session\"",
    ] {
        let header = format!("{other}=evil; __Host-session=h1");
        list.text(
            &format!("{other} is another name"),
            "",
            &header,
            &[Some("h1")],
        );
    }
}

fn duplicates(list: &mut List) {
    list.text(
        "two of the name",
        "both are tried, in the order received",
        "__Host-session=h1; __Host-session=h2",
        &[Some("h1"), Some("h2")],
    );
    list.text(
        "two of the name, equal",
        "",
        "__Host-session=h1; __Host-session=h1",
        &[Some("h1"), Some("h1")],
    );
    list.text(
        "a bogus one first",
        "",
        "__Host-session=x; __Host-session=h1; __Host-session=",
        &[Some("x"), Some("h1"), Some("")],
    );
    let kib = "h".repeat(1024);
    let header = vec![format!("__Host-session={kib}"); 64].join("; ") + "; __Host-session=h1";
    list.text(
        "64 of 1 KiB and a short one",
        "64 KiB are reached",
        &header,
        &[Some(kib.as_str()); 64],
    );
    let header = vec![format!("a={kib}"); 70].join("; ") + "; __Host-session=h1";
    list.text(
        "70 KiB of other cookies",
        "do not count",
        &header,
        &[Some("h1")],
    );
}

pub fn chunks() -> Vec<Vector> {
    let mut list = List(vec![]);
    let long = |len: usize, seed: &str| case().with(|c| c.payload = bytes(len)).token(seed);
    let (token, other) = (long(300, "chunks"), long(300, "chunks, other"));
    let whole = Some(token.as_str());
    let three = cut(&token, NAME, &[150, 300]);
    let foreign = cut(&other, NAME, &[150, 300]);
    let mut add =
        |name: &str, comment: &'static str, pairs: &[&String], tokens: &[Option<&str>]| {
            let header = pairs
                .iter()
                .map(|pair| pair.as_str())
                .collect::<Vec<_>>()
                .join("; ");
            list.text(name, comment, &header, tokens);
        };
    let [a, b, c] = [&three[0], &three[1], &three[2]];
    let [x, y, z] = [&foreign[0], &foreign[1], &foreign[2]];

    for count in 2..=9 {
        let at: Vec<usize> = (1..count).map(|k| k * token.len() / count).collect();
        let pairs = cut(&token, NAME, &at);
        add(
            &format!("{count} parts"),
            "",
            &pairs.iter().collect::<Vec<_>>(),
            &[whole],
        );
        add(
            &format!("{count} parts, last first"),
            "",
            &pairs.iter().rev().collect::<Vec<_>>(),
            &[whole],
        );
        let without_last = pairs[..count - 1].iter().collect::<Vec<_>>();
        add(
            &format!("{count} parts, the last missing"),
            "incomplete, hence refused",
            &without_last,
            &[None],
        );
    }
    let short = cut(&token, NAME, &[32]);
    add(
        "first part as short as can be",
        "32 characters, F its last eight",
        &short.iter().collect::<Vec<_>>(),
        &[whole],
    );
    let uneven = cut(&token, NAME, &[32, 33, 34, 440]);
    add(
        "parts of one character",
        "",
        &uneven.iter().collect::<Vec<_>>(),
        &[whole],
    );
    let empty = cut(&token, NAME, &[200, 200]);
    add(
        "an empty part",
        "is a part",
        &empty.iter().collect::<Vec<_>>(),
        &[whole],
    );

    add("the middle missing", "", &[a, c], &[None]);
    add("only the first", "", &[a], &[None]);
    add("the first missing", "", &[b, c], &[]);
    add(
        "the last of another token",
        "F differs",
        &[a, b, z],
        &[None],
    );
    add(
        "the first of another token",
        "F differs",
        &[x, b, c],
        &[None],
    );
    add(
        "another token's parts before",
        "F tells them apart",
        &[y, z, a, b, c],
        &[whole],
    );
    add(
        "another token's parts between",
        "F tells them apart",
        &[a, y, b, z, c],
        &[whole],
    );
    add(
        "two cut tokens",
        "",
        &[a, b, c, x, y, z],
        &[whole, Some(&other)],
    );
    add(
        "two cut tokens, mixed",
        "",
        &[x, b, a, z, c, y],
        &[Some(&other), whole],
    );
    add(
        "two cut tokens, one incomplete",
        "",
        &[x, y, a, b, c],
        &[None, whole],
    );

    let stale = format!("{NAME}.3={}.stale", &token[24..32]);
    add(
        "a part beyond the count",
        "left over from a longer one: not looked at",
        &[a, b, c, &stale],
        &[whole],
    );
    let doubled = format!("{NAME}.1={}.evil", &token[24..32]);
    let evil = [&token[..150], "evil", &token[300..]].concat();
    add(
        "a part twice",
        "the first of those whose F matches",
        &[a, b, &doubled, c],
        &[whole],
    );
    add(
        "a part twice, the other first",
        "the first of those whose F matches: the tag will tell",
        &[a, &doubled, b, c],
        &[Some(&evil)],
    );
    let no_f = format!("{NAME}.1={}", &token[150..300]);
    add("a part without F", "", &[a, &no_f, c], &[None]);
    let no_dot = b.replacen(&format!("{}.", &token[24..32]), &token[24..32], 1);
    add("a part without the dot", "", &[a, &no_dot, c], &[None]);
    let f_only = format!("{NAME}.1={}", &token[24..32]);
    add("F and nothing else", "", &[a, &f_only, c], &[None]);
    let upper = b.replacen(&token[24..32], &token[24..32].to_ascii_uppercase(), 1);
    assert_ne!(upper, *b);
    add("F in upper case", "", &[a, &upper, c], &[None]);
    let renamed = [
        b.replacen(".1=", ".01=", 1),
        b.replacen(".1=", ".1 =", 1),
        b.replacen("__Host", "__host", 1),
    ];
    for (name, renamed) in ["01", "1 and a space", "the name in lower case"]
        .iter()
        .zip(&renamed)
    {
        add(
            &format!("part named {name}"),
            "not the exact name",
            &[a, renamed, c],
            &[None],
        );
    }
    let unicode = format!("\u{a0}{b}");
    add(
        "part behind a no-break space",
        "skipped",
        &[a, &unicode, b, c],
        &[whole],
    );

    for count in ["0", "1"] {
        let first = a.replacen("=3.", &format!("={count}."), 1);
        add(
            &format!("count {count}"),
            "no count: a value that no token has",
            &[&first, b, c],
            &[Some(&first[15..])],
        );
    }
    for count in ["10", "255", "03", "+3", "-3", "a", "", "3.3", "３"] {
        let first = a.replacen("=3.", &format!("={count}."), 1);
        let tokens = [Some(&first[15..])];
        match count {
            "3.3" => add("count 3.3", "no part has that F", &[&first, b, c], &[None]),
            "３" => add(
                "count in full-width digits",
                "skipped",
                &[&first, b, c],
                &[],
            ),
            _ => add(
                &format!("count {count:?}"),
                "not one digit of 2 to 9",
                &[&first, b, c],
                &tokens,
            ),
        }
    }
    let four = a.replacen("=3.", "=4.", 1);
    add("count one too great", "", &[&four, b, c], &[None]);
    let nine = a.replacen("=3.", "=9.", 1);
    add("count far too great", "", &[&nine, b, c], &[None]);
    let two = a.replacen("=3.", "=2.", 1);
    let shortened = token[..300].to_owned();
    add(
        "count one too small",
        "the tag will tell",
        &[&two, b, c],
        &[Some(&shortened)],
    );
    let comma = a.replacen("=3.", "=3,", 1);
    add(
        "count without the dot",
        "",
        &[&comma, b, c],
        &[Some(&comma[15..])],
    );
    let tiny = format!("{NAME}=2.{}", &token[..31]);
    let rest = format!("{NAME}.1={}.{}", &token[24..32], &token[31..]);
    add(
        "first part shorter than 32 characters",
        "has no F",
        &[&tiny, &rest],
        &[None],
    );
    let nothing = format!("{NAME}=2.");
    add("first part empty", "", &[&nothing, &rest], &[None]);
    let single = format!("{NAME}={token}");
    add(
        "a whole token and parts",
        "each is a candidate",
        &[&single, a, b, c],
        &[whole, whole],
    );
    add(
        "a whole token and left-over parts",
        "",
        &[&single, b, c],
        &[whole],
    );
    let lines: [&[u8]; 3] = [c.as_bytes(), a.as_bytes(), b.as_bytes()];
    list.add("parts in three header lines", "", &lines, &[whole]);
    list.0
}
