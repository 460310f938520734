-- The monitor: what it found last, what fails at the moment, and which alerts are open. All processes share these.

-- The findings of the last check of each scope, as JSON.
CREATE TABLE monitor_reports (
    scope TEXT PRIMARY KEY,
    findings TEXT NOT NULL,
    noted_at_ms BIGINT NOT NULL
);

-- A provider, model or shop whose calls fail. The row goes when one is answered.
CREATE TABLE upstream_failures (
    upstream TEXT PRIMARY KEY,
    since_ms BIGINT NOT NULL,
    -- The last failed call.
    noted_at_ms BIGINT NOT NULL
);

-- An alert whose condition holds.
CREATE TABLE open_alerts (
    name TEXT NOT NULL,
    -- What it is about: a provider, an invariant; empty when there is only one.
    subject TEXT NOT NULL,
    -- The check that raised it, and that closes it.
    scope TEXT NOT NULL,
    since_ms BIGINT NOT NULL,
    raised_at_ms BIGINT NOT NULL,
    PRIMARY KEY (name, subject)
);

-- What a provider told of our account, number or templates last: one row for each subject.
CREATE TABLE account_notices (
    provider TEXT NOT NULL,
    -- 'template:NAME:LANGUAGE', 'quality' or 'account'.
    subject TEXT NOT NULL,
    -- The provider's word.
    word TEXT NOT NULL,
    -- 'clear', 'warns' or 'stops'.
    effect TEXT NOT NULL,
    occurred_at_ms BIGINT NOT NULL,
    PRIMARY KEY (provider, subject)
);
