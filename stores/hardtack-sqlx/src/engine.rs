//! The three stores. `sqlx` is generic over databases only with bounds longer than the code, so that a
//! macro writes each of them.

use crate::{
    error::{failed, is_taken, was_rolled_back},
    statements::Statements,
};
use hardtack::store::{
    End, Expect, Found, MAX_OWNED, Owned, OwnerKey, Put, RecordKey, Store, StoreError,
    StoreErrorKind, Swap, Tag, Tombstone,
};
use sqlx::{AssertSqlSafe, Database, Error, Executor, Pool, pool::PoolConnection, query::Query};
use std::{fmt, future::Future, sync::Arc, time::Duration};
use tokio::time::sleep;

/// The seconds that a row stays, with five minutes for clocks and sweeps.
fn life(keep: Duration) -> i64 {
    const CENTURY: u64 = 100 * 365 * 24 * 60 * 60;
    let seconds = keep.as_secs().min(CENTURY).cast_signed();
    seconds + 1 + 5 * 60
}

/// Reads a row: a record, or a tombstone in the column of the tag.
fn found(tag: &[u8], record: Option<Vec<u8>>) -> Result<Found, StoreError> {
    let found = match record {
        Some(record) => Tag::of(&record)
            .is_some_and(|of| of.as_bytes() == tag)
            .then_some(Found::Record(record)),
        None => Tombstone::decode(tag).map(Found::Ended),
    };
    found.ok_or(StoreErrorKind::Corrupt.into())
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

/// The connection of a call. Dropped before the work is done, it is closed. `sqlx` would keep it in its pool: with an
/// open transaction, whose writes are acknowledged and never committed; or until a server answers that is gone for good.
struct Held<DB: Database> {
    connection: PoolConnection<DB>,
    is_done: bool,
}

impl<DB: Database> Held<DB> {
    fn done<T>(mut self, answer: Result<T, Error>) -> Result<T, Error> {
        self.is_done = true;
        answer
    }
}

impl<DB: Database> Drop for Held<DB> {
    fn drop(&mut self) {
        if !self.is_done {
            self.connection.close_on_drop();
        }
    }
}

macro_rules! store {
    ($(#[$doc:meta])* $name:ident, $db:ty, $connection:ty, $dialect:expr) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name {
            pool: Pool<$db>,
            statements: Arc<Statements>,
            deadline: Duration,
        }

        impl $name {
            /// Takes a pool. The table is `hardtack_session`.
            pub fn new(pool: Pool<$db>) -> Self {
                let statements = Arc::new(Statements::new(&$dialect, "hardtack_session"));
                let deadline = Duration::from_secs(2);
                $name { pool, statements, deadline }
            }

            /// Sets the name of the table.
            ///
            /// # Errors
            ///
            /// A name with other characters than `a-z`, `0-9` and `_`, or longer than 48.
            pub fn table(mut self, table: &str) -> Result<Self, StoreError> {
                if !is_plain(table) {
                    let what = "a table's name has up to 48 characters of a-z, 0-9 and _";
                    return Err(StoreError::new(StoreErrorKind::Unsupported, what));
                }
                self.statements = Arc::new(Statements::new(&$dialect, table));
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
                if self.owned(&OwnerKey::from_bytes([0; 16])).await.is_ok() {
                    return Ok(());
                }
                let create = run(|| async {
                    let create = AssertSqlSafe(self.statements.create.clone());
                    let mut held = self.hold().await?;
                    let created = held.connection.execute(sqlx::raw_sql(create)).await;
                    held.done(created)
                });
                within(self.deadline, create).await?;
                Ok(())
            }

            async fn hold(&self) -> Result<Held<$db>, Error> {
                let connection = self.pool.acquire().await?;
                Ok(Held { connection, is_done: false })
            }

            fn query(&self, text: &Arc<str>) -> Query<'static, $db, <$db as Database>::Arguments> {
                sqlx::query(AssertSqlSafe(text.clone()))
            }

            /// Writes a record, or as a tombstone a tag without one. `false` if what is there is not as expected.
            async fn write(
                &self,
                connection: &mut $connection,
                tag: &[u8],
                put: &Put<'_>,
            ) -> Result<bool, Error> {
                let text = match put.expect {
                    Expect::Absent => &self.statements.insert,
                    Expect::Tag(_) => &self.statements.swap,
                };
                let mut write = self
                    .query(text)
                    .bind(tag)
                    .bind(Some(put.record).filter(|record| !record.is_empty()))
                    .bind(life(put.keep))
                    .bind(put.owner.map(|owner| &owner.key.as_bytes()[..]))
                    .bind(put.owner.map(|owner| owner.about))
                    .bind(&put.key.as_bytes()[..]);
                if let Some(expected) = put.expect.tag() {
                    write = write.bind(&expected.as_bytes()[..]);
                }
                match write.execute(connection).await {
                    Err(error) if is_taken(&error) => Ok(false),
                    done => Ok(done?.rows_affected() > 0),
                }
            }

            /// Turns a record into a tombstone. `false` if it is not as expected.
            async fn bury(&self, connection: &mut $connection, end: &End<'_>) -> Result<bool, Error> {
                let bury = self
                    .query(&self.statements.end)
                    .bind(end.tombstone.encode())
                    .bind(life(end.grace))
                    .bind(&end.key.as_bytes()[..])
                    .bind(end.expect.map(|tag| &tag.as_bytes()[..]));
                Ok(bury.execute(connection).await?.rows_affected() > 0)
            }

            /// Lists the live records of an owner but for one, without so many that end last.
            async fn list(
                &self,
                owner: &OwnerKey,
                but: Option<&RecordKey>,
                without: usize,
            ) -> Result<Vec<Owned>, StoreError> {
                let list = run(|| async {
                    let mut held = self.hold().await?;
                    let rows = sqlx::query_as(AssertSqlSafe(self.statements.list.clone()))
                        .bind(&owner.as_bytes()[..])
                        .bind(but.map(|key| &key.as_bytes()[..]))
                        .bind(without as i64)
                        .fetch_all(&mut *held.connection)
                        .await;
                    held.done(rows)
                });
                let rows: Vec<(Vec<u8>, Vec<u8>)> = list.await?;
                let owned = rows.into_iter().map(|(key, about)| {
                    let key = key.try_into().map_err(|_| StoreErrorKind::Corrupt)?;
                    let key = RecordKey::from_bytes(key);
                    Ok(Owned { key, about })
                });
                owned.collect()
            }

            /// Ends the records of an owner that are over first, if they have too many.
            async fn end_the_first(&self, put: &Put<'_>) -> Result<(), StoreError> {
                let Some(owner) = put.owner else {
                    return Ok(());
                };
                for over in self.list(owner.key, Some(put.key), MAX_OWNED - 1).await? {
                    let end = End::one_too_many(&over.key, owner.key);
                    self.end_at_once(end).await?;
                }
                Ok(())
            }

            async fn load_at_once(
                &self,
                key: &RecordKey,
                keep: Option<Duration>,
            ) -> Result<Found, StoreError> {
                let load = run(|| async {
                    let mut held = self.hold().await?;
                    let row: Option<(Vec<u8>, Option<Vec<u8>>, i64)> =
                        sqlx::query_as(AssertSqlSafe(self.statements.load.clone()))
                            .bind(&key.as_bytes()[..])
                            .fetch_optional(&mut *held.connection)
                            .await?;
                    // Once an hour at most: ends are rounded up.
                    if let (Some(life), Some((_, Some(_), left))) = (keep.map(life), &row)
                        && *left < life
                    {
                        let keep = self.query(&self.statements.keep).bind(life);
                        let keep = keep.bind(&key.as_bytes()[..]);
                        keep.execute(&mut *held.connection).await?;
                    }
                    held.done(Ok(row))
                });
                match load.await? {
                    Some((tag, record, ..)) => found(&tag, record),
                    None => Ok(Found::Missing),
                }
            }

            async fn end_at_once(&self, end: End<'_>) -> Result<Swap, StoreError> {
                let tombstone = Put {
                    key: end.key,
                    expect: Expect::Absent,
                    record: &[],
                    keep: end.grace,
                    owner: None,
                };
                loop {
                    let done = run(|| async {
                        let mut held = self.hold().await?;
                        let buried = self.bury(&mut held.connection, &end).await?;
                        if buried || end.expect.is_some() {
                            return held.done(Ok(buried));
                        }
                        let tag = end.tombstone.encode();
                        let written = self.write(&mut held.connection, &tag, &tombstone).await;
                        held.done(written)
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
                let tag = put.tag()?;
                within(self.deadline, async {
                    let done = run(|| async {
                        let mut held = self.hold().await?;
                        let written = self.write(&mut held.connection, tag.as_bytes(), &put).await;
                        held.done(written)
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
                })
                .await
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
                let tag = put.tag()?;
                let Some(expected) = put.expect.tag() else {
                    return Err(StoreErrorKind::Unsupported.into());
                };
                let end = End {
                    key: from,
                    expect: Some(expected),
                    tombstone,
                    grace,
                    owner: None,
                };
                let new = Put {
                    expect: Expect::Absent,
                    ..put
                };
                within(self.deadline, async {
                    let done = run(|| async {
                        let mut held = self.hold().await?;
                        let connection = &mut *held.connection;
                        // It begins with a write: SQLite would refuse one after a read at once.
                        connection.execute("BEGIN").await?;
                        let done = match self.write(connection, tag.as_bytes(), &new).await {
                            Ok(true) => self.bury(connection, &end).await,
                            not_done => not_done,
                        };
                        let last = if let Ok(true) = done { "COMMIT" } else { "ROLLBACK" };
                        connection.execute(last).await?;
                        held.done(done)
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
                })
                .await
            }

            fn lists_owners(&self) -> bool {
                true
            }

            async fn owned(&self, owner: &OwnerKey) -> Result<Vec<Owned>, StoreError> {
                within(self.deadline, self.list(owner, None, 0)).await
            }

            async fn sweep(&self, limit: u32) -> Result<u32, StoreError> {
                let sweep = run(|| async {
                    let sweep = self.query(&self.statements.sweep).bind(i64::from(limit));
                    let mut held = self.hold().await?;
                    let swept = sweep.execute(&mut *held.connection).await;
                    held.done(swept)
                });
                let swept = within(self.deadline, sweep).await?.rows_affected();
                Ok(u32::try_from(swept).unwrap_or(limit))
            }

            async fn check(&self) -> Result<(), StoreError> {
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
    PostgresStore, sqlx::Postgres, sqlx::PgConnection, crate::statements::POSTGRES
}
#[cfg(feature = "mysql")]
store! {
    /// Keeps sessions in MariaDB or MySQL.
    MySqlStore, sqlx::MySql, sqlx::MySqlConnection, crate::statements::MYSQL
}
#[cfg(feature = "sqlite")]
store! {
    /// Keeps sessions in a file of SQLite.
    SqliteStore, sqlx::Sqlite, sqlx::SqliteConnection, crate::statements::SQLITE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_stays_five_minutes_longer() {
        assert_eq!(life(Duration::ZERO), 301);
        assert_eq!(life(Duration::from_millis(7_999)), 308);
        assert_eq!(life(Duration::MAX), 36_500 * 24 * 3600 + 301);
    }

    #[test]
    fn table_has_a_plain_name() {
        let longest = "a".repeat(48);
        for name in ["hardtack_session", "a", "s2", &longest] {
            assert!(is_plain(name), "{name}");
        }
        for name in [
            "", "Sessions", "sESSIONS", "a b", "a-b", "a;drop", "1st", "_a", "ä", "aä",
        ] {
            assert!(!is_plain(name), "{name}");
        }
        assert!(!is_plain(&(longest + "a")));
    }

    /// Others may write between the two statements of a read.
    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn prolonging_comes_too_late_for_a_tombstone_and_for_a_longer_life() {
        let one = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
        let store = SqliteStore::new(one.connect("sqlite::memory:").await.unwrap());
        store.create_table().await.unwrap();
        let hour = Duration::from_secs(3600);
        let put = Put {
            key: &RecordKey::from_bytes([7; 16]),
            expect: Expect::Absent,
            record: &[7; 40],
            keep: hour * 4,
            owner: None,
        };
        store.put(put).await.unwrap();
        let until = async || -> i64 {
            let until = sqlx::query_scalar("SELECT until FROM hardtack_session");
            until.fetch_one(&store.pool).await.unwrap()
        };
        let keep = async |keep| {
            let keep = store.query(&store.statements.keep).bind(life(keep));
            let keep = keep.bind(&put.key.as_bytes()[..]);
            keep.execute(&store.pool).await.unwrap();
        };
        let before = until().await;
        keep(hour).await;
        assert_eq!(until().await, before);
        keep(hour * 6).await;
        assert!(until().await > before);
        let end = End {
            key: put.key,
            expect: None,
            tombstone: Tombstone::Ended,
            grace: hour,
            owner: None,
        };
        store.end(end).await.unwrap();
        keep(hour * 6).await;
        assert!(until().await < before);
    }

    #[test]
    fn tag_that_is_not_of_its_record_is_corrupt() {
        let record = vec![7; 40];
        let answer = found(&record[..24], Some(record.clone()));
        assert_eq!(answer.unwrap(), Found::Record(record.clone()));
        for (tag, record) in [
            (&[8; 24][..], Some(record)),
            (&[7; 24], None),
            (b"d", Some(vec![7])),
        ] {
            let error = found(tag, record).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Corrupt);
        }
    }
}
