-- The operator's pages: logins, the audit log, figures by the hour, and the calls of models of one message.

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

-- The timeline of a message finds its calls of models by it. A call takes seconds; the index costs it nothing.
CREATE INDEX model_calls_event ON model_calls (event_id) WHERE event_id IS NOT NULL;
