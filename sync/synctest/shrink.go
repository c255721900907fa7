package synctest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/doorstep-dev/doorstep/sync/intake"
)

// maxRuns bounds how long a failing plan is shrunk.
const maxRuns = 250

// Prove runs the simulation of a seed and checks its history. What it returns is empty, or says what is broken,
// with the shortest history that still breaks the same property.
func Prove[T intake.Tx](ctx context.Context, seed uint64, open func(Clock) Store[T]) (report string, err error) {
	plan := NewPlan(seed)
	h, met, err := Simulate(ctx, plan, open)
	found := Check(h)
	if err != nil || len(found) == 0 {
		return "", err
	}
	property := found[0].Property
	breaks := func(p Plan) ([]message, bool) {
		h, met, err := Simulate(ctx, p, open)
		return met, err == nil && slices.ContainsFunc(Check(h), func(v Violation) bool { return v.Property == property })
	}
	small := shrink(plan, met, breaks)
	h, _, err = Simulate(ctx, small, open)
	var b strings.Builder
	for _, v := range Check(h) {
		fmt.Fprintf(&b, "BROKEN %s: %s\n", v.Property, v.Why)
	}
	fmt.Fprintf(&b, "%s\n%s\nreplay: go test ./sync/synctest -run 'TestSimulator$' -seed=%d\n", small, h, seed)
	return b.String(), err
}

// shrink leaves out actions and the faults of messages, many at once and then fewer, for as long as it still breaks.
func shrink(plan Plan, met []message, breaks func(Plan) ([]message, bool)) Plan {
	runs := 0
	try := func(p Plan) bool {
		if runs++; runs > maxRuns {
			return false
		}
		now, ok := breaks(p)
		if ok {
			plan, met = p, now
		}
		return ok
	}
	for size := max(len(met), len(plan.Actions)); size >= 1; size /= 2 {
		for from := 0; from < len(met); from += size {
			p := plan
			p.muted = maps.Clone(plan.muted)
			for _, m := range met[from:min(from+size, len(met))] {
				p.muted[m] = true
			}
			if try(p) {
				from = -size
			}
		}
		for from := 0; from < len(plan.Actions); {
			p := plan
			p.Actions = slices.Delete(slices.Clone(plan.Actions), from, min(from+size, len(plan.Actions)))
			if !try(p) {
				from += size
			}
		}
	}
	return plan
}
