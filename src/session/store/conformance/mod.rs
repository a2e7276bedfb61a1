//! The suite that every store has to pass, with one named result for each case.
//!
//! Run it against the real engine, in a test of your own. A [`Fixture`] connects to the engine and, if it
//! can, lets time pass for it.
//!
//! ```
//! use hardtack::store::{MemoryStore, conformance::{self, Fixture}};
//! use std::{collections::HashMap, sync::{Arc, Mutex}, time::Duration};
//!
//! #[derive(Default)]
//! struct Memory {
//!     stores: Mutex<HashMap<String, MemoryStore>>,
//!     now: Arc<Mutex<Duration>>,
//! }
//!
//! impl Fixture for Memory {
//!     type Store = MemoryStore;
//!
//!     async fn connect(&self, namespace: &str) -> MemoryStore {
//!         let now = self.now.clone();
//!         let mut stores = self.stores.lock().unwrap();
//!         let store = stores.entry(namespace.into()).or_insert_with(|| {
//!             MemoryStore::with_clock(1 << 26, move || *now.lock().unwrap())
//!         });
//!         store.clone()
//!     }
//!
//!     async fn advance(&self, by: Duration) -> bool {
//!         *self.now.lock().unwrap() += by;
//!         true
//!     }
//! }
//!
//! # fn block_on<F: Future>(future: F) -> F::Output {
//! #     let mut future = std::pin::pin!(future);
//! #     let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
//! #     loop {
//! #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut cx) {
//! #             return output;
//! #         }
//! #     }
//! # }
//! # block_on(async {
//! let report = conformance::run(&Memory::default()).await;
//! assert!(report.passed(), "{report}");
//! # });
//! ```
//!
//! The suite needs no runtime of its own: it runs in the one that polls it, and it makes requests
//! concurrent by polling their futures in turn within one task. A store with several connections, or one
//! that pipelines, has all of them at work on the engine at once.
//!
//! It cannot check what needs a hand on the server: that the deadline holds if the server hangs, that the
//! store works again after a restart, and that errors name no key. Check these beside it.

mod cases;
mod join;
mod kit;

use super::{Store, StoreError, random};
use alloc::{boxed::Box, format, string::String, vec::Vec};
use core::{fmt, future::Future, time::Duration};

/// Connects the suite to an engine.
///
/// ```
/// use hardtack::store::{MemoryStore, conformance::Fixture};
///
/// struct Fresh;
///
/// impl Fixture for Fresh {
///     type Store = MemoryStore;
///
///     async fn connect(&self, _namespace: &str) -> MemoryStore {
///         MemoryStore::new(1 << 26) // fails: two connections share nothing
///     }
/// }
/// ```
pub trait Fixture {
    /// The store under test.
    type Store: Store;

    /// Connects to the records of a namespace, such as a key prefix or a table. Two stores of one
    /// namespace share their records, as two instances of a site do, and have no connection in common.
    /// Stores of two namespaces never meet.
    ///
    /// A namespace has 1 to 16 characters of `a-z`. The suite expects no records in it.
    fn connect(&self, namespace: &str) -> impl Future<Output = Self::Store>;

    /// Lets time pass for the engine, and returns `true`. A fixture that could only wait returns
    /// `false`, and the cases that need it are skipped. The default is `false`.
    fn advance(&self, by: Duration) -> impl Future<Output = bool> {
        let _ = by;
        async { false }
    }
}

/// Says how a case ended.
///
/// ```
/// use hardtack::store::conformance::Outcome;
///
/// assert_ne!(Outcome::Passed, Outcome::Skipped("no clock"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The store does what the case asks.
    Passed,
    /// The store does something else.
    Failed(String),
    /// The case cannot be run with this store or fixture.
    Skipped(&'static str),
}

/// The result of one case.
///
/// ```
/// use hardtack::store::conformance::{CaseResult, Outcome, Report};
///
/// let outcome = Outcome::Failed("two are done".into());
/// let report = Report { cases: vec![CaseResult { name: "one_of_64_swappers_wins", outcome }] };
/// assert_eq!(report.cases[0].name, "one_of_64_swappers_wins");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseResult {
    /// The name of the case, which does not change between releases.
    pub name: &'static str,
    /// How it ended.
    pub outcome: Outcome,
}

/// The results of all cases, in order. Its `Display` is one line for each.
///
/// ```
/// use hardtack::store::conformance::{CaseResult, Outcome, Report};
///
/// let outcome = Outcome::Failed("two are done".into());
/// let report = Report { cases: vec![CaseResult { name: "one_of_64_swappers_wins", outcome }] };
/// assert_eq!(report.to_string(), "FAILED   one_of_64_swappers_wins: two are done\n");
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    /// The results.
    pub cases: Vec<CaseResult>,
}

