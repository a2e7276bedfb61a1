//! The three stores. `sqlx` is generic over databases only with bounds longer than the code, so that a
//! macro writes each of them.

use crate::{
    error::{failed, is_taken, was_rolled_back},
    statements::{Dialect, Statements},
};
use hardtack::store::{
    End, Expect, Found, Owned, OwnerKey, Put, RecordKey, Store, StoreError, StoreErrorKind, Swap,
    Tag, Tombstone,
};
use sqlx::{AssertSqlSafe, Database, Error, Executor, pool::PoolConnection};
use std::{fmt, future::Future, sync::Arc, time::Duration};
use tokio::time::sleep;

const MAX_OWNED: i64 = 1_000;
const GRACE: Duration = Duration::from_secs(60);
const HOUR: i64 = 60 * 60;

/// The seconds to add to the present time before rounding down to an hour: it rounds up, with five
/// minutes for clocks and sweeps.
fn life(keep: Duration) -> i64 {
    const CENTURY: u64 = 100 * 365 * 24 * 60 * 60;
    let seconds = keep.as_secs().min(CENTURY).cast_signed();
    seconds + 1 + 5 * 60 + HOUR - 1
}

/// Reads a row: a record, or a tombstone in the column of the tag.
fn found(tag: Vec<u8>, record: Option<Vec<u8>>) -> Result<Found, StoreError> {
    match record {
        None => Ok(Found::Ended(
            Tombstone::decode(&tag).ok_or(StoreErrorKind::Corrupt)?,
        )),
        Some(record) if Tag::of(&record).is_some_and(|of| of.as_bytes()[..] == tag) => {
            Ok(Found::Record(record))
        }
        Some(_) => Err(StoreErrorKind::Corrupt.into()),
    }
}

/// How long a call waits before it begins anew. Writers that never waited could keep each other out in
/// step, so that one of them loses every time.
const PAUSE: Duration = Duration::from_millis(1);

/// Runs a statement or transaction, again after each rollback, until the deadline of the call.
async fn run<T, F>(work: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, Error>>,
{
    loop {
        match work().await {
            Err(error) if was_rolled_back(&error) => sleep(PAUSE).await,
            answer => return answer.map_err(|error| failed(&error)),
        }
    }
}

/// Sets the deadline of a call: `sqlx` has none for a query.
async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let answer = tokio::time::timeout(deadline, call).await;
    answer.unwrap_or_else(|_| Err(StoreErrorKind::Timeout.into()))
}

/// Whether a table's name can stand in a statement as it is.
fn is_plain(table: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let starts = table.starts_with(|first: char| first.is_ascii_lowercase());
    starts && table.len() <= 48 && table.bytes().all(plain)
}

/// A connection with a transaction. Dropped before the end of the transaction, it closes the connection.
/// `sqlx` would return one whose `BEGIN` was cut short to its pool with the transaction open: what the next
/// request writes there would be acknowledged and never committed.
struct Transaction<DB: Database>(Option<PoolConnection<DB>>);

impl<DB: Database> Transaction<DB> {
    fn connection(&mut self) -> Result<&mut DB::Connection, Error> {
        self.0.as_deref_mut().ok_or(Error::PoolClosed)
    }
}

impl<DB: Database> Drop for Transaction<DB> {
    fn drop(&mut self) {
        if let Some(connection) = &mut self.0 {
            connection.close_on_drop();
        }
    }
}

