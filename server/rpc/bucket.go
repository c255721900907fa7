package rpc

import (
	"sync"
	"time"
)

// Rate is a token bucket: Burst calls at once, then PerSecond. A zero Rate does not limit.
type Rate struct {
	PerSecond float64
	Burst     float64
}

// buckets holds a bucket for each key in bounded memory: when more than half of max keys were seen, the older
// half is forgotten, which for a key that is still calling means a full bucket once. Two generations make that
// cheap and need no sweeper.
type buckets struct {
	rate Rate
	max  int

	mu         sync.Mutex
	young, old map[string]*bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newBuckets(r Rate, maxKeys int) *buckets {
	return &buckets{rate: r, max: maxKeys, young: map[string]*bucket{}}
}

// take spends cost tokens of key. When there are too few it spends nothing and tells how long to wait.
func (b *buckets) take(key string, cost float64, at time.Time) (wait time.Duration, ok bool) {
	if b.rate.PerSecond <= 0 {
		return 0, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.young[key]
	if k == nil {
		if k = b.old[key]; k == nil {
			k = &bucket{tokens: b.rate.Burst, at: at}
		}
		if len(b.young) >= b.max/2 {
			b.old, b.young = b.young, make(map[string]*bucket, b.max/2)
		}
		b.young[key] = k
	}
	if d := at.Sub(k.at); d > 0 {
		k.tokens = min(b.rate.Burst, k.tokens+d.Seconds()*b.rate.PerSecond)
		k.at = at
	}
	cost = min(cost, b.rate.Burst)
	if k.tokens < cost {
		return time.Duration((cost - k.tokens) / b.rate.PerSecond * float64(time.Second)), false
	}
	k.tokens -= cost
	return 0, true
}
