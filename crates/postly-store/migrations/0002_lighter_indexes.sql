-- Every index is written with every message. These are found by fewer rows, or by columns that change less often: on
-- PostgreSQL an update that touches no indexed column, not even one that an index is limited by, writes no index at all.

DROP INDEX outbox_waiting;
CREATE INDEX outbox_waiting ON outbox (lane, id) WHERE finished_at_ms IS NULL;

-- What did not arrive has a reason, and nothing else has.
DROP INDEX outbox_failed;
CREATE INDEX outbox_failed ON outbox (id) WHERE reason IS NOT NULL;

-- Only notices and refusals are looked for by their purpose; most messages are results.
DROP INDEX outbox_purpose;
CREATE INDEX outbox_purpose ON outbox (lane, purpose, created_at_ms) WHERE purpose <> 'result';

-- Nobody looks for these.
DROP INDEX outbox_event;
DROP INDEX holds_author;
