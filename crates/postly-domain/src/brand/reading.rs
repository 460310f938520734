//! Lessons to the brand memory in plain words: *Retiens : on tutoie, jamais « discount », on est à Lyon 7e*.

use super::{
    Address, Brand,
    words::{
        EMOJI, FORGET, FORGET_ALL, FORMAL, INFORMAL, LISTED, NAME, NEVER, PLACE, REMEMBER, SHOW, SIGNATURE,
        THAT, TONE, TRADE, WITHOUT,
    },
};
use crate::text::fold;

/// A message to the brand memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lesson {
    /// Store these rules and facts.
    Keep(Box<Brand>),
    /// Delete the entry with this number, from 1.
    Forget(usize),
    /// Delete all entries.
    ForgetAll,
    /// Show the memory.
    Show,
}

/// Reads a message to the brand memory. `None` for every other message, and for a lesson without rules or
/// facts.
pub fn lesson(text: &str) -> Option<Lesson> {
    let folded = fold(text);
    let said = folded.trim().trim_matches(['?', '!', '.', ' ', '؟', '¿']);
    if SHOW.contains(&said) {
        return Some(Lesson::Show);
    }
    if FORGET_ALL.contains(&said) {
        return Some(Lesson::ForgetAll);
    }
    let words = Words::of(text);
    if let Some(rest) = words.after(FORGET)
        && let Ok(number) = fold(rest).trim_matches([' ', '.', '!', '#', '°', 'n', 'o']).parse()
    {
        return Some(Lesson::Forget(number));
    }
    let taught = words.after(REMEMBER)?;
    let taught = match taught.strip_prefix(':') {
        Some(taught) => taught,
        None => Words::of(taught).after(THAT)?,
    };
    let brand = read(taught);
    (!brand.is_empty()).then(|| Lesson::Keep(Box::new(brand)))
}

/// The rules and facts of a text, one between two commas, semicolons or line ends.
fn read(text: &str) -> Brand {
    let mut brand = Brand::default();
    // *Jamais « a », « b »*, *mots interdits : a, b*: a list goes on behind its commas.
    let mut list = List::None;
    for (start, piece) in pieces(text) {
        let words = Words::of(piece);
        if let Some(rest) = words.after(SIGNATURE)
            && let Some(colon) = rest.strip_prefix([':', '-', '–'])
        {
            // A signature has commas and lines of its own: it is the rest of the message.
            let from = start + (piece.len() - colon.len());
            brand.signature = text.get(from..).and_then(label);
            return brand;
        }
        let quoted = quoted(piece);
        let goes_on = match list {
            List::None => false,
            List::Quoted => piece.trim().starts_with(|c| QUOTES.iter().any(|(open, _)| *open == c)),
            List::Words => words.folded.len() == 1,
        };
        if goes_on {
            let bare = label(piece).filter(|_| quoted.is_empty());
            brand.banned_words.extend(quoted.into_iter().chain(bare));
        } else {
            list = learn(&mut brand, piece, &words);
        }
    }
    brand
}

/// A list of banned words that may go on in the next piece.
enum List {
    None,
    /// With further quoted words.
    Quoted,
    /// With further words of any kind.
    Words,
}

