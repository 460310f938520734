-- Tokens with which programs read and generate for an author.

CREATE TABLE api_tokens (
    id TEXT PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES authors (id),
    -- The author's name for it.
    name TEXT NOT NULL,
    -- SHA-256 of the token: 256 random bits need neither a key nor a salt.
    token_hash TEXT NOT NULL UNIQUE,
    created_at_ms BIGINT NOT NULL,
    -- To the hour; NULL until the first use.
    used_at_ms BIGINT
);
CREATE INDEX api_tokens_author ON api_tokens (author_id, id);
