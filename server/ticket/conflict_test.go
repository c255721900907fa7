package ticket_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/server/ticket/chain"
	"github.com/doorstep-dev/doorstep/server/ticket/checklist"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// offlineDay is what a technician does without a network on a ticket that he had accepted.
func (p *phone) offlineDay(ticketID, visit uuid.UUID, at time.Time) []change.Mutation {
	p.w.mu.Lock()
	p.w.proofs[visit] = []checklist.Proof{{Step: "after", Kind: fieldv1.ProofKind_PROOF_KIND_AFTER}}
	p.w.mu.Unlock()
	return []change.Mutation{
		p.mutate("visit.travel", &fieldv1.VisitTravel{VisitId: b(visit)}, at),
		p.mutate("visit.arrive", &fieldv1.VisitArrive{VisitId: b(visit)}, at.Add(10*time.Minute)),
		p.mutate("task.answer", p.pressure(visit, 0.4), at.Add(20*time.Minute)),
		p.mutate("note.add", &fieldv1.AddNote{Id: b(uuid.New()), TicketId: b(ticketID), Text: "离线"}, at.Add(21*time.Minute)),
		p.mutate("part.add", &fieldv1.AddPart{Id: b(uuid.New()), VisitId: b(visit), PriceItemId: b(p.w.part), Quantity: 1},
			at.Add(22*time.Minute)),
		p.mutate("visit.complete", &fieldv1.VisitComplete{VisitId: b(visit)}, at.Add(30*time.Minute)),
	}
}

func outcomes(vs []change.Verdict) string {
	words := make([]string, len(vs))
	for i, v := range vs {
		words[i] = v.Outcome.String()
		if v.Code != "" {
			words[i] += ":" + string(v.Code)
		}
	}
	return strings.Join(words, " ")
}

// replay runs a parked mutation as a dispatcher does.
func (w *world) replay(id uuid.UUID, args []byte) intake.Result {
	w.t.Helper()
	who := uuid.New()
	ctx := identity.With(w.t.Context(), identity.Identity{Org: uuid.UUID(w.org), User: who}.
		Holding(identity.Grant{Role: identity.Dispatcher, Scope: identity.ScopeOrg}))
	r, err := w.replayAs(ctx, who, id, args)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) replayAs(ctx context.Context, who, id uuid.UUID, args []byte) (r intake.Result, err error) {
	err = w.tickets.Store.Transact(ctx, w.org, func(tx *postgres.Tx) error {
		r, _, err = tx.ReplayParked(ctx, w.intake, id, args, change.User(who))
		return err
	})
	return r, err
}

