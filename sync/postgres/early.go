package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
)

// Early reads what the device needs first, at one snapshot, in which want is asked, too. worth is false, and nothing is
// read, when the whole has no more than least bytes: then the first page does as well.
func (s *Store) Early(ctx context.Context, org change.Org, device change.Device, user change.User, least int64,
	want func(ctx context.Context, tx *Tx) (feed.Wanted, error),
) (early feed.Early, worth bool, err error) {
	err = s.Read(ctx, org, func(tx *Tx) error {
		early, worth = feed.Early{}, false
		state, err := (&snapshot{store: s, tx: tx, device: device, user: user}).State(ctx)
		if err != nil {
			return err
		}
		early.LastSeq, early.At, early.Whole = state.LastSeq, state.At, feed.SizeOf(state.Heads)
		if early.Whole.Bytes <= least {
			return nil
		}
		worth = true
		wanted, err := want(ctx, tx)
		if err != nil {
			return err
		}
		early.Deltas, err = tx.early(ctx, state.Heads, wanted)
		return err
	})
	return early, worth, err
}

func (t *Tx) early(ctx context.Context, heads []feed.Head, w feed.Wanted) (out []feed.Delta, err error) {
	names := make([]string, len(heads))
	for i, h := range heads {
		names[i] = h.Feed.String()
	}
	kinds := make([]int32, len(w.Kinds))
	for i, k := range w.Kinds {
		kinds[i] = int32(k)
	}
	of, ids := make([]int32, len(w.Entities)), make([]uuid.UUID, len(w.Entities))
	for i, e := range w.Entities {
		of[i], ids[i] = int32(e.Kind), e.ID
	}
	rows, err := t.Query(ctx, `
		SELECT feed, kind, entity_id, seq, body FROM sync_entry
		WHERE org_id = $1 AND feed = ANY ($2::text[]) AND kind = ANY ($3::int[]) AND NOT removed
		UNION
		SELECT e.feed, e.kind, e.entity_id, e.seq, e.body
		FROM unnest($4::int[], $5::uuid[]) AS w (kind, entity_id)
		JOIN sync_entry e ON e.org_id = $1 AND e.entity_id = w.entity_id AND e.kind = w.kind AND NOT e.removed
		WHERE e.feed = ANY ($2::text[])
		ORDER BY feed, seq`, t.org, names, kinds, of, ids)
	if err != nil {
		return nil, err
	}
	var name string
	var e change.Entry
	_, err = pgx.ForEachRow(rows, []any{&name, &e.Kind, &e.ID, &e.Seq, &e.Body}, func() error {
		f, err := change.ParseFeedID(name)
		if err != nil {
			return err
		}
		if len(out) == 0 || out[len(out)-1].Feed != f {
			out = append(out, feed.Delta{Feed: f})
		}
		d := &out[len(out)-1]
		d.Entries = append(d.Entries, e)
		e.Body = nil
		return nil
	})
	return out, err
}
