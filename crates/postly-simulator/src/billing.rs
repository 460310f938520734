//! Meta's billing: since 2026-10-01 it charges each delivered service message beyond the first 1,000 of a
//! business number and month.

use serde_json::{Value, json};

/// Days from 0000-03-01 to 1970-01-01, and in 400 years.
const EPOCH_DAYS: i64 = 719_468;
const ERA_DAYS: i64 = 146_097;

/// The service messages of one month.
#[derive(Debug, Default)]
pub(crate) struct Billing {
    month: i64,
    delivered: u64,
}

impl Billing {
    /// Returns true if the next service message is billed.
    pub(crate) fn is_billable(&mut self, now_ms: i64, free: u64) -> bool {
        let month = month(now_ms);
        if month != self.month {
            *self = Self { month, delivered: 0 };
        }
        self.delivered >= free
    }

    /// Counts one delivered message.
    pub(crate) fn count(&mut self) {
        self.delivered += 1;
    }
}

/// The `pricing` of a status.
pub(crate) fn pricing(by_template: bool, billable: bool) -> Value {
    let (kind, category) = match (by_template, billable) {
        (true, _) => ("regular", "authentication"),
        (false, true) => ("regular", "service"),
        (false, false) => ("free_customer_service", "service"),
    };
    json!({"billable": by_template || billable, "pricing_model": "PMP", "type": kind, "category": category})
}

/// Months since the year 0, in UTC ("days from civil", reversed).
fn month(now_ms: i64) -> i64 {
    let days = now_ms.div_euclid(86_400_000) + EPOCH_DAYS;
    let era = days.div_euclid(ERA_DAYS);
    let of_era = days.rem_euclid(ERA_DAYS);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    // Years begin in March here, so that a leap day is the last day of a year.
    let from_march = (5 * of_year + 2) / 153;
    (era * 400 + year) * 12 + from_march + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_ends_where_the_calendar_says() {
        let day = 86_400_000;
        // 2026-11-30, 2026-12-01, 2027-01-01, 2028-02-29, 2028-03-01.
        let november = month(1_795_996_800_000);
        assert_eq!(november, 2026 * 12 + 10);
        assert_eq!(month(1_795_996_800_000 + day), november + 1);
        assert_eq!(month(1_795_996_800_000 + 32 * day), november + 2);
        assert_eq!(month(1_835_395_200_000), 2028 * 12 + 1);
        assert_eq!(month(1_835_395_200_000 + day), 2028 * 12 + 2);
    }

    #[test]
    fn what_is_beyond_the_free_messages_of_a_month_is_billed() {
        let mut billing = Billing::default();
        for _ in 0..2 {
            assert!(!billing.is_billable(0, 2));
            billing.count();
        }
        assert!(billing.is_billable(0, 2));
        assert!(!billing.is_billable(40 * 86_400_000, 2), "the next month begins anew");
    }
}
