//! Writes the content of a source into our tables, many rows at a time.

use std::collections::{HashMap, HashSet};

use postly_domain::{
    Language, LedgerReason, PhoneE164, Provider, UnixMillis,
    id::{AuthorId, EntryId, GenerationId, IdentityId},
    post::{Origin, Platform, Variant},
    text::fold,
};
use serde::Serialize;

use crate::{
    StoreError, Tx,
    grants::GrantKind,
    sql::{Bulk, Sql, args, json},
};

/// The names by which users of a batch may match existing authors.
#[derive(Debug, Default)]
pub struct Names {
    /// Ids of the source, used as ids of authors.
    pub ids: Vec<String>,
    /// Email addresses.
    pub emails: Vec<String>,
    /// Numbers.
    pub phones: Vec<String>,
    /// Keyed hashes of the numbers.
    pub hashes: Vec<String>,
}

/// The names of a batch that exist already.
#[derive(Debug, Default)]
pub struct Known {
    /// Authors imported before, each with the report about them.
    pub imported: HashMap<String, String>,
    /// Other authors with such an id.
    pub ids: HashSet<String>,
    /// Email addresses of existing authors.
    pub emails: HashSet<String>,
    /// Numbers of existing authors.
    pub phones: HashSet<String>,
    /// Hashes of numbers of erased authors.
    pub erased: HashSet<String>,
}

/// A statement about the names in `$1`, a JSON array.
macro_rules! listed {
    ($before:literal) => {
        Sql::each(
            concat!($before, " IN (SELECT value FROM json_each($1))"),
            concat!($before, " IN (SELECT json_array_elements_text(CAST($1 AS JSON)))"),
        )
    };
}
const LOCK: Sql = Sql::postgres(
    "SELECT 1 AS locked FROM (SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) \
     FROM json_array_elements_text(CAST($1 AS JSON)) AS name) AS held",
);
const IMPORTED: Sql = listed!("SELECT author_id AS name, report FROM imports WHERE author_id");
const IDS: Sql = listed!("SELECT id AS name FROM authors WHERE id");
const EMAILS: Sql = listed!("SELECT email AS name FROM authors WHERE email");
const PHONES: Sql = listed!("SELECT phone AS name FROM identities WHERE phone");
const ERASED: Sql = listed!("SELECT subject_hash AS name FROM erasures WHERE subject_hash");

/// Returns the names that exist already. For writing, it also locks the addresses and numbers until the
/// transaction ends, so that no other transaction gives them to an author.
///
/// # Errors
/// Fails if the database fails.
pub async fn known(tx: &mut Tx, names: &Names, for_writing: bool) -> Result<Known, StoreError> {
    if for_writing && tx.engine() == crate::Engine::Postgres {
        // The same locks as those of a sign-up and of a first message, in one order everywhere.
        let mut locked: Vec<&String> = names.phones.iter().chain(&names.emails).collect();
        locked.sort_unstable();
        tx.all(LOCK, args![json(&locked)?]).await?;
    }
    let mut known = Known::default();
    for row in tx.all(IMPORTED, args![json(&names.ids)?]).await? {
        known.imported.insert(row.text("name")?, row.text("report")?);
    }
    for (sql, asked, found) in [
        (IDS, &names.ids, &mut known.ids),
        (EMAILS, &names.emails, &mut known.emails),
        (PHONES, &names.phones, &mut known.phones),
        (ERASED, &names.hashes, &mut known.erased),
    ] {
        for row in tx.all(sql, args![json(asked)?]).await? {
            found.insert(row.text("name")?);
        }
    }
    Ok(known)
}

/// An author to be added.
pub struct NewAuthor {
    /// The id in the source.
    pub id: AuthorId,
    /// The email address.
    pub email: Option<String>,
    /// The hash of the password.
    pub password_hash: Option<String>,
    /// The language of the conversation.
    pub language: Language,
    /// True if the language is more than the default of the source.
    pub language_settled: bool,
    /// The number.
    pub number: Option<NewNumber>,
    /// The time at which the source created the user.
    pub created_at: UnixMillis,
}

