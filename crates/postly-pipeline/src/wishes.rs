//! What the author says about the form of the posts rather than about her shop.

use postly_domain::{post::Platform, text::fold};

use crate::tokens::{Kind, tokens};

/// Her wishes, as far as plain words tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Wishes {
    /// "Sans emoji".
    pub(crate) no_emoji: bool,
    /// "Sans hashtag".
    pub(crate) no_hashtag: bool,
}

/// Reads the wishes of a brief.
pub(crate) fn read(brief: &str) -> Wishes {
    let folded = fold(brief).replace("d'", "").replace(['-', '#'], " #");
    let folded = folded.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_without = |before: &str| {
        before.strip_suffix(' ').is_some_and(|before| WITHOUT.iter().any(|without| before.ends_with(without)))
    };
    let unwanted = |things: &[&str]| {
        let mut places = things.iter().flat_map(|thing| folded.match_indices(thing));
        places.any(|(at, _)| folded.get(..at).is_some_and(is_without))
    };
    Wishes {
        no_emoji: unwanted(&["emoji", "emoticon", "smiley", "émoji", "ايموجي", "رموز تعبيرية"]),
        no_hashtag: unwanted(&["hashtag", "#", "mot cle", "hash tag", "هاشتاغ", "هاشتاج", "وسوم"])
            && !folded.contains("pas # "),
    }
}

const WITHOUT: &[&str] =
    &["sans", "pas de", "pas", "aucun", "no", "without", "without any", "sin", "sem", "zero", "zéro", "بدون"];

/// The one platform that a brief names; none if it names none, or several.
pub(crate) fn platform(brief: &str) -> Option<Platform> {
    let tokens = tokens(brief);
    let mut named: Option<Platform> = None;
    for (at, token) in tokens.iter().enumerate() {
        let found = match token.folded.as_str() {
            _ if token.kind != Kind::Word => continue,
            "instagram" | "insta" | "انستغرام" | "انستقرام" | "إنستغرام" => {
                Platform::Instagram
            }
            "facebook" | "fb" | "فيسبوك" => Platform::Facebook,
            "linkedin" | "لينكدإن" => Platform::Linkedin,
            "twitter" | "tweet" | "tweets" | "تويتر" => Platform::X,
            "tiktok" | "tik-tok" | "تيكتوك" => Platform::Tiktok,
            "whatsapp" | "wathsapp" | "whatsap" | "واتساب" => Platform::Whatsapp,
            "x" if brief.get(token.start..token.end) == Some("X") && after_preposition(&tokens, at) => {
                Platform::X
            }
            _ => continue,
        };
        match named {
            Some(other) if other != found => return None,
            _ => named = Some(found),
        }
    }
    named
}

fn after_preposition(tokens: &[crate::tokens::Token], at: usize) -> bool {
    at.checked_sub(1).and_then(|before| tokens.get(before)).is_some_and(|token| {
        matches!(token.folded.as_str(), "sur" | "pour" | "on" | "for" | "en" | "para" | "post")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_read() {
        for (brief, no_emoji, no_hashtag) in [
            ("Un post sur nos pains, sans emoji", true, false),
            ("no hashtags, no emojis please", true, true),
            ("pas d’émojis ni de hashtags", true, false),
            ("sin hashtags", false, true),
            ("sem emoji", true, false),
            ("un post avec des emojis et des hashtags", false, false),
            ("sans gluten", false, false),
        ] {
            assert_eq!(read(brief), Wishes { no_emoji, no_hashtag }, "{brief}");
        }
    }

    #[test]
    fn a_platform_is_named_once() {
        for (brief, expected) in [
            ("un post Insta", Some(Platform::Instagram)),
            ("pour Facebook et Instagram", None),
            ("un tweet sur nos pains", Some(Platform::X)),
            ("un post pour X", Some(Platform::X)),
            ("taille X et L", None),
            ("statut WhatsApp", Some(Platform::Whatsapp)),
            ("un post", None),
        ] {
            assert_eq!(platform(brief), expected, "{brief}");
        }
    }
}
