-- Numbers that are not proved any more, the price of each message, and pauses of a sender that tell one from the next.

-- The reason for which the number is not proved any more: 'id_changed', 'key_changed'; null while it is, or while there is none.
ALTER TABLE identities ADD COLUMN phone_doubt TEXT;

-- The pricing of the provider's statuses, in its words.
ALTER TABLE attempts ADD COLUMN price_category TEXT;
ALTER TABLE attempts ADD COLUMN price_kind TEXT;
ALTER TABLE attempts ADD COLUMN price_model TEXT;
ALTER TABLE attempts ADD COLUMN billable BIGINT;

-- The reason is 'throttled', 'stopped' (the provider refuses) or 'failing' (it takes and reports a failure).
-- The beginning of the pause; null when the sender was only too fast.
ALTER TABLE resting_senders ADD COLUMN since_ms BIGINT;
-- The time at which one message left to try again, since the last refusal.
ALTER TABLE resting_senders ADD COLUMN probe_ms BIGINT;
