//! Meta's webhooks: one body holds entries, which hold changes, which hold messages, statuses and more.
//!
//! Each level is read by itself and only as far as needed, so that an unreadable part stays small.

use std::collections::BTreeMap;

use postly_domain::event::{
    Content, DeliveryStatus, EventKey, EventKind, IdentityChangeKind, IgnoreRule, InboundEvent,
    InboundMessage, ReceivedEvent, Sender, StatusUpdate,
};
use postly_domain::media::{InboundMedia, MediaSource};
use postly_domain::text::{mend_surrogates, storable};
use postly_domain::{PhoneE164, Provider, UnixMillis};
use serde_json::{Value, value::RawValue};

use super::identity::{changes_identity, id_change, own_number, system_change};
use super::notices;
use super::pricing::pricing;
use super::send::OPAQUE_PREFIX;
use crate::inbound::{
    self, OwnNumbers, ParseEventError, attempt_id, is_bsuid, kind_name, lane, plausible_id,
};

/// A JSON object with unparsed values. Of a repeated name the last one counts.
type Object<'a> = BTreeMap<String, &'a RawValue>;

/// See [`inbound::split_webhook`].
pub(crate) fn split_webhook(body: &[u8], routes: &OwnNumbers, now: UnixMillis) -> Vec<ReceivedEvent> {
    let mut batch = Batch { routes, now, events: vec![] };
    // A byte that is no UTF-8, or half an emoji, loses one character, and not the message or the rest of the
    // batch.
    let text = String::from_utf8_lossy(body);
    batch.body(&mend_surrogates(text.trim_start_matches('\u{FEFF}')));
    if batch.events.is_empty() {
        batch.unknown(body);
    }
    batch.events
}

/// The state of splitting one webhook.
struct Batch<'a> {
    routes: &'a OwnNumbers,
    now: UnixMillis,
    events: Vec<ReceivedEvent>,
}

