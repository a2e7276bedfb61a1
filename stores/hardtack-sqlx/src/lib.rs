#![cfg_attr(feature = "sqlite", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "sqlite"),
    doc = "Sessions of hardtack in SQL databases."
)]
// Without one of them there is nothing.
#![cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]

mod engine;
mod error;
mod statements;

#[cfg(feature = "mysql")]
pub use engine::MySqlStore;
#[cfg(feature = "postgres")]
pub use engine::PostgresStore;
#[cfg(feature = "sqlite")]
pub use engine::SqliteStore;
