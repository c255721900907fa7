package offline

import (
	"bytes"
	"context"
	"database/sql"
	"time"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/change/pack"
)

// pullState is what the next pull must say.
type pullState struct {
	cursor []byte
	repair []string
	unsent int
	// oldest is when the oldest unsent was done, in microseconds; 0 when nothing is unsent.
	oldest int64
	// first: there was no checkpoint yet.
	first bool
}

func (s *Store) pullState(ctx context.Context) (p pullState, err error) {
	if p.cursor, err = getMeta(ctx, s.read, metaCursor); err != nil {
		return p, err
	}
	asOf, err := getMeta(ctx, s.read, metaAsOf)
	if err != nil {
		return p, err
	}
	p.first = len(asOf) == 0
	err = each(ctx, s.read, func(scan func(...any) error) error {
		var feed string
		err := scan(&feed)
		p.repair = append(p.repair, feed)
		return err
	}, `SELECT feed FROM repair ORDER BY feed LIMIT 64`)
	if err != nil {
		return p, err
	}
	return p, s.read.QueryRowContext(ctx, `SELECT count(*), coalesce(min(at), 0) FROM outbox
		WHERE known IS NULL`).Scan(&p.unsent, &p.oldest)
}

// applied is what a page did.
type applied struct {
	// checkpoint: the page was the last one, its state shows now.
	checkpoint bool
	changed    []Changed
	// reset are the feeds of which something was held and that come anew.
	reset []string
	// differ are the feeds whose digest does not agree; they are noted for repair.
	differ []string
}

// stage keeps a page together with its cursor and, if it is the last of its round, makes everything staged
// visible, all in one transaction.
func (s *Store) stage(ctx context.Context, page *syncv1.PullResponse) (a applied, err error) {
	err = s.transact(ctx, func(tx *sql.Tx) error {
		a = applied{}
		for _, feed := range page.DroppedFeeds {
			if err := stageClear(ctx, tx, feed); err != nil {
				return err
			}
		}
		for _, delta := range page.Feeds {
			if delta.Reset_ {
				var held bool
				if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM entry
					WHERE feed = ?)`, delta.Feed).Scan(&held); err != nil {
					return err
				}
				if held {
					a.reset = append(a.reset, delta.Feed)
				}
			}
			if err := stageDelta(ctx, tx, delta); err != nil {
				return err
			}
		}
		if len(page.Cursor) > 0 {
			if err := setMeta(ctx, tx, metaCursor, page.Cursor); err != nil {
				return err
			}
		}
		if page.Checkpoint == nil {
			return noteWhole(ctx, tx, page.Whole)
		}
		a.checkpoint = true
		if err := endEarly(ctx, tx); err != nil {
			return err
		}
		if a.changed, err = s.apply(ctx, tx); err != nil {
			return err
		}
		if err := cover(ctx, tx, page.LastSequence, page.ServerTime.AsTime()); err != nil {
			return err
		}
		if a.differ, err = compare(ctx, tx, page.Checkpoint.Feeds); err != nil {
			return err
		}
		at, err := page.ServerTime.AsTime().MarshalBinary()
		if err != nil {
			return err
		}
		return setMeta(ctx, tx, metaAsOf, at)
	})
	return a, err
}

func stageClear(ctx context.Context, tx *sql.Tx, feed string) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM staged WHERE feed = ?`, feed); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO staged_clear VALUES (?)`, feed); err != nil {
		return err
	}
	// It comes anew, as we may have asked, or it is followed no longer.
	_, err := tx.ExecContext(ctx, `DELETE FROM repair WHERE feed = ?`, feed)
	return err
}

func stageDelta(ctx context.Context, tx *sql.Tx, delta *syncv1.FeedDelta) error {
	if delta.Reset_ {
		if err := stageClear(ctx, tx, delta.Feed); err != nil {
			return err
		}
	}
	put := func(kind uint32, id []byte, seq uint64, removed bool, body []byte) error {
		if body == nil {
			body = []byte{}
		}
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO staged VALUES (?, ?, ?, ?, ?, ?)`,
			delta.Feed, kind, id, int64(seq), removed, body)
		return err
	}
	for _, b := range delta.Packs {
		entries, err := pack.Decode(b)
		if err != nil {
			return err
		}
		for i := range entries {
			e := &entries[i]
			if err := put(uint32(e.Kind), e.ID[:], uint64(e.Seq), e.Removed, e.Body); err != nil {
				return err
			}
		}
	}
	for _, e := range delta.Entries {
		if err := put(e.Kind, e.Id, e.Sequence, e.Removed, e.Body); err != nil {
			return err
		}
	}
	return nil
}

// touched are the entities that the next checkpoint may change.
const touched = `SELECT kind, id FROM staged UNION SELECT kind, id FROM entry
	WHERE feed IN (SELECT feed FROM staged_clear)`