impl Batch<'_> {
    fn unreadable(&mut self, bytes: &[u8]) {
        self.events.push(inbound::unreadable(Provider::Meta, bytes, self.now));
    }

    fn unknown(&mut self, bytes: &[u8]) {
        self.events.push(inbound::unknown(Provider::Meta, bytes, self.now));
    }

    fn body(&mut self, text: &str) {
        let Some(body) = object(text) else { return self.unreadable(text.as_bytes()) };
        if string(&body, "object").as_deref() != Some("whatsapp_business_account") {
            return self.unknown(text.as_bytes());
        }
        let Some(entries) = list(&body, "entry") else { return self.unreadable(text.as_bytes()) };
        for entry in entries {
            let fields = object(entry.get());
            let time = fields.as_ref().and_then(|fields| fields.get("time")?.get().parse::<i64>().ok());
            match fields.and_then(|fields| list(&fields, "changes")) {
                Some(changes) => changes.into_iter().for_each(|change| self.change(change.get(), time)),
                None => self.unreadable(entry.get().as_bytes()),
            }
        }
    }

    /// Reads one change; `time` is that of its entry, in seconds.
    fn change(&mut self, text: &str, time: Option<i64>) {
        let Some(change) = object(text) else { return self.unreadable(text.as_bytes()) };
        let value = change.get("value").and_then(|value| object(value.get()));
        let before = self.events.len();
        match (string(&change, "field").as_deref(), value) {
            (Some("messages"), Some(value)) => {
                self.each(&value, "messages", |batch, item, alone| batch.message(item, &value, alone));
                self.each(&value, "statuses", |batch, item, _| batch.status(item, &value));
                self.each(&value, "errors", |batch, item, _| batch.unknown(item.as_bytes()));
            }
            (Some("user_id_update"), Some(value)) => {
                self.each(&value, "user_id_update", |batch, item, _| batch.id_update(item, &value));
            }
            (Some("messages" | "user_id_update"), None) | (None, _) => self.unreadable(text.as_bytes()),
            (Some(field), Some(_)) if notices::FIELDS.contains(&field) => self.notice(text, time),
            (Some(_), _) => {}
        }
        if self.events.len() == before {
            self.unknown(text.as_bytes());
        }
    }

    /// Reads a notice about our account. All notices wait in one lane, because the later one counts.
    fn notice(&mut self, text: &str, time: Option<i64>) {
        let at = time.map_or(self.now, |secs| UnixMillis(secs.saturating_mul(1_000)).min(self.now));
        let slice = format!("{{\"at\":{},\"notice\":{text}}}", at.0);
        if parse_event(EventKind::Unknown, &slice).is_ok() {
            // Meta gives no id: equal content at the same time is the same notice.
            let key = format!("meta:notice:{}", inbound::sha256(slice.as_bytes()));
            self.events.push(event(key, EventKind::Unknown, "meta:notices".to_owned(), at, &slice));
        }
    }

    /// Applies `take` to each item of a list. Its last argument is true if the item is the only one.
    fn each(&mut self, value: &Object<'_>, name: &str, take: impl Fn(&mut Self, &str, bool)) {
        let Some(raw) = value.get(name) else { return };
        match list(value, name) {
            Some(items) => {
                let alone = items.len() == 1;
                items.into_iter().for_each(|item| take(self, item.get(), alone));
            }
            None => self.unreadable(raw.get().as_bytes()),
        }
    }

    fn message(&mut self, item: &str, value: &Object<'_>, alone: bool) {
        let Ok(message) = serde_json::from_str::<Value>(item) else {
            return self.unreadable(item.as_bytes());
        };
        let Some(id) = id_of(&message) else { return self.unreadable(item.as_bytes()) };
        let occurred_at = timestamp(&message).map_or(self.now, |at| at.min(self.now));
        if changes_identity(&message) {
            let slice = slice(occurred_at, "message", item, None, value);
            return self.identity_change(item, format!("meta:change:{id}"), occurred_at, &slice, value);
        }

        let contact = contact_of(&message, value, alone);
        let parsed = contact.and_then(|contact| serde_json::from_str(contact).ok());
        let sender = sender(&message, parsed.as_ref().unwrap_or(&Value::Null));
        let rule = match &sender {
            _ if !self.is_ours(value) => Some(IgnoreRule::Unrouted),
            _ if inbound::window_closed(occurred_at, self.now) => Some(IgnoreRule::WindowClosed),
            None => Some(IgnoreRule::NoSender),
            Some(_) => None,
        };
        let lane = sender.map(|sender| sender_lane(&sender, &business(value))).unwrap_or_default();
        let slice = slice(occurred_at, "message", item, contact, value);
        let key = inbound::message_key(Provider::Meta, &id).0;
        let amends = original_of(&message).map(|original| inbound::message_key(Provider::Meta, &original));
        let event = event(key, EventKind::Message, lane, occurred_at, &slice);
        self.push(item, rule, ReceivedEvent { amends, ..event });
    }

    fn status(&mut self, item: &str, value: &Object<'_>) {
        let Ok(status) = serde_json::from_str::<Value>(item) else {
            return self.unreadable(item.as_bytes());
        };
        let (Some(id), Some(name)) = (id_of(&status), text(&status, "status")) else {
            return self.unreadable(item.as_bytes());
        };
        if delivery_status(&name).is_none() {
            return self.unknown(item.as_bytes());
        }
        let occurred_at = timestamp(&status).map_or(self.now, |at| at.min(self.now));
        let phone = text(&status, "recipient_id").and_then(|id| PhoneE164::from_provider(&id));
        let bsuid = text(&status, "recipient_user_id").filter(|id| is_bsuid(id));
        let recipient = lane(Provider::Meta, &business(value), phone.as_ref(), bsuid.as_ref().unwrap_or(&id));
        let rule = (!self.is_ours(value)).then_some(IgnoreRule::Unrouted);
        let key = inbound::status_key(Provider::Meta, &id, &name).0;
        let slice = slice(occurred_at, "status", item, None, value);
        let lane = inbound::statuses(&recipient);
        self.push(item, rule, event(key, EventKind::Status, lane, occurred_at, &slice));
    }

    fn id_update(&mut self, item: &str, value: &Object<'_>) {
        let Ok(update) = serde_json::from_str::<Value>(item) else {
            return self.unreadable(item.as_bytes());
        };
        if !update.is_object() {
            return self.unreadable(item.as_bytes());
        }
        let occurred_at = timestamp(&update).map_or(self.now, |at| at.min(self.now));
        let key = format!("meta:change:{}", inbound::sha256(item.as_bytes()));
        let slice = slice(occurred_at, "change", item, None, value);
        self.identity_change(item, key, occurred_at, &slice, value);
    }

    /// Adds a change to the lane of the messages that came before it.
    fn identity_change(
        &mut self,
        item: &str,
        key: String,
        occurred_at: UnixMillis,
        slice: &str,
        value: &Object<'_>,
    ) {
        let Ok(InboundEvent::IdentityChange(change)) = parse_event(EventKind::IdentityChange, slice) else {
            return self.unreadable(item.as_bytes());
        };
        let phone = change.previous_phone.as_ref().or(change.phone.as_ref());
        let bsuid = change.previous_bsuid.as_ref().or(change.bsuid.as_ref());
        let lane = lane(Provider::Meta, &business(value), phone, bsuid.map_or("", String::as_str));
        let names_before = change.previous_phone.is_some() || change.previous_bsuid.is_some();
        let names_after = change.phone.is_some() || change.bsuid.is_some();
        let rule = if !self.is_ours(value) {
            Some(IgnoreRule::Unrouted)
        } else if !names_before || (!names_after && change.kind == IdentityChangeKind::Moved) {
            Some(IgnoreRule::UnknownIdentity)
        } else {
            None
        };
        self.push(item, rule, event(key, EventKind::IdentityChange, lane, occurred_at, slice));
    }

    /// Adds an event, reduced to its key and rule if `rule` is set.
    fn push(&mut self, item: &str, rule: Option<IgnoreRule>, event: ReceivedEvent) {
        if let Some(rule) = rule {
            let ReceivedEvent { key, kind, occurred_at, .. } = event;
            self.events.push(inbound::ignored(Provider::Meta, key.0, kind, occurred_at, rule));
        } else if parse_event(event.kind, &event.slice).is_ok() {
            self.events.push(event);
        } else {
            // The ingress checks with the worker's parser that the worker can read the event.
            self.unreadable(item.as_bytes());
        }
    }

    fn is_ours(&self, value: &Object<'_>) -> bool {
        let ours = self.routes.meta_phone_number_id.as_deref().filter(|id| !id.is_empty());
        ours.is_some_and(|ours| business(value) == ours)
    }
}

