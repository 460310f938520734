//! Incoming events: one per message, status or change, of every provider.

use serde::{Deserialize, Serialize};

use crate::{PhoneE164, Pricing, Provider, UnixMillis, id::AttemptId, media::InboundMedia};

/// The key that identifies repeated deliveries of one event. It is unique in the inbox.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventKey(pub String);

impl std::fmt::Display for EventKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The kind of an event in the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A message of an author.
    Message,
    /// A delivery status of one of our messages.
    Status,
    /// A person's number or id changed.
    IdentityChange,
    /// A kind that is stored and counted, without any effect.
    Unknown,
}

impl EventKind {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Status => "status",
            Self::IdentityChange => "identity_change",
            Self::Unknown => "unknown",
        }
    }

    /// Reads [`EventKind::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Message, Self::Status, Self::IdentityChange, Self::Unknown]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// The rule by which an event gets no answer. RULES 10.1 asks for a name for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IgnoreRule {
    /// For another business number or account.
    Unrouted,
    /// Older than the service window on arrival, or when its turn came: an answer could not be delivered.
    WindowClosed,
    /// More than sixty messages of one author were waiting.
    Flood,
    /// A reaction, an order, a system note: nothing to answer.
    NothingToSay,
    /// A message that its sender deleted before its turn.
    Revoked,
    /// A kind of message that we cannot read, after the sender's hint of the day.
    HintGiven,
    /// An unknown kind of event.
    UnknownKind,
    /// Authentic, but not readable.
    Unreadable,
    /// A message without a sender.
    NoSender,
    /// A status of a message that is not ours.
    UnknownMessage,
    /// A change of a number or id that we do not know, or that belongs to another person.
    UnknownIdentity,
    /// A message of an author who was erased since.
    Erased,
    /// The answer was given a moment ago, or often enough.
    SaidAlready,
    /// Repeated texts, as in a loop of two machines.
    Loop,
    /// Read together with the message before it, and answered there.
    Joined,
    /// A message of an author who asked for a person, and is left to that person.
    HandedOver,
    /// A brief that came while the sender was stopped, after its author was told.
    Paused,
    /// A message of an author blocked by the operator, after the author was told.
    Blocked,
    /// Written after the backup that this database was restored from: the earlier database answered it.
    Restored,
}

impl IgnoreRule {
    /// The name in the database and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unrouted => "unrouted",
            Self::WindowClosed => "window_closed",
            Self::Flood => "flood",
            Self::NothingToSay => "nothing_to_say",
            Self::Revoked => "revoked",
            Self::HintGiven => "hint_given",
            Self::UnknownKind => "unknown_kind",
            Self::Unreadable => "unreadable",
            Self::NoSender => "no_sender",
            Self::UnknownMessage => "unknown_message",
            Self::UnknownIdentity => "unknown_identity",
            Self::Erased => "erased",
            Self::SaidAlready => "said_already",
            Self::Loop => "loop",
            Self::Joined => "joined",
            Self::HandedOver => "handed_over",
            Self::Paused => "paused",
            Self::Blocked => "blocked",
            Self::Restored => "restored",
        }
    }
}

/// One event as the ingress stores it: enough to recognise it, to put it in its lane, and to read it later.
#[derive(Clone)]
pub struct ReceivedEvent {
    /// Its key.
    pub key: EventKey,
    /// The provider that delivered it.
    pub provider: Provider,
    /// The kind of event.
    pub kind: EventKind,
    /// The lane in which it waits: events of one lane are handled one at a time, in order.
    pub lane: String,
    /// The time of the event by the provider's clock; the time of arrival if the provider gives none.
    pub occurred_at: UnixMillis,
    /// The part of the webhook that holds this event alone. Empty for an event that is ignored at once.
    pub slice: String,
    /// The key of the message that this one deletes or replaces.
    pub amends: Option<EventKey>,
    /// Set if the event is not handled further.
    pub ignored: Option<IgnoreRule>,
}

/// Omits the slice, because it holds numbers and texts.
impl std::fmt::Debug for ReceivedEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReceivedEvent")
            .field("key", &self.key)
            .field("kind", &self.kind)
            .field("ignored", &self.ignored)
            .finish_non_exhaustive()
    }
}

/// A parsed event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InboundEvent {
    /// A message of an author.
    Message(InboundMessage),
    /// A delivery status of one of our messages.
    Status(StatusUpdate),
    /// A person's number or id changed.
    IdentityChange(IdentityChange),
    /// A notice about our account, our number or one of our templates.
    Notice(AccountNotice),
}

