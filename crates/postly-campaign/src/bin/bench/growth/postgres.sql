-- Years of a shop: {authors} authors, {rows} ledger entries, {rows} stored events, and a reply for each author.
-- Ids are ordered by time, as ours are, and older than any new one. The books hold.

-- Foreign keys are not checked row by row; every row here refers to one that is here.
SET session_replication_role = replica;
SET synchronous_commit = off;
SET statement_timeout = 0;

INSERT INTO authors (id, language, language_chosen, greeted_at_ms, created_at_ms)
SELECT '00a' || lpad(n::text, 12, '0'), 'fr', 0, 1600000000000 + n, 1600000000000 + n
FROM generate_series(0, {authors} - 1) AS n;

INSERT INTO identities (id, author_id, provider, address, phone, bsuid, created_at_ms)
SELECT '00i' || lpad(n::text, 12, '0'), '00a' || lpad(n::text, 12, '0'), 'meta', '+336' || lpad(n::text, 8, '0'),
    '+336' || lpad(n::text, 8, '0'), 'FR.336' || lpad(n::text, 8, '0'), 1600000000000 + n
FROM generate_series(0, {authors} - 1) AS n;

INSERT INTO grants (kind, subject_hash, created_at_ms)
SELECT 'trial', md5(n::text) || md5((-n)::text), 1600000000000 + n
FROM generate_series(0, {authors} - 1) AS n;

-- Entry i belongs to author i modulo {authors}, and gives 1,000 credits.
INSERT INTO wallets (author_id, balance, held)
SELECT '00a' || lpad(n::text, 12, '0'), 1000 * (({rows} - n + {authors} - 1) / {authors}), 0
FROM generate_series(0, {authors} - 1) AS n;

INSERT INTO ledger (id, author_id, delta, reason, operation, created_at_ms)
SELECT '00l' || lpad(n::text, 12, '0'), '00a' || lpad((n % {authors})::text, 12, '0'), 1000, 'adjustment',
    'grown:' || n, 1600000000000 + n
FROM generate_series(0, {rows} - 1) AS n;

INSERT INTO lanes (queue, lane, waiting)
SELECT queue, 'meta:{business}:+336' || lpad(n::text, 8, '0'), 0
FROM generate_series(0, {authors} - 1) AS n, (VALUES ('inbox'), ('outbox')) AS queues (queue);

INSERT INTO inbox (id, event_key, provider, kind, queue, lane, state, outcome, author_id, answer_id, slice,
    occurred_at_ms, received_at_ms, finished_at_ms)
SELECT '00e' || lpad(n::text, 12, '0'), 'meta:message:wamid.grown.' || n, 'meta', 'message', 'inbox',
    'meta:{business}:+336' || lpad((n % {authors})::text, 8, '0'), 'answered', 'result',
    '00a' || lpad((n % {authors})::text, 12, '0'), '00m' || lpad((n % {authors})::text, 12, '0'),
    repeat('x', 400), 1600000000000 + n, 1600000000000 + n,
    1600000000000 + n
FROM generate_series(0, {rows} - 1) AS n;

INSERT INTO outbox (id, message_key, lane, author_id, provider, business, address, purpose, event_id,
    carries_variant, body, state, expires_at_ms, created_at_ms, finished_at_ms)
SELECT '00m' || lpad(n::text, 12, '0'), '00e' || lpad(n::text, 12, '0') || ':1:0',
    'meta:{business}:+336' || lpad(n::text, 8, '0'), '00a' || lpad(n::text, 12, '0'), 'meta', '{business}',
    '+336' || lpad(n::text, 8, '0'), 'help', '00e' || lpad(n::text, 12, '0'), 0, repeat('x', 400), 'accepted',
    1600000000000 + n, 1600000000000 + n, 1600000000000 + n
FROM generate_series(0, least({authors}, {rows}) - 1) AS n;

INSERT INTO attempts (id, message_id, state, status, provider_message_id, started_at_ms)
SELECT '00t' || lpad(n::text, 12, '0'), '00m' || lpad(n::text, 12, '0'), 'known', 'delivered', 'wamid.grown.far.' || n,
    1600000000000 + n
FROM generate_series(0, least({authors}, {rows}) - 1) AS n;

-- Written by a version that hashes its names: there is nothing to take over at the start.
INSERT INTO jobs (name, due_at_ms) VALUES ('names', 0);

VACUUM ANALYZE;
-- What has been read so far is not what the service reads.
SELECT pg_stat_reset();
