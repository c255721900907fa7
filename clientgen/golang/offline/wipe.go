package offline

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// wipe empties the store: what was read, what was sent, who it belonged to. After its transaction comes wiped.
func wipe(ctx context.Context, tx *sql.Tx) error {
	for _, table := range []string{"entry", "staged", "staged_clear", "repair", "outbox", "file", "meta"} {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table); err != nil {
			return err
		}
	}
	return setMeta(ctx, tx, metaScrub, []byte{1})
}

// wiped removes all files and what is left of a wiped store on the disk.
func (s *Store) wiped(ctx context.Context) error {
	return errors.Join(s.removeFiles(), s.removeAsides(), s.renewSpare(ctx), s.scrub(ctx))
}

// wipeCopy empties what a revoked device may no longer hold and keeps what is unsent.
func (s *Store) wipeCopy(ctx context.Context, code fault.Code) error {
	err := s.transact(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			`DELETE FROM entry`, `DELETE FROM staged`, `DELETE FROM staged_clear`, `DELETE FROM repair`,
			`DELETE FROM file WHERE state NOT IN (1, 2)`,
			`DELETE FROM outbox WHERE known IS NOT NULL AND id NOT IN (SELECT mutation FROM file)`,
			`DELETE FROM meta WHERE key IN ('cursor', 'as_of', 'early', 'whole')`,
		} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return errors.Join(setMeta(ctx, tx, metaScrub, []byte{1}), setMeta(ctx, tx, metaEnded, []byte(code)))
	})
	if err != nil {
		return err
	}
	return errors.Join(s.sweep(ctx), s.removeAsides(), s.renewSpare(ctx), s.scrub(ctx))
}

// removeAsides removes the damaged stores whose work went into this one. Others hold work that nobody else has.
func (s *Store) removeAsides() error {
	found, err := Asides(s.Dir)
	for _, a := range found {
		if a.TakenOver {
			err = errors.Join(err, os.RemoveAll(a.Dir))
		}
	}
	return err
}

func (s *Store) removeFiles() error {
	dir := filepath.Join(s.Dir, "files")
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.MkdirAll(dir, 0o700)
}

// scrub takes what was wiped out of the database's files, too: SQLite leaves the bytes of deleted rows in free pages
// and in its log. A wipe that was cut off in between is made up for when the store is opened next.
func (s *Store) scrub(ctx context.Context) error {
	due, err := getMeta(ctx, s.write, metaScrub)
	if err != nil || len(due) == 0 {
		return err
	}
	for _, statement := range []string{`PRAGMA temp_store = MEMORY`, `VACUUM`} {
		if _, err := s.write.ExecContext(ctx, statement); err != nil {
			return fault.Wrap(err, fault.StoreUnusable, "")
		}
	}
	var busy, pages, written int
	err = s.write.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &written)
	if err != nil || busy != 0 { // somebody reads for long: at the next opening
		return err
	}
	return s.transact(ctx, func(tx *sql.Tx) error { return setMeta(ctx, tx, metaScrub, nil) })
}
