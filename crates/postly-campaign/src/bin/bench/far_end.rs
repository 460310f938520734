//! The servers that the service calls: Meta's Graph API and a model, with as little work as possible. The
//! simulator keeps a journal of all requests and checks them; on a machine with two cores, the bench would
//! measure that instead of the service.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::json;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
};

use crate::{
    ledger::Ledger,
    letter::{BRIEF, Letter},
    wire::{Reader, Received},
};

/// The delay of the model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    Instant,
    Fixed(Duration),
    /// Log-normal with this mean: half of the calls take at most about 84 % of it, and one in a hundred more
    /// than three times it.
    LogNormal(Duration),
}

impl std::fmt::Display for Pace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Instant => f.write_str("instant"),
            Self::Fixed(time) => write!(f, "{time:?}"),
            Self::LogNormal(mean) => write!(f, "log-normal, mean {mean:?}"),
        }
    }
}

/// The standard deviation of the logarithm of the delay.
const SIGMA: f64 = 0.6;
/// The upper limit of a call, because the service gives one attempt 12 s.
const LONGEST: Duration = Duration::from_secs(10);

/// The far end, shared by its connections and the scenarios.
#[derive(Clone)]
pub(crate) struct FarEnd(Arc<Shared>);

struct Shared {
    address: SocketAddr,
    ledger: Ledger,
    pace: Mutex<Pace>,
    dice: Mutex<u64>,
    /// The number of model calls in flight.
    thinking: AtomicUsize,
    /// The duration of the last model call.
    last_thought: Mutex<Duration>,
    model_calls: AtomicU32,
    sends: AtomicU32,
    /// The number of unexpected requests.
    strange: AtomicU32,
    completion: String,
}

/// The fields of a call to `/messages` that are read.
#[derive(Deserialize)]
struct Outgoing<'a> {
    /// `read` if the call shows the typing indicator.
    status: Option<&'a str>,
    to: Option<&'a str>,
    context: Option<Context<'a>>,
}

#[derive(Deserialize)]
struct Context<'a> {
    message_id: &'a str,
}

impl FarEnd {
    /// Listens on a free port, in a thread of its own, which ends with the process.
    pub(crate) fn start(ledger: Ledger) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let shared = Arc::new(Shared {
            address: listener.local_addr()?,
            ledger,
            pace: Mutex::new(Pace::Instant),
            dice: Mutex::new(0x9E37_79B9_7F4A_7C15),
            thinking: AtomicUsize::new(0),
            last_thought: Mutex::new(Duration::ZERO),
            model_calls: AtomicU32::new(0),
            sends: AtomicU32::new(0),
            strange: AtomicU32::new(0),
            completion: completion(),
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let served = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("far-end".to_owned())
            .spawn(move || runtime.block_on(serve(listener, served)))
            .context("cannot start the far end")?;
        Ok(Self(shared))
    }

    /// The address, as the base URL of the Graph API.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.0.address)
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }

    /// Sets the delay of the model from now on.
    pub(crate) fn set_pace(&self, pace: Pace) {
        *self.0.pace.lock().unwrap_or_else(PoisonError::into_inner) = pace;
    }

    /// Returns the number of model calls in flight.
    pub(crate) fn thinking(&self) -> usize {
        self.0.thinking.load(Ordering::Relaxed)
    }

    /// Returns the duration of the last model call.
    pub(crate) fn last_thought(&self) -> Duration {
        *self.0.last_thought.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns and resets the numbers of model calls, sends and unexpected requests.
    pub(crate) fn take_counts(&self) -> (u32, u32, u32) {
        let take = |count: &AtomicU32| count.swap(0, Ordering::Relaxed);
        (take(&self.0.model_calls), take(&self.0.sends), take(&self.0.strange))
    }
}

async fn serve(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, Arc::clone(&shared)));
    }
}

/// Serves one connection until the service closes it.
async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let (from, mut to) = stream.into_split();
    let mut reader = Reader::new(from);
    while let Ok(Some(request)) = reader.next().await {
        if to.write_all(&shared.answer(&request).await).await.is_err() {
            return;
        }
    }
}

impl Shared {
    async fn answer(&self, request: &Received) -> Vec<u8> {
        let path = request.second_word();
        if path.ends_with("/messages") {
            response("200 OK", &self.message(&request.body))
        } else if path.ends_with("/chat/completions") {
            self.think().await;
            response("200 OK", &self.completion)
        } else {
            self.strange.fetch_add(1, Ordering::Relaxed);
            response("404 Not Found", "{}")
        }
    }

