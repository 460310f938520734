//! The conditions that must hold after every round. The client's journal records the acknowledgements, and
//! the simulator's the messages that reached a phone; the database must agree with both. The numbers (I01 …)
//! are those of docs/RELIABILITY.md.

use std::collections::BTreeMap;

use postly_simulator::{JournalEntry, PhoneMessage, RequestKind};

use crate::{
    arena::{Arena, TRIAL_CREDITS},
    database::Engine,
    load::Line,
};

/// The allowed ends of the messages of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// Every message gets posts.
    Posts,
    /// A message gets posts or an apology, or ends with a recorded reason and a returned credit.
    Named,
}

/// The outcomes that a round allows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// The allowed ends of messages.
    pub(crate) ends: Ends,
    /// Responses and statuses are lost together: a message may arrive twice, and must then be listed as
    /// unclear.
    pub(crate) doubles: bool,
    /// Each author reads the replies in the order of their briefs.
    pub(crate) ordered: bool,
    /// Other conversations spend from the same wallet, so the balances in one conversation have gaps.
    pub(crate) shared: bool,
    /// The number of times that work may have started again: the service died, a lease ended, a database went
    /// away.
    pub(crate) disruptions: u64,
}

impl Rules {
    /// The rules of a round that answers every acknowledged message once.
    pub(crate) fn strict(disruptions: u64) -> Self {
        Self { ends: Ends::Posts, doubles: false, ordered: true, shared: false, disruptions }
    }
}

/// The results of one round.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Acknowledged messages.
    pub(crate) acks: u64,
    /// Briefs whose posts are on a phone.
    pub(crate) replies: u64,
    /// Messages that arrived twice in a round that allows it, or have no status and are presumed delivered.
    /// Both are listed for the operator.
    pub(crate) flagged: u64,
    /// The credits rightly spent.
    spent: i64,
    /// Acknowledged messages without an end.
    pub(crate) lost: Vec<String>,
    /// Messages that arrived twice.
    pub(crate) doubled: Vec<String>,
    /// Other invariants that do not hold.
    pub(crate) broken: Vec<String>,
}

impl Verdict {
    pub(crate) fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.broken.is_empty()
    }
}

/// The state that is kept from round to round.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The credits rightly spent in all rounds.
    spent: i64,
    /// Every ledger entry as it was first read.
    ledger: BTreeMap<String, String>,
}

/// Checks a round that has no work left.
pub(crate) async fn round(
    arena: &Arena,
    memory: &mut Memory,
    lines: &[Line],
    rules: Rules,
) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::default();
    let stored = arena.database.texts("SELECT event_key FROM inbox WHERE kind = 'message'").await?;
    for line in lines {
        if line.is_acked() {
            verdict.acks += 1;
            if !stored.contains(&line.key()) {
                verdict.lost.push(format!("I01: {} was acknowledged and is not in the inbox", line.id));
            }
        }
        posts(arena, line, rules, &mut verdict).await?;
    }
    conversations(arena, lines, rules, &mut verdict);
    model_calls(&arena.world.journal(), lines, rules, &mut verdict);
    memory.spent += verdict.spent;
    books(arena, memory, &mut verdict).await?;
    Ok(verdict)
}

/// I02, I03: the posts of each brief are on the phone, once.
async fn posts(arena: &Arena, line: &Line, rules: Rules, verdict: &mut Verdict) -> anyhow::Result<()> {
    let phone = arena.world.phone_messages(&line.person);
    let copies: Vec<&PhoneMessage> =
        phone.iter().filter(|message| message.body.contains(&line.marker)).collect();
    match copies.as_slice() {
        [] if !line.is_acked() => {}
        [] => {
            if rules.ends == Ends::Posts {
                verdict.lost.push(format!("I03: {} ({}) has no reply", line.marker, line.id));
            } else {
                match named_end(arena, line, &phone).await? {
                    End::Free => {}
                    End::Presumed => {
                        verdict.flagged += 1;
                        verdict.spent += 1;
                    }
                    End::Wrong(fault) => verdict.lost.push(fault),
                }
            }
        }
        [_] => {
            verdict.replies += 1;
            verdict.spent += 1;
        }
        [earlier @ .., last] => {
            verdict.replies += 1;
            verdict.spent += 1;
            let mut excused = rules.doubles;
            for copy in earlier {
                excused &= is_unclear(arena, copy).await?;
            }
            if excused {
                verdict.flagged += 1;
            } else {
                let apart_ms = last.at_ms - earlier.first().map_or(last.at_ms, |first| first.at_ms);
                let count = copies.len();
                verdict.doubled.push(format!("I03: {} came {count} times in {apart_ms} ms", line.marker));
            }
        }
    }
    Ok(())
}

