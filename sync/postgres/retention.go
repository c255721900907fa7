package postgres

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/sync/change"
)

// Collect deletes the tombstones of an org that are older than before and raises the floors of their feeds: a
// cursor below a floor may have missed a removal, and its feed is sent anew. It returns how many went.
func (s *Store) Collect(ctx context.Context, org change.Org, before time.Time) (gone int64, err error) {
	err = s.Transact(ctx, org, func(tx *Tx) error {
		// Heads first and in order, as every writer locks them.
		rows, err := tx.Query(ctx, `
			SELECT feed FROM sync_feed
			WHERE org_id = $1 AND feed IN (SELECT feed FROM sync_entry WHERE org_id = $1 AND removed AND at < $2)
			ORDER BY feed FOR UPDATE`, tx.org, before)
		if err != nil {
			return err
		}
		feeds, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, `
			WITH gone AS (
				DELETE FROM sync_entry WHERE org_id = $1 AND feed = ANY ($3) AND removed AND at < $2 RETURNING feed, seq
			), raised AS (
				UPDATE sync_feed f SET floor = greatest(f.floor, m.seq)
				FROM (SELECT feed, max(seq) AS seq FROM gone GROUP BY feed) m
				WHERE f.org_id = $1 AND f.feed = m.feed
			)
			SELECT count(*) FROM gone`, tx.org, before, feeds).Scan(&gone)
	})
	return gone, err
}

// NewGeneration declares that the database continues from a restored backup: every cursor given out before is
// of a lost history, and every device may go on with its own numbering.
func (s *Store) NewGeneration(ctx context.Context) error {
	var g change.Generation
	if _, err := rand.Read(g[:]); err != nil {
		return err
	}
	_, err := s.Pool.Exec(ctx, `UPDATE sync_generation SET generation = $1, since = $2`, g[:], s.Now())
	return err
}
