-- SQLite cannot take a NOT NULL from a column, so the table is made anew ("Making Other Kinds Of Table Schema Changes").
-- PostgreSQL's text is beside this one.

CREATE TABLE outbox_now (
    id TEXT PRIMARY KEY,
    -- '<event>:<round>:<part>', so that a reply is queued once.
    message_key TEXT NOT NULL UNIQUE,
    lane TEXT NOT NULL,
    -- Nobody yet, for a code to a number that we do not know.
    author_id TEXT REFERENCES authors (id),
    provider TEXT NOT NULL CHECK (provider IN ('meta', 'twilio')),
    -- Our number, the one that was written to.
    business TEXT NOT NULL,
    address TEXT NOT NULL,
    purpose TEXT NOT NULL,
    -- No reference: whoever deletes an old event would have all messages searched for it.
    event_id TEXT,
    generation_id TEXT REFERENCES generations (id),
    carries_variant BIGINT NOT NULL CHECK (carries_variant IN (0, 1)),
    reply_to TEXT,
    body TEXT NOT NULL,
    form TEXT NOT NULL DEFAULT 'text' CHECK (form IN ('text', 'code', 'template')),
    -- What nobody may read but the provider, encrypted, until it has answered: a code, the address of someone erased.
    sealed TEXT,
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
INSERT INTO outbox_now (id, message_key, lane, author_id, provider, business, address, purpose, event_id, generation_id,
    carries_variant, reply_to, body, state, reason, refusals, recipient_waits, expires_at_ms, created_at_ms, finished_at_ms)
SELECT id, message_key, lane, author_id, provider, business, address, purpose, event_id, generation_id,
    carries_variant, reply_to, body, state, reason, refusals, recipient_waits, expires_at_ms, created_at_ms, finished_at_ms
FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_now RENAME TO outbox;
CREATE INDEX outbox_waiting ON outbox (lane, id) WHERE finished_at_ms IS NULL;
CREATE INDEX outbox_failed ON outbox (id) WHERE reason IS NOT NULL;
CREATE INDEX outbox_generation ON outbox (generation_id) WHERE generation_id IS NOT NULL;
CREATE INDEX outbox_purpose ON outbox (lane, purpose, created_at_ms) WHERE purpose <> 'result';
CREATE INDEX outbox_author ON outbox (author_id) WHERE author_id IS NOT NULL;
CREATE INDEX outbox_sealed ON outbox (id) WHERE sealed IS NOT NULL;
CREATE INDEX outbox_private ON outbox (finished_at_ms) WHERE purpose IN ('code', 'erased');

CREATE TABLE model_calls_now (
    id TEXT PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES authors (id),
    -- No reference, as above.
    event_id TEXT,
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
INSERT INTO model_calls_now (id, author_id, event_id, model, stage, outcome, prompt_version, prompt_tokens, completion_tokens,
    price_microunits, latency_ms, request_id, created_at_ms)
SELECT id, author_id, event_id, model, stage, outcome, prompt_version, prompt_tokens, completion_tokens,
    price_microunits, latency_ms, request_id, created_at_ms
FROM model_calls;
DROP TABLE model_calls;
ALTER TABLE model_calls_now RENAME TO model_calls;
CREATE INDEX model_calls_author ON model_calls (author_id);
