//! The discount of a brief: "-20 % sur les croissants ce week-end".
//!
//! A discount is a promise with a price, so its words are copied from the brief, never rephrased.

use crate::{
    facts::{self, BriefFacts, Fact, of_post},
    networks,
    tokens::{Kind, Token, contains_words, spaced_words, span},
};

mod period;

pub(crate) use period::{find as find_period, starts_at as period_starts_at};

/// A discount as the brief words it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    /// "-20 %", "2 achetés 1 offert", "moitié prix".
    pub(crate) amount: String,
    /// "-20 % sur les croissants": the amount with its subject, in the order of the brief.
    pub(crate) phrase: String,
    /// "les croissants".
    pub(crate) subject: Option<String>,
    /// "ce week-end".
    pub(crate) period: Option<String>,
    /// True if the phrase starts with the amount, and not with the subject.
    pub(crate) amount_first: bool,
    /// The range of phrase and period in the brief, in bytes.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Words that start a subject and may be replaced ("les croissants", "nos croissants").
const DETERMINERS: &[&str] = &[
    "le", "la", "les", "l", "nos", "notre", "mes", "mon", "ma", "tous", "toutes", "tout", "toute", "the",
    "our", "my", "all", "los", "las", "el", "nuestros", "nuestras", "os", "as", "o", "a", "nossos", "nossas",
    "un", "une", "des", "de", "du", "d",
];

/// Words that announce a discount.
const DISCOUNT_WORDS: &[&str] = &[
    "promo",
    "promos",
    "promotion",
    "promotions",
    "remise",
    "remises",
    "reduction",
    "reductions",
    "rabais",
    "soldes",
    "solde",
    "discount",
    "discounts",
    "off",
    "sale",
    "descuento",
    "descuentos",
    "rebajas",
    "oferta",
    "desconto",
    "descontos",
    "promocion",
    "promocao",
    "خصم",
    "تخفيض",
    "تخفيضات",
];

/// Finds the first discount of a brief.
pub(crate) fn find(brief: &str) -> Option<Offer> {
    let tokens = networks::tokens_of_brief(brief);
    let announced = tokens.iter().any(|token| DISCOUNT_WORDS.contains(&token.folded.as_str()));
    let worded = facts::discount_spans(brief);
    let amount_at = |at| worded_at(&tokens, at, &worded).or_else(|| amount_at(&tokens, at, announced));
    let (from, to) = (0..tokens.len()).find_map(|at| amount_at(at).map(|to| (at, to)))?;
    let amount = span(brief, tokens.get(from..to)?).to_owned();

    let (subject_from, subject_to) = subject_after(brief, &tokens, to);
    let mut start = from;
    let mut end = to;
    let mut subject = None;
    let mut amount_first = true;
    if subject_from < subject_to {
        subject = Some(span(brief, tokens.get(subject_from..subject_to)?).to_owned());
        end = subject_to;
    } else if let Some((before_from, before_to)) = subject_before(brief, &tokens, from) {
        subject = Some(span(brief, tokens.get(before_from..before_to)?).to_owned());
        start = before_from;
        amount_first = false;
    }
    let phrase = span(brief, tokens.get(start..end)?).to_owned();
    let sentence = sentence_around(brief, &tokens, start, end);
    let found = period::find(brief, tokens.get(sentence.0..sentence.1)?)
        .map(|(from, to)| (from + sentence.0, to + sentence.0))
        .filter(|(from, to)| *to <= start || *from >= end);
    let period = found.and_then(|(from, to)| tokens.get(from..to)).map(|words| span(brief, words).to_owned());
    let first = found.map_or(start, |(from, _)| from.min(start));
    let last = found.map_or(end, |(_, to)| to.max(end));
    Some(Offer {
        amount,
        phrase,
        subject,
        period,
        amount_first,
        start: tokens.get(first)?.start,
        end: tokens.get(last.checked_sub(1)?)?.end,
    })
}

/// The parts of an offer that a post must contain, read once for any number of posts.
pub(crate) struct Required(Vec<Part>);

