//! The cases. Each is named in the list of `suite.rs`.

pub mod saving;
