//! One port for all the fakes: routing, the journal, and the faults.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::config::Upstream;
use crate::errors::{meta_error, model_error, model_error_of_status, twilio_error};
use crate::fault::FaultKind;
use crate::journal::{JournalEntry, Outcome, RequestKind};
use crate::reply::Reply;
use crate::statuses::{self, Plan};
use crate::wire::Scissors;
use crate::world::World;
use crate::{meta, model, phone, setup, stripe, stripe_pages, stripe_refunds, transcribe, twilio};

/// Larger than any request of the service; a longer body is refused unread.
const LARGEST_BODY: usize = 32 * 1024 * 1024;
/// The time for which a connection without a response is held.
const HANG: Duration = Duration::from_secs(60);

/// A request with its whole body.
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Call {
    /// Returns the value of a header that is present exactly once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values =
            self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    }

    pub(crate) fn is_content_type(&self, expected: &str) -> bool {
        let given = self.header("content-type").unwrap_or_default();
        given.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(expected)
    }

    /// Returns the text for the matching of faults: the body, and its decoded fields if it is a form.
    fn searchable(&self) -> Vec<u8> {
        let mut text = self.body.clone();
        if self.is_content_type("application/x-www-form-urlencoded") {
            for (name, value) in form_urlencoded::parse(&self.body) {
                text.extend_from_slice(format!("\n{name}={value}").as_bytes());
            }
        }
        text
    }
}

/// The endpoint of a request.
enum Route {
    MetaMessages { version: String, number_id: String },
    MetaNode { version: String, id: String },
    MetaToken,
    MetaAccountEdge { account: String, edge: String },
    MetaSubscriptions { app: String },
    MetaFile,
    MetaUnknown,
    TwilioMedia { account: String, id: String },
    TwilioStorage { id: String },
    TwilioSenders,
    TwilioContent { id: String, approval: bool },
    TwilioCreate { account: String },
    TwilioFetch { account: String, id: String },
    TwilioAccount { account: String },
    TwilioTyping,
    TwilioUnknown,
    StripeCreate,
    StripeRetrieve { id: String },
    StripeList,
    StripeRefund,
    StripeRefunds,
    StripeDestinations,
    StripeUnknown,
    Completions,
    Transcriptions,
    Models,
    ModelUnknown,
}

impl Route {
    fn of(call: &Call) -> Self {
        let own = |text: &str| text.to_owned();
        let segments: Vec<&str> = call.path.trim_start_matches('/').split('/').collect();
        match (call.method.as_str(), segments.as_slice()) {
            ("POST", ["v1", "checkout", "sessions"]) => Self::StripeCreate,
            ("GET", ["v1", "checkout", "sessions", id]) => Self::StripeRetrieve { id: own(id) },
            ("GET", ["v1", "checkout", "sessions"]) => Self::StripeList,
            ("POST", ["v1", "refunds"]) => Self::StripeRefund,
            ("GET", ["v1", "refunds"]) => Self::StripeRefunds,
            ("GET", ["v2", "core", "event_destinations"]) => Self::StripeDestinations,
            ("GET", ["v1", "Content", id]) => Self::TwilioContent { id: own(id), approval: false },
            ("GET", ["v1", "Content", id, "ApprovalRequests"]) => {
                Self::TwilioContent { id: own(id), approval: true }
            }
            ("GET", ["v2", "Channels", "Senders"]) => Self::TwilioSenders,
            (_, ["v1", "checkout" | "charges" | "payment_intents" | "refunds" | "disputes", ..]) => {
                Self::StripeUnknown
            }
            ("POST", ["v1", "chat", "completions"]) => Self::Completions,
            ("POST", ["v1", "audio", "transcriptions"]) => Self::Transcriptions,
            ("GET", ["v1", "models"]) => Self::Models,
            (_, ["v1", ..]) => Self::ModelUnknown,
            ("POST", ["2010-04-01", "Accounts", account, "Messages.json"]) => {
                Self::TwilioCreate { account: own(account) }
            }
            ("GET", ["2010-04-01", "Accounts", account, "Messages", id]) if id.ends_with(".json") => {
                Self::TwilioFetch { account: own(account), id: own(id.trim_end_matches(".json")) }
            }
            ("GET", ["2010-04-01", "Accounts", account]) if account.ends_with(".json") => {
                Self::TwilioAccount { account: own(account.trim_end_matches(".json")) }
            }
            ("GET", ["2010-04-01", "Accounts", account, "Messages", _, "Media", id]) => {
                Self::TwilioMedia { account: own(account), id: own(id) }
            }
            ("GET", ["twiliocdn", _, id]) => Self::TwilioStorage { id: own(id) },
            ("POST", ["v2", "Indicators", "Typing.json"]) => Self::TwilioTyping,
            (_, ["2010-04-01" | "v2", ..]) => Self::TwilioUnknown,
            ("POST", [version, number_id, "messages"]) => {
                Self::MetaMessages { version: own(version), number_id: own(number_id) }
            }
            ("GET", ["whatsapp_business", "attachments", ..]) => Self::MetaFile,
            ("GET", [_, "debug_token"]) => Self::MetaToken,
            ("GET", [_, account, edge @ ("message_templates" | "subscribed_apps")]) => {
                Self::MetaAccountEdge { account: own(account), edge: own(edge) }
            }
            ("GET", [_, app, "subscriptions"]) => Self::MetaSubscriptions { app: own(app) },
            ("GET", [version, id]) => Self::MetaNode { version: own(version), id: own(id) },
            _ => Self::MetaUnknown,
        }
    }

