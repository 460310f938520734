//! Statements, arguments and rows, the same for both engines.

use std::borrow::Cow;

use rusqlite::types::Value;
use serde::Serialize;
use sqlx::{Row as _, postgres::PgRow};

use crate::{StoreError, sqlite::LiteRow};

/// A statement: one text for both engines, or one each where they must differ.
#[derive(Clone, Copy)]
pub(crate) struct Sql {
    pub(crate) lite: &'static str,
    pub(crate) pg: &'static str,
}

impl Sql {
    /// One text.
    pub(crate) const fn both(text: &'static str) -> Self {
        Self { lite: text, pg: text }
    }

    /// A text for SQLite only; PostgreSQL never runs it.
    pub(crate) const fn sqlite(text: &'static str) -> Self {
        Self { lite: text, pg: "" }
    }

    /// A text for PostgreSQL only; SQLite never runs it.
    pub(crate) const fn postgres(text: &'static str) -> Self {
        Self { lite: "", pg: text }
    }

    /// SQLite's text and PostgreSQL's.
    pub(crate) const fn each(lite: &'static str, pg: &'static str) -> Self {
        Self { lite, pg }
    }
}

/// A value bound to a statement. A null keeps its type, because PostgreSQL needs it.
pub(crate) enum Arg<'a> {
    Text(Option<Cow<'a, str>>),
    Int(Option<i64>),
}

macro_rules! arg_from {
    ($($type:ty => |$value:ident| $arg:expr;)*) => {$(
        impl<'a> From<$type> for Arg<'a> { fn from($value: $type) -> Self { $arg } }
    )*};
}

use postly_domain::{
    Language, LedgerReason, PhoneE164, Provider, UnixMillis,
    id::{
        AttemptId, AuthorId, ChallengeId, CheckoutId, EntryId, EventId, GenerationId, HoldId, IdentityId,
        LeaseToken, MessageId, PaymentId, SessionId, TokenId,
    },
};

arg_from! {
    &'a str => |value| Self::Text(Some(value.into()));
    String => |value| Self::Text(Some(value.into()));
    &'a String => |value| Self::Text(Some(value.into()));
    Option<&'a str> => |value| Self::Text(value.map(Cow::from));
    Option<String> => |value| Self::Text(value.map(Cow::from));
    i64 => |value| Self::Int(Some(value));
    Option<i64> => |value| Self::Int(value);
    bool => |value| Self::Int(Some(i64::from(value)));
    UnixMillis => |value| Self::Int(Some(value.0));
    Option<UnixMillis> => |value| Self::Int(value.map(|at| at.0));
    Provider => |value| Self::Text(Some(value.as_str().into()));
    Language => |value| Self::Text(Some(value.code().into()));
    LedgerReason => |value| Self::Text(Some(value.as_str().into()));
    &'a PhoneE164 => |value| Self::Text(Some(value.as_str().into()));
    Option<&'a PhoneE164> => |value| Self::Text(value.map(|phone| phone.as_str().into()));
}

macro_rules! arg_from_id {
    ($($id:ty)*) => {$(
        impl<'a> From<&'a $id> for Arg<'a> {
            fn from(id: &'a $id) -> Self { Self::Text(Some(id.as_str().into())) }
        }
        impl<'a> From<Option<&'a $id>> for Arg<'a> {
            fn from(id: Option<&'a $id>) -> Self { Self::Text(id.map(|id| id.as_str().into())) }
        }
    )*};
}

arg_from_id!(
    AttemptId AuthorId ChallengeId CheckoutId EntryId EventId GenerationId HoldId IdentityId LeaseToken MessageId
    PaymentId SessionId TokenId
);

/// The arguments of a statement, in the order of its `$1`, `$2` …
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::sql::Arg::from($value)),*] };
}
pub(crate) use args;

