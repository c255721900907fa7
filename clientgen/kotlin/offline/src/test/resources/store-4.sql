-- The store of version 4, with what a phone may have in it. Never change this file.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE entry (
    feed TEXT    NOT NULL,
    kind INTEGER NOT NULL,
    id   BLOB    NOT NULL,
    seq  INTEGER NOT NULL,
    body BLOB    NOT NULL,
    PRIMARY KEY (feed, kind, id)
) WITHOUT ROWID;
CREATE INDEX entry_entity ON entry (kind, id);
CREATE TABLE staged (
    feed    TEXT    NOT NULL,
    kind    INTEGER NOT NULL,
    id      BLOB    NOT NULL,
    seq     INTEGER NOT NULL,
    removed INTEGER NOT NULL,
    body    BLOB    NOT NULL,
    PRIMARY KEY (feed, kind, id)
) WITHOUT ROWID;
CREATE TABLE staged_clear (feed TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE repair (feed TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE outbox (
    n       INTEGER PRIMARY KEY AUTOINCREMENT,
    device  BLOB    NOT NULL,
    seq     INTEGER NOT NULL,
    id      BLOB    NOT NULL UNIQUE,
    kind    TEXT    NOT NULL,
    args    BLOB    NOT NULL,
    at      INTEGER NOT NULL,
    tried   INTEGER NOT NULL DEFAULT 0,
    outcome INTEGER,
    verdict BLOB,
    -- The state shown contains the effect.
    covered INTEGER NOT NULL DEFAULT 0,
    -- A person has seen that it was rejected or parked.
    seen    INTEGER NOT NULL DEFAULT 0, too_old INTEGER NOT NULL DEFAULT 0, known INTEGER, judged BLOB, sum INTEGER,
    UNIQUE (device, seq)
);
CREATE INDEX outbox_uncovered ON outbox (n) WHERE covered = 0;
CREATE TABLE file (
    id       BLOB PRIMARY KEY,
    mutation BLOB    NOT NULL,
    name     TEXT    NOT NULL,
    sha256   BLOB    NOT NULL,
    size     INTEGER NOT NULL,
    media    TEXT    NOT NULL,
    added    INTEGER NOT NULL,
    state    INTEGER NOT NULL,
    sent     INTEGER NOT NULL DEFAULT 0,
    code     TEXT    NOT NULL DEFAULT '',
    answer   BLOB
) WITHOUT ROWID;
CREATE INDEX outbox_waiting ON outbox (n) WHERE known IS NULL;
PRAGMA user_version = 4;
INSERT INTO meta VALUES ('server', 'https://old.example'), ('device', x'0000000000000000000000000000000a');
INSERT INTO entry VALUES ('tech:a', 7, x'00000000000000000000000000000001', 1, CAST('one' AS BLOB));
INSERT INTO outbox (device, seq, id, kind, args, at, tried, outcome, verdict, known, covered) VALUES
    (x'00000000000000000000000000000009', 1, x'00000000000000000000000000000019', 'set', CAST('3 old' AS BLOB), 1, 1, 1, x'', 1, 1),
    (x'0000000000000000000000000000000a', 1, x'0000000000000000000000000000001a', 'set', CAST('1 uno' AS BLOB), 2, 1, NULL, NULL, NULL, 0),
    (x'0000000000000000000000000000000a', 2, x'0000000000000000000000000000001b', 'set', CAST('2 dos' AS BLOB), 3, 0, NULL, NULL, NULL, 0);
INSERT INTO file (id, mutation, name, sha256, size, media, added, state) VALUES
    (x'0000000000000000000000000000002b', x'0000000000000000000000000000001b', '00000000-0000-0000-0000-00000000002b', x'00', 5, 'text/plain', 3, 1);
