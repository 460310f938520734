//! Writes a few thousand posts, one JSON object a line, each with its length as X and Bluesky count it, to
//! compare with the libraries of those networks:
//! `cargo run -p postly-pipeline --example network_posts -- POSTS.jsonl [SEED]`. The same seed gives the same
//! posts.

use std::{fmt::Write as _, sync::Arc};

use postly_domain::{Brief, Language, post::Platform};
use postly_pipeline::{
    WriteRequest, Writer,
    offline::OfflineWriter,
    platform_limits::{graphemes, length},
};

/// Briefs in five languages for the built-in writer.
const BRIEFS: &[(&str, Language)] = &[
    ("Crée un post promo pour Instagram, -20 % sur les croissants ce week-end", Language::Fr),
    (
        "Ouvert samedi.Au menu : tarte aux pommes, réservation sur chez-lea.fr ou contact@bon-pain.fr",
        Language::Fr,
    ),
    (
        "Soirée concert jazz vendredi 20h, réservation sur www.lebistrotdeparis.fr/menu(soir)?jour=5",
        Language::Fr,
    ),
    ("Menu du midi à 14,90 € etc.Venez ! Infos:chez-lea.fr et @chezlea 🥐👩🏽\u{200D}🍳", Language::Fr),
    ("Create an Instagram post: 20% off all croissants this weekend, order at bakery.coffee", Language::En),
    (
        "Yoga class for beginners every Wednesday at 6pm, etc.So good. https://yoga.example/a_b-c/?x=1#y",
        Language::En,
    ),
    ("Crea una publicación para Instagram: 20% de descuento en todos los zapatos, tienda.es", Language::Es),
    (
        "Cria uma publicação sobre a nossa nova coleção de verão com vestidos de linho, loja.pt/verão",
        Language::Pt,
    ),
    ("اكتب منشورا عن افتتاح مخبزنا الجديد يوم السبت https://موقع.شبكة/قائمة أو chez-lea.ma", Language::Ar),
];

/// The parts of the random texts: words, links, addresses, emojis, punctuation, with the hard cases of each.
const PIECES: &[&str] = &[
    "Ouvert",
    "samedi",
    "Au",
    "menu",
    "tarte",
    "etc",
    "So",
    "good",
    "pain",
    "Béatrice",
    "Maître",
    "Île",
    "été",
    "e\u{301}te\u{301}",
    "œuf",
    "straße",
    "niño",
    "coração",
    "مخبز",
    "السبت",
    "افتتاح",
    "日本",
    "パン",
    "Хлеб",
    "ψωμί",
    "Ι",
    "ſ",
    "K",
    "한국",
    "中国",
    "chez-lea.fr",
    "chez-léa.fr",
    "www.chez-lea.fr",
    "x.com",
    "a.co",
    "t.co/abc",
    "https://t.co/abcDEF12/x",
    "http://a_b.fr",
    "https://chez-lea.fr/menu",
    "HTTPS://CHEZ-LEA.FR/Menu",
    "https://chez-lea.fr:8080/a?b=c&d=é",
    "chez-lea.fr?x=1",
    "lea.fr/a(b(c))",
    "lea.fr/(a",
    "lea.fr/a.",
    "lea.fr/été",
    "lea.fr/меню",
    "lea.fr/–",
    "lea.fr/@lea/",
    "lea.fr:80",
    "lea.fr/?",
    "bakery.coffee",
    "vin.alsace",
    "go.pizza",
    "open.ai",
    "app.dev",
    "shop.merck",
    "old.afamilycompany",
    "xn--caf-dma.fr",
    "a.xn--p1ai",
    "пример.рф",
    "موقع.شبكة",
    "https://موقع.شبكة",
    "香港.香港",
    "http://日本.jp",
    "b.भारतम्",
    "sub.a_b.co.uk",
    "a-.fr",
    "-a.fr",
    "a..fr",
    ".fr",
    "fr.",
    "a.fr_x",
    "a.fré",
    "b.é.fr",
    "www.",
    "vermögens.vermögensberater",
    "ab中cd.fr",
    "x.fra中x.fr",
    "a。b.fr",
    "contact@bon-pain.fr",
    "lea.martin+promo@gmail.com",
    "@chez.lea",
    "@lea",
    "＠lea",
    "#Lyon",
    "＃Lyon",
    "#été2026",
    "$AAPL",
    "$a.fr",
    "🥐",
    "👩\u{200D}🍳",
    "👩🏽\u{200D}🍳",
    "🧑\u{200D}🍳",
    "🧑🏿\u{200D}🤝\u{200D}🧑🏻",
    "👨\u{200D}👩\u{200D}👧\u{200D}👦",
    "🇫🇷",
    "🇫",
    "🇽🇽",
    "1️⃣",
    "#️⃣",
    "*\u{20E3}",
    "❤️",
    "❤",
    "❤\u{FE0E}",
    "☕️",
    "☎\u{FE0E}",
    "©",
    "©️",
    "™️",
    "👍🏽",
    "☝️🏽",
    "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "🏴\u{200D}☠️",
    "🏳️\u{200D}🌈",
    "🫠",
    "🥹",
    "\u{FE0F}",
    "\u{200D}",
    "👁\u{200D}🗨",
    "⛹🏽\u{200D}♀️",
    "💏🏽",
    "👩\u{200D}❤️\u{200D}💋\u{200D}👨",
    ".",
    ",",
    "!",
    "?",
    ":",
    ";",
    "…",
    "«",
    "»",
    "“",
    "”",
    "’",
    "'",
    "\"",
    "`",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<",
    ">",
    "-",
    "–",
    "—",
    "_",
    "/",
    "\\",
    "~",
    "|",
    "^",
    "+",
    "=",
    "*",
    "&",
    "%",
    "@",
    "#",
    "€",
    "•",
    "→",
    "،",
    "؟",
    "。",
    "．",
    "\u{200F}",
    "\u{202B}",
    "\u{2066}",
    "\u{200B}",
    "\u{AD}",
    "\u{A0}",
    "\u{202F}",
    "\u{FEFF}",
    "\n",
    "\n\n",
    "\t",
    "12,50",
    "20%",
    "9h30",
    "06 12 34 56 78",
    "www",
    "http://",
    "https://",
    "mailto:",
    "😀.fr",
    "é.fr",
    "com",
    "fr",
    "co.uk",
    "ai",
    "0",
    "A",
];

