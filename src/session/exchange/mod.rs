//! One request and its response: what an adapter drives.

mod caching;
mod edits;
#[cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
mod missing;
mod steps;

pub use edits::{HeaderEdit, HeaderEdits};
#[cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
pub use missing::MissingLayer;
pub use steps::{Commit, Exchange, Plan, SessionFuture};
