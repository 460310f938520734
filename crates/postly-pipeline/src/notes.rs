//! Notes for the author about the limits of the networks, sent beside the posts.

use postly_domain::post::Platform;

use crate::{
    WriteRequest, networks,
    platform_limits::{hashtag_limit, limit},
    wishes,
};

/// One note for the reply, not for the posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The brief names networks with limits unknown to us: no limit of theirs was applied.
    UnknownNetworks(Vec<&'static str>),
    /// The brief asks for more hashtags than the network allows.
    Hashtags {
        /// The network.
        platform: Platform,
        /// Its limit.
        limit: usize,
    },
    /// The brief asks for a longer post than the network allows.
    Length {
        /// The network.
        platform: Platform,
        /// Its limit.
        limit: usize,
    },
}

/// The notes that go with posts for this platform.
pub(crate) fn of(ask: &WriteRequest, platform: Platform) -> Vec<Note> {
    let brief = ask.brief.as_str();
    let wishes = wishes::read(brief);
    let mut notes = Vec::new();
    // A platform chosen beside the brief overrides those named in it.
    let unknown = if ask.platform.is_none() { networks::named(brief).unknown } else { Vec::new() };
    if !unknown.is_empty() {
        notes.push(Note::UnknownNetworks(unknown));
    }
    let platforms = networks::held_to(brief, platform);
    let strictest = |limit_of: &dyn Fn(Platform) -> Option<usize>| {
        platforms
            .iter()
            .filter_map(|platform| Some((*platform, limit_of(*platform)?)))
            .min_by_key(|(_, most)| *most)
    };
    if let Some((platform, limit)) = strictest(&hashtag_limit)
        && wishes.hashtags.is_some_and(|wanted| wanted > limit)
    {
        notes.push(Note::Hashtags { platform, limit });
    }
    if let Some((platform, limit)) = strictest(&network_limit)
        && wishes.characters.is_some_and(|wanted| wanted > limit)
    {
        notes.push(Note::Length { platform, limit });
    }
    notes
}

/// Returns the limit that the network itself sets; our own limits for the others do not concern the author.
fn network_limit(platform: Platform) -> Option<usize> {
    match platform {
        Platform::General | Platform::Facebook | Platform::Email => None,
        Platform::Instagram
        | Platform::Linkedin
        | Platform::X
        | Platform::Tiktok
        | Platform::Whatsapp
        | Platform::Threads
        | Platform::Bluesky
        | Platform::Mastodon
        | Platform::Pinterest
        | Platform::GoogleBusiness
        | Platform::Youtube
        | Platform::Telegram
        | Platform::Snapchat => Some(limit(platform)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(brief: &str, platform: Platform, expected: &[Note]) {
        let ask = crate::prompt::tests::ask(brief);
        assert_eq!(of(&ask, platform), expected, "{brief}");
    }

    #[test]
    fn a_wish_above_the_limit_is_noted() {
        let five = [Note::Hashtags { platform: Platform::Instagram, limit: 5 }];
        for brief in [
            "un post Instagram sur nos pains avec 15 hashtags",
            "un post Instagram, quinze hashtags",
            "Instagram post with 10 hashtags",
            "post de Instagram con 20 hashtags",
            "post no Instagram com 8 hashtags",
            "منشور على إنستغرام مع 15 هاشتاغ",
            "منشور على إنستغرام مع ١٥ هاشتاج",
        ] {
            check(brief, Platform::Instagram, &five);
        }
        check("un post Instagram avec 5 hashtags", Platform::Instagram, &[]);
        check("un post Instagram, -20 % hashtags svp", Platform::Instagram, &[]);
        check("un post Instagram avec 15 croissants", Platform::Instagram, &[]);
        check("un post LinkedIn avec 15 hashtags", Platform::Linkedin, &[]);
        let one = [Note::Hashtags { platform: Platform::Threads, limit: 1 }];
        check("un post pour Instagram et Threads, 3 hashtags", Platform::General, &one);
        let short = [Note::Length { platform: Platform::X, limit: 280 }];
        check("un post pour X de 500 caractères", Platform::X, &short);
        check("a 300 word post for X", Platform::X, &short);
        check("un post pour X de 250 caractères", Platform::X, &[]);
        check("un post Facebook de 9000 caractères", Platform::Facebook, &[]);
    }

    #[test]
    fn an_unknown_network_is_noted() {
        check("post pour Xing", Platform::General, &[Note::UnknownNetworks(vec!["Xing"])]);
        check(
            "post Discord et Twitch",
            Platform::General,
            &[Note::UnknownNetworks(vec!["Discord", "Twitch"])],
        );
        check("post pour ma boulangerie", Platform::General, &[]);
    }
}
