-- The schema, one text for SQLite and PostgreSQL: TEXT and BIGINT only, times in milliseconds since the epoch. The triggers and
-- indexes of one engine are in src/schema.rs. Edited in place until the first release: a database of another text is refused.
--
-- Sets of words that grow (providers, kinds, queues, purposes, reasons) have no CHECK: the reader of each refuses an unknown word.

CREATE TABLE authors (
    id TEXT PRIMARY KEY,
    email TEXT UNIQUE,
    language TEXT NOT NULL,
    -- 1 after LANG: no message changes the language any more.
    language_chosen BIGINT NOT NULL DEFAULT 0 CHECK (language_chosen IN (0, 1)),
    -- The time of the first reply, which says who we are.
    greeted_at_ms BIGINT,
    created_at_ms BIGINT NOT NULL,
    password_hash TEXT,
    -- The author into whom this one was merged: the id is an alias since.
    merged_into_id TEXT REFERENCES authors (id),
    erased_at_ms BIGINT,
    -- The time of the last DELETE on WhatsApp, until it is confirmed.
    erasure_asked_at_ms BIGINT,
    -- The time at which the number was last exchanged for another, for the account page.
    number_changed_at_ms BIGINT,
    -- 1 if the language is known: chosen, of the browser, or of a message that left no doubt. A guess may be changed by a
    -- later message.
    language_settled BIGINT NOT NULL DEFAULT 0 CHECK (language_settled IN (0, 1)),
    -- The text about which the author was asked for more, and when.
    asked_about TEXT,
    asked_at_ms BIGINT,
    -- Set while nothing is written for the author.
    blocked_at_ms BIGINT,
    -- The brand memory of an author: a JSON object, NULL while it is empty.
    brand TEXT,
    -- 1 if the author was asked whether a brief that came late is still wanted, 0 if the text was too vague.
    asked_if_wanted BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX authors_merged ON authors (merged_into_id) WHERE merged_into_id IS NOT NULL;

CREATE TABLE identities (
    id TEXT PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES authors (id),
    provider TEXT NOT NULL,
    -- The address of replies, as the provider writes it.
    address TEXT,
    phone TEXT CHECK (phone LIKE '+%'),
    bsuid TEXT CHECK (bsuid <> ''),
    stopped_at_ms BIGINT,
    created_at_ms BIGINT NOT NULL,
    -- The time at which the author proved to have the number or id.
    proved_at_ms BIGINT,
    -- The reason for which the number is not proved any more: 'id_changed', 'key_changed'; null while it is, or while there is none.
    phone_doubt TEXT
);
CREATE UNIQUE INDEX identities_bsuid ON identities (provider, bsuid) WHERE bsuid IS NOT NULL;
CREATE UNIQUE INDEX identities_phone ON identities (provider, phone) WHERE phone IS NOT NULL;
CREATE INDEX identities_any_phone ON identities (phone) WHERE phone IS NOT NULL;
CREATE INDEX identities_author ON identities (author_id);

-- Credits given once for ever. The subject is a keyed hash of a number or an id, and outlives its author.
CREATE TABLE grants (
    kind TEXT NOT NULL,
    subject_hash TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (kind, subject_hash)
);

CREATE TABLE wallets (
    author_id TEXT PRIMARY KEY REFERENCES authors (id),
    balance BIGINT NOT NULL CHECK (balance BETWEEN 0 AND 1000000000000),
    held BIGINT NOT NULL CHECK (held >= 0),
    -- Credits taken back after they were spent. The next purchase repays it first.
    debt BIGINT NOT NULL DEFAULT 0 CHECK (debt >= 0),
    -- Credits that came back since the last reply, which will name them.
    untold_refunds BIGINT NOT NULL DEFAULT 0 CHECK (untold_refunds >= 0),
    CHECK (balance - held >= 0)
);

CREATE TABLE holds (
    id TEXT PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES wallets (author_id),
    -- 'event:round', so that a second try finds the first hold.
    hold_key TEXT NOT NULL UNIQUE,
    amount BIGINT NOT NULL CHECK (amount > 0),
    state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'released')),
    created_at_ms BIGINT NOT NULL,
    closed_at_ms BIGINT,
    CHECK ((state = 'open') = (closed_at_ms IS NULL))
);
CREATE INDEX holds_open ON holds (created_at_ms) WHERE state = 'open';
-- For merging and erasing.
CREATE INDEX holds_author ON holds (author_id);

