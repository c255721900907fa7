package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
)

// How much one transaction does: writing ones hold locks and are kept short.
const (
	rebuildRoots   = 50
	rebuildEntries = 1000
	verifyRoots    = 200
)

// Progress is how far a walk over a projection is.
type Progress struct {
	// Roots are those done, Of as many as there were when it began.
	Roots, Of int64
	// Written entries were put into feeds with another body than before or none, Removed ones left. For a
	// verification, what would be.
	Written, Removed int64
	// Aged are entries that differ only in what may be older than the tables.
	Aged int64
}

func (p *Progress) add(of Projection, found []feed.Difference) {
	for _, d := range found {
		switch {
		case d.Stray:
			p.Removed++
		case aged(of, d):
			p.Aged++
			p.Written++
		default:
			p.Written++
		}
	}
}

func aged(p Projection, d feed.Difference) bool {
	return !d.Stray && !d.Missing && p.Ages != nil && p.Ages(d.Entity.Kind, d.Stands, d.Should)
}

// Rebuild walks everything of a projection in an org, places it anew by the room's own code, and writes what differs,
// while phones are online: each fetches only that, and none is reset. Each step is one short transaction that also
// notes how far it came, so a run that was cut off goes on where it was; version names the program, and a run that
// another version began is begun anew. Two runs at once share the work. each, if not nil, hears of every step.
func (s *Store) Rebuild(
	ctx context.Context, org change.Org, p Projection, version string, each func(Progress),
) (Progress, error) {
	var run rebuild
	err := s.Transact(ctx, org, func(tx *Tx) (err error) {
		run, err = tx.beginRebuild(ctx, p, version)
		return err
	})
	if err != nil {
		return Progress{}, err
	}
	for {
		err := s.Transact(ctx, org, func(tx *Tx) (err error) {
			if run, err = tx.lockRebuild(ctx, p); err != nil || run.finished {
				return err
			}
			return run.step(ctx, tx, p)
		})
		if err != nil {
			return run.progress, err
		}
		if each != nil {
			each(run.progress)
		}
		if run.finished {
			return run.progress, nil
		}
	}
}

// rebuild is a row of sync_rebuild.
type rebuild struct {
	// walked: all roots are done, now come the entries that no root stands for.
	walked   bool
	after    uuid.UUID
	finished bool
	progress Progress
}

// beginRebuild goes on with a run that was cut off, or begins one.
func (t *Tx) beginRebuild(ctx context.Context, p Projection, version string) (rebuild, error) {
	of, err := p.count(ctx, t)
	if err != nil {
		return rebuild{}, err
	}
	_, err = t.Exec(ctx, `
		INSERT INTO sync_rebuild AS r (org_id, projection, version, of, started_at, changed_at)
			VALUES ($1, $2, $3, $4, $5, $5)
		ON CONFLICT (org_id, projection) DO UPDATE SET version = $3, of = $4, started_at = $5, changed_at = $5,
			walked = false, after = DEFAULT, finished_at = NULL, roots = 0, written = 0, removed = 0, aged = 0
		WHERE r.finished_at IS NOT NULL OR r.version <> $3`, t.org, p.Name, version, of, t.now)
	if err != nil {
		return rebuild{}, err
	}
	return t.lockRebuild(ctx, p)
}

func (t *Tx) lockRebuild(ctx context.Context, p Projection) (r rebuild, err error) {
	err = t.QueryRow(ctx, `SELECT walked, after, finished_at IS NOT NULL, roots, of, written, removed, aged
		FROM sync_rebuild
		WHERE org_id = $1 AND projection = $2 FOR UPDATE`, t.org, p.Name).Scan(&r.walked, &r.after, &r.finished,
		&r.progress.Roots, &r.progress.Of, &r.progress.Written, &r.progress.Removed, &r.progress.Aged)
	return r, err
}

// step does the next part and notes it.
func (r *rebuild) step(ctx context.Context, tx *Tx, p Projection) error {
	if r.walked {
		last, more, err := p.strays(ctx, tx, r.after, rebuildEntries)
		if err != nil {
			return err
		}
		r.after, r.finished = last, !more
	} else {
		roots, err := p.walk(ctx, tx, r.after, rebuildRoots)
		if err != nil {
			return err
		}
		if len(roots) > 0 {
			if err := p.Place(ctx, tx, roots); err != nil {
				return err
			}
			r.after = roots[len(roots)-1]
			r.progress.Roots += int64(len(roots))
		}
		if len(roots) < rebuildRoots {
			r.walked, r.after = true, uuid.Nil
		}
	}
	found, err := tx.keep(ctx)
	if err != nil {
		return err
	}
	r.progress.add(p, found)
	var finished *time.Time
	if r.finished {
		finished = &tx.now
	}
	_, err = tx.Exec(ctx, `UPDATE sync_rebuild SET walked = $3, after = $4, finished_at = $5, roots = $6, written = $7,
		removed = $8,
		aged = $9, changed_at = $10 WHERE org_id = $1 AND projection = $2`, tx.org, p.Name, r.walked, r.after, finished,
		r.progress.Roots, r.progress.Written, r.progress.Removed, r.progress.Aged, tx.now)
	return err
}

// Expire takes out of the feeds what the rooms' tables say should stand there no more, and returns how many entries
// left. Each step is one short transaction.
func (s *Store) Expire(ctx context.Context, org change.Org, p Projection) (gone int64, err error) {
	after, more := uuid.Nil, true
	for more {
		var last uuid.UUID
		var left int64
		err := s.Transact(ctx, org, func(tx *Tx) (err error) {
			if last, more, err = p.strays(ctx, tx, after, rebuildEntries); err != nil {
				return err
			}
			found, err := tx.keep(ctx)
			left = int64(len(found))
			return err
		})
		if err != nil {
			return gone, err
		}
		after, gone = last, gone+left
	}
	return gone, nil
}
