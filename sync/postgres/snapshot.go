package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
)

// Snapshot implements feed.Reader with a REPEATABLE READ transaction.
func (s *Store) Snapshot(
	ctx context.Context, org change.Org, device change.Device, user change.User, fn func(feed.Snapshot) error,
) error {
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
	states, err := s.tx.states(ctx, []reading{{s.device, s.user}})
	if err != nil {
		return feed.State{}, err
	}
	return states[0], nil
}

// reading is who reads: a device for its user.
type reading struct {
	device change.Device
	user   change.User
}

// states reads the states of several devices in one round trip, in their order.
func (t *Tx) states(ctx context.Context, who []reading) ([]feed.State, error) {
	devices, users := make([]uuid.UUID, len(who)), make([]uuid.UUID, len(who))
	for i, w := range who {
		devices[i], users[i] = uuid.UUID(w.device), uuid.UUID(w.user)
	}
	rows, err := t.Query(ctx, `
		SELECT w.n, g.generation, coalesce(d.last_seq, 0), coalesce(d.unsent, 0), coalesce(r.version, 0),
			coalesce(u.feed, ''),
			coalesce(f.seq, 0), coalesce(f.floor, 0), coalesce(f.digest, 0), coalesce(f.live, 0), coalesce(f.bytes, 0)
		FROM sync_generation g
		CROSS JOIN unnest($2::uuid[], $3::uuid[]) WITH ORDINALITY AS w (device, reader, n)
		LEFT JOIN sync_device d ON d.org_id = $1 AND d.device_id = w.device
		LEFT JOIN sync_rights r ON r.org_id = $1 AND r.user_id = w.reader
		LEFT JOIN sync_subscription u ON u.org_id = $1 AND u.user_id = w.reader
		LEFT JOIN sync_feed f ON f.org_id = u.org_id AND f.feed = u.feed
		ORDER BY w.n, u.feed`, t.org, devices, users)
	if err != nil {
		return nil, err
	}
	states := make([]feed.State, len(who))
	var one feed.State
	var h feed.Head
	var n int
	var generation []byte
	var name string
	var digest int64
	scans := []any{
		&n, &generation, &one.LastSeq, &one.Unsent, &one.Rights, &name, &h.Seq, &h.Floor, &digest,
		&h.Live, &h.Bytes,
	}
	_, err = pgx.ForEachRow(rows, scans, func() error {
		state := &states[n-1]
		state.LastSeq, state.Unsent, state.Rights, state.At = one.LastSeq, one.Unsent, one.Rights, t.now
		copy(state.Generation[:], generation)
		if name == "" {
			return nil
		}
		h.Digest = change.Digest(uint64(digest))
		h.Feed, err = change.ParseFeedID(name)
		state.Heads = append(state.Heads, h)
		return err
	})
	return states, err
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
	p := packer{packed: packed}
	defer p.stop()
	var part feed.Part
	got, full := 0, false
	// Scanned as what they are in the database: uuid.UUID and the defined types take ways that cost an allocation a row.
	var e change.Entry
	var kind int32
	var seq int64
	var body pgtype.DriverBytes // the connection's own buffer, good until the next row
	_, err = pgx.ForEachRow(rows, []any{&kind, (*[16]byte)(&e.ID), &seq, &e.Removed, &body}, func() error {
		got++
		size := len(body) + feed.EntryOverhead
		if full = full || (part.Size+size > limit && part.Size > 0); full {
			return nil
		}
		e.Kind, e.Seq, e.Body = change.Kind(kind), change.Seq(seq), nil
		if !e.Removed {
			e.Body = body
		}
		part.Size += size
		part.Last = e.Seq
		p.add(e, size)
		return nil
	})
	if err != nil {
		return feed.Part{}, err
	}
	part.Done = !full && got < n
	part.Entries, part.Packs = p.done(part.Size >= feed.PackFrom)
	return part, nil
}
