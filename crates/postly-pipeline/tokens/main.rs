//! Counts the tokens of a generation beside those of the design that this service replaces, which asks a
//! model three times: `cargo xtask tokens`. Exits 1 if the median share is above [`MOST_SHARE`]. README.md
//! beside this file says how both sides are counted.

#![expect(clippy::print_stdout, reason = "this is a report for a human reader")]

mod guide;
mod ours;
mod table;

use std::{process::ExitCode, sync::Arc};

use anyhow::Context as _;
use postly_domain::{Brief, Language, brand::Brand};
use postly_pipeline::{WriteRequest, Writer, Written, offline::OfflineWriter};
use tiktoken_rs::CoreBPE;

use ours::Server;

/// The labelled briefs.
const BRIEFS: &str = include_str!("../eval/briefs.tsv");

/// The largest median share of the design's tokens, in percent.
const MOST_SHARE: f64 = 45.0;

/// The tokens that a chat model adds to each message, and to each answer (OpenAI's cookbook, "How to count
/// tokens with tiktoken").
const PER_MESSAGE: usize = 3;
const PER_ANSWER: usize = 3;

/// The tokens that go to a model, and those that it writes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Call {
    read: usize,
    written: usize,
}

impl Call {
    fn all(self) -> usize {
        self.read + self.written
    }
}

/// A tokenizer.
pub(crate) struct Counter(&'static CoreBPE);

impl Counter {
    fn of(&self, text: &str) -> usize {
        self.0.encode_ordinary(text).len()
    }

    /// The tokens of a message with this role.
    fn message(&self, role: &str, content: &str) -> usize {
        PER_MESSAGE + self.of(role) + self.of(content)
    }

    /// A call with a system message and a user message.
    fn call(&self, system: &str, user: &str, answer: &str) -> Call {
        let read = self.message("system", system) + self.message("user", user) + PER_ANSWER;
        Call { read, written: self.of(answer) }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let counter = Counter(tiktoken_rs::o200k_base_singleton());
    let built_in = Writer::new(Arc::new(OfflineWriter::new()));
    let server = Server::start().await?;
    let (mut rows, mut requests) = (vec![], vec![]);
    for brief in BRIEFS.lines().skip(1).filter_map(|row| row.split('\t').nth(3)) {
        let ask = ask(brief)?;
        // The posts of both sides. Briefs that the built-in writer turns down have none.
        let Ok(written) = built_in.write(&ask).await else { continue };
        let request = server.request_for(&ask, &written).await?;
        let calls = guide::calls(&counter, brief, &written);
        rows.push(table::Row { ours: request.count(&counter, &written)?, guide: calls });
        requests.push(request);
    }
    let shared = ours::shared_prefix(&counter, &requests)?;
    let share = table::print(&rows, shared).context("there are no briefs")?;
    if share > MOST_SHARE {
        println!("\nThe median is above {MOST_SHARE} %.");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn ask(brief: &str) -> anyhow::Result<WriteRequest> {
    Ok(WriteRequest {
        brief: Brief::parse(brief)?,
        is_explicit: true,
        language_hint: Language::Fr,
        language_hint_is_known: true,
        language_forced: None,
        platform: None,
        tone: None,
        brand: Brand::default(),
        region: None,
        user_ref: String::new(),
        seed: 0,
        revision: None,
        picture: None,
    })
}

/// The posts as a model writes them in the design: numbered, in one text.
pub(crate) fn numbered(written: &Written) -> String {
    let posts = (1..).zip(&written.variants).map(|(number, post)| format!("{number}. {}", post.text));
    posts.collect::<Vec<_>>().join("\n\n")
}