    fn upstream(&self) -> Upstream {
        match self {
            Self::MetaMessages { .. }
            | Self::MetaNode { .. }
            | Self::MetaToken
            | Self::MetaAccountEdge { .. }
            | Self::MetaSubscriptions { .. }
            | Self::MetaFile
            | Self::MetaUnknown => Upstream::Meta,
            Self::TwilioCreate { .. }
            | Self::TwilioFetch { .. }
            | Self::TwilioAccount { .. }
            | Self::TwilioSenders
            | Self::TwilioContent { .. }
            | Self::TwilioTyping
            | Self::TwilioMedia { .. }
            | Self::TwilioStorage { .. }
            | Self::TwilioUnknown => Upstream::Twilio,
            Self::StripeCreate
            | Self::StripeRetrieve { .. }
            | Self::StripeList
            | Self::StripeRefund
            | Self::StripeRefunds
            | Self::StripeDestinations
            | Self::StripeUnknown => Upstream::Stripe,
            Self::Completions | Self::Transcriptions | Self::Models | Self::ModelUnknown => Upstream::Model,
        }
    }

    fn kind(&self, call: &Call) -> RequestKind {
        match self {
            Self::MetaMessages { .. } => {
                let body: Option<serde_json::Value> = serde_json::from_slice(&call.body).ok();
                let marks = body.is_some_and(|body| body.get("status").is_some());
                if marks { RequestKind::Typing } else { RequestKind::Send }
            }
            Self::TwilioCreate { .. } => RequestKind::Send,
            Self::TwilioTyping => RequestKind::Typing,
            Self::Completions => RequestKind::Completion,
            Self::Transcriptions => RequestKind::Transcription,
            Self::StripeCreate => RequestKind::Checkout,
            Self::StripeRefund => RequestKind::Refund,
            Self::MetaNode { .. }
            | Self::MetaToken
            | Self::MetaAccountEdge { .. }
            | Self::MetaSubscriptions { .. }
            | Self::MetaFile
            | Self::TwilioMedia { .. }
            | Self::TwilioStorage { .. }
            | Self::TwilioSenders
            | Self::TwilioContent { .. }
            | Self::StripeList
            | Self::StripeRefunds
            | Self::StripeDestinations
            | Self::TwilioFetch { .. }
            | Self::TwilioAccount { .. }
            | Self::StripeRetrieve { .. }
            | Self::Models => RequestKind::Lookup,
            Self::MetaUnknown | Self::TwilioUnknown | Self::StripeUnknown | Self::ModelUnknown => {
                RequestKind::Unknown
            }
        }
    }

