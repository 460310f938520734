//! Removes the instructions from a brief: greetings, requests, wishes for the form, explanations, thanks. The
//! rest is the content, for customers.
//!
//! The brief is cut into clauses at its punctuation. The patterns of `instructions.txt` are matched on their
//! folded text; only what a pattern covers goes, and never the only mention of a figure, a link or a date.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    sync::LazyLock,
};

use postly_domain::{Language, text::fold};
use regex::Regex;

use super::request;
use crate::{facts, tokens::lists};

/// The part of a brief that is meant for customers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) text: String,
    /// The name with which the author asks to sign.
    pub(super) signature: Option<String>,
}

/// The words with which an author asks us for something.
#[expect(clippy::expect_used, reason = "the pattern is part of the program, and tests use it")]
static ASKS_US: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(?:peux|pouvez|pourrais|pourriez|can|could|would|puedes|podes|podrias|podria|pode|haces|armas)\b|ممكن")
        .expect("a regular expression")
});

/// The most times that a clause is cut: a greeting, a request, its connector, a few courtesies.
const MOST_CUTS: usize = 6;
/// The words after "pour ma" that may name a business: "salle de sport".
const SHOP_WORDS: usize = 3;
/// The most words at the end of a clause that are tried as an instruction. The longest patterns take some
/// twenty.
const TAIL_WORDS: usize = 30;
/// The most words of a name below a farewell. More may be customers: "Merci, Vila Matilde".
const NAME_WORDS: usize = 1;

/// The patterns of one language, by kind.
#[derive(Default)]
struct Patterns {
    /// The beginning of a sentence for customers that reads like an instruction.
    keep: Vec<Regex>,
    start: Vec<Regex>,
    /// Clauses without content.
    whole: Vec<Regex>,
    /// Instructions: clauses, and the ends of clauses without punctuation between.
    instruction: Vec<Regex>,
    /// Headings before a colon.
    head: Vec<Regex>,
    /// Introductions of the author, right after a greeting.
    intro: Vec<Regex>,
    /// Patterns about the posts themselves, in which a figure is no fact: "3 phrases max".
    whole_with_figures: Vec<Regex>,
    end: Vec<Regex>,
    sign: Vec<Regex>,
    last: Vec<Regex>,
    /// Words of an instruction, anywhere in the content.
    unclear: Vec<Regex>,
}

impl Patterns {
    fn of_kind(&mut self, kind: &str) -> Option<&mut Vec<Regex>> {
        Some(match kind {
            "keep" => &mut self.keep,
            "start" => &mut self.start,
            "whole" => &mut self.whole,
            "instruction" => &mut self.instruction,
            "head" => &mut self.head,
            "intro" => &mut self.intro,
            "whole!" => &mut self.whole_with_figures,
            "end" => &mut self.end,
            "sign" => &mut self.sign,
            "last" => &mut self.last,
            "unclear" => &mut self.unclear,
            _ => return None,
        })
    }
}

static PATTERNS: LazyLock<Vec<(Language, Patterns)>> =
    LazyLock::new(|| read(include_str!("instructions.txt")));

#[expect(clippy::expect_used, reason = "the file is part of the program, and a test reads it")]
fn read(text: &str) -> Vec<(Language, Patterns)> {
    let mut all: Vec<(Language, Patterns)> = vec![];
    let mut definitions: BTreeMap<&str, String> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(code) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            all.push((Language::from_code(code).expect("a language"), Patterns::default()));
            continue;
        }
        let (kind, pattern) = line.split_once(" = ").expect("a kind and a pattern");
        let pattern = definitions
            .iter()
            .fold(pattern.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value));
        if let Some(name) = kind.strip_prefix("def ") {
            definitions.insert(name, pattern);
            continue;
        }
        let anchored = match kind {
            "keep" | "start" => format!("^(?:{pattern})"),
            "unclear" => format!("(?:{pattern})"),
            _ => format!("^(?:{pattern})$"),
        };
        let (_, patterns) = all.last_mut().expect("a language before its patterns");
        let of_kind = patterns.of_kind(kind).expect("a kind");
        of_kind.push(Regex::new(&anchored).expect("a regular expression"));
    }
    all
}

