//! Tokens.

pub(crate) mod aead;
mod body;
pub(crate) mod padding;

pub(crate) use body::*;
