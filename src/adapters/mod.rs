//! Frameworks: each hands a request to an [`Exchange`](crate::session::Exchange) and writes its edits to the
//! response.

#[cfg(feature = "actix")]
pub mod actix;
#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "rocket")]
pub mod rocket;
