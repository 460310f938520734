//! The client: people who write, each with a word in every brief that nobody else says, and the journal of what their
//! provider was answered. It insists as a provider does, until the service takes the message.

use std::time::Duration;

use postly_simulator::{Channel, Person, Simulator, Webhook};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::dice::Dice;

/// The pause of a provider that was not answered 200. Real ones wait longer; that only makes a round slow.
const INSIST_AFTER: Duration = Duration::from_millis(25);
/// How long a provider insists before the campaign calls the service dead.
const INSIST_FOR: Duration = Duration::from_secs(120);

/// One message as its provider carried it.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Who wrote it.
    pub(crate) person: Person,
    /// Its place among her messages of this round.
    pub(crate) order: usize,
    /// The provider's id of it.
    pub(crate) id: String,
    /// The word that only this brief has.
    pub(crate) marker: String,
    /// What was answered to each delivery; 0 is no answer.
    pub(crate) answers: Vec<u16>,
}

impl Line {
    /// The service has taken it: from here on it may not get lost.
    pub(crate) fn is_acked(&self) -> bool {
        self.answers.contains(&200)
    }

    /// What the service stores it under.
    pub(crate) fn key(&self) -> String {
        postly_campaign::service::message_key(self.person.channel.name(), &self.id)
    }

    /// How many deliveries were not taken.
    pub(crate) fn refusals(&self) -> u64 {
        u64::try_from(self.answers.iter().filter(|answer| **answer != 200).count()).unwrap_or(u64::MAX)
    }

    /// A delivery ended without an answer: nobody knows whether it was stored.
    pub(crate) fn was_cut(&self) -> bool {
        self.answers.contains(&0)
    }
}

/// What people do in a round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// How many write.
    pub(crate) people: u64,
    /// How many briefs each writes, one after the other.
    pub(crate) briefs: u64,
    /// Over how long the first briefs are spread, in milliseconds.
    pub(crate) spread_ms: u64,
    /// Each delivery is repeated up to this many times at once.
    pub(crate) copies: u64,
}

/// Makes people and words that were not used before.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    people: u64,
    words: u64,
}

impl Crowd {
    /// Somebody who never wrote before, at one provider or the other by turns.
    fn somebody(&mut self, world: &Simulator) -> Person {
        let channel = if self.people.is_multiple_of(2) { Channel::Meta } else { Channel::Twilio };
        self.somebody_at(world, channel)
    }

    /// Somebody who never wrote before.
    pub(crate) fn somebody_at(&mut self, world: &Simulator, channel: Channel) -> Person {
        let number = format!("+33639{:06}", 980_000 + self.people);
        self.people += 1;
        world.person(channel, &number)
    }

    /// Somebody who never wrote before, as both providers know her.
    pub(crate) fn somebody_twice(&mut self, world: &Simulator) -> [Person; 2] {
        let one = self.somebody_at(world, Channel::Meta);
        let other = world.person(Channel::Twilio, &format!("+{}", one.number));
        [one, other]
    }

    /// A brief, and the word that only it has.
    pub(crate) fn brief(&mut self) -> (String, String) {
        let marker = self.word();
        let brief = format!("Crée un post pour annoncer la fournée de l'atelier {marker} dans le quartier");
        (marker, brief)
    }

    /// A word that nothing else contains: eight letters, a number in syllables.
    pub(crate) fn word(&mut self) -> String {
        const CONSONANTS: [char; 13] = ['b', 'd', 'f', 'g', 'k', 'l', 'm', 'n', 'p', 'r', 't', 'v', 'z'];
        const VOWELS: [char; 5] = ['a', 'e', 'i', 'o', 'u'];
        let mut rest = self.words;
        self.words += 1;
        let mut word = String::new();
        for _ in 0..4 {
            let place = |of: u64| usize::try_from(of).unwrap_or(0);
            word.extend(CONSONANTS.get(place(rest % 13)));
            rest /= 13;
            word.extend(VOWELS.get(place(rest % 5)));
            rest /= 5;
        }
        word
    }

    /// Everybody begins to write. The task ends when every message was taken, or nobody takes them any more.
    pub(crate) fn write(&mut self, world: &Simulator, shape: Shape, dice: &mut Dice) -> Writing {
        let mut tasks = JoinSet::new();
        for _ in 0..shape.people {
            let person = self.somebody(world);
            let mut letters = vec![];
            for order in 0..usize::try_from(shape.briefs).unwrap_or(1) {
                let marker = self.word();
                let brief =
                    format!("Crée un post pour annoncer la fournée de l'atelier {marker} dans le quartier");
                let pause = dice.millis(0, if order == 0 { shape.spread_ms } else { shape.spread_ms / 4 });
                let copies = dice.between(0, shape.copies);
                letters.push((order, marker, brief, pause, copies));
            }
            let world = world.clone();
            tasks.spawn(async move {
                let mut lines = vec![];
                for (order, marker, brief, pause, copies) in letters {
                    sleep(pause).await;
                    let webhook = world.webhook_text(&person, &brief);
                    let answers = deliver(&world, &webhook, copies).await;
                    let id = webhook.id.clone();
                    lines.push(Line { person: person.clone(), order, id, marker, answers });
                }
                lines
            });
        }
        Writing(vec![tasks])
    }
}

/// People who are writing.
pub(crate) struct Writing(Vec<JoinSet<Vec<Line>>>);

impl Writing {
    /// These, and others with them.
    pub(crate) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// The journal, once everything is taken.
    pub(crate) async fn journal(mut self) -> anyhow::Result<Vec<Line>> {
        let mut lines = vec![];
        for tasks in &mut self.0 {
            while let Some(written) = tasks.join_next().await {
                lines.extend(written?);
            }
        }
        lines.sort_by(|one, other| one.marker.cmp(&other.marker));
        Ok(lines)
    }
}

/// Delivers a message until it is taken, with copies beside it. Returns every answer.
async fn deliver(world: &Simulator, webhook: &Webhook, copies: u64) -> Vec<u16> {
    let mut beside = JoinSet::new();
    for _ in 0..copies {
        let (world, webhook) = (world.clone(), webhook.clone());
        beside.spawn(async move { world.deliver(&webhook).await.status });
    }
    let mut answers = insist(world, webhook).await;
    while let Some(answer) = beside.join_next().await {
        answers.extend(answer.ok());
    }
    answers
}

/// Delivers a webhook until it is taken. Returns every answer.
pub(crate) async fn insist(world: &Simulator, webhook: &Webhook) -> Vec<u16> {
    let deadline = Instant::now() + INSIST_FOR;
    let mut answers = vec![];
    loop {
        let status = world.deliver(webhook).await.status;
        answers.push(status);
        if status == 200 || Instant::now() > deadline {
            return answers;
        }
        sleep(INSIST_AFTER).await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_word_is_said_twice() {
        let mut crowd = Crowd::default();
        let words: BTreeSet<String> = (0..10_000).map(|_| crowd.word()).collect();
        assert_eq!(words.len(), 10_000);
        assert!(words.iter().all(|word| word.len() == 8));
    }
}
