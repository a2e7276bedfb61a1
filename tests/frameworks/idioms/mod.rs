//! What users of one framework expect of anything that calls itself at home in it.

#[cfg(feature = "actix")]
mod actix;
#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "hyper")]
mod hyper;
#[cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
mod layers;
#[cfg(feature = "rocket")]
mod rocket;
