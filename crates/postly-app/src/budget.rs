//! What models may cost in a day.

use std::sync::{Mutex, PoisonError};

use postly_domain::{UnixMillis, time::DAY_MS};
use postly_store::{StoreError, Tx, budgets};

use crate::App;

/// How old the count of all calls may be. What is written meanwhile is a matter of seconds, and a budget one of a day.
const STALE_MS: i64 = 10_000;

/// The count of all calls, and when it was made.
#[derive(Default)]
pub(crate) struct Calls(Mutex<Option<(UnixMillis, i64)>>);

/// Whose budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spent {
    /// Hers.
    Author,
    /// Everybody's.
    All,
}

impl Spent {
    /// The text for the author.
    pub(crate) fn text_key(self) -> &'static str {
        match self {
            Self::Author => "budget-author",
            Self::All => "budget-all",
        }
    }
}

impl App {
    /// Returns the budget that is used up, if one is, for an author with so many calls in the last 24 hours.
    pub(crate) async fn exhausted_budget(
        &self,
        tx: &mut Tx,
        recent_calls: i64,
        now: UnixMillis,
    ) -> Result<Option<Spent>, StoreError> {
        let budget = self.0.settings.model_budget;
        if recent_calls >= budget.author {
            return Ok(Some(Spent::Author));
        }
        if budget.all == 0 {
            return Ok(None);
        }
        let known = *self.0.calls.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = match known {
            Some((at, calls)) if (0..STALE_MS).contains(&now.since_ms(at)) => calls,
            Some(_) | None => {
                let calls = budgets::calls_since(tx, now.plus_ms(-DAY_MS)).await?;
                *self.0.calls.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, calls));
                calls
            }
        };
        Ok((all >= budget.all).then_some(Spent::All))
    }
}
