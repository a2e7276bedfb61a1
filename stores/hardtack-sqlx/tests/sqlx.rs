//! The stores on real databases.
#![cfg(all(feature = "mysql", feature = "postgres", feature = "sqlite"))]

use hardtack::store::{
    Expect, Found, Owner, OwnerKey, Put, RecordKey, Store, StoreError, StoreErrorKind, Swap, Tag,
    Tombstone,
    conformance::{self, Fixture},
};
use hardtack_sqlx::{MySqlStore, PostgresStore, SqliteStore};
use servers::{
    AT, Broken, Dump, Engine, Fault, PATIENT, Proxy, Server, costs_what_it_uses, create, end,
    ends_at, names_nothing, new_key, opens_no_record, rename_onto_another_record_changes_nothing,
    serves_sessions, sessions_survive, survives_faults, works_again,
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Executor, PgPool, SqlitePool,
    mysql::{MySqlConnectOptions, MySqlPoolOptions},
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    collections::BTreeMap,
    error::Error as _,
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};
use tokio::{
    sync::Semaphore,
    task::{JoinSet, yield_now},
    time::{interval, sleep, timeout},
};

const HOUR: Duration = Duration::from_secs(3600);
const TABLES: [&str; 2] = ["conformance", "stranger"];

/// Lets time pass: everything has that much less of it.
fn advance(table: &str, by: Duration) -> AssertSqlSafe<String> {
    let seconds = by.as_secs();
    AssertSqlSafe(format!("UPDATE {table} SET until = until - {seconds}"))
}

/// The record of `put` under another key, for a rename of the version with this tag.
fn renamed_to<'a>(put: Put<'a>, key: &'a RecordKey, tag: &'a Tag) -> Put<'a> {
    let expect = Expect::Tag(tag);
    Put { key, expect, ..put }
}

/// The log says what helps.
fn assert_advises(error: StoreError, method: &str) {
    let cause = error.source().unwrap().to_string();
    assert!(cause.contains(method), "{cause}");
}

fn options(port: u16) -> PgConnectOptions {
    PgConnectOptions::new()
        .host("127.0.0.1")
        .port(port)
        .username("postgres")
        .database("postgres")
        .password("hidden")
        .disable_statement_logging()
}

async fn pool(options: PgConnectOptions) -> PgPool {
    let pool = PgPoolOptions::new().max_connections(8);
    // The deadline of a call is the shorter one.
    let pool = pool.acquire_timeout(PATIENT * 2);
    pool.connect_with(options).await.unwrap()
}

struct Postgres {
    server: Server,
    isolation: &'static str,
}

impl Fixture for Postgres {
    type Store = PostgresStore;

    async fn connect(&self, namespace: &str) -> PostgresStore {
        // The time zone must not matter.
        let options = options(self.server.port()).options([
            ("timezone", "Asia/Kolkata"),
            ("default_transaction_isolation", self.isolation),
        ]);
        let store = PostgresStore::new(pool(options).await).deadline(PATIENT);
        let store = store.table(namespace).unwrap();
        store.create_table().await.unwrap();
        store
    }

    async fn advance(&self, by: Duration) -> bool {
        let pool = pool(options(self.server.port())).await;
        for table in TABLES {
            pool.execute(advance(table, by)).await.unwrap();
        }
        true
    }
}

#[tokio::test]
async fn postgres_passes_the_whole_suite() {
    let Some(server) = servers::postgres() else {
        return;
    };
    let mut fixture = Postgres {
        server,
        isolation: "read committed",
    };
    for isolation in ["read committed", "repeatable read", "serializable"] {
        fixture.isolation = isolation;
        let report = conformance::run(&fixture).await;
        assert!(report.passed(), "{isolation}:\n{report}");
        assert_eq!(report.skipped().count(), 0, "{report}");
    }
}

async fn prepared(pool: &PgPool) -> i64 {
    let count = sqlx::raw_sql("SELECT count(*) FROM pg_prepared_statements");
    sqlx::Row::get(&count.fetch_one(pool).await.unwrap(), 0)
}

/// A pooler that works by transactions gives the next one a connection that has not prepared anything.
#[tokio::test]
async fn postgres_prepares_each_statement_once_and_tells_that_a_pooler_loses_them() {
    let Some(server) = servers::postgres() else {
        return;
    };
    let pool = || async {
        let one = PgPoolOptions::new().max_connections(1);
        one.connect_with(options(server.port())).await.unwrap()
    };
    let (key, record) = (new_key(), [7; 40]);
    let with = pool().await;
    let store = PostgresStore::new(with.clone()).deadline(PATIENT);
    store.create_table().await.unwrap();
    let before = prepared(&with).await;
    for _ in 0..3 {
        store.put(create(&key, &record)).await.unwrap();
        store.load(&key, None).await.unwrap();
        assert_eq!(prepared(&with).await, before + 2);
    }
    assert!(
        !server.log().contains("duplicate key"),
        "the log names keys"
    );
    let change_connection = "DEALLOCATE ALL";
    with.execute(sqlx::raw_sql(change_connection))
        .await
        .unwrap();
    let lost = store.load(&key, None).await.unwrap_err();
    assert_eq!(lost.kind(), StoreErrorKind::Unavailable);
    assert_advises(lost, "README");
}

