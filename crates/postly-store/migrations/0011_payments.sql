-- Payments: Checkout Sessions of ours, what is known of their payments, and the debt of who spent credits that were taken back.

-- What was taken back after it was spent. The next purchase repays it first.
ALTER TABLE wallets ADD COLUMN debt BIGINT NOT NULL DEFAULT 0 CHECK (debt >= 0);

CREATE TABLE checkout_sessions (
    -- As Stripe names it.
    id TEXT PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES authors (id),
    -- What is granted, from our price list of that day.
    pack TEXT NOT NULL,
    credits BIGINT NOT NULL CHECK (credits > 0),
    -- What we asked for.
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL,
    -- The PaymentIntent, or the session itself where there is none; null until it is known.
    payment_id TEXT UNIQUE,
    -- What the buyer pays, which may be in another currency.
    total BIGINT,
    total_currency TEXT,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    -- When Stripe was last asked.
    asked_at_ms BIGINT
);
CREATE INDEX checkout_sessions_author ON checkout_sessions (author_id, created_at_ms);
CREATE INDEX checkout_sessions_open ON checkout_sessions (id) WHERE state IN ('open', 'pending');

-- What a payment of ours gave and took. Only paid ones have a row.
CREATE TABLE payments (
    id TEXT PRIMARY KEY,
    checkout_id TEXT NOT NULL UNIQUE REFERENCES checkout_sessions (id),
    granted BIGINT NOT NULL CHECK (granted > 0),
    -- Of what was granted, what is taken back now.
    taken_back BIGINT NOT NULL CHECK (taken_back BETWEEN 0 AND granted),
    -- What could not be taken when it was, and became a debt, all in all.
    owed BIGINT NOT NULL CHECK (owed >= 0),
    -- Counts the changes, so that each is an operation of its own in the ledger.
    changes BIGINT NOT NULL,
    paid_at_ms BIGINT NOT NULL
);

-- What is known of charges, refunds and disputes, of payments that are ours or may turn out to be.
CREATE TABLE payment_charges (
    id TEXT PRIMARY KEY,
    payment_id TEXT,
    amount BIGINT,
    currency TEXT,
    refunded BIGINT NOT NULL,
    noted_at_ms BIGINT NOT NULL
);
CREATE INDEX payment_charges_payment ON payment_charges (payment_id) WHERE payment_id IS NOT NULL;

CREATE TABLE payment_refunds (
    id TEXT PRIMARY KEY,
    payment_id TEXT,
    charge_id TEXT,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    failed BIGINT NOT NULL CHECK (failed IN (0, 1)),
    noted_at_ms BIGINT NOT NULL
);
CREATE INDEX payment_refunds_payment ON payment_refunds (payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX payment_refunds_charge ON payment_refunds (charge_id) WHERE charge_id IS NOT NULL;

CREATE TABLE payment_disputes (
    id TEXT PRIMARY KEY,
    payment_id TEXT,
    charge_id TEXT,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    -- How it ended; null while it is open.
    ended TEXT,
    noted_at_ms BIGINT NOT NULL
);
CREATE INDEX payment_disputes_payment ON payment_disputes (payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX payment_disputes_charge ON payment_disputes (charge_id) WHERE charge_id IS NOT NULL;

-- Every event that was applied or ignored, once.
CREATE TABLE payment_events (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    -- What became of it.
    outcome TEXT NOT NULL,
    received_at_ms BIGINT NOT NULL
);
CREATE INDEX payment_events_time ON payment_events (received_at_ms);

-- The links by which an author buys without being logged in.
CREATE TABLE recharge_links (
    token_hash TEXT PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES authors (id),
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX recharge_links_author ON recharge_links (author_id);
CREATE INDEX recharge_links_expiry ON recharge_links (expires_at_ms);

CREATE INDEX ledger_reference ON ledger (reference) WHERE reason IN ('purchase', 'purchase_reversal', 'dispute');
