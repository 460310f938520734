//! Promises and claims, by kind: a post may make one only if the brief makes one of the same kind.

use std::{collections::HashSet, sync::LazyLock};

/// The expressions of one kind, in folded text with single spaces.
struct Kind {
    words: &'static [&'static str],
    /// Expressions that contain such a word but make no promise.
    harmless: &'static [&'static str],
    /// True if a discount in the brief already makes this promise.
    by_offer: bool,
}

const KINDS: &[Kind] = &[
    // Money back.
    Kind {
        words: &[
            "rembourse",
            "remboursee",
            "rembourses",
            "remboursees",
            "remboursement",
            "rembourser",
            "refund",
            "refunds",
            "refunded",
            "money back",
            "reembolso",
            "reembolsamos",
            "devolucion",
            "devolucao",
            "استرداد",
            "استرجاع",
        ],
        harmless: &[],
        by_offer: false,
    },
    // Free of charge.
    Kind {
        words: &[
            "offert",
            "offerte",
            "offerts",
            "offertes",
            "gratuit",
            "gratuite",
            "gratuits",
            "gratuites",
            "gratuitement",
            "gratos",
            "cadeau offert",
            "free",
            "freebie",
            "complimentary",
            "gratis",
            "gratuito",
            "gratuita",
            "gratuitos",
            "gratuitas",
            "de regalo",
            "brinde",
            "oferecemos",
            "مجانا",
            "مجاني",
            "مجانية",
            "بالمجان",
        ],
        harmless: &[
            "feel free",
            "free time",
            "gluten free",
            "sugar free",
            "dairy free",
            "lactose free",
            "stress free",
            "worry free",
            "hassle free",
            "cruelty free",
            "alcohol free",
            "free hand",
            "free spirit",
        ],
        by_offer: false,
    },
    // A guarantee.
    Kind {
        words: &[
            "garanti",
            "garantie",
            "garantis",
            "garanties",
            "garantit",
            "garantissons",
            "guarantee",
            "guaranteed",
            "guarantees",
            "warranty",
            "garantizado",
            "garantizada",
            "garantizamos",
            "garantia",
            "garantido",
            "garantida",
            "garantimos",
            "مضمون",
            "مضمونة",
            "ضمان",
        ],
        harmless: &[],
        by_offer: false,
    },
    // Delivery.
    Kind {
        words: &[
            "livraison",
            "livraisons",
            "livre chez vous",
            "livres chez vous",
            "livrons",
            "a domicile",
            "delivery",
            "delivered",
            "we deliver",
            "envio",
            "envios",
            "entrega",
            "entregas",
            "a domicilio",
            "ao domicilio",
            "توصيل",
            "التوصيل",
        ],
        harmless: &[],
        by_offer: false,
    },
    // A lower price.
    Kind {
        words: &[
            "promo",
            "promos",
            "promotion",
            "promotions",
            "remise",
            "remises",
            "reduction",
            "reductions",
            "rabais",
            "soldes",
            "solde",
            "soldee",
            "moitie prix",
            "demi tarif",
            "prix casses",
            "prix reduit",
            "prix reduits",
            "tarif reduit",
            "discount",
            "discounts",
            "discounted",
            "half price",
            "half off",
            "on sale",
            "special offer",
            "bogo",
            "descuento",
            "descuentos",
            "rebaja",
            "rebajas",
            "mitad de precio",
            "promocion",
            "promociones",
            "oferta",
            "ofertas",
            "desconto",
            "descontos",
            "promocao",
            "promocoes",
            "metade do preco",
            "saldos",
            "خصم",
            "خصومات",
            "تخفيض",
            "تخفيضات",
            "نصف السعر",
        ],
        harmless: &[],
        by_offer: true,
    },
    // Limited availability.
    Kind {
        words: &[
            "stock limite",
            "stocks limites",
            "places limitees",
            "dernieres places",
            "derniere chance",
            "edition limitee",
            "quantite limitee",
            "limited stock",
            "limited edition",
            "last chance",
            "limited time",
            "limited spots",
            "last spots",
            "plazas limitadas",
            "ultimas plazas",
            "ultimas unidades",
            "vagas limitadas",
            "ultimas vagas",
            "كمية محدودة",
            "اماكن محدودة",
        ],
        harmless: &[],
        by_offer: false,
    },
    // Labels that the law protects, or on which health depends.
    Kind {
        words: &[
            "fait maison",
            "faits maison",
            "faite maison",
            "faites maison",
            "homemade",
            "home made",
            "casero",
            "caseiro",
        ],
        harmless: &[],
        by_offer: false,
    },
    Kind {
        words: &["bio", "biologique", "biologiques", "organic", "ecologico", "organico", "biologico", "عضوي"],
        harmless: &[
            "lien en bio",
            "lien dans la bio",
            "lien dans notre bio",
            "link in bio",
            "link in our bio",
            "link in the bio",
            "enlace en la bio",
            "link na bio",
        ],
        by_offer: false,
    },
    Kind {
        words: &["sans gluten", "gluten free", "sin gluten", "sem gluten"],
        harmless: &[],
        by_offer: false,
    },
    Kind { words: &["vegan", "vegane", "veganes", "vegano", "vegana"], harmless: &[], by_offer: false },
    Kind { words: &["halal", "حلال"], harmless: &[], by_offer: false },
    Kind { words: &["casher", "kasher", "kosher"], harmless: &[], by_offer: false },
    Kind {
        words: &["label rouge", "appellation d origine", "aop", "aoc", "igp"],
        harmless: &[],
        by_offer: false,
    },
    // Health.
    Kind {
        words: &[
            "guerit",
            "guerir",
            "guerison",
            "anti cancer",
            "perdre du poids",
            "perte de poids",
            "mincir",
            "maigrir",
            "cures",
            "lose weight",
            "weight loss",
            "cura",
            "adelgazar",
            "bajar de peso",
            "emagrecer",
            "perder peso",
            "يشفي",
            "انقاص الوزن",
        ],
        harmless: &[],
        by_offer: false,
    },
    // Superlatives.
    Kind {
        words: &[
            "numero 1",
            "n 1",
            "numero un",
            "meilleur prix",
            "meilleurs prix",
            "moins cher",
            "moins chers",
            "best price",
            "best prices",
            "lowest price",
            "lowest prices",
            "cheapest",
            "mejor precio",
            "melhor preco",
        ],
        harmless: &[],
        by_offer: false,
    },
];

