//! The settings of a connection, and the meaning of its errors.

use sqlx::{
    Row as _,
    postgres::{PgConnection, PgRow},
    raw_sql,
};

/// PostgreSQL, "Error Codes": `read_only_sql_transaction`.
const READ_ONLY: &str = "25006";
/// `too_many_connections`.
const TOO_MANY_CONNECTIONS: &str = "53300";
/// `invalid_sql_statement_name` and `duplicate_prepared_statement`: a pooler gave the transaction another
/// connection than the one that prepared the statement.
const NOT_PREPARED_HERE: [&str; 2] = ["26000", "42P05"];
/// Codes of servers that are starting, stopping or recovering: `cannot_connect_now`, `admin_shutdown`,
/// `crash_shutdown`.
const COMING_AND_GOING: [&str; 3] = ["57P03", "57P01", "57P02"];

/// Returns the SQLSTATE of an error.
pub(crate) fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

pub(crate) fn is_read_only(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| code == READ_ONLY)
}

pub(crate) fn is_prepared_elsewhere(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| NOT_PREPARED_HERE.contains(&code.as_str()))
}

/// True if the server or its pooler has no connection left. A pooler reports it in words (PgBouncer: 08P01),
/// or delays the connection until a client gives up.
pub(crate) fn is_out_of_room(error: &sqlx::Error) -> bool {
    let said = error.as_database_error().map(|error| error.message().to_lowercase()).unwrap_or_default();
    code(error).is_some_and(|code| code == TOO_MANY_CONNECTIONS)
        || ["no more connections", "too many", "max client", "query_wait_timeout"]
            .iter()
            .any(|words| said.contains(words))
        || matches!(error, sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut)
}

/// True if the server may be available in a moment.
pub(crate) fn may_pass_soon(error: &sqlx::Error) -> bool {
    is_out_of_room(error)
        || matches!(error, sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused)
        || code(error).is_some_and(|code| COMING_AND_GOING.contains(&code.as_str()))
}

/// The error for a server that cannot write.
pub(crate) fn reads_only() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::ReadOnlyFilesystem, "the server only reads"))
}

/// Queries in one message without a prepared statement: works through every pooler. Values come as text.
pub(crate) async fn ask(connection: &mut PgConnection, sql: &'static str) -> Result<PgRow, sqlx::Error> {
    raw_sql(sql).fetch_one(connection).await
}

/// Returns true if the server accepts writes.
pub(crate) async fn can_write(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let read_only: String = ask(connection, "SHOW transaction_read_only").await?.try_get(0)?;
    Ok(read_only == "off")
}
