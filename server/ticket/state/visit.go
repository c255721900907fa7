package state

import "slices"

// Visit is where one appointment of a technician stands.
type Visit int16

// The states of a visit.
const (
	VisitDraft              Visit = 1
	VisitScheduled          Visit = 2
	VisitDispatched         Visit = 3
	VisitAccepted           Visit = 4
	VisitDeclined           Visit = 5
	VisitTraveling          Visit = 6
	VisitOnSite             Visit = 7
	VisitOnBreak            Visit = 8
	VisitCompleted          Visit = 9
	VisitPartiallyCompleted Visit = 10
	VisitCannotComplete     Visit = 11
	VisitNoShow             Visit = 12
	VisitCanceled           Visit = 13
)

// Visits lists all states of a visit, in the order of their numbers.
var Visits = []Visit{
	VisitDraft, VisitScheduled, VisitDispatched, VisitAccepted, VisitDeclined, VisitTraveling, VisitOnSite, VisitOnBreak,
	VisitCompleted, VisitPartiallyCompleted, VisitCannotComplete, VisitNoShow, VisitCanceled,
}

// String is the state's word.
func (v Visit) String() string {
	words := [...]string{
		"", "Draft", "Scheduled", "Dispatched", "Accepted", "Declined", "Traveling", "OnSite", "OnBreak",
		"Completed", "PartiallyCompleted", "CannotComplete", "NoShow", "Canceled",
	}
	if v < 1 || int(v) >= len(words) {
		return "Unknown"
	}
	return words[v]
}

// Finished tells whether the visit has ended, one way or another.
func (v Visit) Finished() bool {
	switch v {
	case VisitDeclined, VisitCompleted, VisitPartiallyCompleted, VisitCannotComplete, VisitNoShow, VisitCanceled:
		return true
	}
	return false
}

// Worked tells whether the visit ended with facts of work that was done or tried.
func (v Visit) Worked() bool {
	return v == VisitCompleted || v == VisitPartiallyCompleted || v == VisitCannotComplete
}

// Event is what happens to a visit.
type Event string

// The events of a visit. The first seven are the technician's, the others the office's.
const (
	Accept         Event = "accept"
	Decline        Event = "decline"
	Travel         Event = "travel"
	Arrive         Event = "arrive"
	Break          Event = "break"
	Resume         Event = "resume"
	Complete       Event = "complete"
	PartlyComplete Event = "partly_complete"
	Fail           Event = "cannot_complete"
	Schedule       Event = "schedule"
	Dispatch       Event = "dispatch"
	MarkNoShow     Event = "no_show"
	Cancel         Event = "cancel"
)

// Events lists all events.
var Events = []Event{
	Accept, Decline, Travel, Arrive, Break, Resume, Complete, PartlyComplete, Fail, Schedule, Dispatch, MarkNoShow, Cancel,
}

// Finishing tells whether the event ends the work of a visit and so carries its facts.
func (e Event) Finishing() bool { return e == Complete || e == PartlyComplete || e == Fail }

var moves = map[Event]struct {
	from []Visit
	to   Visit
}{
	Schedule:       {[]Visit{VisitDraft, VisitScheduled}, VisitScheduled},
	Dispatch:       {[]Visit{VisitDraft, VisitScheduled}, VisitDispatched},
	Accept:         {[]Visit{VisitDispatched}, VisitAccepted},
	Decline:        {[]Visit{VisitDispatched, VisitAccepted}, VisitDeclined},
	Travel:         {[]Visit{VisitAccepted}, VisitTraveling},
	Arrive:         {[]Visit{VisitAccepted, VisitTraveling}, VisitOnSite},
	Break:          {[]Visit{VisitOnSite}, VisitOnBreak},
	Resume:         {[]Visit{VisitOnBreak}, VisitOnSite},
	Complete:       {[]Visit{VisitOnSite, VisitOnBreak}, VisitCompleted},
	PartlyComplete: {[]Visit{VisitOnSite, VisitOnBreak}, VisitPartiallyCompleted},
	Fail:           {[]Visit{VisitAccepted, VisitTraveling, VisitOnSite, VisitOnBreak}, VisitCannotComplete},
	MarkNoShow:     {[]Visit{VisitDispatched, VisitAccepted, VisitTraveling}, VisitNoShow},
	Cancel: {[]Visit{
		VisitDraft, VisitScheduled, VisitDispatched, VisitAccepted, VisitTraveling, VisitOnSite, VisitOnBreak,
	}, VisitCanceled},
}

// Step says how an event meets a visit's state.
type Step int

// The ways an event meets a state.
const (
	// Moves: the visit goes on to the new state.
	Moves Step = iota + 1
	// Behind: the visit is past it already, because of another phone or a repeat. What the event tells, a time,
	// is still worth keeping; the state stays.
	Behind
	// Impossible: the event does not follow from that state.
	Impossible
)

// rank orders the states of a visit that goes well; 0 for the others.
func rank(v Visit) int {
	switch v {
	case VisitDispatched:
		return 1
	case VisitAccepted:
		return 2
	case VisitTraveling:
		return 3
	case VisitOnSite:
		return 4
	case VisitOnBreak:
		return 5
	case VisitCompleted, VisitPartiallyCompleted, VisitCannotComplete:
		return 6
	}
	return 0
}

// On tells what an event makes of a visit: the new state with Moves, else the old one.
func (v Visit) On(e Event) (Visit, Step) {
	m, known := moves[e]
	if !known {
		return v, Impossible
	}
	if slices.Contains(m.from, v) {
		return m.to, Moves
	}
	switch e {
	case Accept, Travel, Arrive, Break:
		if rank(v) >= rank(m.to) {
			return v, Behind
		}
	case Resume:
		if v == VisitOnSite || v.Worked() {
			return v, Behind
		}
	case Decline, Complete, PartlyComplete, Fail, Cancel, Dispatch, MarkNoShow:
		if v == m.to {
			return v, Behind
		}
	}
	return v, Impossible
}
