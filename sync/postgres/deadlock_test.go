package postgres_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// TestOneOfTwoThatWaitForEachOtherIsDoneAgain locks two things in both orders, each holding its first when the other
// asks.
func TestOneOfTwoThatWaitForEachOtherIsDoneAgain(t *testing.T) {
	t.Parallel()
	store := &postgres.Store{Pool: pgtest.New(t).App, Now: time.Now}
	org := change.Org(uuid.New())
	var meet sync.WaitGroup
	meet.Add(2)
	var all sync.WaitGroup
	var tries atomic.Int64
	for _, order := range [][]int{{1, 2}, {2, 1}} {
		all.Go(func() {
			first := true
			err := store.Transact(t.Context(), org, func(tx *postgres.Tx) error {
				tries.Add(1)
				for i, key := range order {
					if _, err := tx.Exec(t.Context(), pgtest.OnPurpose+"SELECT pg_advisory_xact_lock($1)", key); err != nil {
						return err
					}
					if i == 0 && first {
						first = false
						meet.Done()
						meet.Wait()
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if tries.Load() != 3 || store.Deadlocks() != 1 {
		t.Errorf("%d tries, %d deadlocks", tries.Load(), store.Deadlocks())
	}
}
