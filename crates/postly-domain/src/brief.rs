//! What an author asks for, in her own words.

use serde::{Deserialize, Serialize};

/// The longest brief we read, in characters: what one WhatsApp message can hold (Meta: 4096).
pub const MAX_BRIEF_CHARS: usize = 4096;

/// The longest brief we read, in bytes: a byte-pair tokenizer makes no more tokens than there are bytes, and a model is paid
/// by the token. It leaves out no text of our languages, whose characters take two bytes at most, but 4,096 emoji.
pub const MAX_BRIEF_BYTES: usize = 8_192;

/// The request of an author. It keeps her bytes, but for the white space around it, and is never empty.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Brief(String);

/// Why a text is no brief.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BriefError {
    /// Nothing but white space.
    #[error("the brief is empty")]
    Empty,
    /// Over [`MAX_BRIEF_CHARS`] or [`MAX_BRIEF_BYTES`].
    #[error("the brief is longer than {MAX_BRIEF_CHARS} characters or {MAX_BRIEF_BYTES} bytes")]
    TooLong,
}

impl Brief {
    /// Takes a text as a brief.
    ///
    /// # Errors
    /// When it is empty, or longer than [`MAX_BRIEF_CHARS`] or [`MAX_BRIEF_BYTES`].
    pub fn parse(text: &str) -> Result<Self, BriefError> {
        let text = text.trim();
        if text.is_empty() {
            Err(BriefError::Empty)
        } else if text.len() > MAX_BRIEF_BYTES || text.chars().count() > MAX_BRIEF_CHARS {
            Err(BriefError::TooLong)
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Says how long the brief is and nothing of it: briefs stay out of logs.
impl std::fmt::Debug for Brief {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Brief({} characters)", self.0.chars().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l13_what_costs_more_than_a_long_text_is_too_long() {
        for longest in ["é".repeat(MAX_BRIEF_CHARS), "م".repeat(MAX_BRIEF_CHARS), "🥐".repeat(2_048)] {
            assert!(Brief::parse(&longest).is_ok());
        }
        for bomb in
            ["🥐".repeat(MAX_BRIEF_CHARS), "꧅".repeat(MAX_BRIEF_CHARS), "a".repeat(MAX_BRIEF_CHARS + 1)]
        {
            assert_eq!(Brief::parse(&bomb), Err(BriefError::TooLong));
        }
    }
}
