//! Checks three posts by rules that need no judgement.

use postly_domain::text::fold;
use postly_pipeline::{Written, detect_language, platform_limits, validate};

use crate::labels::Label;

/// A rule that a result breaks, and the words that break it.
pub(crate) struct Broken {
    pub(crate) rule: Rule,
    pub(crate) words: String,
}

/// The rules, each a column of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// A fact of the brief is missing in a post.
    Fact,
    /// A post has a number that is not in the brief.
    Invented,
    /// A post prints an instruction to the writer, or other unwanted words.
    Unwanted,
    /// A post is in another language.
    Language,
    /// A grave post has an exclamation, a question or an emoji.
    Grave,
    /// A post breaks a limit of its network, or two are alike.
    Form,
}

impl Rule {
    pub(crate) const ALL: [Self; 6] =
        [Self::Fact, Self::Invented, Self::Unwanted, Self::Language, Self::Grave, Self::Form];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fact => "facts",
            Self::Invented => "invented",
            Self::Unwanted => "orders",
            Self::Language => "language",
            Self::Grave => "grave",
            Self::Form => "form",
        }
    }
}

/// Returns every rule that a result breaks.
pub(crate) fn check(label: &Label, written: &Written) -> Vec<Broken> {
    let mut broken = vec![];
    let mut add = |rule, words: &str| broken.push(Broken { rule, words: words.to_owned() });
    if written.intent.language != label.language {
        add(Rule::Language, written.intent.language.code());
    }
    if label.platform.is_some_and(|platform| platform != written.intent.platform) {
        add(Rule::Form, written.intent.platform.as_str());
    }
    let texts: Vec<&str> = written.variants.iter().map(|variant| variant.text.as_str()).collect();
    for text in &texts {
        let plain = plain(text);
        for fact in &label.must {
            if !fact.iter().any(|form| holds(&plain, form)) {
                add(Rule::Fact, &fact.join(" / "));
            }
        }
        for words in label.must_not.iter().filter(|words| is_in(text, words)) {
            add(Rule::Unwanted, words);
        }
        let brief = figures(&label.text);
        for figure in figures(text).iter().filter(|figure| !brief.contains(figure)) {
            add(Rule::Invented, figure);
        }
        if detect_language(text).certain().is_some_and(|found| found != label.language) {
            add(Rule::Language, text);
        }
        if label.tone == "grave"
            && (text.contains(['!', '?', '؟', '¡', '¿']) || platform_limits::has_emoji(text))
        {
            add(Rule::Grave, text);
        }
        let platform = written.intent.platform;
        let tags = platform_limits::hashtags(text).len();
        let too_many = platform_limits::hashtag_limit(platform).is_some_and(|most| tags > most);
        if too_many || platform_limits::length(platform, text) > platform_limits::limit(platform) {
            add(Rule::Form, "over the limit");
        }
    }
    for (at, one) in texts.iter().enumerate() {
        for other in texts.iter().skip(at + 1) {
            if validate::overlap(one, other) >= validate::OVERLAP_LIMIT {
                add(Rule::Form, "two posts alike");
            }
        }
    }
    broken
}

/// Normalises a text, so that spellings of a price, a time or a phone are equal.
fn plain(text: &str) -> String {
    let folded = fold(text).replace("euros", "€").replace("week-end", "weekend");
    let digits: String = folded.chars().map(digit).collect();
    digits.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\'' | '’' | '\u{202F}')).collect()
}

fn digit(c: char) -> char {
    let digit = match u32::from(c) {
        code @ 0x0660..=0x0669 => char::from_digit(code - 0x0660, 10),
        code @ 0x06F0..=0x06F9 => char::from_digit(code - 0x06F0, 10),
        _ => None,
    };
    digit.unwrap_or(c)
}

/// True if a normalised post holds a fact; "19h" also as "19:00" and "7pm".
fn holds(post: &str, fact: &str) -> bool {
    let fact = plain(fact);
    let hour = fact.strip_suffix('h').and_then(|hour| hour.parse::<u32>().ok());
    post.contains(&fact)
        || hour.is_some_and(|hour| {
            post.contains(&format!("{hour}:00")) || (hour > 12 && post.contains(&format!("{}pm", hour - 12)))
        })
}

/// True if a post holds these words, from the start of a word.
fn is_in(post: &str, words: &str) -> bool {
    match words {
        "<emoji>" => platform_limits::has_emoji(post),
        "<hashtag>" => !platform_limits::hashtags(post).is_empty(),
        _ => {
            let (post, words) = (fold(post), fold(words));
            post.match_indices(words.as_str()).any(|(at, _)| {
                post.get(..at)
                    .and_then(|before| before.chars().next_back())
                    .is_none_or(|c| !c.is_alphanumeric())
            })
        }
    }
}

/// The runs of digits of a text.
fn figures(text: &str) -> Vec<String> {
    let plain: String = text.chars().map(digit).collect();
    plain.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()).map(str::to_owned).collect()
}
