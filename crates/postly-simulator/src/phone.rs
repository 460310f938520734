//! A phone in the browser: messages of its owner are sent as signed webhooks, messages of the service are
//! shown as bubbles, and a panel shows the balance.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::attachment::MediaFile;
use crate::config::Channel;
use crate::deliver;
use crate::fields::units;
use crate::person::{MessageKind, Person, digits};
use crate::reply::Reply;
use crate::server::Call;
use crate::world::{Ticks, World};
use crate::{fault_menu, traffic, webhook};

/// The page, self-contained: no font, script or image comes from another site.
const PAGE: &str = include_str!("phone.html");

/// Allows only the page's own style and script, and calls to its own origin.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'";

/// The path of links that open a conversation.
pub(crate) const CHAT_LINK_PATH: &str = "/wa.me";

/// The longest message that WhatsApp allows, in UTF-16 units.
const LONGEST: usize = 4096;

/// The largest file that WhatsApp carries of these kinds.
const LARGEST_FILE: usize = 16 * 1024 * 1024;

/// The words of the sample of a voice note.
const SAMPLE: &str = "Crée un post promo pour Instagram, moins 20 % sur les croissants ce week-end";

/// The number of newest bubbles that the page shows.
const BUBBLES: usize = 200;

/// Answers the page's requests.
pub(crate) async fn answer(world: &Arc<World>, call: &Call) -> Reply {
    let reply = match (call.method.as_str(), call.path.as_str()) {
        ("GET", "/phone" | "/phone/") => {
            Reply::new(200, "text/html; charset=utf-8", PAGE).with_header("content-security-policy", POLICY)
        }
        ("GET", "/phone/state") => {
            let fields = form_urlencoded::parse(call.query.as_bytes());
            let fields: Map<String, Value> =
                fields.map(|(name, value)| (name.into_owned(), Value::from(value))).collect();
            match person(world, &fields) {
                Some(person) => state(world, &person).await,
                None => refused("channel and number are expected"),
            }
        }
        // Requiring JSON keeps forms of other sites from writing as the owner.
        ("POST", "/phone/send") if call.is_content_type("application/json") => send(world, &call.body),
        ("GET", "/phone/traffic") => Reply::json(200, &json!(traffic::lines(world))),
        ("POST", "/phone/fault") if call.is_content_type("application/json") => fault(world, &call.body),
        ("POST", "/phone/reset") if call.is_content_type("application/json") => reset(world),
        _ => Reply::json(404, &json!({"error": "not found"})),
    };
    reply.with_header("cache-control", "no-store").with_header("x-content-type-options", "nosniff")
}

/// Answers a link that opens a conversation (`https://wa.me/NUMBER?text=…`) by the phone of the channel with
/// this business number, with the text already typed.
pub(crate) fn open_chat(world: &World, call: &Call) -> Reply {
    let number = digits(call.path.trim_start_matches(CHAT_LINK_PATH));
    let channel = if number == digits(&world.config.twilio.from) { Channel::Twilio } else { Channel::Meta };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("channel", channel.name());
    if let Some((_, text)) = form_urlencoded::parse(call.query.as_bytes()).find(|(name, _)| name == "text") {
        query.append_pair("text", &text);
    }
    Reply::new(303, "text/plain", "").with_header("location", &format!("/phone?{}", query.finish()))
}

/// Switches a fault on or off: `{"name": "…"}`, or an empty name.
fn fault(world: &World, body: &[u8]) -> Reply {
    let name: Option<Value> =
        serde_json::from_slice::<Value>(body).ok().and_then(|mut body| body.get_mut("name").map(Value::take));
    let known = name.as_ref().and_then(Value::as_str).is_some_and(|name| fault_menu::switch(world, name));
    if known { Reply::json(200, &json!({})) } else { refused("there is no such fault") }
}

fn reset(world: &World) -> Reply {
    match &world.config.reset {
        Some(reset) => {
            reset();
            Reply::json(202, &json!({}))
        }
        None => refused("this simulator has nothing to reset"),
    }
}

fn refused(why: &str) -> Reply {
    Reply::json(400, &json!({"error": why}))
}

fn person(world: &World, fields: &Map<String, Value>) -> Option<Person> {
    let field = |name: &str| fields.get(name).and_then(Value::as_str);
    let channel = Channel::from_name(field("channel")?)?;
    let number = digits(field("number")?);
    if !(7..=15).contains(&number.len()) {
        return None;
    }
    let known = world.state().person(channel, &number).cloned();
    Some(known.unwrap_or_else(|| Person::new(channel, &number)))
}

