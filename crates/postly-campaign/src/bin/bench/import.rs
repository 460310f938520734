//! An import of the guide's database, compared with `COPY` of the same rows into the service's tables, in
//! turns.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures_util::TryStreamExt as _;
use postly_campaign::service;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::{
    databases::{Database, Engine},
    figures::Runs,
    report::Section,
    stage::Settings,
};

/// The guide's tables, as the engine of Prisma creates them.
const SCHEMA: &str = include_str!("../../../../postly-testkit/testdata/prisma/schema.sql");
const SOURCE: &str = include_str!("import/source.sql");
/// The users and ledger rows of the source.
const SIZE: (u32, u32) = (1_000, 1_000_000);
const QUICK_SIZE: (u32, u32) = (100, 20_000);
/// The tables that an import writes, in an order that satisfies the foreign keys.
const TABLES: [&str; 6] = ["authors", "wallets", "identities", "grants", "ledger", "imports"];
/// The limit of an import's wall time, as a multiple of that of `COPY`.
const MOST: f64 = 5.0;

/// The balance and the sum of entries of each user.
const SUMS_OF_SOURCE: &str = "SELECT \"User\".id || ' ' || credits || ' ' || SUM(delta) FROM \"User\" \
    JOIN \"CreditLedger\" ON \"userId\" = \"User\".id GROUP BY \"User\".id, credits ORDER BY \"User\".id COLLATE \"C\"";
const SUMS_OF_TARGET: &str = "SELECT wallets.author_id || ' ' || balance || ' ' || SUM(delta) FROM wallets \
    JOIN ledger ON ledger.author_id = wallets.author_id AND operation LIKE 'import:entry:%' \
    GROUP BY wallets.author_id, balance ORDER BY wallets.author_id COLLATE \"C\"";
const SUMS_OF_FILE: &str = "SELECT wallets.author_id || ' ' || balance || ' ' || SUM(delta) FROM wallets \
    JOIN ledger ON ledger.author_id = wallets.author_id AND operation LIKE 'import:entry:%' \
    GROUP BY wallets.author_id, balance ORDER BY wallets.author_id";

pub(crate) async fn run(engine: Engine, settings: &Settings) -> anyhow::Result<Section> {
    let (users, rows) = if settings.quick { QUICK_SIZE } else { SIZE };
    let source = Database::fresh(Engine::Postgres).await?;
    let fill = SOURCE.replace("{users}", &users.to_string()).replace("{rows}", &rows.to_string());
    source.run(SCHEMA).await?;
    source.run(&fill).await?;
    let mut sums = source.lines(SUMS_OF_SOURCE).await?;
    sums.sort();
    ensure!(sums.len() == usize::try_from(users)?, "the source is not filled");

    let mut copied: Option<Vec<Vec<u8>>> = None;
    let (mut imports, mut copies) = (vec![], vec![]);
    for _ in 0..settings.rounds() {
        let (target, took) = import(engine, &source).await?;
        imports.push(took.as_secs_f64());
        let mut found = match engine {
            Engine::Postgres => target.lines(SUMS_OF_TARGET).await?,
            Engine::Sqlite => target.file_lines(SUMS_OF_FILE)?,
        };
        found.sort();
        ensure!(found == sums, "the balances and sums of the target are not those of the source");
        audit(&target).await?;
        if engine == Engine::Postgres {
            if copied.is_none() {
                copied = Some(copy_out(&target.url).await?);
            }
            copies.push(copy_in(copied.as_deref().unwrap_or_default()).await?.as_secs_f64());
        }
        target.remove().await?;
    }
    source.remove().await?;

    let mut section =
        Section::new(format!("{engine}: an import of {users} users with {rows} ledger rows"), &["", "s"]);
    section.row(["postly import prisma".to_owned(), Runs::of(imports.iter().copied()).text(1)]);
    section
        .note("The sums of every ledger and every balance are those of the source, and the audit is clean.");
    if engine == Engine::Postgres {
        section.row(["COPY of the same rows".to_owned(), Runs::of(copies.iter().copied()).text(1)]);
        let ratios = Runs::of(imports.iter().zip(&copies).map(|(import, copy)| import / copy));
        section.row(["import of COPY".to_owned(), ratios.text(2)]);
        section.at_most("import, of COPY", MOST, ratios.median);
    }
    Ok(section)
}

/// Imports the source into a fresh database.
async fn import(engine: Engine, source: &Database) -> anyhow::Result<(Database, Duration)> {
    let target = Database::fresh(engine).await?;
    target.migrate().await?;
    let started = Instant::now();
    let output = postly(&target)?
        .args(["import", "prisma", "--json", "--from", &source.url])
        .env("IDENTITY_HASH_KEY", "a-key-for-this-bench-only")
        .output()
        .await?;
    let took = started.elapsed();
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok((target, took))
}

async fn audit(target: &Database) -> anyhow::Result<()> {
    let output = postly(target)?.arg("audit").output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}

fn postly(target: &Database) -> anyhow::Result<tokio::process::Command> {
    let mut command = tokio::process::Command::new(service::binary()?);
    command.env_clear().env("DATABASE_URL", &target.url).current_dir(std::env::temp_dir());
    Ok(command)
}

/// Returns the rows of each table in the format of `COPY`.
async fn copy_out(url: &str) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut connection = PgConnection::connect(url).await?;
    let mut all = vec![];
    for table in TABLES {
        let mut rows = connection.copy_out_raw(&format!("COPY {table} TO STDOUT")).await?;
        let mut data = vec![];
        while let Some(part) = rows.try_next().await? {
            data.extend_from_slice(&part);
        }
        all.push(data);
    }
    Ok(all)
}

/// Copies the rows into a fresh database, in one transaction.
async fn copy_in(tables: &[Vec<u8>]) -> anyhow::Result<Duration> {
    let target = Database::fresh(Engine::Postgres).await?;
    target.migrate().await?;
    let mut connection = PgConnection::connect(&target.url).await?;
    let started = Instant::now();
    connection.execute("BEGIN").await?;
    for (table, data) in TABLES.iter().zip(tables) {
        let mut copy = connection.copy_in_raw(&format!("COPY {table} FROM STDIN")).await?;
        copy.send(data.as_slice()).await?;
        copy.finish().await.with_context(|| format!("cannot copy {table}"))?;
    }
    connection.execute("COMMIT").await?;
    let took = started.elapsed();
    connection.close().await?;
    target.remove().await?;
    Ok(took)
}
