//! Stored posts of authors, and what programs and browsers ask about them.

use std::{fmt::Write as _, net::SocketAddr, time::Instant};

use anyhow::{Context as _, ensure};
use sha2::{Digest as _, Sha256};

use crate::{databases::Database, figures::Spread};

/// Rows of one INSERT.
const ROWS: usize = 500;

/// Gives each of these authors an API token, and returns the tokens.
pub(crate) async fn add_tokens(database: &Database, authors: &[String]) -> anyhow::Result<Vec<String>> {
    let token = |author: &String| format!("postly_bench_{author}");
    let rows = authors.iter().map(|author| {
        let hash: String = Sha256::digest(token(author)).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("('{author}', '{author}', 'bench', '{hash}', 0)")
    });
    insert(database, "api_tokens (id, author_id, name, token_hash, created_at_ms)", rows).await?;
    Ok(authors.iter().map(token).collect())
}

/// Adds `each` generations to each of these authors. Their ids are older than any new one, and grow with
/// their number.
pub(crate) async fn add_generations(
    database: &Database,
    authors: &[String],
    each: usize,
) -> anyhow::Result<()> {
    let numbered = authors.iter().flat_map(|author| (0..each).map(move |number| (author, number)));
    let rows = numbered.map(|(author, number)| {
        let variants = serde_json::json!(
            (0..3).map(|place| serde_json::json!({ "text": post(number, place), "angle": "Offre" })).collect::<Vec<_>>()
        );
        let variants = variants.to_string().replace('\'', "''");
        let search = format!("{} {}", brief(number), post(number, 0)).to_lowercase().replace('\'', "''");
        format!(
            "('00g{number:08}{author}', '{author}', 'settled', '{}', 'instagram', 'fr', '{variants}', 'bench', 'bench', \
             {}, '{search}')",
            brief(number),
            1_600_000_000_000 + number,
        )
    });
    let into = "generations (id, author_id, state, brief, platform, language, variants, writer, prompt_version, \
                created_at_ms, search_text)";
    insert(database, into, rows).await
}

fn brief(number: usize) -> String {
    format!("Pour la boulangerie Morel : remise de {} % sur les tartes ce samedi", 5 + number % 30)
}

fn post(number: usize, place: usize) -> String {
    format!(
        "✨ Bonne nouvelle n° {number}.{place} : ce samedi matin, la boulangerie Morel vous propose une remise de {} % sur \
         les tartes. Tout est préparé avec soin, et notre équipe sera là pour vous accueillir et vous conseiller. Les \
         quantités sont limitées, alors passez nous voir sans tarder. À très vite ! #commercelocal #artisanat",
        5 + number % 30
    )
}

async fn insert(database: &Database, into: &str, rows: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let mut statement = String::new();
    let mut count = 0;
    for row in rows {
        let start = if count == 0 { format!("INSERT INTO {into} VALUES ") } else { ", ".to_owned() };
        write!(statement, "{start}{row}")?;
        count += 1;
        if count == ROWS {
            database.run(&format!("{statement};\n")).await?;
            statement.clear();
            count = 0;
        }
    }
    if count > 0 {
        database.run(&format!("{statement};\n")).await?;
    }
    Ok(())
}

/// A visitor of a server, on one connection that stays open.
pub(crate) struct Visitor {
    http: reqwest::Client,
    door: SocketAddr,
}

impl Visitor {
    pub(crate) fn of(door: SocketAddr) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("cannot build the client")?;
        Ok(Self { http, door })
    }

    /// Sends a form or nothing, and returns the answer.
    pub(crate) async fn ask(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> anyhow::Result<reqwest::Response> {
        let url = format!("http://{}{path}", self.door);
        let mut request = match body {
            Some(body) => self.http.post(url).body(body),
            None => self.http.get(url),
        };
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Ok(request.send().await?)
    }

    /// Gets each path in turn, with a header, and returns the times until the whole answer was read. Each
    /// must be answered with 200 and hold `text`.
    pub(crate) async fn time(
        &self,
        paths: impl Iterator<Item = (String, (&str, &str))>,
        text: &str,
    ) -> anyhow::Result<Spread> {
        let mut took = vec![];
        for (path, header) in paths {
            let began = Instant::now();
            let answer = self.ask(&path, &[header], None).await?;
            let status = answer.status();
            let body = answer.text().await?;
            took.push(began.elapsed());
            ensure!(status == 200 && body.contains(text), "{path}: {status}, without {text:?}");
        }
        Ok(took.into())
    }
}
