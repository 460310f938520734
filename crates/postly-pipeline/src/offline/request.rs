//! Removes the request from a brief: of "Crée un post promo pour Instagram, -20 % sur …" only "-20 % sur …"
//! is content.

use postly_domain::Language;

use super::{lexicon, pieces, trade::Trade};
use crate::{
    networks,
    offer::period_starts_at,
    tokens::{Kind, Token, sentence_ranges, span},
};

/// The rest of a sentence after its request.
pub(super) struct Stripped {
    /// The first token of the content.
    pub(super) from: usize,
    /// The tokens that name the business and its place, between request and content: "Chez Léa à Lyon".
    pub(super) signature: Option<(usize, usize)>,
    /// True if there was a request.
    pub(super) asked: bool,
}

/// Verbs that always ask for a text; "fait maison" and "create your bouquet" are content.
const SURE_VERBS: &[&str] = &[
    "cree",
    "creer",
    "creez",
    "ecris",
    "ecris-moi",
    "ecrire",
    "redige",
    "redige-moi",
    "rediger",
    "genere",
    "generer",
    "fais-moi",
    "write",
    "draft",
    "escribe",
    "crea",
    "escreve",
    "escreva",
    "اكتب",
    "انشئ",
    "gen",
    "publie",
    "publiez",
    "publica",
    "publique",
    "انشر",
];

/// Removes the requests from a brief, and returns the rest with the name of the business in them; all of it,
/// if nothing would be left.
pub(super) fn remove(brief: &str) -> (String, Option<String>) {
    let all = networks::tokens_of_brief(brief);
    let mut signature = None;
    let (mut rest, mut end) = (String::new(), 0);
    for (from, to) in sentence_ranges(brief, &all) {
        let Some(tokens) = all.get(from..to) else { continue };
        let stripped = strip(brief, tokens);
        if let Some(words) = stripped.signature.and_then(|(from, to)| tokens.get(from..to)) {
            signature = Some(pieces::trimmed(span(brief, words)));
        }
        let content = match tokens.get(stripped.from) {
            Some(_) if stripped.from == 0 => end,
            Some(first) => {
                // The space or line before the sentence stays.
                let start = tokens.first().map_or(end, |token| token.start);
                rest.push_str(brief.get(end..start).unwrap_or_default());
                first.start
            }
            None => tokens.last().map_or(end, |last| last.end),
        };
        end = tokens.last().map_or(end, |last| last.end);
        let sentence = brief.get(content..end).unwrap_or_default();
        // "Peux-tu annoncer … ?" asks us; what is left is a statement.
        match sentence.strip_suffix(['?', '؟']).filter(|_| stripped.asked) {
            Some(statement) => rest.extend([statement.trim_end(), "."]),
            None => rest.push_str(sentence),
        }
    }
    rest.push_str(brief.get(end..).unwrap_or_default());
    if rest.chars().any(char::is_alphanumeric) { (rest, signature) } else { (brief.to_owned(), signature) }
}

/// Finds the start of the content of a sentence.
pub(super) fn strip(text: &str, tokens: &[Token]) -> Stripped {
    let mut state = Request::default();
    let mut at = 0;
    if let Some(from) = heading_end(text, tokens) {
        return Stripped { from, signature: None, asked: true };
    }
    while let Some(token) = tokens.get(at) {
        if let Some(end) = state.wish_end(text, tokens, at) {
            at = end;
            continue;
        }
        match state.step(text, tokens, at, token) {
            Some(next) => at = next,
            None => break,
        }
    }
    let finished = at >= tokens.len();
    let asked = state.sure_verb || (state.noun && (state.verb || state.closed || finished));
    if asked {
        let from = if finished && !state.after_connector { tokens.len() } else { state.anchor };
        Stripped { from, signature: state.signature, asked }
    } else {
        Stripped { from: greeting_end(tokens), signature: None, asked }
    }
}

