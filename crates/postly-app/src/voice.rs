//! Voice notes: downloaded and transcribed with no transaction open, then handled as the text that a model
//! heard.
//!
//! The transcript is stored before it is handled, so that a retry of the event neither calls nor pays a model
//! again. The recording itself is not stored.

use std::sync::Arc;

use postly_domain::{
    Language,
    event::{Content, IgnoreRule, InboundMessage},
    id::AuthorId,
    media::{InboundMedia, MediaKind, ogg_opus_seconds},
    time::DAY_MS,
};
use postly_i18n::Value;
use postly_pipeline::{CallRecord, Hints, TranscribeError, Transcriber, Transcription, Writer};
use postly_store::{
    Tx, authors,
    inbox::{DueEvent, Outcome},
    lanes::{self, ClaimedLane},
    media::{self, MediaOutcome, MediaRow},
    outbox,
};
use postly_whatsapp::{MediaError, send::Senders};

use crate::{
    Core, JourneyError, ModelBudgets, People, Replies, Turns, conflict::again, crash, generate::record_calls,
    measure::model_time, people::Person, reply::Reply, work::LEASE_MS,
};

/// The longest voice note that is transcribed, in seconds (RULES 5.9).
const LONGEST_SECONDS: u32 = 5 * 60;
/// The most notices in 24 hours that tell an author that a voice note cannot be used (RULES 4.20).
const MOST_UNUSABLE: i64 = 10;

/// A voice note in its turn.
struct VoiceTurn<'a> {
    claimed: &'a ClaimedLane,
    event: &'a DueEvent,
    message: &'a InboundMessage,
    voice: &'a InboundMedia,
    transcriber: &'a Transcriber,
}

/// The result of a transcription.
struct Heard {
    row: MediaRow,
    calls: Vec<CallRecord>,
}

/// Returns the voice note of a message, unless it was sent in a group.
fn voice_of(message: &InboundMessage) -> Option<&InboundMedia> {
    let voice = message.media.as_ref().filter(|media| media.kind == MediaKind::Voice)?;
    matches!(message.content, Content::Unreadable { .. }).then_some(voice)
}

/// Voice notes: downloaded, transcribed and handed on as text.
#[derive(Clone)]
pub struct VoiceNotes {
    pub(crate) core: Core,
    pub(crate) model_budgets: ModelBudgets,
    pub(crate) people: People,
    pub(crate) replies: Replies,
    pub(crate) senders: Senders,
    pub(crate) transcriber: Option<Arc<Transcriber>>,
    pub(crate) turns: Turns,
    pub(crate) writer: Writer,
}

impl VoiceNotes {
    /// Replaces a voice note by the words that a model hears in it; returns any other message as it is.
    /// `None` if the event has ended, with or without an answer.
    pub(crate) async fn listen(
        &self,
        claimed: &ClaimedLane,
        event: &DueEvent,
        mut message: InboundMessage,
    ) -> Result<Option<InboundMessage>, JourneyError> {
        let row = match (self.transcriber(), voice_of(&message)) {
            (Some(transcriber), Some(voice)) => {
                let turn = VoiceTurn { claimed, event, message: &message, voice, transcriber };
                // Boxed, so that the future of a text message does not become larger.
                Box::pin(self.take_voice_turn(&turn)).await?
            }
            (None, _) | (_, None) => return Ok(Some(message)),
        };
        Ok(row.and_then(|row| row.transcript).map(|text| {
            message.content = Content::Spoken(text);
            message
        }))
    }

    /// Returns the transcriber, if a server has its model.
    pub(crate) fn transcriber(&self) -> Option<&Transcriber> {
        self.transcriber.as_deref().filter(|transcriber| !transcriber.is_missing())
    }

