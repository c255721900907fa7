package ticket_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/server/ticket/agreement"
	"github.com/doorstep-dev/doorstep/server/ticket/checklist"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// door is a technician at a customer's door: the checklist is done but for the signature.
type door struct {
	*world
	ticket, visit uuid.UUID
	p             *phone
	signed        []bool // of each signature, whether it names what it shows
}

func newDoor(t *testing.T) *door {
	t.Helper()
	w := newWorld(t)
	d := &door{world: w, p: w.technician("李师傅")}
	w.signatures = func() (int, bool) {
		n := len(d.signed)
		return n, n > 0 && d.signed[n-1]
	}
	w.intake.Mutators["signature.sign"] = func(ctx context.Context, tx *postgres.Tx,
		m change.Mutation,
	) (intake.Result, error) {
		args := &fieldv1.SignSignature{}
		if err := proto.Unmarshal(m.Args, args); err != nil {
			return intake.Result{}, err
		}
		_, result, ok, err := w.tickets.Admit(ctx, tx, m, uuid.UUID(args.GetVisitId()), args)
		if ok && err == nil {
			d.signed = append(d.signed, len(args.GetContentHash()) > 0)
		}
		return result, err
	}
	d.ticket = w.open(nil).TicketID
	d.visit = w.assign(d.ticket, d.p)
	d.ready(d.p, d.visit)
	return d
}

// ready brings a visit to where only charges and signatures are left.
func (d *door) ready(p *phone, visit uuid.UUID) {
	d.t.Helper()
	d.proofs[visit] = []checklist.Proof{{Step: "after", Kind: fieldv1.ProofKind_PROOF_KIND_AFTER}}
	p.does("visit.accept", &fieldv1.VisitAccept{VisitId: b(visit)}, d.pass(time.Minute), change.Applied, "")
	p.does("visit.arrive", &fieldv1.VisitArrive{VisitId: b(visit)}, d.pass(time.Minute), change.Applied, "")
	p.does("task.answer",
		&fieldv1.AnswerTask{VisitId: b(visit), Step: "pressure", Value: &fieldv1.AnswerTask_Number{Number: 0.4}},
		d.pass(time.Minute), change.Applied, "")
}

func (d *door) adds(id uuid.UUID, quantity uint32) {
	d.t.Helper()
	d.p.does("surcharge.add",
		&fieldv1.AddSurcharge{Id: b(id), VisitId: b(d.visit), PriceItemId: b(d.surcharge), Quantity: quantity},
		d.pass(time.Minute), change.Applied, "")
}

// signs signs what the phone shows of these lines.
func (d *door) signs(lines ...*fieldv1.SignedLine) {
	d.t.Helper()
	d.p.does("signature.sign", d.signature(lines...), d.pass(time.Minute), change.Applied, "")
}

func (d *door) signature(lines ...*fieldv1.SignedLine) *fieldv1.SignSignature {
	return &fieldv1.SignSignature{
		Id: b(uuid.New()), VisitId: b(d.visit), SignerName: "王女士", Lines: lines, Totals: agreement.Totals(lines),
		ContentHash: agreement.Hash(b(d.ticket), lines),
	}
}

func (d *door) line(id uuid.UUID, quantity uint32, unit int64) *fieldv1.SignedLine {
	return agreement.Line(b(id), fieldv1.PriceItemKind_PRICE_ITEM_KIND_SURCHARGE, b(d.surcharge), "高空作业",
		quantity, &typesv1.Money{Minor: unit, Currency: "CNY"})
}

func (d *door) completes(want change.Outcome, code fault.Code) {
	d.t.Helper()
	d.p.does("visit.complete", &fieldv1.VisitComplete{VisitId: b(d.visit)}, d.pass(time.Minute), want, code)
}

// counted is what the completion gave pay to count.
func (d *door) counted(want ...uuid.UUID) {
	d.t.Helper()
	if len(d.completed) != 1 {
		d.t.Fatalf("completed %d times", len(d.completed))
	}
	var got, charged []string
	for _, c := range slices.Concat(d.completed[0].Parts, d.completed[0].Surcharges) {
		got = append(got, fmt.Sprint(c.Name, c.Quantity, c.UnitPrice.Minor))
	}
	for _, id := range want {
		var name string
		var quantity, minor int64
		err := d.db.Owner.QueryRow(d.t.Context(), `SELECT name, quantity, unit_minor FROM ticket_charge WHERE id = $1`, id).
			Scan(&name, &quantity, &minor)
		if err != nil {
			d.t.Fatal(err)
		}
		charged = append(charged, fmt.Sprint(name, quantity, minor))
	}
	slices.Sort(got)
	slices.Sort(charged)
	if !slices.Equal(got, charged) {
		d.t.Errorf("counted %v, want %v", got, charged)
	}
}

