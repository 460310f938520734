//! Twilio's webhooks: one form is one event.

use std::collections::HashMap;

use postly_domain::event::{
    Content, DeliveryStatus, EventKey, EventKind, IgnoreRule, InboundEvent, InboundMessage, ReceivedEvent,
    Sender, StatusUpdate,
};
use postly_domain::media::{InboundMedia, MediaSource};
use postly_domain::text::storable;
use postly_domain::{PhoneE164, Provider, UnixMillis, id::AttemptId};
use serde::{Deserialize, Serialize};

use super::form;
use crate::inbound::{
    self, OwnNumbers, ParseEventError, attempt_id, is_bsuid, kind_name, lane, plausible_id,
};
use crate::signature::VerifiedWebhook;

/// The stored slice of an event: the form unchanged, and data that the form lacks.
///
/// The attempt is stored outside of the form, because the sender of a form can set its fields.
#[derive(Serialize, Deserialize)]
struct Slice {
    at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<AttemptId>,
    form: String,
}

/// See [`inbound::split_webhook`].
pub(crate) fn split_webhook(
    verified: &VerifiedWebhook,
    routes: &OwnNumbers,
    now: UnixMillis,
) -> ReceivedEvent {
    let body = verified.body();
    if verified.is_json() {
        return inbound::unknown(Provider::Twilio, body, now);
    }
    let Ok(form) = std::str::from_utf8(body) else {
        return inbound::unreadable(Provider::Twilio, body, now);
    };
    let fields = Fields::read(form);
    let Some(kind) = fields.kind() else { return inbound::unknown(Provider::Twilio, body, now) };
    let Some(id) = fields.message_id() else { return inbound::unreadable(Provider::Twilio, body, now) };
    let slice = Slice { at: now.0, attempt: verified.attempt().cloned(), form: storable(form) };

    let event = match kind {
        EventKind::Status => status(&fields, &id, routes, now),
        EventKind::Message => message(&fields, &id, routes, now),
        EventKind::IdentityChange | EventKind::Unknown => None,
    };
    match (event, serde_json::to_string(&slice)) {
        (Some(event), _) if event.ignored.is_some() => event,
        // The ingress checks with the worker's parser that the worker can read the event.
        (Some(event), Ok(slice)) if parse_event(kind, &slice).is_ok() => ReceivedEvent { slice, ..event },
        _ => inbound::unreadable(Provider::Twilio, body, now),
    }
}

fn message(fields: &Fields, id: &str, routes: &OwnNumbers, now: UnixMillis) -> Option<ReceivedEvent> {
    let to = fields.get("To");
    let sender = fields.sender();
    let rule = if !is_ours(routes, fields, to) {
        Some(IgnoreRule::Unrouted)
    } else if sender.is_none() {
        Some(IgnoreRule::NoSender)
    } else {
        None
    };
    let key = inbound::message_key(Provider::Twilio, id).0;
    if let Some(rule) = rule {
        return Some(inbound::ignored(Provider::Twilio, key, EventKind::Message, now, rule));
    }
    let sender = sender?;
    let other = sender.bsuid.as_deref().unwrap_or(&sender.address);
    let lane = lane(Provider::Twilio, to?, sender.phone.as_ref(), other);
    Some(event(key, EventKind::Message, lane, now))
}

fn status(fields: &Fields, id: &str, routes: &OwnNumbers, now: UnixMillis) -> Option<ReceivedEvent> {
    let name = fields.get("MessageStatus")?;
    if delivery_status(name).is_none() {
        let key = format!("twilio:unknown:{}", inbound::sha256(format!("{id}:{name}").as_bytes()));
        return Some(inbound::ignored(
            Provider::Twilio,
            key,
            EventKind::Unknown,
            now,
            IgnoreRule::UnknownKind,
        ));
    }
    let key = inbound::status_key(Provider::Twilio, id, name).0;
    let from = fields.get("From");
    if !is_ours(routes, fields, from) {
        return Some(inbound::ignored(Provider::Twilio, key, EventKind::Status, now, IgnoreRule::Unrouted));
    }
    let to = fields.get("To").unwrap_or_default();
    let phone = PhoneE164::from_provider(to);
    let bsuid = bare(to);
    let other = if is_bsuid(bsuid) { bsuid } else { id };
    let lane = lane(Provider::Twilio, from?, phone.as_ref(), other);
    Some(event(key, EventKind::Status, inbound::statuses(&lane), now))
}

