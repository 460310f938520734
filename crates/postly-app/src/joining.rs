//! A brief in two messages: a text that is no complete brief waits a moment for the next message (RULES
//! 4.18).

use postly_domain::{
    Brief, Command, UnixMillis,
    event::{Content, InboundEvent},
    id::EventId,
    intent::{Intent, State, interpret},
};
use postly_store::{StoreError, Tx, inbox};

use crate::{App, ids::made_at, turn::Turn};

/// The time for which such a text waits, from its arrival.
const WAIT_MS: i64 = 1_500;

/// The decision about a text in its turn.
pub(crate) enum Thought {
    /// It is read alone.
    Whole,
    /// It waits until this time for a message that may complete it.
    Wait(UnixMillis),
    /// It is read together with the next message.
    Joined {
        /// Both texts.
        text: String,
        /// The next message.
        next: EventId,
    },
}

impl App {
    /// Decides if a text is read alone, together with the next message, or later.
    pub(crate) async fn complete_thought(
        &self,
        tx: &mut Tx,
        turn: &Turn<'_>,
        command: &Command,
        text: &str,
    ) -> Result<Thought, StoreError> {
        if !matches!((&turn.message.content, command), (Content::Text(_), Command::Generate(_))) {
            return Ok(Thought::Whole);
        }
        let (intent, _) = self.read_intent(tx, turn, command.clone(), text).await?;
        let received_at = made_at(turn.event.id.as_str()).unwrap_or(turn.event.occurred_at);
        let until = received_at.plus_ms(WAIT_MS);
        if !matches!(intent, Intent::TooVague(_)) {
            return Ok(Thought::Whole);
        }
        let Some(next) = inbox::next_message(tx, turn.claimed, turn.event).await? else {
            return Ok(if turn.now < until { Thought::Wait(until) } else { Thought::Whole });
        };
        if made_at(next.id.as_str()).is_some_and(|at| at > until) {
            return Ok(Thought::Whole);
        }
        // An unreadable message ends in its own turn.
        let parsed = postly_whatsapp::parse_event(next.provider, next.kind, &next.slice);
        let Ok(InboundEvent::Message(message)) = parsed else { return Ok(Thought::Whole) };
        let Some(message) = self.amended(tx, turn.claimed, message).await? else {
            return Ok(Thought::Whole);
        };
        let Content::Text(second) = &message.content else { return Ok(Thought::Whole) };
        let both = format!("{}, {}", text.trim(), second.trim());
        Ok(if continues(second) && Brief::parse(&both).is_ok() {
            Thought::Joined { text: both, next: next.id }
        } else {
            Thought::Whole
        })
    }
}

/// True for a text that may complete the one before it: no command, no small talk, and no order to write.
fn continues(text: &str) -> bool {
    !Command::is_explicit_generation(text)
        && matches!(interpret(text, &State::default()), Intent::Brief(_) | Intent::TooVague(_))
}
