//! The rooms of the session: which of them may know which, held by their `use` lines. How long a file is, and
//! how many of them a request passes.

use super::root;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The most files from the Cookie header to Set-Cookie.
const LONGEST_WAY: usize = 14;

/// The most lines of a file, without its documentation.
const LONGEST_FILE: usize = 500;

/// What a room of `src/session` may import of the others. A room that is not named may import any room
/// that does not lead back to it.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("record", &[]),
    ("cookie", &[]),
    ("head", &[]),
    ("endings", &["record"]),
    ("device", &["cookie", "events", "head", "record"]),
    (
        "lifecycle",
        &["data", "endings", "error", "events", "record"],
    ),
];

/// The rooms that an adapter may import, besides the types of `mod.rs` that belong to them.
const ADAPTERS_MAY_KNOW: &[&str] = &[
    "Commit",
    "EndpointFuture",
    "Exchange",
    "HeaderEdit",
    "HeaderEdits",
    "MissingLayer",
    "Plan",
    "RequestHead",
    "SameOrigin",
    "SameOriginError",
    "Session",
    "SessionData",
    "SessionError",
    "SessionFuture",
    "SessionManager",
    "SessionMap",
    "log",
];

#[test]
fn a_room_knows_only_the_rooms_below_it() {
    let rooms = rooms();
    for (room, allowed) in MAY_KNOW {
        let allowed: BTreeSet<String> = allowed.iter().map(ToString::to_string).collect();
        let known = &rooms[*room];
        assert!(known.is_subset(&allowed), "{room} knows {known:?}");
    }
    assert_eq!(circle(&rooms), None);
}

#[test]
fn no_file_leads_back_to_itself() {
    assert_eq!(circle(&files()), None);
}

#[test]
fn an_adapter_drives_an_exchange_and_decides_nothing() {
    for name in ["axum", "actix", "rocket"] {
        let source = source(&src().join(format!("adapters/{name}.rs")));
        let mut known = imports(&source);
        known.retain(|path| path.starts_with("crate::session::"));
        assert!(!known.is_empty(), "{name} imports nothing");
        for path in known {
            let item = path.trim_start_matches("crate::session::");
            assert!(ADAPTERS_MAY_KNOW.contains(&item), "{name} knows {item}");
        }
    }
}

#[test]
fn a_request_passes_few_files() {
    let way = way(&fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap());
    assert!(way.first().is_some_and(|file| file == "adapters/axum.rs"));
    for file in &way {
        assert!(src().join(file).is_file(), "{file} is not there");
    }
    let different: BTreeSet<&String> = way.iter().collect();
    assert_eq!(different.len(), way.len(), "{way:?}");
    assert!(way.len() <= LONGEST_WAY, "{} files: {way:?}", way.len());
}

#[test]
fn no_file_is_too_long_to_be_read() {
    let mut seen = 0;
    for (name, path) in sources(&src()) {
        let lines = lines_without_docs(&fs::read_to_string(path).unwrap());
        assert!(lines <= LONGEST_FILE, "{name} has {lines} lines");
        seen += 1;
    }
    assert!(seen > 0);
}

/// Bytes asked for elsewhere are those that a copy of the machine draws too. Only a new key may be the same in both.
#[test]
fn one_file_asks_the_system_for_random_bytes() {
    let mut asking: Vec<String> = sources(&src())
        .into_iter()
        .filter(|(_, path)| {
            let source = fs::read_to_string(path).unwrap();
            code(&source).any(|line| line.contains("SysRng") || line.contains("getrandom::"))
        })
        .map(|(name, _)| name)
        .collect();
    asking.sort();
    assert_eq!(asking, ["keys/key.rs", "system_random.rs"]);
}

#[test]
fn a_long_way_and_a_long_file_are_found() {
    let text = "## Reading order of one request\n\n1. `a.rs`: begins.\n2. `b/c.rs`, with `b/d.rs`: ends.\n\n`e.rs` may.\n\n## Rules\n\n1. `f.rs`";
    assert_eq!(way(text), ["a.rs", "b/c.rs", "b/d.rs"]);
    let source = "//! Of a.\n\n/// Of b.\n    /// More.\nfn b() {}\n// Why.\n#[cfg(test)]\nmod tests {\nfn c() {}\n}\n";
    assert_eq!(lines_without_docs(source), 3);
}