func TestATicketReassignedWhileWorkedOfflineKeepsAllAsEvidence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, c := w.technician("甲"), w.technician("乙")
	o := w.open(nil)
	visit := w.assign(o.TicketID, a)
	a.does("visit.accept", &fieldv1.VisitAccept{VisitId: b(visit)}, w.pass(time.Minute), applied, "")
	day := a.offlineDay(o.TicketID, visit, w.pass(time.Minute))
	w.pass(time.Hour)
	other := w.assign(o.TicketID, c)
	if w.holds(fieldv1.EntityKind_ENTITY_KIND_TICKET, o.TicketID, w.tech(a), nil) ||
		w.holds(fieldv1.EntityKind_ENTITY_KIND_VISIT, visit, w.tech(a), nil) {
		t.Error("the first technician still holds the ticket")
	}
	if !w.holds(fieldv1.EntityKind_ENTITY_KIND_TICKET, o.TicketID, w.tech(c), nil) {
		t.Error("the second technician does not hold the ticket")
	}
	w.pass(time.Hour)
	vs := a.push(day...)
	want := "merged merged merged merged parked:not_assigned parked:not_assigned"
	if got := outcomes(vs); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	kinds := w.chainHolds(o.TicketID)
	for _, m := range day {
		if !slices.Contains(kinds, "evidence."+m.Kind) {
			t.Errorf("the trail lacks %s: %v", m.Kind, kinds)
		}
	}
	got := w.get(o.TicketID)
	first := got.GetVisits()[0]
	if first.GetState() != fieldv1.VisitState_VISIT_STATE_CANCELED || first.GetArrivedAt() == nil ||
		len(first.GetAnswers()) != 1 {
		t.Errorf("the facts of the first visit were lost: %v", first)
	}
	if len(got.GetTicket().GetNotes()) != 1 || len(got.GetAssignments()) != 2 {
		t.Errorf("the note or an assignment was lost: %v", got)
	}
	if st := got.GetVisits()[1].GetState(); st != fieldv1.VisitState_VISIT_STATE_DISPATCHED || len(w.completed) != 0 {
		t.Errorf("the second visit is %s", st)
	}
	// Sent again, everything has the same verdict and adds nothing.
	if again := outcomes(a.push(day...)); again != want || len(w.chainHolds(o.TicketID)) != len(kinds) {
		t.Errorf("a repeat got %s", again)
	}
	// The dispatcher accepts the work: the first technician has done it, the second is told.
	if r := w.replay(vs[4].ID, nil); r.Outcome != applied {
		t.Errorf("replaying the part: %+v", r)
	}
	if r := w.replay(vs[5].ID, nil); r.Outcome != applied {
		t.Errorf("replaying the completion: %+v", r)
	}
	w.is(o.TicketID, state.Completed)
	if len(w.completed) != 1 || w.completed[0].Payees[0].Payee != a.user ||
		len(w.completed[0].Parts)+len(w.completed[0].Surcharges) != 1 {
		t.Errorf("pay heard %+v", w.completed)
	}
	if w.holds(fieldv1.EntityKind_ENTITY_KIND_TICKET, o.TicketID, w.tech(c), nil) ||
		!w.holds(fieldv1.EntityKind_ENTITY_KIND_TICKET, o.TicketID, w.tech(a), nil) {
		t.Error("the ticket is not back with who did it")
	}
	if st := w.get(o.TicketID).GetVisits()[1].GetState(); st != fieldv1.VisitState_VISIT_STATE_CANCELED {
		t.Errorf("the second visit is %s", st)
	}
	late := c.does("visit.accept", &fieldv1.VisitAccept{VisitId: b(other)}, w.clock(), merged, "")
	if late.Changes[0].Kept != "甲" {
		t.Errorf("the second is told %+v", late.Changes)
	}
	if !slices.Equal(w.moves, []uuid.UUID{uuid.Nil, a.user, a.user, c.user, c.user, a.user}) {
		t.Errorf("moves: %v", w.moves)
	}
	w.chainHolds(o.TicketID)
}

func TestATicketCanceledWhileWorkedOfflineParksTheCompletion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.technician("甲")
	o := w.open(nil)
	visit := w.assign(o.TicketID, p)
	p.does("visit.accept", &fieldv1.VisitAccept{VisitId: b(visit)}, w.pass(time.Minute), applied, "")
	day := p.offlineDay(o.TicketID, visit, w.pass(time.Minute))
	w.do(func(tx *postgres.Tx) error {
		return w.tickets.Cancel(t.Context(), tx, o.TicketID, "客户退货", ticket.ByUser(uuid.New()))
	})
	if w.holds(fieldv1.EntityKind_ENTITY_KIND_TICKET, o.TicketID, w.tech(p), nil) {
		t.Error("a cancelled ticket stayed on the phone")
	}
	w.pass(2 * time.Hour)
	vs := p.push(day...)
	if got, want := outcomes(vs), "merged merged merged merged parked:state_forbids parked:state_forbids"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	w.is(o.TicketID, state.Canceled)
	// Nor can a dispatcher of somewhere else: only whom the ticket is within reach of.
	elsewhere := identity.With(t.Context(), identity.Identity{Org: uuid.UUID(w.org), User: uuid.New()}.
		Holding(identity.Grant{Role: identity.Dispatcher, Scope: identity.ScopeRegion, ID: uuid.New()}))
	if r, err := w.replayAs(elsewhere, uuid.New(), vs[5].ID, nil); err != nil || r.Outcome != parked ||
		r.Code != fault.TargetUnknown {
		t.Errorf("replayed from elsewhere: %+v %v", r, err)
	}
	// A phone cannot talk its way past the office: only the office's replay revives the ticket.
	if v := p.does("visit.complete", &fieldv1.VisitComplete{VisitId: b(visit)}, w.clock(), parked,
		fault.StateForbids); v.Code == "" {
		t.Error("no reason")
	}
	if r := w.replay(vs[5].ID, nil); r.Outcome != applied {
		t.Errorf("replaying: %+v", r)
	}
	w.is(o.TicketID, state.Completed)
	if len(w.completed) != 1 {
		t.Errorf("pay heard %d times", len(w.completed))
	}
	w.chainHolds(o.TicketID)
}

