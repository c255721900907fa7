package load

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Trade knows what phones of an installation do.
type Trade interface {
	// Keep tells which entries Arrive wants to see.
	Keep(feed string, kind change.Kind) bool
	// Arrive is told of an entry that came to a phone, and names the change that it shows, if it shows one of
	// this run's. It may be called from many goroutines, for one phone from one at a time.
	Arrive(p *Phone, e Entry) (Mark, bool)
	// Next returns up to n mutations for a phone to push in one call; none if there is nothing that it could do.
	// For one phone it is called from one goroutine at a time.
	Next(p *Phone, n int) []Mutation
}

// Config is one run.
type Config struct {
	// URL is the server's address.
	URL string
	// Logins are the phones.
	Logins []Login
	// Spread is over how long the phones arrive, evenly by chance; 0: all at once.
	Spread time.Duration
	// Storm ends the run as soon as each phone is done with its first sync and on a watch, or refused for good.
	Storm bool
	// Rate is how many mutations a second are pushed once the phones stand, Batch of them a call; 0: none.
	Rate  float64
	Batch int
	// Count ends the pushing after as many mutations; 0: Length alone does.
	Count int
	// Pushers names the phones that push, from the first; 0: all.
	Pushers int
	// Length is how long that goes on; of a storm, how long it may take.
	Length time.Duration
	// HTTP1 uses HTTP/1.1 instead of HTTP/2.
	HTTP1 bool
	// PageBytes is what a pull asks for at once; 0 leaves it to the server.
	PageBytes uint32
	Trade     Trade
	// Committed, if somebody knows it, says when each change was committed, once the run is over; changes are
	// measured from then. Else they are measured from when they were due to be pushed.
	Committed func(ctx context.Context) (map[Mark]time.Time, error)
	// Progress hears each second how it goes, on one line; may be nil.
	Progress func(Progress)
}

// Bounds of a run: what one process of load can honestly do.
const (
	MaxPhones = 20_000
	MaxLength = 24 * time.Hour
	MaxRate   = 50_000
)

func (c Config) check() error {
	switch {
	case len(c.Logins) == 0 || len(c.Logins) > MaxPhones:
		return fault.New(fault.InvalidArgument, "between 1 and %d phones", MaxPhones)
	case c.Length <= 0 || c.Length > MaxLength:
		return fault.New(fault.InvalidArgument, "a length up to %s", MaxLength)
	case c.Count < 0 || c.Rate < 0 || c.Rate > MaxRate || c.Batch < 0 || c.Batch > 500:
		return fault.New(fault.InvalidArgument, "a rate up to %d a second, in batches up to 500", MaxRate)
	}
	return nil
}

// Progress is how a run goes.
type Progress struct {
	Elapsed                            time.Duration
	Phones, Synced, Watching, Gone     int64
	Entries, Mutations, Retries, Await int64
	Rate                               float64 // entries or mutations a second since the last
}

type run struct {
	config  Config
	tally   *tally
	changes *changes
	phones  []*Phone
}

// Run drives the phones and returns what they met. An error is of the run itself; what the server refuses is
// counted in the summary. logins are the phones' tokens as they are in the end.
func Run(ctx context.Context, c Config) (s Summary, logins []Login, err error) {
	if err := c.check(); err != nil {
		return s, nil, err
	}
	r := &run{config: c, tally: newTally()}
	r.changes = newChanges(r.tally, c.Committed != nil)
	for n, l := range c.Logins {
		r.phones = append(r.phones, newPhone(r, n, l))
	}
	begin := time.Now()
	live, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() { r.tell(live, begin) })
	for _, p := range r.phones {
		arrive := time.Duration(0)
		if c.Spread > 0 {
			arrive = rand.N(c.Spread)
		}
		wg.Go(func() {
			if sleep(live, arrive) != nil {
				return
			}
			if p.live(live, begin.Add(arrive)) != nil && live.Err() == nil {
				r.tally.gone.Add(1)
			}
		})
	}
	stood := r.stand(ctx, begin)
	s.Setup = time.Since(begin).Seconds()
	s.SetupUp, s.SetupDown = r.tally.up.Load(), r.tally.down.Load()
	if stood && !c.Storm {
		r.drive(ctx)
		r.drain(ctx)
	}
	s.Elapsed = time.Since(begin).Seconds()
	held := r.tally.watching.Load()
	stop()
	wg.Wait()
	if c.Committed != nil && ctx.Err() == nil {
		committed, err := c.Committed(ctx)
		if err != nil {
			return s, nil, err
		}
		r.changes.judge(committed)
	}
	r.summarise(&s, held)
	for _, p := range r.phones {
		logins = append(logins, p.tokens.held())
	}
	if ctx.Err() != nil && ctx.Err() != context.DeadlineExceeded {
		return s, logins, nil // the summary so far is worth as much when somebody ended the run
	}
	return s, logins, nil
}

