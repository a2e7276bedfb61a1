//! The table of the sessions, as one call sees it.

use crate::engine::{Answer, Bytes, Engine, Number, Value};
use crate::error::is_demoted;
use hardtack::store::{
    End, Expect, Found, MAX_OWNED, Owned, OwnerKey, Put, RecordKey, Swap, Tag, Tombstone,
};
use sqlx::{AssertSqlSafe, Database, Error, Result, SqlSafeStr, SqlStr, pool::PoolConnection};
use std::{collections::HashMap, sync::Arc, time::Duration};

/// The statements for one table, by their names.
pub(crate) type Statements = HashMap<&'static str, SqlStr>;

/// Reads the statements of a file, for the table of this name.
pub(crate) fn statements(file: &'static str, table: &str) -> Arc<Statements> {
    let named = |part: &'static str| {
        let (name, text) = part.split_once('\n')?;
        let lines = text.lines().filter(|line| !line.starts_with("--"));
        let text = lines.collect::<Vec<_>>().join("\n");
        let text = AssertSqlSafe(text.replace("hardtack_session", table));
        Some((name, text.into_sql_str()))
    };
    Arc::new(file.split("-- name: ").skip(1).filter_map(named).collect())
}

/// The seconds that a row stays, with five minutes for clocks and sweeps.
fn life(keep: Duration) -> i64 {
    const CENTURY: u64 = 100 * 365 * 24 * 60 * 60;
    keep.as_secs().min(CENTURY).cast_signed() + 1 + 5 * 60
}

/// Reads a row: a record, or a tombstone in the column of the tag.
fn found(tag: &[u8], record: Option<Vec<u8>>) -> Option<Found> {
    match record {
        Some(record) if Tag::of(&record)?.as_bytes() == tag => Some(Found::Record(record)),
        Some(_) => None,
        None => Tombstone::decode(tag).map(Found::Ended),
    }
}

fn corrupt() -> Error {
    Error::Decode("neither a record nor a tombstone".into())
}

/// The table, on the connection of one call. Dropped while the server works, it closes the connection.
/// `sqlx` would keep that in its pool: with an open transaction, whose writes are acknowledged and never
/// committed; or until a server answers that is gone for good.
pub(crate) struct Table<DB: Database> {
    pub(crate) connection: PoolConnection<DB>,
    pub(crate) statements: Arc<Statements>,
    pub(crate) is_idle: bool,
}

impl<DB: Database> Drop for Table<DB> {
    fn drop(&mut self) {
        if !self.is_idle {
            self.connection.close_on_drop();
        }
    }
}

