-- Years of a shop: {authors} authors, {rows} ledger entries, {rows} stored events, and a reply for each author.
-- Ids are ordered by time, as ours are, and older than any new one. The books hold.

-- Foreign keys are not checked row by row; every row here refers to one that is here.
PRAGMA foreign_keys = off;
-- Nothing is lost when this is torn: it begins anew. The service turns the journal on again.
PRAGMA synchronous = off;
PRAGMA journal_mode = off;
PRAGMA cache_size = -400000;
BEGIN;

WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {authors})
INSERT INTO authors (id, language, language_chosen, greeted_at_ms, created_at_ms)
SELECT '00a' || printf('%012d', n), 'fr', 0, 1600000000000 + n, 1600000000000 + n
FROM numbers;

WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {authors})
INSERT INTO identities (id, author_id, provider, address, phone, bsuid, created_at_ms)
SELECT '00i' || printf('%012d', n), '00a' || printf('%012d', n), 'meta', '+336' || printf('%08d', n),
    '+336' || printf('%08d', n), 'FR.336' || printf('%08d', n), 1600000000000 + n
FROM numbers;

WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {authors})
INSERT INTO grants (kind, subject_hash, created_at_ms)
SELECT 'trial', printf('%064d', n * 7919 % {authors}), 1600000000000 + n
FROM numbers;

-- Entry i belongs to author i modulo {authors}, and gives 1,000 credits.
WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {authors})
INSERT INTO wallets (author_id, balance, held)
SELECT '00a' || printf('%012d', n), 1000 * (({rows} - n + {authors} - 1) / {authors}), 0
FROM numbers;

WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {rows})
INSERT INTO ledger (id, author_id, delta, reason, operation, created_at_ms)
SELECT '00l' || printf('%012d', n), '00a' || printf('%012d', n % {authors}), 1000, 'adjustment',
    'grown:' || n, 1600000000000 + n
FROM numbers;

WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {authors})
INSERT INTO lanes (queue, lane, waiting)
SELECT queue, 'meta:{business}:+336' || printf('%08d', n), 0
FROM numbers, (SELECT 'inbox' AS queue UNION ALL SELECT 'outbox');

WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {rows})
INSERT INTO inbox (id, event_key, provider, kind, queue, lane, state, outcome, author_id, answer_id, slice,
    occurred_at_ms, received_at_ms, finished_at_ms)
SELECT '00e' || printf('%012d', n), 'meta:message:wamid.grown.' || n, 'meta', 'message', 'inbox',
    'meta:{business}:+336' || printf('%08d', n % {authors}), 'answered', 'result',
    '00a' || printf('%012d', n % {authors}), '00m' || printf('%012d', n % {authors}),
    printf('%.*c', 400, 'x'), 1600000000000 + n, 1600000000000 + n,
    1600000000000 + n
FROM numbers;

WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < min({authors}, {rows}))
INSERT INTO outbox (id, message_key, lane, author_id, provider, business, address, purpose, event_id,
    carries_variant, body, state, expires_at_ms, created_at_ms, finished_at_ms)
SELECT '00m' || printf('%012d', n), '00e' || printf('%012d', n) || ':1:0',
    'meta:{business}:+336' || printf('%08d', n), '00a' || printf('%012d', n), 'meta', '{business}',
    '+336' || printf('%08d', n), 'help', '00e' || printf('%012d', n), 0, printf('%.*c', 400, 'x'), 'accepted',
    1600000000000 + n, 1600000000000 + n, 1600000000000 + n
FROM numbers;

WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < min({authors}, {rows}))
INSERT INTO attempts (id, message_id, state, status, provider_message_id, started_at_ms)
SELECT '00t' || printf('%012d', n), '00m' || printf('%012d', n), 'known', 'delivered', 'wamid.grown.far.' || n,
    1600000000000 + n
FROM numbers;

-- Written by a version that hashes its names: there is nothing to take over at the start.
INSERT INTO jobs (name, due_at_ms) VALUES ('names', 0);

COMMIT;
