//! A real small model writes and changes posts through the whole service: webhook, writer, guard, ledger and
//! reply, over both providers. `cargo run -p postly-testkit --example small_model -- BASE_URL MODEL`.
//!
//! A small model writes few good posts. Fails if a reply holds a figure or a promise that its author did not
//! write, if a message without posts costs a credit, or if the audit finds a violation. Prints one line for
//! each message, and then the counts as JSON.

#![expect(clippy::print_stdout, reason = "the lines are this example's whole answer")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, ensure};
use futures_util::future::BoxFuture;
use postly_domain::text::fold;
use postly_pipeline::{
    Draft, DraftRequest, Model, ModelError, Writer,
    offline::OfflineWriter,
    openai::{OpenAiConfig, OpenAiModel, Timing},
};
use postly_simulator::Channel;
use postly_testkit::{EngineName, Options, TestApp, TestAuthor};
use serde_json::json;

/// The first messages, each of another author.
const BRIEFS: [(Channel, &str); 2] = [
    (Channel::Meta, "Crée un post promo pour Instagram, -20 % sur les croissants samedi"),
    (Channel::Twilio, "Post Facebook : brunch samedi 15h"),
];

/// The messages after a result: changes, a choice, and briefs in the language that a small model writes best.
const AFTERWARDS: [&str; 13] = [
    "plus court",
    "refais",
    "sans hashtags",
    "en anglais",
    "tutoie",
    "ajoute 12 €",
    "en fait c'est dimanche",
    "2",
    "Write a post for Facebook: our bakery opens a tea room on Saturday",
    "Facebook post: fresh bread on Sunday",
    "Facebook post: apple tarts are back on Friday",
    "Facebook post: our shop is closed on Monday",
    "Facebook post: come and taste our new coffee",
];

/// Words of promises, folded, that no author of these briefs makes.
const PROMISES: [&str; 8] =
    ["gratuit", "offert", "rembours", "garanti", "for free", "refund", "guarantee", "money back"];

/// Long, because a small model on a slow machine is judged by its answer, not by its speed.
const PATIENCE: Duration = Duration::from_secs(45);

/// Enough for every message.
const CREDITS: i64 = 100;

/// The small model. Where its first posts are turned down, the built-in writer takes its place, so that there
/// is a result to change.
struct SmallModel {
    model: OpenAiModel,
    built_in: OfflineWriter,
    is_replaced: Arc<AtomicBool>,
}

impl Model for SmallModel {
    fn name(&self) -> &str {
        self.model.name()
    }

    fn is_ai(&self) -> bool {
        true
    }

    fn draft<'a>(&'a self, request: &'a DraftRequest) -> BoxFuture<'a, Result<Draft, ModelError>> {
        if self.is_replaced.load(Ordering::Relaxed) {
            self.built_in.draft(request)
        } else {
            self.model.draft(request)
        }
    }
}

/// The counts of the messages.
#[derive(Default)]
struct Counts {
    messages: u32,
    written_by_model: u32,
    written_without_model: u32,
    refused_free: u32,
    choices: u32,
    charged: u32,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [base_url, model] = args.as_slice() else { anyhow::bail!("small_model BASE_URL MODEL") };
    postly_testkit::install_tls();
    let is_replaced = Arc::new(AtomicBool::new(false));
    let timing = Timing { attempt: PATIENCE, ..Timing::default() };
    let small = SmallModel {
        model: OpenAiModel::with_timing(OpenAiConfig::new(None, base_url, model), timing)?,
        built_in: OfflineWriter::new(),
        is_replaced: Arc::clone(&is_replaced),
    };
    let writer = Writer::new(Arc::new(small)).with_time_limit(2 * PATIENCE);
    let options = Options { trial_credits: CREDITS, writer: Some(writer), ..Options::default() };
    let app = TestApp::start(EngineName::Sqlite, &options).await;
    let mut counts = Counts::default();
    for (number, (channel, brief)) in (1..).zip(BRIEFS) {
        let author = app.author_of(channel, &format!("+3363998170{number}"));
        let mut talk = Talk { app: &app, author, written: String::new() };
        if !talk.says(brief, &mut counts).await? {
            is_replaced.store(true, Ordering::Relaxed);
            let has_posts = talk.says(brief, &mut counts).await?;
            is_replaced.store(false, Ordering::Relaxed);
            ensure!(has_posts, "the built-in writer wrote no posts for {brief:?}");
        }
        for text in AFTERWARDS {
            talk.says(text, &mut counts).await?;
        }
    }
    app.assert_audit_is_clean().await;
    app.stop().await;
    let Counts { messages, written_by_model, written_without_model, refused_free, choices, charged } = counts;
    println!(
        "{}",
        json!({
            "messages": messages,
            "written_by_model": written_by_model,
            "written_without_model": written_without_model,
            "refused_free": refused_free,
            "choices": choices,
            "charged": charged,
        })
    );
    Ok(())
}

