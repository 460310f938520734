-- One text for SQLite and PostgreSQL: TEXT and BIGINT only, times in milliseconds since the epoch.
-- What one engine alone needs (the ledger's trigger) is in src/schema.rs.

CREATE TABLE authors (
    id TEXT PRIMARY KEY,
    email TEXT UNIQUE,
    language TEXT NOT NULL CHECK (language IN ('fr', 'en', 'es', 'pt', 'ar')),
    -- 1 once she has said LANG: from then on no message changes it.
    language_chosen BIGINT NOT NULL DEFAULT 0 CHECK (language_chosen IN (0, 1)),
    -- When her first reply was queued, the one that says who we are.
    greeted_at_ms BIGINT,
    created_at_ms BIGINT NOT NULL
);

CREATE TABLE identities (
    id TEXT PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES authors (id),
    provider TEXT NOT NULL CHECK (provider IN ('meta', 'twilio')),
    -- What replies are addressed to, as the provider writes it.
    address TEXT,
    phone TEXT CHECK (phone LIKE '+%'),
    bsuid TEXT CHECK (bsuid <> ''),
    stopped_at_ms BIGINT,
    created_at_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX identities_bsuid ON identities (provider, bsuid) WHERE bsuid IS NOT NULL;
CREATE UNIQUE INDEX identities_phone ON identities (provider, phone) WHERE phone IS NOT NULL;
CREATE INDEX identities_any_phone ON identities (phone) WHERE phone IS NOT NULL;
CREATE INDEX identities_author ON identities (author_id);

-- What was given once for ever. The subject is a keyed hash of a number or an id, and outlives its author.
CREATE TABLE grants (
    kind TEXT NOT NULL CHECK (kind IN ('trial', 'welcome')),
    subject_hash TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (kind, subject_hash)
);

CREATE TABLE wallets (
    author_id TEXT PRIMARY KEY REFERENCES authors (id),
    balance BIGINT NOT NULL CHECK (balance BETWEEN 0 AND 1000000000000),
    held BIGINT NOT NULL CHECK (held >= 0),
    CHECK (balance - held >= 0)
);

CREATE TABLE holds (
    id TEXT PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES wallets (author_id),
    -- 'event:round', so that a second try finds the first hold.
    hold_key TEXT NOT NULL UNIQUE,
    amount BIGINT NOT NULL CHECK (amount > 0),
    state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'released')),
    created_at_ms BIGINT NOT NULL,
    closed_at_ms BIGINT,
    CHECK ((state = 'open') = (closed_at_ms IS NULL))
);
CREATE INDEX holds_open ON holds (created_at_ms) WHERE state = 'open';
CREATE INDEX holds_author ON holds (author_id);

