-- Whether the language of an author is known: chosen, or that of a message that left no doubt. Until then it is a guess, and
-- a later message may change it.
ALTER TABLE authors ADD COLUMN language_settled BIGINT NOT NULL DEFAULT 0 CHECK (language_settled IN (0, 1));
-- French was what an unclear first message was taken for; another language was read from the message.
UPDATE authors SET language_settled = 1 WHERE language_chosen = 1 OR language <> 'fr';