/// Returns true if the database lists this copy with an unclear outcome.
async fn is_unclear(arena: &Arena, copy: &PhoneMessage) -> anyhow::Result<bool> {
    let Some(correlation) = &copy.correlation else { return Ok(false) };
    let sql = format!(
        "SELECT COUNT(*) FROM attempts WHERE '{correlation}' LIKE '%' || id || '%' AND state IN ('sending', 'unclear')"
    );
    Ok(arena.database.count(&sql).await? == 1)
}

/// The end of a message without posts on the phone.
enum End {
    /// An apology or a recorded reason; it costs nothing.
    Free,
    /// Two attempts without a delivery status: presumed delivered, and paid (RULES 8.5).
    Presumed,
    /// Any other end, described.
    Wrong(String),
}

/// Finds the end of a message without posts.
async fn named_end(arena: &Arena, line: &Line, phone: &[PhoneMessage]) -> anyhow::Result<End> {
    let (id, key) = (&line.id, line.key());
    let replies = arena
        .database
        .texts(&format!(
            "SELECT outbox.state || ' ' || COALESCE(outbox.reason, '-') || ' ' || COALESCE(attempts.id, '-') FROM outbox \
             JOIN inbox ON inbox.id = outbox.event_id LEFT JOIN attempts ON attempts.message_id = outbox.id \
             WHERE inbox.event_key = '{key}' AND inbox.state = 'answered'"
        ))
        .await?;
    if replies.is_empty() {
        return Ok(End::Wrong(format!("I02: {id} was acknowledged and has neither a reply nor an end")));
    }
    let arrived = replies.iter().any(|reply| {
        let attempt = reply.rsplit(' ').next().unwrap_or_default();
        phone.iter().any(|message| message.correlation.as_ref().is_some_and(|sent| sent.contains(attempt)))
    });
    let named = replies.iter().all(|reply| {
        let mut words = reply.split(' ');
        let state = words.next().unwrap_or_default();
        ["refused", "dead", "cancelled"].contains(&state) && words.next() != Some("-")
    });
    Ok(if replies.iter().any(|reply| reply.starts_with("dead unknown_delivery ")) {
        End::Presumed
    } else if arrived || named {
        End::Free
    } else {
        End::Wrong(format!("I02: {id} ended without a name: {replies:?}"))
    })
}

/// I14 and the balance on the phone: each author reads the replies in the order of their briefs, and each
/// brief took one credit.
fn conversations(arena: &Arena, lines: &[Line], rules: Rules, verdict: &mut Verdict) {
    let mut people: BTreeMap<(&str, &str), Vec<&Line>> = BTreeMap::new();
    for line in lines {
        people.entry((line.person.channel.name(), &line.person.number)).or_default().push(line);
    }
    for ((_, number), written) in people {
        let Some(first) = written.first() else { continue };
        let mut read: Vec<(usize, i64)> = vec![];
        for message in arena.world.phone_messages(&first.person) {
            let Some(line) = written.iter().find(|line| message.body.contains(&line.marker)) else {
                continue;
            };
            if read.iter().all(|(order, _)| *order != line.order) {
                read.push((line.order, credits_left(&message.body).unwrap_or(-1)));
            }
        }
        if rules.ordered && !read.is_sorted_by_key(|(order, _)| *order) {
            verdict.broken.push(format!("I14: {number} reads her replies in the order {read:?}"));
        }
        if rules.ends == Ends::Posts && !rules.shared {
            let expected = (1..).map(|spent| TRIAL_CREDITS - spent);
            if !read.iter().map(|(_, credits)| *credits).eq(expected.take(read.len())) {
                verdict.broken.push(format!("I06: {number} reads these balances: {read:?}"));
            }
        }
    }
}

