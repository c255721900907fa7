package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/sync/change"
)

// Size is how much the engine keeps for an org.
type Size struct {
	Feeds int64
	// Live entries, their bodies' Bytes, and the live entries of the Largest feed.
	Live, Bytes, Largest int64
	// Tombstones are removals that are still kept, and when the oldest was made; zero when there is none.
	Tombstones      int64
	OldestTombstone time.Time
	// Rebuilding are rebuilds that were begun and not finished.
	Rebuilding int64
}

// SizeOf measures an org, by reading one row a feed and counting the tombstones.
func (s *Store) SizeOf(ctx context.Context, org change.Org) (z Size, err error) {
	var oldest *time.Time
	err = s.Read(ctx, org, func(tx *Tx) error {
		return tx.QueryRow(ctx, `
			SELECT f.feeds, f.live, f.bytes, f.largest, t.n, t.oldest, r.n
			FROM (SELECT count(*) AS feeds, coalesce(sum(live), 0)::bigint AS live, coalesce(sum(bytes), 0)::bigint AS bytes,
					coalesce(max(live), 0) AS largest FROM sync_feed WHERE org_id = $1) f,
				(SELECT count(*) AS n, min(at) AS oldest FROM sync_entry WHERE org_id = $1 AND removed) t,
				(SELECT count(*) AS n FROM sync_rebuild WHERE org_id = $1 AND finished_at IS NULL) r`, tx.org).
			Scan(&z.Feeds, &z.Live, &z.Bytes, &z.Largest, &z.Tombstones, &oldest, &z.Rebuilding)
	})
	if oldest != nil {
		z.OldestTombstone = *oldest
	}
	return z, err
}

// TableSizes are the bytes on disk of the engine's tables with their indexes, of all orgs together, by name.
func (s *Store) TableSizes(ctx context.Context) (map[string]int64, error) {
	rows, err := s.Pool.Query(ctx, `SELECT relname, pg_total_relation_size(oid) FROM pg_class
		WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname LIKE 'sync\_%'`)
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	var name string
	var bytes int64
	_, err = pgx.ForEachRow(rows, []any{&name, &bytes}, func() error {
		sizes[name] = bytes
		return nil
	})
	return sizes, err
}