struct Part {
    /// The words of the brief.
    written: String,
    sought: Sought,
}

/// The kind of match that a part requires.
enum Sought {
    /// A price, which may be spelled in another way.
    Price(Vec<Fact>),
    /// Words, with single spaces between.
    Words(String),
    /// Words of a time, or another wording of it with the same facts in the same direction.
    When(String, Vec<Fact>),
}

impl Required {
    pub(crate) fn of(offer: &Offer, same_language: bool) -> Self {
        let figures = of_post(&offer.amount);
        let is_price =
            figures.iter().any(|fact| matches!(fact, Fact::Percent(_) | Fact::Money(..) | Fact::Deal(..)));
        let sought =
            if is_price { Sought::Price(figures) } else { Sought::Words(spaced_words(&offer.amount)) };
        let mut parts = vec![Part { written: offer.amount.clone(), sought }];
        // In another language, the subject and the period are translated.
        if same_language {
            parts.extend(offer.subject.iter().map(|subject| Part {
                written: subject.clone(),
                sought: Sought::Words(without_determiners(spaced_words(subject))),
            }));
            parts.extend(offer.period.iter().map(|period| Part {
                written: period.clone(),
                sought: Sought::When(without_determiners(spaced_words(period)), of_post(period)),
            }));
        }
        Self(parts)
    }

    /// The parts in the words of the brief.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|part| part.written.as_str())
    }

    /// Returns the parts that are missing in a post of these facts and these words, with single spaces
    /// between.
    pub(crate) fn missing_in(&self, facts: &[Fact], words: &str) -> Vec<String> {
        let stands = |part: &Part| match &part.sought {
            Sought::Price(price) => {
                let known = BriefFacts::of(facts);
                price.iter().all(|fact| known.allow(fact))
            }
            Sought::Words(sought) => contains_words(words, sought),
            Sought::When(sought, when) => {
                contains_words(words, sought) || tells_when(facts, words, sought, when)
            }
        };
        self.0.iter().filter(|part| !stands(part)).map(|part| part.written.clone()).collect()
    }
}

/// True if a post states a time in other words: the same dates and hours, with the same until or from.
fn tells_when(facts: &[Fact], words: &str, sought: &str, when: &[Fact]) -> bool {
    let known = BriefFacts::of(facts);
    let ((until, from), (told_until, told_from)) = (facts::directions(sought), facts::directions(words));
    let precise = when.iter().any(|fact| matches!(fact, Fact::Date { .. } | Fact::Time(_)));
    precise
        && when.iter().all(|fact| known.allow(fact) || is_told_by_date(fact, facts))
        && (!until || told_until)
        && (!from || told_from)
}

/// True if the date states the month: "15/08" states the month of "15 août".
fn is_told_by_date(fact: &Fact, facts: &[Fact]) -> bool {
    matches!(fact, Fact::Month(month) if facts.iter().any(|known| matches!(known, Fact::Date { month: other, .. } if other == month)))
}

/// Removes the determiners in front, unless nothing else would be left.
fn without_determiners(words: String) -> String {
    let mut rest = words.as_str();
    while let Some((first, behind)) = rest.split_once(' ')
        && DETERMINERS.contains(&first)
    {
        rest = behind;
    }
    if DETERMINERS.contains(&rest) { words } else { rest.to_owned() }
}

/// The end of the amount that starts at a token.
fn amount_at(tokens: &[Token], at: usize, announced: bool) -> Option<usize> {
    bought_and_given(tokens, at).or_else(|| figure_at(tokens, at, announced))
}

/// The end of a discount in words that starts at a token.
fn worded_at(tokens: &[Token], at: usize, worded: &[(usize, usize)]) -> Option<usize> {
    let start = tokens.get(at)?.start;
    let (_, end) = worded.iter().find(|(from, _)| *from == start)?;
    Some(tokens.iter().position(|token| token.start >= *end).unwrap_or(tokens.len()))
}

