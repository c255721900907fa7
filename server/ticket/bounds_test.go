package ticket_test

import (
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/server/ticket/agreement"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func TestAReplayedEndKeepsItsMarkForReview(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"visit.complete", "visit.cannot_complete"} {
		d := newDoor(t)
		d.signs()
		d.adds(uuid.New(), 1) // after the signature
		d.assign(d.ticket, d.technician("乙"))
		var args proto.Message = &fieldv1.VisitComplete{VisitId: b(d.visit)}
		if kind == "visit.cannot_complete" {
			d.do(func(tx *postgres.Tx) error {
				_, err := d.tickets.PutReason(t.Context(), tx,
					&fieldv1.Reason{Key: "absent", Use: "cannot_complete", Name: &typesv1.Label{Zh: "无人"}})
				return err
			})
			args = &fieldv1.VisitCannotComplete{VisitId: b(d.visit), Reason: "absent"}
		}
		v := d.p.push(d.p.mutate(kind, args, d.pass(time.Minute)))[0]
		if r := d.replay(v.ID, nil); r.Outcome != change.Applied || !d.review() {
			t.Errorf("%s: %v, marked for review %t", kind, r.Outcome, d.review())
		}
	}
}

func TestAClaimIsReplayedOnlyByWhoReachesTheTicket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.technician("甲")
	id, region := w.open(nil).TicketID, uuid.New()
	w.do(func(tx *postgres.Tx) error {
		return w.tickets.Offer(t.Context(), tx, id, w.team, ticket.ByUser(uuid.New()))
	})
	v := p.push(p.mutate("pool.claim", &fieldv1.ClaimPoolTicket{TicketId: b(id)}, w.clock().Add(24*time.Hour)))[0]
	as := func(g identity.Grant) change.Outcome {
		who := uuid.New()
		ctx := identity.With(t.Context(), identity.Identity{Org: uuid.UUID(w.org), User: who}.Holding(g))
		w.do(func(tx *postgres.Tx) error {
			_, err := tx.EditParked(t.Context(), v.ID, nil, w.clock(), change.User(who))
			return err
		})
		r, err := w.replayAs(ctx, who, v.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r.Outcome
	}
	if got := as(identity.Grant{Role: identity.Dispatcher, Scope: identity.ScopeRegion, ID: region}); got !=
		change.Parked {
		t.Errorf("a dispatcher of another region: %v", got)
	}
	if got := as(identity.Grant{Role: identity.Dispatcher, Scope: identity.ScopeOrg}); got != change.Applied {
		t.Errorf("the company's dispatcher: %v", got)
	}
}

func TestAChargeUnderTheIDOfAnotherTicketsIsNotLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.technician("甲")
	id := uuid.New()
	add := func(want change.Outcome, code fault.Code) {
		visit := w.assign(w.open(nil).TicketID, p)
		p.does("visit.accept", &fieldv1.VisitAccept{VisitId: b(visit)}, w.pass(time.Minute), change.Applied, "")
		p.does("visit.arrive", &fieldv1.VisitArrive{VisitId: b(visit)}, w.pass(time.Minute), change.Applied, "")
		m := &fieldv1.AddSurcharge{Id: b(id), VisitId: b(visit), PriceItemId: b(w.surcharge), Quantity: 1}
		p.does("surcharge.add", m, w.pass(time.Minute), want, code)
	}
	add(change.Applied, "")
	add(change.Parked, fault.MutationMalformed)
}

func TestALineOfAnotherQuantityThanWasSignedIsNotSigned(t *testing.T) {
	t.Parallel()
	d, ladder := newDoor(t), uuid.New()
	d.signs(d.line(ladder, 1, 8000))
	d.adds(ladder, 3)
	d.completes(change.Rejected, agreement.ChargesNotAgreed)
	d.signs(d.line(ladder, 3, 8000))
	d.completes(change.Applied, "")
	d.counted(ladder)
}

