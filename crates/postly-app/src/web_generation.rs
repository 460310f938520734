//! Posts asked for on the web: the same hold, writer and ledger as on WhatsApp, one effect for each Idempotency-Key.

use std::time::Duration;

use postly_domain::{
    Brief, Command, Language, LedgerReason, UnixMillis,
    credits::GENERATION_PRICE,
    id::{AuthorId, EntryId, GenerationId, HoldId},
    post::{Origin, Platform},
    time::DAY_MS,
};
use postly_pipeline::{CallRecord, WriteError, WriteRequest, Written, guard::forbidden};
use postly_store::{
    StoreError, Tx, authors, budgets,
    generations::{self, NewGeneration},
    history::{self, HistoryFilter, SavedGeneration},
    wallets::{self, Held},
    web_requests::{self, Begun, WebRequest},
};
use sha2::{Digest as _, Sha256};

use crate::{
    App,
    conflict::again,
    generate::{record_calls, seed_of, user_ref},
    ids::{Fresh as _, fresh_text},
    seal::plain_hash,
};

/// Requests of one author in a minute (RULES 3.8).
const MAX_REQUESTS: i64 = 10;
const MINUTE_MS: i64 = 60_000;
/// The lease of an attempt: longer than the 25 s of the writer and the transactions around it.
const LEASE_MS: i64 = 60_000;
/// How often a repeat of a running request looks for its result, and for how long: below the request timeout of 30 s.
const RESULT_POLL: Duration = Duration::from_millis(200);
const MAX_RESULT_POLLS: u32 = 130;
/// Abandoned attempts that one sweep ends. More than one process can have at once.
const MAX_ABANDONED: i64 = 1_000;
/// The longest Idempotency-Key, in bytes. Clients send UUIDs; Stripe takes 255 characters.
const MAX_KEY_BYTES: usize = 255;

/// A page of a history, newest first.
pub type HistoryPage = (Vec<SavedGeneration>, Option<String>);

/// A request for posts, as the author sent it.
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

/// The reason why a request has no posts. Nothing is charged in any of these cases.
#[derive(Debug, thiserror::Error)]
pub enum WebGenerationError {
    /// The Idempotency-Key is empty or too long.
    #[error("the Idempotency-Key must have 1 to {MAX_KEY_BYTES} bytes")]
    InvalidKey,
    /// The text is a command, talk or off topic. The sentence is for the author.
    #[error("the text is not a brief")]
    NotABrief(String),
    /// There is nothing to write about. The sentence is for the author.
    #[error("the brief is too vague")]
    TooVague(String),
    /// The service does not write about this. The sentence is for the author.
    #[error("the brief is refused")]
    Refused(String),
    /// The Idempotency-Key stands for another request.
    #[error("the Idempotency-Key was used for another request")]
    KeyReused,
    /// No credit is available. The sentence is for the author.
    #[error("no credit is available")]
    InsufficientCredits(String),
    /// The writer failed. The sentence is for the author.
    #[error("no posts were written")]
    Failed(String),
    /// Over the bound of requests.
    #[error("too many requests")]
    RateLimited {
        /// The seconds after which the next request passes.
        retry_after_s: i64,
    },
    /// The account has gone, or another process runs the request and takes too long.
    #[error("the request cannot be completed now")]
    Unavailable,
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
}

/// An attempt that has placed its hold.
struct Attempt {
    author: AuthorId,
    language: Language,
    /// Whether the author's language is known, and not a default.
    language_is_known: bool,
    brief: Brief,
    is_explicit: bool,
    platform: Option<Platform>,
    forced_language: Option<Language>,
    tone: Option<String>,
    /// The region whose law holds for the posts.
    region: String,
    hold: HoldId,
    hold_key: String,
}

/// The state of a request after its first transaction.
enum Opened {
    Run(Box<Attempt>),
    Running,
    Done(GenerationId),
}