-- Append-only, by trigger.
CREATE TABLE ledger (
    id TEXT PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES wallets (author_id),
    delta BIGINT NOT NULL,
    reason TEXT NOT NULL,
    -- The operation that is done once: 'settle:<hold>', 'refund:<hold>', 'trial:<event>' ...
    operation TEXT NOT NULL UNIQUE,
    note TEXT,
    reference TEXT,
    created_at_ms BIGINT NOT NULL,
    CHECK (delta <> 0 OR reason = 'free_refinement')
);
CREATE INDEX ledger_author ON ledger (author_id, id);
CREATE INDEX ledger_reference ON ledger (reference) WHERE reason IN ('purchase', 'purchase_reversal', 'dispute');

-- The name given for an adjustment.
CREATE TABLE adjustments (
    entry_id TEXT PRIMARY KEY REFERENCES ledger (id),
    made_by TEXT NOT NULL
);

-- Work done one at a time: the events of a conversation, its statuses, its outgoing messages.
CREATE TABLE lanes (
    queue TEXT NOT NULL,
    lane TEXT NOT NULL,
    waiting BIGINT NOT NULL CHECK (waiting >= 0),
    -- The time from which the lane may be claimed: NULL if nothing waits, the end of the lease while it is claimed.
    ready_at_ms BIGINT,
    lease_token TEXT,
    -- Outbox only: the time until which the messages sent so far use up the pair limit.
    paid_until_ms BIGINT NOT NULL DEFAULT 0,
    -- Inbox only: the last text that was answered for free, as '<times in a row>:<last time>:<its hash>'.
    repeats TEXT,
    PRIMARY KEY (queue, lane),
    CHECK (lease_token IS NULL OR ready_at_ms IS NOT NULL)
);
CREATE INDEX lanes_ready ON lanes (queue, ready_at_ms) WHERE ready_at_ms IS NOT NULL;

CREATE TABLE inbox (
    id TEXT PRIMARY KEY,
    event_key TEXT NOT NULL UNIQUE,
    provider TEXT NOT NULL,
    kind TEXT NOT NULL,
    queue TEXT NOT NULL,
    lane TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ready', 'answered', 'applied', 'ignored', 'dead')),
    -- The kind of the answer, the rule by which it was ignored, or the reason for which it is dead.
    outcome TEXT,
    attempts BIGINT NOT NULL DEFAULT 0,
    -- Counts the tries that may hold a credit: a replay after a release is a new round.
    round BIGINT NOT NULL DEFAULT 1,
    author_id TEXT REFERENCES authors (id),
    -- The first message of the reply; refusals for one reason share it.
    answer_id TEXT,
    slice TEXT NOT NULL,
    occurred_at_ms BIGINT NOT NULL,
    received_at_ms BIGINT NOT NULL,
    finished_at_ms BIGINT,
    -- 0 until it has joined its lane: an acknowledgement then writes at the ends of tables and indexes only, but for its key.
    -- On PostgreSQL an event joins its lane at once, because another change of the row is another version of it.
    in_lane BIGINT NOT NULL DEFAULT 1 CHECK (in_lane IN (0, 1)),
    -- The event key of the message that this one deletes or replaces.
    amends_key TEXT,
    CHECK ((state = 'ready') = (finished_at_ms IS NULL))
);
CREATE INDEX inbox_dead ON inbox (id) WHERE state = 'dead';
CREATE INDEX inbox_author ON inbox (author_id) WHERE author_id IS NOT NULL;
CREATE INDEX inbox_amends ON inbox (amends_key) WHERE amends_key IS NOT NULL;

