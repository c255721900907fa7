// Package authority decides what becomes of what a technician did, when the office or another phone has changed
// the same ticket meanwhile. A thing is judged by the assignment under which it was done: work that was done
// offline on a ticket that was reassigned or cancelled meanwhile is kept and reviewed, never dropped.
package authority

import (
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Interval is one span in which a technician had a ticket by one visit: Since is included, Until is not. A zero
// Until is open.
type Interval struct {
	Visit      uuid.UUID
	Technician uuid.UUID
	Since      time.Time
	Until      time.Time
}

// Covers tells whether t lies in the span.
func (i Interval) Covers(t time.Time) bool {
	return !t.Before(i.Since) && (i.Until.IsZero() || t.Before(i.Until))
}

// Standing is what right a technician had over a ticket, seen from now.
type Standing int

// The standings.
const (
	// Never had it.
	Never Standing = iota
	// Once had it, but not at the time when the thing was done, as far as clocks tell: done after it was taken
	// away and before the phone heard of that.
	Once
	// Then had it when the thing was done; it was taken away since.
	Then
	// Now has it.
	Now
)

// Of tells the standing of a technician at the time when a thing was done. visit is the one that the thing names,
// or zero for a thing of the ticket as a whole.
func Of(intervals []Interval, technician, visit uuid.UUID, done time.Time) Standing {
	best := Never
	for _, i := range intervals {
		if i.Technician != technician || (visit != uuid.Nil && i.Visit != visit) {
			continue
		}
		s := Once
		switch {
		case i.Until.IsZero():
			s = Now
		case i.Covers(done):
			s = Then
		}
		best = max(best, s)
	}
	return best
}

// Class groups mutations that are judged alike.
type Class int

// The classes.
const (
	// Adds only ever adds: a note, a photo, a signature.
	Adds Class = iota + 1
	// Answers is a fact of the visit that a later one replaces: an answer to a step.
	Answers
	// Moves is a step of the visit that ends nothing: accept, decline, travel, arrive, break, resume.
	Moves
	// Charges is what costs or pays: a part, a surcharge.
	Charges
	// Finishes ends the visit: complete, cannot complete.
	Finishes
)

// Situation is all that the decision needs.
type Situation struct {
	Class    Class
	Standing Standing
	Ticket   state.Ticket
	// Visit is the visit's own state.
	Visit state.Visit
	// Step is how the visit's event meets its state; for Moves and Finishes only.
	Step state.Step
	// BeforeHold: the ticket is on hold, and the thing was done before that.
	BeforeHold bool
	// Reviewed: a person of the office has looked at the parked thing and replays it.
	Reviewed bool
}

// Decision says what to do with a mutation.
type Decision struct {
	Outcome change.Outcome
	// Code says why, for rejected and parked.
	Code fault.Code
	// Evidence: keep what it tells beside the ticket's facts; nothing of its state changes.
	Evidence bool
	// Revive: the office accepts facts of a visit that it had taken away; other visits give way.
	Revive bool
}

var (
	apply    = Decision{Outcome: change.Applied}
	evidence = Decision{Outcome: change.Merged, Evidence: true}
	refused  = Decision{Outcome: change.Rejected, Code: fault.NotAssigned}
)

func park(code fault.Code) Decision {
	return Decision{Outcome: change.Parked, Code: code, Evidence: true}
}

// Decide tells what becomes of a mutation.
func Decide(s Situation) Decision {
	withdrawn := s.Standing != Now || s.Ticket == state.Canceled || s.Visit == state.VisitCanceled
	switch {
	case s.Standing == Never:
		return refused
	case withdrawn:
		return decideWithdrawn(s)
	case s.Ticket == state.OnHold && !s.BeforeHold && !s.Reviewed && (s.Class == Finishes || s.Class == Charges):
		return park(fault.StateForbids)
	}
	switch s.Class {
	case Adds:
		return apply
	case Answers:
		if s.Visit.Finished() {
			return evidence
		}
		return apply
	case Charges:
		if s.Visit.Finished() || s.Ticket == state.Completed || s.Ticket == state.Closed {
			return park(fault.StateForbids)
		}
		return apply
	case Moves:
		return decideMove(s)
	default:
		return decideFinish(s)
	}
}

// decideWithdrawn is for a ticket that was taken away or cancelled meanwhile.
func decideWithdrawn(s Situation) Decision {
	switch s.Class {
	case Adds, Answers, Moves:
		return evidence
	}
	if !s.Reviewed || s.Ticket == state.Completed || s.Ticket == state.Closed {
		if s.Standing == Now || s.Ticket == state.Canceled {
			return park(fault.StateForbids)
		}
		return park(fault.NotAssigned)
	}
	if s.Class == Charges {
		return apply
	}
	return Decision{Outcome: change.Applied, Revive: true}
}

func decideMove(s Situation) Decision {
	switch s.Step {
	case state.Moves:
		return apply
	case state.Behind:
		return evidence
	}
	if s.Visit.Finished() {
		return evidence // done before the end, told after it
	}
	return Decision{Outcome: change.Rejected, Code: fault.StateForbids, Evidence: true}
}

func decideFinish(s Situation) Decision {
	switch {
	case s.Step == state.Moves:
		return apply
	case s.Step == state.Behind:
		return evidence
	case s.Reviewed && !s.Visit.Worked() && s.Ticket != state.Completed && s.Ticket != state.Closed:
		return Decision{Outcome: change.Applied, Revive: true}
	}
	return park(fault.StateForbids)
}
