//! Statements, arguments and rows, the same for both engines.

use sqlx::{Row as _, postgres::PgRow, sqlite::SqliteRow};

use crate::StoreError;

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

    /// SQLite's text and PostgreSQL's.
    pub(crate) const fn each(lite: &'static str, pg: &'static str) -> Self {
        Self { lite, pg }
    }
}

/// A value bound to a statement. A null keeps its type, which PostgreSQL wants to know.
#[derive(Clone)]
pub(crate) enum Arg {
    Text(Option<String>),
    Int(Option<i64>),
}

macro_rules! arg_from {
    ($($type:ty => |$value:ident| $arg:expr;)*) => {$(
        impl From<$type> for Arg { fn from($value: $type) -> Self { $arg } }
    )*};
}

use postly_domain::{
    Language, LedgerReason, PhoneE164, Provider, UnixMillis,
    id::{AttemptId, AuthorId, EntryId, EventId, GenerationId, HoldId, IdentityId, LeaseToken, MessageId},
};

arg_from! {
    &str => |value| Self::Text(Some(value.to_owned()));
    String => |value| Self::Text(Some(value));
    &String => |value| Self::Text(Some(value.clone()));
    Option<&str> => |value| Self::Text(value.map(str::to_owned));
    Option<String> => |value| Self::Text(value);
    i64 => |value| Self::Int(Some(value));
    Option<i64> => |value| Self::Int(value);
    bool => |value| Self::Int(Some(i64::from(value)));
    UnixMillis => |value| Self::Int(Some(value.0));
    Option<UnixMillis> => |value| Self::Int(value.map(|at| at.0));
    Provider => |value| Self::Text(Some(value.as_str().to_owned()));
    Language => |value| Self::Text(Some(value.code().to_owned()));
    LedgerReason => |value| Self::Text(Some(value.as_str().to_owned()));
    &PhoneE164 => |value| Self::Text(Some(value.as_str().to_owned()));
    Option<&PhoneE164> => |value| Self::Text(value.map(|phone| phone.as_str().to_owned()));
}

macro_rules! arg_from_id {
    ($($id:ty)*) => {$(
        impl From<&$id> for Arg { fn from(id: &$id) -> Self { Self::Text(Some(id.as_str().to_owned())) } }
        impl From<Option<&$id>> for Arg {
            fn from(id: Option<&$id>) -> Self { Self::Text(id.map(|id| id.as_str().to_owned())) }
        }
    )*};
}

arg_from_id!(AttemptId AuthorId EntryId EventId GenerationId HoldId IdentityId LeaseToken MessageId);

/// The arguments of a statement, in the order of its `$1`, `$2` …
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::sql::Arg::from($value)),*] };
}
pub(crate) use args;

/// A row of either engine, read by column name.
pub(crate) enum Row {
    Lite(SqliteRow),
    Pg(PgRow),
}

impl Row {
    pub(crate) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.maybe_text(column)?.ok_or(StoreError::Unreadable { column })
    }

    pub(crate) fn maybe_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        Ok(match self {
            Self::Lite(row) => row.try_get(column)?,
            Self::Pg(row) => row.try_get(column)?,
        })
    }

    pub(crate) fn int(&self, column: &'static str) -> Result<i64, StoreError> {
        self.maybe_int(column)?.ok_or(StoreError::Unreadable { column })
    }

    pub(crate) fn maybe_int(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        Ok(match self {
            Self::Lite(row) => row.try_get(column)?,
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
