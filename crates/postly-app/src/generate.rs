//! Writes three posts from a brief, for exactly one credit.

use postly_domain::{
    Brief, Language, LedgerReason, PhoneE164, UnixMillis,
    credits::GENERATION_PRICE,
    id::{AuthorId, EntryId, EventId, GenerationId, HoldId},
    intent::Wish,
    metric,
    post::Origin,
};
use postly_i18n::Value;
use postly_pipeline::{
    CallRecord, Note, Revision, WriteError, WriteFailure, WriteRequest, Writer, Written, platform_limits,
    requested_language,
};
use postly_store::{
    StoreError, Tx, authors,
    generations::{self, ModelCall, NewGeneration},
    inbox::Outcome,
    lanes::ClaimedLane,
    outbox, questions, results,
    wallets::{self, Held, NewEntry, Posted, Wallet},
};
use postly_whatsapp::send::Senders;
use sha2::{Digest as _, Sha256};

use crate::{
    BrandMemory, Core, JourneyError, ModelBudgets, Payments, People, Replies,
    conflict::again,
    conversation::reply_context,
    crash,
    health::Upstream,
    ids::{Fresh as _, fresh_text},
    measure::model_time,
    people::Person,
    photo::Photo,
    reply::{Reply, ReplyContext},
    seal::plain_hash,
    turn::Turn,
};

/// The balance from which the answer tells how to buy more credits (RULES 4.11).
const LOW_BALANCE: i64 = 2;

/// A request for posts.
pub(crate) struct Work {
    /// The brief; for a change, the amended one.
    pub(crate) brief: Brief,
    /// True if the author asked for posts by name.
    pub(crate) is_explicit: bool,
    /// The result to change, if this is a change.
    pub(crate) change: Option<ChangeOf>,
}

/// A change of a result.
#[derive(Clone)]
pub(crate) struct ChangeOf {
    /// The paid result from which the changes started.
    pub(crate) root: GenerationId,
    /// The name from which the seed of the paid result was derived.
    pub(crate) seed_name: String,
    /// True for the first change of a result.
    pub(crate) is_free: bool,
    /// The current posts, and the requested change.
    pub(crate) revision: Revision,
}

impl Work {
    /// Returns the reason for the ledger entry. `origin` is the reason for new posts.
    pub(crate) fn reason(&self, origin: LedgerReason) -> LedgerReason {
        match &self.change {
            None => origin,
            Some(change) if change.is_free => LedgerReason::FreeRefinement,
            Some(_) => LedgerReason::Refinement,
        }
    }

    /// Returns the paid result that this changes.
    pub(crate) fn root(&self) -> Option<&GenerationId> {
        self.change.as_ref().map(|change| &change.root)
    }

    /// Returns the name from which the offline writer's seed is derived. A change of facts keeps the name of
    /// its result, so that the rest of the posts stays as it is.
    pub(crate) fn seed_name<'a>(&'a self, request: &'a str) -> &'a str {
        match &self.change {
            Some(change) if change.revision.change.wish != Wish::Again => &change.seed_name,
            _ => request,
        }
    }

    /// True if no credit is spent.
    pub(crate) fn is_free(&self) -> bool {
        self.change.as_ref().is_some_and(|change| change.is_free)
    }
}

/// The payment for posts: a credit reserved, or the free change of a paid result.
#[derive(Clone)]
pub(crate) enum Payment {
    /// A hold, to be settled or released.
    Hold(HoldId),
    /// Nothing.
    Free,
}

/// The writing of posts for briefs on WhatsApp, and their payment.
#[derive(Clone)]
pub struct Generator {
    pub(crate) core: Core,
    pub(crate) brand: BrandMemory,
    pub(crate) model_budgets: ModelBudgets,
    pub(crate) payments: Payments,
    pub(crate) people: People,
    pub(crate) replies: Replies,
    pub(crate) senders: Senders,
    pub(crate) writer: Writer,
}

