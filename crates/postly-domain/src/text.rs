//! Comparison of typed text without regard to case, accents and spacing.

use std::{borrow::Cow, sync::LazyLock};

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Returns the form in which all spellings of a command are equal: compatibility-composed (`ＬＯＧＩＮ` is
/// `LOGIN`), lower case, without accents, vowel signs or invisible characters, inner white space as single
/// spaces.
///
/// For comparison only: an author's text is stored and used as they wrote it.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut gap = false;
    let mut push = |c: char| {
        if c.is_whitespace() {
            gap = true;
            return;
        }
        if std::mem::take(&mut gap) && !folded.is_empty() {
            folded.push(' ');
        }
        folded.push(c);
    };
    // Decomposition handles each character alone. Only the order of marks needs more, and marks are dropped.
    for c in text.chars() {
        if c.is_ascii() {
            plain(c.to_ascii_lowercase()).into_iter().for_each(&mut push);
        } else if let Some(known) = FOLDED.get(index_of(c)) {
            known.chars().for_each(&mut push);
        } else {
            fold_char(c).for_each(&mut push);
        }
    }
    folded
}

/// The words between the spaces of a folded text, without the punctuation around them.
pub(crate) fn trimmed_words(folded: &str) -> impl Iterator<Item = &str> {
    folded
        .split(' ')
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty())
}

/// The runs of letters and digits of a folded text.
pub(crate) fn words_of(folded: &str) -> impl Iterator<Item = &str> {
    folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// The folded form of each character of our scripts: European Latin, Greek, Cyrillic, Arabic.
static FOLDED: LazyLock<Vec<Box<str>>> = LazyLock::new(|| {
    (FIRST_FOLDED..LAST_FOLDED)
        .map(|code| char::from_u32(code).map(|c| fold_char(c).collect::<String>()).unwrap_or_default().into())
        .collect()
});
const FIRST_FOLDED: u32 = 0x80;
const LAST_FOLDED: u32 = 0x700;

/// The index of a character in [`FOLDED`]; out of range for a character that it does not contain.
fn index_of(c: char) -> usize {
    u32::from(c).checked_sub(FIRST_FOLDED).and_then(|index| usize::try_from(index).ok()).unwrap_or(usize::MAX)
}

fn fold_char(c: char) -> impl Iterator<Item = char> {
    std::iter::once(c).nfkd().flat_map(char::to_lowercase).nfkd().filter_map(plain)
}

/// The compared form of a decomposed character in lower case.
fn plain(c: char) -> Option<char> {
    match c {
        _ if c.is_ascii_alphanumeric() => Some(c),
        _ if is_combining_mark(c) || is_invisible(c) => None,
        '’' | '‘' | '`' => Some('\''),
        'أ' | 'إ' | 'آ' => Some('ا'),
        other => Some(other),
    }
}

/// Zero-width characters: those of [`is_format_mark`], and control characters.
fn is_invisible(c: char) -> bool {
    is_format_mark(c) || (c.is_control() && !c.is_whitespace())
}

/// Marks of direction, joiners, variation selectors, the soft hyphen and the byte order mark.
pub(crate) fn is_format_mark(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{AD}' | '\u{61C}')
}

/// Removes U+0000, because PostgreSQL refuses it in `TEXT`.
pub fn storable(text: &str) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text.to_owned() }
}

/// Replaces each escape of half a surrogate pair (`\\ud83d` of an emoji that was cut in two) in JSON by the
/// escape of U+FFFD. No Unicode text contains such a half, so readers refuse the whole value. Everything else
/// stays as it is, lengths included.
pub fn mend_surrogates(json: &str) -> Cow<'_, str> {
    let mut mended = String::new();
    // `rest`: the start of the part that is not yet in `mended`. `end`: the end of the last escape.
    let (mut rest, mut end) = (0, 0);
    for (at, _) in json.match_indices('\\') {
        if at < end {
            continue;
        }
        let Some(unit) = escaped_unit(json, at) else {
            // The character after the backslash is escaped; it may be a backslash itself.
            end = at + 2;
            continue;
        };
        end = at + 6;
        match unit {
            0xD800..=0xDBFF
                if escaped_unit(json, end).is_some_and(|low| (0xDC00..=0xDFFF).contains(&low)) =>
            {
                end += 6;
            }
            0xD800..=0xDFFF => {
                mended.push_str(json.get(rest..at).unwrap_or_default());
                mended.push_str("\\ufffd");
                rest = end;
            }
            _ => {}
        }
    }
    if rest == 0 {
        return Cow::Borrowed(json);
    }
    mended.push_str(json.get(rest..).unwrap_or_default());
    Cow::Owned(mended)
}

/// The UTF-16 code unit that is escaped at this place, if there is one.
fn escaped_unit(json: &str, at: usize) -> Option<u16> {
    let digits = json.get(at..at + 6)?.strip_prefix("\\u")?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex { u16::from_str_radix(digits, 16).ok() } else { None }
}

/// The length of a text in UTF-16 code units, the unit of our limits for providers.
pub fn utf16_len(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Folding as it is defined, without regard for speed.
    fn defined(text: &str) -> String {
        let plain: String = text
            .nfkd()
            .flat_map(char::to_lowercase)
            .nfkd()
            .filter(|c| !is_combining_mark(*c) && !is_invisible(*c))
            .map(|c| match c {
                '’' | '‘' | '`' => '\'',
                'أ' | 'إ' | 'آ' => 'ا',
                other => other,
            })
            .collect();
        plain.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    proptest! {
        #[test]
        fn folding_is_what_it_is_defined_to_be(text in "\\PC{0,40}|[ -\u{7ff}\u{1100}-\u{11ff}\u{2000}-\u{206f}]{0,40}") {
            prop_assert_eq!(fold(&text), defined(&text));
        }
    }

    #[test]
    fn every_character_folds_as_defined() {
        for c in '\0'..=char::MAX {
            let text = format!("x {c}y");
            assert_eq!(fold(&text), defined(&text), "{c:?}");
        }
    }

    #[test]
    fn w28_folding_forgets_case_accents_width_and_the_invisible() {
        for (input, expected) in [
            ("ＬＯＧＩＮ", "login"),
            ("LOGİN", "login"),
            ("  Arrêt ", "arret"),
            ("e\u{301}te\u{301}", "ete"),
            ("\u{202E}HELP\u{200B}", "help"),
            ("إيقاف", "ايقاف"),
            ("c’est\n\tquoi", "c'est quoi"),
        ] {
            assert_eq!(fold(input), expected, "{input:?}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced_and_nothing_else() {
        for (json, expected) in [
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\uDD50 \uD83E""#, r#""\ufffd \ufffd""#),
            (r#""\ud83d\ud83e\udd50\udd50""#, r#""\ufffd\ud83e\udd50\ufffd""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#""\ud83d\\udd50""#, r#""\ufffd\\udd50""#),
            (r#"{"\ud83d":"é\ud83d🥐"}"#, r#"{"\ufffd":"é\ufffd🥐"}"#),
        ] {
            assert_eq!(mend_surrogates(json), expected);
        }
        for json in [
            "",
            "\\",
            "\\u",
            "\\ud83",
            "\\ud83é",
            "\\u+83d",
            r#""\\ud83d""#,
            r#""\ud83e\udd50 \u00e9 \n \\ \u0000 🥐""#,
        ] {
            assert!(matches!(mend_surrogates(json), Cow::Borrowed(same) if same == json), "{json}");
        }
    }
}
