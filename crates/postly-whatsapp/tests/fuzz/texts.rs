//! Generated posts on their way to WhatsApp.

use std::time::{Duration, Instant};

use postly_domain::text::utf16_len;
use postly_whatsapp::{markup::to_whatsapp, split::split_reply};
use proptest::{collection::vec, prelude::*};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::target::fuzz;

const PIECES: &[&str] = &[
    " ",
    " ",
    " ",
    "\n",
    "\n\n",
    "\t",
    "\u{A0}",
    "\u{202F}",
    "pain",
    "Croissants",
    ".",
    "!",
    "?",
    ",",
    "«",
    "»",
    "https://lea.fr/a_b*c~d",
    "https://a.fr/__x__/~y~/z",
    "www.a.fr/**b**/c",
    "#__promo__x",
    "http://a.fr",
    "www.a.fr/x_y",
    "#Pain_Bio",
    "#promo",
    "@lea_paris",
    "lea_b@a.fr",
    "snake_case_name",
    "2*3*4",
    "*",
    "**",
    "***",
    "_",
    "__",
    "~",
    "~~",
    "`",
    "```",
    "#",
    "##",
    "> ",
    "- ",
    "+ ",
    "* ",
    "[",
    "](",
    ")",
    "![",
    "<",
    ">",
    "\\",
    "-20 %",
    "12,50 €",
    "👨‍👩‍👧‍👦",
    "🥐",
    "🇫🇷",
    "e\u{301}",
    "\u{301}",
    "\u{200D}",
    "漢字",
    "سلام",
    "\r",
];

fn pieces() -> impl Strategy<Value = Vec<u16>> {
    vec(prop_oneof![9 => 0..96_u16, 1 => any::<u16>()], 0..60)
}

/// A text of significant pieces, and sometimes of any other character.
fn text(pieces: &[u16]) -> String {
    let piece = |number: &u16| {
        let number = usize::from(*number);
        match PIECES.get(number) {
            Some(piece) => (*piece).to_owned(),
            // Spread over all planes.
            None => char::from_u32(u32::try_from(number * 17).unwrap()).map(String::from).unwrap_or_default(),
        }
    };
    pieces.iter().map(piece).collect()
}

/// The addresses and hashtags between plain spaces.
fn solid(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '\n']).filter(|word| {
        ["https://", "http://", "www.", "#"].iter().any(|start| word.starts_with(start))
            && word.len() > 1
            // A hashtag ends with its letters; one directly followed by an address is neither.
            && word.chars().skip(1).all(|c| {
                c.is_ascii_alphanumeric() || if word.starts_with('#') { c == '_' } else { "/:._*~".contains(c) }
            })
            && word.ends_with(|c: char| c.is_ascii_alphanumeric())
    })
}

#[test]
fn splitter() {
    fuzz(file!(), &(vec(pieces(), 0..6), any::<u8>()), |(units, limit)| {
        let units: Vec<String> = units.iter().map(|unit| text(unit)).collect();
        let limit = usize::from(limit);
        let parts = split_reply(&units, limit);
        let bare = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let joined: String = parts.iter().map(|part| bare(&part.text)).collect();
        assert_eq!(joined, units.iter().map(|unit| bare(unit)).collect::<String>(), "nothing is lost");
        for part in &parts {
            // The smallest limit that fits every character is two units.
            assert!(utf16_len(&part.text) <= limit.max(2), "{limit}: {part:?}");
            assert!(!part.text.trim().is_empty() && part.units.is_sorted());
        }
        for (index, unit) in units.iter().enumerate().filter(|(_, unit)| !unit.trim().is_empty()) {
            let carriers: Vec<&str> = parts
                .iter()
                .filter(|part| part.units.contains(&index))
                .map(|part| part.text.as_str())
                .collect();
            assert!(!carriers.is_empty());
            if utf16_len(unit) <= limit {
                assert!(carriers.len() == 1 && carriers[0].contains(unit.as_str()), "cut for nothing");
            }
            for whole in unit.graphemes(true).chain(solid(unit)) {
                if utf16_len(whole) <= limit && !whole.contains(char::is_whitespace) {
                    assert!(carriers.iter().any(|text| text.contains(whole)), "{limit}: torn {whole:?}");
                }
            }
        }
    });
}

#[test]
fn markdown() {
    // A thousand times the duration for a post, and far below that of a quadratic reading.
    const LONGEST: Duration = Duration::from_secs(5);
    fuzz(file!(), &(pieces(), 0..8_usize), |(pieces, times)| {
        let text = text(&pieces).repeat(times.pow(2).max(1));
        let started = Instant::now();
        let shown = to_whatsapp(&text);
        assert!(started.elapsed() < LONGEST, "{} bytes took {:?}", text.len(), started.elapsed());
        for whole in solid(&text) {
            assert!(shown.contains(whole), "{whole:?} of {text:?} became {shown:?}");
        }
        let words = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).count();
        assert!(words(&shown) <= words(&text), "{text:?} became {shown:?}");
        assert_eq!(shown.matches('\n').count(), text.matches('\n').count());
    });
}
