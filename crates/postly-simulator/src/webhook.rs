//! A signed webhook, which a test can deliver any number of times.

use crate::attachment::Attachment;
use crate::config::Channel;
use crate::meta_hooks::Inbound;
use crate::person::{MessageKind, Person};
use crate::signing::{meta_legacy_signature, meta_signature, twilio_signature};
use crate::world::World;
use crate::{ids, meta_hooks, twilio_hooks};

/// A request of a provider to the service. Its fields are public, so that a test can alter them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// The provider that sends it.
    pub channel: Channel,
    /// The id of the message it reports; of the first one in a batch; empty for a raw body.
    pub id: String,
    /// The ids of all messages in it.
    pub ids: Vec<String>,
    /// The HTTP method.
    pub method: String,
    /// The path and the query of the request.
    pub path_query: String,
    /// The headers, names in lower case, including the signature.
    pub headers: Vec<(String, String)>,
    /// The raw body.
    pub body: Vec<u8>,
}

impl Webhook {
    /// Returns the value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Sets a header.
    #[must_use]
    pub fn with_header(self, name: &str, value: &str) -> Self {
        let mut changed = self.without_header(name);
        changed.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        changed
    }

    /// Removes a header.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// Replaces the body and keeps the old signature.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

/// Returns the path and the public URL for webhooks, with defaults until they are set.
fn inbound_urls(world: &World) -> (String, String) {
    let state = world.state();
    state.target.as_ref().map_or_else(
        || ("/".to_owned(), "http://localhost/".to_owned()),
        |target| (target.path_query.clone(), target.public_url.clone()),
    )
}

/// Signs any bytes as Meta does.
pub(crate) fn meta(world: &World, ids: Vec<String>, body: Vec<u8>) -> Webhook {
    let secret = &world.secrets().meta_app_secret.clone();
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("user-agent", "facebookexternalua".to_owned()),
        ("x-hub-signature", meta_legacy_signature(secret, &body)),
        ("x-hub-signature-256", meta_signature(secret, &body)),
    ];
    let (path_query, _) = inbound_urls(world);
    build(Channel::Meta, ids, path_query, &headers, body)
}

/// Signs a form as Twilio does, for the URL of incoming messages.
pub(crate) fn twilio(world: &World, ids: Vec<String>, body: Vec<u8>) -> Webhook {
    let (path_query, public_url) = inbound_urls(world);
    twilio_to(world, ids, path_query, &public_url, body)
}

/// Signs a form as Twilio does, for this URL.
pub(crate) fn twilio_to(
    world: &World,
    ids: Vec<String>,
    path_query: String,
    url: &str,
    body: Vec<u8>,
) -> Webhook {
    let fields: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
    let headers = [
        ("content-type", "application/x-www-form-urlencoded; charset=UTF-8".to_owned()),
        ("user-agent", "TwilioProxy/1.1".to_owned()),
        ("i-twilio-idempotency-token", ids::token("")),
        ("x-twilio-signature", twilio_signature(&world.secrets().twilio_signing_token, url, &fields)),
    ];
    build(Channel::Twilio, ids, path_query, &headers, body)
}

/// Builds the signed webhook of a message sent at this time, which opens the person's service window.
pub(crate) fn of(world: &World, person: &Person, kind: MessageKind, at_s: i64) -> Webhook {
    let id = match person.channel {
        Channel::Meta => ids::wamid(),
        Channel::Twilio => ids::message_sid(),
    };
    let file = Attachment::of(&kind);
    let mut state = world.state();
    state.wrote(person, &id, at_s.saturating_mul(1000));
    file.iter().for_each(|file| state.attachments.keep(file));
    drop(state);
    match person.channel {
        Channel::Meta => {
            let inbound = [Inbound { person, id: id.clone(), kind, file, at_s }];
            meta(world, vec![id], meta_hooks::messages(&world.config.meta, &inbound))
        }
        Channel::Twilio => {
            let file = file.map(|file| {
                twilio_hooks::FileFields::of(&world.base_url(), &world.config.twilio, &id, &file)
            });
            let body = twilio_hooks::message(&world.config.twilio, person, &id, &kind, file.as_ref());
            twilio(world, vec![id], body)
        }
    }
}

fn build(
    channel: Channel,
    ids: Vec<String>,
    path_query: String,
    headers: &[(&str, String)],
    body: Vec<u8>,
) -> Webhook {
    Webhook {
        channel,
        id: ids.first().cloned().unwrap_or_default(),
        ids,
        method: "POST".to_owned(),
        path_query,
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        body,
    }
}
