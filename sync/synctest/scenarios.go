package synctest

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
)

func retry[T intake.Tx](t *testing.T, w *World[T]) {
	p, item := w.Hire(t), uuid.New()
	w.Give(t, item, p.User)
	m := []change.Mutation{p.Do("add", Args{Item: item}, w.Now), p.Do("add", Args{Item: item}, w.Now)}
	for range 3 {
		w.Now = w.Now.Add(1000 * time.Hour) // months later, too
		v, err := w.take(t.Context(), p, m...)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Take(v); err != nil { // compares with the first
			t.Fatal(err)
		}
	}
	if got := w.Item(t, item).Count; got != 2 {
		t.Fatalf("count %d after two mutations sent three times", got)
	}
}

func gap[T intake.Tx](t *testing.T, w *World[T]) {
	p := w.Hire(t)
	first := p.Do("add", Args{}, w.Now)
	p.Do("add", Args{}, w.Now)
	third := p.Do("add", Args{}, w.Now)
	if _, err := w.take(t.Context(), p, first); err != nil {
		t.Fatal(err)
	}
	_, err := w.take(t.Context(), p, third)
	wantCode(t, err, fault.SequenceGap)
	var g *intake.GapError
	if !errors.As(err, &g) || g.Expected != 2 {
		t.Fatalf("gap error %v, want expected 2", err)
	}
	_, err = w.take(t.Context(), p, first, third)
	wantCode(t, err, fault.InvalidArgument)
}

func reused[T intake.Tx](t *testing.T, w *World[T]) {
	p := w.Hire(t)
	m := p.Do("add", Args{}, w.Now)
	if _, err := w.take(t.Context(), p, m); err != nil {
		t.Fatal(err)
	}
	m.ID = uuid.New()
	_, err := w.take(t.Context(), p, m)
	wantCode(t, err, fault.SequenceReused)
}

func poison[T intake.Tx](t *testing.T, w *World[T]) {
	p, item := w.Hire(t), uuid.New()
	w.Give(t, item, p.User)
	for _, kind := range []string{"add", "panic", "add", "fail", "add", "refuse", "add", "void", "add"} {
		p.Do(kind, Args{Item: item}, w.Now)
	}
	w.Sync(t, p)
	wantOutcome(t, p.verdicts[2], change.Parked, fault.MutationPanicked)
	wantOutcome(t, p.verdicts[4], change.Parked, fault.MutationFailed)
	wantOutcome(t, p.verdicts[6], change.Rejected, fault.StateForbids)
	wantOutcome(t, p.verdicts[8], change.Parked, fault.MutationFailed)
	items, err := p.Items()
	// The void mutation has no outcome, which is a fault of the mutator: what it wrote must go as well.
	if got := items[item].Count; err != nil || got != 5 {
		t.Fatalf("count %d (%v), want 5: what failed must leave nothing behind", got, err)
	}
	// Alone, too: what a push of one does is decided without a savepoint.
	for kind, want := range map[string]fault.Code{"panic": fault.MutationPanicked, "fail": fault.MutationFailed} {
		m := p.Do(kind, Args{Item: item}, w.Now)
		w.Sync(t, p)
		wantOutcome(t, p.verdicts[m.Seq], change.Parked, want)
	}
	if got := w.Item(t, item).Count; got != 5 {
		t.Fatalf("count %d, want 5", got)
	}
}

func parked[T intake.Tx](t *testing.T, w *World[T]) {
	p := w.Hire(t)
	p.Do("dance", Args{}, w.Now)
	p.Do("add", Args{}, w.Now.Add(time.Hour))
	p.Do("add", Args{}, w.Now.Add(9*time.Minute))
	m := p.Do("add", Args{}, w.Now)
	p.outbox[3].Args, m.Args = []byte("{"), []byte("{")
	p.made[4] = m
	w.Sync(t, p)
	wantOutcome(t, p.verdicts[1], change.Parked, fault.MutationUnknown)
	wantOutcome(t, p.verdicts[2], change.Parked, fault.DeviceTimeFuture)
	wantOutcome(t, p.verdicts[3], change.Rejected, fault.NotAssigned)
	wantOutcome(t, p.verdicts[4], change.Parked, fault.MutationMalformed)
}

