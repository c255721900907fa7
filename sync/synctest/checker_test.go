package synctest_test

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/synctest"
)

// restoredHistories are sound histories in which the database was put back to a backup.
func restoredHistories(t *testing.T, check func(seed uint64, h synctest.History)) {
	t.Helper()
	for seed := range uint64(360) {
		plan := synctest.NewPlan(seed)
		if !slices.ContainsFunc(plan.Actions, func(a synctest.Action) bool { return a.Kind == "restore" }) {
			continue
		}
		h, _, err := synctest.Simulate(t.Context(), plan, inMemory)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(h, func(e synctest.Event) bool { _, ok := e.What.(synctest.Restored); return ok }) {
			check(seed, h)
		}
	}
}

// rewrite changes the items of a history's commits.
func rewrite(h synctest.History, fn func(synctest.Item) synctest.Item) {
	for n, e := range h {
		c, ok := e.What.(synctest.Committed)
		if !ok {
			continue
		}
		c.Items = slices.Clone(c.Items)
		for k, i := range c.Items {
			c.Items[k] = fn(i)
		}
		h[n].What = c
	}
}

// ordered finds two effects of one device, one after the other, on an item as it is in the end.
func ordered(h synctest.History) (item synctest.Item, a, b string) {
	made, last := map[string]synctest.Made{}, map[uuid.UUID]synctest.Item{}
	for _, e := range h {
		switch e := e.What.(type) {
		case synctest.Made:
			made[synctest.Label(e.ID)] = e
		case synctest.Committed:
			for _, i := range e.Items {
				last[i.ID] = i
			}
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(last), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }) {
		labels := strings.Fields(last[id].Log)
		for n := 1; n < len(labels); n++ {
			if a, b := labels[n-1], labels[n]; made[a].Device == made[b].Device && a != b {
				return last[id], a, b
			}
		}
	}
	return item, "", ""
}

func TestTheCheckerNamesTwoEffectsInTheWrongOrderAlsoAfterARestore(t *testing.T) {
	t.Parallel()
	tried := 0
	restoredHistories(t, func(seed uint64, h synctest.History) {
		item, a, b := ordered(h)
		if a == "" {
			return
		}
		tried++
		rewrite(h, func(i synctest.Item) synctest.Item {
			if i.ID == item.ID {
				i.Log = strings.ReplaceAll(i.Log, a+" "+b+" ", b+" "+a+" ")
			}
			return i
		})
		if !slices.Contains(synctest.Properties(synctest.Check(h)), synctest.CausalOrder) {
			t.Errorf("seed %d: %s and %s change places, and nobody notices", seed, a, b)
		}
	})
	if tried < 10 {
		t.Errorf("only %d histories have two effects of a device", tried)
	}
}

func TestTheCheckerNamesWhatOnlyTheAuditBroughtBack(t *testing.T) {
	t.Parallel()
	tried := 0
	restoredHistories(t, func(seed uint64, h synctest.History) {
		item, lost, _ := ordered(h)
		rested := slices.IndexFunc(h, func(e synctest.Event) bool { _, ok := e.What.(synctest.Rested); return ok })
		if lost == "" || rested < 0 {
			return
		}
		tried++
		rewrite(h, func(i synctest.Item) synctest.Item { // it had no effect before the audit
			i.Log = strings.ReplaceAll(i.Log, lost+" ", "")
			return i
		})
		h = slices.Insert(h, rested+1, synctest.Event{What: synctest.Committed{Items: []synctest.Item{item}}})
		found := synctest.Check(h)
		if !slices.ContainsFunc(found, func(v synctest.Violation) bool {
			return v.Property == synctest.ExactlyOnce && strings.HasSuffix(v.Why, "was applied and had no effect")
		}) {
			t.Errorf("seed %d: %s is dropped, and nobody notices", seed, lost)
		}
	})
	if tried < 10 {
		t.Errorf("only %d histories have effects", tried)
	}
}

func TestTheCheckerNamesARevokedPhoneThatIsNeverCleared(t *testing.T) {
	t.Parallel()
	tried := 0
	for seed := range uint64(360) {
		plan := synctest.NewPlan(seed)
		if !slices.ContainsFunc(plan.Actions, func(a synctest.Action) bool { return a.Kind == "revoke" }) {
			continue
		}
		h, _, err := synctest.Simulate(t.Context(), plan, inMemory)
		if err != nil {
			t.Fatal(err)
		}
		n := slices.IndexFunc(h, func(e synctest.Event) bool { _, ok := e.What.(synctest.Wiped); return ok })
		if n < 0 {
			continue
		}
		tried++
		if !slices.Contains(synctest.Properties(synctest.Check(slices.Delete(h, n, n+1))), synctest.Removal) {
			t.Errorf("seed %d: nobody notices", seed)
		}
	}
	if tried < 5 {
		t.Errorf("only %d histories have a phone that is cleared", tried)
	}
}
