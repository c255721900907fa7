package page

import (
	"sync"
	"time"
)

// quota counts calls by key in windows of fixed length. It is bounded: when too many keys call within a window,
// new ones share one count, which throttles a flood of addresses as a whole.
type quota struct {
	most   int
	window time.Duration

	mu     sync.Mutex
	start  time.Time
	counts map[string]int
}

const quotaKeys = 100_000

func newQuota(most int, window time.Duration) *quota {
	return &quota{most: most, window: window, counts: map[string]int{}}
}

// take counts one call and tells whether it is still within the quota, else how long to wait.
func (q *quota) take(key string, now time.Time) (wait time.Duration, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now.Sub(q.start) >= q.window {
		q.start, q.counts = now, map[string]int{}
	}
	if _, known := q.counts[key]; !known && len(q.counts) >= quotaKeys {
		key = ""
	}
	q.counts[key]++
	return q.start.Add(q.window).Sub(now), q.counts[key] <= q.most
}

// spent tells whether the key has used up its quota, without counting.
func (q *quota) spent(key string, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return now.Sub(q.start) < q.window && q.counts[key] >= q.most
}
