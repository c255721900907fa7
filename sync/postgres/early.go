package postgres

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
)

// Early reads what the device needs first, at one snapshot, in which want is asked, too. worth is false, and nothing is
// read, when the device has had a checkpoint, and when the whole fits into one page, which then does as well.
func (s *Store) Early(ctx context.Context, r feed.Request, want func(ctx context.Context, tx *Tx) (feed.Wanted, error),
) (early feed.Early, worth bool, err error) {
	err = s.Read(ctx, r.Org, func(tx *Tx) error {
		early, worth = feed.Early{}, false
		state, err := (&snapshot{store: s, tx: tx, device: r.Device, user: r.User}).State(ctx)
		if err != nil {
			return err
		}
		early.LastSeq, early.At, early.Whole = state.LastSeq, state.At, feed.SizeOf(state.Heads)
		if early.Whole.Bytes <= int64(r.PageBytes()) || !r.FromNothing(state) {
			return nil
		}
		worth = true
		wanted, err := want(ctx, tx)
		if err != nil {
			return err
		}
		early.Deltas, err = tx.early(ctx, state.Heads, wanted, r.EarlyBytes())
		return err
	})
	return early, worth, err
}

// early reads the kinds, then group after group until one does not fit into limit any more.
func (t *Tx) early(ctx context.Context, heads []feed.Head, w feed.Wanted, limit int) (out []feed.Delta, err error) {
	names := make([]string, len(heads))
	for i, h := range heads {
		names[i] = h.Feed.String()
	}
	kinds := make([]int32, len(w.Kinds))
	for i, k := range w.Kinds {
		kinds[i] = int32(k)
	}
	var of, groups []int32
	var ids []uuid.UUID
	seen := map[change.Entity]bool{}
	for i, g := range w.Groups {
		for _, e := range g {
			if !seen[e] && !slices.Contains(w.Kinds, e.Kind) {
				of, ids, groups = append(of, int32(e.Kind)), append(ids, e.ID), append(groups, int32(i+1))
				seen[e] = true
			}
		}
	}
	// The sum over a group and all before it; the size of a long body is known without reading it.
	rows, err := t.Query(ctx, `
		SELECT feed, kind, entity_id, seq, body FROM (
			SELECT *, sum(octet_length(body) + $7) OVER (ORDER BY place) AS upto FROM (
				SELECT 0 AS place, feed, kind, entity_id, seq, body FROM sync_entry
				WHERE org_id = $1 AND feed = ANY ($2::text[]) AND kind = ANY ($3::int[]) AND NOT removed
				UNION ALL
				SELECT w.place, e.feed, e.kind, e.entity_id, e.seq, e.body
				FROM unnest($4::int[], $5::uuid[], $6::int[]) AS w (kind, entity_id, place)
				JOIN sync_entry e ON e.org_id = $1 AND e.entity_id = w.entity_id AND e.kind = w.kind AND NOT e.removed
				WHERE e.feed = ANY ($2::text[])
			) wanted
		) summed
		WHERE upto <= $8 ORDER BY feed, seq`, t.org, names, kinds, of, ids, groups, feed.EntryOverhead, limit)
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
