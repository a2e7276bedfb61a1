//! How to use hardtack: [`sessions`].

// The snippets use the frameworks, which are no dependencies of this package: they are compiled and
// run as doctests of the example site.
#[cfg(feature = "session")]
#[cfg_attr(not(doctest), doc = include_str!("sessions.md"))]
pub mod sessions {}
