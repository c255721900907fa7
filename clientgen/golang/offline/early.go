package offline

import (
	"context"
	"database/sql"

	"google.golang.org/protobuf/proto"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/sync/change/pack"
)

// Progress is how far the first download is.
type Progress struct {
	// Entries and Bytes are here, of so many in the end; Of are estimates while the office goes on working.
	Entries, OfEntries int
	Bytes, OfBytes     int64
}

// early shows what is needed first, before the first checkpoint: complete in itself, of one snapshot, and replaced by
// the next early part or by the checkpoint. The staged pages and their cursor are not touched.
func (s *Store) early(ctx context.Context, page *syncv1.PullResponse) (changed []Changed, err error) {
	err = s.transact(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `CREATE TEMP TABLE IF NOT EXISTS early AS SELECT * FROM entry WHERE 0`); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM early`); err != nil {
			return err
		}
		for _, d := range page.Early.Feeds {
			if err := putEarly(ctx, tx, d); err != nil {
				return err
			}
		}
		before, err := s.touch(ctx, tx, `SELECT kind, id FROM entry UNION SELECT kind, id FROM early`)
		if err != nil {
			return err
		}
		for _, statement := range []string{`DELETE FROM entry`, `INSERT INTO entry SELECT *
			FROM early`, `DELETE FROM early`} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		if changed, err = s.changed(ctx, tx, before); err != nil {
			return err
		}
		if err := cover(ctx, tx, page.LastSequence, page.ServerTime.AsTime()); err != nil {
			return err
		}
		if err := setMeta(ctx, tx, metaEarly, []byte{1}); err != nil {
			return err
		}
		return noteWhole(ctx, tx, page.Whole)
	})
	return changed, err
}

func putEarly(ctx context.Context, tx *sql.Tx, d *syncv1.FeedDelta) error {
	put := func(kind uint32, id []byte, seq uint64, body []byte) error {
		if body == nil {
			body = []byte{}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO early VALUES (?, ?, ?, ?, ?)`, d.Feed, kind, id, int64(seq), body)
		return err
	}
	for _, b := range d.Packs {
		entries, err := pack.Decode(b)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := put(uint32(e.Kind), e.ID[:], uint64(e.Seq), e.Body); err != nil {
				return err
			}
		}
	}
	for _, e := range d.Entries {
		if err := put(e.Kind, e.Id, e.Sequence, e.Body); err != nil {
			return err
		}
	}
	return nil
}

// endEarly lets the checkpoint replace the early part whole, also what is of feeds that are not followed any more.
func endEarly(ctx context.Context, tx *sql.Tx) error {
	for _, statement := range []string{
		`INSERT OR IGNORE INTO staged_clear SELECT DISTINCT feed FROM entry
			WHERE EXISTS (SELECT 1 FROM meta WHERE key = 'early')`,
		`DELETE FROM meta WHERE key IN ('early', 'whole')`,
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// Progress says how far the first download is; ok is false before it began and once it is done.
func (s *Store) Progress(ctx context.Context) (p Progress, ok bool, err error) {
	b, err := getMeta(ctx, s.read, metaWhole)
	if err != nil || len(b) == 0 {
		return p, false, err
	}
	asOf, err := getMeta(ctx, s.read, metaAsOf)
	if err != nil || len(asOf) > 0 {
		return p, false, err
	}
	var whole syncv1.Size
	if err := proto.Unmarshal(b, &whole); err != nil {
		return p, false, err
	}
	p.OfEntries, p.OfBytes = int(whole.Entries), int64(whole.Bytes)
	err = s.read.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(length(body)), 0) FROM staged
		WHERE NOT removed`).Scan(&p.Entries, &p.Bytes)
	return p, err == nil, err
}

// noteWhole notes how much there will be in the end, if the page says so.
func noteWhole(ctx context.Context, tx *sql.Tx, size *syncv1.Size) error {
	if size == nil {
		return nil
	}
	b, err := proto.Marshal(size)
	if err != nil {
		return err
	}
	return setMeta(ctx, tx, metaWhole, b)
}
