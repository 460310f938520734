//! The occasion of a brief, found by keywords; the order of the rules decides between several.

use std::sync::LazyLock;

use postly_domain::Language;

use super::{keywords::Keywords, lexicon};

/// The occasion of the posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    Death,
    Accident,
    Farewell,
    Apology,
    Clearance,
    Hiring,
    Closing,
    Review,
    Award,
    Giveaway,
    Opening,
    Offer,
    Event,
    Anniversary,
    New,
    Hours,
    Thanks,
    Festive,
    Service,
    News,
}

/// A feast that a brief names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feast {
    Christmas,
    NewYear,
    Valentine,
    Parents,
    Eid,
    Easter,
    Halloween,
}

impl Feast {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Christmas, "christmas"),
        (Self::NewYear, "newyear"),
        (Self::Valentine, "valentine"),
        (Self::Parents, "parents"),
        (Self::Eid, "eid"),
        (Self::Easter, "easter"),
        (Self::Halloween, "halloween"),
    ];

    /// The feast that folded words name.
    pub(super) fn read(words: &[String]) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, key)| TABLE.has(key, words)).map(|(feast, _)| feast)
    }

    /// The name in the data files.
    pub(super) fn key(self) -> &'static str {
        Self::ALL.into_iter().find(|(feast, _)| *feast == self).map_or("", |(_, key)| key)
    }

    pub(super) fn emoji(self) -> &'static str {
        match self {
            Self::Christmas => "🎄",
            Self::NewYear => "🥂",
            Self::Valentine => "💝",
            Self::Parents => "💛",
            Self::Eid => "🌙",
            Self::Easter => "🐣",
            Self::Halloween => "🎃",
        }
    }
}

/// All keywords, by the name of their line.
static TABLE: LazyLock<Keywords<&'static str>> = LazyLock::new(|| {
    let source = include_str!("occasions.txt");
    let keys: Vec<&'static str> =
        source.lines().filter_map(|line| line.split_once(": ")).map(|(key, _)| key).collect();
    Keywords::read(source, move |key| keys.iter().copied().find(|known| *known == key))
});

/// True if the folded words have a keyword of a line of the table.
pub(super) fn names(key: &'static str, words: &[String]) -> bool {
    TABLE.has(key, words)
}

/// True if folded words are about hours, a closure, a job or an opening, and no discount.
pub(crate) fn is_daily_life(words: &[String]) -> bool {
    ["hours", "closing", "hiring"].into_iter().any(|key| names(key, words)) && !names("promo", words)
}

impl Occasion {
    /// The occasion of a text, from its folded words.
    pub(super) fn read(words: &[String], has_offer: bool) -> Self {
        let has = |key: &'static str| TABLE.has(key, words);
        // A farm ("ferme") closes no shop, and a workshop is no event, if no other word says so.
        let more_than = |key: &'static str, name| TABLE.count(key, words) > usize::from(has(name));
        let begins_with_thanks = TABLE.has("thanks", words.get(..2).unwrap_or(words));
        let sale = has_offer || has("clearance") || has("promo");
        let in_order = [
            // "Your phone died": a death only of someone.
            (has("death") || (has("died") && has("mourned") && !sale), Self::Death),
            (has("farewell") && !sale, Self::Farewell),
            (has("clearance") || (has("farewell") && sale), Self::Clearance),
            (has("accident") && !sale, Self::Accident),
            (has("apology") && has("trouble"), Self::Apology),
            (has("hiring"), Self::Hiring),
            (has("new_hours") && !sale && !has("hiring"), Self::Hours),
            (more_than("closing", "farm"), Self::Closing),
            (has("review"), Self::Review),
            (has("award") && !has("tournament"), Self::Award),
            (has("giveaway") && !has("tournament"), Self::Giveaway),
            (has("apology"), Self::Apology),
            (has("opening") && !has("slots") && !has("new_hours"), Self::Opening),
            (sale, Self::Offer),
            (begins_with_thanks, Self::Thanks),
            (more_than("event", "workshop"), Self::Event),
            (has("anniversary") && !has("birthday"), Self::Anniversary),
            (has("new"), Self::New),
            (has("hours") && !has("slots"), Self::Hours),
            (has("thanks") && !has("please"), Self::Thanks),
            (Feast::read(words).is_some(), Self::Festive),
            (has("service"), Self::Service),
        ];
        in_order.into_iter().find(|(found, _)| *found).map_or(Self::News, |(_, occasion)| occasion)
    }