    fn message(&self, body: &[u8]) -> String {
        let Ok(outgoing) = serde_json::from_slice::<Outgoing<'_>>(body) else {
            self.strange.fetch_add(1, Ordering::Relaxed);
            return "{}".to_owned();
        };
        if outgoing.status == Some("read") {
            return r#"{"success":true}"#.to_owned();
        }
        let number = self.sends.fetch_add(1, Ordering::Relaxed);
        match outgoing.context.and_then(|context| Letter::of_id(context.message_id)) {
            Some(letter) => self.ledger.replied(letter),
            None => drop(self.strange.fetch_add(1, Ordering::Relaxed)),
        }
        let to = outgoing.to.unwrap_or_default();
        // The count is reset now and then, so the id needs another unique part.
        let unique = self.roll();
        json!({
            "messaging_product": "whatsapp",
            "contacts": [{"input": to, "wa_id": to.trim_start_matches('+')}],
            "messages": [{"id": format!("wamid.far.{number}.{unique:x}")}],
        })
        .to_string()
    }

    async fn think(&self) {
        self.model_calls.fetch_add(1, Ordering::Relaxed);
        let started = Instant::now();
        let pace = *self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        self.thinking.fetch_add(1, Ordering::Relaxed);
        match pace {
            Pace::Instant => {}
            Pace::Fixed(time) => tokio::time::sleep(time).await,
            Pace::LogNormal(mean) => tokio::time::sleep(self.log_normal(mean)).await,
        }
        self.thinking.fetch_sub(1, Ordering::Relaxed);
        *self.last_thought.lock().unwrap_or_else(PoisonError::into_inner) = started.elapsed();
    }

    /// Returns the next number of a fixed sequence (xorshift64). It only makes runs alike.
    fn roll(&self) -> u64 {
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        *dice ^= *dice << 13;
        *dice ^= *dice >> 7;
        *dice ^= *dice << 17;
        *dice
    }

    fn log_normal(&self, mean: Duration) -> Duration {
        // Box and Muller: two uniform numbers in (0, 1] make a normal one.
        let even = |roll: u64| {
            (f64::from(u32::try_from(roll >> 32).unwrap_or(u32::MAX)) + 1.0) / (f64::from(u32::MAX) + 1.0)
        };
        let (one, other) = (even(self.roll()), even(self.roll()));
        let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos();
        mean.mul_f64((SIGMA * normal - SIGMA * SIGMA / 2.0).exp()).min(LONGEST)
    }
}

fn response(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// Returns three posts for [`BRIEF`] that the service's guard accepts.
fn completion() -> String {
    let subject = BRIEF.split_once(", ").map_or(BRIEF, |(_, subject)| subject);
    let texts = [
        format!(
            "Envie de vous faire plaisir près de chez vous ? {subject}. Notre équipe prépare tout avec soin, poussez \
             la porte quand vous passez dans le quartier !"
        ),
        format!(
            "Derrière le comptoir, ça sent déjà bon le travail bien fait. Au programme : {subject}. Venez en \
             famille, racontez-nous vos goûts, on adore échanger avec chacun."
        ),
        format!(
            "La bonne nouvelle du moment tient en une phrase. {subject}. Et vous, qui allez-vous inviter ? \
             Identifiez cette personne en commentaire, elle appréciera sûrement."
        ),
    ];
    let variants: Vec<_> = texts
        .iter()
        .zip(["benefit", "story", "question"])
        .map(|(text, angle)| json!({"text": text, "angle": angle}))
        .collect();
    let content = json!({
        "kind": "post", "platform": "instagram", "industry": "commerce", "objective": "promotion", "tone": "warm",
        "language": "fr", "variants": variants,
    });
    json!({
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "gpt-6-luna",
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": content.to_string(), "refusal": null, "annotations": []},
            "logprobs": null,
            "finish_reason": "stop",
        }],
        "usage": {
            "prompt_tokens": 700,
            "completion_tokens": 200,
            "total_tokens": 900,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
        "service_tier": "default",
        "system_fingerprint": "fp_bench",
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use postly_domain::{Brief, Language};
    use postly_pipeline::{
        WriteRequest, Writer,
        openai::{OpenAiConfig, OpenAiModel},
    };

    use super::*;

    #[tokio::test]
    async fn the_writer_takes_what_the_far_end_writes_at_once() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let far_end = FarEnd::start(Ledger::with_room(0)).unwrap();
        let model =
            OpenAiModel::new(OpenAiConfig::new(None, &format!("{}/v1", far_end.base_url()), "gpt-6-luna"));
        let written = Writer::new(Arc::new(model.unwrap()))
            .write(&WriteRequest {
                brief: Brief::parse(BRIEF).unwrap(),
                is_explicit: false,
                language_hint: Language::Fr,
                language_hint_is_known: false,
                language_forced: None,
                platform: None,
                tone: None,
                brand: postly_domain::brand::Brand::default(),
                region: None,
                user_ref: String::new(),
                seed: 0,
                revision: None,
                picture: None,
            })
            .await
            .unwrap();
        assert_eq!((written.variants.len(), written.calls.len()), (3, 1));
        assert_eq!(far_end.take_counts(), (1, 0, 0));
    }

    #[test]
    fn the_log_normal_pace_has_its_mean() {
        let far_end = FarEnd::start(Ledger::with_room(0)).unwrap();
        let mean = Duration::from_millis(1_200);
        let times: Vec<Duration> = (0..20_000).map(|_| far_end.0.log_normal(mean)).collect();
        let found = times.iter().sum::<Duration>() / 20_000;
        assert!(found.abs_diff(mean) < Duration::from_millis(40), "{found:?}");
        assert!(times.iter().filter(|time| **time > 2 * mean).count() > 500);
    }
}
