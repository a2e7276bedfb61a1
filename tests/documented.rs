//! Every public type, module and constructor has an example. The compiler checks that every public
//! item has documentation.

use std::{fs, path::Path};

#[test]
fn every_public_type_and_constructor_has_an_example() {
    let mut without = vec![];
    let mut paths = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            let items = without_example(&source).into_iter();
            without.extend(items.map(|item| format!("{}: {item}", path.display())));
        }
    }
    assert!(without.is_empty(), "{without:#?}");
}

#[test]
fn an_item_without_an_example_is_found() {
    let source = "
        /// ```
        /// let answer = Answer::new();
        /// ```
        #[must_use]
        pub fn new() {}

        /// It has text and no example.
        #[must_use]
        pub const fn new() {}

        /// A method needs no example.
        pub fn len() {}

        pub struct Undocumented;

        pub(crate) fn ours() {}
    ";
    let found = ["pub const fn new() {}", "pub struct Undocumented;"];
    assert_eq!(without_example(source), found);
}

/// Returns the public types, modules and constructors of a source file that have no block of code in
/// their documentation. A module in a file of its own has it there.
fn without_example(source: &str) -> Vec<&str> {
    let mut without = vec![];
    let mut shown = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("///") {
            shown |= line.contains("```");
        } else if line.starts_with("#[") {
            shown |= line.contains("doc = ");
        } else {
            if !shown && is_public_item(line) {
                without.push(line);
            }
            shown = false;
        }
    }
    without
}

fn is_public_item(line: &str) -> bool {
    let Some(item) = line.strip_prefix("pub ") else {
        return false;
    };
    let item = item
        .trim_start_matches("const ")
        .trim_start_matches("async ");
    let kinds = ["fn new(", "struct ", "enum ", "trait ", "type ", "mod "];
    kinds.iter().any(|kind| item.starts_with(kind))
        && !(item.starts_with("mod ") && item.ends_with(';'))
}