/// "2 achetés 1 offert", "1 acheté = 1 offert", "2 achetées, la 3e offerte".
fn bought_and_given(tokens: &[Token], at: usize) -> Option<usize> {
    let starts =
        |token: Option<&Token>, stem: &str| token.is_some_and(|token| token.folded.starts_with(stem));
    if tokens.get(at)?.kind != Kind::Number || !starts(tokens.get(at + 1), "achete") {
        return None;
    }
    (at + 2..at + 7)
        .find(|to| starts(tokens.get(*to), "offert") || starts(tokens.get(*to), "gratuit"))
        .map(|to| to + 1)
}

/// "-20 %", "20% off", "-5 €", "5 € de réduction".
fn figure_at(tokens: &[Token], at: usize, announced: bool) -> Option<usize> {
    let is = |at: usize, words: &[&str]| {
        tokens.get(at).is_some_and(|token| words.contains(&token.folded.as_str()))
    };
    // "−" and the dashes do not fold into a hyphen.
    let minus = is(at, &["-", "−", "–", "—", "‐"])
        && tokens
            .get(at + 1)
            .is_some_and(|next| tokens.get(at).is_some_and(|sign| next.start <= sign.end + 1));
    let number = if minus { at + 1 } else { at };
    let token = tokens.get(number)?;
    if token.kind != Kind::Number {
        return None;
    }
    let percent = is(number + 1, &["%", "٪", "percent", "pourcent"]);
    let percent_words =
        is(number + 1, &["pour", "por", "per"]) && is(number + 2, &["cent", "cento", "ciento"]);
    let money = is(number + 1, &["€", "$", "£", "euros", "euro", "dollars", "pounds"]);
    let unit_end = match (percent || money, percent_words) {
        (true, _) => number + 2,
        (false, true) => number + 3,
        (false, false) => return None,
    };
    let (word_end, worded) = discount_words_after(tokens, unit_end);
    let before = at.checked_sub(1).is_some_and(|before| {
        is(before, &["de", "of"]) && before.checked_sub(1).is_some_and(|word| is(word, DISCOUNT_WORDS))
            || is(before, DISCOUNT_WORDS)
    });
    let likely = minus || worded || before;
    let on_something = is(unit_end, &["sur", "on", "en", "em", "على", "sobre", "dès", "des"]);
    // "100 % coton" is no discount, nor is "70 % cacao", unless the brief mentions discounts.
    let whole = token.folded.starts_with("100");
    let accepted = if money { likely } else { likely || (!whole && (announced || on_something)) };
    accepted.then_some(word_end)
}

/// Skips "de réduction", "off", "de descuento" after an amount.
fn discount_words_after(tokens: &[Token], at: usize) -> (usize, bool) {
    let is = |at: usize, words: &[&str]| {
        tokens.get(at).is_some_and(|token| words.contains(&token.folded.as_str()))
    };
    let word = if is(at, &["de", "of"]) { at + 1 } else { at };
    if is(word, DISCOUNT_WORDS) || is(word, &["offerts", "offert"]) { (word + 1, true) } else { (at, false) }
}

/// The noun phrase after "sur", "on" …, as far as it certainly extends.
fn subject_after(brief: &str, tokens: &[Token], at: usize) -> (usize, usize) {
    let is = |at: usize, words: &[&str]| {
        tokens.get(at).is_some_and(|token| words.contains(&token.folded.as_str()))
    };
    let from = if is(at, &["sur", "on", "en", "em", "sobre", "على"]) {
        at + 1
    } else if tokens.get(at.wrapping_sub(1)).is_some_and(|token| token.is("off")) {
        at
    } else {
        return (at, at);
    };
    let mut to = from;
    while to < tokens.len() && to - from < MOST_SUBJECT_WORDS && !ends_subject(brief, tokens, to, to == from)
    {
        to += 1;
    }
    // Longer than any subject: no subject is better than half of one.
    let cut = to - from == MOST_SUBJECT_WORDS && to < tokens.len() && !ends_subject(brief, tokens, to, false);
    let to = trim_end(tokens, from, to);
    if cut { (from, from) } else { (from, to) }
}

