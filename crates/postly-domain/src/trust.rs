//! Numbers that are no longer proved.

/// The reason why an author's number is no longer proved (RULES 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneDoubt {
    /// The provider gave the person another id and named no number. Ids change with the number, so the number
    /// may belong to another person by now: it does not identify the author.
    IdChanged,
    /// The key behind the number changed. Most often it is the same person on another phone.
    KeyChanged,
}

impl PhoneDoubt {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IdChanged => "id_changed",
            Self::KeyChanged => "key_changed",
        }
    }

    /// Reads [`PhoneDoubt::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::IdChanged, Self::KeyChanged].into_iter().find(|doubt| doubt.as_str() == text)
    }
}