    /// True if the posts mourn, apologise or take leave: no emoji, exclamation, question or sales talk.
    pub(crate) fn is_grave(self) -> bool {
        matches!(self, Self::Death | Self::Accident | Self::Farewell | Self::Apology)
    }

    /// True if an author's exclamation mark suits its posts.
    pub(super) fn is_lively(self) -> bool {
        match self {
            Self::Clearance
            | Self::Award
            | Self::Giveaway
            | Self::Opening
            | Self::Offer
            | Self::Event
            | Self::Anniversary
            | Self::New
            | Self::Thanks
            | Self::Festive => true,
            Self::Death
            | Self::Accident
            | Self::Farewell
            | Self::Apology
            | Self::Hiring
            | Self::Closing
            | Self::Review
            | Self::Hours
            | Self::Service
            | Self::News => false,
        }
    }

    /// The name in the data files.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Death => "death",
            Self::Accident => "accident",
            Self::Farewell => "farewell",
            Self::Apology => "apology",
            Self::Clearance => "clearance",
            Self::Hiring => "hiring",
            Self::Closing => "closing",
            Self::Review => "review",
            Self::Award => "award",
            Self::Giveaway => "giveaway",
            Self::Opening => "opening",
            Self::Offer => "offer",
            Self::Event => "event",
            Self::Anniversary => "anniversary",
            Self::New => "new",
            Self::Hours => "hours",
            Self::Thanks => "thanks",
            Self::Festive => "festive",
            Self::Service => "service",
            Self::News => "news",
        }
    }

    pub(super) fn emoji(self) -> &'static str {
        match self {
            Self::Death | Self::Accident | Self::Farewell | Self::Apology => "",
            Self::Clearance => "🏷️",
            Self::Hiring => "🤝",
            Self::Closing => "📌",
            Self::Review => "⭐",
            Self::Award => "🏆",
            Self::Giveaway => "🎁",
            Self::Opening => "🎊",
            Self::Offer => "🎉",
            Self::Event => "📣",
            Self::Anniversary => "🎂",
            Self::New => "✨",
            Self::Hours => "🕘",
            Self::Thanks => "🙏",
            Self::Festive => "🎁",
            Self::Service => "👋",
            Self::News => "📣",
        }
    }

    /// The name of the occasion, for the intent.
    pub(crate) fn name(self, language: Language) -> &'static str {
        let names = match self {
            Self::Death => ["hommage", "tribute", "homenaje", "homenagem", "تأبين"],
            Self::Accident => {
                ["information grave", "grave notice", "aviso grave", "aviso grave", "إشعار مهم"]
            }
            Self::Farewell => [
                "fermeture définitive",
                "closing for good",
                "cierre definitivo",
                "encerramento",
                "إغلاق نهائي",
            ],
            Self::Apology => ["excuses", "apology", "disculpas", "pedido de desculpas", "اعتذار"],
            Self::Clearance => ["liquidation", "clearance", "liquidación", "liquidação", "تصفية"],
            Self::Hiring => ["recrutement", "recruitment", "empleo", "emprego", "توظيف"],
            Self::Closing => ["fermeture", "closure", "cierre", "encerramento", "إغلاق"],
            Self::Review => ["avis client", "customer review", "reseña", "avaliação", "رأي زبون"],
            Self::Award => ["récompense", "award", "premio", "prémio", "جائزة"],
            Self::Giveaway => ["jeu-concours", "prize draw", "sorteo", "sorteio", "مسابقة"],
            Self::Opening => ["ouverture", "opening", "apertura", "abertura", "افتتاح"],
            Self::Offer => ["promotion", "promotion", "promoción", "promoção", "عرض"],
            Self::Event => ["événement", "event", "evento", "evento", "فعالية"],
            Self::Anniversary => ["anniversaire", "anniversary", "aniversario", "aniversário", "ذكرى"],
            Self::New => ["nouveauté", "new product", "novedad", "novidade", "جديد"],
            Self::Hours => ["horaires", "opening hours", "horario", "horário", "مواعيد"],
            Self::Thanks => ["remerciement", "thanks", "agradecimiento", "agradecimento", "شكر"],
            Self::Festive => ["fête", "festive", "fiesta", "festa", "عيد"],
            Self::Service => ["service", "service", "servicio", "serviço", "خدمة"],
            Self::News => ["annonce", "announcement", "anuncio", "anúncio", "إعلان"],
        };
        lexicon::in_language(names, language)
    }
}
