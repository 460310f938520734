//! Posts requested on the web: the same hold, writer and ledger as on WhatsApp, and one effect for each
//! Idempotency-Key.

use std::time::Duration;

use postly_domain::{
    Command, Language, LedgerReason, UnixMillis,
    brand::Brand,
    credits::GENERATION_PRICE,
    id::{AuthorId, GenerationId, HoldId},
    metric,
    post::{Origin, Platform},
    time::DAY_MS,
};
use postly_pipeline::{CallRecord, WriteError, WriteRequest, Writer, Written};
use postly_store::{
    StoreError, Tx, authors, budgets,
    generations::{self, NewGeneration},
    history::{self, SavedGeneration},
    identities, pauses,
    wallets::{self, Held},
    web_requests::{self, Begun, WebRequest},
};
use sha2::{Digest as _, Sha256};

use crate::{
    BrandMemory, Core, Generator, ModelBudgets, Payments, Turns,
    conflict::again,
    generate::{Payment, Work, failure_text, language_after, record_calls, record_price, seed_of, user_ref},
    ids::{Fresh as _, fresh_text},
    measure::rate_limited,
    seal::plain_hash,
};

/// The most requests of one author in a minute (RULES 3.8).
const MAX_REQUESTS: i64 = 10;
const MINUTE_MS: i64 = 60_000;
/// The lease of an attempt: longer than the 25 s of the writer and the transactions around it.
const LEASE_MS: i64 = 60_000;
/// The interval at which a repeat of a running request checks for its result, and the most checks: below the
/// request timeout of 30 s.
const RESULT_POLL: Duration = Duration::from_millis(200);
const MAX_RESULT_POLLS: u32 = 130;
/// The most abandoned attempts that one sweep ends. It exceeds the concurrent attempts of a process.
const MAX_ABANDONED: i64 = 1_000;
/// The longest Idempotency-Key, in bytes. Clients send UUIDs; Stripe accepts 255 characters.
const MAX_KEY_BYTES: usize = 255;

/// A request for posts, as sent by the author.
#[derive(Debug, Clone)]
pub struct WebBrief {
    /// The brief, in the author's words.
    pub brief: String,
    /// The network, if the author chose one.
    pub platform: Option<Platform>,
    /// The language of the posts, if the author chose one.
    pub language: Option<Language>,
    /// The tone of the posts in a few words, if the author chose one.
    pub tone: Option<String>,
}

/// A change of a result, as requested by the author.
#[derive(Debug, Clone)]
pub struct WebChange {
    /// The result.
    pub generation: GenerationId,
    /// The change, in the author's words.
    pub instruction: String,
    /// The post to change, 1 to 3; all of them if none is named.
    pub variant: Option<u8>,
}

/// A request of an author on the web.
#[derive(Debug, Clone)]
enum Asked {
    Posts(WebBrief),
    Change(WebChange),
}

/// The reason why a request got no posts. No credit is charged in any of these cases.
#[derive(Debug, thiserror::Error)]
pub enum WebGenerationError {
    /// The Idempotency-Key is empty or too long.
    #[error("the Idempotency-Key must have 1 to {MAX_KEY_BYTES} bytes")]
    InvalidKey,
    /// The text is a command, small talk or off topic. Contains the text for the author.
    #[error("the text is not a brief")]
    NotABrief(String),
    /// The brief has no subject. Contains the text for the author.
    #[error("the brief is too vague")]
    TooVague(String),
    /// The service does not write about this. Contains the text for the author.
    #[error("the brief is refused")]
    Refused(String),
    /// The author has no such result.
    #[error("no such result")]
    UnknownGeneration,
    /// The Idempotency-Key was used for another request.
    #[error("the Idempotency-Key was used for another request")]
    KeyReused,
    /// No credit is available. Contains the text for the author.
    #[error("no credit is available")]
    InsufficientCredits(String),
    /// The writer failed. Contains the text for the author.
    #[error("no posts were written")]
    Failed(String),
    /// Too many requests in a minute.
    #[error("too many requests")]
    RateLimited {
        /// The number of seconds until the next request is allowed.
        retry_after_s: i64,
    },
    /// The account no longer exists, or another process runs the request and takes too long.
    #[error("the request cannot be completed now")]
    Unavailable,
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
}