func otherWork[T intake.Tx](t *testing.T, w *World[T]) {
	p, colleague := w.Hire(t), w.Hire(t)
	item, other := uuid.New(), uuid.New()
	w.Give(t, item, p.User)
	w.Give(t, other, p.User)
	first := p.Do("add", Args{Item: item}, w.Now)
	w.Sync(t, p)
	again := func(by *Phone, item uuid.UUID, outcome change.Outcome, code fault.Code) {
		t.Helper()
		m := by.Do("add", Args{Item: item}, w.Now)
		m.ID = first.ID
		v, err := w.take(t.Context(), by, m)
		if err != nil {
			t.Fatal(err)
		}
		wantOutcome(t, v[0], outcome, code)
	}
	again(p, other, change.Rejected, fault.MutationIDReused)
	again(colleague, item, change.Rejected, fault.MutationIDReused)
	again(p, item, change.Applied, "")
	if a, b := w.Item(t, item).Count, w.Item(t, other).Count; a != 1 || b != 0 {
		t.Errorf("counted %d and %d", a, b)
	}
}

func oversized[T intake.Tx](t *testing.T, w *World[T]) {
	p := w.Hire(t)
	m := p.Do("add", Args{}, w.Now)
	m.Args = make([]byte, intake.MaxArgs+1)
	v, err := w.take(t.Context(), p, m)
	if err != nil {
		t.Fatal(err)
	}
	wantOutcome(t, v[0], change.Rejected, fault.MutationTooLarge)
}

func handedOver[T intake.Tx](t *testing.T, w *World[T]) {
	p, item := w.Hire(t), uuid.New()
	w.Give(t, item, p.User)
	m := p.Do("add", Args{Item: item}, w.Now)
	w.Sync(t, p)
	first := w.Now
	w.Now = first.Add(time.Hour)
	q := NewPhone(p.User)
	v, err := w.take(t.Context(), q, m,
		change.Mutation{Seq: 2, ID: uuid.New(), Kind: "add", Args: m.Args, DeviceTime: w.Now})
	if err != nil {
		t.Fatal(err)
	}
	wantOutcome(t, v[0], change.Applied, "")
	if !v[0].At.Equal(first) || !v[1].At.Equal(w.Now) {
		t.Errorf("taken in at %s and %s, want %s for what came before", v[0].At, v[1].At, first)
	}
	wantOutcome(t, v[1], change.Applied, "")
	if got := w.Item(t, item).Count; got != 2 {
		t.Fatalf("count %d, want 2: the id that came twice counts once", got)
	}
}

func twoPhones[T intake.Tx](t *testing.T, w *World[T]) {
	p, item := w.Hire(t), uuid.New()
	q := NewPhone(p.User)
	w.Give(t, item, p.User)
	for range 3 {
		p.Do("add", Args{Item: item}, w.Now)
		q.Do("add", Args{Item: item}, w.Now)
		w.Sync(t, p)
	}
	w.Sync(t, q)
	w.Sync(t, p)
	mine, _ := p.Items()
	theirs, _ := q.Items()
	if mine[item].Count != 6 || theirs[item] != mine[item] || q.lastSeq != 3 || p.lastSeq != 3 {
		t.Fatalf("one shows %+v, the other %+v", mine[item], theirs[item])
	}
}

func givenAway[T intake.Tx](t *testing.T, w *World[T]) {
	p, q, item := w.Hire(t), w.Hire(t), uuid.New()
	w.Give(t, item, p.User)
	w.Sync(t, p)
	w.Give(t, item, q.User)
	p.Do("add", Args{Item: item}, w.Now)
	w.Sync(t, p)
	w.Sync(t, q)
	wantOutcome(t, p.verdicts[1], change.Rejected, fault.NotAssigned)
	mine, _ := p.Items()
	theirs, _ := q.Items()
	if _, still := mine[item]; still || theirs[item].Holder != uuid.UUID(q.User) {
		t.Fatalf("p holds %v, q holds %v", mine, theirs)
	}
	w.Give(t, item, p.User) // and back again
	w.Sync(t, p)
	if mine, _ = p.Items(); mine[item].Holder != uuid.UUID(p.User) {
		t.Fatalf("p holds %v after it came back", mine)
	}
}

