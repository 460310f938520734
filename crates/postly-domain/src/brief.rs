//! The request for posts, in the author's own words.

use serde::{Deserialize, Serialize};

/// The longest brief, in characters: the capacity of one WhatsApp message (Meta: 4096).
pub const MAX_BRIEF_CHARS: usize = 4096;

/// The longest brief, in bytes. A byte-pair tokenizer makes at most one token of each byte, and models are
/// paid by the token. Every text of 4,096 characters in our languages fits, because they take at most two
/// bytes each. 4,096 emoji do not fit.
pub const MAX_BRIEF_BYTES: usize = 8_192;

/// An author's request for posts. It keeps the author's bytes, except for surrounding white space, and is
/// never empty.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Brief(String);

/// The reason why a text is no brief.
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
    /// Reads a text as a brief.
    ///
    /// # Errors
    /// Fails if the text is empty, or longer than [`MAX_BRIEF_CHARS`] or [`MAX_BRIEF_BYTES`].
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

/// Prints the length of the brief only, because briefs must not reach logs.
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