/// A step of a running request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The request is valid and a credit is reserved.
    Accepted,
    /// The posts are being written.
    Writing,
}

/// An attempt that has placed its hold.
struct Attempt {
    author: AuthorId,
    language: Language,
    /// True if the author's language is known, and not a default.
    language_is_known: bool,
    work: Work,
    platform: Option<Platform>,
    forced_language: Option<Language>,
    tone: Option<String>,
    brand: Brand,
    /// The region that determines the law for the posts.
    region: String,
    payment: Payment,
    hold_key: String,
}

/// The state of a request after its first transaction.
enum Opened {
    Run(Box<Attempt>),
    Running,
    Done(GenerationId),
}

/// Posts written on the web, and the history of all posts.
#[derive(Clone)]
pub struct WebGenerations {
    pub(crate) core: Core,
    pub(crate) brand: BrandMemory,
    pub(crate) generator: Generator,
    pub(crate) model_budgets: ModelBudgets,
    pub(crate) payments: Payments,
    pub(crate) turns: Turns,
    pub(crate) writer: Writer,
}

impl WebGenerations {
    /// Writes three posts for an author and charges one credit, once for each `key`. A repeat during the
    /// first request waits for its result. A request without posts frees its key.
    ///
    /// # Errors
    /// See [`WebGenerationError`].
    pub async fn generate_for_web(
        &self,
        author: &AuthorId,
        key: &str,
        request: &WebBrief,
    ) -> Result<SavedGeneration, WebGenerationError> {
        self.generate_with_progress(author, key, request, |_| {}).await
    }

    /// Does the same as [`WebGenerations::generate_for_web`], and calls `report` at each step. A refused
    /// request reports none.
    ///
    /// # Errors
    /// See [`WebGenerationError`].
    pub async fn generate_with_progress(
        &self,
        author: &AuthorId,
        key: &str,
        request: &WebBrief,
        report: impl Fn(Progress),
    ) -> Result<SavedGeneration, WebGenerationError> {
        self.run_for_web(author, key, &Asked::Posts(request.clone()), report).await
    }

    /// Changes a result, once for each `key`; the first change of a result is free. The changed posts are a
    /// result of their own.
    ///
    /// # Errors
    /// See [`WebGenerationError`].
    pub async fn refine_for_web(
        &self,
        author: &AuthorId,
        key: &str,
        change: &WebChange,
    ) -> Result<SavedGeneration, WebGenerationError> {
        self.run_for_web(author, key, &Asked::Change(change.clone()), |_| {}).await
    }

    async fn run_for_web(
        &self,
        author: &AuthorId,
        key: &str,
        asked: &Asked,
        report: impl Fn(Progress),
    ) -> Result<SavedGeneration, WebGenerationError> {
        if key.is_empty() || key.len() > MAX_KEY_BYTES {
            return Err(WebGenerationError::InvalidKey);
        }
        let key_hash = plain_hash(key);
        let body_hash = asked.hash();
        for poll in 0..MAX_RESULT_POLLS {
            let opened = again!(self.open_request(author, &key_hash, &body_hash, asked))?;
            if poll == 0 {
                report(Progress::Accepted);
                if !matches!(opened, Opened::Done(_)) {
                    report(Progress::Writing);
                }
            }
            match opened {
                Opened::Run(attempt) => {
                    // The task outlives a client that disconnects: the credit is held, and a repeat can fetch
                    // the result.
                    let service = self.clone();
                    let work = tokio::spawn(async move { service.run_attempt(*attempt).await });
                    return work.await.map_err(|_| WebGenerationError::Unavailable)?;
                }
                Opened::Done(id) => {
                    let mut tx = self.core.db.read().await?;
                    let found = history::get(&mut tx, author, &id).await?;
                    return found.ok_or(WebGenerationError::Unavailable);
                }
                Opened::Running => tokio::time::sleep(RESULT_POLL).await,
            }
        }
        Err(WebGenerationError::Unavailable)
    }