impl Report {
    /// Returns `true` if no case failed. Skipped cases do not count as failures.
    ///
    /// ```
    /// use hardtack::store::conformance::{CaseResult, Outcome, Report};
    ///
    /// let outcome = Outcome::Failed("two are done".into());
    /// let report = Report { cases: vec![CaseResult { name: "one_of_64_swappers_wins", outcome }] };
    /// assert!(!report.passed());
    /// ```
    pub fn passed(&self) -> bool {
        self.failed().next().is_none()
    }

    /// Returns the names of the cases that failed.
    ///
    /// ```
    /// use hardtack::store::conformance::{CaseResult, Outcome, Report};
    ///
    /// let outcome = Outcome::Failed("two are done".into());
    /// let report = Report { cases: vec![CaseResult { name: "one_of_64_swappers_wins", outcome }] };
    /// assert!(report.failed().eq(["one_of_64_swappers_wins"]));
    /// ```
    pub fn failed(&self) -> impl Iterator<Item = &'static str> {
        let failed = |case: &&CaseResult| matches!(case.outcome, Outcome::Failed(_));
        self.cases.iter().filter(failed).map(|case| case.name)
    }

    /// Returns the names of the cases that were skipped.
    ///
    /// ```
    /// use hardtack::store::conformance::{CaseResult, Outcome, Report};
    ///
    /// let outcome = Outcome::Failed("two are done".into());
    /// let report = Report { cases: vec![CaseResult { name: "one_of_64_swappers_wins", outcome }] };
    /// assert_eq!(report.skipped().count(), 0);
    /// ```
    pub fn skipped(&self) -> impl Iterator<Item = &'static str> {
        let skipped = |case: &&CaseResult| matches!(case.outcome, Outcome::Skipped(_));
        self.cases.iter().filter(skipped).map(|case| case.name)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for CaseResult { name, outcome } in &self.cases {
            match outcome {
                Outcome::Passed => writeln!(f, "passed   {name}")?,
                Outcome::Failed(why) => writeln!(f, "FAILED   {name}: {why}")?,
                Outcome::Skipped(why) => writeln!(f, "skipped  {name}: {why}")?,
            }
        }
        Ok(())
    }
}

/// Runs every case and reports each. A case that fails does not stop the others.
///
/// ```
/// use hardtack::store::conformance::{self, Fixture};
///
/// async fn check(fixture: impl Fixture) {
///     let report = conformance::run(&fixture).await;
///     assert!(report.passed(), "{report}");
/// }
/// ```
pub async fn run<F: Fixture>(fixture: &F) -> Report {
    cases::run_all(&Bench::new(fixture).await).await
}

/// What a case works with.
struct Bench<'a, F: Fixture> {
    fixture: &'a F,
    store: F::Store,
    /// A second instance on the same records.
    twin: F::Store,
    /// A store on the same engine that must not meet the first.
    stranger: F::Store,
    random: random::Source,
}

impl<'a, F: Fixture> Bench<'a, F> {
    async fn new(fixture: &'a F) -> Self {
        Bench {
            fixture,
            store: fixture.connect("conformance").await,
            twin: fixture.connect("conformance").await,
            stranger: fixture.connect("stranger").await,
            random: random::Source::default(),
        }
    }

    async fn advance(&self, by: Duration) -> Result<(), Stop> {
        if self.fixture.advance(by).await {
            Ok(())
        } else {
            Err(Stop::Skipped("the fixture cannot let time pass"))
        }
    }

    /// Lets a time pass, with what an engine may add to it, and sweeps what is over.
    async fn advance_past(&self, keep: Duration) -> Result<(), Stop> {
        self.advance(keep.saturating_add(kit::SLACK)).await?;
        self.sweep().await
    }

    async fn sweep(&self) -> Result<(), Stop> {
        for _ in 0..kit::TRIES {
            if self.store.sweep(1_000).await? == 0 {
                return Ok(());
            }
        }
        Err(Stop::Failed("sweeps have no end".into()))
    }
}

/// Why a case goes no further.
enum Stop {
    Failed(String),
    Skipped(&'static str),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Stop::Failed(format!("an error: {error:?}"))
    }
}

type Case = Result<(), Stop>;

/// Runs one case. Boxed, so that the future of the suite does not hold all of them.
async fn outcome(case: impl Future<Output = Case>) -> Outcome {
    match Box::pin(case).await {
        Ok(()) => Outcome::Passed,
        Err(Stop::Failed(why)) => Outcome::Failed(why),
        Err(Stop::Skipped(why)) => Outcome::Skipped(why),
    }
}
