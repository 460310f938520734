//! Every failure of a provider or a model (docs/RELIABILITY.md F08), one per round.

use postly_simulator::{Channel, Fault, FaultKind, ModelBehaviour, RequestKind, Upstream};

use super::{Skipped, Struck};
use crate::{
    arena::Arena,
    checks::{Ends, Rules},
    dice::Dice,
    load::{Line, Shape, insist},
};

/// The calls of a round that fail; there are more than twice as many messages.
const CALLS: u32 = 3;
/// A body larger than any real answer.
const LARGE: usize = 10 * 1024 * 1024;

/// A kind of failure.
#[derive(Debug, Clone)]
enum Cell {
    Fault(Upstream, FaultKind),
    Model(ModelBehaviour),
    /// A reply in several messages, all of which fail after they were accepted: one credit is returned, once.
    AllPartsFail,
}

/// Returns the invalid responses that any upstream can give.
fn answers() -> Vec<FaultKind> {
    let status = |code, body: &str, headers: &[(&str, &str)]| FaultKind::Status {
        code,
        body: body.to_owned(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    vec![
        FaultKind::RetryAfter { seconds: 1 },
        status(500, "{}", &[]),
        status(502, "<html>Bad Gateway</html>", &[("content-type", "text/html")]),
        status(503, "", &[]),
        status(302, "", &[("location", "http://127.0.0.1:9/elsewhere")]),
        status(200, r#"{"error":{"code":1,"message":"unknown"}}"#, &[]),
        status(200, "ok", &[("content-type", "text/plain")]),
        status(500, &"x".repeat(LARGE), &[]),
        FaultKind::Html200,
        FaultKind::TornBody,
        FaultKind::ResetBeforeAcceptance,
        FaultKind::Hang,
        FaultKind::Delay(1_500),
        FaultKind::SlowBody { pause_ms: 20 },
    ]
}

/// Returns the failures that only a message can meet: it is accepted, and the response is lost or unusual.
fn acceptances() -> Vec<FaultKind> {
    vec![
        FaultKind::AcceptThenReset,
        FaultKind::AcceptThenTornBody,
        FaultKind::AcceptThenHang,
        FaultKind::AcceptThenNoAnswerNoStatus,
        FaultKind::DuplicateStatus,
        FaultKind::ReorderedStatuses,
        FaultKind::NoStatus,
    ]
}

/// Returns all failures, in a fixed order.
fn cells() -> Vec<Cell> {
    let mut cells = vec![];
    for (upstream, codes, failure) in [
        (Upstream::Meta, &[131_056, 130_429, 131_047, 131_026, 137_000, 131_000, 190, 368][..], 131_026),
        (Upstream::Twilio, &[20_429, 63_016, 63_024, 20_003, 63_018][..], 63_024),
    ] {
        let codes = codes.iter().map(|code| FaultKind::ProviderError { code: *code });
        let failed = FaultKind::FailedStatus { code: failure };
        let all = acceptances().into_iter().chain([failed]).chain(codes).chain(answers());
        cells.extend(all.map(|kind| Cell::Fault(upstream, kind)));
    }
    let codes = [401, 429, 503].map(|code| FaultKind::ProviderError { code });
    cells.extend(codes.into_iter().chain(answers()).map(|kind| Cell::Fault(Upstream::Model, kind)));
    cells.extend(
        [
            ModelBehaviour::TwoVariants,
            ModelBehaviour::FourVariants,
            ModelBehaviour::ThreeEqual,
            ModelBehaviour::InventsNumber,
            ModelBehaviour::Refuses,
            ModelBehaviour::Filtered,
            ModelBehaviour::Truncated,
            ModelBehaviour::Garbage,
            ModelBehaviour::SmallTalk,
            ModelBehaviour::OffTopic,
        ]
        .map(Cell::Model),
    );
    cells.push(Cell::AllPartsFail);
    cells
}

/// Returns the number of failures.
pub(crate) fn count() -> u64 {
    u64::try_from(cells().len()).unwrap_or(0)
}

/// Plays one failure on some of the messages of a round.
pub(super) async fn fail(arena: &mut Arena, dice: &mut Dice, round: u64) -> anyhow::Result<Struck> {
    let cells = cells();
    let place = usize::try_from(round % count()).unwrap_or(0);
    let Some(cell) = cells.get(place) else { return Err(Skipped("no such fault".to_owned()).into()) };
    arena.world.model(ModelBehaviour::Compose);
    let mut doubles = false;
    match cell {
        Cell::Fault(upstream, kind) => {
            doubles = *kind == FaultKind::AcceptThenNoAnswerNoStatus;
            arena.world.fault(*upstream, Fault::once(kind.clone()).times(CALLS));
        }
        Cell::AllPartsFail => return all_parts_fail(arena).await,
        Cell::Model(behaviour) => {
            for _ in 0..CALLS {
                arena.world.model_once(behaviour.clone());
            }
        }
    }
    let shape = Shape { people: 14, briefs: 1, spread_ms: 150, copies: 0 };
    let writing = arena.crowd.write(&arena.world, shape, dice);
    let lines = writing.journal().await?;
    arena.rest().await?;
    // A failure that a status reports comes after the message.
    arena.statuses_arrive().await?;
    arena.rest().await?;
    let journal = arena.world.journal();
    let hits = match cell {
        Cell::Fault(..) | Cell::AllPartsFail => journal.iter().filter(|entry| entry.fault.is_some()).count(),
        Cell::Model(_) => {
            journal.iter().filter(|entry| entry.kind == RequestKind::Completion).take(3).count()
        }
    };
    arena.world.clear_faults();
    Ok(Struck {
        lines,
        hits: u64::try_from(hits).unwrap_or(0),
        faults: u64::from(CALLS),
        rules: Rules { ends: Ends::Named, doubles, ..Rules::strict(0) },
        broken: vec![],
        story: story(cell),
    })
}

/// Sends long briefs at Twilio, so that each reply has several parts, because its messages are short.
async fn all_parts_fail(arena: &mut Arena) -> anyhow::Result<Struck> {
    const PEOPLE: usize = 4;
    /// Enough that three posts do not fit into one message.
    const WORDS: usize = 55;
    arena.world.fault(Upstream::Twilio, Fault::always(FaultKind::FailedStatus { code: 63_024 }));
    let mut lines = vec![];
    for _ in 0..PEOPLE {
        let person = arena.crowd.somebody_at(&arena.world, Channel::Twilio);
        let (marker, brief) = arena.crowd.brief();
        let more: Vec<String> = (0..WORDS).map(|_| arena.crowd.word()).collect();
        let webhook = arena.world.webhook_text(&person, &format!("{brief} avec {}", more.join(" ")));
        let answers = insist(&arena.world, &webhook).await;
        lines.push(Line { person, order: 0, id: webhook.id, marker, answers });
    }
    arena.rest().await?;
    arena.statuses_arrive().await?;
    arena.rest().await?;
    let sent = arena.world.accepted_messages().len() - arena.told;
    arena.world.clear_faults();
    let mut broken = vec![];
    if sent <= PEOPLE {
        broken.push(format!("{PEOPLE} long replies had {sent} parts: they are no test of parts"));
    }
    Ok(Struck {
        hits: u64::try_from(sent).unwrap_or(0),
        faults: u64::try_from(sent).unwrap_or(0),
        rules: Rules { ends: Ends::Named, ..Rules::strict(0) },
        broken,
        story: story(&Cell::AllPartsFail),
        lines,
    })
}

fn story(cell: &Cell) -> String {
    match cell {
        // A body of ten megabytes is not printed.
        Cell::Fault(upstream, FaultKind::Status { code, body, .. }) => {
            format!("{upstream:?}: status {code} with {} bytes", body.len())
        }
        Cell::Fault(upstream, kind) => format!("{upstream:?}: {kind:?}"),
        Cell::AllPartsFail => "Twilio: every part of a long reply fails".to_owned(),
        Cell::Model(behaviour) => format!("Model: {behaviour:?}"),
    }
}
