package proof

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"

	"github.com/doorstep-dev/doorstep/sync/change"
)

// sweepEvery is how often the sweep runs.
const sweepEvery = 30 * time.Minute

// SweepArgs is the job that sweeps every org.
type SweepArgs struct{}

// Kind implements river.JobArgs.
func (SweepArgs) Kind() string { return "proof.sweep" }

type sweeper struct {
	river.WorkerDefaults[SweepArgs]
	room *Room
	orgs func(context.Context) ([]change.Org, error)
}

// Work implements river.Worker.
func (s *sweeper) Work(ctx context.Context, _ *river.Job[SweepArgs]) error {
	// The first sweep after the start also makes the bucket where there is none.
	if err := s.room.Objects.Ready(ctx); err != nil {
		return err
	}
	orgs, err := s.orgs(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, org := range orgs {
		if _, err := s.room.Sweep(ctx, org); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// Timeout implements river.Worker.
func (s *sweeper) Timeout(*river.Job[SweepArgs]) time.Duration { return time.Hour }

// Jobs registers the room's workers and returns what is to run periodically. orgs lists all tenants.
func (r *Room) Jobs(workers *river.Workers, orgs func(context.Context) ([]change.Org, error)) []*river.PeriodicJob {
	river.AddWorker(workers, &sweeper{room: r, orgs: orgs})
	return []*river.PeriodicJob{river.NewPeriodicJob(river.PeriodicInterval(sweepEvery), func() (river.JobArgs, *river.InsertOpts) {
		// The next round comes by itself.
		return SweepArgs{}, &river.InsertOpts{MaxAttempts: 1}
	}, &river.PeriodicJobOpts{ID: "proof_sweep", RunOnStart: true})}
}