#[test]
fn a_wrong_import_is_found() {
    let source = "use crate::{Codec, session::{cookie::{self, Names}, error::Why as Other}};\nuse super::x::Y;";
    let expected = [
        "crate::Codec",
        "crate::session::cookie",
        "crate::session::cookie::Names",
        "crate::session::error::Why",
        "super::x::Y",
    ];
    assert_eq!(imports(source), expected);
    let graph = |arrows: &[(&str, &str)]| -> Graph {
        let mut graph = Graph::new();
        for (from, to) in arrows {
            graph
                .entry((*from).into())
                .or_default()
                .insert((*to).into());
        }
        graph
    };
    assert_eq!(circle(&graph(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    assert!(circle(&graph(&[("a", "b"), ("b", "c"), ("c", "a")])).is_some());
}

type Graph = BTreeMap<String, BTreeSet<String>>;

/// The rooms of `src/session`, each with those that it imports.
fn rooms() -> Graph {
    let mut rooms = Graph::new();
    for (file, known) in files() {
        let room = |file: &str| {
            file.split('/')
                .next()
                .unwrap_or(file)
                .trim_end_matches(".rs")
                .to_owned()
        };
        let from = room(&file);
        let known = known
            .iter()
            .map(|file| room(file))
            .filter(|to| *to != from)
            .collect::<Vec<_>>();
        rooms.entry(from).or_default().extend(known);
    }
    rooms
}

/// The files that a document lists as the way of a request.
fn way(document: &str) -> Vec<String> {
    let title = "## Reading order of one request";
    let (_, section) = document.split_once(title).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let steps = section.lines().filter(|line| {
        let number = line
            .split_once(". ")
            .map(|(number, _)| number.parse::<u8>());
        matches!(number, Some(Ok(_)))
    });
    let code = steps.flat_map(|step| step.split('`').skip(1).step_by(2));
    code.filter(|code| code.ends_with(".rs"))
        .map(String::from)
        .collect()
}

/// The lines of a file that are neither documentation nor tests.
fn lines_without_docs(source: &str) -> usize {
    code(source).count()
}

fn code(source: &str) -> impl Iterator<Item = &str> {
    let is_doc = |line: &str| ["///", "//!"].iter().any(|doc| line.starts_with(doc));
    let code = without_tests(source).lines();
    code.filter(move |line| !is_doc(line.trim_start()))
}

/// The files below a directory, without tests: their names there, and their paths.
fn sources(root: &Path) -> Vec<(String, PathBuf)> {
    let mut paths = vec![root.to_owned()];
    let mut found = vec![];
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(path).unwrap();
            paths.extend(entries.map(|entry| entry.unwrap().path()));
            continue;
        }
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        let is_test =
            name.ends_with("tests.rs") || name.ends_with("vectors.rs") || name.contains("/tests/");
        if name.ends_with(".rs") && !is_test {
            found.push((name.to_owned(), path.clone()));
        }
    }
    found
}

/// The files of `src/session`, without its `mod.rs` and the tests, each with those that it imports. A
/// path ends at the file that it names: `crate::session::record::Flash` is `record/mod.rs`.
fn files() -> Graph {
    let root = src().join("session");
    let found = sources(&root).into_iter().map(|(name, _)| name);
    let found: Vec<String> = found.filter(|name| name != "mod.rs").collect();
    let module = |file: &str| -> Vec<String> {
        let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
        path.split('/').map(String::from).collect()
    };
    let by_module: BTreeMap<Vec<String>, String> = found
        .iter()
        .map(|file| (module(file), file.clone()))
        .collect();
    let mut graph = Graph::new();
    for file in &found {
        let own = module(file);
        let known = graph.entry(file.clone()).or_default();
        for path in imports(&source(&root.join(file))) {
            let mut at: Vec<String> = match path.strip_prefix("crate::session::") {
                Some(path) => path.split("::").map(String::from).collect(),
                None => match path.strip_prefix("super::") {
                    Some(path) => {
                        let parent = own[..own.len() - 1].iter().cloned();
                        parent.chain(path.split("::").map(String::from)).collect()
                    }
                    None => continue,
                },
            };
            // The longest part of the path that is a file.
            while !at.is_empty() && !by_module.contains_key(&at) {
                at.pop();
            }
            if let Some(to) = by_module.get(&at).filter(|to| *to != file) {
                known.insert(to.clone());
            }
        }
    }
    graph
}

/// A way from a node back to itself.
fn circle(graph: &Graph) -> Option<Vec<String>> {
    fn walk(graph: &Graph, node: &str, way: &mut Vec<String>, done: &mut BTreeSet<String>) -> bool {
        if way.iter().any(|passed| passed == node) {
            way.push(node.to_owned());
            return true;
        }
        if !done.insert(node.to_owned()) {
            return false;
        }
        way.push(node.to_owned());
        let next = graph.get(node).into_iter().flatten();
        for next in next {
            if (way.contains(next) || !done.contains(next)) && walk(graph, next, way, done) {
                return true;
            }
        }
        way.pop();
        false
    }
    let mut done = BTreeSet::new();
    graph.keys().find_map(|node| {
        let mut way = vec![];
        walk(graph, node, &mut way, &mut done).then_some(way)
    })
}

/// The whole paths of all `use` lines, their braces taken apart.
fn imports(source: &str) -> Vec<String> {
    let mut paths = vec![];
    for item in source.split("use ").skip(1) {
        let (tree, _) = item.split_once(';').unwrap_or((item, ""));
        if tree.starts_with("crate") || tree.starts_with("super") {
            let tree: String = tree.split_whitespace().collect::<Vec<_>>().join(" ");
            expand("", &tree, &mut paths);
        }
    }
    paths
}

fn expand(before: &str, tree: &str, paths: &mut Vec<String>) {
    let tree = tree.trim();
    if let Some((head, group)) = tree.split_once('{') {
        let group = group.rsplit_once('}').map_or(group, |(group, _)| group);
        let before = format!("{before}{}", head.trim());
        let mut depth = 0;
        let mut part = String::new();
        for character in group.chars().chain([',']) {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    if !part.trim().is_empty() {
                        expand(&before, &part, paths);
                    }
                    part.clear();
                    continue;
                }
                _ => {}
            }
            part.push(character);
        }
    } else {
        let name = tree.split(" as ").next().unwrap_or(tree).trim();
        let path = format!("{before}{name}");
        paths.push(path.trim_end_matches("::self").to_owned());
    }
}

fn source(path: &Path) -> String {
    let source = fs::read_to_string(path).unwrap();
    // Documentation and tests import what they like.
    let code: Vec<&str> = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    without_tests(&code.join("\n")).to_owned()
}

fn without_tests(source: &str) -> &str {
    match source.split_once("#[cfg(test)]\nmod tests {") {
        Some((code, _)) => code,
        None => source,
    }
}

fn src() -> PathBuf {
    root().join("src")
}
