package authority

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

var nine = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func TestStandingIsJudgedByTheTimeTheThingWasDone(t *testing.T) {
	t.Parallel()
	a, b := uuid.New(), uuid.New()
	first, second := uuid.New(), uuid.New()
	intervals := []Interval{
		{Visit: first, Technician: a, Since: nine, Until: nine.Add(time.Hour)},
		{Visit: second, Technician: b, Since: nine.Add(time.Hour)},
	}
	for name, c := range map[string]struct {
		who, visit uuid.UUID
		at         time.Time
		want       Standing
	}{
		"before the reassignment":         {a, first, nine.Add(time.Minute), Then},
		"the very moment it was given":    {a, first, nine, Then},
		"the very moment it was taken":    {a, first, nine.Add(time.Hour), Once},
		"after, not having heard":         {a, first, nine.Add(2 * time.Hour), Once},
		"with a clock behind":             {a, first, nine.Add(-time.Hour), Once},
		"the new one":                     {b, second, nine.Add(2 * time.Hour), Now},
		"the new one with a clock behind": {b, second, nine.Add(-time.Hour), Now},
		"the old one on the new visit":    {a, second, nine.Add(time.Minute), Never},
		"the old one on the ticket":       {a, uuid.Nil, nine.Add(time.Minute), Then},
		"a stranger":                      {uuid.New(), first, nine, Never},
		"a stranger on the ticket":        {uuid.New(), uuid.Nil, nine, Never},
	} {
		if got := Of(intervals, c.who, c.visit, c.at); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	const (
		applied  = change.Applied
		merged   = change.Merged
		rejected = change.Rejected
		parked   = change.Parked
	)
	work := Situation{Standing: Now, Ticket: state.InProgress, Visit: state.VisitOnSite}
	with := func(s Situation, edit func(*Situation)) Situation { edit(&s); return s }
	of := func(c Class) func(*Situation) { return func(s *Situation) { s.Class = c; s.Step = state.Moves } }
	canceled := with(work, func(s *Situation) { s.Ticket, s.Visit = state.Canceled, state.VisitCanceled })
	taken := with(work, func(s *Situation) { s.Standing, s.Visit = Then, state.VisitCanceled })
	takenUnheard := with(taken, func(s *Situation) { s.Standing = Once })
	done := with(work, func(s *Situation) { s.Ticket, s.Visit = state.Completed, state.VisitCompleted })
	held := with(work, func(s *Situation) { s.Ticket = state.OnHold })
	stranger := with(work, func(s *Situation) { s.Standing = Never })
	for name, c := range map[string]struct {
		s    Situation
		want change.Outcome
		code fault.Code
	}{
		"note on own":            {with(work, of(Adds)), applied, ""},
		"answer on own":          {with(work, of(Answers)), applied, ""},
		"part on own":            {with(work, of(Charges)), applied, ""},
		"move on own":            {with(work, of(Moves)), applied, ""},
		"complete on own":        {with(work, of(Finishes)), applied, ""},
		"note on canceled":       {with(canceled, of(Adds)), merged, ""},
		"answer on canceled":     {with(canceled, of(Answers)), merged, ""},
		"move on canceled":       {with(canceled, of(Moves)), merged, ""},
		"part on canceled":       {with(canceled, of(Charges)), parked, fault.StateForbids},
		"complete on canceled":   {with(canceled, of(Finishes)), parked, fault.StateForbids},
		"note on taken":          {with(taken, of(Adds)), merged, ""},
		"answer on taken":        {with(taken, of(Answers)), merged, ""},
		"move on taken":          {with(taken, of(Moves)), merged, ""},
		"part on taken":          {with(taken, of(Charges)), parked, fault.NotAssigned},
		"complete on taken":      {with(taken, of(Finishes)), parked, fault.NotAssigned},
		"complete taken unheard": {with(takenUnheard, of(Finishes)), parked, fault.NotAssigned},
		"move taken unheard":     {with(takenUnheard, of(Moves)), merged, ""},
		"note on done":           {with(done, of(Adds)), applied, ""},
		"answer on done":         {with(done, of(Answers)), merged, ""},
		"part on done":           {with(done, of(Charges)), parked, fault.StateForbids},
		"complete again":         {with(done, func(s *Situation) { s.Class, s.Step = Finishes, state.Behind }), merged, ""},
		"fail after complete": {
			with(done, func(s *Situation) { s.Class, s.Step = Finishes, state.Impossible }), parked,
			fault.StateForbids,
		},
		"late accept": {with(work, func(s *Situation) { s.Class, s.Step = Moves, state.Behind }), merged, ""},
		"resume without break": {
			with(work, func(s *Situation) { s.Class, s.Step = Moves, state.Impossible }), rejected,
			fault.StateForbids,
		},
		"complete before arriving": {with(work, func(s *Situation) {
			s.Visit, s.Class, s.Step = state.VisitAccepted, Finishes, state.Impossible
		}), parked, fault.StateForbids},
		"complete on hold":        {with(held, of(Finishes)), parked, fault.StateForbids},
		"complete before hold":    {with(held, func(s *Situation) { of(Finishes)(s); s.BeforeHold = true }), applied, ""},
		"part on hold":            {with(held, of(Charges)), parked, fault.StateForbids},
		"part before hold":        {with(held, func(s *Situation) { of(Charges)(s); s.BeforeHold = true }), applied, ""},
		"move on hold":            {with(held, of(Moves)), applied, ""},
		"note on hold":            {with(held, of(Adds)), applied, ""},
		"stranger notes":          {with(stranger, of(Adds)), rejected, fault.NotAssigned},
		"stranger answers":        {with(stranger, of(Answers)), rejected, fault.NotAssigned},
		"stranger moves":          {with(stranger, of(Moves)), rejected, fault.NotAssigned},
		"stranger charges":        {with(stranger, of(Charges)), rejected, fault.NotAssigned},
		"stranger completes":      {with(stranger, of(Finishes)), rejected, fault.NotAssigned},
		"reviewed complete taken": {with(taken, func(s *Situation) { of(Finishes)(s); s.Reviewed = true }), applied, ""},
		"reviewed part taken":     {with(taken, func(s *Situation) { of(Charges)(s); s.Reviewed = true }), applied, ""},
		"reviewed complete, somebody else did it": {with(taken, func(s *Situation) {
			of(Finishes)(s)
			s.Reviewed, s.Ticket = true, state.Completed
		}), parked, fault.NotAssigned},
		"reviewed complete on canceled": {
			with(canceled, func(s *Situation) { of(Finishes)(s); s.Reviewed = true }), applied,
			"",
		},
		"reviewed complete on hold": {with(held, func(s *Situation) { of(Finishes)(s); s.Reviewed = true }), applied, ""},
		"reviewed by nobody's right": {
			with(stranger, func(s *Situation) { of(Finishes)(s); s.Reviewed = true }), rejected,
			fault.NotAssigned,
		},
	} {
		got := Decide(c.s)
		if got.Outcome != c.want || got.Code != c.code {
			t.Errorf("%s: got %s %q, want %s %q", name, got.Outcome, got.Code, c.want, c.code)
		}
	}
}

// Whatever the situation: who ever had the ticket loses nothing that adds or finishes, and whoever never had it
// changes nothing.
func TestNothingIsDroppedInAnySituation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := Situation{
			Class:      Class(rapid.IntRange(1, 5).Draw(t, "class")),
			Standing:   Standing(rapid.IntRange(0, 3).Draw(t, "standing")),
			Ticket:     rapid.SampledFrom(state.Tickets).Draw(t, "ticket"),
			Visit:      rapid.SampledFrom(state.Visits).Draw(t, "visit"),
			Step:       state.Step(rapid.IntRange(1, 3).Draw(t, "step")),
			BeforeHold: rapid.Bool().Draw(t, "before hold"),
			Reviewed:   rapid.Bool().Draw(t, "reviewed"),
		}
		d := Decide(s)
		if d.Outcome < change.Applied || d.Outcome > change.Parked {
			t.Fatalf("no outcome: %+v", d)
		}
		if (d.Code == "") != (d.Outcome == change.Applied || d.Outcome == change.Merged) {
			t.Fatalf("a code where none belongs, or none where one does: %+v", d)
		}
		if s.Standing == Never && d.Outcome != change.Rejected {
			t.Fatalf("a stranger got %s", d.Outcome)
		}
		if s.Standing != Never && s.Class != Moves && d.Outcome == change.Rejected {
			t.Fatalf("dropped: %+v", s)
		}
		if s.Standing < Now && d.Outcome == change.Applied && !s.Reviewed {
			t.Fatalf("applied without a right: %+v", s)
		}
	})
}
