//! The requests of the service in one fixed story, for external validators: one line of JSON per request.
//!
//! Ids are replaced by others of the same form, and the texts of the prompt by their role. Two recordings of
//! the same service are therefore equal, and every line is still a valid request.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use postly_domain::{Language, Provider, delivery::SendOutcome, id::AttemptId};
use postly_simulator::{Channel, JournalEntry, ModelBehaviour, Person, RequestKind, Upstream};
use postly_whatsapp::{Body, Button, Outgoing};
use serde_json::{Value, json};

use crate::{EngineName, Options, TestApp};

/// Tuesday, 24 November 2026, 10:00 UTC.
const STORY_BEGINS_MS: i64 = 1_795_514_400_000;

const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";

/// Plays the story on SQLite and returns its requests, one JSON object each.
pub async fn record() -> Vec<Value> {
    let app = TestApp::start(EngineName::Sqlite, &Options::default()).await;
    app.advance_ms(STORY_BEGINS_MS - app.clock.now_ms());
    let mut names = Names::default();
    let mut lines = vec![];
    for (channel, number) in [(Channel::Meta, "+33639981001"), (Channel::Twilio, "+33639981002")] {
        let fatou = app.world.person(channel, number);
        let hidden = Person::new(channel, &format!("{number}9")).hiding_phone("sheena");
        for (person, text, behaviour) in [
            (&fatou, "SOLDE", None),
            (&fatou, BRIEF, None),
            (&fatou, BRIEF, Some(ModelBehaviour::InventsNumber)),
            (&fatou, BRIEF, Some(ModelBehaviour::Truncated)),
            (&hidden, "SOLDE", None),
        ] {
            if let Some(behaviour) = behaviour {
                app.world.model_once(behaviour);
            }
            let delivery = app.deliver(&app.world.webhook_text(person, text)).await;
            assert_eq!(delivery.status, 200, "the webhook of {text:?}");
            app.run_until_idle().await;
            let mut step = app.world.journal();
            app.world.clear_journal();
            crate::conformity::assert_conforms(&step);
            // The typing indicator runs in parallel to the call of the model.
            step.sort_by_key(|entry| match entry.kind {
                RequestKind::Typing => 0,
                RequestKind::Completion | RequestKind::Transcription => 1,
                RequestKind::Send => 2,
                RequestKind::Checkout | RequestKind::Refund | RequestKind::Lookup | RequestKind::Unknown => 3,
            });
            lines.extend(step.iter().map(|entry| line(entry, &mut names)));
        }
    }
    send_other_kinds(&app).await;
    let others = app.world.journal();
    lines.extend(others.iter().map(|entry| line(entry, &mut names)));
    app.assert_audit_is_clean().await;
    app.stop().await;
    lines
}

/// Sends the kinds that the story lacks: buttons, and codes to people without a conversation.
async fn send_other_kinds(app: &TestApp) {
    let senders = crate::senders(&app.world);
    let text = "Voulez-vous trois autres posts ? Répondez ENCORE, ou touchez un bouton.";
    let buttons =
        [Button { id: "again:1", title: "Trois autres" }, Button { id: "more", title: "Recharger 💳" }];
    let buttons = Body::Buttons { text, buttons: &buttons };
    let code = |language| Body::Code { code: "012345", language };
    let (wamid, sid) = ("wamid.HBgLMzM2Mzk5ODEwMDE=", "SM0123456789abcdef0123456789abcdef");
    for (number, (provider, address, body, reply_to)) in [
        (Provider::Meta, "33639981001", buttons, Some(wamid)),
        (Provider::Meta, "+33639981003", code(Language::Fr), None),
        (Provider::Meta, "+351912345678", code(Language::Pt), None),
        (Provider::Twilio, "whatsapp:+33639981002", buttons, Some(sid)),
        (Provider::Twilio, "+33639981003", code(Language::Fr), None),
    ]
    .into_iter()
    .enumerate()
    {
        let attempt = AttemptId::new(format!("0193565d-2d00-7000-8000-00000000000{number}"));
        let send_by = Instant::now() + Duration::from_secs(10);
        let outgoing = Outgoing { address, body, attempt: &attempt, reply_to, send_by };
        let outcome = senders.send(provider, &outgoing).await;
        assert!(matches!(outcome, SendOutcome::Accepted { .. }), "{provider}, {body:?}: {outcome:?}");
    }
}

/// One request, with the real server's address instead of the simulator's.
fn line(entry: &JournalEntry, names: &mut Names) -> Value {
    let server = match (entry.upstream, entry.kind) {
        (Upstream::Meta, _) => "https://graph.facebook.com",
        (Upstream::Twilio, RequestKind::Typing) => "https://messaging.twilio.com",
        (Upstream::Twilio, _) => "https://api.twilio.com",
        (Upstream::Model, _) => "https://api.openai.com",
        (Upstream::Stripe, _) => "https://api.stripe.com",
    };
    let content_type = entry.headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value);
    let body = String::from_utf8(entry.body.clone()).expect("a body is text");
    json!({
        "method": entry.method,
        "server": server,
        "path": entry.path,
        "content_type": content_type,
        "authorized": entry.authorized,
        "body": names.replaced(&body),
    })
}

/// The ids found so far, and their replacements.
#[derive(Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    fn replaced(&mut self, body: &str) -> String {
        if let Ok(mut body) = serde_json::from_str::<Value>(body) {
            for pointer in
                ["/message_id", "/context/message_id", "/biz_opaque_callback_data", "/safety_identifier"]
            {
                if let Some(Value::String(id)) = body.pointer_mut(pointer) {
                    *id = self.of(id);
                }
            }
            let buttons = body.pointer_mut("/interactive/action/buttons").and_then(Value::as_array_mut);
            for button in buttons.into_iter().flatten() {
                if let Some(Value::String(id)) = button.pointer_mut("/reply/id")
                    && id.starts_with("post:")
                {
                    *id = self.of(id);
                }
            }
            for message in body.pointer_mut("/messages").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(message) = message.as_object_mut() {
                    let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
                    let text = format!("({role})");
                    message.insert("content".to_owned(), text.into());
                }
            }
            return body.to_string();
        }
        let mut text = body.to_owned();
        for (name, value) in form_urlencoded::parse(body.as_bytes()) {
            let id = match name.as_ref() {
                "messageId" => value.as_ref(),
                "StatusCallback" => {
                    value.split_once("attempt=").map(|(_, attempt)| attempt).unwrap_or_default()
                }
                _ => continue,
            };
            text = text.replace(id, &self.of(id));
        }
        text
    }

    /// Returns the replacement of an id, the same each time.
    fn of(&mut self, id: &str) -> String {
        let next = self.0.len() + 1;
        self.0.entry(id.to_owned()).or_insert_with(|| stand_in(id, next)).clone()
    }
}

/// An id of the same form: the text up to its first `:` or `.`, or Twilio's two letters of kind, then a
/// number, padded with zeros to the length of the rest, dashes kept.
fn stand_in(id: &str, next: usize) -> String {
    let kept = id.find([':', '.']).map_or_else(|| usize::from(id.starts_with("SM")) * 2, |mark| mark + 1);
    let (prefix, rest) = id.split_at(kept);
    let marks = rest.chars().map(|mark| if mark == '-' { '-' } else { '0' });
    let mut zeros: String = marks.collect();
    let number = next.to_string();
    zeros.truncate(zeros.len().saturating_sub(number.len()));
    format!("{prefix}{zeros}{number}")
}
