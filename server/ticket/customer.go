package ticket

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// mayChange tells whether the customer may still cancel the job or ask for another time: nothing was worked, and nobody
// is on the way.
func (j *job) mayChange() bool {
	if j.t.State != state.New && j.t.State != state.InProgress {
		return false
	}
	for _, v := range j.visits {
		if v.State.Worked() {
			return false
		}
	}
	v := j.current()
	return v == nil || v.State.Finished() || v.State <= state.VisitAccepted
}

// ByCustomer is the actor of what a customer does with the ticket's code.
const ByCustomer = "system:customer"

// CustomerCancels ends a ticket for its customer; StateForbids once somebody is on the way.
func (r *Tickets) CustomerCancels(ctx context.Context, tx *postgres.Tx, id uuid.UUID, reason string) error {
	j, err := r.lock(ctx, tx, id)
	if err != nil {
		return err
	}
	if !j.mayChange() {
		return fault.New(fault.StateForbids, "%s: %s", j.t.Number, j.t.State)
	}
	if reason = clip(reason, 300); reason == "" {
		reason = "客户取消 by the customer"
	}
	return r.Cancel(ctx, tx, id, reason, ByCustomer)
}

// CustomerWants changes the time that suits the customer; StateForbids once somebody is on the way. An appointment that
// was made stays until the office moves it: its technician is told, and the ticket is marked for review.
func (r *Tickets) CustomerWants(ctx context.Context, tx *postgres.Tx, id uuid.UUID, w state.Window) error {
	if w.From.IsZero() || w.To.IsZero() {
		return fault.New(fault.InvalidArgument, "wanted: a window has two ends in order")
	}
	if err := w.Check("wanted"); err != nil {
		return err
	}
	j, err := r.lock(ctx, tx, id)
	if err != nil {
		return err
	}
	if !j.mayChange() {
		return fault.New(fault.StateForbids, "%s: %s", j.t.Number, j.t.State)
	}
	t := &j.t
	old := window(t.WantedFrom, t.WantedTo)
	if old.From.Equal(w.From) && old.To.Equal(w.To) {
		return nil // told again
	}
	if err := j.often(ctx, "ticket.wanted_changed"); err != nil {
		return err
	}
	t.WantedFrom, t.WantedTo = someTime(w.From), someTime(w.To)
	if t.TechnicianID != nil || t.ScheduledFrom != nil {
		t.Review = true
	}
	err = j.event("ticket.wanted_changed", ByCustomer, time.Time{}, fact{
		"from": t.WantedFrom, "to": t.WantedTo, "old_from": someTime(old.From), "old_to": someTime(old.To),
	})
	if err != nil {
		return err
	}
	zone, err := r.people.Zone(ctx, tx)
	if err != nil {
		return err
	}
	at := w.From.In(zone).Format("01-02 15:04")
	if err := j.notify(value(t.TechnicianID), "wanted_changed", "客户希望改到 "+at+"，请等客服确认", "the customer would rather have "+
		at+"; the office decides"); err != nil {
		return err
	}
	j.write(`UPDATE ticket SET wanted_from = $3, wanted_to = $4
		WHERE org_id = $1 AND id = $2`, tx.OrgID(), id, t.WantedFrom, t.WantedTo)
	if err := j.save(ctx); err != nil {
		return err
	}
	if t.waits() {
		return r.queue.Waits(ctx, tx, id)
	}
	return nil
}

// changesADay is how often a customer may change one thing of a ticket within a day.
const changesADay = 10

// often refuses what a customer has changed too often already: each change is kept in the trail, and told to somebody.
func (j *job) often(ctx context.Context, kind string) error {
	var n int
	err := j.tx.QueryRow(ctx, `SELECT count(*) FROM ticket_event WHERE org_id = $1 AND ticket_id = $2 AND kind = $3
		AND server_time > $4`,
		j.tx.OrgID(), j.t.ID, kind, j.tx.Now().Add(-24*time.Hour)).Scan(&n)
	if err == nil && n >= changesADay {
		err = fault.New(fault.RateLimited, "%s", kind)
	}
	return err
}
