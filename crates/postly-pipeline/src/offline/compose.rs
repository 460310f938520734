//! Composes the three posts: a sheet of facts, a short story, a question. Each holds every fact of the brief.

use std::fmt::Write as _;

use postly_domain::{
    Language,
    post::{Platform, Variant},
};

use super::{
    book::{self, Book},
    choice::Choice,
    hashtags, mend,
    occasion::Occasion,
    pieces::{Kind, Piece},
    reading::{Mode, Reading, Sentence},
};
use crate::facts;

/// The number of our own sentences in a post. Every post holds all facts of the brief in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// An opening, the facts, a close, hashtags.
    Usual,
    /// More of our own sentences, so that posts with many facts still differ.
    Ample,
    /// No hashtags, and the shortest sentences.
    Tight,
    /// An opening for one post and a close for another.
    Least,
}

impl Room {
    /// All values, in the order in which they are tried.
    pub(super) const ALL: [Self; 4] = [Self::Usual, Self::Ample, Self::Tight, Self::Least];
}

/// The layout of a post, in the order of the three posts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// The main fact, then one fact a line.
    Sheet,
    /// An opening, then the facts as sentences.
    Story,
    /// A question, then the facts in a few lines.
    Question,
}

impl Layout {
    const ALL: [Self; 3] = [Self::Sheet, Self::Story, Self::Question];

    fn index(self) -> usize {
        match self {
            Self::Sheet => 0,
            Self::Story => 1,
            Self::Question => 2,
        }
    }
}

/// Composes posts from a parsed brief.
pub(super) struct Composer<'a> {
    pub(super) reading: &'a Reading,
    pub(super) language: Language,
    pub(super) platform: Platform,
    /// The hashtag limit of the networks of the posts, if any has one.
    pub(super) most_hashtags: Option<usize>,
    /// The line that names the business, from the brand memory.
    pub(super) business_line: Option<&'a str>,
    /// The line that the law requires in posts about alcohol.
    pub(super) legal_line: Option<&'static str>,
    pub(super) about_alcohol: bool,
    pub(super) seed: u64,
    pub(super) room: Room,
}

