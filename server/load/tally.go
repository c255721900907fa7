package load

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Latency is a histogram of times from a microsecond to ten minutes, exact to a thousandth.
type Latency struct {
	mu sync.Mutex
	h  *hdrhistogram.Histogram
}

func newLatency() *Latency {
	return &Latency{h: hdrhistogram.New(1, (10 * time.Minute).Microseconds(), 3)}
}

func (l *Latency) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	// Out of range is only what took longer than any run may.
	_ = l.h.RecordValue(min(max(d.Microseconds(), 1), l.h.HighestTrackableValue()))
}

// Percentiles of a histogram, in milliseconds.
type Percentiles struct {
	Count int64   `json:"count"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p999_ms"`
	Max   float64 `json:"max_ms"`
}

func (l *Latency) percentiles() Percentiles {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := func(q float64) float64 { return float64(l.h.ValueAtQuantile(q)) / 1000 }
	return Percentiles{
		Count: l.h.TotalCount(), P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: float64(l.h.Max()) / 1000,
	}
}

// tally is what all phones of a run met.
type tally struct {
	firstSync, connect, pull, push, change *Latency

	up, down                        atomic.Int64 // bytes on the wire, heads and all
	entries, pulls, carried, pushes atomic.Int64
	mutations, late                 atomic.Int64
	synced, watching, gone          atomic.Int64 // phones: done with the first sync, on a watch now, refused for good
	retries, cuts, digests, waited  atomic.Int64 // waited counts the answers that named a Retry-After

	mu       sync.Mutex
	codes    map[string]int64
	verdicts map[string]int64
	longest  time.Duration // longest Retry-After
}

func newTally() *tally {
	return &tally{
		firstSync: newLatency(), connect: newLatency(), pull: newLatency(), push: newLatency(), change: newLatency(),
		codes: map[string]int64{}, verdicts: map[string]int64{},
	}
}

// failed counts an error by its code and returns how long the server asked to wait.
func (t *tally) failed(err error) time.Duration {
	after := offline.RetryAfter(err)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.codes[string(offline.CodeOf(err))]++
	if after > 0 {
		t.waited.Add(1)
		t.longest = max(t.longest, after)
	}
	return after
}

func (t *tally) verdict(outcome, code string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if code != "" {
		outcome += " " + code
	}
	t.verdicts[outcome]++
}

// final tells whether a phone that got this error must not come back.
func final(err error) bool {
	switch offline.CodeOf(err) {
	case fault.DeviceRevoked, fault.RefreshInvalid, fault.ClientTooOld, fault.SequenceReused, fault.Unauthenticated,
		fault.Forbidden, fault.InvalidArgument:
		return true
	}
	return false
}
