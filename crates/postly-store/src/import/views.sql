-- The tables of the guide's Prisma schema, as views of ours. Their owner may only SELECT, and PostgreSQL checks a view's
-- access to its tables by the view's owner: so nobody writes through them, whatever their own rights are.
DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'postly_prisma') THEN
        CREATE ROLE postly_prisma NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
    IF NOT pg_has_role(current_user, 'postly_prisma', 'MEMBER') THEN
        EXECUTE format('GRANT postly_prisma TO %I', current_user);
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO postly_prisma', current_schema());
END $$;
GRANT SELECT (id, email, language, created_at_ms, merged_into_id, erased_at_ms) ON authors TO postly_prisma;
GRANT SELECT (author_id, balance, held) ON wallets TO postly_prisma;
GRANT SELECT (id, author_id, phone, proved_at_ms, created_at_ms) ON identities TO postly_prisma;
GRANT SELECT (id, author_id, delta, reason, operation, note, created_at_ms) ON ledger TO postly_prisma;
GRANT SELECT (id, author_id, state, brief, platform, language, variants, created_at_ms) ON generations TO postly_prisma;
GRANT SELECT (id, author_id, phone, purpose, created_at_ms, expires_at_ms, closed_at_ms) ON challenges TO postly_prisma;

CREATE SCHEMA IF NOT EXISTS prisma;
GRANT USAGE, CREATE ON SCHEMA prisma TO postly_prisma;
DROP VIEW IF EXISTS prisma."OtpChallenge", prisma."Generation", prisma."CreditLedger", prisma."User";
DROP TYPE IF EXISTS prisma."OtpPurpose";
CREATE TYPE prisma."OtpPurpose" AS ENUM ('LOGIN', 'LINK', 'SIGNUP');
GRANT USAGE ON TYPE prisma."OtpPurpose" TO postly_prisma;

CREATE VIEW prisma."User" AS
SELECT authors.id,
    authors.email,
    -- No hash leaves by a view.
    CAST(NULL AS TEXT) AS "passwordHash",
    CAST(LEAST(wallets.balance - wallets.held, 2147483647) AS INTEGER) AS credits,
    first.phone AS "waPhoneE164",
    first.phone AS "waUserId",
    to_timestamp(first.proved_at_ms / 1000.0) AS "waLinkedAt",
    authors.language AS "waPreferredLang",
    to_timestamp(authors.created_at_ms / 1000.0) AS "createdAt",
    to_timestamp(authors.created_at_ms / 1000.0) AS "updatedAt"
FROM authors
JOIN wallets ON wallets.author_id = authors.id
LEFT JOIN identities AS first ON first.author_id = authors.id AND first.phone IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM identities AS earlier
        WHERE earlier.author_id = first.author_id AND earlier.phone IS NOT NULL
        AND (earlier.created_at_ms, earlier.id) < (first.created_at_ms, first.id))
WHERE authors.merged_into_id IS NULL AND authors.erased_at_ms IS NULL;

-- In two parts, so that a search by user finds an index in each.
CREATE VIEW prisma."CreditLedger" AS
SELECT CASE WHEN ledger.operation LIKE 'import:entry:%' THEN SUBSTR(ledger.operation, 14) ELSE ledger.id END AS id,
    ledger.author_id AS "userId",
    CAST(GREATEST(LEAST(ledger.delta, 2147483647), -2147483648) AS INTEGER) AS delta,
    CASE WHEN ledger.operation LIKE 'import:entry:%' THEN COALESCE(ledger.note, ledger.reason) ELSE ledger.reason END AS reason,
    to_timestamp(ledger.created_at_ms / 1000.0) AS "createdAt"
FROM ledger JOIN authors ON authors.id = ledger.author_id
WHERE authors.merged_into_id IS NULL AND authors.erased_at_ms IS NULL
UNION ALL
SELECT CASE WHEN ledger.operation LIKE 'import:entry:%' THEN SUBSTR(ledger.operation, 14) ELSE ledger.id END,
    merged.merged_into_id,
    CAST(GREATEST(LEAST(ledger.delta, 2147483647), -2147483648) AS INTEGER),
    CASE WHEN ledger.operation LIKE 'import:entry:%' THEN COALESCE(ledger.note, ledger.reason) ELSE ledger.reason END,
    to_timestamp(ledger.created_at_ms / 1000.0)
FROM ledger JOIN authors AS merged ON merged.id = ledger.author_id
WHERE merged.merged_into_id IS NOT NULL AND merged.erased_at_ms IS NULL;

CREATE VIEW prisma."Generation" AS
SELECT id,
    author_id AS "userId",
    brief,
    platform,
    language,
    ARRAY(SELECT variant ->> 'text' FROM json_array_elements(CAST(variants AS JSON)) WITH ORDINALITY AS t (variant, place)
        ORDER BY place) AS variants,
    to_timestamp(created_at_ms / 1000.0) AS "createdAt"
FROM generations WHERE state = 'settled';

CREATE VIEW prisma."OtpChallenge" AS
SELECT id,
    author_id AS "userId",
    phone AS "phoneE164",
    -- The guide's column takes no NULL; nothing is equal to this.
    CAST('' AS TEXT) AS "codeHash",
    CAST(CASE purpose WHEN 'link' THEN 'LINK' ELSE 'LOGIN' END AS prisma."OtpPurpose") AS purpose,
    closed_at_ms IS NOT NULL AS consumed,
    to_timestamp(expires_at_ms / 1000.0) AS "expiresAt",
    to_timestamp(created_at_ms / 1000.0) AS "createdAt"
FROM challenges WHERE phone IS NOT NULL;

ALTER VIEW prisma."User" OWNER TO postly_prisma;
ALTER VIEW prisma."CreditLedger" OWNER TO postly_prisma;
ALTER VIEW prisma."Generation" OWNER TO postly_prisma;
ALTER VIEW prisma."OtpChallenge" OWNER TO postly_prisma;
REVOKE CREATE ON SCHEMA prisma FROM postly_prisma;