impl Composer<'_> {
    /// The three posts.
    pub(super) fn posts(&self) -> Vec<Variant> {
        let names =
            self.book().section("angles", if self.reading.occasion.is_grave() { "grave" } else { "" });
        Layout::ALL
            .into_iter()
            .map(|layout| Variant {
                text: self.post(layout),
                angle: names.get(layout.index()).copied().unwrap_or_default().to_owned(),
            })
            .collect()
    }

    fn book(&self) -> &'static Book {
        book::of(self.language)
    }

    fn choice(&self) -> Choice<'_> {
        Choice {
            reading: self.reading,
            book: self.book(),
            platform: self.platform,
            about_alcohol: self.about_alcohol,
            seed: self.seed,
            shortest: matches!(self.room, Room::Tight | Room::Least),
        }
    }

    fn post(&self, layout: Layout) -> String {
        let choice = self.choice();
        let grave = self.reading.occasion.is_grave();
        let ample = self.room == Room::Ample;
        let bare = self.room == Room::Usual && self.reading.pieces().count() == 1;
        let mut paragraphs: Vec<String> = match layout {
            _ if self.reading.sentences.is_empty() => self.without_facts(layout),
            Layout::Sheet if ample => vec![choice.opening(1), self.sheet()],
            // A single line needs another sentence beside it.
            Layout::Sheet if bare && !grave => vec![self.sheet(), choice.opening(1)],
            Layout::Sheet => vec![self.sheet()],
            Layout::Story => {
                let mut opening = vec![choice.opening(0)];
                if ample {
                    opening.push(choice.opening(2));
                }
                vec![self.with_emoji(&opening.join(" ")), self.story()]
            }
            Layout::Question if grave => vec![self.story(), choice.opening(2)],
            Layout::Question if ample => {
                vec![format!("{} {}", choice.question(0), choice.opening(3)), self.brief_lines()]
            }
            Layout::Question if bare => vec![choice.question(0), self.brief_lines(), choice.opening(3)],
            Layout::Question => vec![choice.question(0), self.brief_lines()],
        };
        if !(self.room == Room::Least && layout != Layout::Sheet) {
            let mut close = choice.close(layout.index());
            if ample {
                let _ = write!(close, " {}", choice.close(layout.index() + 3));
            }
            paragraphs.push(close);
        }
        let usual = self
            .business_line
            .filter(|_| self.reading.place.is_none() && matches!(self.room, Room::Usual | Room::Ample));
        if let Some(name) = self.reading.signature.as_deref().or(usual) {
            let pin = if self.emojis() { "📍 " } else { "" };
            paragraphs.push(format!("{pin}{}", mend::capital(name)));
        }
        paragraphs.extend(self.legal_line.map(str::to_owned));
        if matches!(self.room, Room::Usual | Room::Ample) {
            paragraphs.push(hashtags::line(
                self.reading,
                self.book(),
                self.platform,
                self.most_hashtags,
                layout.index(),
            ));
        }
        let paragraphs: Vec<&str> = paragraphs
            .iter()
            .map(|paragraph| paragraph.trim())
            .filter(|paragraph| !paragraph.is_empty())
            .collect();
        paragraphs.join("\n\n")
    }

    /// Composes a post of a brief that names only an occasion or a trade.
    fn without_facts(&self, layout: Layout) -> Vec<String> {
        let choice = self.choice();
        match layout {
            Layout::Sheet => vec![self.with_emoji(&choice.opening(0))],
            Layout::Story => vec![format!("{} {}", choice.opening(1), choice.opening(2))],
            Layout::Question => vec![self.with_emoji(&choice.question(0)), choice.opening(3)],
        }
    }

    /// The main fact, then one fact a line; courtesies last.
    fn sheet(&self) -> String {
        let mut lines: Vec<String> = vec![];
        let mut last = vec![];
        let quoted = self.reading.pieces().any(|piece| piece.kind == Kind::Quote);
        for (at, sentence) in self.reading.sentences.iter().enumerate() {
            for (nth, piece) in sentence.pieces.iter().enumerate() {
                let ends = nth + 1 == sentence.pieces.len();
                let text = self.line(piece, ends.then_some(sentence));
                let leads = at == 0 && nth == 0;
                // Without emojis in front of the lines, a time stays on the line of its event.
                if piece.joined
                    && piece.kind == Kind::When
                    && !self.emojis()
                    && let Some(line) = lines.iter_mut().rev().find(|line| !line.is_empty())
                {
                    let _ = write!(line, " {}", piece.text);
                    continue;
                }
                match piece.kind {
                    Kind::Quote => lines.insert(0, self.marked(self.heading_emoji(), &text)),
                    _ if leads && quoted => lines.extend([String::new(), text]),
                    _ if leads && self.reading.occasion.is_grave() => {
                        lines.extend(clauses(&text));
                        lines.insert(1, String::new());
                    }
                    _ if leads => lines.extend([self.marked(self.heading_emoji(), &text), String::new()]),
                    Kind::What | Kind::Apology if self.reading.occasion.is_grave() => {
                        lines.extend(clauses(&text));
                    }
                    Kind::Apology | Kind::Wish | Kind::Sign => {
                        last.push(self.marked(self.icon(piece), &text));
                    }
                    Kind::What
                    | Kind::Price
                    | Kind::When
                    | Kind::Where
                    | Kind::Contact
                    | Kind::Act
                    | Kind::Note
                    | Kind::Thanks => lines.push(self.marked(self.icon(piece), &text)),
                }
            }
        }
        if !last.is_empty() {
            lines.push(String::new());
            lines.extend(last);
        }
        lines.join("\n").replace("\n\n\n", "\n\n").trim().to_owned()
    }

    /// The facts as sentences.
    fn story(&self) -> String {
        let mut told = String::new();
        for sentence in &self.reading.sentences {
            let mut text = String::new();
            let mut parts: Vec<String> = vec![];
            for piece in &sentence.pieces {
                let apart = matches!(
                    piece.kind,
                    Kind::Act | Kind::Contact | Kind::Apology | Kind::Thanks | Kind::Wish | Kind::Sign
                );
                let after_apart = text.is_empty();
                if apart && !text.is_empty() {
                    parts.push(std::mem::take(&mut text));
                }
                if apart {
                    parts.push(self.labelled(piece));
                } else if after_apart {
                    text = mend::capital(&piece.text);
                } else if piece.kind == Kind::Quote {
                    let _ = write!(text, "{} {}", self.colon(), piece.text);
                } else if piece.joined && matches!(piece.kind, Kind::When | Kind::Price | Kind::What) {
                    let _ = write!(text, " {}", piece.text);
                } else {
                    let _ = write!(text, "{} {}", self.comma(), piece.text);
                }
            }
            if !text.is_empty() {
                parts.push(text);
            }
            let last = parts.len().saturating_sub(1);
            for (at, part) in parts.iter().enumerate() {
                push_sentence(&mut told, &self.ended(part, (at == last).then_some(sentence)));
            }
        }
        told
    }

    /// The main fact after a mark, the other facts in few lines.
    fn brief_lines(&self) -> String {
        /// One or two lines on a phone's screen, in characters.
        const WIDTH: usize = 90;
        let mut lines: Vec<String> = vec![];
        let mut row = String::new();
        for (at, piece) in self.reading.pieces().enumerate() {
            let sentence = self.reading.sentences.iter().find(|sentence| {
                sentence.question && sentence.pieces.last().is_some_and(|last| std::ptr::eq(last, piece))
            });
            let text = self.line(piece, sentence);
            if at == 0 {
                lines.push(self.marked("👉", &text));
                continue;
            }
            // A short sentence is not split here.
            if let Some(first) = lines.first_mut().filter(|first| {
                at == 1
                    && piece.joined
                    && piece.kind == Kind::When
                    && first.chars().count() + text.chars().count() < WIDTH
            }) {
                let _ = write!(first, " {}", piece.text);
                continue;
            }
            let small =
                matches!(piece.kind, Kind::When | Kind::Where | Kind::Price | Kind::Note | Kind::What);
            if small && !row.is_empty() && row.chars().count() + text.chars().count() < WIDTH {
                let _ = write!(row, " · {text}");
            } else {
                lines.extend((!row.is_empty()).then(|| std::mem::take(&mut row)));
                row = text;
            }
            if !small {
                lines.push(std::mem::take(&mut row));
            }
        }
        lines.extend((!row.is_empty()).then_some(row));
        lines.join("\n")
    }

    /// A piece as a line of its own.
    fn line(&self, piece: &Piece, ends: Option<&Sentence>) -> String {
        let text = if self.emojis() { mend::capital(without_and(&piece.text)) } else { self.labelled(piece) };
        match ends {
            Some(sentence) if sentence.question => self.ended(&text, Some(sentence)),
            Some(sentence) if sentence.exclaimed && self.may_exclaim() => self.ended(&text, Some(sentence)),
            Some(_) | None => text,
        }
    }

    /// Labels a bare contact as one, if no emoji does.
    fn labelled(&self, piece: &Piece) -> String {
        let bare = piece.kind == Kind::Contact
            && piece.text.chars().next().is_some_and(|c| c.is_ascii_digit() || c == '+');
        let label = self.book().section("label", "contact").first().filter(|_| bare);
        label.map_or_else(
            || mend::capital(without_and(&piece.text)),
            |label| format!("{label} {}", piece.text),
        )
    }

    /// Adds the closing mark of a sentence.
    fn ended(&self, text: &str, sentence: Option<&Sentence>) -> String {
        if ends_open(text) || text.ends_with(['.', '!', '?', '؟', '…']) {
            return text.to_owned();
        }
        let space = if self.language == Language::Fr { " " } else { "" };
        let question =
            sentence.is_some_and(|sentence| sentence.question) && !self.reading.occasion.is_grave();
        let exclaimed = sentence.is_some_and(|sentence| sentence.exclaimed) && self.may_exclaim();
        match (self.language, question, exclaimed) {
            (Language::Es, true, _) => format!("¿{text}?"),
            (Language::Es, _, true) => format!("¡{text}!"),
            (Language::Ar, true, _) => format!("{text}؟"),
            (_, true, _) => format!("{text}{space}?"),
            (_, _, true) => format!("{text}{space}!"),
            (_, false, false) => format!("{text}."),
        }
    }

    fn may_exclaim(&self) -> bool {
        self.reading.occasion.is_lively() && !self.reading.is_formal(self.platform)
    }

    fn comma(&self) -> &'static str {
        if self.language == Language::Ar { "،" } else { "," }
    }

    fn colon(&self) -> &'static str {
        if self.language == Language::Fr { " :" } else { ":" }
    }

    fn emojis(&self) -> bool {
        !self.reading.wishes.no_emoji
            && !self.reading.occasion.is_grave()
            && self.reading.tone.likes_emojis()
            && self.platform != Platform::Linkedin
    }

    fn heading_emoji(&self) -> &'static str {
        match (self.reading.occasion, self.reading.feast) {
            (
                Occasion::Offer | Occasion::Festive | Occasion::News | Occasion::New | Occasion::Event,
                Some(feast),
            ) => feast.emoji(),
            (Occasion::News | Occasion::Service, None) => self.reading.trade.emoji(),
            (occasion, _) => occasion.emoji(),
        }
    }

    fn icon(&self, piece: &Piece) -> &'static str {
        let links = facts::link_spans(&piece.text);
        let link = links.first().filter(|link| !link.mention);
        let is_mail = piece.text.contains('@') && link.is_some();
        match piece.kind {
            Kind::What => "▪️",
            Kind::Price if piece.text.contains('%') => "🏷️",
            Kind::Price => "💶",
            Kind::When => "📅",
            Kind::Where => "📍",
            Kind::Contact | Kind::Act if is_mail => "✉️",
            Kind::Contact | Kind::Act if link.is_some() => "🔗",
            Kind::Contact => "📞",
            Kind::Act if piece.text.chars().filter(char::is_ascii_digit).count() >= 9 => "📞",
            Kind::Act => "👉",
            Kind::Note => "ℹ️",
            Kind::Thanks => "🙏",
            Kind::Wish => self.reading.feast.map_or("✨", super::occasion::Feast::emoji),
            Kind::Apology | Kind::Sign | Kind::Quote => "",
        }
    }

    /// Puts an emoji before a line, if the posts may have emojis.
    fn marked(&self, emoji: &str, text: &str) -> String {
        match (self.emojis(), emoji) {
            (_, "") => text.to_owned(),
            (true, emoji) => {
                let emoji = if emoji == "💶" && !text.contains('€') { "🏷️" } else { emoji };
                format!("{emoji} {text}")
            }
            (false, _) => text.to_owned(),
        }
    }

    fn with_emoji(&self, text: &str) -> String {
        if !self.emojis() || text.is_empty() {
            return text.to_owned();
        }
        let emoji = match self.reading.feast {
            Some(feast) => feast.emoji(),
            None if self.reading.mode == Mode::Online => "📲",
            None => self.reading.trade.emoji(),
        };
        format!("{text} {emoji}")
    }
}

