//! The sentences of the composer, by language. They hold no facts: facts come from the brief, through slots.
//!
//! `{a|b}` is the polite form and the familiar one. The slots are `{p}` the offer, `{w}` when, `{x}` what.

mod ar;
mod en;
mod es;
mod fr;
mod pt;

use postly_domain::Language;

use super::trade::{Objective, Trade};

/// Sentences for the three angles: straight, as a story, as a question.
pub(super) type Voices = [&'static [&'static str]; 3];

/// The sentences around the news, for one objective.
pub(super) struct Frame {
    /// Before the news. When empty, the sentences of the trade open the post.
    pub(super) openers: Voices,
    /// After the news.
    pub(super) closers: Voices,
    /// Instead of the news, when the brief has none.
    pub(super) bare: Voices,
    /// Whether an invitation to come or to comment suits the end.
    pub(super) invites: bool,
}

/// How the news is said when the brief lets itself be taken apart.
pub(super) struct Patterns {
    /// An offer that starts with its amount, and when.
    pub(super) offer_when: &'static str,
    /// An offer that starts with its subject, and when.
    pub(super) subject_when: &'static str,
    /// An offer without a period.
    pub(super) offer: &'static str,
    /// An offer and when, as a question.
    pub(super) ask_offer_when: &'static str,
    /// An offer without a period, as a question.
    pub(super) ask_offer: &'static str,
    /// When and what.
    pub(super) dated: &'static str,
    /// What and when, as a question.
    pub(super) ask_dated: &'static str,
    /// A thing, introduced.
    pub(super) thing: &'static str,
    /// A thing, as a question.
    pub(super) ask_thing: &'static str,
}

/// All the sentences of one language.
pub(super) struct Book {
    pub(super) angles: [&'static str; 3],
    /// The first angle, for what one eats.
    pub(super) tasty: &'static str,
    pub(super) trade: fn(Trade) -> Voices,
    pub(super) frame: fn(Objective) -> Frame,
    /// The invitations at the end.
    pub(super) invitations: Voices,
    /// The last invitation, where nobody can comment.
    pub(super) private: &'static [&'static str],
    /// How the straight post opens when the author wishes for fun, and when she wishes for elegance.
    pub(super) funny: &'static str,
    pub(super) elegant: &'static str,
    pub(super) patterns: Patterns,
    pub(super) tags: fn(Trade) -> [&'static str; 3],
    pub(super) objective_tag: fn(Objective) -> &'static str,
    /// What stands around an exclamation and a question.
    pub(super) exclamation: (&'static str, &'static str),
    pub(super) question: (&'static str, &'static str),
}

/// The book of a language.
pub(super) fn of(language: Language) -> &'static Book {
    match language {
        Language::Fr => &fr::BOOK,
        Language::En => &en::BOOK,
        Language::Es => &es::BOOK,
        Language::Pt => &pt::BOOK,
        Language::Ar => &ar::BOOK,
    }
}
