//! Inserts a missing space after a full stop: "samedi.Au menu" would be a link to Australia.

use std::collections::{BTreeSet, HashSet};

use postly_domain::text::fold;

use crate::{facts, tokens::lists, x_weight};

/// Words that begin a sentence and are top-level domains of two letters, in our languages.
const OPENERS: &str = "ai al am ao as at au be by ca ci de do es et il in is it je la ma me mi mu my na ne ni no nu sa se si \
    so st su to tu us va ve vu";

/// Top-level domains of three letters and more that begin no sentence.
const NO_WORDS: &str = "com net org edu gov biz app dev info shop web www xyz online";

/// Words after which a link is meant.
const LEADS: &str =
    "sur site web www visitez visite voir lien liens link links visit see on at en em no via url http https";

/// Inserts the missing spaces of a brief.
pub(crate) fn mend_brief(brief: &str) -> String {
    mend(brief, &BTreeSet::new())
}

/// Inserts the missing spaces of a post. Links of the brief stay unchanged.
pub(crate) fn mend_post(post: &str, given: &BTreeSet<String>) -> String {
    mend(post, given)
}

/// The links of a text, in a form in which two spellings are equal.
pub(crate) fn given_links(text: &str) -> BTreeSet<String> {
    let links = facts::link_spans(text).into_iter();
    links.filter_map(|link| text.get(link.start..link.end)).map(facts::canonical_link).collect()
}

fn mend(text: &str, given: &BTreeSet<String>) -> String {
    if !text.contains('.') {
        return text.to_owned();
    }
    let links = facts::link_spans(text);
    let written: HashSet<&str> = links.iter().filter_map(|link| text.get(link.start..link.end)).collect();
    // A link of the brief, or one that the text also has in lower case.
    let is_given = |link: &str| {
        let lower = link.to_lowercase();
        given.contains(&facts::canonical_link(link)) || lower != link && written.contains(lower.as_str())
    };
    let mut mended = String::with_capacity(text.len() + 4);
    let mut done = 0;
    for (dot, _) in text.match_indices('.') {
        let next = links.partition_point(|link| link.end <= dot);
        let link = links.get(next).filter(|link| link.start <= dot);
        let joint = Joint::at(text, dot).filter(|joint| match link {
            Some(link) => {
                let raw = text.get(link.start..link.end).unwrap_or_default();
                let is_whole = (link.start, link.end) == (joint.start, joint.end) && !link.mention;
                is_whole && joint.is_missing_space() && !is_given(raw)
            }
            None => joint.is_plain_missing_space() || joint.is_link_to_x(),
        });
        if joint.is_some() {
            mended.push_str(text.get(done..=dot).unwrap_or_default());
            mended.push(' ');
            done = dot + 1;
        }
    }
    mended.push_str(text.get(done..).unwrap_or_default());
    mended
}

/// Two words with a full stop between.
struct Joint<'a> {
    text: &'a str,
    start: usize,
    end: usize,
    name: &'a str,
    next: &'a str,
}

