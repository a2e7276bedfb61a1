//! Cookie headers: which tokens a reader finds under a name.

use serde::Serialize;

use crate::session::candidates;

#[derive(Serialize)]
pub struct Vector {
    name: String,
    cookie: &'static str,
    /// The Cookie headers, with `\xNN` for a byte that is not printable ASCII and for the backslash.
    headers: Vec<String>,
    /// What is to be opened, in this order; null is a token with a missing part.
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

#[derive(Default)]
pub struct List(pub Vec<Vector>);

impl List {
    pub fn add(
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

    pub fn text(
        &mut self,
        name: &str,
        comment: &'static str,
        header: &str,
        tokens: &[Option<&str>],
    ) {
        self.add(name, comment, &[header.as_bytes()], tokens);
    }
}

pub fn headers() -> Vec<Vector> {
    let mut list = List::default();
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
    list.add("a pair across two lines", "is not a pair", &split, &[]);
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
        "count once",
        "__Host-session=h1; __Host-session=h1",
        &[Some("h1")],
    );
    list.text(
        "three of the name, the last as the first",
        "counts once, where it came first",
        "__Host-session=h1; __Host-session=h2; __Host-session=h1",
        &[Some("h1"), Some("h2")],
    );
    list.text(
        "two of the name, different in case",
        "",
        "__Host-session=h1; __Host-session=H1",
        &[Some("h1"), Some("H1")],
    );
    list.text(
        "a bogus one first",
        "",
        "__Host-session=x; __Host-session=h1; __Host-session=",
        &[Some("x"), Some("h1"), Some("")],
    );
    let numbered: Vec<String> = (1..=17).map(|n| format!("h{n}")).collect();
    let sixteen: Vec<Option<&str>> = numbered[..16].iter().map(|t| Some(t.as_str())).collect();
    let header = |tokens: &[String]| {
        let pairs = tokens.iter().map(|token| format!("{NAME}={token}"));
        pairs.collect::<Vec<_>>().join("; ")
    };
    list.text("16 of the name", "", &header(&numbered[..16]), &sixteen);
    let comment = "at most 16 are tried";
    list.text("17 of the name", comment, &header(&numbered), &sixteen);
    let twice = [&numbered[..15], &numbered[..15], &numbered[15..]].concat();
    let name = "15 of the name, the same again, and two more";
    let comment = "a repeated one counts towards no limit";
    list.text(name, comment, &header(&twice), &sixteen);
    let [half, more, longer] = [32, 33, 64].map(|kib| "h".repeat(kib * 1024));
    let other = half.replace('h', "a");
    let two = [half.clone(), other.clone(), "h1".into()];
    list.text(
        "two of 32 KiB and a short one",
        "64 KiB are reached",
        &header(&two),
        &[Some(&half), Some(&other)],
    );
    let name = "one of 64 KiB and a character";
    let comment = "is longer than all may be together";
    list.text(name, comment, &header(&[longer + "h"]), &[]);
    let again = [more.clone(), more.clone(), "h1".into()];
    list.text(
        "one of 33 KiB, the same again, and a short one",
        "a repeated one counts towards no limit",
        &header(&again),
        &[Some(&more), Some("h1")],
    );
    let crowd = ";x= ;\u{e9};__Host-session.1=".repeat(333).split_off(1);
    list.text(
        "999 other pairs and five of the name",
        "the first 1,000 pairs count",
        &format!("{}; {}", crowd, header(&numbered[..5])),
        &[Some("h1")],
    );
    let kib = "h".repeat(1024);
    let header = vec![format!("a={kib}"); 70].join("; ") + "; __Host-session=h1";
    list.text(
        "70 KiB of other cookies",
        "do not count",
        &header,
        &[Some("h1")],
    );
}
