//! Trades, found by keywords only.

use std::sync::LazyLock;

use postly_domain::Language;

use super::{keywords::Keywords, lexicon};

/// The author's trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trade {
    Bakery,
    Restaurant,
    Cafe,
    Hairdresser,
    Beauty,
    Clothes,
    Florist,
    Grocery,
    Butcher,
    Gym,
    Garage,
    Bookshop,
    Estate,
    Artisan,
    Home,
    Repair,
    Health,
    School,
    Office,
    Pets,
    Shop,
}

static TRADES: LazyLock<Keywords<Trade>> =
    LazyLock::new(|| Keywords::read(include_str!("trades.txt"), Trade::parse));

/// The keywords that name a trade also when they stand alone.
static SURE: LazyLock<Keywords<Trade>> = LazyLock::new(|| {
    let source = include_str!("trades.txt");
    let weak = source.lines().find_map(|line| line.strip_prefix("weak: ")).unwrap_or_default();
    Keywords::read_without(source, weak, Trade::parse)
});

impl Trade {
    const ALL: [Self; 21] = [
        Self::Bakery,
        Self::Restaurant,
        Self::Cafe,
        Self::Hairdresser,
        Self::Beauty,
        Self::Clothes,
        Self::Florist,
        Self::Grocery,
        Self::Butcher,
        Self::Gym,
        Self::Garage,
        Self::Bookshop,
        Self::Estate,
        Self::Artisan,
        Self::Home,
        Self::Repair,
        Self::Health,
        Self::School,
        Self::Office,
        Self::Pets,
        Self::Shop,
    ];

    /// The trade of a text, from its folded words: of the first word that names one, else of two weaker ones.
    /// A word far behind the subject names something beside it: cake after a concert.
    pub(crate) fn read(words: &[String]) -> Self {
        const NEAR: usize = 20;
        let near = words.get(..NEAR).unwrap_or(words);
        let of_two = || Self::ALL.into_iter().find(|trade| TRADES.count(*trade, words) > 1);
        SURE.first_in(near).or_else(of_two).unwrap_or(Self::Shop)
    }

    /// True if any keyword of a trade is among folded words.
    pub(super) fn is_named(words: &[String]) -> bool {
        TRADES.first_in(words).is_some()
    }

    fn parse(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trade| trade.key() == key)
    }

    /// The name in the data files.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Bakery => "bakery",
            Self::Restaurant => "restaurant",
            Self::Cafe => "cafe",
            Self::Hairdresser => "hairdresser",
            Self::Beauty => "beauty",
            Self::Clothes => "clothes",
            Self::Florist => "florist",
            Self::Grocery => "grocery",
            Self::Butcher => "butcher",
            Self::Gym => "gym",
            Self::Garage => "garage",
            Self::Bookshop => "bookshop",
            Self::Estate => "estate",
            Self::Artisan => "artisan",
            Self::Home => "home",
            Self::Repair => "repair",
            Self::Health => "health",
            Self::School => "school",
            Self::Office => "office",
            Self::Pets => "pets",
            Self::Shop => "shop",
        }
    }

    /// True if customers visit the premises of this trade.
    pub(crate) fn has_counter(self) -> bool {
        match self {
            Self::Bakery
            | Self::Restaurant
            | Self::Cafe
            | Self::Hairdresser
            | Self::Beauty
            | Self::Clothes
            | Self::Florist
            | Self::Grocery
            | Self::Butcher
            | Self::Bookshop => true,
            Self::Gym
            | Self::Garage
            | Self::Estate
            | Self::Artisan
            | Self::Home
            | Self::Repair
            | Self::Health
            | Self::School
            | Self::Office
            | Self::Pets
            | Self::Shop => false,
        }
    }

    /// True if it sells food or drink.
    pub(crate) fn is_food(self) -> bool {
        matches!(self, Self::Bakery | Self::Restaurant | Self::Cafe | Self::Grocery | Self::Butcher)
    }

    /// True if its customers are professionals, or clients of a practice: no retail wording.
    pub(crate) fn is_formal(self) -> bool {
        matches!(self, Self::Office | Self::Health)
    }

    pub(crate) fn emoji(self) -> &'static str {
        match self {
            Self::Bakery => "🥐",
            Self::Restaurant => "🍽️",
            Self::Cafe => "☕",
            Self::Hairdresser => "💇",
            Self::Beauty => "🌸",
            Self::Clothes => "👗",
            Self::Florist => "💐",
            Self::Grocery => "🧺",
            Self::Butcher => "🥩",
            Self::Gym => "💪",
            Self::Garage => "🔧",
            Self::Bookshop => "📚",
            Self::Estate => "🏡",
            Self::Artisan => "🛠️",
            Self::Home => "🧰",
            Self::Repair => "📱",
            Self::Health => "🩺",
            Self::School => "🎓",
            Self::Office => "💼",
            Self::Pets => "🐾",
            Self::Shop => "✨",
        }
    }

    /// The name of the trade, for the intent.
    pub(crate) fn name(self, language: Language) -> &'static str {
        let names = match self {
            Self::Bakery => ["boulangerie", "bakery", "panadería", "padaria", "مخبز"],
            Self::Restaurant => ["restaurant", "restaurant", "restaurante", "restaurante", "مطعم"],
            Self::Cafe => ["café", "café", "cafetería", "café", "مقهى"],
            Self::Hairdresser => ["coiffure", "hairdressing", "peluquería", "cabeleireiro", "حلاقة"],
            Self::Beauty => ["beauté", "beauty", "estética", "estética", "تجميل"],
            Self::Clothes => ["mode", "fashion", "moda", "moda", "أزياء"],
            Self::Florist => ["fleuriste", "florist", "floristería", "florista", "زهور"],
            Self::Grocery => ["épicerie", "grocery", "alimentación", "mercearia", "بقالة"],
            Self::Butcher => ["boucherie", "butcher", "carnicería", "talho", "جزارة"],
            Self::Gym => ["sport", "fitness", "deporte", "desporto", "رياضة"],
            Self::Garage => ["garage", "garage", "taller", "oficina", "ورشة سيارات"],
            Self::Bookshop => ["librairie", "bookshop", "librería", "livraria", "مكتبة"],
            Self::Estate => ["immobilier", "real estate", "inmobiliaria", "imobiliária", "عقارات"],
            Self::Artisan => ["artisanat", "craft", "artesanía", "artesanato", "حرف"],
            Self::Home => {
                ["services à domicile", "home services", "servicios a domicilio", "serviços", "خدمات منزلية"]
            }
            Self::Repair => ["réparation", "repairs", "reparaciones", "reparações", "تصليح"],
            Self::Health => ["santé", "health", "salud", "saúde", "صحة"],
            Self::School => ["enseignement", "education", "enseñanza", "ensino", "تعليم"],
            Self::Office => ["conseil", "professional services", "asesoría", "consultoria", "استشارات"],
            Self::Pets => ["animaux", "pets", "mascotas", "animais", "حيوانات أليفة"],
            Self::Shop => ["commerce", "shop", "comercio", "comércio", "متجر"],
        };
        lexicon::in_language(names, language)
    }
}
