package offline

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// upgrades make the store, each from the version before: 0 is a new folder, or one of before versions were counted,
// which has the tables of version 1. They only grow; an app brings any older store up, with everything that is in it,
// and leaves a newer one alone. Entities need no upgrade: they are kept as the bytes that came, of kinds that this app
// does not know, too, so that nothing is fetched anew when a later app knows them.
var upgrades = []string{
	schema,
	// 2: the server said of this mutation that it knows nothing of it and never will, in these words (see Reword).
	`ALTER TABLE outbox ADD COLUMN too_old INTEGER NOT NULL DEFAULT 0`,
	// 3: when the server had it for sure, by the server's clock; NULL before, and again when a restored server has
	// forgotten it.
	`ALTER TABLE outbox ADD COLUMN known INTEGER`,
	// 4: the device that the first verdict was signed for, when the mutation was renumbered for another since then. A
	// mutation waits while it is not known, also one that has a verdict; but what was done under an earlier identity
	// cannot be numbered for this one any more.
	`ALTER TABLE outbox ADD COLUMN judged BLOB;
	UPDATE outbox SET known = at, covered = 1 WHERE outcome IS NOT NULL AND known IS NULL
		AND (covered = 1 OR device IS NOT (SELECT value FROM meta WHERE key = 'device'));
	DROP INDEX outbox_unsent;
	CREATE INDEX outbox_waiting ON outbox (n) WHERE known IS NULL`,
	// 5: the checksum of what was done, see sumOf; NULL for what an older app wrote.
	`ALTER TABLE outbox ADD COLUMN sum INTEGER`,
}

// upgrade brings the store up to this app's version, in one transaction.
func (s *Store) upgrade(ctx context.Context) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		var version int
		if err := tx.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
			return err
		}
		if version > len(upgrades) {
			return fault.New(fault.StoreUnusable, "made by a newer app: its version is %d, this app knows %d",
				version, len(upgrades))
		}
		if version == len(upgrades) {
			return nil
		}
		for _, one := range upgrades[version:] {
			if _, err := tx.ExecContext(ctx, one); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, len(upgrades)))
		return err
	})
}

// schema is the store, version 1. Times are microseconds since 1970, ids are 16 bytes.
const schema = `
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
`
