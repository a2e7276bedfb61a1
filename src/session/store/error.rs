//! Why a store gave no answer.

use alloc::boxed::Box;
use core::{error::Error, fmt};

/// Says in which way a store failed.
///
/// ```
/// use hardtack::store::{StoreError, StoreErrorKind};
///
/// let error = StoreError::from(StoreErrorKind::Timeout);
/// assert_eq!(error.to_string(), "the session store did not answer in time");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The engine cannot be reached, refuses the command, or has no room. Whether it acted may be unknown.
    Unavailable,
    /// The engine did not answer within the store's deadline. Whether it acted is unknown.
    Timeout,
    /// The engine holds something that is neither a record nor a tombstone.
    Corrupt,
    /// The store cannot do this at all.
    Unsupported,
}

/// Says why a store gave no answer. A store that fails never looks like a session that is missing.
///
/// The texts name no key, no address and no value, so that they can be logged. An implementation keeps
/// the same rule for the source that it passes: a code or a fixed text, not the driver's own error.
///
/// ```
/// use hardtack::store::{StoreError, StoreErrorKind};
/// use std::error::Error;
///
/// let error = StoreError::new(StoreErrorKind::Unavailable, "READONLY");
/// assert_eq!(error.to_string(), "the session store is unavailable");
/// assert_eq!(error.source().unwrap().to_string(), "READONLY");
/// ```
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// Makes an error with a cause, which may be text.
    ///
    /// ```
    /// use hardtack::store::{StoreError, StoreErrorKind};
    ///
    /// let error = StoreError::new(StoreErrorKind::Unavailable, "OOM");
    /// assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    /// ```
    pub fn new(kind: StoreErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let source = Some(source.into());
        StoreError { kind, source }
    }

    /// Returns the way in which the store failed.
    ///
    /// ```
    /// use hardtack::store::{StoreError, StoreErrorKind};
    ///
    /// let error = StoreError::from(StoreErrorKind::Timeout);
    /// assert_eq!(error.kind(), StoreErrorKind::Timeout);
    /// ```
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Returns `true` if the store may have done what it was asked to do.
    pub(crate) fn may_have_acted(&self) -> bool {
        matches!(
            self.kind,
            StoreErrorKind::Unavailable | StoreErrorKind::Timeout
        )
    }
}

impl From<StoreErrorKind> for StoreError {
    fn from(kind: StoreErrorKind) -> Self {
        StoreError { kind, source: None }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Unavailable => "the session store is unavailable",
            StoreErrorKind::Timeout => "the session store did not answer in time",
            StoreErrorKind::Corrupt => "the session store holds what is not a record",
            StoreErrorKind::Unsupported => "the session store does not support this",
        })
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&**self.source.as_ref()?)
    }
}
