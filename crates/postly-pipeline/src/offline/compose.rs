//! Putting a post together: opening, news, close, invitation, signature, hashtags.

use std::fmt::Write as _;

use postly_domain::{
    Language,
    post::{Platform, Variant},
    text::fold,
};

use super::{
    book::{self, Book, Frame},
    reading::{Line, Reading, Shape, Tone, capitalized},
    trade::Objective,
};
use crate::{facts, platform_limits};

/// How much of the brief and of our own sentences a post takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DetailLevel {
    /// Everything.
    Full,
    /// A few lines beside the main one.
    Some,
    /// The main line only.
    Lead,
    /// The main line and what introduces it, for the shortest posts.
    Tight,
}

impl DetailLevel {
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
    most_hashtags: Option<usize>,
    seed: u64,
    room: DetailLevel,
) -> Vec<Variant> {
    let book = book::of(language);
    let frame = (book.frame)(reading.objective);
    let composer = Composer { reading, book, frame, platform, most_hashtags, seed, room };
    let variant =
        |angle: Angle| Variant { text: composer.post(angle), angle: composer.name(angle).to_owned() };
    Angle::ALL.into_iter().map(variant).collect()
}

struct Composer<'a> {
    reading: &'a Reading,
    book: &'static Book,
    frame: Frame,
    platform: Platform,
    /// The hashtag limit of the networks of the posts, if one has such a limit.
    most_hashtags: Option<usize>,
    seed: u64,
    room: DetailLevel,
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
        let closing = if self.room == DetailLevel::Tight { String::new() } else { self.closing(angle) };
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
                paragraphs.push(self.with_emoji(angle, &told(&news)));
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
        let invitation = self.invitation(angle);
        match paragraphs.last_mut() {
            // It follows the close on its line, but stands alone after a story.
            Some(last) if angle != Angle::Story && !invitation.is_empty() && !last.is_empty() => {
                let _ = write!(last, " {invitation}");
            }
            _ => paragraphs.push(invitation),
        }
        if let Some(name) = &self.reading.signature {
            let pin = if self.emojis() { "📍 " } else { "" };
            paragraphs.push(format!("{pin}{}", capitalized(name)));
        }
        paragraphs.push(self.hashtags(angle));
        let paragraphs: Vec<&str> = paragraphs
            .iter()
            .map(|paragraph| paragraph.trim())
            .filter(|paragraph| !paragraph.is_empty())
            .collect();
        paragraphs.join("\n\n")
    }

    fn opening(&self, angle: Angle) -> String {
        let openers = angle.of(self.frame.openers);
        let objective = self.reading.objective;
        let bare = self.reading.lead.is_none();
        match (angle, self.reading.tone) {
            // Without news there is nothing to announce, and what follows opens by itself.
            (Angle::Straight, _) if bare && matches!(objective, Objective::Event | Objective::Opening) => {
                String::new()
            }
            (Angle::Straight, _) if bare && objective == Objective::News => self.of_the_trade(angle),
            (Angle::Straight, Tone::Funny) if self.frame.invites => self.book.funny.to_owned(),
            (Angle::Straight, Tone::Elegant) if self.frame.invites => self.book.elegant.to_owned(),
            _ if openers.is_empty() => self.of_the_trade(angle),
            _ => self.pick(openers),
        }
    }

    fn of_the_trade(&self, angle: Angle) -> String {
        self.pick(angle.of((self.book.trade)(self.reading.trade)))
    }

    fn closing(&self, angle: Angle) -> String {
        let closers = angle.of(self.frame.closers);
        let asked = self
            .reading
            .lead
            .as_ref()
            .is_some_and(|lead| !matches!(lead.shape, Shape::Whole) || lead.question);
        match angle {
            // The straight post of a shop that sells things ends on a word of its trade.
            Angle::Straight if closers.is_empty() => self.of_the_trade(angle),
            // One question is enough.
            Angle::Question if asked => String::new(),
            Angle::Straight | Angle::Story | Angle::Question => self.pick(closers),
        }
    }

    fn invitation(&self, angle: Angle) -> String {
        let bare = self.reading.lead.is_none();
        let said = angle == Angle::Straight
            && (!self.frame.closers[0].is_empty() || (bare && self.reading.objective != Objective::News));
        if !self.frame.invites || said || (self.room == DetailLevel::Tight && !bare) {
            return String::new();
        }
        let comments = match self.platform {
            // There are none, or no room to ask for them.
            Platform::Whatsapp
            | Platform::X
            | Platform::Threads
            | Platform::Bluesky
            | Platform::Mastodon
            | Platform::Pinterest
            | Platform::GoogleBusiness
            | Platform::Telegram
            | Platform::Snapchat
            | Platform::Email => false,
            Platform::Instagram
            | Platform::Facebook
            | Platform::Linkedin
            | Platform::Tiktok
            | Platform::Youtube
            | Platform::General => true,
        };
        match (angle, comments, self.platform) {
            (Angle::Question, false, Platform::Whatsapp | Platform::Email) => self.pick(self.book.private),
            (Angle::Question, false, _) => String::new(),
            _ => self.pick(angle.of(self.book.invitations)),
        }
    }

    /// The main line, said in the way of the angle.
    fn news(&self, lead: &Line, angle: Angle) -> String {
        let patterns = &self.book.patterns;
        match (angle, &lead.shape) {
            (Angle::Straight, _) if lead.question => self.full(lead),
            (Angle::Straight, _) if self.reading.objective == Objective::Closure => self.full(lead),
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
            (Angle::Story, Shape::Thing) => self.fill(patterns.thing, &lead.text, ""),
            (Angle::Question, Shape::Thing) => self.fill(patterns.ask_thing, &lead.text, ""),
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
        let usual = match self.platform {
            Platform::Instagram | Platform::Tiktok => 4,
            Platform::Linkedin
            | Platform::Mastodon
            | Platform::Pinterest
            | Platform::Youtube
            | Platform::General => 3,
            Platform::Facebook | Platform::X | Platform::Bluesky => 2,
            Platform::Threads => 1,
            Platform::Whatsapp
            | Platform::GoogleBusiness
            | Platform::Telegram
            | Platform::Snapchat
            | Platform::Email => 0,
        };
        let count = match self.reading.wishes.hashtags {
            _ if self.reading.wishes.no_hashtag || self.room == DetailLevel::Tight => 0,
            wish => wish.unwrap_or(usual).min(self.most_hashtags.unwrap_or(usize::MAX)),
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

/// Sentences as one paragraph; after a link the next one starts a line, so that nothing sticks to it.
fn told(sentences: &[String]) -> String {
    let mut told = String::new();
    for sentence in sentences.iter().filter(|sentence| !sentence.is_empty()) {
        match told.chars().last() {
            None => {}
            Some('.' | '!' | '?' | '؟') => told.push(' '),
            Some(_) => told.push('\n'),
        }
        told.push_str(sentence);
    }
    told
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

/// Words that often start a brief, and have a capital only there.
const SMALL_WORDS: &str = "remise happy appartement maison le la les l ce cette ces un une des du de notre nos on nous c jusqu tous toute toutes tout chaque \
    the our a an this we every until from next all at buy moitie half el los las este esta nuestro \
    nuestra nuestros nuestras hasta o os as neste nesta nosso nossa ate demain tomorrow today tonight \
    pendant entre avant lundi mardi mercredi jeudi vendredi samedi dimanche promo promos soiree \
    soirees concert menu menus atelier ateliers degustation arrivage nouvelle nouveau nouveaux \
    nouvelles nouveaute ouverture vidange brunch visite dedicace bouquet bouquets cours stage journee \
    marche vente soldes galette galettes pizza pizzas offre inauguration dejeuner diner repas fete \
    yoga live new big grand wine book free special summer winter autumn spring tasting \
    workshop class party collection";

fn uncapitalized(text: &str) -> String {
    let first_word: String = text.chars().take_while(|c| c.is_alphabetic()).collect();
    let folded = fold(&first_word);
    if !SMALL_WORDS.split_whitespace().any(|word| word == folded) {
        return text.to_owned();
    }
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
