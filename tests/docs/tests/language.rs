//! Finds phrases that a reader has to read twice: clauses without a noun ("who copies it has it"), people
//! who are *he* or *she*, and turned negations ("that is no key"). It reads the whole repository.

use super::root;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Files, and directories with all their Markdown and Rust.
const PAGES: [&str; 13] = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.toml",
    "README.md",
    "SECURITY.md",
    "benches/Cargo.toml",
    "benches/README.md",
    "benches/peers/README.md",
    "cli",
    "examples",
    "fuzz",
    "src",
    "tests",
];

/// Good sentences with a forbidden word: the file, and the words from it on.
const EXCEPTIONS: [(&str, &str); 1] = [("src/codec/codec.rs", "is no padding, which 0")];

/// A clause with "who" describes one of these. Without one, "who" is the subject of nothing.
const PEOPLE: &[&str] = &[
    "anybody",
    "anyone",
    "attacker",
    "attackers",
    "developer",
    "developers",
    "everybody",
    "everyone",
    "nobody",
    "operator",
    "operators",
    "people",
    "person",
    "reader",
    "readers",
    "somebody",
    "someone",
    "they",
    "those",
    "user",
    "users",
    "visitor",
    "visitors",
];

struct Word<'a> {
    line: usize,
    /// In lower case, without the punctuation around it. Code keeps its quotes: `None` is not a word.
    plain: String,
    /// Whether punctuation separates it from the next word.
    ends: bool,
    written: &'a str,
}

/// The words of a text, in their order over the ends of lines, without the marks of comments.
fn words(text: &str) -> Vec<Word<'_>> {
    let lines = text.lines().enumerate();
    let words = lines.flat_map(|(number, line)| {
        let words = line.split_whitespace();
        words.map(move |written| (number + 1, written))
    });
    words
        .filter(|(_, written)| !["#", "//", "///", "//!", "-", ">"].contains(written))
        .map(|(line, written)| Word {
            line,
            plain: written
                .trim_matches(|c: char| !c.is_alphanumeric() && c != '`')
                .to_lowercase(),
            ends: !written.ends_with(char::is_alphanumeric),
            written,
        })
        .collect()
}

/// Whether the phrase that begins at `at` has to be read twice.
fn is_hard(words: &[Word], at: usize) -> bool {
    // Nothing between two words but a space.
    let next = |at: usize| match words.get(at) {
        Some(word) if !word.ends => words.get(at + 1).map_or("", |next| &next.plain),
        _ => "",
    };
    let before = at.checked_sub(1).map_or("", |at| &words[at].plain);
    let next = (next(at), next(at + 1));
    match words[at].plain.as_str() {
        "whoever" | "whom" | "he" | "she" | "him" | "his" | "her" | "hers" => true,
        "who" => !PEOPLE.contains(&before),
        "is" | "are" | "was" | "were" => match next.0 {
            "none" | "no" => before != "there",
            _ => false,
        },
        "of" => next.0 == "which",
        "it" => next == ("did", "before"),
        _ => false,
    }
}

/// The line and the words of each such phrase.
fn findings(text: &str) -> Vec<(usize, String)> {
    let words = words(text);
    let hard = (0..words.len()).filter(|at| is_hard(&words, *at));
    hard.map(|at| {
        let phrase: Vec<_> = words[at..]
            .iter()
            .take(6)
            .map(|word| word.written)
            .collect();
        (words[at].line, phrase.join(" "))
    })
    .collect()
}

/// Adds the file, or the Markdown and Rust of the directory.
fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            let read = path
                .extension()
                .is_some_and(|its| its == "md" || its == "rs");
            if path.is_dir() || read {
                collect(&path, files);
            }
        }
    } else {
        files.push(path.to_owned());
    }
}

#[test]
fn no_sentence_has_to_be_read_twice() {
    let root = root();
    let mut files = vec![];
    for page in PAGES {
        collect(&root.join(page), &mut files);
    }
    // This file names the phrases.
    files.retain(|file| !file.ends_with(file!()));
    files.sort();
    let mut found = vec![];
    for file in files {
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        for (line, phrase) in findings(&fs::read_to_string(&file).unwrap()) {
            let allowed = |(its, words): &(&str, &str)| *its == name && phrase.starts_with(words);
            if !EXCEPTIONS.iter().any(allowed) {
                found.push(format!("{name}:{line}: {phrase}"));
            }
        }
    }
    assert!(found.is_empty(), "hard to read:\n{}", found.join("\n"));
}

#[test]
fn a_hard_phrase_is_found_and_a_plain_one_is_not() {
    for (text, lines) in [
        ("a token is a bearer's: who copies it has it", &[1][..]),
        ("/// Anyone\n/// who copies a token can use it.", &[]),
        (
            "// For whoever runs it.\n// A thief writes what he likes.",
            &[1, 2],
        ),
        (
            "A test that cannot fail is none.\nThere is none, and there is no key.",
            &[1],
        ),
        ("It\n\nis no key", &[3]),
        ("The key is `None`.", &[]),
        ("four keys, two of\nwhich open. So it did before.", &[1, 2]),
        (
            "It is, no matter what. Other, the, this, usher, heroes",
            &[],
        ),
    ] {
        let found: Vec<_> = findings(text).iter().map(|(line, _)| *line).collect();
        assert_eq!(found, lines, "{text}");
    }
}
