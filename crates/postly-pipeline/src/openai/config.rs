//! The model server to ask, and the model to ask it for.

use std::time::Duration;

use secrecy::SecretString;

use super::Dialect;

/// The model that is asked for when the operator names none, on OpenAI's own host only.
pub const DEFAULT_MODEL: &str = "gpt-6-luna";

/// How patient we are with the server.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// To open a connection.
    pub connect: Duration,
    /// For one attempt, answer included.
    pub attempt: Duration,
    /// The wait before the first retry; it doubles before the next, and varies by half.
    pub backoff: Duration,
    /// The longest wait that we let a server ask of us.
    pub longest_wait: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            attempt: Duration::from_secs(12),
            backoff: Duration::from_millis(500),
            longest_wait: Duration::from_secs(5),
        }
    }
}

/// The effort with which a model thinks before it answers, in the words of `reasoning_effort` (openai-openapi f85dbe2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasoningEffort {
    /// Not at all.
    None,
    /// Hardly.
    Minimal,
    /// A little.
    Low,
    /// As most models do by default.
    Medium,
    /// Long.
    High,
    /// Longer.
    Xhigh,
    /// As long as it can.
    Max,
}

impl ReasoningEffort {
    /// Every effort.
    pub const ALL: [Self; 7] =
        [Self::None, Self::Minimal, Self::Low, Self::Medium, Self::High, Self::Xhigh, Self::Max];

    /// The word in a request and in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
        }
    }
}

/// Where the server is and what to ask it for.
#[derive(Debug, Clone)]
pub struct OpenAiConfig {
    /// The key; a server of one's own may need none.
    pub api_key: Option<SecretString>,
    /// The address up to and including the version, as in `https://api.openai.com/v1`.
    pub base_url: String,
    /// The name of the model.
    pub model: String,
    /// The effort with which the model may think; by its family when the operator says nothing.
    pub reasoning_effort: Option<ReasoningEffort>,
    /// The fields that are sent until the server refuses one.
    pub dialect: Dialect,
    /// True if the model is shown the photos of authors (`OPENAI_VISION`).
    pub vision: bool,
}

impl OpenAiConfig {
    /// This model at this address, with everything else as its host and its family need it.
    pub fn new(api_key: Option<SecretString>, base_url: &str, model: &str) -> Self {
        Self {
            api_key,
            base_url: base_url.to_owned(),
            model: model.to_owned(),
            reasoning_effort: None,
            dialect: Dialect::of(base_url),
            vision: is_openai_host(base_url),
        }
    }
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum OpenAiConfigError {
    /// The base URL is not one of HTTP.
    #[error("the base URL of the model server is not an http(s) URL")]
    BaseUrl,
    /// The HTTP client cannot be built.
    #[error("the HTTP client of the model server cannot be built")]
    Client(#[source] reqwest::Error),
}

/// True if a base URL is OpenAI's own, one of its regions included. [`DEFAULT_MODEL`] exists there only.
pub fn is_openai_host(base_url: &str) -> bool {
    let url: Option<reqwest::Url> = base_url.parse().ok();
    let host = url.as_ref().and_then(reqwest::Url::host_str).unwrap_or_default();
    host == "api.openai.com" || host.ends_with(".api.openai.com")
}