macro_rules! store {
    ($(#[$doc:meta])* $name:ident, $pool:ty, $connection:ty, $dialect:expr) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name {
            pool: $pool,
            statements: Arc<Statements>,
            deadline: Duration,
        }

        impl $name {
            /// Takes a pool. The table is `hardtack_session`.
            pub fn new(pool: $pool) -> Self {
                const DIALECT: Dialect = $dialect;
                let statements = Arc::new(Statements::new(&DIALECT, "hardtack_session"));
                let deadline = Duration::from_secs(2);
                $name { pool, statements, deadline }
            }

            /// Sets the name of the table.
            ///
            /// # Errors
            ///
            /// A name with other characters than `a-z`, `0-9` and `_`, or longer than 48.
            pub fn table(mut self, table: &str) -> Result<Self, StoreError> {
                const DIALECT: Dialect = $dialect;
                if !is_plain(table) {
                    let what = "a table's name has up to 48 characters of a-z, 0-9 and _";
                    return Err(StoreError::new(StoreErrorKind::Unsupported, what));
                }
                self.statements = Arc::new(Statements::new(&DIALECT, table));
                Ok(self)
            }

            /// Sets how long a call may take in all, the wait for a connection included. The default is
            /// 2 seconds.
            pub fn deadline(mut self, deadline: Duration) -> Self {
                self.deadline = deadline;
                self
            }

            /// Creates the table and its indexes. Does nothing if the table is there, so that a user
            /// without the right to create tables may call it too.
            ///
            /// # Errors
            ///
            /// The database refuses.
            pub async fn create_table(&self) -> Result<(), StoreError> {
                if within(self.deadline, self.exists()).await.is_ok() {
                    return Ok(());
                }
                for statement in &self.statements.create {
                    let create = run(|| async {
                        let mut connection = self.pool.acquire().await?;
                        let create = sqlx::query(AssertSqlSafe(statement.as_str()));
                        create.persistent(false).execute(&mut *connection).await
                    });
                    within(self.deadline, create).await?;
                }
                Ok(())
            }

            async fn exists(&self) -> Result<(), StoreError> {
                run(|| async {
                    let mut connection = self.pool.acquire().await?;
                    let exists = sqlx::query(AssertSqlSafe(self.statements.exists.as_str()));
                    exists.persistent(self.statements.cached).fetch_optional(&mut *connection).await
                })
                .await?;
                Ok(())
            }

            /// Reads a row and the time: tag, record, until, now.
            async fn read(
                &self,
                connection: &mut $connection,
                key: &RecordKey,
            ) -> Result<Option<(Vec<u8>, Option<Vec<u8>>, i64, i64)>, Error> {
                sqlx::query_as(AssertSqlSafe(self.statements.load.as_str()))
                    .bind(&key.as_bytes()[..])
                    .persistent(self.statements.cached)
                    .fetch_optional(connection)
                    .await
            }

            /// Inserts a record or a tombstone. `false` if the key is taken.
            async fn insert(
                &self,
                connection: &mut $connection,
                key: &RecordKey,
                tag: &[u8],
                put: Option<&Put<'_>>,
                keep: Duration,
            ) -> Result<bool, Error> {
                let owner = put.and_then(|put| put.owner);
                let inserted = sqlx::query(AssertSqlSafe(self.statements.insert.as_str()))
                    .bind(&key.as_bytes()[..])
                    .bind(tag)
                    .bind(put.map(|put| put.record))
                    .bind(life(keep))
                    .bind(owner.map(|owner| &owner.key.as_bytes()[..]))
                    .bind(owner.map(|owner| owner.about))
                    .persistent(self.statements.cached)
                    .execute(connection)
                    .await;
                match inserted {
                    Ok(done) => Ok(done.rows_affected() > 0),
                    Err(error) if is_taken(&error) => Ok(false),
                    Err(error) => Err(error),
                }
            }

            /// Turns a record into a tombstone. `false` if it is not as expected.
            async fn bury(
                &self,
                connection: &mut $connection,
                end: &End<'_>,
            ) -> Result<bool, Error> {
                let tombstone = end.tombstone.encode();
                let statement = match end.expect {
                    Some(_) => &self.statements.end,
                    None => &self.statements.end_any,
                };
                let mut statement = sqlx::query(AssertSqlSafe(statement.as_str()))
                    .bind(&tombstone)
                    .bind(life(end.grace))
                    .bind(&end.key.as_bytes()[..]);
                if let Some(expected) = end.expect {
                    statement = statement.bind(&expected.as_bytes()[..]);
                }
                let done = statement.persistent(self.statements.cached).execute(connection).await?;
                Ok(done.rows_affected() > 0)
            }

            /// Ends the records of an owner that are over first, if they have too many.
            async fn end_the_first(&self, put: &Put<'_>) -> Result<(), StoreError> {
                let Some(owner) = put.owner else {
                    return Ok(());
                };
                let over: Vec<(Vec<u8>,)> = run(|| async {
                    let mut connection = self.pool.acquire().await?;
                    sqlx::query_as(AssertSqlSafe(self.statements.over_the_limit.as_str()))
                        .bind(&owner.key.as_bytes()[..])
                        .bind(&put.key.as_bytes()[..])
                        .bind(MAX_OWNED - 1)
                        .persistent(self.statements.cached)
                        .fetch_all(&mut *connection)
                        .await
                })
                .await?;
                for (key,) in over {
                    let key = key.try_into().map_err(|_| StoreErrorKind::Corrupt)?;
                    let end = End {
                        key: &RecordKey::from_bytes(key),
                        expect: None,
                        tombstone: Tombstone::Ended,
                        grace: GRACE,
                        owner: Some(owner.key),
                    };
                    self.end_at_once(end).await?;
                }
                Ok(())
            }

            async fn load_at_once(
                &self,
                key: &RecordKey,
                keep: Option<Duration>,
            ) -> Result<Found, StoreError> {
                let row = run(|| async {
                    let mut connection = self.pool.acquire().await?;
                    let row = self.read(&mut connection, key).await?;
                    if let (Some(keep), Some((_, Some(_), until, now))) = (keep, &row) {
                        let wanted = (now + life(keep)) / HOUR * HOUR;
                        // Once an hour at most.
                        if *until < wanted {
                            sqlx::query(AssertSqlSafe(self.statements.keep.as_str()))
                                .bind(wanted)
                                .bind(&key.as_bytes()[..])
                                .bind(wanted)
                                .persistent(self.statements.cached)
                                .execute(&mut *connection)
                                .await?;
                        }
                    }
                    Ok(row)
                });
                match row.await? {
                    Some((tag, record, ..)) => found(tag, record),
                    None => Ok(Found::Missing),
                }
            }

            async fn put_at_once(&self, put: Put<'_>) -> Result<Swap, StoreError> {
                let tag = put.tag()?;
                let done = run(|| async {
                    let mut connection = self.pool.acquire().await?;
                    let Expect::Tag(expected) = put.expect else {
                        let tag = &tag.as_bytes()[..];
                        return self
                            .insert(&mut connection, put.key, tag, Some(&put), put.keep)
                            .await;
                    };
                    let done = sqlx::query(AssertSqlSafe(self.statements.swap.as_str()))
                        .bind(&tag.as_bytes()[..])
                        .bind(put.record)
                        .bind(life(put.keep))
                        .bind(put.owner.map(|owner| &owner.key.as_bytes()[..]))
                        .bind(put.owner.map(|owner| owner.about))
                        .bind(&put.key.as_bytes()[..])
                        .bind(&expected.as_bytes()[..])
                        .persistent(self.statements.cached)
                        .execute(&mut *connection)
                        .await?;
                    Ok(done.rows_affected() > 0)
                });
                if done.await? {
                    if let Expect::Absent = put.expect {
                        self.end_the_first(&put).await?;
                    }
                    return Ok(Swap::Done);
                }
                match self.load_at_once(put.key, None).await? {
                    Found::Record(record) if Tag::of(&record) == Some(tag) => Ok(Swap::Done),
                    found => Ok(found.into()),
                }
            }

            async fn end_at_once(&self, end: End<'_>) -> Result<Swap, StoreError> {
                loop {
                    let done = run(|| async {
                        let mut connection = self.pool.acquire().await?;
                        if self.bury(&mut connection, &end).await? {
                            return Ok(true);
                        }
                        let tombstone = end.tombstone.encode();
                        match end.expect {
                            Some(_) => Ok(false),
                            None => {
                                self.insert(&mut connection, end.key, &tombstone, None, end.grace)
                                    .await
                            }
                        }
                    });
                    if done.await? {
                        return Ok(Swap::Done);
                    }
                    match self.load_at_once(end.key, None).await? {
                        Found::Ended(there) if there == end.tombstone => return Ok(Swap::Done),
                        // Created between the two statements.
                        Found::Record(_) | Found::Missing if end.expect.is_none() => {}
                        found => return Ok(found.into()),
                    }
                    sleep(PAUSE).await;
                }
            }

            async fn rename_at_once(
                &self,
                from: &RecordKey,
                put: Put<'_>,
                tombstone: Tombstone,
                grace: Duration,
            ) -> Result<Swap, StoreError> {
                let tag = put.tag()?;
                let Expect::Tag(expected) = put.expect else {
                    return Err(StoreErrorKind::Unsupported.into());
                };
                let Put { key: to, keep, .. } = put;
                let end = End { key: from, expect: Some(expected), tombstone, grace, owner: None };
                let done = run(|| async {
                    let connection = self.pool.acquire().await?;
                    let mut transaction = Transaction(Some(connection));
                    let connection = transaction.connection()?;
                    connection.execute(self.statements.begin).await?;
                    let tag = &tag.as_bytes()[..];
                    let both = async {
                        let put = Some(&put);
                        Ok(self.insert(connection, to, tag, put, keep).await?
                            && self.bury(connection, &end).await?)
                    };
                    let done = both.await;
                    let last = match done {
                        Ok(true) => "COMMIT",
                        Ok(false) | Err(_) => "ROLLBACK",
                    };
                    transaction.connection()?.execute(last).await?;
                    transaction.0 = None;
                    done
                });
                if done.await? {
                    self.end_the_first(&put).await?;
                    return Ok(Swap::Done);
                }
                match self.load_at_once(put.key, None).await? {
                    Found::Missing => Ok(self.load_at_once(from, None).await?.into()),
                    Found::Record(record) if Tag::of(&record) == Some(tag) => Ok(Swap::Done),
                    Found::Record(_) => Err(StoreErrorKind::Corrupt.into()),
                    ended => Ok(ended.into()),
                }
            }

            async fn owned_at_once(&self, owner: &OwnerKey) -> Result<Vec<Owned>, StoreError> {
                let rows: Vec<(Vec<u8>, Vec<u8>)> = run(|| async {
                    let mut connection = self.pool.acquire().await?;
                    sqlx::query_as(AssertSqlSafe(self.statements.owned.as_str()))
                        .bind(&owner.as_bytes()[..])
                        .persistent(self.statements.cached)
                        .fetch_all(&mut *connection)
                        .await
                })
                .await?;
                let owned = rows.into_iter().map(|(key, about)| {
                    let key = key.try_into().map_err(|_| StoreErrorKind::Corrupt)?;
                    let key = RecordKey::from_bytes(key);
                    Ok(Owned { key, about })
                });
                owned.collect()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }

        impl Store for $name {
            async fn load(
                &self,
                key: &RecordKey,
                keep: Option<Duration>,
            ) -> Result<Found, StoreError> {
                within(self.deadline, self.load_at_once(key, keep)).await
            }

            async fn put(&self, put: Put<'_>) -> Result<Swap, StoreError> {
                within(self.deadline, self.put_at_once(put)).await
            }

            async fn end(&self, end: End<'_>) -> Result<Swap, StoreError> {
                within(self.deadline, self.end_at_once(end)).await
            }

            async fn rename(
                &self,
                from: &RecordKey,
                put: Put<'_>,
                tombstone: Tombstone,
                grace: Duration,
            ) -> Result<Swap, StoreError> {
                within(self.deadline, self.rename_at_once(from, put, tombstone, grace)).await
            }

            fn lists_owners(&self) -> bool {
                true
            }

            async fn owned(&self, owner: &OwnerKey) -> Result<Vec<Owned>, StoreError> {
                within(self.deadline, self.owned_at_once(owner)).await
            }

            async fn sweep(&self, limit: u32) -> Result<u32, StoreError> {
                let swept = run(|| async {
                    let mut connection = self.pool.acquire().await?;
                    sqlx::query(AssertSqlSafe(self.statements.sweep.as_str()))
                        .bind(i64::from(limit))
                        .persistent(self.statements.cached)
                        .execute(&mut *connection)
                        .await
                });
                let swept = within(self.deadline, swept).await?;
                Ok(u32::try_from(swept.rows_affected()).unwrap_or(limit))
            }

            async fn check(&self) -> Result<(), StoreError> {
                within(self.deadline, self.exists()).await?;
                hardtack::store::probe(self).await
            }

            fn max_record_bytes(&self) -> usize {
                // A MEDIUMBLOB, and 4 MiB of MySQL's smallest usual max_allowed_packet with room to spare.
                3 * 1024 * 1024
            }
        }
    };
}

#[cfg(feature = "postgres")]
store! {
    /// Keeps sessions in PostgreSQL.
    PostgresStore, sqlx::PgPool, sqlx::PgConnection, crate::statements::POSTGRES
}
#[cfg(feature = "mysql")]
store! {
    /// Keeps sessions in MariaDB or MySQL.
    MySqlStore, sqlx::MySqlPool, sqlx::MySqlConnection, crate::statements::MYSQL
}
#[cfg(feature = "sqlite")]
store! {
    /// Keeps sessions in a file of SQLite.
    SqliteStore, sqlx::SqlitePool, sqlx::SqliteConnection, crate::statements::SQLITE
}
