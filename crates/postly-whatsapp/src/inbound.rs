//! From verified bytes to events, in two phases.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use postly_domain::event::{Content, EventKey, EventKind, IgnoreRule, InboundEvent, ReceivedEvent};
use postly_domain::media::{InboundMedia, MediaKind, MediaSource};
use postly_domain::text::storable;
use postly_domain::time::SERVICE_WINDOW_SECS;
use postly_domain::{PhoneE164, Provider, UnixMillis, id::AttemptId};
use sha2::{Digest, Sha256};

use crate::signature::VerifiedWebhook;
use crate::{meta, twilio};

/// Our numbers and accounts. Events for any other are counted, and not stored.
#[derive(Debug, Clone, Default)]
pub struct OwnNumbers {
    /// Meta's id of our number.
    pub meta_phone_number_id: Option<String>,
    /// Our account at Twilio.
    pub twilio_account_sid: Option<String>,
    /// Our number at Twilio, with or without `whatsapp:`.
    pub twilio_from: Option<String>,
}

impl OwnNumbers {
    /// Our number at a provider, as messages to it name it; `None` if we have none there.
    pub fn business(&self, provider: Provider) -> Option<String> {
        match provider {
            Provider::Meta => self.meta_phone_number_id.clone(),
            Provider::Twilio => {
                let bare =
                    self.twilio_from.as_deref()?.trim_start_matches("whatsapp:").trim_start_matches('+');
                Some(format!("whatsapp:+{bare}"))
            }
        }
    }
}

/// An event that cannot be read. Events from [`split_webhook`] without a rule to ignore them can always be
/// read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseEventError {
    /// The stored slice is not one of ours.
    #[error("the stored slice of the event cannot be read")]
    Slice,
    /// A required part of this kind of event is missing.
    #[error("the event lacks its {0}")]
    Missing(&'static str),
    /// The event is of a kind that has no meaning to us.
    #[error("the event is of a kind that is only counted")]
    NoMeaning,
}

/// Splits a webhook into events: one for each message, status and change.
///
/// It never fails. An unreadable part becomes an unreadable event and does not affect its siblings. An event
/// that is not handled further has a rule and no content.
pub fn split_webhook(verified: &VerifiedWebhook, routes: &OwnNumbers, now: UnixMillis) -> Vec<ReceivedEvent> {
    match verified.provider() {
        Provider::Meta => meta::inbound::split_webhook(verified.body(), routes, now),
        Provider::Twilio => vec![twilio::inbound::split_webhook(verified, routes, now)],
    }
}

/// Reads one event from the slice that [`split_webhook`] made of it.
///
/// # Errors
/// See [`ParseEventError`].
pub fn parse_event(
    provider: Provider,
    kind: EventKind,
    slice: &str,
) -> Result<InboundEvent, ParseEventError> {
    match provider {
        Provider::Meta => meta::inbound::parse_event(kind, slice),
        Provider::Twilio => twilio::inbound::parse_event(kind, slice),
    }
}

/// The longest id in bytes. Ids are opaque, and Meta's longest known are about 140 bytes.
pub(crate) const MAX_ID_BYTES: usize = 512;

/// The longest id of a button at Meta in bytes; a longer one is not ours.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 256;

/// The longest address of a file. Those of both providers have about 200 bytes.
const MAX_URL_BYTES: usize = 2_048;

/// The longest stored name of a kind. Kinds are words; only the beginning of a longer text is kept.
const MAX_KIND_CHARS: usize = 40;

/// The SHA-256 of bytes in hexadecimal, for the keys of events without an id.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// An id, if it is plausible.
pub(crate) fn plausible_id(text: String) -> Option<String> {
    (!text.is_empty() && text.len() <= MAX_ID_BYTES).then_some(text)
}

/// The stored name of a kind.
pub(crate) fn kind_name(text: &str) -> String {
    text.chars().take(MAX_KIND_CHARS).collect()
}

