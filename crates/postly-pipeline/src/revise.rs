//! Changes of a result: edits made without a writer, and the amended brief for changes that a writer makes.

use std::collections::HashSet;

use postly_domain::{
    Brief, Language,
    intent::{Change, Wish},
    post::{Platform, Variant},
    text::fold,
};

use crate::{
    facts::{self, Fact},
    platform_limits::hashtags,
};

/// The result to change, and the change.
#[derive(Debug, Clone)]
pub struct Revision {
    /// The current posts.
    pub previous: Vec<Variant>,
    /// The platform of the posts.
    pub platform: Platform,
    /// The language of the posts.
    pub language: Language,
    /// The change in the author's words.
    pub instruction: String,
    /// The change as parsed.
    pub change: Change,
}

impl Revision {
    /// Replaces only the post that the change names, or all posts if it names none.
    pub(crate) fn keeping_others(&self, new: Vec<Variant>) -> Vec<Variant> {
        let Some(meant) = self.change.variant.map(usize::from) else { return new };
        let kept = self.previous.iter().cloned().zip(new).enumerate();
        kept.map(|(index, (old, new))| if index + 1 == meant { new } else { old }).collect()
    }

    /// Returns the posts after a change that needs no writer: without hashtags or emoji, or, for the built-in
    /// writer, with fewer words. `None` for any other change, or if nothing would change.
    pub(crate) fn edited(&self, brief: &str, is_ai: bool) -> Option<Vec<Variant>> {
        let edit = |text: &str| match self.change.wish {
            Wish::WithoutHashtags => without_hashtags(text),
            Wish::WithoutEmoji => without_emoji(text),
            Wish::Shorter if !is_ai => shortened(text, brief),
            _ => text.to_owned(),
        };
        let edited =
            self.previous.iter().map(|variant| Variant { text: edit(&variant.text), ..variant.clone() });
        let edited: Vec<Variant> = self.keeping_others(edited.collect());
        let is_changed = edited.iter().zip(&self.previous).any(|(new, old)| new.text != old.text);
        let is_readable = edited.iter().all(|variant| variant.text.chars().any(char::is_alphanumeric));
        (is_changed && is_readable).then_some(edited)
    }

    /// True for a change that the built-in writer cannot make.
    pub(crate) fn needs_a_model(&self) -> bool {
        matches!(
            self.change.wish,
            Wish::Longer | Wish::Other | Wish::Shorter | Wish::WithoutHashtags | Wish::WithoutEmoji
        )
    }
}

/// Returns the brief for a changed result, with a fact added or replaced. `None` if a correction names no
/// comparable fact, or the brief would be too long.
pub fn amended_brief(brief: &Brief, wish: &Wish) -> Option<Brief> {
    let text = match wish {
        Wish::Add(words) => format!("{}\n{words}", brief.as_str()),
        Wish::Correct(words) => corrected(brief.as_str(), words)?,
        Wish::Shorter
        | Wish::Longer
        | Wish::Again
        | Wish::WithoutHashtags
        | Wish::WithoutEmoji
        | Wish::InLanguage(_)
        | Wish::Informal
        | Wish::Formal
        | Wish::Other => return Some(brief.clone()),
    };
    Brief::parse(&text).ok()
}

/// Replaces each fact of the brief by the fact of the correction that is of the same kind, if it is the only
/// one of that kind; other facts are appended. A denial at the end of a correction (*…, pas samedi*) is left
/// out.
fn corrected(brief: &str, correction: &str) -> Option<String> {
    let mut text = brief.to_owned();
    let new = pieces(said_of(correction));
    if new.is_empty() {
        return None;
    }
    let mut added = vec![];
    for (new, kind) in new {
        let old: Vec<String> =
            pieces(&text).into_iter().filter(|(_, other)| *other == kind).map(|(piece, _)| piece).collect();
        match old.as_slice() {
            [old] => text = text.replacen(old.as_str(), &new, 1),
            _ => added.push(new),
        }
    }
    for piece in added {
        text.push('\n');
        text.push_str(&piece);
    }
    Some(text)
}

/// Returns a correction without the denial at its end.
fn said_of(correction: &str) -> &str {
    const DENIALS: [&str; 11] = [
        " pas ",
        " not ",
        " y no ",
        " e não ",
        " au lieu ",
        " instead ",
        " en vez ",
        " em vez ",
        " et non ",
        " مش ",
        " وليس ",
    ];
    let cuts = DENIALS.iter().filter_map(|denial| correction.find(denial));
    // *non pas samedi, dimanche*: the denied fact comes first, and the last fact counts.
    let cut = cuts.filter(|at| !pieces(correction.get(..*at).unwrap_or_default()).is_empty()).min();
    correction.get(..cut.unwrap_or(correction.len())).unwrap_or(correction)
}

