package ticket

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/ticket/authority"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// claim is pool.claim: whose claim comes in first has the ticket, accepted; the others are told. The row lock
// makes it one.
func (r *Tickets) claim(ctx context.Context, tx *postgres.Tx, m change.Mutation) (intake.Result, error) {
	args := &fieldv1.ClaimPoolTicket{}
	if err := decode(m.Args, args); err != nil {
		return undecoded(err)
	}
	done, ok := state.Happened(m.Done(), tx.Now())
	if !ok {
		return intake.Park(fault.DeviceTimeFuture, "%s", m.Done().Sub(tx.Now()).Round(time.Second)), nil
	}
	j, err := r.lock(ctx, tx, uuid.UUID(args.GetTicketId()))
	if fault.CodeOf(err) == fault.NotFound {
		return intake.Park(fault.TargetUnknown, ""), nil
	}
	if err != nil {
		return intake.Result{}, err
	}
	if by, ok := reviewer(ctx); ok && !by.For(actors...).Any(j.t.places()...) {
		return intake.Park(fault.TargetUnknown, ""), nil // who replays it must reach the ticket
	}
	who, err := r.people.Technician(ctx, tx, uuid.UUID(m.User))
	switch {
	case fault.CodeOf(err) == fault.NotFound:
		who = Technician{} // no technician any more: of no team
	case err != nil:
		return intake.Result{}, err
	}
	knows, err := j.offeredTo(ctx, uuid.UUID(m.User), who.Teams)
	if err != nil {
		return intake.Result{}, err
	}
	if !knows { // the answer to a ticket that is not there, for to this phone it never was
		return intake.Park(fault.TargetUnknown, ""), nil
	}
	a := &act{job: j, m: m, args: args, event: state.Accept, done: done}
	if a.t.PoolTeamID == nil {
		return a.tooLate(ctx)
	}
	if !who.Active || !slices.Contains(who.Teams, *a.t.PoolTeamID) {
		return intake.Reject(fault.Forbidden, ""), nil
	}
	if !a.t.State.Allows(state.ActAssign) {
		return intake.Reject(fault.StateForbids, "%s: %s", a.t.Number, fault.Key(a.t.State.String())), nil
	}
	team := *a.t.PoolTeamID
	err = j.give(who, AssignRequest{
		Way: "claim", Actor: ByUser(uuid.UUID(m.User)), ReasonZH: "抢单成功", ReasonEN: "claimed from the pool",
	})
	if err != nil {
		return intake.Result{}, err
	}
	a.v = j.current()
	a.v.State, _ = a.v.State.On(state.Accept)
	a.note()
	if err := a.record(fact{"team": team}); err != nil {
		return intake.Result{}, err
	}
	return a.finish(ctx)
}

// offeredTo tells whether a technician of these teams may know of the ticket: it is or was offered to one of them, or
// it was the technician's own.
func (j *job) offeredTo(ctx context.Context, technician uuid.UUID, teams []uuid.UUID) (bool, error) {
	if j.t.PoolTeamID != nil && slices.Contains(teams, *j.t.PoolTeamID) ||
		slices.ContainsFunc(j.spans, func(i authority.Interval) bool { return i.Technician == technician }) {
		return true, nil
	}
	rows, err := j.tx.Query(ctx, `SELECT payload FROM ticket_event
		WHERE org_id = $1 AND ticket_id = $2 AND kind = 'ticket.pooled'`,
		j.tx.OrgID(), j.t.ID)
	if err != nil {
		return false, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, payload := range all {
		var offer struct{ Team uuid.UUID }
		if json.Unmarshal([]byte(payload), &offer) == nil && slices.Contains(teams, offer.Team) {
			return true, nil
		}
	}
	return false, err
}

// tooLate answers a claim for a ticket that is in no pool any more.
func (a *act) tooLate(ctx context.Context) (intake.Result, error) {
	user := uuid.UUID(a.m.User)
	switch {
	case value(a.t.TechnicianID) == user:
		return intake.Done(), nil // his already: another phone of his was faster
	case a.t.TechnicianID == nil:
		return intake.Reject(fault.StateForbids, "%s: %s", a.t.Number, fault.Key(a.t.State.String())), nil
	}
	if err := a.notify(user, "claimed_by_other", "已被他人抢走", "somebody else was faster"); err != nil {
		return intake.Result{}, err
	}
	// Only the notice: the ticket itself has not changed.
	return intake.Reject(AlreadyClaimed, "%s", a.t.Number), a.tx.SendBatch(ctx, &a.writes).Close()
}
