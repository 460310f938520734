//! A brief in two messages: a text that is no complete brief waits a moment for the next message (RULES
//! 4.18).

use postly_domain::{
    Brief, Command, UnixMillis,
    event::{Content, InboundEvent},
    id::EventId,
    intent::{Intent, State, interpret},
};
use postly_store::{StoreError, Tx, inbox};

use crate::{Turns, ids::made_at, turn::Turn};

/// The time for which a vague text waits, from its arrival.
const WAIT_MS: i64 = 1_500;

/// The message behind a vague text.
pub(crate) enum NextPart {
    /// No message completes the text: it is read alone.
    None,
    /// A message that completes it may arrive until this time.
    Awaited(UnixMillis),
    /// Both are read as one.
    Joined {
        /// Both texts.
        text: String,
        /// The next message.
        next: EventId,
    },
}

impl Turns {
    /// Looks for the message that completes a vague text.
    pub(crate) async fn next_part(
        &self,
        tx: &mut Tx,
        turn: &Turn<'_>,
        text: &str,
    ) -> Result<NextPart, StoreError> {
        let Content::Text(_) = turn.message.content else { return Ok(NextPart::None) };
        let received_at = made_at(turn.event.id.as_str()).unwrap_or(turn.event.occurred_at);
        let until = received_at.plus_ms(WAIT_MS);
        let Some(next) = inbox::next_message(tx, turn.claimed, turn.event).await? else {
            return Ok(if turn.now < until { NextPart::Awaited(until) } else { NextPart::None });
        };
        if made_at(next.id.as_str()).is_some_and(|at| at > until) {
            return Ok(NextPart::None);
        }
        // An unreadable message ends in its own turn.
        let parsed = postly_whatsapp::parse_event(next.provider, next.kind, &next.slice);
        let Ok(InboundEvent::Message(message)) = parsed else { return Ok(NextPart::None) };
        let Some(message) = self.amended(tx, turn.claimed, message).await? else {
            return Ok(NextPart::None);
        };
        let Content::Text(second) = &message.content else { return Ok(NextPart::None) };
        let both = format!("{}, {}", text.trim(), second.trim());
        Ok(if continues(second) && Brief::parse(&both).is_ok() {
            NextPart::Joined { text: both, next: next.id }
        } else {
            NextPart::None
        })
    }
}

/// True for a text that may complete the one before it: no command, no small talk, and no order to write.
fn continues(text: &str) -> bool {
    !Command::is_explicit_generation(text)
        && matches!(interpret(text, &State::default()), Intent::Brief(_) | Intent::TooVague(_))
}