CREATE TABLE generations (
    id TEXT PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES authors (id),
    event_id TEXT UNIQUE REFERENCES inbox (id),
    hold_id TEXT UNIQUE REFERENCES holds (id),
    state TEXT NOT NULL CHECK (state IN ('settled', 'refunded')),
    brief TEXT NOT NULL,
    platform TEXT NOT NULL,
    language TEXT NOT NULL,
    -- JSON: [{"text", "angle"}], three of them.
    variants TEXT NOT NULL,
    writer TEXT NOT NULL,
    prompt_version TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    origin TEXT NOT NULL DEFAULT 'whatsapp',
    -- Brief and posts without case and accents, for the search of the history.
    search_text TEXT NOT NULL DEFAULT '',
    -- The variant that the author marked as used: 1 to 3.
    used_variant BIGINT,
    -- The paid result that these posts are a change of; null for posts of their own.
    root_id TEXT
);
CREATE INDEX generations_author ON generations (author_id, id);

CREATE TABLE outbox (
    id TEXT PRIMARY KEY,
    -- '<event>:<round>:<part>', so that a reply is queued once.
    message_key TEXT NOT NULL UNIQUE,
    lane TEXT NOT NULL,
    -- NULL for a code to an unknown number.
    author_id TEXT REFERENCES authors (id),
    provider TEXT NOT NULL,
    -- Our number, to which the author wrote.
    business TEXT NOT NULL,
    address TEXT NOT NULL,
    purpose TEXT NOT NULL,
    -- No reference: the deletion of an old event would search all messages for it.
    event_id TEXT,
    generation_id TEXT REFERENCES generations (id),
    carries_variant BIGINT NOT NULL CHECK (carries_variant IN (0, 1)),
    reply_to TEXT,
    body TEXT NOT NULL,
    form TEXT NOT NULL DEFAULT 'text',
    -- Encrypted for the provider alone, until it has answered: a code, the address of an erased author.
    sealed TEXT,
    state TEXT NOT NULL CHECK (state IN ('ready', 'sending', 'unknown', 'accepted', 'refused', 'cancelled', 'dead')),
    reason TEXT,
    -- Clear refusals so far, and pair-limit refusals in a row.
    refusals BIGINT NOT NULL DEFAULT 0,
    recipient_waits BIGINT NOT NULL DEFAULT 0,
    -- The end of its service window.
    expires_at_ms BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    finished_at_ms BIGINT,
    -- JSON: [[id, title], ...], the reply buttons below the text.
    buttons TEXT,
    CHECK ((state IN ('ready', 'sending', 'unknown')) = (finished_at_ms IS NULL))
);
CREATE INDEX outbox_waiting ON outbox (lane, id) WHERE finished_at_ms IS NULL;
CREATE INDEX outbox_failed ON outbox (id) WHERE reason IS NOT NULL;
CREATE INDEX outbox_generation ON outbox (generation_id) WHERE generation_id IS NOT NULL;
CREATE INDEX outbox_purpose ON outbox (lane, purpose, created_at_ms) WHERE purpose <> 'result';
CREATE INDEX outbox_author ON outbox (author_id) WHERE author_id IS NOT NULL;
CREATE INDEX outbox_sealed ON outbox (id) WHERE sealed IS NOT NULL;
CREATE INDEX outbox_private ON outbox (finished_at_ms) WHERE purpose IN ('code', 'erased');

