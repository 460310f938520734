//! A brief becomes three posts, paid exactly once.

use postly_domain::{
    Brief, Command, Language, LedgerReason, PhoneE164, UnixMillis,
    credits::GENERATION_PRICE,
    event::{Content, InboundMessage},
    id::{AuthorId, EntryId, EventId, GenerationId, HoldId},
    post::Origin,
};
use postly_i18n::Value;
use postly_pipeline::{
    CallRecord, Note, WriteError, WriteFailure, WriteRequest, Written, platform_limits, requested_language,
};
use postly_store::{
    StoreError, Tx, authors,
    generations::{self, ModelCall, NewGeneration},
    inbox::{DueEvent, Outcome},
    lanes::ClaimedLane,
    outbox,
    wallets::{self, Held},
};
use sha2::{Digest as _, Sha256};

use crate::{
    App, JourneyError,
    conflict::again,
    conversation::reply_context,
    crash,
    ids::{Fresh as _, fresh_text},
    people::Person,
    reply::{Reply, ReplyContext},
    seal::plain_hash,
};

/// At how many credits the answer says where there are more (RULES 4.11).
const LOW_BALANCE: i64 = 2;

impl App {
    /// Reserves a credit, writes, and settles or releases. `tx` has met the author; no transaction is open while
    /// the posts are written.
    pub(crate) async fn generate(
        &self,
        tx: Tx,
        claimed: &ClaimedLane,
        event: &DueEvent,
        message: &InboundMessage,
        person: &Person,
        brief: &Brief,
    ) -> Result<(), JourneyError> {
        let Some(mut tx) = self.end_while_paused(tx, claimed, event, message, person).await? else {
            return Ok(());
        };
        let context = reply_context(claimed, event, message, person);
        let now = self.now();
        let author = &person.author.id;
        if let Some(spent) = self.exhausted_budget(&mut tx, person.recent_calls, now).await? {
            self.release_stale_hold(&mut tx, event, now).await?;
            tracing::warn!(author.id = %author, ?spent, "A day's budget of model calls is used up");
            let units = vec![self.0.catalogue.text(person.author.language, spent.text_key())];
            return self.refuse(tx, claimed, &context, "budget", units, now).await;
        }
        let hold = match wallets::hold(
            &mut tx,
            &HoldId::fresh(now),
            author,
            &context.hold_key(),
            GENERATION_PRICE,
            now,
        )
        .await?
        {
            Held::Open(hold) => hold,
            Held::Insufficient => return self.refuse_for_credits(tx, claimed, &context, now).await,
            // A hold is closed in the transaction that ends its event, so an event that waits has none closed.
            Held::Closed(_) => return Err(JourneyError::Missing("an open hold")),
            // When her event is taken up again, she is nobody.
            Held::Erased => return Err(JourneyError::Missing("an author")),
        };
        crash::point("hold.before");
        tx.commit().await?;
        crash::point("hold.after");

        let ask = self.ask(person, event, message, brief);
        // The typing sign first ends before the reply can leave, so that it never outlives it.
        let (written, ()) = tokio::join!(
            self.0.writer.write(&ask),
            self.0.senders.show_typing(event.provider, &message.provider_message_id)
        );
        crash::point("written");

        #[cfg(feature = "mutant-m04")]
        if written.is_ok() {
            let mut alone = self.0.db.write().await?;
            let (entry, reason) = (EntryId::fresh(now), LedgerReason::WhatsappGeneration);
            wallets::settle(&mut alone, &hold, &entry, reason, "", self.now()).await?;
            alone.commit().await?;
        }
        // The posts are paid for: whatever else meets this transaction, they are not written twice.
        again!(self.end_generation(claimed, &context, message, brief, &hold, &written))
    }

