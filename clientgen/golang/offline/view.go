package offline

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// View is one consistent state: the server's state of the last checkpoint with the effects of what it does not
// contain yet on top. It is valid within the call of Read that gave it.
type View struct {
	ctx     context.Context
	tx      *sql.Tx
	order   []string
	overlay map[Entity]Change
	// alone are the entities of a view that stands on no store.
	alone map[Entity][]byte
	find  func(*View) map[string]ed25519.PublicKey
	found map[string]ed25519.PublicKey
	err   error
}

// ViewOf is a view of these entities alone, on no store: to try effects on.
func ViewOf(items ...Item) *View {
	v := &View{alone: map[Entity][]byte{}, overlay: map[Entity]Change{}}
	for _, i := range items {
		v.alone[i.Entity] = i.Body
	}
	return v
}

// Apply puts the changes of an effect on top of the view.
func (v *View) Apply(changes ...Change) {
	for _, c := range changes {
		v.overlay[c.Entity] = c
	}
}

// Read calls fn with the state as it is now. An error in reading is returned after fn; until then the view is
// as if nothing were there.
func (s *Store) Read(ctx context.Context, fn func(*View) error) error {
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // a reader has nothing to lose
	v, err := s.view(ctx, tx)
	if err != nil {
		return err
	}
	err = fn(v)
	return errors.Join(v.err, err)
}

func (s *Store) view(ctx context.Context, tx *sql.Tx) (*View, error) {
	v := &View{ctx: ctx, tx: tx, order: s.FeedOrder, overlay: map[Entity]Change{}, find: s.Keys}
	pending, err := actions(ctx, tx, `WHERE covered = 0 ORDER BY n`)
	if err != nil {
		return nil, err
	}
	for _, a := range pending {
		effect := s.Effects[a.Kind]
		if effect == nil {
			continue
		}
		v.Apply(effect(v, a.Mutation)...)
	}
	return v, v.err
}

// Get returns the body of an entity, if it exists.
func (v *View) Get(e Entity) ([]byte, bool) {
	if c, ok := v.overlay[e]; ok {
		return c.Body, !c.Removed
	}
	return v.Base(e)
}

// Base returns what the server had said of an entity at the last checkpoint, without any effect.
func (v *View) Base(e Entity) ([]byte, bool) {
	if v.tx == nil {
		body, ok := v.alone[e]
		return body, ok
	}
	best := preferred{order: v.order}
	v.each(func(scan func(...any) error) error {
		var feed string
		var body []byte
		err := scan(&feed, &body)
		best.offer(feed, body)
		return err
	}, `SELECT feed, body FROM entry WHERE kind = ? AND id = ?`, e.Kind, e.ID[:])
	return best.body, best.found
}

// Pending tells whether an effect that the server's state does not contain yet shows on the entity.
func (v *View) Pending(e Entity) bool {
	_, ok := v.overlay[e]
	return ok
}

// List returns all entities of a kind, by id.
func (v *View) List(kind Kind) []Item {
	best := map[uuid.UUID]*preferred{}
	for e, body := range v.alone {
		if e.Kind == kind {
			best[e.ID] = &preferred{body: body}
		}
	}
	v.each(func(scan func(...any) error) error {
		var feed string
		var id, body []byte
		err := scan(&feed, &id, &body)
		if best[idOf(id)] == nil {
			best[idOf(id)] = &preferred{order: v.order}
		}
		best[idOf(id)].offer(feed, body)
		return err
	}, `SELECT feed, id, body FROM entry WHERE kind = ?`, kind)
	out := make([]Item, 0, len(best))
	for id, p := range best {
		e := Entity{kind, id}
		if _, changed := v.overlay[e]; !changed {
			out = append(out, Item{e, p.body})
		}
	}
	for e, c := range v.overlay {
		if e.Kind == kind && !c.Removed {
			out = append(out, Item{e, c.Body})
		}
	}
	slices.SortFunc(out, func(a, b Item) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return out
}

func (v *View) each(fn func(scan func(...any) error) error, query string, args ...any) {
	if v.err == nil && v.tx != nil {
		v.err = each(v.ctx, v.tx, fn, query, args...)
	}
}

// preferred keeps the body of the most preferred feed among those offered.
type preferred struct {
	order []string
	found bool
	feed  string
	body  []byte
}

func (p *preferred) offer(feed string, body []byte) {
	if !p.found || p.rank(feed) < p.rank(p.feed) || p.rank(feed) == p.rank(p.feed) && feed < p.feed {
		p.found, p.feed, p.body = true, feed, body
	}
}

// rank is the place of the feed's kind in the order; unknown kinds come last.
func (p *preferred) rank(feed string) int {
	kind, _, _ := strings.Cut(feed, ":")
	if i := slices.Index(p.order, kind); i >= 0 {
		return i
	}
	return len(p.order)
}
