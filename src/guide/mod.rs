//! How to use hardtack, page by page.
//!
//! | page | for |
//! |---|---|
#![cfg_attr(
    feature = "session",
    doc = "| [`sessions`] | people who write handlers: first steps in each framework, login, timeouts |"
)]
#![cfg_attr(
    feature = "session",
    doc = "| [`layers`] | people who add timeouts, CORS, compression: what belongs inside of the session's layer, and what outside |"
)]
#![cfg_attr(
    feature = "store",
    doc = "| [`stores`] | people who keep sessions on the server: engines, failures, devices, moving |"
)]
#![cfg_attr(
    feature = "unstable-device-bound",
    doc = "| [`devices`] | people who protect sessions against stolen cookies: sessions that are bound to a device |"
)]
#![cfg_attr(
    feature = "session",
    doc = "| [`recipes`] | people who look for a solution: logged-in users, a login form, roles, WebSockets, polling, proxies |"
)]
#![cfg_attr(
    feature = "session",
    doc = "| [`migrating`] | people who come from another session library |"
)]
#![cfg_attr(
    feature = "session",
    doc = "| [`cookies`] | people who change the cookie of a site that is in use |"
)]
#![cfg_attr(
    feature = "session",
    doc = "| [`operations`] | people who run the servers: keys, rotation, alerts |"
)]
#![cfg_attr(
    feature = "std",
    doc = "| [`tokens`] | people who send links, invitations and API tokens |"
)]
//! | [`no_std`] | tokens without `std` and without an allocator |
//! | [`format`](mod@format) | people who read or write the tokens in another language |

// The snippets of the pages on sessions use the frameworks, which are not dependencies of this
// package. The package `tests/docs` compiles and runs them; those of `migrating` also need the
// libraries that people come from, and have the package `tests/migration`.

#[doc = include_str!("format.md")]
pub mod format {}

#[cfg(feature = "std")]
#[doc = include_str!("tokens.md")]
pub mod tokens {}

#[doc = include_str!("no_std.md")]
#[doc = "```rust,ignore"]
#[doc = include_str!("../../examples/no_std.rs")]
#[doc = "```"]
pub mod no_std {}

#[cfg(feature = "session")]
#[cfg_attr(not(doctest), doc = include_str!("sessions.md"))]
pub mod sessions {}

#[cfg(feature = "session")]
#[cfg_attr(not(doctest), doc = include_str!("layers.md"))]
pub mod layers {}

#[cfg(feature = "session")]
#[cfg_attr(not(doctest), doc = include_str!("recipes.md"))]
pub mod recipes {}

#[cfg(feature = "session")]
#[cfg_attr(not(doctest), doc = include_str!("migrating.md"))]
pub mod migrating {}

#[cfg(feature = "session")]
#[cfg_attr(not(doctest), doc = include_str!("cookies.md"))]
pub mod cookies {}

#[cfg(feature = "session")]
#[cfg_attr(not(doctest), doc = include_str!("operations.md"))]
pub mod operations {}

#[cfg(feature = "unstable-device-bound")]
#[cfg_attr(docsrs, doc(cfg(feature = "unstable-device-bound")))]
#[doc = include_str!("devices.md")]
pub mod devices {}

#[cfg(feature = "store")]
#[doc = include_str!("stores.md")]
pub mod stores {}
