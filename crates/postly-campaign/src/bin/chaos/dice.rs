//! Reproducible random numbers. Every round has a generator of its own, seeded from the campaign's seed and
//! the round's name, so that one round can be replayed without those before it.

use std::time::Duration;

/// A splitmix64 generator.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Creates the generator of one round.
    pub(crate) fn of(seed: u64, name: &str, round: u64) -> Self {
        // FNV-1a; any hash that never changes would do.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mut dice = Self(seed ^ hash ^ round.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // Close seeds must not give similar first numbers.
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        postly_campaign::scattered(self.0)
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high.saturating_sub(low) + 1)
    }

    /// Returns a duration from `low` to `high` milliseconds.
    pub(crate) fn millis(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.between(low, high))
    }

    /// Returns true with a chance of this many percent.
    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.between(1, 100) <= chance
    }

    /// Picks one item.
    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let place = self.between(0, u64::try_from(of.len().saturating_sub(1)).unwrap_or(0));
        usize::try_from(place).ok().and_then(|place| of.get(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_round_falls_the_same_way_and_another_does_not() {
        let throw = |seed, name, round| {
            let mut dice = Dice::of(seed, name, round);
            [dice.between(0, 1_000_000), dice.between(0, 1_000_000)]
        };
        assert_eq!(throw(7, "kill", 3), throw(7, "kill", 3));
        assert_ne!(throw(7, "kill", 3), throw(7, "kill", 4));
        assert_ne!(throw(7, "kill", 3), throw(8, "kill", 3));
        assert_ne!(throw(7, "kill", 3), throw(7, "stop", 3));
    }

    #[test]
    fn a_throw_stays_within_its_bounds() {
        let mut dice = Dice::of(1, "", 0);
        for _ in 0..1_000 {
            assert!((3..=5).contains(&dice.between(3, 5)));
        }
        assert_eq!(dice.between(4, 4), 4);
        assert_eq!(dice.pick::<u8>(&[]), None);
    }
}