/// The number of random texts.
const MIXTURES: u64 = 4000;

/// splitmix64: the same numbers on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let bound = u64::try_from(bound).unwrap_or(1).max(1);
        usize::try_from((mixed ^ (mixed >> 31)) % bound).unwrap_or(0)
    }
}

fn mixture(numbers: &mut Numbers) -> String {
    let mut text = String::new();
    for _ in 0..=numbers.below(9) {
        text.push_str(PIECES.get(numbers.below(PIECES.len())).copied().unwrap_or_default());
        if numbers.below(2) == 0 {
            text.push(' ');
        }
    }
    // The longest label and link, and one more character than each.
    match numbers.below(400) {
        0 => text.push_str(&format!("{}.fr", "a".repeat(62 + numbers.below(3)))),
        1 => text.push_str(&format!("http://{}.fr", "é".repeat(50 + numbers.below(12)))),
        2 => text.push_str(&format!("https://a.fr/{}", "b".repeat(4082 + numbers.below(4)))),
        3 => text.push_str(&format!("https://t.co/{}", "c".repeat(39 + numbers.below(3)))),
        _ => {}
    }
    text
}

async fn written(posts: &mut Vec<String>) {
    let writer = Writer::new(Arc::new(OfflineWriter::new()));
    for (brief, language) in BRIEFS {
        for platform in Platform::ALL {
            for seed in 0..3 {
                let Ok(brief) = Brief::parse(brief) else { continue };
                let ask = WriteRequest {
                    brief,
                    language_hint: *language,
                    language_hint_is_known: true,
                    is_explicit: false,
                    language_forced: Some(*language),
                    platform: Some(platform),
                    tone: None,
                    brand: postly_domain::brand::Brand::default(),
                    region: None,
                    user_ref: String::new(),
                    seed,
                    revision: None,
                    picture: None,
                };
                if let Ok(written) = writer.write(&ask).await {
                    posts.extend(written.variants.into_iter().map(|variant| variant.text));
                }
            }
        }
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut posts: Vec<String> =
        ["Ouvert samedi.Au menu : tarte", "etc.So good", "contact@bon-pain.fr"].map(str::to_owned).into();
    posts.extend(BRIEFS.iter().map(|(brief, _)| (*brief).to_owned()));
    posts.extend(PIECES.iter().map(|piece| (*piece).to_owned()));
    written(&mut posts).await;
    let seed = std::env::args().nth(2).and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut numbers = Numbers(seed);
    posts.extend((0..MIXTURES).map(|_| mixture(&mut numbers)));
    let mut lines = String::new();
    for text in posts {
        let (x, graphemes, bytes) = (length(Platform::X, &text), graphemes(&text), text.len());
        let line = serde_json::json!({"text": text, "x": x, "graphemes": graphemes, "bytes": bytes});
        let _ = writeln!(lines, "{line}");
    }
    let path = std::env::args().nth(1).unwrap_or_else(|| "/dev/stdout".to_owned());
    std::fs::write(path, lines)
}
