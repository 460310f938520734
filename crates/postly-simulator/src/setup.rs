//! The state of the accounts in the providers' consoles, as far as a check of the configuration reads it.

use serde_json::{Value, json};

use crate::config::SimulatorConfig;
use crate::errors::{meta_error, meta_unauthorized, twilio_error};
use crate::reply::Reply;
use crate::server::Call;
use crate::world::World;
use crate::{meta, stripe, twilio};

/// The permissions that the token of the service needs.
const SCOPES: [&str; 2] = ["whatsapp_business_management", "whatsapp_business_messaging"];

/// A translation of a template at Meta.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedTemplate {
    /// Its name.
    pub name: String,
    /// Its language, as Meta names it.
    pub language: String,
    /// `APPROVED`, `PENDING`, `REJECTED`, `PAUSED` …
    pub status: String,
    /// `AUTHENTICATION`, `UTILITY`, `MARKETING`.
    pub category: String,
}

/// A destination to which Stripe sends events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedDestination {
    /// The address.
    pub url: String,
    /// `snapshot` or `thin`.
    pub payload: String,
    /// `enabled` or `disabled`.
    pub status: String,
    /// The events.
    pub events: Vec<String>,
    /// The API version of its snapshots.
    pub api_version: Option<String>,
}

/// The setup of the accounts at the providers. The default is correct except for the addresses of webhooks,
/// which [`AccountSetup::at`] sets.
#[derive(Clone, Debug)]
pub struct AccountSetup {
    /// Meta's token is valid.
    pub token_is_valid: bool,
    /// The end of Meta's token in seconds since the epoch; 0 for none.
    pub token_expires_at_s: i64,
    /// The permissions of Meta's token.
    pub scopes: Vec<String>,
    /// The accounts that Meta's token may manage.
    pub accounts: Vec<String>,
    /// The app at Meta.
    pub app_id: String,
    /// `CONNECTED`, `PENDING`, `FLAGGED` …
    pub number_status: String,
    /// `GREEN`, `YELLOW`, `RED`.
    pub number_quality: String,
    /// The templates of the account at Meta.
    pub templates: Vec<SimulatedTemplate>,
    /// The apps to which the account at Meta sends webhooks.
    pub subscribed_apps: Vec<String>,
    /// The address of the app's webhook at Meta; none before it is registered.
    pub callback: Option<String>,
    /// The fields of that webhook.
    pub fields: Vec<String>,
    /// The status of the account at Twilio.
    pub twilio_status: String,
    /// `Full` or `Trial`.
    pub twilio_type: String,
    /// The senders at Twilio: number, status, address of the webhook.
    pub senders: Vec<(String, String, Option<String>)>,
    /// The kind of the content at Twilio.
    pub content_type: String,
    /// WhatsApp's approval status of that content.
    pub content_approval: String,
    /// The destinations of Stripe's events.
    pub destinations: Vec<SimulatedDestination>,
    /// Stripe's key may read Checkout Sessions and event destinations.
    pub stripe_key_reads: bool,
}

impl AccountSetup {
    pub(crate) fn of(config: &SimulatorConfig) -> Self {
        let rules = &config.rules;
        let template = |name: &str, language: &str| SimulatedTemplate {
            name: name.to_owned(),
            language: language.to_owned(),
            status: "APPROVED".to_owned(),
            category: "AUTHENTICATION".to_owned(),
        };
        let templates = rules
            .otp_templates
            .iter()
            .flat_map(|name| rules.otp_languages.iter().map(move |language| template(name, language)));
        Self {
            token_is_valid: true,
            token_expires_at_s: 0,
            scopes: SCOPES.map(str::to_owned).to_vec(),
            accounts: vec![config.meta.waba_id.clone()],
            app_id: "634974688087057".to_owned(),
            number_status: "CONNECTED".to_owned(),
            number_quality: "GREEN".to_owned(),
            templates: templates.collect(),
            subscribed_apps: vec!["634974688087057".to_owned()],
            callback: None,
            fields: ["messages", "account_update", "phone_number_quality_update"].map(str::to_owned).to_vec(),
            twilio_status: "active".to_owned(),
            twilio_type: "Full".to_owned(),
            senders: vec![(config.twilio.from.clone(), "ONLINE".to_owned(), None)],
            content_type: "whatsapp/authentication".to_owned(),
            content_approval: "approved".to_owned(),
            destinations: vec![],
            stripe_key_reads: true,
        }
    }

    /// Sets every webhook to this public address.
    #[must_use]
    pub fn at(mut self, public_base_url: &str) -> Self {
        let webhook = format!("{public_base_url}/api/whatsapp/webhook");
        self.callback = Some(webhook.clone());
        for (_, _, callback) in &mut self.senders {
            *callback = Some(webhook.clone());
        }
        self.destinations = vec![SimulatedDestination {
            url: format!("{public_base_url}/api/stripe/webhook"),
            payload: "snapshot".to_owned(),
            status: "enabled".to_owned(),
            events: vec!["*".to_owned()],
            api_version: Some(stripe::VERSION.to_owned()),
        }];
        self
    }
}

/// `GET /{version}/debug_token`.
pub(crate) fn debug_token(world: &World, call: &Call) -> Reply {
    if !meta::authorized(world, call) {
        return meta_unauthorized();
    }
    let state = world.state();
    let setup = &state.setup;
    let granular = setup.scopes.iter().map(|scope| json!({"scope": scope, "target_ids": setup.accounts}));
    Reply::json(
        200,
        &json!({"data": {
            "app_id": setup.app_id,
            "type": "SYSTEM_USER",
            "application": "Postly-AI",
            "data_access_expires_at": 0,
            "expires_at": setup.token_expires_at_s,
            "is_valid": setup.token_is_valid,
            "issued_at": 1_712_099_387,
            "scopes": setup.scopes,
            "granular_scopes": granular.collect::<Vec<Value>>(),
            "user_id": "122102185516192742",
        }}),
    )
}

