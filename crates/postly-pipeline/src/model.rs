//! What a writer asks of a model, and what it gets back.

use std::time::Duration;

use futures_util::future::BoxFuture;
use postly_domain::{
    Brief, Language,
    media::MediaFile,
    post::{BriefKind, Platform, Variant},
};
use tokio::time::Instant;

use crate::{Defect, Revision, prompt::Messages};

/// What to write.
#[derive(Debug, Clone)]
pub struct WriteRequest {
    /// What the author asked for, in her words.
    pub brief: Brief,
    /// True if the author asked for posts by name (`GEN`): then no model may take the brief for anything else.
    pub is_explicit: bool,
    /// The author's language: the offline writer takes a brief too short to tell to be in it.
    pub language_hint: Language,
    /// Whether the author's language is known, by choice or by an earlier message, and not a default.
    pub language_hint_is_known: bool,
    /// The language she chose for these very posts, whatever the brief is in.
    pub language_forced: Option<Language>,
    /// Where the posts will be published, if she chose; else the brief may say.
    pub platform: Option<Platform>,
    /// The tone the author chose, in a few words; else the brief may say.
    pub tone: Option<String>,
    /// The region of the author's number, else the operator's, as two letters of ISO 3166: which law holds for the posts.
    pub region: Option<String>,
    /// An opaque hash of the author, so that a provider can tell abusers apart without knowing anyone.
    pub user_ref: String,
    /// Varies the offline writer, which is otherwise deterministic.
    pub seed: u64,
    /// The result that is to change, when the request is for a change of one. The brief is then the amended one.
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

/// A model: something that drafts three posts.
///
/// A second provider is a `Model` that holds two: [`FallbackModel`](crate::FallbackModel).
pub trait Model: Send + Sync {
    /// The name for records and for the author's data export.
    fn name(&self) -> &str;

    /// Whether posts of this model must be labelled as written by an AI.
    fn is_ai(&self) -> bool;

    /// True if it can be shown a picture.
    fn sees(&self) -> bool {
        false
    }

    /// Drafts three posts, or mends a draft when the request holds one.
    ///
    /// It must end by [`DraftRequest::deadline`].
    fn draft<'a>(&'a self, request: &'a DraftRequest) -> BoxFuture<'a, Result<Draft, ModelError>>;
}

/// One question to a model.
#[derive(Debug, Clone)]
pub struct DraftRequest {
    /// What the author asked for.
    pub ask: WriteRequest,
    /// The language to write in, or the best guess at it.
    pub language: Language,
    /// Whether the language is known. If not, the model decides, and what it decides stands.
    pub language_is_known: bool,
    /// Where the posts will be published, when the author or the brief says so.
    pub platform: Option<Platform>,
    /// The prompt, rendered.
    pub messages: Messages,
    /// Which prompt this is.
    pub prompt_version: &'static str,
    /// What was wrong with the draft before, when this is the repair.
    pub repair: Option<Repair>,
    /// When the answer must be there.
    pub deadline: Instant,
}

impl DraftRequest {
    /// How long the model may still take.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Whether this is the first draft or the repair.
    pub fn stage(&self) -> Stage {
        if self.repair.is_some() { Stage::Repair } else { Stage::Draft }
    }
}

/// A draft that was not good enough.
#[derive(Debug, Clone)]
pub struct Repair {
    /// Who wrote it: the name of a model.
    pub drafted_by: String,
    /// What is wrong with it.
    pub defects: Vec<Defect>,
}

/// A model's answer.
pub struct Draft {
    /// What it wrote.
    pub answer: Answer,
    /// Who wrote it: the name of a model.
    pub writer: String,
    /// The calls it took.
    pub calls: Vec<CallRecord>,
}

/// What a model wrote.
pub enum Answer {
    /// Text that should be the JSON object of the prompt: servers do not always enforce it, so the writer reads it.
    Text(String),
    /// The same, already read.
    Body(DraftBody),
}

/// The object that the prompt asks for.
#[derive(Clone)]
pub struct DraftBody {
    /// Whether the brief is a request for posts at all.
    pub kind: BriefKind,
    /// Where the posts will be published.
    pub platform: Platform,
    /// The author's trade.
    pub industry: String,
    /// What the posts are for.
    pub objective: String,
    /// How they sound.
    pub tone: String,
    /// The language they are in, when the model names one of ours.
    pub language: Option<Language>,
    /// The posts.
    pub variants: Vec<Variant>,
    /// A description of the picture for people who do not see it, if there is a picture.
    pub alt_text: Option<String>,
}

/// Why a model gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ModelFailure {
    /// The model declined to write about this.
    #[error("the model refused")]
    Refused,
    /// The provider's content filter stopped the answer.
    #[error("the provider filtered the answer")]
    Filtered,
    /// The answer did not fit, twice.
    #[error("the answer was cut off")]
    Truncated,
    /// Our account at the provider is empty: somebody has to pay before this works again.
    #[error("the quota at the provider is used up")]
    Quota,
    /// The provider asks us to slow down for longer than we can wait.
    #[error("the provider limits our rate")]
    RateLimited,
    /// The provider turned the request down: a wrong key, model or parameter. An operator has to look.
    #[error("the provider turned the request down with status {status}")]
    Rejected {
        /// The HTTP status.
        status: u16,
    },
    /// The provider could not be reached, or kept failing.
    #[error("the provider is unavailable")]
    Unavailable,
    /// The time ran out.
    #[error("the time for writing ran out")]
    DeadlineExceeded,
    /// The brief is a picture alone, and the model cannot be shown it.
    #[error("the model cannot see the picture")]
    NoVision,
    /// The built-in writer found more facts than fit three different posts of the network.
    #[error("the brief has more facts than fit the posts")]
    TooManyFacts,
    /// The built-in writer was asked for posts in another language than the brief.
    #[error("the brief would have to be translated")]
    NoTranslation,
}

/// A failure, and the calls it took: they were paid for all the same.
#[derive(Debug)]
pub struct ModelError {
    /// Why there is no answer.
    pub failure: ModelFailure,
    /// The calls it took.
    pub calls: Vec<CallRecord>,
}

/// Which question a call belongs to.
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

/// One call to a model, for the books: nothing of what was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// The model asked.
    pub model: String,
    /// The question.
    pub stage: Stage,
    /// How it ended: `ok`, `refused`, `timeout`, `server_error` …
    pub outcome: &'static str,
    /// Tokens read, when the server counts them.
    pub prompt_tokens: Option<i64>,
    /// Tokens written, when the server counts them.
    pub completion_tokens: Option<i64>,
    /// The price in millionths of a US dollar, when the model's price is known.
    pub price_microunits: Option<i64>,
    /// How long it took, in milliseconds.
    pub latency_ms: i64,
    /// The provider's name for the call.
    pub request_id: Option<String>,
    /// The prompt it was asked with.
    pub prompt_version: &'static str,
}
