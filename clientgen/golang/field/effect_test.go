package field_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorstep-dev/doorstep/clientgen/golang/field"
	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
)

var (
	ticketID, visitID, itemID, unitID, productID, newID = id(1), id(2), id(3), id(4), id(5), id(6)

	at = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
)

func id(n byte) []byte { u := uuid.UUID{15: n}; return u[:] }

func item(t *testing.T, kind fieldv1.EntityKind, id []byte, m proto.Message) offline.Item {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return offline.Item{Entity: offline.Entity{Kind: offline.Kind(kind), ID: uuid.UUID(id)}, Body: b}
}

// view holds one job in a state, with a price item, and one unit in the shop.
func view(t *testing.T, state fieldv1.VisitState) *offline.View {
	t.Helper()
	return offline.ViewOf(
		item(t, fieldv1.EntityKind_ENTITY_KIND_TICKET, ticketID,
			&fieldv1.Ticket{Id: ticketID, State: fieldv1.TicketState_TICKET_STATE_NEW}),
		item(t, fieldv1.EntityKind_ENTITY_KIND_VISIT, visitID, &fieldv1.Visit{
			Id: visitID, TicketId: ticketID, State: state,
			Answers: []*fieldv1.TaskAnswer{{Step: "a", Value: &fieldv1.TaskAnswer_Check{Check: false}}},
		}),
		item(t, fieldv1.EntityKind_ENTITY_KIND_PRICE_ITEM, itemID,
			&fieldv1.PriceItem{Id: itemID, Name: &typesv1.Label{Zh: "软管"}, Price: &typesv1.Money{Minor: 2500, Currency: "CNY"}}),
		item(t, fieldv1.EntityKind_ENTITY_KIND_POOL_TICKET, ticketID, &fieldv1.PoolTicket{Id: ticketID, Number: "T-1"}),
		item(t, fieldv1.EntityKind_ENTITY_KIND_UNIT, unitID,
			&storev1.Unit{Id: unitID, ProductId: productID, Gtin: "06901234567892", Serial: "SN1", HumanCode: "K7M3-9QX8"}),
		item(t, fieldv1.EntityKind_ENTITY_KIND_PRODUCT, productID,
			&fieldv1.Product{Id: productID, Name: &typesv1.Label{Zh: "热水器"}}),
	)
}

func do(t *testing.T, v *offline.View, kind string, args proto.Message) []offline.Change {
	t.Helper()
	b, err := proto.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	changes := field.Effects(field.ByHand{})[kind](v, offline.Mutation{Kind: kind, Args: b, DeviceTime: at})
	v.Apply(changes...)
	return changes
}

func visitOf(v *offline.View) *fieldv1.Visit {
	return field.Visits.Get(v, visitID)
}

func ticketOf(v *offline.View) *fieldv1.Ticket {
	return field.Tickets.Get(v, ticketID)
}

