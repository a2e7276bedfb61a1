use super::{timeouts::Timeouts, view::SessionView};
use crate::Timestamp;
use alloc::boxed::Box;
use core::time::Duration;

pub(crate) type Validate<T> = Box<dyn Fn(&SessionView<'_, T>) -> bool + Send + Sync>;

/// The site's rules for the life of a session.
pub(crate) struct Rules<T> {
    pub(crate) normal: Timeouts,
    pub(crate) remembered: Timeouts,
    pub(crate) renew_after: Option<Duration>,
    /// A session that was created or sealed earlier is revoked.
    pub(crate) floor: Timestamp,
    pub(crate) validate: Option<Validate<T>>,
}

impl<T> Rules<T> {
    pub(super) fn timeouts(&self, remembered: bool) -> Timeouts {
        if remembered {
            self.remembered
        } else {
            self.normal
        }
    }
}
