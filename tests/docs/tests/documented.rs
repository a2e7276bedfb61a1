//! Every public type, trait and free function has an example, or a link to the item that shows it. That
//! each item is documented at all, the compiler sees to.

use super::root;
use std::fs;

#[test]
fn every_public_item_is_shown() {
    let mut without = vec![];
    let mut paths = vec![root().join("src")];
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
/// let answer = answer();
/// ```
#[must_use]
pub fn answer() {}

/// Is shown with [`answer`].
pub struct Linked;

/// Much is said of it, and nothing shown.
#[must_use]
pub const fn question() {}

pub struct Undocumented;

pub(crate) fn ours() {}

impl Linked {
    /// Methods are shown where that teaches.
    pub fn method() {}
}
";
    let found = ["pub const fn question() {}", "pub struct Undocumented;"];
    assert_eq!(without_example(source), found);
}

/// The public items of a source file whose documentation has neither a block of code nor a link. A
/// module in a file of its own has them there.
fn without_example(source: &str) -> Vec<&str> {
    let mut without = vec![];
    let mut shown = false;
    for line in source.lines() {
        if line.starts_with("///") {
            shown |= line.contains("```") || line.contains("[`");
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
    let kinds = ["fn ", "struct ", "enum ", "trait ", "type ", "mod "];
    kinds.iter().any(|kind| item.starts_with(kind))
        && !(item.starts_with("mod ") && item.ends_with(';'))
}