    /// Transcribes a voice note unless it was transcribed before, and answers it if there is no transcript.
    /// `None` if the event has ended.
    async fn take_voice_turn(&self, turn: &VoiceTurn<'_>) -> Result<Option<MediaRow>, JourneyError> {
        let VoiceTurn { claimed, event, message, .. } = *turn;
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        let met = self
            .people
            .resolve_author(&mut tx, &message.sender, event.occurred_at, || Language::Fr, now)
            .await?;
        let Some(person) = met else {
            self.replies.ignore_erased(tx, claimed, event).await?;
            return Ok(None);
        };
        if let Some(row) = media::of_event(&mut tx, &event.id).await? {
            if row.transcript.is_some() {
                return Ok(Some(row));
            }
            self.answer_unusable(tx, turn, &person, row.outcome).await?;
            return Ok(None);
        }
        let Some(tx) = self.may_listen(tx, turn, &person).await? else { return Ok(None) };
        tx.commit().await?;
        crash::point("listening");
        let (heard, ()) = tokio::join!(
            model_time(self.hear(turn, &person)),
            self.senders.show_typing(event.provider, &message.provider_message_id)
        );
        crash::point("heard");
        again!(self.keep_heard(turn, &heard))?;
        crash::point("heard.kept");
        if heard.row.transcript.is_some() {
            return Ok(Some(heard.row));
        }
        let tx = self.core.db.write().await?;
        self.answer_unusable(tx, turn, &person, heard.row.outcome).await?;
        Ok(None)
    }

    /// Ends a voice note that must not be transcribed: of a blocked author, of one waiting for a person, of
    /// one with no model calls left, or during a pause of the service. `None` if the event has ended.
    async fn may_listen(
        &self,
        mut tx: Tx,
        turn: &VoiceTurn<'_>,
        person: &Person,
    ) -> Result<Option<Tx>, JourneyError> {
        let VoiceTurn { claimed, event, message, .. } = *turn;
        let now = self.core.now();
        if let Some(since) = person.author.blocked_at {
            self.replies.end_blocked(tx, claimed, event, message, person, since).await?;
            return Ok(None);
        }
        if self.turns.waits_for_a_person(&mut tx, claimed, event, person, now).await? {
            let outcome = Outcome::Ignored(IgnoreRule::HandedOver);
            self.replies.finish(tx, claimed, event, Some(&person.author.id), &outcome).await?;
            return Ok(None);
        }
        let Some(mut tx) = self.replies.end_while_paused(tx, claimed, event, message, person).await? else {
            return Ok(None);
        };
        if let Some(spent) = self.model_budgets.exhausted_budget(&mut tx, person.recent_calls, now).await? {
            tracing::info!(author.id = %person.author.id, ?spent, "A day's budget of model calls is used up");
            let reply = self.replies.say(person, "budget", spent.text_key());
            self.replies.reply_and_finish(tx, claimed, event, message, person, reply).await?;
            return Ok(None);
        }
        Ok(Some(tx))
    }

    /// Downloads and transcribes a voice note. No transaction is open; each part has its own time limit.
    async fn hear(&self, turn: &VoiceTurn<'_>, person: &Person) -> Heard {
        let VoiceTurn { event, voice, transcriber, .. } = *turn;
        let mut row = MediaRow {
            event: event.id.clone(),
            author: person.author.id.clone(),
            provider: event.provider,
            kind: MediaKind::Voice,
            content_type: voice.content_type.clone(),
            size_bytes: None,
            outcome: MediaOutcome::Failed,
            transcript: None,
            created_at: self.core.now(),
        };
        let download = match self.senders.download(event.provider, voice).await {
            Ok(download) => download,
            Err(error) => {
                row.outcome = outcome_of(error);
                return Heard { row, calls: vec![] };
            }
        };
        let file = &download.file;
        file.file_type.content_type().clone_into(&mut row.content_type);
        row.size_bytes = i64::try_from(file.bytes.len()).ok();
        if ogg_opus_seconds(&file.bytes).is_some_and(|seconds| seconds > LONGEST_SECONDS) {
            row.outcome = MediaOutcome::TooLong;
            return Heard { row, calls: vec![] };
        }
        // The names of the brand memory, in the author's spelling.
        let brand = &person.author.brand;
        let keywords: Vec<String> =
            [&brand.name, &brand.trade, &brand.place].into_iter().flatten().cloned().collect();
        let author = &person.author;
        let languages = if author.language_settled { std::slice::from_ref(&author.language) } else { &[] };
        let hints = Hints { languages, keywords: &keywords };
        let Transcription { text, calls } = transcriber.transcribe(file, hints).await;
        match text {
            Ok(text) => {
                row.outcome = MediaOutcome::Taken;
                row.transcript = Some(text);
            }
            Err(error) => {
                tracing::info!(event.id = %event.id, %error, "No words for event {}", event.id);
                row.outcome = match error {
                    TranscribeError::NoSpeech => MediaOutcome::NoSpeech,
                    TranscribeError::Unusable => MediaOutcome::Unusable,
                    TranscribeError::Missing | TranscribeError::Failed(_) => MediaOutcome::Failed,
                };
            }
        }
        Heard { row, calls }
    }

