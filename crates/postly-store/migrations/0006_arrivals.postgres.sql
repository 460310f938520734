-- As in SQLite's text beside this one, so that one statement does for both. Here an event joins its lane when it is stored:
-- a log of changed rows is written, not of pages, and another change of the row would be one more version of it.
ALTER TABLE inbox ADD COLUMN in_lane BIGINT NOT NULL DEFAULT 1 CHECK (in_lane IN (0, 1));