// review tells whether the office is told to look at the ticket.
func (d *door) review() (review bool) {
	d.t.Helper()
	if err := d.db.Owner.QueryRow(d.t.Context(), `SELECT review FROM ticket
		WHERE id = $1`, d.ticket).Scan(&review); err != nil {
		d.t.Fatal(err)
	}
	return review
}

// agreed is the signature that the feed shows on a surcharge.
func (d *door) agreed(id uuid.UUID) bool {
	d.t.Helper()
	tk := &fieldv1.Ticket{}
	if !d.holds(fieldv1.EntityKind_ENTITY_KIND_TICKET, d.ticket, d.tech(d.p), tk) {
		d.t.Fatal("the technician has no ticket")
	}
	for _, s := range tk.GetSurcharges() {
		if uuid.UUID(s.GetId()) == id {
			return len(s.GetAgreedBy()) > 0
		}
	}
	d.t.Fatal("no such surcharge")
	return false
}

func TestWhatIsAddedAfterTheSignatureWaitsForAnother(t *testing.T) {
	t.Parallel()
	d, ladder := newDoor(t), uuid.New()
	d.signs() // terms over ¥0.00
	d.adds(ladder, 1)
	if d.agreed(ladder) {
		t.Error("a signature covers what came after it")
	}
	d.completes(change.Rejected, agreement.ChargesNotAgreed)
	d.signs(d.line(ladder, 1, 8000))
	if !d.agreed(ladder) {
		t.Error("the line that was signed is not agreed to")
	}
	d.completes(change.Applied, "")
	d.counted(ladder)
	d.chainHolds(d.ticket)
}

func TestALineThatIsAlteredIsNoLongerAgreedTo(t *testing.T) {
	t.Parallel()
	d, ladder := newDoor(t), uuid.New()
	d.adds(ladder, 1)
	d.signs(d.line(ladder, 1, 8000))
	// Nothing alters a line today; whatever will, voids what was signed.
	if _, err := d.db.Owner.Exec(t.Context(), `UPDATE ticket_charge SET quantity = 2 WHERE id = $1`, ladder); err != nil {
		t.Fatal(err)
	}
	d.signs() // shows the ticket anew
	if d.agreed(ladder) {
		t.Error("two are agreed to, one was signed for")
	}
	d.completes(change.Rejected, agreement.ChargesNotAgreed)
	d.signs(d.line(ladder, 2, 8000))
	d.completes(change.Applied, "")
	d.counted(ladder)
}

func TestTellingALineAgainOtherwiseAltersNothing(t *testing.T) {
	t.Parallel()
	d, ladder := newDoor(t), uuid.New()
	d.adds(ladder, 1)
	d.signs(d.line(ladder, 1, 8000))
	d.p.does("surcharge.add",
		&fieldv1.AddSurcharge{Id: b(ladder), VisitId: b(d.visit), PriceItemId: b(d.surcharge), Quantity: 5},
		d.pass(time.Minute), change.Merged, "")
	d.completes(change.Applied, "")
	if d.counted(ladder); d.completed[0].Surcharges[0].Quantity != 1 {
		t.Error("five are paid, one was signed for")
	}
}

func TestAnotherPriceThanTheOneSignedIsNotCountedAndIsLookedAt(t *testing.T) {
	t.Parallel()
	d, ladder := newDoor(t), uuid.New()
	d.adds(ladder, 1)
	d.signs(d.line(ladder, 1, 7000)) // by the price list that the phone held
	d.completes(change.Applied, "")
	d.counted()
	if !d.review() {
		t.Error("nobody is told to look at it")
	}
}

func TestASignatureCoversALineThatArrivesAfterIt(t *testing.T) {
	t.Parallel()
	d, ladder := newDoor(t), uuid.New()
	d.signs(d.line(ladder, 2, 8000))
	d.adds(ladder, 2)
	d.completes(change.Applied, "")
	d.counted(ladder)
}

