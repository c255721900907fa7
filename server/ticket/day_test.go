package ticket_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/server/ticket/checklist"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

const (
	applied  = change.Applied
	merged   = change.Merged
	rejected = change.Rejected
	parked   = change.Parked
)

func (w *world) get(id uuid.UUID) *officev1.GetTicketResponse {
	w.t.Helper()
	var out *officev1.GetTicketResponse
	w.do(func(tx *postgres.Tx) (err error) {
		out, err = w.tickets.Get(w.t.Context(), tx, id, ticket.Reach{All: true}, true)
		return err
	})
	return out
}

func (w *world) is(id uuid.UUID, want state.Ticket) {
	w.t.Helper()
	if got := state.Ticket(w.get(id).GetTicket().GetState()); got != want {
		w.t.Errorf("the ticket is %s, want %s", got, want)
	}
}

// work does the day's steps up to the manifest of proof, all at the times given by the phone.
func (p *phone) work(visit uuid.UUID, at time.Time) {
	p.w.t.Helper()
	p.does("visit.accept", &fieldv1.VisitAccept{VisitId: b(visit)}, at, applied, "")
	p.does("visit.travel", &fieldv1.VisitTravel{VisitId: b(visit)}, at.Add(time.Minute), applied, "")
	p.does("visit.arrive", &fieldv1.VisitArrive{VisitId: b(visit)}, at.Add(2*time.Minute), applied, "")
	p.does("task.answer", p.pressure(visit, 0.4), at.Add(3*time.Minute), applied, "")
	p.w.mu.Lock()
	p.w.proofs[visit] = []checklist.Proof{{Step: "after", Kind: fieldv1.ProofKind_PROOF_KIND_AFTER}}
	p.w.mu.Unlock()
}

func (p *phone) pressure(visit uuid.UUID, v float64) *fieldv1.AnswerTask {
	return &fieldv1.AnswerTask{VisitId: b(visit), Step: "pressure", Value: &fieldv1.AnswerTask_Number{Number: v}}
}

func TestATicketsDay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.technician("李师傅")
	store := uuid.New()
	o := w.open(func(q *ticket.OpenRequest) { q.StoreID, q.StoreName = store, "徐汇店" })
	if o.Number != "T-26112300001" {
		t.Errorf("number %s", o.Number)
	}
	w.is(o.TicketID, state.New)
	open := &storev1.OpenTicket{}
	if !w.holds(fieldv1.EntityKind_ENTITY_KIND_OPEN_TICKET, o.TicketID, feedID("store", store), open) ||
		open.GetCustomerPhone() != "138****0001" {
		t.Errorf("the shop sees %v", open)
	}
	visit := w.assign(o.TicketID, p)
	tk := &fieldv1.Ticket{}
	if !w.holds(fieldv1.EntityKind_ENTITY_KIND_TICKET, o.TicketID, w.tech(p), tk) {
		t.Fatal("the technician does not see his ticket")
	}
	if tk.GetCustomer().GetPhone() != "13812340001" || tk.GetAssignmentReason().GetZh() != "近" || tk.GetWanted() == nil {
		t.Errorf("the technician sees %v", tk)
	}
	at := w.pass(time.Hour)
	p.work(visit, at)
	w.is(o.TicketID, state.InProgress)
	p.does("part.add", &fieldv1.AddPart{Id: b(uuid.New()), VisitId: b(visit), PriceItemId: b(w.part), Quantity: 2},
		at, applied, "")
	p.does("surcharge.add",
		&fieldv1.AddSurcharge{Id: b(uuid.New()), VisitId: b(visit), PriceItemId: b(w.surcharge), Quantity: 1},
		at, applied, "")
	p.does("note.add", &fieldv1.AddNote{Id: b(uuid.New()), TicketId: b(o.TicketID), Text: "墙内有水管"}, at, applied, "")
	p.does("visit.break", &fieldv1.VisitBreak{VisitId: b(visit)}, at.Add(10*time.Minute), applied, "")
	p.does("visit.resume", &fieldv1.VisitResume{VisitId: b(visit)}, at.Add(10*time.Minute), applied, "")
	done := at.Add(9 * time.Minute)
	p.does("visit.complete", &fieldv1.VisitComplete{VisitId: b(visit)}, done, applied, "")
	w.is(o.TicketID, state.Completed)
	if len(w.completed) != 1 {
		t.Fatalf("pay heard %d times", len(w.completed))
	}
	if c := w.completed[0]; c.Payees[0].Payee != p.user || c.source != visit || len(c.Parts) != 1 ||
		len(c.Surcharges) != 1 || c.Class != "heater" {
		t.Errorf("pay heard %+v", c)
	}
	v := &fieldv1.Visit{}
	w.holds(fieldv1.EntityKind_ENTITY_KIND_VISIT, visit, w.tech(p), v)
	if v.GetState() != fieldv1.VisitState_VISIT_STATE_COMPLETED || v.GetAnswers()[0].GetNumber() != 0.4 ||
		!v.GetAcceptedAt().AsTime().Equal(at) {
		t.Errorf("the visit shows %v", v)
	}
	if w.holds(fieldv1.EntityKind_ENTITY_KIND_OPEN_TICKET, o.TicketID, feedID("store", store), nil) {
		t.Error("a completed ticket is still open for the shop")
	}
	w.do(func(tx *postgres.Tx) error {
		return w.tickets.Approve(t.Context(), tx, o.TicketID, ticket.ByUser(uuid.New()))
	})
	w.is(o.TicketID, state.Closed)
	w.holds(fieldv1.EntityKind_ENTITY_KIND_TICKET, o.TicketID, w.tech(p), tk)
	if tk.GetMoneyState() != fieldv1.MoneyState_MONEY_STATE_APPROVED || len(tk.GetParts()) != 1 ||
		len(tk.GetSurcharges()) != 1 || len(tk.GetNotes()) != 1 {
		t.Errorf("the technician sees %v", tk)
	}
	rework := uuid.New()
	w.do(func(tx *postgres.Tx) error {
		o, err := w.tickets.Rework(t.Context(), tx, o.TicketID, rework, "漏水", ticket.ByUser(uuid.New()))
		if err == nil && o.TicketID != rework {
			t.Errorf("rework opened %v", o)
		}
		return err
	})
	if !slices.Equal(w.reworked, []uuid.UUID{o.TicketID, rework}) || !slices.Equal(w.approved, []uuid.UUID{o.TicketID}) {
		t.Errorf("pay heard of %v, %v", w.approved, w.reworked)
	}
	w.chainHolds(rework)
	want := []string{
		"ticket.opened", "ticket.assigned", "visit.accept", "visit.travel", "visit.arrive", "task.answer", "part.add",
		"surcharge.add",
		"note.add", "visit.break", "visit.resume", "visit.complete", "ticket.approved", "ticket.rework_opened",
	}
	if got := w.chainHolds(o.TicketID); !slices.Equal(got, want) {
		t.Errorf("the trail is %v", got)
	}
}

func TestCompletingNeedsTheManifestAndSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.technician("a")
	o := w.open(nil)
	visit := w.assign(o.TicketID, p)
	at := w.pass(time.Minute)
	p.does("visit.accept", &fieldv1.VisitAccept{VisitId: b(visit)}, at, applied, "")
	p.does("visit.complete", &fieldv1.VisitComplete{VisitId: b(visit)}, at, parked, fault.StateForbids)
	p.does("visit.arrive", &fieldv1.VisitArrive{VisitId: b(visit)}, at, applied, "")
	v := p.does("visit.complete", &fieldv1.VisitComplete{VisitId: b(visit)}, at, rejected, checklist.Incomplete)
	if want := fault.Both("水压：未填写；完工照：还差1张", "Pressure: not answered; After: 1 more needed"); v.Detail != want {
		t.Errorf("got %q", v.Detail)
	}
	p.does("task.answer", p.pressure(visit, 7), at, rejected, fault.InvalidArgument)
	p.does("task.answer",
		&fieldv1.AnswerTask{VisitId: b(visit), Step: "unknown", Value: &fieldv1.AnswerTask_Check{Check: true}}, at, parked,
		fault.TargetUnknown)
	p.does("task.answer", p.pressure(visit, 0.5), at, applied, "")
	p.does("visit.resume", &fieldv1.VisitResume{VisitId: b(visit)}, at, merged, "")
	w.proofs[visit] = []checklist.Proof{{Step: "after", Kind: fieldv1.ProofKind_PROOF_KIND_AFTER}}
	p.does("visit.complete", &fieldv1.VisitComplete{VisitId: b(visit)}, at, applied, "")
	p.does("visit.complete", &fieldv1.VisitComplete{VisitId: b(visit)}, at, merged, "")
	p.does("task.answer", p.pressure(visit, 0.6), at, merged, "")
	p.does("part.add", &fieldv1.AddPart{Id: b(uuid.New()), VisitId: b(visit), PriceItemId: b(w.part), Quantity: 1}, at,
		parked, fault.StateForbids)
	if len(w.completed) != 1 {
		t.Errorf("pay heard %d times", len(w.completed))
	}
	w.chainHolds(o.TicketID)
}

