package proof

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// reachEvery is how often the store is asked whether it answers.
const reachEvery = 10 * time.Second

// Reach knows whether the object store answers. Phones keep photos while it does not, and everything else works; so
// an operator must be told by the log and by metrics. The zero value is ready and says that the store answers.
type Reach struct {
	mu    sync.Mutex
	err   error
	since time.Time
}

// Err is nil while the store answers, as far as is known.
func (r *Reach) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Watch asks the store until ctx ends, at once and then every ten seconds, and logs when it goes and when it is back.
// It makes the bucket if there is none.
func (r *Proofs) Watch(ctx context.Context) {
	tick := time.NewTicker(reachEvery)
	defer tick.Stop()
	for {
		err := r.Objects.Ready(ctx)
		if ctx.Err() != nil {
			return
		}
		r.Reach.note(ctx, err, r.Store.Now(), r.Log)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// note keeps what was found at that time.
func (r *Reach) note(ctx context.Context, err error, at time.Time, log *slog.Logger) {
	r.mu.Lock()
	before, since := r.err, r.since
	r.err = err
	if (err == nil) != (before == nil) {
		r.since = at
	}
	r.mu.Unlock()
	switch {
	case err != nil && before == nil:
		log.WarnContext(ctx, "the object store does not answer: photos wait on the phones; check DOORSTEP_S3_*", "error", err)
	case err == nil && before != nil:
		log.InfoContext(ctx, "the object store is back", "away", at.Sub(since).Round(time.Second))
	}
}
