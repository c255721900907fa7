package ticket_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func TestAReasonThatTheCompanyDoesNotHaveWaitsForTheOffice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	put := func(use, key string) {
		w.do(func(tx *postgres.Tx) error {
			_, err := w.tickets.PutReason(t.Context(), tx, &fieldv1.Reason{Use: use, Key: key, Name: &typesv1.Label{Zh: "原因"}})
			return err
		})
	}
	put("decline", "too_far")
	p := w.technician("a")
	o := w.open(nil)
	visit := w.assign(o.TicketID, p)

	no := p.mutate("visit.decline", &fieldv1.VisitDecline{VisitId: b(visit), Reason: "bored"}, w.pass(time.Minute))
	v := p.push(no)[0]
	if v.Outcome != parked || v.Code != fault.TargetUnknown || v.Detail != fault.Textf("reason %s", "bored") {
		t.Errorf("got %s %s %s", v.Outcome, v.Code, v.Detail)
	}
	if r := w.replay(no.ID, nil); r.Outcome != parked {
		t.Errorf("replayed as it came: %v", r)
	}
	mended, err := proto.Marshal(&fieldv1.VisitDecline{VisitId: b(visit), Reason: "too_far"})
	if err != nil {
		t.Fatal(err)
	}
	if r := w.replay(no.ID, mended); r.Outcome != applied {
		t.Errorf("replayed with a reason that there is: %v", r)
	}
	w.is(o.TicketID, state.New)

	// A reason is one of its use, and a company without any of a use takes any.
	again := w.assign(o.TicketID, p)
	p.does("visit.accept", &fieldv1.VisitAccept{VisitId: b(again)}, w.clock(), applied, "")
	fail := &fieldv1.VisitCannotComplete{VisitId: b(again), Reason: "too_far"}
	put("cannot_complete", "customer_absent")
	p.does("visit.cannot_complete", fail, w.clock(), parked, fault.TargetUnknown)
	w.is(o.TicketID, state.InProgress)
	put("cannot_complete", "too_far")
	p.does("visit.cannot_complete", fail, w.clock(), applied, "")
	w.is(o.TicketID, state.CannotComplete)
	w.chainHolds(o.TicketID)
}
