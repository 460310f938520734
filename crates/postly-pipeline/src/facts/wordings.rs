//! The table of alternative wordings, `wordings.txt`, read once.

use std::{collections::HashMap, sync::LazyLock};

/// Consecutive folded words.
pub(super) type Phrase = Vec<&'static str>;

/// The part of the day of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DayPart {
    /// Before noon.
    Am,
    /// After noon.
    Pm,
    /// Around noon.
    Noon,
}

/// A slot in the wording of a deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// A word, perhaps with an ending.
    Word(&'static str),
    /// The number of items received.
    Got,
    /// The number of items paid for.
    Paid,
    /// The number of free items.
    Free,
}

/// The content of the data file.
#[derive(Default)]
pub(super) struct Wordings {
    /// Numbers of one word.
    pub(super) numbers: HashMap<&'static str, u32>,
    /// Numbers of two words.
    pub(super) long_numbers: HashMap<(&'static str, &'static str), u32>,
    /// Words that name two of something.
    pub(super) pairs: Vec<&'static str>,
    /// Times of day by name, in minutes.
    pub(super) clocks: Vec<(u32, Phrase)>,
    /// Words before the name of a time of day, required in a post.
    pub(super) at: Vec<Phrase>,
    pub(super) parts: Vec<(DayPart, Phrase)>,
    pub(super) hours: Vec<Phrase>,
    /// Minutes in words after an hour.
    pub(super) minutes: Vec<(i32, Phrase)>,
    /// Minutes in words before an hour.
    pub(super) past: Vec<(i32, Phrase)>,
    pub(super) hour_before: Vec<Phrase>,
    pub(super) percents: Vec<(&'static str, Phrase)>,
    pub(super) percent_signs: Vec<Phrase>,
    pub(super) cents: Vec<Phrase>,
    /// Percentages, each with others of the same meaning.
    pub(super) same_percents: Vec<(&'static str, Vec<&'static str>)>,
    pub(super) deals: Vec<Vec<Slot>>,
    pub(super) endings: Vec<&'static str>,
    pub(super) until: Vec<&'static str>,
    pub(super) from: Vec<&'static str>,
}

pub(super) static WORDINGS: LazyLock<Wordings> = LazyLock::new(|| {
    let mut wordings = Wordings::default();
    let lines = include_str!("wordings.txt").lines().filter(|line| !line.starts_with('#'));
    for (key, listed) in lines.filter_map(|line| line.split_once(": ")) {
        let (kind, value) = key.split_once(' ').unwrap_or((key, ""));
        read_line(&mut wordings, kind, value, listed);
    }
    sort(&mut wordings);
    wordings
});

fn read_line(table: &mut Wordings, kind: &str, value: &'static str, listed: &'static str) {
    let entries = || listed.split(", ");
    let phrases = || entries().map(|entry| entry.split(' ').collect::<Phrase>());
    match kind {
        "number" => {
            let value = value.parse().unwrap_or_default();
            for phrase in phrases() {
                match phrase.as_slice() {
                    [word] => drop(table.numbers.insert(word, value)),
                    [first, second] => drop(table.long_numbers.insert((first, second), value)),
                    _ => {}
                }
            }
        }
        "pair" => table.pairs.extend(entries()),
        "clock" => {
            let minutes =
                value.split_once(':').and_then(|(hour, _)| hour.parse::<u32>().ok()).unwrap_or_default() * 60;
            table.clocks.extend(phrases().map(|phrase| (minutes, phrase)));
        }
        "at" => table.at.extend(phrases()),
        "part" => {
            let part = match value {
                "am" => DayPart::Am,
                "pm" => DayPart::Pm,
                _ => DayPart::Noon,
            };
            table.parts.extend(phrases().map(|phrase| (part, phrase)));
        }
        "hour" if value == "before" => table.hour_before.extend(phrases()),
        "hour" => table.hours.extend(phrases()),
        "minutes" => {
            table.minutes.extend(phrases().map(|phrase| (value.parse().unwrap_or_default(), phrase)));
        }
        "past" => table.past.extend(phrases().map(|phrase| (value.parse().unwrap_or_default(), phrase))),
        "percent" if value == "sign" => table.percent_signs.extend(phrases()),
        "percent" => table.percents.extend(phrases().map(|phrase| (value, phrase))),
        "cents" => table.cents.extend(phrases()),
        "same" => table.same_percents.push((value, entries().collect())),
        "deal" => table.deals.extend(entries().map(slots)),
        "endings" => table.endings.extend(entries()),
        "until" => table.until.extend(entries()),
        "from" => table.from.extend(entries()),
        _ => {}
    }
}

fn slots(entry: &'static str) -> Vec<Slot> {
    let slot = |word| match word {
        "{n}" => Slot::Got,
        "{m}" => Slot::Paid,
        "{f}" => Slot::Free,
        word => Slot::Word(word),
    };
    entry.split(' ').map(slot).collect()
}

/// Longest first, so that "a partir de" is not read as "a".
fn sort(table: &mut Wordings) {
    for list in
        [&mut table.at, &mut table.hours, &mut table.hour_before, &mut table.percent_signs, &mut table.cents]
    {
        list.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
    }
    table.clocks.sort_by_key(|(_, phrase)| std::cmp::Reverse(phrase.len()));
    table.parts.sort_by_key(|(_, phrase)| std::cmp::Reverse(phrase.len()));
    table.minutes.sort_by_key(|(_, phrase)| std::cmp::Reverse(phrase.len()));
    table.past.sort_by_key(|(_, phrase)| std::cmp::Reverse(phrase.len()));
    table.percents.sort_by_key(|(_, phrase)| std::cmp::Reverse(phrase.len()));
    table.deals.sort_by_key(|slots| std::cmp::Reverse(slots.len()));
}

/// Returns a percentage in a form in which two spellings of a third are equal.
pub(super) fn same_percent(number: &str) -> &str {
    let same = WORDINGS.same_percents.iter().find(|(_, others)| others.contains(&number));
    same.map_or(number, |(kept, _)| kept)
}

#[cfg(test)]
mod tests {
    use postly_domain::text::fold;

    #[test]
    fn every_line_is_known_and_every_wording_is_written_as_it_is_compared() {
        const KINDS: [&str; 16] = [
            "number",
            "pair",
            "clock",
            "at",
            "part",
            "hour",
            "minutes",
            "past",
            "percent",
            "cents",
            "same",
            "deal",
            "endings",
            "until",
            "from",
            "hour before",
        ];
        let lines = include_str!("wordings.txt").lines();
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (key, listed) = line.split_once(": ").unwrap();
            assert!(KINDS.contains(&key.split(' ').next().unwrap()), "{key}");
            assert_eq!(fold(listed), listed);
            assert!(!listed.contains(['-', '\'', '’']), "{listed}");
        }
    }
}
