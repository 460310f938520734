//! Comparing what people type without minding how they type it.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The form in which two spellings of a command are the same: compatibility-composed (`ＬＯＧＩＮ` is `LOGIN`),
/// lower case, without accents, vowel signs or invisible characters, inner white space as single spaces.
///
/// For comparing only: what an author wrote is stored and written about as she wrote it.
pub fn fold(text: &str) -> String {
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

/// Characters that take no room: marks of direction, joiners, variation selectors, the byte order mark.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{AD}')
        || (c.is_control() && !c.is_whitespace())
}

/// Text as both databases can hold it: PostgreSQL refuses U+0000 in `TEXT`, so it is left out.
pub fn storable(text: &str) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text.to_owned() }
}

/// How many UTF-16 code units a text takes, the unit in which we keep providers' limits.
pub fn utf16_len(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_forgets_case_accents_width_and_the_invisible() {
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
}
