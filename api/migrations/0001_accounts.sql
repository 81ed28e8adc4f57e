-- Accounts, their keys, and questions that got an id. Times are microseconds since 1970-01-01T00:00:00Z.

CREATE TABLE users (
    id      INTEGER PRIMARY KEY,
    name    TEXT    NOT NULL UNIQUE,
    role    TEXT    NOT NULL CHECK (role IN ('visitor', 'operator')),
    created INTEGER NOT NULL
);

-- A key's secret is kept only as HMAC-SHA-256. `role` narrows or widens the user's role; null takes it over.
CREATE TABLE keys (
    id        TEXT    PRIMARY KEY,
    user      INTEGER NOT NULL REFERENCES users (id),
    hash      BLOB    NOT NULL,
    role      TEXT    CHECK (role IN ('visitor', 'operator')),
    created   INTEGER NOT NULL,
    expires   INTEGER,
    revoked   INTEGER,
    last_used INTEGER
);

CREATE INDEX keys_by_user ON keys (user);

CREATE TABLE searches (
    id      TEXT    PRIMARY KEY,
    body    TEXT    NOT NULL,
    created INTEGER NOT NULL
);
