//! The supported languages.

use serde::{Deserialize, Serialize};

/// A language of our texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// French, the default.
    Fr,
    /// English.
    En,
    /// Spanish.
    Es,
    /// Portuguese.
    Pt,
    /// Arabic.
    Ar,
}

impl Language {
    /// Every language, in the order in which they are offered.
    pub const ALL: [Self; 5] = [Self::Fr, Self::En, Self::Es, Self::Pt, Self::Ar];

    /// The ISO 639-1 code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::En => "en",
            Self::Es => "es",
            Self::Pt => "pt",
            Self::Ar => "ar",
        }
    }

    /// The text direction, as HTML's `dir` names it: `ltr` or `rtl`.
    pub fn dir(self) -> &'static str {
        match self {
            Self::Fr | Self::En | Self::Es | Self::Pt => "ltr",
            Self::Ar => "rtl",
        }
    }

    /// Reads an ISO 639-1 code in any case.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code().eq_ignore_ascii_case(code))
    }

    /// Reads a code or a name of the language in one of our languages, already folded by
    /// [`crate::text::fold`].
    pub fn from_folded_name(word: &str) -> Option<Self> {
        match word {
            "fr" | "francais" | "french" | "frances" | "الفرنسية" => Some(Self::Fr),
            "en" | "anglais" | "english" | "ingles" | "الانجليزية" => Some(Self::En),
            "es" | "espagnol" | "spanish" | "espanol" | "espanhol" | "الاسبانية" => Some(Self::Es),
            "pt" | "portugais" | "portuguese" | "portugues" | "البرتغالية" => Some(Self::Pt),
            "ar" | "arabe" | "arabic" | "العربية" => Some(Self::Ar),
            _ => None,
        }
    }
}

impl std::fmt::Display for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}
