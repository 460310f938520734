-- What came of the file of a voice note or a photo. The file itself is not kept: it is in memory while its message is answered.

CREATE TABLE media (
    event_id TEXT PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES authors (id),
    provider TEXT NOT NULL,
    -- voice or photo.
    kind TEXT NOT NULL,
    content_type TEXT NOT NULL,
    -- NULL when the file could not be had.
    size_bytes BIGINT,
    -- taken, or why it was not: failed, too_long, no_speech, unusable.
    outcome TEXT NOT NULL,
    -- The words of a voice note.
    transcript TEXT,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX media_author ON media (author_id);
CREATE INDEX media_created ON media (created_at_ms);
