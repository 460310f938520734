//! Reading the source: PostgreSQL with the tables of the guide's Prisma schema, in one snapshot.

use std::collections::HashMap;

use postly_domain::UnixMillis;
use sqlx::{
    AssertSqlSafe, Row as _,
    postgres::{PgConnection, PgRow},
};

use crate::{
    Address, OpenError, StoreError,
    address::Place,
    postgres::{begin_snapshot, quoted},
};

/// The tables, with the columns that each must have. Others are read when they are there.
const USER: Table = Table { name: "User", required: &["id", "credits", "createdAt"] };
const LEDGER: Table =
    Table { name: "CreditLedger", required: &["id", "userId", "delta", "reason", "createdAt"] };
const GENERATION: Table =
    Table { name: "Generation", required: &["id", "userId", "brief", "variants", "createdAt"] };
const CODES: Table = Table { name: "OtpChallenge", required: &[] };

struct Table {
    name: &'static str,
    required: &'static [&'static str],
}

/// A failure to open a source.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The address is not one of PostgreSQL.
    #[error("the source must be a PostgreSQL: postgres://user:password@host:port/database")]
    NotPostgres,
    /// The source cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A table or a column of the guide's schema is missing.
    #[error(
        "{database} has no {missing}: it must hold the tables of the guide's Prisma schema under their names \
         (another schema than public is named by ?schema=)"
    )]
    NotTheGuides {
        /// The name of the database.
        database: String,
        /// The missing table or column.
        missing: String,
    },
    /// The source failed while it was read.
    #[error("the source failed")]
    Store(#[from] StoreError),
}

/// A row of `"User"`.
#[derive(Clone)]
pub struct SourceUser {
    /// The id.
    pub id: String,
    /// The email address, as it was written.
    pub email: Option<String>,
    /// The hash of the password, of any kind.
    pub password_hash: Option<String>,
    /// The balance.
    pub credits: i64,
    /// The number.
    pub phone: Option<String>,
    /// The time at which a code proved the number.
    pub linked_at: Option<UnixMillis>,
    /// The language of the conversation.
    pub language: Option<String>,
    /// The time of creation.
    pub created_at: UnixMillis,
    /// The number of the user's ledger rows.
    pub entries: u64,
    /// The number of the user's generations.
    pub generations: u64,
}

/// A row of `"CreditLedger"`.
pub struct SourceEntry {
    /// The id.
    pub id: String,
    /// The owner.
    pub user_id: String,
    /// Credits in or out.
    pub delta: i64,
    /// The application's name of the reason.
    pub reason: String,
    /// The time of creation.
    pub created_at: UnixMillis,
}

/// A row of `"Generation"`.
pub struct SourceGeneration {
    /// The id.
    pub id: String,
    /// The owner.
    pub user_id: String,
    /// The brief.
    pub brief: String,
    /// The network, by the application's name.
    pub platform: Option<String>,
    /// The language of the posts.
    pub language: Option<String>,
    /// The posts, as a JSON array.
    pub variants: String,
    /// The time of creation.
    pub created_at: UnixMillis,
}

/// The numbers of rows in the source.
#[derive(Debug, Clone, Copy, Default)]
pub struct Totals {
    /// Rows of `"User"`.
    pub users: u64,
    /// Rows of `"CreditLedger"`.
    pub entries: u64,
    /// Rows of `"Generation"`.
    pub generations: u64,
    /// Rows of `"OtpChallenge"`, none of which is imported.
    pub codes: u64,
}

/// A source, in one read-only transaction: every query reads the state at the start of the transaction.
pub struct Source {
    connection: PgConnection,
    name: String,
    /// The statements, which depend on the types of the columns.
    ledger: String,
    generations: Option<String>,
    /// The statements that count the ledger entries and the generations of some users.
    counts: [Option<String>; 2],
    has_codes: bool,
}

/// The columns of a table with their types; empty if the table is missing.
struct Columns(Vec<(String, String)>);

