INSERT INTO "User" ("id", "email", "passwordHash", "credits", "waPhoneE164", "waUserId", "waLinkedAt", "createdAt", "updatedAt")
SELECT 'cm' || SUBSTR(MD5('user' || n), 1, 23), 'author' || n || '@example.com', '$2b$10$K/Jundf/bJlgUoqpxXayCOF0gs.EXuMBmXGz9iCllLHK04bWZq64y',
    5, '+336' || (10000000 + n), '+336' || (10000000 + n), to_timestamp(1750000000 + n), to_timestamp(1750000000 + n), to_timestamp(1750000000 + n)
FROM generate_series(1, {users}) AS n;
INSERT INTO "CreditLedger" ("id", "userId", "delta", "reason", "createdAt")
SELECT 'cm' || SUBSTR(MD5('row' || n), 1, 23), 'cm' || SUBSTR(MD5('user' || (1 + n % {users})), 1, 23),
    CASE WHEN n / {users} % 20 = 0 THEN 20 ELSE -1 END,
    CASE WHEN n / {users} % 20 = 0 THEN 'purchase' WHEN n % 2 = 0 THEN 'whatsapp_generation' ELSE 'web_generation' END,
    to_timestamp(1750000000 + n)
FROM generate_series(0, {rows} - 1) AS n;
UPDATE "User" SET "credits" = 5 + sums.total FROM (SELECT "userId", SUM("delta") AS total FROM "CreditLedger" GROUP BY "userId") AS sums
WHERE sums."userId" = "User"."id";
VACUUM ANALYZE "User";
VACUUM ANALYZE "CreditLedger";
