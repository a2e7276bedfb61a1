//! One request and its response: what an adapter drives.

mod edits;
#[cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
mod missing;
#[cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
mod same_origin;
mod steps;

pub use edits::{HeaderEdit, HeaderEdits};
#[cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
pub use missing::MissingLayer;
#[cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
pub use same_origin::{SameOrigin, SameOriginError};
pub use steps::{Commit, EndpointFuture, Exchange, Plan, SessionFuture};