    async fn answer(&self, world: &Arc<World>, call: &Call, plan: &Plan) -> Reply {
        match self {
            Self::MetaMessages { version, number_id } => {
                meta::messages(world, call, version, number_id, plan)
            }
            Self::MetaNode { version, id } => meta::node(world, call, version, id),
            Self::MetaToken => setup::debug_token(world, call),
            Self::MetaAccountEdge { account, edge } => setup::account_edge(world, call, account, edge),
            Self::MetaSubscriptions { app } => setup::subscriptions(world, call, app),
            Self::MetaFile => meta::file(world, call),
            Self::MetaUnknown => meta::unknown(),
            Self::TwilioMedia { account, id } => twilio::media(world, call, account, id),
            Self::TwilioStorage { id } => twilio::stored(world, call, id),
            Self::TwilioCreate { account } => twilio::create(world, call, account, plan),
            Self::TwilioFetch { account, id } => twilio::fetch(world, call, account, id),
            Self::TwilioAccount { account } => twilio::account(world, call, account),
            Self::TwilioSenders => setup::senders(world, call),
            Self::TwilioContent { id, approval } => setup::content(world, call, id, *approval),
            Self::TwilioTyping => twilio::typing(world, call),
            Self::TwilioUnknown => twilio_error(20_404),
            Self::StripeCreate => stripe::create(world, call),
            Self::StripeRetrieve { id } => stripe::retrieve(world, call, id),
            Self::StripeList => setup::sessions(world, call),
            Self::StripeRefund => {
                let (reply, events) = stripe_refunds::create(world, call);
                stripe_pages::follow(world, events);
                reply
            }
            Self::StripeRefunds => stripe_refunds::list(world, call),
            Self::StripeDestinations => setup::destinations(world, call),
            Self::StripeUnknown => stripe::unknown(),
            Self::Completions => model::complete(world, call).await,
            Self::Transcriptions => transcribe::transcribe(world, call),
            Self::Models => model::list(world, call),
            Self::ModelUnknown => model_error(404, "invalid_request_error", None, None, "Invalid URL"),
        }
    }
}

/// Returns the router of all fakes.
pub(crate) fn router(world: Arc<World>) -> Router {
    Router::new().fallback(serve).with_state(world)
}

async fn serve(
    State(world): State<Arc<World>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let call = Call {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: body.to_vec(),
    };
    if call.path == "/phone" || call.path.starts_with("/phone/") {
        return phone::answer(&world, &call).await.into_response();
    }
    if call.path.starts_with(phone::CHAT_LINK_PATH) {
        return phone::open_chat(&world, &call).into_response();
    }
    if stripe_pages::owns(&call.path) {
        return stripe_pages::answer(&world, &call).into_response();
    }
    upstream(&world, &scissors, &call).await
}

/// Handles a request, and plays the fault for this call, if any, around the response.
async fn upstream(world: &Arc<World>, scissors: &Scissors, call: &Call) -> Response {
    let route = Route::of(call);
    let kind = route.kind(call);
    let main_call = matches!(
        kind,
        RequestKind::Send
            | RequestKind::Completion
            | RequestKind::Transcription
            | RequestKind::Checkout
            | RequestKind::Refund
    );
    let fault = world.faults.take(route.upstream(), main_call, &call.searchable());
    let seq = world.journal.open(entry(world, &route, kind, call, fault.as_ref()));
    if let Some(fault) = &fault
        && let Some(response) = instead(world, scissors, route.upstream(), seq, fault).await
    {
        return response;
    }
    let plan = Plan::of(fault.as_ref());
    let reply = route.answer(world, call, &plan).await;
    world.journal.close(seq, Some(&reply));
    if let Some(id) = reply.accepted.clone() {
        statuses::follow(world, id, &plan);
    }
    match fault {
        Some(FaultKind::AcceptThenReset) => cut(scissors),
        Some(FaultKind::AcceptThenTornBody) => reply.into_torn_response(),
        Some(FaultKind::AcceptThenHang | FaultKind::AcceptThenNoAnswerNoStatus) => {
            tokio::time::sleep(HANG).await;
            cut(scissors)
        }
        Some(FaultKind::SlowBody { pause_ms }) => reply.into_slow_response(Duration::from_millis(pause_ms)),
        _ => reply.into_response(),
    }
}

