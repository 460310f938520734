//! Classification of a message: a brief to be charged, or one of the messages that are answered for free.
//!
//! [`interpret`] is pure: the text and the state of the conversation decide. In doubt it asks, because asking
//! is free (RULES 4.14).

mod classifier;
mod follow_up;
mod phrases;
mod reading;
mod requests;
mod words;

pub use follow_up::{Change, Wish};

use crate::{
    Brief, Command, Language,
    brand::{Lesson, lesson},
    small_talk::SmallTalk,
};
use reading::Reading;
use requests::Request;
use words::class;

/// The state of a conversation by which a message is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// True if posts came within the last 30 minutes, or the message replies to them: a choice or a change
    /// may be meant.
    pub has_result: bool,
    /// The text about which the author was asked for more within the last 30 minutes.
    pub asked_about: Option<String>,
    /// A brief that came late, if the author was asked within the last 30 minutes whether it is still wanted.
    pub late_brief: Option<String>,
}

/// The meaning of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// A command, courtesy or question that has a fixed answer.
    Command(Command),
    /// A request for posts, which are charged.
    Brief(Brief),
    /// Too little to write about: one free question.
    TooVague(Brief),
    /// A post of the last result alone, 1 to 3.
    Choose(u8),
    /// A change of the last result.
    Change(Change),
    /// A choice or a change without a recent result.
    NothingToChange,
    /// A lesson for the brand memory.
    Lesson(Lesson),
    /// A cancellation of a pending question or erasure.
    Cancel,
    /// A request for a person.
    Human,
    /// A complaint, or a request for a refund.
    Refund,
    /// A question that no command answers.
    Question,
    /// A wish for something else than posts.
    OffTopic,
    /// Private or idle talk.
    Chat,
}

/// Reads a message.
pub fn interpret(text: &str, state: &State) -> Intent {
    interpret_command(Command::parse(text), text, state)
}

/// Classifies a message for which [`Command`] has already been read: a caption or the label of a button.
pub fn interpret_command(command: Command, text: &str, state: &State) -> Intent {
    if let Some(intent) = state.late_brief.as_deref().and_then(|late| answer_about(late, text)) {
        return intent;
    }
    match command {
        Command::Generate(brief) if Command::is_explicit_generation(text) => Intent::Brief(brief),
        Command::Generate(brief) => {
            lesson(text).map_or_else(|| of_free_text(text, brief, state), Intent::Lesson)
        }
        Command::SmallTalk(SmallTalk::Acknowledgement) => {
            let reading = Reading::of(text);
            match follow_up::choice(&reading) {
                Some(number) if state.has_result => Intent::Choose(number),
                Some(_) => Intent::NothingToChange,
                None => after_a_question(text, state).unwrap_or(Intent::Command(command)),
            }
        }
        // A label or a caption that asks for no posts may contain another request.
        Command::MissingBrief => match requests::read(&Reading::of(text)) {
            Some(request) => request.into(),
            None => Intent::Command(command),
        },
        command => Intent::Command(command),
    }
}

impl From<Request> for Intent {
    fn from(request: Request) -> Self {
        match request {
            Request::Command(command) => Self::Command(command),
            Request::Human => Self::Human,
            Request::Refund => Self::Refund,
            Request::Cancel => Self::Cancel,
        }
    }
}

/// The answer to the question whether a late brief is still wanted. Only a plain yes writes it.
fn answer_about(late: &str, text: &str) -> Option<Intent> {
    let reading = Reading::of(text);
    if phrases::is(&reading, "yes") {
        Brief::parse(late).ok().map(Intent::Brief)
    } else {
        phrases::is(&reading, "no").then_some(Intent::Cancel)
    }
}

/// *Ok*, *as you like* after our question: the defaults.
fn after_a_question(text: &str, state: &State) -> Option<Intent> {
    let asked_about = state.asked_about.as_deref()?;
    text.chars().any(char::is_alphabetic).then(|| Brief::parse(asked_about).ok().map(Intent::Brief))?
}

fn of_free_text(text: &str, brief: Brief, state: &State) -> Intent {
    let reading = Reading::of(text);
    let follow_up = if state.has_result { of_follow_up(&reading, text) } else { None };
    if let Some(intent) = follow_up {
        return intent;
    }
    if let Some(request) = requests::read(&reading) {
        return request.into();
    }
    if phrases::says(&reading, "automatic answers") && !reading.has_offer {
        return Intent::Chat;
    }
    let shows_a_brief = shows_a_brief(&reading);
    let misses_a_result = !state.has_result && state.asked_about.is_none() && !shows_a_brief;
    if misses_a_result && of_follow_up(&reading, text).is_some() {
        return Intent::NothingToChange;
    }
    if is_question(&reading, text) {
        return Intent::Question;
    }
    if is_off_topic(&reading) {
        return Intent::OffTopic;
    }
    match weigh(classifier::score(&reading), &reading) {
        Verdict::Brief => return Intent::Brief(brief),
        // After a result, and as an answer, a text that is no brief may still mean it.
        Verdict::Other if shows_a_brief && state.asked_about.is_none() && !state.has_result => {
            return Intent::OffTopic;
        }
        Verdict::Doubt | Verdict::Other => {}
    }
    let tells = reading.has_offer || reading.has_price || reading.has_date || reading.has_place;
    let is_courteous = reading.subjects == 0 && reading.has(class::COURTESY);
    let is_chat = is_courteous || is_private(&reading) && !reading.asks;
    let is_repeated = state.asked_about.as_deref() == Some(brief.as_str());
    if is_repeated && shows_a_brief {
        return Intent::Brief(brief);
    }
    // A vague text sent again is no answer to our question.
    let asked_about = state.asked_about.as_deref().filter(|_| !is_repeated);
    if let Some(asked_about) = asked_about.filter(|_| tells || !is_chat) {
        let joined = Brief::parse(&format!("{asked_about}, {}", text.trim()));
        return Intent::Brief(joined.unwrap_or(brief));
    }
    if is_chat { Intent::Chat } else { Intent::TooVague(brief) }
}

