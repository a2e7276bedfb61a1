//! What the README says that no compiler checks.

const README: &str = include_str!("../README.md");
const MANIFEST: &str = include_str!("../Cargo.toml");

#[test]
fn the_readme_names_the_rust_version_of_the_manifest() {
    let line = |name: &str| MANIFEST.lines().find_map(|line| line.strip_prefix(name));
    let version = line("rust-version = \"").unwrap().trim_end_matches('"');
    let named: Vec<_> = README.split("Rust 1.").skip(1).map(minor).collect();
    assert_eq!(named, [minor(version.strip_prefix("1.").unwrap())]);
}

fn minor(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit());
    &text[..end.unwrap_or(text.len())]
}

#[test]
fn its_example_has_twelve_lines() {
    let example = README.split("```rust\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    assert_eq!(example.lines().count(), 12, "{example}");
}
