-- Local accounts, accounts of outside issuers, sessions, groups and the audit log. Seals as in 0001.

-- The tables of users and keys are made anew, since a role's check cannot be changed in place. Columns that 0001 had not are
-- covered by a seal only where they are filled, so that rows sealed before keep their seals.
CREATE TABLE users_2 (
    id       INTEGER PRIMARY KEY,
    name     TEXT    NOT NULL UNIQUE,
    role     TEXT    NOT NULL CHECK (role IN ('visitor', 'user', 'operator', 'administrator')),
    created  INTEGER NOT NULL,
    disabled INTEGER,
    mac      BLOB    NOT NULL
);

INSERT INTO users_2 (id, name, role, created, mac) SELECT id, name, role, created, mac FROM users;

-- `role` replaces the user's; null takes it over. `scopes` narrows what the key may do: names with commas, null for all.
CREATE TABLE keys_2 (
    id        TEXT    PRIMARY KEY,
    user      INTEGER NOT NULL REFERENCES users_2 (id),
    hash      BLOB    NOT NULL,
    role      TEXT    CHECK (role IN ('visitor', 'user', 'operator', 'administrator')),
    created   INTEGER NOT NULL,
    expires   INTEGER,
    revoked   INTEGER,
    last_used INTEGER,
    name      TEXT,
    scopes    TEXT,
    mac       BLOB    NOT NULL
);

INSERT INTO keys_2 (id, user, hash, role, created, expires, revoked, last_used, mac)
    SELECT id, user, hash, role, created, expires, revoked, last_used, mac FROM keys;

DROP TABLE keys;
DROP TABLE users;
ALTER TABLE users_2 RENAME TO users;
ALTER TABLE keys_2 RENAME TO keys;
CREATE INDEX keys_by_user ON keys (user);

-- How a user signs in here: an address, and an argon2id hash of the password in PHC form (empty until one is set).
CREATE TABLE logins (
    user      INTEGER PRIMARY KEY REFERENCES users (id),
    email     TEXT    NOT NULL UNIQUE,
    password  TEXT    NOT NULL,
    confirmed INTEGER,
    changed   INTEGER NOT NULL,
    mac       BLOB    NOT NULL
);

-- Whom an outside issuer vouches for.
CREATE TABLE identities (
    issuer  TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    user    INTEGER NOT NULL REFERENCES users (id),
    created INTEGER NOT NULL,
    mac     BLOB    NOT NULL,
    PRIMARY KEY (issuer, subject)
);

CREATE INDEX identities_by_user ON identities (user);

-- Links that were mailed, each good for one use. `id` is a keyed hash of what the link holds.
CREATE TABLE links (
    id      TEXT    PRIMARY KEY,
    user    INTEGER NOT NULL REFERENCES users (id),
    purpose TEXT    NOT NULL CHECK (purpose IN ('confirm', 'reset')),
    expires INTEGER NOT NULL,
    mac     BLOB    NOT NULL
);

CREATE INDEX links_by_user ON links (user);

-- `id` is a keyed hash of the cookie. `seen` is known to about five minutes.
CREATE TABLE sessions (
    id      TEXT    PRIMARY KEY,
    user    INTEGER NOT NULL REFERENCES users (id),
    created INTEGER NOT NULL,
    seen    INTEGER NOT NULL,
    browser TEXT    NOT NULL,
    mac     BLOB    NOT NULL
);

CREATE INDEX sessions_by_user ON sessions (user);

CREATE TABLE groups (
    id      INTEGER PRIMARY KEY,
    name    TEXT    NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    mac     BLOB    NOT NULL
);

CREATE TABLE memberships (
    member_of INTEGER NOT NULL REFERENCES groups (id),
    user      INTEGER NOT NULL REFERENCES users (id),
    mac       BLOB    NOT NULL,
    PRIMARY KEY (member_of, user)
);

CREATE INDEX memberships_by_user ON memberships (user);

-- Only ever added to, and cut at its old end. The seal of a row covers that of the row before it.
CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    key_id  TEXT,
    action  TEXT    NOT NULL,
    object  TEXT    NOT NULL,
    outcome TEXT    NOT NULL,
    address TEXT,
    request TEXT    NOT NULL,
    mac     BLOB    NOT NULL
);

-- Both ends of the log, in one row: the last number that was cut off and its seal, the newest number and its seal.
CREATE TABLE audit_ends (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    cut        INTEGER NOT NULL,
    cut_mac    BLOB    NOT NULL,
    newest     INTEGER NOT NULL,
    newest_mac BLOB    NOT NULL,
    mac        BLOB    NOT NULL
);