/// A business-scoped user id: `^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$`, as Meta documents it.
pub(crate) fn is_bsuid(text: &str) -> bool {
    let Some((country, rest)) = text.split_once('.') else { return false };
    let id = rest.strip_prefix("ENT.").unwrap_or(rest);
    country.len() == 2
        && country.bytes().all(|byte| byte.is_ascii_uppercase())
        && (1..=128).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The id of an attempt that a provider returned. Ours are short and plain; any other text is not ours.
pub(crate) fn attempt_id(text: &str) -> Option<AttemptId> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    ((1..=128).contains(&text.len()) && text.bytes().all(plain)).then(|| AttemptId::new(text))
}

/// Returns true if a message is too old to be answered.
pub(crate) fn window_closed(occurred_at: UnixMillis, now: UnixMillis) -> bool {
    now.since_ms(occurred_at) > SERVICE_WINDOW_SECS * 1000
}

/// The lane of one conversation: our number, and the person's most stable name.
pub(crate) fn lane(provider: Provider, business: &str, phone: Option<&PhoneE164>, other: &str) -> String {
    let person = phone.map_or(other, PhoneE164::as_str);
    format!("{provider}:{business}:{person}")
}

/// The lane of the conversation with a number, in which [`split_webhook`] puts the messages of its owner.
///
/// `business` is our number as the provider names it (Meta's id of it; at Twilio with or without
/// `whatsapp:`). If the provider does not show an author's number, the lane is another one, named by their
/// business-scoped id.
pub fn conversation_lane(provider: Provider, business: &str, phone: &PhoneE164) -> String {
    match provider {
        Provider::Meta => lane(provider, business, Some(phone), ""),
        Provider::Twilio => {
            let named = twilio::send::address(business);
            lane(provider, named.as_deref().unwrap_or(business), Some(phone), "")
        }
    }
}

/// The lane of the statuses of messages to an address, in which [`split_webhook`] puts them. `business` is
/// our number, as for [`conversation_lane`].
pub fn status_lane(provider: Provider, business: &str, address: &str) -> String {
    statuses(&match PhoneE164::from_provider(address) {
        Some(phone) => conversation_lane(provider, business, &phone),
        None => lane(provider, business, None, twilio::inbound::bare(address)),
    })
}

/// The lane of the statuses of a conversation. It is separate, so that no status waits behind a generation.
pub(crate) fn statuses(conversation: &str) -> String {
    format!("{conversation}#status")
}

/// A tap: its payload, if it can be an id of ours, and its label. `None` if it has neither.
pub(crate) fn tap(payload: Option<&str>, title: Option<&str>) -> Option<Content> {
    let payload = payload.map(storable).filter(|payload| (1..=MAX_PAYLOAD_BYTES).contains(&payload.len()));
    let title = title.map(storable).filter(|title| !title.trim().is_empty());
    (payload.is_some() || title.is_some()).then_some(Content::Tap { payload, title })
}

/// The content of a photo, a video or a document: its caption, else nothing readable.
///
/// The name of a file is no caption. Twilio writes it into `Body` without a caption, and some versions of
/// WhatsApp fill the caption with it.
pub(crate) fn media(kind: &str, caption: Option<&str>, filename: Option<&str>) -> Content {
    let caption = caption.map(storable).filter(|caption| {
        let caption = caption.trim();
        !caption.is_empty() && !(kind == "document" && (filename == Some(caption) || is_filename(caption)))
    });
    match caption {
        Some(text) => Content::Caption { kind: kind.to_owned(), text },
        None => Content::Unreadable { kind: kind.to_owned() },
    }
}

