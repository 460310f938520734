//! Scores the built-in writer on labelled briefs: `cargo xtask eval [--show LANGUAGE|ID|messages]`. Exits 1
//! below a threshold. `--file FILE` prints the posts of other briefs instead, for a reader: lines of an id, a
//! language, and a text.
//!
//! The labels are in `briefs.tsv` (see README.md beside it); `messages.tsv` holds single messages, labelled
//! as brief or chat.

#![expect(clippy::print_stdout, reason = "this is a report for a human reader")]

mod labels;
mod messages;
mod report;
mod rules;

use std::{process::ExitCode, sync::Arc};

use postly_domain::{Brief, Language};
use postly_pipeline::{WriteError, WriteRequest, Writer, Written, offline::OfflineWriter};

use labels::Label;
use report::Report;

/// The number of results of each brief, so that a language has some two hundred: a sentence may occur in a
/// tenth of them.
const SEEDS: u64 = 5;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let shown =
        args.iter().position(|arg| arg == "--show").map(|at| args.get(at + 1).cloned().unwrap_or_default());
    if let Some(file) = args.iter().position(|arg| arg == "--file").and_then(|at| args.get(at + 1)) {
        return print_posts(file).await;
    }
    let labels = match labels::read(include_str!("briefs.tsv")) {
        Ok(labels) => labels,
        Err(error) => {
            println!("briefs.tsv: {error}");
            return ExitCode::FAILURE;
        }
    };
    let writer = Writer::new(Arc::new(OfflineWriter::new()));
    let mut report = Report::default();
    for label in &labels {
        for seed in 0..SEEDS {
            let result = write(&writer, &label.text, seed).await;
            let is_shown = shown
                .as_ref()
                .is_some_and(|shown| label.id.starts_with(shown.as_str()) || label.language.code() == shown);
            if seed == 0 && is_shown {
                show(label, &result);
            }
            report.add(label, seed, &result);
        }
    }
    report.print();
    let are_read = messages::score(shown.as_deref() == Some("messages"));
    if report.passes() && are_read { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints the posts of the briefs in a file.
async fn print_posts(file: &str) -> ExitCode {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            println!("{file}: {error}");
            return ExitCode::FAILURE;
        }
    };
    let writer = Writer::new(Arc::new(OfflineWriter::new()));
    for line in text.lines().skip(1) {
        let mut columns = line.split('\t');
        let (Some(id), Some(_), Some(typed)) = (columns.next(), columns.next(), columns.next()) else {
            continue;
        };
        let typed = typed.replace("\\n", "\n");
        println!("\n=== {id} {typed}");
        print(&write(&writer, &typed, 0).await);
    }
    ExitCode::SUCCESS
}

async fn write(writer: &Writer, text: &str, seed: u64) -> Result<Written, WriteError> {
    let Ok(brief) = Brief::parse(text) else { return Err(WriteError::OffTopic) };
    let ask = WriteRequest {
        brief,
        is_explicit: true,
        // The language of most authors, so that a brief in another language must be detected.
        language_hint: Language::Fr,
        language_hint_is_known: false,
        language_forced: None,
        platform: None,
        tone: None,
        brand: postly_domain::brand::Brand::default(),
        region: None,
        user_ref: String::new(),
        seed,
        revision: None,
        picture: None,
    };
    writer.write(&ask).await.map_err(|failure| failure.kind)
}

fn show(label: &Label, result: &Result<Written, WriteError>) {
    println!("\n=== {} {}", label.id, label.text);
    print(result);
}

fn print(result: &Result<Written, WriteError>) {
    match result {
        Ok(written) => {
            println!(
                "    {} · {} · {}",
                written.intent.industry, written.intent.objective, written.intent.language
            );
            for variant in &written.variants {
                println!("--- {}\n{}", variant.angle, variant.text);
            }
        }
        Err(error) => println!("--- {error:?}"),
    }
}
