//! The statements. They are the same for the three engines, but for the words in [`Dialect`].

use std::sync::Arc;

/// Where the engines differ.
pub(crate) struct Dialect {
    /// The database's own time in whole seconds: the clocks of the site's instances do not count.
    pub(crate) now: &'static str,
    /// Division of whole numbers.
    pub(crate) div: &'static str,
    pub(crate) greatest: &'static str,
    /// Lets an insert do nothing if the key is taken. Without it the insert fails, which PostgreSQL would log with the
    /// key.
    pub(crate) or_nothing: &'static str,
    /// Whether parameters are `$1` in place of `?`.
    pub(crate) numbered: bool,
    /// Deletes what is over, the limit at the end.
    pub(crate) sweep: &'static str,
    pub(crate) create: &'static str,
}

/// The statements for one table. Each parameter stands once, in the order of the text.
pub(crate) struct Statements {
    pub(crate) create: Arc<str>,
    /// id -> tag, record, seconds left
    pub(crate) load: Arc<str>,
    /// life, id
    pub(crate) keep: Arc<str>,
    /// tag, record, life, owner, about, id
    pub(crate) insert: Arc<str>,
    /// tag, record, life, owner, about, id, expected tag
    pub(crate) swap: Arc<str>,
    /// tombstone, grace, id, expected tag or NULL
    pub(crate) end: Arc<str>,
    /// owner, id or NULL, number -> id, about
    pub(crate) list: Arc<str>,
    /// limit
    pub(crate) sweep: Arc<str>,
}

impl Statements {
    pub(crate) fn new(dialect: &'static Dialect, table: &str) -> Self {
        let Dialect { now, div, .. } = dialect;
        // Rounded up to whole hours, so that most writes change no index.
        let until = format!("({now} + ? + 3599) {div} 3600 * 3600");
        let text = |text: &str| {
            let text = text
                .replace("TABLE_NAME", table)
                .replace("UNTIL", &until)
                .replace("NOW", now)
                .replace("GREATEST", dialect.greatest)
                .replace("OR_NOTHING", dialect.or_nothing);
            if dialect.numbered {
                number(&text).into()
            } else {
                text.into()
            }
        };
        Statements {
            create: text(dialect.create),
            load: text("SELECT tag, record, until - NOW FROM TABLE_NAME WHERE id = ?"),
            keep: text(
                "UPDATE TABLE_NAME SET until = GREATEST(until, UNTIL) \
                 WHERE id = ? AND record IS NOT NULL",
            ),
            insert: text(
                "INSERT INTO TABLE_NAME (tag, record, until, owner, about, id) \
                 VALUES (?, ?, UNTIL, ?, ?, ?) OR_NOTHING",
            ),
            // No tombstone is as long as a tag.
            swap: text(
                "UPDATE TABLE_NAME SET tag = ?, record = ?, until = GREATEST(until, UNTIL), \
                 owner = COALESCE(?, owner), about = COALESCE(?, about) \
                 WHERE id = ? AND tag = ?",
            ),
            end: text(
                "UPDATE TABLE_NAME SET tag = ?, record = NULL, owner = NULL, about = NULL, \
                 until = UNTIL WHERE id = ? AND tag = COALESCE(?, tag) AND record IS NOT NULL",
            ),
            // A tombstone has no owner.
            list: text(
                "SELECT id, about FROM TABLE_NAME WHERE owner = ? AND id <> COALESCE(?, '') \
                 AND until > NOW ORDER BY until DESC LIMIT 100000 OFFSET ?",
            ),
            sweep: text(dialect.sweep),
        }
    }
}

/// Turns each `?` into `$1`, `$2` and so on.
fn number(text: &str) -> String {
    let mut parts = text.split('?');
    let mut numbered = parts.next().unwrap_or_default().to_owned();
    for (n, part) in (1..).zip(parts) {
        numbered.push_str(&format!("${n}{part}"));
    }
    numbered
}

#[cfg(feature = "postgres")]
pub(crate) static POSTGRES: Dialect = Dialect {
    now: "CAST(EXTRACT(EPOCH FROM now()) AS BIGINT)",
    div: "/",
    greatest: "GREATEST",
    or_nothing: "ON CONFLICT (id) DO NOTHING",
    numbered: true,
    sweep: "DELETE FROM TABLE_NAME WHERE id IN (SELECT id FROM TABLE_NAME WHERE until <= NOW \
            ORDER BY until LIMIT ? FOR UPDATE SKIP LOCKED)",
    create: "CREATE TABLE IF NOT EXISTS TABLE_NAME (id BYTEA PRIMARY KEY, tag BYTEA NOT NULL, \
             record BYTEA, until BIGINT NOT NULL, owner BYTEA, about BYTEA); \
             CREATE INDEX IF NOT EXISTS TABLE_NAME_until ON TABLE_NAME (until); \
             CREATE INDEX IF NOT EXISTS TABLE_NAME_owner ON TABLE_NAME (owner) \
             WHERE owner IS NOT NULL",
};

#[cfg(feature = "mysql")]
pub(crate) static MYSQL: Dialect = Dialect {
    now: "CAST(UNIX_TIMESTAMP() AS SIGNED)",
    div: "DIV",
    greatest: "GREATEST",
    or_nothing: "",
    numbered: false,
    sweep: "DELETE FROM TABLE_NAME WHERE until <= NOW ORDER BY until LIMIT ?",
    create: "CREATE TABLE IF NOT EXISTS TABLE_NAME (id BINARY(16) PRIMARY KEY, \
             tag VARBINARY(24) NOT NULL, record MEDIUMBLOB, until BIGINT NOT NULL, \
             owner BINARY(16), about BLOB, INDEX TABLE_NAME_until (until), \
             INDEX TABLE_NAME_owner (owner)) ENGINE = InnoDB",
};

#[cfg(feature = "sqlite")]
pub(crate) static SQLITE: Dialect = Dialect {
    now: "CAST(strftime('%s', 'now') AS INTEGER)",
    div: "/",
    greatest: "MAX",
    or_nothing: "",
    numbered: false,
    sweep: "DELETE FROM TABLE_NAME WHERE id IN (SELECT id FROM TABLE_NAME WHERE until <= NOW \
            ORDER BY until LIMIT ?)",
    create: "CREATE TABLE IF NOT EXISTS TABLE_NAME (id BLOB PRIMARY KEY, tag BLOB NOT NULL, \
             record BLOB, until INTEGER NOT NULL, owner BLOB, about BLOB) WITHOUT ROWID; \
             CREATE INDEX IF NOT EXISTS TABLE_NAME_until ON TABLE_NAME (until); \
             CREATE INDEX IF NOT EXISTS TABLE_NAME_owner ON TABLE_NAME (owner) \
             WHERE owner IS NOT NULL",
};
