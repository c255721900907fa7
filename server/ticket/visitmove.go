package ticket

import (
	"context"
	"time"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/ticket/checklist"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/intake"
)

// target is the state that an event asks for.
var target = map[state.Event]state.Visit{
	state.Accept: state.VisitAccepted, state.Decline: state.VisitDeclined, state.Travel: state.VisitTraveling,
	state.Arrive: state.VisitOnSite, state.Break: state.VisitOnBreak, state.Resume: state.VisitOnSite,
	state.Complete: state.VisitCompleted, state.PartlyComplete: state.VisitPartiallyCompleted,
	state.Fail: state.VisitCannotComplete,
}

// note keeps when an event happened, unless an earlier report of it is kept already.
func (a *act) note() {
	at := someTime(a.done)
	set := func(p **time.Time) {
		if *p == nil {
			*p = at
			a.v.dirty = true
		}
	}
	switch a.event {
	case state.Accept:
		set(&a.v.AcceptedAt)
	case state.Travel:
		set(&a.v.TravelingAt)
	case state.Arrive:
		set(&a.v.ArrivedAt)
		if a.t.ActualFrom == nil && !a.decision.Evidence {
			a.t.ActualFrom = at
		}
	}
}

// move is accept, travel, arrive, break and resume: the visit goes on, or what is told late is kept.
func move[M ofVisit](ctx context.Context, a *act, _ M) (intake.Result, error) {
	a.note()
	if err := a.record(nil); err != nil {
		return intake.Result{}, err
	}
	if a.decision.Outcome == change.Merged {
		return a.finish(ctx, a.kept(target[a.event].String()))
	}
	a.v.State, a.v.dirty = a.next, true
	return a.finish(ctx)
}

// decline gives the ticket back to the office.
func decline(ctx context.Context, a *act, args *fieldv1.VisitDecline) (intake.Result, error) {
	merged := a.decision.Outcome == change.Merged
	if !merged {
		known, err := knownReason(ctx, a.tx, "decline", args.GetReason())
		if err != nil {
			return intake.Result{}, err
		}
		if !known {
			return a.park(ctx, fault.TargetUnknown, fault.Textf("reason %s", args.GetReason()))
		}
	}
	if err := a.record(nil); err != nil {
		return intake.Result{}, err
	}
	if merged {
		return a.finish(ctx, a.kept(state.VisitDeclined.String()))
	}
	a.v.State, a.v.Reason, a.v.dirty = a.next, args.GetReason(), true
	a.v.FinishedAt = someTime(a.done)
	a.endAssignment()
	return a.finish(ctx)
}

// complete ends the visit's work on its manifest of proof: what is required must be answered and attached, the
// bytes may follow.
func complete(ctx context.Context, a *act, _ *fieldv1.VisitComplete) (intake.Result, error) {
	if a.decision.Outcome == change.Merged {
		return a.again(ctx, state.VisitCompleted)
	}
	gaps, err := a.missing(ctx)
	if err != nil {
		return intake.Result{}, err
	}
	if len(gaps) > 0 && a.reviewer == uuid.Nil {
		return a.refuse(ctx, checklist.Incomplete, checklist.Say(gaps))
	}
	steps := make([]string, len(gaps))
	for i, g := range gaps {
		steps[i] = g.Step
	}
	c, err := a.charged(ctx)
	if err != nil {
		return intake.Result{}, err
	}
	if len(c.unsigned) > 0 && a.reviewer == uuid.Nil {
		return a.unsigned(ctx, c)
	}
	more := fact{"missing": steps}
	if len(c.open) > 0 {
		more["not_agreed"] = ids(c.open)
	}
	if err := a.end(ctx, state.VisitCompleted, "", more); err != nil {
		return intake.Result{}, err
	}
	if len(c.open) > 0 {
		// Somebody of the office has to see that there is something that the customer did not agree to.
		a.t.Review = true
	}
	a.t.ActualTo = a.v.FinishedAt
	if a.t.MoneyState == state.NoMoney {
		a.t.MoneyState = state.Pending
	}
	result, err := a.finish(ctx)
	if err != nil {
		return result, err
	}
	return result, a.tellCompleted(ctx, c.counted)
}

