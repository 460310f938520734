-- An event is acknowledged once it is stored, and joins its lane when a worker looks for work. What is written for each
-- acknowledgement is thus written at the end of a table or an index, but for its key: a page of an index is written anew for
-- each change in the middle. PostgreSQL's text is beside this one.

-- 0 until it has joined its lane.
ALTER TABLE inbox ADD COLUMN in_lane BIGINT NOT NULL DEFAULT 1 CHECK (in_lane IN (0, 1));
CREATE INDEX inbox_arrived ON inbox (queue, id) WHERE in_lane = 0;
DROP INDEX inbox_waiting;
CREATE INDEX inbox_waiting ON inbox (queue, lane, occurred_at_ms, id) WHERE state = 'ready' AND in_lane = 1;
