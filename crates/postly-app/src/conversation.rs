//! The handling of an inbound message, from its claim to its queued reply.

use postly_domain::{
    Command, Language,
    event::{Content, IgnoreRule, InboundEvent, InboundMessage},
    metric, openings,
    repeats::{LoopGuard, LoopVerdict},
    text::fold,
    time::SERVICE_WINDOW_SECS,
};
use postly_i18n::Value;
use postly_pipeline::Writer;
use postly_store::{
    authors,
    inbox::{self, DueEvent, Outcome},
    lanes::{self, ClaimedLane},
    outbox, results,
};

use crate::{
    Core, Deliveries, Erasure, Generator, JourneyError, Logins, People, ProviderNotices, Replies,
    RestoredCopy, Turns, VoiceNotes,
    people::Person,
    photo::is_photo_alone,
    reply::{Reply, ReplyContext},
    turn::{Step, Turn},
};

/// The most messages of one author that may wait (RULES 4.2). Further messages get one notice and end as
/// `flood`.
pub(crate) const MAX_WAITING: i64 = 60;

/// The handling of inbound events, up to the reply.
#[derive(Clone)]
pub struct Conversations {
    pub(crate) core: Core,
    pub(crate) deliveries: Deliveries,
    pub(crate) erasure: Erasure,
    pub(crate) generator: Generator,
    pub(crate) logins: Logins,
    pub(crate) notices: ProviderNotices,
    pub(crate) people: People,
    pub(crate) replies: Replies,
    pub(crate) restored: RestoredCopy,
    pub(crate) turns: Turns,
    pub(crate) voice_notes: VoiceNotes,
    pub(crate) writer: Writer,
}

impl Conversations {
    /// Handles the event at the head of a claimed lane of the inbox.
    pub(crate) async fn handle_event(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
    ) -> Result<(), JourneyError> {
        match postly_whatsapp::parse_event(event.provider, event.kind, &event.slice)? {
            InboundEvent::Message(message) => match self.as_amended(claimed, event, message).await? {
                Some(message) => self.attend(claimed, event, message).await,
                None => self.finish_revoked(claimed, event).await,
            },
            InboundEvent::IdentityChange(change) => {
                let mut tx = self.core.db.write().await?;
                let moved = self.people.apply_identity_change(&mut tx, &change).await?;
                let outcome = match moved {
                    Some(_) => Outcome::Applied,
                    None => Outcome::Ignored(IgnoreRule::UnknownIdentity),
                };
                self.replies.finish(tx, claimed, event, moved.as_ref(), &outcome).await
            }
            InboundEvent::Notice(notice) => self.notices.apply_notice(claimed, event, &notice).await,
            InboundEvent::Status(update) => self.deliveries.apply_status(claimed, event, &update).await,
        }
    }

    /// Handles a message; a voice note is transcribed first. A message that comes too late is ignored.
    async fn attend(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
        message: InboundMessage,
    ) -> Result<(), JourneyError> {
        let now = self.core.now();
        if now.since_ms(event.occurred_at) >= SERVICE_WINDOW_SECS * 1000 {
            let tx = self.core.db.write().await?;
            return self
                .replies
                .finish(tx, claimed, event, None, &Outcome::Ignored(IgnoreRule::WindowClosed))
                .await;
        }
        if self.restored.was_answered_elsewhere(event.occurred_at).await? {
            let tx = self.core.db.write().await?;
            return self
                .replies
                .finish(tx, claimed, event, None, &Outcome::Ignored(IgnoreRule::Restored))
                .await;
        }
        match self.voice_notes.listen(claimed, event, message).await? {
            Some(message) => self.converse(claimed, event, &message).await,
            None => Ok(()),
        }
    }

