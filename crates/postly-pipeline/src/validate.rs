//! Checks the form of three posts. The checks do not rely on those of the server.

use std::collections::BTreeSet;

use postly_domain::{
    Language,
    post::{Platform, VARIANTS, Variant},
    text::fold,
};

pub use crate::draft_body::read;
use crate::{
    Defect, language, networks,
    platform_limits::{has_emoji, hashtag_limit, hashtags, length, limit, link_limit, links},
    tokens::{folded_words, spaced_words, words_of},
    wishes,
};

/// Two posts that share this part of their words or more count as the same post, except those of the built-in
/// writer for a long brief.
pub const OVERLAP_LIMIT: f64 = 0.7;
/// With more words than this in the brief, its words are left out of the comparison of posts by the built-in
/// writer: each holds all of them, so that no wording of the rest would make the posts different.
const SHORT_BRIEF: usize = 20;
/// The fewest words that the posts must have beside those of a long brief.
const OWN_WORDS: usize = 6;

/// The longest name of an angle, in characters: it must fit a heading.
const LONGEST_ANGLE: usize = 60;

/// Trims the posts and removes characters that a database or platform rejects.
pub fn tidy(variants: Vec<Variant>) -> Vec<Variant> {
    let tidy_one = |variant: Variant| {
        let angle = printable(&variant.angle).split_whitespace().collect::<Vec<_>>().join(" ");
        let angle: String = angle.chars().take(LONGEST_ANGLE).collect();
        Variant { text: printable(&variant.text).trim().to_owned(), angle: angle.trim_end().to_owned() }
    };
    variants.into_iter().map(tidy_one).collect()
}

/// Removes control characters, which a database or a terminal may obey, and marks that change the direction
/// of the text after them, our own text included. Every kind of line break becomes `\n`.
fn printable(text: &str) -> String {
    let plain = text.replace("\r\n", "\n");
    let kept = plain.chars().filter_map(|c| match c {
        '\n' => Some('\n'),
        '\t' => Some(' '),
        '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => None,
        c if c.is_control() => None,
        c => Some(c),
    });
    kept.collect()
}

/// Returns the defects in the form of these posts.
///
/// Without a language, any language is accepted.
pub fn check(
    brief: &str,
    variants: &[Variant],
    platform: Platform,
    language: impl Into<Option<Language>>,
) -> Vec<Defect> {
    Form::new(brief, platform, language).check(variants)
}

/// The rules for the form of the posts, read once for any number of drafts.
pub(crate) struct Form {
    brief_words: BTreeSet<String>,
    brief_tags: BTreeSet<String>,
    brief_chars: BTreeSet<char>,
    wishes: wishes::Wishes,
    /// The networks whose limits apply.
    platforms: Vec<Platform>,
    language: Option<Language>,
    /// True for posts of the built-in writer, each of which holds all words of a long brief.
    composed: bool,
}

impl Form {
    pub(crate) fn new(brief: &str, platform: Platform, language: impl Into<Option<Language>>) -> Self {
        Self {
            brief_words: folded_words(brief).into_iter().collect(),
            brief_tags: hashtags(brief).into_iter().map(fold).collect(),
            brief_chars: brief.chars().collect(),
            wishes: wishes::read(brief),
            platforms: networks::held_to(brief, platform),
            language: language.into(),
            composed: false,
        }
    }

    /// The rules for posts of the built-in writer.
    #[must_use]
    pub(crate) fn of_composer(self) -> Self {
        Self { composed: true, ..self }
    }

    /// The most hashtags that all networks of the posts allow.
    pub(crate) fn most_hashtags(&self) -> Option<usize> {
        self.platforms.iter().copied().filter_map(hashtag_limit).min()
    }

    pub(crate) fn check(&self, variants: &[Variant]) -> Vec<Defect> {
        let mut defects = Vec::new();
        if variants.len() != VARIANTS {
            defects.push(Defect::WrongCount { found: variants.len() });
        }
        // Posts beyond the third are not checked, because the wrong count is already a defect.
        for (post, variant) in (1..=VARIANTS).zip(variants) {
            self.check_one(&mut defects, &variant.text, post);
        }
        defects.extend(self.alike(variants));
        defects
    }

