package rank

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// parallel is how many boards one keeper refreshes at once.
const parallel = 4

// Interval is the least time between two refreshes of one board.
const Interval = time.Second

// Keeper refreshes the boards that were touched: at once when a board has rested for the interval, else when it
// has. What a crash left undone is found by a sweep of each org when the keeper starts and every minute.
type Keeper struct {
	Boards *Boards
	Log    *slog.Logger
	// Orgs lists the tenants for the sweep.
	Orgs func(ctx context.Context) ([]uuid.UUID, error)
	// Interval between refreshes of a board; zero means Interval.
	Interval time.Duration
	// Sweep is the time between sweeps; zero means a minute.
	Sweep time.Duration

	mu   sync.Mutex
	due  map[target]time.Time
	wake chan struct{}
	once sync.Once
}

type target struct{ org, board uuid.UUID }

func (k *Keeper) init() {
	k.once.Do(func() {
		k.due, k.wake = map[target]time.Time{}, make(chan struct{}, 1)
		if k.Interval == 0 {
			k.Interval = Interval
		}
		if k.Sweep == 0 {
			k.Sweep = time.Minute
		}
	})
}

// Touch says that a board has something to put in order. It never blocks.
func (k *Keeper) Touch(b Board) { k.touch(target{b.Org, b.Key()}, time.Time{}) }

func (k *Keeper) touch(t target, at time.Time) {
	k.init()
	k.mu.Lock()
	if _, waits := k.due[t]; !waits {
		k.due[t] = at
	}
	k.mu.Unlock()
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Run refreshes until ctx ends. A failing refresh is tried again after the interval.
func (k *Keeper) Run(ctx context.Context) {
	k.init()
	var wg sync.WaitGroup
	wg.Go(func() { k.sweep(ctx) })
	defer wg.Wait()
	for ctx.Err() == nil {
		ready, next := k.ready(time.Now())
		var group errgroup.Group
		group.SetLimit(parallel)
		for _, t := range ready {
			group.Go(func() error { k.refresh(ctx, t); return nil })
		}
		_ = group.Wait() // refresh deals with its errors itself
		if len(ready) > 0 {
			continue
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
		case <-k.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// ready takes out what is due, and tells how long to rest when nothing is.
func (k *Keeper) ready(now time.Time) (ready []target, next time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	next = time.Hour
	for t, at := range k.due {
		if wait := at.Sub(now); wait > 0 {
			next = min(next, wait)
			continue
		}
		ready = append(ready, t)
		delete(k.due, t)
	}
	return ready, next
}

func (k *Keeper) refresh(ctx context.Context, t target) {
	wait, more, err := k.Boards.Refresh(ctx, t.org, t.board, k.Interval)
	if ctx.Err() != nil {
		return
	}
	switch {
	case err != nil:
		k.Log.WarnContext(ctx, "a board was not put in order and will be tried again", "org", t.org, "board", t.board, "error", err)
		k.touch(t, time.Now().Add(k.Interval))
	case wait > 0:
		k.touch(t, time.Now().Add(wait))
	case more:
		k.touch(t, time.Now().Add(k.Interval))
	}
}

func (k *Keeper) sweep(ctx context.Context) {
	for ctx.Err() == nil {
		if err := k.find(ctx); err != nil && ctx.Err() == nil {
			k.Log.WarnContext(ctx, "boards left undone could not be looked for", "error", err)
		}
		timer := time.NewTimer(k.Sweep)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// find touches all boards that have something to put in order, and forgets those that nobody asks for any more.
func (k *Keeper) find(ctx context.Context) error {
	orgs, err := k.Orgs(ctx)
	if err != nil {
		return err
	}
	for _, org := range orgs {
		err := k.Boards.Store.Read(ctx, change.Org(org), func(tx *postgres.Tx) error {
			rows, err := tx.Query(ctx, `
				SELECT DISTINCT board_id FROM rank_dirty WHERE org_id = $1`, org)
			if err != nil {
				return err
			}
			found, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
			for _, board := range found {
				k.touch(target{org, board}, time.Time{})
			}
			return err
		})
		if err != nil {
			return err
		}
		if err := k.Boards.forget(ctx, org); err != nil {
			return err
		}
	}
	return nil
}
