//! What the composer makes of a brief.

use postly_domain::{Language, text::fold};

use super::{
    lexicon, request,
    trade::{Objective, Trade},
};
use crate::{
    networks,
    offer::{self, Offer, find_period},
    tokens::{Kind, Token, folded_words, span, tokens},
    wishes::{self, Wishes},
};

/// The longest line quoted on its own, in characters: about two lines of a phone's screen, three times.
const LONGEST_LINE: usize = 180;

/// The most lines of a brief that posts quote.
const MOST_LINES: usize = 12;

/// How many words of a brief say what it is about.
const MOST_WORDS: usize = 300;

/// A brief, taken apart.
pub(super) struct Reading {
    /// The line that the posts are about.
    pub(super) lead: Option<Line>,
    /// The other lines, in order.
    pub(super) details: Vec<Line>,
    /// The shop and its place, when they stand in the request: "Chez Léa à Lyon".
    pub(super) signature: Option<String>,
    /// The place, as a hashtag has it.
    pub(super) place: Option<String>,
    pub(super) trade: Trade,
    pub(super) objective: Objective,
    pub(super) tone: Tone,
    pub(super) wishes: Wishes,
    /// "Tu" instead of "vous".
    pub(super) familiar: bool,
}

/// A line of content.
#[derive(Clone)]
pub(super) struct Line {
    /// The words of the brief, with a capital and without the punctuation at the end.
    pub(super) text: String,
    /// Whether the brief asks it.
    pub(super) question: bool,
    /// How the line can be turned around.
    pub(super) shape: Shape,
}

/// What can be done with a line besides quoting it.
#[derive(Clone)]
pub(super) enum Shape {
    /// Nothing.
    Whole,
    /// It is a discount and its period, and nothing else.
    Offer(Box<Offer>),
    /// It says what, and then or before that when.
    Dated { what: String, when: String },
    /// It only names a thing: "notre nouvelle carte".
    Thing,
}

/// How the posts should sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Warm,
    Funny,
    Professional,
    Elegant,
}

impl Tone {
    pub(super) fn read(words: &[String]) -> Self {
        let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
        if has(&[
            "drole",
            "droles",
            "humour",
            "humoristique",
            "fun",
            "funny",
            "rigolo",
            "divertido",
            "engracado",
        ]) {
            Self::Funny
        } else if has(&["pro", "professionnel", "professional", "serieux", "formel", "formal", "profesional"])
        {
            Self::Professional
        } else if has(&["chic", "elegant", "elegante", "raffine", "luxe", "classy", "luxury"]) {
            Self::Elegant
        } else {
            Self::Warm
        }
    }

    /// The name of the tone, for the intent.
    pub(super) fn name(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Warm, Language::Fr) => "chaleureux",
            (Self::Warm, Language::En) => "warm",
            (Self::Warm, Language::Es) => "cercano",
            (Self::Warm, Language::Pt) => "próximo",
            (Self::Warm, Language::Ar) => "ودود",
            (Self::Funny, Language::Fr) => "drôle",
            (Self::Funny, Language::En) => "funny",
            (Self::Funny, Language::Es) => "divertido",
            (Self::Funny, Language::Pt) => "divertido",
            (Self::Funny, Language::Ar) => "مرح",
            (Self::Professional, Language::Fr) => "professionnel",
            (Self::Professional, Language::En) => "professional",
            (Self::Professional, Language::Es) => "profesional",
            (Self::Professional, Language::Pt) => "profissional",
            (Self::Professional, Language::Ar) => "مهني",
            (Self::Elegant, Language::Fr) => "élégant",
            (Self::Elegant, Language::En) => "elegant",
            (Self::Elegant, Language::Es) => "elegante",
            (Self::Elegant, Language::Pt) => "elegante",
            (Self::Elegant, Language::Ar) => "أنيق",
        }
    }

    /// Whether a few emojis suit it.
    pub(super) fn likes_emojis(self) -> bool {
        matches!(self, Self::Warm | Self::Funny)
    }
}

