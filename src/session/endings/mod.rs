//! Which logins are over before their time: for this process's late answers, and for every copy.

mod denylist;
mod recent;

pub use denylist::{Denied, Denylist, DenylistEntry, DenylistFull, ParseDenylistEntryError};
pub(crate) use recent::{RecentEnd, RecentEnds};