func TestBadMutationsGetAClearVerdict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, stranger := w.technician("a"), w.technician("b")
	o := w.open(nil)
	visit := w.assign(o.TicketID, p)
	at := w.clock()
	accept := &fieldv1.VisitAccept{VisitId: b(visit)}
	p.does("visit.accept", &fieldv1.VisitAccept{VisitId: []byte("short")}, at, parked, fault.MutationMalformed)
	p.does("visit.accept", &fieldv1.VisitAccept{VisitId: b(uuid.New())}, at, parked, fault.TargetUnknown)
	p.does("note.add", &fieldv1.AddNote{Id: b(uuid.New()), TicketId: b(uuid.New()), Text: "x"}, at, parked,
		fault.TargetUnknown)
	p.does("note.add", &fieldv1.AddNote{Id: b(uuid.New()), TicketId: b(o.TicketID), Text: "a\x00b"}, at, rejected,
		fault.TextUnprintable)
	p.does("pool.claim", &fieldv1.ClaimPoolTicket{TicketId: b(uuid.New())}, at, parked, fault.TargetUnknown)
	p.does("visit.dance", accept, at, parked, fault.MutationUnknown)
	p.does("visit.accept", accept, at.Add(state.MaxAhead+time.Minute), parked, fault.DeviceTimeFuture)
	stranger.does("visit.accept", accept, at, parked, fault.TargetUnknown)
	stranger.does("note.add", &fieldv1.AddNote{Id: b(uuid.New()), TicketId: b(o.TicketID), Text: "x"}, at, parked,
		fault.TargetUnknown)
	p.does("visit.accept", accept, at.Add(state.MaxAhead), applied, "")
	p.does("part.add", &fieldv1.AddPart{Id: b(uuid.New()), VisitId: b(visit), PriceItemId: b(uuid.New()), Quantity: 1}, at,
		parked, fault.TargetUnknown)
	p.does("part.add", &fieldv1.AddPart{Id: b(uuid.New()), VisitId: b(visit), PriceItemId: b(w.surcharge), Quantity: 1},
		at, parked, fault.InvalidArgument)
	m := p.mutate("visit.travel", &fieldv1.VisitTravel{VisitId: b(visit)}, at)
	m.Args = []byte{0xff, 0xff, 0xff}
	if v := p.push(m)[0]; v.Outcome != parked || v.Code != fault.MutationMalformed {
		t.Errorf("got %s %s", v.Outcome, v.Code)
	}
	w.chainHolds(o.TicketID)
}

func TestDecliningGivesTheTicketBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.technician("a")
	o := w.open(nil)
	visit := w.assign(o.TicketID, p)
	p.does("visit.decline", &fieldv1.VisitDecline{VisitId: b(visit), Reason: "too_far"}, w.pass(time.Minute), applied, "")
	w.is(o.TicketID, state.New)
	if w.holds(fieldv1.EntityKind_ENTITY_KIND_TICKET, o.TicketID, w.tech(p), nil) ||
		w.holds(fieldv1.EntityKind_ENTITY_KIND_VISIT, visit, w.tech(p), nil) {
		t.Error("a declined ticket stayed on the phone")
	}
	w.do(func(tx *postgres.Tx) error {
		jobs, err := w.tickets.Waiting(t.Context(), tx, uuid.Nil, 10)
		if len(jobs) != 1 || jobs[0].ID != o.TicketID || jobs[0].Skills[0] != "gas" || jobs[0].At == nil {
			t.Errorf("waiting: %+v", jobs)
		}
		return err
	})
	again := w.assign(o.TicketID, p)
	if again == visit {
		t.Error("a declined visit came back to life")
	}
	p.does("visit.cannot_complete", &fieldv1.VisitCannotComplete{VisitId: b(again), Reason: "customer_absent"},
		w.pass(time.Minute), parked, fault.StateForbids)
	p.does("visit.accept", &fieldv1.VisitAccept{VisitId: b(again)}, w.clock(), applied, "")
	p.does("visit.cannot_complete", &fieldv1.VisitCannotComplete{VisitId: b(again), Reason: "customer_absent"},
		w.clock(), applied, "")
	w.is(o.TicketID, state.CannotComplete)
	third := w.assign(o.TicketID, p)
	w.is(o.TicketID, state.InProgress)
	p.does("visit.accept", &fieldv1.VisitAccept{VisitId: b(third)}, w.clock(), applied, "")
	p.does("visit.arrive", &fieldv1.VisitArrive{VisitId: b(third)}, w.clock(), applied, "")
	p.does("visit.cannot_complete",
		&fieldv1.VisitCannotComplete{VisitId: b(third), Reason: "part_missing", Partially: true}, w.clock(), applied, "")
	w.is(o.TicketID, state.InProgress)
	if len(w.completed) != 0 {
		t.Error("pay accrued for work that is not complete")
	}
	w.chainHolds(o.TicketID)
}
