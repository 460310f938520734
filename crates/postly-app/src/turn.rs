//! Interprets a message in its turn, and decides on the next step.

use postly_domain::{
    Alert, Brief, Command, UnixMillis,
    event::{Content, IgnoreRule, InboundMessage},
    id::EventId,
    intent::{Change, Intent, State, Wish, interpret_command},
    metric,
    time::DAY_MS,
};
use postly_i18n::Value;
use postly_pipeline::{Revision, amended_brief, brand::banned_word, guard::forbidden};
use postly_store::{
    StoreError, Tx,
    handoffs::{self, Handoff},
    inbox::DueEvent,
    lanes::ClaimedLane,
    questions::{self, Question, Reason},
    results::{self, SavedResult},
};

use crate::{
    BrandMemory, Core, JourneyError, Logins, Payments, Replies, alerts,
    conversation::reply_context,
    generate::{ChangeOf, Work},
    ids::{fresh_text, made_at},
    joining::NextPart,
    people::Person,
    reply::{Reply, ReplyContext},
};

/// The time after a result in which a follow-up may refer to it, and after a question in which a message may
/// answer it (RULES 4.15).
pub(crate) const FOLLOW_UP_MS: i64 = 30 * 60 * 1000;
/// The age from which a brief needs a confirmation before it costs a credit, because its author may have
/// given it up (RULES 4.19).
const LATE_MS: i64 = 10 * 60 * 1000;
/// The round of an event that was not replayed. A replay by the operator writes the posts without a question.
const FIRST_ROUND: i64 = 1;
/// The most characters of a brief that a question about it quotes.
const LONGEST_QUOTED: usize = 80;
/// The time for which an author's messages are left to the operator after the author asked for a person
/// (RULES 4.16).
pub(crate) const HANDOFF_MS: i64 = DAY_MS / 2;

/// A message in its turn.
pub(crate) struct Turn<'a> {
    pub(crate) claimed: &'a ClaimedLane,
    pub(crate) event: &'a DueEvent,
    pub(crate) message: &'a InboundMessage,
    pub(crate) person: &'a Person,
    pub(crate) now: UnixMillis,
}

impl Turn<'_> {
    /// True for a message whose turn comes long after it was written. An operator who replays one wants the
    /// posts.
    pub(crate) fn is_late(&self) -> bool {
        self.now.since_ms(self.event.occurred_at) > LATE_MS && self.event.round == FIRST_ROUND
    }

    /// The open question of this reason that the message may answer: it was asked before the message arrived,
    /// and not long ago.
    pub(crate) fn question(&self, reason: Reason) -> Option<&Question> {
        let arrived_at = made_at(self.event.id.as_str()).unwrap_or(self.event.occurred_at);
        self.person.author.question.as_ref().filter(|question| {
            let age = arrived_at.since_ms(question.asked_at);
            question.reason == reason && (0..FOLLOW_UP_MS).contains(&age)
        })
    }

    pub(crate) fn context(&self) -> ReplyContext<'_> {
        reply_context(self.claimed, self.event, self.message, self.person)
    }
}

/// The next step for a message.
pub(crate) enum Step {
    /// Send a free answer.
    Reply(Box<Reply>),
    /// Send nothing, by this rule.
    Ignore(IgnoreRule),
    /// Write posts.
    Write(Box<Work>),
    /// Wait until this time for the next message.
    Wait(UnixMillis),
}

impl From<Reply> for Step {
    fn from(reply: Reply) -> Self {
        Self::Reply(Box::new(reply))
    }
}

/// The decision on an author's message: a command, a lesson, a change or a brief.
#[derive(Clone)]
pub struct Turns {
    pub(crate) core: Core,
    pub(crate) brand: BrandMemory,
    pub(crate) logins: Logins,
    pub(crate) payments: Payments,
    pub(crate) replies: Replies,
}

impl Turns {
    /// Interprets a message and decides on the next step. `command` is the interpretation of its form alone.
    /// Also returns the message that was read as one with it.
    pub(crate) async fn take_turn(
        &self,
        tx: &mut Tx,
        turn: &Turn<'_>,
        command: Command,
        text: &str,
    ) -> Result<(Step, Option<EventId>), JourneyError> {
        let (intent, result) = self.read_intent(tx, turn, command, text).await?;
        if matches!(intent, Intent::TooVague(_)) {
            match self.next_part(tx, turn, text).await? {
                NextPart::None => {}
                NextPart::Awaited(until) => return Ok((Step::Wait(until), None)),
                NextPart::Joined { text, next } => {
                    let (intent, result) = self.read_intent(tx, turn, Command::parse(&text), &text).await?;
                    return Ok((self.decide(tx, turn, intent, result, &text).await?, Some(next)));
                }
            }
        }
        Ok((self.decide(tx, turn, intent, result, text).await?, None))
    }

