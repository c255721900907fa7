package ticket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/ticket/agreement"
	"github.com/doorstep-dev/doorstep/server/ticket/authority"
	"github.com/doorstep-dev/doorstep/server/ticket/checklist"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// answer keeps the answer to a step; a later one replaces an earlier, by the device's order on one device and by
// device time between two.
func answer(ctx context.Context, a *act, args *fieldv1.AnswerTask) (intake.Result, error) {
	w := &fieldv1.TaskAnswer{Step: args.GetStep(), DeviceTime: timestamppb.New(a.m.Done())}
	switch v := args.GetValue().(type) {
	case *fieldv1.AnswerTask_Check:
		w.Value = &fieldv1.TaskAnswer_Check{Check: v.Check}
	case *fieldv1.AnswerTask_Number:
		w.Value = &fieldv1.TaskAnswer_Number{Number: v.Number}
	case *fieldv1.AnswerTask_Text:
		w.Value = &fieldv1.TaskAnswer_Text{Text: v.Text}
	}
	if a.t.TemplateID != nil {
		t, err := template(ctx, a.tx, *a.t.TemplateID)
		if err != nil {
			return intake.Result{}, err
		}
		step := checklist.Step(t, args.GetStep())
		if step == nil {
			return a.park(ctx, fault.TargetUnknown, fault.Textf("step %s", args.GetStep()))
		}
		if err := checklist.CheckAnswer(step, w); err != nil {
			return a.refuse(ctx, fault.InvalidArgument, fault.As(err).Detail)
		}
	}
	if a.v.State.Worked() {
		// The visit has ended on what it had: the answer is evidence beside it.
		if err := a.record(nil); err != nil {
			return intake.Result{}, err
		}
		return a.finish(ctx, change.FieldChange{Field: "step." + args.GetStep(), Yours: said(w), Kept: a.v.State.String()})
	}
	old, device, at, err := a.answered(ctx, args.GetStep())
	if err != nil {
		return intake.Result{}, err
	}
	if old != nil && device != uuid.UUID(a.m.Device) && at.After(a.m.Done()) {
		a.decision.Evidence = true
		if err := a.record(nil); err != nil {
			return intake.Result{}, err
		}
		return a.finish(ctx, change.FieldChange{Field: "step." + args.GetStep(), Yours: said(w), Kept: said(old)})
	}
	a.write(`INSERT INTO ticket_answer (org_id, visit_id, step, value, device_id, device_time, server_time)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (org_id, visit_id, step) DO UPDATE SET value = $4, device_id = $5, device_time = $6, server_time = $7`,
		a.tx.OrgID(), a.v.ID, args.GetStep(), body(w), uuid.UUID(a.m.Device), a.m.Done(), a.tx.Now())
	a.v.dirty = true
	if err := a.record(nil); err != nil {
		return intake.Result{}, err
	}
	if a.decision.Evidence {
		return a.finish(ctx, a.kept("step."+args.GetStep()))
	}
	return a.finish(ctx)
}

func (a *act) answered(ctx context.Context, step string) (*fieldv1.TaskAnswer, uuid.UUID, time.Time, error) {
	var b []byte
	var device uuid.UUID
	var at time.Time
	err := a.tx.QueryRow(ctx, `SELECT value, device_id, device_time FROM ticket_answer
		WHERE org_id = $1 AND visit_id = $2 AND step = $3`,
		a.tx.OrgID(), a.v.ID, step).Scan(&b, &device, &at)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, device, at, nil
	}
	if err != nil {
		return nil, device, at, err
	}
	w := &fieldv1.TaskAnswer{}
	return w, device, at, proto.Unmarshal(b, w)
}

// said is an answer for people.
func said(w *fieldv1.TaskAnswer) string {
	switch v := w.GetValue().(type) {
	case *fieldv1.TaskAnswer_Check:
		return fmt.Sprint(v.Check)
	case *fieldv1.TaskAnswer_Number:
		return fmt.Sprintf("%g", v.Number)
	case *fieldv1.TaskAnswer_Text:
		return v.Text
	}
	return ""
}

func addPart(ctx context.Context, a *act, args *fieldv1.AddPart) (intake.Result, error) {
	return a.charge(ctx, fieldv1.PriceItemKind_PRICE_ITEM_KIND_PART, args.GetId(), args.GetPriceItemId(),
		args.GetQuantity())
}

func addSurcharge(ctx context.Context, a *act, args *fieldv1.AddSurcharge) (intake.Result, error) {
	return a.charge(ctx, fieldv1.PriceItemKind_PRICE_ITEM_KIND_SURCHARGE, args.GetId(), args.GetPriceItemId(),
		args.GetQuantity())
}

