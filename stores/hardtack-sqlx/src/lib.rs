#![cfg_attr(feature = "sqlite", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "sqlite"), doc = "Sessions of hardtack in SQL.")]
// Without one of them there is nothing.
#![cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]

mod engine;
mod error;
mod store;
mod table;

pub use store::SqlxStore;

/// Keeps sessions in MariaDB or MySQL.
#[cfg(feature = "mysql")]
pub type MySqlStore = SqlxStore<sqlx::MySqlPool>;
/// Keeps sessions in PostgreSQL.
#[cfg(feature = "postgres")]
pub type PostgresStore = SqlxStore<sqlx::PgPool>;
/// Keeps sessions in a file of SQLite.
#[cfg(feature = "sqlite")]
pub type SqliteStore = SqlxStore<sqlx::SqlitePool>;