    async fn converse(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
        message: &InboundMessage,
    ) -> Result<(), JourneyError> {
        let now = self.core.now();
        if let Content::Tap { payload: Some(payload), .. } = &message.content
            && self.tapped(claimed, event, message, payload).await?
        {
            return Ok(());
        }
        let (text, command) = match &message.content {
            Content::Text(text) | Content::Spoken(text) => (text.as_str(), Command::parse(text)),
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
                let tx = self.core.db.write().await?;
                return self
                    .replies
                    .finish(tx, claimed, event, None, &Outcome::Ignored(IgnoreRule::NothingToSay))
                    .await;
            }
        };
        let mut tx = self.core.db.write().await?;
        let met = self
            .people
            .resolve_author(&mut tx, &message.sender, event.occurred_at, || first_language(text), now)
            .await?;
        let Some(mut person) = met else { return self.replies.ignore_erased(tx, claimed, event).await };
        self.people.settle_language(&mut tx, &mut person, text).await?;
        self.logins.note_business_number(&mut tx, message).await?;
        if self.confirms(&person, text, now) {
            return self.erase_and_finish(tx, claimed, event, message, &person).await;
        }
        if person.author.erasure_asked_at.is_some() && command != Command::Delete {
            authors::ask_erasure(&mut tx, &person.author.id, None).await?;
        }
        if let Some(since) = person.author.blocked_at
            && !matches!(command, Command::Stop | Command::Delete)
        {
            return self.replies.end_blocked(tx, claimed, event, message, &person, since).await;
        }
        // The loop guard counts only messages that are no commands and are answered for free.
        let repeats = match &command {
            Command::Generate(_) | Command::SmallTalk(_) | Command::HowToStop | Command::MissingBrief => {
                let hash = self.core.name_hash(&fold(text)).chars().take(16).collect();
                Some(LoopGuard::observe(claimed.repeats.as_ref(), hash, event.occurred_at, now))
            }
            _ => None,
        };
        let verdict = repeats.as_ref().map_or(LoopVerdict::Answer, |(_, verdict)| *verdict);
        let claimed = &ClaimedLane { repeats: repeats.map(|(repeats, _)| repeats), ..claimed.clone() };
        let turn = Turn { claimed, event, message, person: &person, now };
        let (step, joined) = match verdict {
            LoopVerdict::Silence => (Step::Ignore(IgnoreRule::Loop), None),
            LoopVerdict::Warn => {
                metrics::counter!(metric::LOOPS).increment(1);
                (self.replies.say(&person, "loop", "loop").into(), None)
            }
            LoopVerdict::Answer => self.turns.take_turn(&mut tx, &turn, command, text).await?,
        };
        let event = &DueEvent { joined, ..event.clone() };
        let reply = match step {
            Step::Wait(until) => {
                lanes::defer(&mut tx, claimed, until).await?;
                return Ok(tx.commit().await?);
            }
            Step::Write(work) => return self.generator.generate(tx, &Turn { event, ..turn }, *work).await,
            Step::Reply(reply) => Ok(*reply),
            Step::Ignore(rule) => Err(rule),
        };
        self.replies.release_stale_hold(&mut tx, event, now).await?;
        match reply {
            Ok(reply) => self.replies.reply_and_finish(tx, claimed, event, message, &person, reply).await,
            Err(rule) => {
                let outcome = Outcome::Ignored(rule);
                self.replies.finish(tx, claimed, event, Some(&person.author.id), &outcome).await
            }
        }
    }

    /// Answers a tap on one of our buttons. Returns false for any other button; only its label can be read.
    async fn tapped(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
        message: &InboundMessage,
        payload: &str,
    ) -> Result<bool, JourneyError> {
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        let met = self
            .people
            .resolve_author(&mut tx, &message.sender, event.occurred_at, || Language::Fr, now)
            .await?;
        let Some(person) = met else {
            self.replies.ignore_erased(tx, claimed, event).await?;
            return Ok(true);
        };
        if person.author.blocked_at.is_some() {
            return Ok(false);
        }
        let reply = match self.replies.chosen(payload) {
            Some((generation, number)) => {
                match results::get(&mut tx, &person.author.id, &generation).await? {
                    Some(result) => self.turns.post_alone(&person, &result, number),
                    None => self.replies.say(&person, "choice_expired", "choice-expired"),
                }
            }
            None => match self.logins.answer_tap(&mut tx, &person, payload, now).await? {
                Some(reply) => reply,
                None => return Ok(false),
            },
        };
        self.replies.reply_and_finish(tx, claimed, event, message, &person, reply).await?;
        Ok(true)
    }

    /// Writes from a photo without a caption, if a model sees it. Any other unreadable message is answered
    /// with a hint, once a day.
    async fn hint(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
        message: &InboundMessage,
    ) -> Result<(), JourneyError> {
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        let met = self
            .people
            .resolve_author(&mut tx, &message.sender, event.occurred_at, || Language::Fr, now)
            .await?;
        let Some(person) = met else { return self.replies.ignore_erased(tx, claimed, event).await };
        if let Some(since) = person.author.blocked_at {
            return self.replies.end_blocked(tx, claimed, event, message, &person, since).await;
        }
        if self.turns.waits_for_a_person(&mut tx, claimed, event, &person, now).await? {
            let outcome = Outcome::Ignored(IgnoreRule::HandedOver);
            return self.replies.finish(tx, claimed, event, Some(&person.author.id), &outcome).await;
        }
        if is_photo_alone(message) && self.writer.sees() {
            let turn = Turn { claimed, event, message, person: &person, now };
            return self.generator.write_from_photo(tx, &turn).await;
        }
        let today = now.start_of_day();
        if outbox::queued_since(&mut tx, &claimed.lane, "unreadable", today).await? > 0 {
            let author = Some(&person.author.id);
            return self
                .replies
                .finish(tx, claimed, event, author, &Outcome::Ignored(IgnoreRule::HintGiven))
                .await;
        }
        let reply = Reply::plain("unreadable", self.voice_notes.what_works(person.author.language));
        self.replies.reply_and_finish(tx, claimed, event, message, &person, reply).await
    }

    /// Leaves unanswered the messages that wait in a lane beyond the limit, and sends their author one
    /// notice. The claimed event is still answered in its turn.
    pub(crate) async fn shed_excess_messages(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
    ) -> Result<(), JourneyError> {
        let InboundEvent::Message(message) =
            postly_whatsapp::parse_event(event.provider, event.kind, &event.slice)?
        else {
            // A change of number is not a message; the messages behind it are checked in the next turn.
            return Ok(());
        };
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        let language = || match &message.content {
            Content::Text(text) | Content::Spoken(text) | Content::Caption { text, .. } => {
                first_language(text)
            }
            Content::Tap { .. }
            | Content::OwnNumber { .. }
            | Content::Unreadable { .. }
            | Content::Revoke { .. }
            | Content::Edit { .. }
            | Content::Silent { .. } => Language::Fr,
        };
        let met =
            self.people.resolve_author(&mut tx, &message.sender, event.occurred_at, language, now).await?;
        let left_aside = inbox::trim(&mut tx, claimed, MAX_WAITING, now).await?;
        if let Some(person) = met
            && left_aside > 0
        {
            let context = reply_context(claimed, event, &message, &person);
            let values = [("limit", Value::Number(MAX_WAITING))];
            let text = self.core.catalogue.format(person.author.language, "flood", &values);
            // One notice for messages that wait together: none is queued within an hour of the last.
            if outbox::queued_since(
                &mut tx,
                &claimed.lane,
                "flood",
                now.plus_ms(-postly_domain::time::HOUR_MS),
            )
            .await?
                == 0
            {
                self.replies.queue_notice(&mut tx, &context, "flood", &text, now).await?;
            }
        }
        tx.commit().await?;
        self.core.wakers.wake_here(lanes::Queue::Outbox);
        Ok(())
    }

    /// Gives an event up after too many attempts. Its hold is released, and its author is told, if possible.
    pub(crate) async fn dead_letter_with_apology(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
    ) -> Result<(), JourneyError> {
        tracing::error!(event.id = %event.id, attempts = event.attempts, "Gave up event {}: see dead-letters", event.id);
        match self.dead_letter(claimed, event, true).await {
            Err(error) if !error.is_lease_lost() => {
                // The apology itself may be the cause of the failure: end the event without it.
                self.dead_letter(claimed, event, false).await
            }
            done => done,
        }
    }

    async fn dead_letter(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
        apologise: bool,
    ) -> Result<(), JourneyError> {
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        self.replies.release_stale_hold(&mut tx, event, now).await?;
        let mut author = None;
        if apologise
            && let Ok(InboundEvent::Message(message)) =
                postly_whatsapp::parse_event(event.provider, event.kind, &event.slice)
            && now.since_ms(event.occurred_at) < SERVICE_WINDOW_SECS * 1000
        {
            let met = self
                .people
                .resolve_author(&mut tx, &message.sender, event.occurred_at, || Language::Fr, now)
                .await?;
            if let Some(person) = met {
                let text = self.core.catalogue.text(person.author.language, "generation-failed");
                self.replies
                    .queue_notice(
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
        self.replies.finish(tx, claimed, event, author.as_ref(), &Outcome::Dead("attempts_exhausted")).await
    }
}

/// Returns the language of the first answer to an author: the detected one, else French.
fn first_language(text: &str) -> Language {
    // The openings that WhatsApp proposes are short, and their language is known.
    let opening = openings::read(text);
    opening.or_else(|| postly_pipeline::detect_language(text).best).unwrap_or(Language::Fr)
}

/// Collects the context of a reply to a message.
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
        heard: match &message.content {
            Content::Spoken(text) => Some(text),
            Content::Text(_)
            | Content::Caption { .. }
            | Content::Tap { .. }
            | Content::OwnNumber { .. }
            | Content::Unreadable { .. }
            | Content::Revoke { .. }
            | Content::Edit { .. }
            | Content::Silent { .. } => None,
        },
    }
}
