//! What we send, before it has the form of a provider.

use std::time::Instant;

use postly_domain::{Language, id::AttemptId};

/// A message on its way to a person.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// The address as the provider gave it, or a number.
    pub address: &'a str,
    /// What it says.
    pub body: Body<'a>,
    /// The attempt; every status of the message brings it back.
    pub attempt: &'a AttemptId,
    /// The provider's id of the message this one answers, where the provider can show that. A code answers none.
    pub reply_to: Option<&'a str>,
    /// Until when it may leave. What is not on the wire by then does not leave at all, and the attempt is unclear at worst.
    pub send_by: Instant,
}

/// Leaves the address out: numbers stay out of logs.
impl std::fmt::Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing")
            .field("body", &self.body)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// What a message says.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    /// Free-form text.
    Text(&'a str),
    /// Free-form text with up to three reply buttons below it.
    ///
    /// Meta shows them as long as they keep its limits: a text of 1 to 1,024 UTF-16 units, titles of 1 to 20 and ids
    /// of 1 to 256 bytes, no two of them alike, ids without space at their ends. What does not keep them is sent as
    /// the text alone, and so is everything at Twilio, where buttons need a content resource. So the text must say
    /// by itself what one can answer.
    Buttons {
        /// The text.
        text: &'a str,
        /// The buttons, from the left.
        buttons: &'a [Button<'a>],
    },
    /// Free-form text with a button below it that opens an address.
    ///
    /// Meta shows the button as long as the text has 1 to 1,024 and the label 1 to 20 UTF-16 units. Otherwise, and at Twilio,
    /// where such a button needs a content resource, the address stands below the text.
    Link {
        /// The text.
        text: &'a str,
        /// The label.
        title: &'a str,
        /// The address, with http or https.
        url: &'a str,
    },
    /// A one-time code by the authentication template, for outside of the service window.
    ///
    /// It needs a number: a business-scoped id is refused. A code has 1 to 15 ASCII letters and digits.
    Code {
        /// The code.
        code: &'a str,
        /// The language of the author: at Meta the template is tried in it first. At Twilio the content resource has its own.
        language: Language,
    },
}

/// A reply button.
#[derive(Clone, Copy)]
pub struct Button<'a> {
    /// What comes back as [`Content::Tap`](postly_domain::event::Content::Tap) when it is tapped.
    pub id: &'a str,
    /// What it is labelled with.
    pub title: &'a str,
}

/// Names the kind only: texts, and codes before all, stay out of logs.
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

/// A text with an address below it, for where no button can open it.
pub(crate) fn with_address(text: &str, url: &str) -> String {
    format!("{text}\n{url}")
}

/// Why a message is refused before the provider is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsendable {
    /// Its address is none, or none that this kind of message can go to.
    Address,
    /// There is no template for the code, or it is a code that no template takes.
    Code,
}

/// The longest code of an authentication template, as Meta documents it.
const LONGEST_CODE: usize = 15;

/// A code that a template takes.
pub(crate) fn plain_code(code: &str) -> Result<&str, Unsendable> {
    let plain =
        (1..=LONGEST_CODE).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain { Ok(code) } else { Err(Unsendable::Code) }
}
