//! The client: it writes briefs for authors, each with a unique word, and keeps the journal of the responses
//! to their provider. It repeats a delivery as a provider does, until the service takes the message.

use std::time::Duration;

use postly_simulator::{Channel, Person, Simulator, Webhook};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::dice::Dice;

/// The pause of a provider after a response other than 200. Real providers wait longer, which would only slow
/// a round down.
const INSIST_AFTER: Duration = Duration::from_millis(25);
/// The time for which a provider repeats a delivery before the campaign gives the service up.
const INSIST_FOR: Duration = Duration::from_secs(120);

/// One message and its deliveries.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// The author.
    pub(crate) person: Person,
    /// The position among the messages of this author in this round, from 0.
    pub(crate) order: usize,
    /// The provider's id of the message.
    pub(crate) id: String,
    /// The word that only this brief has.
    pub(crate) marker: String,
    /// The response to each delivery; 0 is none.
    pub(crate) answers: Vec<u16>,
}

impl Line {
    /// Returns true if the service has taken the message, so that it must not be lost.
    pub(crate) fn is_acked(&self) -> bool {
        self.answers.contains(&200)
    }

    /// Returns the key under which the service stores the message.
    pub(crate) fn key(&self) -> String {
        postly_campaign::service::message_key(self.person.channel.name(), &self.id)
    }

    /// Returns the number of deliveries that were not taken.
    pub(crate) fn refusals(&self) -> u64 {
        u64::try_from(self.answers.iter().filter(|answer| **answer != 200).count()).unwrap_or(u64::MAX)
    }

    /// Returns true if a delivery ended without a response, so that it is unknown if the message was stored.
    pub(crate) fn was_cut(&self) -> bool {
        self.answers.contains(&0)
    }
}

/// The load of a round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// The number of authors.
    pub(crate) people: u64,
    /// The number of briefs of each author, one after the other.
    pub(crate) briefs: u64,
    /// The time over which the first briefs are spread, in milliseconds.
    pub(crate) spread_ms: u64,
    /// The limit of simultaneous copies of each delivery.
    pub(crate) copies: u64,
}

/// Creates authors and words that were not used before.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    people: u64,
    words: u64,
}

impl Crowd {
    /// Creates an author without earlier messages, at each provider in turn.
    fn somebody(&mut self, world: &Simulator) -> Person {
        let channel = if self.people.is_multiple_of(2) { Channel::Meta } else { Channel::Twilio };
        self.somebody_at(world, channel)
    }

    /// Creates an author without earlier messages.
    pub(crate) fn somebody_at(&mut self, world: &Simulator, channel: Channel) -> Person {
        let number = format!("+33639{:06}", 980_000 + self.people);
        self.people += 1;
        world.person(channel, &number)
    }

    /// Creates an author without earlier messages, as both providers identify them.
    pub(crate) fn somebody_twice(&mut self, world: &Simulator) -> [Person; 2] {
        let one = self.somebody_at(world, Channel::Meta);
        let other = world.person(Channel::Twilio, &format!("+{}", one.number));
        [one, other]
    }

    /// Returns a unique word, and a brief with it.
    pub(crate) fn brief(&mut self) -> (String, String) {
        let marker = self.word();
        let brief = format!("Crée un post pour annoncer la fournée de l'atelier {marker} dans le quartier");
        (marker, brief)
    }

    /// Returns a unique word: eight letters, a number in syllables.
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

    /// Starts all authors. A task ends when every message was taken, or its time is up.
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

/// Authors in the middle of their briefs.
pub(crate) struct Writing(Vec<JoinSet<Vec<Line>>>);

impl Writing {
    /// Adds other authors.
    pub(crate) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Returns the journal, once every message is taken.
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

/// Delivers a message until it is taken, with copies at the same time. Returns every response.
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

/// Delivers a webhook until it is taken. Returns every response.
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
