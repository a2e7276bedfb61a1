//! Reports every decision about a session to the operator, and writes messages to the log.

mod event;
pub(crate) mod log;
mod reasons;
mod report;
#[cfg(feature = "tracing")]
mod trace;

pub use event::Event;
#[cfg(feature = "unstable-device-bound")]
pub use reasons::DeviceRefusal;
pub use reasons::{Lost, Refusal, SaveReason, SkipReason};
pub(crate) use report::{are_traced, report};
