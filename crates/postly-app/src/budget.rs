//! Daily budgets of model calls.

use std::sync::{Arc, Mutex, PoisonError};

use postly_domain::{UnixMillis, time::DAY_MS};
use postly_store::{StoreError, Tx, budgets};

use crate::Core;

/// The longest age of the count of all calls. A budget is for a day, so a delay of seconds does not matter.
const STALE_MS: i64 = 10_000;

/// The count of all calls, and the time of the count.
#[derive(Default)]
pub(crate) struct Calls(Mutex<Option<(UnixMillis, i64)>>);

/// The budget that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spent {
    /// The author's.
    Author,
    /// The one for all authors together.
    All,
}

impl Spent {
    /// Returns the key of the text for the author.
    pub(crate) fn text_key(self) -> &'static str {
        match self {
            Self::Author => "budget-author",
            Self::All => "budget-all",
        }
    }
}

/// The daily budgets of model calls.
#[derive(Clone)]
pub struct ModelBudgets {
    pub(crate) core: Core,
    pub(crate) calls: Arc<Calls>,
}

impl ModelBudgets {
    /// Returns the budget that is used up, if one is, for an author with this number of calls in the last 24
    /// hours.
    pub(crate) async fn exhausted_budget(
        &self,
        tx: &mut Tx,
        recent_calls: i64,
        now: UnixMillis,
    ) -> Result<Option<Spent>, StoreError> {
        let budget = self.core.settings.model_budget;
        if recent_calls >= budget.author {
            return Ok(Some(Spent::Author));
        }
        if budget.all == 0 {
            return Ok(None);
        }
        let known = *self.calls.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = match known {
            Some((at, calls)) if (0..STALE_MS).contains(&now.since_ms(at)) => calls,
            Some(_) | None => {
                let calls = budgets::calls_since(tx, now.plus_ms(-DAY_MS)).await?;
                *self.calls.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, calls));
                calls
            }
        };
        Ok((all >= budget.all).then_some(Spent::All))
    }
}