impl App {
    /// Writes three posts for an author and charges one credit, once for each `key`. A repeat while the first request runs
    /// waits for its result. A request without posts frees its key.
    ///
    /// # Errors
    /// See [`WebGenerationError`].
    pub async fn generate_for_web(
        &self,
        author: &AuthorId,
        key: &str,
        request: &WebBrief,
    ) -> Result<SavedGeneration, WebGenerationError> {
        if key.is_empty() || key.len() > MAX_KEY_BYTES {
            return Err(WebGenerationError::InvalidKey);
        }
        let key_hash = plain_hash(key);
        let body_hash = hash_of(request);
        for _ in 0..MAX_RESULT_POLLS {
            match again!(self.open_request(author, &key_hash, &body_hash, request))? {
                Opened::Run(attempt) => {
                    // The work outlives a client that hangs up: it has paid for an answer that a repeat will fetch.
                    let app = self.clone();
                    let work = tokio::spawn(async move { app.run_attempt(*attempt).await });
                    return work.await.map_err(|_| WebGenerationError::Unavailable)?;
                }
                Opened::Done(id) => {
                    let mut tx = self.0.db.read().await?;
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
        request: &WebBrief,
    ) -> Result<Opened, WebGenerationError> {
        let now = self.now();
        let hold_key = format!("web:{}", fresh_text(now));
        let mut tx = self.0.db.write().await?;
        // Lock order: author, then wallet, as in a merge. The wallet makes the requests of one author count one after the other.
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
            return Err(WebGenerationError::RateLimited { retry_after_s: next.since_ms(now) / 1000 + 1 });
        }
        let brief = self.brief_of(&request.brief, known.language)?;
        self.check_web_budget(&mut tx, author, known.language, now).await?;
        let phone = authors::identities_of(&mut tx, author).await?.into_iter().find_map(|one| one.phone);
        let hold =
            wallets::hold(&mut tx, &HoldId::fresh(now), author, &hold_key, GENERATION_PRICE, now).await?;
        let hold = match hold {
            Held::Open(hold) => hold,
            Held::Insufficient => {
                let sentence = self.no_credit_sentence(known.language);
                return Err(WebGenerationError::InsufficientCredits(sentence));
            }
            Held::Closed(_) | Held::Erased => return Err(WebGenerationError::Unavailable),
        };
        tx.commit().await?;
        Ok(Opened::Run(Box::new(Attempt {
            author: author.clone(),
            language: known.language,
            language_is_known: known.language_settled,
            brief,
            is_explicit: Command::is_explicit_generation(&request.brief),
            platform: request.platform,
            forced_language: request.language,
            tone: request.tone.clone(),
            region: self.region_of(phone.as_ref()),
            hold,
            hold_key,
        })))
    }

    /// Reads a brief as WhatsApp would; everything else gets the sentence that WhatsApp would answer.
    fn brief_of(&self, text: &str, language: Language) -> Result<Brief, WebGenerationError> {
        let sentence = |key| self.0.catalogue.text(language, key);
        if text.trim().is_empty() {
            return Err(WebGenerationError::TooVague(sentence("missing-brief")));
        }
        match Command::parse(text) {
            Command::Generate(brief) => match forbidden(brief.as_str()) {
                None => Ok(brief),
                Some(_) => Err(WebGenerationError::Refused(sentence("forbidden"))),
            },
            Command::MissingBrief => Err(WebGenerationError::TooVague(sentence("missing-brief"))),
            Command::BriefTooLong => Err(WebGenerationError::Refused(self.0.catalogue.format(
                language,
                "brief-too-long",
                &[(
                    "limit",
                    postly_i18n::Value::Number(
                        i64::try_from(postly_domain::brief::MAX_BRIEF_CHARS).unwrap_or(i64::MAX),
                    ),
                )],
            ))),
            Command::Help
            | Command::Balance
            | Command::ShowLanguage
            | Command::SetLanguage(_)
            | Command::UnknownLanguage
            | Command::Stop
            | Command::Start
            | Command::Login
            | Command::Phrase(_)
            | Command::NotMe
            | Command::HowToStop
            | Command::Delete
            | Command::Export
            | Command::Recharge
            | Command::SmallTalk(_) => Err(WebGenerationError::NotABrief(sentence("off-topic"))),
        }
    }

    async fn check_web_budget(
        &self,
        tx: &mut Tx,
        author: &AuthorId,
        language: Language,
        now: UnixMillis,
    ) -> Result<(), WebGenerationError> {
        let recent = budgets::author_calls_since(tx, author, now.plus_ms(-DAY_MS)).await?;
        let Some(spent) = self.exhausted_budget(tx, recent, now).await? else { return Ok(()) };
        tracing::warn!(author.id = %author, ?spent, "A day's budget of model calls is used up");
        Err(WebGenerationError::Refused(self.0.catalogue.text(language, spent.text_key())))
    }

    /// Writes under the hold, then settles or releases it. No transaction is open while the model writes.
    async fn run_attempt(&self, attempt: Attempt) -> Result<SavedGeneration, WebGenerationError> {
        let ask = WriteRequest {
            brief: attempt.brief.clone(),
            is_explicit: attempt.is_explicit,
            language_hint: attempt.language,
            language_hint_is_known: attempt.language_is_known,
            language_forced: attempt.forced_language,
            platform: attempt.platform,
            tone: attempt.tone.clone(),
            region: Some(attempt.region.clone()),
            user_ref: user_ref(&attempt.author),
            seed: seed_of(&attempt.hold_key),
        };
        let written = self.0.writer.write(&ask).await;
        // The model is paid for: a conflict with another transaction does not write the posts again.
        match written {
            Ok(written) => again!(self.settle_attempt(&attempt, &written)),
            Err(failure) => {
                again!(self.release_attempt(&attempt, &failure.calls))?;
                tracing::warn!(failure = ?failure.kind, "A request on the web has no posts");
                let sentence = |key| self.0.catalogue.text(attempt.language, key);
                Err(match failure.kind {
                    WriteError::SmallTalk | WriteError::OffTopic => {
                        WebGenerationError::NotABrief(sentence("off-topic"))
                    }
                    WriteError::TooManyFacts => WebGenerationError::Refused(sentence("too-many-facts")),
                    WriteError::NoTranslation => WebGenerationError::Refused(sentence("no-translation")),
                    WriteError::Refused
                    | WriteError::Filtered
                    | WriteError::Truncated
                    | WriteError::Invalid(_)
                    | WriteError::Quota
                    | WriteError::RateLimited
                    | WriteError::Unavailable
                    | WriteError::DeadlineExceeded => {
                        WebGenerationError::Failed(sentence("generation-failed"))
                    }
                })
            }
        }
    }

    /// Releases the hold, frees the key and records the calls, in one transaction.
    async fn release_attempt(&self, attempt: &Attempt, calls: &[CallRecord]) -> Result<(), StoreError> {
        let now = self.now();
        let mut tx = self.0.db.write().await?;
        let owner = wallets::lock_owner(&mut tx, &attempt.hold).await?;
        let is_released = wallets::release(&mut tx, &attempt.hold, now).await?;
        let Some(owner) = owner.filter(|_| is_released) else {
            // The author was erased, or another attempt took over: nothing of this one may be written.
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
        let now = self.now();
        let mut tx = self.0.db.write().await?;
        wallets::lock_owner(&mut tx, &attempt.hold).await?;
        let id = GenerationId::fresh(now);
        let entry = EntryId::fresh(now);
        let settled =
            wallets::settle(&mut tx, &attempt.hold, &entry, LedgerReason::WebGeneration, id.as_str(), now);
        // No open hold: the author was erased, or the attempt outlived its lease and another one released it.
        let Some((owner, _)) = settled.await? else { return Err(WebGenerationError::Unavailable) };
        record_calls(&mut tx, &owner, None, &written.calls, now).await?;
        let generation = NewGeneration {
            id: &id,
            author: &owner,
            event: None,
            origin: Origin::Web,
            hold: &attempt.hold,
            brief: attempt.brief.as_str(),
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
        metrics::counter!("credits_total", "reason" => LedgerReason::WebGeneration.as_str()).increment(1);
        Ok(saved)
    }

    /// Deletes the attempts whose lease is over and that have no result, and releases the holds of those whose process died.
    /// Returns how many.
    pub(crate) async fn end_abandoned_requests(&self) -> Result<u64, StoreError> {
        let mut ended = 0;
        let mut tx = self.0.db.read().await?;
        let abandoned = web_requests::expired(&mut tx, self.now(), MAX_ABANDONED).await?;
        drop(tx);
        for (author, hold_key) in abandoned {
            ended += again!(self.end_abandoned(&author, &hold_key))?;
        }
        Ok(ended)
    }

    async fn end_abandoned(&self, author: &AuthorId, hold_key: &str) -> Result<u64, StoreError> {
        let now = self.now();
        let mut tx = self.0.db.write().await?;
        authors::lock_row(&mut tx, author).await?;
        wallets::lock(&mut tx, author).await?;
        if !web_requests::forget(&mut tx, hold_key, now).await? {
            return Ok(0);
        }
        wallets::release_by_key(&mut tx, hold_key, now).await?;
        tx.commit().await?;
        Ok(1)
    }

    /// A page of an author's history, newest first, from just before `cursor`.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn history(
        &self,
        author: &AuthorId,
        filter: &HistoryFilter<'_>,
        cursor: Option<&str>,
    ) -> Result<HistoryPage, StoreError> {
        const PAGE: usize = 20;
        history::list(&mut self.0.db.read().await?, author, filter, cursor, PAGE).await
    }

    /// One generation of an author.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn generation(
        &self,
        author: &AuthorId,
        id: &GenerationId,
    ) -> Result<Option<SavedGeneration>, StoreError> {
        history::get(&mut self.0.db.read().await?, author, id).await
    }

    /// Marks one variant of a generation as used (1 to 3), or none. Returns false if the author has no such generation.
    ///
    /// # Errors
    /// Fails if the database fails.
    pub async fn mark_used(
        &self,
        author: &AuthorId,
        id: &GenerationId,
        used: Option<i64>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.0.db.write().await?;
        let found = history::set_used(&mut tx, author, id, used).await?;
        tx.commit().await?;
        Ok(found)
    }

    fn no_credit_sentence(&self, language: Language) -> String {
        let site = &self.0.settings.site_url;
        let (key, url) = if self.sells() {
            ("no-credit-web", format!("{site}/recharge"))
        } else {
            ("no-credit", site.clone())
        };
        self.0.catalogue.format(language, key, &[("url", postly_i18n::Value::Text(&url))])
    }
}

/// A hash of all that makes two requests the same. Fields are separated by a byte that UTF-8 never has.
fn hash_of(request: &WebBrief) -> String {
    let mut hasher = Sha256::new();
    hasher.update(request.brief.as_bytes());
    hasher.update([0xff]);
    hasher.update(request.platform.map_or("", Platform::as_str));
    hasher.update([0xff]);
    hasher.update(request.language.map_or("", Language::code));
    hasher.update([0xff]);
    hasher.update(request.tone.as_deref().unwrap_or_default());
    hex::encode(hasher.finalize())
}
