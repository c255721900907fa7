package ticket

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// NoShow ends the visit of a technician who did not come: the ticket waits for somebody else, and the rules do not give
// it to him again. A visit that has reached the door cannot be one: StateForbids.
func (r *Tickets) NoShow(ctx context.Context, tx *postgres.Tx, id uuid.UUID, reason, actor string) error {
	j, err := r.lock(ctx, tx, id)
	if err != nil {
		return err
	}
	v := j.current()
	if v == nil || v.TechnicianID == nil || j.t.TechnicianID == nil {
		return fault.New(fault.StateForbids, "%s: %s", j.t.Number, j.t.State)
	}
	next, how := v.State.On(state.MarkNoShow)
	if how != state.Moves {
		return fault.New(fault.StateForbids, "%s: %s, %s", j.t.Number, j.t.State, v.State)
	}
	who := *v.TechnicianID
	v.State, v.Reason, v.FinishedAt, v.dirty = next, clip(reason, 300), someTime(tx.Now()), true
	j.endAssignment()
	if err := j.event("ticket.no_show",
		actor, time.Time{}, fact{"technician": who, "visit": v.ID, "reason": reason}); err != nil {
		return err
	}
	if err := j.notify(who, "reassigned_away", "客服记录您未到场："+clip(reason, 100), "the office says that you did not come: "+
		clip(reason, 100)); err != nil {
		return err
	}
	return j.save(ctx)
}
