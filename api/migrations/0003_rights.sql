-- What groups may see of collections. Seals as in 0001.

-- `granted_to` is the number of a group, or one of those that nobody is taken into: 0 is everyone, -1 are all who have an account.
-- A collection need not exist. `filter` (CQL2 text) and `older_than` (an ISO 8601 duration) name the part that is seen at the
-- level 'partial'; both have to hold.
CREATE TABLE grants (
    granted_to INTEGER NOT NULL,
    collection TEXT    NOT NULL,
    level      TEXT    NOT NULL CHECK (level IN ('hidden', 'metadata', 'partial', 'full')),
    filter     TEXT,
    older_than TEXT,
    changed    INTEGER NOT NULL,
    mac        BLOB    NOT NULL,
    PRIMARY KEY (granted_to, collection)
);
