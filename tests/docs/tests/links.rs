//! Links in the documents lead somewhere. Those between items of the documentation are rustdoc's to check.

use super::root;
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// The hosts that the documents link to. Before you add one, check that it is the source itself and that it will stay.
const HOSTS: [&str; 8] = [
    "crates.io",
    "datatracker.ietf.org",
    "docs.rs",
    "github.com",
    "keepachangelog.com",
    "postcard.jamesmunns.com",
    "semver.org",
    "www.rfc-editor.org",
];

/// Files of the repository with this extension: nothing that was built or fetched.
fn files(directory: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "node_modules"].contains(&name) {
                files(&path, extension, found);
            }
        } else if path.extension().is_some_and(|its| its == extension) {
            found.push(path);
        }
    }
}

struct Page {
    links: Vec<String>,
    anchors: Vec<String>,
}

fn read(path: &Path) -> Page {
    let text = fs::read_to_string(path).unwrap();
    let (mut links, mut anchors) = (vec![], vec![]);
    let mut seen: HashMap<String, u32> = HashMap::new();
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                links.push(dest_url.into_string());
            }
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let name = anchor(&heading.take().unwrap());
                let again = seen.entry(name.clone()).or_default();
                anchors.push(match *again {
                    0 => name,
                    n => format!("{name}-{n}"),
                });
                *again += 1;
            }
            _ => {}
        }
    }
    Page { links, anchors }
}

/// As rustdoc and the sites that show repositories name a heading.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// What is wrong with a link of the page, if anything.
fn fault(page: &Path, link: &str) -> Option<String> {
    if link.starts_with("https://") {
        return None;
    }
    if link.contains("://") {
        return Some("neither a file nor https".into());
    }
    let documentation = page.starts_with(root().join("src"));
    if documentation && link.starts_with("crate::") {
        return None;
    }
    let (file, name) = link.split_once('#').unwrap_or((link, ""));
    if documentation && !file.is_empty() {
        return Some("a file, in a page of the documentation, where none is".into());
    }
    let target = if file.is_empty() {
        page.to_owned()
    } else {
        page.parent().unwrap().join(file)
    };
    if !target.exists() {
        return Some("no such file".into());
    }
    let there = name.is_empty() || read(&target).anchors.iter().any(|its| its == name);
    (!there).then(|| "no such heading".into())
}

#[test]
fn every_link_between_files_leads_somewhere() {
    let mut pages = vec![];
    files(&root(), "md", &mut pages);
    let (mut faults, mut links) = (vec![], 0);
    for page in &pages {
        for link in read(page).links {
            links += 1;
            if let Some(fault) = fault(page, &link) {
                let page = page.strip_prefix(root()).unwrap().display();
                faults.push(format!("{page}: {link}: {fault}"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(links > 30, "{links} links");
}

#[test]
fn a_dead_link_is_found() {
    let page = |name| root().join(name);
    for (name, link, expected) in [
        ("README.md", "SECURITY.md", None),
        (
            "README.md",
            "SECURITY.md#promises-and-the-tests-that-hold-them",
            None,
        ),
        ("tests/README.md", "../fuzz/README.md", None),
        ("src/guide/sessions.md", "#first-steps", None),
        ("README.md", "SECURITY.html", Some("no such file")),
        ("README.md", "SECURITY.md#promise", Some("no such heading")),
        (
            "README.md",
            "http://docs.rs",
            Some("neither a file nor https"),
        ),
        (
            "src/guide/sessions.md",
            "#last-steps",
            Some("no such heading"),
        ),
        (
            "src/guide/sessions.md",
            "operations.md",
            Some("a file, in a page of the documentation, where none is"),
        ),
    ] {
        assert_eq!(
            fault(&page(name), link).as_deref(),
            expected,
            "{name}: {link}"
        );
    }
}

#[test]
fn they_point_to_hosts_that_we_know() {
    let mut pages = vec![];
    files(&root(), "md", &mut pages);
    files(&root().join("src"), "rs", &mut pages);
    for page in &pages {
        for rest in fs::read_to_string(page).unwrap().split("https://").skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !".-:".contains(c));
            let host = &rest[..end.unwrap_or(rest.len())];
            // Names that lead nowhere (RFC 2606), and what the tests of origins make of them.
            let is_example = page.ends_with("tests.rs")
                || [".example", ".example.org"]
                    .iter()
                    .any(|end| host.contains(end));
            assert!(
                is_example || HOSTS.contains(&host),
                "{}: {host}",
                page.display()
            );
        }
    }
}