fn event(key: String, kind: EventKind, lane: String, occurred_at: UnixMillis, slice: &str) -> ReceivedEvent {
    ReceivedEvent {
        key: EventKey(key),
        provider: Provider::Meta,
        kind,
        lane,
        occurred_at,
        slice: storable(slice),
        amends: None,
        ignored: None,
    }
}

/// The slice of one item: the item unchanged, and the data needed to parse it alone.
///
/// `at` is ours: if the item has no readable time, or one in the future, the worker must use the time that
/// the ingress chose.
fn slice(at: UnixMillis, name: &str, item: &str, contact: Option<&str>, value: &Object<'_>) -> String {
    let metadata = value.get("metadata").map_or("null", |raw| raw.get());
    let contact = contact.unwrap_or("null");
    format!(r#"{{"at":{},"{name}":{item},"contact":{contact},"metadata":{metadata}}}"#, at.0)
}

/// The sender's contact: the one with the sender's id or number. A contact without an id counts only if there
/// is one contact and one message. A contact that contradicts the message belongs to another person.
fn contact_of<'a>(message: &Value, value: &Object<'a>, alone: bool) -> Option<&'a str> {
    let from = text(message, "from").and_then(|id| PhoneE164::from_provider(&id));
    let from_user_id = text(message, "from_user_id");
    let contacts = list(value, "contacts")?;
    let lonely = alone && contacts.len() == 1;
    contacts.into_iter().map(RawValue::get).find(|raw| {
        let Ok(contact) = serde_json::from_str::<Value>(raw) else { return false };
        let phone = text(&contact, "wa_id").and_then(|id| PhoneE164::from_provider(&id));
        let same_phone = from.as_ref().zip(phone.as_ref()).map(|(left, right)| left == right);
        let user_id = text(&contact, "user_id");
        let same_id = from_user_id.as_ref().zip(user_id.as_ref()).map(|(left, right)| left == right);
        match (same_phone, same_id) {
            (Some(false), _) | (_, Some(false)) => false,
            (Some(true), _) | (_, Some(true)) => true,
            (None, None) => lonely,
        }
    })
}

