//! Random typed text. Each target runs briefly in every test, and longer with `cargo xtask fuzz`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that panics has failed, as it should"
)]

mod target;

use postly_domain::{Command, PhoneE164, brief::MAX_BRIEF_CHARS, phone::MAX_TYPED_BYTES, text::fold};
use proptest::{collection::vec, prelude::*};
use target::fuzz;

const PIECES: &[&str] = &[
    " ",
    " ",
    " ",
    "\n",
    "\t",
    "\u{A0}",
    "/",
    "gen",
    "GEN",
    "gen:",
    "Gen\n",
    "help",
    "Aide",
    "SOLDE",
    "balance",
    "LANG",
    "langue",
    "fr",
    "Français",
    "xx",
    "STOP",
    "Arrêt",
    "start",
    "login",
    "LOGİN",
    "supprimer",
    "mon",
    "compte",
    "merci",
    "ok",
    "bonjour",
    "please",
    "svp",
    "?",
    "!",
    "*",
    "«",
    "»",
    "🙏",
    "🥐",
    "\u{FEFF}",
    "\u{200B}",
    "\u{202E}",
    "\u{301}",
    "\0",
    "مساعدة",
    "إيقاف",
    "Crée un post promo",
    "-20 %",
    "https://Lea.FR",
    "ａｉｄｅ",
    "İ",
    "ß",
    "ﬁ",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => proptest::sample::select(PIECES).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    // Sometimes longer than a brief may be.
    (vec(piece, 0..12), prop_oneof![100 => Just(1), 1 => Just(500)])
        .prop_map(|(pieces, times): (Vec<String>, usize)| pieces.concat().repeat(times))
}

#[test]
fn commands() {
    fuzz(file!(), &text(), |text| {
        let command = Command::parse(&text);
        if let Command::Generate(brief) = &command {
            let brief = brief.as_str();
            assert!(text.contains(brief), "a brief keeps its bytes: {text:?} became {brief:?}");
            assert_eq!(brief, brief.trim());
            assert!(!brief.is_empty() && brief.chars().count() <= MAX_BRIEF_CHARS);
        }
        assert_eq!(
            Command::parse(&format!(" \n{text}\t ")),
            command,
            "space around it changes nothing: {text:?}"
        );
        assert_eq!(fold(&fold(&text)), fold(&text), "{text:?}");
    });
}

#[test]
fn phones() {
    let typed = proptest::string::string_regex(
        "(whatsapp:|tel:)?[+]{0,2}(0033|33|55|521|52|54|549|44)?[0-9 ().٠-٩O/;=\u{a0}\u{202f}\u{200e}-]{0,20}",
    )
    .expect("an expression");
    fuzz(file!(), &prop_oneof![typed, "[+]?[0-9]{4,17}", any::<String>()], |typed| {
        let typed_or_asked = [PhoneE164::parse_typed(&typed, "FR"), PhoneE164::parse_asked(&typed, "FR")];
        for phone in typed_or_asked.iter().flatten() {
            let again = PhoneE164::parse_asked(phone.as_str(), "FR");
            assert_eq!(again.as_ref(), Ok(phone), "a number reads as itself: {typed:?}");
        }
        let [typed_number, asked] = typed_or_asked.map(Result::ok);
        let parsed = [typed_number, asked, PhoneE164::from_provider(&typed)];
        for phone in parsed.into_iter().flatten() {
            let digits = phone.as_str().strip_prefix('+').expect("a plus comes first");
            assert!((7..=15).contains(&digits.len()), "{digits}");
            assert!(digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0'), "{digits}");
            // A number in the compared form keeps it in every reader.
            assert_eq!(PhoneE164::from_provider(digits).as_ref(), Some(&phone), "{typed:?}");
            assert_eq!(PhoneE164::from_provider(phone.as_str()).as_ref(), Some(&phone), "{typed:?}");
        }
        assert!(typed.len() <= MAX_TYPED_BYTES || PhoneE164::parse_typed(&typed, "FR").is_err());
    });
}
