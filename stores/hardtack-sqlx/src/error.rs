//! What of a database's error may be told.

use hardtack::store::{StoreError, StoreErrorKind as Kind};
use sqlx::Error;

/// The SQLSTATE, with the number of MySQL where that says nothing.
fn code(error: &Error) -> String {
    let Some(error) = error.as_database_error() else {
        return String::new();
    };
    let code = error.code().unwrap_or_default();
    #[cfg(feature = "mysql")]
    if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
        && code == "HY000"
    {
        return format!("{code} {}", error.number());
    }
    code.into()
}

/// Whether the database has rolled back and asks for another try: a serialization failure or a deadlock.
pub(crate) fn was_rolled_back(error: &Error) -> bool {
    // PostgreSQL tells 40001 and 40P01, MySQL 40001 for a deadlock and 1205 for a lock that it waited for,
    // SQLite 5 and 517 if it is busy.
    let again = ["40001", "40P01", "HY000 1205", "5", "517"];
    again.contains(&&*code(error))
}

/// Whether another server is the primary now: this one only reads, or is a node of Galera that is alone.
pub(crate) fn is_demoted(error: &Error) -> bool {
    ["25006", "HY000 1290", "HY000 1836", "08S01"].contains(&&*code(error))
}

/// What helps against the usual mistakes in a set-up, or what has happened.
fn advice(code: &str, message: &str) -> &'static str {
    match code {
        // SQLite has one code for most errors.
        "1" if !message.starts_with("no such table") => "",
        "1" | "42P01" | "42S02" => ", the table is missing: call `create_table`",
        "26000" | "42P05" => ", a pooler in between loses prepared statements: see the README",
        "57P01" | "57P02" | "57P03" | "08S01" => ", the server stops or starts",
        "25006" | "HY000 1290" | "HY000 1836" => ", the server only reads: is it the primary?",
        "57014" | "70100" | "HY000 3024" => ", longer than the server lets a statement run",
        _ => "",
    }
}

/// Tells the code of an error and nothing of its text: that may quote a value.
pub(crate) fn failed(error: &Error) -> StoreError {
    let (kind, cause) = match error {
        Error::Database(database) => {
            let code = code(error);
            let advice = advice(&code, database.message());
            (Kind::Unavailable, format!("SQLSTATE {code}{advice}"))
        }
        Error::PoolTimedOut => (Kind::Timeout, "no free connection".into()),
        Error::PoolClosed => (Kind::Unavailable, "the pool is closed".into()),
        Error::Io(error) => (Kind::Unavailable, error.kind().to_string()),
        Error::Tls(_) => (Kind::Unavailable, "TLS".into()),
        Error::ColumnDecode { .. } | Error::Decode(_) | Error::ColumnNotFound(_) => {
            (Kind::Corrupt, "the columns of the table".into())
        }
        _ => (Kind::Unavailable, "the driver failed".into()),
    };
    StoreError::new(kind, cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{error::Error as _, io::ErrorKind};

    /// Each of them lost somebody an hour.
    #[test]
    fn codes_are_told_with_a_remedy_or_a_reason() {
        for (code, message, remedy) in [
            ("42P01", "", "create_table"),
            ("42S02", "", "create_table"),
            ("1", "no such table: hardtack_session", "create_table"),
            ("26000", "", "README"),
            ("42P05", "", "README"),
            ("57P01", "", "stops"),
            ("57P03", "", "starts"),
            ("25006", "", "primary"),
            ("HY000 1290", "", "primary"),
            ("HY000 1836", "", "primary"),
            ("08S01", "", "stops"),
            ("57014", "", "longer"),
            ("70100", "", "longer"),
            ("HY000 3024", "", "longer"),
        ] {
            assert!(advice(code, message).contains(remedy), "{code}");
        }
        assert_eq!(advice("1", "near \"SELEC\": syntax error"), "");
        assert_eq!(advice("40001", ""), "");
    }

    #[test]
    fn error_tells_what_failed() {
        use Kind::{Corrupt, Timeout, Unavailable};
        let columns = "the columns of the table";
        let decode = || "secret".into();
        let index = "record".into();
        let column = Error::ColumnDecode {
            index,
            source: decode(),
        };
        let table = [
            (Error::PoolTimedOut, Timeout, "no free connection"),
            (Error::PoolClosed, Unavailable, "the pool is closed"),
            (
                Error::Io(ErrorKind::BrokenPipe.into()),
                Unavailable,
                "broken pipe",
            ),
            (Error::Tls(decode()), Unavailable, "TLS"),
            (column, Corrupt, columns),
            (Error::Decode(decode()), Corrupt, columns),
            (Error::ColumnNotFound("record".into()), Corrupt, columns),
            (
                Error::Protocol("secret".into()),
                Unavailable,
                "the driver failed",
            ),
        ];
        for (error, kind, cause) in table {
            let told = failed(&error);
            assert_eq!(told.kind(), kind, "{error}");
            assert_eq!(told.source().unwrap().to_string(), cause);
            assert!(!was_rolled_back(&error) && !is_demoted(&error));
        }
    }
}
