package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
)

// Snapshot implements feed.Reader with a REPEATABLE READ transaction.
func (s *Store) Snapshot(ctx context.Context, org change.Org, device change.Device, user change.User, fn func(feed.Snapshot) error) error {
	return s.Read(ctx, org, func(tx *Tx) error {
		return fn(&snapshot{store: s, tx: tx, device: device, user: user})
	})
}

type snapshot struct {
	store  *Store
	tx     *Tx
	device change.Device
	user   change.User
}

// State implements feed.Snapshot in one round trip. Its cost grows with the feeds followed and nothing else.
func (s *snapshot) State(ctx context.Context) (feed.State, error) {
	rows, err := s.tx.Query(ctx, `
		SELECT g.generation, coalesce(d.last_seq, 0), coalesce(d.unsent, 0), statement_timestamp(), coalesce(u.feed, ''),
			coalesce(f.seq, 0), coalesce(f.floor, 0), coalesce(f.digest, 0), coalesce(f.live, 0), coalesce(f.bytes, 0)
		FROM sync_generation g
		LEFT JOIN sync_device d ON d.org_id = $1 AND d.device_id = $2
		LEFT JOIN sync_subscription u ON u.org_id = $1 AND u.user_id = $3
		LEFT JOIN sync_feed f ON f.org_id = u.org_id AND f.feed = u.feed
		ORDER BY u.feed`, s.tx.org, s.device, s.user)
	if err != nil {
		return feed.State{}, err
	}
	var state feed.State
	var h feed.Head
	var generation []byte
	var name string
	var digest int64
	scans := []any{&generation, &state.LastSeq, &state.Unsent, &state.At, &name, &h.Seq, &h.Floor, &digest, &h.Live, &h.Bytes}
	_, err = pgx.ForEachRow(rows, scans, func() error {
		copy(state.Generation[:], generation)
		if name == "" {
			return nil
		}
		h.Digest = change.Digest(uint64(digest))
		h.Feed, err = change.ParseFeedID(name)
		state.Heads = append(state.Heads, h)
		return err
	})
	return state, err
}

// Entries implements feed.Snapshot.
func (s *snapshot) Entries(ctx context.Context, r feed.Range, limit int) ([]change.Entry, bool, error) {
	part, err := s.part(ctx, r, limit, false)
	return part.Entries, part.Done, err
}

// Packed implements feed.Packer.
func (s *snapshot) Packed(ctx context.Context, r feed.Range, limit int) (feed.Part, error) {
	return s.part(ctx, r, limit, true)
}

func (s *snapshot) part(ctx context.Context, r feed.Range, limit int, packed bool) (feed.Part, error) {
	read := func() (feed.Part, error) { return s.read(ctx, r, limit, packed) }
	if s.store.Shared == nil {
		return read()
	}
	return s.store.Shared.Part(s.tx.org, r, limit, packed, read)
}

func (s *snapshot) read(ctx context.Context, r feed.Range, limit int, packed bool) (feed.Part, error) {
	// As many rows as should fill the page by the feed's average.
	n := 64
	if r.Head.Live > 0 {
		n += limit / int(r.Head.Bytes/r.Head.Live+feed.EntryOverhead)
	}
	rows, err := s.tx.Query(ctx, `
		SELECT kind, entity_id, seq, removed, body FROM sync_entry
		WHERE org_id = $1 AND feed = $2 AND seq > $3 AND NOT (removed AND seq <= $4)
		ORDER BY seq LIMIT $5`, s.tx.org, r.Head.Feed.String(), int64(r.After), int64(r.Base), n)
	if err != nil {
		return feed.Part{}, err
	}
	var p press
	defer p.stop()
	var part feed.Part
	got, full := 0, false
	var e change.Entry
	var body pgtype.DriverBytes // the connection's own buffer, good until the next row
	_, err = pgx.ForEachRow(rows, []any{&e.Kind, &e.ID, &e.Seq, &e.Removed, &body}, func() error {
		got++
		size := len(body) + feed.EntryOverhead
		if full = full || (part.Size+size > limit && part.Size > 0); full {
			return nil
		}
		e.Body = nil
		if !e.Removed {
			e.Body = p.keep(body)
		}
		part.Size += size
		part.Last = e.Seq
		p.add(e, size, packed)
		return nil
	})
	if err != nil {
		return feed.Part{}, err
	}
	part.Done = !full && got < n
	part.Entries, part.Packs = p.done(packed && part.Size >= feed.PackFrom)
	return part, nil
}
