package state

import (
	"testing"
	"time"
)

// table names, for every event, the states in which it moves and those in which it comes behind; in all others it
// is impossible.
var table = map[Event]struct {
	moves  map[Visit]Visit
	behind []Visit
}{
	Accept: {
		map[Visit]Visit{VisitDispatched: VisitAccepted},
		[]Visit{
			VisitAccepted, VisitTraveling, VisitOnSite, VisitOnBreak, VisitCompleted, VisitPartiallyCompleted,
			VisitCannotComplete,
		},
	},
	Decline: {map[Visit]Visit{VisitDispatched: VisitDeclined, VisitAccepted: VisitDeclined}, []Visit{VisitDeclined}},
	Travel: {
		map[Visit]Visit{VisitAccepted: VisitTraveling},
		[]Visit{VisitTraveling, VisitOnSite, VisitOnBreak, VisitCompleted, VisitPartiallyCompleted, VisitCannotComplete},
	},
	Arrive: {
		map[Visit]Visit{VisitAccepted: VisitOnSite, VisitTraveling: VisitOnSite},
		[]Visit{VisitOnSite, VisitOnBreak, VisitCompleted, VisitPartiallyCompleted, VisitCannotComplete},
	},
	Break: {
		map[Visit]Visit{VisitOnSite: VisitOnBreak},
		[]Visit{VisitOnBreak, VisitCompleted, VisitPartiallyCompleted, VisitCannotComplete},
	},
	Resume: {
		map[Visit]Visit{VisitOnBreak: VisitOnSite},
		[]Visit{VisitOnSite, VisitCompleted, VisitPartiallyCompleted, VisitCannotComplete},
	},
	Complete: {map[Visit]Visit{VisitOnSite: VisitCompleted, VisitOnBreak: VisitCompleted}, []Visit{VisitCompleted}},
	PartlyComplete: {
		map[Visit]Visit{VisitOnSite: VisitPartiallyCompleted, VisitOnBreak: VisitPartiallyCompleted},
		[]Visit{VisitPartiallyCompleted},
	},
	Fail: {
		map[Visit]Visit{
			VisitAccepted: VisitCannotComplete, VisitTraveling: VisitCannotComplete,
			VisitOnSite: VisitCannotComplete, VisitOnBreak: VisitCannotComplete,
		},
		[]Visit{VisitCannotComplete},
	},
	Schedule: {map[Visit]Visit{VisitDraft: VisitScheduled, VisitScheduled: VisitScheduled}, nil},
	Dispatch: {map[Visit]Visit{VisitDraft: VisitDispatched, VisitScheduled: VisitDispatched}, []Visit{VisitDispatched}},
	MarkNoShow: {
		map[Visit]Visit{VisitDispatched: VisitNoShow, VisitAccepted: VisitNoShow, VisitTraveling: VisitNoShow},
		[]Visit{VisitNoShow},
	},
	Cancel: {
		map[Visit]Visit{
			VisitDraft: VisitCanceled, VisitScheduled: VisitCanceled, VisitDispatched: VisitCanceled,
			VisitAccepted:  VisitCanceled,
			VisitTraveling: VisitCanceled, VisitOnSite: VisitCanceled, VisitOnBreak: VisitCanceled,
		},
		[]Visit{VisitCanceled},
	},
}

func TestEveryEventMeetsEveryVisitState(t *testing.T) {
	t.Parallel()
	for _, e := range Events {
		row, ok := table[e]
		if !ok {
			t.Fatalf("the table lacks %s", e)
		}
		for _, v := range Visits {
			want, step := v, Impossible
			if to, moves := row.moves[v]; moves {
				want, step = to, Moves
			}
			for _, b := range row.behind {
				if b == v {
					step = Behind
				}
			}
			if got, how := v.On(e); got != want || how != step {
				t.Errorf("%s on %s: got %s, %d; want %s, %d", e, v, got, how, want, step)
			}
		}
	}
	if _, how := VisitOnSite.On("dance"); how != Impossible {
		t.Error("an unknown event moved a visit")
	}
}

func TestFinishedVisitsNeverMove(t *testing.T) {
	t.Parallel()
	for _, v := range Visits {
		for _, e := range Events {
			if _, how := v.On(e); v.Finished() && how == Moves {
				t.Errorf("%s moved a %s visit", e, v)
			}
		}
	}
}

