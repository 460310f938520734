//! From a request to three posts or a typed failure.

use std::{sync::Arc, time::Duration};

use postly_domain::{
    Language,
    post::{BriefKind, Intent, Variant},
};
use tokio::time::Instant;

use crate::{
    Answer, CallRecord, Defect, Draft, DraftBody, DraftRequest, Model, ModelFailure, Note, Repair, Revision,
    WriteRequest, brand,
    evidence::{Evidence, Judgement},
    guard::{self, Guard},
    language::Target,
    missing_space, networks, notes, prompt, validate,
};

/// The time limit for writing, repair and retries included. Authors do not wait for longer.
pub const TIME_LIMIT: Duration = Duration::from_secs(25);

/// The time after the deadline during which the writer still waits for a model that ends by itself, so that
/// its call records arrive.
const GRACE: Duration = Duration::from_millis(250);

/// Three posts and their metadata.
#[derive(Debug, Clone)]
pub struct Written {
    /// The intent that was read from the brief.
    pub intent: Intent,
    /// The posts: exactly [`postly_domain::post::VARIANTS`].
    pub variants: Vec<Variant>,
    /// Every call to a model.
    pub calls: Vec<CallRecord>,
    /// The version of the prompt.
    pub prompt_version: &'static str,
    /// The name of the model that wrote the posts, or `offline`.
    pub writer: String,
    /// True if the posts must be labelled as written by an AI.
    pub is_ai: bool,
    /// Notes for the author about the limits of the networks.
    pub notes: Vec<Note>,
    /// A description of the author's photo for people who do not see it, if the model saw one.
    pub alt_text: Option<String>,
}

/// A failure: no posts, and no charge.
#[derive(Debug, thiserror::Error)]
#[error("no posts were written")]
pub struct WriteFailure {
    /// The reason.
    #[source]
    pub kind: WriteError,
    /// Every call to a model: those are paid for all the same.
    pub calls: Vec<CallRecord>,
}

/// The reason why no posts were written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The brief is small talk. The reply is fixed and free.
    #[error("the brief is small talk")]
    SmallTalk,
    /// The brief asks for something other than posts for the author's business. The reply is fixed and free.
    #[error("the brief is off topic")]
    OffTopic,
    /// The built-in writer cannot make this change of a result. The reply is fixed and free.
    #[error("the change needs a model")]
    Unchangeable,
    /// The model declined to write about this subject.
    #[error("the model refused")]
    Refused,
    /// The provider's content filter stopped the answer.
    #[error("the provider filtered the answer")]
    Filtered,
    /// The answer exceeded the token limit, twice.
    #[error("the answer was cut off")]
    Truncated,
    /// The posts still had these defects after the repair.
    #[error("the posts were not good enough: {0:?}")]
    Invalid(Vec<Defect>),
    /// Our account at the provider is empty.
    #[error("the quota at the provider is used up")]
    Quota,
    /// The provider asks us to wait for longer than the deadline allows.
    #[error("the provider limits our rate")]
    RateLimited,
    /// The provider could not be reached, kept failing, or rejected our request.
    #[error("the provider is unavailable")]
    Unavailable,
    /// [`TIME_LIMIT`] passed.
    #[error("the time for writing ran out")]
    DeadlineExceeded,
    /// The brief is a photo alone, and it could not be seen. A fixed answer, free.
    #[error("the photo could not be seen")]
    NoVision,
    /// The brief has more facts than fit the posts, and none may be left out. Free; the author may shorten
    /// the brief.
    #[error("the brief has more facts than fit the posts")]
    TooManyFacts,
    /// The posts would have to be a translation, which the built-in writer does not make.
    #[error("the brief would have to be translated")]
    NoTranslation,
    /// The instructions in the brief could not be separated from its content, and would be printed. Free; the
    /// author may send the content alone.
    #[error("the instructions cannot be separated from the content")]
    UnclearInstructions,
}

impl From<ModelFailure> for WriteError {
    fn from(failure: ModelFailure) -> Self {
        match failure {
            ModelFailure::Refused => Self::Refused,
            ModelFailure::Filtered => Self::Filtered,
            ModelFailure::Truncated => Self::Truncated,
            ModelFailure::Quota => Self::Quota,
            ModelFailure::RateLimited => Self::RateLimited,
            ModelFailure::Rejected { .. } | ModelFailure::Unavailable => Self::Unavailable,
            ModelFailure::DeadlineExceeded => Self::DeadlineExceeded,
            ModelFailure::NoVision => Self::NoVision,
            ModelFailure::TooManyFacts => Self::TooManyFacts,
            ModelFailure::NoTranslation => Self::NoTranslation,
            ModelFailure::UnclearInstructions => Self::UnclearInstructions,
        }
    }
}

/// Writes posts with a model, and checks the model's output.
#[derive(Clone)]
pub struct Writer {
    model: Arc<dyn Model>,
    time_limit: Duration,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Writer({})", self.model.name())
    }
}

