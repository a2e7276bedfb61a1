//! What was decided about sessions, for the operator: events, and what goes to the log without one.

mod event;
pub(crate) mod log;
mod reasons;
mod report;
#[cfg(feature = "tracing")]
mod trace;

pub use event::Event;
pub use reasons::{Refusal, SaveReason, SkipReason};
pub(crate) use report::report;