    /// Decides on the step that an intent asks for.
    async fn decide(
        &self,
        tx: &mut Tx,
        turn: &Turn<'_>,
        intent: Intent,
        result: Option<SavedResult>,
        text: &str,
    ) -> Result<Step, JourneyError> {
        let Turn { person, now, .. } = *turn;
        if self.is_left_to_a_person(tx, turn, &intent, text).await? {
            return Ok(Step::Ignore(IgnoreRule::HandedOver));
        }
        let was_asked = person.author.question.is_some();
        // The question is closed when the posts are saved, so that a retry interprets the answer in the same
        // way.
        if was_asked && intent == Intent::Cancel {
            questions::close(tx, &person.author.id).await?;
        }
        Ok(match intent {
            Intent::Command(command) => return self.obey(tx, turn, &command).await,
            Intent::Brief(brief) => return self.write_or_refuse(tx, turn, brief, text).await,
            Intent::TooVague(brief) => {
                questions::ask(tx, &person.author.id, brief.as_str(), Reason::Vague, now).await?;
                let subject = [("subject", Value::Text(brief.as_str()))];
                let question = self.core.catalogue.format(person.author.language, "ask-more", &subject);
                Reply::plain("ask_more", question).into()
            }
            Intent::Choose(number) => match result {
                Some(result) => self.post_alone(person, &result, number).into(),
                None => self.nothing_to_change(person).into(),
            },
            Intent::Change(change) => match result {
                Some(result) => match self.plan_change(tx, &result, change, text).await? {
                    Some(work) => Step::Write(Box::new(work)),
                    None => return self.brand.refuse_forbidden(tx, turn).await,
                },
                None => self.nothing_to_change(person).into(),
            },
            Intent::NothingToChange => self.nothing_to_change(person).into(),
            Intent::Lesson(lesson) => return self.brand.take_lesson(tx, turn, lesson).await,
            Intent::Cancel => {
                let was_pending = was_asked || person.author.erasure_asked_at.is_some();
                self.replies
                    .say(person, "cancelled", if was_pending { "cancelled" } else { "nothing-to-cancel" })
                    .into()
            }
            Intent::Human => self.hand_over(tx, turn).await?.into(),
            Intent::Refund => self.replies.say(person, "refund_asked", "refund-asked").into(),
            Intent::Question => self.replies.say(person, "question", "question-asked").into(),
            Intent::OffTopic => self.replies.say(person, "off_topic", "off-topic").into(),
            Intent::Chat => self.replies.say(person, "small_talk", "small-talk-acknowledgement").into(),
        })
    }

    /// Returns the answer to a follow-up without a result that it could refer to.
    fn nothing_to_change(&self, person: &Person) -> Reply {
        self.replies.say(person, "nothing_to_change", "nothing-to-change")
    }

    /// Returns the intent of a message, with the result it refers to. Reads the database only if a result
    /// makes a difference.
    async fn read_intent(
        &self,
        tx: &mut Tx,
        turn: &Turn<'_>,
        command: Command,
        text: &str,
    ) -> Result<(Intent, Option<SavedResult>), StoreError> {
        let author = &turn.person.author;
        let is_recent = |at: UnixMillis| turn.event.occurred_at.since_ms(at) < FOLLOW_UP_MS;
        let about = |reason| turn.question(reason).map(|question| question.about.clone());
        let alone =
            State { has_result: false, asked_about: about(Reason::Vague), late_brief: about(Reason::Late) };
        let after_a_result = State { has_result: true, ..alone.clone() };
        let read_alone = interpret_command(command.clone(), text, &alone);
        let read_after = interpret_command(command, text, &after_a_result);
        if read_alone == read_after {
            return Ok((read_alone, None));
        }
        let meant = match &turn.message.reply_to {
            Some(message) => results::of_message(tx, &author.id, message).await?,
            None => None,
        };
        let latest = match meant {
            Some(meant) => Some(meant),
            None => results::latest(tx, &author.id).await?.filter(|latest| is_recent(latest.created_at)),
        };
        Ok(match latest {
            Some(result) => (read_after, Some(result)),
            None => (read_alone, None),
        })
    }

    /// True if the message is left to the operator, because the author asked for a person. Commands are still
    /// executed, and START or a command to write ends the wait.
    async fn is_left_to_a_person(
        &self,
        tx: &mut Tx,
        turn: &Turn<'_>,
        intent: &Intent,
        text: &str,
    ) -> Result<bool, StoreError> {
        let author = &turn.person.author;
        let since = turn.now.plus_ms(-HANDOFF_MS);
        if author.handed_over_at.is_none_or(|at| at <= since) {
            return Ok(false);
        }
        match intent {
            Intent::Command(Command::Start) => {}
            Intent::Brief(_) if Command::is_explicit_generation(text) => {}
            Intent::Command(command) if !matches!(command, Command::SmallTalk(_)) => return Ok(false),
            Intent::Human | Intent::Lesson(_) => return Ok(false),
            Intent::Command(_)
            | Intent::Brief(_)
            | Intent::TooVague(_)
            | Intent::Choose(_)
            | Intent::Change(_)
            | Intent::NothingToChange
            | Intent::Cancel
            | Intent::Refund
            | Intent::Question
            | Intent::OffTopic
            | Intent::Chat => {
                return self.waits_for_a_person(tx, turn.claimed, turn.event, turn.person, turn.now).await;
            }
        }
        handoffs::close_of(tx, &author.id, turn.now).await?;
        Ok(false)
    }

