//! The cookies of a browser: what a response does to them, and what the next request sends.
#![allow(dead_code, reason = "each program uses a part")]

use std::collections::BTreeMap;

/// The cookies that a browser keeps for a site: their values by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jar(pub BTreeMap<String, String>);

impl Jar {
    /// The Cookie line, empty without cookies.
    pub fn header(&self) -> String {
        let pairs = self.0.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// Does what a Set-Cookie line says.
    pub fn store(&mut self, line: &str) {
        let pair = line
            .split("; ")
            .next()
            .and_then(|pair| pair.split_once('='));
        let (name, value) = pair.unwrap();
        if is_removal(line) {
            self.0.remove(name);
        } else {
            self.0.insert(name.into(), value.into());
        }
    }
}

/// Whether a Set-Cookie line removes its cookie.
pub fn is_removal(line: &str) -> bool {
    line.split("; ").any(|attribute| attribute == "Max-Age=0")
}

/// The cookies of a browser as it tells them apart: by name, domain, path and partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelf(pub BTreeMap<(String, Vec<String>), String>);

impl Shelf {
    /// Does what a Set-Cookie line says.
    pub fn store(&mut self, line: &str) {
        let (pair, attributes) = line.split_once("; ").unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        let place = attributes.split("; ").filter(|attribute| {
            ["Domain=", "Path=", "Partitioned"]
                .iter()
                .any(|place| attribute.starts_with(place))
        });
        let mut place: Vec<String> = place.map(str::to_lowercase).collect();
        place.sort();
        let key = (name.to_owned(), place);
        if is_removal(line) {
            self.0.remove(&key);
        } else {
            self.0.insert(key, value.to_owned());
        }
    }

    /// The Cookie line of a request to this path.
    pub fn header(&self, path: &str) -> String {
        let is_sent = |place: &[String]| {
            let own = place.iter().find_map(|part| part.strip_prefix("path="));
            own.is_none_or(|own| {
                let rest = path.strip_prefix(own);
                rest.is_some_and(|rest| {
                    own.ends_with('/') || rest.is_empty() || rest.starts_with('/')
                })
            })
        };
        let pairs = self.0.iter().filter(|((_, place), _)| is_sent(place));
        let pairs = pairs.map(|((name, _), value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }
}
