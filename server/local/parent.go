package local

import (
	"context"
	"os"
	"time"
)

// WithParentVariable, set to anything, has WithParent tie this process to its parent: `make demo` sets it, so
// that nothing is left when make itself is killed.
const WithParentVariable = "DOORSTEP_WITH_PARENT"

// WithParent returns a context that ends also when this process's parent has ended, where WithParentVariable asks
// for it; else ctx itself. It looks twice a second: a process is told of its children's ends only.
func WithParent(ctx context.Context) context.Context {
	if os.Getenv(WithParentVariable) == "" {
		return ctx
	}
	ctx, cancel := context.WithCancel(ctx)
	parent := os.Getppid()
	go func() {
		defer cancel()
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for os.Getppid() == parent {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return ctx
}