/// Parses the number after "Crédits restants: ".
fn credits_left(text: &str) -> Option<i64> {
    let (_, rest) = text.split_once("Crédits restants: ")?;
    rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

/// I09: the model is called at most twice (once, and one repair) each time the work starts.
fn model_calls(journal: &[JournalEntry], lines: &[Line], rules: Rules, verdict: &mut Verdict) {
    let most = 2 * (1 + rules.disruptions);
    for line in lines {
        let asked = journal
            .iter()
            .filter(|entry| {
                entry.kind == RequestKind::Completion && holds(&entry.body, line.marker.as_bytes())
            })
            .count();
        if u64::try_from(asked).unwrap_or(u64::MAX) > most {
            verdict.broken.push(format!("I09: the model was asked {asked} times for {}", line.marker));
        }
    }
}

fn holds(body: &[u8], text: &[u8]) -> bool {
    body.windows(text.len()).any(|window| window == text)
}

/// I04 to I08: the credits spent match the posts delivered, and no hold or lease is open.
async fn books(arena: &Arena, memory: &Memory, verdict: &mut Verdict) -> anyhow::Result<()> {
    const NOTHING: [(&str, &str); 6] = [
        // Statuses arrive for a while after the last message, and do not affect these counts.
        (
            "I02: messages that have not ended",
            "SELECT COUNT(*) FROM inbox WHERE state = 'ready' AND queue = 'inbox'",
        ),
        (
            "I05: balances below zero",
            "SELECT COUNT(*) FROM wallets WHERE balance < 0 OR held < 0 OR balance < held",
        ),
        ("I08: open holds", "SELECT COUNT(*) FROM holds WHERE state = 'open'"),
        ("I08: leases", "SELECT COUNT(*) FROM lanes WHERE lease_token IS NOT NULL AND queue <> 'status'"),
        (
            "I04: balances that are not the sum of their ledger",
            "SELECT COUNT(*) FROM wallets WHERE balance <> (SELECT CAST(COALESCE(SUM(delta), 0) AS BIGINT) FROM ledger \
             WHERE ledger.author_id = wallets.author_id)",
        ),
        (
            "I06: settled holds without their generation and its queued reply",
            "SELECT COUNT(*) FROM holds WHERE state = 'settled' AND NOT EXISTS (SELECT 1 FROM generations JOIN outbox \
             ON outbox.generation_id = generations.id WHERE generations.hold_id = holds.id)",
        ),
    ];
    for (what, sql) in NOTHING {
        let found = arena.database.count(sql).await?;
        if found != 0 {
            verdict.broken.push(format!("{what}: {found}"));
        }
    }
    let spent =
        arena.database.count("SELECT COUNT(*) FROM ledger WHERE reason = 'whatsapp_generation'").await?
            - arena.database.count("SELECT COUNT(*) FROM ledger WHERE reason = 'refund'").await?;
    if spent != memory.spent {
        verdict.broken.push(format!("I06, I13: {spent} credits are spent, {} of them rightly", memory.spent));
    }
    Ok(())
}

/// Runs the checks that read everything, which are less frequent: the service's own audit, the ledger against
/// its earlier state (I17), dead letters visible to the operator (I15), and the integrity of the file or the
/// pages (I16). Returns the faults found.
pub(crate) async fn everything(arena: &Arena, memory: &mut Memory) -> anyhow::Result<Vec<String>> {
    let mut broken = vec![];
    let (ok, findings) = arena.operator(&["audit", "--json"]).await?;
    if !ok {
        broken.push(format!("postly audit: {findings}"));
    }
    let entries =
        "SELECT id || ' ' || author_id || ' ' || delta || ' ' || reason || ' ' || operation FROM ledger";
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for entry in arena.database.texts(entries).await? {
        if let Some((id, rest)) = entry.split_once(' ') {
            found.insert(id.to_owned(), rest.to_owned());
        }
    }
    for (id, line) in &memory.ledger {
        if found.get(id) != Some(line) {
            broken.push(format!("I17: the ledger's line {id} is not what it was"));
        }
    }
    memory.ledger = found;
    let dead = arena
        .database
        .count("SELECT (SELECT COUNT(*) FROM inbox WHERE state = 'dead') + (SELECT COUNT(*) FROM outbox WHERE state IN ('refused', 'cancelled', 'dead'))")
        .await?;
    let (_, listed) = arena.operator(&["dead-letters", "list", "--json"]).await?;
    let listed: serde_json::Value = serde_json::from_str(&listed)?;
    let listed = listed.as_array().or_else(|| listed.get("deadLetters")?.as_array()).map_or(0, Vec::len);
    if i64::try_from(listed) != Ok(dead) {
        broken.push(format!("I15: {dead} dead letters, {listed} of them listed"));
    }
    if arena.engine == Engine::Sqlite {
        let answer = arena.database.texts("PRAGMA integrity_check").await?;
        if answer != ["ok"] {
            broken.push(format!("I16: {answer:?}"));
        }
    }
    Ok(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_balance_is_read_from_the_reply() {
        assert_eq!(credits_left("…\n\n💳 Crédits restants: 999998\n\nBonjour"), Some(999_998));
        assert_eq!(credits_left("nothing"), None);
    }
}