    /// Settles or releases the hold, and queues the reply.
    async fn end_generation(
        &self,
        claimed: &ClaimedLane,
        context: &ReplyContext<'_>,
        message: &InboundMessage,
        brief: &Brief,
        hold: &HoldId,
        written: &Result<Written, WriteFailure>,
    ) -> Result<(), JourneyError> {
        let (event, person) = (context.event, context.person);
        let mut tx = self.0.db.write().await?;
        // None: the author was erased meanwhile. Nothing of this may be written down, and nobody is to be told.
        let owner = wallets::lock_owner(&mut tx, hold).await?.ok_or(JourneyError::Missing("a hold"))?;
        match written {
            Ok(written) => {
                record_calls(&mut tx, &owner, Some(&event.id), &written.calls, self.now()).await?;
                let person = &answered_in(person, surrounding_language(person, brief, written));
                let context = &self::reply_context(claimed, event, message, person);
                let reply = self.settle(&mut tx, context, hold, brief, written).await?;
                // Posts are no free answer, however often they are asked for.
                let claimed = &ClaimedLane { repeats: None, ..claimed.clone() };
                self.reply_and_finish(tx, claimed, event, message, person, reply).await
            }
            Err(failure) => {
                record_calls(&mut tx, &owner, Some(&event.id), &failure.calls, self.now()).await?;
                if !cfg!(feature = "mutant-m07") && !wallets::release(&mut tx, hold, self.now()).await? {
                    // She was erased meanwhile: nothing of this may be written down, and nobody is to be told.
                    return Err(JourneyError::Missing("an open hold"));
                }
                let (purpose, key) = match failure.kind {
                    WriteError::SmallTalk => ("small_talk", "small-talk-acknowledgement"),
                    WriteError::OffTopic => ("off_topic", "off-topic"),
                    WriteError::Refused
                    | WriteError::Filtered
                    | WriteError::Truncated
                    | WriteError::Invalid(_)
                    | WriteError::Quota
                    | WriteError::RateLimited
                    | WriteError::Unavailable
                    | WriteError::DeadlineExceeded => ("generation_failed", "generation-failed"),
                    WriteError::TooManyFacts => ("too_many_facts", "too-many-facts"),
                    WriteError::NoTranslation => ("no_translation", "no-translation"),
                };
                // Whoever tries again what failed is no machine.
                let repeats = claimed.repeats.clone().filter(|_| purpose != "generation_failed");
                let claimed = &ClaimedLane { repeats, ..claimed.clone() };
                tracing::warn!(event.id = %event.id, failure = ?failure.kind, "No posts for event {}", event.id);
                let reply = Reply::plain(purpose, self.0.catalogue.text(person.author.language, key));
                self.reply_and_finish(tx, claimed, event, message, person, reply).await
            }
        }
    }

    /// The region whose law holds for the posts of a number: its own, else the operator's.
    pub(crate) fn region_of(&self, phone: Option<&PhoneE164>) -> String {
        let own = phone.and_then(PhoneE164::mobile_country);
        own.unwrap_or_else(|| self.0.settings.default_region.clone())
    }

    fn ask(
        &self,
        person: &Person,
        event: &DueEvent,
        message: &InboundMessage,
        brief: &Brief,
    ) -> WriteRequest {
        let is_explicit = match &message.content {
            Content::Text(text) | Content::Caption { text, .. } => Command::is_explicit_generation(text),
            Content::Tap { .. }
            | Content::OwnNumber { .. }
            | Content::Unreadable { .. }
            | Content::Revoke { .. }
            | Content::Edit { .. }
            | Content::Silent { .. } => false,
        };
        WriteRequest {
            brief: brief.clone(),
            is_explicit,
            language_hint: person.author.language,
            language_hint_is_known: person.author.language_settled,
            language_forced: None,
            platform: None,
            tone: None,
            region: Some(self.region_of(person.identity.phone.as_ref())),
            user_ref: user_ref(&person.author.id),
            seed: seed_of(event.id.as_str()),
        }
    }

