//! Lists of words and phrases: `phrases.txt` holds them by name, in five languages.

use std::{collections::HashMap, sync::LazyLock};

use super::reading::Reading;

/// Returns the list of a name. An unknown name gives an empty list; a test checks each name in the code.
pub(super) fn list(name: &str) -> &'static [&'static str] {
    LISTS.get(name).map_or(&[], Vec::as_slice)
}

/// Returns true if an item of the list occurs in the text, between whole words.
pub(super) fn says(reading: &Reading, name: &str) -> bool {
    list(name).iter().any(|phrase| {
        reading.joined.match_indices(phrase).any(|(at, _)| {
            let after = at + phrase.len();
            reading.joined.get(..at).is_some_and(|before| before.ends_with(' '))
                && reading.joined.get(after..).is_some_and(|after| after.starts_with(' '))
        })
    })
}

/// True if the text is one of the items of the list.
pub(super) fn is(reading: &Reading, name: &str) -> bool {
    list(name).contains(&reading.joined.trim())
}

/// True if a word of the text is an item of the list.
pub(super) fn has_word(reading: &Reading, name: &str) -> bool {
    let list = list(name);
    reading.words.iter().any(|word| list.contains(&word.folded.as_str()))
}

/// True if the first word of the text is an item of the list.
pub(super) fn opens_with(reading: &Reading, name: &str) -> bool {
    reading.words.first().is_some_and(|word| list(name).contains(&word.folded.as_str()))
}

static LISTS: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let mut lists: HashMap<_, Vec<_>> = HashMap::new();
    let mut name = "";
    for line in include_str!("phrases.txt").lines().filter(|line| !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(section) => name = section,
            None => {
                let items = line.split(',').map(str::trim).filter(|item| !item.is_empty());
                lists.entry(name).or_default().extend(items);
            }
        }
    }
    lists
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::fold;

    #[test]
    fn every_phrase_is_folded() {
        for (name, items) in LISTS.iter() {
            for item in items {
                assert_eq!(*item, fold(item), "{name}");
            }
        }
    }

    #[test]
    fn every_list_that_the_code_names_exists_and_the_reverse() {
        let code =
            [include_str!("requests.rs"), include_str!("follow_up.rs"), include_str!("mod.rs")].concat();
        for name in LISTS.keys() {
            assert!(code.contains(&format!("\"{name}\"")), "{name} is not used");
        }
        for call in ["says(reading, \"", "is(reading, \"", "has_word(reading, \"", "opens_with(reading, \""] {
            for (at, _) in code.match_indices(call) {
                let name = code[at + call.len()..].split('"').next().expect("a name");
                assert!(LISTS.contains_key(name), "{name} is missing");
            }
        }
    }
}