-- Append-only, by trigger.
CREATE TABLE ledger (
    id TEXT PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES wallets (author_id),
    delta BIGINT NOT NULL CHECK (delta <> 0),
    reason TEXT NOT NULL CHECK (reason IN (
        'whatsapp_generation', 'web_generation', 'purchase', 'purchase_reversal', 'dispute', 'debt_repaid',
        'refund', 'welcome', 'trial', 'adjustment', 'merge')),
    -- What was done, once: 'settle:<hold>', 'refund:<hold>', 'trial:<event>' ...
    operation TEXT NOT NULL UNIQUE,
    note TEXT,
    reference TEXT,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX ledger_author ON ledger (author_id, id);

-- Work done one at a time: the events of a conversation, its statuses, its outgoing messages.
CREATE TABLE lanes (
    queue TEXT NOT NULL CHECK (queue IN ('inbox', 'status', 'outbox')),
    lane TEXT NOT NULL,
    waiting BIGINT NOT NULL CHECK (waiting >= 0),
    -- When the lane may be claimed: NULL when nothing waits, the end of the lease while it is claimed.
    ready_at_ms BIGINT,
    lease_token TEXT,
    -- Outbox only: until when the messages sent so far are paid for under the pair limit.
    paid_until_ms BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (queue, lane),
    CHECK (lease_token IS NULL OR ready_at_ms IS NOT NULL)
);
CREATE INDEX lanes_ready ON lanes (queue, ready_at_ms) WHERE ready_at_ms IS NOT NULL;

CREATE TABLE inbox (
    id TEXT PRIMARY KEY,
    event_key TEXT NOT NULL UNIQUE,
    provider TEXT NOT NULL CHECK (provider IN ('meta', 'twilio')),
    kind TEXT NOT NULL CHECK (kind IN ('message', 'status', 'identity_change', 'unknown')),
    queue TEXT NOT NULL CHECK (queue IN ('inbox', 'status')),
    lane TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ready', 'answered', 'applied', 'ignored', 'dead')),
    -- How it ended: what was answered, the rule by which it was ignored, why it is dead.
    outcome TEXT,
    attempts BIGINT NOT NULL DEFAULT 0,
    -- Counts the tries that may hold a credit: a replay after a release is a new round.
    round BIGINT NOT NULL DEFAULT 1,
    author_id TEXT REFERENCES authors (id),
    -- The first message of the reply; refusals for one reason share it.
    answer_id TEXT,
    slice TEXT NOT NULL,
    occurred_at_ms BIGINT NOT NULL,
    received_at_ms BIGINT NOT NULL,
    finished_at_ms BIGINT,
    CHECK ((state = 'ready') = (finished_at_ms IS NULL))
);
CREATE INDEX inbox_waiting ON inbox (queue, lane, occurred_at_ms, id) WHERE state = 'ready';
CREATE INDEX inbox_dead ON inbox (id) WHERE state = 'dead';
CREATE INDEX inbox_author ON inbox (author_id) WHERE author_id IS NOT NULL;

CREATE TABLE generations (
    id TEXT PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES authors (id),
    event_id TEXT UNIQUE REFERENCES inbox (id),
    hold_id TEXT UNIQUE REFERENCES holds (id),
    state TEXT NOT NULL CHECK (state IN ('settled', 'refunded')),
    brief TEXT NOT NULL,
    platform TEXT NOT NULL,
    language TEXT NOT NULL,
    -- JSON: [{"text", "angle"}], three of them.
    variants TEXT NOT NULL,
    writer TEXT NOT NULL,
    prompt_version TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX generations_author ON generations (author_id, id);

CREATE TABLE model_calls (
    id TEXT PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES authors (id),
    event_id TEXT REFERENCES inbox (id),
    model TEXT NOT NULL,
    stage TEXT NOT NULL,
    outcome TEXT NOT NULL,
    prompt_version TEXT NOT NULL,
    prompt_tokens BIGINT,
    completion_tokens BIGINT,
    price_microunits BIGINT,
    latency_ms BIGINT NOT NULL,
    request_id TEXT,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX model_calls_author ON model_calls (author_id);

CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    -- '<event>:<round>:<part>', so that a reply is queued once.
    message_key TEXT NOT NULL UNIQUE,
    lane TEXT NOT NULL,
    author_id TEXT NOT NULL REFERENCES authors (id),
    provider TEXT NOT NULL CHECK (provider IN ('meta', 'twilio')),
    -- Our number, the one that was written to.
    business TEXT NOT NULL,
    address TEXT NOT NULL,
    purpose TEXT NOT NULL,
    event_id TEXT REFERENCES inbox (id),
    generation_id TEXT REFERENCES generations (id),
    carries_variant BIGINT NOT NULL CHECK (carries_variant IN (0, 1)),
    reply_to TEXT,
    body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ready', 'sending', 'unknown', 'accepted', 'refused', 'cancelled', 'dead')),
    reason TEXT,
    -- Clear refusals so far, and pair-limit refusals in a row.
    refusals BIGINT NOT NULL DEFAULT 0,
    recipient_waits BIGINT NOT NULL DEFAULT 0,
    -- The end of the service window it was written in.
    expires_at_ms BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    finished_at_ms BIGINT,
    CHECK ((state IN ('ready', 'sending', 'unknown')) = (finished_at_ms IS NULL))
);
CREATE INDEX outbox_waiting ON outbox (lane, id) WHERE state IN ('ready', 'sending', 'unknown');
CREATE INDEX outbox_failed ON outbox (id) WHERE state IN ('refused', 'cancelled', 'dead');
CREATE INDEX outbox_generation ON outbox (generation_id) WHERE generation_id IS NOT NULL;
CREATE INDEX outbox_event ON outbox (event_id);
CREATE INDEX outbox_purpose ON outbox (lane, purpose, created_at_ms);

-- One row per call to a provider; its id travels with the call and comes back in every status.
CREATE TABLE attempts (
    id TEXT PRIMARY KEY,
    message_id TEXT NOT NULL REFERENCES outbox (id),
    state TEXT NOT NULL CHECK (state IN ('sending', 'known', 'unclear', 'refused')),
    status TEXT CHECK (status IN ('accepted', 'sent', 'delivered', 'read', 'failed')),
    provider_message_id TEXT,
    error_code BIGINT,
    started_at_ms BIGINT NOT NULL,
    CHECK ((state = 'known') = (status IS NOT NULL))
);
CREATE INDEX attempts_message ON attempts (message_id, id);
CREATE INDEX attempts_provider_message ON attempts (provider_message_id) WHERE provider_message_id IS NOT NULL;

-- One row that the readiness probe writes: only a write tells whether writes pass.
CREATE TABLE probe (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    at_ms BIGINT NOT NULL
);

-- A business number that must rest: blocked, refused its token, or too fast.
CREATE TABLE resting_senders (
    provider TEXT NOT NULL,
    business TEXT NOT NULL,
    until_ms BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (provider, business)
);