/// A number of an author to be added.
pub struct NewNumber {
    /// The id of the identity.
    pub id: IdentityId,
    /// The provider that first sends to it.
    pub provider: Provider,
    /// The number.
    pub phone: PhoneE164,
    /// The time at which a code proved it.
    pub proved_at: Option<UnixMillis>,
}

const AUTHORS: Bulk = Bulk {
    insert: "INSERT INTO authors (id, email, password_hash, language, language_settled, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6)",
    copy: "COPY authors (id, email, password_hash, language, language_settled, created_at_ms) FROM STDIN",
};
const WALLETS: Bulk = Bulk {
    insert: "INSERT INTO wallets (author_id, balance, held) VALUES ($1, $2, $3)",
    copy: "COPY wallets (author_id, balance, held) FROM STDIN",
};
const IDENTITIES: Bulk = Bulk {
    insert: "INSERT INTO identities (id, author_id, provider, phone, proved_at_ms, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6)",
    copy: "COPY identities (id, author_id, provider, phone, proved_at_ms, created_at_ms) FROM STDIN",
};

/// Adds authors with empty wallets, and their numbers.
///
/// # Errors
/// Fails if the database fails, or another author has one of the names.
pub async fn add_authors(tx: &mut Tx, authors: &[NewAuthor], now: UnixMillis) -> Result<(), StoreError> {
    let row = |author: &NewAuthor| -> Result<[_; 6], StoreError> {
        let NewAuthor { id, email, password_hash, language, language_settled, .. } = author;
        let (email, hash) = (email.clone(), password_hash.clone());
        Ok([
            id.as_str().to_owned().into(),
            email.into(),
            hash.into(),
            (*language).into(),
            (*language_settled).into(),
            author.created_at.into(),
        ])
    };
    let rows = authors.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    tx.add_all(AUTHORS, &rows).await?;
    let wallets: Vec<_> = authors.iter().map(|author| [(&author.id).into(), 0.into(), 0.into()]).collect();
    tx.add_all(WALLETS, &wallets).await?;
    let numbers = authors.iter().filter_map(|author| Some((&author.id, author.number.as_ref()?)));
    let numbers: Vec<_> = numbers
        .map(|(author, number)| {
            let NewNumber { id, provider, phone, proved_at } = number;
            [
                id.into(),
                author.into(),
                (*provider).into(),
                phone.into(),
                (*proved_at).into(),
                proved_at.unwrap_or(now).into(),
            ]
        })
        .collect();
    tx.add_all(IDENTITIES, &numbers).await
}

const GRANTS: Sql = Sql::each(
    "INSERT INTO grants (kind, subject_hash, created_at_ms) SELECT $2, value, $3 FROM json_each($1) \
     WHERE 1 = 1 ON CONFLICT (kind, subject_hash) DO NOTHING",
    "INSERT INTO grants (kind, subject_hash, created_at_ms) SELECT $2, name, $3 \
     FROM json_array_elements_text(CAST($1 AS JSON)) AS name ON CONFLICT (kind, subject_hash) DO NOTHING",
);

/// Records that these numbers (their keyed hashes) had the credits that are given once.
///
/// # Errors
/// Fails if the database fails.
pub async fn note_grants(
    tx: &mut Tx,
    kind: GrantKind,
    hashes: &[String],
    now: UnixMillis,
) -> Result<(), StoreError> {
    tx.execute(GRANTS, args![json(hashes)?, kind.as_str(), now]).await?;
    Ok(())
}

/// A ledger entry to be added.
pub struct NewLedgerEntry {
    /// The id, which encodes the time of the entry.
    pub id: EntryId,
    /// The owner.
    pub author: AuthorId,
    /// Credits in or out.
    pub delta: i64,
    /// The reason.
    pub reason: LedgerReason,
    /// The operation, which contains the id in the source.
    pub operation: String,
    /// The source's reason, if ours has no such name.
    pub note: Option<String>,
    /// The time of the entry.
    pub created_at: UnixMillis,
}

const ENTRIES: Bulk = Bulk {
    insert: "INSERT INTO ledger (id, author_id, delta, reason, operation, note, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
    copy: "COPY ledger (id, author_id, delta, reason, operation, note, created_at_ms) FROM STDIN",
};

