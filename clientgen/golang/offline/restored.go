package offline

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"time"
)

// pushForgotten sends again what the server gave verdicts for and shows that it has no longer: its database was
// restored from a backup. With something unsent the push asks for it by itself (PushRequest.held_from); this is for the
// phone that had nothing else to send. The overlay of what was forgotten is back already, see cover.
func (c *Client) pushForgotten(ctx context.Context, r *Report) error {
	var forgotten bool
	err := c.Store.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM outbox
		WHERE known IS NULL AND outcome IS NOT NULL)`).Scan(&forgotten)
	if err != nil || !forgotten {
		return err
	}
	if err := c.push(ctx, r); err != nil {
		return err
	}
	return c.pull(ctx, r)
}

// offerAgain notes that the server lacks what this device did from a number on.
func (s *Store) offerAgain(ctx context.Context, from uint64) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		device, err := getMeta(ctx, tx, metaDevice)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE outbox SET known = NULL WHERE device = ? AND seq >= ?`, device, int64(from))
		return err
	})
}

// reopenFiles makes the files of a mutation that the server had forgotten go through their upload anew: it knows
// nothing of them, either. What the object store still has is not sent twice.
func reopenFiles(ctx context.Context, tx *sql.Tx, mutation []byte) error {
	_, err := tx.ExecContext(ctx, `UPDATE file SET state = ?, sent = 0
		WHERE state = ? AND mutation = ?`, FileWaiting, FileDone, mutation)
	return err
}

// defaultKeepDays is how long acknowledged mutations are kept when the server does not say.
const defaultKeepDays = 30

// prune forgets mutations that the server has had for longer than any backup is old from which it would be restored,
// and their files. It counts from when the server has had a mutation for sure: one that came again after a restore is
// as young as that, whatever its first verdict says. What is not settled is kept: to be sent, not covered by the state
// shown, rejected or parked and not seen by a person, with a file to send; and everything after it, so that what is
// held has no gaps. The newest one always stays, for the numbers count on from it. Time is the server's.
func (s *Store) prune(ctx context.Context) error {
	d, err := s.Device(ctx)
	if err != nil {
		return err
	}
	days, err := s.number(ctx, metaKeepDays)
	if err != nil {
		return err
	}
	if days == 0 {
		days = defaultKeepDays
	}
	horizon := d.AsOf.Add(-time.Duration(days) * 24 * time.Hour)
	var last sql.NullInt64 // of those that may go
	err = s.read.QueryRowContext(ctx, `SELECT max(n) FROM outbox WHERE n < (SELECT max(n) FROM outbox)
		AND n < coalesce((SELECT min(n) FROM outbox WHERE known IS NULL OR covered = 0 OR outcome IN (3, 4) AND seen = 0
			OR known >= ? OR id IN (SELECT mutation FROM file WHERE state IN (1, 2))),
			1 << 62)`, horizon.UnixMicro()).Scan(&last)
	if err != nil || !last.Valid {
		return err
	}
	err = s.transact(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			`DELETE FROM file WHERE mutation IN (SELECT id FROM outbox WHERE n <= ?)`, `DELETE FROM outbox WHERE n <= ?`,
		} {
			if _, err := tx.ExecContext(ctx, statement, last.Int64); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return errors.Join(s.sweep(ctx), s.renewSpare(ctx))
}

// number reads a value of meta that is a number; 0 when it is absent.
func (s *Store) number(ctx context.Context, key string) (uint64, error) {
	b, err := getMeta(ctx, s.read, key)
	if err != nil || len(b) == 0 {
		return 0, err
	}
	return strconv.ParseUint(string(b), 10, 64)
}
