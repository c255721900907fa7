// Package state holds the states of tickets, visits and their money, and the moves between them, as pure
// functions. The numbers are those of the wire (field/v1) and of the database; they are never reused.
package state

// Ticket is where an install job stands. It derives from the job's visits and the office's decisions.
type Ticket int16

// The states of a ticket.
const (
	New            Ticket = 1
	InProgress     Ticket = 2
	OnHold         Ticket = 3
	Completed      Ticket = 4
	CannotComplete Ticket = 5
	Closed         Ticket = 6
	Canceled       Ticket = 7
)

// Tickets lists all states of a ticket, in the order of their numbers.
var Tickets = []Ticket{New, InProgress, OnHold, Completed, CannotComplete, Closed, Canceled}

// String is the state's word.
func (t Ticket) String() string {
	words := [...]string{"", "New", "InProgress", "OnHold", "Completed", "CannotComplete", "Closed", "Canceled"}
	if t < 1 || int(t) >= len(words) {
		return "Unknown"
	}
	return words[t]
}

// Open tells whether work on the ticket may still go on: a second scan of the unit shows it.
func (t Ticket) Open() bool {
	return t == New || t == InProgress || t == OnHold || t == CannotComplete
}

// Decision is what the office has decided about a ticket, beside what its visits tell.
type Decision struct {
	Held     bool
	Closed   bool
	Canceled bool
}

// Derive tells a ticket's state from its visits, oldest first, and the office's decisions. Visits that came to
// nothing (Declined, Canceled, NoShow) say nothing. A ticket is InProgress from the first acceptance on.
func Derive(visits []Visit, d Decision) Ticket {
	switch {
	case d.Canceled:
		return Canceled
	case d.Closed:
		return Closed
	}
	state := fromVisits(visits)
	if d.Held && state.Open() {
		return OnHold
	}
	return state
}

func fromVisits(visits []Visit) Ticket {
	begun := false
	last := Visit(0)
	for _, v := range visits {
		switch v {
		case VisitDeclined, VisitCanceled, VisitNoShow:
			continue
		case VisitPartiallyCompleted, VisitCannotComplete:
			begun = true
		}
		last = v
	}
	switch last {
	case VisitCompleted:
		return Completed
	case VisitCannotComplete:
		return CannotComplete
	case VisitAccepted, VisitTraveling, VisitOnSite, VisitOnBreak, VisitPartiallyCompleted:
		return InProgress
	}
	if begun {
		return InProgress
	}
	return New
}

// Act is a decision of the office about a ticket.
type Act string

// The acts of the office.
const (
	ActAssign     Act = "assign"
	ActPool       Act = "pool"
	ActReschedule Act = "reschedule"
	ActCancel     Act = "cancel"
	ActHold       Act = "hold"
	ActResume     Act = "resume"
	ActApprove    Act = "approve"
	ActRework     Act = "rework"
)

// Acts lists all acts.
var Acts = []Act{ActAssign, ActPool, ActReschedule, ActCancel, ActHold, ActResume, ActApprove, ActRework}

// Allows tells whether the office may do this to a ticket in that state.
func (t Ticket) Allows(a Act) bool {
	switch a {
	case ActAssign, ActPool, ActReschedule:
		return t == New || t == InProgress || t == CannotComplete
	case ActCancel:
		return t.Open()
	case ActHold:
		return t == New || t == InProgress || t == CannotComplete
	case ActResume:
		return t == OnHold
	case ActApprove:
		return t == Completed
	case ActRework:
		return t == Completed || t == Closed
	}
	return false
}

// Money is how far a ticket's money is, apart from its work.
type Money int16

// The states of money. NoMoney is before the work is complete.
const (
	NoMoney  Money = 0
	Pending  Money = 1
	Approved Money = 2
	Posted   Money = 3
	Paid     Money = 4
)

// May tells whether money may move from m to next: one step forward at a time, never back. Corrections are
// entries of their own and move no state.
func (m Money) May(next Money) bool { return next == m+1 && next <= Paid }