/// "les croissants à -20 %", "croissants -20%": the words before, back to the start of the clause.
fn subject_before(brief: &str, tokens: &[Token], at: usize) -> Option<(usize, usize)> {
    let mut from = at;
    while from > 0 && at - from < MOST_SUBJECT_WORDS + 2 && !ends_subject(brief, tokens, from - 1, false) {
        from -= 1;
    }
    if from > 0 && at - from == MOST_SUBJECT_WORDS + 2 {
        return None;
    }
    let instruction = |token: &Token| {
        crate::offline::lexicon::is_instruction(&token.folded)
            || DISCOUNT_WORDS.contains(&token.folded.as_str())
    };
    // "Crée un post promo croissants -20%": only the words after the last instruction count.
    if let Some(last) = (from..at).rev().find(|index| tokens.get(*index).is_some_and(instruction)) {
        from = last + 1;
    }
    let to = trim_end(tokens, from, at);
    let words = tokens.get(from..to)?;
    let named = words.iter().any(|token| {
        token.kind == Kind::Word
            && token.folded.chars().count() > 2
            && !DETERMINERS.contains(&token.folded.as_str())
    });
    named.then_some((from, to))
}

const MOST_SUBJECT_WORDS: usize = 7;

/// Words that end a subject.
const STOPS: &[&str] = &[
    "pour", "avec", "chez", "jusqu", "jusque", "des", "dès", "pendant", "a", "et", "ou", "qui", "dans",
    "car", "si", "until", "till", "for", "with", "at", "in", "and", "this", "from", "when", "if", "para",
    "con", "hasta", "com", "ate", "durante", "est", "sont", "is", "are", "y", "e", "c", "ca", "on", "vous",
    "je", "nous", "we", "you", "sans", "without", "profitez", "venez", "come", "avant", "apres", "before",
    "after", "حتى", "sur",
];

fn ends_subject(brief: &str, tokens: &[Token], at: usize, first: bool) -> bool {
    let Some(token) = tokens.get(at) else { return true };
    match token.kind {
        Kind::Mark => !matches!(token.folded.as_str(), "'" | "’") || breaks_line(brief, tokens, at),
        Kind::Number | Kind::Link => true,
        Kind::Word => {
            // "des" starts a subject; only "dès" ends one.
            let stop = STOPS.contains(&token.folded.as_str())
                && !(token.is("des")
                    && brief.get(token.start..token.end).is_some_and(|word| !word.contains('è')));
            (stop && !first) || period::starts_at(brief, tokens, at) || breaks_line(brief, tokens, at)
        }
    }
}

fn breaks_line(brief: &str, tokens: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| tokens.get(before)).map_or(0, |token| token.end);
    tokens.get(at).and_then(|token| brief.get(before..token.start)).is_some_and(|gap| gap.contains('\n'))
}

fn trim_end(tokens: &[Token], from: usize, mut to: usize) -> usize {
    while to > from
        && tokens.get(to - 1).is_some_and(|token| {
            token.kind == Kind::Mark
                || matches!(
                    token.folded.as_str(),
                    "a" | "en"
                        | "at"
                        | "de"
                        | "d"
                        | "l"
                        | "le"
                        | "la"
                        | "les"
                        | "the"
                        | "of"
                        | "to"
                        | "est"
                        | "sont"
                        | "is"
                        | "are"
                )
        })
    {
        to -= 1;
    }
    to
}

