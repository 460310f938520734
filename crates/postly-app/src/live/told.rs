//! The state that a stream has sent, and the events that follow from a new one.

use postly_domain::{event::DeliveryStatus, id::GenerationId};

use super::LiveEvent;

/// The state of an author that a stream has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) balance: (i64, i64),
    pub(super) generations: Vec<(GenerationId, Option<DeliveryStatus>)>,
}

/// Returns the events for a stream that has sent `told`, after its author's state became `now`.
pub(super) fn changes(told: Option<&Told>, now: &Told, after: Option<&str>) -> Vec<LiveEvent> {
    let mut events = vec![];
    // A generation older than the watched ones is not new: it has only come back into the window.
    let floor = told.map(|told| told.generations.first().map_or("", |(id, _)| id.as_str()));
    for (id, delivery) in &now.generations {
        let known = told.and_then(|told| told.generations.iter().find(|(known, _)| known == id));
        let is_new = match floor {
            Some(floor) => known.is_none() && id.as_str() > floor,
            None => after.is_some_and(|after| id.as_str() > after),
        };
        if is_new {
            events.push(LiveEvent::Generation(id.clone()));
        }
        if delivery.is_some() && known.is_none_or(|(_, known)| known != delivery) {
            events.push(LiveEvent::Status(id.clone(), *delivery));
        }
    }
    if told.is_none_or(|told| told.balance != now.balance) {
        let (available, held) = now.balance;
        events.push(LiveEvent::Balance { available, held });
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_told_what_its_page_does_not_show() {
        use DeliveryStatus::{Accepted, Read};
        let id = |text: &str| GenerationId::new(text);
        let state = |balance, generations: &[(&str, Option<DeliveryStatus>)]| Told {
            balance,
            generations: generations.iter().map(|(text, status)| (id(text), *status)).collect(),
        };
        let balance = |available, held| LiveEvent::Balance { available, held };
        let first = state((5, 0), &[("a", Some(Read)), ("b", None)]);
        let told = |before: Option<&Told>, now, after| changes(before, now, after);
        // A new stream gets the generations newer than its page, their delivery statuses, and the balance.
        assert_eq!(
            told(None, &first, Some("a")),
            [LiveEvent::Status(id("a"), Some(Read)), LiveEvent::Generation(id("b")), balance(5, 0)]
        );
        assert_eq!(told(None, &first, None), [LiveEvent::Status(id("a"), Some(Read)), balance(5, 0)]);
        // No event is sent twice.
        assert_eq!(told(Some(&first), &first, Some("a")), []);
        let second = state((4, 0), &[("b", Some(Accepted)), ("c", None)]);
        assert_eq!(
            told(Some(&first), &second, Some("a")),
            [LiveEvent::Status(id("b"), Some(Accepted)), LiveEvent::Generation(id("c")), balance(4, 0)]
        );
        // "a" only comes back into the window.
        assert_eq!(told(Some(&second), &state((4, 0), &[("a", None), ("c", None)]), None), []);
    }
}