/// A file that came with a message, if its provider says enough of it.
pub(crate) fn file(
    kind: &str,
    source: Option<MediaSource>,
    content_type: Option<&str>,
    sha256: Option<&str>,
) -> Option<InboundMedia> {
    let kind = match kind {
        "audio" | "voice" => MediaKind::Voice,
        "image" => MediaKind::Photo,
        _ => return None,
    };
    let source = source.filter(|source| match source {
        MediaSource::Id(text) => (1..=MAX_ID_BYTES).contains(&text.len()),
        MediaSource::Url(text) => (1..=MAX_URL_BYTES).contains(&text.len()),
    })?;
    let content_type = content_type.unwrap_or_default().chars().take(MAX_KIND_CHARS).collect();
    let sha256 = sha256.and_then(|text| STANDARD.decode(text).ok()?.try_into().ok());
    Some(InboundMedia { kind, source, content_type, sha256 })
}

/// Returns true if a text is the name of a document: one line that ends in one of the endings of the files
/// that WhatsApp carries.
fn is_filename(text: &str) -> bool {
    const ENDINGS: [&str; 16] = [
        "pdf", "doc", "docx", "odt", "rtf", "txt", "csv", "xls", "xlsx", "ods", "ppt", "pptx", "odp", "zip",
        "vcf", "ics",
    ];
    let ending = text.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    !text.contains('\n') && ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// The key that identifies a provider's message in repeated deliveries and in amendments by other messages.
pub fn message_key(provider: Provider, provider_message_id: &str) -> EventKey {
    EventKey(format!("{provider}:message:{provider_message_id}"))
}

/// The key of a status of one of our messages, by the provider's word for it.
pub fn status_key(provider: Provider, provider_message_id: &str, status: &str) -> EventKey {
    EventKey(format!("{provider}:status:{provider_message_id}:{status}"))
}

/// An ignored event: it keeps its key, so that it is counted once, and none of its content.
pub(crate) fn ignored(
    provider: Provider,
    key: String,
    kind: EventKind,
    occurred_at: UnixMillis,
    rule: IgnoreRule,
) -> ReceivedEvent {
    ReceivedEvent {
        key: EventKey(key),
        provider,
        kind,
        lane: String::new(),
        occurred_at,
        slice: String::new(),
        amends: None,
        ignored: Some(rule),
    }
}

/// An authentic event that cannot be read.
pub(crate) fn unreadable(provider: Provider, bytes: &[u8], now: UnixMillis) -> ReceivedEvent {
    let key = format!("{provider}:unreadable:{}", sha256(bytes));
    ignored(provider, key, EventKind::Unknown, now, IgnoreRule::Unreadable)
}

/// An authentic event of an unknown kind.
pub(crate) fn unknown(provider: Provider, bytes: &[u8], now: UnixMillis) -> ReceivedEvent {
    let key = format!("{provider}:unknown:{}", sha256(bytes));
    ignored(provider, key, EventKind::Unknown, now, IgnoreRule::UnknownKind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn business_scoped_ids_are_told_from_everything_else() {
        let longest = format!("FR.{}", "a".repeat(128));
        let longest_enterprise = format!("US.ENT.{}", "9".repeat(128));
        for id in ["FR.1A2B3C4D5E", "US.13491208655302741918", "US.ENT.1", &longest, &longest_enterprise] {
            assert!(is_bsuid(id), "{id}");
        }
        let too_long = format!("FR.{}", "a".repeat(129));
        for id in [
            "",
            "FR.",
            "FR",
            "fr.1",
            "FRA.1",
            "F.1",
            "FR.ENT.",
            "FR.a.b",
            "FR.é",
            "FR.a b",
            "FR.1\n",
            "user.93737",
            "33612345678",
            "+33612345678",
            &too_long,
        ] {
            assert!(!is_bsuid(id), "{id:?}");
        }
    }

    #[test]
    fn only_plain_short_ids_are_attempts() {
        assert!(attempt_id("0192f0c1-7b7e-7000-8000-000000000000").is_some());
        for text in ["", "a b", "1;DROP TABLE outbox", "é", &"x".repeat(10_240)] {
            assert_eq!(attempt_id(text), None);
        }
    }
}
