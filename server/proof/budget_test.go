package proof

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

func TestVerificationsTogetherTakeNoMoreThanTheBudget(t *testing.T) {
	t.Parallel()
	const whole = 1000
	b := newBudget(whole, 3)
	var held, most, decoding, widest, without atomic.Int64
	note := func(now, top *atomic.Int64, by int64) {
		n := now.Add(by)
		for {
			old := top.Load()
			if n <= old || top.CompareAndSwap(old, n) {
				return
			}
		}
	}
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			coded, more := r.Int64N(300), r.Int64N(1200)
			s, err := b.enter(t.Context(), coded)
			if err != nil {
				t.Error(err)
				return
			}
			note(&held, &most, coded)
			ok, err := s.widen(t.Context(), more)
			if err != nil || ok != (coded+more <= whole) {
				t.Errorf("%d and %d: %v, %v", coded, more, ok, err)
			}
			if !ok {
				more = 0
				without.Add(1)
			}
			note(&held, &most, more)
			if err := s.decode(t.Context()); err != nil {
				t.Error(err)
			}
			note(&decoding, &widest, 1)
			decoding.Add(-1)
			held.Add(-coded - more)
			s.leave()
		})
	}
	all.Wait()
	if most.Load() > whole || widest.Load() > 3 || without.Load() == 0 {
		t.Errorf("%d bytes at once, %d decoded at once, %d too big", most.Load(), widest.Load(), without.Load())
	}
	if !b.bytes.TryAcquire(whole) || !b.line.TryAcquire(1) || !b.slots.TryAcquire(3) {
		t.Error("something was not given back")
	}
}

func TestWhoDoesNotWaitAnyMoreGivesBackWhatItHolds(t *testing.T) {
	t.Parallel()
	b := newBudget(100, 1)
	first, err := b.enter(t.Context(), 60)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := first.widen(t.Context(), 40); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := first.decode(t.Context()); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.enter(gone, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("entered: %v", err)
	}
	first.leave()
	second, err := b.enter(t.Context(), 50)
	if err != nil {
		t.Fatal(err)
	}
	second.leave()
	if !b.bytes.TryAcquire(100) || !b.line.TryAcquire(1) || !b.slots.TryAcquire(1) {
		t.Error("something was not given back")
	}
}