/// A text without the punctuation around it; `None` if nothing is left.
fn label(text: &str) -> Option<String> {
    let text = text.trim().trim_matches([' ', ':', '.']).trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn learn(brand: &mut Brand, piece: &str, words: &Words<'_>) -> List {
    let has = |list: &[&str]| words.folded.iter().any(|(word, _)| list.contains(&word.as_str()));
    if has(EMOJI) {
        brand.emojis = Some(!has(WITHOUT));
    } else if let Some((banned, list)) = banned(words, piece) {
        brand.banned_words.extend(banned);
        return list;
    } else if let Some(name) = words.after(NAME) {
        brand.name = label(name).or(brand.name.take());
    } else if let Some(place) = words.after(PLACE) {
        brand.place = label(place).or(brand.place.take());
    } else if has(INFORMAL) || has(FORMAL) {
        // *On ne tutoie pas* is formal.
        let is_informal = has(INFORMAL) != has(WITHOUT);
        brand.address = Some(if is_informal { Address::Informal } else { Address::Formal });
    } else if let Some(trade) = words.after(TRADE) {
        brand.trade = label(trade).or(brand.trade.take());
    } else if let Some(tone) = words.after(TONE) {
        brand.tone = label(tone).or(brand.tone.take());
    } else {
        brand.facts.extend(label(piece));
    }
    List::None
}

/// The words that a piece bans: those in quotes, or the one that follows. *Jamais le lundi* and *jamais
/// fermé* are facts.
fn banned(words: &Words<'_>, piece: &str) -> Option<(Vec<String>, List)> {
    const STATES: &[&str] = &[
        "ferme",
        "fermes",
        "fermee",
        "fermees",
        "ouvert",
        "ouverts",
        "closed",
        "open",
        "late",
        "cerrado",
        "cerrada",
        "abierto",
        "fechado",
        "fechada",
        "aberto",
        "مغلق",
        "مفتوح",
    ];
    let rest = words.after(NEVER)?;
    let quoted = quoted(piece);
    if !quoted.is_empty() {
        return Some((quoted, List::Quoted));
    }
    let opens_a_list = words.after(LISTED).is_some();
    let word = label(rest)
        .filter(|word| !word.contains(char::is_whitespace) && !STATES.contains(&fold(word).as_str()))?;
    Some((vec![word], if opens_a_list { List::Words } else { List::Quoted }))
}

const QUOTES: [(char, char); 5] = [('«', '»'), ('“', '”'), ('"', '"'), ('„', '“'), ('‹', '›')];

/// The texts between quotation marks.
fn quoted(text: &str) -> Vec<String> {
    let mut found = vec![];
    let mut rest = text;
    while let Some((from, opening)) =
        rest.char_indices().find(|(_, c)| QUOTES.iter().any(|(open, _)| open == c))
    {
        let inner = rest.get(from + opening.len_utf8()..).unwrap_or_default();
        let closes = |c: char| QUOTES.iter().any(|(open, close)| *open == opening && *close == c);
        let Some((to, closing)) = inner.char_indices().find(|(_, c)| closes(*c)) else { break };
        let text = inner.get(..to).unwrap_or_default().trim();
        if !text.is_empty() {
            found.push(text.to_owned());
        }
        rest = inner.get(to + closing.len_utf8()..).unwrap_or_default();
    }
    found
}

/// The pieces of a text between separators outside of quotes, with the start of each in bytes.
fn pieces(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut ranges = vec![];
    let (mut start, mut close) = (0, None);
    for (at, c) in text.char_indices() {
        match close {
            Some(closing) if closing == c => close = None,
            Some(_) => {}
            None => {
                close = QUOTES.iter().find(|(open, _)| *open == c).map(|(_, close)| *close);
                let ends_sentence = c == '.' && text.get(at + 1..).is_some_and(|rest| rest.starts_with(' '));
                if matches!(c, ',' | ';' | '\n' | '،' | '؛') || ends_sentence {
                    ranges.push((start, at));
                    start = at + c.len_utf8();
                }
            }
        }
    }
    ranges.push((start, text.len()));
    let pieces = ranges.into_iter().filter_map(|(from, to)| Some((from, text.get(from..to)?)));
    pieces.filter(|(_, piece)| piece.chars().any(char::is_alphanumeric))
}

/// The words of a text, folded, each with its end in the text in bytes.
struct Words<'a> {
    text: &'a str,
    folded: Vec<(String, usize)>,
}

impl<'a> Words<'a> {
    fn of(text: &'a str) -> Self {
        let mut folded = vec![];
        let mut start = None;
        let mut push = |from: usize, to: usize| {
            if let Some(word) = text.get(from..to) {
                folded.push((fold(word), to));
            }
        };
        for (at, c) in text.char_indices() {
            let is_apostrophe = matches!(c, '\'' | '’' | '‘');
            let is_part =
                c.is_alphanumeric() || is_apostrophe || crate::text::is_format_mark(c) || is_mark(c);
            let joins =
                c == '-' && text.get(at + 1..).is_some_and(|rest| rest.starts_with(char::is_alphabetic));
            match (is_part || joins, start) {
                (true, None) => start = Some(at),
                (false, Some(from)) => {
                    push(from, at);
                    start = None;
                }
                (true, Some(_)) | (false, None) => {}
            }
            // *qu'on*, *l'offre*: an elided word ends at its apostrophe.
            if is_apostrophe && let Some(from) = start {
                push(from, at + c.len_utf8());
                start = None;
            }
        }
        if let Some(from) = start {
            push(from, text.len());
        }
        Self { text, folded }
    }

    /// The text behind the longest of these openings that it begins with.
    fn after(&self, openings: &[&str]) -> Option<&'a str> {
        let longest = openings.iter().filter_map(|opening| self.end_of(opening)).max()?;
        self.text.get(longest..).map(str::trim_start)
    }

    /// The end of an opening in bytes, if the text begins with its words.
    fn end_of(&self, opening: &str) -> Option<usize> {
        let wanted = Words::of(opening);
        let begins = wanted.folded.len() <= self.folded.len()
            && wanted.folded.iter().zip(&self.folded).all(|((wanted, _), (word, _))| wanted == word);
        let end = begins.then(|| self.folded.get(wanted.folded.len().checked_sub(1)?)).flatten()?.1;
        Some(end)
    }
}