    /// True if the author asked for a person and the request is still open. The message is then left to the
    /// operator.
    pub(crate) async fn waits_for_a_person(
        &self,
        tx: &mut Tx,
        claimed: &ClaimedLane,
        event: &DueEvent,
        person: &Person,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        let author = &person.author;
        let since = now.plus_ms(-HANDOFF_MS);
        if author.handed_over_at.is_none_or(|at| at <= since) {
            return Ok(false);
        }
        handoffs::touch(tx, &author.id, &claimed.lane, event.occurred_at, since).await
    }

    async fn write_or_refuse(
        &self,
        tx: &mut Tx,
        turn: &Turn<'_>,
        brief: Brief,
        text: &str,
    ) -> Result<Step, JourneyError> {
        if let Some(kind) = forbidden(brief.as_str()) {
            metrics::counter!(metric::FORBIDDEN_BRIEFS, "kind" => kind.as_str()).increment(1);
            return self.brand.refuse_forbidden(tx, turn).await;
        }
        if let Some(word) = banned_word(&turn.person.author.brand, brief.as_str()) {
            let text = self.brand.banned_word_text(turn.person.author.language, word);
            return Ok(Reply::plain("brand", text).into());
        }
        if turn.is_late() {
            questions::ask(tx, &turn.person.author.id, brief.as_str(), Reason::Late, turn.now).await?;
            let subject: String = brief.as_str().chars().take(LONGEST_QUOTED).collect();
            let subject = [("subject", Value::Text(&subject))];
            let text = self.core.catalogue.format(turn.person.author.language, "late-brief", &subject);
            return Ok(Reply::plain("late_brief", text).into());
        }
        let typed =
            matches!(turn.message.content, Content::Text(_) | Content::Spoken(_) | Content::Caption { .. });
        let is_explicit = typed && Command::is_explicit_generation(text);
        Ok(Step::Write(Box::new(Work { brief, is_explicit, change: None })))
    }

    /// Returns one post of a result alone in a message, so that it can be copied.
    pub(crate) fn post_alone(&self, person: &Person, result: &SavedResult, number: u8) -> Reply {
        match result.variants.get(usize::from(number.saturating_sub(1))) {
            Some(variant) => Reply::plain("post_alone", variant.text.clone()),
            None => self.nothing_to_change(person),
        }
    }

    /// Plans a change: the brief to write from, and the payment, which is free for the first change of a
    /// result. `None` if the change is about something forbidden.
    pub(crate) async fn plan_change(
        &self,
        tx: &mut Tx,
        result: &SavedResult,
        mut change: Change,
        instruction: &str,
    ) -> Result<Option<Work>, StoreError> {
        let unreadable = |_| StoreError::Unreadable { column: "brief" };
        let old = Brief::parse(&result.brief).map_err(unreadable)?;
        let brief = amended_brief(&old, &change.wish).unwrap_or_else(|| {
            // A correction without a fact that the rules could compare is left to a model.
            change.wish = Wish::Other;
            old
        });
        if forbidden(brief.as_str()).is_some() || forbidden(instruction).is_some() {
            return Ok(None);
        }
        let is_free = !results::is_free_used(tx, &result.root).await?;
        let first_event = result.root_event.as_ref();
        Ok(Some(Work {
            brief,
            is_explicit: true,
            change: Some(ChangeOf {
                root: result.root.clone(),
                seed_name: first_event.map_or_else(|| result.root.to_string(), ToString::to_string),
                is_free,
                revision: Revision {
                    previous: result.variants.clone(),
                    platform: result.platform,
                    language: result.language,
                    instruction: instruction.trim().to_owned(),
                    change,
                },
            }),
        }))
    }

    /// Opens a request for a person, and alerts the operator.
    async fn hand_over(&self, tx: &mut Tx, turn: &Turn<'_>) -> Result<Reply, StoreError> {
        let handoff = Handoff {
            id: fresh_text(turn.now),
            author: turn.person.author.id.clone(),
            lane: turn.claimed.lane.clone(),
            provider: turn.event.provider,
            business: turn.message.business.clone(),
            address: turn.message.sender.address.clone(),
            written_at: turn.event.occurred_at,
            opened_at: turn.now,
        };
        // A request that was not answered in time is over: this one raises a new alert.
        let is_over = |at: UnixMillis| turn.now.since_ms(at) >= HANDOFF_MS;
        if turn.person.author.handed_over_at.is_some_and(is_over) {
            handoffs::close_of(tx, &handoff.author, turn.now).await?;
        }
        if handoffs::open(tx, &handoff).await? {
            alerts::raise(Alert::HandoffAsked, "An author asks for a person: see `postly handoffs list`");
        }
        Ok(self.replies.say(turn.person, "human_asked", "human-asked"))
    }
}
