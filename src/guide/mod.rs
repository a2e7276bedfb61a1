//! How to use hardtack: [`sessions`] for whoever writes handlers, [`moving`] for whoever comes from another
//! library, [`operating`] for whoever runs the servers.

// The snippets use the frameworks, which are no dependencies of this package: they are compiled and
// run by the package `tests/documents`, and those of `moving` with the libraries that people come from
// by the package `tests/moving`.

#[cfg_attr(not(doctest), doc = include_str!("sessions.md"))]
pub mod sessions {}

#[cfg_attr(not(doctest), doc = include_str!("moving.md"))]
pub mod moving {}

#[cfg_attr(not(doctest), doc = include_str!("operating.md"))]
pub mod operating {}
