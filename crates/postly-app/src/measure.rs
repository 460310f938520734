//! Measures the work on a message.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use postly_domain::{UnixMillis, metric};

tokio::task_local! {
    /// The time that the work of this task has waited for models.
    static MODEL_TIME: Cell<Duration>;
}

/// Converts milliseconds to seconds.
pub(crate) fn seconds(millis: i64) -> f64 {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0)).as_secs_f64()
}

/// Counts a request refused by a rate limit.
pub(crate) fn rate_limited(rule: &'static str) {
    metrics::counter!(metric::RATE_LIMITED, "rule" => rule).increment(1);
}

/// Adds the duration of a future to the model time, within [`own_share`].
pub(crate) async fn model_time<T>(written: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let written = written.await;
    // Outside of the workers nothing is measured.
    let _ = MODEL_TIME.try_with(|time| time.set(time.get() + begun.elapsed()));
    written
}

/// Does the work on one message, and records the service's own share of the time since it was received.
pub(crate) async fn own_share<T, E>(
    received_at: Option<UnixMillis>,
    now: impl Fn() -> UnixMillis,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    MODEL_TIME
        .scope(Cell::default(), async {
            let done = work.await?;
            if let Some(received_at) = received_at {
                let all = Duration::from_secs_f64(seconds(now().since_ms(received_at)));
                let model = MODEL_TIME.with(Cell::get);
                metrics::histogram!(metric::OWN_SECONDS).record(all.saturating_sub(model));
            }
            Ok(done)
        })
        .await
}
