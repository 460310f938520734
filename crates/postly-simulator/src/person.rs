//! The people with phones, and the messages they can send.

use crate::attachment::MediaFile;
use crate::config::Channel;
use crate::signing::sha256_hex;

/// A person with a phone, as one provider identifies them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The provider that carries the conversation.
    pub channel: Channel,
    /// The number, digits only (`wa_id`).
    pub number: String,
    /// The business-scoped id. Payloads before April 2026 have none.
    pub bsuid: Option<String>,
    /// The person uses a username and hides the number: webhooks carry only the business-scoped id.
    pub phone_hidden: bool,
    /// The profile name.
    pub name: String,
    /// The username, if any.
    pub username: Option<String>,
}

impl Person {
    /// A person with this number. Characters other than digits are dropped.
    pub fn new(channel: Channel, number: &str) -> Self {
        let number = digits(number);
        let bsuid = Some(bsuid(channel, &number));
        Self { channel, number, bsuid, phone_hidden: false, name: "Fatou Diop".to_owned(), username: None }
    }

    /// Sets the profile name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Sets the business-scoped id.
    #[must_use]
    pub fn with_bsuid(mut self, bsuid: &str) -> Self {
        self.bsuid = Some(bsuid.to_owned());
        self
    }

    /// Removes the business-scoped id, as in payloads before April 2026.
    #[must_use]
    pub fn without_bsuid(mut self) -> Self {
        self.bsuid = None;
        self
    }

    /// Hides the number behind a username.
    #[must_use]
    pub fn hiding_phone(mut self, username: &str) -> Self {
        self.phone_hidden = true;
        self.username = Some(username.to_owned());
        self
    }
}

/// The content of a message to the business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// Plain text.
    Text(String),
    /// Text that WhatsApp filled in when the author opened the chat from an ad.
    FromAd(String),
    /// An emoji on a message of the business; `None` removes it.
    Reaction {
        /// The message that gets the reaction.
        message_id: String,
        /// The emoji.
        emoji: Option<String>,
    },
    /// A voice note, or an audio file.
    Audio {
        /// True for a recording made with WhatsApp's microphone.
        voice: bool,
    },
    /// An image.
    Image {
        /// The caption, if any.
        caption: Option<String>,
    },
    /// A recording with this file.
    Recording(MediaFile),
    /// A picture with this file.
    Photo {
        /// The file.
        file: MediaFile,
        /// The caption, if any.
        caption: Option<String>,
    },
    /// A video.
    Video {
        /// The caption, if any.
        caption: Option<String>,
    },
    /// A file, `menu.pdf`.
    Document {
        /// The caption, if any.
        caption: Option<String>,
    },
    /// A sticker.
    Sticker,
    /// A location.
    Location,
    /// The contact card of a third person.
    Contacts,
    /// The author's own number, shared on request.
    OwnNumber,
    /// The quick reply of a template.
    Button {
        /// The payload, `DID_NOT_REQUEST_CODE` among them.
        payload: String,
        /// The label of the button.
        text: String,
    },
    /// A reply button of an interactive message.
    ButtonReply {
        /// The id from the interactive message.
        id: String,
        /// The label of the button.
        title: String,
    },
    /// A row of a list message.
    ListReply {
        /// The id from the list message.
        id: String,
        /// The label of the row.
        title: String,
    },
    /// The author deleted a message for everyone. Twilio does not report this.
    Revoke {
        /// The message.
        message_id: String,
    },
    /// The author edited a message. Twilio does not report this.
    Edit {
        /// The message.
        message_id: String,
        /// The new content.
        now: Box<MessageKind>,
    },
    /// A message that WhatsApp cannot deliver to a business, such as a poll.
    Unsupported,
    /// An unknown type.
    Unknown,
    /// The author moved to another number. This notice has no `contacts` array.
    ChangedNumber {
        /// The new number, digits only.
        new_number: String,
    },
    /// The author's business-scoped id changes. The notice names no number and no sender.
    ChangedUserId {
        /// The new id.
        new_bsuid: String,
    },
    /// The identity key of the author's number changes.
    ChangedIdentityKey,
}

impl MessageKind {
    /// Returns true for a notice of WhatsApp itself. It has no `contacts` array.
    pub(crate) fn is_system(&self) -> bool {
        matches!(self, Self::ChangedNumber { .. } | Self::ChangedUserId { .. } | Self::ChangedIdentityKey)
    }
}

/// A button below a message, or a row of its list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneButton {
    /// Its label.
    pub title: String,
    /// The message that a tap sends. A tap on a link, or on a button that copies a code, sends none.
    pub sends: Option<MessageKind>,
    /// The address of a link.
    pub opens: Option<String>,
}

impl PhoneButton {
    /// A button that sends nothing.
    pub(crate) fn silent(title: &str) -> Self {
        Self { title: title.to_owned(), sends: None, opens: None }
    }

    /// A button that opens an address.
    pub(crate) fn link(title: &str, url: &str) -> Self {
        Self { title: title.to_owned(), sends: None, opens: Some(url.to_owned()) }
    }
}

/// Keeps only the digits of a number.
pub(crate) fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

/// Returns a business-scoped id that is always the same for a person.
fn bsuid(channel: Channel, number: &str) -> String {
    const COUNTRIES: [(&str, &str); 9] = [
        ("351", "PT"),
        ("212", "MA"),
        ("221", "SN"),
        ("41", "CH"),
        ("44", "GB"),
        ("49", "DE"),
        ("34", "ES"),
        ("32", "BE"),
        ("1", "US"),
    ];
    let country =
        COUNTRIES.iter().find(|(code, _)| number.starts_with(code)).map_or("FR", |(_, country)| country);
    let hash = sha256_hex(format!("{}:{number}", channel.name()).as_bytes()).to_uppercase();
    format!("{country}.{}", hash.get(..20).unwrap_or(&hash))
}
