-- Accounts, their keys, and questions that got an id. Times are microseconds since 1970-01-01T00:00:00Z.
-- `mac` seals all other columns of its row with HMAC-SHA-256 under the server's secret: a changed row is noticed.

CREATE TABLE users (
    id      INTEGER PRIMARY KEY,
    name    TEXT    NOT NULL UNIQUE,
    role    TEXT    NOT NULL CHECK (role IN ('visitor', 'operator')),
    created INTEGER NOT NULL,
    mac     BLOB    NOT NULL
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
    last_used INTEGER,
    mac       BLOB    NOT NULL
);

CREATE INDEX keys_by_user ON keys (user);

-- The id is made from the body, so it needs no seal.
CREATE TABLE searches (
    id   TEXT PRIMARY KEY,
    body TEXT NOT NULL
);
