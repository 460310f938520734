-- Inbox only: what was said last and answered for free, as '<times in a row>:<when last>:<hash of it>'.
ALTER TABLE lanes ADD COLUMN repeats TEXT;

-- Also tells how many calls an author has asked for lately: ids follow the time.
DROP INDEX model_calls_author;
CREATE INDEX model_calls_author ON model_calls (author_id, id);
