package rank

import (
	"context"
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
// has. What a crash left undone is found by a sweep of each org when the keeper starts and every minute. Make it with
// NewKeeper.
type Keeper struct {
	boards          *Boards
	interval, sweep time.Duration

	mu   sync.Mutex
	due  map[target]time.Time
	wake chan struct{}
}

// NewKeeper makes the keeper of these boards; from now on it hears of their changes. interval is the least time between
// two refreshes of one board.
func NewKeeper(boards *Boards, interval time.Duration) *Keeper {
	k := &Keeper{
		boards: boards, interval: interval, sweep: time.Minute,
		due: map[target]time.Time{}, wake: make(chan struct{}, 1),
	}
	boards.changed = k.Touch
	return k
}

type target struct{ org, board uuid.UUID }

// Touch says that a board has something to put in order. It never blocks.
func (k *Keeper) Touch(b Board) { k.touch(target{b.Org, b.Key()}, time.Time{}) }

func (k *Keeper) touch(t target, at time.Time) {
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
	var wg sync.WaitGroup
	wg.Go(func() { k.sweeping(ctx) })
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
	wait, more, err := k.boards.Refresh(ctx, t.org, t.board, k.interval)
	if ctx.Err() != nil {
		return
	}
	switch {
	case err != nil:
		k.boards.log.WarnContext(ctx, "a board was not put in order and will be tried again", "org", t.org, "board",
			t.board, "error", err)
		k.touch(t, time.Now().Add(k.interval))
	case wait > 0:
		k.touch(t, time.Now().Add(wait))
	case more:
		k.touch(t, time.Now().Add(k.interval))
	}
}

func (k *Keeper) sweeping(ctx context.Context) {
	for ctx.Err() == nil {
		if err := k.find(ctx); err != nil && ctx.Err() == nil {
			k.boards.log.WarnContext(ctx, "boards left undone could not be looked for", "error", err)
		}
		timer := time.NewTimer(k.sweep)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// find touches all boards that have something to put in order, and forgets those that nobody asks for any more.
func (k *Keeper) find(ctx context.Context) error {
	orgs, err := k.boards.people.Companies(ctx)
	if err != nil {
		return err
	}
	for _, org := range orgs {
		err := k.boards.Store.Read(ctx, change.Org(org), func(tx *postgres.Tx) error {
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
		if err := k.boards.forget(ctx, org); err != nil {
			return err
		}
	}
	return nil
}
