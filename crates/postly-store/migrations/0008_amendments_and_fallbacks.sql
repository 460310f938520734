-- The event key of the message that this one deletes or replaces.
ALTER TABLE inbox ADD COLUMN amends_key TEXT;
CREATE INDEX inbox_amends ON inbox (amends_key) WHERE amends_key IS NOT NULL;