/// See [`inbound::parse_event`].
pub(crate) fn parse_event(kind: EventKind, slice: &str) -> Result<InboundEvent, ParseEventError> {
    let slice: Value = serde_json::from_str(slice).map_err(|_| ParseEventError::Slice)?;
    let part = |name| slice.get(name).filter(|part| part.is_object());
    match kind {
        EventKind::Message => {
            let message = part("message").ok_or(ParseEventError::Slice)?;
            let at = slice.get("at").and_then(Value::as_i64).ok_or(ParseEventError::Slice)?;
            let contact = part("contact").unwrap_or(&Value::Null);
            let metadata = part("metadata").ok_or(ParseEventError::Missing("business number"))?;
            let sender = sender(message, contact).ok_or(ParseEventError::Missing("sender"))?;
            let content = match own_number(message, &sender) {
                Some(phone) => Content::OwnNumber { phone },
                None => content(message)?,
            };
            Ok(InboundEvent::Message(InboundMessage {
                sender,
                business: text(metadata, "phone_number_id")
                    .ok_or(ParseEventError::Missing("business number"))?,
                business_number: text(metadata, "display_phone_number")
                    .and_then(|shown| displayed_number(&shown)),
                provider_message_id: id_of(message).ok_or(ParseEventError::Missing("id"))?,
                occurred_at: UnixMillis(at),
                // facebook/openapi, `context` of a message: `id` is the message replied to.
                reply_to: message.get("context").and_then(|context| text(context, "id")),
                content,
                media: file(message),
            }))
        }
        EventKind::Status => status_update(part("status").ok_or(ParseEventError::Slice)?),
        EventKind::IdentityChange => match (part("message"), part("change")) {
            (Some(message), _) => Ok(InboundEvent::IdentityChange(system_change(message))),
            (None, Some(change)) => Ok(InboundEvent::IdentityChange(id_change(change))),
            (None, None) => Err(ParseEventError::Slice),
        },
        EventKind::Unknown => {
            let notice = part("notice").ok_or(ParseEventError::NoMeaning)?;
            let at = slice.get("at").and_then(Value::as_i64).ok_or(ParseEventError::Slice)?;
            let field = notice.get("field").and_then(Value::as_str).ok_or(ParseEventError::NoMeaning)?;
            let value = notice.get("value").ok_or(ParseEventError::NoMeaning)?;
            let notice = notices::read(field, value, UnixMillis(at)).ok_or(ParseEventError::NoMeaning)?;
            Ok(InboundEvent::Notice(notice))
        }
    }
}

/// The sender, or `None` if the message has no sender in a known form.
fn sender(message: &Value, contact: &Value) -> Option<Sender> {
    let number = |id: &String| PhoneE164::from_provider(id).is_some();
    let from = text(message, "from").filter(|id| number(id) || is_bsuid(id));
    let wa_id = text(contact, "wa_id").filter(number);
    let phone = from.iter().chain(&wa_id).find_map(|id| PhoneE164::from_provider(id));
    let ids = [text(message, "from_user_id"), text(contact, "user_id"), from.clone()];
    let bsuid = ids.into_iter().flatten().find(|id| is_bsuid(id));
    // The number comes first: a reply to it keeps it visible in the statuses.
    let address = from.filter(number).or(wa_id).or_else(|| bsuid.clone())?;
    Some(Sender { provider: Provider::Meta, address, phone, bsuid })
}

fn sender_lane(sender: &Sender, business: &str) -> String {
    lane(Provider::Meta, business, sender.phone.as_ref(), sender.bsuid.as_ref().unwrap_or(&sender.address))
}

fn content(message: &Value) -> Result<Content, ParseEventError> {
    // Messages in a group are not addressed to us, and must not cost a credit.
    if text(message, "group_id").is_some() {
        return Ok(Content::Silent { kind: "group".to_owned() });
    }
    let kind = text(message, "type").unwrap_or_default();
    match (kind.as_str(), original_of(message)) {
        ("revoke", Some(original)) => Ok(Content::Revoke { original }),
        ("edit", Some(original)) => {
            let content = Box::new(said(message.pointer("/edit/message").unwrap_or(&Value::Null))?);
            Ok(Content::Edit { original, content })
        }
        _ => said(message),
    }
}

/// The message that this one deletes or replaces ("Revoke messages" and "Edit messages webhook reference").
fn original_of(message: &Value) -> Option<String> {
    let kind = text(message, "type").filter(|kind| matches!(kind.as_str(), "edit" | "revoke"))?;
    text(message.get(kind)?, "original_message_id").and_then(plausible_id)
}