impl Reading {
    /// Takes a brief apart.
    pub(super) fn of(brief: &str) -> Self {
        let mut words = folded_words(brief);
        words.truncate(MOST_WORDS);
        let offer = offer::find(brief);
        let all = networks::tokens_of_brief(brief);
        let mut signature = None;
        let mut content_lines: Vec<(String, bool)> = Vec::new();
        for sentence in sentences(brief, &all) {
            let Some(tokens) = all.get(sentence.0..sentence.1) else { continue };
            let stripped = request::strip(brief, tokens);
            if let Some((from, to)) = stripped.signature {
                signature = tokens.get(from..to).map(|words| tidy(span(brief, words)));
            }
            let to = request::trim_end(brief, tokens, stripped.from);
            let Some(content) = tokens.get(stripped.from..to) else { continue };
            let text = without_wishes(brief, content);
            let question =
                tokens.iter().rev().take_while(|token| token.kind == Kind::Mark).any(|token| token.is("?"));
            // "Tu peux faire ça ?" was for us.
            let question = question && !stripped.asked;
            content_lines.extend(cut(&text).into_iter().map(|text| (text, question)));
            if content_lines.len() >= MOST_LINES {
                content_lines.truncate(MOST_LINES);
                break;
            }
        }
        let objective = objective(&words, &content_lines, offer.is_some());
        let mut lines: Vec<Line> = content_lines
            .iter()
            .filter_map(|(text, question)| Line::new(text, *question, objective, offer.as_ref()))
            .collect();
        // The offer leads, whatever the author says before it.
        let lead = offer
            .as_ref()
            .and_then(|offer| lines.iter().position(|line| line.text.contains(&offer.amount)))
            .or((!lines.is_empty()).then_some(0))
            .map(|at| lines.remove(at));
        Self {
            lead,
            details: lines,
            signature: signature.filter(|name| !name.is_empty()),
            place: place(brief, &all),
            trade: Trade::read(&words),
            objective,
            tone: Tone::read(&words),
            wishes: wishes::read(brief),
            familiar: words
                .iter()
                .any(|word| matches!(word.as_str(), "tutoie" | "tutoyant" | "tutoiement" | "tutoyer")),
        }
    }
}

/// What the posts are for. Thanks only count in what is to be published: "merci" at the end is for us.
fn objective(words: &[String], content: &[(String, bool)], has_offer: bool) -> Objective {
    match Objective::read(words, has_offer) {
        Objective::Thanks => {
            let content: Vec<String> = content.iter().flat_map(|(text, _)| folded_words(text)).collect();
            Objective::read(&content, has_offer)
        }
        other => other,
    }
}

/// The sentences of a brief, as ranges of tokens.
fn sentences(brief: &str, tokens: &[Token]) -> Vec<(usize, usize)> {
    let mut sentences = Vec::new();
    let mut start = 0;
    for (at, token) in tokens.iter().enumerate() {
        let gap = tokens.get(at + 1).and_then(|next| brief.get(token.end..next.start));
        let stop = token.kind == Kind::Mark
            && matches!(token.folded.as_str(), "." | "!" | "?" | ";" | "؟" | "؛" | "...");
        // "M. Martin", "St. John": a short capitalised word before the stop.
        let short = at.checked_sub(1).and_then(|before| tokens.get(before)).is_some_and(|before| {
            before.kind == Kind::Word
                && before.end - before.start <= 2
                && before.end == token.start
                && token.is(".")
                && brief
                    .get(before.start..before.end)
                    .is_some_and(|word| word.starts_with(char::is_uppercase))
        });
        let ends = gap.is_none_or(|gap| gap.contains('\n') || (stop && !short && !gap.is_empty()));
        if ends {
            sentences.push((start, at + 1));
            start = at + 1;
        }
    }
    sentences
}

/// Leaves the pieces between commas that are wishes or requests out of a sentence.
fn without_wishes(brief: &str, content: &[Token]) -> String {
    let mut pieces: Vec<&[Token]> = Vec::new();
    let mut start = 0;
    for (at, token) in content.iter().enumerate() {
        if token.kind == Kind::Mark && matches!(token.folded.as_str(), "," | "،") {
            pieces.extend(content.get(start..at));
            start = at + 1;
        }
    }
    pieces.extend(content.get(start..));
    let kept = |piece: &&[Token]| {
        let text = fold(span(brief, piece));
        let stripped = request::strip(brief, piece);
        let only_request = stripped.asked && stripped.from >= piece.len();
        !text.is_empty() && !lexicon::is_wish(&text) && !only_request
    };
    if pieces.iter().all(kept) {
        return span(brief, content).to_owned();
    }
    pieces.iter().filter(|piece| kept(piece)).map(|piece| span(brief, piece)).collect::<Vec<_>>().join(", ")
}