/// The patterns of the languages in which a brief may be written.
struct Chosen(Vec<&'static Patterns>);

impl Chosen {
    fn of(languages: &[Language]) -> Self {
        let chosen = PATTERNS.iter().filter(|(language, _)| languages.contains(language));
        Self(chosen.map(|(_, patterns)| patterns).collect())
    }

    fn is_instruction(&self, text: &str) -> bool {
        self.each(|of| &of.instruction).chain(self.each(|of| &of.whole)).any(|pattern| pattern.is_match(text))
    }

    /// The place of the name in an instruction to sign.
    fn signature_of(&self, text: &str) -> Option<Range<usize>> {
        self.each(|of| &of.sign).find_map(|pattern| Some(pattern.captures(text)?.get(1)?.range()))
    }

    /// Finds the earliest instruction with which a clause ends.
    fn end_of(&self, text: &str, may_go: impl Fn(usize) -> bool) -> Option<End> {
        let starts: Vec<usize> = text.rmatch_indices(' ').map(|(at, _)| at + 1).take(TAIL_WORDS).collect();
        starts.into_iter().rev().find_map(|start| {
            let rest = text.get(start..)?;
            if let Some(name) = self.signature_of(rest) {
                return Some(End { start, signature: Some(start + name.start..start + name.end) });
            }
            let is_instruction = self
                .each(|of| &of.instruction)
                .chain(self.each(|of| &of.end))
                .chain(self.each(|of| &of.whole_with_figures))
                .any(|pattern| pattern.is_match(rest));
            let is_code = names_a_code(text.get(..start).unwrap_or_default());
            (is_instruction && !is_code && may_go(start)).then_some(End { start, signature: None })
        })
    }

    /// True for "c'est Josette du miel": the author introduces themselves to us.
    fn is_intro(&self, clause: &Clause, mentions: &mut Mentions) -> bool {
        let folded = Folded::of(clause.text.trim());
        self.each(|of| &of.intro).any(|pattern| pattern.is_match(&folded.text))
            && mentions.may_go(&clause.text)
    }

    fn each(
        &self,
        kind: impl Fn(&'static Patterns) -> &'static Vec<Regex>,
    ) -> impl Iterator<Item = &'static Regex> {
        self.0.iter().flat_map(move |patterns| kind(patterns))
    }
}

/// The instruction at the end of a clause.
struct End {
    start: usize,
    /// The place of the name that it asks to sign with.
    signature: Option<Range<usize>>,
}

/// A text in folded form, with the place of each folded byte in the original.
struct Folded {
    text: String,
    places: Vec<usize>,
}

impl Folded {
    fn of(original: &str) -> Self {
        let (mut text, mut places) = (String::new(), vec![]);
        for (at, c) in original.char_indices() {
            let piece = match c {
                '’' | 'ʼ' | '`' => "'".to_owned(),
                c if c.is_whitespace() && text.ends_with(' ') => continue,
                c if c.is_whitespace() => " ".to_owned(),
                c => fold(c.encode_utf8(&mut [0; 4])),
            };
            places.extend(std::iter::repeat_n(at, piece.len()));
            text.push_str(&piece);
        }
        places.push(original.len());
        Self { text, places }
    }

    /// The place in the original of a place in the folded text.
    fn original(&self, at: usize) -> usize {
        self.places.get(at).copied().unwrap_or_default()
    }
}

/// A clause, and the punctuation behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Clause {
    text: String,
    mark: String,
}

impl Clause {
    fn ends_sentence(&self) -> bool {
        self.mark.contains(['.', '!', '?', '…', ';', '؟', '؛', '\n'])
    }
}

fn clauses(brief: &str) -> Vec<Clause> {
    let mut clauses = vec![];
    let mut start = 0;
    let mut marks = brief.char_indices().peekable();
    while let Some((at, c)) = marks.next() {
        let is_mark = matches!(c, ',' | '،' | '.' | '!' | '?' | '…' | ';' | '؟' | '؛' | ':' | '\n');
        if !is_mark {
            continue;
        }
        let mut end = at + c.len_utf8();
        while let Some((next, c)) = marks.next_if(|(_, c)| {
            matches!(c, ',' | '.' | '!' | '?' | '…' | ';' | '؟' | '\n') || c.is_whitespace() && c != &'\u{A0}'
        }) {
            end = next + c.len_utf8();
        }
        let mark = brief.get(at..end).unwrap_or_default();
        let text = brief.get(start..at).unwrap_or_default();
        // "3,50", "camping.example.com", "M. Martin".
        let parts = mark.contains(char::is_whitespace) || end == brief.len();
        let abbreviates = mark.starts_with('.')
            && text
                .rsplit([' ', '\n'])
                .next()
                .is_some_and(|word| word.chars().count() <= 2 && word.starts_with(char::is_uppercase));
        if parts && !abbreviates {
            // The space before a mark, as French has it, belongs to the mark.
            let words = text.trim_end();
            let mark = brief.get(start + words.len()..end).unwrap_or_default();
            clauses.push(Clause { text: words.to_owned(), mark: mark.to_owned() });
            start = end;
        }
    }
    if start < brief.len() {
        clauses.push(Clause { text: brief.get(start..).unwrap_or_default().to_owned(), mark: String::new() });
    }
    clauses
}

