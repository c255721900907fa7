// Package memory keeps the process small: it paces the garbage collector by what is alive, and gives memory back to the
// system when a storm of phones is over.
package memory

import (
	"context"
	"runtime/debug"
	"time"
)

// calmAfter is how long the number of watches must stay about the same until a storm of phones counts as over.
const calmAfter = time.Second

// Keep works until ctx ends. connected tells how many phones hold a watch now. Opening a watch leaves many times the garbage that holding it needs, and a server whose phones then only wait
// would keep that for hours: nothing would make it collect. The collection also makes the stacks of waiting goroutines
// small again.
func Keep(ctx context.Context, connected func() int) {
	tick := time.NewTicker(calmAfter)
	defer tick.Stop()
	var seen storm
	pace := newCollector()
	defer pace.stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			pace.look()
			if seen.over(connected()) {
				debug.FreeOSMemory()
			}
		}
	}
}

// storm follows the number of watches.
type storm struct {
	last    int // at the last look
	settled int // when memory was last given back, or fewer since
}

const (
	stormFrom = 500 // so many more watches are a storm
	calmBelow = 10  // so few more or fewer from look to look are none
)

// over tells whether the watches that came since the last storm are many and have stopped coming.
func (s *storm) over(watches int) bool {
	moved := max(watches-s.last, s.last-watches)
	s.last, s.settled = watches, min(s.settled, watches)
	if moved >= calmBelow || watches-s.settled < stormFrom {
		return false
	}
	s.settled = watches
	return true
}
