//! Connects sessions to frameworks. Each adapter passes a request to an
//! [`Exchange`](crate::session::Exchange) and applies its header edits to the response.

#[cfg(feature = "actix")]
pub mod actix;
#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "rocket")]
pub mod rocket;