impl Generator {
    /// Reserves a credit, writes the posts, and settles or releases the hold. `tx` has resolved the author.
    /// No transaction is open while the posts are written.
    pub(crate) async fn generate(&self, tx: Tx, turn: &Turn<'_>, work: Work) -> Result<(), JourneyError> {
        let Turn { claimed, event, message, person, .. } = *turn;
        let Some(mut tx) = self.replies.end_while_paused(tx, claimed, event, message, person).await? else {
            return Ok(());
        };
        let context = turn.context();
        let now = self.core.now();
        let author = &person.author.id;
        if let Some(spent) = self.model_budgets.exhausted_budget(&mut tx, person.recent_calls, now).await? {
            self.replies.release_stale_hold(&mut tx, event, now).await?;
            tracing::info!(author.id = %author, ?spent, "A day's budget of model calls is used up");
            let units = vec![self.core.catalogue.text(person.author.language, spent.text_key())];
            return self.refuse(tx, claimed, &context, "budget", units, now).await;
        }
        let payment = if work.is_free() {
            // An earlier attempt may have been a change that cost a credit.
            self.replies.release_stale_hold(&mut tx, event, now).await?;
            Payment::Free
        } else {
            let (id, key) = (HoldId::fresh(now), context.hold_key());
            match wallets::hold(&mut tx, &id, author, &key, GENERATION_PRICE, now).await? {
                Held::Open(hold) => Payment::Hold(hold),
                Held::Insufficient => return self.refuse_for_credits(tx, claimed, &context, now).await,
                // A hold is closed in the transaction that ends its event, so a waiting event has no closed
                // hold.
                Held::Closed(_) => return Err(JourneyError::Missing("an open hold")),
                // The event will be retried, and its author is unknown then.
                Held::Erased => return Err(JourneyError::Missing("an author")),
            }
        };
        crash::point("hold.before");
        tx.commit().await?;
        crash::point("hold.after");

        // The typing indicator ends before the reply can be sent, so it never outlives the reply.
        let ((written, photo), ()) = tokio::join!(
            model_time(self.write(turn, &work)),
            self.senders.show_typing(event.provider, &message.provider_message_id)
        );
        crash::point("written");
        // The posts are written and the credit is held: a conflict must not cause a second writing.
        again!(self.end_generation(turn, &work, &payment, &written, photo.as_ref()))
    }

    /// Writes the posts, with the photo of the message if the model sees it.
    async fn write(&self, turn: &Turn<'_>, work: &Work) -> (Result<Written, WriteFailure>, Option<Photo>) {
        // Boxed, because this future is larger than all others here and seldom needed.
        let photo = Box::pin(self.photo_of(turn, work)).await;
        if photo.as_ref().is_some_and(Photo::is_missed) {
            return (Err(WriteFailure { kind: WriteError::NoVision, calls: vec![] }), photo);
        }
        let picture = photo.as_ref().and_then(Photo::picture);
        let written = self.writer.write(&WriteRequest { picture, ..self.ask(turn, work) }).await;
        self.note_model(&written);
        (written, photo)
    }

    /// Records the health of the model: any answer counts as reached.
    pub(crate) fn note_model(&self, written: &Result<Written, WriteFailure>) {
        let kind = written.as_ref().err().map(|failure| &failure.kind);
        if matches!(kind, Some(WriteError::Unavailable | WriteError::DeadlineExceeded)) {
            self.core.health.failed(Upstream::Model, self.core.now());
        } else {
            self.core.health.answered(Upstream::Model, self.core.now());
        }
    }

    /// Settles or releases the payment, and queues the reply.
    async fn end_generation(
        &self,
        turn: &Turn<'_>,
        work: &Work,
        payment: &Payment,
        written: &Result<Written, WriteFailure>,
        photo: Option<&Photo>,
    ) -> Result<(), JourneyError> {
        let Turn { claimed, event, message, person, .. } = *turn;
        let mut tx = self.core.db.write().await?;
        // `None`: the author was erased in the meantime. Nothing of this may be saved or sent.
        let owner = self.lock_payer(&mut tx, payment, &person.author.id).await?;
        let owner = owner.ok_or(JourneyError::Missing("a hold"))?;
        if let Some(photo) = photo {
            photo.record(&mut tx, &owner).await?;
        }
        match written {
            Ok(written) => {
                record_calls(&mut tx, &owner, Some(&event.id), &written.calls, self.core.now()).await?;
                let language = match &work.change {
                    Some(_) => person.author.language,
                    None => surrounding_language(person, &work.brief, written),
                };
                let person = &answered_in(person, language);
                let context = &reply_context(claimed, event, message, person);
                let reply = self.settle(&mut tx, context, &owner, work, payment, written).await?;
                // Posts are not a free answer: the loop guard does not count them.
                let claimed = &ClaimedLane { repeats: None, ..claimed.clone() };
                self.replies.reply_and_finish(tx, claimed, event, message, person, reply).await
            }
            Err(failure) => {
                record_calls(&mut tx, &owner, Some(&event.id), &failure.calls, self.core.now()).await?;
                let is_open = match payment {
                    Payment::Hold(hold) => wallets::release(&mut tx, hold, self.core.now()).await?,
                    Payment::Free => true,
                };
                if !is_open {
                    // The author was erased in the meantime: nothing of this may be saved or sent.
                    return Err(JourneyError::Missing("an open hold"));
                }
                let (purpose, key) = failure_text(&failure.kind);
                // A retry by the author after a failure does not count for the loop guard.
                let repeats = claimed.repeats.clone().filter(|_| purpose != "generation_failed");
                let claimed = &ClaimedLane { repeats, ..claimed.clone() };
                tracing::info!(event.id = %event.id, failure = ?failure.kind, "No posts for event {}", event.id);
                self.replies
                    .reply_and_finish(
                        tx,
                        claimed,
                        event,
                        message,
                        person,
                        self.replies.say(person, purpose, key),
                    )
                    .await
            }
        }
    }