// charge adds a part or a surcharge at the price that held when it was added.
func (a *act) charge(
	ctx context.Context, kind fieldv1.PriceItemKind, id, item []byte, quantity uint32,
) (intake.Result, error) {
	p, err := a.tickets.goods.PriceItem(ctx, a.tx, uuid.UUID(item), a.done)
	if fault.CodeOf(err) == fault.NotFound {
		return a.park(ctx, fault.TargetUnknown, "price item")
	}
	if err != nil {
		return intake.Result{}, err
	}
	if p.Kind != kind {
		return a.park(ctx, fault.InvalidArgument, "the price item is of another kind")
	}
	changes, foreign, err := a.toldBefore(ctx, uuid.UUID(id), uuid.UUID(item), kind, quantity)
	if err != nil {
		return intake.Result{}, err
	}
	if foreign {
		return a.park(ctx, fault.MutationMalformed, "id: another ticket has a charge with it")
	}
	// An id that is there already is the same thing told again; what it says otherwise now is not taken over.
	a.write(`INSERT INTO ticket_charge (org_id, id, ticket_id, visit_id, kind, price_item_id, name, quantity, unit_minor,
		currency,
			device_time, server_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING`,
		a.tx.OrgID(), uuid.UUID(id), a.t.ID, a.v.ID, int16(kind), uuid.UUID(item), p.Name, int32(quantity), p.Price.Minor,
		string(p.Price.Currency), a.m.Done(), a.tx.Now())
	if err := a.record(fact{"name": p.Name, "unit_price": p.Price}); err != nil {
		return intake.Result{}, err
	}
	return a.finish(ctx, changes...)
}

// addNote is note.add: a remark on the ticket; notes only add.
func (r *Tickets) addNote(ctx context.Context, tx *postgres.Tx, m change.Mutation) (intake.Result, error) {
	args := &fieldv1.AddNote{}
	if err := decode(m.Args, args); err != nil {
		return undecoded(err)
	}
	a, result, err := r.admit(ctx, tx, m, args, uuid.Nil, uuid.UUID(args.GetTicketId()), authority.Adds, "")
	if a == nil {
		return result, err
	}
	author := a.t.TechnicianName
	if uuid.UUID(m.User) != value(a.t.TechnicianID) {
		who, err := r.people.Technician(ctx, tx, uuid.UUID(m.User))
		if err != nil {
			return intake.Result{}, err
		}
		author = who.Name
	}
	text := clip(args.GetText(), 2000)
	a.write(`INSERT INTO ticket_note (org_id, id, ticket_id, text, author_id, author, device_time, server_time)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
		tx.OrgID(), uuid.UUID(args.GetId()), a.t.ID, text, uuid.UUID(m.User), author, m.Done(), tx.Now())
	if err := a.record(nil); err != nil {
		return intake.Result{}, err
	}
	if a.decision.Evidence {
		return a.finish(ctx, a.kept("note"))
	}
	return a.finish(ctx)
}

// Admission is what a room that keeps things of a visit, proofs say, learns when it hands in a mutation.
type Admission struct {
	TicketID uuid.UUID
	VisitID  uuid.UUID
	// TechnicianID is whose visit it is; HolderID is who has the ticket now, zero for nobody.
	TechnicianID uuid.UUID
	HolderID     uuid.UUID
	// At is when it happened, by the device within the clock check.
	At time.Time
	// EventHash is the newest of the ticket's chain, this thing included.
	EventHash []byte
}

// Admit judges a mutation that only adds something to a visit, locks the ticket and writes it into the trail. When
// ok, the caller keeps the thing and returns result; else there is nothing to keep and result is the verdict. args
// is what the trail shows of the mutation.
func (r *Tickets) Admit(
	ctx context.Context, tx *postgres.Tx, m change.Mutation, visit uuid.UUID, args proto.Message,
) (ad Admission, result intake.Result, ok bool, err error) {
	a, result, err := r.admit(ctx, tx, m, args, visit, uuid.Nil, authority.Adds, "")
	if a == nil {
		return Admission{}, result, false, err
	}
	var more fact
	if s, ok := args.(*fieldv1.SignSignature); ok {
		if err := agreement.Check(a.t.ID[:], s); err != nil {
			result, err := a.park(ctx, fault.MutationMalformed, fault.As(err).Detail)
			return Admission{}, result, false, err
		}
		if more, err = a.agree(ctx, s); err != nil {
			return Admission{}, intake.Result{}, false, err
		}
	}
	if err := a.record(more); err != nil {
		return Admission{}, intake.Result{}, false, err
	}
	var changes []change.FieldChange
	if a.decision.Outcome == change.Merged {
		changes = append(changes, a.kept(m.Kind))
	}
	if result, err = a.finish(ctx, changes...); err != nil {
		return Admission{}, intake.Result{}, false, err
	}
	return Admission{
		TicketID: a.t.ID, VisitID: visit, TechnicianID: value(a.v.TechnicianID), HolderID: value(a.t.TechnicianID),
		At: a.done, EventHash: a.t.EventHash,
	}, result, true, nil
}
