package synctest

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/intake"
)

func argsOf(m change.Mutation) (a Args) {
	_ = json.Unmarshal(m.Args, &a) // made by Args.Encode
	return a
}

// impatient sends the outbox several times at once, as a phone does that repeats before the first answer came.
// Each must get the same verdicts.
func impatient[T intake.Tx](t *testing.T, w *World[T], p *Phone) error {
	if len(p.outbox) == 0 {
		return nil
	}
	answers, errs := make([][]change.Verdict, 3), make([]error, 3)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i], errs[i] = w.take(t.Context(), p, p.outbox...) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, v := range answers {
		if err := p.Take(v); err != nil {
			return err
		}
	}
	return nil
}

// Rush lets phones and the office work on the same items all at once, and then checks that every effect counts
// once and every phone shows what its feeds hold. While it goes on, no phone may see a digest differ, an entry
// twice or out of order, or one of two items without the other that was written with it.
func Rush[T intake.Tx](t *testing.T, w *World[T], phones, rounds int) {
	t.Helper()
	var items []uuid.UUID
	var all []*Phone
	for range phones {
		all = append(all, w.Hire(t))
	}
	for range phones * 2 {
		id := uuid.New()
		w.Give(t, id, all[rand.IntN(phones)].User)
		items = append(items, id)
	}
	left, right := uuid.New(), uuid.New()
	var own []change.FeedID
	for _, p := range all {
		own = append(own, FeedOf(uuid.UUID(p.User)))
	}
	any := func() uuid.UUID { return items[rand.IntN(len(items))] }
	var wg sync.WaitGroup
	for _, p := range all {
		wg.Go(func() {
			for range rounds {
				for range rand.IntN(4) {
					kind := []string{"add", "add", "pair", "give", "fail"}[rand.IntN(5)]
					p.Do(kind, Args{Item: any(), Other: any(), Holder: uuid.UUID(all[rand.IntN(phones)].User)}, w.Now)
				}
				if err := impatient(t, w, p); err != nil {
					t.Error(err)
					return
				}
				if err := Sync(t.Context(), p, w.Intake, w.Store, w.Org); err != nil {
					t.Error(err)
					return
				}
				switch items, err := p.Items(); {
				case err != nil:
					t.Error(err)
					return
				case items[left].Count != items[right].Count:
					t.Errorf("a checkpoint has change %d of one item and %d of the other, which were written together",
						items[left].Count, items[right].Count)
					return
				}
			}
		})
	}
	wg.Go(func() { // two items of different feeds, always together
		for range rounds {
			err := w.Store.Transact(t.Context(), w.Org, func(tx T) error {
				count := func(i *Item) { i.Count++ }
				return errors.Join(Change(t.Context(), w.Store, tx, left, count, All),
					Change(t.Context(), w.Store, tx, right, count, own...))
			})
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 3 { // the office writes to a feed that everybody follows
		wg.Go(func() {
			for range rounds {
				id := uuid.New()
				err := w.Store.Transact(t.Context(), w.Org, func(tx T) error {
					return Change(t.Context(), w.Store, tx, id, func(*Item) {}, All)
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	owed := map[uuid.UUID]int{}
	for _, p := range all {
		for seq, m := range p.made {
			if v := p.verdicts[seq]; v.Outcome == change.Parked && m.Kind != "fail" {
				t.Errorf("%s was parked (%s) for no other reason than the rush", m.Kind, v.Code)
			}
			if p.verdicts[seq].Outcome != change.Applied {
				continue
			}
			switch a := argsOf(m); m.Kind {
			case "add":
				owed[a.Item]++
			case "pair":
				owed[a.Item]++
				owed[a.Other]++
			}
		}
	}
	for _, id := range items {
		if got := w.Item(t, id).Count; got != owed[id] {
			t.Errorf("item counts %d, verdicts say %d", got, owed[id])
		}
	}
	for _, p := range all {
		w.Sync(t, p)
		if err := Converged(t, w, p); err != nil {
			t.Error(err)
		}
	}
}