/// Returns the pieces of a text that state one fact each, as written, with the kind of the fact.
fn pieces(text: &str) -> Vec<(String, std::mem::Discriminant<Fact>)> {
    let words: Vec<&str> =
        text.split_whitespace().map(|word| word.trim_matches([',', '.', ';', '!', '?'])).collect();
    let mut pieces = vec![];
    let mut at = 0;
    while at < words.len() {
        // `12 €`, `12 décembre`: two words are tried before one.
        let found = [2, 1].into_iter().find_map(|length| {
            let piece = words.get(at..at + length)?.join(" ");
            // One of the two words may hold the whole fact.
            let alone: Vec<Fact> = piece.split(' ').filter(|_| length > 1).flat_map(facts::of_post).collect();
            match facts::of_post(&piece).as_slice() {
                [fact] if !matches!(fact, Fact::Number(_) | Fact::Counted(..)) && !alone.contains(fact) => {
                    Some((piece, std::mem::discriminant(fact), length))
                }
                _ => None,
            }
        });
        match found {
            Some((piece, kind, length)) => {
                pieces.push((piece, kind));
                at += length;
            }
            None => at += 1,
        }
    }
    pieces
}

fn without_hashtags(text: &str) -> String {
    let tags: HashSet<&str> = hashtags(text).into_iter().collect();
    let lines = text.lines().map(|line| {
        let kept = line
            .split(' ')
            .filter(|word| !word.starts_with('#') || !tags.iter().any(|tag| word.contains(tag)));
        kept.collect::<Vec<_>>().join(" ").trim_end().to_owned()
    });
    tidy(lines)
}

pub(crate) fn without_emoji(text: &str) -> String {
    use unicode_segmentation::UnicodeSegmentation as _;
    let lines = text.lines().map(|line| {
        let kept = line.graphemes(true).filter(|sign| !crate::platform_limits::has_emoji(sign));
        kept.collect::<String>().split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    });
    tidy(lines)
}

/// Returns a post without the lines that share nothing with the brief. The first line stays.
fn shortened(text: &str, brief: &str) -> String {
    const SHORTEST_WORD: usize = 4;
    let brief = fold(brief);
    let told: HashSet<&str> = brief
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() >= SHORTEST_WORD)
        .collect();
    let tells = |line: &str| {
        line.contains(char::is_numeric)
            || fold(line).split(|c: char| !c.is_alphanumeric()).any(|word| told.contains(word))
    };
    let lines = text.lines().enumerate();
    tidy(
        lines
            .filter(|(index, line)| *index == 0 || line.is_empty() || tells(line))
            .map(|(_, line)| line.to_owned()),
    )
}

/// Joins lines, without an empty line at either end and without two empty lines in a row.
fn tidy(lines: impl Iterator<Item = String>) -> String {
    let mut tidied: Vec<String> = vec![];
    for line in lines {
        let is_blank = line.trim().is_empty();
        if !is_blank || tidied.last().is_some_and(|last| !last.is_empty()) {
            tidied.push(if is_blank { String::new() } else { line });
        }
    }
    tidied.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brief(text: &str) -> Brief {
        Brief::parse(text).expect("a brief")
    }

    #[test]
    fn a_correction_replaces_the_only_fact_of_its_kind() {
        for (text, words, expected) in [
            ("brunch samedi 15h à 12 €", "en fait c'est dimanche 17h", "brunch dimanche 17h à 12 €"),
            ("brunch samedi", "en fait c'est à 15 €", "brunch samedi\n15 €"),
            ("-20 % sur les pulls", "non c'est -30 %", "-30 % sur les pulls"),
            ("brunch samedi", "c'est dimanche 17h, pas samedi", "brunch dimanche\n17h"),
            ("brunch samedi", "non pas samedi, dimanche", "brunch dimanche"),
            ("brunch samedi", "remplace samedi par dimanche", "brunch dimanche"),
        ] {
            let amended = amended_brief(&brief(text), &Wish::Correct(words.to_owned())).unwrap();
            assert_eq!(amended.as_str(), expected, "{words:?}");
        }
    }

    #[test]
    fn a_correction_without_a_fact_amends_nothing() {
        assert_eq!(
            amended_brief(&brief("brunch samedi"), &Wish::Correct("remplace brunch par dîner".to_owned())),
            None
        );
    }

    #[test]
    fn an_addition_stands_behind_the_brief() {
        let amended = amended_brief(&brief("brunch samedi"), &Wish::Add("12 €".to_owned())).unwrap();
        assert_eq!(amended.as_str(), "brunch samedi\n12 €");
    }

    #[test]
    fn signs_are_taken_away_and_nothing_else() {
        assert_eq!(without_hashtags("Bonjour #Lyon et vous\n\n#pain #brunch"), "Bonjour et vous");
        assert_eq!(without_emoji("✨ Bonjour 🥐 ici\nNuméro 12 👇"), "Bonjour ici\nNuméro 12");
    }

    #[test]
    fn a_shorter_post_keeps_what_the_brief_tells() {
        let text = "Envie de bon ?\nNos croissants à -20 %\nOn adore ça.\nCe samedi";
        assert_eq!(
            shortened(text, "croissants -20 % samedi"),
            "Envie de bon ?\nNos croissants à -20 %\nCe samedi"
        );
    }
}