    /// Returns the region that determines the law for the posts of a number: its own, else the operator's.
    pub(crate) fn region_of(&self, phone: Option<&PhoneE164>) -> String {
        let own = phone.and_then(PhoneE164::mobile_country);
        own.unwrap_or_else(|| self.core.settings.default_region.clone())
    }

    /// Locks the paying author: the owner of the hold, which a merge may have changed, or the author of a
    /// free change.
    pub(crate) async fn lock_payer(
        &self,
        tx: &mut Tx,
        payment: &Payment,
        author: &AuthorId,
    ) -> Result<Option<AuthorId>, StoreError> {
        match payment {
            Payment::Hold(hold) => wallets::lock_owner(tx, hold).await,
            Payment::Free => Ok(authors::lock(tx, author).await?.then(|| author.clone())),
        }
    }

    fn ask(&self, turn: &Turn<'_>, work: &Work) -> WriteRequest {
        let author = &turn.person.author;
        let revision = work.change.as_ref().map(|change| change.revision.clone());
        WriteRequest {
            brief: work.brief.clone(),
            is_explicit: work.is_explicit,
            language_hint: author.language,
            language_hint_is_known: author.language_settled,
            language_forced: revision.as_ref().map(language_after),
            platform: revision.as_ref().map(|revision| revision.platform),
            tone: None,
            brand: author.brand.clone(),
            region: Some(self.region_of(turn.person.identity.phone.as_ref())),
            user_ref: user_ref(&author.id),
            seed: seed_of(work.seed_name(turn.event.id.as_str())),
            revision,
            picture: None,
        }
    }

    /// Spends the credit, saves the posts, and composes the reply, all in the transaction that queues it.
    async fn settle(
        &self,
        tx: &mut Tx,
        context: &ReplyContext<'_>,
        owner: &AuthorId,
        work: &Work,
        payment: &Payment,
        written: &Written,
    ) -> Result<Reply, JourneyError> {
        let now = self.core.now();
        let id = GenerationId::fresh(now);
        let reason = work.reason(LedgerReason::WhatsappGeneration);
        let spent = self.spend(tx, payment, owner, work, &id, reason).await?;
        // The event will be retried: a change then costs a credit if its free change was used by another.
        let (author, wallet) = spent.ok_or(JourneyError::Missing("what pays for the posts"))?;
        let generation = NewGeneration {
            id: &id,
            author: &author,
            event: Some(&context.event.id),
            origin: Origin::Whatsapp,
            hold: match payment {
                Payment::Hold(hold) => Some(hold),
                Payment::Free => None,
            },
            root: work.root(),
            brief: work.brief.as_str(),
            intent: &written.intent,
            variants: &written.variants,
            writer: &written.writer,
            prompt_version: written.prompt_version,
        };
        generations::save(tx, &generation, now).await?;
        if context.person.author.question.is_some() && work.change.is_none() {
            questions::close(tx, &author).await?;
        }
        metrics::counter!(metric::CREDITS, "reason" => reason.as_str()).increment(1);
        record_price(&written.calls);

        let language = context.person.author.language;
        if !context.person.author.language_settled {
            authors::guess_language(tx, &author, language).await?;
        }
        let header = if work.change.is_some() { "changed-header" } else { "result-header" };
        let mut units = vec![self.core.catalogue.text(language, header)];
        for (number, variant) in (1..).zip(&written.variants) {
            units.push(format!("*{number}.* {}", postly_whatsapp::markup::to_whatsapp(&variant.text)));
        }
        let posts = 1..units.len();
        let credits = [("credits", Value::Number(wallet.available()))];
        units.push(self.core.catalogue.format(language, "credits-left", &credits));
        if work.is_free() {
            units.push(self.core.catalogue.text(language, "change-was-free"));
        }
        // After the balance: before it, the notes would look like the end of the third post.
        units.extend(written.notes.iter().map(|note| self.note(language, note)));
        units.extend(self.brand.applied_rules(language, &context.person.author.brand));
        units.extend(
            written
                .alt_text
                .as_deref()
                .map(|text| self.core.catalogue.format(language, "alt-text", &[("text", Value::Text(text))])),
        );
        if self.payments.sells() && wallet.available() <= LOW_BALANCE {
            units.push(self.core.catalogue.text(language, "low-balance"));
        }
        Ok(Reply { posts: Some((id, posts)), offers_choice: true, ..Reply::of("result", units) })
    }

