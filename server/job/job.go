// Package job runs what is to be done later or again and again, on River: jobs are rows in PostgreSQL, enqueued
// in the transaction that wants them, worked by any replica, and led by one.
package job

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// lockKey is the advisory lock under which the tables are migrated.
const lockKey = 0x646f6f7273746570

// Migrate brings River's own tables to this program's version, and does nothing when they are there already. It
// is called after our migrations, as the same role: these have granted what that role makes to the server's
// role. Many processes may call it at once.
func Migrate(ctx context.Context, databaseURL string) error {
	pool, err := pgxpool.New(ctx, databaseURL)
	if err != nil {
		return fmt.Errorf("job: open: %w", err)
	}
	defer pool.Close()
	m, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("job: migrations: %w", err)
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("job: connect: %w", err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(lockKey)); err != nil {
		return fmt.Errorf("job: lock: %w", err)
	}
	// Closing the pool ends the session and with it the lock.
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("job: migrate: %w", err)
	}
	_, err = conn.Exec(ctx, "SELECT pg_advisory_unlock($1)", int64(lockKey))
	return err
}

// Runner works jobs until it is stopped.
type Runner struct {
	// Client enqueues further jobs.
	Client *river.Client[pgx.Tx]
}

// New makes a runner on the server's pool; workers and periodic jobs are those of the rooms.
func New(pool *pgxpool.Pool, log *slog.Logger, workers *river.Workers, periodic []*river.PeriodicJob) (*Runner, error) {
	c, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Logger:  log,
		Workers: workers, PeriodicJobs: periodic,
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 4}},
		FetchPollInterval: 5 * time.Second, // new jobs are told by NOTIFY
	})
	if err != nil {
		return nil, fmt.Errorf("job: %w", err)
	}
	return &Runner{Client: c}, nil
}

// Start begins to work; ctx bounds the start, not the life.
func (r *Runner) Start(ctx context.Context) error {
	if err := r.Client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("job: start: %w", err)
	}
	return nil
}

// Stop lets running jobs end until ctx ends, then cancels them.
func (r *Runner) Stop(ctx context.Context) error {
	if err := r.Client.Stop(ctx); err != nil {
		hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return r.Client.StopAndCancel(hard)
	}
	return nil
}