    /// Spends the credit, saves the posts, and composes the reply: all in one transaction with its queueing.
    async fn settle(
        &self,
        tx: &mut Tx,
        context: &ReplyContext<'_>,
        hold: &HoldId,
        brief: &Brief,
        written: &Written,
    ) -> Result<Reply, JourneyError> {
        let now = self.now();
        let id = GenerationId::fresh(now);
        let reason = LedgerReason::WhatsappGeneration;
        let settled = if cfg!(feature = "mutant-m04") {
            let author = context.person.author.id.clone();
            let wallet = wallets::get(tx, &author).await?;
            Some((author, wallet))
        } else {
            wallets::settle(tx, hold, &EntryId::fresh(now), reason, id.as_str(), now).await?
        };
        // Whose it is now: she may have been merged into another while the posts were written.
        let (author, wallet) = settled.ok_or(JourneyError::Missing("an open hold"))?;
        let generation = NewGeneration {
            id: &id,
            author: &author,
            event: Some(&context.event.id),
            origin: Origin::Whatsapp,
            hold,
            brief: brief.as_str(),
            intent: &written.intent,
            variants: &written.variants,
            writer: &written.writer,
            prompt_version: written.prompt_version,
        };
        generations::save(tx, &generation, now).await?;
        metrics::counter!("credits_total", "reason" => reason.as_str()).increment(1);

        let language = context.person.author.language;
        if !context.person.author.language_settled {
            authors::guess_language(tx, &author, language).await?;
        }
        let mut units = vec![self.0.catalogue.text(language, "result-header")];
        for (number, variant) in (1..).zip(&written.variants) {
            units.push(format!("*{number}.* {}", postly_whatsapp::markup::to_whatsapp(&variant.text)));
        }
        let posts = 1..units.len();
        let credits = [("credits", Value::Number(wallet.available()))];
        units.push(self.0.catalogue.format(language, "credits-left", &credits));
        // Behind the balance: before it they would pass for the end of the third post.
        units.extend(written.notes.iter().map(|note| self.note(language, note)));
        if self.sells() && wallet.available() <= LOW_BALANCE {
            units.push(self.0.catalogue.text(language, "low-balance"));
        }
        Ok(Reply { posts: Some((id, posts)), ..Reply::of("result", units) })
    }

    /// Returns the note that tells the author about the limit of a network.
    fn note(&self, language: Language, note: &Note) -> String {
        let texts = &self.0.catalogue;
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

    /// Says that there is no credit left.
    async fn refuse_for_credits(
        &self,
        mut tx: Tx,
        claimed: &ClaimedLane,
        context: &ReplyContext<'_>,
        now: UnixMillis,
    ) -> Result<(), JourneyError> {
        let author = &context.person.author;
        if self.was_merged(&mut tx, &author.id).await? {
            // Her credits have gone to whom she was merged into, a moment ago: ask again, as her.
            return Err(JourneyError::Missing("an author of her own"));
        }
        let texts = &self.0.catalogue;
        let mut welcome = vec![];
        if author.email.is_none()
            && self.0.settings.welcome_credits > 0
            && !self.had_welcome(&mut tx, &author.id).await?
        {
            let credits = [("credits", Value::Number(self.0.settings.welcome_credits))];
            welcome.push(texts.format(author.language, "no-credit-login", &credits));
        }
        let mut units = vec![texts.text(author.language, "no-credit-shop")];
        units.extend(welcome.clone());
        // A waiting message with the same answer shares it, and needs no link of its own.
        let reply = match outbox::shared_answer(&mut tx, context.lane, "no_credit", &context.event.id).await?
        {
            Some(_) => None,
            None => self.offer(&mut tx, context.person, "no_credit", units, now).await?,
        };
        let reply = reply.unwrap_or_else(|| {
            let url = [("url", Value::Text(&self.0.settings.site_url))];
            let mut units = vec![texts.format(author.language, "no-credit", &url)];
            units.extend(welcome);
            Reply::of("no_credit", units)
        });
        self.refuse_with(tx, claimed, context, reply, now).await
    }

    /// Says why there are no posts. What waited while this was said shares the answer.
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
            None => self.queue_reply(&mut tx, context, reply, now).await?,
        };
        let outcome = Outcome::Answered { reply: purpose, message };
        self.finish(tx, claimed, context.event, Some(&context.person.author.id), &outcome).await
    }
}

/// The name of an author for the model's provider: only we can tie it to the author.
pub(crate) fn user_ref(author: &AuthorId) -> String {
    plain_hash(author.as_str())
}

/// The seed of the offline writer for a request: the same for each try.
pub(crate) fn seed_of(request: &str) -> u64 {
    let digest = Sha256::digest(request.as_bytes());
    digest.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Records the calls of a model, for an author and the event that they answer, if any.
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

/// The language of what stands around the posts: the author's, and that of the posts while it is not known. A language
/// asked for by name says nothing about the author.
fn surrounding_language(person: &Person, brief: &Brief, written: &Written) -> Language {
    if person.author.language_settled || requested_language(brief.as_str()).is_some() {
        person.author.language
    } else {
        written.intent.language
    }
}

/// The same person, answered in this language.
fn answered_in(person: &Person, language: Language) -> Person {
    let mut person = person.clone();
    person.author.language = language;
    person
}