/// `GET /{version}/{account}/message_templates` and `…/subscribed_apps`.
pub(crate) fn account_edge(world: &World, call: &Call, account: &str, edge: &str) -> Reply {
    if !meta::authorized(world, call) {
        return meta_unauthorized();
    }
    let state = world.state();
    let setup = &state.setup;
    if !setup.accounts.iter().any(|known| known == account) {
        return meta_error(
            100,
            &format!("Unsupported get request. Object with ID '{account}' does not exist"),
        );
    }
    let data: Vec<Value> = if edge == "message_templates" {
        let wanted = form_urlencoded::parse(call.query.as_bytes()).find(|(name, _)| name == "name");
        let wanted = wanted.map(|(_, name)| name.into_owned()).unwrap_or_default();
        let found = setup.templates.iter().filter(|template| template.name.contains(&wanted));
        found
            .map(|template| {
                json!({
                    "name": template.name,
                    "language": template.language,
                    "status": template.status,
                    "category": template.category,
                    "id": "1252715608684590",
                })
            })
            .collect()
    } else {
        let app = |id: &String| {
            let link = format!("https://www.facebook.com/games/?app_id={id}");
            json!({"whatsapp_business_api_data": {"id": id, "link": link, "name": "Postly-AI"}})
        };
        setup.subscribed_apps.iter().map(app).collect()
    };
    Reply::json(200, &json!({"data": data}))
}

/// `GET /{version}/{app}/subscriptions`, which requires the app's own token.
pub(crate) fn subscriptions(world: &World, call: &Call, app: &str) -> Reply {
    let state = world.state();
    let setup = &state.setup;
    let token = format!("Bearer {}|{}", setup.app_id, world.secrets().meta_app_secret);
    if app != setup.app_id || call.header("authorization") != Some(token.as_str()) {
        return meta_unauthorized();
    }
    let fields: Vec<Value> =
        setup.fields.iter().map(|name| json!({"name": name, "version": "v25.0"})).collect();
    let subscriptions: Vec<Value> = setup
        .callback
        .iter()
        .map(|callback| {
            json!({
                "object": "whatsapp_business_account",
                "callback_url": callback,
                "active": true,
                "fields": fields,
            })
        })
        .collect();
    Reply::json(200, &json!({"data": subscriptions}))
}

/// `GET /v2/Channels/Senders`.
pub(crate) fn senders(world: &World, call: &Call) -> Reply {
    if !twilio::authorized(world, call) {
        return twilio_error(20_003);
    }
    let state = world.state();
    let sender = |(number, status, callback): &(String, String, Option<String>)| {
        json!({
            "sid": "XE0123456789abcdef0123456789abcdef",
            "status": status,
            "sender_id": number,
            "webhook": {"callback_url": callback, "callback_method": "POST"},
        })
    };
    let senders: Vec<Value> = state.setup.senders.iter().map(sender).collect();
    Reply::json(200, &json!({"senders": senders, "meta": {"page": 0, "page_size": 1000}}))
}

/// `GET /v1/Content/{sid}` and `…/ApprovalRequests`.
pub(crate) fn content(world: &World, call: &Call, sid: &str, approval: bool) -> Reply {
    if !twilio::authorized(world, call) {
        return twilio_error(20_003);
    }
    let state = world.state();
    if !state.rules.content_sids.iter().any(|known| known == sid) {
        return twilio_error(20_404);
    }
    let setup = &state.setup;
    let body = if approval {
        let whatsapp =
            json!({"name": "postly_code", "category": "AUTHENTICATION", "status": setup.content_approval});
        json!({"sid": sid, "whatsapp": whatsapp})
    } else {
        let mut types = serde_json::Map::new();
        types.insert(setup.content_type.clone(), json!({}));
        json!({"sid": sid, "friendly_name": "postly_code", "language": "fr", "types": types})
    };
    Reply::json(200, &body)
}

/// `GET /v2/core/event_destinations`.
pub(crate) fn destinations(world: &World, call: &Call) -> Reply {
    if let Some(refusal) = stripe::unauthorized(world, call) {
        return refusal;
    }
    let state = world.state();
    if !state.setup.stripe_key_reads {
        return stripe::error_of_status(403);
    }
    let include = form_urlencoded::parse(call.query.as_bytes())
        .any(|(name, value)| name.starts_with("include") && value == "webhook_endpoint.url");
    let shown = |destination: &SimulatedDestination| {
        json!({
            "id": "ed_test_61RM8ltWcTW4mbsxf16RJyfa2xSQLHJJh1sxm7H0KVT6",
            "object": "v2.core.event_destination",
            "enabled_events": destination.events,
            "event_payload": destination.payload,
            "snapshot_api_version": destination.api_version,
            "status": destination.status,
            "type": "webhook_endpoint",
            "webhook_endpoint": {"url": include.then_some(&destination.url), "signing_secret": null},
        })
    };
    let data: Vec<Value> = state.setup.destinations.iter().map(shown).collect();
    Reply::json(200, &json!({"data": data, "next_page_url": null, "previous_page_url": null}))
}

/// `GET /v1/checkout/sessions`.
pub(crate) fn sessions(world: &World, call: &Call) -> Reply {
    if let Some(refusal) = stripe::unauthorized(world, call) {
        return refusal;
    }
    if !world.state().setup.stripe_key_reads {
        return stripe::error_of_status(403);
    }
    Reply::json(
        200,
        &json!({"object": "list", "url": "/v1/checkout/sessions", "has_more": false, "data": []}),
    )
}
