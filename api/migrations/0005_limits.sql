-- What accounts may take, and what they took. Seals as in 0001.

-- What an account may take otherwise than all do; null is as all, 0 is no limit.
CREATE TABLE quotas (
    account        INTEGER PRIMARY KEY REFERENCES users (id),
    download_bytes BIGINT,
    running_orders BIGINT,
    mac            BLOB    NOT NULL
);

-- Bytes of files that were sent or are promised, by days since 1970-01-01 in UTC.
CREATE TABLE volumes (
    account INTEGER NOT NULL REFERENCES users (id),
    day     BIGINT  NOT NULL,
    bytes   BIGINT  NOT NULL,
    mac     BLOB    NOT NULL,
    PRIMARY KEY (account, day)
);
