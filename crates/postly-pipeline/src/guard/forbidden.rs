//! Subjects that the rules of the channel forbid: WhatsApp's Business Messaging Policy and its Commerce
//! Policy (whatsapp.com/legal) name hate, adult content, weapons, drugs, alcohol, tobacco and gambling.
//!
//! The lists hold only expressions without another meaning; a shop that sells wine glasses, rum cakes or
//! water pistols is served.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use super::claims::{MOST_WORDS, Phrases};
use crate::{
    facts::{self, Fact},
    offline::occasion,
    tokens::{lists, spaced_words},
};

/// The subject for which a post is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Forbidden {
    /// Hatred of a group of people.
    Hate,
    /// Sex work and pornography.
    Sexual,
    /// Firearms, ammunition, explosives and other things made to injure.
    Weapons,
    /// Drugs.
    Drugs,
    /// Excessive drinking, or alcohol for minors. Alcohol itself is a lawful trade.
    Alcohol,
    /// Sale of tobacco and its substitutes.
    Tobacco,
    /// Gambling for money.
    Gambling,
    /// Prescription medicines.
    Medicines,
    /// A promise to cure an illness.
    Health,
}

impl Forbidden {
    /// All subjects.
    pub const ALL: [Self; 9] = [
        Self::Hate,
        Self::Sexual,
        Self::Weapons,
        Self::Drugs,
        Self::Alcohol,
        Self::Tobacco,
        Self::Gambling,
        Self::Medicines,
        Self::Health,
    ];

    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hate => "hate",
            Self::Sexual => "sexual",
            Self::Weapons => "weapons",
            Self::Drugs => "drugs",
            Self::Alcohol => "alcohol",
            Self::Tobacco => "tobacco",
            Self::Gambling => "gambling",
            Self::Medicines => "medicines",
            Self::Health => "health",
        }
    }
}

/// Returns the forbidden subject of a text, if it has one.
pub fn forbidden(text: &str) -> Option<Forbidden> {
    let words = spaced_words(text);
    found_in(&Phrases::of(&words)).filter(|found| match found {
        // Opening hours, holidays and jobs of a gunsmith or a tobacconist sell nothing.
        Forbidden::Weapons | Forbidden::Tobacco => !is_daily_life(text, &words),
        Forbidden::Hate
        | Forbidden::Sexual
        | Forbidden::Drugs
        | Forbidden::Alcohol
        | Forbidden::Gambling
        | Forbidden::Medicines
        | Forbidden::Health => true,
    })
}

/// True if a text is about hours, a closure or a job, and neither prices nor praises anything.
fn is_daily_life(text: &str, words: &str) -> bool {
    const SALE: &str = "vend vends vente vendre achetez acheter promo promos stock arrivage arrive arrives arrivent livraison sell selling \
        sale buy offer offers new stock arrived cheap delivery vendo venta compra compre oferta nuevo nuevos nuevas barato \
        baratos novo novos entrega neuf neuve neufs occasion";
    let sells = words.split(' ').any(|word| lists(SALE, word))
        || facts::of_post(text)
            .iter()
            .any(|fact| matches!(fact, Fact::Money(..) | Fact::Percent(_) | Fact::Deal(..)));
    let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
    !sells && occasion::is_daily_life(&words)
}

/// True if folded words with single spaces between name an alcoholic drink.
pub(super) fn names_a_drink(words: &str) -> bool {
    let mut rest = format!(" {words} ");
    for harmless in HARMLESS.iter() {
        rest = rest.replace(&format!(" {harmless} "), " \n ");
    }
    rest.split('\n').any(|piece| {
        let words: Vec<&str> = piece.split_whitespace().collect();
        (1..=MOST_WORDS)
            .any(|length| words.windows(length).any(|run| DRINKS.contains(run.join(" ").as_str())))
    })
}

/// True if a text promises a cure: a verb of healing, and at most three words later an illness.
fn promises_a_cure(text: &str) -> bool {
    let mut words = text.split(' ');
    while let Some(word) = words.next() {
        if CURE.contains(word) && words.clone().take(4).any(|word| ILLNESS.contains(word)) {
            return true;
        }
    }
    false
}

fn found_in(text: &Phrases<'_>) -> Option<Forbidden> {
    if insults_a_group(text.words()) {
        return Some(Forbidden::Hate);
    }
    if promises_a_cure(text.words()) {
        return Some(Forbidden::Health);
    }
    kinds_in(text).next()?;
    // The text without the harmless expressions. Each is replaced by a line break, so that no phrase spans
    // it.
    let mut rest = format!(" {} ", text.words());
    for harmless in HARMLESS.iter() {
        rest = rest.replace(&format!(" {harmless} "), " \n ");
    }
    rest.split('\n').filter_map(|piece| kinds_in(&Phrases::of(piece.trim())).min()).min()
}

