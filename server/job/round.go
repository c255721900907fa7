package job

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/doorstep-dev/doorstep/sync/change"
)

// Rounds do the same for every org, again and again. The leading replica begins a round each interval; it gives each
// org a job of its own at a random moment of the interval's first half, which any replica works. So no moment loads
// the database with all orgs, an org that fails holds up no other, and one whose job still waits or works gets no
// second one beside it.
type Rounds struct {
	// Orgs lists all tenants.
	Orgs func(context.Context) ([]change.Org, error)
	// Within is the time within which the jobs of a round begin; zero is half of its interval.
	Within time.Duration

	all []round
}

type round struct {
	name   string
	every  time.Duration
	before func(context.Context) error
	work   func(context.Context, change.Org) error
}

// Add adds a kind of round; its name is unique and lasting. before, if not nil, is done once at the beginning of each.
func (r *Rounds) Add(
	name string, every time.Duration, before func(context.Context) error, work func(context.Context, change.Org) error,
) {
	r.all = append(r.all, round{name, every, before, work})
}

// Register makes the workers of what was added and returns what is to run periodically.
func (r *Rounds) Register(workers *river.Workers) []*river.PeriodicJob {
	river.AddWorker(workers, &beginner{rounds: r})
	river.AddWorker(workers, &worker{rounds: r})
	var out []*river.PeriodicJob
	for _, one := range r.all {
		out = append(out, river.NewPeriodicJob(river.PeriodicInterval(one.every), func() (river.JobArgs, *river.InsertOpts) {
			return roundArgs{one.name}, &river.InsertOpts{MaxAttempts: 1} // the next round comes by itself
		}, &river.PeriodicJobOpts{ID: one.name, RunOnStart: true}))
	}
	return out
}

func (r *Rounds) find(name string) (round, error) {
	i := slices.IndexFunc(r.all, func(o round) bool { return o.name == name })
	if i < 0 {
		return round{}, fmt.Errorf("job: no round is called %q: another version has begun it", name)
	}
	return r.all[i], nil
}

type roundArgs struct {
	Name string `json:"name"`
}

// Kind implements river.JobArgs.
func (roundArgs) Kind() string { return "round" }

type orgArgs struct {
	Name string    `json:"name"`
	Org  uuid.UUID `json:"org"`
}

// Kind implements river.JobArgs.
func (orgArgs) Kind() string { return "round_org" }

// beginner gives each org its job.
type beginner struct {
	river.WorkerDefaults[roundArgs]
	rounds *Rounds
}

// unfinished are the states of a job in which its org gets no second one.
var unfinished = []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning,
	rivertype.JobStateScheduled,
}

// atOnce is how many jobs one statement inserts.
const atOnce = 500

// Work implements river.Worker.
func (b *beginner) Work(ctx context.Context, j *river.Job[roundArgs]) error {
	one, err := b.rounds.find(j.Args.Name)
	if err != nil {
		return err
	}
	if one.before != nil {
		if err := one.before(ctx); err != nil {
			return err
		}
	}
	orgs, err := b.rounds.Orgs(ctx)
	if err != nil {
		return err
	}
	within := cmp.Or(b.rounds.Within, one.every/2)
	now := time.Now() // River compares it with its own clock
	jobs := make([]river.InsertManyParams, len(orgs))
	for i, org := range orgs {
		jobs[i] = river.InsertManyParams{Args: orgArgs{one.name, uuid.UUID(org)}, InsertOpts: &river.InsertOpts{
			MaxAttempts: 1, ScheduledAt: now.Add(rand.N(within)),
			UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished},
		}}
	}
	for part := range slices.Chunk(jobs, atOnce) {
		if _, err := river.ClientFromContext[pgx.Tx](ctx).InsertMany(ctx, part); err != nil {
			return fmt.Errorf("job: begin %s: %w", one.name, err)
		}
	}
	return nil
}

// worker does one org.
type worker struct {
	river.WorkerDefaults[orgArgs]
	rounds *Rounds
}

// Work implements river.Worker.
func (w *worker) Work(ctx context.Context, j *river.Job[orgArgs]) error {
	one, err := w.rounds.find(j.Args.Name)
	if err != nil {
		return err
	}
	return one.work(ctx, change.Org(j.Args.Org))
}

// Timeout implements river.Worker.
func (w *worker) Timeout(*river.Job[orgArgs]) time.Duration { return time.Hour }
