package postgres

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
)

// Verify compares the entries of a projection with the room's tables, step by step, each at one snapshot, and calls
// found for every difference but those of age. It changes and locks nothing.
func (s *Store) Verify(
	ctx context.Context, org change.Org, p Projection, found func(feed.Difference), each func(Progress),
) (Progress, error) {
	var done Progress
	err := s.Read(ctx, org, func(tx *Tx) (err error) {
		done.Of, err = p.count(ctx, tx)
		return err
	})
	walked, more, after := false, true, uuid.Nil
	for err == nil && more {
		err = s.Read(ctx, org, func(tx *Tx) error {
			if walked {
				if after, more, err = p.strays(ctx, tx, after, rebuildEntries); err != nil {
					return err
				}
			} else {
				roots, err := p.walk(ctx, tx, after, verifyRoots)
				if err != nil {
					return err
				}
				if len(roots) > 0 {
					if err := p.Place(ctx, tx, roots); err != nil {
						return err
					}
					after = roots[len(roots)-1]
					done.Roots += int64(len(roots))
				}
				if len(roots) < verifyRoots {
					walked, after = true, uuid.Nil
				}
			}
			differ, err := tx.keep(ctx)
			done.add(p, differ)
			for _, d := range differ {
				if !aged(p, d) {
					found(d)
				}
			}
			return err
		})
		if each != nil && err == nil {
			each(done)
		}
	}
	return done, err
}

// HeadDifference is a feed whose head does not say what its entries add up to: phones would find their digest
// differing at each checkpoint and fetch the feed anew each time.
type HeadDifference struct {
	Says, Is feed.Head
}

// VerifyHeads compares each feed's digest, count and size with its entries, each at one snapshot.
func (s *Store) VerifyHeads(ctx context.Context, org change.Org, found func(HeadDifference)) (feeds int, err error) {
	var names []string
	err = s.Read(ctx, org, func(tx *Tx) error {
		rows, err := tx.Query(ctx, `SELECT feed FROM sync_feed WHERE org_id = $1 ORDER BY feed`, tx.org)
		if err == nil {
			names, err = pgx.CollectRows(rows, pgx.RowTo[string])
		}
		return err
	})
	for _, name := range names {
		if err != nil {
			return feeds, err
		}
		err = s.Read(ctx, org, func(tx *Tx) error {
			d, err := tx.head(ctx, name)
			if err == nil && d.Says != d.Is {
				found(d)
			}
			return err
		})
		feeds++
	}
	return feeds, err
}

// MendHead sets a feed's digest, count and size to what its entries add up to, under the feed's lock.
func (s *Store) MendHead(ctx context.Context, org change.Org, f change.FeedID) error {
	return s.Transact(ctx, org, func(tx *Tx) error {
		d, err := tx.head(ctx, f.String())
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE sync_feed SET digest = $3, live = $4, bytes = $5, seq = $6
			WHERE org_id = $1 AND feed = $2`,
			tx.org, f.String(), int64(uint64(d.Is.Digest)), d.Is.Live, d.Is.Bytes, int64(d.Is.Seq))
		return err
	})
}

// head reads a head as it is kept, and as its entries make it. What no entry tells, the floor and a sequence behind
// which everything was collected, is taken as kept.
func (t *Tx) head(ctx context.Context, name string) (d HeadDifference, err error) {
	id, err := change.ParseFeedID(name)
	if err != nil {
		return d, err
	}
	var digest int64
	err = t.QueryRow(ctx, `SELECT seq, floor, digest, live, bytes FROM sync_feed
		WHERE org_id = $1 AND feed = $2`+t.RowLock(), t.org, name).
		Scan(&d.Says.Seq, &d.Says.Floor, &digest, &d.Says.Live, &d.Says.Bytes)
	if errors.Is(err, pgx.ErrNoRows) {
		return d, nil // gone since it was listed
	}
	if err != nil {
		return d, err
	}
	d.Says.Feed, d.Says.Digest = id, change.Digest(uint64(digest))
	d.Is.Feed, d.Is.Seq, d.Is.Floor = id, d.Says.Seq, d.Says.Floor
	rows, err := t.Query(ctx, `SELECT kind, entity_id, seq, removed, octet_length(body) FROM sync_entry
		WHERE org_id = $1 AND feed = $2`, t.org, name)
	if err != nil {
		return d, err
	}
	var e change.Entry
	var size int64
	_, err = pgx.ForEachRow(rows, []any{&e.Kind, &e.ID, &e.Seq, &e.Removed, &size}, func() error {
		d.Is.Seq = max(d.Is.Seq, e.Seq)
		if !e.Removed {
			d.Is.Digest += change.DigestOf(e.Entity, e.Seq)
			d.Is.Live++
			d.Is.Bytes += size
		}
		return nil
	})
	return d, err
}
