package memory

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
)

// usualPace is Go's own: garbage may grow to as much as is alive.
const usualPace = 100

// pace is how much garbage may grow before it is collected, as a percentage of what is alive. A small server collects
// at Go's usual pace, for there is nothing to gain. With thousands of phones most of what is alive are connections that
// only wait, and the usual pace would let as much garbage stand beside them.
func pace(alive uint64) int {
	const (
		room  = 40 << 20 // garbage that any server may have
		least = 35       // below that collecting costs more than memory does
	)
	if alive == 0 {
		return usualPace
	}
	return int(min(usualPace, max(least, 100*(room+alive/8)/alive)))
}

// collector keeps the process at its pace.
type collector struct {
	alive [1]metrics.Sample
	now   int
	// fixed: whoever runs the server has chosen a pace in its environment.
	fixed bool
}

func newCollector() *collector {
	_, fixed := os.LookupEnv("GOGC")
	return &collector{alive: [1]metrics.Sample{{Name: "/gc/heap/live:bytes"}}, now: usualPace, fixed: fixed}
}

// look sets the pace anew if it should be another: setting it stops the world for a moment.
func (c *collector) look() {
	if c.fixed {
		return
	}
	metrics.Read(c.alive[:])
	if c.alive[0].Value.Kind() != metrics.KindUint64 {
		return // a runtime that does not say
	}
	if p := pace(c.alive[0].Value.Uint64()); p >= c.now+5 || p <= c.now-5 || p != c.now && p == usualPace {
		c.set(p)
	}
}

func (c *collector) set(p int) {
	debug.SetGCPercent(p)
	c.now = p
}

// stop gives the process back as it was.
func (c *collector) stop() {
	if c.now != usualPace {
		c.set(usualPace)
	}
}