/// The end of a heading that is an instruction: "TikTok : …", "LinkedIn post: …", "sin emojis: …".
fn heading_end(text: &str, tokens: &[Token]) -> Option<usize> {
    /// The most tokens of a heading, its colon included.
    const LONGEST: usize = 9;
    let colon =
        tokens.iter().take(LONGEST).position(|token| matches!(token.folded.as_str(), ":" | "–" | "—"))?;
    let heading = tokens.get(..colon).filter(|heading| !heading.is_empty())?;
    let is_order = |token: &Token| {
        let word = token.folded.as_str();
        let article =
            matches!(word, "o" | "a" | "el" | "le" | "la" | "the" | "my" | "our" | "mi" | "minha" | "notre");
        let order = lexicon::is_verb(word) || lexicon::is_connector(word) || lexicon::is_style(word);
        article || order || lexicon::is_place(word) || lexicon::is_noun(word) || lexicon::is_glue(word)
    };
    let named = heading.iter().any(|token| lexicon::is_place(&token.folded) && !token.is("page"));
    let wish = lexicon::is_wish(&postly_domain::text::fold(span(text, heading)));
    (wish || (named && heading.iter().all(is_order))).then_some(colon + 1)
}

/// The progress of parsing a request.
#[derive(Default)]
struct Request {
    verb: bool,
    sure_verb: bool,
    noun: bool,
    /// True if the words after the noun show that the request has ended.
    closed: bool,
    after_connector: bool,
    for_someone: bool,
    /// The content begins here at the earliest.
    anchor: usize,
    signature: Option<(usize, usize)>,
}

impl Request {
    /// The end of a wish inside the request: "un post Instagram avec 15 hashtags : …".
    fn wish_end(&mut self, text: &str, tokens: &[Token], at: usize) -> Option<usize> {
        /// The most tokens of a wish.
        const LONGEST: usize = 6;
        if !self.noun {
            return None;
        }
        let rest = tokens.get(at..)?;
        // "… sans emoji sur …": such a wish needs no comma.
        if let Some(two) = rest.get(..2)
            && lexicon::is_wish(&postly_domain::text::fold(span(text, two)))
        {
            self.anchor = at + 2;
            return Some(at + 2);
        }
        let length = rest
            .iter()
            .position(|token| token.kind == Kind::Mark && matches!(token.folded.as_str(), ":" | ","))?;
        let wish = rest.get(..length).filter(|wish| wish.len() <= LONGEST)?;
        if !lexicon::is_wish(&postly_domain::text::fold(span(text, wish))) {
            return None;
        }
        self.closed = true;
        self.after_connector = false;
        self.anchor = at + length;
        Some(at + length)
    }

    /// Reads one more token as part of the request; `None` if it is content.
    fn step(&mut self, text: &str, tokens: &[Token], at: usize, token: &Token) -> Option<usize> {
        let word = token.folded.as_str();
        let started = self.verb || self.noun;
        let next = at + 1;
        match token.kind {
            Kind::Mark => {
                let sign = matches!(word, "-" | "−" | "–" | "—" | "+" | "#" | "@");
                let glued = tokens.get(next).is_some_and(|next| next.start == token.end);
                if sign && glued || !started && !matches!(word, "," | "!" | "'" | "." | "👋") {
                    return None;
                }
                if started && word != "'" {
                    self.closed |= self.noun;
                    self.after_connector = false;
                    self.anchor = next;
                }
                Some(next)
            }
            Kind::Link => None,
            Kind::Number => tokens.get(next).filter(|next| lexicon::is_noun(&next.folded)).map(|_| next),
            // "For my Facebook page".
            Kind::Word
                if started
                    && self.for_someone
                    && lexicon::is_possessive(word)
                    && tokens.get(next).is_some_and(|place| lexicon::is_place(&place.folded)) =>
            {
                self.for_someone = false;
                self.after_connector = false;
                Some(next)
            }
            // "Pour ma boulangerie Chez Léa :" names the business, not the subject.
            Kind::Word if started && self.for_someone && lexicon::is_possessive(word) => {
                let (end, signature) = shop(text, tokens, at)?;
                self.signature = signature;
                self.closed = true;
                self.for_someone = false;
                self.after_connector = false;
                self.anchor = end;
                Some(end)
            }
            Kind::Word if !self.after_connector && lexicon::is_noun(word) => {
                self.noun = true;
                self.anchor = next;
                Some(next)
            }
            Kind::Word if !self.after_connector && lexicon::is_verb(word) => {
                self.verb = true;
                self.sure_verb |= SURE_VERBS.contains(&word);
                self.anchor = next;
                Some(next)
            }
            Kind::Word if started && lexicon::is_place(word) => {
                self.closed |= self.noun;
                self.after_connector = false;
                self.anchor = next;
                Some(next)
            }
            Kind::Word
                if started
                    && lexicon::is_connector(word)
                    && text.get(token.start..token.end) != Some("a") =>
            {
                // A connector after a determiner belongs to the content: "L'ouverture de", "sur les
                // croissants".
                self.closed |= self.noun;
                self.after_connector = true;
                self.for_someone = matches!(word, "pour" | "for" | "para");
                self.anchor = next;
                Some(next)
            }
            Kind::Word if lexicon::is_style(word) && (started || !self.after_connector) => {
                if started && !self.after_connector {
                    self.anchor = next;
                }
                // "Promo" at the start of a brief is content, unless a request follows.
                started.then_some(next)
            }
            // "Un post pour dire merci à …": the thanks are the content.
            Kind::Word if self.after_connector && is_courtesy(token) => None,
            Kind::Word if lexicon::is_glue(word) => Some(next),
            Kind::Word => None,
        }
    }
}