impl Columns {
    fn kind(&self, column: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == column).map(|(_, kind)| kind.as_str())
    }

    /// Selects the column as text, or NULL if it is missing.
    fn text(&self, column: &str) -> String {
        match self.kind(column) {
            Some(kind) if kind.ends_with("[]") => {
                format!("CAST(to_json({name}) AS TEXT) AS {name}", name = quoted(column))
            }
            Some(_) => format!("CAST({name} AS TEXT) AS {name}", name = quoted(column)),
            None => format!("CAST(NULL AS TEXT) AS {}", quoted(column)),
        }
    }

    fn int(column: &str) -> String {
        format!("CAST({name} AS BIGINT) AS {name}", name = quoted(column))
    }

    /// Selects the column as milliseconds. Prisma writes UTC into columns without a time zone.
    fn millis(&self, column: &str) -> String {
        let name = quoted(column);
        match self.kind(column) {
            Some(_) => format!("CAST(FLOOR(EXTRACT(EPOCH FROM {name}) * 1000) AS BIGINT) AS {name}"),
            None => format!("CAST(NULL AS BIGINT) AS {name}"),
        }
    }

    /// Returns the statement that counts the rows of some users.
    fn counts(&self, table: &str) -> String {
        format!(
            "SELECT CAST(\"userId\" AS TEXT) AS id, COUNT(*) AS rows FROM {} WHERE {} GROUP BY \"userId\"",
            quoted(table),
            self.of_users(),
        )
    }

    /// Returns the condition that a row belongs to one of the users in `$1`. It compares in the type of the
    /// column, so that the index can be used.
    fn of_users(&self) -> String {
        format!("\"userId\" = ANY(CAST($1 AS {}[]))", self.kind("userId").unwrap_or("text"))
    }
}

impl Source {
    /// Opens a source and begins its transaction.
    ///
    /// # Errors
    /// Fails if the address is not one of PostgreSQL, the server refuses, or a table of the guide is missing.
    pub async fn open(address: &Address) -> Result<Self, SourceError> {
        let Place::Postgres(server) = &address.0 else { return Err(SourceError::NotPostgres) };
        let name = address.name();
        let mut connection = begin_snapshot(server).await?;
        let users = columns(&mut connection, &USER).await?;
        let ledger = columns(&mut connection, &LEDGER).await?;
        let generations = columns(&mut connection, &GENERATION).await?;
        let codes = columns(&mut connection, &CODES).await?;
        for (table, found) in [(USER, Some(&users)), (LEDGER, Some(&ledger))]
            .into_iter()
            .chain([(GENERATION, Some(&generations).filter(|found| !found.0.is_empty()))])
        {
            if let Some(missing) = found.and_then(|found| missing(&table, found)) {
                return Err(SourceError::NotTheGuides { database: name, missing });
            }
        }
        let of_users = ledger.of_users();
        let source = Self {
            name,
            ledger: format!(
                "SELECT {}, {}, {}, {}, {} FROM \"CreditLedger\" WHERE {of_users}",
                ledger.text("id"),
                ledger.text("userId"),
                Columns::int("delta"),
                ledger.text("reason"),
                ledger.millis("createdAt"),
            ),
            counts: [
                Some(ledger.counts("CreditLedger")),
                (!generations.0.is_empty()).then(|| generations.counts("Generation")),
            ],
            generations: (!generations.0.is_empty()).then(|| {
                format!(
                    "SELECT {}, {}, {}, {}, {}, {}, {} FROM \"Generation\" WHERE {}",
                    generations.text("id"),
                    generations.text("userId"),
                    generations.text("brief"),
                    generations.text("platform"),
                    generations.text("language"),
                    generations.text("variants"),
                    generations.millis("createdAt"),
                    generations.of_users(),
                )
            }),
            has_codes: !codes.0.is_empty(),
            connection,
        };
        source.declare_users(&users).await
    }

