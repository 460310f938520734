//! The chart of the last days, as SVG bars without a script or style of its own.

use postly_app::admin::Day;

use crate::pages::moment::Moment;

/// The measures of the drawing, in its own units.
const HEIGHT: i64 = 120;
const SLOT: i64 = 40;
const BAR: i64 = 14;

/// A bar and its caption.
pub(crate) struct Bar {
    pub(crate) x: i64,
    pub(crate) y: i64,
    pub(crate) height: i64,
    pub(crate) caption: String,
    pub(crate) is_failure: bool,
}

/// A day of the chart, and of the equivalent table.
pub(crate) struct Column {
    /// The middle of the day's slot.
    pub(crate) x: i64,
    pub(crate) day: String,
    pub(crate) received: i64,
    pub(crate) answered: i64,
    pub(crate) failed: i64,
    pub(crate) sold: i64,
    pub(crate) spent: i64,
}

/// The chart of the last days.
pub(crate) struct Chart {
    pub(crate) width: i64,
    pub(crate) height: i64,
    pub(crate) bar: i64,
    pub(crate) most: i64,
    pub(crate) bars: Vec<Bar>,
    pub(crate) columns: Vec<Column>,
}

impl Chart {
    /// Draws the messages received and the failures of each day.
    pub(crate) fn of(days: &[Day]) -> Self {
        let columns: Vec<Column> = (0_i64..)
            .zip(days)
            .map(|(number, day)| {
                let figures = &day.figures;
                Column {
                    x: number * SLOT + SLOT / 2,
                    // The date of `2026-11-26 00:00 UTC`.
                    day: Moment::new(day.start).shown.get(..10).unwrap_or_default().to_owned(),
                    received: figures.get("received"),
                    answered: figures.get("answered"),
                    failed: figures.get("dead") + figures.get("undelivered"),
                    sold: figures.get("sold"),
                    spent: figures.get("spent"),
                }
            })
            .collect();
        let most = columns.iter().map(|column| column.received.max(column.failed)).max().unwrap_or(0);
        let bars = columns.iter().flat_map(|column| {
            let bar = |x, value: i64, name, is_failure| {
                // At least two units, so that one message among thousands is visible.
                let height = (value.saturating_mul(HEIGHT) / most.max(1)).max(i64::from(value > 0) * 2);
                let caption = format!("{}: {value} {name}", column.day);
                Bar { x, y: HEIGHT - height, height, caption, is_failure }
            };
            [
                bar(column.x - BAR, column.received, "received", false),
                bar(column.x, column.failed, "failed", true),
            ]
        });
        let bars = bars.filter(|bar| bar.height > 0).collect();
        let width = SLOT * i64::try_from(days.len()).unwrap_or(0);
        Self { width, height: HEIGHT, bar: BAR, most, bars, columns }
    }
}

#[cfg(test)]
mod tests {
    use postly_domain::UnixMillis;

    use super::*;

    #[test]
    fn an_empty_fortnight_has_columns_and_no_bars() {
        let day = |number: i64| Day { start: UnixMillis(number * 86_400_000), figures: Default::default() };
        let chart = Chart::of(&(0..14).map(day).collect::<Vec<_>>());
        assert_eq!((chart.columns.len(), chart.bars.len(), chart.most, chart.width), (14, 0, 0, 560));
        assert_eq!(chart.columns[1].day, "1970-01-02");
    }
}