// stand waits until every phone is done with its first sync and stands on a watch, or was refused for good; false
// when that took longer than the run may.
func (r *run) stand(ctx context.Context, begin time.Time) bool {
	limit := r.config.Spread + max(2*time.Minute, time.Duration(len(r.phones))*20*time.Millisecond)
	if r.config.Storm {
		limit = r.config.Spread + r.config.Length
	}
	for time.Since(begin) < limit {
		t := r.tally
		if t.watching.Load()+t.gone.Load() >= int64(len(r.phones)) && t.synced.Load()+t.gone.Load() >= int64(len(r.phones)) {
			return true
		}
		if sleep(ctx, 5*time.Millisecond) != nil {
			return false
		}
	}
	return false
}

// drive pushes at the wished rate. Calls are due by the clock, not when the one before was answered: a server that
// falls behind is not spared.
func (r *run) drive(ctx context.Context) {
	// What was begun when the time is over is finished.
	finish, cancel := context.WithTimeout(ctx, r.config.Length+callTimeout)
	defer cancel()
	ctx, stop := context.WithTimeout(finish, r.config.Length)
	defer stop()
	if r.config.Rate == 0 {
		<-ctx.Done()
		return
	}
	batch := max(r.config.Batch, 1)
	pushers := r.phones
	if r.config.Pushers > 0 {
		pushers = r.phones[:min(r.config.Pushers, len(r.phones))]
	}
	// Each pusher has a queue of its own; what is due beyond a minute's worth is counted as not sent.
	every := time.Duration(float64(batch) / r.config.Rate * float64(time.Second))
	depth := 1 + int(time.Minute/every)/len(pushers)
	queues := make([]chan time.Time, len(pushers))
	var wg sync.WaitGroup
	for i, p := range pushers {
		queues[i] = make(chan time.Time, depth)
		wg.Go(func() {
			dead := false
			for due := range queues[i] {
				if ctx.Err() != nil || dead {
					r.tally.late.Add(int64(batch))
					continue
				}
				if list := r.config.Trade.Next(p, batch); len(list) > 0 {
					dead = p.push(finish, due, list) != nil // over, or refused for good and counted
				}
			}
		})
	}
	due := time.Now()
	for n := 0; ctx.Err() == nil && (r.config.Count == 0 || n*batch < r.config.Count); n++ {
		if sleep(ctx, time.Until(due)) != nil {
			break
		}
		select {
		case queues[n%len(queues)] <- due:
		default:
			r.tally.late.Add(int64(batch))
		}
		due = due.Add(every)
	}
	for _, q := range queues {
		close(q)
	}
	wg.Wait() // with Count, until the queues are empty
}

// drain waits up to a minute for the changes that are still on their way.
func (r *run) drain(ctx context.Context) {
	for range 6000 {
		if r.changes.awaited() <= 0 || sleep(ctx, 10*time.Millisecond) != nil {
			return
		}
	}
}

// tell reports progress each second.
func (r *run) tell(ctx context.Context, begin time.Time) {
	if r.config.Progress == nil {
		return
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var last int64
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			t := r.tally
			p := Progress{
				Elapsed: now.Sub(begin), Phones: int64(len(r.phones)), Synced: t.synced.Load(), Watching: t.watching.Load(),
				Gone: t.gone.Load(), Entries: t.entries.Load(), Mutations: t.mutations.Load(), Retries: t.retries.Load(),
				Await: int64(r.changes.awaited()),
			}
			sum := p.Entries + p.Mutations
			p.Rate, last = float64(sum-last), sum
			r.config.Progress(p)
		}
	}
}

// Line writes progress over the line before it.
func Line(w io.Writer) func(Progress) {
	return func(p Progress) {
		// A terminal that is gone cannot be told so.
		_, _ = fmt.Fprintf(w,
			"\r\x1b[K%4.0f s  %d/%d synced  %d watching  %d refused  %d entries  %d pushed  %.0f/s  %d on their way  %d "+
				"retries ",
			p.Elapsed.Seconds(), p.Synced, p.Phones, p.Watching, p.Gone, p.Entries, p.Mutations, p.Rate, p.Await, p.Retries)
	}
}

// ownMemory is the resident memory of this process in bytes, 0 where the system does not say.
func ownMemory() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var total, resident int64
	if _, err := fmt.Sscan(string(b), &total, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}