/// The sentence that holds these tokens.
fn sentence_around(brief: &str, tokens: &[Token], from: usize, to: usize) -> (usize, usize) {
    let ends = |at: usize| {
        tokens.get(at).is_some_and(|token| matches!(token.folded.as_str(), "." | "!" | "?" | ";"))
            || breaks_line(brief, tokens, at)
    };
    let start = (0..from)
        .rev()
        .find(|at| ends(*at))
        .map_or(0, |at| at + usize::from(!breaks_line(brief, tokens, at)));
    let end = (to..tokens.len()).find(|at| ends(*at)).unwrap_or(tokens.len());
    (start.min(from), end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(brief: &str, expected: Option<(&str, Option<&str>, Option<&str>)>) {
        let found = find(brief);
        let found = found
            .as_ref()
            .map(|offer| (offer.amount.as_str(), offer.subject.as_deref(), offer.period.as_deref()));
        assert_eq!(found, expected, "{brief}");
    }

    #[test]
    fn discounts_are_found_as_written() {
        let week_end = Some("ce week-end");
        check(
            "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end",
            Some(("-20 %", Some("les croissants"), week_end)),
        );
        check("Promo croissants -20% ce week-end", Some(("-20%", Some("croissants"), week_end)));
        check(
            "2 achetés 1 offert sur les baguettes samedi",
            Some(("2 achetés 1 offert", Some("les baguettes"), Some("samedi"))),
        );
        check(
            "20% off all pastries this Saturday",
            Some(("20% off", Some("all pastries"), Some("this Saturday"))),
        );
        check(
            "moitié prix sur les robes d'été jusqu'au 12 mai",
            Some(("moitié prix", Some("les robes d'été"), Some("jusqu'au 12 mai"))),
        );
        check(
            "Ce week-end : 10 % de réduction sur toute la boutique !",
            Some(("10 % de réduction", Some("toute la boutique"), Some("Ce week-end"))),
        );
        check("-5 € dès 30 € d'achat", Some(("-5 €", None, None)));
        check("Tarifs d'été : -10 % sur les tresses", Some(("-10 %", Some("les tresses"), None)));
        check(
            "Buy one get one free on all books until Friday",
            Some(("Buy one get one free", Some("all books"), Some("until Friday"))),
        );
    }

    #[test]
    fn discounts_in_words_are_found_in_every_language() {
        for (brief, amount) in [
            ("deux pour le prix d'une sur les pizzas", "deux pour le prix d'une"),
            ("Two for one on cocktails", "Two for one"),
            ("2x1 en cañas", "2x1"),
            ("leve 3 pague 2 nos pães", "leve 3 pague 2"),
            ("2 بسعر 1 على البيتزا", "2 بسعر 1"),
            ("half-price cakes", "half-price"),
            ("bolos a metade do preço", "metade do preço"),
        ] {
            assert_eq!(find(brief).map(|offer| offer.amount).as_deref(), Some(amount), "{brief}");
        }
    }

    #[test]
    fn what_is_no_discount_is_left_alone() {
        for brief in
            ["chemises 100 % coton", "chocolat 70 % cacao", "menu à 12,50 €", "ouvert 7 jours sur 7", "promo"]
        {
            check(brief, None);
        }
    }

    #[test]
    fn a_post_keeps_amount_subject_and_period() {
        let missing = |brief: &str, post: &str, same_language: bool| {
            let required = Required::of(&find(brief).unwrap(), same_language);
            required.missing_in(&of_post(post), &spaced_words(post))
        };
        let brief = "-20 % sur les croissants ce week-end";
        assert!(missing(brief, "Ce week-end, 20% de moins sur nos croissants !", true).is_empty());
        assert_eq!(missing(brief, "Des croissants ce week-end", true), ["-20 %"]);
        assert_eq!(missing(brief, "-20 % sur les baguettes", true), ["les croissants", "ce week-end"]);
        assert!(missing(brief, "20% off our croissants this weekend", false).is_empty());
        let brief = "moitié prix sur les robes jusqu'au 15 août";
        assert!(missing(brief, "Les robes à -50 % jusqu'au 15/08", true).is_empty());
        assert_eq!(missing(brief, "Les robes à -50 % dès le 15/08", true), ["jusqu'au 15 août"]);
        assert_eq!(
            missing(brief, "Les robes à -40 % jusqu'au 16/08", true),
            ["moitié prix", "jusqu'au 15 août"]
        );
        let brief = "2 achetés 1 offert sur les baguettes";
        assert!(missing(brief, "Nos baguettes : 2 achetés, 1 offert", true).is_empty());
        assert_eq!(missing(brief, "Nos baguettes : 12 achetés, 1 offert", true), ["2 achetés 1 offert"]);
    }
}