    /// Spends the credit, or records the free change. Returns the author, which may have changed by a merge,
    /// and their wallet. `None` if the hold is no longer open, or another change used the free one.
    pub(crate) async fn spend(
        &self,
        tx: &mut Tx,
        payment: &Payment,
        owner: &AuthorId,
        work: &Work,
        generation: &GenerationId,
        reason: LedgerReason,
    ) -> Result<Option<(AuthorId, Wallet)>, StoreError> {
        let (now, entry) = (self.core.now(), EntryId::fresh(self.core.now()));
        match payment {
            Payment::Hold(hold) => wallets::settle(tx, hold, &entry, reason, generation.as_str(), now).await,
            Payment::Free => {
                let operation = work.root().map(results::free_operation).unwrap_or_default();
                let entry = NewEntry {
                    id: &entry,
                    author: owner,
                    delta: 0,
                    reason,
                    operation: &operation,
                    note: None,
                    reference: Some(generation.as_str()),
                };
                match wallets::post(tx, &entry, now).await? {
                    Posted::Done(wallet) => Ok(Some((owner.clone(), wallet))),
                    Posted::AlreadyDone | Posted::Insufficient => Ok(None),
                }
            }
        }
    }

    /// Returns the note that tells the author about the limit of a network.
    fn note(&self, language: Language, note: &Note) -> String {
        let texts = &self.core.catalogue;
        let limited = |key, platform, limit| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let network = platform_limits::display_name(platform);
            texts.format(language, key, &[("network", Value::Text(network)), ("limit", Value::Number(limit))])
        };
        match note {
            Note::UnknownNetworks(names) => {
                let networks = names.join(", ");
                texts.format(language, "note-unknown-networks", &[("networks", Value::Text(&networks))])
            }
            Note::Hashtags { platform, limit } => limited("note-hashtags", *platform, *limit),
            Note::Length { platform, limit } => limited("note-length", *platform, *limit),
        }
    }

    /// Refuses a brief because no credit is left.
    async fn refuse_for_credits(
        &self,
        mut tx: Tx,
        claimed: &ClaimedLane,
        context: &ReplyContext<'_>,
        now: UnixMillis,
    ) -> Result<(), JourneyError> {
        let author = &context.person.author;
        if self.people.was_merged(&mut tx, &author.id).await? {
            // The author was merged in the meantime, and the credits moved: the retry resolves the new
            // author.
            return Err(JourneyError::Missing("an author of her own"));
        }
        let texts = &self.core.catalogue;
        let mut welcome = vec![];
        if author.email.is_none()
            && self.core.settings.welcome_credits > 0
            && !self.people.had_welcome(&mut tx, &author.id).await?
        {
            let credits = [("credits", Value::Number(self.core.settings.welcome_credits))];
            welcome.push(texts.format(author.language, "no-credit-login", &credits));
        }
        // For a newcomer the first words are the way to get credits, not a refusal.
        let mut units = welcome.clone();
        units.push(texts.text(author.language, "no-credit-shop"));
        // A waiting message with the same answer shares it, and needs no link of its own.
        let reply = match outbox::shared_answer(&mut tx, context.lane, "no_credit", &context.event.id).await?
        {
            Some(_) => None,
            None => self.payments.offer(&mut tx, context.person, "no_credit", units, now).await?,
        };
        let reply = reply.unwrap_or_else(|| {
            let url = [("url", Value::Text(&self.core.settings.site_url))];
            let mut units = welcome;
            units.push(texts.format(author.language, "no-credit", &url));
            Reply::of("no_credit", units)
        });
        self.refuse_with(tx, claimed, context, reply, now).await
    }

    /// Tells the author the reason why there are no posts. Messages that wait meanwhile share the answer.
    async fn refuse(
        &self,
        tx: Tx,
        claimed: &ClaimedLane,
        context: &ReplyContext<'_>,
        purpose: &'static str,
        units: Vec<String>,
        now: UnixMillis,
    ) -> Result<(), JourneyError> {
        self.refuse_with(tx, claimed, context, Reply::of(purpose, units), now).await
    }

    async fn refuse_with(
        &self,
        mut tx: Tx,
        claimed: &ClaimedLane,
        context: &ReplyContext<'_>,
        reply: Reply,
        now: UnixMillis,
    ) -> Result<(), JourneyError> {
        let purpose = reply.purpose;
        let shared = outbox::shared_answer(&mut tx, context.lane, purpose, &context.event.id).await?;
        let message = match shared {
            Some(message) => message,
            None => self.replies.queue_reply(&mut tx, context, reply, now).await?,
        };
        let outcome = Outcome::Answered { reply: purpose, message };
        self.replies.finish(tx, claimed, context.event, Some(&context.person.author.id), &outcome).await
    }
}

