-- Posts asked for on the web, and a history that can be searched.

ALTER TABLE generations ADD COLUMN origin TEXT NOT NULL DEFAULT 'whatsapp';
-- Brief and posts without case and accents, for the search of the history.
ALTER TABLE generations ADD COLUMN search_text TEXT NOT NULL DEFAULT '';
-- The variant that the author marked as used: 1 to 3.
ALTER TABLE generations ADD COLUMN used_variant BIGINT;

-- One row for each Idempotency-Key of an author, for 24 hours (RULES 3.8).
CREATE TABLE web_requests (
    author_id TEXT NOT NULL REFERENCES authors (id),
    -- SHA-256 of the key.
    key_hash TEXT NOT NULL,
    -- SHA-256 of the request: the same key with another request is refused.
    body_hash TEXT NOT NULL,
    -- The hold of the attempt that runs, or that succeeded.
    hold_key TEXT NOT NULL UNIQUE,
    -- NULL while an attempt runs.
    generation_id TEXT REFERENCES generations (id),
    -- The end of the attempt's lease: a later request with the key may take over.
    leased_until_ms BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (author_id, key_hash)
);
CREATE INDEX web_requests_created ON web_requests (created_at_ms);
