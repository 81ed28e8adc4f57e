-- Orders of files, baskets, and licences that were accepted. Times are microseconds since 1970-01-01T00:00:00Z; seals as in 0001.

-- `request` is what was ordered (JSON). `role` and `powers` are those of whoever ordered, and bound what the order may see.
-- `contents` is the SHA-256 of the file that lists what a prepared order holds. `lease` is the moment until which the holder of
-- `fence` is believed to work on it. `retry` is the moment before which a failed attempt is not repeated. `untold` is 1 while
-- somebody is to be told of its end.
CREATE TABLE orders (
    id       TEXT    PRIMARY KEY,
    user     INTEGER NOT NULL REFERENCES users (id),
    name     TEXT    NOT NULL,
    request  TEXT    NOT NULL,
    role     TEXT    NOT NULL,
    powers   TEXT,
    state    TEXT    NOT NULL
             CHECK (state IN ('CREATED', 'RUNNING', 'PAUSED', 'COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED')),
    message  TEXT,
    progress INTEGER,
    files    INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    contents TEXT,
    created  INTEGER NOT NULL,
    updated  INTEGER NOT NULL,
    started  INTEGER,
    expires  INTEGER,
    retry    INTEGER,
    attempts INTEGER NOT NULL,
    lease    INTEGER,
    fence    INTEGER NOT NULL,
    untold   INTEGER NOT NULL,
    mac      BLOB    NOT NULL
);

CREATE INDEX orders_by_user ON orders (user, updated);
CREATE INDEX orders_by_state ON orders (state, created);

-- What a user has put together to order (JSON).
CREATE TABLE baskets (
    user    INTEGER PRIMARY KEY REFERENCES users (id),
    body    TEXT    NOT NULL,
    updated INTEGER NOT NULL,
    mac     BLOB    NOT NULL
);

-- Baskets that were shared. The id is made from the body, so it needs no seal.
CREATE TABLE shared_baskets (
    id   TEXT PRIMARY KEY,
    body TEXT NOT NULL
);

-- `terms` is the SHA-256 of what was accepted: other terms of the same collection are accepted anew.
CREATE TABLE licence_acceptances (
    user       INTEGER NOT NULL REFERENCES users (id),
    collection TEXT    NOT NULL,
    terms      TEXT    NOT NULL,
    licence    TEXT    NOT NULL,
    accepted   INTEGER NOT NULL,
    mac        BLOB    NOT NULL,
    PRIMARY KEY (user, collection, terms)
);