/// Returns the response of a fault that keeps the request from being handled.
async fn instead(
    world: &World,
    scissors: &Scissors,
    upstream: Upstream,
    seq: u64,
    fault: &FaultKind,
) -> Option<Response> {
    let reply = match fault {
        FaultKind::Delay(ms) => {
            tokio::time::sleep(Duration::from_millis(*ms)).await;
            return None;
        }
        FaultKind::ResetBeforeAcceptance => {
            world.journal.close(seq, None);
            return Some(cut(scissors));
        }
        FaultKind::Hang => {
            world.journal.close(seq, None);
            tokio::time::sleep(HANG).await;
            return Some(cut(scissors));
        }
        FaultKind::TornBody => {
            world.journal.close(seq, None);
            return Some(meta::lookalike(upstream).into_torn_response());
        }
        FaultKind::Status { code, body, headers } => {
            let typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
            let mut reply = Reply::new(*code, "application/json", body.as_str());
            if typed {
                reply.headers.clear();
            }
            reply.headers.extend(headers.iter().cloned());
            reply
        }
        FaultKind::ProviderError { code } => provider_error(upstream, *code),
        FaultKind::RetryAfter { seconds } => {
            let mut reply = match upstream {
                Upstream::Meta => meta_error(130_429, "Cloud API message throughput has been reached."),
                Upstream::Twilio => twilio_error(20_429),
                Upstream::Model => model_error_of_status(429),
                Upstream::Stripe => stripe::error_of_status(429),
            };
            reply.status = 429;
            reply.with_header("retry-after", &seconds.to_string())
        }
        FaultKind::Html200 => {
            let page = "<!doctype html><title>Welcome</title><h1>Please sign in to the network</h1>";
            Reply::new(200, "text/html; charset=utf-8", page)
        }
        FaultKind::SlowBody { .. }
        | FaultKind::AcceptThenReset
        | FaultKind::AcceptThenTornBody
        | FaultKind::AcceptThenHang
        | FaultKind::AcceptThenNoAnswerNoStatus
        | FaultKind::FailedStatus { .. }
        | FaultKind::DuplicateStatus
        | FaultKind::ReorderedStatuses
        | FaultKind::NoStatus => return None,
    };
    world.journal.close(seq, Some(&reply));
    Some(reply.into_response())
}

fn provider_error(upstream: Upstream, code: i64) -> Reply {
    match upstream {
        Upstream::Meta => meta_error(code, ""),
        Upstream::Twilio => twilio_error(code),
        Upstream::Model => model_error_of_status(code),
        Upstream::Stripe => stripe::error_of_status(u16::try_from(code).unwrap_or(400)),
    }
}

/// Resets the connection. The response only satisfies the types; the socket no longer carries it.
fn cut(scissors: &Scissors) -> Response {
    scissors.cut();
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}

fn entry(
    world: &World,
    route: &Route,
    kind: RequestKind,
    call: &Call,
    fault: Option<&FaultKind>,
) -> JournalEntry {
    let upstream = route.upstream();
    let authorized = match upstream {
        // The storage wants none, and must not see any.
        _ if matches!(route, Route::TwilioStorage { .. }) => call.header("authorization").is_none(),
        Upstream::Meta => meta::authorized(world, call),
        Upstream::Twilio => twilio::authorized(world, call),
        Upstream::Model => model::authorized(world, call),
        Upstream::Stripe => stripe::authorized(world, call),
    };
    let headers = call.headers.iter().map(|(name, value)| {
        let value = if name == "authorization" { "(redacted)" } else { value };
        (name.clone(), value.to_owned())
    });
    JournalEntry {
        seq: 0,
        at_ms: world.clock.now_ms(),
        upstream,
        kind,
        method: call.method.clone(),
        path: if call.query.is_empty() { call.path.clone() } else { format!("{}?{}", call.path, call.query) },
        headers: headers.collect(),
        authorized,
        body: call.body.clone(),
        outcome: Outcome::Pending,
        fault: fault.map(FaultKind::name),
    }
}
