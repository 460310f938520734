//! The configuration of a model server and its model.

use std::time::Duration;

use secrecy::SecretString;

use super::Dialect;

/// The model if the operator names none, on OpenAI's own host only.
pub const DEFAULT_MODEL: &str = "gpt-6-luna";

/// The time limits for calls of the server.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// For opening a connection.
    pub connect: Duration,
    /// For one attempt, reading of the answer included.
    pub attempt: Duration,
    /// The wait before the first retry; it doubles before the next, and varies by half.
    pub backoff: Duration,
    /// The longest wait requested by a server that we accept.
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

/// A model's reasoning effort, in the words of `reasoning_effort` (openai-openapi f85dbe2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasoningEffort {
    /// No reasoning.
    None,
    /// Minimal reasoning.
    Minimal,
    /// Little reasoning.
    Low,
    /// The default of most models.
    Medium,
    /// Long reasoning.
    High,
    /// Longer reasoning.
    Xhigh,
    /// The longest reasoning.
    Max,
}

impl ReasoningEffort {
    /// All efforts.
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

/// The address of the server, and the model to use.
#[derive(Debug, Clone)]
pub struct OpenAiConfig {
    /// The API key; a self-hosted server may need none.
    pub api_key: Option<SecretString>,
    /// The base URL up to and including the version, as in `https://api.openai.com/v1`.
    pub base_url: String,
    /// The name of the model.
    pub model: String,
    /// The reasoning effort; if `None`, the default of the model's family.
    pub reasoning_effort: Option<ReasoningEffort>,
    /// The fields that are sent until the server refuses one.
    pub dialect: Dialect,
    /// True if the model is shown the photos of authors (`OPENAI_VISION`).
    pub vision: bool,
}

impl OpenAiConfig {
    /// Returns the configuration for this model at this address, with defaults by host and family.
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

/// The reason why a client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum OpenAiConfigError {
    /// The base URL is not an HTTP URL.
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