/// Nouns for a business, beside those of its trade.
const SHOP_WORDS: &[&str] = &[
    "boutique",
    "magasin",
    "commerce",
    "shop",
    "store",
    "salon",
    "institut",
    "cabinet",
    "agence",
    "entreprise",
    "atelier",
    "studio",
    "business",
    "company",
    "tienda",
    "negocio",
    "loja",
    "negocio",
    "etablissement",
    "enseigne",
];

/// True if folded words name a business.
pub(super) fn is_shop(words: &[String]) -> bool {
    words.iter().any(|word| SHOP_WORDS.contains(&word.as_str())) || Trade::is_named(words)
}

/// Reads "ma boulangerie Chez Léa à Lyon" up to the point at which the request continues or ends.
fn shop(text: &str, tokens: &[Token], at: usize) -> Option<(usize, Option<(usize, usize)>)> {
    let mut end = at + 1;
    let mut signature = None;
    while let Some(token) = tokens.get(end) {
        let named = signature.is_some();
        let raw = text.get(token.start..token.end).unwrap_or_default();
        let capital = raw.chars().next().is_some_and(char::is_uppercase);
        match token.kind {
            Kind::Mark if matches!(token.folded.as_str(), "'" | "&") => {}
            Kind::Mark if matches!(raw, "«" | "»" | "“" | "”" | "\"") => {
                signature.get_or_insert(end);
            }
            Kind::Word
                if end > at + 1
                    && (capital || matches!(token.folded.as_str(), "chez"))
                    && !lexicon::is_place(&token.folded) =>
            {
                signature.get_or_insert(end);
            }
            Kind::Word
                if matches!(raw, "à" | "in" | "at" | "en" | "em") && next_is_capital(text, tokens, end) =>
            {
                signature.get_or_insert(end);
            }
            Kind::Word
                if named
                    && !matches!(
                        token.folded.as_str(),
                        "de" | "du" | "des" | "la" | "le" | "les" | "et" | "of" | "the" | "and" | "a"
                    ) =>
            {
                break;
            }
            Kind::Word
                if lexicon::is_place(&token.folded)
                    || matches!(
                        token.folded.as_str(),
                        "sur" | "pour" | "qui" | "avec" | "about" | "to" | "on" | "sobre" | "for"
                    ) =>
            {
                break;
            }
            Kind::Word if period_starts_at(text, tokens, end) => break,
            Kind::Word => {}
            Kind::Mark | Kind::Number | Kind::Link => break,
        }
        end += 1;
        if end - at > 12 {
            return None;
        }
    }
    let words: Vec<String> = tokens.get(at + 1..end)?.iter().map(|token| token.folded.clone()).collect();
    let is_shop = is_shop(&words);
    let ends = tokens.get(end).is_none_or(|token| {
        token.kind == Kind::Mark
            || (lexicon::is_connector(&token.folded) && !token.is("qui"))
            || lexicon::is_place(&token.folded)
    });
    (is_shop && ends).then(|| (end, signature.map(|from| (from, end))))
}

