//! A message, from its turn in line to its queued reply.

use postly_domain::{
    Command, Language, UnixMillis,
    brief::MAX_BRIEF_CHARS,
    event::{Content, IgnoreRule, InboundEvent, InboundMessage},
    openings,
    repeats::{LoopGuard, LoopVerdict},
    small_talk::SmallTalk,
    text::fold,
    time::{DAY_MS, SERVICE_WINDOW_SECS},
};
use postly_i18n::Value;
use postly_pipeline::guard::forbidden;
use postly_store::{
    StoreError, Tx, authors,
    inbox::{self, DueEvent, Outcome},
    lanes::{self, ClaimedLane},
    outbox, wallets,
};

use crate::{
    App, JourneyError, crash,
    people::Person,
    reply::{Reply, ReplyContext, hold_key},
};

/// How many messages of one author may wait (RULES 4.2). Further messages get one notice and end as `flood`.
pub(crate) const MAX_WAITING: i64 = 60;
/// How often within 24 hours an author is told that a brief is about something forbidden (RULES 4.8).
const MOST_FORBIDDEN: i64 = 3;

impl App {
    /// Handles the event at the head of a claimed lane of the inbox.
    pub(crate) async fn handle_event(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
    ) -> Result<(), JourneyError> {
        match postly_whatsapp::parse_event(event.provider, event.kind, &event.slice)? {
            InboundEvent::Message(message) => match self.as_amended(claimed, event, message).await? {
                Some(message) => self.converse(claimed, event, &message).await,
                None => self.finish_revoked(claimed, event).await,
            },
            InboundEvent::IdentityChange(change) => {
                let mut tx = self.0.db.write().await?;
                let moved = self.apply_identity_change(&mut tx, &change).await?;
                let outcome = match moved {
                    Some(_) => Outcome::Applied,
                    None => Outcome::Ignored(IgnoreRule::UnknownIdentity),
                };
                self.finish(tx, claimed, event, moved.as_ref(), &outcome).await
            }
            InboundEvent::Status(update) => self.apply_status(claimed, event, &update).await,
        }
    }

