//! Putting a post together: opening, news, close, invitation, signature, hashtags.

use std::fmt::Write as _;

use postly_domain::{
    Language,
    post::{Platform, Variant},
    text::fold,
};

use super::{
    book::{self, Book, Frame},
    reading::{Line, Reading, Shape, capitalized},
};
use crate::{facts, platform_limits};

/// How much of the brief and of our own sentences a post takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Everything.
    Full,
    /// A few lines beside the main one.
    Some,
    /// The main line only.
    Lead,
    /// The main line and what introduces it, for the shortest posts.
    Tight,
}

impl Room {
    /// From the roomiest on.
    pub(super) const ALL: [Self; 4] = [Self::Full, Self::Some, Self::Lead, Self::Tight];

    /// How many characters of other lines fit.
    fn details(self) -> usize {
        match self {
            Self::Full => 1200,
            Self::Some => 240,
            Self::Lead | Self::Tight => 0,
        }
    }
}

/// The angle of a post, in the order of the three.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Angle {
    Straight,
    Story,
    Question,
}

impl Angle {
    const ALL: [Self; 3] = [Self::Straight, Self::Story, Self::Question];

    /// This angle's entry of three.
    fn of<T>(self, [straight, story, question]: [T; 3]) -> T {
        match self {
            Self::Straight => straight,
            Self::Story => story,
            Self::Question => question,
        }
    }
}

/// Composes the three posts.
pub(super) fn posts(
    reading: &Reading,
    language: Language,
    platform: Platform,
    seed: u64,
    room: Room,
) -> Vec<Variant> {
    let book = book::of(language);
    let composer = Composer { reading, book, frame: (book.frame)(reading.objective), platform, seed, room };
    let variant =
        |angle: Angle| Variant { text: composer.post(angle), angle: composer.name(angle).to_owned() };
    Angle::ALL.into_iter().map(variant).collect()
}

struct Composer<'a> {
    reading: &'a Reading,
    book: &'static Book,
    frame: Frame,
    platform: Platform,
    seed: u64,
    room: Room,
}