fn next_is_capital(text: &str, tokens: &[Token], at: usize) -> bool {
    tokens
        .get(at + 1)
        .and_then(|token| text.get(token.start..token.end))
        .and_then(|raw| raw.chars().next())
        .is_some_and(char::is_uppercase)
}

/// Skips "Bonjour,": the author greets us, not their customers.
fn greeting_end(tokens: &[Token]) -> usize {
    let greets = tokens.first().is_some_and(|token| {
        matches!(
            token.folded.as_str(),
            "bonjour" | "bonsoir" | "salut" | "coucou" | "hello" | "hi" | "hey" | "hola" | "ola" | "مرحبا"
        )
    });
    let stops = tokens.get(1).is_some_and(|token| matches!(token.folded.as_str(), "," | "!" | "."));
    if greets && stops { 2 } else { 0 }
}

/// Removes words about the form after the content: "sans emoji", "pour Instagram", "en anglais", "svp".
pub(super) fn trim_end(text: &str, tokens: &[Token]) -> usize {
    let mut to = tokens.len();
    loop {
        let before = to;
        while to > 0
            && tokens.get(to - 1).is_some_and(|token| {
                is_courtesy(token) && !is_code(tokens, to - 1)
                    || matches!(token.folded.as_str(), "," | ":" | "." | "!" | "?" | "؟" | "،")
            })
        {
            to -= 1;
        }
        to = cut_place(tokens, to);
        to = cut_language(tokens, to);
        // A wish is a few words, so only the last 8 tokens are read.
        let near = to.saturating_sub(8);
        if let Some(wish) = (near..to).find(|at| {
            // A wish at the very start is the whole piece, and is handled as such.
            tokens
                .get(*at..to)
                .is_some_and(|rest| lexicon::is_wish(&postly_domain::text::fold(span(text, rest))))
        }) {
            to = wish;
        }
        if to == before {
            return to;
        }
    }
}

/// True for "Avec le code MERCI": the word is a code.
fn is_code(tokens: &[Token], at: usize) -> bool {
    at.checked_sub(1).and_then(|before| tokens.get(before)).is_some_and(|before| {
        matches!(before.folded.as_str(), "code" | "codigo" | "coupon" | "cupon" | "cupom" | "الكود" | "كود")
    })
}

fn is_courtesy(token: &Token) -> bool {
    matches!(
        token.folded.as_str(),
        "svp" | "stp" | "please" | "merci" | "thanks" | "gracias" | "obrigado" | "obrigada" | "شكرا"
    )
}

/// Removes "… pour Instagram", "… sur Facebook", but not "suivez-nous sur Instagram".
fn cut_place(tokens: &[Token], to: usize) -> usize {
    let is = |at: usize, test: fn(&str) -> bool| tokens.get(at).is_some_and(|token| test(&token.folded));
    let mut at = to;
    while at > 0 && is(at - 1, |word| lexicon::is_place(word) && !matches!(word, "x" | "page" | "social")) {
        at -= 1;
    }
    if at == to || at == 0 {
        return at;
    }
    let preposition = is(at - 1, |word| matches!(word, "pour" | "sur" | "for" | "on" | "para" | "en" | "no"));
    let about_us = at >= 2
        && is(at - 2, |word| word.ends_with("nous") || matches!(word, "us" | "page" | "compte" | "abonnez"));
    if preposition && !about_us { at - 1 } else { to }
}

fn cut_language(tokens: &[Token], to: usize) -> usize {
    let word = |at: Option<usize>| at.and_then(|at| tokens.get(at)).map(|token| token.folded.as_str());
    let name =
        word(to.checked_sub(1)).filter(|name| name.chars().count() > 2).and_then(Language::from_folded_name);
    let preposition = word(to.checked_sub(2)).is_some_and(|word| matches!(word, "en" | "in" | "em"));
    if name.is_some() && preposition { to - 2 } else { to }
}