impl<DB: Engine> Table<DB> {
    /// Runs the statement of this name.
    pub(crate) async fn run(&mut self, name: &str, values: &[Value<'_>]) -> Result<Answer> {
        self.is_idle = false;
        let statement = self.statements[name].clone();
        let answer = DB::run(&mut self.connection, statement, values).await;
        // A transaction that did not begin or end may still be open.
        self.is_idle = answer.is_ok() || !values.is_empty();
        if answer.as_ref().is_err_and(is_demoted) {
            // It leads to a server that sessions have left, however often the pool asks whether it works.
            self.connection.close_on_drop();
        }
        match answer {
            // The key is taken, so that nothing is written.
            Err(Error::Database(error)) if error.is_unique_violation() => Ok(Answer::default()),
            answer => answer,
        }
    }

    /// Returns what is there, and how many seconds it has left.
    async fn read(&mut self, key: &RecordKey) -> Result<(Found, i64)> {
        let answer = self.run("load", &[Bytes(Some(key.as_bytes()))]).await?;
        let Some((tag, record, left)) = answer.rows.into_iter().next() else {
            return Ok((Found::Missing, 0));
        };
        Ok((found(&tag, record).ok_or_else(corrupt)?, left))
    }

    /// Writes a record. `false` if what is there is not as expected.
    async fn write(&mut self, put: &Put<'_>) -> Result<bool> {
        let tag = Tag::of(put.record).ok_or_else(corrupt)?;
        let mut values = vec![
            Bytes(Some(tag.as_bytes())),
            Bytes(Some(put.record)),
            Number(life(put.keep)),
            Bytes(put.owner.map(|owner| &owner.key.as_bytes()[..])),
            Bytes(put.owner.map(|owner| owner.about)),
            Bytes(Some(put.key.as_bytes())),
        ];
        let mut name = "insert";
        if let Expect::Tag(expected) = put.expect {
            name = "swap";
            values.push(Bytes(Some(expected.as_bytes())));
        }
        Ok(self.run(name, &values).await?.written > 0)
    }

    /// Turns a record into a tombstone, or leaves one where nothing is. `false` if what is there is not as
    /// expected.
    async fn bury(&mut self, end: &End<'_>) -> Result<bool> {
        let values = [
            Bytes(Some(&end.tombstone.encode())),
            Number(life(end.grace)),
            Bytes(Some(end.key.as_bytes())),
            Bytes(end.expect.map(|tag| &tag.as_bytes()[..])),
        ];
        if self.run("end", &values).await?.written > 0 {
            return Ok(true);
        }
        Ok(end.expect.is_none() && self.run("leave", &values[..3]).await?.written > 0)
    }

    async fn list(&mut self, name: &str, values: &[Value<'_>]) -> Result<Vec<Owned>> {
        let rows = self.run(name, values).await?.rows;
        let owned = rows.into_iter().map(|(key, about, _)| {
            let key = RecordKey::from_bytes(key.try_into().ok()?);
            about.map(|about| Owned { key, about })
        });
        owned.collect::<Option<_>>().ok_or_else(corrupt)
    }

    /// Answers a write, and ends the records of the owner that are over first if they have too many.
    async fn settle(&mut self, put: &Put<'_>, is_written: bool) -> Result<Swap> {
        if !is_written {
            match self.read(put.key).await?.0 {
                Found::Record(there) if Tag::of(&there) == Tag::of(put.record) => {}
                found => return Ok(found.into()),
            }
        }
        if let (Expect::Absent, Some(owner)) = (put.expect, put.owner) {
            let values = [
                Bytes(Some(owner.key.as_bytes())),
                Bytes(Some(put.key.as_bytes())),
                Number(MAX_OWNED as i64 - 1),
            ];
            for over in self.list("surplus", &values).await? {
                self.bury(&End::one_too_many(&over.key, owner.key)).await?;
            }
        }
        Ok(Swap::Done)
    }

    pub(crate) async fn create(mut self) -> Result<()> {
        let nobody = [Bytes(Some(&[0; 16]))];
        if self.list("list", &nobody).await.is_ok() {
            return Ok(());
        }
        let created = self.run("create", &[]).await;
        // PostgreSQL refuses all but one of the instances that create it at the same moment.
        let there = self.list("list", &nobody).await;
        there.map(drop).or(created.map(drop))
    }

    pub(crate) async fn load(mut self, key: &RecordKey, keep: Option<Duration>) -> Result<Found> {
        let (found, left) = self.read(key).await?;
        // Once an hour at most: ends are rounded up.
        if let (Found::Record(_), Some(life)) = (&found, keep.map(life))
            && left < life
        {
            let values = [Number(life), Bytes(Some(key.as_bytes()))];
            self.run("keep", &values).await?;
        }
        Ok(found)
    }

    pub(crate) async fn put(mut self, put: Put<'_>) -> Result<Swap> {
        let is_written = self.write(&put).await?;
        self.settle(&put, is_written).await
    }

    pub(crate) async fn end(mut self, end: End<'_>) -> Result<Swap> {
        while !self.bury(&end).await? {
            match self.read(end.key).await?.0 {
                Found::Ended(there) if there == end.tombstone => break,
                // Created between the two statements.
                Found::Record(_) | Found::Missing if end.expect.is_none() => {}
                found => return Ok(found.into()),
            }
        }
        Ok(Swap::Done)
    }

    pub(crate) async fn rename(mut self, put: Put<'_>, end: End<'_>) -> Result<Swap> {
        self.run("begin", &[]).await?;
        // It begins with a write: SQLite would refuse one after a read at once.
        let moved: Result<_> =
            async { Ok(self.write(&put).await? && self.bury(&end).await?) }.await;
        let is_done = matches!(moved, Ok(true));
        let last = if is_done { "commit" } else { "rollback" };
        self.run(last, &[]).await?;
        let ended = Found::Ended(end.tombstone);
        match self.settle(&put, moved?).await? {
            Swap::Missing => Ok(self.read(end.key).await?.0.into()),
            // A rename that is repeated: meanwhile, somebody has followed the tombstone and written.
            Swap::Differs(_) if self.read(end.key).await?.0 == ended => Ok(Swap::Done),
            Swap::Differs(_) => Err(corrupt()),
            swap => Ok(swap),
        }
    }

    pub(crate) async fn owned(mut self, owner: &OwnerKey) -> Result<Vec<Owned>> {
        self.list("list", &[Bytes(Some(owner.as_bytes()))]).await
    }

    pub(crate) async fn sweep(mut self, limit: u32) -> Result<u64> {
        Ok(self.run("sweep", &[Number(limit.into())]).await?.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Operators count statements by their first word.
    #[cfg(feature = "sqlite")]
    #[test]
    fn statement_begins_with_its_verb() {
        for (name, text) in &*statements(sqlx::Sqlite::STATEMENTS, "sessions") {
            let text = text.as_str();
            assert!(
                text.starts_with(|first: char| first.is_ascii_uppercase()),
                "{name}"
            );
            assert!(!text.contains("--") && !text.contains("hardtack"), "{name}");
        }
    }

    #[test]
    fn row_stays_five_minutes_longer() {
        assert_eq!(life(Duration::ZERO), 301);
        assert_eq!(life(Duration::from_millis(7_999)), 308);
        assert_eq!(life(Duration::MAX), 36_500 * 24 * 3600 + 301);
    }

    #[test]
    fn tag_that_is_not_of_its_record_is_corrupt() {
        let record = vec![7; 40];
        let whole = found(&record[..24], Some(record.clone()));
        assert_eq!(whole, Some(Found::Record(record.clone())));
        for (tag, record) in [
            (&[8; 24][..], Some(record)),
            (&[7; 24], None),
            (b"d", Some(vec![7])),
        ] {
            assert_eq!(found(tag, record), None);
        }
    }
}
