package synctest_test

import (
	"testing"
	"time"

	"github.com/doorstep-dev/doorstep/sync/synctest"
)

func TestMemoryHoldsTheSuite(t *testing.T) {
	t.Parallel()
	synctest.Suite(t, func(testing.TB) synctest.Store[*synctest.MemoryTx] { return synctest.NewMemory(time.Now) })
}

func TestMemoryManyAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Rush(t, synctest.NewWorld[*synctest.MemoryTx](synctest.NewMemory(time.Now)), 6, 20)
}