impl Composer<'_> {
    fn name(&self, angle: Angle) -> &'static str {
        if angle == Angle::Straight && self.reading.trade.is_food() {
            self.book.tasty
        } else {
            angle.of(self.book.angles)
        }
    }

    fn post(&self, angle: Angle) -> String {
        let mut paragraphs = Vec::new();
        let lead = self.reading.lead.as_ref();
        let opening = self.opening(angle);
        let closing = if self.room == Room::Tight { String::new() } else { self.closing(angle) };
        match (lead, angle) {
            (None, _) => {
                paragraphs.push(self.with_emoji(angle, &opening));
                paragraphs.push(self.pick(angle.of(self.frame.bare)));
            }
            (Some(lead), Angle::Straight) => {
                paragraphs.push(opening);
                let mut news = self.with_lead_emoji(&self.news(lead, angle));
                for line in self.details() {
                    let _ = write!(news, "\n{}", self.full(line));
                }
                paragraphs.push(news);
                paragraphs.push(closing);
            }
            (Some(lead), Angle::Story) => {
                paragraphs.push(opening);
                let mut news = vec![self.news(lead, angle)];
                news.extend(self.details().into_iter().map(|line| self.full(line)));
                news.push(closing);
                news.retain(|sentence| !sentence.is_empty());
                paragraphs.push(self.with_emoji(angle, &news.join(" ")));
            }
            (Some(lead), Angle::Question) => {
                paragraphs.push(self.with_emoji(angle, &opening));
                let mut news = vec![self.news(lead, angle)];
                let bullet = if self.emojis() { "👉" } else { "–" };
                news.extend(self.details().into_iter().map(|line| format!("{bullet} {}", self.full(line))));
                paragraphs.push(news.join("\n"));
                paragraphs.push(closing);
            }
        }
        self.finish(paragraphs, angle)
    }

    /// Adds the invitation, the signature and the hashtags.
    fn finish(&self, mut paragraphs: Vec<String>, angle: Angle) -> String {
        if self.room != Room::Tight || self.reading.lead.is_none() {
            let invitation = self.invitation(angle);
            match paragraphs.last_mut() {
                Some(last)
                    if angle == Angle::Straight
                        && !last.is_empty()
                        && self.reading.lead.is_some()
                        && !last.contains('\n')
                        && paragraphs_end_softly(last) =>
                {
                    let _ = write!(last, " {invitation}");
                }
                _ => paragraphs.push(invitation),
            }
        }
        if let Some(name) = &self.reading.signature {
            let pin = if self.emojis() { "📍 " } else { "" };
            paragraphs.push(format!("{pin}{}", capitalized(name)));
        }
        paragraphs.push(self.hashtags(angle));
        paragraphs
            .iter()
            .map(|paragraph| paragraph.trim())
            .filter(|paragraph| !paragraph.is_empty())
            .collect::<Vec<_>>()
            .join("\n\n")
    }

    fn opening(&self, angle: Angle) -> String {
        let openers = angle.of(self.frame.openers);
        // Without news, the trade has more to say than the occasion.
        let trade = openers.is_empty()
            || (self.reading.lead.is_none() && angle == Angle::Straight && self.frame.openers[1].is_empty());
        if trade { self.pick(angle.of((self.book.trade)(self.reading.trade))) } else { self.pick(openers) }
    }

    fn closing(&self, angle: Angle) -> String {
        let closers = angle.of(self.frame.closers);
        // The straight post of a shop that sells things ends on a word of its trade.
        if angle == Angle::Straight && closers.is_empty() {
            self.pick((self.book.trade)(self.reading.trade)[0])
        } else {
            self.pick(closers)
        }
    }

    fn invitation(&self, angle: Angle) -> String {
        if !self.frame.invites {
            return String::new();
        }
        let comments = match self.platform {
            Platform::Whatsapp | Platform::X => false,
            Platform::Instagram
            | Platform::Facebook
            | Platform::Linkedin
            | Platform::Tiktok
            | Platform::General => true,
        };
        match (angle, comments, self.platform) {
            (Angle::Question, false, Platform::Whatsapp) => self.pick(self.book.private),
            (Angle::Question, false, _) => String::new(),
            _ => self.pick(angle.of(self.book.invitations)),
        }
    }

    /// The main line, said in the way of the angle.
    fn news(&self, lead: &Line, angle: Angle) -> String {
        let patterns = &self.book.patterns;
        match (angle, &lead.shape) {
            (Angle::Straight, _) if lead.question => self.full(lead),
            (Angle::Straight, _) => self.exclaimed(&lead.text),
            (Angle::Story, Shape::Offer(offer)) => match &offer.period {
                Some(when) if offer.amount_first => self.fill(patterns.offer_when, &offer.phrase, when),
                Some(when) => self.fill(patterns.subject_when, &offer.phrase, when),
                None if offer.amount_first => self.fill(patterns.offer, &offer.phrase, ""),
                None => self.full(lead),
            },
            (Angle::Question, Shape::Offer(offer)) => match &offer.period {
                Some(when) => self.fill(patterns.ask_offer_when, &offer.phrase, when),
                None => self.fill(patterns.ask_offer, &offer.phrase, ""),
            },
            (Angle::Story, Shape::Dated { what, when }) => self.fill(patterns.dated, what, when),
            (Angle::Question, Shape::Dated { what, when }) => self.fill(patterns.ask_dated, what, when),
            (Angle::Story | Angle::Question, Shape::Whole) => self.full(lead),
        }
    }

    /// A line as a sentence.
    fn full(&self, line: &Line) -> String {
        if line.question {
            let (before, after) = self.book.question;
            return format!("{before}{}{after}", line.text);
        }
        let mark = if ends_open(&line.text) { "" } else { "." };
        format!("{}{mark}", line.text)
    }

    fn exclaimed(&self, text: &str) -> String {
        let (before, after) = self.book.exclamation;
        if ends_open(text) || text.chars().count() > 120 {
            self.ended(text)
        } else {
            format!("{before}{text}{after}")
        }
    }

    fn ended(&self, text: &str) -> String {
        if ends_open(text) { text.to_owned() } else { format!("{text}.") }
    }

    /// Fills a pattern. What opens the sentence gets a capital, what stands inside loses one it had as an opening.
    fn fill(&self, pattern: &str, what: &str, when: &str) -> String {
        let mut filled = String::new();
        let pattern = self.form(pattern);
        let mut rest = pattern.as_str();
        while let Some((before, slot)) = rest.split_once('{') {
            filled.push_str(before);
            let (name, after) = slot.split_once('}').unwrap_or((slot, ""));
            let value = if name == "w" { when } else { what };
            let value = if filled.is_empty() { capitalized(value) } else { uncapitalized(value) };
            filled.push_str(&value);
            rest = after;
        }
        filled.push_str(rest);
        filled
    }

    /// One of these sentences, in the form of address that the author wishes.
    fn pick(&self, sentences: &[&str]) -> String {
        // splitmix64's mixing step: neighbouring seeds give unrelated choices.
        let mut mixed = self
            .seed
            .wrapping_add(u64::try_from(sentences.first().map_or(0, |first| first.len())).unwrap_or(0));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^= mixed >> 27;
        let count = u64::try_from(sentences.len()).unwrap_or(1).max(1);
        let index = usize::try_from(mixed % count).unwrap_or(0);
        self.form(sentences.get(index).copied().unwrap_or_default())
    }

    /// Chooses between the two sides of `{polite|familiar}`.
    fn form(&self, sentence: &str) -> String {
        let mut chosen = String::new();
        let mut rest = sentence;
        while let Some((before, slot)) = rest.split_once('{') {
            chosen.push_str(before);
            let (name, after) = slot.split_once('}').unwrap_or((slot, ""));
            match name.split_once('|') {
                Some((_, familiar)) if self.reading.familiar => chosen.push_str(familiar),
                Some((polite, _)) => chosen.push_str(polite),
                None => {
                    let _ = write!(chosen, "{{{name}}}");
                }
            }
            rest = after;
        }
        chosen.push_str(rest);
        chosen
    }

    /// The other lines, as far as there is room.
    fn details(&self) -> Vec<&Line> {
        let mut room = self.room.details();
        self.reading
            .details
            .iter()
            .take_while(|line| {
                let length = line.text.chars().count();
                let fits = length <= room;
                room = room.saturating_sub(length);
                fits
            })
            .collect()
    }

    fn emojis(&self) -> bool {
        !self.reading.wishes.no_emoji && self.reading.tone.likes_emojis()
    }

    fn with_lead_emoji(&self, news: &str) -> String {
        if self.emojis() { format!("{} {news}", self.reading.objective.emoji()) } else { news.to_owned() }
    }

    fn with_emoji(&self, angle: Angle, text: &str) -> String {
        // LinkedIn's readers put up with one.
        if !self.emojis()
            || text.is_empty()
            || (self.platform == Platform::Linkedin && angle != Angle::Straight)
        {
            return text.to_owned();
        }
        format!("{text} {}", self.reading.trade.emoji())
    }

    fn hashtags(&self, angle: Angle) -> String {
        let count = match self.platform {
            _ if self.reading.wishes.no_hashtag || self.room == Room::Tight => 0,
            Platform::Instagram | Platform::Tiktok => 4,
            Platform::Linkedin | Platform::General => 3,
            Platform::Facebook | Platform::X => 2,
            Platform::Whatsapp => 0,
        };
        let mut trade = (self.book.tags)(self.reading.trade);
        trade.rotate_left(angle.of([0, 1, 2]));
        let [first, second, third] = trade;
        let occasion = (self.book.objective_tag)(self.reading.objective);
        let mut tags: Vec<&str> = Vec::new();
        let own = platform_limits::hashtags(
            &self.reading.lead.as_ref().map(|lead| lead.text.clone()).unwrap_or_default(),
        )
        .into_iter()
        .map(fold)
        .collect::<Vec<_>>();
        for tag in [Some(first), self.reading.place.as_deref(), Some(occasion), Some(second), Some(third)]
            .into_iter()
            .flatten()
        {
            let folded = fold(tag);
            if tags.len() < count && !own.contains(&folded) && !tags.iter().any(|other| fold(other) == folded)
            {
                tags.push(tag);
            }
        }
        let own_elsewhere = self.details().iter().any(|line| line.text.contains('#'));
        if own_elsewhere {
            String::new()
        } else {
            tags.iter().map(|tag| format!("#{tag}")).collect::<Vec<_>>().join(" ")
        }
    }
}

