//! The fake of Twilio's REST API.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::config::Channel;
use crate::errors::{twilio_error, twilio_error_saying};
use crate::fields::units;
use crate::ids;
use crate::person::{Person, PhoneButton};
use crate::reply::Reply;
use crate::server::Call;
use crate::statuses::Plan;
use crate::twilio_hooks::{address, status_name};
use crate::world::{Accepted, MessageStatus, PhoneMessage, World};

/// The longest body of a WhatsApp message at Twilio.
const BODY: usize = 1600;
/// The longest code of an authentication template, a limit of WhatsApp.
const CODE: usize = 15;

/// The parameters of a message. Twilio ignores others; this fake refuses them, so that a misspelt one is
/// noticed.
const PARAMETERS: [&str; 19] = [
    "To",
    "From",
    "Body",
    "StatusCallback",
    "MessagingServiceSid",
    "ContentSid",
    "ContentVariables",
    "MediaUrl",
    "ApplicationSid",
    "MaxPrice",
    "ProvideFeedback",
    "Attempt",
    "ValidityPeriod",
    "ContentRetention",
    "AddressRetention",
    "SmartEncoded",
    "PersistentAction",
    "ShortenUrls",
    "RiskCheck",
];

/// Returns true if the account id and the token are correct.
pub(crate) fn authorized(world: &World, call: &Call) -> bool {
    let sid = &world.config.twilio.account_sid;
    let sent = call.header("authorization").and_then(|value| value.strip_prefix("Basic "));
    let tokens = &world.secrets().twilio_auth_tokens;
    tokens.iter().any(|token| sent == Some(&STANDARD.encode(format!("{sid}:{token}"))))
}

fn refused(world: &World, call: &Call, account_sid: Option<&str>) -> Option<Reply> {
    if !authorized(world, call) {
        return Some(twilio_error(20_003));
    }
    account_sid.filter(|sid| *sid != world.config.twilio.account_sid).map(|_| twilio_error(20_404))
}

/// Returns the last value of each field, which is the one that Twilio uses except for `MediaUrl`.
fn form(call: &Call) -> Option<Map<String, Value>> {
    call.is_content_type("application/x-www-form-urlencoded").then(|| {
        form_urlencoded::parse(&call.body)
            .map(|(name, value)| (name.into_owned(), Value::from(value)))
            .collect()
    })
}

/// `POST /2010-04-01/Accounts/{sid}/Messages.json`.
pub(crate) fn create(world: &World, call: &Call, account_sid: &str, plan: &Plan) -> Reply {
    if let Some(refusal) = refused(world, call, Some(account_sid)) {
        return refusal;
    }
    let Some(form) = form(call) else { return twilio_error(21_604) };
    if let Some(name) = form.keys().find(|name| !PARAMETERS.contains(&name.as_str())) {
        return twilio_error_saying(20_001, &format!("Unknown parameter: {name}"));
    }
    let field = |name: &str| form.get(name).and_then(Value::as_str).filter(|value| !value.is_empty());
    let Some(to) = field("To") else { return twilio_error(21_604) };
    let Some(from) = field("From") else { return twilio_error(21_603) };
    if from != world.config.twilio.from {
        return twilio_error(63_007);
    }
    let content = match content(
        world,
        field("Body"),
        field("ContentSid"),
        field("ContentVariables"),
        field("MediaUrl"),
    ) {
        Ok(content) => content,
        Err(refusal) => return refusal,
    };
    let callback = field("StatusCallback");
    if callback.is_some_and(|url| reqwest::Url::parse(url).map_or(true, |url| url.host().is_none())) {
        return twilio_error(21_609);
    }
    let now_ms = world.clock.now_ms();
    let mut state = world.state();
    let Some(number) = recipient(&mut state, to) else { return twilio_error(21_211) };
    let closed = content.content_sid.is_none() && !state.window_open(Channel::Twilio, &number, now_ms);
    let id = ids::message_sid();
    let message = Accepted {
        seq: 0,
        channel: Channel::Twilio,
        number,
        shown: PhoneMessage {
            id: id.clone(),
            body: content.shown,
            buttons: content.buttons,
            reply_to: None,
            template: content.content_sid,
            status: MessageStatus::Accepted,
            at_ms: now_ms,
            correlation: callback
                .and_then(|url| reqwest::Url::parse(url).ok())
                .and_then(|url| url.query().map(str::to_owned)),
        },
        callback: callback.map(str::to_owned),
        doomed: if closed { Some(63_016) } else { plan.failure() },
        // Twilio reports charges only in its API, not in a status.
        billable: false,
    };
    let body = resource(world, to, &message);
    state.accept(message);
    drop(state);
    world.changed();
    Reply::json(201, &body).accepting(&id)
}