    /// Stores the transcript under the lease, renewed for the posts: a worker that lost it stores nothing.
    async fn keep_heard(&self, turn: &VoiceTurn<'_>, heard: &Heard) -> Result<(), JourneyError> {
        let now = self.core.now();
        let mut tx = self.core.db.write().await?;
        let author: &AuthorId = &heard.row.author;
        if !authors::lock(&mut tx, author).await? {
            // If the author was erased, nothing may be stored. If they were merged, a retry resolves the
            // current author.
            return Err(JourneyError::Missing("an author"));
        }
        lanes::renew(&mut tx, turn.claimed, now.plus_ms(LEASE_MS)).await?;
        record_calls(&mut tx, author, Some(&turn.event.id), &heard.calls, now).await?;
        media::record(&mut tx, &heard.row).await?;
        Ok(tx.commit().await?)
    }

    /// Tells the author that a voice note cannot be used, and names the usable kinds, a few times a day.
    async fn answer_unusable(
        &self,
        mut tx: Tx,
        turn: &VoiceTurn<'_>,
        person: &Person,
        outcome: MediaOutcome,
    ) -> Result<(), JourneyError> {
        const PURPOSE: &str = "voice_unusable";
        let VoiceTurn { claimed, event, message, .. } = *turn;
        let yesterday = self.core.now().plus_ms(-DAY_MS);
        if outbox::queued_since(&mut tx, &claimed.lane, PURPOSE, yesterday).await? >= MOST_UNUSABLE {
            let outcome = Outcome::Ignored(IgnoreRule::SaidAlready);
            return self.replies.finish(tx, claimed, event, Some(&person.author.id), &outcome).await;
        }
        if turn.transcriber.is_missing() {
            let hint = Reply::plain("unreadable", self.what_works(person.author.language));
            return self.replies.reply_and_finish(tx, claimed, event, message, person, hint).await;
        }
        let values = [
            ("why", Value::Text(outcome.as_str())),
            ("minutes", Value::Number(i64::from(LONGEST_SECONDS / 60))),
        ];
        let text = self.core.catalogue.format(person.author.language, "voice-unusable", &values);
        self.replies.reply_and_finish(tx, claimed, event, message, person, Reply::plain(PURPOSE, text)).await
    }

    /// Returns the hint that names the kinds of messages the service reads.
    pub(crate) fn what_works(&self, language: Language) -> String {
        let kinds = match (self.transcriber().is_some(), self.writer.sees()) {
            (true, true) => "both",
            (true, false) => "voice",
            (false, true) => "photo",
            (false, false) => "text",
        };
        self.core.catalogue.format(language, "unreadable", &[("kinds", Value::Text(kinds))])
    }
}

/// Returns the recorded outcome of a failed download.
pub(crate) fn outcome_of(error: MediaError) -> MediaOutcome {
    match error {
        MediaError::TooLarge => MediaOutcome::TooLong,
        MediaError::WrongType | MediaError::Empty => MediaOutcome::Unusable,
        MediaError::NotConfigured
        | MediaError::ForbiddenAddress
        | MediaError::Gone
        | MediaError::Refused { .. }
        | MediaError::Unavailable => MediaOutcome::Failed,
    }
}