/// Whether an invitation may follow on the same line.
fn paragraphs_end_softly(text: &str) -> bool {
    text.ends_with(['.', '!', '?'])
}

/// Whether a line ends in something that a full stop would spoil: a link, an emoji, a hashtag.
fn ends_open(text: &str) -> bool {
    let last_link = facts::link_spans(text).last().is_some_and(|link| link.end == text.len());
    let last_word = text.rsplit(' ').next().unwrap_or_default();
    last_link
        || last_word.starts_with('#')
        || !text.ends_with(|c: char| {
            c.is_alphanumeric() || matches!(c, '%' | '€' | '$' | '£' | ')' | '"' | '»' | '”' | '’' | '\'')
        })
}

/// Small words that have a capital only at the start of a sentence.
const SMALL_WORDS: &[&str] = &[
    "le", "la", "les", "l", "ce", "cette", "ces", "un", "une", "des", "du", "de", "notre", "nos", "on",
    "nous", "c", "jusqu", "des", "tous", "toute", "toutes", "tout", "chaque", "the", "our", "a", "an",
    "this", "we", "every", "until", "from", "next", "all", "at", "buy", "moitie", "half", "el", "los", "las",
    "este", "esta", "nuestro", "nuestra", "nuestros", "nuestras", "hasta", "o", "os", "as", "neste", "nesta",
    "nosso", "nossa", "ate", "demain", "tomorrow", "today", "tonight", "pendant", "entre", "avant", "a",
    "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche",
];

fn uncapitalized(text: &str) -> String {
    let first_word: String = text.chars().take_while(|c| c.is_alphabetic()).collect();
    if !SMALL_WORDS.contains(&fold(&first_word).as_str()) {
        return text.to_owned();
    }
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
