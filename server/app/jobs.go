package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"github.com/doorstep-dev/doorstep/server/job"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// newJobs makes the periodic work: rooms' sweeps, prices that begin, what leaves phones with age. One replica leads
// and says when; any of them works.
func (a *App) newJobs() (*job.Runner, error) {
	workers := river.NewWorkers()
	orgs := func(ctx context.Context) ([]change.Org, error) {
		all, err := a.Rooms.Account.Orgs(ctx)
		out := make([]change.Org, len(all))
		for i, o := range all {
			out[i] = change.Org(o.ID)
		}
		return out, err
	}
	rounds := &job.Rounds{Orgs: orgs}
	a.Rooms.Proof.Jobs(rounds)
	rounds.Add("tidy", time.Hour, nil, func(ctx context.Context, org change.Org) error {
		_, err := a.Tidy(ctx, org)
		return err
	})
	rounds.Add("assign", assignEvery, nil, a.AssignWaiting)
	periodic := rounds.Register(workers)
	river.AddWorker(workers, &assigner{app: a})
	river.AddWorker(workers, &prices{orgs: orgs, work: a.publishPrices})
	periodic = append(periodic,
		river.NewPeriodicJob(river.PeriodicInterval(time.Minute), func() (river.JobArgs, *river.InsertOpts) {
			return pricesArgs{}, &river.InsertOpts{MaxAttempts: 1}
		}, &river.PeriodicJobOpts{ID: "prices"}),
	)
	return job.New(a.pool, a.config.Log, workers, periodic)
}

// patientJobs are jobs whose Stop does not fail: one that was cut off runs again.
type patientJobs struct {
	*job.Runner
	log *slog.Logger
}

func (j patientJobs) Stop(ctx context.Context) error {
	if err := j.Runner.Stop(ctx); err != nil {
		j.log.WarnContext(ctx, "a job was cut off; it will run again", "error", err)
	}
	return nil
}

type pricesArgs struct{}

// Kind implements river.JobArgs.
func (pricesArgs) Kind() string { return "prices" }

// prices shows phones the prices that have begun, org by org; one that fails holds up no other.
type prices struct {
	river.WorkerDefaults[pricesArgs]
	orgs func(context.Context) ([]change.Org, error)
	work func(context.Context, change.Org) error
}

// Work implements river.Worker.
func (w *prices) Work(ctx context.Context, _ *river.Job[pricesArgs]) error {
	orgs, err := w.orgs(ctx)
	errs := []error{err}
	for _, org := range orgs {
		errs = append(errs, w.work(ctx, org))
	}
	return errors.Join(errs...)
}

func (a *App) publishPrices(ctx context.Context, org change.Org) error {
	return a.Rooms.Store.Transact(ctx, org, func(tx *postgres.Tx) error {
		_, err := a.Rooms.Catalogue.PublishPrices(ctx, tx)
		return err
	})
}

// Jobs is what works jobs here; nil where nothing does.
func (a *App) Jobs() *job.Runner { return a.jobs }