/// A store on a pool of one connection, and the pool.
async fn one_connection(options: PgConnectOptions) -> (PgPool, PostgresStore) {
    let pool = PgPoolOptions::new().max_connections(1);
    let pool = pool.connect_with(options).await.unwrap();
    let store = PostgresStore::new(pool.clone()).deadline(PATIENT);
    store.create_table().await.unwrap();
    (pool, store)
}

/// Tells which connection it is.
async fn backend(pool: &PgPool) -> i32 {
    let pid = sqlx::query_scalar("SELECT pg_backend_pid()");
    pid.fetch_one(pool).await.unwrap()
}

/// A transaction that was cut short costs its connection, and no other does.
#[tokio::test]
async fn renames_share_one_connection() {
    let Some(server) = servers::postgres() else {
        return;
    };
    let (pool, store) = one_connection(options(server.port())).await;
    let first = backend(&pool).await;
    let (key, record) = (new_key(), [7; 40]);
    store.put(create(&key, &record)).await.unwrap();
    let tag = Tag::of(&record).unwrap();
    for expected in [Swap::Done, Swap::Ended(Tombstone::Destroyed(AT))] {
        let to = new_key();
        let put = Put {
            expect: Expect::Tag(&tag),
            ..create(&to, &[8; 40])
        };
        let renamed = store
            .rename(&key, put, Tombstone::Destroyed(AT), HOUR)
            .await;
        assert_eq!(renamed.unwrap(), expected);
        assert_eq!(backend(&pool).await, first);
    }
    pool.execute("ALTER TABLE hardtack_session ADD CHECK (until < 0) NOT VALID")
        .await
        .unwrap();
    let to = new_key();
    let put = Put {
        expect: Expect::Tag(&tag),
        ..create(&to, &[8; 40])
    };
    let refused = store
        .rename(&key, put, Tombstone::Destroyed(AT), HOUR)
        .await;
    refused.unwrap_err();
    assert_eq!(backend(&pool).await, first);
}

struct MariaDb(Server);

impl MariaDb {
    async fn pool(&self) -> sqlx::MySqlPool {
        let options = MySqlConnectOptions::new()
            .host("127.0.0.1")
            .port(self.0.port())
            .username("root")
            .disable_statement_logging();
        let pool = MySqlPoolOptions::new().max_connections(8);
        let pool = pool.after_connect(|connection, _| {
            Box::pin(async move {
                let create = "CREATE DATABASE IF NOT EXISTS site CHARACTER SET utf8mb4";
                connection.execute(create).await?;
                connection.execute("USE site").await?;
                Ok(())
            })
        });
        pool.connect_with(options).await.unwrap()
    }
}

impl Fixture for MariaDb {
    type Store = MySqlStore;

    async fn connect(&self, namespace: &str) -> MySqlStore {
        let store = MySqlStore::new(self.pool().await).deadline(PATIENT);
        let store = store.table(namespace).unwrap();
        store.create_table().await.unwrap();
        store
    }

    async fn advance(&self, by: Duration) -> bool {
        let pool = self.pool().await;
        for table in TABLES {
            pool.execute(advance(table, by)).await.unwrap();
        }
        true
    }
}

#[tokio::test]
async fn mariadb_passes_the_whole_suite() {
    let Some(server) = servers::mariadb() else {
        return;
    };
    let report = conformance::run(&MariaDb(server)).await;
    assert!(report.passed(), "{report}");
    assert_eq!(report.skipped().count(), 0, "{report}");
}

/// MariaDB says so when it has waited for the lock of a row as long as it is told to.
#[tokio::test]
async fn mariadb_is_asked_again_while_a_row_is_locked() {
    let Some(server) = servers::mariadb() else {
        return;
    };
    let mariadb = MariaDb(server);
    let never = "SET GLOBAL innodb_lock_wait_timeout = 0";
    mariadb.pool().await.execute(never).await.unwrap();
    let store = mariadb.connect("locked").await;
    let (key, record) = (new_key(), [7; 40]);
    store.put(create(&key, &record)).await.unwrap();
    let tag = Tag::of(&record).unwrap();
    let swap = Put {
        expect: Expect::Tag(&tag),
        ..create(&key, &[8; 40])
    };
    let mut other = mariadb.pool().await.begin().await.unwrap();
    other
        .execute("UPDATE locked SET until = until + 1")
        .await
        .unwrap();
    let short = store.clone().deadline(Duration::from_millis(200));
    let error = short.put(swap).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
    // The README: so it costs no connection.
    let limit = "SET GLOBAL max_statement_time = 0.2, GLOBAL innodb_lock_wait_timeout = 50";
    mariadb.pool().await.execute(limit).await.unwrap();
    let limited = mariadb.connect("locked").await;
    let error = limited.put(swap).await.unwrap_err();
    assert_advises(error, "longer than the server lets");
    other.rollback().await.unwrap();
    assert_eq!(store.put(swap).await.unwrap(), Swap::Done);
}