/// The figures, links and dates of a text, by their words.
fn facts_of(text: &str) -> Vec<String> {
    let words = fold(text);
    words
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')' | '!' | '?' | ';'))
        .map(|word| word.trim_matches(['.', ':', '\'']).to_owned())
        .filter(|word| {
            word.contains(|c: char| c.is_numeric() || matches!(c, '@' | '€' | '£' | '$'))
                // Two letters are also a word: "do" is a Spanish Sunday.
                || word.chars().count() > 2 && (facts::is_weekday(word) || facts::is_month(word))
                || !facts::link_spans(word).is_empty()
        })
        .collect()
}

/// The words of facts in a brief, each with the number of its mentions.
struct Mentions(HashMap<String, usize>);

impl Mentions {
    fn of(brief: &str) -> Self {
        let mut mentions = HashMap::new();
        for word in facts_of(brief) {
            *mentions.entry(word).or_default() += 1;
        }
        Self(mentions)
    }

    /// True if every fact of a text stands elsewhere, too.
    fn are_spare(&self, words: &[String]) -> bool {
        words.iter().all(|word| {
            let here = words.iter().filter(|other| *other == word).count();
            self.0.get(word).is_none_or(|all| *all > here)
        })
    }

    /// Removes the mentions in a text, unless one of them is the only one.
    fn may_go(&mut self, text: &str) -> bool {
        let words = facts_of(text);
        let spare = self.are_spare(&words);
        if spare {
            for word in words {
                self.0.entry(word).and_modify(|all| *all -= 1);
            }
        }
        spare
    }
}

/// True if a match does not end inside a word.
fn ends_at_word(text: &str, end: usize) -> bool {
    let before = text.get(..end).and_then(|before| before.chars().next_back());
    let after = text.get(end..).and_then(|after| after.chars().next());
    !(before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric))
}