    /// The oldest users come first, so that every import chooses the same one of two users with the same
    /// address.
    async fn declare_users(mut self, users: &Columns) -> Result<Self, SourceError> {
        let declare = format!(
            "DECLARE postly_users NO SCROLL CURSOR FOR SELECT {}, {}, {}, {}, {}, {}, {}, {} FROM \"User\" \
             ORDER BY \"createdAt\", CAST(\"id\" AS TEXT) COLLATE \"C\"",
            users.text("id"),
            users.text("email"),
            users.text("passwordHash"),
            Columns::int("credits"),
            users.text("waPhoneE164"),
            users.millis("waLinkedAt"),
            users.text("waPreferredLang"),
            users.millis("createdAt"),
        );
        let declared = sqlx::raw_sql(AssertSqlSafe(declare)).execute(&mut self.connection).await;
        declared.map_err(StoreError::from)?;
        Ok(self)
    }

    /// Returns the name of the source for its operator. Never contains a password.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// True if the source has generations; the guide's schema omits their table.
    pub fn has_generations(&self) -> bool {
        self.generations.is_some()
    }

    /// Counts the rows.
    ///
    /// # Errors
    /// Fails if the source fails.
    pub async fn totals(&mut self) -> Result<Totals, StoreError> {
        Ok(Totals {
            users: self.count("SELECT COUNT(*) AS n FROM \"User\"").await?,
            entries: self.count("SELECT COUNT(*) AS n FROM \"CreditLedger\"").await?,
            generations: match self.generations {
                Some(_) => self.count("SELECT COUNT(*) AS n FROM \"Generation\"").await?,
                None => 0,
            },
            codes: if self.has_codes {
                self.count("SELECT COUNT(*) AS n FROM \"OtpChallenge\"").await?
            } else {
                0
            },
        })
    }

    async fn count(&mut self, sql: &'static str) -> Result<u64, StoreError> {
        let row = sqlx::query(sql).persistent(false).fetch_one(&mut self.connection).await?;
        Ok(u64::try_from(row.try_get::<i64, _>("n")?).unwrap_or(0))
    }

    /// Returns the next users, oldest first; an empty list at the end.
    ///
    /// # Errors
    /// Fails if the source fails.
    pub async fn next_users(&mut self) -> Result<Vec<SourceUser>, StoreError> {
        // The page size bounds the memory in use.
        const NEXT: &str = "FETCH FORWARD 500 FROM postly_users";
        let rows = sqlx::query(NEXT).persistent(false).fetch_all(&mut self.connection).await?;
        let mut users = rows.iter().map(user).collect::<Result<Vec<_>, _>>()?;
        let ids: Vec<String> = users.iter().map(|user| user.id.clone()).collect();
        let [ledger, generations] = self.counts.clone();
        let entries = self.counts(ledger, &ids).await?;
        let generations = self.counts(generations, &ids).await?;
        for user in &mut users {
            user.entries = entries.get(&user.id).copied().unwrap_or(0);
            user.generations = generations.get(&user.id).copied().unwrap_or(0);
        }
        Ok(users)
    }

    async fn counts(
        &mut self,
        sql: Option<String>,
        users: &[String],
    ) -> Result<HashMap<String, u64>, StoreError> {
        let Some(sql) = sql else { return Ok(HashMap::new()) };
        let counts = sqlx::query_as::<_, (String, i64)>(AssertSqlSafe(sql)).bind(users).persistent(false);
        let counts = counts.fetch_all(&mut self.connection).await?.into_iter();
        Ok(counts.map(|(id, rows)| (id, u64::try_from(rows).unwrap_or(0))).collect())
    }

    /// Reads the ledgers of some users, and passes them to the receiver in chunks.
    ///
    /// # Errors
    /// Fails if the source or the receiver fails.
    pub async fn entries<E: From<StoreError>>(
        &mut self,
        users: &[String],
        receive: impl AsyncFnMut(Vec<SourceEntry>) -> Result<(), E>,
    ) -> Result<(), E> {
        let query = Query { sql: self.ledger.clone(), read: entry, in_chunk: ENTRIES_IN_CHUNK };
        query.chunks(&mut self.connection, users, receive).await
    }

