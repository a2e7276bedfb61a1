//! Sealed cookies that keep.
#![no_std]