    /// Checks the request, claims its key and places the hold, in one transaction.
    async fn open_request(
        &self,
        author: &AuthorId,
        key_hash: &str,
        body_hash: &str,
        asked: &Asked,
    ) -> Result<Opened, WebGenerationError> {
        let now = self.core.now();
        let hold_key = format!("web:{}", fresh_text(now));
        let mut tx = self.core.db.write().await?;
        // Lock order: author, then wallet, as in a merge. The wallet's lock serializes the counting of one
        // author's requests.
        authors::lock_row(&mut tx, author).await?;
        wallets::lock(&mut tx, author).await?;
        let Some(known) = authors::get(&mut tx, author).await? else {
            return Err(WebGenerationError::Unavailable);
        };
        let web_request = WebRequest { author, key_hash, body_hash, hold_key: &hold_key };
        let recent = web_requests::since(&mut tx, author, now.plus_ms(-MINUTE_MS)).await?;
        match web_requests::begin(&mut tx, &web_request, now, now.plus_ms(LEASE_MS)).await? {
            Begun::Mismatch => return Err(WebGenerationError::KeyReused),
            Begun::Done(id) => return Ok(Opened::Done(id)),
            Begun::Running => return Ok(Opened::Running),
            Begun::Run => {}
            Begun::TakenOver { stale_hold_key } => {
                wallets::release_by_key(&mut tx, &stale_hold_key, now).await?;
            }
        }
        if let (MAX_REQUESTS.., oldest) = recent {
            let next = oldest.unwrap_or(now).plus_ms(MINUTE_MS);
            rate_limited("web_generations");
            return Err(WebGenerationError::RateLimited { retry_after_s: next.since_ms(now) / 1000 + 1 });
        }
        let sentence = |key| self.core.catalogue.text(known.language, key);
        if known.blocked_at.is_some() {
            return Err(WebGenerationError::Refused(sentence("blocked")));
        }
        if pauses::all(&mut tx).await?.generation.is_some() {
            return Err(WebGenerationError::Failed(sentence("paused")));
        }
        let work = match asked {
            Asked::Posts(request) => Work {
                brief: self.brief_of(&request.brief, &known)?,
                is_explicit: Command::is_explicit_generation(&request.brief),
                change: None,
            },
            Asked::Change(change) => self.change_of(&mut tx, author, known.language, change).await?,
        };
        self.check_web_budget(&mut tx, author, known.language, now).await?;
        let phone = identities::of_author(&mut tx, author).await?.into_iter().find_map(|one| one.phone);
        let payment = if work.is_free() {
            Payment::Free
        } else {
            let id = HoldId::fresh(now);
            match wallets::hold(&mut tx, &id, author, &hold_key, GENERATION_PRICE, now).await? {
                Held::Open(hold) => Payment::Hold(hold),
                Held::Insufficient => {
                    let sentence = self.no_credit_sentence(known.language);
                    return Err(WebGenerationError::InsufficientCredits(sentence));
                }
                Held::Closed(_) | Held::Erased => return Err(WebGenerationError::Unavailable),
            }
        };
        tx.commit().await?;
        let revision = work.change.as_ref().map(|change| &change.revision);
        let (platform, forced_language, tone) = match asked {
            Asked::Posts(request) => (request.platform, request.language, request.tone.clone()),
            Asked::Change(_) => {
                (revision.map(|revision| revision.platform), revision.map(language_after), None)
            }
        };
        Ok(Opened::Run(Box::new(Attempt {
            author: author.clone(),
            language: known.language,
            language_is_known: known.language_settled,
            work,
            platform,
            forced_language,
            tone,
            brand: known.brand,
            region: self.generator.region_of(phone.as_ref()),
            payment,
            hold_key,
        })))
    }

