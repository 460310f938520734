-- Authors who were brought over from another application.

-- One row for each of them: a second import leaves them alone, also after their erasure.
CREATE TABLE imports (
    author_id TEXT PRIMARY KEY REFERENCES authors (id),
    -- The negative balance that became a debt.
    debt BIGINT NOT NULL CHECK (debt >= 0),
    -- The report about this author, as JSON. It names no person.
    report TEXT NOT NULL,
    imported_at_ms BIGINT NOT NULL
);
