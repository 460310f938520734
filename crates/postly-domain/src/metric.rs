//! The names of all metrics (RULES 10.9), each with its kind, its unit and its help. No other file spells
//! them.
//!
//! Labels have closed sets of values: never a number, an id or a text of an author.

/// The kind of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MetricKind {
    /// Only grows, until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations up to these bounds.
    Histogram(&'static [f64]),
}

/// The definition of a metric, as exported.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: MetricKind,
    /// Its unit.
    pub unit: &'static str,
    /// Its help text.
    pub help: &'static str,
}

use MetricKind::{Counter, Gauge, Histogram};

/// Bounds for answers to webhooks, which providers wait for.
const ACK: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0];
/// Bounds for requests of every kind, including those that write posts.
const REQUEST: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Bounds for our own work on a message.
const OWN: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0, 120.0];
/// Bounds for a call of a model, which has 25 s.
const MODEL: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 25.0];
/// Bounds for a call of a provider, which has 10 s.
const SEND: &[f64] = &[0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0];
/// Bounds for the time until an author has a reply.
const REPLY: &[f64] = &[0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 300.0, 900.0, 3600.0];
/// Bounds for the price of a generation.
const PRICE: &[f64] = &[50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0, 50_000.0];

macro_rules! table {
    ($($constant:ident = $name:literal, $kind:expr, $unit:literal, $help:literal;)*) => {
        $(#[doc = $help] pub const $constant: &str = $name;)*

        /// Every metric.
        pub const ALL: &[Metric] = &[$(Metric { name: $name, kind: $kind, unit: $unit, help: $help }),*];
    };
}

table! {
    HTTP_REQUESTS = "postly_http_requests_total", Counter, "requests",
        "Requests answered, by route, method and status";
    HTTP_REQUEST_SECONDS = "postly_http_request_seconds", Histogram(REQUEST), "seconds",
        "Time from the head of a request to the head of its answer, by route";
    LIVE_STREAMS = "postly_live_streams", Gauge, "streams", "Open streams of live events";
    CONNECTIONS_EVICTED = "postly_connections_evicted_total", Counter, "connections",
        "Connections closed because their peer was too slow or others needed the place";
    PANICS = "postly_panics_total", Counter, "panics", "Handlers that panicked: each one is a bug";

    WEBHOOK_REQUESTS = "postly_webhook_requests_total", Counter, "requests",
        "Webhooks of WhatsApp, by provider and outcome";
    WEBHOOK_ACK_SECONDS = "postly_webhook_ack_seconds", Histogram(ACK), "seconds",
        "Time from the head of a webhook to its acknowledgement, by provider";
    INBOUND = "postly_inbound_total", Counter, "events",
        "Events in authentic webhooks, by kind and by what was done on arrival";
    INBOUND_FINISHED = "postly_inbound_finished_total", Counter, "events",
        "Events that ended, by state and outcome";

    QUEUE_DEPTH = "postly_queue_depth", Gauge, "items", "Items that wait or are worked on, by queue";
    QUEUE_OLDEST_SECONDS = "postly_queue_oldest_seconds", Gauge, "seconds",
        "Age of the oldest item that waits or is worked on, by queue; 0 when there is none";
    JOBS = "postly_jobs_total", Counter, "items", "Items worked on, by queue and result";
    JOB_SECONDS = "postly_job_seconds", Histogram(REQUEST), "seconds",
        "Time of the work on one item, calls of others included, by stage";
    JOB_FENCED = "postly_job_fenced_total", Counter, "items",
        "Work that was dropped because its lease had expired";
    OWN_SECONDS = "postly_own_seconds", Histogram(OWN), "seconds",
        "Our own share: time from the receipt of a message to its queued reply, without the time of models";
    REPLY_SECONDS = "postly_reply_seconds", Histogram(REPLY), "seconds",
        "Time from a message, by its provider's clock, to the acceptance of its reply, by kind of reply";

    LLM_REQUESTS = "postly_llm_requests_total", Counter, "calls", "Calls of models, by model, stage and outcome";
    LLM_SECONDS = "postly_llm_seconds", Histogram(MODEL), "seconds", "Time of one call of a model, by model and stage";
    LLM_TOKENS = "postly_llm_tokens_total", Counter, "tokens", "Tokens read and written by models, by model and direction";
    LLM_COST = "postly_llm_cost_microdollars_total", Counter, "millionths of a US dollar",
        "Price of the calls of models whose price is known, by model";
    LLM_COST_PER_GENERATION = "postly_llm_cost_per_generation_microdollars", Histogram(PRICE),
        "millionths of a US dollar", "Price of all calls of models for one saved generation";
    LLM_BUDGET_REMAINING = "postly_llm_budget_remaining_ratio", Gauge, "ratio",
        "Part of the day's budget of model calls that is left, by scope; 1 without a budget";
    SPEND_LAST_DAY = "postly_spend_last_day_microdollars", Gauge, "millionths of a US dollar",
        "Price of the calls of models in the last 24 hours, of all processes";
    BREAKER_STATE = "postly_breaker_state", Gauge, "state",
        "Circuit of an upstream: 0 closed, 1 trying, 2 open";

    PROVIDER_REQUESTS = "postly_provider_requests_total", Counter, "calls",
        "Messages offered to a provider, by provider, outcome and its code";
    PROVIDER_SECONDS = "postly_provider_seconds", Histogram(SEND), "seconds",
        "Time of one call of a provider, by provider";
    PROVIDER_UNREACHABLE_SECONDS = "postly_provider_unreachable_seconds", Gauge, "seconds",
        "Time for which each call of a provider has failed; 0 when the last one was answered";
    SENDER_PAUSED = "postly_sender_paused", Gauge, "senders",
        "Business numbers that a provider does not let send, by provider";
    OUTBOX_UNKNOWN = "postly_outbox_unknown_total", Counter, "attempts", "Attempts whose outcome was unclear, by provider";
    OUTBOX_RECONCILED = "postly_outbox_reconciled_total", Counter, "messages",
        "Messages with an unclear attempt that were resolved, by status, resend or giving up";
    UNKNOWN_DELIVERIES = "postly_unknown_deliveries", Gauge, "messages",
        "Messages that are presumed delivered because no status ever came";

    DEAD_LETTERS = "postly_dead_letters_total", Counter, "items", "Items that were given up, by queue and reason";
    DEAD_LETTERS_OPEN = "postly_dead_letters_open", Gauge, "items",
        "Items of the last 7 days that were given up and not replayed, by queue";
    CREDITS = "postly_credits_total", Counter, "credits", "Credits moved by ledger entries, by reason";
    CREDITS_LIABILITY = "postly_credits_liability", Gauge, "credits", "Sum of all balances: what authors may still spend";
    CREDITS_HELD = "postly_credits_held", Gauge, "credits", "Credits in open holds";
    LEDGER_MISMATCH_USERS = "postly_ledger_mismatch_users", Gauge, "authors",
        "Authors whose balance or held amount is not what their entries and holds say";
    HOLDS_EXPIRED = "postly_holds_expired_total", Counter, "holds",
        "Holds of the web that were released because their work had died";
    HOLDS_STUCK = "postly_holds_stuck", Gauge, "holds", "Open holds whose work has ended, or is overdue";
    REFUNDS_LAST_DAY = "postly_refunds_last_day", Gauge, "refunds", "Automatic refunds of the last 24 hours";
    HANDOFFS_WAITING = "postly_handoffs_waiting", Gauge, "conversations",
        "Conversations that wait for a person's answer";
    INVARIANT_VIOLATIONS = "postly_invariant_violations", Gauge, "rows",
        "Rows that break an invariant, by its number; at most 1000 are counted";

    OTP = "postly_otp_total", Counter, "codes", "Codes asked for, by purpose and outcome";
    OTP_SENDS_BY_COUNTRY = "postly_otp_sends_by_country", Gauge, "codes", "Codes sent to browsers in the last hour, by country";
    OTP_FAILURE_RATIO = "postly_otp_global_failure_ratio", Gauge, "ratio",
        "Part of the codes of the last hour that nobody has typed; 0 without codes";
    OTP_COMPARISONS = "postly_otp_comparisons_total", Counter, "comparisons", "Codes that were compared with a challenge";
    OTP_DENIED = "postly_otp_denied_total", Counter, "codes", "Codes that their recipient did not ask for";
    LOGINS = "postly_logins_total", Counter, "logins", "Sessions opened, by the way of proof";
    RATE_LIMITED = "postly_rate_limited_total", Counter, "requests", "Requests refused because there were too many";
    SESSIONS_ACTIVE = "postly_sessions_active", Gauge, "sessions", "Sessions that have not expired; at most 100000 are counted";
    LOOPS = "postly_loops_total", Counter, "messages", "Conversations with a machine that were ended";
    FORBIDDEN_BRIEFS = "postly_forbidden_briefs_total", Counter, "briefs", "Briefs about a forbidden subject, by kind";
    ERASURES = "postly_erasures_total", Counter, "authors", "Authors who were erased";
    RETENTION_ROWS = "postly_retention_rows_total", Counter, "rows", "Rows deleted because their time was over, by class";
    STRIPE_EVENTS = "postly_stripe_events_total", Counter, "events", "Events of Stripe, by type and outcome";
    CHECKOUTS = "postly_checkouts_total", Counter, "sessions", "Checkout Sessions made";

    ALERTS = "postly_alerts_total", Counter, "alerts", "Alerts raised, by name: each is a line of the log as well";
    MONITOR_RUN_TIMESTAMP = "postly_monitor_run_timestamp_seconds", Gauge, "seconds",
        "When the invariants were last checked, since the epoch, by scope";
    MONITOR_SECONDS = "postly_monitor_seconds", Gauge, "seconds", "Time of the last check of the invariants, by scope";
    DISK_FREE_BYTES = "postly_disk_free_bytes", Gauge, "bytes", "Space left where the SQLite database lies";
    DISK_FREE_RATIO = "postly_disk_free_ratio", Gauge, "ratio", "Part of the disk that is left where the SQLite database lies";
    SQLITE_WAL_BYTES = "postly_sqlite_wal_bytes", Gauge, "bytes", "Size of the write-ahead log of SQLite";
    DATABASE_UNAVAILABLE_SECONDS = "postly_database_unavailable_seconds", Gauge, "seconds",
        "Time for which the database has taken no write; 0 while it does";
    BUILD_INFO = "postly_build_info", Gauge, "processes", "Always 1; the version and the engine are labels";
    PROCESS_RESIDENT = "process_resident_memory_bytes", Gauge, "bytes", "Resident memory of this process";
    PROCESS_OPEN_FDS = "process_open_fds", Gauge, "descriptors", "Open file descriptors of this process";
    PROCESS_START = "process_start_time_seconds", Gauge, "seconds", "Start of this process, since the epoch";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_name_is_used_once_begins_with_ours_and_tells_its_unit() {
        let names: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
        for Metric { name, kind, unit, help } in ALL {
            assert!(name.starts_with("postly_") || name.starts_with("process_"), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Counter, "{name}");
            assert_eq!(name.ends_with("_seconds"), *unit == "seconds", "{name}");
            assert!(help.len() > 15 && !help.ends_with('.'), "{name}: {help}");
        }
    }
}
