//! What a store asks of an engine. Bounds on what `sqlx` has for all databases would be longer than
//! this, so that a macro writes it for each of them.

use sqlx::{Database, Either, Executor, FromRow, Result, SqlStr};
use tokio_stream::StreamExt;

pub use Value::{Bytes, Number};

/// A value for a statement.
pub enum Value<'a> {
    Bytes(Option<&'a [u8]>),
    Number(i64),
}

/// How many rows a statement has written, and what it has found.
#[derive(Default)]
pub struct Answer {
    pub written: u64,
    pub rows: Vec<(Vec<u8>, Option<Vec<u8>>, i64)>,
}

/// A database that keeps sessions.
pub trait Engine: Database {
    /// The text of its statements.
    const STATEMENTS: &'static str;

    /// Runs a statement. Without values it may be several.
    fn run(
        connection: &mut Self::Connection,
        statement: SqlStr,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<Answer>> + Send;
}

macro_rules! engine {
    ($database:ty, $file:literal) => {
        impl Engine for $database {
            const STATEMENTS: &'static str = include_str!($file);

            async fn run(
                connection: &mut Self::Connection,
                statement: SqlStr,
                values: &[Value<'_>],
            ) -> Result<Answer> {
                let mut parts = if values.is_empty() {
                    connection.fetch_many(sqlx::raw_sql(statement))
                } else {
                    let query = sqlx::query(statement);
                    connection.fetch_many(values.iter().fold(query, |query, value| match *value {
                        Bytes(bytes) => query.bind(bytes),
                        Number(number) => query.bind(number),
                    }))
                };
                let mut answer = Answer::default();
                while let Some(part) = parts.try_next().await? {
                    match part {
                        Either::Left(done) => answer.written += done.rows_affected(),
                        Either::Right(row) => answer.rows.push(FromRow::from_row(&row)?),
                    }
                }
                Ok(answer)
            }
        }
    };
}

#[cfg(feature = "postgres")]
engine! { sqlx::Postgres, "sql/postgres.sql" }
#[cfg(feature = "mysql")]
engine! { sqlx::MySql, "sql/mysql.sql" }
#[cfg(feature = "sqlite")]
engine! { sqlx::Sqlite, "sql/sqlite.sql" }
