-- SQLite's text is beside this one.

-- Nobody yet, for a code to a number that we do not know.
ALTER TABLE outbox ALTER COLUMN author_id DROP NOT NULL;
ALTER TABLE outbox ADD COLUMN form TEXT NOT NULL DEFAULT 'text' CHECK (form IN ('text', 'code', 'template'));
-- What nobody may read but the provider, encrypted, until it has answered: a code, the address of someone erased.
ALTER TABLE outbox ADD COLUMN sealed TEXT;
CREATE INDEX outbox_author ON outbox (author_id) WHERE author_id IS NOT NULL;
CREATE INDEX outbox_sealed ON outbox (id) WHERE sealed IS NOT NULL;
CREATE INDEX outbox_private ON outbox (finished_at_ms) WHERE purpose IN ('code', 'erased');

-- Whoever deletes an old event would have all messages searched for it.
ALTER TABLE outbox DROP CONSTRAINT outbox_event_id_fkey;
ALTER TABLE model_calls DROP CONSTRAINT model_calls_event_id_fkey;
