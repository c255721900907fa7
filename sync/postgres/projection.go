package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
)

// Projection is how entities of some kinds come from a room's tables. With it the engine can walk the tables, place
// everything anew and compare: it knows no ticket, only that a ticket's id is the root of what phones see of it.
type Projection struct {
	// Name is what an operator calls it: tickets, earnings.
	Name string
	// Kinds are those that Place places. No other projection places them.
	Kinds []change.Kind
	// Roots returns a SELECT of the ids (column id) of everything of the org ($1) that may stand in a feed now. It
	// must be cheap to walk in the order of id.
	Roots func(ctx context.Context, tx *Tx) (string, error)
	// Root is an SQL expression for the root of an entity of the entry e; empty when the entity is its own.
	Root string
	// Place places all entities of the roots where they should stand now, by the code that places them every day, and
	// nowhere those that should stand nowhere. It locks the rows with Tx.RowLock, in the order of their ids, and leaves
	// out what is in no table. It writes no tables: it also runs at a read-only snapshot.
	Place func(ctx context.Context, tx *Tx, roots []uuid.UUID) error
	// Ages tells whether two bodies of an entity differ only in what may be older in a feed than in the tables, because
	// it tells of other things. Optional.
	Ages func(kind change.Kind, stands, should []byte) bool
}

// IDs is a SELECT of these ids, for Projection.Roots where they stand in no column.
func IDs(ids []uuid.UUID) string {
	var b strings.Builder
	b.WriteString("SELECT unnest('{")
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(id.String())
	}
	b.WriteString("}'::uuid[]) AS id WHERE $1::uuid IS NOT NULL")
	return b.String()
}

// walk returns the next roots after one, in order, at most limit.
func (p Projection) walk(ctx context.Context, tx *Tx, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	roots, err := p.Roots(ctx, tx)
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `SELECT r.id FROM (`+roots+`) r WHERE r.id > $2 ORDER BY r.id
		LIMIT $3`, tx.org, after, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// count is the number of roots.
func (p Projection) count(ctx context.Context, tx *Tx) (n int64, err error) {
	roots, err := p.Roots(ctx, tx)
	if err != nil {
		return 0, err
	}
	return n, tx.QueryRow(ctx, `SELECT count(*) FROM (`+roots+`) r`, tx.org).Scan(&n)
}

// strays looks through the next live entries of the projection's kinds after an entity's id, at most limit, and
// places those anew that no root stands for: they leave, unless the room places them after all. It returns the last
// id, and whether there may be more.
func (p Projection) strays(
	ctx context.Context, tx *Tx, after uuid.UUID, limit int,
) (last uuid.UUID, more bool, err error) {
	roots, err := p.Roots(ctx, tx)
	if err != nil {
		return after, false, err
	}
	root := p.Root
	if root == "" {
		root = "e.entity_id"
	}
	rows, err := tx.Query(ctx, `
		WITH page AS MATERIALIZED (
			SELECT e.entity_id, coalesce(`+root+`, '00000000-0000-0000-0000-000000000000') AS root FROM sync_entry e
			WHERE e.org_id = $1 AND NOT e.removed AND e.entity_id > $2 AND e.kind = ANY ($4::int[])
			ORDER BY e.entity_id LIMIT $3)
		SELECT page.entity_id, page.root, NOT EXISTS (SELECT FROM (`+roots+`) r WHERE r.id = page.root)
		FROM page ORDER BY page.entity_id`, tx.org, after, limit, p.kinds())
	if err != nil {
		return after, false, err
	}
	last = after
	var entity, of uuid.UUID
	var stray bool
	var entities, again []uuid.UUID
	tag, err := pgx.ForEachRow(rows, []any{&entity, &of, &stray}, func() error {
		last = entity
		if stray {
			entities = append(entities, entity)
			again = append(again, of)
		}
		return nil
	})
	if err != nil || len(entities) == 0 {
		return last, tag.RowsAffected() == int64(limit), err
	}
	if err := p.Place(ctx, tx, again); err != nil {
		return last, false, err
	}
	for _, id := range entities {
		for _, kind := range p.Kinds {
			if !tx.batch.Placed(change.Entity{Kind: kind, ID: id}) {
				tx.Place(kind, id)
			}
		}
	}
	return last, tag.RowsAffected() == int64(limit), nil
}

func (p Projection) kinds() []int32 {
	out := make([]int32, len(p.Kinds))
	for i, k := range p.Kinds {
		out[i] = int32(k)
	}
	return out
}

// keep compares what was placed with what stands in the feeds; only the differences will be written.
func (t *Tx) keep(ctx context.Context) ([]feed.Difference, error) {
	bodies, err := t.stands(ctx, t.batch.Entities())
	if err != nil {
		return nil, err
	}
	return t.batch.Keep(bodies), nil
}

// PlaceAsItStands places entities of a kind where and as they stand already; the caller holds their locks.
func (t *Tx) PlaceAsItStands(ctx context.Context, kind change.Kind, ids []uuid.UUID) error {
	entities := make([]change.Entity, len(ids))
	for i, id := range ids {
		entities[i] = change.Entity{Kind: kind, ID: id}
	}
	bodies, err := t.stands(ctx, entities)
	if err != nil {
		return err
	}
	in := map[change.Entity][]feed.Placement{}
	for ref, body := range bodies {
		in[ref.Entity] = append(in[ref.Entity], feed.Placement{Feed: ref.Feed, Body: body})
	}
	for e, placements := range in {
		t.Place(e.Kind, e.ID, placements...)
	}
	return nil
}

// stands reads the live entries of entities.
func (t *Tx) stands(ctx context.Context, entities []change.Entity) (map[feed.Ref][]byte, error) {
	if len(entities) == 0 {
		return nil, nil
	}
	kinds, ids := make([]int32, len(entities)), make([]uuid.UUID, len(entities))
	for i, e := range entities {
		kinds[i], ids[i] = int32(e.Kind), e.ID
	}
	rows, err := t.Query(ctx, `
		SELECT e.feed, e.kind, e.entity_id, e.body
		FROM unnest($2::int[], $3::uuid[]) AS w (kind, entity_id)
		JOIN sync_entry e ON e.org_id = $1 AND e.entity_id = w.entity_id AND e.kind = w.kind AND NOT e.removed`,
		t.org, kinds, ids)
	if err != nil {
		return nil, err
	}
	bodies := make(map[feed.Ref][]byte, len(entities))
	var ref feed.Ref
	var name string
	var body []byte
	_, err = pgx.ForEachRow(rows, []any{&name, &ref.Entity.Kind, &ref.Entity.ID, &body}, func() error {
		if ref.Feed, err = change.ParseFeedID(name); err != nil {
			return fmt.Errorf("entry of %s: %w", name, err)
		}
		bodies[ref] = body
		body = nil
		return nil
	})
	return bodies, err
}
