#![cfg(any(feature = "axum", feature = "actix", feature = "rocket"))]
