//! Requests to the service in plain words: a command without its keyword, a person wanted, money back, a
//! cancellation.

use super::{
    language_named,
    phrases::{has_word, is, says},
    reading::Reading,
    words::class,
};
use crate::{Command, small_talk::SmallTalk};

/// The longest request in words. A longer text is more than a wish.
const MOST_WORDS: usize = 14;
/// A text of so few words has one meaning.
const FEW_WORDS: usize = 4;
/// The longest complaint in words.
const MOST_COMPLAINT_WORDS: usize = 30;
/// The longest cancellation in words that is no fixed phrase.
const MOST_CANCEL_WORDS: usize = 6;
/// The longest text in words in which a phrase stands for a command.
const MOST_PHRASE_WORDS: usize = 8;

/// A request that is answered for free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    Command(Command),
    Human,
    Refund,
    Cancel,
}

/// Reads a request. `None` for a text that is longer, or that shows an offer or asks for a post.
pub(super) fn read(reading: &Reading) -> Option<Request> {
    if reading.words.len() <= MOST_COMPLAINT_WORDS
        && refund(reading)
        && !reading.has_percentage
        && !reading.has(class::NETWORK)
    {
        return Some(Request::Refund);
    }
    if reading.words.len() > MOST_WORDS {
        return None;
    }
    let sells = reading.has_percentage || reading.asks || reading.has(class::NETWORK);
    let is_short = reading.words.len() <= MOST_CANCEL_WORDS && !sells && !reading.has_price;
    let cancels = has_word(reading, "cancelling") || says(reading, "cancel phrases");
    if is(reading, "cancel") || is_short && cancels {
        return Some(Request::Cancel);
    }
    if says(reading, "human") && !says(reading, "robot") {
        return Some(Request::Human);
    }
    if says(reading, "more info") {
        return Some(Request::Command(Command::SmallTalk(SmallTalk::Opening)));
    }
    if sells {
        return None;
    }
    let is_short_text = reading.words.len() <= MOST_PHRASE_WORDS;
    let command = COMMANDS.iter().find(|(lists, _)| {
        let [verbs, objects, phrases] = *lists;
        has_word(reading, verbs) && has_word(reading, objects) || is_short_text && says(reading, phrases)
    });
    if let Some((_, command)) = command {
        return Some(Request::Command(command()));
    }
    if is_price_question(reading) {
        return Some(Request::Command(Command::SmallTalk(SmallTalk::Price)));
    }
    let speaks = has_word(reading, "speak");
    if speaks || has_word(reading, "language verbs") && has_word(reading, "language objects") {
        let language = reading.words.iter().find_map(|word| language_named(&word.folded));
        let otherwise = (!speaks).then_some(Command::ShowLanguage);
        return language.map(Command::SetLanguage).or(otherwise).map(Request::Command);
    }
    None
}

/// Returns true for a complaint or a request for a refund. A shop's promise of a refund is neither.
pub(super) fn refund(reading: &Reading) -> bool {
    // A shop speaks of refunds to its customers, an author of their own.
    let is_own =
        reading.has(class::PRIVATE | class::ASK | class::COURTESY) || reading.words.len() <= FEW_WORDS;
    let asks =
        has_word(reading, "refund") || says(reading, "refund") || is_own && has_word(reading, "refund nouns");
    let sells = reading.has_price || reading.has_place || reading.has_contact || reading.has_offer;
    !says(reading, "guarantee") && (asks || says(reading, "complaints") && !sells)
}

/// Returns true for a question about the price of the service. One about a named thing is a question to the
/// sender's own shop.
fn is_price_question(reading: &Reading) -> bool {
    const MOST_SUBJECTS: usize = 3;
    let asks = reading.ends_as_question || reading.opens_as_question || reading.words.len() <= FEW_WORDS;
    asks && has_word(reading, "price") && !reading.has_price && reading.subjects <= MOST_SUBJECTS
}

/// The lists of a command (its verbs, their objects, whole phrases), and the command.
type PlainCommand = ([&'static str; 3], fn() -> Command);

const COMMANDS: [PlainCommand; 9] = [
    (["delete verbs", "delete objects", ""], || Command::Delete),
    (["recharge verbs", "credits", "recharge phrases"], || Command::Recharge),
    (["balance verbs", "credits", "balance phrases"], || Command::Balance),
    (["export verbs", "export objects", ""], || Command::Export),
    (["login verbs", "login objects", "login phrases"], || Command::Login),
    (["", "", "start phrases"], || Command::Start),
    (["", "", "help phrases"], || Command::Help),
    (["", "", "showlanguage phrases"], || Command::ShowLanguage),
    (["", "", "howtostop phrases"], || Command::HowToStop),
];
