//! `postly handoffs`: the authors' requests for a person.

use postly_app::{answerable_until, rfc3339};
use postly_domain::AdminAction;
use serde_json::json;

use super::{Failure, desk::Desk, say, say_json};
use crate::cli::HandoffsCommand;

pub(crate) async fn run(command: HandoffsCommand) -> Result<(), Failure> {
    let desk = Desk::open().await?;
    match command {
        HandoffsCommand::List(output) => {
            let open = desk.operator.handoffs().await?;
            if output.json {
                let open: Vec<_> = open
                    .iter()
                    .map(|handoff| {
                        json!({
                            "id": handoff.id,
                            "authorId": handoff.author.as_str(),
                            "provider": handoff.provider.as_str(),
                            "openedAt": rfc3339(handoff.opened_at),
                            "writtenAt": rfc3339(handoff.written_at),
                            "answerableUntil": rfc3339(answerable_until(handoff)),
                        })
                    })
                    .collect();
                say_json(&open.into());
            } else if open.is_empty() {
                say("Nobody asks for a person.");
            } else {
                for handoff in &open {
                    say(&format!(
                        "{}  author {}  {}  since {}  answer until {}",
                        handoff.id,
                        handoff.author,
                        handoff.provider,
                        rfc3339(handoff.opened_at),
                        rfc3339(answerable_until(handoff))
                    ));
                }
            }
        }
        HandoffsCommand::Reply { id, text, output } => {
            let work = desk.operator.answer_handoff(&id, &text);
            let answered = desk.act(AdminAction::AnswerHandoff, &id, "", None, work).await;
            answered.map_err(|error| Failure::Failed(error.into()))?;
            if output.json { say_json(&json!({ "queued": true })) } else { say("The answer is queued.") }
        }
        HandoffsCommand::Close { id, output } => {
            let work = desk.operator.close_handoff(&id);
            let closed = desk.act(AdminAction::CloseHandoff, &id, "", None, work).await?;
            if output.json {
                say_json(&json!({ "closed": closed }));
            } else if closed {
                say("Closed: the service answers this author again.");
            } else {
                say("No open request has this id: see `postly handoffs list`.");
            }
            if !closed {
                return Err(Failure::Silent);
            }
        }
    }
    Ok(())
}