    /// The pairs of posts that count as the same.
    fn alike(&self, variants: &[Variant]) -> Vec<Defect> {
        let mut alike = Vec::new();
        for_each_pair(variants, |first, one, second, other| {
            if overlap_of(one, other) >= OVERLAP_LIMIT && !self.differ_beside_brief(one, other) {
                alike.push(Defect::TooAlike { first, second });
            }
        });
        alike
    }

    /// True if no two posts overlap, the words of the brief included.
    pub(crate) fn are_distinct(variants: &[Variant]) -> bool {
        let mut distinct = true;
        for_each_pair(variants, |_, one, _, other| distinct &= overlap_of(one, other) < OVERLAP_LIMIT);
        distinct
    }

    /// True if two posts of a long brief differ in the words that are not the brief's.
    fn differ_beside_brief(&self, one: &BTreeSet<&str>, other: &BTreeSet<&str>) -> bool {
        let is_own = |word: &&&str| !self.brief_words.contains(**word);
        let all = one.union(other).filter(is_own).count();
        let shared = one.intersection(other).filter(is_own).count();
        self.composed
            && self.brief_words.len() > SHORT_BRIEF
            && all >= OWN_WORDS
            && part_of(shared, all) < OVERLAP_LIMIT
    }

    fn check_one(&self, defects: &mut Vec<Defect>, text: &str, post: usize) {
        if words_of(&fold(text)).next().is_none() {
            defects.push(Defect::Empty { post });
            return;
        }
        let tags = hashtags(text);
        self.check_limits(defects, text, &tags, post);
        let distinct: BTreeSet<String> = tags.iter().map(|tag| fold(tag)).collect();
        if distinct.len() < tags.len() {
            defects.push(Defect::RepeatedHashtag { post });
        }
        // An emoji or hashtag that the brief itself holds may be quoted, even if the author asks for none.
        if self.wishes.no_hashtag && !distinct.is_subset(&self.brief_tags) {
            defects.push(Defect::UnwantedHashtag { post });
        }
        let unwanted = |c: char| has_emoji(c.encode_utf8(&mut [0; 4])) && !self.brief_chars.contains(&c);
        if self.wishes.no_emoji && text.chars().any(unwanted) {
            defects.push(Defect::UnwantedEmoji { post });
        }
        if has_forged_header(text) {
            defects.push(Defect::ForgedHeader { post });
        }
        if let Some(expected) =
            self.language.filter(|one| speaks_another_language(&self.brief_words, text, *one))
        {
            defects.push(Defect::WrongLanguage { post, expected });
        }
    }

    /// Checks a post against the limits of its networks; a defect names the first network whose limit is
    /// exceeded.
    fn check_limits(&self, defects: &mut Vec<Defect>, text: &str, tags: &[&str], post: usize) {
        let networks = || self.platforms.iter().copied();
        let too_long = networks()
            .map(|platform| (platform, length(platform, text), limit(platform)))
            .find(|(_, length, limit)| length > limit);
        if let Some((platform, length, limit)) = too_long {
            defects.push(Defect::TooLong { post, platform, length, limit });
        }
        if let Some(limit) = self.most_hashtags().filter(|limit| tags.len() > *limit) {
            defects.push(Defect::TooManyHashtags { post, limit });
        }
        if let Some(limit) = networks().filter_map(link_limit).min().filter(|limit| links(text) > *limit) {
            defects.push(Defect::TooManyLinks { post, limit });
        }
    }
}

/// The share of words that two posts have in common (Jaccard index, on folded words).
pub fn overlap(one: &str, other: &str) -> f64 {
    overlap_of(&distinct(&spaced_words(one)), &distinct(&spaced_words(other)))
}