func TestLinesOfSomebodyElseDoNotHoldUpWhoCouldNotKnow(t *testing.T) {
	t.Parallel()
	d, first, own := newDoor(t), uuid.New(), uuid.New()
	d.adds(first, 1)
	d.p.does("visit.cannot_complete", &fieldv1.VisitCannotComplete{VisitId: b(d.visit), Reason: "parts", Partially: true},
		d.pass(time.Minute), change.Applied, "")
	d.p = d.technician("张师傅")
	d.visit = d.assign(d.ticket, d.p)
	d.ready(d.p, d.visit)
	d.adds(own, 1)
	d.signs(d.line(own, 1, 8000))
	d.completes(change.Applied, "")
	d.counted(own)
}

func TestAnOldAppsSignatureCoversWhatItsTechnicianHadAddedBefore(t *testing.T) {
	t.Parallel()
	d, ladder, late := newDoor(t), uuid.New(), uuid.New()
	d.adds(ladder, 1)
	old := &fieldv1.SignSignature{Id: b(uuid.New()), VisitId: b(d.visit), SignerName: "王女士", Terms: "另付 ¥80.00"}
	d.p.does("signature.sign", old, d.pass(time.Minute), change.Applied, "")
	d.adds(late, 1)
	// The app cannot say what is wanted, and the work is done: a person decides.
	m := d.p.mutate("visit.complete", &fieldv1.VisitComplete{VisitId: b(d.visit)}, d.pass(time.Minute))
	if v := d.p.push(m)[0]; v.Outcome != change.Parked || v.Code != agreement.ChargesNotAgreed {
		t.Fatalf("got %v", v)
	}
	office := identity.With(t.Context(), identity.Identity{Org: uuid.UUID(d.org), User: uuid.New()}.
		Holding(identity.Grant{Role: identity.Dispatcher, Scope: identity.ScopeOrg}))
	d.do(func(tx *postgres.Tx) error {
		_, p, err := tx.ReplayParked(office, d.intake, m.ID, nil, change.User(uuid.New()))
		if err == nil && p.Resolution == "" {
			t.Errorf("not replayed: %s %s", p.LastCode, p.LastDetail)
		}
		return err
	})
	d.counted(ladder)
	if d.is(d.ticket, state.Completed); !d.review() {
		t.Error("nobody is told to look at it")
	}
}

func TestASignatureWhoseContentDoesNotFitTogetherIsParked(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for name, spoil := range map[string]func(*fieldv1.SignSignature){
		"hash":             func(s *fieldv1.SignSignature) { s.ContentHash[0]++ },
		"sum":              func(s *fieldv1.SignSignature) { s.Lines[0].Sum.Minor-- },
		"total":            func(s *fieldv1.SignSignature) { s.Totals[0].Minor = 0 },
		"line left out":    func(s *fieldv1.SignSignature) { s.Lines = nil },
		"no hash":          func(s *fieldv1.SignSignature) { s.ContentHash = nil },
		"line twice":       func(s *fieldv1.SignSignature) { s.Lines = append(s.Lines, s.Lines[0]) },
		"of other tickets": func(s *fieldv1.SignSignature) { s.ContentHash = agreement.Hash(b(uuid.New()), s.Lines) },
	} {
		s := d.signature(d.line(uuid.New(), 1, 8000))
		spoil(s)
		m := d.p.mutate("signature.sign", s, d.pass(time.Minute))
		if v := d.p.push(m)[0]; v.Outcome != change.Parked || v.Code != fault.MutationMalformed {
			t.Errorf("%s: got %v", name, v)
		}
	}
}

func TestATicketIsInTheCustomersLanguageElseTheCompanys(t *testing.T) {
	t.Parallel()
	w, p := newWorld(t), (*phone)(nil)
	p = w.technician("李师傅")
	for want, edit := range map[string]func(*ticket.OpenRequest){
		"zh": nil,
		"en": func(q *ticket.OpenRequest) { q.Customer.Language = "en" },
	} {
		id := w.open(edit).TicketID
		w.assign(id, p)
		tk := &fieldv1.Ticket{}
		if w.holds(fieldv1.EntityKind_ENTITY_KIND_TICKET, id, w.tech(p), tk); tk.GetCustomer().GetLanguage() != want {
			t.Errorf("got %q, want %q", tk.GetCustomer().GetLanguage(), want)
		}
	}
	q := w.request()
	q.Customer.Language = "fr"
	if err := w.try(
		func(tx *postgres.Tx) error { _, err := w.tickets.Open(t.Context(), tx, q); return err }); fault.CodeOf(err) !=
		fault.InvalidArgument {
		t.Errorf("got %v", err)
	}
}