// apply makes what is staged visible and says what that changed.
func (s *Store) apply(ctx context.Context, tx *sql.Tx) ([]Changed, error) {
	before, err := s.touch(ctx, tx, touched)
	if err != nil {
		return nil, err
	}
	for _, statement := range []string{
		`DELETE FROM entry WHERE feed IN (SELECT feed FROM staged_clear)`,
		`DELETE FROM entry WHERE (feed, kind, id) IN (SELECT feed, kind, id FROM staged WHERE removed)`,
		`INSERT OR REPLACE INTO entry SELECT feed, kind, id, seq, body FROM staged WHERE NOT removed`,
		`DELETE FROM staged`,
		`DELETE FROM staged_clear`,
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return nil, err
		}
	}
	return s.changed(ctx, tx, before)
}

// touch notes the entities of a query as those that are about to change, and returns their bodies.
func (s *Store) touch(ctx context.Context, tx *sql.Tx, query string) (map[Entity]preferred, error) {
	for _, statement := range []string{
		`CREATE TEMP TABLE IF NOT EXISTS touched (kind INTEGER, id BLOB, PRIMARY KEY (kind, id)) WITHOUT ROWID`,
		`DELETE FROM touched`, `INSERT INTO touched ` + query,
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return nil, err
		}
	}
	return s.bodies(ctx, tx)
}

// changed says what is different from before among the touched entities.
func (s *Store) changed(ctx context.Context, tx *sql.Tx, before map[Entity]preferred) ([]Changed, error) {
	after, err := s.bodies(ctx, tx)
	if err != nil {
		return nil, err
	}
	var out []Changed
	err = each(ctx, tx, func(scan func(...any) error) error {
		var e Entity
		var id []byte
		if err := scan(&e.Kind, &id); err != nil {
			return err
		}
		e.ID = idOf(id)
		old, had := before[e]
		now, has := after[e]
		if had == has && bytes.Equal(old.body, now.body) {
			return nil
		}
		out = append(out, Changed{Entity: e, Before: old.body, After: now.body})
		return nil
	}, `SELECT kind, id FROM touched ORDER BY kind, id`)
	return out, err
}

// bodies reads the touched entities as they show, without effects.
func (s *Store) bodies(ctx context.Context, tx *sql.Tx) (map[Entity]preferred, error) {
	out := map[Entity]preferred{}
	err := each(ctx, tx, func(scan func(...any) error) error {
		var e Entity
		var id, body []byte
		var feed string
		if err := scan(&e.Kind, &id, &feed, &body); err != nil {
			return err
		}
		e.ID = idOf(id)
		p, ok := out[e]
		if !ok {
			p.order = s.FeedOrder
		}
		p.offer(feed, body)
		out[e] = p
		return nil
	}, `SELECT e.kind, e.id, e.feed, e.body FROM touched t JOIN entry e ON e.kind = t.kind AND e.id = t.id`)
	return out, err
}

// cover ends the overlay of all that the state contains now: what the server has, up to its last number of this device.
// What has a higher number and a verdict was forgotten by a restored server; its overlay comes back, and it is to be
// sent again. at is the snapshot's time.
func cover(ctx context.Context, tx *sql.Tx, last uint64, at time.Time) error {
	device, err := getMeta(ctx, tx, metaDevice)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE outbox SET covered = seq <= ?2, known = CASE WHEN seq > ?2 THEN NULL
		WHEN outcome IS NULL THEN NULL ELSE coalesce(known, ?3) END
		WHERE device = ?1 AND (covered <> (seq <= ?2) OR (known IS NULL) <> (outcome IS NULL OR seq > ?2))`,
		device, int64(last), at.UnixMicro())
	return err
}

// compare checks what is held against the checkpoint and notes for repair what differs.
func compare(ctx context.Context, tx *sql.Tx, feeds []*syncv1.FeedState) (differ []string, err error) {
	for _, f := range feeds {
		var sum change.Digest
		var count uint64
		err := each(ctx, tx, func(scan func(...any) error) error {
			var kind change.Kind
			var id []byte
			var seq change.Seq
			err := scan(&kind, &id, &seq)
			sum += change.DigestOf(change.Entity{Kind: kind, ID: idOf(id)}, seq)
			count++
			return err
		}, `SELECT kind, id, seq FROM entry WHERE feed = ?`, f.Feed)
		if err != nil {
			return nil, err
		}
		if uint64(sum) == f.Digest && count == f.Count {
			continue
		}
		differ = append(differ, f.Feed)
		if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO repair VALUES (?)`, f.Feed); err != nil {
			return nil, err
		}
	}
	return differ, nil
}

// forgetCursor makes the next pull begin from nothing. What is held shows until then.
func (s *Store) forgetCursor(ctx context.Context) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			`DELETE FROM staged`,
			`DELETE FROM repair`, // all feeds come anew
			`INSERT OR IGNORE INTO staged_clear SELECT DISTINCT feed FROM entry`,
			`DELETE FROM meta WHERE key = 'cursor'`,
		} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}
