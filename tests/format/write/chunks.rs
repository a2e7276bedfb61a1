//! Tokens that are cut into several cookies: what a reader puts together.

use crate::cookies::{List, NAME, Vector};
use crate::session;
use crate::tokens::{bytes, case};

/// Two tokens, and the cookies that each is cut into.
struct Cut {
    token: String,
    other: String,
    three: Vec<String>,
    foreign: Vec<String>,
}

impl List {
    fn pairs(
        &mut self,
        name: &str,
        comment: &'static str,
        pairs: &[&String],
        tokens: &[Option<&str>],
    ) {
        let header = pairs
            .iter()
            .map(|pair| pair.as_str())
            .collect::<Vec<_>>()
            .join("; ");
        self.text(name, comment, &header, tokens);
    }
}

pub fn chunks() -> Vec<Vector> {
    let long = |seed: &str| case().with(|c| c.payload = bytes(300)).token(seed);
    let (token, other) = (long("chunks"), long("chunks, other"));
    let [three, foreign] = [&token, &other].map(|token| session::cut(token, NAME, &[150, 300]));
    let cut = Cut {
        token,
        other,
        three,
        foreign,
    };
    let mut list = List::default();
    joined(&mut list, &cut);
    mixed(&mut list, &cut);
    parts(&mut list, &cut);
    counts(&mut list, &cut);
    first_parts(&mut list, &cut);
    list.0
}

fn joined(list: &mut List, cut: &Cut) {
    let Cut { token, .. } = cut;
    let whole = Some(token.as_str());
    for count in 2..=9 {
        let at: Vec<usize> = (1..count).map(|k| k * token.len() / count).collect();
        let pairs = session::cut(token, NAME, &at);
        list.pairs(
            &format!("{count} parts"),
            "",
            &pairs.iter().collect::<Vec<_>>(),
            &[whole],
        );
        list.pairs(
            &format!("{count} parts, last first"),
            "",
            &pairs.iter().rev().collect::<Vec<_>>(),
            &[whole],
        );
        let without_last = pairs[..count - 1].iter().collect::<Vec<_>>();
        list.pairs(
            &format!("{count} parts, the last missing"),
            "incomplete, hence refused",
            &without_last,
            &[None],
        );
    }
    let short = session::cut(token, NAME, &[32]);
    list.pairs(
        "first part as short as can be",
        "32 characters, F its last eight",
        &short.iter().collect::<Vec<_>>(),
        &[whole],
    );
    let uneven = session::cut(token, NAME, &[32, 33, 34, 440]);
    list.pairs(
        "parts of one character",
        "",
        &uneven.iter().collect::<Vec<_>>(),
        &[whole],
    );
    let empty = session::cut(token, NAME, &[200, 200]);
    list.pairs(
        "an empty part",
        "is a part",
        &empty.iter().collect::<Vec<_>>(),
        &[whole],
    );
}

fn mixed(list: &mut List, cut: &Cut) {
    let Cut {
        token,
        other,
        three,
        foreign,
        ..
    } = cut;
    let [a, b, c] = [&three[0], &three[1], &three[2]];
    let [x, y, z] = [&foreign[0], &foreign[1], &foreign[2]];
    let whole = Some(token.as_str());
    list.pairs("the middle missing", "", &[a, c], &[None]);
    list.pairs("only the first", "", &[a], &[None]);
    list.pairs("the first missing", "", &[b, c], &[]);
    list.pairs(
        "the last of another token",
        "F differs",
        &[a, b, z],
        &[None],
    );
    list.pairs(
        "the first of another token",
        "F differs",
        &[x, b, c],
        &[None],
    );
    list.pairs(
        "another token's parts before",
        "F tells them apart",
        &[y, z, a, b, c],
        &[whole],
    );
    list.pairs(
        "another token's parts between",
        "F tells them apart",
        &[a, y, b, z, c],
        &[whole],
    );
    list.pairs(
        "two cut tokens",
        "",
        &[a, b, c, x, y, z],
        &[whole, Some(other)],
    );
    list.pairs(
        "two cut tokens, mixed",
        "",
        &[x, b, a, z, c, y],
        &[Some(other), whole],
    );
    list.pairs(
        "two cut tokens, one incomplete",
        "",
        &[x, y, a, b, c],
        &[None, whole],
    );
}