    async fn check_web_budget(
        &self,
        tx: &mut Tx,
        author: &AuthorId,
        language: Language,
        now: UnixMillis,
    ) -> Result<(), WebGenerationError> {
        let recent = budgets::author_calls_since(tx, author, now.plus_ms(-DAY_MS)).await?;
        let Some(spent) = self.model_budgets.exhausted_budget(tx, recent, now).await? else { return Ok(()) };
        tracing::info!(author.id = %author, ?spent, "A day's budget of model calls is used up");
        Err(WebGenerationError::Refused(self.core.catalogue.text(language, spent.text_key())))
    }

    /// Writes the posts under the hold, then settles or releases it. No transaction is open while the model
    /// writes.
    async fn run_attempt(&self, attempt: Attempt) -> Result<SavedGeneration, WebGenerationError> {
        let ask = WriteRequest {
            brief: attempt.work.brief.clone(),
            is_explicit: attempt.work.is_explicit,
            language_hint: attempt.language,
            language_hint_is_known: attempt.language_is_known,
            language_forced: attempt.forced_language,
            platform: attempt.platform,
            tone: attempt.tone.clone(),
            brand: attempt.brand.clone(),
            region: Some(attempt.region.clone()),
            user_ref: user_ref(&attempt.author),
            seed: seed_of(attempt.work.seed_name(&attempt.hold_key)),
            revision: attempt.work.change.as_ref().map(|change| change.revision.clone()),
            picture: None,
        };
        let written = self.writer.write(&ask).await;
        self.generator.note_model(&written);
        // The posts are written: a conflict with another transaction must not cause a second writing.
        match written {
            Ok(written) => again!(self.settle_attempt(&attempt, &written)),
            Err(failure) => {
                again!(self.release_attempt(&attempt, &failure.calls))?;
                tracing::info!(failure = ?failure.kind, "A request on the web has no posts");
                let sentence = |key| self.core.catalogue.text(attempt.language, key);
                let (_, key) = failure_text(&failure.kind);
                Err(match failure.kind {
                    WriteError::SmallTalk | WriteError::OffTopic => {
                        WebGenerationError::NotABrief(sentence("off-topic"))
                    }
                    WriteError::Unchangeable
                    | WriteError::NoVision
                    | WriteError::TooManyFacts
                    | WriteError::NoTranslation
                    | WriteError::UnclearInstructions => WebGenerationError::Refused(sentence(key)),
                    WriteError::Refused
                    | WriteError::Filtered
                    | WriteError::Truncated
                    | WriteError::Invalid(_)
                    | WriteError::Quota
                    | WriteError::RateLimited
                    | WriteError::Unavailable
                    | WriteError::DeadlineExceeded => WebGenerationError::Failed(sentence(key)),
                })
            }
        }
    }

    /// Releases the hold, frees the key and records the calls, in one transaction.
    async fn release_attempt(&self, attempt: &Attempt, calls: &[CallRecord]) -> Result<(), StoreError> {
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        let owner = self.generator.lock_payer(&mut tx, &attempt.payment, &attempt.author).await?;
        let is_released = match &attempt.payment {
            Payment::Hold(hold) => wallets::release(&mut tx, hold, now).await?,
            Payment::Free => true,
        };
        let Some(owner) = owner.filter(|_| is_released) else {
            // The author was erased, or another attempt took over: nothing of this attempt may be written.
            return Ok(());
        };
        record_calls(&mut tx, &owner, None, calls, now).await?;
        web_requests::free(&mut tx, &attempt.hold_key).await?;
        tx.commit().await
    }

