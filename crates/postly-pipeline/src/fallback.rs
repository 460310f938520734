//! Two providers, so that one of them may be down.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::{Draft, DraftRequest, Model, ModelError, ModelFailure};

/// The longest that whoever is asked first may take. Nobody waits for more than this before the other provider is
/// asked (RULES 5.4), and of the 25 s in all it has the larger part left.
pub const FIRST_SHARE: Duration = Duration::from_secs(10);

/// A model that holds two: it asks the first, and when that one fails in a way that another provider may not, the
/// second with the time that is left. The calls of both are in its answer.
///
/// A repair is first asked of whoever wrote the draft: the other one was down a moment ago.
pub struct FallbackModel {
    name: String,
    first: Arc<dyn Model>,
    second: Arc<dyn Model>,
}

impl FallbackModel {
    /// A model that asks these two, in this order.
    pub fn new(first: Arc<dyn Model>, second: Arc<dyn Model>) -> Self {
        Self { name: format!("{}, else {}", first.name(), second.name()), first, second }
    }

    /// Whom to ask, in order.
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
    /// The names of both. Records and drafts have the name of the one that was asked.
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

/// How much of the time left is for whoever is asked first: never more than is left for the other one.
fn share(time_left: Duration) -> Duration {
    FIRST_SHARE.min(time_left / 2)
}

/// Whether the failure is one of the provider. What a model thinks of the brief is no reason to ask around until one
/// of them gives in, and one that ran out of room would run out of it elsewhere.
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
        | ModelFailure::NoTranslation => false,
    }
}
