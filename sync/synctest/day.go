package synctest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
)

// Day is a property: whatever a few phones, the office and the network do to one another, in whatever order,
// each mutation has one effect and one verdict, and in the end every phone shows what its feeds hold.
//
// The network loses requests, loses answers, repeats requests, and delivers pages half: a page is applied or
// not, and the phone asks again. Phones crash and forget what was not applied.
func Day[T intake.Tx](t *rapid.T, tb testing.TB, w *World[T]) {
	d := &day[T]{t: t, tb: tb, w: w, owed: map[uuid.UUID]int{}, seen: map[*Phone]map[uuid.UUID]int{}}
	for range rapid.IntRange(1, 3).Draw(t, "phones") {
		d.phones = append(d.phones, w.Hire(tb))
	}
	for range rapid.IntRange(1, 4).Draw(t, "items") {
		id := uuid.New()
		w.Give(tb, id, d.phone().User)
		d.items = append(d.items, id)
	}
	t.Repeat(map[string]func(*rapid.T){
		"do": func(t *rapid.T) {
			p := d.phone()
			kind := rapid.SampledFrom([]string{"add", "add", "give", "pair", "panic", "fail", "refuse", "dance"}).Draw(t, "kind")
			p.Do(kind, Args{Item: d.item(), Other: d.item(), Holder: uuid.UUID(d.phone().User)}, w.Now)
		},
		"office": func(*rapid.T) { w.Give(tb, d.item(), d.phone().User) },
		"push":   func(*rapid.T) { d.push(d.phone()) },
		"pull":   func(*rapid.T) { d.pull(d.phone()) },
		"crash":  func(*rapid.T) { d.crash(d.phone()) },
		"rights": func(t *rapid.T) {
			p := d.phone()
			feeds := []change.FeedID{FeedOf(uuid.UUID(p.User))}
			if rapid.Bool().Draw(t, "all") {
				feeds = append(feeds, All)
			}
			w.Office(tb, func(tx T) error { return w.Store.Subscribe(tb.Context(), tx, p.User, feeds...) })
		},
	})
	d.settle()
}

type day[T intake.Tx] struct {
	t      *rapid.T
	tb     testing.TB
	w      *World[T]
	phones []*Phone
	items  []uuid.UUID
	owed   map[uuid.UUID]int
	seen   map[*Phone]map[uuid.UUID]int
}

func (d *day[T]) phone() *Phone   { return rapid.SampledFrom(d.phones).Draw(d.t, "phone") }
func (d *day[T]) item() uuid.UUID { return rapid.SampledFrom(d.items).Draw(d.t, "item") }

// push sends some of the outbox, perhaps with some that was sent before, and loses some answers.
func (d *day[T]) push(p *Phone) {
	if len(p.outbox) == 0 {
		return
	}
	d.w.Now = d.w.Now.Add(time.Second)
	from := p.outbox[0].Seq
	back := uint64(rapid.IntRange(0, int(min(from-1, 3))).Draw(d.t, "again"))
	n := rapid.IntRange(1, len(p.outbox)).Draw(d.t, "send")
	var ms []change.Mutation
	for seq := from - back; seq < from+uint64(n); seq++ {
		ms = append(ms, p.made[seq])
	}
	v, err := d.w.take(d.tb.Context(), p, ms...)
	if err != nil {
		d.t.Fatalf("push: %v", err)
	}
	if rapid.IntRange(0, 3).Draw(d.t, "answer lost") == 0 {
		return
	}
	d.check(p.Take(v))
}

func (d *day[T]) pull(p *Phone) {
	page, err := p.Pull(d.tb.Context(), d.w.Store, d.w.Org)
	d.check(err)
	if rapid.IntRange(0, 3).Draw(d.t, "answer lost") == 0 {
		return
	}
	d.check(p.Apply(page))
	if page.Final {
		d.monotonic(p)
	}
}

// crash restarts a phone that had kept only what it shows: cursor and staged pages are gone with it.
func (d *day[T]) crash(p *Phone) {
	p.cursor = change.Cursor{}
	p.staged = map[change.FeedID]map[change.Entity]change.Entry{}
}

// monotonic checks that a phone never shows an older version than it showed.
func (d *day[T]) monotonic(p *Phone) {
	items, err := p.Items()
	d.check(err)
	if d.seen[p] == nil {
		d.seen[p] = map[uuid.UUID]int{}
	}
	for id, i := range items {
		if i.Version < d.seen[p][id] {
			d.t.Fatalf("phone shows version %d after %d", i.Version, d.seen[p][id])
		}
		d.seen[p][id] = i.Version
	}
}

func (d *day[T]) check(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatalf("%v", err)
	}
}

// settle brings everybody online and compares.
func (d *day[T]) settle() {
	ctx := d.tb.Context()
	for _, p := range d.phones {
		d.check(Sync(ctx, p, d.w.Intake, d.w.Store, d.w.Org))
		for seq, m := range p.made {
			v, ok := p.verdicts[seq]
			if !ok || len(v.Receipt) == 0 {
				d.t.Fatalf("mutation %d has no verdict", seq)
			}
			if v.Outcome != change.Applied {
				continue
			}
			a := argsOf(m)
			switch m.Kind {
			case "add":
				d.owed[a.Item]++
			case "pair":
				d.owed[a.Item]++
				d.owed[a.Other]++
			}
		}
	}
	for _, id := range d.items {
		if got := d.w.Item(d.tb, id).Count; got != d.owed[id] {
			d.t.Fatalf("item counts %d, verdicts say %d", got, d.owed[id])
		}
	}
	for _, p := range d.phones {
		d.check(Sync(ctx, p, d.w.Intake, d.w.Store, d.w.Org))
		d.check(Converged(d.tb, d.w, p))
	}
}

// Converged compares what a phone shows with what its feeds hold.
func Converged[T intake.Tx](t testing.TB, w *World[T], p *Phone) error {
	return w.Store.Snapshot(t.Context(), w.Org, p.Device, p.User, func(s feed.Snapshot) error {
		state, err := s.State(t.Context())
		if err != nil {
			return err
		}
		if len(state.Heads) != len(p.shown) {
			return fmt.Errorf("phone shows %d feeds of %d", len(p.shown), len(state.Heads))
		}
		for _, h := range state.Heads {
			entries, _, err := s.Entries(t.Context(), feed.Range{Head: h, Base: h.Seq}, 1<<30)
			if err != nil {
				return err
			}
			if len(entries) != len(p.shown[h.Feed]) {
				return fmt.Errorf("phone shows %d entries of %d in %s", len(p.shown[h.Feed]), len(entries), h.Feed)
			}
			for _, e := range entries {
				if got := p.shown[h.Feed][e.Entity]; got.Seq != e.Seq || string(got.Body) != string(e.Body) {
					return fmt.Errorf("phone shows %s, feed holds %s", got.Body, e.Body)
				}
			}
		}
		return nil
	})
}
