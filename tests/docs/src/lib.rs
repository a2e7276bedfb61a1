//! The code in README.md and the guide: `cargo test --all-features` compiles and runs it here, where
//! the frameworks are.

#![cfg(all(feature = "axum", feature = "actix", feature = "rocket"))]

mod browser;
mod recorder;

pub use browser::{Browser, Clock};
pub use recorder::Recorder;

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../../src/guide/sessions.md")]
pub struct SessionManager;

#[cfg(doctest)]
#[doc = include_str!("../../../src/guide/cookies.md")]
pub struct Cookies;

#[cfg(doctest)]
#[doc = include_str!("../../../src/guide/layers.md")]
pub struct Layers;

#[cfg(doctest)]
#[doc = include_str!("../../../src/guide/recipes.md")]
pub struct Recipes;

#[cfg(doctest)]
#[doc = include_str!("../../../src/guide/operations.md")]
pub struct Operations;
