//! The message of an author as Meta delivers it: one text message in a signed webhook.

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use postly_app::{Clock as _, SystemClock};
use postly_simulator::{MetaAccount, meta_signature};

/// The brief of every author of the bench. The far end's answer is written for it.
pub(crate) const BRIEF: &str = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end";

/// The prefix of the bench's message ids; a scattered number, the author and the message number follow.
const ID_PREFIX: &str = "wamid.bench.";
/// The step from one author to the next, a prime so that every author gets a turn.
const STRIDE: u64 = 2_654_435_761;

/// One message: its author, and its number among the messages of that author, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Letter {
    pub(crate) author: u32,
    pub(crate) number: u32,
}

impl Letter {
    /// Returns the id that Meta would assign. Like Meta's, it does not follow the order of time, from which a
    /// database would profit.
    pub(crate) fn id(self) -> String {
        let Self { author, number } = self;
        let scattered = postly_campaign::scattered(u64::from(author) << 32 | u64::from(number));
        format!("{ID_PREFIX}{scattered:016x}.{author}.{number}")
    }

    /// Parses an id. Returns none if it is not one of the bench's.
    pub(crate) fn of_id(id: &str) -> Option<Self> {
        let (_, id) = id.strip_prefix(ID_PREFIX)?.split_once('.')?;
        let (author, number) = id.split_once('.')?;
        Some(Self { author: author.parse().ok()?, number: number.parse().ok()? })
    }
}

/// Returns the phone number of an author, digits only.
pub(crate) fn phone_of(author: u32) -> String {
    format!("336{author:08}")
}

/// Builds webhooks of one account.
pub(crate) struct Post {
    account: MetaAccount,
}

impl Post {
    pub(crate) fn new(account: &MetaAccount) -> Self {
        Self { account: account.clone() }
    }

    /// Returns the body of the webhook.
    fn body(&self, letter: Letter) -> String {
        let phone = phone_of(letter.author);
        let at = SystemClock::new().now().0 / 1_000;
        let MetaAccount { waba_id, display_phone_number, phone_number_id, .. } = &self.account;
        format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{waba_id}","changes":[{{"value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"{display_phone_number}","phone_number_id":"{phone_number_id}"}},"contacts":[{{"profile":{{"name":"Fatou"}},"wa_id":"{phone}","user_id":"FR.{phone}"}}],"messages":[{{"from":"{phone}","from_user_id":"FR.{phone}","id":"{}","timestamp":"{at}","type":"text","text":{{"body":"{BRIEF}"}}}}]}},"field":"messages"}}]}}]}}"#,
            letter.id(),
        )
    }

    /// Returns the whole request, ready to be written to a connection.
    pub(crate) fn request(&self, letter: Letter) -> Vec<u8> {
        let body = self.body(letter);
        let signature = meta_signature(&self.account.app_secret, body.as_bytes());
        let head = format!(
            "POST /api/whatsapp/webhook HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nx-hub-signature-256: {signature}\r\n\r\n",
            body.len(),
        );
        [head.as_bytes(), body.as_bytes()].concat()
    }
}

/// Hands out letters: the next one of each author in turn, so that no author writes often.
pub(crate) struct Letters {
    people: Range<u32>,
    /// The distance from one author to the next.
    apart: u32,
    next: AtomicU64,
}

impl Letters {
    /// Letters of these authors, each from number 1.
    pub(crate) fn of(people: Range<u32>) -> Self {
        Self { people, apart: 1, next: AtomicU64::new(0) }
    }

    /// Letters of `people` authors, spaced by `apart`.
    pub(crate) fn spread(people: u32, apart: u32) -> Self {
        Self { people: 0..people, apart, next: AtomicU64::new(0) }
    }

    pub(crate) fn next(&self) -> Letter {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        let people = u64::from(self.people.end - self.people.start).max(1);
        let small = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let author = self.people.start + small(next % people * STRIDE % people) * self.apart;
        Letter { author, number: small(next / people) + 1 }
    }
}

#[cfg(test)]
mod tests {
    use postly_simulator::{Channel, Person, Simulator, SimulatorConfig};
    use serde_json::Value;

    use super::*;

    /// Collects every path to a value, without the values.
    fn shape(value: &Value, path: &str, into: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| shape(value, &format!("{path}/{name}"), into));
            }
            Value::Array(items) => items.iter().for_each(|item| shape(item, &format!("{path}[]"), into)),
            _ => into.push(path.to_owned()),
        }
    }

    #[tokio::test]
    async fn a_letter_comes_as_the_simulator_brings_it() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let world = Simulator::start(SimulatorConfig::default()).await.unwrap();
        let person = Person::new(Channel::Meta, "+33600000007");
        let theirs = world.webhook_text(&person, BRIEF);
        let letter = Letter { author: 7, number: 1 };
        let request = Post::new(&world.config().meta).request(letter);
        let request = String::from_utf8(request).unwrap();
        let (head, ours) = request.split_once("\r\n\r\n").unwrap();

        let mut shapes = [vec![], vec![]];
        for (body, into) in [theirs.body.as_slice(), ours.as_bytes()].into_iter().zip(&mut shapes) {
            shape(&serde_json::from_slice(body).unwrap(), "", into);
            into.sort();
        }
        assert_eq!(shapes[0], shapes[1]);
        let signature = meta_signature(&world.config().meta.app_secret, ours.as_bytes());
        assert!(head.contains(&format!("x-hub-signature-256: {signature}")), "{head}");
        assert!(head.starts_with(&format!("{} {} ", theirs.method, postly_whatsapp::WEBHOOK_PATH)), "{head}");
        world.stop().await;
    }

    #[test]
    fn letters_go_round() {
        let letters = Letters::of(5..7);
        let first: Vec<(u32, u32)> =
            (0..4).map(|_| letters.next()).map(|letter| (letter.author, letter.number)).collect();
        assert_eq!(first, [(5, 1), (6, 1), (5, 2), (6, 2)]);
        assert_eq!(
            Letter::of_id(&Letter { author: 6, number: 2 }.id()),
            Some(Letter { author: 6, number: 2 })
        );
    }
}
