//! The fake Graph API.

use serde_json::{Map, json};

use crate::config::{Channel, Upstream};
use crate::errors::{meta_error, meta_unauthorized};
use crate::ids;
use crate::meta_rules::{self, Outgoing, Recipient, Request};
use crate::person::Person;
use crate::reply::Reply;
use crate::secrets::is_bearer;
use crate::server::Call;
use crate::statuses::Plan;
use crate::world::{Accepted, MessageStatus, PhoneMessage, World};

/// Returns true if the token is present and correct.
pub(crate) fn authorized(world: &World, call: &Call) -> bool {
    is_bearer(call.header("authorization"), &world.secrets().meta_access_tokens)
}

/// `POST /{version}/{phone_number_id}/messages`.
pub(crate) fn messages(world: &World, call: &Call, version: &str, number_id: &str, plan: &Plan) -> Reply {
    if let Some(refusal) = refused_path(world, call, version, number_id) {
        return refusal;
    }
    if !call.is_content_type("application/json") {
        return meta_error(100, "The body must be application/json.");
    }
    let rules = world.state().rules.clone();
    match meta_rules::read(&call.body, &rules) {
        Err(refusal) => meta_error(refusal.code, &refusal.details),
        Ok(Request::Read { message_id, typing }) => {
            let known = world.state().read(&message_id, typing, world.clock.now_ms());
            if !known {
                return meta_error(131_009, "Param message_id is not a message that was received.");
            }
            world.changed();
            Reply::json(200, &json!({"success": true}))
        }
        Ok(Request::Send(outgoing)) => send(world, outgoing, plan),
    }
}

/// `GET /{version}/{id}`: the business number, for a check of the configuration.
pub(crate) fn node(world: &World, call: &Call, version: &str, id: &str) -> Reply {
    let known = world.state().attachments.get(id);
    if let (Some(file), true) = (known, authorized(world, call)) {
        return Reply::json(
            200,
            &json!({
                "messaging_product": "whatsapp",
                "url": format!("{}/whatsapp_business/attachments/?mid={id}", world.base_url()),
                "mime_type": file.file.content_type,
                "sha256": file.sha256(),
                "file_size": file.file.bytes.len(),
                "id": id,
            }),
        );
    }
    if let Some(refusal) = refused_path(world, call, version, id) {
        return refusal;
    }
    let account = &world.config.meta;
    let state = world.state();
    let setup = &state.setup;
    Reply::json(
        200,
        &json!({
            "id": account.phone_number_id,
            "verified_name": "Postly-AI",
            "display_phone_number": account.display_phone_number,
            "quality_rating": setup.number_quality,
            "status": setup.number_status,
            "webhook_configuration": {"application": setup.callback},
        }),
    )
}

/// `GET /whatsapp_business/attachments/?mid=…`, in place of `lookaside.fbsbx.com`: the file itself, for the
/// token.
pub(crate) fn file(world: &World, call: &Call) -> Reply {
    if !authorized(world, call) {
        return meta_unauthorized();
    }
    let id = form_urlencoded::parse(call.query.as_bytes()).find(|(name, _)| name == "mid");
    match id.and_then(|(_, id)| world.state().attachments.get(&id)) {
        Some(known) => Reply::new(200, &known.file.content_type, known.file.bytes),
        None => Reply::new(404, "text/plain", "Not found"),
    }
}

/// Builds the response to a path that the Graph API does not have.
pub(crate) fn unknown() -> Reply {
    let message = "Unknown path components";
    let error = json!({"error": {"message": message, "type": "OAuthException", "code": 2500, "fbtrace_id": ids::trace()}});
    Reply::json(400, &error).with_code(2500)
}