// tellCompleted books what the job pays, with the charges that the customer agreed to, and notes that its piece is
// installed.
func (a *act) tellCompleted(ctx context.Context, charges []Charge) error {
	f, err := a.facts(ctx, value(a.v.TechnicianID), value(a.v.FinishedAt), charges)
	if err != nil {
		return err
	}
	if err := a.tickets.earnings.Accrue(ctx, a.tx, a.v.ID, f); err != nil {
		return err
	}
	if a.t.UnitID == nil {
		return nil
	}
	return a.tickets.units.Installed(ctx, a.tx, *a.t.UnitID)
}

func failing(args *fieldv1.VisitCannotComplete) state.Event {
	if args.GetPartially() {
		return state.PartlyComplete
	}
	return state.Fail
}

// cannotComplete ends the visit with a reason; the office decides how to go on.
func cannotComplete(ctx context.Context, a *act, args *fieldv1.VisitCannotComplete) (intake.Result, error) {
	asked := target[a.event]
	if a.decision.Outcome == change.Merged {
		return a.again(ctx, asked)
	}
	known, err := knownReason(ctx, a.tx, "cannot_complete", args.GetReason())
	if err != nil {
		return intake.Result{}, err
	}
	if !known {
		return a.park(ctx, fault.TargetUnknown, fault.Textf("reason %s", args.GetReason()))
	}
	if err := a.end(ctx, asked, args.GetReason(), nil); err != nil {
		return intake.Result{}, err
	}
	a.t.Review = true
	return a.finish(ctx)
}

// again is the end of a visit that has ended so already: a repeat from another phone.
func (a *act) again(ctx context.Context, asked state.Visit) (intake.Result, error) {
	if err := a.record(nil); err != nil {
		return intake.Result{}, err
	}
	return a.finish(ctx, a.kept(asked.String()))
}

// end ends the visit. Where the office had taken the ticket away and now accepts the work, other visits give way
// and the technician has the ticket again; that clears the mark for review, so who sets it does so afterwards.
func (a *act) end(ctx context.Context, s state.Visit, reason string, more fact) error {
	if a.decision.Revive {
		if err := a.revive(ctx); err != nil {
			return err
		}
	}
	a.v.State, a.v.Reason, a.v.FinishedAt, a.v.dirty = s, reason, someTime(a.done), true
	a.t.HeldAt = nil
	return a.record(more)
}

func (a *act) revive(ctx context.Context) error {
	who, err := a.tickets.people.Technician(ctx, a.tx, value(a.v.TechnicianID))
	if err != nil {
		return err
	}
	for _, v := range a.visits {
		if v == a.v || v.State.Finished() {
			continue
		}
		v.State, v.Reason, v.dirty = state.VisitCanceled, "superseded", true
	}
	holder := value(a.t.TechnicianID)
	if holder != who.ID {
		if holder != uuid.Nil {
			a.endAssignment()
			if err := a.notify(holder, "reassigned_away", "已由其他师傅完成", "was done by somebody else"); err != nil {
				return err
			}
		}
		err := a.beginAssignment(a.v, who, AssignRequest{Way: "office", Actor: ByUser(a.reviewer)},
			"离线完成的工作已被接受", "the work done offline was accepted")
		if err != nil {
			return err
		}
	}
	a.t.TechnicianID, a.t.TechnicianName, a.t.VisitID = &who.ID, who.Name, &a.v.ID
	a.seenBy(who.Teams)
	a.t.CanceledAt, a.t.PoolTeamID, a.t.Review = nil, nil, false
	return nil
}

// missing lists what the visit's checklist lacks.
func (a *act) missing(ctx context.Context) ([]checklist.Gap, error) {
	if a.t.TemplateID == nil {
		return nil, nil
	}
	t, err := template(ctx, a.tx, *a.t.TemplateID)
	if err != nil {
		return nil, err
	}
	kept, err := a.attach(ctx)
	if err != nil {
		return nil, err
	}
	all, err := a.tickets.proofs.OfVisit(ctx, a.tx, a.v.ID)
	if err != nil {
		return nil, err
	}
	proofs := make([]checklist.Proof, len(all))
	for i, p := range all {
		proofs[i] = checklist.Proof{Step: p.GetStep(), Kind: p.GetKind(), Refusal: fault.Code(p.GetRefusal())}
	}
	return checklist.Missing(t, kept.answers[a.v.ID], proofs), nil
}