/// The phrases of a text: every run of its words that could be one of our expressions. There are few or none,
/// so a look-up among them for each of several hundred expressions is faster than a search through the text.
pub(super) struct Phrases<'t> {
    words: &'t str,
    /// Sorted.
    runs: Vec<&'t str>,
}

/// Every expression that the guard looks for.
fn expressions() -> impl Iterator<Item = &'static str> {
    let promises = KINDS.iter().flat_map(|kind| kind.words.iter().chain(kind.harmless));
    promises.chain(VULGAR).copied().chain(super::forbidden::expressions())
}

/// The first words of all expressions: a run that begins with another word is none of them.
static FIRST_WORDS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| expressions().map(first_word).collect());

fn first_word(text: &str) -> &str {
    text.split_once(' ').map_or(text, |(word, _)| word)
}

/// The most words in one of our expressions.
pub(super) const MOST_WORDS: usize = 5;

impl<'t> Phrases<'t> {
    /// Returns the phrases of folded words with single spaces between.
    pub(super) fn of(words: &'t str) -> Self {
        let mut runs = vec![];
        let starts = words.match_indices(' ').map(|(at, _)| at + 1);
        for start in std::iter::once(0).chain(starts) {
            let rest = words.get(start..).unwrap_or_default();
            if !FIRST_WORDS.contains(first_word(rest)) {
                continue;
            }
            let ends = rest.match_indices(' ').map(|(at, _)| at).chain(std::iter::once(rest.len()));
            runs.extend(ends.take(MOST_WORDS).filter_map(|end| rest.get(..end)));
        }
        runs.sort_unstable();
        Self { words, runs }
    }

    /// Returns the words of the text.
    pub(super) fn words(&self) -> &'t str {
        self.words
    }

    /// Returns the phrases in alphabetical order.
    pub(super) fn runs(&self) -> impl Iterator<Item = &'t str> {
        self.runs.iter().copied()
    }

    /// Returns the first of these expressions that is in the text.
    fn first_of(&self, expressions: &[&'static str]) -> Option<&'static str> {
        expressions.iter().copied().find(|expression| self.runs.binary_search(expression).is_ok())
    }
}

/// Returns the promises of the post that the brief does not make. The brief is folded words with single
/// spaces.
pub(super) fn beyond(brief: &str, post: &Phrases<'_>, has_offer: bool) -> Vec<String> {
    KINDS
        .iter()
        .filter_map(|kind| {
            let promised = kind.found_in(post)?;
            let made = kind.found_in(&Phrases::of(brief)).is_some() || (kind.by_offer && has_offer);
            (!made).then(|| promised.to_owned())
        })
        .collect()
}

impl Kind {
    fn found_in(&self, text: &Phrases<'_>) -> Option<&'static str> {
        let found = text.first_of(self.words)?;
        if text.first_of(self.harmless).is_none() {
            return Some(found);
        }
        // The text without the harmless expressions. Each is replaced by a line break, so that no phrase
        // spans it.
        let mut rest = format!(" {} ", text.words);
        for harmless in self.harmless {
            rest = rest.replace(&format!(" {harmless} "), " \n ");
        }
        rest.split('\n').find_map(|piece| Phrases::of(piece.trim()).first_of(self.words))
    }
}

/// Vulgar words. Only words that have no other meaning in any of our languages.
const VULGAR: &[&str] = &[
    "merde",
    "merdes",
    "merdique",
    "putain",
    "putes",
    "connard",
    "connards",
    "connasse",
    "salope",
    "salopes",
    "encule",
    "encules",
    "enculer",
    "niquer",
    "couilles",
    "chiant",
    "chier",
    "bordel",
    "branler",
    "foutre",
    "fuck",
    "fucking",
    "fucked",
    "motherfucker",
    "shit",
    "shitty",
    "bullshit",
    "bitch",
    "bitches",
    "asshole",
    "assholes",
    "cunt",
    "wanker",
    "slut",
    "whore",
    "mierda",
    "joder",
    "cabron",
    "gilipollas",
    "caralho",
    "foda",
    "شرموطة",
    "كس امك",
];

/// True if a text holds a vulgar word.
pub(super) fn is_vulgar(text: &Phrases<'_>) -> bool {
    text.first_of(VULGAR).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_expression_is_longer_than_the_phrases_that_are_looked_at() {
        for expression in expressions() {
            assert!(expression.split(' ').count() <= MOST_WORDS, "{expression}");
        }
    }

    #[test]
    fn a_harmless_expression_hides_itself_and_nothing_else() {
        let free = KINDS.iter().find(|kind| kind.words.contains(&"free")).unwrap();
        for (text, expected) in [
            ("feel free to come", None),
            ("feel free to take a free coffee", Some("free")),
            ("free coffee so feel free", Some("free")),
            ("feel free free time", None),
        ] {
            assert_eq!(free.found_in(&Phrases::of(text)), expected, "{text}");
        }
    }
}
