package field

import (
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	fieldv1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/field/v1"
)

// Effects are the optimistic effects by kind of mutation.
func Effects() map[string]offline.Effect {
	return map[string]offline.Effect{
		"visit.accept": visit(func(v *fieldv1.Visit, _ *fieldv1.VisitAccept, at *timestamppb.Timestamp) bool {
			v.AcceptedAt = at
			return move(v, fieldv1.VisitState_VISIT_STATE_ACCEPTED)
		}),
		"visit.decline": visit(func(v *fieldv1.Visit, a *fieldv1.VisitDecline, _ *timestamppb.Timestamp) bool {
			v.Reason = a.GetReason()
			return move(v, fieldv1.VisitState_VISIT_STATE_DECLINED)
		}),
		"visit.travel": visit(func(v *fieldv1.Visit, _ *fieldv1.VisitTravel, at *timestamppb.Timestamp) bool {
			v.TravelingAt = at
			return move(v, fieldv1.VisitState_VISIT_STATE_TRAVELING)
		}),
		"visit.arrive": visit(func(v *fieldv1.Visit, _ *fieldv1.VisitArrive, at *timestamppb.Timestamp) bool {
			v.ArrivedAt = at
			return move(v, fieldv1.VisitState_VISIT_STATE_ON_SITE)
		}),
		"visit.break": visit(func(v *fieldv1.Visit, _ *fieldv1.VisitBreak, _ *timestamppb.Timestamp) bool {
			return move(v, fieldv1.VisitState_VISIT_STATE_ON_BREAK)
		}),
		"visit.resume": visit(func(v *fieldv1.Visit, _ *fieldv1.VisitResume, _ *timestamppb.Timestamp) bool {
			return move(v, fieldv1.VisitState_VISIT_STATE_ON_SITE)
		}),
		"visit.complete": visit(func(v *fieldv1.Visit, _ *fieldv1.VisitComplete, at *timestamppb.Timestamp) bool {
			v.FinishedAt = at
			return move(v, fieldv1.VisitState_VISIT_STATE_COMPLETED)
		}),
		"visit.cannot_complete": visit(func(v *fieldv1.Visit, a *fieldv1.VisitCannotComplete, at *timestamppb.Timestamp) bool {
			v.FinishedAt, v.Reason = at, a.GetReason()
			if a.GetPartially() {
				return move(v, fieldv1.VisitState_VISIT_STATE_PARTIALLY_COMPLETED)
			}
			return move(v, fieldv1.VisitState_VISIT_STATE_CANNOT_COMPLETE)
		}),
		"task.answer":       visit(answer),
		"part.add":          addPart,
		"surcharge.add":     addSurcharge,
		"note.add":          addNote,
		"proof.attach":      attachProof,
		"signature.sign":    sign,
		"pool.claim":        claim,
		"store.open_ticket": openTicket,
	}
}

// from lists the states from which the phone shows a visit moving on at once. The office may allow more or less;
// its state replaces this one.
var from = map[fieldv1.VisitState][]fieldv1.VisitState{
	fieldv1.VisitState_VISIT_STATE_ACCEPTED:  {fieldv1.VisitState_VISIT_STATE_DISPATCHED},
	fieldv1.VisitState_VISIT_STATE_DECLINED:  {fieldv1.VisitState_VISIT_STATE_DISPATCHED, fieldv1.VisitState_VISIT_STATE_ACCEPTED},
	fieldv1.VisitState_VISIT_STATE_TRAVELING: {fieldv1.VisitState_VISIT_STATE_ACCEPTED},
	fieldv1.VisitState_VISIT_STATE_ON_SITE: {
		fieldv1.VisitState_VISIT_STATE_ACCEPTED, fieldv1.VisitState_VISIT_STATE_TRAVELING, fieldv1.VisitState_VISIT_STATE_ON_BREAK,
	},
	fieldv1.VisitState_VISIT_STATE_ON_BREAK:            {fieldv1.VisitState_VISIT_STATE_ON_SITE},
	fieldv1.VisitState_VISIT_STATE_COMPLETED:           {fieldv1.VisitState_VISIT_STATE_ON_SITE, fieldv1.VisitState_VISIT_STATE_ON_BREAK},
	fieldv1.VisitState_VISIT_STATE_PARTIALLY_COMPLETED: {fieldv1.VisitState_VISIT_STATE_ON_SITE, fieldv1.VisitState_VISIT_STATE_ON_BREAK},
	fieldv1.VisitState_VISIT_STATE_CANNOT_COMPLETE: {
		fieldv1.VisitState_VISIT_STATE_ACCEPTED, fieldv1.VisitState_VISIT_STATE_TRAVELING,
		fieldv1.VisitState_VISIT_STATE_ON_SITE, fieldv1.VisitState_VISIT_STATE_ON_BREAK,
	},
}

