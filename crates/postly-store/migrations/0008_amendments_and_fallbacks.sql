-- The event key of the message that this one deletes or replaces.
ALTER TABLE inbox ADD COLUMN amends_key TEXT;
CREATE INDEX inbox_amends ON inbox (amends_key) WHERE amends_key IS NOT NULL;

-- A code that left as text, sealed once more for the template: a provider that has taken the text may report afterwards that
-- the service window was closed. The row goes with the first status that tells how the text ended, and at the latest when the
-- code ends.
CREATE TABLE code_fallbacks (
    message_id TEXT PRIMARY KEY REFERENCES outbox (id) ON DELETE CASCADE,
    sealed TEXT NOT NULL,
    -- Whether the author asked for it on WhatsApp: then it answers her, whatever she has said since.
    is_answer BIGINT NOT NULL CHECK (is_answer IN (0, 1)),
    expires_at_ms BIGINT NOT NULL
);
