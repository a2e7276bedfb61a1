//! The code in README.md and the guide: `cargo test --all-features` compiles and runs it here, where
//! the frameworks are.

#![cfg(all(doctest, feature = "axum", feature = "actix", feature = "rocket"))]

#[doc = include_str!("../../../README.md")]
pub struct Readme;

#[doc = include_str!("../../../src/guide/sessions.md")]
pub struct SessionManager;

#[doc = include_str!("../../../src/guide/cookies.md")]
pub struct Cookies;

#[doc = include_str!("../../../src/guide/layers.md")]
pub struct Layers;

#[doc = include_str!("../../../src/guide/operations.md")]
pub struct Operations;