async fn state(world: &World, person: &Person) -> Reply {
    let number = person.number.clone();
    let balance = match &world.config.balance {
        Some(balance) => balance(person.channel, number.clone()).await,
        None => None,
    };
    let ledger = match &world.config.ledger {
        Some(ledger) => ledger(person.channel, number).await,
        None => Vec::new(),
    };
    let ledger: Vec<Value> =
        ledger.iter().map(|line| json!({"delta": line.delta, "reason": line.reason})).collect();
    let now_ms = world.clock.now_ms();
    let state = world.state();
    let theirs = state.on_phone(person.channel, &person.number).map(|message| {
        let shown = &message.shown;
        let buttons: Vec<Value> = shown
            .buttons
            .iter()
            .map(|button| json!({"title": button.title, "taps": button.sends.is_some(), "opens": button.opens}))
            .collect();
        let bubble = json!({"id": shown.id, "mine": false, "text": shown.body, "at_ms": shown.at_ms, "buttons": buttons});
        (message.seq, bubble)
    });
    let hers =
        state.notes.iter().filter(|note| note.channel == person.channel && note.number == person.number);
    let hers = hers.map(|note| {
        let ticks = match note.ticks {
            Ticks::Waiting => "waiting",
            Ticks::Failed => "failed",
            Ticks::Taken => "taken",
            Ticks::Read => "read",
        };
        let bubble =
            json!({"id": note.id, "mine": true, "text": note.body, "at_ms": note.at_ms, "ticks": ticks});
        (note.seq, bubble)
    });
    let mut bubbles: Vec<(u64, Value)> = theirs.chain(hers).collect();
    bubbles.sort_by_key(|(seq, _)| *seq);
    let first = bubbles.len().saturating_sub(BUBBLES);
    let bubbles: Vec<Value> = bubbles.into_iter().skip(first).map(|(_, bubble)| bubble).collect();
    let faults: Vec<Value> =
        fault_menu::MENU.iter().map(|fault| json!({"name": fault.name, "label": fault.label})).collect();
    let business = match person.channel {
        Channel::Meta => format!("+{}", world.config.meta.display_phone_number),
        Channel::Twilio => world.config.twilio.from.trim_start_matches("whatsapp:").to_owned(),
    };
    Reply::json(
        200,
        &json!({
            "channel": person.channel.name(),
            "number": format!("+{}", person.number),
            "business": business,
            "typing": state.typing(person.channel, &person.number, now_ms),
            "messages": bubbles,
            "balance": balance,
            "ledger": ledger,
            "faults": faults,
            "fault": state.fault_switched_on,
            "resets": world.config.reset.is_some(),
            "web_app": world.config.web_app_url,
            "world": world.name,
        }),
    )
}

/// Sends a message or a tap of the owner. The bubble is shown at once, and its ticks report the outcome of
/// the webhook.
fn send(world: &Arc<World>, body: &[u8]) -> Reply {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else { return refused("JSON is expected") };
    let Some(person) = person(world, &fields) else { return refused("channel and number are expected") };
    let text = fields.get("text").and_then(Value::as_str).unwrap_or_default();
    let kind = match kind(world, &person, &fields, text) {
        Ok(kind) => kind,
        Err(why) => return refused(why),
    };
    let shown = match &kind {
        MessageKind::Recording(_) => "🎙️ Message vocal".to_owned(),
        MessageKind::Photo { .. } => format!("📷 Photo\n{text}").trim_end().to_owned(),
        _ => text.to_owned(),
    };
    let webhook = webhook::of(world, &person, kind, world.clock.now_s());
    let id = webhook.id.clone();
    world.state().note(&person, &id, &shown, world.clock.now_ms());
    let task = Arc::clone(world);
    tokio::spawn(async move {
        let delivery = deliver::with_retries(&task, &webhook).await;
        let ticks = if delivery.status == 200 { Ticks::Taken } else { Ticks::Failed };
        task.state().tick(&webhook.id, ticks);
        task.changed();
    });
    Reply::json(202, &json!({"id": id}))
}

/// Reads the message to send: text, a tap, or a file with a caption.
fn kind(
    world: &World,
    person: &Person,
    fields: &Map<String, Value>,
    text: &str,
) -> Result<MessageKind, &'static str> {
    let field = |name: &str| fields.get(name).and_then(Value::as_str);
    let file = match (field("sample"), fields.get("file")) {
        (Some("photo"), _) => Some(MediaFile::photo()),
        (Some("voice"), _) => Some(MediaFile::voice_note(SAMPLE)),
        (Some(_), _) => return Err("sample must be photo or voice"),
        (None, Some(file)) => {
            Some(uploaded(file).ok_or("the file must be a photo or a recording of 1 byte to 16 MB")?)
        }
        (None, None) => None,
    };
    if units(text) > LONGEST || (file.is_none() && text.trim().is_empty()) {
        return Err("text must have 1 to 4096 characters");
    }
    match (file, field("below")) {
        (Some(file), _) if file.content_type.starts_with("audio/") => Ok(MessageKind::Recording(file)),
        (Some(file), _) => {
            let caption = Some(text.to_owned()).filter(|text| !text.trim().is_empty());
            Ok(MessageKind::Photo { file, caption })
        }
        (None, None) => Ok(MessageKind::Text(text.to_owned())),
        (None, Some(id)) => tapped(world, person, id, text).ok_or("there is no such button"),
    }
}

/// A file from the page: `{"type": "image/jpeg", "data": "…"}`, in Base64.
fn uploaded(file: &Value) -> Option<MediaFile> {
    let content_type = file.get("type")?.as_str()?;
    let is_taken = content_type.starts_with("audio/") || content_type.starts_with("image/");
    let bytes = STANDARD.decode(file.get("data")?.as_str()?).ok()?;
    let fits = (1..=LARGEST_FILE).contains(&bytes.len());
    (is_taken && fits).then(|| MediaFile { content_type: content_type.to_owned(), bytes })
}

/// Returns the message that the button with this label sends, below this message on the owner's phone.
fn tapped(world: &World, person: &Person, id: &str, label: &str) -> Option<MessageKind> {
    let state = world.state();
    let mut messages = state.on_phone(person.channel, &person.number);
    messages.find(|message| message.shown.id == id)?.shown.tap(label)
}