fn refused_path(world: &World, call: &Call, version: &str, number_id: &str) -> Option<Reply> {
    let numbered = version.strip_prefix('v').and_then(|rest| rest.strip_suffix(".0"));
    if !numbered.is_some_and(|major| major.len() == 2 && major.bytes().all(|byte| byte.is_ascii_digit())) {
        return Some(unknown());
    }
    if !authorized(world, call) {
        return Some(meta_unauthorized());
    }
    if number_id != world.config.meta.phone_number_id {
        let details = format!(
            "Unsupported request. Object with ID '{number_id}' does not exist, cannot be loaded due to missing permissions, or does not support this operation."
        );
        return Some(meta_error(100, &details));
    }
    None
}

fn send(world: &World, outgoing: Outgoing, plan: &Plan) -> Reply {
    let now_ms = world.clock.now_ms();
    let mut state = world.state();
    let (number, bsuid, by_number) = match &outgoing.recipient {
        Recipient::Number(number) => {
            if state.person(Channel::Meta, number).is_none() {
                state.meet(&Person::new(Channel::Meta, number).without_bsuid());
            }
            let bsuid = state.person(Channel::Meta, number).and_then(|person| person.bsuid.clone());
            (number.clone(), bsuid, true)
        }
        Recipient::Bsuid(bsuid) => match state.person_by_bsuid(Channel::Meta, bsuid) {
            Some(person) => (person.number.clone(), Some(bsuid.clone()), false),
            None => return meta_error(131_026, "The recipient is not a WhatsApp user of this business."),
        },
    };
    if number == world.config.meta.display_phone_number {
        return meta_error(131_021, "Sender and recipient are the same number.");
    }
    if !state.spend_pair(&number, now_ms) {
        return meta_error(
            131_056,
            "Too many messages sent from this phone number to the same phone number.",
        );
    }
    let is_service = outgoing.template.is_none();
    let closed = is_service && !state.window_open(Channel::Meta, &number, now_ms);
    let (free, paid) = (state.rules.free_service_messages, state.rules.payment_method);
    let billable = is_service && state.billing.is_billable(now_ms, free);
    let doomed = match plan.failure() {
        _ if closed => Some(131_047),
        _ if billable && !paid => Some(131_042),
        planned => planned,
    };
    if is_service && doomed.is_none() {
        state.billing.count();
    }
    let id = ids::wamid();
    state.accept(Accepted {
        seq: 0,
        channel: Channel::Meta,
        number: number.clone(),
        shown: PhoneMessage {
            id: id.clone(),
            body: outgoing.body,
            buttons: outgoing.buttons,
            reply_to: outgoing.reply_to,
            template: outgoing.template,
            status: MessageStatus::Accepted,
            at_ms: now_ms,
            correlation: outgoing.correlation,
        },
        callback: None,
        doomed,
        billable,
    });
    drop(state);
    world.changed();
    let mut contact = Map::from_iter([("input".to_owned(), json!(outgoing.input))]);
    if by_number {
        contact.insert("wa_id".to_owned(), json!(number));
    }
    if let Some(bsuid) = bsuid {
        contact.insert("user_id".to_owned(), json!(bsuid));
    }
    let body = json!({"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": id}]});
    Reply::json(200, &body).accepting(&id)
}

/// Returns a response like that of an acceptance, for a body that is torn on the way.
pub(crate) fn lookalike(upstream: Upstream) -> Reply {
    match upstream {
        Upstream::Meta => Reply::json(
            200,
            &json!({
                "messaging_product": "whatsapp",
                "contacts": [{"input": "+33600000000", "wa_id": "33600000000"}],
                "messages": [{"id": ids::wamid()}],
            }),
        ),
        Upstream::Twilio => {
            Reply::json(201, &json!({"sid": ids::message_sid(), "status": "queued", "body": ""}))
        }
        Upstream::Model => Reply::json(
            200,
            &json!({"id": ids::token("chatcmpl-"), "object": "chat.completion", "choices": [{"index": 0}]}),
        ),
        Upstream::Stripe => Reply::json(
            200,
            &json!({"id": ids::token("cs_test_"), "object": "checkout.session", "status": "open"}),
        ),
    }
}
