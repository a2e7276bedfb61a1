//! How to use hardtack: [`sessions`] for whoever writes handlers, [`operating`] for whoever runs the
//! servers.

// The snippets use the frameworks, which are no dependencies of this package: they are compiled and
// run by the package `tests/documents`.

#[cfg_attr(not(doctest), doc = include_str!("sessions.md"))]
pub mod sessions {}

#[cfg_attr(not(doctest), doc = include_str!("operating.md"))]
pub mod operating {}
