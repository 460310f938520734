//! The people who write to us, and what they can write.

use crate::attachment::MediaFile;
use crate::config::Channel;
use crate::signing::sha256_hex;

/// Somebody with a phone, as one provider knows her.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The provider that carries the conversation.
    pub channel: Channel,
    /// Her number, digits only (`wa_id`).
    pub number: String,
    /// Her business-scoped id. Payloads before April 2026 have none.
    pub bsuid: Option<String>,
    /// She uses a username and hides her number: webhooks carry the business-scoped id alone.
    pub phone_hidden: bool,
    /// The name on her profile.
    pub name: String,
    /// Her username, if she has one.
    pub username: Option<String>,
}

impl Person {
    /// Somebody at this number. Everything but its digits is dropped.
    pub fn new(channel: Channel, number: &str) -> Self {
        let number = digits(number);
        let bsuid = Some(bsuid(channel, &number));
        Self { channel, number, bsuid, phone_hidden: false, name: "Fatou Diop".to_owned(), username: None }
    }

    /// Gives her another profile name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Gives her this business-scoped id.
    #[must_use]
    pub fn with_bsuid(mut self, bsuid: &str) -> Self {
        self.bsuid = Some(bsuid.to_owned());
        self
    }

    /// Makes her payloads those of before April 2026, without a business-scoped id.
    #[must_use]
    pub fn without_bsuid(mut self) -> Self {
        self.bsuid = None;
        self
    }

    /// Hides her number behind a username.
    #[must_use]
    pub fn hiding_phone(mut self, username: &str) -> Self {
        self.phone_hidden = true;
        self.username = Some(username.to_owned());
        self
    }
}

/// What somebody sends us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// Plain text.
    Text(String),
    /// Text that WhatsApp filled in when the author opened the chat from an ad.
    FromAd(String),
    /// An emoji on a message of ours; `None` takes it away again.
    Reaction {
        /// The message it is put on.
        message_id: String,
        /// The emoji.
        emoji: Option<String>,
    },
    /// A voice note, or an audio file.
    Audio {
        /// Recorded with the microphone of WhatsApp.
        voice: bool,
    },
    /// A picture.
    Image {
        /// What she wrote under it.
        caption: Option<String>,
    },
    /// A recording with this file.
    Recording(MediaFile),
    /// A picture with this file.
    Photo {
        /// The file.
        file: MediaFile,
        /// What she wrote under it.
        caption: Option<String>,
    },
    /// A film.
    Video {
        /// What she wrote under it.
        caption: Option<String>,
    },
    /// A file, `menu.pdf`.
    Document {
        /// What she wrote under it.
        caption: Option<String>,
    },
    /// A sticker.
    Sticker,
    /// A place.
    Location,
    /// Somebody's contact card.
    Contacts,
    /// The author's own number, shared on request.
    OwnNumber,
    /// The quick reply of a template.
    Button {
        /// The payload, `DID_NOT_REQUEST_CODE` among them.
        payload: String,
        /// The label she saw.
        text: String,
    },
    /// A reply button of an interactive message.
    ButtonReply {
        /// The id we gave it.
        id: String,
        /// The label she saw.
        title: String,
    },
    /// A row of a list message.
    ListReply {
        /// The id we gave it.
        id: String,
        /// The label she saw.
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
    /// What WhatsApp itself cannot carry to a business, such as a poll.
    Unsupported,
    /// A type that nobody knows yet.
    Unknown,
    /// She moved to another number. There is no `contacts` array in this one.
    ChangedNumber {
        /// Her new number, digits only.
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
    /// WhatsApp itself says so. There is no `contacts` array in these.
    pub(crate) fn is_system(&self) -> bool {
        matches!(self, Self::ChangedNumber { .. } | Self::ChangedUserId { .. } | Self::ChangedIdentityKey)
    }
}

/// A button below a message, or a row of its list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneButton {
    /// Its label.
    pub title: String,
    /// What she sends us by tapping it. Of a link, or of a button that copies a code, we hear nothing.
    pub sends: Option<MessageKind>,
    /// The address that it opens, if it is a link.
    pub opens: Option<String>,
}

impl PhoneButton {
    /// A button that only her phone knows what to do with.
    pub(crate) fn silent(title: &str) -> Self {
        Self { title: title.to_owned(), sends: None, opens: None }
    }

    /// A button that opens an address.
    pub(crate) fn link(title: &str, url: &str) -> Self {
        Self { title: title.to_owned(), sends: None, opens: Some(url.to_owned()) }
    }
}

/// Keeps the digits of a number, whatever it is written with.
pub(crate) fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

/// A business-scoped id that is the same for the same person each time.
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
