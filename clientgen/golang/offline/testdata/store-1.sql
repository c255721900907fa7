-- The store of version 1, before versions were counted. Never change this file.
CREATE TABLE IF NOT EXISTS meta (
	key   TEXT PRIMARY KEY,
	value BLOB NOT NULL
) WITHOUT ROWID;

-- What each feed holds, as of the last checkpoint. An entity exists while any feed holds it.
CREATE TABLE IF NOT EXISTS entry (
	feed TEXT    NOT NULL,
	kind INTEGER NOT NULL,
	id   BLOB    NOT NULL,
	seq  INTEGER NOT NULL,
	body BLOB    NOT NULL,
	PRIMARY KEY (feed, kind, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entry_entity ON entry (kind, id);

-- Pages since the last checkpoint; the cursor in meta belongs to these.
CREATE TABLE IF NOT EXISTS staged (
	feed    TEXT    NOT NULL,
	kind    INTEGER NOT NULL,
	id      BLOB    NOT NULL,
	seq     INTEGER NOT NULL,
	removed INTEGER NOT NULL,
	body    BLOB    NOT NULL,
	PRIMARY KEY (feed, kind, id)
) WITHOUT ROWID;
-- Feeds to be emptied at the checkpoint before what is staged is applied: reset or dropped.
CREATE TABLE IF NOT EXISTS staged_clear (feed TEXT PRIMARY KEY) WITHOUT ROWID;

-- Feeds whose digest did not agree and which are to be sent anew.
CREATE TABLE IF NOT EXISTS repair (feed TEXT PRIMARY KEY) WITHOUT ROWID;

-- What a person did, in order. outcome is NULL until the verdict came.
CREATE TABLE IF NOT EXISTS outbox (
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
	seen    INTEGER NOT NULL DEFAULT 0,
	UNIQUE (device, seq)
);
CREATE INDEX IF NOT EXISTS outbox_unsent ON outbox (n) WHERE outcome IS NULL;
CREATE INDEX IF NOT EXISTS outbox_uncovered ON outbox (n) WHERE covered = 0;

-- Files that belong to a mutation and whose bytes go to the object store.
CREATE TABLE IF NOT EXISTS file (
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

INSERT INTO meta VALUES ('server', 'https://old.example'), ('device', x'0000000000000000000000000000000a');
INSERT INTO entry VALUES ('tech:00000000-0000-0000-0000-000000000002', 7, x'00000000000000000000000000000001', 1, 'body');
INSERT INTO outbox (device, seq, id, kind, args, at) VALUES
	(x'0000000000000000000000000000000a', 1, x'0000000000000000000000000000000b', 'add', '{}', 1),
	(x'0000000000000000000000000000000a', 2, x'0000000000000000000000000000000c', 'pair', '{}', 2);
