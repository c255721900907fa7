package postgres

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
)

// Holders implements feed.Tx.
func (t *Tx) Holders(ctx context.Context, entities []change.Entity) (refs []feed.Ref, err error) {
	kinds, ids := make([]int32, len(entities)), make([]uuid.UUID, len(entities))
	for i, e := range entities {
		kinds[i], ids[i] = int32(e.Kind), e.ID
	}
	batch := t.later
	t.later = pgx.Batch{}
	before := batch.Len()
	batch.Queue(`
		SELECT e.feed, e.kind, e.entity_id
		FROM unnest($2::int[], $3::uuid[]) AS w (kind, entity_id)
		JOIN sync_entry e ON e.org_id = $1 AND e.entity_id = w.entity_id AND e.kind = w.kind AND NOT e.removed`,
		t.org, kinds, ids)
	results := t.SendBatch(ctx, &batch)
	defer func() { err = errors.Join(err, results.Close()) }()
	for range before {
		if _, err := results.Exec(); err != nil {
			return nil, err
		}
	}
	rows, err := results.Query()
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (feed.Ref, error) {
		var r feed.Ref
		var name string
		if err := row.Scan(&name, &r.Entity.Kind, &r.Entity.ID); err != nil {
			return r, err
		}
		r.Feed, err = change.ParseFeedID(name)
		return r, err
	})
}

const lockHeads = `
	SELECT feed, seq, floor, digest, live, bytes FROM sync_feed
	WHERE org_id = $1 AND feed = ANY ($2::text[]) ORDER BY feed FOR UPDATE`

// Lock implements feed.Tx: one round trip once the feeds exist.
func (t *Tx) Lock(ctx context.Context, feeds []change.FeedID, refs []feed.Ref) ([]feed.Head, []feed.Held, error) {
	names := make([]string, len(feeds))
	for i, f := range feeds {
		names[i] = f.String()
	}
	heads, held, err := t.lock(ctx, feeds, names, refs)
	if err != nil || len(heads) == len(feeds) {
		return heads, held, err
	}
	_, err = t.Exec(ctx, `
		INSERT INTO sync_feed (org_id, feed)
		SELECT $1, f FROM unnest($2::text[]) AS f ORDER BY f ON CONFLICT DO NOTHING`, t.org, names)
	if err != nil {
		return nil, nil, err
	}
	return t.lock(ctx, feeds, names, refs)
}

func (t *Tx) lock(
	ctx context.Context, feeds []change.FeedID, names []string, refs []feed.Ref,
) ([]feed.Head, []feed.Held, error) {
	refFeeds, kinds, ids := make([]string, len(refs)), make([]int32, len(refs)), make([]uuid.UUID, len(refs))
	for i, r := range refs {
		refFeeds[i], kinds[i], ids[i] = r.Feed.String(), int32(r.Entity.Kind), r.Entity.ID
	}
	batch := &pgx.Batch{}
	batch.Queue(lockHeads, t.org, names)
	// A statement of its own, so that it sees what was committed before the lock was given.
	batch.Queue(`
		SELECT w.i, e.seq, octet_length(e.body)
		FROM unnest($2::text[], $3::int[], $4::uuid[]) WITH ORDINALITY AS w (feed, kind, entity_id, i)
		JOIN sync_entry e ON e.org_id = $1 AND e.feed = w.feed AND e.kind = w.kind AND e.entity_id = w.entity_id
		WHERE NOT e.removed`, t.org, refFeeds, kinds, ids)
	results := t.SendBatch(ctx, batch)
	defer results.Close()
	rows, err := results.Query()
	if err != nil {
		return nil, nil, err
	}
	heads, err := collectHeads(rows, feeds)
	if err != nil {
		return nil, nil, err
	}
	rows, err = results.Query()
	if err != nil {
		return nil, nil, err
	}
	held, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (feed.Held, error) {
		var i int
		var h feed.Held
		err := row.Scan(&i, &h.Seq, &h.Size)
		if err == nil {
			h.Ref = refs[i-1]
		}
		return h, err
	})
	if err != nil {
		return nil, nil, err
	}
	return heads, held, results.Close()
}

// collectHeads reads heads in the order of feeds; feeds without a row are left out.
func collectHeads(rows pgx.Rows, feeds []change.FeedID) ([]feed.Head, error) {
	heads := make([]feed.Head, 0, len(feeds))
	i := 0
	var h feed.Head
	var name string
	var digest int64
	_, err := pgx.ForEachRow(rows, []any{&name, &h.Seq, &h.Floor, &digest, &h.Live, &h.Bytes}, func() error {
		for feeds[i].String() != name {
			i++
		}
		h.Feed, h.Digest = feeds[i], change.Digest(uint64(digest))
		heads = append(heads, h)
		return nil
	})
	return heads, err
}

// Append implements feed.Tx: heads and entries in one round trip.
func (t *Tx) Append(ctx context.Context, heads []feed.Head, writes []feed.Write) error {
	n := len(heads)
	names, seqs, digests, lives, sizes := make([]string, n), make([]int64, n), make([]int64, n), make([]int64, n),
		make([]int64, n)
	for i, h := range heads {
		names[i], seqs[i], digests[i], lives[i], sizes[i] = h.Feed.String(), int64(h.Seq), int64(uint64(h.Digest)), h.Live,
			h.Bytes
	}
	n = len(writes)
	feeds, kinds, ids, at := make([]string, n), make([]int32, n), make([]uuid.UUID, n), make([]int64, n)
	removed, bodies := make([]bool, n), make([][]byte, n)
	for i, w := range writes {
		feeds[i], kinds[i], ids[i], at[i] = w.Feed.String(), int32(w.Entry.Kind), w.Entry.ID, int64(w.Entry.Seq)
		removed[i], bodies[i] = w.Entry.Removed, w.Entry.Body
		if bodies[i] == nil {
			bodies[i] = []byte{}
		}
	}
	batch := &pgx.Batch{}
	batch.Queue(`
		UPDATE sync_feed f SET seq = w.seq, digest = w.digest, live = w.live, bytes = w.bytes
		FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[]) AS w (feed, seq, digest, live, bytes)
		WHERE f.org_id = $1 AND f.feed = w.feed`, t.org, names, seqs, digests, lives, sizes)
	batch.Queue(`
		INSERT INTO sync_entry (org_id, feed, kind, entity_id, seq, removed, body, at)
		SELECT $1, feed, kind, entity_id, seq, removed, body, $8
		FROM unnest($2::text[], $3::int[], $4::uuid[], $5::bigint[], $6::bool[], $7::bytea[])
			AS w (feed, kind, entity_id, seq, removed, body)
		ON CONFLICT (org_id, feed, kind, entity_id)
		DO UPDATE SET seq = excluded.seq, removed = excluded.removed, body = excluded.body, at = excluded.at`,
		t.org, feeds, kinds, ids, at, removed, bodies, t.now)
	return t.SendBatch(ctx, batch).Close()
}