/// Encodes rows as one argument for `json_to_recordset`: any number of rows in one round trip to PostgreSQL.
pub(crate) fn json(rows: &(impl Serialize + ?Sized)) -> Result<String, StoreError> {
    serde_json::to_string(rows).map_err(|error| StoreError::Statement(error.into()))
}

/// A statement that adds many rows: a `COPY ... FROM STDIN` on PostgreSQL, a prepared INSERT for each row on
/// SQLite. Both name the columns, in the order of the arguments.
#[derive(Clone, Copy)]
pub(crate) struct Bulk {
    pub(crate) insert: &'static str,
    pub(crate) copy: &'static str,
}

/// Writes a row in the text format of COPY (PostgreSQL, "COPY", "Text Format").
pub(crate) fn write_copy_row(data: &mut Vec<u8>, row: &[Arg<'_>]) {
    for (index, value) in row.iter().enumerate() {
        if index > 0 {
            data.push(b'\t');
        }
        match value {
            Arg::Text(None) | Arg::Int(None) => data.extend_from_slice(b"\\N"),
            Arg::Int(Some(number)) => data.extend_from_slice(number.to_string().as_bytes()),
            Arg::Text(Some(text)) => {
                for byte in text.bytes() {
                    match byte {
                        b'\t' => data.extend_from_slice(b"\\t"),
                        b'\n' => data.extend_from_slice(b"\\n"),
                        b'\r' => data.extend_from_slice(b"\\r"),
                        b'\\' => data.extend_from_slice(b"\\\\"),
                        _ => data.push(byte),
                    }
                }
            }
        }
    }
    data.push(b'\n');
}

/// A row of either engine, read by column name.
pub(crate) enum Row {
    Lite(LiteRow),
    Pg(PgRow),
}

impl Row {
    pub(crate) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.maybe_text(column)?.ok_or(StoreError::Unreadable { column })
    }

    pub(crate) fn maybe_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        Ok(match self {
            Self::Lite(row) => match row.get(column)? {
                Value::Text(text) => Some(text.clone()),
                Value::Null => None,
                Value::Integer(_) | Value::Real(_) | Value::Blob(_) => {
                    return Err(StoreError::Unreadable { column });
                }
            },
            Self::Pg(row) => row.try_get(column)?,
        })
    }

    pub(crate) fn int(&self, column: &'static str) -> Result<i64, StoreError> {
        self.maybe_int(column)?.ok_or(StoreError::Unreadable { column })
    }

    pub(crate) fn maybe_int(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        Ok(match self {
            Self::Lite(row) => match row.get(column)? {
                Value::Integer(number) => Some(*number),
                Value::Null => None,
                Value::Text(_) | Value::Real(_) | Value::Blob(_) => {
                    return Err(StoreError::Unreadable { column });
                }
            },
            Self::Pg(row) => row.try_get(column)?,
        })
    }

    pub(crate) fn flag(&self, column: &'static str) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<UnixMillis, StoreError> {
        self.int(column).map(UnixMillis)
    }

    pub(crate) fn maybe_time(&self, column: &'static str) -> Result<Option<UnixMillis>, StoreError> {
        Ok(self.maybe_int(column)?.map(UnixMillis))
    }

    pub(crate) fn provider(&self, column: &'static str) -> Result<Provider, StoreError> {
        Provider::parse(&self.text(column)?).ok_or(StoreError::Unreadable { column })
    }

    pub(crate) fn language(&self, column: &'static str) -> Result<Language, StoreError> {
        Language::from_code(&self.text(column)?).ok_or(StoreError::Unreadable { column })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_copy_keeps_every_character() {
        let mut data = vec![];
        let row = [Arg::from("a\tb\\N\r\n"), Arg::from(-7), Arg::Text(None), Arg::from("")];
        write_copy_row(&mut data, &row);
        assert_eq!(String::from_utf8(data).unwrap(), "a\\tb\\\\N\\r\\n\t-7\t\\N\t\n");
    }
}