func TestVisitsMoveAsTheirStateAllows(t *testing.T) {
	t.Parallel()
	type state = fieldv1.VisitState
	const (
		dispatched = fieldv1.VisitState_VISIT_STATE_DISPATCHED
		accepted   = fieldv1.VisitState_VISIT_STATE_ACCEPTED
		declined   = fieldv1.VisitState_VISIT_STATE_DECLINED
		traveling  = fieldv1.VisitState_VISIT_STATE_TRAVELING
		onSite     = fieldv1.VisitState_VISIT_STATE_ON_SITE
		onBreak    = fieldv1.VisitState_VISIT_STATE_ON_BREAK
		completed  = fieldv1.VisitState_VISIT_STATE_COMPLETED
		partly     = fieldv1.VisitState_VISIT_STATE_PARTIALLY_COMPLETED
		cannot     = fieldv1.VisitState_VISIT_STATE_CANNOT_COMPLETE
		canceled   = fieldv1.VisitState_VISIT_STATE_CANCELED
	)
	for _, c := range []struct {
		kind   string
		args   proto.Message
		from   []state
		to     state
		ticket fieldv1.TicketState
	}{
		{
			"visit.accept", &fieldv1.VisitAccept{VisitId: visitID},
			[]state{dispatched},
			accepted,
			fieldv1.TicketState_TICKET_STATE_IN_PROGRESS,
		},
		{
			"visit.decline", &fieldv1.VisitDecline{VisitId: visitID, Reason: "far"},
			[]state{dispatched, accepted},
			declined,
			fieldv1.TicketState_TICKET_STATE_NEW,
		},
		{
			"visit.travel", &fieldv1.VisitTravel{VisitId: visitID},
			[]state{accepted},
			traveling,
			fieldv1.TicketState_TICKET_STATE_IN_PROGRESS,
		},
		{
			"visit.arrive", &fieldv1.VisitArrive{VisitId: visitID},
			[]state{accepted, traveling, onBreak},
			onSite,
			fieldv1.TicketState_TICKET_STATE_IN_PROGRESS,
		},
		{
			"visit.break", &fieldv1.VisitBreak{VisitId: visitID},
			[]state{onSite},
			onBreak,
			fieldv1.TicketState_TICKET_STATE_IN_PROGRESS,
		},
		{
			"visit.resume", &fieldv1.VisitResume{VisitId: visitID},
			[]state{onBreak},
			onSite,
			fieldv1.TicketState_TICKET_STATE_IN_PROGRESS,
		},
		{
			"visit.complete", &fieldv1.VisitComplete{VisitId: visitID},
			[]state{onSite, onBreak},
			completed,
			fieldv1.TicketState_TICKET_STATE_COMPLETED,
		},
		{
			"visit.cannot_complete", &fieldv1.VisitCannotComplete{VisitId: visitID, Reason: "x"},
			[]state{accepted, traveling, onSite, onBreak},
			cannot, fieldv1.TicketState_TICKET_STATE_CANNOT_COMPLETE,
		},
		{
			"visit.cannot_complete", &fieldv1.VisitCannotComplete{VisitId: visitID, Reason: "x", Partially: true},
			[]state{onSite, onBreak},
			partly, fieldv1.TicketState_TICKET_STATE_IN_PROGRESS,
		},
	} {
		for _, now := range []state{
			dispatched, accepted, declined, traveling, onSite, onBreak, completed, partly,
			cannot, canceled,
		} {
			v := view(t, now)
			do(t, v, c.kind, c.args)
			want, wantTicket := now, fieldv1.TicketState_TICKET_STATE_NEW
			for _, f := range c.from {
				if f == now {
					want, wantTicket = c.to, c.ticket
				}
			}
			if got := visitOf(v).GetState(); got != want || ticketOf(v).GetState() != wantTicket {
				t.Errorf("%s on %s: visit %s, ticket %s; want %s, %s", c.kind, now, got, ticketOf(v).GetState(), want, wantTicket)
			}
		}
	}
}

func TestFactsKeepTheirDeviceTime(t *testing.T) {
	t.Parallel()
	v := view(t, fieldv1.VisitState_VISIT_STATE_DISPATCHED)
	do(t, v, "visit.accept", &fieldv1.VisitAccept{VisitId: visitID})
	do(t, v, "visit.travel", &fieldv1.VisitTravel{VisitId: visitID})
	do(t, v, "visit.arrive", &fieldv1.VisitArrive{VisitId: visitID})
	do(t, v, "visit.complete", &fieldv1.VisitComplete{VisitId: visitID})
	for _, got := range []*timestamppb.Timestamp{
		visitOf(v).GetAcceptedAt(), visitOf(v).GetTravelingAt(),
		visitOf(v).GetArrivedAt(), visitOf(v).GetFinishedAt(),
	} {
		if !got.AsTime().Equal(at) {
			t.Errorf("got %v", got)
		}
	}
}

func TestALaterAnswerReplacesTheEarlier(t *testing.T) {
	t.Parallel()
	v := view(t, fieldv1.VisitState_VISIT_STATE_ON_SITE)
	do(t, v, "task.answer",
		&fieldv1.AnswerTask{VisitId: visitID, Step: "a", Value: &fieldv1.AnswerTask_Check{Check: true}})
	do(t, v, "task.answer",
		&fieldv1.AnswerTask{VisitId: visitID, Step: "b", Value: &fieldv1.AnswerTask_Number{Number: 0.4}})
	do(t, v, "task.answer", &fieldv1.AnswerTask{VisitId: visitID, Step: "b", Value: &fieldv1.AnswerTask_Text{Text: "x"}})
	if a := visitOf(v).GetAnswers(); len(a) != 2 || !a[0].GetCheck() || a[1].GetText() != "x" {
		t.Errorf("answers %v", a)
	}
}