/// One line, without line breaks, marks of direction, or punctuation around it.
fn tidy(text: &str) -> String {
    let visible: String = text
        .chars()
        .filter(|c| !matches!(c, '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}'))
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut line = line
        .trim_end_matches([' ', '.', ',', ';', ':', '!', '?', '-', '–', '—', '*', '_', '،', '؟', '؛', '…']);
    loop {
        let rest = line.trim_start_matches([
            ' ', ',', ';', ':', '.', '!', '?', '•', '*', '·', '،', '>', '…', '_', '/', '\\',
        ]);
        // A dash is a bullet, unless it is the sign of a discount.
        let rest = match rest.strip_prefix(['-', '–', '—']) {
            Some(after) if !after.trim_start().starts_with(|c: char| c.is_numeric()) => after,
            _ => rest,
        };
        if rest.len() == line.len() {
            return line.to_owned();
        }
        line = rest;
    }
}

/// Cuts a long line at its commas, and if need be between words.
fn cut(text: &str) -> Vec<String> {
    if text.chars().count() <= LONGEST_LINE {
        return vec![text.to_owned()];
    }
    let mut lines = vec![String::new()];
    for piece in text.split_inclusive([',', '،', ')']).flat_map(words_of) {
        let full =
            lines.last().is_some_and(|line| line.chars().count() + piece.chars().count() > LONGEST_LINE);
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(&piece);
        }
    }
    lines
}

/// A piece, or its words when it is too long for a line; a word too long for a line is left out.
fn words_of(piece: &str) -> Vec<String> {
    if piece.chars().count() <= LONGEST_LINE {
        return vec![piece.to_owned()];
    }
    piece
        .split_inclusive(char::is_whitespace)
        .filter(|word| word.chars().count() <= LONGEST_LINE)
        .map(str::to_owned)
        .collect()
}

impl Line {
    fn new(text: &str, question: bool, objective: Objective, offer: Option<&Offer>) -> Option<Self> {
        let text = tidy(text);
        // A bare "promo" says what to write, and nothing to write about.
        let says_nothing =
            |word: &String| lexicon::is_style(word) || lexicon::is_noun(word) || lexicon::is_glue(word);
        if folded_words(&text).iter().all(says_nothing) {
            return None;
        }
        let shape = offer
            .filter(|offer| is_only_the_offer(&text, offer))
            .map(|offer| Shape::Offer(Box::new(offer.clone())))
            .or_else(|| dated(&text, question, objective))
            .or_else(|| names_a_thing(&text, question, objective).then_some(Shape::Thing))
            .unwrap_or(Shape::Whole);
        let text = announced(&ours(&text), objective);
        let shape = match shape {
            Shape::Dated { what, when } => Shape::Dated { what: announced(&ours(&what), objective), when },
            Shape::Whole | Shape::Thing | Shape::Offer(_) => shape,
        };
        Some(Self { text: capitalized(&text), question, shape })
    }
}

/// Whether a line says the offer and its period, and no more.
fn is_only_the_offer(line: &str, offer: &Offer) -> bool {
    let mut said = folded_words(&offer.phrase);
    said.extend(offer.period.iter().flat_map(|period| folded_words(period)));
    let mut line = folded_words(line);
    said.sort_unstable();
    line.sort_unstable();
    said == line
}