impl Writer {
    /// Returns a writer with this model and the default [`TIME_LIMIT`].
    pub fn new(model: Arc<dyn Model>) -> Self {
        Self { model, time_limit: TIME_LIMIT }
    }

    /// Sets another time limit.
    #[must_use]
    pub fn with_time_limit(mut self, time_limit: Duration) -> Self {
        self.time_limit = time_limit;
        self
    }

    /// The name of the model, or `offline`.
    pub fn name(&self) -> &str {
        self.model.name()
    }

    /// True if the posts must be labelled as written by an AI.
    pub fn is_ai(&self) -> bool {
        self.model.is_ai()
    }

    /// True if a photo without a word can be written about.
    pub fn sees(&self) -> bool {
        self.model.sees()
    }

    /// Writes three posts.
    ///
    /// # Errors
    /// Fails if the brief asks for no posts, or if no good posts were written in time. Nothing is charged
    /// then.
    #[tracing::instrument(name = "pipeline.write", skip_all, fields(writer = self.model.name()))]
    pub async fn write(&self, ask: &WriteRequest) -> Result<Written, WriteFailure> {
        let mut calls = Vec::new();
        if let Some(revision) = &ask.revision {
            let is_ai = self.model.is_ai();
            if let Some(mut variants) = revision.edited(ask.brief.as_str(), is_ai) {
                for variant in &mut variants {
                    guard::add_legal_line(ask.brief.as_str(), ask.region.as_deref(), &mut variant.text);
                    brand::finish(&ask.brand, &mut variant.text);
                }
                // A word may have been banned after the posts were written.
                if brand::check(&ask.brand, &variants).is_empty() {
                    return Ok(self.edited(revision, variants));
                }
            }
            if !is_ai && revision.needs_a_model() {
                return Err(WriteFailure { kind: WriteError::Unchangeable, calls });
            }
        }
        match self.run(ask, &mut calls).await {
            Ok(Good { intent, variants, alt_text, writer }) => Ok(Written {
                alt_text,
                notes: notes::of(ask, intent.platform),
                // A change of one post into another language leaves the language of the result unchanged.
                intent: match ask.revision.as_ref().filter(|revision| revision.change.variant.is_some()) {
                    Some(revision) => Intent { language: revision.language, ..intent },
                    None => intent,
                },
                variants: match &ask.revision {
                    Some(revision) => revision.keeping_others(variants),
                    None => variants,
                },
                calls,
                prompt_version: prompt::VERSION,
                writer,
                is_ai: self.model.is_ai(),
            }),
            Err(kind) => Err(WriteFailure { kind, calls }),
        }
    }

    /// Returns a result that was changed without a writer.
    fn edited(&self, revision: &Revision, variants: Vec<Variant>) -> Written {
        Written {
            intent: Intent {
                kind: BriefKind::Post,
                platform: revision.platform,
                industry: String::new(),
                objective: String::new(),
                tone: String::new(),
                language: revision.language,
            },
            variants,
            calls: vec![],
            prompt_version: prompt::VERSION,
            writer: self.model.name().to_owned(),
            is_ai: self.model.is_ai(),
            notes: vec![],
            alt_text: None,
        }
    }

    async fn run(&self, ask: &WriteRequest, calls: &mut Vec<CallRecord>) -> Result<Good, WriteError> {
        let brief = ask.brief.as_str();
        let target = Target::of(ask);
        let platform = ask.platform.or_else(|| networks::named(brief).platform());
        let guard = Guard::with_brand(brief, &ask.brand, target.known());
        let task = prompt::Task::new(ask, target.known(), platform, &guard);
        let mut request = DraftRequest {
            ask: ask.clone(),
            language: target.guess,
            language_is_known: target.sure,
            platform,
            messages: prompt::draft(&task),
            prompt_version: prompt::VERSION,
            repair: None,
            deadline: Instant::now() + self.time_limit,
        };

        let Defective { defects, text, drafted_by } = match self.try_once(&request, &guard, calls).await? {
            Ok(good) => return Ok(good),
            Err(defective) => defective,
        };
        let codes = codes(&defects);
        tracing::info!(defects = %codes, "The draft has defects ({codes}) and is sent back once");
        request.messages = prompt::repair(&task, text.as_deref(), &defects);
        request.repair = Some(Repair { drafted_by, defects });
        self.try_once(&request, &guard, calls)
            .await?
            .map_err(|defective| WriteError::Invalid(defective.defects))
    }

