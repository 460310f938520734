//! Chooses sentences of the book by occasion, trade and feast; the seed varies the choice.

use postly_domain::post::Platform;

use super::{
    book::{self, Book},
    occasion::Occasion,
    reading::{Mode, Reading},
};

/// The book, with the properties of a brief that select its sections.
pub(super) struct Choice<'a> {
    pub(super) reading: &'a Reading,
    pub(super) book: &'static Book,
    pub(super) platform: Platform,
    pub(super) about_alcohol: bool,
    pub(super) seed: u64,
    /// True if only the shorter half of the sentences is used.
    pub(super) shortest: bool,
}

impl Choice<'_> {
    /// The nth opening statement; different for different n.
    pub(super) fn opening(&self, nth: usize) -> String {
        self.pick("open", &self.subject_sections("open"), nth)
    }

    /// The nth question.
    pub(super) fn question(&self, nth: usize) -> String {
        self.pick("ask", &self.subject_sections("ask"), nth)
    }

    /// The nth close.
    pub(super) fn close(&self, nth: usize) -> String {
        self.pick("end", &self.close_sections(), nth)
    }

    /// The sections for the occasion, feast and trade.
    fn subject_sections(&self, role: &str) -> Vec<&'static str> {
        let reading = self.reading;
        let occasion = reading.occasion;
        if occasion.is_grave() {
            return vec![occasion.key()];
        }
        let about_goods = matches!(
            occasion,
            Occasion::Offer | Occasion::New | Occasion::News | Occasion::Festive | Occasion::Event
        );
        if self.about_alcohol && about_goods {
            return vec!["alcohol"];
        }
        let own_voice = matches!(
            occasion,
            Occasion::Hiring
                | Occasion::Closing
                | Occasion::Review
                | Occasion::Hours
                | Occasion::Award
                | Occasion::Anniversary
        );
        if reading.is_formal(self.platform) && !own_voice {
            return vec![if self.platform == Platform::Linkedin || occasion != Occasion::Service {
                "pro"
            } else {
                "service"
            }];
        }
        if let Some(feast) = reading.feast.filter(|_| about_goods) {
            let has_own = !self.book.section(role, feast.key()).is_empty();
            return vec![if has_own { feast.key() } else { "festive" }];
        }
        let tasty =
            reading.trade.is_food() && matches!(occasion, Occasion::Offer | Occasion::New | Occasion::News);
        match (occasion, tasty) {
            (Occasion::News, true) => vec!["food"],
            (_, true) => vec![occasion.key(), "food"],
            (_, false) => vec![occasion.key()],
        }
    }

    fn close_sections(&self) -> Vec<&'static str> {
        let reading = self.reading;
        let mode = match (reading.mode, self.platform) {
            (Mode::Write, Platform::Linkedin) => "pro",
            (mode, _) => mode.key(),
        };
        match reading.occasion {
            grave if grave.is_grave() => vec![grave.key()],
            Occasion::Hiring => vec!["hiring"],
            Occasion::Closing => vec!["closing"],
            Occasion::Review => vec!["review"],
            Occasion::Giveaway => vec!["giveaway"],
            _ if reading.is_formal(self.platform) => vec!["pro"],
            Occasion::Award | Occasion::Anniversary | Occasion::Thanks => vec!["thanks"],
            Occasion::Event if reading.mode != Mode::Online => vec!["event"],
            Occasion::Opening | Occasion::Hours if reading.mode == Mode::Write => vec!["visit"],
            Occasion::Death
            | Occasion::Accident
            | Occasion::Farewell
            | Occasion::Apology
            | Occasion::Clearance
            | Occasion::Opening
            | Occasion::Offer
            | Occasion::Event
            | Occasion::New
            | Occasion::Hours
            | Occasion::Festive
            | Occasion::Service
            | Occasion::News => vec![mode],
        }
    }

    fn pick(&self, role: &str, sections: &[&'static str], nth: usize) -> String {
        let mut pool: Vec<&'static str> =
            sections.iter().flat_map(|section| self.book.section(role, section)).copied().collect();
        if self.is_private() {
            pool.retain(|sentence| !COMMENTS.iter().any(|word| sentence.contains(word)));
        }
        if self.shortest {
            pool.sort_by_key(|sentence| sentence.chars().count());
            pool.truncate(pool.len().div_ceil(2).max(4));
        }
        let length = u64::try_from(pool.len()).unwrap_or(1).max(1);
        let first = hash(self.seed, role) % length;
        let at = (first + u64::try_from(nth).unwrap_or(0)) % length;
        let sentence = usize::try_from(at).ok().and_then(|at| pool.get(at)).copied().unwrap_or_default();
        book::address(sentence, self.reading.familiar)
    }

    /// True if the network has no public comments.
    fn is_private(&self) -> bool {
        matches!(
            self.platform,
            Platform::Whatsapp | Platform::Email | Platform::Snapchat | Platform::Telegram
        )
    }
}

/// Parts of sentences that mention comments and posts.
const COMMENTS: &[&str] =
    &["comment", " post", "coment", "Identifi", "Tag ", "Etiqueta", "Marque ", "تعليق", "منشور"];

/// FNV-1a, so that neighbouring seeds give different sentences.
fn hash(seed: u64, role: &str) -> u64 {
    let bytes = seed.to_le_bytes();
    bytes.iter().chain(role.as_bytes()).fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    }) >> 7
}

/// The seed of a brief.
pub(super) fn seed_of(brief: &str) -> u64 {
    hash(u64::try_from(brief.len()).unwrap_or(0), brief)
}
