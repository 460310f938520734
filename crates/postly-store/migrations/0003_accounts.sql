-- Accounts: passwords, sessions, one-time codes and what was spent on them, merging, leaving.

ALTER TABLE authors ADD COLUMN password_hash TEXT;
-- Set when she was merged into another: her id is an alias from then on.
ALTER TABLE authors ADD COLUMN merged_into_id TEXT REFERENCES authors (id);
ALTER TABLE authors ADD COLUMN erased_at_ms BIGINT;
-- When DELETE was last asked for on WhatsApp, until it is confirmed.
ALTER TABLE authors ADD COLUMN erasure_asked_at_ms BIGINT;
-- When her number was last exchanged for another, for the account page.
ALTER TABLE authors ADD COLUMN number_changed_at_ms BIGINT;
CREATE INDEX authors_merged ON authors (merged_into_id) WHERE merged_into_id IS NOT NULL;

-- When she proved to have the number or id.
ALTER TABLE identities ADD COLUMN proved_at_ms BIGINT;

-- Merging and erasing find what was held for her by it.
CREATE INDEX holds_author ON holds (author_id);

-- One code, asked for once. Rows are deleted soon after their end.
CREATE TABLE challenges (
    id TEXT PRIMARY KEY,
    purpose TEXT NOT NULL CHECK (purpose IN ('login', 'link')),
    -- Where it belongs: to a browser, which got the code by a message or by a phrase, or to a conversation on WhatsApp.
    origin TEXT NOT NULL CHECK (origin IN ('browser', 'phrase', 'whatsapp')),
    -- Hash of the browser's secret.
    browser_hash TEXT,
    phone TEXT CHECK (phone LIKE '+%'),
    -- Who wrote on WhatsApp.
    identity_id TEXT,
    -- Whose session asked, for a link; who wrote, for a login on WhatsApp.
    author_id TEXT REFERENCES authors (id),
    -- Keyed hash of the code; null until there is one.
    code_hash TEXT,
    -- Hash of the token of a login link, or of a phrase.
    secret_hash TEXT,
    -- What the browser of a phrase calls itself.
    browser_label TEXT NOT NULL DEFAULT '',
    tries BIGINT NOT NULL DEFAULT 0,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    -- Used, replaced or denied.
    closed_at_ms BIGINT,
    CHECK ((origin = 'whatsapp') = (browser_hash IS NULL))
);
CREATE INDEX challenges_browser ON challenges (browser_hash) WHERE browser_hash IS NOT NULL;
CREATE INDEX challenges_phone ON challenges (phone) WHERE phone IS NOT NULL;
CREATE UNIQUE INDEX challenges_secret ON challenges (secret_hash) WHERE secret_hash IS NOT NULL;
CREATE INDEX challenges_identity ON challenges (identity_id) WHERE identity_id IS NOT NULL;
CREATE INDEX challenges_author ON challenges (author_id) WHERE author_id IS NOT NULL;
CREATE INDEX challenges_expiry ON challenges (expires_at_ms);

-- Every code that was sent, for a day: what budgets are counted from. The subject is a keyed hash of a number or id.
CREATE TABLE code_sends (
    challenge_id TEXT PRIMARY KEY,
    pool TEXT NOT NULL CHECK (pool IN ('login', 'link', 'whatsapp')),
    subject_hash TEXT NOT NULL,
    country TEXT NOT NULL,
    sent_at_ms BIGINT NOT NULL,
    proved_at_ms BIGINT
);
CREATE INDEX code_sends_subject ON code_sends (subject_hash, sent_at_ms);
CREATE INDEX code_sends_time ON code_sends (sent_at_ms);

-- Wrong codes typed for a number, by UTC day.
CREATE TABLE wrong_tries (
    subject_hash TEXT NOT NULL,
    day BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    PRIMARY KEY (subject_hash, day)
);

-- The last five times something was done from somewhere, newest first: an exact sliding window in one row.
CREATE TABLE rate_limits (
    limit_key TEXT PRIMARY KEY,
    h0 BIGINT NOT NULL,
    h1 BIGINT NOT NULL,
    h2 BIGINT NOT NULL,
    h3 BIGINT NOT NULL,
    h4 BIGINT NOT NULL
);
CREATE INDEX rate_limits_time ON rate_limits (h0);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES authors (id),
    -- What the browser calls itself, in short.
    label TEXT NOT NULL,
    -- Whether it was opened by proving a number.
    by_whatsapp BIGINT NOT NULL CHECK (by_whatsapp IN (0, 1)),
    created_at_ms BIGINT NOT NULL,
    seen_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX sessions_author ON sessions (author_id, id);
CREATE INDEX sessions_expiry ON sessions (expires_at_ms);

-- Whoever was erased: messages from before, which a provider may bring again, are not answered. Keyed hash, as above.
CREATE TABLE erasures (
    subject_hash TEXT PRIMARY KEY,
    until_ms BIGINT NOT NULL
);

-- When work that comes back is due next.
CREATE TABLE jobs (
    name TEXT PRIMARY KEY,
    due_at_ms BIGINT NOT NULL,
    -- The id of the last row that was done, where the work goes from row to row.
    progress TEXT NOT NULL DEFAULT ''
);

-- Our own numbers as people see them, learned from the messages that come to them.
CREATE TABLE business_numbers (
    provider TEXT NOT NULL CHECK (provider IN ('meta', 'twilio')),
    business TEXT NOT NULL,
    number TEXT NOT NULL,
    PRIMARY KEY (provider, business)
);
