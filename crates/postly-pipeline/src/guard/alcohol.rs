//! Alcohol is a lawful trade: its posts carry the line required by law in the author's region (RULES 5.7).

use std::{collections::HashMap, sync::LazyLock};

use postly_domain::{Language, text::fold};

use super::forbidden;
use crate::{language::detect_language, tokens::spaced_words};

/// The region assumed for a brief in French if none is known, equal to the default of `DEFAULT_REGION`.
const USUAL_REGION: &str = "FR";

/// The lines by region.
static LINES: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let rows = include_str!("legal_lines.txt").lines().filter(|row| !row.starts_with('#'));
    rows.filter_map(|row| {
        let mut fields = row.split(" | ");
        let region = fields.next()?;
        fields.nth(2).map(|line| (region, line))
    })
    .collect()
});

/// True if a brief names an alcoholic drink.
pub(crate) fn is_about_alcohol(brief: &str) -> bool {
    forbidden::names_a_drink(&spaced_words(brief))
}

/// Returns the line that posts of this brief must carry in a region.
pub(crate) fn alcohol_line(brief: &str, region: Option<&str>) -> Option<&'static str> {
    let usual = || (detect_language(brief).best == Some(Language::Fr)).then_some(USUAL_REGION);
    let line = LINES.get(region.or_else(usual)?).copied()?;
    is_about_alcohol(brief).then_some(line)
}

/// Adds the line to a post that lacks it: before the hashtags, if the post ends in a line of them.
pub(crate) fn add_legal_line(brief: &str, region: Option<&str>, post: &mut String) {
    let Some(line) = alcohol_line(brief, region) else { return };
    if fold(post).contains(&fold(line)) {
        return;
    }
    let (text, tags) = match post.rsplit_once('\n') {
        Some((text, tags)) if tags.split_whitespace().all(|word| word.starts_with('#')) => {
            (text.trim_end(), tags)
        }
        _ => (post.as_str(), ""),
    };
    let parts = [text, line, tags];
    *post = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_about_alcohol_carry_the_line_of_their_region_once() {
        const LINE: &str = "L'abus d'alcool est dangereux pour la santé, à consommer avec modération.";
        let check = |brief: &str, region: Option<&str>, post: &str, expected: &str| {
            let mut post = post.to_owned();
            add_legal_line(brief, region, &mut post);
            add_legal_line(brief, region, &mut post);
            assert_eq!(post, expected, "{brief}");
        };
        check("Dégustation de vins samedi", None, "Samedi !", &format!("Samedi !\n\n{LINE}"));
        check(
            "Champagne à -15 %",
            Some("RE"),
            "Oui\n\n#Cave #Lyon",
            &format!("Oui\n\n{LINE}\n\n#Cave #Lyon"),
        );
        check("Wine tasting on Saturday", Some("GB"), "Saturday", "Saturday");
        check("Cocktails sans alcool", None, "Samedi", "Samedi");
        check("Babas au rhum à 4 €", None, "Samedi", "Samedi");
    }
}
