package intake

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// timed puts right when work was done that the device dates into the future, where its clock as it sends this tells how
// far it is off. The clock is believed to have been off by as much then; a time even later than that clock says that it
// was changed meanwhile, and stays as it came. Work stays in its order and is never later than now.
func (in *Intake[T]) timed(p Push) []change.Mutation {
	if p.Clock.IsZero() {
		return p.Mutations
	}
	now := in.Now()
	ahead := p.Clock.Sub(now).Truncate(time.Millisecond)
	out := make([]change.Mutation, len(p.Mutations))
	var before time.Time
	for i, m := range p.Mutations {
		m.Ahead, m.Clocked = ahead, true
		if in.ahead(m) && !m.DeviceTime.After(p.Clock.Add(ripple)) {
			m.Corrected = between(m.DeviceTime.Add(-ahead), before, now).UTC().Truncate(time.Microsecond)
		}
		if done := m.Done(); done.After(before) && !done.After(now) {
			before = done
		}
		out[i] = m
	}
	return out
}

// ripple is by how much a clock may be put back while it is corrected bit by bit, without having been set.
const ripple = 5 * time.Second

// between is t, but not before from and not after to.
func between(t, from, to time.Time) time.Time {
	if t.Before(from) {
		t = from
	}
	if t.After(to) {
		return to
	}
	return t
}

// holds tells whether later work on the same thing has to wait for this: it was parked without having been judged.
func holds(v change.Verdict) bool {
	if v.Outcome != change.Parked {
		return false
	}
	switch v.Code {
	case fault.DeviceTimeFuture, fault.WaitsForParked, fault.MutationFailed, fault.MutationPanicked:
		return true
	}
	return false
}

func (in *Intake[T]) subject(ctx context.Context, tx T, m change.Mutation) (uuid.UUID, error) {
	if in.Subject == nil {
		return uuid.Nil, nil
	}
	return in.Subject(ctx, tx, m)
}

// heldUp is the first parked mutation that m has to wait for; zero for none.
func (in *Intake[T]) heldUp(ctx context.Context, tx T, m change.Mutation, held Held) (uuid.UUID, error) {
	subject, err := in.subject(ctx, tx, m)
	if err != nil || subject == uuid.Nil {
		return uuid.Nil, err
	}
	return held[subject], nil
}

// with adds a mutation to what is held, unless an earlier one of the subject is.
func (h Held) with(subject, id uuid.UUID) Held {
	if subject == uuid.Nil {
		return h
	}
	if h == nil {
		h = Held{}
	}
	if _, ok := h[subject]; !ok {
		h[subject] = id
	}
	return h
}

// Follow is when work was done that waited for other work of the same device, once a person has said when that was:
// their clock was off by as much. Zero where the device's own time can be.
func (in *Intake[T]) Follow(first, m change.Mutation) time.Time {
	if first.Decided.IsZero() || !in.ahead(m) {
		return time.Time{}
	}
	return between(m.DeviceTime.Add(first.Decided.Sub(first.DeviceTime)), first.Decided, in.Now()).UTC().
		Truncate(time.Microsecond)
}