/// Adds a sentence to a paragraph. After a link it starts a line, so that no text is joined to the link.
fn push_sentence(told: &mut String, sentence: &str) {
    match told.chars().last() {
        None => {}
        Some('.' | '!' | '?' | '؟' | '…') => told.push(' '),
        Some(_) => told.push('\n'),
    }
    told.push_str(sentence);
}

/// True if a line ends in a link, an emoji or a hashtag, so that no full stop may follow.
fn ends_open(text: &str) -> bool {
    let last_link = facts::link_spans(text).last().is_some_and(|link| link.end == text.len());
    let last_word = text.rsplit(' ').next().unwrap_or_default();
    last_link
        || last_word.starts_with('#')
        || !text.ends_with(|c: char| {
            c.is_alphanumeric() || matches!(c, '%' | '€' | '$' | '£' | ')' | '"' | '»' | '”' | '’' | '\'')
        })
}

/// Splits a sentence at its commas, one clause a line; a clause of one or two words stays on the line before.
fn clauses(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = vec![];
    for clause in text.split(", ") {
        match lines.last_mut().filter(|_| clause.split(' ').count() < 3) {
            Some(last) => {
                let _ = write!(last, ", {clause}");
            }
            None => lines.push(mend::capital(clause)),
        }
    }
    lines
}

/// Removes the "and" that joined a piece to the one before.
fn without_and(text: &str) -> &str {
    ["et ", "and ", "y ", "e ", "mais ", "but ", "و "]
        .iter()
        .find_map(|and| text.strip_prefix(and))
        .unwrap_or(text)
}
