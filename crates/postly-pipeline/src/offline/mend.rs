//! Corrects the typing of a brief: accents, capitals, spaces before units.

use std::{collections::HashMap, sync::LazyLock};

use postly_domain::Language;

/// The words of a typed phrase, and its printed form.
type Mend = (Vec<&'static str>, String);

/// The corrections of each language, by their first word.
static MENDS: LazyLock<HashMap<(Language, &'static str), Vec<Mend>>> = LazyLock::new(|| {
    let mut mends: HashMap<(Language, &'static str), Vec<Mend>> = HashMap::new();
    for line in include_str!("mends.txt").lines().filter(|line| !line.starts_with('#')) {
        let Some((code, pairs)) = line.split_once(": ") else { continue };
        let Some(language) = Language::from_code(code) else { continue };
        for (typed, printed) in pairs.split(' ').filter_map(|pair| pair.split_once('=')) {
            let words: Vec<&str> = typed.split('_').collect();
            let Some(first) = words.first() else { continue };
            mends.entry((language, first)).or_default().push((words, printed.replace('_', " ")));
        }
    }
    for of_word in mends.values_mut() {
        of_word.sort_by_key(|(words, _)| std::cmp::Reverse(words.len()));
    }
    mends
});

/// Turns a text that is all in capitals into a sentence.
fn quieted(text: &str) -> String {
    /// A shorter text may be a name or an abbreviation.
    const LEAST: usize = 14;
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let capitals = text.chars().filter(|c| c.is_uppercase()).count();
    if letters < LEAST || capitals * 10 < letters * 8 {
        return text.to_owned();
    }
    const KEPT: [&str; 16] = [
        "CV", "CDI", "CDD", "CAP", "BTS", "H/F", "TV", "DJ", "VIP", "SMS", "RDV", "SAV", "VTT", "UK", "USA",
        "TVA",
    ];
    let mut named = false;
    let words = text.split(' ').map(|word| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let is_code =
            bare.contains(['@', '.']) || (bare.chars().any(char::is_numeric) && !bare.ends_with('H'));
        let is_name = std::mem::replace(&mut named, matches!(word, "CHEZ" | "AT"));
        match word {
            _ if KEPT.contains(&bare) || is_code => word.to_owned(),
            _ if is_name => capital(&word.to_lowercase()),
            _ => word.to_lowercase(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Corrects a line of a brief.
pub(super) fn line(text: &str, language: Language) -> String {
    let text = quieted(text);
    let words: Vec<&str> = text.split(' ').collect();
    let mut mended: Vec<String> = Vec::with_capacity(words.len());
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let rest = words.get(at..).unwrap_or_default();
        match phrase(rest, language) {
            Some((printed, length)) => {
                mended.push(printed);
                at += length;
            }
            None => {
                mended.push(if language == Language::Fr {
                    preposition(&mended, rest)
                } else {
                    (*word).to_owned()
                });
                at += 1;
            }
        }
    }
    units(&mended.join(" "), language)
}

/// The printed form of the phrase that these words begin with, and its length in words.
fn phrase(words: &[&str], language: Language) -> Option<(String, usize)> {
    let (lead, first, _) = parts(words.first()?);
    let key = first.to_lowercase();
    let mends = MENDS.get(&(language, key.as_str()))?;
    mends.iter().find_map(|(typed, printed)| {
        let found = words.get(..typed.len())?;
        let last = found.len() - 1;
        let same = found.iter().zip(typed).enumerate().all(|(at, (word, typed))| {
            let (before, bare, after) = parts(word);
            // Punctuation inside ends the phrase.
            (at == 0 || before.is_empty())
                && (at == last || after.is_empty())
                && bare.to_lowercase() == **typed
        });
        // A capital inside a word, as in "iPhone" or "NOEL", is intended.
        let plain = found.iter().all(|word| !parts(word).1.chars().skip(1).any(char::is_uppercase));
        if !same || !plain {
            return None;
        }
        let (_, _, tail) = parts(found.get(last)?);
        let printed = if first.starts_with(char::is_uppercase) { capital(printed) } else { printed.clone() };
        Some((format!("{lead}{printed}{tail}"), typed.len()))
    })
}

/// Splits a word into the punctuation before it, the word, and the punctuation after it. An article with an
/// apostrophe, as in "l'ete", counts as punctuation.
fn parts(word: &str) -> (&str, &str, &str) {
    let start = word.find(char::is_alphanumeric).unwrap_or(word.len());
    let end = word.rfind(char::is_alphanumeric).map_or(start, |at| {
        at + word.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8)
    });
    let start = match word.get(start..end).and_then(|bare| bare.split_once(['\'', '’'])) {
        Some((article, _)) if article.chars().count() == 1 && article.to_lowercase() != "i" => {
            word.get(start..).and_then(|rest| rest.find(['\'', '’'])).map_or(start, |at| {
                start
                    + at
                    + word.get(start + at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
            })
        }
        _ => start,
    };
    (
        word.get(..start).unwrap_or_default(),
        word.get(start..end).unwrap_or_default(),
        word.get(end..).unwrap_or_default(),
    )
}

/// Capitalises the first letter of a text.
pub(super) fn capital(text: &str) -> String {
    // An address at the start stays unchanged.
    if crate::facts::link_spans(text).first().is_some_and(|link| link.start == 0) {
        return text.to_owned();
    }
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// "a 45 €", "a 19h", "a Lyon" → "à …"; the verb "a" stays unchanged.
fn preposition(before: &[String], rest: &[&str]) -> String {
    let word = rest.first().copied().unwrap_or_default();
    let follows = rest.get(1).and_then(|next| next.chars().next());
    let verb = before.last().is_none_or(|last| {
        let last = last.to_lowercase();
        ["il", "elle", "on", "qui", "y", "a", "n'y", "équipe"].iter().any(|subject| last.ends_with(subject))
    });
    let place_or_number = follows.is_some_and(|c| c.is_numeric() || c.is_uppercase());
    let next = rest.get(1).map(|next| postly_domain::text::fold(next)).unwrap_or_default();
    if word == "des"
        && (crate::facts::is_day_or_month(&next) || matches!(next.as_str(), "aujourd'hui" | "maintenant"))
    {
        return "dès".to_owned();
    }
    if word == "a" && place_or_number && !verb { "à".to_owned() } else { word.to_owned() }
}

/// "45€" → "45 €" in the languages with a space there.
fn units(text: &str, language: Language) -> String {
    if !matches!(language, Language::Fr | Language::Es | Language::Pt) {
        return text.to_owned();
    }
    let mut spaced = String::with_capacity(text.len() + 4);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let before_is_digit = spaced.ends_with(|c: char| c.is_ascii_digit());
        // "12€50" is one price.
        let cents = chars.peek().is_some_and(char::is_ascii_digit);
        if c == '€' && before_is_digit && !cents {
            spaced.push(' ');
        }
        spaced.push(c);
    }
    spaced
}

/// Inserts a colon before the dishes of a menu, and commas between the known ones.
pub(super) fn menu(text: &str, language: Language) -> Option<String> {
    const MENUS: &str = "menu formule plateau panier coffret brunch repas cesta lote cardapio pack";
    const DISHES: &str = "foie_gras chapon chapons buche dinde saumon huitres fromage fromages dessert cafe entree plat boisson soupe \
        salade quiche tarte champagne gateau mousse starter main dessert coffee soup salad pudding turkey sopa ensalada postre \
        bebida cafe pan jamon queso cordero pavo salada sobremesa bebida peru bacalhau rabanada arroz feijao";
    let words: Vec<&str> = text.split(' ').collect();
    let first = postly_domain::text::fold(words.first()?);
    let unit = words.iter().position(|word| {
        matches!(*word, "€" | "euros") || word.ends_with('€') || word.starts_with(['£', '$'])
    })?;
    let dishes = words.get(unit + 1..).filter(|dishes| dishes.len() >= 2)?;
    if !crate::tokens::lists(MENUS, &first) || dishes.iter().any(|word| word.ends_with([',', ':'])) {
        return None;
    }
    let mut named: Vec<String> = vec![];
    let mut at = 0;
    while at < dishes.len() {
        let one = dishes.get(at..at + 1)?.join(" ");
        let two = dishes.get(at..at + 2).map(|two| two.join(" "));
        let is_dish =
            |dish: &str| crate::tokens::lists(DISHES, &postly_domain::text::fold(dish).replace(' ', "_"));
        match two.filter(|two| is_dish(two)) {
            Some(two) => {
                named.push(two);
                at += 2;
            }
            None if is_dish(&one) => {
                named.push(one);
                at += 1;
            }
            None => return None,
        }
    }
    let colon = if language == Language::Fr { " :" } else { ":" };
    Some(format!("{}{colon} {}", words.get(..=unit)?.join(" "), named.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{En, Es, Fr, Pt};

    #[test]
    fn ordinary_typing_is_mended_and_names_keep_theirs() {
        for (language, typed, expected) in [
            (Fr, "menu de noel a 45€", "menu de Noël à 45 €"),
            (Fr, "le 15 decembre a Lyon, soiree", "le 15 décembre à Lyon, soirée"),
            (Fr, "Chez Noel et Rene", "Chez Noël et Rene"),
            (Fr, "il a 3 ans", "il a 3 ans"),
            (Fr, "promo fleur st valentin", "promo fleur Saint-Valentin"),
            (Fr, "PROMO SUR TOUS LES CROISSANTS CE MATIN", "promo sur tous les croissants ce matin"),
            (Fr, "l'ete arrive", "l'été arrive"),
            (En, "closed monday, back tues 8am", "closed Monday, back Tues 8am"),
            (Es, "abierto manana sabado 12€", "abierto mañana sábado 12 €"),
            (Pt, "promocao de pao ate amanha", "promoção de pão até amanhã"),
        ] {
            assert_eq!(line(typed, language), expected);
        }
    }
}
