package synctest

import (
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/intake"
)

// handIn pushes what the phone holds as a device without rights.
func handIn[T intake.Tx](t *testing.T, w *World[T], p *Phone, ms ...change.Mutation) ([]change.Verdict, error) {
	t.Helper()
	return w.Intake.Take(t.Context(),
		intake.Push{Org: w.Org, Device: p.Device, User: p.User, Mutations: ms, ParkAll: fault.DeviceRevoked})
}

func evidenceFull[T intake.Tx](t *testing.T, w *World[T]) {
	p := w.Hire(t)
	w.Intake.Evidence = intake.Kept{Count: 70, Bytes: 1 << 20}
	for range 100 {
		p.Do("add", Args{Item: uuid.New()}, w.Now)
	}
	// More than a transaction holds: it takes what has a place, each with its verdict, and names no reason yet.
	v, err := handIn(t, w, p, p.outbox...)
	if err != nil || len(v) != 70 {
		t.Fatalf("%d verdicts (%v), want 70", len(v), err)
	}
	if err := p.Take(v); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err = handIn(t, w, p, p.outbox...)
		wantCode(t, err, fault.ParkedFull)
	}
	if len(p.outbox) != 30 {
		t.Fatalf("the phone holds %d, want the 30 that were not taken in", len(p.outbox))
	}
	// What was taken in keeps its verdict.
	again, err := handIn(t, w, p, p.made[1], p.made[2])
	if err != nil || !again[0].At.Equal(v[0].At) || again[1].Outcome != change.Parked {
		t.Errorf("again: %v %v", again, err)
	}
	// A higher quota, as after decisions, lets the queue go on where it stopped.
	w.Intake.Evidence.Count = 200
	if v, err = handIn(t, w, p, p.outbox...); err != nil || len(v) != 30 {
		t.Fatalf("%d verdicts (%v), want the other 30", len(v), err)
	}

	// Bytes count, too, and no way of sending them is free: not what is too large, not what comes twice.
	q := w.Hire(t)
	w.Intake.Evidence = intake.Kept{Count: 1000, Bytes: 2 << 20}
	large := func(args int) change.Mutation {
		m := q.Do("add", Args{}, w.Now)
		m.Args = make([]byte, args)
		return m
	}
	first := large(intake.MaxArgs)
	if _, err := handIn(t, w, q, first); err != nil {
		t.Fatal(err)
	}
	if v, err = handIn(t, w, q, large(intake.MaxArgs+1)); err != nil {
		t.Fatal(err)
	}
	wantOutcome(t, v[0], change.Rejected, fault.MutationTooLarge)
	twice := large(0)
	twice.ID, twice.Args = first.ID, first.Args
	if _, err := handIn(t, w, q, twice); err != nil {
		t.Fatal(err)
	}
	_, err = handIn(t, w, q, large(intake.MaxArgs))
	wantCode(t, err, fault.ParkedFull)
}

func undecidedFull[T intake.Tx](t *testing.T, w *World[T]) {
	p, item := w.Hire(t), uuid.New()
	w.Give(t, item, p.User)
	w.Intake.Quota = intake.Kept{Count: 3, Bytes: 1 << 20}
	for range 4 {
		p.Do("panic", Args{Item: item}, w.Now) // parks
		p.Do("add", Args{Item: item}, w.Now)
	}
	v, err := w.take(t.Context(), p, p.outbox...)
	if err != nil || len(v) != 6 {
		t.Fatalf("%d verdicts (%v), want 6: three that were parked, each with one that was applied", len(v), err)
	}
	wantOutcome(t, v[5], change.Applied, "")
	if err := p.Take(v); err != nil {
		t.Fatal(err)
	}
	_, err = w.take(t.Context(), p, p.outbox...)
	wantCode(t, err, fault.ParkedFull)
	if got := w.Item(t, item).Count; got != 3 {
		t.Errorf("counted %d, want 3: what is behind the one that has no place waits with it", got)
	}
	w.Intake.Quota.Count = 4
	w.Sync(t, p)
	if got := w.Item(t, item).Count; got != 4 {
		t.Errorf("counted %d, want 4", got)
	}
}

func evidenceAtOnce[T intake.Tx](t *testing.T, w *World[T]) {
	p := w.Hire(t)
	w.Intake.Evidence = intake.Kept{Count: 10, Bytes: 1 << 20}
	for range 40 {
		p.Do("add", Args{Item: uuid.New()}, w.Now)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	taken := 0
	for range 8 {
		all.Go(func() {
			v, err := handIn(t, w, p, p.outbox...)
			mu.Lock()
			defer mu.Unlock()
			taken = max(taken, len(v))
			if err != nil {
				wantCode(t, err, fault.ParkedFull)
			}
		})
	}
	all.Wait()
	var kept intake.Kept
	w.Office(t, func(tx T) (err error) {
		kept, err = tx.Kept(t.Context(), p.Device, true)
		return err
	})
	if taken != 10 || kept.Count != 10 {
		t.Errorf("%d got verdicts, %d are kept, want 10", taken, kept.Count)
	}
}
