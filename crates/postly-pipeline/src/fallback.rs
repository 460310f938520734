//! A model made of two providers, so that one of them may be down.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::{Draft, DraftRequest, Model, ModelError, ModelFailure};

/// The most time for the provider that is asked first. No author waits longer before the other provider is
/// asked (RULES 5.4), and the larger part of the 25 s in all is left for it.
pub const FIRST_SHARE: Duration = Duration::from_secs(10);

/// A model that holds two. It asks the first; if that one fails for a reason of its provider, it asks the
/// second with the time that is left. Its answer holds the calls of both.
///
/// A repair is first asked of the model that wrote the draft, because the other one was down a moment ago.
pub struct FallbackModel {
    name: String,
    first: Arc<dyn Model>,
    second: Arc<dyn Model>,
}

impl FallbackModel {
    /// Returns a model that asks these two, in this order.
    pub fn new(first: Arc<dyn Model>, second: Arc<dyn Model>) -> Self {
        Self { name: format!("{}, else {}", first.name(), second.name()), first, second }
    }

    /// Returns the models in the order in which they are asked.
    fn in_order(&self, request: &DraftRequest) -> [&dyn Model; 2] {
        let (first, second) = (self.first.as_ref(), self.second.as_ref());
        match &request.repair {
            Some(repair) if repair.drafted_by == second.name() && second.name() != first.name() => {
                [second, first]
            }
            Some(_) | None => [first, second],
        }
    }
}

impl Model for FallbackModel {
    /// The names of both. Records and drafts hold the name of the model that was asked.
    fn name(&self) -> &str {
        &self.name
    }

    fn is_ai(&self) -> bool {
        self.first.is_ai() || self.second.is_ai()
    }

    fn sees(&self) -> bool {
        self.first.sees()
    }

    fn draft<'a>(&'a self, request: &'a DraftRequest) -> BoxFuture<'a, Result<Draft, ModelError>> {
        Box::pin(async move {
            let [first, second] = self.in_order(request);
            let mut hurried = request.clone();
            hurried.deadline = Instant::now() + share(request.time_left());
            let ModelError { failure, mut calls } = match first.draft(&hurried).await {
                Ok(draft) => return Ok(draft),
                Err(error) => error,
            };
            if !another_may_do_better(failure) {
                return Err(ModelError { failure, calls });
            }
            let (failed, asked) = (first.name(), second.name());
            tracing::info!(failed, asked, %failure, "{failed} failed ({failure}): asking {asked}");
            match second.draft(request).await {
                Ok(mut draft) => {
                    calls.append(&mut draft.calls);
                    Ok(Draft { calls, ..draft })
                }
                Err(mut error) => {
                    calls.append(&mut error.calls);
                    Err(ModelError { calls, ..error })
                }
            }
        })
    }
}

/// The share of the remaining time for the model asked first: at most half of it.
fn share(time_left: Duration) -> Duration {
    FIRST_SHARE.min(time_left / 2)
}

/// True if the failure is one of the provider. A model's refusal of a brief is not shopped around until
/// another model accepts it, and an answer that was cut off would be cut off elsewhere.
fn another_may_do_better(failure: ModelFailure) -> bool {
    match failure {
        ModelFailure::Unavailable
        | ModelFailure::RateLimited
        | ModelFailure::Quota
        | ModelFailure::Rejected { .. }
        | ModelFailure::DeadlineExceeded => true,
        ModelFailure::Refused
        | ModelFailure::Filtered
        | ModelFailure::Truncated
        | ModelFailure::NoVision
        | ModelFailure::TooManyFacts
        | ModelFailure::NoTranslation
        | ModelFailure::UnclearInstructions => false,
    }
}