fn parts(list: &mut List, cut: &Cut) {
    let Cut { token, three, .. } = cut;
    let [a, b, c] = [&three[0], &three[1], &three[2]];
    let whole = Some(token.as_str());
    let stale = format!("{NAME}.3={}.stale", &token[24..32]);
    list.pairs(
        "a part beyond the count",
        "left over from a longer one: not looked at",
        &[a, b, c, &stale],
        &[whole],
    );
    let doubled = format!("{NAME}.1={}.evil", &token[24..32]);
    let evil = [&token[..150], "evil", &token[300..]].concat();
    list.pairs(
        "a part twice",
        "the first of those whose F matches",
        &[a, b, &doubled, c],
        &[whole],
    );
    list.pairs(
        "a part twice, the other first",
        "the first of those whose F matches: the tag will tell",
        &[a, &doubled, b, c],
        &[Some(&evil)],
    );
    let no_f = format!("{NAME}.1={}", &token[150..300]);
    list.pairs("a part without F", "", &[a, &no_f, c], &[None]);
    let no_dot = b.replacen(&format!("{}.", &token[24..32]), &token[24..32], 1);
    list.pairs("a part without the dot", "", &[a, &no_dot, c], &[None]);
    let f_only = format!("{NAME}.1={}", &token[24..32]);
    list.pairs("F and nothing else", "", &[a, &f_only, c], &[None]);
    let upper = b.replacen(&token[24..32], &token[24..32].to_ascii_uppercase(), 1);
    assert_ne!(upper, *b);
    list.pairs("F in upper case", "", &[a, &upper, c], &[None]);
    let renamed = [
        b.replacen(".1=", ".01=", 1),
        b.replacen(".1=", ".1 =", 1),
        b.replacen("__Host", "__host", 1),
    ];
    for (name, renamed) in ["01", "1 and a space", "the name in lower case"]
        .iter()
        .zip(&renamed)
    {
        list.pairs(
            &format!("part named {name}"),
            "not the exact name",
            &[a, renamed, c],
            &[None],
        );
    }
    let unicode = format!("\u{a0}{b}");
    list.pairs(
        "part behind a no-break space",
        "skipped",
        &[a, &unicode, b, c],
        &[whole],
    );
}

fn counts(list: &mut List, cut: &Cut) {
    let Cut { token, three, .. } = cut;
    let [a, b, c] = [&three[0], &three[1], &three[2]];
    for count in ["0", "1"] {
        let first = a.replacen("=3.", &format!("={count}."), 1);
        list.pairs(
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
            "3.3" => list.pairs("count 3.3", "no part has that F", &[&first, b, c], &[None]),
            "３" => list.pairs(
                "count in full-width digits",
                "skipped",
                &[&first, b, c],
                &[],
            ),
            _ => list.pairs(
                &format!("count {count:?}"),
                "not one digit of 2 to 9",
                &[&first, b, c],
                &tokens,
            ),
        }
    }
    let four = a.replacen("=3.", "=4.", 1);
    list.pairs("count one too great", "", &[&four, b, c], &[None]);
    let nine = a.replacen("=3.", "=9.", 1);
    list.pairs("count far too great", "", &[&nine, b, c], &[None]);
    let two = a.replacen("=3.", "=2.", 1);
    let shortened = token[..300].to_owned();
    list.pairs(
        "count one too small",
        "the tag will tell",
        &[&two, b, c],
        &[Some(&shortened)],
    );
    let comma = a.replacen("=3.", "=3,", 1);
    list.pairs(
        "count without the dot",
        "",
        &[&comma, b, c],
        &[Some(&comma[15..])],
    );
}

fn first_parts(list: &mut List, cut: &Cut) {
    let Cut { token, three, .. } = cut;
    let [a, b, c] = [&three[0], &three[1], &three[2]];
    let whole = Some(token.as_str());
    let tiny = format!("{NAME}=2.{}", &token[..31]);
    let rest = format!("{NAME}.1={}.{}", &token[24..32], &token[31..]);
    list.pairs(
        "first part shorter than 32 characters",
        "has no F",
        &[&tiny, &rest],
        &[None],
    );
    let nothing = format!("{NAME}=2.");
    list.pairs("first part empty", "", &[&nothing, &rest], &[None]);
    let single = format!("{NAME}={token}");
    list.pairs(
        "a whole token and parts",
        "each is a candidate",
        &[&single, a, b, c],
        &[whole, whole],
    );
    list.pairs(
        "a whole token and left-over parts",
        "",
        &[&single, b, c],
        &[whole],
    );
    let lines: [&[u8]; 3] = [c.as_bytes(), a.as_bytes(), b.as_bytes()];
    list.add("parts in three header lines", "", &lines, &[whole]);
}