func TestAHoldIsJudgedByWhenTheWorkWasDone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before bool
		want   string
		state  state.Ticket
	}{
		"done before the hold": {true, "applied applied applied applied applied applied", state.Completed},
		"done after the hold": {
			false, "applied applied applied applied parked:state_forbids parked:state_forbids",
			state.OnHold,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.technician("甲")
			o := w.open(nil)
			visit := w.assign(o.TicketID, p)
			at := w.pass(time.Minute)
			p.does("visit.accept", &fieldv1.VisitAccept{VisitId: b(visit)}, at, applied, "")
			hold := func() {
				w.do(func(tx *postgres.Tx) error {
					return w.tickets.Hold(t.Context(), tx, o.TicketID, "缺件", ticket.ByUser(uuid.New()))
				})
			}
			if !c.before {
				hold()
			}
			day := p.offlineDay(o.TicketID, visit, at.Add(time.Minute))
			w.pass(2 * time.Hour)
			if c.before {
				hold()
			}
			w.pass(time.Minute)
			if got := outcomes(p.push(day...)); got != c.want {
				t.Errorf("got %s\nwant %s", got, c.want)
			}
			w.is(o.TicketID, c.state)
		})
	}
}

func TestTwoPhonesOfOneTechnicianMerge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := w.technician("甲")
	two := one.second()
	o := w.open(nil)
	visit := w.assign(o.TicketID, one)
	at := nine.Add(time.Minute)
	w.pass(time.Hour)
	one.does("visit.accept", &fieldv1.VisitAccept{VisitId: b(visit)}, at, applied, "")
	one.does("visit.arrive", &fieldv1.VisitArrive{VisitId: b(visit)}, at.Add(5*time.Minute), applied, "")
	v := two.does("visit.travel", &fieldv1.VisitTravel{VisitId: b(visit)}, at.Add(time.Minute), merged, "")
	if v.Changes[0].Kept != "OnSite" || v.Changes[0].Yours != "Traveling" {
		t.Errorf("told %+v", v.Changes)
	}
	one.does("task.answer", one.pressure(visit, 0.4), at.Add(6*time.Minute), applied, "")
	v = two.does("task.answer", two.pressure(visit, 0.3), at.Add(5*time.Minute), merged, "")
	if v.Changes[0].Kept != "0.4" || v.Changes[0].Yours != "0.3" {
		t.Errorf("told %+v", v.Changes)
	}
	two.does("task.answer", two.pressure(visit, 0.6), at.Add(7*time.Minute), applied, "")
	// On one phone the order counts, whatever its clock does.
	two.does("task.answer", two.pressure(visit, 0.7), at.Add(-time.Hour), applied, "")
	got := w.get(o.TicketID).GetVisits()[0]
	if got.GetAnswers()[0].GetNumber() != 0.7 || !got.GetTravelingAt().AsTime().Equal(at.Add(time.Minute)) {
		t.Errorf("kept %v", got)
	}
}

func TestOneOfTwentyClaimsWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.open(nil)
	w.do(func(tx *postgres.Tx) error {
		return w.tickets.Offer(t.Context(), tx, o.TicketID, w.team, ticket.BySystem("test"))
	})
	pool := &fieldv1.PoolTicket{}
	if !w.holds(fieldv1.EntityKind_ENTITY_KIND_POOL_TICKET, o.TicketID, feedID("team", w.team), pool) {
		t.Fatal("the team does not see its pool")
	}
	if pool.GetArea() != "上海市黄浦区人民大道" || pool.GetPays().GetMinor() != 12000 || pool.GetNear().GetLatitude() != 31.23 {
		t.Errorf("the pool shows %v", pool)
	}
	if text := fmt.Sprint(pool); strings.Contains(text, "13812340001") || strings.Contains(text, "王女士") ||
		strings.Contains(text, "501") {
		t.Errorf("the pool tells on the customer: %s", text)
	}
	outsider := w.technician("外人")
	w.techs[outsider.user] = ticket.Technician{ID: outsider.user, Name: "外人", Active: true}
	// To who is of no team that it was offered to, the ticket is not there.
	outsider.does("pool.claim", &fieldv1.ClaimPoolTicket{TicketId: b(o.TicketID)}, w.clock(), parked, fault.TargetUnknown)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var winners []*phone
	losers := 0
	for i := range 20 {
		p := w.technician(fmt.Sprint("师傅", i))
		wg.Go(func() {
			v := p.push(p.mutate("pool.claim", &fieldv1.ClaimPoolTicket{TicketId: b(o.TicketID)}, nine))[0]
			mu.Lock()
			defer mu.Unlock()
			switch {
			case v.Outcome == applied:
				winners = append(winners, p)
			case v.Outcome == rejected && v.Code == ticket.AlreadyClaimed:
				losers++
			default:
				t.Errorf("got %s %s", v.Outcome, v.Code)
			}
		})
	}
	wg.Wait()
	if len(winners) != 1 || losers != 19 {
		t.Fatalf("%d won, %d lost", len(winners), losers)
	}
	if w.holds(fieldv1.EntityKind_ENTITY_KIND_POOL_TICKET, o.TicketID, feedID("team", w.team), nil) {
		t.Error("a claimed ticket is still in the pool")
	}
	got := &fieldv1.Ticket{}
	if !w.holds(fieldv1.EntityKind_ENTITY_KIND_TICKET, o.TicketID, w.tech(winners[0]), got) ||
		got.GetCustomer().GetPhone() != "13812340001" {
		t.Error("the winner does not see the whole ticket")
	}
	w.is(o.TicketID, state.InProgress)
	winners[0].second().does("pool.claim", &fieldv1.ClaimPoolTicket{TicketId: b(o.TicketID)}, w.clock(), applied, "")
	w.chainHolds(o.TicketID)
}

func TestOneTicketAUnitHoweverManyScanAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unit := uuid.New()
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[uuid.UUID]int{}
	fresh := 0
	for range 12 {
		wg.Go(func() {
			q := w.request()
			q.UnitID, q.Source = unit, "scan"
			var o ticket.Opened
			err := w.try(func(tx *postgres.Tx) (err error) {
				o, err = w.tickets.Open(t.Context(), tx, q)
				return err
			})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			ids[o.TicketID]++
			if !o.Existing {
				fresh++
			}
		})
	}
	wg.Wait()
	if len(ids) != 1 || fresh != 1 {
		t.Errorf("%d tickets, %d fresh", len(ids), fresh)
	}
	first := w.open(func(q *ticket.OpenRequest) { q.Source, q.SourceKey = "import", "O-1/1" })
	again := w.open(func(q *ticket.OpenRequest) { q.Source, q.SourceKey = "import", "O-1/1" })
	if first.TicketID != again.TicketID || !again.Existing {
		t.Error("the same source key opened twice")
	}
	w.do(func(tx *postgres.Tx) error {
		found, err := w.tickets.OpenOfUnit(t.Context(), tx, unit)
		if err == nil && ids[uuid.UUID(found.GetId())] == 0 {
			t.Errorf("found %v", found)
		}
		return err
	})
}

func TestTheTrailCannotBeChangedAndTamperingIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.technician("a")
	o := w.open(nil)
	w.assign(o.TicketID, p)
	for _, sql := range []string{
		`UPDATE ticket_event SET payload = '{}'`, `DELETE FROM ticket_event`, `TRUNCATE ticket_event`,
	} {
		if err := w.try(
			func(tx *postgres.Tx) error { _, err := tx.Exec(t.Context(), pgtest.OnPurpose+sql); return err }); err == nil {
			t.Errorf("%s was allowed to the server", sql)
		}
		if _, err := w.db.Owner.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s was allowed to the owner", sql)
		}
	}
	if !w.get(o.TicketID).GetChainIntact() {
		t.Error("an honest chain does not hold")
	}
	_, err := w.db.Owner.Exec(t.Context(), `ALTER TABLE ticket_event DISABLE TRIGGER USER; UPDATE ticket_event
		SET actor = 'user:nobody' WHERE seq = 2`)
	if err != nil {
		t.Fatal(err)
	}
	if w.get(o.TicketID).GetChainIntact() {
		t.Error("tampering went unseen")
	}
	err = w.try(func(tx *postgres.Tx) error {
		links, err := ticket.Events(t.Context(), tx, o.TicketID)
		if err != nil {
			return err
		}
		return chain.Verify(o.TicketID, links, links[1].Hash)
	})
	var broken *chain.BrokenError
	if !errors.As(err, &broken) || broken.Seq != 2 {
		t.Errorf("got %v", err)
	}
}

func TestAnotherCompanySeesAndDoesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.technician("a")
	o := w.open(nil)
	visit := w.assign(o.TicketID, p)
	foreign := change.Org(uuid.New())
	err := w.tickets.Store.Transact(t.Context(), foreign, func(tx *postgres.Tx) error {
		_, err := w.tickets.Get(t.Context(), tx, o.TicketID, ticket.Reach{All: true}, true)
		return err
	})
	if fault.CodeOf(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
	args, _ := proto.Marshal(&fieldv1.VisitAccept{VisitId: b(visit)})
	vs, err := w.intake.Take(t.Context(),
		intake.Push{Org: foreign, Device: p.id, User: change.User(p.user), Mutations: []change.Mutation{
			{Seq: 1, ID: uuid.New(), Kind: "visit.accept", Args: args, DeviceTime: nine},
		}})
	if err != nil || vs[0].Outcome != parked || vs[0].Code != fault.TargetUnknown {
		t.Errorf("got %v %v", vs, err)
	}
	for _, table := range []string{
		"ticket_template", "ticket_reason", "ticket_counter", "ticket", "visit", "ticket_assignment",
		"ticket_answer", "ticket_note",
		"ticket_charge", "ticket_event", "ticket_notice",
	} {
		var n int
		err := w.tickets.Store.Read(t.Context(), foreign, func(tx *postgres.Tx) error {
			return tx.QueryRow(t.Context(), pgtest.OnPurpose+`SELECT count(*) FROM `+table).Scan(&n)
		})
		if err != nil || n != 0 {
			t.Errorf("%s shows %d rows of another company: %v", table, n, err)
		}
	}
	w.is(o.TicketID, state.New)
}

// Whatever the order in which a phone's work, a reassignment and another phone's work arrive, everything has a
// verdict, the trail holds, and pay hears at most once.
func TestEverythingAtOnceLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.WithoutCancel(t.Context())
	a, c := w.technician("甲"), w.technician("乙")
	var tickets []uuid.UUID
	var wg sync.WaitGroup
	for range 4 {
		o := w.open(nil)
		tickets = append(tickets, o.TicketID)
		visit := w.assign(o.TicketID, a)
		one := a.second()
		day := append([]change.Mutation{one.mutate("visit.accept", &fieldv1.VisitAccept{VisitId: b(visit)}, nine)},
			one.offlineDay(o.TicketID, visit, nine)...)
		wg.Go(func() {
			for _, m := range day {
				for _, v := range one.push(m) {
					if v.Outcome == rejected {
						t.Errorf("dropped %s: %s", m.Kind, v.Code)
					}
				}
			}
		})
		wg.Go(func() {
			err := w.tickets.Store.Transact(ctx, w.org, func(tx *postgres.Tx) error {
				return w.tickets.Assign(ctx, tx,
					ticket.AssignRequest{TicketID: o.TicketID, TechnicianID: c.user, Actor: "system:test", Way: "office"})
			})
			if err != nil && fault.CodeOf(err) != fault.StateForbids {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	heard := map[uuid.UUID]int{}
	for _, done := range w.completed {
		heard[done.Ticket]++
	}
	for _, id := range tickets {
		w.chainHolds(id)
		got := w.get(id)
		done := state.Ticket(got.GetTicket().GetState()) == state.Completed
		// A transaction that ran again after a deadlock may have told the map twice; pay itself is keyed by source.
		if done && heard[id] == 0 {
			t.Errorf("%s: completed, and pay did not hear", id)
		}
		for _, p := range []*phone{a, c} {
			holder := uuid.UUID(got.GetVisits()[len(got.GetVisits())-1].GetTechnicianId()) == p.user
			if w.holds(fieldv1.EntityKind_ENTITY_KIND_TICKET, id, w.tech(p), nil) != holder {
				t.Errorf("%s: the phone of %s is wrong about it", id, p.user)
			}
		}
	}
}

func TestNobodyIsPaidByAnEarlierMonthThanTheJobIsOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.technician("李师傅")
	o := w.open(nil)
	visit := w.assign(o.TicketID, p)
	now := w.pass(time.Minute)
	w.proofs[visit] = []checklist.Proof{{Step: "after", Kind: fieldv1.ProofKind_PROOF_KIND_AFTER}}
	long := now.AddDate(0, -2, 0) // the phone's clock was set back
	for _, m := range []struct {
		kind string
		args proto.Message
	}{
		{"visit.accept", &fieldv1.VisitAccept{VisitId: b(visit)}},
		{"visit.travel", &fieldv1.VisitTravel{VisitId: b(visit)}},
		{"visit.arrive", &fieldv1.VisitArrive{VisitId: b(visit)}},
		{"task.answer", p.pressure(visit, 0.4)},
		{"visit.complete", &fieldv1.VisitComplete{VisitId: b(visit)}},
	} {
		p.does(m.kind, m.args, long, change.Applied, "")
	}
	if len(w.completed) != 1 || w.completed[0].Completed.Before(now.Add(-time.Hour)) {
		t.Errorf("completed %+v", w.completed)
	}
}