    /// Spends the credit, saves the posts and records the result, in one transaction.
    async fn settle_attempt(
        &self,
        attempt: &Attempt,
        written: &Written,
    ) -> Result<SavedGeneration, WebGenerationError> {
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        let owner = self.generator.lock_payer(&mut tx, &attempt.payment, &attempt.author).await?;
        let owner = owner.ok_or(WebGenerationError::Unavailable)?;
        let id = GenerationId::fresh(now);
        let reason = attempt.work.reason(LedgerReason::WebGeneration);
        // There is no open hold if the author was erased, or if another attempt released it after this one's
        // lease.
        let spent =
            self.generator.spend(&mut tx, &attempt.payment, &owner, &attempt.work, &id, reason).await?;
        let (owner, _) = spent.ok_or(WebGenerationError::Unavailable)?;
        record_calls(&mut tx, &owner, None, &written.calls, now).await?;
        let generation = NewGeneration {
            id: &id,
            author: &owner,
            event: None,
            origin: Origin::Web,
            hold: match &attempt.payment {
                Payment::Hold(hold) => Some(hold),
                Payment::Free => None,
            },
            root: attempt.work.root(),
            brief: attempt.work.brief.as_str(),
            intent: &written.intent,
            variants: &written.variants,
            writer: &written.writer,
            prompt_version: written.prompt_version,
        };
        generations::save(&mut tx, &generation, now).await?;
        if !web_requests::complete(&mut tx, &attempt.hold_key, &id).await? {
            return Err(WebGenerationError::Unavailable);
        }
        let saved = history::get(&mut tx, &owner, &id).await?.ok_or(WebGenerationError::Unavailable)?;
        tx.commit().await?;
        self.core.live.changed([&owner]);
        metrics::counter!(metric::CREDITS, "reason" => reason.as_str()).increment(1);
        record_price(&written.calls);
        Ok(saved)
    }

    /// Deletes the attempts without a result after their lease, and releases the holds of those left by a
    /// dead process. Returns their number.
    pub(crate) async fn end_abandoned_requests(&self) -> Result<u64, StoreError> {
        let mut ended = 0;
        let mut tx = self.core.db.read().await?;
        let abandoned = web_requests::expired(&mut tx, self.core.now(), MAX_ABANDONED).await?;
        drop(tx);
        for (author, hold_key) in abandoned {
            ended += again!(self.end_abandoned(&author, &hold_key))?;
        }
        Ok(ended)
    }

    async fn end_abandoned(&self, author: &AuthorId, hold_key: &str) -> Result<u64, StoreError> {
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        authors::lock_row(&mut tx, author).await?;
        wallets::lock(&mut tx, author).await?;
        if !web_requests::forget(&mut tx, hold_key, now).await? {
            return Ok(0);
        }
        wallets::release_by_key(&mut tx, hold_key, now).await?;
        tx.commit().await?;
        metrics::counter!(metric::HOLDS_EXPIRED).increment(1);
        Ok(1)
    }

    fn no_credit_sentence(&self, language: Language) -> String {
        let site = &self.core.settings.site_url;
        let (key, url) = if self.payments.sells() {
            ("no-credit-web", format!("{site}/recharge"))
        } else {
            ("no-credit", site.clone())
        };
        self.core.catalogue.format(language, key, &[("url", postly_i18n::Value::Text(&url))])
    }
}

impl Asked {
    /// Returns a hash of the fields that make two requests equal. Fields are separated by U+0000, which no
    /// stored text contains.
    fn hash(&self) -> String {
        let number;
        let fields = match self {
            Self::Posts(request) => [
                request.brief.as_str(),
                request.platform.map_or("", Platform::as_str),
                request.language.map_or("", Language::code),
                request.tone.as_deref().unwrap_or_default(),
            ],
            Self::Change(change) => {
                number = change.variant.map_or_else(String::new, |variant| variant.to_string());
                [change.generation.as_str(), &change.instruction, &number, "change"]
            }
        };
        hex::encode(Sha256::digest(fields.join("\u{0}")))
    }
}