fn event(key: String, kind: EventKind, lane: String, now: UnixMillis) -> ReceivedEvent {
    ReceivedEvent {
        key: EventKey(key),
        provider: Provider::Twilio,
        kind,
        lane,
        occurred_at: now,
        slice: String::new(),
        // Twilio reports neither edits nor deletions.
        amends: None,
        ignored: None,
    }
}

/// Returns true if the event is for our account and our number.
fn is_ours(routes: &OwnNumbers, fields: &Fields, number: Option<&str>) -> bool {
    let account = routes.twilio_account_sid.as_deref().filter(|sid| !sid.is_empty());
    let our_account = account.is_some() && fields.get("AccountSid") == account;
    let our_number = routes.twilio_from.as_deref().zip(number).is_some_and(|(ours, given)| {
        match (PhoneE164::from_provider(ours), PhoneE164::from_provider(given)) {
            (Some(ours), Some(given)) => ours == given,
            _ => !bare(ours).is_empty() && bare(ours) == bare(given),
        }
    });
    our_account && our_number
}

/// See [`inbound::parse_event`].
pub(crate) fn parse_event(kind: EventKind, slice: &str) -> Result<InboundEvent, ParseEventError> {
    let slice: Slice = serde_json::from_str(slice).map_err(|_| ParseEventError::Slice)?;
    let fields = Fields::read(&slice.form);
    let id = fields.message_id().ok_or(ParseEventError::Missing("id"))?;
    match kind {
        EventKind::Message => Ok(InboundEvent::Message(InboundMessage {
            sender: fields.sender().ok_or(ParseEventError::Missing("sender"))?,
            business: fields.get("To").ok_or(ParseEventError::Missing("business number"))?.to_owned(),
            business_number: fields.get("To").and_then(PhoneE164::from_provider),
            provider_message_id: id,
            occurred_at: UnixMillis(slice.at),
            // "Conversational messages on WhatsApp": the SID of the message replied to.
            reply_to: fields.get("OriginalRepliedMessageSid").map(str::to_owned),
            content: fields.content(),
            media: fields.file(),
        })),
        EventKind::Status => {
            let name = fields.get("MessageStatus").ok_or(ParseEventError::Missing("status"))?;
            Ok(InboundEvent::Status(StatusUpdate {
                provider_message_id: id,
                attempt: slice.attempt.and_then(|attempt| attempt_id(attempt.as_str())),
                status: delivery_status(name).ok_or(ParseEventError::NoMeaning)?,
                error_code: fields.get("ErrorCode").and_then(|code| code.parse().ok()),
                // Twilio reports prices by its API, not by a status.
                pricing: None,
                recipient_bsuid: None,
            }))
        }
        EventKind::IdentityChange | EventKind::Unknown => Err(ParseEventError::NoMeaning),
    }
}

fn delivery_status(name: &str) -> Option<DeliveryStatus> {
    match name {
        "queued" | "accepted" | "sending" => Some(DeliveryStatus::Accepted),
        "sent" => Some(DeliveryStatus::Sent),
        "delivered" => Some(DeliveryStatus::Delivered),
        "read" => Some(DeliveryStatus::Read),
        "failed" | "undelivered" => Some(DeliveryStatus::Failed),
        _ => None,
    }
}

/// An address without the name of its channel.
pub(crate) fn bare(address: &str) -> &str {
    address.strip_prefix("whatsapp:").unwrap_or(address)
}

/// The fields of a form. Of a repeated name the first one counts.
struct Fields(HashMap<String, String>);

