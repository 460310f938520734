//! The history of an author with thousands of posts among a million authors, beside that of a small database,
//! in turns.

use std::time::Duration;

use crate::{
    databases::Engine,
    figures::{Runs, Spread, count, ms},
    posts::{Visitor, add_generations, add_tokens},
    report::Section,
    stage::{Actor, Settings, Stage},
};

/// The posts of the author in the grown database.
const POSTS: usize = 10_000;
/// The posts of the author in the small one: one page.
const FEW: usize = 20;
/// The requests of one turn of one side.
const TURN: usize = 200;
/// The time after which PostgreSQL has published the statistics of an ended connection.
const PUBLISHED: Duration = Duration::from_secs(2);
/// The rows that have been read.
const ROWS_READ: &str = "SELECT CAST(idx_tup_fetch + seq_tup_read AS TEXT) FROM pg_stat_user_tables WHERE relname = 'generations'";

struct Side {
    stage: Stage,
    actor: Actor,
    visitor: Visitor,
    bearer: String,
}

impl Side {
    async fn open(engine: Engine, others: u32, posts: usize) -> anyhow::Result<Self> {
        let stage = Stage::set(engine, 1).await?;
        stage.database.migrate().await?;
        stage.database.run(&filled(engine, others)).await?;
        let author = vec!["00author".to_owned()];
        add_generations(&stage.database, &author, posts).await?;
        let token = add_tokens(&stage.database, &author).await?.remove(0);
        if engine == Engine::Postgres {
            // The server's own reading of the table would be counted with ours.
            let quiet = "ALTER TABLE generations SET (autovacuum_enabled = false);\nANALYZE;\n";
            stage.database.run(quiet).await?;
        }
        // Retention must not delete the old rows during the measurement.
        let actor = stage.start(&stage.plan().with("RETENTION_MESSAGES_DAYS", "1000000")).await?;
        let visitor = Visitor::of(actor.door())?;
        Ok(Self { stage, actor, visitor, bearer: format!("Bearer {token}") })
    }

    async fn time(&self, paths: impl Iterator<Item = String>, text: &str) -> anyhow::Result<Spread> {
        let header = ("authorization", self.bearer.as_str());
        self.visitor.time(paths.map(|path| (path, header)), text).await
    }
}

/// The statements that make the author of the measurement, and `others` with one post each.
fn filled(engine: Engine, others: u32) -> String {
    let (numbers, digits) = match engine {
        Engine::Sqlite => (
            format!(
                "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {others}) "
            ),
            "printf('%09d', n)",
        ),
        Engine::Postgres => (
            format!("WITH numbers (n) AS (SELECT generate_series(0, {others})) "),
            "lpad(CAST(n AS TEXT), 9, '0')",
        ),
    };
    let id = format!("CASE n WHEN 0 THEN '00author' ELSE '00a' || {digits} END");
    let text = "remise de 20 % sur les tartes ce samedi matin a la boulangerie ".repeat(8);
    format!(
        "{numbers}INSERT INTO authors (id, language, language_chosen, greeted_at_ms, created_at_ms) \
         SELECT {id}, 'fr', 1, 1600000000000, 1600000000000 FROM numbers;\n\
         {numbers}INSERT INTO wallets (author_id, balance, held) SELECT {id}, 0, 0 FROM numbers;\n\
         {numbers}INSERT INTO generations (id, author_id, state, brief, platform, language, variants, writer, \
         prompt_version, created_at_ms, search_text) SELECT '00h' || {digits}, {id}, 'settled', '{text}', 'instagram', \
         'fr', '[]', 'bench', 'bench', 1600000000000 + n, '{text}' FROM numbers WHERE n > 0;\n"
    )
}

pub(crate) async fn run(engine: Engine, settings: &Settings) -> anyhow::Result<Section> {
    let small = Side::open(engine, 0, FEW).await?;
    let grown = Side::open(engine, settings.authors, POSTS).await?;
    // A connection publishes its statistics a moment after its end.
    tokio::time::sleep(PUBLISHED).await;
    let before = rows_read(engine, &grown.stage).await?;
    let turn = if settings.quick { TURN / 10 } else { TURN };
    let first = |_| "/api/generations".to_owned();
    let middle = |number: usize| {
        format!("/api/generations?cursor=00g{:08}00author", 1_000 + number * 7 % (POSTS - 2_000))
    };
    let missing = |number: usize| format!("/api/generations?q=anniversaire%20{number}");
    let rare = |number: usize| format!("/api/generations?q=n%C2%B0%20{}.0", number * 37 % 1_000);
    let mut rounds = vec![];
    for _ in 0..settings.rounds() {
        let of_small = small.time((0..turn).map(first), "Morel").await?;
        let of_first = grown.time((0..turn).map(first), "Morel").await?;
        let of_middle = grown.time((0..turn).map(middle), "Morel").await?;
        let of_missing = grown.time((0..turn).map(missing), "generations").await?;
        let of_rare = grown.time((0..turn).map(rare), "Morel").await?;
        rounds.push([of_small, of_first, of_middle, of_missing, of_rare]);
    }
    let mut section = Section::new(
        format!("{engine}: the history of an author with {POSTS} posts among {} authors", settings.authors),
        &["", "p50 ms", "p99 ms"],
    );
    let mut row = |name: &str, place: usize| {
        let runs = |thousandths| {
            Runs::of(rounds.iter().filter_map(|round| round.get(place)).map(|took| ms(took.at(thousandths))))
        };
        section.row([name.to_owned(), runs(500).text(2), runs(990).text(2)]);
        runs(990).median
    };
    let small_p99 = row("a page, small database", 0);
    let first_p99 = row("the first page", 1);
    let middle_p99 = row("a page in the middle", 2);
    let missing_p99 = row("a search that finds nothing", 3);
    let rare_p99 = row("a search that finds one post", 4);
    section.at_most("history p99, grown of small", 3.0, first_p99.max(middle_p99) / small_p99);
    section.at_most("search p99 ms", 100.0, missing_p99.max(rare_p99));
    if engine == Engine::Postgres {
        let searches = 2 * turn * settings.rounds();
        let pages = 2 * turn * settings.rounds();
        // A page reads one row more than it shows.
        let own = count(searches * POSTS + pages * (FEW + 1));
        grown.actor.kill().await?;
        tokio::time::sleep(PUBLISHED).await;
        let after = rows_read(engine, &grown.stage).await?;
        section.note(format!(
            "{} rows of generations were read, {own} of them may be the author's.",
            after - before
        ));
        // A few rows more: what the service reads at its start.
        section.at_most("rows read, of the author's own", 1.001, (after - before) / own);
    } else {
        grown.actor.kill().await?;
    }
    small.actor.kill().await?;
    small.stage.clear().await?;
    grown.stage.clear().await?;
    Ok(section)
}

async fn rows_read(engine: Engine, stage: &Stage) -> anyhow::Result<f64> {
    if engine == Engine::Sqlite {
        return Ok(0.0);
    }
    Ok(stage.database.texts(ROWS_READ).await?.first().map_or(Ok(0.0), |rows| rows.parse())?)
}
