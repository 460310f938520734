-- One row: how far the service's clock is behind the time of day while it follows a jump slowly, for whoever starts meanwhile.
CREATE TABLE clock (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    behind_ms BIGINT NOT NULL,
    noted_at_ms BIGINT NOT NULL
);