func TestTicketDerivesFromItsVisits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		visits   []Visit
		decision Decision
		want     Ticket
	}{
		{nil, Decision{}, New},
		{[]Visit{VisitDraft}, Decision{}, New},
		{[]Visit{VisitScheduled}, Decision{}, New},
		{[]Visit{VisitDispatched}, Decision{}, New},
		{[]Visit{VisitAccepted}, Decision{}, InProgress},
		{[]Visit{VisitTraveling}, Decision{}, InProgress},
		{[]Visit{VisitOnSite}, Decision{}, InProgress},
		{[]Visit{VisitOnBreak}, Decision{}, InProgress},
		{[]Visit{VisitCompleted}, Decision{}, Completed},
		{[]Visit{VisitPartiallyCompleted}, Decision{}, InProgress},
		{[]Visit{VisitPartiallyCompleted, VisitDispatched}, Decision{}, InProgress},
		{[]Visit{VisitPartiallyCompleted, VisitCompleted}, Decision{}, Completed},
		{[]Visit{VisitCannotComplete}, Decision{}, CannotComplete},
		{[]Visit{VisitCannotComplete, VisitDispatched}, Decision{}, InProgress},
		{[]Visit{VisitDeclined}, Decision{}, New},
		{[]Visit{VisitNoShow}, Decision{}, New},
		{[]Visit{VisitCanceled}, Decision{}, New},
		{[]Visit{VisitCanceled, VisitCompleted}, Decision{}, Completed},
		{[]Visit{VisitCompleted, VisitCanceled}, Decision{}, Completed},
		{[]Visit{VisitOnSite}, Decision{Held: true}, OnHold},
		{[]Visit{VisitCompleted}, Decision{Held: true}, Completed},
		{[]Visit{VisitOnSite}, Decision{Canceled: true}, Canceled},
		{[]Visit{VisitCompleted}, Decision{Closed: true}, Closed},
		{[]Visit{VisitCompleted}, Decision{Closed: true, Canceled: true}, Canceled},
	} {
		if got := Derive(c.visits, c.decision); got != c.want {
			t.Errorf("%v with %+v: got %s, want %s", c.visits, c.decision, got, c.want)
		}
	}
}

func TestOfficeActsByState(t *testing.T) {
	t.Parallel()
	allowed := map[Act][]Ticket{
		ActAssign:     {New, InProgress, CannotComplete},
		ActPool:       {New, InProgress, CannotComplete},
		ActReschedule: {New, InProgress, CannotComplete},
		ActCancel:     {New, InProgress, OnHold, CannotComplete},
		ActHold:       {New, InProgress, CannotComplete},
		ActResume:     {OnHold},
		ActApprove:    {Completed},
		ActRework:     {Completed, Closed},
	}
	for _, a := range Acts {
		for _, s := range Tickets {
			want := false
			for _, ok := range allowed[a] {
				want = want || ok == s
			}
			if s.Allows(a) != want {
				t.Errorf("%s on a %s ticket: got %t", a, s, !want)
			}
		}
	}
}

func TestMoneyMovesOneStepForward(t *testing.T) {
	t.Parallel()
	for m := NoMoney; m <= Paid; m++ {
		for next := NoMoney; next <= Paid+1; next++ {
			if want := next == m+1 && next <= Paid; m.May(next) != want {
				t.Errorf("%d to %d: got %t", m, next, !want)
			}
		}
	}
}

func TestLateFactsCountByDeviceTimeWithinTheClockCheck(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		device time.Time
		want   time.Time
		ok     bool
	}{
		{now.Add(-90 * 24 * time.Hour), now.Add(-90 * 24 * time.Hour), true},
		{now.Add(-time.Minute), now.Add(-time.Minute), true},
		{now, now, true},
		{now.Add(MaxAhead), now, true},
		{now.Add(MaxAhead + time.Second), now, false},
	} {
		if got, ok := Happened(c.device, now); !got.Equal(c.want) || ok != c.ok {
			t.Errorf("%s: got %s, %t", c.device, got, ok)
		}
	}
}

func TestWindowsAreChecked(t *testing.T) {
	t.Parallel()
	a := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		w  Window
		ok bool
	}{
		{Window{}, true},
		{Window{From: a}, true},
		{Window{To: a}, true},
		{Window{a, a}, true},
		{Window{a, a.Add(time.Hour)}, true},
		{Window{a.Add(time.Hour), a}, false},
		{Window{a, a.Add(400 * 24 * time.Hour)}, false},
	} {
		if err := c.w.Check("wanted"); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.w, err)
		}
	}
	if (Window{From: a}).Holds(a.Add(-1)) || !(Window{From: a, To: a}).Holds(a) || (Window{To: a}).Holds(a.Add(1)) {
		t.Error("a window holds what it should not")
	}
}