/// Returns the language of changed posts: the requested one, else that of the current posts.
pub(crate) fn language_after(revision: &Revision) -> Language {
    match revision.change.wish {
        Wish::InLanguage(language) => language,
        Wish::Shorter
        | Wish::Longer
        | Wish::Again
        | Wish::WithoutHashtags
        | Wish::WithoutEmoji
        | Wish::Informal
        | Wish::Formal
        | Wish::Add(_)
        | Wish::Correct(_)
        | Wish::Other => revision.language,
    }
}

/// Returns the purpose of the answer to a failure, and the key of its text. A failure costs nothing.
pub(crate) fn failure_text(failure: &WriteError) -> (&'static str, &'static str) {
    match failure {
        WriteError::SmallTalk => ("small_talk", "small-talk-acknowledgement"),
        WriteError::OffTopic => ("off_topic", "off-topic"),
        WriteError::Unchangeable => ("cannot_change", "cannot-change"),
        WriteError::NoVision => ("photo_unusable", "photo-unusable"),
        WriteError::TooManyFacts => ("too_many_facts", "too-many-facts"),
        WriteError::NoTranslation => ("no_translation", "no-translation"),
        WriteError::UnclearInstructions => ("unclear_instructions", "unclear-instructions"),
        WriteError::Refused
        | WriteError::Filtered
        | WriteError::Truncated
        | WriteError::Invalid(_)
        | WriteError::Quota
        | WriteError::RateLimited
        | WriteError::Unavailable
        | WriteError::DeadlineExceeded => ("generation_failed", "generation-failed"),
    }
}

/// Returns the name of an author for the model's provider: only this service can tie it to the author.
pub(crate) fn user_ref(author: &AuthorId) -> String {
    plain_hash(author.as_str())
}

/// Returns the seed of the offline writer for a request. It is the same for each attempt.
pub(crate) fn seed_of(request: &str) -> u64 {
    let digest = Sha256::digest(request.as_bytes());
    digest.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Records the model calls for an author, and the event that they answer, if any.
pub(crate) async fn record_calls(
    tx: &mut Tx,
    author: &AuthorId,
    event: Option<&EventId>,
    calls: &[CallRecord],
    now: UnixMillis,
) -> Result<(), StoreError> {
    for call in calls {
        let row = ModelCall {
            id: &fresh_text(now),
            author,
            event,
            model: &call.model,
            stage: call.stage.as_str(),
            outcome: call.outcome,
            prompt_version: call.prompt_version,
            prompt_tokens: call.prompt_tokens,
            completion_tokens: call.completion_tokens,
            price_microunits: call.price_microunits,
            latency_ms: call.latency_ms,
            request_id: call.request_id.as_deref(),
        };
        generations::record_call(tx, &row, now).await?;
    }
    Ok(())
}

/// Records the price of a saved generation in the metrics.
#[expect(clippy::cast_precision_loss, reason = "a figure of statistics")]
pub(crate) fn record_price(calls: &[CallRecord]) {
    let price: i64 = calls.iter().filter_map(|call| call.price_microunits).sum();
    metrics::histogram!(metric::LLM_COST_PER_GENERATION).record(price as f64);
}

/// Returns the language of the text around the posts: the author's, or that of the posts while the author's
/// is not settled. A language requested by name does not tell the author's.
fn surrounding_language(person: &Person, brief: &Brief, written: &Written) -> Language {
    if person.author.language_settled || requested_language(brief.as_str()).is_some() {
        person.author.language
    } else {
        written.intent.language
    }
}

/// Returns the same person with this language.
fn answered_in(person: &Person, language: Language) -> Person {
    let mut person = person.clone();
    person.author.language = language;
    person
}