/// A notice of a provider about our account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountNotice {
    /// The subject.
    pub subject: NoticeSubject,
    /// The provider's word for it: `PAUSED`, `FLAGGED` …
    pub word: String,
    /// The consequence.
    pub effect: NoticeEffect,
    /// The time of the notice by the provider's clock.
    pub occurred_at: UnixMillis,
}

/// The subject of a notice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeSubject {
    /// One translation of a template.
    Template {
        /// The template's name.
        name: String,
        /// The language, as the provider names it.
        language: String,
    },
    /// The quality of our number.
    Quality,
    /// The account.
    Account,
}

impl NoticeSubject {
    /// The name in the database: `template:NAME:LANGUAGE`, `quality`, `account`.
    pub fn key(&self) -> String {
        match self {
            // Meta writes `en-US` in notices, but `en_US` in messages.
            Self::Template { name, language } => format!("template:{name}:{}", language.replace('-', "_")),
            Self::Quality => "quality".to_owned(),
            Self::Account => "account".to_owned(),
        }
    }
}

/// The consequence of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeEffect {
    /// Operation is normal, or normal again.
    Clear,
    /// The operator must look; operation continues.
    Warns,
    /// The subject cannot be used: conversations that we start by it wait.
    Stops,
}

impl NoticeEffect {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Warns => "warns",
            Self::Stops => "stops",
        }
    }
}

/// A provider's names for a person. At least one of the fields is set; an empty string is absent.
#[derive(Clone, PartialEq, Eq)]
pub struct Sender {
    /// The provider.
    pub provider: Provider,
    /// The address for replies, exactly as the provider wrote it (`33612345678`, `whatsapp:+336…`,
    /// `FR.13491208655302741918`).
    pub address: String,
    /// The number in the compared form, if the provider shows it.
    pub phone: Option<PhoneE164>,
    /// The business-scoped user id, if the provider gives one.
    pub bsuid: Option<String>,
}

/// Prints the presence of each part only, because numbers must not reach logs.
impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender")
            .field("provider", &self.provider)
            .field("phone", &self.phone.is_some())
            .field("bsuid", &self.bsuid.is_some())
            .finish_non_exhaustive()
    }
}

/// A message of an author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundMessage {
    /// The sender.
    pub sender: Sender,
    /// Our number that received the message, exactly as the provider names it (Meta: the phone number id).
    pub business: String,
    /// The same number as people see it, if the provider shows it.
    pub business_number: Option<PhoneE164>,
    /// The provider's id of the message.
    pub provider_message_id: String,
    /// The time of writing by the provider's clock.
    pub occurred_at: UnixMillis,
    /// The provider's id of the message that it replies to, if the author chose one.
    pub reply_to: Option<String>,
    /// The content.
    pub content: Content,
    /// The file that came along, if it is a voice note or a photo.
    pub media: Option<InboundMedia>,
}

/// The content of a message.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// A text.
    Text(String),
    /// The words of a voice note, as a model heard them. No webhook holds this.
    Spoken(String),
    /// The caption of a photo, a video or a document.
    Caption {
        /// The provider's name of the kind.
        kind: String,
        /// The caption: never blank.
        text: String,
    },
    /// A tap on a button, or on a row of a list.
    Tap {
        /// The id that we gave the button: 1 to 256 bytes; `None` if the returned value is no such id. The
        /// provider signs it, but the author may tap at any time and any number of times.
        payload: Option<String>,
        /// The label of the button, if the provider gives it.
        title: Option<String>,
    },
    /// The sender's own number, shared at our request.
    OwnNumber {
        /// The number.
        phone: PhoneE164,
    },
    /// A voice note, a photo, a document …: unreadable so far, answered with a hint.
    Unreadable {
        /// The provider's name of the kind.
        kind: String,
    },
    /// The sender deleted an earlier message.
    Revoke {
        /// The provider's id of that message.
        original: String,
    },
    /// The sender changed an earlier message.
    Edit {
        /// The provider's id of that message.
        original: String,
        /// The new content.
        content: Box<Content>,
    },
    /// A reaction, an order, a note of the system: nothing to answer.
    Silent {
        /// The provider's name of the kind.
        kind: String,
    },
}