impl Fields {
    /// Reads a form. An escape that is no UTF-8, such as half an emoji, loses one character, and not the
    /// message.
    fn read(form: &str) -> Self {
        let mut fields = HashMap::new();
        for (name, value) in form::pairs(form.as_bytes()) {
            let name = String::from_utf8_lossy(&name).into_owned();
            fields.entry(name).or_insert_with(|| storable(&String::from_utf8_lossy(&value)));
        }
        Self(fields)
    }

    /// A field that exists and is not empty.
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn message_id(&self) -> Option<String> {
        let names = ["MessageSid", "SmsMessageSid", "SmsSid"];
        names.iter().find_map(|name| self.get(name)).map(str::to_owned).and_then(plausible_id)
    }

    /// Messages and statuses come on the same path.
    fn kind(&self) -> Option<EventKind> {
        let received = self.get("SmsStatus") == Some("received");
        if received || self.has("Body") || self.has("NumMedia") {
            Some(EventKind::Message)
        } else if self.get("MessageStatus").is_some() {
            Some(EventKind::Status)
        } else {
            None
        }
    }

    /// The sender. Only WhatsApp counts: a text message to the same number belongs to another channel.
    fn sender(&self) -> Option<Sender> {
        let from = self.get("From")?;
        let name = from.strip_prefix("whatsapp:")?;
        let external = self.get("ExternalUserId").map(bare);
        let bsuid = external.into_iter().chain([name]).find(|id| is_bsuid(id)).map(str::to_owned);
        let phone = PhoneE164::from_provider(name);
        if phone.is_none() && !is_bsuid(name) {
            return None;
        }
        let phone = phone.or_else(|| self.get("WaId").and_then(PhoneE164::from_provider));
        Some(Sender { provider: Provider::Twilio, address: from.to_owned(), phone, bsuid })
    }

    fn content(&self) -> Content {
        let has_media = self.get("NumMedia").is_some_and(|count| count != "0");
        let kind = self.get("MessageType");
        let body = self.get("Body");
        // Twilio does not document the fields of a tapped row; `ListId` and `ListTitle` are unverified names.
        let payload = self.get("ButtonPayload").or_else(|| self.get("ListId"));
        let is_tap = match kind {
            Some("button" | "interactive") => true,
            None => payload.is_some(),
            Some(_) => false,
        };
        let title = self.get("ButtonText").or_else(|| self.get("ListTitle")).or(body);
        if is_tap && let Some(tap) = inbound::tap(payload, title) {
            return tap;
        }
        match kind {
            None | Some("text") if has_media => match self.media_kind() {
                kind @ ("image" | "video" | "document") => inbound::media(kind, body, None),
                kind => Content::Unreadable { kind: kind.to_owned() },
            },
            None if self.has("Latitude") => Content::Unreadable { kind: "location".to_owned() },
            None | Some("text") => Content::Text(body.unwrap_or_default().to_owned()),
            Some(kind @ ("image" | "video" | "document")) => inbound::media(kind, body, None),
            Some(
                kind @ ("audio" | "voice" | "sticker" | "location" | "contact" | "contacts" | "button"
                | "interactive" | "unsupported"),
            ) => Content::Unreadable { kind: kind.to_owned() },
            Some(kind) => Content::Silent { kind: kind_name(kind) },
        }
    }

    /// The first file, if it is a voice note or a photo. WhatsApp sends one a message.
    fn file(&self) -> Option<InboundMedia> {
        self.get("NumMedia").filter(|count| *count != "0")?;
        let kind = match self.get("MessageType") {
            None | Some("text") => self.media_kind(),
            Some(kind) => kind,
        };
        let url = self.get("MediaUrl0").map(|url| MediaSource::Url(url.to_owned()));
        inbound::file(kind, url, self.get("MediaContentType0"), None)
    }

    /// The kind of the first medium, for a message that does not name its own.
    fn media_kind(&self) -> &str {
        let mime = self.get("MediaContentType0").unwrap_or_default();
        match mime.split('/').next() {
            Some(kind @ ("audio" | "image" | "video")) => kind,
            _ => "document",
        }
    }
}