// May tells whether a visit may go from one state to another, as the phone sees it.
func May(now, next fieldv1.VisitState) bool { return slices.Contains(from[next], now) }

func move(v *fieldv1.Visit, next fieldv1.VisitState) bool {
	if !May(v.GetState(), next) {
		return false
	}
	v.State = next
	return true
}

// onVisit are the arguments that name a visit.
type onVisit interface {
	proto.Message
	GetVisitId() []byte
}

// visit makes the effect of a mutation that changes its visit; fn returns false to change nothing.
func visit[T any, M interface {
	*T
	onVisit
}](fn func(*fieldv1.Visit, M, *timestamppb.Timestamp) bool) offline.Effect {
	return func(view *offline.View, m offline.Mutation) []offline.Change {
		args := M(new(T))
		if proto.Unmarshal(m.Args, args) != nil {
			return nil
		}
		v := Get[fieldv1.Visit](view, fieldv1.EntityKind_ENTITY_KIND_VISIT, args.GetVisitId())
		if v == nil || !fn(v, args, timestamppb.New(m.DeviceTime)) {
			return nil
		}
		out := put(nil, fieldv1.EntityKind_ENTITY_KIND_VISIT, v.GetId(), v)
		if t := Get[fieldv1.Ticket](view, fieldv1.EntityKind_ENTITY_KIND_TICKET, v.GetTicketId()); t != nil {
			if s := ticketState(v.GetState(), t.GetState()); s != t.GetState() {
				t.State = s
				out = put(out, fieldv1.EntityKind_ENTITY_KIND_TICKET, t.GetId(), t)
			}
		}
		return out
	}
}

// ticketState is what the ticket looks like once its current visit is in a state.
func ticketState(v fieldv1.VisitState, now fieldv1.TicketState) fieldv1.TicketState {
	switch v {
	case fieldv1.VisitState_VISIT_STATE_COMPLETED:
		return fieldv1.TicketState_TICKET_STATE_COMPLETED
	case fieldv1.VisitState_VISIT_STATE_CANNOT_COMPLETE:
		return fieldv1.TicketState_TICKET_STATE_CANNOT_COMPLETE
	case fieldv1.VisitState_VISIT_STATE_ACCEPTED, fieldv1.VisitState_VISIT_STATE_TRAVELING,
		fieldv1.VisitState_VISIT_STATE_ON_SITE, fieldv1.VisitState_VISIT_STATE_ON_BREAK,
		fieldv1.VisitState_VISIT_STATE_PARTIALLY_COMPLETED:
		if now == fieldv1.TicketState_TICKET_STATE_NEW {
			return fieldv1.TicketState_TICKET_STATE_IN_PROGRESS
		}
	}
	return now
}

func answer(v *fieldv1.Visit, a *fieldv1.AnswerTask, at *timestamppb.Timestamp) bool {
	given := &fieldv1.TaskAnswer{Step: a.GetStep(), DeviceTime: at}
	switch value := a.GetValue().(type) {
	case *fieldv1.AnswerTask_Check:
		given.Value = &fieldv1.TaskAnswer_Check{Check: value.Check}
	case *fieldv1.AnswerTask_Number:
		given.Value = &fieldv1.TaskAnswer_Number{Number: value.Number}
	case *fieldv1.AnswerTask_Text:
		given.Value = &fieldv1.TaskAnswer_Text{Text: value.Text}
	}
	v.Answers = append(slices.DeleteFunc(v.Answers, func(o *fieldv1.TaskAnswer) bool { return o.GetStep() == a.GetStep() }), given)
	return true
}

// put adds a changed entity.
func put(out []offline.Change, kind fieldv1.EntityKind, id []byte, m proto.Message) []offline.Change {
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return out // a message that was just read, or is made of parts that were
	}
	return append(out, offline.Change{Entity: entity(kind, id), Body: body})
}
