//! Applies the brand memory to posts: rules that need no writer, and banned words.

use postly_domain::{
    brand::Brand,
    post::{VARIANTS, Variant},
    text::fold,
};

use crate::{
    Defect,
    platform_limits::hashtags,
    revise::without_emoji,
    tokens::{contains_words, spaced_words},
};

/// Applies the rules that need no writer: no emoji, and the signature at the end. Applying it twice changes
/// nothing more.
pub(crate) fn finish(brand: &Brand, post: &mut String) {
    let signature = brand.signature.as_deref().unwrap_or_default();
    let text = unsigned(post, signature);
    let text = if brand.emojis == Some(false) { without_emoji(text) } else { text.to_owned() };
    *post = if signature.is_empty() { text } else { format!("{text}\n\n{signature}") };
}

/// A post without the signature, which stands in lines of its own.
fn unsigned<'a>(post: &'a str, signature: &str) -> &'a str {
    let is_apart = |text: &&str| !signature.is_empty() && (text.is_empty() || text.ends_with('\n'));
    post.strip_suffix(signature).filter(is_apart).map_or(post, str::trim_end)
}

/// Returns a defect for each post that holds a banned word. The signature is exempt, because the author wrote
/// it.
pub(crate) fn check(brand: &Brand, variants: &[Variant]) -> Vec<Defect> {
    let signature = brand.signature.as_deref().unwrap_or_default();
    let mut defects = vec![];
    for (post, variant) in (1..=VARIANTS).zip(variants) {
        let text = unsigned(&variant.text, signature);
        if let Some(word) = banned_word(brand, text) {
            defects.push(Defect::BannedWord { post, word: word.to_owned() });
        }
    }
    defects
}

/// Returns the first banned word in a text: as written, in the plural, or inside a hashtag.
pub fn banned_word<'a>(brand: &'a Brand, text: &str) -> Option<&'a str> {
    /// A shorter word is found inside others by chance: *or* in *#Bordeaux*.
    const LONG_WORD: usize = 5;
    if brand.banned_words.is_empty() {
        return None;
    }
    let words = spaced_words(text);
    let tags: Vec<String> = hashtags(text).into_iter().map(fold).collect();
    let stands = |banned: &str| {
        let wanted = spaced_words(banned);
        let wanted = wanted.trim();
        if wanted.is_empty() {
            // A sign such as an emoji.
            return text.contains(banned);
        }
        let compact = wanted.replace(' ', "");
        ["", "s", "x"].iter().any(|plural| contains_words(&words, &format!("{wanted}{plural}")))
            || tags
                .iter()
                .any(|tag| *tag == compact || compact.chars().count() >= LONG_WORD && tag.contains(&compact))
    };
    brand.banned_words.iter().map(String::as_str).find(|banned| stands(banned))
}

/// The line that names the business where a brief does not: *Chez Léa, Lyon 7e*. `None` if a signature
/// replaces it.
pub(crate) fn business_line(brand: &Brand) -> Option<String> {
    let parts: Vec<&str> = [&brand.name, &brand.place].into_iter().flatten().map(String::as_str).collect();
    (brand.signature.is_none() && !parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banning(words: &[&str]) -> Brand {
        Brand { banned_words: words.iter().map(|word| (*word).to_owned()).collect(), ..Brand::default() }
    }

    #[test]
    fn a_banned_word_is_found_however_it_is_written() {
        let brand = banning(&["discount", "prix cassés", "🔥", "or"]);
        for text in
            ["Du Discount !", "nos discounts", "PRIX CASSES", "#SuperDiscount", "#prixcassés", "Chaud 🔥"]
        {
            assert!(banned_word(&brand, text).is_some(), "{text}");
        }
        for text in ["Un discounter", "des prix", "cassés", "#Bordeaux"] {
            assert_eq!(banned_word(&brand, text), None, "{text}");
        }
    }

    #[test]
    fn the_signature_stands_once_at_the_end_and_keeps_its_signs() {
        let brand =
            Brand {
                signature: Some("☎ 04 78 00 00 00".to_owned()), emojis: Some(false), ..banning(&["04"])
            };
        let mut post = "✨ Samedi 🥐 ici".to_owned();
        finish(&brand, &mut post);
        finish(&brand, &mut post);
        assert_eq!(post, "Samedi ici\n\n☎ 04 78 00 00 00");
        let variant = Variant { text: post, angle: String::new() };
        assert_eq!(check(&brand, &[variant]), []);
    }
}