/// Returns the digits of the number in a `To`.
fn recipient(state: &mut crate::world::State, to: &str) -> Option<String> {
    let address = to.strip_prefix("whatsapp:")?;
    if let Some(digits) = address.strip_prefix('+') {
        let shaped = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if !shaped {
            return None;
        }
        if state.person(Channel::Twilio, digits).is_none() {
            state.meet(&Person::new(Channel::Twilio, digits).without_bsuid());
        }
        return Some(digits.to_owned());
    }
    state.person_by_bsuid(Channel::Twilio, address).map(|person| person.number.clone())
}

struct Content {
    shown: String,
    buttons: Vec<PhoneButton>,
    content_sid: Option<String>,
}

fn content(
    world: &World,
    body: Option<&str>,
    sid: Option<&str>,
    variables: Option<&str>,
    media: Option<&str>,
) -> Result<Content, Reply> {
    let Some(sid) = sid else {
        let Some(body) = body.or(media) else { return Err(twilio_error(21_619)) };
        if variables.is_some() {
            return Err(twilio_error_saying(21_655, "ContentVariables needs a ContentSid"));
        }
        if units(body) > BODY {
            return Err(twilio_error(21_617));
        }
        return Ok(Content { shown: body.to_owned(), buttons: Vec::new(), content_sid: None });
    };
    if body.is_some() || media.is_some() {
        return Err(twilio_error_saying(21_655, "Body and MediaUrl cannot go with a ContentSid"));
    }
    let shaped = sid
        .strip_prefix("HX")
        .is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if !shaped || !world.state().rules.content_sids.iter().any(|known| known == sid) {
        return Err(twilio_error(21_655));
    }
    let code = variables.and_then(only_variable).ok_or_else(|| twilio_error(21_656))?;
    let shown =
        format!("*{code}* est votre code de vérification. Pour votre sécurité, ne partagez pas ce code.");
    let buttons = vec![PhoneButton::silent("Copier le code")];
    Ok(Content { shown, buttons, content_sid: Some(sid.to_owned()) })
}

/// Returns the code among the variables: a JSON object with the single key `1` and a text. Twilio does not
/// document its handling of other objects; a message without its code, or with one that cannot be copied,
/// would be a fault of the service.
fn only_variable(variables: &str) -> Option<String> {
    let variables: Map<String, Value> = serde_json::from_str(variables).ok()?;
    let code = variables.get("1").filter(|_| variables.len() == 1)?.as_str()?;
    (1..=CODE).contains(&units(code)).then(|| code.to_owned())
}

/// `GET /2010-04-01/Accounts/{sid}/Messages/{id}.json`.
pub(crate) fn fetch(world: &World, call: &Call, account_sid: &str, id: &str) -> Reply {
    if let Some(refusal) = refused(world, call, Some(account_sid)) {
        return refusal;
    }
    let state = world.state();
    let Some(message) = state.accepted(id).filter(|message| message.channel == Channel::Twilio) else {
        return twilio_error(20_404);
    };
    let to = state
        .person(Channel::Twilio, &message.number)
        .map_or_else(|| format!("whatsapp:+{}", message.number), address);
    Reply::json(200, &resource(world, &to, message))
}

