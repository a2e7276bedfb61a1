use super::rules::{EndedLogin, Now};
use crate::{
    secret::Scratch,
    session::{
        error::SaveError,
        events::{SaveReason, SkipReason},
        record::Ids,
    },
};
use core::time::Duration;

/// What becomes of a session when its response is due.
pub(crate) enum Decision {
    /// There is nothing to save.
    Keep,
    /// There was something to save, and it must not be.
    Skip(SkipReason),
    Save(Save),
    /// There was something to save, and it cannot be: the response must not look as if it was.
    Fail(SaveError),
}

pub(crate) struct Save {
    pub(crate) reason: SaveReason,
    /// When it was decided.
    pub(crate) now: Now,
    pub(crate) ids: Ids,
    pub(crate) record: Scratch,
    /// How long the browser keeps the cookie; `None` ends it with the browser's session.
    pub(crate) max_age: Option<Duration>,
    /// The session that this one replaces, under another id.
    pub(crate) replaces: Option<EndedLogin>,
    /// A cookie that only names the session is due to be sealed anew, whatever changed.
    #[cfg(feature = "store")]
    pub(crate) due: bool,
    /// Another request may have ended the session or given it another id since this one came.
    #[cfg(feature = "store")]
    pub(crate) is_slow: bool,
}

impl Save {
    /// Returns `true` if the browser loses nothing without this save.
    pub(crate) fn is_renewal(&self) -> bool {
        match self.reason {
            SaveReason::Renewed | SaveReason::Resealed => true,
            #[cfg(feature = "unstable-device-bound")]
            SaveReason::Adopted => true,
            SaveReason::Created | SaveReason::Changed => false,
        }
    }

    /// Returns `true` if the record is as it was, so that a store need not write it.
    #[cfg(feature = "store")]
    pub(crate) fn keeps_record(&self) -> bool {
        matches!(self.reason, SaveReason::Renewed | SaveReason::Resealed)
    }
}

/// The request that a session is closed for.
#[derive(Clone, Copy)]
pub(crate) struct Closing<'c> {
    /// The clock. It is read only if there is something to save.
    pub(crate) now: &'c dyn Fn() -> Now,
    /// When the request's head arrived.
    pub(crate) head_at: Duration,
    /// Whether the request is one that a person has waited for: a prefetch or an image renews nothing.
    pub(crate) renews: bool,
    /// The logins of its authentic cookies that do not count.
    pub(crate) others: &'c [EndedLogin],
}
