package app

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

const (
	// assignEvery is how often what waits is looked at again: somebody may be free now.
	assignEvery = 2 * time.Minute
	// assignRound is how many tickets of a company one round looks at.
	assignRound = 1000
	// soon is how much later a job begins than the transaction that wants it: a job that is due at once would be told
	// by NOTIFY in a user's transaction.
	soon = time.Second
)

// byRules is who assigns by itself.
var byRules = ticket.BySystem("dispatch")

type assignArgs struct {
	Org    uuid.UUID `json:"org"`
	Ticket uuid.UUID `json:"ticket"`
}

// Kind implements river.JobArgs.
func (assignArgs) Kind() string { return "assign_ticket" }

// assigner assigns one ticket that begins to wait.
type assigner struct {
	river.WorkerDefaults[assignArgs]
	app *App
}

// Work implements river.Worker.
func (w *assigner) Work(ctx context.Context, j *river.Job[assignArgs]) error {
	on, err := w.app.assigns(ctx, change.Org(j.Args.Org))
	if err != nil || !on {
		return err
	}
	_, err = w.app.Rooms.Dispatch.Give(ctx, j.Args.Org, []uuid.UUID{j.Args.Ticket}, byRules)
	return err
}

// assigns tells whether a company's tickets are assigned without anybody asking.
func (a *App) assigns(ctx context.Context, org change.Org) (bool, error) {
	o, err := a.Rooms.Account.OrgByID(ctx, uuid.UUID(org))
	return o.AutoAssign, err
}

// queue is ticket.Queue.
type queue struct{ app *App }

// Waits enqueues the assignment of a ticket in the transaction in which it begins to wait. Where this process works no
// jobs, the next round finds the ticket.
func (q queue) Waits(ctx context.Context, tx *postgres.Tx, id uuid.UUID) error {
	if q.app.jobs == nil {
		return nil
	}
	ptx, ok := tx.Querier.(pgx.Tx)
	if !ok {
		return errors.New("app: a job is enqueued in a transaction only")
	}
	_, err := q.app.jobs.Client.InsertTx(ctx, ptx, assignArgs{tx.OrgID(), id}, &river.InsertOpts{
		MaxAttempts: 3, ScheduledAt: time.Now().Add(soon), // River compares it with its own clock
	})
	return err
}

// AssignWaiting is one round of automatic assignment for a company that wants it.
func (a *App) AssignWaiting(ctx context.Context, org change.Org) error {
	on, err := a.assigns(ctx, org)
	if err != nil || !on {
		return err
	}
	_, err = a.Rooms.Dispatch.Auto(ctx, uuid.UUID(org), assignRound, uuid.Nil, byRules)
	return err
}