/// What another process has locked is not an error before the deadline.
#[tokio::test]
async fn sqlite_is_asked_again_while_the_file_is_locked() {
    let sqlite = Sqlite::new("locked");
    let one = || SqlitePoolOptions::new().max_connections(1);
    let options = SqliteConnectOptions::new()
        .filename(sqlite.0.join("sessions.db"))
        .create_if_missing(true)
        .busy_timeout(Duration::ZERO)
        .disable_statement_logging();
    let other = one().connect_with(options.clone()).await.unwrap();
    let store = SqliteStore::new(one().connect_with(options).await.unwrap());
    store.create_table().await.unwrap();
    let (key, to, record) = (new_key(), new_key(), [7; 40]);
    let (put, owner) = (create(&key, &record), OwnerKey::from_bytes([7; 16]));
    store.put(put).await.unwrap();
    let tag = put.tag().unwrap();
    let renamed = renamed_to(put, &to, &tag);
    let moved = Tombstone::Moved(to, AT);
    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    let short = store.clone().deadline(Duration::from_millis(100));
    let refused = [
        short.load(&key, None).await.err(),
        short.put(put).await.err(),
        short.end(end(&key)).await.err(),
        short.rename(&key, renamed, moved, HOUR).await.err(),
        short.owned(&owner).await.err(),
        short.sweep(1).await.err(),
        short.create_table().await.err(),
    ];
    for error in refused {
        assert_eq!(error.unwrap().kind(), StoreErrorKind::Timeout);
    }
    other.execute("ROLLBACK").await.unwrap();
    let store = store.deadline(PATIENT);
    let found = store.load(&key, None).await.unwrap();
    assert_eq!(found, Found::Record(record.to_vec()));

    // A tombstone is only read, however long a record would be kept.
    store.end(end(&key)).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let found = store.load(&key, Some(HOUR * 24)).await.unwrap();
    assert_eq!(found, Found::Ended(Tombstone::Destroyed(AT)));
}

#[tokio::test]
async fn log_says_that_the_table_is_missing() {
    let key = new_key();
    let sqlite = Sqlite::new("missing-table");
    let store = SqliteStore::new(sqlite.pool().await);
    let missing = store.load(&key, None).await.unwrap_err();
    assert_advises(missing, "create_table");
    if let Some(server) = servers::postgres() {
        let store = PostgresStore::new(pool(options(server.port())).await);
        let missing = store.deadline(PATIENT).load(&key, None).await;
        assert_advises(missing.unwrap_err(), "create_table");
    }
    if let Some(server) = servers::mariadb() {
        let mariadb = MariaDb(server);
        let store = MySqlStore::new(mariadb.pool().await);
        let missing = store.deadline(PATIENT).load(&key, None).await;
        assert_advises(missing.unwrap_err(), "create_table");
    }
}

struct Sqlite(PathBuf);