func TestTheSameWishAgainIsNothingAndOtherWishesAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.open(nil)
	w.assign(o.TicketID, w.technician("甲"))
	before := len(w.chainHolds(o.TicketID))
	wish := func(hours int) error {
		from := nine.Add(time.Duration(hours) * time.Hour)
		return w.try(func(tx *postgres.Tx) error {
			return w.tickets.CustomerWants(t.Context(), tx, o.TicketID, state.Window{From: from, To: from.Add(time.Hour)})
		})
	}
	for range 5 {
		if err := wish(1); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.chainHolds(o.TicketID)) - before; n != 1 {
		t.Errorf("the same wish five times: %d events", n)
	}
	var err error
	n := 1
	for ; err == nil && n < 100; n++ {
		err = wish(n + 1)
	}
	if fault.CodeOf(err) != fault.RateLimited || n > 20 {
		t.Errorf("%d wishes, then %v", n, err)
	}
}

func TestNobodyWaitsForGoodBehindTicketsThatNobodyFits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	region := uuid.New()
	board := w.dispatches(w.technician("甲"))
	for range 20 {
		w.open(func(q *ticket.OpenRequest) { q.Urgency, q.Customer.At = fieldv1.Urgency_URGENCY_RUSH, nil })
	}
	good := w.open(func(q *ticket.OpenRequest) { q.RegionID = region }).TicketID
	for range 2 {
		if _, err := board.Auto(t.Context(), uuid.UUID(w.org), 20, uuid.Nil, "system:dispatch"); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.get(good).GetAssignments()) != 1 {
		t.Error("two rounds of twenty, and the one that somebody fits was not tried")
	}
}

func TestLongKeysThatDifferAtTheirEndAreTwoTickets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	open := func(key string) ticket.Opened {
		return w.open(func(q *ticket.OpenRequest) { q.Source, q.SourceKey = "order", key })
	}
	for _, n := range []int{100, 198, 400} {
		key := strings.Repeat("九", n)
		one, two, again := open(key+"/1"), open(key+"/2"), open(key+"/1")
		if one.TicketID == two.TicketID || two.Existing || again.TicketID != one.TicketID || !again.Existing {
			t.Errorf("%d characters: %v, %v, %v", n, one, two, again)
		}
	}
}

func TestTheOfficesTimesAreNear(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.service()
	id, p := w.open(nil).TicketID, w.technician("甲")
	w.assign(id, p)
	office := w.as(identity.Grant{Role: identity.Dispatcher, Scope: identity.ScopeOrg})
	for at, want := range map[time.Time]fault.Code{
		w.clock().Add(24 * time.Hour): "", w.clock().Add(-24 * time.Hour): "",
		{}: fault.InvalidArgument, w.clock().AddDate(-2, 0, 0): fault.InvalidArgument,
		w.clock().AddDate(2, 0, 0): fault.InvalidArgument,
	} {
		span := &typesv1.Window{Earliest: timestamppb.New(at), Latest: timestamppb.New(at.Add(time.Hour))}
		_, err := s.RescheduleTicket(office,
			connect.NewRequest(&officev1.RescheduleTicketRequest{Id: b(id), Scheduled: span}))
		if fault.CodeOf(err) != want {
			t.Errorf("rescheduled to %s: %v", at, err)
		}
		_, err = s.AssignTicket(office,
			connect.NewRequest(&officev1.AssignTicketRequest{Id: b(id), TechnicianId: b(p.user), Scheduled: span}))
		if fault.CodeOf(err) != want {
			t.Errorf("assigned for %s: %v", at, err)
		}
		_, err = s.OpenTicket(office, connect.NewRequest(&officev1.OpenTicketRequest{
			Id: b(uuid.New()), ProductId: b(w.product), CustomerName: "王", CustomerPhone: "13812340001",
			Address: "人民大道200号", Wanted: span,
		}))
		if fault.CodeOf(err) != want {
			t.Errorf("wanted at %s: %v", at, err)
		}
	}
}