func dropped[T intake.Tx](t *testing.T, w *World[T]) {
	p, item := w.Hire(t), uuid.New()
	w.Give(t, item, p.User)
	w.Sync(t, p)
	w.Office(t, func(tx T) error { return w.Store.Subscribe(t.Context(), tx, p.User, All) })
	w.Sync(t, p)
	if items, _ := p.Items(); len(items) != 0 {
		t.Fatalf("still holds %v of a feed it lost", items)
	}
}

func together[T intake.Tx](t *testing.T, w *World[T]) {
	p, a, b := w.Hire(t), uuid.New(), uuid.New()
	p.PageBytes = 1 // one entry a page, each page at a snapshot of its own
	both := func(tx T) error {
		for _, id := range []uuid.UUID{a, b} {
			also := []change.FeedID{All}
			if id == b {
				also = nil
			}
			if err := Change(t.Context(), w.Store, tx, id, func(i *Item) {
				i.Count++
				if id == b {
					i.Holder = uuid.UUID(p.User)
				}
			}, also...); err != nil {
				return err
			}
		}
		return nil
	}
	for range 20 {
		w.Office(t, both)
		for done := false; !done; {
			page, err := p.Pull(t.Context(), w.Store, w.Org)
			if err != nil {
				t.Fatal(err)
			}
			if !page.Final && w.Item(t, a).Count%3 != 0 {
				w.Office(t, both) // between two pages
			}
			if err := p.Apply(page); err != nil {
				t.Fatal(err)
			}
			done = page.Final
			items, err := p.Items()
			if err != nil || items[a].Count != items[b].Count {
				t.Fatalf("shows %d and %d of what is always written together (%v)", items[a].Count, items[b].Count, err)
			}
		}
	}
}

func ahead[T intake.Tx](t *testing.T, w *World[T]) {
	p, item := w.Hire(t), uuid.New()
	w.Give(t, item, p.User)
	w.Office(t, func(tx T) error { return Change(t.Context(), w.Store, tx, uuid.New(), func(*Item) {}, All) })
	w.Sync(t, p)
	own := FeedOf(uuid.UUID(p.User))
	pos := p.cursor.Feeds[own]
	pos.Seq += 100
	p.cursor.Feeds[own] = pos
	w.Sync(t, p)
	if items, _ := p.Items(); p.Resets != 1 || len(items) != 2 {
		t.Fatalf("%d resets, holds %v", p.Resets, items)
	}
}

func tooOld[T intake.Tx](t *testing.T, w *World[T]) {
	p, q, item := w.Hire(t), w.Hire(t), uuid.New()
	w.Give(t, item, p.User)
	w.Give(t, uuid.New(), p.User)
	w.Sync(t, p)
	w.Sync(t, q)
	w.Give(t, item, q.User) // p misses this removal …
	if gone, err := w.Store.Collect(t.Context(), w.Org, time.Now().Add(time.Hour)); err != nil || gone != 1 {
		t.Fatalf("collected %d tombstones (%v), want 1", gone, err)
	}
	w.Sync(t, p) // … and its tombstone
	w.Sync(t, q)
	items, _ := p.Items()
	if _, still := items[item]; still || len(items) != 1 || p.Resets != 1 || q.Resets != 0 {
		t.Fatalf("holds %v after %d resets; the other phone had %d", items, p.Resets, q.Resets)
	}
}