CREATE TABLE model_calls (
    id TEXT PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES authors (id),
    -- No reference, as in `outbox`.
    event_id TEXT,
    model TEXT NOT NULL,
    stage TEXT NOT NULL,
    outcome TEXT NOT NULL,
    prompt_version TEXT NOT NULL,
    prompt_tokens BIGINT,
    completion_tokens BIGINT,
    price_microunits BIGINT,
    latency_ms BIGINT NOT NULL,
    request_id TEXT,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX model_calls_author ON model_calls (author_id, id);
-- For the timeline of a message.
CREATE INDEX model_calls_event ON model_calls (event_id) WHERE event_id IS NOT NULL;

-- One row for each call to a provider; every status of the message names its id.
CREATE TABLE attempts (
    id TEXT PRIMARY KEY,
    message_id TEXT NOT NULL REFERENCES outbox (id),
    state TEXT NOT NULL CHECK (state IN ('sending', 'known', 'unclear', 'refused')),
    status TEXT,
    provider_message_id TEXT,
    error_code BIGINT,
    started_at_ms BIGINT NOT NULL,
    -- The pricing of the provider's statuses, in its words.
    price_category TEXT,
    price_kind TEXT,
    price_model TEXT,
    billable BIGINT,
    CHECK ((state = 'known') = (status IS NOT NULL))
);
CREATE INDEX attempts_message ON attempts (message_id, id);
CREATE INDEX attempts_provider_message ON attempts (provider_message_id) WHERE provider_message_id IS NOT NULL;

-- A code that was sent as text, sealed for the template: a provider that accepted the text may report afterwards that the service
-- window was closed. The row is deleted at the first final status of the text, and at the latest when the code expires.
CREATE TABLE code_fallbacks (
    message_id TEXT PRIMARY KEY REFERENCES outbox (id) ON DELETE CASCADE,
    sealed TEXT NOT NULL,
    -- 1 if the author asked for it on WhatsApp: it is then the answer, whatever the author wrote since.
    is_answer BIGINT NOT NULL CHECK (is_answer IN (0, 1)),
    expires_at_ms BIGINT NOT NULL
);

-- One row that the readiness probe writes: only a write shows that writes pass.
CREATE TABLE probe (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    at_ms BIGINT NOT NULL
);

-- A business number that must rest: blocked, refused its token, or too fast.
CREATE TABLE resting_senders (
    provider TEXT NOT NULL,
    business TEXT NOT NULL,
    until_ms BIGINT NOT NULL,
    -- 'throttled', 'stopped' (the provider refuses) or 'failing' (it accepts, and reports a failure).
    reason TEXT NOT NULL,
    -- The beginning of the pause; null if the sender was only too fast.
    since_ms BIGINT,
    -- The time at which one message left to try again, since the last refusal.
    probe_ms BIGINT,
    PRIMARY KEY (provider, business)
);

-- One code, asked for once. Rows are deleted soon after their end.
CREATE TABLE challenges (
    id TEXT PRIMARY KEY,
    purpose TEXT NOT NULL,
    -- 'browser' or 'phrase' for a browser, by the way in which it got the code; 'whatsapp' for a conversation.
    origin TEXT NOT NULL,
    -- Hash of the browser's secret.
    browser_hash TEXT,
    phone TEXT CHECK (phone LIKE '+%'),
    -- The identity that wrote on WhatsApp.
    identity_id TEXT,
    -- The author whose session asked for a link, or who wrote for a login on WhatsApp.
    author_id TEXT REFERENCES authors (id),
    -- Keyed hash of the code; null until there is one.
    code_hash TEXT,
    -- Hash of the token of a login link, or of a phrase.
    secret_hash TEXT,
    -- The short name of the browser of a phrase.
    browser_label TEXT NOT NULL DEFAULT '',
    tries BIGINT NOT NULL DEFAULT 0,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    -- Used, replaced or denied.
    closed_at_ms BIGINT,
    CHECK ((origin = 'whatsapp') = (browser_hash IS NULL))
);
CREATE INDEX challenges_browser ON challenges (browser_hash) WHERE browser_hash IS NOT NULL;
CREATE INDEX challenges_phone ON challenges (phone) WHERE phone IS NOT NULL;
CREATE UNIQUE INDEX challenges_secret ON challenges (secret_hash) WHERE secret_hash IS NOT NULL;
CREATE INDEX challenges_identity ON challenges (identity_id) WHERE identity_id IS NOT NULL;
CREATE INDEX challenges_author ON challenges (author_id) WHERE author_id IS NOT NULL;
CREATE INDEX challenges_expiry ON challenges (expires_at_ms);

-- Every code that was sent, for a day. Budgets are counted from it. The subject is a keyed hash of a number or id.
CREATE TABLE code_sends (
    challenge_id TEXT PRIMARY KEY,
    pool TEXT NOT NULL,
    subject_hash TEXT NOT NULL,
    country TEXT NOT NULL,
    sent_at_ms BIGINT NOT NULL,
    proved_at_ms BIGINT
);
CREATE INDEX code_sends_subject ON code_sends (subject_hash, sent_at_ms);
CREATE INDEX code_sends_time ON code_sends (sent_at_ms);

-- Wrong codes typed for a number, by UTC day.
CREATE TABLE wrong_tries (
    subject_hash TEXT NOT NULL,
    day BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    PRIMARY KEY (subject_hash, day)
);

-- The last five times something was done from somewhere, newest first: an exact sliding window in one row.
CREATE TABLE rate_limits (
    limit_key TEXT PRIMARY KEY,
    h0 BIGINT NOT NULL,
    h1 BIGINT NOT NULL,
    h2 BIGINT NOT NULL,
    h3 BIGINT NOT NULL,
    h4 BIGINT NOT NULL
);
CREATE INDEX rate_limits_time ON rate_limits (h0);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES authors (id),
    -- The short name of the browser.
    label TEXT NOT NULL,
    -- 1 if it was opened by proving a number.
    by_whatsapp BIGINT NOT NULL CHECK (by_whatsapp IN (0, 1)),
    created_at_ms BIGINT NOT NULL,
    seen_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX sessions_author ON sessions (author_id, id);
CREATE INDEX sessions_expiry ON sessions (expires_at_ms);

-- Erased authors, by a keyed hash: their earlier messages, which a provider may deliver again, are not answered.
CREATE TABLE erasures (
    subject_hash TEXT PRIMARY KEY,
    until_ms BIGINT NOT NULL
);

-- The next time of recurring work.
CREATE TABLE jobs (
    name TEXT PRIMARY KEY,
    due_at_ms BIGINT NOT NULL,
    -- The id of the last finished row, for work that goes from row to row.
    progress TEXT NOT NULL DEFAULT ''
);

-- Our own numbers in the form that people see, learned from incoming messages.
CREATE TABLE business_numbers (
    provider TEXT NOT NULL,
    business TEXT NOT NULL,
    number TEXT NOT NULL,
    PRIMARY KEY (provider, business)
);

CREATE TABLE checkout_sessions (
    -- As Stripe names it.
    id TEXT PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES authors (id),
    -- The credits of the pack, by our price list of that day.
    pack TEXT NOT NULL,
    credits BIGINT NOT NULL CHECK (credits > 0),
    -- The price that we asked for.
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL,
    -- The PaymentIntent, or the session itself where there is none; null until it is known.
    payment_id TEXT UNIQUE,
    -- The amount that the buyer pays, perhaps in another currency.
    total BIGINT,
    total_currency TEXT,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    -- The time at which Stripe was last asked.
    asked_at_ms BIGINT
);
CREATE INDEX checkout_sessions_author ON checkout_sessions (author_id, created_at_ms);
CREATE INDEX checkout_sessions_open ON checkout_sessions (id) WHERE state IN ('open', 'pending');

-- The credits that a payment gave and took. Only paid ones have a row.
CREATE TABLE payments (
    id TEXT PRIMARY KEY,
    checkout_id TEXT NOT NULL UNIQUE REFERENCES checkout_sessions (id),
    granted BIGINT NOT NULL CHECK (granted > 0),
    -- The part of the grant that is taken back now.
    taken_back BIGINT NOT NULL CHECK (taken_back BETWEEN 0 AND granted),
    -- The sum that could not be taken back and became a debt.
    owed BIGINT NOT NULL CHECK (owed >= 0),
    -- Counts the changes, so that each is an operation of its own in the ledger.
    changes BIGINT NOT NULL,
    paid_at_ms BIGINT NOT NULL
);

-- Charges, refunds and disputes, of payments that are ours or may turn out to be.
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
    -- 'pending', 'succeeded' or 'failed'.
    state TEXT NOT NULL,
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
    -- Its end; null while it is open.
    ended TEXT,
    noted_at_ms BIGINT NOT NULL
);
CREATE INDEX payment_disputes_payment ON payment_disputes (payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX payment_disputes_charge ON payment_disputes (charge_id) WHERE charge_id IS NOT NULL;

-- Refunds that an operator asked of Stripe. The idempotency key of the request is made of the id.
CREATE TABLE refund_requests (
    id TEXT PRIMARY KEY,
    -- The key of the form: sent twice, it is one request. Null for a command.
    form_key TEXT UNIQUE,
    payment_id TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    -- Stripe's word for the reason.
    reason TEXT NOT NULL,
    -- The operator; null if not known.
    made_by TEXT,
    -- 'open', 'made', 'refused' or 'not_made'.
    state TEXT NOT NULL,
    -- Stripe's id of the refund, once it is known.
    refund_id TEXT,
    -- Stripe's code of the refusal, or the reason why there is no answer yet.
    code TEXT,
    tries BIGINT NOT NULL,
    tried_at_ms BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX refund_requests_payment ON refund_requests (payment_id, id);
-- One at a time for a payment: the next one knows what is left.
CREATE UNIQUE INDEX refund_requests_open ON refund_requests (payment_id) WHERE state = 'open';

-- Every event that was applied or ignored, once.
CREATE TABLE payment_events (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    -- Its effect.
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

-- One row for each Idempotency-Key of an author, for 24 hours (RULES 3.8).
CREATE TABLE web_requests (
    author_id TEXT NOT NULL REFERENCES authors (id),
    -- SHA-256 of the key.
    key_hash TEXT NOT NULL,
    -- SHA-256 of the request: the same key with another request is refused.
    body_hash TEXT NOT NULL,
    -- The hold of the attempt that runs, or that succeeded.
    hold_key TEXT NOT NULL UNIQUE,
    -- NULL while an attempt runs.
    generation_id TEXT REFERENCES generations (id),
    -- The end of the attempt's lease: a later request with the key may take over.
    leased_until_ms BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (author_id, key_hash)
);
CREATE INDEX web_requests_created ON web_requests (created_at_ms);

-- An author who asked for a person: until it is closed or too old, the service writes nothing by itself.
CREATE TABLE handoffs (
    id TEXT PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES authors (id),
    -- The conversation in which the author asked, for the reply.
    lane TEXT NOT NULL,
    provider TEXT NOT NULL,
    business TEXT NOT NULL,
    address TEXT NOT NULL,
    -- The time of the author's last message, for the service window of a reply.
    written_at_ms BIGINT NOT NULL,
    opened_at_ms BIGINT NOT NULL,
    closed_at_ms BIGINT
);
CREATE UNIQUE INDEX handoffs_open ON handoffs (author_id) WHERE closed_at_ms IS NULL;
CREATE INDEX handoffs_time ON handoffs (opened_at_ms);

-- The findings of the last check of each scope, as JSON.
CREATE TABLE monitor_reports (
    scope TEXT PRIMARY KEY,
    findings TEXT NOT NULL,
    noted_at_ms BIGINT NOT NULL
);

-- A provider, model or shop whose calls fail. The row goes when one is answered.
CREATE TABLE upstream_failures (
    upstream TEXT PRIMARY KEY,
    since_ms BIGINT NOT NULL,
    -- The last failed call.
    noted_at_ms BIGINT NOT NULL
);

-- An alert whose condition holds.
CREATE TABLE open_alerts (
    name TEXT NOT NULL,
    -- A provider or an invariant; empty if there is only one.
    subject TEXT NOT NULL,
    -- The check that raised it, and that closes it.
    scope TEXT NOT NULL,
    since_ms BIGINT NOT NULL,
    raised_at_ms BIGINT NOT NULL,
    PRIMARY KEY (name, subject)
);

-- The last notice of a provider about our account, number or templates: one row for each subject.
CREATE TABLE account_notices (
    provider TEXT NOT NULL,
    -- 'template:NAME:LANGUAGE', 'quality' or 'account'.
    subject TEXT NOT NULL,
    -- The provider's word.
    word TEXT NOT NULL,
    -- 'clear', 'warns' or 'stops'.
    effect TEXT NOT NULL,
    occurred_at_ms BIGINT NOT NULL,
    PRIMARY KEY (provider, subject)
);

-- One row for each imported author: a second import leaves them alone, also after their erasure.
CREATE TABLE imports (
    author_id TEXT PRIMARY KEY REFERENCES authors (id),
    -- The negative balance that became a debt.
    debt BIGINT NOT NULL CHECK (debt >= 0),
    -- The report about this author, as JSON. It names no person.
    report TEXT NOT NULL,
    imported_at_ms BIGINT NOT NULL
);

-- A row while the operator has paused generation, or the messages of a provider.
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

-- Backups that were made of this database, for the age of the newest. The copy holds its own row.
CREATE TABLE backups (
    id TEXT PRIMARY KEY,
    -- The folder of the copies: erasures are recorded there.
    folder TEXT NOT NULL,
    finished_at_ms BIGINT NOT NULL
);

-- A row if this database was restored from a copy: the original answered the messages between the copy and its own loss.
CREATE TABLE restores (
    id TEXT PRIMARY KEY,
    copied_at_ms BIGINT NOT NULL,
    lost_at_ms BIGINT NOT NULL
);

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

-- A browser in which an operator is logged in, under a keyed hash of its token.
CREATE TABLE admin_sessions (
    token_hash TEXT PRIMARY KEY,
    -- The name given at the login.
    operator TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX admin_sessions_expiry ON admin_sessions (expires_at_ms);

-- The time step of the last code of the second factor that was accepted: a code is accepted once.
CREATE TABLE admin_codes (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    step BIGINT NOT NULL
);

-- Every view of personal content and every change that an operator made. Names no author but by id.
CREATE TABLE audit_log (
    id TEXT PRIMARY KEY,
    -- Empty for a login that failed: a password may have been typed where the name belongs.
    operator TEXT NOT NULL,
    action TEXT NOT NULL,
    -- An id of ours, or the target of a pause; empty when there is none.
    subject TEXT NOT NULL,
    -- The operator's reason.
    note TEXT NOT NULL,
    -- Null until the action has ended.
    outcome TEXT,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX audit_log_subject ON audit_log (subject, id);

-- Sums of whole hours that have passed, for the charts.
CREATE TABLE hour_figures (
    hour_ms BIGINT NOT NULL,
    figure TEXT NOT NULL,
    value BIGINT NOT NULL,
    PRIMARY KEY (hour_ms, figure)
);

-- The outcome of the file of a voice note or a photo. The file itself is in memory only while its message is answered.
CREATE TABLE media (
    event_id TEXT PRIMARY KEY,
    author_id TEXT NOT NULL REFERENCES authors (id),
    provider TEXT NOT NULL,
    -- 'voice' or 'photo'.
    kind TEXT NOT NULL,
    content_type TEXT NOT NULL,
    -- NULL if the file could not be fetched.
    size_bytes BIGINT,
    -- 'taken', or the reason against it: 'failed', 'too_long', 'no_speech', 'unusable'.
    outcome TEXT NOT NULL,
    -- The words of a voice note.
    transcript TEXT,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX media_author ON media (author_id);
CREATE INDEX media_created ON media (created_at_ms);

-- The build whose schema this is: a hash of this text.
CREATE TABLE schema_build (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    hash TEXT NOT NULL
);
