//! The page on layers: each row of its tables has a test of its name, and its code stands in those tests.

use super::root;
use std::fs;

const PAGE: &str = include_str!("../../../src/guide/layers.md");

/// The frameworks, as their headings and their tests are named.
const FRAMEWORKS: [(&str, &str); 3] = [
    ("Axum", "axum"),
    ("Actix Web", "actix"),
    ("Rocket", "rocket"),
];

/// The lines below a heading, up to the next one.
fn part(heading: &str) -> Vec<&'static str> {
    let lines = PAGE
        .lines()
        .skip_while(|line| *line != format!("# {heading}"));
    lines
        .skip(1)
        .take_while(|line| !line.starts_with("# "))
        .collect()
}

fn tests(framework: &str) -> String {
    let file = format!("tests/frameworks/idioms/layers/{framework}.rs");
    fs::read_to_string(root().join(file)).unwrap()
}

/// "Catch-panic (`CatchPanicLayer`)" as the name of a test.
fn name(cell: &str) -> String {
    let words = cell.split('(').next().unwrap().trim().to_lowercase();
    words.replace([' ', '-'], "_")
}

#[test]
fn each_row_has_its_test_and_each_test_its_row() {
    for (heading, framework) in FRAMEWORKS {
        let rows = part(heading)
            .into_iter()
            .filter(|line| line.starts_with("| "));
        // Without the head of the table.
        let rows = rows.skip(1).map(|row| name(row.split('|').nth(1).unwrap()));
        let source = tests(framework);
        let mut tests = vec![];
        let mut lines = source.lines().map(str::trim);
        while let Some(line) = lines.next() {
            if line.starts_with("#[") && line.ends_with("test]") {
                let line = lines.next().unwrap().trim_start_matches("async ");
                let (name, _) = line.trim_start_matches("fn ").split_once('(').unwrap();
                tests.push(name.to_owned());
            }
        }
        let (mut rows, mut tests) = (rows.collect::<Vec<_>>(), tests);
        rows.sort();
        tests.sort();
        assert_eq!(rows, tests, "{heading}");
    }
}

/// The order of the calls is text on the page: each of them is compiled, in a test.
#[test]
fn the_calls_are_those_of_the_tests() {
    let squeeze = |text: &str| text.split_whitespace().collect::<String>();
    for (heading, framework) in FRAMEWORKS {
        let source = squeeze(&tests(framework));
        let part = part(heading).join("\n");
        let code = part
            .split("```text")
            .nth(1)
            .and_then(|code| code.split("```").next());
        let lines = code
            .unwrap()
            .lines()
            .map(|line| line.split("//").next().unwrap());
        let code = squeeze(&lines.collect::<String>());
        assert!(source.contains(&code), "{heading}: {code}");
    }
}