/// Prints the kind and the length only, because texts must not reach logs.
impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} characters)", text.chars().count()),
            Self::Spoken(text) => write!(f, "Spoken({} characters)", text.chars().count()),
            Self::Caption { kind, text } => write!(f, "Caption({kind}, {} characters)", text.chars().count()),
            Self::Tap { payload, title } => {
                let bytes = payload.as_ref().map_or(0, String::len);
                write!(
                    f,
                    "Tap({bytes} bytes, {} characters)",
                    title.as_ref().map_or(0, |title| title.chars().count())
                )
            }
            Self::OwnNumber { .. } => f.write_str("OwnNumber"),
            Self::Unreadable { kind } => write!(f, "Unreadable({kind})"),
            Self::Revoke { .. } => f.write_str("Revoke"),
            Self::Edit { content, .. } => write!(f, "Edit({content:?})"),
            Self::Silent { kind } => write!(f, "Silent({kind})"),
        }
    }
}

/// A provider's report on one of our messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusUpdate {
    /// The provider's id of our message.
    pub provider_message_id: String,
    /// The attempt, if the provider returned the id that we sent along.
    pub attempt: Option<AttemptId>,
    /// The new status.
    pub status: DeliveryStatus,
    /// The provider's error code of a failure.
    pub error_code: Option<i64>,
    /// The price of the message, as far as the provider reports it.
    pub pricing: Option<Pricing>,
    /// The business-scoped id of the recipient, if the provider reports it. It is not always that of the
    /// person we know by the number to which we sent.
    pub recipient_bsuid: Option<String>,
}

/// The progress of a message. The order is the order of delivery: a later report of an earlier point changes
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryStatus {
    /// The provider has it.
    Accepted,
    /// It left the provider.
    Sent,
    /// It reached the phone.
    Delivered,
    /// It was read.
    Read,
    /// It will not arrive. Accepted only for a message that has not been delivered.
    Failed,
}

impl DeliveryStatus {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
        }
    }

    /// Reads [`DeliveryStatus::as_str`] back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Accepted, Self::Sent, Self::Delivered, Self::Read, Self::Failed]
            .into_iter()
            .find(|status| status.as_str() == text)
    }

    /// Returns the status after `news`, if `self` was known before. Every order of the same reports ends in
    /// the same status.
    pub fn after(self, news: Self) -> Self {
        match (self, news) {
            (Self::Delivered | Self::Read, Self::Failed) => self,
            (Self::Failed, Self::Delivered | Self::Read) => news,
            (Self::Failed, Self::Accepted | Self::Sent | Self::Failed) => Self::Failed,
            (_, Self::Failed) => Self::Failed,
            (Self::Accepted | Self::Sent | Self::Delivered | Self::Read, _) => self.max(news),
        }
    }
}

/// A kind of signed notice about an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityChangeKind {
    /// The person has another number or id from now on.
    Moved,
    /// The key behind the number has changed: another phone, or another person, may have the number.
    KeyChanged,
}

/// A signed notice that a person's number, id or key has changed.
#[derive(Clone, PartialEq, Eq)]
pub struct IdentityChange {
    /// The provider.
    pub provider: Provider,
    /// The kind of change.
    pub kind: IdentityChangeKind,
    /// The number before.
    pub previous_phone: Option<PhoneE164>,
    /// The business-scoped id before.
    pub previous_bsuid: Option<String>,
    /// The address for replies from now on.
    pub address: Option<String>,
    /// The number from now on.
    pub phone: Option<PhoneE164>,
    /// The business-scoped id from now on.
    pub bsuid: Option<String>,
}

impl std::fmt::Debug for IdentityChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdentityChange")
            .field("provider", &self.provider)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w23_statuses_end_in_the_same_place_in_any_order() {
        use DeliveryStatus::{Accepted, Delivered, Failed, Read, Sent};
        let end =
            |reports: &[DeliveryStatus]| reports.iter().fold(Accepted, |known, news| known.after(*news));
        let sets: [(&[DeliveryStatus], DeliveryStatus); 4] = [
            (&[Sent, Delivered, Read], Read),
            (&[Sent, Failed], Failed),
            (&[Sent, Delivered, Failed], Delivered),
            (&[Sent, Delivered, Read, Failed], Read),
        ];
        for (set, expected) in sets {
            for order in permutations(set) {
                assert_eq!(end(&order), expected, "{order:?}");
            }
        }
    }

    fn permutations(items: &[DeliveryStatus]) -> Vec<Vec<DeliveryStatus>> {
        if items.is_empty() {
            return vec![vec![]];
        }
        let mut all = vec![];
        for (index, item) in items.iter().enumerate() {
            let mut rest = items.to_vec();
            rest.remove(index);
            for mut tail in permutations(&rest) {
                tail.insert(0, *item);
                all.push(tail);
            }
        }
        all
    }
}