    /// Reads the generations of some users, and passes them to the receiver in chunks.
    ///
    /// # Errors
    /// Fails if the source or the receiver fails.
    pub async fn generations<E: From<StoreError>>(
        &mut self,
        users: &[String],
        receive: impl AsyncFnMut(Vec<SourceGeneration>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(sql) = self.generations.clone() else { return Ok(()) };
        let query = Query { sql, read: generation, in_chunk: GENERATIONS_IN_CHUNK };
        query.chunks(&mut self.connection, users, receive).await
    }
}

/// The number of rows in a chunk: some megabytes.
const ENTRIES_IN_CHUNK: usize = 5_000;
const GENERATIONS_IN_CHUNK: usize = 500;

/// A query for rows of some users.
struct Query<T> {
    sql: String,
    read: fn(&PgRow) -> Result<T, sqlx::Error>,
    in_chunk: usize,
}

impl<T> Query<T> {
    /// Passes the rows on in chunks: one user's ledger may exceed memory.
    async fn chunks<E: From<StoreError>>(
        self,
        connection: &mut PgConnection,
        users: &[String],
        mut receive: impl AsyncFnMut(Vec<T>) -> Result<(), E>,
    ) -> Result<(), E> {
        use futures_util::TryStreamExt as _;
        let mut rows = sqlx::query(AssertSqlSafe(self.sql)).bind(users).persistent(false).fetch(connection);
        let mut chunk = Vec::with_capacity(self.in_chunk);
        while let Some(row) = rows.try_next().await.map_err(StoreError::from)? {
            chunk.push((self.read)(&row).map_err(StoreError::from)?);
            if chunk.len() == self.in_chunk {
                receive(std::mem::replace(&mut chunk, Vec::with_capacity(self.in_chunk))).await?;
            }
        }
        if chunk.is_empty() { Ok(()) } else { receive(chunk).await }
    }
}

async fn columns(connection: &mut PgConnection, table: &Table) -> Result<Columns, StoreError> {
    const COLUMNS: &str = "SELECT CAST(attname AS TEXT), format_type(atttypid, NULL) FROM pg_attribute \
         WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped";
    let found =
        sqlx::query_as(COLUMNS).bind(quoted(table.name)).persistent(false).fetch_all(connection).await?;
    Ok(Columns(found))
}

/// Returns the missing table or column.
fn missing(table: &Table, found: &Columns) -> Option<String> {
    if found.0.is_empty() {
        return Some(format!("table \"{}\"", table.name));
    }
    let column = table.required.iter().find(|column| found.kind(column).is_none())?;
    Some(format!("column \"{}\".\"{column}\"", table.name))
}

fn millis(row: &PgRow, column: &str) -> Result<UnixMillis, sqlx::Error> {
    row.try_get(column).map(UnixMillis)
}

fn user(row: &PgRow) -> Result<SourceUser, sqlx::Error> {
    Ok(SourceUser {
        id: row.try_get("id")?,
        email: row.try_get("email")?,
        password_hash: row.try_get("passwordHash")?,
        credits: row.try_get("credits")?,
        phone: row.try_get("waPhoneE164")?,
        linked_at: row.try_get::<Option<i64>, _>("waLinkedAt")?.map(UnixMillis),
        language: row.try_get("waPreferredLang")?,
        created_at: millis(row, "createdAt")?,
        entries: 0,
        generations: 0,
    })
}

fn entry(row: &PgRow) -> Result<SourceEntry, sqlx::Error> {
    Ok(SourceEntry {
        id: row.try_get(0)?,
        user_id: row.try_get(1)?,
        delta: row.try_get(2)?,
        reason: row.try_get(3)?,
        created_at: UnixMillis(row.try_get(4)?),
    })
}

fn generation(row: &PgRow) -> Result<SourceGeneration, sqlx::Error> {
    Ok(SourceGeneration {
        id: row.try_get("id")?,
        user_id: row.try_get("userId")?,
        brief: row.try_get("brief")?,
        platform: row.try_get("platform")?,
        language: row.try_get("language")?,
        variants: row.try_get::<Option<String>, _>("variants")?.unwrap_or_default(),
        created_at: millis(row, "createdAt")?,
    })
}
