//! The text of a voice note, or the reason why there is none.

use postly_domain::text::storable;

use crate::ModelFailure;

/// The reason why a voice note has no text. The author pays for none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TranscribeError {
    /// The model heard no speech.
    #[error("no speech was heard")]
    NoSpeech,
    /// The server does not accept the file.
    #[error("the server does not take the file")]
    Unusable,
    /// The server has no transcription.
    #[error("the server has no transcription")]
    Missing,
    /// The server failed, in one of the ways of a model that writes.
    #[error("the transcription failed: {0}")]
    Failed(ModelFailure),
}

/// Returns the speech in an answer. Without speech, a model answers in brackets (`[Musique]`), with notes, or
/// with nothing.
pub(crate) fn speech(text: &str) -> Option<String> {
    let text = storable(text).trim().to_owned();
    let mut depth = 0_u32;
    let is_said = text.chars().any(|c| {
        match c {
            '[' | '(' | '<' => depth += 1,
            ']' | ')' | '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && c.is_alphanumeric()
    });
    is_said.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_is_told_from_noises_and_silence() {
        for text in ["Crée un post promo", "  Solde. ", "(rires) -20 % samedi", "مرحبا", "20"] {
            assert_eq!(speech(text).as_deref(), Some(text.trim()), "{text}");
        }
        for text in
            ["", " \n", "…", "[Musique]", "(bruit de fond)", "♪♪♪", "<|nospeech|>", "[Music] (noise) ."]
        {
            assert_eq!(speech(text), None, "{text}");
        }
    }
}
