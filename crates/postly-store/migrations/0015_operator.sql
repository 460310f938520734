-- Commands of the operator: blocked authors, pauses, links that set a password, and who made an adjustment.

-- Set while nothing is written for the author.
ALTER TABLE authors ADD COLUMN blocked_at_ms BIGINT;

-- A row while the operator has stopped something: generation, or the messages of a provider.
CREATE TABLE operator_pauses (
    target TEXT PRIMARY KEY,
    since_ms BIGINT NOT NULL
);

-- One-use links that set a new password, under the hash of their token. One for each author.
CREATE TABLE password_resets (
    token_hash TEXT PRIMARY KEY,
    author_id TEXT NOT NULL UNIQUE REFERENCES authors (id),
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX password_resets_expiry ON password_resets (expires_at_ms);

-- Who made an adjustment, as the operator says; the ledger itself is append-only and has no column for it.
CREATE TABLE adjustments (
    entry_id TEXT PRIMARY KEY REFERENCES ledger (id),
    made_by TEXT NOT NULL
);

-- Backups that were made of this database, for the age of the newest. The copy holds its own row.
CREATE TABLE backups (
    id TEXT PRIMARY KEY,
    -- Where the copies are: erasures are recorded there.
    folder TEXT NOT NULL,
    finished_at_ms BIGINT NOT NULL
);

-- Set when this database was restored from a copy: messages written between the copy and the loss of the original were answered
-- by the original.
CREATE TABLE restores (
    id TEXT PRIMARY KEY,
    copied_at_ms BIGINT NOT NULL,
    lost_at_ms BIGINT NOT NULL
);
