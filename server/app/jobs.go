package app

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"github.com/doorstep-dev/doorstep/server/job"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

const (
	// tombstonesKept is how long a phone may be away and still catch up without a feed being sent anew.
	tombstonesKept = 90 * 24 * time.Hour
	// finishedKept is how long finished tickets and notices stay on phones.
	finishedKept = 14 * 24 * time.Hour
	// scansKept is how long it is noted who scanned which code.
	scansKept = 90 * 24 * time.Hour
	// archivedAtOnce bounds one transaction of archiving.
	archivedAtOnce = 100
)

// startJobs begins the periodic work: rooms' sweeps, prices that begin, what leaves phones with age.
func (a *App) startJobs(ctx context.Context) error {
	workers := river.NewWorkers()
	orgs := func(ctx context.Context) ([]change.Org, error) {
		all, err := a.Rooms.Account.Orgs(ctx)
		out := make([]change.Org, len(all))
		for i, o := range all {
			out[i] = change.Org(o.ID)
		}
		return out, err
	}
	periodic := a.Rooms.Proof.Jobs(workers, orgs)
	river.AddWorker(workers, &eachOrg[tidyArgs]{orgs: orgs, work: a.tidy, most: time.Hour})
	river.AddWorker(workers, &eachOrg[pricesArgs]{orgs: orgs, work: a.publishPrices, most: time.Minute})
	periodic = append(periodic,
		river.NewPeriodicJob(river.PeriodicInterval(time.Hour), func() (river.JobArgs, *river.InsertOpts) {
			return tidyArgs{}, &river.InsertOpts{MaxAttempts: 1} // the next round comes by itself
		}, &river.PeriodicJobOpts{ID: "tidy", RunOnStart: true}),
		river.NewPeriodicJob(river.PeriodicInterval(time.Minute), func() (river.JobArgs, *river.InsertOpts) {
			return pricesArgs{}, &river.InsertOpts{MaxAttempts: 1}
		}, &river.PeriodicJobOpts{ID: "prices"}),
	)
	runner, err := job.New(a.pool, a.config.Log, workers, periodic)
	if err != nil {
		return err
	}
	if err := runner.Start(ctx); err != nil {
		return err
	}
	a.jobs = runner
	return nil
}

type tidyArgs struct{}

// Kind implements river.JobArgs.
func (tidyArgs) Kind() string { return "tidy" }

type pricesArgs struct{}

// Kind implements river.JobArgs.
func (pricesArgs) Kind() string { return "prices" }

// eachOrg is a worker that does the same for every org; one that fails holds up no other.
type eachOrg[T river.JobArgs] struct {
	river.WorkerDefaults[T]
	orgs func(context.Context) ([]change.Org, error)
	work func(context.Context, change.Org) error
	most time.Duration
}

// Work implements river.Worker.
func (w *eachOrg[T]) Work(ctx context.Context, _ *river.Job[T]) error {
	orgs, err := w.orgs(ctx)
	errs := []error{err}
	for _, org := range orgs {
		errs = append(errs, w.work(ctx, org))
	}
	return errors.Join(errs...)
}

// Timeout implements river.Worker.
func (w *eachOrg[T]) Timeout(*river.Job[T]) time.Duration { return w.most }

// tidy takes finished work off the phones and collects the tombstones that no phone needs any more.
func (a *App) tidy(ctx context.Context, org change.Org) error {
	for {
		left := 0
		err := a.Rooms.Store.Transact(ctx, org, func(tx *postgres.Tx) error {
			old := tx.Now().Add(-finishedKept)
			tickets, err := a.Rooms.Ticket.Archive(ctx, tx, old, archivedAtOnce)
			if err != nil {
				return err
			}
			decisions, err := a.Rooms.Delta.Untell(ctx, tx, old, archivedAtOnce)
			left = tickets + decisions
			return err
		})
		if err != nil {
			return err
		}
		if left == 0 {
			break
		}
	}
	err := a.Rooms.Store.Transact(ctx, org, func(tx *postgres.Tx) error {
		_, err := a.Rooms.Code.Forget(ctx, tx, tx.Now().Add(-scansKept))
		return err
	})
	if err != nil {
		return err
	}
	gone, err := a.Rooms.Store.Collect(ctx, org, a.config.Now().Add(-tombstonesKept))
	if gone > 0 {
		a.config.Log.InfoContext(ctx, "collected tombstones", "org", uuid.UUID(org), "count", gone)
	}
	return err
}

func (a *App) publishPrices(ctx context.Context, org change.Org) error {
	return a.Rooms.Store.Transact(ctx, org, func(tx *postgres.Tx) error {
		_, err := a.Rooms.Catalogue.PublishPrices(ctx, tx)
		return err
	})
}
