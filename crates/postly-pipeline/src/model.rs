//! The request of a writer to a model, and the answer.

use std::time::Duration;

use futures_util::future::BoxFuture;
use postly_domain::{
    Brief, Language,
    brand::Brand,
    media::MediaFile,
    post::{BriefKind, Platform, Variant},
};
use tokio::time::Instant;

use crate::{Defect, Revision, prompt::Messages};

/// A request for posts.
#[derive(Debug, Clone)]
pub struct WriteRequest {
    /// The author's text.
    pub brief: Brief,
    /// True if the author asked for posts by name (`GEN`): no model may then treat the brief as anything
    /// else.
    pub is_explicit: bool,
    /// The author's language. The offline writer assumes it for a brief too short to detect.
    pub language_hint: Language,
    /// True if the author's language is known, by choice or by an earlier message, and not a default.
    pub language_hint_is_known: bool,
    /// The language that the author chose for these posts, whatever the language of the brief.
    pub language_forced: Option<Language>,
    /// The platform that the author chose; if `None`, the brief may name one.
    pub platform: Option<Platform>,
    /// The tone that the author chose, in a few words; if `None`, the brief may name one.
    pub tone: Option<String>,
    /// The rules and facts that hold for every brief of the author.
    pub brand: Brand,
    /// The region of the author's number, else the operator's, as two letters of ISO 3166. Its law applies to
    /// the posts.
    pub region: Option<String>,
    /// An opaque hash of the author, so that a provider can tell abusers apart without identifying anyone.
    pub user_ref: String,
    /// The seed of the offline writer, which is otherwise deterministic.
    pub seed: u64,
    /// The result to change, if the request changes one. The brief is then the amended one.
    pub revision: Option<Revision>,
    /// The photo that came with the brief.
    pub picture: Option<Picture>,
}

/// A photo that comes with a brief. A model that sees describes it; facts still come from the brief alone.
#[derive(Debug, Clone)]
pub struct Picture {
    /// The file.
    pub file: MediaFile,
    /// True if the author wrote nothing: then there are no posts without seeing it.
    pub is_alone: bool,
}

/// A model that drafts three posts.
///
/// A second provider is a `Model` that holds two: [`FallbackModel`](crate::FallbackModel).
pub trait Model: Send + Sync {
    /// The name for records and for the author's data export.
    fn name(&self) -> &str;

    /// True if posts of this model must be labelled as written by an AI.
    fn is_ai(&self) -> bool;

    /// True if it can be shown a picture.
    fn sees(&self) -> bool {
        false
    }

    /// Drafts three posts, or repairs a draft if the request holds one.
    ///
    /// It must end by [`DraftRequest::deadline`].
    fn draft<'a>(&'a self, request: &'a DraftRequest) -> BoxFuture<'a, Result<Draft, ModelError>>;
}

/// One request to a model.
#[derive(Debug, Clone)]
pub struct DraftRequest {
    /// The request for posts.
    pub ask: WriteRequest,
    /// The language of the posts, or the best guess.
    pub language: Language,
    /// True if the language is known. If false, the model chooses the language, and its choice is final.
    pub language_is_known: bool,
    /// The platform, if the author or the brief names one.
    pub platform: Option<Platform>,
    /// The rendered prompt.
    pub messages: Messages,
    /// The version of the prompt.
    pub prompt_version: &'static str,
    /// The rejected draft, if this request is the repair.
    pub repair: Option<Repair>,
    /// The time by which the answer must be complete.
    pub deadline: Instant,
}

impl DraftRequest {
    /// Returns the time that is left before the deadline.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Returns the stage: draft or repair.
    pub fn stage(&self) -> Stage {
        if self.repair.is_some() { Stage::Repair } else { Stage::Draft }
    }
}

/// A rejected draft.
#[derive(Debug, Clone)]
pub struct Repair {
    /// The name of the model that wrote it.
    pub drafted_by: String,
    /// Its defects.
    pub defects: Vec<Defect>,
}