/// Takes "concert jazz samedi à 20h" apart into what and when.
fn dated(text: &str, question: bool, objective: Objective) -> Option<Shape> {
    let turnable = matches!(
        objective,
        Objective::Event | Objective::Novelty | Objective::Opening | Objective::News | Objective::Promo
    );
    if question || !turnable {
        return None;
    }
    let tokens = tokens(text);
    let (from, to) = find_period(text, &tokens)?;
    let what = match (from, to == tokens.len()) {
        (0, false) => tokens.get(to..)?,
        (1.., true) => tokens.get(..from)?,
        _ => return None,
    };
    let when = tidy(span(text, tokens.get(from..to)?));
    let what = tidy(span(text, what));
    // After a comma the time belongs to the last piece only.
    if what.contains([',', '،', ':', '(', ';']) {
        return None;
    }
    let last = tidy(&what);
    let dangling = last.rsplit(' ').next().is_some_and(|word| {
        matches!(
            fold(word).as_str(),
            "et" | "de"
                | "a"
                | "le"
                | "la"
                | "les"
                | "des"
                | "du"
                | "pour"
                | "sur"
                | "en"
                | "dans"
                | "est"
                | "sont"
                | "and"
                | "of"
                | "at"
                | "on"
                | "in"
                | "the"
                | "for"
                | "with"
                | "is"
                | "are"
                | "y"
                | "con"
                | "para"
                | "com"
                | "e"
                | "avec"
        )
    });
    let first = folded_words(&what).into_iter().next()?;
    let joins = matches!(
        first.as_str(),
        "et" | "ou" | "and" | "or" | "y" | "e" | "qui" | "que" | "a" | "de" | "pour" | "avec"
    );
    (!dangling && !joins && what.chars().any(char::is_alphabetic)).then_some(Shape::Dated { what, when })
}

/// Verbs that make a clause of a line that starts like a thing.
const CLAUSE_VERBS: &str = "est sont sera seront etait ont ouvre ouvrent ferme ferment recrute recrutent cherche \
    cherchent propose proposent arrive arrivent fete fetent reste restent vous revient reviennent devient change \
    commence commencent offre offrent vient viennent s se n ne is are was will has have had opens closes starts comes \
    turns you gets offers can son esta estan tiene llega llegan abre cierra vuelve sao tem chega chegam fecha volta";

/// Whether a line is a thing that can be introduced: a determiner, a noun and little else.
fn names_a_thing(text: &str, question: bool, objective: Objective) -> bool {
    let words = folded_words(text);
    let determined = words.first().is_some_and(|word| {
        matches!(
            word.as_str(),
            "le" | "la"
                | "les"
                | "l"
                | "nos"
                | "notre"
                | "mon"
                | "ma"
                | "mes"
                | "un"
                | "une"
                | "the"
                | "our"
                | "my"
                | "el"
                | "los"
                | "las"
                | "nuestro"
                | "nuestra"
                | "nuestros"
                | "nuestras"
                | "nosso"
                | "nossa"
                | "nossos"
                | "nossas"
                | "o"
                | "os"
                | "as"
        ) || (word == "a" && !text.starts_with(['à', 'À']))
    });
    // "À" is no verb, "a" is one.
    let has = text.split_whitespace().skip(1).any(|word| word == "a");
    let clause =
        has || words.iter().skip(1).any(|word| CLAUSE_VERBS.split_whitespace().any(|verb| verb == word));
    let suits = matches!(objective, Objective::Novelty | Objective::News | Objective::Promo);
    suits
        && determined
        && !clause
        && !question
        && (2..=10).contains(&words.len())
        && !text.contains([',', ':', '(', '!', '?'])
}

/// Says "notre" for "mon", as a shop does, unless the author speaks as "je".
fn ours(text: &str) -> String {
    let words = folded_words(text);
    if words.iter().any(|word| matches!(word.as_str(), "je" | "j" | "moi" | "i" | "me" | "m" | "yo" | "eu")) {
        return text.to_owned();
    }
    let replaced = text.split(' ').map(|word| match word {
        "mon" | "ma" => "notre",
        "mes" if !matches!(words.first().map(String::as_str), Some("el" | "este" | "no")) => "nos",
        "Mon" | "Ma" => "Notre",
        "my" => "our",
        "My" => "Our",
        other => other,
    });
    replaced.collect::<Vec<_>>().join(" ")
}

/// Makes a sentence of a fragment of an announcement: "cherche un apprenti" → "On cherche un apprenti".
fn announced(text: &str, objective: Objective) -> String {
    let (head, rest) = text.split_once(' ').unwrap_or((text, ""));
    match (fold(head).as_str(), objective) {
        ("cherche" | "recherche" | "recrute" | "embauche", Objective::Recruitment) => {
            format!("On {} {rest}", head.to_lowercase())
        }
        ("looking" | "hiring", Objective::Recruitment) => format!("We're {} {rest}", head.to_lowercase()),
        ("je" | "j", Objective::Recruitment)
            if rest.starts_with("cherche ")
                || rest.starts_with("recherche ")
                || rest.starts_with("recrute ") =>
        {
            format!("On {rest}")
        }
        ("remercier" | "remercie", Objective::Thanks) if !rest.is_empty() => match rest.split_once(' ') {
            Some(("les", rest)) => format!("Merci aux {rest}"),
            Some(("le", rest)) => format!("Merci au {rest}"),
            _ => format!("Merci à {rest}"),
        },
        ("closed", Objective::Closure) => format!("We're closed {rest}"),
        ("open", Objective::Hours) => format!("We're open {rest}"),
        ("thank" | "thanking", Objective::Thanks) if !rest.is_empty() && !rest.starts_with("you") => {
            format!("Thank you to {rest}")
        }
        _ => text.to_owned(),
    }
    .trim_end()
    .to_owned()
}