/// The verdict about a text that may be a brief.
enum Verdict {
    Brief,
    /// Too close to call: asking is free.
    Doubt,
    /// Anything but a brief.
    Other,
}

/// Weighs the score of the classifier and the rules. The thresholds were chosen by cross-validation (ADR 25).
fn weigh(score: f32, reading: &Reading) -> Verdict {
    const ASKED: f32 = -3.0;
    const LIKELY: f32 = 0.3;
    const SURE: f32 = 1.0;
    /// A few words that name an offer and its subject say little to a classifier.
    const FEW_WORDS: usize = 6;
    const FEW_WORDS_LIKELY: f32 = -1.5;
    const UNLIKELY: f32 = -2.0;
    let by_rule = shows_a_brief(reading) || reading.has_percentage;
    let least = if reading.asks {
        ASKED
    } else if reading.words.len() <= FEW_WORDS {
        FEW_WORDS_LIKELY
    } else {
        LIKELY
    };
    if by_rule && score >= least || score >= SURE {
        Verdict::Brief
    } else if score > UNLIKELY {
        Verdict::Doubt
    } else {
        Verdict::Other
    }
}

fn of_follow_up(reading: &Reading, text: &str) -> Option<Intent> {
    match follow_up::choice(reading) {
        Some(number) => Some(Intent::Choose(number)),
        None => follow_up::change(reading, text).map(Intent::Change),
    }
}

/// A subject and one more thing: an offer, a price, a date, a place, a network, a verb of asking, a contact,
/// or news.
fn shows_a_brief(reading: &Reading) -> bool {
    let names_network = reading.has(class::NETWORK);
    let names_a_post = reading.has(class::POST) && (names_network || reading.has_percentage);
    if (reading.asks || names_a_post) && reading.has_offer {
        return true;
    }
    let tells = reading.has_price || reading.has_date || reading.has_place;
    let sells = reading.has_offer
        || names_network
        || reading.asks
        || reading.has_contact
        || tells && reading.has(class::POST);
    // A text with a price and much to tell is an offer, also in the first person.
    const MUCH_TO_TELL: usize = 4;
    if is_private(reading) && !sells && !(reading.has_price && reading.subjects >= MUCH_TO_TELL) {
        return false;
    }
    reading.subjects > 0 && (sells || tells) || reading.subjects > 1 && reading.has(class::NEWS)
}

/// More private talk than words of a trade.
fn is_private(reading: &Reading) -> bool {
    let private = reading.count(class::PRIVATE);
    private > 0 && reading.count(class::TRADE | class::NEWS) == 0
}

/// A question to the service or to another person. One that asks for a post, or that an offer follows, is a
/// brief.
fn is_question(reading: &Reading, text: &str) -> bool {
    let offers =
        reading.has_percentage || reading.has_price && !reading.has(class::SERVICE) || reading.has_contact;
    let is_about_us = reading.has(class::SERVICE) && !reading.has_offer && !reading.has_date;
    let names_more = reading.subjects > 0 && !is_about_us || reading.has(class::NETWORK) || reading.has_offer;
    if reading.ends_as_question && reading.opens_as_question && phrases::opens_with(reading, "whys") {
        return !offers;
    }
    if reading.asks && names_more || offers && reading.subjects > 1 && !reading.opens_as_question {
        return false;
    }
    if reading.ends_as_question {
        // A brief with a question about its feasibility.
        let told = text.trim_end().trim_end_matches(['?', '؟', ' ']).rsplit_once(['.', '!', '\n']);
        return told.is_none_or(|(told, _)| !tells_much(&Reading::of(told)));
    }
    if let Some((_, rest)) = text.rsplit_once(['?', '؟']) {
        // A question as a hook, followed by the offer.
        return !shows_a_brief(&Reading::of(rest));
    }
    const FEW_SUBJECTS: usize = 2;
    reading.opens_as_question && (!reading.has_offer || reading.subjects < FEW_SUBJECTS)
}

/// A brief with more than one word for its subject.
fn tells_much(reading: &Reading) -> bool {
    reading.subjects > 1 && shows_a_brief(reading)
}

/// A wish for a text or a task that is no post.
fn is_off_topic(reading: &Reading) -> bool {
    let sells = reading.has(class::POST | class::NETWORK | class::TRADE)
        || reading.has_offer
        || reading.has_price
        || reading.has_contact;
    if !reading.has(class::OFF_TOPIC) || sells {
        return false;
    }
    let others = reading.subjects.saturating_sub(reading.count(class::OFF_TOPIC));
    reading.has(class::ASK) || others == 0
}

/// The language that a folded word names, with the article or preposition that Arabic joins to it.
fn language_named(word: &str) -> Option<Language> {
    const SHORTEST: usize = 4;
    if word.chars().count() < SHORTEST {
        return None;
    }
    Language::from_folded_name(word).or_else(|| {
        let rest = ["ب", "لل", "ل"].iter().find_map(|prefix| word.strip_prefix(prefix))?;
        let stem = rest.strip_prefix("ال").unwrap_or(rest);
        [format!("ال{stem}"), format!("ال{stem}ة")].iter().find_map(|name| Language::from_folded_name(name))
    })
}

#[cfg(test)]
mod tests;