/// A model's answer.
pub struct Draft {
    /// The posts, as text or already read.
    pub answer: Answer,
    /// The name of the model that wrote it.
    pub writer: String,
    /// The calls made for it.
    pub calls: Vec<CallRecord>,
}

/// The content of a model's answer.
pub enum Answer {
    /// Text that should be the JSON object of the prompt. Servers do not always enforce it, so the writer
    /// parses it.
    Text(String),
    /// The same, already parsed.
    Body(DraftBody),
}

/// The object that the prompt asks for.
#[derive(Clone)]
pub struct DraftBody {
    /// The kind of the message: a brief, small talk or off topic.
    pub kind: BriefKind,
    /// The platform of the posts.
    pub platform: Platform,
    /// The author's trade.
    pub industry: String,
    /// The objective of the posts.
    pub objective: String,
    /// The tone of the posts.
    pub tone: String,
    /// The language of the posts, if the model names one of ours.
    pub language: Option<Language>,
    /// The posts.
    pub variants: Vec<Variant>,
    /// A description of the picture for people who do not see it, if there is a picture.
    pub alt_text: Option<String>,
}

/// The reason why a model gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ModelFailure {
    /// The model declined to write about this subject.
    #[error("the model refused")]
    Refused,
    /// The provider's content filter stopped the answer.
    #[error("the provider filtered the answer")]
    Filtered,
    /// The answer exceeded the token limit, twice.
    #[error("the answer was cut off")]
    Truncated,
    /// Our account at the provider is empty: it must be paid before this works again.
    #[error("the quota at the provider is used up")]
    Quota,
    /// The provider asks us to wait for longer than the deadline allows.
    #[error("the provider limits our rate")]
    RateLimited,
    /// The provider rejected the request: a wrong key, model or parameter. An operator must act.
    #[error("the provider turned the request down with status {status}")]
    Rejected {
        /// The HTTP status.
        status: u16,
    },
    /// The provider could not be reached, or kept failing.
    #[error("the provider is unavailable")]
    Unavailable,
    /// The deadline passed.
    #[error("the time for writing ran out")]
    DeadlineExceeded,
    /// The brief is a picture alone, and the model cannot be shown it.
    #[error("the model cannot see the picture")]
    NoVision,
    /// The built-in writer found more facts than fit three different posts of the platform.
    #[error("the brief has more facts than fit the posts")]
    TooManyFacts,
    /// The built-in writer was asked for posts in another language than the brief.
    #[error("the brief would have to be translated")]
    NoTranslation,
    /// The built-in writer could not separate the instructions in the brief from its content.
    #[error("the instructions cannot be separated from the content")]
    UnclearInstructions,
}

/// A failure and the calls made before it: those are paid for all the same.
#[derive(Debug)]
pub struct ModelError {
    /// The reason why there is no answer.
    pub failure: ModelFailure,
    /// The calls made.
    pub calls: Vec<CallRecord>,
}

/// The stage of a call: draft or repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The first draft.
    Draft,
    /// The one repair.
    Repair,
    /// The words of a voice note.
    Transcription,
}

impl Stage {
    /// The name in the database and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Repair => "repair",
            Self::Transcription => "transcription",
        }
    }
}

/// One call to a model, for the records, without any of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// The name of the model.
    pub model: String,
    /// The question.
    pub stage: Stage,
    /// The outcome: `ok`, `refused`, `timeout`, `server_error` …
    pub outcome: &'static str,
    /// Tokens read, if the server counts them.
    pub prompt_tokens: Option<i64>,
    /// Tokens written, if the server counts them.
    pub completion_tokens: Option<i64>,
    /// The price in millionths of a US dollar, if the model's price is known.
    pub price_microunits: Option<i64>,
    /// The duration, in milliseconds.
    pub latency_ms: i64,
    /// The provider's id of the call.
    pub request_id: Option<String>,
    /// The version of the prompt.
    pub prompt_version: &'static str,
}
