-- Baskets that were shared have an owner and an end. Times are microseconds since 1970-01-01T00:00:00Z; seals as in 0001.

-- Those that were shared before are nobody's and end never: they are shared anew.
DROP TABLE shared_baskets;

CREATE TABLE shared_baskets (
    id      TEXT    PRIMARY KEY,
    owner   INTEGER NOT NULL REFERENCES users (id),
    body    TEXT    NOT NULL,
    created BIGINT  NOT NULL,
    expires BIGINT  NOT NULL,
    mac     BLOB    NOT NULL
);

CREATE INDEX shared_baskets_by_owner ON shared_baskets (owner);
