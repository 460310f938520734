-- 1 if the author was asked whether a brief that came late is still wanted, 0 if the text was too vague.

ALTER TABLE authors ADD COLUMN asked_if_wanted BIGINT NOT NULL DEFAULT 0;