/// Vowel signs of Arabic and combining accents: parts of the word that they belong to.
fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> Brand {
        match lesson(text) {
            Some(Lesson::Keep(brand)) => *brand,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn rules_and_facts_are_told_apart() {
        let brand =
            kept("Retiens : on tutoie, jamais « discount », on est à Lyon 7e, fermé le lundi, pas d’emojis");
        let expected = Brand {
            address: Some(Address::Informal),
            banned_words: vec!["discount".to_owned()],
            place: Some("Lyon 7e".to_owned()),
            facts: vec!["fermé le lundi".to_owned()],
            emojis: Some(false),
            ..Brand::default()
        };
        assert_eq!(brand, expected);
    }

    #[test]
    fn a_lesson_is_read_in_each_language() {
        let place = |text: &str| kept(text).place.unwrap();
        assert_eq!(place("retiens qu'on est à Dijon"), "Dijon");
        assert_eq!(place("Remember: we are in Leeds, closed on Mondays"), "Leeds");
        assert_eq!(place("Recuerda: estamos en Triana"), "Triana");
        assert_eq!(place("Lembre: estamos em Belém"), "Belém");
        assert_eq!(place("تذكر: نحن في الدار البيضاء"), "الدار البيضاء");
        assert_eq!(kept("Retenez : notre boutique s'appelle Chez Léa").name.as_deref(), Some("Chez Léa"));
        assert_eq!(kept("remember that we are a bakery").trade.as_deref(), Some("bakery"));
        assert_eq!(kept("Recuerda: nunca «barato»").banned_words, ["barato"]);
        assert_eq!(kept("Retiens : on vouvoie").address, Some(Address::Formal));
        assert_eq!(kept("Retiens : ton complice").tone.as_deref(), Some("complice"));
    }

    #[test]
    fn words_are_banned_in_quotes_or_alone() {
        assert_eq!(
            kept("Retiens : jamais \"prix cassés, discount\" ni « promo »").banned_words,
            ["prix cassés, discount", "promo"]
        );
        assert_eq!(kept("Remember: never say cheap").banned_words, ["cheap"]);
        assert_eq!(kept("Retiens : jamais ouvert le lundi").facts, ["jamais ouvert le lundi"]);
        assert_eq!(kept("Retiens : jamais de discount").banned_words, ["discount"]);
    }

    #[test]
    fn a_list_of_banned_words_goes_on_behind_its_commas() {
        assert_eq!(kept("Retiens : jamais « a », « b », fermé le lundi").banned_words, ["a", "b"]);
        let listed = kept("Retiens : mots interdits : discount, promo, on est à Lyon");
        assert_eq!((listed.banned_words.len(), listed.place.as_deref()), (2, Some("Lyon")));
        assert_eq!(kept("Retiens : jamais fermé").facts, ["jamais fermé"]);
        assert_eq!(kept("Retiens : on tutoie. Fermé le lundi").facts, ["Fermé le lundi"]);
    }

    #[test]
    fn a_denied_form_of_address_is_the_other_and_an_empty_rule_is_none() {
        assert_eq!(kept("Retiens : on ne tutoie pas").address, Some(Address::Formal));
        assert_eq!(kept("Recuerda: estamos en calle Señora 4").place.as_deref(), Some("calle Señora 4"));
        assert_eq!(lesson("Retiens : on s'appelle"), None);
    }

    #[test]
    fn a_signature_is_the_rest_of_the_message_as_it_is() {
        let brand = kept("Retiens : on tutoie, signature : Chez Léa, Lyon\n☎ 04 78 00 00 00");
        assert_eq!(brand.signature.as_deref(), Some("Chez Léa, Lyon\n☎ 04 78 00 00 00"));
        assert_eq!(brand.address, Some(Address::Informal));
    }

    #[test]
    fn a_brief_is_no_lesson() {
        for text in [
            "Retenez la date : soldes samedi 12",
            "Retiens",
            "Retiens :",
            "Remember the date: sale on Saturday",
            "Ma marque fait -20 % samedi",
            "oublie",
            "oublie ça",
            "oublie 2 croissants",
            "Crée un post : retiens la date",
        ] {
            assert_eq!(lesson(text), None, "{text}");
        }
    }

    #[test]
    fn memory_is_shown_and_forgotten() {
        assert_eq!(lesson("Ma marque"), Some(Lesson::Show));
        assert_eq!(lesson("What do you remember?"), Some(Lesson::Show));
        assert_eq!(lesson("Oublie 2"), Some(Lesson::Forget(2)));
        assert_eq!(lesson("oublie la règle n°3"), Some(Lesson::Forget(3)));
        assert_eq!(lesson("forget rule 3."), Some(Lesson::Forget(3)));
        assert_eq!(lesson("Oublie ma marque !"), Some(Lesson::ForgetAll));
    }
}