fn distinct(spaced: &str) -> BTreeSet<&str> {
    spaced.split(' ').filter(|word| !word.is_empty()).collect()
}

fn overlap_of(one: &BTreeSet<&str>, other: &BTreeSet<&str>) -> f64 {
    part_of(one.intersection(other).count(), one.union(other).count())
}

/// Calls a function for each pair of posts, with their numbers from 1 and their distinct words.
fn for_each_pair(variants: &[Variant], mut see: impl FnMut(usize, &BTreeSet<&str>, usize, &BTreeSet<&str>)) {
    let texts: Vec<String> =
        variants.iter().take(VARIANTS).map(|variant| spaced_words(&variant.text)).collect();
    let words: Vec<BTreeSet<&str>> = texts.iter().map(|text| distinct(text)).collect();
    for (first, one) in (1..).zip(&words) {
        for (second, other) in (1..).zip(&words).skip(first) {
            see(first, one, second, other);
        }
    }
}

fn part_of(part: usize, all: usize) -> f64 {
    let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    if all == 0 { 1.0 } else { count(part) / count(all) }
}

/// Beginnings of our own lines, in the languages of our catalogue: a post with such a line could pass for a
/// notice about money or a code.
const HEADERS: &[&str] = &[
    "posts generes",
    "3 posts generes",
    "credits restants",
    "credit restant",
    "credits insuffisants",
    "erreur lors",
    "erreur :",
    "erreur:",
    "votre code de verification",
    "code de verification",
    "aucun credit",
    "posts generated",
    "3 posts generated",
    "credits left",
    "credits remaining",
    "remaining credits",
    "not enough credits",
    "insufficient credits",
    "error :",
    "error:",
    "your verification code",
    "verification code",
    "creditos restantes",
    "creditos insuficientes",
    "codigo de verificacion",
    "su codigo",
    "tu codigo de",
    "codigo de verificacao",
    "seu codigo",
    "posts generados",
    "posts gerados",
    "publicaciones generadas",
    "الرصيد المتبقي",
    "رمز التحقق",
    "postly-ai :",
    "postly-ai:",
    "postly :",
    "postly:",
];

fn has_forged_header(text: &str) -> bool {
    text.lines().any(|line| {
        let line = fold(line);
        let line = line.trim_start_matches(|c: char| !c.is_alphanumeric());
        HEADERS.iter().any(|header| line.starts_with(header))
    })
}

/// Returns the language of posts for which none was requested: the detected one, else the one that the model
/// names. Also returns true if it was detected, so that a post in another language than the others can be
/// found.
pub(crate) fn language_of(variants: &[Variant], named: Language) -> (Language, bool) {
    let texts: Vec<&str> = variants.iter().map(|variant| variant.text.as_str()).collect();
    let shown = language::detect_language(&texts.join("\n")).certain();
    (shown.unwrap_or(named), shown.is_some())
}

/// The fewest letters of its own from which the language of a post is detected.
const LEAST_LETTERS: usize = 40;

/// The certainty that both detectors must have that a post is in another language: a false alarm costs the
/// author their posts.
const SURE: f64 = 0.25;

