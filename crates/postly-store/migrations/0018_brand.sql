-- The brand memory of an author: a JSON object, NULL while it is empty.

ALTER TABLE authors ADD COLUMN brand TEXT;
