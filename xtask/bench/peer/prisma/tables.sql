-- The tables and indexes of schema.prisma as Prisma's migration creates them, in the schema `peer`, filled for {authors} users.
CREATE SCHEMA IF NOT EXISTS peer;

CREATE TABLE peer."User" (
    "id" TEXT NOT NULL,
    "email" TEXT,
    "passwordHash" TEXT,
    "credits" INTEGER NOT NULL DEFAULT 5,
    "waPhoneE164" TEXT,
    "waUserId" TEXT,
    "waLinkedAt" TIMESTAMP(3),
    "waPreferredLang" TEXT DEFAULT 'fr',
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,
    CONSTRAINT "User_pkey" PRIMARY KEY ("id")
);

CREATE TABLE peer."CreditLedger" (
    "id" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "delta" INTEGER NOT NULL,
    "reason" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "CreditLedger_pkey" PRIMARY KEY ("id")
);

CREATE TABLE peer."Generation" (
    "id" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "brief" TEXT NOT NULL,
    "platform" TEXT,
    "language" TEXT,
    "variants" TEXT[],
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "Generation_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "User_email_key" ON peer."User"("email");
CREATE UNIQUE INDEX "User_waPhoneE164_key" ON peer."User"("waPhoneE164");
CREATE UNIQUE INDEX "User_waUserId_key" ON peer."User"("waUserId");
CREATE INDEX "User_waPhoneE164_idx" ON peer."User"("waPhoneE164");
CREATE INDEX "User_waUserId_idx" ON peer."User"("waUserId");
CREATE INDEX "CreditLedger_userId_createdAt_idx" ON peer."CreditLedger"("userId", "createdAt");
CREATE INDEX "CreditLedger_reason_createdAt_idx" ON peer."CreditLedger"("reason", "createdAt");
CREATE INDEX "Generation_userId_createdAt_idx" ON peer."Generation"("userId", "createdAt");

ALTER TABLE peer."CreditLedger" ADD CONSTRAINT "CreditLedger_userId_fkey"
    FOREIGN KEY ("userId") REFERENCES peer."User"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE peer."Generation" ADD CONSTRAINT "Generation_userId_fkey"
    FOREIGN KEY ("userId") REFERENCES peer."User"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

INSERT INTO peer."User" ("id", "email", "waPhoneE164", "waUserId", "waLinkedAt", "createdAt", "updatedAt")
SELECT 'u' || n, 'u' || n || '@example.com', phone, phone, at, at, at
FROM generate_series(1, {authors}) AS n,
    LATERAL (SELECT '+3369' || lpad(n::text, 7, '0') AS phone, localtimestamp - interval '90 days' AS at) AS made;

INSERT INTO peer."CreditLedger" ("id", "userId", "delta", "reason", "createdAt")
SELECT 'c' || left(md5('ledger ' || n || ' ' || e), 24),
    'u' || n,
    (ARRAY[20 + 10 * (n % 7), -1, -1, 1, -1])[e],
    (ARRAY['purchase', 'whatsapp_generation', 'web_generation', 'refund', 'web_generation'])[e],
    localtimestamp - interval '60 days' + e * interval '1 day' + n * interval '1 second'
FROM generate_series(1, {authors}) AS n, generate_series(1, 5) AS e;

-- The five credits of a new account have no ledger row.
UPDATE peer."User" AS u
SET "credits" = 5 + (SELECT sum(l."delta") FROM peer."CreditLedger" AS l WHERE l."userId" = u."id");

INSERT INTO peer."Generation" ("id", "userId", "brief", "platform", "language", "variants", "createdAt")
SELECT 'c' || left(md5('generation ' || n || ' ' || g), 24),
    'u' || n,
    'Pour ' || shop || ' : ' || offer || ' ' || moment,
    (ARRAY['instagram', 'facebook', 'linkedin', 'whatsapp'])[1 + (n + g) % 4],
    'fr',
    ARRAY[
        '✨ Bonne nouvelle : ' || moment || ', ' || shop || ' vous propose ' || offer || ' ! Tout est préparé avec soin, et notre équipe '
            || 'sera là pour vous accueillir et vous conseiller. Les quantités sont limitées, alors passez nous voir sans tarder. '
            || 'À très vite ! #commercelocal #artisanat',
        'Vous l''attendiez, et c''est enfin là : ' || offer || '. Rendez-vous ' || moment || ' chez nous, en plein centre-ville. '
            || 'Il y en aura pour tous les goûts et pour tous les budgets. Réservez par message, c''est simple et gratuit. 💬 '
            || 'Et vous, qu''est-ce qui vous ferait plaisir ?',
        'Chez nous, on aime les choses bien faites : ' || moment || ', ' || shop || ' vous offre ' || offer || '. Merci à tous ceux '
            || 'qui nous soutiennent depuis le premier jour, cette attention est pour vous. 🧡 Parlez-en autour de vous, et poussez '
            || 'notre porte, on vous attend !'
    ],
    localtimestamp - (13 - g) * interval '1 day' - n * interval '1 second'
FROM generate_series(1, {authors}) AS n,
    generate_series(1, 12) AS g,
    LATERAL (SELECT
        (ARRAY['la boulangerie Morel', 'l''épicerie des Halles', 'le salon Camille', 'l''Atelier du Vélo', 'la pépinière Roussel'])
            [1 + n % 5] AS shop,
        (ARRAY[
            ['une remise de 20 % sur les tartes', 'trois croissants pour le prix de deux'],
            ['une dégustation de thés d''été', 'un panier de légumes de saison'],
            ['une coupe pour deux à prix doux', 'un soin du cheveu en cadeau'],
            ['une révision de vélo à petit prix', 'un essai de nos vélos électriques'],
            ['une vente de plants de tomates', 'un atelier de rempotage']
        ])[1 + n % 5][1 + g % 2] AS offer,
        (ARRAY['ce samedi matin', 'dès mardi prochain', 'tout le week-end', 'ce jeudi de 18 h à 20 h', 'jusqu''à la fin du mois'])
            [1 + (n + g) % 5] AS moment) AS words;

ANALYZE peer."User", peer."CreditLedger", peer."Generation";