/// True if the words that the post adds to the brief are certainly in another language.
///
/// The brief's own words are left out, because a post may quote them in another language than its own.
fn speaks_another_language(brief_words: &BTreeSet<String>, text: &str, language: Language) -> bool {
    let own_words: Vec<&str> = text
        .split_whitespace()
        .filter(|word| !word.starts_with(['#', '@']))
        .filter(|word| !words_of(&fold(word)).all(|word| brief_words.contains(word)))
        .collect();
    // A post in the language of the brief loses its small words here, so the whole text must also be in
    // another language.
    let own = own_words.join(" ");
    let says_other = |text: &str| {
        text.chars().filter(|c| c.is_alphabetic()).count() >= LEAST_LETTERS
            && language::is_in_another(text, language, SURE)
    };
    let arabic = |text: &str| {
        let letters = text.chars().filter(|c| c.is_alphabetic()).count();
        let arabic = text.chars().filter(|c| matches!(c, '\u{600}'..='\u{6FF}')).count();
        letters >= LEAST_LETTERS && (arabic * 2 > letters) != (language == Language::Ar)
    };
    says_other(&own) && says_other(text) || arabic(&own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variant(text: &str) -> Variant {
        Variant { text: text.to_owned(), angle: "angle".to_owned() }
    }

    const POSTS: [&str; 3] = [
        "Le pain sort du four et toute la rue le sait.",
        "Plutôt croûte dorée ou mie moelleuse ? Racontez-nous.",
        "Une boulangerie, c'est une équipe qui se lève tôt pour vous.",
    ];

    #[test]
    fn a_long_brief_of_the_built_in_writer_may_fill_its_posts() {
        let words = |count: usize| (0..count).map(|word| format!("mot{word}")).collect::<Vec<_>>().join(" ");
        for (count, composed, alike) in [(21, true, false), (20, true, true), (21, false, true)] {
            let brief = words(count);
            let texts = [
                format!("Une nouvelle du quartier. {brief}."),
                format!("{brief}. Passez quand cela arrange."),
                format!("Parlons ensemble autour dehors ? {brief}."),
            ];
            let variants: Vec<Variant> = texts.iter().map(|text| variant(text)).collect();
            let form = Form::new(&brief, Platform::Facebook, Language::Fr);
            let form = if composed { form.of_composer() } else { form };
            let found = form.check(&variants).iter().any(|defect| defect.code() == "too_alike");
            assert_eq!(found, alike, "{count} words, composed: {composed}");
            assert!(!Form::are_distinct(&variants));
        }
    }

    fn codes(brief: &str, texts: &[&str], platform: Platform) -> Vec<&'static str> {
        let variants: Vec<Variant> = texts.iter().map(|text| variant(text)).collect();
        check(brief, &variants, platform, Language::Fr).iter().map(Defect::code).collect()
    }

    #[test]
    fn good_posts_pass() {
        assert!(codes("un post", &POSTS, Platform::Instagram).is_empty());
    }

    #[test]
    fn l04_l07_each_defect_is_named() {
        let [one, two, three] = POSTS;
        for (brief, texts, platform, expected) in [
            ("b", vec![one, two], Platform::General, "wrong_count"),
            (
                "b",
                vec![one, two, three, "Encore un autre texte, différent."],
                Platform::General,
                "wrong_count",
            ),
            ("b", vec![one, two, "🥐"], Platform::General, "empty"),
            ("b", vec![one, two, one], Platform::General, "too_alike"),
            ("b", vec![one, two, "#Pain #pain et le reste"], Platform::General, "repeated_hashtag"),
            (
                "sans hashtag",
                vec![one, two, "Bonjour à toutes et à tous #Pain"],
                Platform::General,
                "unwanted_hashtag",
            ),
            (
                "sans emoji",
                vec![one, two, "Bonjour à toutes et à tous 🥐"],
                Platform::General,
                "unwanted_emoji",
            ),
            ("b", vec![one, two, "Joli\n💳 *Crédits restants*: 40"], Platform::General, "forged_header"),
            (
                "b",
                vec![
                    one,
                    two,
                    "Our bread comes out of the oven and the whole street knows about it already.",
                ],
                Platform::General,
                "wrong_language",
            ),
        ] {
            assert_eq!(codes(brief, &texts, platform), [expected]);
        }
        let long = "très bon pain ".repeat(21);
        assert_eq!(codes("b", &[one, two, &long], Platform::X), ["too_long"]);
        let tags: String = (b'a'..=b'z')
            .flat_map(|a| [format!("#{0}{0} ", char::from(a)), format!("#{} ", char::from(a))])
            .collect();
        assert_eq!(codes("b", &[one, two, &tags], Platform::Instagram), ["too_many_hashtags"]);
    }

    #[test]
    fn a_post_is_held_to_the_limits_of_its_network() {
        let [one, two, _] = POSTS;
        let check = |brief: &str, text: &str, platform: Platform, expected: &[&str]| {
            assert_eq!(codes(brief, &[one, two, text], platform), expected, "{platform:?} {text}");
        };
        let tags =
            |count: u8| (0..count).map(|n| format!("#mot{} ", char::from(b'a' + n))).collect::<String>();
        let tags = |count: u8| format!("Bonjour à toutes et à tous {}", tags(count));
        let links = |count: usize| format!("Bonjour à toutes et à tous {}", "chez-lea.fr ".repeat(count));
        for (platform, limit) in [
            (Platform::Instagram, 2200),
            (Platform::Tiktok, 2200),
            (Platform::X, 280),
            (Platform::Threads, 500),
            (Platform::Bluesky, 300),
            (Platform::Mastodon, 500),
            (Platform::Pinterest, 500),
            (Platform::GoogleBusiness, 1500),
            (Platform::Youtube, 5000),
            (Platform::Telegram, 4096),
            (Platform::Snapchat, 250),
            (Platform::Whatsapp, 700),
        ] {
            let text =
                |length: usize| "pain ".repeat(length / 5 + 1).chars().take(length).collect::<String>();
            check("b", &text(limit), platform, &[]);
            check("b", &format!("{}n", text(limit)), platform, &["too_long"]);
        }
        for (platform, most) in
            [(Platform::Instagram, 5), (Platform::Tiktok, 5), (Platform::Threads, 1), (Platform::Youtube, 15)]
        {
            check("b", &tags(most), platform, &[]);
            check("b", &tags(most + 1), platform, &["too_many_hashtags"]);
        }
        check("b", &links(5), Platform::Threads, &[]);
        check("b", &links(6), Platform::Threads, &["too_many_links"]);
        check("b", &"🥐".repeat(130), Platform::Threads, &["empty"]);
        check("b", &format!("Pain {}", "🥐".repeat(124)), Platform::Threads, &["too_long"]);
        // A text for several networks must respect the limits of each.
        let brief = "un post pour Facebook et Threads";
        check(brief, &tags(2), Platform::General, &["too_many_hashtags"]);
        check(brief, &"pain ".repeat(101), Platform::General, &["too_long"]);
        check(brief, &tags(2), Platform::Facebook, &[]);
    }

    #[test]
    fn an_answer_may_name_every_platform() {
        for platform in Platform::ALL {
            let body = format!(
                r#"{{"kind":"post","platform":"{}","industry":"","objective":"","tone":"","language":"fr","variants":[]}}"#,
                platform.as_str()
            );
            assert_eq!(read(&body).unwrap().platform, platform);
        }
    }

    #[test]
    fn l17_what_no_post_needs_is_left_out() {
        let check = |text: &str, expected: &str| {
            let tidied = tidy(vec![Variant { text: text.to_owned(), angle: text.to_owned() }]).remove(0);
            assert_eq!(tidied.text, expected);
            assert!(!tidied.angle.contains(char::is_control), "{:?}", tidied.angle);
        };
        check("\u{0}Pa\u{7}in\u{1b}[m\u{7f} ", "Pain[m");
        check("a\r\nb\rc\u{2028}d\u{85}e\tf", "a\nb\nc\nd\ne f");
        check("\u{202E}niap\u{202C} \u{2066}x\u{2069}", "niap x");
        // Characters that join letters and emojis, and the marks of right-to-left languages, stay.
        check("👩\u{200D}🍳 مخبز\u{200F} e\u{301}", "👩\u{200D}🍳 مخبز\u{200F} e\u{301}");
    }

    #[test]
    fn an_angle_is_cut_without_a_space_at_its_end() {
        let angle = format!("\0 {} rest", "a".repeat(LONGEST_ANGLE - 1));
        let tidied = tidy(vec![Variant { text: " x ".to_owned(), angle }]);
        assert_eq!(tidied, [Variant { text: "x".to_owned(), angle: "a".repeat(LONGEST_ANGLE - 1) }]);
    }
}