func TestWhatIsAddedShowsOnTheTicket(t *testing.T) {
	t.Parallel()
	v := view(t, fieldv1.VisitState_VISIT_STATE_ON_SITE)
	do(t, v, "part.add", &fieldv1.AddPart{Id: newID, VisitId: visitID, PriceItemId: itemID, Quantity: 2})
	do(t, v, "surcharge.add", &fieldv1.AddSurcharge{Id: newID, VisitId: visitID, PriceItemId: itemID, Quantity: 1})
	do(t, v, "note.add", &fieldv1.AddNote{Id: newID, TicketId: ticketID, Text: "老化"})
	got := ticketOf(v)
	if p := got.GetParts(); len(p) != 1 || p[0].GetName() != "软管" || p[0].GetQuantity() != 2 ||
		p[0].GetUnitPrice().GetMinor() != 2500 {
		t.Errorf("parts %v", p)
	}
	if len(got.GetSurcharges()) != 1 || got.GetNotes()[0].GetText() != "老化" {
		t.Errorf("ticket %v", got)
	}
}

func TestProofsAwaitTheirBytes(t *testing.T) {
	t.Parallel()
	v := view(t, fieldv1.VisitState_VISIT_STATE_ON_SITE)
	do(t, v, "proof.attach",
		&fieldv1.AttachProof{Id: newID, VisitId: visitID, Step: "before", Kind: fieldv1.ProofKind_PROOF_KIND_BEFORE, Size: 5})
	do(t, v, "signature.sign", &fieldv1.SignSignature{Id: id(7), VisitId: visitID, Step: "sign", SignerName: "王"})
	all := field.Proofs.All(v)
	if len(all) != 2 || all[0].GetState() != fieldv1.ProofState_PROOF_STATE_AWAITING ||
		string(all[0].GetTicketId()) != string(ticketID) ||
		all[1].GetKind() != fieldv1.ProofKind_PROOF_KIND_SIGNATURE || all[1].GetSignerName() != "王" {
		t.Errorf("proofs %v", all)
	}
}

func TestAClaimShowsAsPendingAndTakesNothing(t *testing.T) {
	t.Parallel()
	v := view(t, fieldv1.VisitState_VISIT_STATE_ON_SITE)
	do(t, v, "pool.claim", &fieldv1.ClaimPoolTicket{TicketId: ticketID})
	if all := field.PoolTickets.All(v); len(all) != 1 || !field.PoolTickets.Pending(v, ticketID) {
		t.Errorf("pool %v", all)
	}
}

func TestASecondScanFindsTheTicketThatThePhoneOpened(t *testing.T) {
	t.Parallel()
	for _, scanned := range []string{
		"https://id.example/01/06901234567892/21/SN1", "(01)06901234567892(21)SN1",
		"k7m3 9qx8", "]Q1https://id.example/01/06901234567892/21/SN1?utm=50%off", "（０１）06901234567892（21）SN1", "SN1",
	} {
		v := view(t, fieldv1.VisitState_VISIT_STATE_ON_SITE)
		do(t, v, "store.open_ticket",
			&storev1.OpenTicketByScan{TicketId: newID, Scanned: scanned, CustomerPhone: "13800000001"})
		got := field.OpenTicketOf(v, unitID)
		if got.GetProductName() != "热水器" || got.GetCustomerPhone() != "138****0001" {
			t.Errorf("%s: %v", scanned, got)
		}
		if c := do(t, v, "store.open_ticket", &storev1.OpenTicketByScan{TicketId: id(9), Scanned: scanned}); len(c) != 0 {
			t.Errorf("%s: a second ticket was opened", scanned)
		}
	}
}

func TestWhatCannotBeUnderstoodChangesNothing(t *testing.T) {
	t.Parallel()
	for kind, effect := range field.Effects(field.ByHand{}) {
		for _, args := range [][]byte{nil, {0xff}, []byte("nonsense that is no message"), {10, 1, 1}} {
			v := view(t, fieldv1.VisitState_VISIT_STATE_ON_SITE)
			if c := effect(v, offline.Mutation{Kind: kind, Args: args, DeviceTime: at}); len(c) != 0 &&
				kind != "store.open_ticket" {
				t.Errorf("%s with %x: %v", kind, args, c)
			}
		}
	}
}
