package postgres

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/doorstep-dev/doorstep/sync/change"
)

// collectedAtOnce bounds one transaction that collects tombstones.
const collectedAtOnce = 2000

// Collect deletes the tombstones of an org that are older than before and raises the floors of their feeds: a
// cursor below a floor may have missed a removal, and its feed is sent anew. It returns how many went. Each transaction
// takes a bounded number, so that no feed is locked for long.
func (s *Store) Collect(ctx context.Context, org change.Org, before time.Time) (gone int64, err error) {
	for {
		var n int64
		err := s.Transact(ctx, org, func(tx *Tx) (err error) {
			n, err = tx.collect(ctx, before)
			return err
		})
		gone += n
		if err != nil || n < collectedAtOnce {
			return gone, err
		}
	}
}

func (t *Tx) collect(ctx context.Context, before time.Time) (gone int64, err error) {
	rows, err := t.Query(ctx, `SELECT DISTINCT feed FROM (
		SELECT feed FROM sync_entry WHERE org_id = $1 AND removed AND at < $2 ORDER BY at
			LIMIT $3) e`, t.org, before, collectedAtOnce)
	if err != nil {
		return 0, err
	}
	feeds, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(feeds) == 0 {
		return 0, err
	}
	// Heads first and in order, as every writer locks them.
	if _, err := t.Exec(ctx, `SELECT 1 FROM sync_feed WHERE org_id = $1 AND feed = ANY ($2) ORDER BY feed
		FOR UPDATE`, t.org, feeds); err != nil {
		return 0, err
	}
	// What was found before the locks may have come back to life since.
	err = t.QueryRow(ctx, `
		WITH old AS (
			SELECT feed, kind, entity_id FROM sync_entry
			WHERE org_id = $1 AND removed AND at < $2 AND feed = ANY ($3) ORDER BY at LIMIT $4
		), gone AS (
			DELETE FROM sync_entry e USING old
			WHERE e.org_id = $1 AND e.feed = old.feed AND e.kind = old.kind AND e.entity_id = old.entity_id
			RETURNING e.feed, e.seq
		), raised AS (
			UPDATE sync_feed f SET floor = greatest(f.floor, m.seq)
			FROM (SELECT feed, max(seq) AS seq FROM gone GROUP BY feed) m
			WHERE f.org_id = $1 AND f.feed = ANY ($3) AND f.feed = m.feed
		)
		SELECT count(*) FROM gone`, t.org, before, feeds, collectedAtOnce).Scan(&gone)
	return gone, err
}

// Restored is when a restore was declared last; zero when never.
func (t *Tx) Restored(ctx context.Context) (at time.Time, err error) {
	var since *time.Time
	err = t.QueryRow(ctx, `SELECT CASE WHEN restored THEN since END FROM sync_generation`).Scan(&since)
	if since != nil {
		at = *since
	}
	return at, err
}

// NewGeneration declares that the database continues from a restored backup: every cursor given out before is
// of a lost history, and every device may go on with its own numbering. Only the database's owner may say so.
func NewGeneration(ctx context.Context, owner Owner, at time.Time) error {
	var g change.Generation
	if _, err := rand.Read(g[:]); err != nil {
		return err
	}
	_, err := owner.Exec(ctx, `UPDATE sync_generation SET generation = $1, since = $2, restored = true`, g[:], at)
	return err
}

// Owner is a connection, or a pool of them, that signed in as the owner of the tables.
type Owner interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}