/// True for "fais un post pour | ma boulangerie : …": the request goes on, with the name of the business.
fn names_a_shop(text: &str, end: usize) -> bool {
    const POSSESSIVES: &str = "mon ma mes notre nos my our mi mis nuestra nuestro minha meu nossa nosso";
    let (request, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let mut words = rest.split_whitespace();
    ["pour", "for", "para"].iter().any(|word| request.trim_end().ends_with(word))
        && words.next().is_some_and(|word| lists(POSSESSIVES, word))
        && request::is_shop(&words.take(SHOP_WORDS).map(str::to_owned).collect::<Vec<_>>())
}

/// True after a word such as "code" or "dire": "avec le code MERCI", "pour vous dire merci".
fn names_a_code(before: &str) -> bool {
    const CODES: &str = "code codigo coupon cupon cupom mot palabra palavra word كود الكود كلمة كلمه dire say tell \
                         decir dizer grand enorme big";
    before
        .trim_end()
        .rsplit([' ', '"', '«', ':'])
        .find(|word| !word.is_empty())
        .is_some_and(|word| lists(CODES, word))
}

/// Returns the brief, written in one of these languages, without its instructions; unchanged if nothing would
/// be left.
pub(super) fn remove(brief: &str, languages: &[Language]) -> Content {
    let patterns = Chosen::of(languages);
    let mut mentions = Mentions::of(brief);
    let mut all = clauses(brief);
    let mut signature = None;
    drop_farewell(&patterns, &mut all, &mut mentions);
    let mut kept: Vec<Clause> = vec![];
    let mut has_greeted = false;
    let mut asks_us = false;
    for mut clause in all {
        let text = if kept.is_empty() && has_greeted && patterns.is_intro(&clause, &mut mentions) {
            String::new()
        } else {
            cut(&patterns, &clause, &mut mentions, &mut signature)
        };
        has_greeted |= kept.is_empty() && text.is_empty();
        asks_us |= text != clause.text.trim() && ASKS_US.is_match(&fold(&clause.text));
        // "Peux-tu annoncer que … ?" asks us; what is left is a statement.
        if asks_us && clause.mark.contains(['?', '؟']) {
            clause.mark = ". ".to_owned();
        }
        asks_us &= !clause.ends_sentence();
        if text.chars().any(char::is_alphanumeric) {
            kept.push(Clause { text, mark: clause.mark });
        } else if clause.text.chars().any(char::is_alphanumeric) {
            // The end of a sentence stays one, although its last clause has gone.
            if let Some(before) =
                kept.last_mut().filter(|before| clause.ends_sentence() && !before.ends_sentence())
            {
                before.mark = if clause.mark.contains('\n') { "\n".to_owned() } else { ". ".to_owned() };
            }
        }
    }
    if kept.is_empty() {
        return Content { text: brief.to_owned(), signature };
    }
    let text: String = kept.iter().map(|clause| format!("{}{}", clause.text, clause.mark)).collect();
    Content { text: text.trim().trim_end_matches([',', ':']).to_owned(), signature }
}

/// True if instructions seem to be left in the content of a brief.
pub(super) fn are_left(text: &str, languages: &[Language]) -> bool {
    let folded = Folded::of(text).text;
    Chosen::of(languages).each(|of| &of.unclear).any(|pattern| pattern.is_match(&folded))
}

/// Removes thanks, and a name below them, from the end of a brief.
fn drop_farewell(patterns: &Chosen, all: &mut Vec<Clause>, mentions: &mut Mentions) {
    let is_farewell = |clause: &Clause| {
        let folded = fold(clause.text.trim());
        patterns.each(|of| &of.last).any(|pattern| pattern.is_match(&folded))
    };
    // A brief that consists of thanks is one.
    if all.len() < 2 {
        return;
    }
    let named = all.len() > 2
        && all.last().is_some_and(|name| {
            name.text.split_whitespace().count() <= NAME_WORDS
                && name.text.trim().starts_with(char::is_uppercase)
        });
    let farewell = all.len() - 1 - usize::from(named);
    for at in [farewell, all.len() - 1] {
        if all.get(at).is_some_and(is_farewell)
            && all.get(at..).unwrap_or_default().iter().all(|clause| mentions.may_go(&clause.text))
        {
            all.truncate(at);
            return;
        }
    }
}

/// Returns the part of a clause that is meant for customers; empty if there is none.
fn cut(
    patterns: &Chosen,
    clause: &Clause,
    mentions: &mut Mentions,
    signature: &mut Option<String>,
) -> String {
    let folded = Folded::of(&clause.text);
    let trimmed = |mut from: usize, mut to: usize| {
        let text = |from: usize, to: usize| folded.text.get(from..to).unwrap_or_default();
        // A dash before a figure is a minus: "-20 %".
        while text(from, to).starts_with([' ', ',', ':', '!', '.']) || text(from, to).starts_with("- ") {
            from += 1;
        }
        while text(from, to).ends_with([' ', ',', ':', '-']) {
            to -= 1;
        }
        (from, to)
    };
    let original = |from: usize, to: usize| {
        clause.text.get(folded.original(from)..folded.original(to)).unwrap_or_default()
    };
    let (mut from, mut to) = trimmed(0, folded.text.len());
    for _ in 0..MOST_CUTS {
        let text = folded.text.get(from..to).unwrap_or_default();
        if let Some(name) = patterns.signature_of(text) {
            *signature = Some(original(from + name.start, from + name.end).trim().to_owned());
            return String::new();
        }
        let is_head = clause.mark.trim_start().starts_with(':')
            && patterns.each(|of| &of.head).any(|of| of.is_match(text));
        if text.is_empty()
            || is_head
            || patterns.each(|of| &of.whole_with_figures).any(|of| of.is_match(text))
        {
            return String::new();
        }
        if patterns.each(|of| &of.keep).any(|of| of.is_match(text)) {
            break;
        }
        // Beginnings first: "mets en avant que …" looks like an instruction from its first word to its last.
        let starts = patterns.each(|of| &of.start).filter_map(|pattern| pattern.find(text));
        let start = starts.map(|found| found.end()).filter(|end| *end > 0 && ends_at_word(text, *end)).max();
        if let Some(end) = start
            .filter(|end| !names_a_shop(text, *end))
            .filter(|end| mentions.may_go(original(from, from + end)))
        {
            (from, to) = trimmed(from + end, to);
            continue;
        }
        if patterns.is_instruction(text) && mentions.may_go(original(from, to)) {
            return String::new();
        }
        let may_end = |start: usize| mentions.are_spare(&facts_of(original(from + start, to)));
        match patterns.end_of(text, may_end) {
            Some(end) => {
                // It may: only spare mentions were looked for.
                let _ = mentions.may_go(original(from + end.start, to));
                if let Some(name) = end.signature {
                    *signature = Some(original(from + name.start, from + name.end).trim().to_owned());
                }
                (from, to) = trimmed(from, from + end.start);
            }
            None => break,
        }
    }
    original(from, to).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(brief: &str, content: &str) {
        assert_eq!(remove(brief, &Language::ALL).text, content, "{brief}");
    }

    #[test]
    fn instructions_go_and_content_stays() {
        check(
            "fais-moi un truc sympa pour insta : -20% sur les colorations. c'est pour relancer, merci",
            "-20% sur les colorations.",
        );
        check("Tu peux annoncer que le cabinet déménage le 3 mars", "le cabinet déménage le 3 mars");
        check("Bonjour ! Fermé lundi 3 mai. Merci d'avance, Didier", "Fermé lundi 3 mai.");
        check("can you tell people we're shut on Monday pls", "we're shut on Monday");
        check("boa tarde! faz um post bem animado: rodízio sexta 39,90", "rodízio sexta 39,90");
        check("hi there, can you do something about our fish supper on weds pls", "our fish supper on weds");
        check("Peux-tu annoncer que le marché est déplacé ? À mardi", "le marché est déplacé. À mardi");
        check("Qui vient samedi ?", "Qui vient samedi ?");
        check("hola, haz un post para la feria del sábado", "la feria del sábado");
        check("مرحبا، اكتب لي منشور حلو للانستغرام: خصم 20%", "خصم 20%");
    }

    #[test]
    fn words_to_customers_stay() {
        for brief in [
            "Poste de vendeur à pourvoir en septembre",
            "N'oubliez pas de réserver avant samedi",
            "Soyez nombreux dimanche",
            "Merci à tous nos clients pour ces dix ans",
            "Make a note: closed on Monday",
            "Let us know your ideas",
            "Cuida tu piel este verano",
            "Regardez nos nouveautés",
            "Le robot cuiseur à 299 €",
            "-20 % samedi, tu peux réserver en ligne",
            "Un beau texte de Camus, lu samedi à 18h",
            "Coussins emoji à 12 €",
            "Inès, Tom et Youssef ont réparé une paire chacun",
            "Ton vélo te remerciera, ton dos aussi",
            "Use the code SPRING for 10% off",
        ] {
            check(brief, brief);
            assert!(!are_left(brief, &Language::ALL), "{brief}");
        }
    }

    #[test]
    fn the_only_mention_of_a_fact_stays() {
        // "au 01 99 00 45 12" stands nowhere else.
        let brief = "Soirée vins vendredi. il faudrait que les gens réservent au 01 99 00 45 12";
        assert!(remove(brief, &[Language::Fr]).text.contains("01 99 00 45 12"));
    }

    #[test]
    fn a_brief_of_instructions_alone_is_left() {
        check("fais-moi un truc sympa", "fais-moi un truc sympa");
    }

    #[test]
    fn instructions_that_stay_are_noticed() {
        for (brief, is_unclear) in [
            ("Réouverture lundi, bon voilà quoi tu peux broder un peu, coupe 20 €", true),
            ("We open at 9 on Monday (could you put the time twice)", true),
            ("Réouverture lundi, coupe 20 €", false),
            ("Vous pouvez nous écrire au 01 99 00 45 12", false),
        ] {
            assert_eq!(are_left(&remove(brief, &Language::ALL).text, &Language::ALL), is_unclear, "{brief}");
        }
    }

    #[test]
    fn a_signature_is_taken_from_its_instruction() {
        let content = remove("Ouverture samedi. signe Coralie de la Savonnerie", &[Language::Fr]);
        assert_eq!(content.signature.as_deref(), Some("Coralie de la Savonnerie"));
        assert_eq!(content.text, "Ouverture samedi.");
    }
}