    async fn converse(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
        message: &InboundMessage,
    ) -> Result<(), JourneyError> {
        let now = self.now();
        if now.since_ms(event.occurred_at) >= SERVICE_WINDOW_SECS * 1000 {
            let tx = self.0.db.write().await?;
            return self.finish(tx, claimed, event, None, &Outcome::Ignored(IgnoreRule::WindowClosed)).await;
        }
        if let Content::Tap { payload: Some(payload), .. } = &message.content
            && self.tapped(claimed, event, message, payload).await?
        {
            return Ok(());
        }
        let (text, command) = match &message.content {
            Content::Text(text) => (text.as_str(), Command::parse(text)),
            Content::Caption { text, .. } => (text.as_str(), Command::parse_caption(text)),
            Content::Tap { title: Some(title), .. } => (title.as_str(), Command::parse_label(title)),
            Content::Tap { title: None, .. } | Content::Unreadable { .. } => {
                return self.hint(claimed, event, message).await;
            }
            Content::OwnNumber { phone } => {
                return self.number_shared(claimed, event, message, phone).await;
            }
            Content::Revoke { original } | Content::Edit { original, .. } => {
                return self.finish_amendment(claimed, event, message, original).await;
            }
            Content::Silent { .. } => {
                let tx = self.0.db.write().await?;
                return self
                    .finish(tx, claimed, event, None, &Outcome::Ignored(IgnoreRule::NothingToSay))
                    .await;
            }
        };
        let mut tx = self.0.db.write().await?;
        let met = self
            .resolve_author(&mut tx, &message.sender, event.occurred_at, || first_language(text), now)
            .await?;
        let Some(mut person) = met else { return self.ignore_erased(tx, claimed, event).await };
        self.settle_language(&mut tx, &mut person, text).await?;
        self.note_business_number(&mut tx, message).await?;
        if self.confirms(&person, text, now) {
            return self.erase_and_finish(tx, claimed, event, message, &person).await;
        }
        if person.author.erasure_asked_at.is_some() && command != Command::Delete {
            authors::ask_erasure(&mut tx, &person.author.id, None).await?;
        }
        // What may be a machine's: only what is no command and is answered for free counts in the end.
        let repeats = match &command {
            Command::Generate(_) | Command::SmallTalk(_) | Command::HowToStop | Command::MissingBrief => {
                let hash = self.name_hash(&fold(text)).chars().take(16).collect();
                Some(LoopGuard::observe(claimed.repeats.as_ref(), hash, event.occurred_at, now))
            }
            _ => None,
        };
        let turn = repeats.as_ref().map_or(LoopVerdict::Answer, |(_, turn)| *turn);
        let claimed = &ClaimedLane { repeats: repeats.map(|(repeats, _)| repeats), ..claimed.clone() };
        let say =
            |purpose, key| Ok(Reply::plain(purpose, self.0.catalogue.text(person.author.language, key)));
        let reply = match &command {
            _ if turn == LoopVerdict::Silence => Err(IgnoreRule::Loop),
            _ if turn == LoopVerdict::Warn => {
                metrics::counter!("loops_total").increment(1);
                say("loop", "loop")
            }
            Command::Generate(brief) => match forbidden(brief.as_str()) {
                None => return self.generate(tx, claimed, event, message, &person, brief).await,
                Some(kind) => {
                    metrics::counter!("forbidden_briefs_total", "kind" => kind.as_str()).increment(1);
                    let yesterday = now.plus_ms(-DAY_MS);
                    let told = outbox::queued_since(&mut tx, &claimed.lane, "forbidden", yesterday).await?;
                    if told < MOST_FORBIDDEN {
                        say("forbidden", "forbidden")
                    } else {
                        Err(IgnoreRule::SaidAlready)
                    }
                }
            },
            Command::Login => {
                let brought =
                    self.login_code_reply(&mut tx, &person, &message.sender, &claimed.lane, None, now);
                brought.await?.ok_or(IgnoreRule::SaidAlready)
            }
            Command::Export => {
                let url = format!("{}/api/me/export", self.0.settings.site_url);
                let url = [("url", Value::Text(&url))];
                let lead = Some(self.0.catalogue.format(person.author.language, "export", &url));
                let brought =
                    self.login_code_reply(&mut tx, &person, &message.sender, &claimed.lane, lead, now);
                brought.await?.ok_or(IgnoreRule::SaidAlready)
            }
            Command::Recharge => {
                let title = vec![self.0.catalogue.text(person.author.language, "shop-title")];
                match self.offer(&mut tx, &person, "recharge", title, now).await? {
                    Some(reply) => Ok(reply),
                    // Nothing is for sale: a reserved word is answered like HELP (RULES 4.3).
                    None => say("help", "help"),
                }
            }
            Command::SmallTalk(SmallTalk::Price) => {
                let about = vec![self.0.catalogue.text(person.author.language, "small-talk-about-us")];
                match self.offer(&mut tx, &person, "small_talk", about, now).await? {
                    Some(reply) => Ok(reply),
                    None => say("small_talk", "small-talk-about-us"),
                }
            }
            Command::Phrase(phrase) => Ok(self.answer_phrase(&mut tx, &person, phrase, now).await?),
            Command::NotMe => Ok(self.deny_codes(&mut tx, &person, now).await?),
            command => Ok(self.answer(&mut tx, &person, command, now).await?),
        };
        self.release_stale_hold(&mut tx, event, now).await?;
        match reply {
            Ok(reply) => self.reply_and_finish(tx, claimed, event, message, &person, reply).await,
            Err(rule) => {
                let outcome = Outcome::Ignored(rule);
                self.finish(tx, claimed, event, Some(&person.author.id), &outcome).await
            }
        }
    }

    /// What somebody wrote who was erased since is not answered, and makes nobody of her.
    pub(crate) async fn ignore_erased(
        &self,
        tx: Tx,
        claimed: &ClaimedLane,
        event: &DueEvent,
    ) -> Result<(), JourneyError> {
        self.finish(tx, claimed, event, None, &Outcome::Ignored(IgnoreRule::Erased)).await
    }

    /// Answers a tap on a button of ours. Returns false for any other, of which only the label can be read.
    async fn tapped(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
        message: &InboundMessage,
        payload: &str,
    ) -> Result<bool, JourneyError> {
        let now = self.now();
        let mut tx = self.0.db.write().await?;
        let met =
            self.resolve_author(&mut tx, &message.sender, event.occurred_at, || Language::Fr, now).await?;
        let Some(person) = met else {
            self.ignore_erased(tx, claimed, event).await?;
            return Ok(true);
        };
        let Some(reply) = self.answer_tap(&mut tx, &person, payload, now).await? else { return Ok(false) };
        self.reply_and_finish(tx, claimed, event, message, &person, reply).await?;
        Ok(true)
    }