/// A conversation.
struct Talk<'a> {
    app: &'a TestApp,
    author: TestAuthor<'a>,
    /// All texts of the author.
    written: String,
}

impl Talk<'_> {
    /// Sends a text, and checks the reply and the ledger. Returns true if posts came.
    async fn says(&mut self, text: &str, counts: &mut Counts) -> anyhow::Result<bool> {
        const CALLS: &str =
            "SELECT stage || ' ' || outcome FROM model_calls WHERE model <> 'offline' ORDER BY id";
        let (before, calls) = (self.author.texts().len(), self.app.texts(CALLS).await.len());
        let entries = if before == 0 { 1 } else { self.author.ledger().await.len() };
        self.written.push_str(&format!("{text}\n"));
        self.author.says(text).await;
        let calls = self.app.texts(CALLS).await.split_off(calls);
        let reply = self.author.texts().split_off(before).join("\n\n");
        ensure!(!reply.is_empty(), "no reply to {text:?}");
        let entry = self.author.ledger().await.split_off(entries);
        let has_posts = reply.contains("*3.* ");
        let is_choice = text == "2" && calls.is_empty() && !has_posts;
        counts.messages += 1;
        let outcome = match (has_posts, calls.len()) {
            (true, 0) => (&mut counts.written_without_model, "posts without a call"),
            (true, _) => (&mut counts.written_by_model, "posts of the model"),
            (false, _) if is_choice => (&mut counts.choices, "one post"),
            (false, _) => (&mut counts.refused_free, "no posts"),
        };
        *outcome.0 += 1;
        println!("{text:?}: {}, calls {calls:?}, ledger {entry:?}", outcome.1);
        match (has_posts, entry.as_slice()) {
            (false, []) => {}
            (true, [only]) if only == "+0 free_refinement" => {}
            (true, [only]) if only == "-1 whatsapp_generation" || only == "-1 refinement" => {
                counts.charged += 1;
            }
            _ => anyhow::bail!("{text:?} is entered as {entry:?}: {reply}"),
        }
        ensure!(self.author.wallet().await.held == 0, "{text:?} leaves a hold");
        if has_posts || is_choice {
            self.check(&reply).with_context(|| format!("after {text:?}: {reply}"))?;
        }
        Ok(has_posts)
    }

    /// Checks that the posts of a reply hold no figure and no promise that the author did not write.
    fn check(&self, reply: &str) -> anyhow::Result<()> {
        let posts = reply.split_once("*1.* ").map_or(reply, |(_, posts)| posts);
        let posts = posts.split_once("\n\n💳").map_or(posts, |(posts, _)| posts);
        let posts = posts.replace("*2.* ", "").replace("*3.* ", "");
        let known: Vec<&str> = digits(&self.written).collect();
        for figure in digits(&posts) {
            ensure!(known.contains(&figure), "the figure {figure} is invented");
        }
        let folded = fold(&posts);
        for promise in PROMISES {
            ensure!(!folded.contains(promise), "{promise:?} is promised");
        }
        Ok(())
    }
}

/// The runs of digits of a text.
fn digits(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_numeric()).filter(|run| !run.is_empty())
}
