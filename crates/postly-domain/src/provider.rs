//! The two providers of WhatsApp messages.

use serde::{Deserialize, Serialize};

/// A WhatsApp provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Meta's WhatsApp Cloud API.
    Meta,
    /// Twilio's Programmable Messaging.
    Twilio,
}

impl Provider {
    /// The name used in configuration, in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Twilio => "twilio",
        }
    }

    /// Reads [`Provider::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "meta" => Some(Self::Meta),
            "twilio" => Some(Self::Twilio),
            _ => None,
        }
    }

    /// The longest text of one free-form message, in UTF-16 code units.
    ///
    /// Meta documents 4096 "characters" and Twilio 1600 with emoji counting for more (error 21617). Neither
    /// defines a character, so we count UTF-16 units, the largest of the usual readings, and stay just below.
    pub fn text_limit_utf16(self) -> usize {
        match self {
            Self::Meta => 4000,
            Self::Twilio => 1500,
        }
    }
}

impl std::fmt::Display for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