    /// The answer to everything that is free.
    async fn answer(
        &self,
        tx: &mut Tx,
        person: &Person,
        command: &Command,
        now: UnixMillis,
    ) -> Result<Reply, JourneyError> {
        let author = &person.author;
        let texts = &self.0.catalogue;
        let say = |purpose, key| Reply::plain(purpose, texts.text(author.language, key));
        let limited = |purpose, key, limit: i64| {
            Reply::plain(purpose, texts.format(author.language, key, &[("limit", Value::Number(limit))]))
        };
        Ok(match command {
            Command::Help => say("help", "help"),
            Command::Balance => {
                let available = wallets::get(tx, &author.id).await?.available();
                let values = [("credits", Value::Number(available))];
                Reply::plain("balance", texts.format(author.language, "balance", &values))
            }
            Command::ShowLanguage => say("language", "language-now"),
            Command::SetLanguage(language) => {
                authors::set_language(tx, &author.id, *language, true).await?;
                Reply::plain("language", texts.text(*language, "language-set"))
            }
            Command::UnknownLanguage => say("language", "language-unknown"),
            Command::Stop => {
                authors::set_stopped(tx, &person.identity.id, Some(now)).await?;
                say("stopped", "stopped")
            }
            Command::HowToStop => say("how_to_stop", "how-to-stop"),
            Command::Start => {
                authors::set_stopped(tx, &person.identity.id, None).await?;
                say("started", "started")
            }
            Command::SmallTalk(SmallTalk::Greeting) => say("small_talk", "small-talk-greeting"),
            Command::SmallTalk(SmallTalk::Thanks) => say("small_talk", "small-talk-thanks"),
            Command::SmallTalk(SmallTalk::Acknowledgement) => say("small_talk", "small-talk-acknowledgement"),
            Command::SmallTalk(SmallTalk::AboutUs | SmallTalk::Price) => {
                say("small_talk", "small-talk-about-us")
            }
            Command::SmallTalk(SmallTalk::Opening) => say("small_talk", "small-talk-opening"),
            Command::Delete => {
                authors::ask_erasure(tx, &author.id, Some(now)).await?;
                say("delete_confirm", "delete-confirm")
            }
            // These go to journeys of their own before this is reached; without a brief there is nothing to write about.
            Command::MissingBrief
            | Command::Generate(_)
            | Command::Login
            | Command::Export
            | Command::Recharge
            | Command::Phrase(_)
            | Command::NotMe => say("missing_brief", "missing-brief"),
            Command::BriefTooLong => {
                let limit = i64::try_from(MAX_BRIEF_CHARS).unwrap_or(i64::MAX);
                limited("brief_too_long", "brief-too-long", limit)
            }
        })
    }

    /// Answers a message we cannot read with a hint, once a day.
    async fn hint(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
        message: &InboundMessage,
    ) -> Result<(), JourneyError> {
        let now = self.now();
        let mut tx = self.0.db.write().await?;
        let met =
            self.resolve_author(&mut tx, &message.sender, event.occurred_at, || Language::Fr, now).await?;
        let Some(person) = met else { return self.ignore_erased(tx, claimed, event).await };
        let today = now.start_of_day();
        if outbox::queued_since(&mut tx, &claimed.lane, "unreadable", today).await? > 0 {
            let author = Some(&person.author.id);
            return self.finish(tx, claimed, event, author, &Outcome::Ignored(IgnoreRule::HintGiven)).await;
        }
        let reply = Reply::plain("unreadable", self.0.catalogue.text(person.author.language, "unreadable"));
        self.reply_and_finish(tx, claimed, event, message, &person, reply).await
    }

    /// Leaves aside what waits in a lane beyond the limit, and tells its author, once. The event is answered all the same,
    /// in its turn.
    pub(crate) async fn shed_excess_messages(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
    ) -> Result<(), JourneyError> {
        let InboundEvent::Message(message) =
            postly_whatsapp::parse_event(event.provider, event.kind, &event.slice)?
        else {
            // A change of number is no message, and leaves those behind it for the next turn.
            return Ok(());
        };
        let now = self.now();
        let mut tx = self.0.db.write().await?;
        let language = || match &message.content {
            Content::Text(text) | Content::Caption { text, .. } => first_language(text),
            Content::Tap { .. }
            | Content::OwnNumber { .. }
            | Content::Unreadable { .. }
            | Content::Revoke { .. }
            | Content::Edit { .. }
            | Content::Silent { .. } => Language::Fr,
        };
        let met = self.resolve_author(&mut tx, &message.sender, event.occurred_at, language, now).await?;
        let left_aside = inbox::trim(&mut tx, claimed, MAX_WAITING, now).await?;
        if let Some(person) = met
            && left_aside > 0
        {
            let context = reply_context(claimed, event, &message, &person);
            let values = [("limit", Value::Number(MAX_WAITING))];
            let text = self.0.catalogue.format(person.author.language, "flood", &values);
            // One notice for what waits together: the next one only when this one has long left.
            if outbox::queued_since(
                &mut tx,
                &claimed.lane,
                "flood",
                now.plus_ms(-postly_domain::time::HOUR_MS),
            )
            .await?
                == 0
            {
                self.queue_notice(&mut tx, &context, "flood", &text, now).await?;
            }
        }
        tx.commit().await?;
        self.0.wakers.wake_here(lanes::Queue::Outbox);
        Ok(())
    }