/// Returns the forbidden subject of a post, unless its brief (folded words with single spaces) names the same
/// subject without being about it: the posts of a baker of rum cakes may say "rum".
pub(super) fn beyond(brief: &str, post: &Phrases<'_>) -> Option<Forbidden> {
    found_in(post).filter(|found| !kinds_in(&Phrases::of(brief)).any(|kind| kind == *found))
}

fn kinds_in(phrases: &Phrases<'_>) -> impl Iterator<Item = Forbidden> {
    phrases.runs().filter_map(|run| BY_EXPRESSION.get(run).copied())
}

/// Every expression that the guard looks for.
pub(super) fn expressions() -> impl Iterator<Item = &'static str> {
    BY_EXPRESSION.keys().copied()
}

/// True for a sentence that calls a group of people something vile: group, verb, insult in this order, with
/// at most two words before the insult.
fn insults_a_group(text: &str) -> bool {
    const ARE: [&str; 4] = ["sont", "are", "son", "sao"];
    let mut words = text.split(' ');
    while let Some(group) = words.next() {
        let mut rest = words.clone();
        if rest.next().is_some_and(|word| ARE.contains(&word))
            && GROUPS.contains(group)
            && rest.take(3).any(|word| VILE.contains(word))
        {
            return true;
        }
    }
    false
}

/// Returns the expressions of one kind, in the order of the file.
fn listed(kind: &str) -> impl Iterator<Item = &'static str> {
    let lines = WORDS.lines().filter_map(|line| line.split_once(": "));
    lines.filter(move |(name, _)| *name == kind).flat_map(|(_, words)| words.split(", "))
}

const WORDS: &str = include_str!("forbidden_words.txt");

static BY_EXPRESSION: LazyLock<HashMap<&'static str, Forbidden>> = LazyLock::new(|| {
    Forbidden::ALL
        .into_iter()
        .flat_map(|kind| listed(kind.as_str()).map(move |words| (words, kind)))
        .collect()
});
static DRINKS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| listed("drinks").collect());
static CURE: LazyLock<HashSet<&'static str>> = LazyLock::new(|| listed("cure").collect());
static ILLNESS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| listed("illness").collect());
static GROUPS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| listed("group").collect());
static VILE: LazyLock<HashSet<&'static str>> = LazyLock::new(|| listed("vile").collect());
/// Longest first: "alcohol free beer" before "alcohol free".
static HARMLESS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut harmless: Vec<_> = listed("harmless").collect();
    harmless.sort_by_key(|words| std::cmp::Reverse(words.len()));
    harmless
});

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: &str = include_str!("forbidden_cases.txt");

    /// Returns the lines of a file of cases: the expected result, the language and the brief.
    fn cases() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        CASES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
            let (expected, rest) = line.split_once('|').unwrap();
            let (language, brief) = rest.split_once('|').unwrap();
            (expected, language, brief)
        })
    }

    #[test]
    fn l09_what_whatsapp_forbids_is_found_in_five_languages_and_what_sounds_like_it_is_not() {
        let mut wrong = vec![];
        let mut refused = HashMap::new();
        for (expected, language, brief) in cases() {
            let found = forbidden(brief).map_or("harmless", Forbidden::as_str);
            if found != expected {
                wrong.push(format!("{found}, not {expected}: {brief}"));
            }
            *refused.entry((expected, language)).or_insert(0) += 1;
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        let all: i32 =
            refused.iter().filter(|((kind, _), _)| *kind != "harmless").map(|(_, count)| count).sum();
        assert!(all >= 90, "{all}: {refused:?}");
    }

    #[test]
    fn l09_expressions_are_written_as_they_are_compared() {
        for expression in expressions().chain(HARMLESS.iter().copied()) {
            assert_eq!(spaced_words(expression), expression);
            assert!(expression.split(' ').count() <= super::super::claims::MOST_WORDS, "{expression}");
        }
    }

    #[test]
    fn l09_a_post_may_speak_of_what_its_brief_speaks_of() {
        let brief = spaced_words("Nos babas au rhum, 4 € pièce");
        assert_eq!(beyond(&brief, &Phrases::of("un baba du rhum ambre du bonheur")), None);
        assert_eq!(beyond(&brief, &Phrases::of("un baba et une cigarette")), Some(Forbidden::Tobacco));
    }
}