impl<'a> Joint<'a> {
    /// Returns the words around this full stop; `None` if one of them continues like the name of a host or
    /// file.
    fn at(text: &'a str, dot: usize) -> Option<Self> {
        let (before, after) = (text.get(..dot)?, text.get(dot + 1..)?);
        let is_name = |c: char| c.is_alphanumeric() || c == '-';
        let start = before.char_indices().rev().take_while(|(_, c)| is_name(*c)).last().map(|(at, _)| at)?;
        let length = after.find(|c: char| !c.is_alphanumeric()).unwrap_or(after.len());
        let (name, next, rest) = (before.get(start..)?, after.get(..length)?, after.get(length..)?);
        let sticks = |c: char| matches!(c, '.' | '_' | '/' | '@' | '#' | '&' | '=' | '~' | '%' | '$');
        let full_stop_inside =
            rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(char::is_alphanumeric));
        if before.get(..start)?.ends_with(sticks)
            || full_stop_inside
            || rest.starts_with(['_', '/', '@', '#', '&', '=', '~'])
            || next.chars().any(char::is_numeric)
        {
            return None;
        }
        Some(Self { text, start, end: dot + 1 + length, name, next })
    }

    /// True if text follows both words.
    fn goes_on(&self) -> bool {
        let rest = self.text.get(self.end..).unwrap_or_default();
        self.is_elided() || rest.trim_start() != rest && !rest.trim().is_empty()
    }

    /// "L'équipe"
    fn is_elided(&self) -> bool {
        self.text.get(self.end..).is_some_and(|rest| rest.starts_with(['\'', '’']))
    }

    /// True for "Samedi.Au menu": the apparent link is the end of a sentence and the beginning of the next.
    fn is_missing_space(&self) -> bool {
        let lower = self.next.to_lowercase();
        let name = fold(self.name);
        if !self.goes_on() {
            return false;
        }
        if facts::is_day_or_month(&name) || name == "etc" {
            return true;
        }
        let opens = lists(OPENERS, &lower);
        let capitalized = is_capitalized(self.next) && !self.name.ends_with(char::is_uppercase);
        let shouted = self.name.chars().count() > 2
            && [self.name, self.next].into_iter().all(|word| !word.chars().any(char::is_lowercase));
        if !(capitalized || shouted && opens) {
            return false;
        }
        opens
            || lower.chars().count() > 2
                && !lists(NO_WORDS, &lower)
                && self.name.starts_with(char::is_lowercase)
                && !self.name.contains('-')
                && !self.is_led_to()
    }

    /// True if the word before announces a link.
    fn is_led_to(&self) -> bool {
        let before = self.text.get(..self.start).unwrap_or_default().trim_end();
        let word = before.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        before.ends_with(':') || lists(LEADS, &fold(word))
    }

    /// True for "Tartes.Venez": not a link, but still a missing space.
    fn is_plain_missing_space(&self) -> bool {
        self.name.chars().count() > 3
            && self.name.chars().all(char::is_lowercase)
            && is_capitalized(self.next)
            && (self.next.chars().count() > 1 || self.is_elided())
            && self.goes_on()
    }

    /// True for "Menu.Maître": X makes a link of the unaccented beginning of a word.
    fn is_link_to_x(&self) -> bool {
        is_capitalized(self.next)
            && self.name.ends_with(|c: char| c.is_lowercase() || c.is_numeric())
            && self.text.get(self.start..self.end).is_some_and(x_weight::has_link)
    }
}

/// True for a capital followed by lower case.
fn is_capitalized(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(char::is_uppercase) && chars.all(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_space_is_put_in() {
        for (text, expected) in [
            ("Ouvert samedi.Au menu : tarte", "Ouvert samedi. Au menu : tarte"),
            ("Ouvert Samedi.au menu : tarte", "Ouvert Samedi. au menu : tarte"),
            ("OUVERT SAMEDI.AU MENU", "OUVERT SAMEDI. AU MENU"),
            ("Du pain, etc.So good", "Du pain, etc. So good"),
            ("ce week-end.Au menu", "ce week-end. Au menu"),
            ("dès 20h.Au menu", "dès 20h. Au menu"),
            ("en 2026.La carte", "en 2026. La carte"),
            ("Du bon pain.Pizza à 8 €", "Du bon pain. Pizza à 8 €"),
            ("We bake bread.It is good", "We bake bread. It is good"),
            ("Abrimos el domingo.Es gratis", "Abrimos el domingo. Es gratis"),
            ("Aberto sábado.Com música ao vivo", "Aberto sábado. Com música ao vivo"),
            ("De belles tartes.Venez goûter", "De belles tartes. Venez goûter"),
            ("On ouvre le menu.Maître Paul cuisine", "On ouvre le menu. Maître Paul cuisine"),
            ("Ouvert lundi.L'équipe vous attend", "Ouvert lundi. L'équipe vous attend"),
        ] {
            assert_eq!(mend_brief(text), expected);
            assert_eq!(mend_brief(expected), expected);
        }
    }

    #[test]
    fn a_real_link_stays_byte_for_byte() {
        for text in [
            "Infos sur chez-lea.fr",
            "Chez-Lea.Fr vous attend",
            "Booking.Com nous aime",
            "Commandez sur bistrot.Paris ce soir",
            "Site : lea.Pizza ce soir",
            "Lea.Pizza ouvre",
            "www.Lea.Pizza ouvre",
            "https://samedi.Au menu",
            "samedi.Au/menu ici",
            "contact@samedi.Au demain",
            "@samedi.Au demain",
            "a.Pizza.Au menu",
            "lea.pizza et lea.Pizza aussi",
            "M.Martin et St.Denis",
            "3.50 et 12.05",
            "Node.js",
            "",
        ] {
            assert_eq!(mend_brief(text), text);
        }
        let given = given_links("Voir bistrot.Paris et samedi.Au");
        assert_eq!(mend_post("Le bistrot.Paris ouvre", &given), "Le bistrot.Paris ouvre");
        assert_eq!(mend_post("Le bistrot.Paris ouvre", &BTreeSet::new()), "Le bistrot. Paris ouvre");
    }
}
