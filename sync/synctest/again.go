package synctest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/intake"
)

// verdictAgain sends work again under new numbers, as a phone does that enrolled anew: whatever the first verdict was,
// the second says the same, with all its words.
func verdictAgain[T intake.Tx](t *testing.T, w *World[T]) {
	p, item := w.Hire(t), uuid.New()
	w.Give(t, item, p.User)
	for _, first := range []struct {
		kind    string
		args    Args
		ahead   time.Duration
		outcome change.Outcome
		code    fault.Code
	}{
		{"add", Args{Item: item}, 0, change.Applied, ""},
		{"note", Args{Item: item, Seen: 77}, 0, change.Merged, ""},
		{"refuse", Args{Item: item}, 0, change.Rejected, fault.StateForbids},
		{"fail", Args{Item: item}, 0, change.Parked, fault.MutationFailed},
		{"add", Args{Item: item}, time.Hour, change.Parked, fault.DeviceTimeFuture},
	} {
		once := p.Do(first.kind, first.args, w.Now.Add(first.ahead))
		again := p.Do(first.kind, first.args, w.Now.Add(first.ahead))
		again.ID = once.ID
		before := w.Item(t, item)
		a, err := w.take(t.Context(), p, once)
		if err != nil {
			t.Fatal(err)
		}
		wantOutcome(t, a[0], first.outcome, first.code)
		if said := len(a[0].Changes) > 0; said != (first.outcome == change.Merged) {
			t.Fatalf("%s: changes %v", first.kind, a[0].Changes)
		}
		after := w.Item(t, item)
		w.Now = w.Now.Add(2 * time.Hour) // the clock that was ahead is right by then
		b, err := w.take(t.Context(), p, again)
		if err != nil {
			t.Fatal(err)
		}
		x, y := a[0], b[0]
		if y.Outcome != x.Outcome || y.Code != x.Code || y.Detail != x.Detail || !y.At.Equal(x.At) ||
			!slices.Equal(y.Changes, x.Changes) {
			t.Errorf("%s again: %+v, want %+v", first.kind, y, x)
		}
		if got := w.Item(t, item); got != after {
			t.Errorf("%s again had an effect: %+v, %+v, %+v", first.kind, before, after, got)
		}
	}
}

// backlog is more than one transaction takes in: a verdict for each, in order.
func backlog[T intake.Tx](t *testing.T, w *World[T]) {
	const many = 2*50 + 7
	p, item := w.Hire(t), uuid.New()
	w.Give(t, item, p.User)
	ms := make([]change.Mutation, many)
	for i := range ms {
		ms[i] = p.Do("add", Args{Item: item}, w.Now)
	}
	for range 2 {
		v, err := w.take(t.Context(), p, ms...)
		if err != nil || len(v) != many {
			t.Fatalf("%d verdicts (%v), want %d", len(v), err, many)
		}
		for i := range v {
			if v[i].Seq != ms[i].Seq || v[i].ID != ms[i].ID || v[i].Outcome != change.Applied {
				t.Fatalf("verdict %d is %+v", i, v[i])
			}
		}
		if err := p.Take(v); err != nil {
			t.Fatal(err)
		}
		if got := w.Item(t, item).Count; got != many {
			t.Fatalf("count %d, want %d", got, many)
		}
	}
}

// gapOfPruned is a phone that holds no longer what it did first: the office knows it, so a gap is a gap for it, too.
func gapOfPruned[T intake.Tx](t *testing.T, w *World[T]) {
	p := w.Hire(t)
	first := p.Do("add", Args{}, w.Now)
	p.Do("add", Args{}, w.Now)
	third := p.Do("add", Args{}, w.Now)
	if _, err := w.take(t.Context(), p, first); err != nil {
		t.Fatal(err)
	}
	for _, from := range []uint64{1, 2, 3} {
		_, err := w.Intake.Take(t.Context(), intake.Push{
			Org: w.Org, Device: p.Device, User: p.User, Mutations: []change.Mutation{third}, HeldFrom: from,
		})
		wantCode(t, err, fault.SequenceGap)
		var g *intake.GapError
		if !errors.As(err, &g) || g.Expected != 2 {
			t.Fatalf("who holds from %d on: %v, want expected 2", from, err)
		}
	}
}

// errCut is a trouble of the moment.
var errCut = errors.New("synctest: the connection was cut")

// cutStore calls errCut transient.
type cutStore[T intake.Tx] struct{ intake.Store[T] }

func (s cutStore[T]) Transient(err error) bool {
	return errors.Is(err, errCut) || s.Store.Transient(err)
}

// cutWhileCareful loses a connection after another mutation of the push has failed, so while each has a savepoint of
// its own: that ends the push, and says nothing about the mutation.
func cutWhileCareful[T intake.Tx](t *testing.T, w *World[T]) {
	p, item := w.Hire(t), uuid.New()
	w.Give(t, item, p.User)
	add, cut := w.Intake.Mutators["add"], errCut
	w.Intake.Store = cutStore[T]{w.Store}
	w.Intake.Mutators["cut"] = func(ctx context.Context, tx T, m change.Mutation) (intake.Result, error) {
		if cut != nil {
			return intake.Result{}, cut
		}
		return add(ctx, tx, m)
	}
	ms := []change.Mutation{
		p.Do("fail", Args{Item: item}, w.Now), p.Do("add", Args{Item: item}, w.Now), p.Do("cut", Args{Item: item}, w.Now),
	}
	if _, err := w.take(t.Context(), p, ms...); !errors.Is(err, errCut) {
		t.Fatalf("error %v, want that of the moment", err)
	}
	if got := w.Item(t, item).Count; got != 0 {
		t.Fatalf("count %d of a push that was not taken in", got)
	}
	cut = nil
	v, err := w.take(t.Context(), p, ms...)
	if err != nil {
		t.Fatal(err)
	}
	wantOutcome(t, v[0], change.Parked, fault.MutationFailed)
	wantOutcome(t, v[1], change.Applied, "")
	wantOutcome(t, v[2], change.Applied, "")
}

// oldEvidence is a revoked phone with work of a kind that is taken in no longer: it will never be upgraded, and hands
// in what it has.
func oldEvidence[T intake.Tx](t *testing.T, w *World[T]) {
	p, item := w.Hire(t), uuid.New()
	w.Give(t, item, p.User)
	w.Intake.Retired = map[string]bool{"pair": true}
	v, err := w.Intake.Take(t.Context(), intake.Push{
		Org: w.Org, Device: p.Device, User: p.User, ParkAll: fault.DeviceRevoked,
		Mutations: []change.Mutation{
			p.Do("add", Args{Item: item}, w.Now), p.Do("pair", Args{Item: item, Other: item}, w.Now),
			p.Do("add", Args{Item: item}, w.Now),
		},
	})
	if err != nil || len(v) != 3 {
		t.Fatalf("%d verdicts (%v), want 3", len(v), err)
	}
	for i := range v {
		wantOutcome(t, v[i], change.Parked, fault.DeviceRevoked)
	}
	kept, err := w.Store.Parked(t.Context(), w.Org)
	if err != nil || len(kept) != 3 {
		t.Fatalf("%d are kept for a person (%v), want 3", len(kept), err)
	}
}