/// `GET /2010-04-01/Accounts/{sid}.json`, for a check of the configuration.
pub(crate) fn account(world: &World, call: &Call, account_sid: &str) -> Reply {
    if let Some(refusal) = refused(world, call, Some(account_sid)) {
        return refusal;
    }
    let state = world.state();
    let setup = &state.setup;
    Reply::json(
        200,
        &json!({
            "sid": account_sid,
            "friendly_name": "Postly-AI",
            "status": setup.twilio_status,
            "type": setup.twilio_type,
        }),
    )
}

/// `POST /v2/Indicators/Typing.json`.
pub(crate) fn typing(world: &World, call: &Call) -> Reply {
    if let Some(refusal) = refused(world, call, None) {
        return refusal;
    }
    let Some(form) = form(call) else { return twilio_error_saying(20_001, "A form is expected") };
    let field = |name: &str| form.get(name).and_then(Value::as_str).unwrap_or_default();
    let id = field("messageId");
    let shaped = id
        .strip_prefix("SM")
        .or_else(|| id.strip_prefix("MM"))
        .is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if form.len() != 2 || field("channel") != "whatsapp" || !shaped {
        return twilio_error_saying(20_001, "channel=whatsapp and messageId are expected");
    }
    if !world.state().read(id, true, world.clock.now_ms()) {
        return twilio_error(20_404);
    }
    world.changed();
    Reply::json(200, &json!({"success": true}))
}

/// Returns a message as Twilio describes it.
fn resource(world: &World, to: &str, message: &Accepted) -> Value {
    let account = &world.config.twilio;
    let id = &message.shown.id;
    let date = date(message.shown.at_ms);
    let failed = message.shown.status == MessageStatus::Failed;
    let code = message.doomed.filter(|_| failed);
    let uri = format!("/2010-04-01/Accounts/{}/Messages/{id}", account.account_sid);
    json!({
        "account_sid": account.account_sid,
        "api_version": "2010-04-01",
        "body": message.shown.body,
        "date_created": date,
        "date_sent": (message.shown.status != MessageStatus::Accepted).then_some(&date),
        "date_updated": date,
        "direction": "outbound-api",
        "error_code": code,
        "error_message": code.map(crate::errors::twilio_message),
        "from": account.from,
        "messaging_service_sid": null,
        "num_media": "0",
        "num_segments": "1",
        "price": null,
        "price_unit": null,
        "sid": id,
        "status": status_name(message.shown.status, message.doomed),
        "subresource_uris": {"media": format!("{uri}/Media.json")},
        "tags": null,
        "to": to,
        "uri": format!("{uri}.json"),
    })
}

/// Formats a time as RFC 2822 with a numeric offset, as Twilio does.
fn date(at_ms: i64) -> Option<String> {
    let timestamp = Timestamp::from_millisecond(at_ms).ok()?;
    let printed = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&timestamp).ok()?;
    Some(printed.replace("GMT", "+0000"))
}

/// `GET /2010-04-01/Accounts/{sid}/Messages/{sid}/Media/{sid}`: leads to the storage, as Twilio's API does.
pub(crate) fn media(world: &World, call: &Call, account: &str, id: &str) -> Reply {
    if let Some(refusal) = refused(world, call, Some(account)) {
        return refusal;
    }
    if world.state().attachments.get(id).is_none() {
        return twilio_error(20_404);
    }
    let there = format!("{}/twiliocdn/{account}/{id}?Signature=simulated", world.base_url());
    Reply::new(307, "text/plain", "").with_header("location", &there)
}

/// The storage, in place of `mms.twiliocdn.com`. Its addresses are signed, and credentials beside them are an
/// error, as at S3.
pub(crate) fn stored(world: &World, call: &Call, id: &str) -> Reply {
    if call.header("authorization").is_some() {
        return Reply::new(400, "application/xml", "<Error><Code>InvalidArgument</Code></Error>");
    }
    match world.state().attachments.get(id) {
        Some(known) => Reply::new(200, &known.file.content_type, known.file.bytes),
        None => Reply::new(404, "text/plain", "Not found"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn dates_are_those_of_twilio() {
        assert_eq!(super::date(1_795_340_000_000).as_deref(), Some("Sun, 22 Nov 2026 09:33:20 +0000"));
    }
}
