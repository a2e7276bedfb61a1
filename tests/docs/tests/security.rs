//! SECURITY.md names the test that holds each promise: it must be there. It judges each dependency.

use super::root;
use std::fs;

const SECURITY: &str = include_str!("../../../SECURITY.md");

#[test]
fn every_promise_names_tests_that_exist() {
    let promises = SECURITY
        .split("## Promises")
        .nth(1)
        .and_then(|text| text.split("\n## ").next());
    let rows = promises
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1);
    let mut named = 0;
    for row in rows {
        let tests: Vec<&str> = row.split('`').filter(|text| text.contains(".rs")).collect();
        assert!(!tests.is_empty(), "no test: {row}");
        for test in tests {
            let (file, function) = test.split_once("::").unwrap_or((test, ""));
            let path = root().join(file);
            let source =
                fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
            // The cases of the frameworks are tests that a macro makes, one for each framework.
            let is_case = file.starts_with("tests/frameworks/cases/");
            let start = if is_case {
                format!("pub fn {function}(")
            } else {
                format!("fn {function}")
            };
            let is_named = |line: &str| {
                let line = line.trim_start();
                line.trim_start_matches("async ").starts_with(&start)
            };
            assert!(
                (is_case || source.contains("#[test]") || source.contains("#[actix_web::test]"))
                    && source.lines().any(is_named),
                "{test}"
            );
            named += 1;
        }
    }
    assert!(named >= 10, "{named}");
}

#[test]
fn every_dependency_is_judged() {
    const MANIFEST: &str = include_str!("../../../Cargo.toml");
    let judged = SECURITY.split("## Dependencies").nth(1).unwrap();
    let judged = judged.split("\n## ").next().unwrap();
    let crates: Vec<&str> = judged
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(" | ").next())
        .flat_map(|cell| cell.split(", "))
        .map(|name| name.trim_matches('`'))
        .collect();
    let mut section = "";
    let mut dependencies: Vec<&str> = Vec::new();
    for line in MANIFEST.lines() {
        match line.strip_prefix('[') {
            Some(title) => section = title.trim_end_matches(']'),
            None if section == "dependencies"
                || section.ends_with(".dependencies") && section.starts_with("target") =>
            {
                dependencies.extend(line.split_once(" = ").map(|(name, _)| name));
            }
            None => {}
        }
    }
    assert!(dependencies.len() > 20, "{dependencies:?}");
    for name in &dependencies {
        assert!(crates.contains(name), "{name} is not in the table");
    }
    for name in crates {
        assert!(dependencies.contains(&name), "{name} is in the table alone");
    }
}
