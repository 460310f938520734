//! Outgoing messages, independent of a provider.

use std::time::Instant;

use postly_domain::{Language, id::AttemptId};

/// A message to a person.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// The address as the provider gave it, or a number.
    pub address: &'a str,
    /// The content.
    pub body: Body<'a>,
    /// The attempt; every status of the message returns its id.
    pub attempt: &'a AttemptId,
    /// The provider's id of the message that this one answers, if the provider can show it. A code answers
    /// none.
    pub reply_to: Option<&'a str>,
    /// The deadline for sending. A message that is not written by then is not sent, and the attempt is
    /// unclear at worst.
    pub send_by: Instant,
}

/// Omits the address, because numbers must not reach logs.
impl std::fmt::Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing")
            .field("body", &self.body)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// The content of a message.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    /// Free-form text.
    Text(&'a str),
    /// Free-form text with up to three reply buttons below it.
    ///
    /// Meta shows them within its limits: a text of 1 to 1,024 UTF-16 units, titles of 1 to 20 and ids of 1
    /// to 256 bytes, no two of them alike, ids without space at their ends. Beyond them the text is sent
    /// alone. Twilio always gets the text alone, because buttons need a content resource there. Therefore the
    /// text itself must list the possible answers.
    Buttons {
        /// The text.
        text: &'a str,
        /// The buttons, from the left.
        buttons: &'a [Button<'a>],
    },
    /// Free-form text with a button below it that opens an address.
    ///
    /// Meta shows the button if the text has 1 to 1,024 and the label 1 to 20 UTF-16 units. Otherwise, and at
    /// Twilio, where such a button needs a content resource, the address follows below the text.
    Link {
        /// The text.
        text: &'a str,
        /// The label.
        title: &'a str,
        /// The address, with http or https.
        url: &'a str,
    },
    /// A one-time code by the authentication template, for use outside of the service window.
    ///
    /// It needs a number: a business-scoped id is refused. A code has 1 to 15 ASCII letters and digits.
    Code {
        /// The code.
        code: &'a str,
        /// The author's language. Meta tries the template in it first. Twilio's content resource has its own.
        language: Language,
    },
}

/// A reply button.
#[derive(Clone, Copy)]
pub struct Button<'a> {
    /// The id returned as [`Content::Tap`](postly_domain::event::Content::Tap) after a tap.
    pub id: &'a str,
    /// The label.
    pub title: &'a str,
}

/// Prints the kind and sizes only, because texts and codes must not reach logs.
impl std::fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} characters)", text.chars().count()),
            Self::Buttons { text, buttons } => {
                write!(f, "Buttons({} characters, {} buttons)", text.chars().count(), buttons.len())
            }
            Self::Link { text, .. } => write!(f, "Link({} characters)", text.chars().count()),
            Self::Code { language, .. } => write!(f, "Code({language})"),
        }
    }
}

/// A text with an address below it, in place of a button.
pub(crate) fn with_address(text: &str, url: &str) -> String {
    format!("{text}\n{url}")
}

/// The reason why a message is refused before the provider is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsendable {
    /// The address is invalid, or this kind of message cannot be sent to it.
    Address,
    /// There is no template for the code, or no template accepts this code.
    Code,
}

/// The longest code of an authentication template, as Meta documents it.
const LONGEST_CODE: usize = 15;

/// A code in the form that templates accept.
pub(crate) fn plain_code(code: &str) -> Result<&str, Unsendable> {
    let plain =
        (1..=LONGEST_CODE).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain { Ok(code) } else { Err(Unsendable::Code) }
}