/// Adds ledger entries. [`close_authors`] sets the balances, in the same transaction.
///
/// # Errors
/// Fails if the database fails, or an operation was recorded before.
pub async fn add_entries(tx: &mut Tx, entries: &[NewLedgerEntry]) -> Result<(), StoreError> {
    let rows: Vec<_> = entries
        .iter()
        .map(|entry| {
            [
                (&entry.id).into(),
                (&entry.author).into(),
                entry.delta.into(),
                entry.reason.into(),
                (&entry.operation).into(),
                entry.note.as_deref().into(),
                entry.created_at.into(),
            ]
        })
        .collect();
    tx.add_all(ENTRIES, &rows).await
}

/// A generation to be added.
pub struct ImportedGeneration {
    /// The id, which encodes the time of the generation.
    pub id: GenerationId,
    /// The owner.
    pub author: AuthorId,
    /// The brief.
    pub brief: String,
    /// The network.
    pub platform: Platform,
    /// The language of the posts.
    pub language: Language,
    /// The posts.
    pub variants: Vec<Variant>,
    /// The time of creation.
    pub created_at: UnixMillis,
}

const GENERATIONS: Bulk = Bulk {
    insert: "INSERT INTO generations (id, author_id, state, brief, platform, language, variants, writer, \
             prompt_version, created_at_ms, origin, search_text) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    copy: "COPY generations (id, author_id, state, brief, platform, language, variants, writer, prompt_version, \
           created_at_ms, origin, search_text) FROM STDIN",
};

/// Adds generations without a hold: their price is in the imported ledger.
///
/// # Errors
/// Fails if the database fails.
pub async fn add_generations(tx: &mut Tx, generations: &[ImportedGeneration]) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(generations.len());
    for generation in generations {
        let texts = generation.variants.iter().map(|variant| variant.text.as_str());
        let search = std::iter::once(generation.brief.as_str()).chain(texts).collect::<Vec<_>>().join("\n");
        rows.push([
            (&generation.id).into(),
            (&generation.author).into(),
            "settled".into(),
            (&generation.brief).into(),
            generation.platform.as_str().into(),
            generation.language.into(),
            json(&generation.variants)?.into(),
            "import".into(),
            "".into(),
            generation.created_at.into(),
            // The guide saves generations only in its webhook.
            Origin::Whatsapp.as_str().into(),
            fold(&search).into(),
        ]);
    }
    tx.add_all(GENERATIONS, &rows).await
}

/// An imported author with a complete ledger.
#[derive(Serialize)]
pub struct ClosedAuthor {
    /// The author.
    pub author: AuthorId,
    /// The sum of the ledger.
    pub balance: i64,
    /// The debt that replaces a negative balance.
    pub debt: i64,
    /// The report about the author, as JSON.
    #[serde(skip)]
    pub report: String,
}

const BALANCES: Sql = Sql::each(
    "UPDATE wallets SET balance = told.balance, debt = told.debt FROM (SELECT value ->> 'author' AS author, \
     value ->> 'balance' AS balance, value ->> 'debt' AS debt FROM json_each($1)) AS told \
     WHERE wallets.author_id = told.author",
    "UPDATE wallets SET balance = told.balance, debt = told.debt \
     FROM json_to_recordset(CAST($1 AS JSON)) AS told (author TEXT, balance BIGINT, debt BIGINT) \
     WHERE wallets.author_id = told.author",
);
const IMPORTS: Bulk = Bulk {
    insert: "INSERT INTO imports (author_id, debt, report, imported_at_ms) VALUES ($1, $2, $3, $4)",
    copy: "COPY imports (author_id, debt, report, imported_at_ms) FROM STDIN",
};

/// Sets the balances of imported authors, and records their import.
///
/// # Errors
/// Fails if the database fails.
pub async fn close_authors(tx: &mut Tx, authors: &[ClosedAuthor], now: UnixMillis) -> Result<(), StoreError> {
    tx.execute(BALANCES, args![json(authors)?]).await?;
    let rows: Vec<_> = authors
        .iter()
        .map(|closed| [(&closed.author).into(), closed.debt.into(), (&closed.report).into(), now.into()])
        .collect();
    tx.add_all(IMPORTS, &rows).await
}
