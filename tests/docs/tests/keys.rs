//! No document shows a key that would work: somebody would copy it.

use super::root;
use hardtack::Key;
use std::{
    fs,
    path::{Path, PathBuf},
};

#[test]
fn every_key_in_a_document_is_refused() {
    let mut found = vec![];
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        let shown = shown(&path, &text);
        let accepted = accepted_keys(&shown).into_iter();
        found.extend(accepted.map(|key| format!("{}: {key}", path.display())));
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// The format page shows three secrets, which are refused because the library knows them.
#[test]
fn the_secrets_of_the_format_page_are_seen() {
    let page = fs::read_to_string(root().join("src/guide/format.md")).unwrap();
    assert_eq!(key_shaped(&page).len(), 3);
}

/// Printed here, where no document is.
#[test]
fn a_key_that_would_work_is_found() {
    let random: [u8; 32] = std::array::from_fn(|i| (i * i * 3 + i) as u8 ^ 0x6e);
    let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let alphabet = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9');
    let base64: String = alphabet.take(42).map(char::from).chain(['A']).collect();
    let padded = format!("{base64}=");
    for key in [&hex, &base64, &padded] {
        for (before, after) in [
            ("", ""),
            ("export SESSION_KEYS=", "\n"),
            ("0x", "."),
            ("`", "`,"),
            ("\"base64:", ", hunter2\""),
            ("| key | ", " |"),
            ("KEY,", "@1763600000"),
        ] {
            let page = format!("Before\n{before}{key}{after}\nand after");
            assert_eq!(accepted_keys(&page), [key.as_str()], "{page}");
        }
        let source = format!("/// {key}\nlet key = \"{hex}\";\n");
        let shown = shown(Path::new("src/lib.rs"), &source);
        assert_eq!(accepted_keys(&shown), [key.as_str()]);
    }
    for other in [
        format!("{hex}00"),
        format!("{base64}AA"),
        format!("{padded}="),
        "the_name_of_a_test_that_has_43_characters_".to_owned(),
    ] {
        assert_eq!(accepted_keys(&other), [""; 0], "{other}");
    }
}

/// All documents and examples, and the sources, whose comments are pages too.
fn documents() -> Vec<PathBuf> {
    let mut found = vec![];
    let mut paths = vec![root()];
    while let Some(path) = paths.pop() {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "node_modules"].contains(&name) {
                paths.extend(
                    fs::read_dir(path)
                        .unwrap()
                        .map(|entry| entry.unwrap().path()),
                );
            }
        } else if name.ends_with(".md") || (name.ends_with(".rs") && is_shown(&path)) {
            found.push(path);
        }
    }
    assert!(found.len() > 50, "{found:?}");
    found
}

fn is_shown(path: &Path) -> bool {
    let path = path.strip_prefix(root()).unwrap();
    path.starts_with("src") || path.starts_with("examples")
}

/// What a document says. In the library's source these are its comments.
fn shown(path: &Path, text: &str) -> String {
    let is_comment = |line: &str| ["///", "//!"].iter().any(|mark| line.starts_with(mark));
    let in_library = path.strip_prefix(root()).unwrap_or(path).starts_with("src");
    if in_library && path.extension().is_some_and(|its| its == "rs") {
        let comments = text.lines().map(str::trim).filter(|line| is_comment(line));
        comments.collect::<Vec<_>>().join("\n")
    } else {
        text.to_owned()
    }
}

fn accepted_keys(text: &str) -> Vec<&str> {
    let mut keys = key_shaped(text);
    keys.retain(|key| key.parse::<Key>().is_ok());
    keys
}

/// Everything that has the length and the characters of a key: 64 of hex, 43 or 44 of base64.
fn key_shaped(text: &str) -> Vec<&str> {
    let is_digit =
        |character: char| character.is_ascii_alphanumeric() || "+/-_=".contains(character);
    let words = text.split(|character| !is_digit(character));
    // `NAME=KEY`: an equals sign is part of a key only at its end.
    let words = words.flat_map(|word| match word.trim_end_matches('=').rfind('=') {
        Some(at) => vec![&word[..at], &word[at + 1..]],
        None => vec![word],
    });
    let words = words.map(|word| word.strip_prefix("0x").unwrap_or(word));
    words
        .filter(|word| match word.len() {
            64 => word.bytes().all(|byte| byte.is_ascii_hexdigit()),
            len => matches!(len, 43 | 44),
        })
        .collect()
}
