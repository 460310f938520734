//! Latencies and medians.

use std::time::Duration;

/// A sorted set of durations.
#[derive(Debug, Default, Clone)]
pub(crate) struct Spread(Vec<Duration>);

impl From<Vec<Duration>> for Spread {
    fn from(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        Self(all)
    }
}

impl Spread {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Duration> {
        self.0.iter().copied()
    }

    /// Returns the duration that this share (in thousandths) of the durations does not exceed.
    pub(crate) fn at(&self, thousandths: usize) -> Duration {
        let rank = (self.0.len() * thousandths).div_ceil(1_000).max(1) - 1;
        self.0.get(rank).or(self.0.last()).copied().unwrap_or_default()
    }

    pub(crate) fn p50(&self) -> Duration {
        self.at(500)
    }

    pub(crate) fn p99(&self) -> Duration {
        self.at(990)
    }
}

/// Converts a duration to milliseconds, for display.
pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// The median, the least and the greatest value of a few runs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Runs {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
}

impl Runs {
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |rank: usize| values.get(rank).copied().unwrap_or_default();
        let last = values.len().saturating_sub(1);
        Self { median: f64::midpoint(at(last / 2), at(last.div_ceil(2))), least: at(0), greatest: at(last) }
    }

    /// Formats the median and the range, with this number of decimals.
    pub(crate) fn text(self, digits: usize) -> String {
        format!("{:.digits$} ({:.digits$}–{:.digits$})", self.median, self.least, self.greatest)
    }
}

/// Converts a count to a number for arithmetic.
pub(crate) fn count(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_the_nearest_one_above() {
        let spread = Spread::from((1..=100).rev().map(Duration::from_millis).collect::<Vec<_>>());
        assert_eq!((spread.p50(), spread.p99()), (Duration::from_millis(50), Duration::from_millis(99)));
        assert_eq!(spread.at(1_000), Duration::from_millis(100));
        assert_eq!(Spread::default().p99(), Duration::ZERO);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(Runs::of([4.0, 1.0, 2.0, 3.0]).text(1), "2.5 (1.0–4.0)");
        assert_eq!(Runs::of([7.0]).text(0), "7 (7–7)");
    }
}