/// Reads the content of a message, or of an edited message.
fn said(message: &Value) -> Result<Content, ParseEventError> {
    let kind = text(message, "type").unwrap_or_default();
    Ok(match kind.as_str() {
        "text" => {
            let body = message.get("text").and_then(|text| text.get("body")).and_then(Value::as_str);
            Content::Text(storable(body.ok_or(ParseEventError::Missing("text"))?))
        }
        "button" | "interactive" => {
            let (payload, title) = tapped(&kind, message);
            inbound::tap(payload, title).unwrap_or(Content::Unreadable { kind })
        }
        "image" | "video" | "document" => {
            let part = |name| message.get(&kind)?.get(name)?.as_str();
            inbound::media(&kind, part("caption"), part("filename"))
        }
        // An edit or a deletion that Meta does not forward ("Unsupported messages webhook reference"): it
        // names no message.
        "unsupported" if matches!(unsupported_kind(message), Some("edit" | "revoke")) => {
            Content::Silent { kind: "edit".to_owned() }
        }
        "audio" | "sticker" | "location" | "contacts" | "unsupported" => Content::Unreadable { kind },
        _ => Content::Silent { kind: kind_name(&kind) },
    })
}

/// The file of a voice note or a photo ("Audio messages webhook reference", "Image messages webhook
/// reference").
fn file(message: &Value) -> Option<InboundMedia> {
    let kind = message.get("type")?.as_str()?;
    let part = |name| message.get(kind)?.get(name)?.as_str();
    let id = part("id").map(|id| MediaSource::Id(id.to_owned()));
    inbound::file(kind, id, part("mime_type"), part("sha256"))
}

fn unsupported_kind(message: &Value) -> Option<&str> {
    message.pointer("/unsupported/type").and_then(Value::as_str)
}

/// Returns the payload and the label of the tapped button or row.
fn tapped<'a>(kind: &str, message: &'a Value) -> (Option<&'a str>, Option<&'a str>) {
    let (place, payload, title) = match (kind, message.pointer("/interactive/type").and_then(Value::as_str)) {
        ("button", _) => ("/button", "payload", "text"),
        ("interactive", Some("button_reply")) => ("/interactive/button_reply", "id", "title"),
        ("interactive", Some("list_reply")) => ("/interactive/list_reply", "id", "title"),
        _ => return (None, None),
    };
    let part = |name| message.pointer(place)?.get(name)?.as_str();
    (part(payload), part(title))
}

fn status_update(status: &Value) -> Result<InboundEvent, ParseEventError> {
    let name = text(status, "status").ok_or(ParseEventError::Missing("status"))?;
    let opaque = text(status, "biz_opaque_callback_data");
    let error = status.get("errors").and_then(|errors| errors.get(0)).and_then(|error| error.get("code"));
    Ok(InboundEvent::Status(StatusUpdate {
        provider_message_id: id_of(status).ok_or(ParseEventError::Missing("id"))?,
        attempt: opaque.and_then(|data| attempt_id(data.strip_prefix(OPAQUE_PREFIX)?)),
        status: delivery_status(&name).ok_or(ParseEventError::NoMeaning)?,
        error_code: error.and_then(number),
        pricing: pricing(status),
        recipient_bsuid: text(status, "recipient_user_id").filter(|id| is_bsuid(id)),
    }))
}

fn delivery_status(name: &str) -> Option<DeliveryStatus> {
    match name {
        "sent" => Some(DeliveryStatus::Sent),
        "delivered" => Some(DeliveryStatus::Delivered),
        // A voice message that was played was certainly seen.
        "read" | "played" => Some(DeliveryStatus::Read),
        "failed" => Some(DeliveryStatus::Failed),
        _ => None,
    }
}

fn business(value: &Object<'_>) -> String {
    let metadata = value.get("metadata").and_then(|raw| object(raw.get()));
    metadata.and_then(|metadata| string(&metadata, "phone_number_id")).unwrap_or_default()
}

fn id_of(item: &Value) -> Option<String> {
    text(item, "id").and_then(plausible_id)
}

/// The time in seconds, which Meta writes as a string.
fn timestamp(item: &Value) -> Option<UnixMillis> {
    item.get("timestamp").and_then(number).map(UnixMillis::from_secs)
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// Reads a number in the displayed form: `+1 555-078-3881`.
pub(super) fn displayed_number(shown: &str) -> Option<PhoneE164> {
    PhoneE164::from_provider(&shown.replace(['+', ' ', '-', '(', ')', '.'], ""))
}

/// A text that exists and is not empty, as databases can store it.
pub(super) fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).map(storable).filter(|text| !text.is_empty())
}

fn object(text: &str) -> Option<Object<'_>> {
    serde_json::from_str(text).ok()
}

fn list<'a>(object: &Object<'a>, name: &str) -> Option<Vec<&'a RawValue>> {
    serde_json::from_str(object.get(name)?.get()).ok()
}

fn string(object: &Object<'_>, name: &str) -> Option<String> {
    serde_json::from_str(object.get(name)?.get()).ok()
}
