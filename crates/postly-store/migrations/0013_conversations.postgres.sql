-- The state of a conversation, follow-ups of a result, and authors who wait for a person.

-- The text about which the author was asked for more, and when.
ALTER TABLE authors ADD COLUMN asked_about TEXT;
ALTER TABLE authors ADD COLUMN asked_at_ms BIGINT;

-- The paid result that these posts are a change of; null for posts of their own.
ALTER TABLE generations ADD COLUMN root_id TEXT;

-- JSON: [[id, title], ...], the reply buttons below the text.
ALTER TABLE outbox ADD COLUMN buttons TEXT;

-- An author who asked for a person: until it is closed or too old, the service writes nothing by itself.
CREATE TABLE handoffs (
    id TEXT PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES authors (id),
    -- The conversation in which the author asked, for the reply.
    lane TEXT NOT NULL,
    provider TEXT NOT NULL,
    business TEXT NOT NULL,
    address TEXT NOT NULL,
    -- When the author wrote last: the service window of a reply.
    written_at_ms BIGINT NOT NULL,
    opened_at_ms BIGINT NOT NULL,
    closed_at_ms BIGINT
);
CREATE UNIQUE INDEX handoffs_open ON handoffs (author_id) WHERE closed_at_ms IS NULL;
CREATE INDEX handoffs_time ON handoffs (opened_at_ms);

-- Reasons are words of the program; only a free refinement moves no credit.
ALTER TABLE ledger DROP CONSTRAINT ledger_reason_check;
ALTER TABLE ledger DROP CONSTRAINT ledger_delta_check;
ALTER TABLE ledger ADD CONSTRAINT ledger_delta_check CHECK (delta <> 0 OR reason = 'free_refinement');