    /// Asks the model once and checks its answer.
    async fn try_once(
        &self,
        request: &DraftRequest,
        guard: &Guard,
        calls: &mut Vec<CallRecord>,
    ) -> Result<Result<Good, Defective>, WriteError> {
        if request.time_left().is_zero() {
            return Err(WriteError::DeadlineExceeded);
        }
        let started = Instant::now();
        let Draft { answer, writer, calls: made } =
            match tokio::time::timeout_at(request.deadline + GRACE, self.model.draft(request)).await {
                Ok(Ok(draft)) => draft,
                Ok(Err(error)) => {
                    calls.extend(error.calls);
                    return Err(error.failure.into());
                }
                Err(_) => {
                    calls.push(CallRecord {
                        model: self.model.name().to_owned(),
                        stage: request.stage(),
                        outcome: "timeout",
                        prompt_tokens: None,
                        completion_tokens: None,
                        price_microunits: None,
                        latency_ms: milliseconds(started.elapsed()),
                        request_id: None,
                        prompt_version: request.prompt_version,
                    });
                    return Err(WriteError::DeadlineExceeded);
                }
            };
        calls.extend(made);
        let defective = |defects, text| Defective { defects, text, drafted_by: writer.clone() };
        let (body, text) = match answer {
            Answer::Body(body) => (body, None),
            Answer::Text(text) => match validate::read(&text) {
                Ok(body) => (body, Some(text)),
                Err(defect) => return Ok(Err(defective(vec![defect], Some(text)))),
            },
        };
        // Only a model's label is doubted, because the built-in writer has read the same words.
        let evidence = if text.is_some() { Evidence::of(&request.ask, guard) } else { Evidence::Silent };
        match evidence.judge(&body, request.repair.is_some()) {
            Judgement::SmallTalk => Err(WriteError::SmallTalk),
            Judgement::OffTopic => Err(WriteError::OffTopic),
            Judgement::AskAgain => Ok(Err(defective(vec![Defect::NotTalk], text))),
            Judgement::Posts => Ok(match judge(request, guard, body, self.model.is_ai()) {
                Ok((intent, variants, alt_text)) => Ok(Good { intent, variants, alt_text, writer }),
                Err(defects) => Err(defective(defects, text)),
            }),
        }
    }
}

/// A draft that passed all checks.
struct Good {
    intent: Intent,
    variants: Vec<Variant>,
    alt_text: Option<String>,
    writer: String,
}

/// A rejected draft, with its text if the model gave one.
struct Defective {
    defects: Vec<Defect>,
    text: Option<String>,
    drafted_by: String,
}

fn judge(
    request: &DraftRequest,
    guard: &Guard,
    body: DraftBody,
    is_ai: bool,
) -> Result<(Intent, Vec<Variant>, Option<String>), Vec<Defect>> {
    let brief = request.ask.brief.as_str();
    let platform = request.platform.unwrap_or(body.platform);
    let given = missing_space::given_links(&missing_space::mend_brief(brief));
    let mut variants = validate::tidy(body.variants);
    for variant in &mut variants {
        variant.text = missing_space::mend_post(&variant.text, &given);
        guard::add_legal_line(brief, request.ask.region.as_deref(), &mut variant.text);
        brand::finish(&request.ask.brand, &mut variant.text);
    }
    let (language, is_known) = if request.language_is_known {
        (request.language, true)
    } else {
        validate::language_of(&variants, body.language.unwrap_or(request.language))
    };
    let form = validate::Form::new(brief, platform, is_known.then_some(language));
    let form = if is_ai { form } else { form.of_composer() };
    let mut defects = form.check(&variants);
    defects.extend(guard.check(&variants));
    defects.extend(brand::check(&request.ask.brand, &variants));
    if !defects.is_empty() {
        return Err(defects);
    }
    let intent = Intent {
        kind: BriefKind::Post,
        platform,
        industry: label(&body.industry),
        objective: label(&body.objective),
        tone: label(&body.tone),
        language,
    };
    let alt_text = request.ask.picture.as_ref().and(body.alt_text).and_then(|text| described(guard, text));
    Ok((intent, variants, alt_text))
}

/// The longest description of a photo, in characters, because people listen to it.
const LONGEST_ALT_TEXT: usize = 300;

/// Returns the description of a photo, if it may be shown: like a post, it may add no price, date or name. A
/// description that does is omitted, because the posts do not depend on it.
fn described(guard: &Guard, text: String) -> Option<String> {
    let variants = validate::tidy(vec![Variant { text, angle: String::new() }]);
    let is_missing_offer = |defect: &Defect| matches!(defect, Defect::MissingOffer { .. });
    if !guard.check(&variants).iter().all(is_missing_offer) {
        return None;
    }
    let text = variants.into_iter().next()?.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text: String = text.chars().take(LONGEST_ALT_TEXT).collect();
    (!text.is_empty()).then_some(text)
}

/// The longest label about a brief, in characters: an essay of a model does not belong in a column of labels.
const LONGEST_LABEL: usize = 80;

fn label(text: &str) -> String {
    postly_domain::text::storable(text).trim().chars().take(LONGEST_LABEL).collect()
}

fn codes(defects: &[Defect]) -> String {
    defects.iter().map(Defect::code).collect::<Vec<_>>().join(",")
}

pub(crate) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The English name of a language, for the prompt.
pub(crate) fn language_name(language: Language) -> &'static str {
    match language {
        Language::Fr => "French",
        Language::En => "English",
        Language::Es => "Spanish",
        Language::Pt => "Portuguese",
        Language::Ar => "Arabic",
    }
}