impl Sqlite {
    fn new(test: &str) -> Self {
        let name = format!("hardtack-sqlite-{test}-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).unwrap();
        Sqlite(directory)
    }

    async fn pool(&self) -> SqlitePool {
        let options = SqliteConnectOptions::new()
            .filename(self.0.join("sessions.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new().max_connections(4);
        pool.connect_with(options).await.unwrap()
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Fixture for Sqlite {
    type Store = SqliteStore;

    async fn connect(&self, namespace: &str) -> SqliteStore {
        let store = SqliteStore::new(self.pool().await).deadline(PATIENT);
        let store = store.table(namespace).unwrap();
        store.create_table().await.unwrap();
        store
    }

    async fn advance(&self, by: Duration) -> bool {
        let pool = self.pool().await;
        for table in TABLES {
            pool.execute(advance(table, by)).await.unwrap();
        }
        true
    }
}

#[tokio::test]
async fn sqlite_passes_the_whole_suite() {
    let report = conformance::run(&Sqlite::new("suite")).await;
    assert!(report.passed(), "{report}");
    assert_eq!(report.skipped().count(), 0, "{report}");
}

#[tokio::test]
async fn row_ends_at_the_first_full_hour_and_a_tombstone_keeps_nothing() {
    let sqlite = Sqlite::new("rows");
    let (pool, store) = (
        sqlite.pool().await,
        sqlite.connect("hardtack_session").await,
    );
    let (key, owner) = (new_key(), OwnerKey::from_bytes([7; 16]));
    let put = Put {
        owner: Some(Owner {
            key: &owner,
            about: b"phone",
            keep: HOUR,
        }),
        ..create(&key, &[7; 40])
    };
    let time = || UNIX_EPOCH.elapsed().unwrap().as_secs().cast_signed();
    let row = "SELECT until, tag, record, owner, about FROM hardtack_session";
    type Row = (
        i64,
        Vec<u8>,
        Option<Vec<u8>>,
        Option<Vec<u8>>,
        Option<Vec<u8>>,
    );
    let row = async || -> Row { sqlx::query_as(row).fetch_one(&pool).await.unwrap() };
    let life = 3600 + 301;
    let first = time() + life;
    store.put(put).await.unwrap();
    let last = || time() + life + 3599;
    let (until, ..) = row().await;
    assert!((first..=last()).contains(&until) && until % 3600 == 0);

    // A read writes only if the row ends too early, and then whole hours.
    store.load(&key, Some(HOUR)).await.unwrap();
    assert_eq!(row().await.0, until);
    store.load(&key, Some(HOUR * 4)).await.unwrap();
    let (until, ..) = row().await;
    assert!((first + 3 * 3600..=last() + 3 * 3600).contains(&until) && until % 3600 == 0);
    pool.execute("CREATE TRIGGER t UPDATE ON hardtack_session BEGIN SELECT RAISE(FAIL, 'x'); END")
        .await
        .unwrap();
    store.load(&key, Some(HOUR * 4)).await.unwrap();
    store.load(&key, Some(HOUR * 5)).await.unwrap_err();
    pool.execute("DROP TRIGGER t").await.unwrap();

    // Before a sweep, a list names what is over for the database: somebody else's clock may let it in.
    pool.execute(advance("hardtack_session", HOUR * 8))
        .await
        .unwrap();
    assert_eq!(store.owned(&owner).await.unwrap().len(), 1);
    let found = store.load(&key, None).await.unwrap();
    assert_eq!(found, Found::Record(vec![7; 40]));

    store.end(end(&key)).await.unwrap();
    let (until, tag, record, owner, about) = row().await;
    assert!((first..=last()).contains(&until));
    assert_eq!(
        (tag, record, owner, about),
        (Tombstone::Destroyed(AT).encode(), None, None, None)
    );

    // An end of nothing stays as long.
    pool.execute("DELETE FROM hardtack_session").await.unwrap();
    store.end(end(&key)).await.unwrap();
    let (until, ..) = row().await;
    assert!((first..=last()).contains(&until));

    // So does what a rename leaves.
    pool.execute("DELETE FROM hardtack_session").await.unwrap();
    let (from, to, record) = (new_key(), new_key(), [7; 40]);
    store.put(create(&from, &record)).await.unwrap();
    let tag = Tag::of(&record).unwrap();
    let renamed = Put {
        expect: Expect::Tag(&tag),
        keep: HOUR * 24,
        ..create(&to, &record)
    };
    let moved = Tombstone::Moved(to, AT);
    store.rename(&from, renamed, moved, HOUR).await.unwrap();
    pool.execute("DELETE FROM hardtack_session WHERE record IS NOT NULL")
        .await
        .unwrap();
    let (until, ..) = row().await;
    assert!((first..=last()).contains(&until));

    // An id of another length is not a key.
    pool.execute("UPDATE hardtack_session SET id = x'07', owner = zeroblob(16), about = x''")
        .await
        .unwrap();
    let listed = store.owned(&OwnerKey::from_bytes([0; 16])).await;
    assert_eq!(listed.err().unwrap().kind(), StoreErrorKind::Corrupt);
}

/// A sweep that deletes less lets a table grow faster than it shrinks.
#[tokio::test]
async fn sweep_deletes_as_many_as_it_may_and_counts_them() {
    let sqlite = Sqlite::new("sweep");
    let store = sqlite.connect("hardtack_session").await;
    for _ in 0..3 {
        store.put(create(&new_key(), &[7; 40])).await.unwrap();
    }
    let over = advance("hardtack_session", HOUR * 8);
    sqlite.pool().await.execute(over).await.unwrap();
    for swept in [2, 1, 0] {
        assert_eq!(store.sweep(2).await.unwrap(), swept);
    }
}

/// A list would grow without bound if a store forgot that it could not end the first records.
#[tokio::test]
async fn records_that_an_owner_has_too_many_all_end_or_the_write_fails() {
    let sqlite = Sqlite::new("owner");
    let (pool, store) = (
        sqlite.pool().await,
        sqlite.connect("hardtack_session").await,
    );
    let (key, next, owner) = (new_key(), new_key(), OwnerKey::from_bytes([0; 16]));
    let owner = Owner {
        key: &owner,
        about: b"",
        keep: HOUR,
    };
    let put = Put {
        owner: Some(owner),
        ..create(&key, &[7; 40])
    };
    let many = "INSERT INTO hardtack_session \
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1002) \
        SELECT randomblob(16), x'07', x'07', i & 1 << 40, zeroblob(16), x'' FROM n";
    pool.execute(many).await.unwrap();
    assert_eq!(store.put(put).await.unwrap(), Swap::Done);
    assert_eq!(store.owned(owner.key).await.unwrap().len(), 1_000);

    pool.execute("CREATE TRIGGER t UPDATE ON hardtack_session BEGIN SELECT RAISE(FAIL, 'x'); END")
        .await
        .unwrap();
    let put = Put { key: &next, ..put };
    store.put(put).await.unwrap_err();
    pool.execute("DROP TRIGGER t").await.unwrap();
    assert_eq!(store.owned(owner.key).await.unwrap().len(), 1_001);
    assert_eq!(store.put(put).await.unwrap(), Swap::Done);
    assert_eq!(store.owned(owner.key).await.unwrap().len(), 1_000);
    // A row that cannot be listed.
    pool.execute(many).await.unwrap();
    let junk = "UPDATE hardtack_session SET id = x'07', until = until - 1 \
        WHERE id = (SELECT id FROM hardtack_session WHERE tag = x'07' LIMIT 1)";
    pool.execute(junk).await.unwrap();
    let (key, to) = (new_key(), new_key());
    let error = store.put(Put { key: &key, ..put }).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    let tag = put.tag().unwrap();
    let renamed = renamed_to(put, &to, &tag);
    let moved = Tombstone::Moved(to, AT);
    let error = store.rename(&key, renamed, moved, HOUR).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
}

/// What the suite cannot ask of every store.
#[tokio::test]
async fn rename_onto_a_record_of_somebody_else_changes_nothing() {
    let sqlite = Sqlite::new("rename");
    let store = sqlite.connect("hardtack_session").await;
    assert_eq!(format!("{store:?}"), "SqlxStore(..)");
    assert_eq!(store.max_record_bytes(), 3 << 20);
    rename_onto_another_record_changes_nothing(&store).await;

    // One that is repeated finds its own record, however often others have written it since.
    let (from, to) = (new_key(), new_key());
    let put = create(&from, &[1; 40]);
    store.put(put).await.unwrap();
    let (old, new) = (put.tag().unwrap(), Tag::from_bytes([2; 24]));
    let renamed = Put {
        record: &[2; 40],
        ..renamed_to(put, &to, &old)
    };
    let moved = Tombstone::Moved(to, AT);
    let written = Put {
        record: &[3; 40],
        ..renamed_to(put, &to, &new)
    };
    let rename = || store.rename(&from, renamed, moved, HOUR);
    assert_eq!(rename().await.unwrap(), Swap::Done);
    assert_eq!(rename().await.unwrap(), Swap::Done);
    assert_eq!(store.put(written).await.unwrap(), Swap::Done);
    assert_eq!(rename().await.unwrap(), Swap::Done);

    let (from, to, record) = (new_key(), new_key(), [1; 40]);
    store.put(create(&from, &record)).await.unwrap();
    let tag = Tag::of(&record).unwrap();
    let put = Put {
        expect: Expect::Tag(&tag),
        ..create(&to, &[3; 40])
    };
    let moved = Tombstone::Moved(to, AT);
    // Without a transaction, half of it could stay.
    let pool = SqlitePoolOptions::new().max_connections(1);
    let pool = pool.connect("sqlite::memory:").await.unwrap();
    let busy = SqliteStore::new(pool.clone());
    busy.create_table().await.unwrap();
    busy.put(create(&from, &record)).await.unwrap();
    pool.execute("BEGIN").await.unwrap();
    busy.rename(&from, put, moved, HOUR).await.unwrap_err();

    let refused = [
        (
            Put {
                record: b"d",
                ..put
            },
            StoreErrorKind::Corrupt,
        ),
        (create(&to, &[3; 40]), StoreErrorKind::Unsupported),
    ];
    for (put, kind) in refused {
        let error = store.rename(&from, put, moved, HOUR).await.unwrap_err();
        assert_eq!(error.kind(), kind);
    }
}

/// A rename that is acknowledged and not committed is a lost session, and so is every write in a transaction that stays
/// open behind it.
#[tokio::test]
async fn rename_whose_commit_fails_is_an_error_and_leaves_no_transaction() {
    let sqlite = Sqlite::new("commit");
    let elsewhere = sqlite.connect("hardtack_session").await;
    let file = SqliteConnectOptions::new().filename(sqlite.0.join("sessions.db"));
    let pool = SqlitePoolOptions::new().max_connections(1);
    let pool = pool.connect_with(file.disable_statement_logging()).await;
    let pool = pool.unwrap();
    let store = SqliteStore::new(pool.clone()).deadline(PATIENT);
    let (from, to, next, record) = (new_key(), new_key(), new_key(), [1; 40]);
    let put = create(&from, &record);
    store.put(put).await.unwrap();
    let tag = put.tag().unwrap();
    let renamed = renamed_to(put, &to, &tag);
    let deferred = "CREATE TABLE one (i INTEGER PRIMARY KEY); \
        CREATE TABLE other (i REFERENCES one DEFERRABLE INITIALLY DEFERRED); \
        CREATE TRIGGER t INSERT ON hardtack_session BEGIN INSERT INTO other VALUES (1); END";
    pool.execute(sqlx::raw_sql(deferred)).await.unwrap();
    let moved = Tombstone::Moved(to, AT);
    let error = store.rename(&from, renamed, moved, HOUR).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);

    pool.execute("DROP TRIGGER t").await.unwrap();
    store.put(create(&next, &record)).await.unwrap();
    for key in [from, next] {
        let found = elsewhere.load(&key, None).await.unwrap();
        assert_eq!(found, Found::Record(record.to_vec()));
    }
    let found = elsewhere.load(&to, None).await.unwrap();
    assert_eq!(found, Found::Missing);
}

#[tokio::test]
async fn broken_connections_are_errors_and_heal() {
    let Some(mut server) = servers::postgres() else {
        return;
    };
    let proxy = Proxy::start(server.port());
    let store = PostgresStore::new(pool(options(proxy.port())).await);
    let store = store.deadline(PATIENT);
    store.create_table().await.unwrap();
    survives_faults(&store, &proxy).await;
    proxy.set(Fault::Hang);
    ends_at(PATIENT, store.sweep(1)).await;
    ends_at(PATIENT, store.create_table()).await;

    proxy.set(Fault::Refuse);
    let key = new_key();
    let error = store.load(&key, None).await.unwrap_err();
    let port = proxy.port().to_string();
    names_nothing(&error, &["127.0.0.1", &port, "hidden", "hardtack_session"]);
    proxy.set(Fault::None);

    // A restart is an outage and no logout.
    let record = [7; 40];
    assert_eq!(
        works_again(|| store.put(create(&key, &record))).await,
        Swap::Done
    );
    server.stop();
    let error = store.load(&key, None).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    server.restart();
    let found = works_again(|| store.load(&key, None)).await;
    assert_eq!(found, Found::Record(record.to_vec()));
}

/// A server that is gone for good sends no reset. Whoever waits for its answer has a connection less.
#[tokio::test]
async fn connections_to_a_server_that_is_gone_are_not_waited_for() {
    let Some(server) = servers::postgres() else {
        return;
    };
    let proxy = Proxy::start(server.port());
    let pool = PgPoolOptions::new().max_connections(1);
    // So that the server is gone while it works for a call, and not while the pool asks.
    let pool = pool.test_before_acquire(false);
    let pool = pool.acquire_timeout(PATIENT * 2);
    let pool = pool.connect_with(options(proxy.port())).await.unwrap();
    let store = PostgresStore::new(pool.clone()).deadline(PATIENT);
    store.create_table().await.unwrap();
    let key = new_key();
    let (record, owner) = ([7; 40], OwnerKey::from_bytes([7; 16]));
    for call in 0..6 {
        // The pool asks a connection that comes back whether it works, without a deadline.
        while pool.num_idle() == 0 {
            yield_now().await;
        }
        proxy.set(Fault::Hang);
        match call {
            0 => ends_at(PATIENT, store.load(&key, None)).await,
            1 => ends_at(PATIENT, store.put(create(&key, &record))).await,
            2 => ends_at(PATIENT, store.end(end(&key))).await,
            3 => ends_at(PATIENT, store.owned(&owner)).await,
            4 => ends_at(PATIENT, store.sweep(1)).await,
            _ => ends_at(PATIENT, store.create_table()).await,
        }
        proxy.set(Fault::Gone);
        let found = works_again(|| store.load(&key, None)).await;
        assert_eq!(found, Found::Missing, "{call}");
    }
}

#[tokio::test]
async fn empty_pool_keeps_the_deadline() {
    let Some(server) = servers::postgres() else {
        return;
    };
    let pool = PgPoolOptions::new().max_connections(1);
    let pool = pool.connect_with(options(server.port())).await.unwrap();
    let store = PostgresStore::new(pool.clone());
    let patient = store.clone().deadline(PATIENT);
    patient.create_table().await.unwrap();
    let busy = pool.acquire().await.unwrap();
    // The default.
    ends_at(Duration::from_secs(2), store.load(&new_key(), None)).await;
    drop(busy);
    let store = patient;
    store.load(&new_key(), None).await.unwrap();

    // What is wrong with the table has a code and no value.
    pool.execute("ALTER TABLE hardtack_session ADD CHECK (until < 0)")
        .await
        .unwrap();
    let key = new_key();
    let error = store.put(create(&key, &[0x61; 40])).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    names_nothing(&error, &["616161", "hardtack_session", "until"]);
}

/// Callers stand in line for the pool. If whoever comes to the front had less time left than a connection takes, nobody
/// would open one, and neither would anybody after them.
#[tokio::test]
async fn site_in_use_comes_back_when_its_database_does() {
    const DEADLINE: Duration = Duration::from_secs(1);
    const EVERY: Duration = Duration::from_millis(20);
    let sqlite = Sqlite::new("away");
    sqlite.connect("hardtack_session").await;
    let is_back = Arc::new(Semaphore::new(0));
    let opens = is_back.clone();
    let pool = SqlitePoolOptions::new().max_connections(1);
    let pool = pool.after_connect(move |_, _| {
        let opens = opens.clone();
        Box::pin(async move {
            let _opens = opens.acquire().await.unwrap();
            // What TLS and a password take.
            sleep(EVERY * 15).await;
            Ok(())
        })
    });
    let file = SqliteConnectOptions::new().filename(sqlite.0.join("sessions.db"));
    let store = SqliteStore::new(pool.connect_lazy_with(file)).deadline(DEADLINE);
    let (key, mut ticks, mut visits) = (new_key(), interval(EVERY), JoinSet::new());
    let mut next = async || {
        ticks.tick().await;
        let store = store.clone();
        visits.spawn(async move { store.load(&key, None).await });
        visits.try_join_next().map(Result::unwrap)
    };
    // As long as a call may take, and once more: the line is full.
    for _ in 0..2 * DEADLINE.as_millis() / EVERY.as_millis() {
        if let Some(answer) = next().await {
            assert_eq!(answer.unwrap_err().kind(), StoreErrorKind::Timeout);
        }
    }
    is_back.add_permits(1);
    let served = async { while !matches!(next().await, Some(Ok(Found::Missing))) {} };
    timeout(PATIENT, served).await.expect("still away");
}

/// A connection that is open leads to the server that was the primary, whoever is it now.
#[tokio::test]
async fn demoted_primary_is_left() {
    let Some(server) = servers::mariadb() else {
        return;
    };
    let mariadb = MariaDb(server);
    let primary = mariadb.connect("hardtack_session").await;
    let admin = mariadb.pool().await;
    // Whoever may do all writes to a server that only reads.
    let users = "FLUSH PRIVILEGES; CREATE USER site@'%', site@localhost; \
        GRANT SELECT, INSERT, UPDATE, DELETE ON site.* TO site@'%', site@localhost; \
        SET GLOBAL read_only = 1";
    admin.execute(sqlx::raw_sql(users)).await.unwrap();
    let root = MySqlConnectOptions::new()
        .host("127.0.0.1")
        .port(mariadb.0.port())
        .database("site")
        .username("root")
        .disable_statement_logging();
    let site = root.clone().username("site");
    let pool = async |size| {
        let pool = MySqlPoolOptions::new().max_connections(size);
        let pool = pool.connect_with(site.clone()).await.unwrap();
        let mut all = Vec::new();
        for _ in 0..size {
            all.push(pool.acquire().await.unwrap());
        }
        drop(all);
        while pool.num_idle() < size as usize {
            yield_now().await;
        }
        pool
    };
    let record = [7; 40];
    // Nobody is the primary yet: one more try, and no other.
    let key = new_key();
    let store = MySqlStore::new(pool(1).await).deadline(PATIENT);
    let error = store.put(create(&key, &record)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    names_nothing(&error, &["site", "127.0.0.1", "hardtack_session"]);
    assert_advises(error, "primary");

    // All calls that write leave it at once, if it is one connection.
    primary.put(create(&key, &record)).await.unwrap();
    let (put, to) = (create(&key, &record), new_key());
    let tag = put.tag().unwrap();
    let moved = Tombstone::Moved(to, AT);
    for call in 0..4 {
        let pool = pool(1).await;
        pool.set_connect_options(root.clone());
        let store = MySqlStore::new(pool).deadline(PATIENT);
        let expect = Expect::Tag(&tag);
        let renamed = renamed_to(put, &to, &tag);
        let done = match call {
            0 => store.put(create(&new_key(), &record)).await,
            1 => store.put(Put { expect, ..put }).await,
            2 => store.rename(&key, renamed, moved, HOUR).await,
            _ => store.end(end(&to)).await,
        };
        assert_eq!(done.unwrap(), Swap::Done, "{call}");
    }
    let pool = pool(8).await;
    pool.set_connect_options(root);
    let store = MySqlStore::new(pool).deadline(PATIENT);
    let key = new_key();
    works_again(|| store.put(create(&key, &record))).await;
}

/// What a standby of PostgreSQL says to those who write.
#[tokio::test]
async fn connection_that_only_reads_is_left() {
    let Some(server) = servers::postgres() else {
        return;
    };
    let primary = options(server.port());
    let standby = primary.clone();
    let standby = standby.options([("default_transaction_read_only", "on")]);
    let one = PgPoolOptions::new().max_connections(1);
    let pool = one.connect_with(standby).await.unwrap();
    pool.set_connect_options(primary);
    let store = PostgresStore::new(pool).deadline(PATIENT);
    store.create_table().await.unwrap();
    let put = store.put(create(&new_key(), &[7; 40])).await;
    assert_eq!(put.unwrap(), Swap::Done);
}

/// The README: so a table that is locked costs no connection.
#[tokio::test]
async fn statement_that_takes_too_long_for_the_server_costs_no_connection() {
    let Some(server) = servers::postgres() else {
        return;
    };
    let limited = options(server.port()).options([("statement_timeout", "200")]);
    let (pool, store) = one_connection(limited).await;
    let first = backend(&pool).await;
    let mut other = options(server.port()).connect().await.unwrap();
    let lock = "BEGIN; LOCK TABLE hardtack_session IN ACCESS EXCLUSIVE MODE";
    other.execute(lock).await.unwrap();
    let error = store.load(&new_key(), None).await.unwrap_err();
    assert_advises(error, "longer than the server lets");
    assert_eq!(backend(&pool).await, first);
}

/// Of several instances that start on an empty database, one creates the table between the look and the try of another.
#[tokio::test]
async fn table_that_another_instance_creates_is_enough() {
    let Some(server) = servers::postgres() else {
        return;
    };
    let mut other = options(server.port()).connect().await.unwrap();
    let create = "CREATE TABLE hidden (id BYTEA, tag BYTEA, record BYTEA, \
            until BIGINT, owner BYTEA, about BYTEA); \
        SELECT pg_advisory_lock(7); \
        CREATE FUNCTION late() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN \
            PERFORM pg_advisory_xact_lock(7); \
            RAISE EXCEPTION USING ERRCODE = '42710'; END $$; \
        CREATE EVENT TRIGGER late ON ddl_command_start \
            WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION late()";
    other.execute(sqlx::raw_sql(create)).await.unwrap();
    let store = PostgresStore::new(pool(options(server.port())).await).deadline(PATIENT);
    let creates = tokio::spawn(async move { store.create_table().await });
    let waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    let waits = async |other: &mut sqlx::PgConnection| -> i64 {
        let waits = sqlx::query_scalar(waits);
        waits.fetch_one(other).await.unwrap()
    };
    while waits(&mut other).await == 0 {
        yield_now().await;
    }
    let created = "ALTER TABLE hidden RENAME TO hardtack_session; SELECT pg_advisory_unlock(7)";
    other.execute(sqlx::raw_sql(created)).await.unwrap();
    creates.await.unwrap().unwrap();
}

#[tokio::test]
async fn table_of_another_user_is_enough() {
    let Some(server) = servers::postgres() else {
        return;
    };
    let admin = pool(options(server.port())).await;
    let store = PostgresStore::new(admin.clone()).deadline(PATIENT);
    let error = store.check().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    store.create_table().await.unwrap();
    let grant = "CREATE USER site; \
        GRANT SELECT, INSERT, UPDATE, DELETE ON hardtack_session TO site";
    admin.execute(sqlx::raw_sql(grant)).await.unwrap();
    let site = pool(options(server.port()).username("site")).await;
    let store = PostgresStore::new(site).deadline(PATIENT);
    store.create_table().await.unwrap();
    store.check().await.unwrap();
    // A table that it may not create, and one of a name that it could not write.
    let other = store.clone().table("elsewhere").unwrap();
    let error = other.create_table().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    for name in ["", "Sessions", "a b", "a;drop", "1st", "_a", "ä"] {
        assert!(store.clone().table(name).is_err(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn serves_sessions_of_several_instances() {
    let sqlite = Sqlite::new("sessions");
    serves_sessions(async || sqlite.connect("sessions").await, true).await;
    if let Some(server) = servers::postgres() {
        let isolation = "read committed";
        let postgres = Postgres { server, isolation };
        serves_sessions(async || postgres.connect("sessions").await, true).await;
    }
    if let Some(server) = servers::mariadb() {
        let mariadb = MariaDb(server);
        serves_sessions(async || mariadb.connect("sessions").await, true).await;
    }
}

#[tokio::test]
async fn request_costs_what_it_uses() {
    let Some(server) = servers::postgres() else {
        return;
    };
    let told = options(server.port()).options([("log_statement", "all")]);
    let store = PostgresStore::new(pool(told).await).deadline(PATIENT);
    store.create_table().await.unwrap();
    let mut seen = 0;
    let count = async || {
        let log = server.log();
        let is_statement =
            |line: &&str| line.contains(" execute ") || line.contains(" statement: ");
        let all = log.lines().filter(is_statement).count();
        all - std::mem::replace(&mut seen, all)
    };
    costs_what_it_uses(store, count).await;
}

/// A row: id, tag, record, owner, about.
type Row = (
    Vec<u8>,
    Vec<u8>,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
);
const ROWS: &str = "SELECT id, tag, record, owner, about FROM hardtack_session";

fn dump(rows: Vec<Row>) -> Dump {
    let values = |(id, tag, record, owner, about): Row| {
        let id: [u8; 16] = id.try_into().unwrap();
        let values = [Some(tag), record, owner, about].into_iter().flatten();
        values.map(move |value| (id, value))
    };
    rows.into_iter().flat_map(values).collect()
}

#[tokio::test]
async fn dump_with_the_whole_keyring_opens_no_record() {
    let sqlite = Sqlite::new("dump");
    let pool = sqlite.pool().await;
    let rows = async || dump(sqlx::query_as(ROWS).fetch_all(&pool).await.unwrap());
    opens_no_record(sqlite.connect("hardtack_session").await, rows).await;
    let Some(server) = servers::postgres() else {
        return;
    };
    let pool = self::pool(options(server.port())).await;
    let store = PostgresStore::new(pool.clone()).deadline(PATIENT);
    store.create_table().await.unwrap();
    let rows = async || dump(sqlx::query_as(ROWS).fetch_all(&pool).await.unwrap());
    opens_no_record(store, rows).await;
}

/// A database whose instances have two connections each.
struct Database {
    server: Server,
    /// That of the last instance.
    pool: Option<PgPool>,
    taken: Vec<PoolConnection<sqlx::Postgres>>,
}

impl Database {
    async fn admin(&self) -> sqlx::PgConnection {
        options(self.server.port()).connect().await.unwrap()
    }
}

impl Engine for Database {
    type Store = PostgresStore;

    fn port(&self) -> u16 {
        self.server.port()
    }

    async fn connect(&mut self, port: u16) -> PostgresStore {
        let options = options(port).options([("default_transaction_isolation", "repeatable read")]);
        let pool = PgPoolOptions::new().max_connections(2);
        let pool = pool.connect_with(options).await.unwrap();
        self.pool = Some(pool.clone());
        let store = PostgresStore::new(pool).deadline(PATIENT);
        store.create_table().await.unwrap();
        store
    }

    async fn values(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let rows = sqlx::query_as("SELECT id, COALESCE(record, tag) FROM hardtack_session");
        let rows: Vec<(Vec<u8>, Vec<u8>)> = rows.fetch_all(&mut self.admin().await).await.unwrap();
        rows.into_iter().collect()
    }

    async fn set(&self, name: &[u8], value: Option<&[u8]>) {
        let set = match value {
            Some(_) => {
                "UPDATE hardtack_session SET tag = substr($2, 1, 24), record = $2 WHERE id = $1"
            }
            None => "DELETE FROM hardtack_session WHERE id = $1 AND $2::bytea IS NULL",
        };
        let set = sqlx::query(set).bind(name).bind(value);
        set.execute(&mut self.admin().await).await.unwrap();
    }

    async fn fail(&mut self, fault: &'static str) {
        match fault {
            "stopped" => self.server.stop(),
            "full pool" => {
                for _ in 0..2 {
                    let taken = self.pool.as_ref().unwrap().acquire().await.unwrap();
                    self.taken.push(taken);
                }
            }
            other => panic!("{other}"),
        }
    }

    async fn mend(&mut self, fault: &'static str) {
        match fault {
            "stopped" => self.server.restart(),
            _ => self.taken.clear(),
        }
    }
}

#[tokio::test]
async fn sessions_survive_every_fault() {
    let Some(server) = servers::postgres() else {
        return;
    };
    let mut database = Database {
        server,
        pool: None,
        taken: Vec::new(),
    };
    let own = [Broken::Silent("full pool"), Broken::Engine("stopped")];
    sessions_survive(&mut database, &own).await;
}
