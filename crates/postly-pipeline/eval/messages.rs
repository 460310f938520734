//! Scores the intent of messages on `messages.tsv`: only briefs are charged, and briefs are written.

use std::collections::BTreeMap;

use postly_domain::{
    Command,
    intent::{Intent, State, interpret},
    small_talk::SmallTalk,
};

/// The fewest of a hundred briefs that must be written.
const FEWEST_WRITTEN: usize = 98;

/// The most of a hundred held-out messages of each kind that may be read wrongly: 4 when the bound was set.
const MOST_WRONG: usize = 6;

/// The counts of a language.
#[derive(Default)]
struct Score {
    messages: usize,
    same: usize,
    briefs: usize,
    missed: usize,
    charged: usize,
}

/// Reads every message, prints a table, and returns true if all thresholds are met. With `is_shown`, prints
/// the messages whose intent differs from their label.
pub(super) fn score(is_shown: bool) -> bool {
    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    for line in include_str!("messages.tsv").lines().skip(1) {
        let [id, language, after, label, text] = line.splitn(5, '\t').collect::<Vec<_>>()[..] else {
            println!("messages.tsv: no five fields: {line}");
            return false;
        };
        let state = State {
            has_result: after == "result",
            asked_about: (after == "question").then(|| "promo".to_owned()),
            late_brief: None,
        };
        let read = name(&interpret(&text.replace("\\n", "\n"), &state));
        let score = scores.entry(language).or_default();
        let (is_paid, shall_be_paid) = (is_paid(read), is_paid(label));
        let is_same = is_paid && shall_be_paid || is_same(read, label);
        score.messages += 1;
        score.same += usize::from(is_same);
        score.briefs += usize::from(shall_be_paid);
        score.missed += usize::from(shall_be_paid && !is_paid);
        score.charged += usize::from(is_paid && !shall_be_paid);
        if is_shown && !is_same {
            println!("{id} {language} after {after}: {label} is read as {read}: {text}");
        }
    }
    println!("\nmessages  read as labelled  briefs written  charged without a brief");
    for (language, score) in &scores {
        println!(
            "{language:8}  {:7} of {:3}    {:6} of {:3}    {}",
            score.same,
            score.messages,
            score.briefs - score.missed,
            score.briefs,
            score.charged
        );
    }
    let is_known_well = scores.values().all(|score| {
        let written = score.briefs - score.missed;
        score.charged == 0 && written * 100 >= score.briefs * FEWEST_WRITTEN
    });
    is_known_well & score_held_out()
}

/// Reads the messages with which no rule and no weight was made, and returns true if the bounds are kept.
fn score_held_out() -> bool {
    let mut score = Score::default();
    for line in include_str!("held_out.tsv").lines() {
        let [_, label, text] = line.splitn(3, '\t').collect::<Vec<_>>()[..] else {
            println!("held_out.tsv: no three fields: {line}");
            return false;
        };
        let is_written = matches!(interpret(text, &State::default()), Intent::Brief(_));
        score.messages += 1;
        score.briefs += usize::from(label == "brief");
        score.missed += usize::from(label == "brief" && !is_written);
        score.charged += usize::from(label != "brief" && is_written);
    }
    let others = score.messages - score.briefs;
    let Score { charged, missed, briefs, .. } = score;
    println!(
        "\nheld out: {charged} of {others} messages without a brief charged, {missed} of {briefs} briefs asked about"
    );
    charged * 100 <= others * MOST_WRONG && missed * 100 <= briefs * MOST_WRONG
}

fn is_paid(label: &str) -> bool {
    matches!(label, "brief" | "answer")
}

/// True if the intent matches the label. The shared labels `free` and `command` only require that nothing is
/// charged.
fn is_same(read: &str, label: &str) -> bool {
    read == label || !is_paid(read) && matches!(label, "free" | "command")
}

fn name(intent: &Intent) -> &'static str {
    match intent {
        Intent::Brief(_) => "brief",
        Intent::TooVague(_) => "ask",
        Intent::Choose(_) => "choice",
        Intent::Change(_) => "change",
        Intent::NothingToChange => "nothing to change",
        Intent::Lesson(_) => "lesson",
        Intent::Cancel => "cancel",
        Intent::Human => "human",
        Intent::Refund => "refund",
        Intent::Question => "question",
        Intent::OffTopic => "off_topic",
        Intent::Chat => "chat",
        Intent::Command(command) => name_of(command),
    }
}

fn name_of(command: &Command) -> &'static str {
    match command {
        Command::Help => "command:help",
        Command::Balance => "command:balance",
        Command::ShowLanguage | Command::SetLanguage(_) | Command::UnknownLanguage => "command:language",
        Command::Stop | Command::HowToStop => "command:stop",
        Command::Start => "command:start",
        Command::Login => "command:login",
        Command::Delete => "command:delete",
        Command::Export => "command:export",
        Command::Recharge => "command:recharge",
        Command::SmallTalk(SmallTalk::Price) => "price",
        Command::SmallTalk(SmallTalk::AboutUs) => "question",
        Command::SmallTalk(_) => "chat",
        Command::Generate(_) => "brief",
        Command::Phrase(_) | Command::NotMe | Command::MissingBrief | Command::BriefTooLong => "command",
    }
}