/// The text with a capital at the start.
pub(super) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The town: the capitalised word after "à", "in", "en", "em".
fn place(brief: &str, tokens: &[Token]) -> Option<String> {
    tokens.windows(2).find_map(|pair| {
        let [preposition, name] = pair else { return None };
        let raw = brief.get(preposition.start..preposition.end)?;
        let town = brief.get(name.start..name.end)?;
        let folded = name.folded.as_str();
        let good = matches!(raw, "à" | "À" | "in" | "en" | "em")
            && name.kind == Kind::Word
            && town.chars().next().is_some_and(char::is_uppercase)
            && (3..=20).contains(&town.chars().count())
            && town.chars().all(char::is_alphabetic)
            && town.chars().any(char::is_lowercase)
            && !crate::facts::is_month(folded)
            && !crate::facts::is_weekday(folded)
            && !lexicon::is_place(folded)
            && Language::from_folded_name(folded).is_none();
        // "À Saint Étienne", "in New York": half a name is no name.
        let whole = !matches!(
            folded,
            "saint" | "sainte" | "new" | "la" | "le" | "les" | "los" | "las" | "san" | "sao" | "santa"
        );
        (good && whole).then(|| town.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(brief: &str) -> Vec<String> {
        let reading = Reading::of(brief);
        reading.lead.into_iter().chain(reading.details).map(|line| line.text).collect()
    }

    #[test]
    fn the_request_is_cut_away_and_the_content_kept() {
        for (brief, expected) in [
            (
                "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end",
                vec!["-20 % sur les croissants ce week-end"],
            ),
            ("Crée un post promo pour Instagram", vec![]),
            ("Fais-moi un post pour ma boulangerie : baguette à 1,20 €", vec!["Baguette à 1,20 €"]),
            ("Fais un post sur notre soirée jazz samedi, sans emoji", vec!["Notre soirée jazz samedi"]),
            (
                "Bonjour, peux-tu m'écrire un post pour annoncer l'ouverture de mon salon samedi ? Merci",
                vec!["L'ouverture de notre salon samedi"],
            ),
            ("J'ouvre mon salon samedi", vec!["J'ouvre mon salon samedi"]),
            ("Write a Facebook post about our new summer menu", vec!["Our new summer menu"]),
            ("peux tu me faire un post chic pour notre nouvelle carte", vec!["Notre nouvelle carte"]),
            ("promo", vec![]),
            ("Fait maison et servi chaud", vec!["Fait maison et servi chaud"]),
            ("Pub quiz on Friday", vec!["Pub quiz on Friday"]),
            ("cherche un apprenti", vec!["On cherche un apprenti"]),
            ("Un post pour dire que le magasin est fermé lundi", vec!["Le magasin est fermé lundi"]),
            ("Fermé lundi. Retour mardi à 9h30 !", vec!["Fermé lundi", "Retour mardi à 9h30"]),
            ("promo rentrée pour Facebook", vec!["Promo rentrée"]),
            ("Suivez-nous sur Instagram", vec!["Suivez-nous sur Instagram"]),
            (
                "Écris un post pour ma boulangerie Chez Léa à Lyon, tarte au citron 3,50 €",
                vec!["Tarte au citron 3,50 €"],
            ),
        ] {
            assert_eq!(lines(brief), expected, "{brief}");
        }
        let reading =
            Reading::of("Écris un post pour ma boulangerie Chez Léa à Lyon, tarte au citron 3,50 €");
        assert_eq!(reading.signature.as_deref(), Some("Chez Léa à Lyon"));
        assert_eq!(reading.place.as_deref(), Some("Lyon"));
    }
}