    /// Queues the reply, ends the event, and lets both be seen at once.
    pub(crate) async fn reply_and_finish(
        &self,
        mut tx: Tx,
        claimed: &ClaimedLane,
        event: &DueEvent,
        message: &InboundMessage,
        person: &Person,
        reply: Reply,
    ) -> Result<(), JourneyError> {
        let purpose = reply.purpose;
        let context = reply_context(claimed, event, message, person);
        let first = self.queue_reply(&mut tx, &context, reply, self.now()).await?;
        let outcome = Outcome::Answered { reply: purpose, message: first };
        self.finish(tx, claimed, event, Some(&person.author.id), &outcome).await
    }

    /// Ends the event in the transaction of everything it brought about.
    pub(crate) async fn finish(
        &self,
        mut tx: Tx,
        claimed: &ClaimedLane,
        event: &DueEvent,
        author: Option<&postly_domain::id::AuthorId>,
        outcome: &Outcome,
    ) -> Result<(), JourneyError> {
        let more = inbox::finish(&mut tx, claimed, &event.id, author, outcome, self.now()).await?;
        crash::point("finish.before");
        tx.commit().await?;
        crash::point("finish.after");
        let (state, name) = match outcome {
            Outcome::Answered { reply, .. } => ("answered", *reply),
            Outcome::Applied => ("applied", "applied"),
            Outcome::Ignored(rule) => ("ignored", rule.as_str()),
            Outcome::Dead(reason) => ("dead", *reason),
        };
        metrics::counter!("inbound_finished_total", "state" => state, "outcome" => name).increment(1);
        tracing::info!(event.id = %event.id, state, outcome = name, "Finished event {}: {state} ({name})", event.id);
        self.0.live.changed();
        if matches!(outcome, Outcome::Answered { .. } | Outcome::Dead(_)) {
            self.0.wakers.wake_here(lanes::Queue::Outbox);
        }
        if more {
            self.0.wakers.wake_here(claimed.queue);
        }
        Ok(())
    }

    /// Gives an event up after too many attempts: what it held is released, and its author is told, if she can be.
    pub(crate) async fn dead_letter_with_apology(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
    ) -> Result<(), JourneyError> {
        tracing::error!(event.id = %event.id, attempts = event.attempts, "Gave up event {}: see dead-letters", event.id);
        match self.dead_letter(claimed, event, true).await {
            Err(error) if !error.is_lease_lost() => {
                // What keeps failing may be the very thing that the apology needs. An end is owed all the same.
                self.dead_letter(claimed, event, false).await
            }
            done => done,
        }
    }

    /// Releases what an earlier try at an event may have reserved, when there will be no posts after all.
    pub(crate) async fn release_stale_hold(
        &self,
        tx: &mut Tx,
        event: &DueEvent,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        if event.attempts > 1 {
            wallets::release_by_key(tx, &hold_key(event), now).await?;
        }
        Ok(())
    }

    async fn dead_letter(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
        apologise: bool,
    ) -> Result<(), JourneyError> {
        let now = self.now();
        let mut tx = self.0.db.write().await?;
        self.release_stale_hold(&mut tx, event, now).await?;
        let mut author = None;
        if apologise
            && let Ok(InboundEvent::Message(message)) =
                postly_whatsapp::parse_event(event.provider, event.kind, &event.slice)
            && now.since_ms(event.occurred_at) < SERVICE_WINDOW_SECS * 1000
        {
            let met = self
                .resolve_author(&mut tx, &message.sender, event.occurred_at, || Language::Fr, now)
                .await?;
            if let Some(person) = met {
                let text = self.0.catalogue.text(person.author.language, "generation-failed");
                self.queue_notice(
                    &mut tx,
                    &reply_context(claimed, event, &message, &person),
                    "failed",
                    &text,
                    now,
                )
                .await?;
                author = Some(person.author.id);
            }
        }
        self.finish(tx, claimed, event, author.as_ref(), &Outcome::Dead("attempts_exhausted")).await
    }
}

/// The language in which we answer an author's first message: the one it seems to be in, else French.
fn first_language(text: &str) -> Language {
    // The openings that WhatsApp proposes are short, and their language is known.
    let opening = openings::read(text);
    opening.or_else(|| postly_pipeline::detect_language(text).best).unwrap_or(Language::Fr)
}

/// A message and its surroundings.
pub(crate) fn reply_context<'a>(
    claimed: &'a ClaimedLane,
    event: &'a DueEvent,
    message: &'a InboundMessage,
    person: &'a Person,
) -> ReplyContext<'a> {
    ReplyContext {
        event,
        lane: &claimed.lane,
        person,
        business: &message.business,
        provider_message_id: &message.provider_message_id,
        address: &message.sender.address,
    }
}
