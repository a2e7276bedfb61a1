//! The store, for every engine.

use crate::{
    engine::Engine,
    error::{failed, is_demoted, was_rolled_back},
    table::{Statements, Table, statements},
};
use hardtack::store::{
    End, Expect, Found, Owned, OwnerKey, Put, RecordKey, Store, StoreError, StoreErrorKind, Swap,
    Tombstone,
};
use sqlx::Pool;
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// How long a call waits before it begins anew. Writers that never waited could keep each other out in
/// step, so that one of them loses every time.
const PAUSE: Duration = Duration::from_millis(1);

/// Keeps sessions in a database, behind a pool of `sqlx`.
#[derive(Clone)]
pub struct SqlxStore<P> {
    pool: P,
    statements: Arc<Statements>,
    deadline: Duration,
    /// As many as the pool has connections.
    turns: Arc<Semaphore>,
}

impl<DB: Engine> SqlxStore<Pool<DB>> {
    /// Takes a pool. The table is `hardtack_session`.
    pub fn new(pool: Pool<DB>) -> Self {
        SqlxStore {
            turns: Arc::new(Semaphore::new(pool.options().get_max_connections() as usize)),
            pool,
            statements: statements(DB::STATEMENTS, "hardtack_session"),
            deadline: Duration::from_secs(2),
        }
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
        self.statements = statements(DB::STATEMENTS, table);
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
        self.call(|table| table.create()).await
    }

    /// Makes a call, anew after each rollback, until its deadline: `sqlx` has none for a query.
    async fn call<T, F>(&self, call: impl Fn(Table<DB>) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = sqlx::Result<T>>,
    {
        let once = async || {
            let table = Table {
                connection: self.pool.acquire().await?,
                statements: self.statements.clone(),
                is_idle: true,
            };
            call(table).await
        };
        let calls = async {
            // Half of the deadline is left to whoever gets a turn. With less than a connection takes, everybody in
            // line would give up their own, and a site in use would stay away when its database is back.
            let turn = timeout(self.deadline / 2, self.turns.acquire()).await;
            let _turn = turn.map_err(|_| failed(&sqlx::Error::PoolTimedOut))?;
            let mut is_second = false;
            loop {
                match once().await {
                    Err(error) if was_rolled_back(&error) => sleep(PAUSE).await,
                    // Its connection is closed.
                    Err(error) if is_demoted(&error) && !is_second => is_second = true,
                    answer => return answer.map_err(|error| failed(&error)),
                }
            }
        };
        let answer = timeout(self.deadline, calls).await;
        answer.unwrap_or_else(|_| Err(StoreErrorKind::Timeout.into()))
    }
}

/// Whether a table's name can stand in a statement as it is.
fn is_plain(table: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let starts = table.starts_with(|first: char| first.is_ascii_lowercase());
    starts && table.len() <= 48 && table.bytes().all(plain)
}

impl<P> fmt::Debug for SqlxStore<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqlxStore(..)")
    }
}

impl<DB: Engine> Store for SqlxStore<Pool<DB>> {
    async fn load(&self, key: &RecordKey, keep: Option<Duration>) -> Result<Found, StoreError> {
        self.call(|table| table.load(key, keep)).await
    }

    async fn put(&self, put: Put<'_>) -> Result<Swap, StoreError> {
        self.call(|table| table.put(put)).await
    }

    async fn end(&self, end: End<'_>) -> Result<Swap, StoreError> {
        self.call(|table| table.end(end)).await
    }

    async fn rename(
        &self,
        from: &RecordKey,
        mut put: Put<'_>,
        tombstone: Tombstone,
        grace: Duration,
    ) -> Result<Swap, StoreError> {
        let Expect::Tag(expected) = put.expect else {
            return Err(StoreErrorKind::Unsupported.into());
        };
        let end = End {
            key: from,
            expect: Some(expected),
            tombstone,
            grace,
            owner: None,
        };
        put.expect = Expect::Absent;
        self.call(|table| table.rename(put, end)).await
    }

    fn lists_owners(&self) -> bool {
        true
    }

    async fn owned(&self, owner: &OwnerKey) -> Result<Vec<Owned>, StoreError> {
        self.call(|table| table.owned(owner)).await
    }

    async fn sweep(&self, limit: u32) -> Result<u32, StoreError> {
        let swept = self.call(|table| table.sweep(limit)).await?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use hardtack::Timestamp;

    const ENDED: Tombstone = Tombstone::Ended(Timestamp::from_unix(7));

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

    #[cfg(feature = "sqlite")]
    async fn in_memory() -> SqlxStore<sqlx::SqlitePool> {
        let one = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
        let store = SqlxStore::new(one.connect("sqlite::memory:").await.unwrap());
        store.create_table().await.unwrap();
        store
    }

    /// Others may write between the two statements of a read.
    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn prolonging_comes_too_late_for_a_tombstone_and_for_a_longer_life() {
        use crate::engine::{Bytes, Number};

        let store = in_memory().await;
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
        let keep = async |hours: i64| {
            let keep = |mut table: Table<_>| async move {
                let values = [Number(hours * 3600), Bytes(Some(put.key.as_bytes()))];
                table.run("keep", &values).await
            };
            store.call(keep).await.unwrap();
        };
        let before = until().await;
        keep(1).await;
        assert_eq!(until().await, before);
        keep(6).await;
        assert!(until().await > before);
        let end = End {
            key: put.key,
            expect: None,
            tombstone: ENDED,
            grace: hour,
            owner: None,
        };
        store.end(end).await.unwrap();
        keep(6).await;
        assert!(until().await < before);
    }

    /// The trigger is another writer, between the two statements of an end.
    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn record_that_is_created_during_its_end_is_ended_too() {
        let store = in_memory().await;
        let trigger = "CREATE TRIGGER other BEFORE INSERT ON hardtack_session \
            WHEN NEW.record IS NULL BEGIN \
            INSERT INTO hardtack_session (id, tag, record, until) \
            VALUES (NEW.id, zeroblob(24), zeroblob(40), NEW.until); SELECT RAISE(IGNORE); END";
        sqlx::raw_sql(trigger).execute(&store.pool).await.unwrap();
        let key = RecordKey::from_bytes([7; 16]);
        let end = End {
            key: &key,
            expect: None,
            tombstone: ENDED,
            grace: Duration::from_secs(60),
            owner: None,
        };
        assert_eq!(store.end(end).await.unwrap(), Swap::Done);
        let there = store.load(&key, None).await.unwrap();
        assert_eq!(there, Found::Ended(ENDED));
    }
}