func collected[T intake.Tx](t *testing.T, w *World[T]) {
	p, q := w.Hire(t), w.Hire(t)
	p.PageBytes = 1
	for range 6 {
		w.Give(t, uuid.New(), p.User)
	}
	gone := uuid.New()
	w.Give(t, gone, p.User)
	w.Give(t, gone, q.User)
	w.Give(t, uuid.New(), p.User)
	for i := range 100 {
		page, err := p.Pull(t.Context(), w.Store, w.Org)
		if err != nil {
			t.Fatal(err)
		}
		if i == 1 { // between two pages of the first sync, below the head it began at
			if _, err := w.Store.Collect(t.Context(), w.Org, time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Apply(page); err != nil {
			t.Fatal(err)
		}
		if page.Final {
			break
		}
	}
	if items, _ := p.Items(); len(items) != 7 || p.Resets != 0 {
		t.Fatalf("holds %d items after %d resets", len(items), p.Resets)
	}
}

func restored[T intake.Tx](t *testing.T, w *World[T]) {
	for name, c := range map[string]struct {
		heldFrom uint64 // what the phone still has when the server comes back
		unsent   int
		want     int // of the 40 that the restored database does not remember, and those unsent
	}{
		"all is held and one is unsent": {1, 1, 41}, "all is held and nothing is unsent": {1, 0, 40},
		"a part is held": {20, 1, 23}, "nothing old is held": {42, 1, 1},
	} {
		p, item := w.Hire(t), uuid.New()
		w.Give(t, item, p.User)
		p.Do("refuse", Args{Item: item}, w.Now)
		w.Sync(t, p)
		for range 40 {
			p.Do("add", Args{Item: item}, w.Now)
		}
		p.outbox, p.lastSeq = nil, 41 // and had verdicts for them, of which the database knows nothing
		p.heldFrom = c.heldFrom
		for range c.unsent {
			p.Do("add", Args{Item: item}, w.Now)
		}
		if err := w.Store.NewGeneration(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.Sync(t, p)
		if got := w.Item(t, item).Count; got != c.want {
			t.Errorf("%s: %d of %d arrived", name, got, c.want)
		}
		if items, _ := p.Items(); items[item].Count != c.want || p.Resets == 0 {
			t.Errorf("%s: holds %v after %d resets", name, items, p.Resets)
		}
	}
}

// unknown is the case of a device whose every mutation is younger than the backup: the database never heard of it.
func unknown[T intake.Tx](t *testing.T, w *World[T]) {
	p, item := w.Hire(t), uuid.New()
	w.Give(t, item, p.User)
	for range 5 {
		p.Do("add", Args{Item: item}, w.Now)
	}
	p.outbox, p.heldFrom = p.outbox[4:], 4
	w.Sync(t, p)
	if got := w.Item(t, item).Count; got != 2 {
		t.Fatalf("count %d, want those two that the phone still had", got)
	}
}

// silent is the case of an app that does not say what it still holds: after a restore its number is believed, once.
func silent[T intake.Tx](t *testing.T, w *World[T]) {
	for met, name := range []string{"a device that the backup never heard of", "a device that the backup knows"} {
		p, item := w.Hire(t), uuid.New()
		w.Give(t, item, p.User)
		p.heldFrom = 0
		refused := func(when string, want uint64) {
			_, err := w.take(t.Context(), p, p.outbox...)
			var gap *intake.GapError
			if !errors.As(err, &gap) || gap.Expected != want {
				t.Errorf("%s, %s: %v, want a gap from %d on", name, when, err, want)
			}
		}
		for range met {
			p.Do("add", Args{Item: item}, w.Now)
			w.Sync(t, p)
		}
		for range 5 {
			p.Do("add", Args{Item: item}, w.Now)
		}
		p.outbox = p.outbox[3:]
		refused("nothing was restored", uint64(met)+1)
		if err := w.Store.NewGeneration(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.Sync(t, p)
		if got := w.Item(t, item).Count; got != met+2 {
			t.Errorf("%s: count %d, want %d", name, got, met+2)
		}
		for range 3 {
			p.Do("add", Args{Item: item}, w.Now)
		}
		p.outbox = p.outbox[1:]
		refused("its number was believed already", uint64(met)+6)
	}
}

func tooOldApp[T intake.Tx](t *testing.T, w *World[T]) {
	p, item := w.Hire(t), uuid.New()
	w.Give(t, item, p.User)
	p.Do("pair", Args{Item: item, Other: item}, w.Now)
	w.Sync(t, p)
	w.Intake.Retired = map[string]bool{"pair": true}
	p.Do("add", Args{Item: item}, w.Now)
	old := p.Do("pair", Args{Item: item, Other: item}, w.Now)
	p.Do("add", Args{Item: item}, w.Now)
	v, err := w.take(t.Context(), p, p.made[1], p.made[2], p.made[3], p.made[4])
	if err != nil || len(v) != 2 {
		t.Fatalf("%d verdicts (%v), want those of the two before it", len(v), err)
	}
	wantOutcome(t, v[0], change.Applied, "") // what was taken in before the kind was retired keeps its verdict
	if err := p.Take(v); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, err = w.take(t.Context(), p, p.outbox...)
		wantCode(t, err, fault.ClientTooOld)
	}
	if len(p.outbox) != 2 || w.Item(t, item).Count != 3 {
		t.Fatalf("outbox %d, count %d", len(p.outbox), w.Item(t, item).Count)
	}
	// The upgraded app says the same in today's words.
	old.Kind = "add"
	p.made[3], p.outbox[0] = old, old
	w.Sync(t, p)
	if got := w.Item(t, item).Count; got != 5 {
		t.Fatalf("count %d after the upgrade", got)
	}
}

func repaired[T intake.Tx](t *testing.T, w *World[T]) {
	p, item := w.Hire(t), uuid.New()
	w.Give(t, item, p.User)
	w.Sync(t, p)
	own := FeedOf(uuid.UUID(p.User))
	clear(p.staged[own]) // the phone's disk lost it
	w.Give(t, uuid.New(), p.User)
	if err := Sync(t.Context(), p, w.Intake, w.Store, w.Org); err == nil {
		t.Fatal("the digest agrees although an entry is missing")
	}
	w.Sync(t, p)
	if items, _ := p.Items(); len(items) != 2 || p.Resets != 1 {
		t.Fatalf("holds %v after %d resets", items, p.Resets)
	}
}

func noop[T intake.Tx](t *testing.T, w *World[T]) {
	p := w.Hire(t)
	w.Give(t, uuid.New(), p.User)
	w.Sync(t, p)
	page, err := p.Pull(t.Context(), w.Store, w.Org)
	if err != nil || page.Changed || !page.Final || len(page.Deltas) != 0 || len(page.Heads) != 0 {
		t.Fatalf("page %+v, error %v", page, err)
	}
}

func evidence[T intake.Tx](t *testing.T, w *World[T]) {
	p, item := w.Hire(t), uuid.New()
	w.Give(t, item, p.User)
	m := p.Do("add", Args{Item: item}, w.Now)
	v, err := w.Intake.Take(t.Context(), intake.Push{
		Org: w.Org, Device: p.Device, User: p.User, Mutations: []change.Mutation{m}, ParkAll: fault.DeviceRevoked,
	})
	if err != nil {
		t.Fatal(err)
	}
	wantOutcome(t, v[0], change.Parked, fault.DeviceRevoked)
	if got := w.Item(t, item).Count; got != 0 {
		t.Fatalf("count %d", got)
	}
}

func foreign[T intake.Tx](t *testing.T, w *World[T]) {
	p, q := w.Hire(t), w.Hire(t)
	secret := uuid.New()
	w.Give(t, secret, q.User)
	forged := change.Cursor{Feeds: map[change.FeedID]change.Position{FeedOf(uuid.UUID(q.User)): {}, All: {}}}
	page, err := feed.Read(t.Context(), w.Store,
		feed.Request{
			Org: w.Org, Device: p.Device, User: p.User, Cursor: forged,
			Reset: []change.FeedID{FeedOf(uuid.UUID(q.User))},
		})
	if err != nil {
		t.Fatal(err)
	}
	sent, _ := json.Marshal(page.Deltas)
	for _, d := range page.Deltas {
		if d.Feed == FeedOf(uuid.UUID(q.User)) || len(d.Entries) > 0 {
			t.Fatalf("a forged cursor was answered with %s", sent)
		}
	}
}
