package ticket

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/dispatch/score"
	"github.com/doorstep-dev/doorstep/server/ticket/authority"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// AssignRequest gives a ticket to a technician.
type AssignRequest struct {
	TicketID     uuid.UUID
	TechnicianID uuid.UUID
	// Scheduled is when; zero keeps the ticket's own, else what the customer wants.
	Scheduled state.Window
	Actor     string
	// Way is auto, office or claim.
	Way string
	// Reason in a person's words, for both languages alike; else ReasonZH and ReasonEN.
	Reason             string
	ReasonZH, ReasonEN string
	// Score is kept as data beside the reason; it must marshal to JSON. May be nil.
	Score any
	// OnlyWaiting leaves a ticket alone that somebody has got, or a pool, meanwhile: Conflict.
	OnlyWaiting bool
}

// act locks a ticket and checks that the office may do this to it.
func (r *Tickets) act(ctx context.Context, tx *postgres.Tx, id uuid.UUID, a state.Act) (*job, error) {
	j, err := r.lock(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if !j.t.State.Allows(a) {
		return nil, fault.New(fault.StateForbids, "%s: %s", j.t.Number, j.t.State)
	}
	return j, nil
}

// Assign gives a ticket to a technician, also when another one has it: his visit is cancelled, what he did stays.
// Assigning it to who has it already only moves the schedule, if one is given.
func (r *Tickets) Assign(ctx context.Context, tx *postgres.Tx, q AssignRequest) error {
	if err := q.Scheduled.Check("scheduled"); err != nil {
		return err
	}
	j, err := r.act(ctx, tx, q.TicketID, state.ActAssign)
	if err != nil {
		return err
	}
	if q.OnlyWaiting && (j.t.TechnicianID != nil || j.t.PoolTeamID != nil) {
		return fault.New(fault.Conflict, "%s", j.t.Number)
	}
	if err := j.visitable(); err != nil {
		return err
	}
	who, err := r.people.Technician(ctx, tx, q.TechnicianID)
	if err != nil {
		return err
	}
	if !who.Active {
		return fault.New(fault.InvalidArgument, "the technician does not work here any more")
	}
	if v := j.current(); v != nil && value(j.t.TechnicianID) == q.TechnicianID && !v.State.Finished() {
		if q.Scheduled.IsZero() {
			return nil
		}
		return j.reschedule(ctx, q.Scheduled, q.Reason, q.Actor)
	}
	if err := j.give(who, q); err != nil {
		return err
	}
	return j.save(ctx)
}

// give moves the ticket to a technician by a dispatched visit.
func (j *job) give(who Technician, q AssignRequest) error {
	from := value(j.t.TechnicianID)
	scheduled := q.Scheduled
	if scheduled.IsZero() {
		scheduled = window(j.t.ScheduledFrom, j.t.ScheduledTo)
	}
	if scheduled.IsZero() {
		scheduled = window(j.t.WantedFrom, j.t.WantedTo)
	}
	v := j.current()
	if v != nil && !v.State.Finished() && v.TechnicianID != nil {
		if next, how := v.State.On(state.Cancel); how == state.Moves {
			v.State, v.Reason, v.dirty = next, "reassigned", true
		}
		v = nil
	}
	if v != nil && v.State.Finished() {
		v = nil
	}
	if from != uuid.Nil {
		j.endAssignment()
	}
	if v == nil {
		var err error
		if v, err = j.begin(state.VisitDraft, scheduled); err != nil {
			return err
		}
	}
	v.State, _ = v.State.On(state.Dispatch)
	v.TechnicianID, v.dirty = &who.ID, true
	v.ScheduledFrom, v.ScheduledTo = someTime(scheduled.From), someTime(scheduled.To)
	j.t.ScheduledFrom, j.t.ScheduledTo = v.ScheduledFrom, v.ScheduledTo
	j.t.TechnicianID, j.t.TechnicianName, j.t.PoolTeamID = &who.ID, who.Name, nil
	j.seenBy(who.Teams)

	zh, en := q.ReasonZH, q.ReasonEN
	if q.Reason != "" {
		zh, en = clip(q.Reason, 300), clip(q.Reason, 300)
	}
	if err := j.beginAssignment(v, who, q, zh, en); err != nil {
		return err
	}
	err := j.event("ticket.assigned", q.Actor, time.Time{}, fact{
		"technician": who.ID, "name": who.Name, "from": some(from), "visit": v.ID, "way": q.Way, "reason": en,
		"scheduled_from": v.ScheduledFrom, "scheduled_to": v.ScheduledTo,
	})
	if err != nil {
		return err
	}
	if from != uuid.Nil && from != who.ID {
		if err := j.notify(from, "reassigned_away", "已改派给其他师傅；您离线所做的内容会保留并由客服审核",
			"was given to somebody else; what you did offline is kept and reviewed"); err != nil {
			return err
		}
	}
	if q.Way == "claim" {
		return nil
	}
	return j.notify(who.ID, "assigned", "新工单已派给您："+j.t.ProductName, "is yours: "+j.t.ProductName)
}

func (j *job) beginAssignment(v *visitRow, who Technician, q AssignRequest, zh, en string) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	var data []byte
	if q.Score != nil {
		if data, err = json.Marshal(q.Score); err != nil {
			return err
		}
	}
	now := j.tx.Now()
	j.write(`INSERT INTO ticket_assignment (org_id, id, ticket_id, visit_id, technician_id, technician_name, valid_from,
		way, actor,
			reason_zh, reason_en, score) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		j.tx.OrgID(), id, j.t.ID, v.ID, who.ID, who.Name, now, q.Way, q.Actor, zh, en, data)
	j.spans = append(j.spans, authority.Interval{Visit: v.ID, Technician: who.ID, Since: now})
	return nil
}

// Offer puts a ticket into a team's pool, taking it from whoever has it.
func (r *Tickets) Offer(ctx context.Context, tx *postgres.Tx, id, team uuid.UUID, actor string) error {
	j, err := r.act(ctx, tx, id, state.ActPool)
	if err != nil {
		return err
	}
	if value(j.t.PoolTeamID) == team {
		return nil
	}
	if err := j.visitable(); err != nil {
		return err
	}
	if err := j.withdraw("pooled", "reassigned_away", "已放回抢单池", "went back to the pool"); err != nil {
		return err
	}
	j.t.PoolTeamID = &team
	j.seenBy([]uuid.UUID{team})
	if err := j.event("ticket.pooled", actor, time.Time{}, fact{"team": team}); err != nil {
		return err
	}
	return j.save(ctx)
}

// seenBy sets the teams whose leaders see the ticket.
func (j *job) seenBy(teams []uuid.UUID) {
	j.t.TeamIDs = append([]uuid.UUID{}, teams...) // never nil: the column holds no null
}

// withdraw takes the ticket from whoever has it: the visit is cancelled, the assignment ends, he is told.
func (j *job) withdraw(why, notice, zh, en string) error {
	if v := j.current(); v != nil && !v.State.Finished() {
		if next, how := v.State.On(state.Cancel); how == state.Moves {
			v.State, v.Reason, v.dirty = next, why, true
		}
	}
	holder := value(j.t.TechnicianID)
	if holder == uuid.Nil {
		return nil
	}
	j.endAssignment()
	return j.notify(holder, notice, zh, en)
}

// Reschedule moves the appointment. The technician keeps the ticket and is told.
func (r *Tickets) Reschedule(
	ctx context.Context, tx *postgres.Tx, id uuid.UUID, w state.Window, reason, actor string,
) error {
	if w.From.IsZero() || w.To.IsZero() {
		return fault.New(fault.InvalidArgument, "scheduled needs both ends")
	}
	if err := w.Check("scheduled"); err != nil {
		return err
	}
	j, err := r.act(ctx, tx, id, state.ActReschedule)
	if err != nil {
		return err
	}
	return j.reschedule(ctx, w, reason, actor)
}

func (j *job) reschedule(ctx context.Context, w state.Window, reason, actor string) error {
	t := &j.t
	old := window(t.ScheduledFrom, t.ScheduledTo)
	t.ScheduledFrom, t.ScheduledTo = someTime(w.From), someTime(w.To)
	t.ArrivalFrom, t.ArrivalTo = t.ScheduledFrom, t.ScheduledTo
	v := j.current()
	if v == nil || v.State.Finished() {
		if t.TechnicianID == nil {
			var err error
			if v, err = j.begin(state.VisitDraft, w); err != nil {
				return err
			}
			v.State, _ = v.State.On(state.Schedule)
		}
	} else {
		v.ScheduledFrom, v.ScheduledTo, v.dirty = t.ScheduledFrom, t.ScheduledTo, true
	}
	err := j.event("ticket.rescheduled", actor, time.Time{}, fact{
		"from": t.ScheduledFrom, "to": t.ScheduledTo, "old_from": someTime(old.From), "old_to": someTime(old.To),
		"reason": reason,
	})
	if err != nil {
		return err
	}
	zone, err := j.tickets.people.Zone(ctx, j.tx)
	if err != nil {
		return err
	}
	at := t.ScheduledFrom.In(zone).Format("01-02 15:04")
	if err := j.notify(value(t.TechnicianID), "rescheduled", "改期至 "+at, "moved to "+at); err != nil {
		return err
	}
	return j.save(ctx)
}

// Cancel ends a ticket. What a technician did on it, also later and offline, is kept and reviewed.
func (r *Tickets) Cancel(ctx context.Context, tx *postgres.Tx, id uuid.UUID, reason, actor string) error {
	j, err := r.act(ctx, tx, id, state.ActCancel)
	if err != nil {
		return err
	}
	if err := j.withdraw("canceled", "canceled", "已取消："+clip(reason, 100), "was cancelled: "+clip(reason, 100)); err !=
		nil {
		return err
	}
	j.t.CanceledAt, j.t.PoolTeamID, j.t.DecisionReason = someTime(tx.Now()), nil, clip(reason, 300)
	if err := j.event("ticket.canceled", actor, time.Time{}, fact{"reason": reason}); err != nil {
		return err
	}
	return j.save(ctx)
}

// Hold pauses a ticket; who has it keeps it.
func (r *Tickets) Hold(ctx context.Context, tx *postgres.Tx, id uuid.UUID, reason, actor string) error {
	j, err := r.act(ctx, tx, id, state.ActHold)
	if err != nil {
		return err
	}
	j.t.HeldAt, j.t.DecisionReason = someTime(tx.Now()), clip(reason, 300)
	if err := j.event("ticket.held", actor, time.Time{}, fact{"reason": reason}); err != nil {
		return err
	}
	if err := j.notify(value(j.t.TechnicianID), "held", "已暂停："+clip(reason, 100), "is on hold: "+clip(reason, 100)); err !=
		nil {
		return err
	}
	return j.save(ctx)
}

// Resume ends a hold.
func (r *Tickets) Resume(ctx context.Context, tx *postgres.Tx, id uuid.UUID, actor string) error {
	j, err := r.act(ctx, tx, id, state.ActResume)
	if err != nil {
		return err
	}
	j.t.HeldAt, j.t.DecisionReason = nil, ""
	if err := j.event("ticket.resumed", actor, time.Time{}, nil); err != nil {
		return err
	}
	if err := j.notify(value(j.t.TechnicianID), "resumed", "已恢复", "goes on"); err != nil {
		return err
	}
	return j.save(ctx)
}

// Approve accepts the work: the ticket is closed and its money approved.
func (r *Tickets) Approve(ctx context.Context, tx *postgres.Tx, id uuid.UUID, actor string) error {
	j, err := r.act(ctx, tx, id, state.ActApprove)
	if err != nil {
		return err
	}
	j.t.ClosedAt, j.t.Review = someTime(tx.Now()), false
	if j.t.MoneyState.May(state.Approved) {
		j.t.MoneyState = state.Approved
	}
	if err := j.event("ticket.approved", actor, time.Time{}, nil); err != nil {
		return err
	}
	if err := j.save(ctx); err != nil {
		return err
	}
	posted, err := r.earnings.Approve(ctx, tx, id)
	if err != nil || !posted {
		return err
	}
	return r.Posted(ctx, tx, id)
}

// ProofVerified posts the money of a ticket for which that proof was missing. It is called in the transaction in which
// a proof of the ticket becomes verified.
func (r *Tickets) ProofVerified(ctx context.Context, tx *postgres.Tx, id uuid.UUID) error {
	posted, err := r.earnings.Confirm(ctx, tx, id)
	if err != nil || !posted {
		return err
	}
	return r.Posted(ctx, tx, id)
}

// Posted notes that a ticket's money was posted.
func (r *Tickets) Posted(ctx context.Context, tx *postgres.Tx, id uuid.UUID) error {
	return r.SetMoney(ctx, tx, id, state.Posted, BySystem("pay"))
}

// SetMoney moves a ticket's money one step forward, to Posted or Paid.
// Where the money is already there nothing happens.
func (r *Tickets) SetMoney(ctx context.Context, tx *postgres.Tx, id uuid.UUID, m state.Money, actor string) error {
	j, err := r.lock(ctx, tx, id)
	if err != nil {
		return err
	}
	if j.t.MoneyState == m {
		return nil
	}
	if !j.t.MoneyState.May(m) {
		return fault.New(fault.StateForbids, "%s: money", j.t.Number)
	}
	j.t.MoneyState = m
	if err := j.event("money.moved", actor, time.Time{}, fact{"to": int(m)}); err != nil {
		return err
	}
	return j.save(ctx)
}

// Rework opens a ticket that mends the work of an earlier one, with the id given: a repeated call opens once. What
// the earlier work paid is clawed back.
func (r *Tickets) Rework(
	ctx context.Context, tx *postgres.Tx, id, rework uuid.UUID, reason, actor string,
) (Opened, error) {
	j, err := r.act(ctx, tx, id, state.ActRework)
	if err != nil {
		return Opened{}, err
	}
	t := &j.t
	q := OpenRequest{
		ID: rework, Source: "rework", SourceKey: rework.String(), Actor: actor,
		BusinessType: fieldv1.BusinessType_BUSINESS_TYPE_REWORK,
		Urgency:      fieldv1.Urgency_URGENCY_RUSH,
		Customer: Customer{
			ID: value(t.CustomerID), Name: t.CustomerName, Phone: t.CustomerPhone, Address: t.Address, VIP: t.VIP,
			NoPhone:  t.CustomerPhone == "", // somebody has been there without
			Language: t.Language,
		},
		ProductID: value(t.ProductID), ProductName: t.ProductName, UnitID: value(t.UnitID), Serial: t.Serial,
		PurchasedAt: value(t.PurchasedAt), WarrantyUntil: value(t.WarrantyUntil), OrderID: value(t.OrderID),
		OrderNumber: t.OrderNumber,
		StoreID:     value(t.StoreID), StoreName: t.StoreName, RegionID: value(t.RegionID), ReworkOf: t.ID,
	}
	if t.Latitude != nil && t.Longitude != nil {
		q.Customer.At = &score.Point{Latitude: *t.Latitude, Longitude: *t.Longitude}
	}
	// Pay before the number of a new ticket: that is the lock order. This ticket's lock keeps the same rework out.
	_, err = r.look(ctx, tx, rework)
	fresh := fault.CodeOf(err) == fault.NotFound
	if fresh {
		var open string
		err := tx.QueryRow(ctx, `SELECT coalesce(min(number), '') FROM ticket
			WHERE org_id = $1 AND rework_of = $2 AND state IN (1, 2, 3)`,
			tx.OrgID(), id).Scan(&open)
		if err == nil && open != "" {
			err = fault.New(fault.StateForbids, "rework: %s is there already", open)
		}
		if err != nil {
			return Opened{}, err
		}
	}
	if fresh {
		if err := r.earnings.Clawback(ctx, tx, id, rework, reason); err != nil {
			return Opened{}, err
		}
	}
	opened, err := r.Open(ctx, tx, q)
	if err == nil && opened.Existing && fresh {
		err = fault.New(fault.Conflict, "rework: %s is there already", opened.TicketID)
	}
	if err != nil || opened.Existing {
		return opened, err
	}
	if err := j.event("ticket.rework_opened",
		actor, time.Time{}, fact{"rework": opened.TicketID, "number": opened.Number, "reason": reason}); err != nil {
		return Opened{}, err
	}
	return opened, j.save(ctx)
}
