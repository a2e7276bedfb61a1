//! What the site makes of two values that two requests wrote under one key.

use crate::session::data::SessionMap;
use alloc::{boxed::Box, collections::BTreeMap, string::String};
use serde::{Serialize, de::DeserializeOwned};

/// Takes the dictionaries base, mine and theirs, and writes into the merged one. `None` leaves that as it is.
type Decide = Box<dyn Fn([&SessionMap; 3], &mut SessionMap) -> Option<()> + Send + Sync + 'static>;

/// The decisions of the site, by key.
#[derive(Default)]
pub(crate) struct Conflicts(BTreeMap<String, Decide>);

impl Conflicts {
    pub(crate) fn set<V: Serialize + DeserializeOwned>(
        &mut self,
        key: &str,
        decide: impl Fn(Option<V>, V, V) -> V + Send + Sync + 'static,
    ) {
        let name = String::from(key);
        let decide = move |[base, mine, theirs]: [&SessionMap; 3], merged: &mut SessionMap| {
            let [base, mine, theirs] = [base, mine, theirs].map(|map| map.get(&name).ok());
            let value = decide(base?, mine??, theirs??);
            merged.insert_readable(&name, &value).ok()
        };
        self.0.insert(key.into(), Box::new(decide));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Decides a conflict under `key`. Returns `false` if the site does not: a value may have another type
    /// than its function takes.
    pub(super) fn decide(
        &self,
        key: &str,
        versions: [&SessionMap; 3],
        merged: &mut SessionMap,
    ) -> bool {
        let decide = self.0.get(key);
        decide.is_some_and(|decide| decide(versions, merged).is_some())
    }
}
