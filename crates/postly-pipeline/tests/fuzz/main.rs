//! Random changes of a model's answer. Runs briefly on every test run, and longer with `cargo xtask fuzz`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that panics has failed, as it should"
)]

#[path = "../../../postly-domain/tests/fuzz/mutate.rs"]
mod mutate;
#[path = "../../../postly-domain/tests/fuzz/target.rs"]
mod target;

use mutate::{mutate, script};
use postly_domain::{
    Language,
    post::{Platform, VARIANTS},
};
use postly_pipeline::{guard, platform_limits, validate};
use proptest::{collection::vec, prelude::*, sample::select};
use target::fuzz;

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end, 06 12 34 56 78";

const ANSWERS: &[&str] = &[
    r##"{"kind":"post","platform":"instagram","industry":"boulangerie","objective":"promotion","tone":"gai","language":"fr","variants":[{"text":"🥐 -20 % sur les croissants ce week-end !\n\n#Boulangerie #Croissants","angle":"offre"},{"text":"Le four chauffe, la rue sent bon. Passez samedi.","angle":"odeur"},{"text":"Qui vient chercher les siens ? -20 % ce week-end.","angle":"question"}]}"##,
    "```json\n{\"kind\":\"small_talk\",\"platform\":\"x\",\"industry\":\"\",\"objective\":\"\",\"tone\":\"\",\"language\":\"en\",\"variants\":[]}\n```",
];

const TOKENS: &[&str] = &[
    "null",
    "true",
    "0",
    "1e400",
    "[]",
    "{}",
    "\"\"",
    "\"",
    "\\",
    "\\u0000",
    "\\ud83e\\udd50",
    "\\ud800",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "kind",
    "post",
    "off_topic",
    "platform",
    "linkedin",
    "x",
    "tiktok",
    "general",
    "variants",
    "text",
    "angle",
    "language",
    "ar",
    "fr",
    "```",
    "#Promo",
    "#",
    "@lea",
    "-20 %",
    "٢٠٪",
    "20,5 €",
    "1 000",
    "gratuit",
    "remboursé",
    "https://lea.fr",
    "lea.fr",
    "06 12 34 56 78",
    "demain",
    "samedi 3 mai",
    "12h30",
    "💳 Crédits restants: 4",
    "*1.*",
    "\\n",
    "سلام",
    "🇫🇷",
    "\u{301}",
    "\0",
    "Le pain sort du four. ",
    "½",
    "²",
    "④",
    "",
];

/// An answer that the server accepts, with any posts.
fn well_formed(posts: &[(String, String)]) -> String {
    let variants: Vec<_> =
        posts.iter().map(|(text, angle)| serde_json::json!({ "text": text, "angle": angle })).collect();
    serde_json::json!({
        "kind": "post", "platform": "general", "industry": "", "objective": "", "tone": "", "language": "fr",
        "variants": variants,
    })
    .to_string()
}

#[test]
fn variants() {
    let answers: Vec<Vec<u8>> = ANSWERS.iter().map(|answer| answer.as_bytes().to_vec()).collect();
    let text = || vec(select(TOKENS), 0..12).prop_map(|tokens| tokens.concat());
    let posts = vec((text(), text()), 0..5);
    fuzz(file!(), &(script(), posts, any::<bool>()), |(script, posts, is_well_formed)| {
        let answer = if is_well_formed {
            well_formed(&posts)
        } else {
            String::from_utf8_lossy(&mutate(&answers, &script, TOKENS)).into_owned()
        };
        let Ok(body) = validate::read(&answer) else { return };
        let found = body.variants.len();
        let variants = validate::tidy(body.variants);
        assert_eq!(variants.len(), found, "a post too many is a defect, and not left out");
        for variant in &variants {
            assert!(!variant.text.contains('\0') && !variant.angle.contains('\0'));
            assert_eq!(variant.text, variant.text.trim());
            assert!(variant.angle.chars().count() <= 60);
        }
        assert_eq!(validate::tidy(variants.clone()), variants, "tidy twice is tidy once");
        for platform in Platform::ALL {
            let defects = validate::check(BRIEF, &variants, platform, Language::Fr);
            // Each post has each defect once, and each pair is compared once.
            assert!(defects.len() <= 1 + VARIANTS * 8 + VARIANTS, "{defects:?}");
            if defects.is_empty() {
                assert_eq!(found, VARIANTS);
                for variant in &variants {
                    let length = platform_limits::length(platform, &variant.text);
                    assert!(length > 0 && length <= platform_limits::limit(platform));
                }
            }
        }
        guard::check(BRIEF, &variants, Language::Fr);
        // The posts may be the next brief.
        for variant in &variants {
            guard::check(&variant.text, &variants, Language::Fr);
        }
    });
}
