package postgres

import (
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/watch"
)

const (
	channel = "doorstep_poke"
	// maxPayload keeps below PostgreSQL's 8000 bytes for one notification.
	maxPayload = 7500
)

// Poker carries pokes: at once to the hub of this process, and batched through NOTIFY, on a connection of its
// own, to the other replicas. Nothing depends on a poke: a sweep finds what a lost one missed. The connection that
// it listens on is also the pulse of the database: it asks at least every Beat whether somebody is there.
type Poker struct {
	Hub  *watch.Hub
	Pool *pgxpool.Pool
	Log  *slog.Logger
	// Line is the pool's, to be taken down while the database is out of reach.
	Line *Line
	// Batch is how long pokes are gathered before they are sent to the other replicas.
	Batch time.Duration
	// Sweep is how often the heads of watched feeds are compared with what is known.
	Sweep time.Duration
	// Beat is how long the listening connection may be silent before it is asked whether it lives, and Limit how
	// long an answer, or a new connection, may take then.
	Beat, Limit time.Duration
	// Grace is how long the database may be out of reach before watchers are sent to other replicas.
	Grace time.Duration

	replica string
	mu      sync.Mutex
	pending map[change.Org]map[string]change.Seq
	wake    chan struct{}
	// now asks for a sweep at once.
	now chan struct{}
	// missed: this replica did not listen for a while.
	missed atomic.Bool
}

// perName is how long the sweep waits between two topics that it marks for having perhaps missed their poke, so
// that all phones do not ask at once.
const perName = 4 * time.Millisecond

// NewPoker returns a poker with the usual intervals.
func NewPoker(hub *watch.Hub, pool *pgxpool.Pool, log *slog.Logger) *Poker {
	return &Poker{
		Hub: hub, Pool: pool, Log: log, Batch: 4 * time.Millisecond, Sweep: 5 * time.Second,
		Beat: time.Second, Limit: 3 * time.Second, Grace: 3 * time.Second, Line: &Line{},
		replica: uuid.NewString(), pending: map[change.Org]map[string]change.Seq{},
		wake: make(chan struct{}, 1), now: make(chan struct{}, 1),
	}
}

// poke is the payload of a notification.
type poke struct {
	Replica string                `json:"r"`
	Org     uuid.UUID             `json:"o"`
	Topics  map[string]change.Seq `json:"t"`
}

func (p *Poker) changed(org change.Org, heads []feed.Head, topics []string) {
	if len(heads) == 0 && len(topics) == 0 {
		return
	}
	for _, h := range heads {
		p.Hub.Observe(org, h.Feed, h.Seq)
	}
	for _, t := range topics {
		p.Hub.Mark(watch.Topic{Org: org, Name: t})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	names := p.pending[org]
	if names == nil {
		names = map[string]change.Seq{}
		p.pending[org] = names
	}
	for _, h := range heads {
		names[h.Feed.String()] = h.Seq
	}
	for _, t := range topics {
		names[t] = 0
	}
	ring(p.wake)
}

// Poke marks a topic on all replicas, outside of any transaction.
func (p *Poker) Poke(org change.Org, topic string) { p.changed(org, nil, []string{topic}) }

// Run sends, listens and sweeps until ctx ends. It reconnects by itself.
func (p *Poker) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, loop := range []func(context.Context) error{p.send, p.sweep} {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := loop(ctx); err != nil && ctx.Err() == nil {
					p.Log.DebugContext(ctx, "pokes between replicas are interrupted", "error", err)
					wait(ctx, between(again))
				}
			}
		})
	}
	wg.Go(func() { p.listenAlways(ctx) })
	wg.Wait()
}

// again is how long a connection that was lost is waited with before the next try. It is short, for a database
// that is back should be found back, and each replica asks only once at a time.
const again = 200 * time.Millisecond

// between takes up to half off d by chance.
func between(d time.Duration) time.Duration { return d - time.Duration(rand.Int64N(int64(d)/2+1)) }

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func (p *Poker) send(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, p.Pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for {
		select {
		case <-ctx.Done():
			return p.flush(ctx, conn) // what the last calls changed: nobody else will tell of it
		case <-p.wake:
		}
		wait(ctx, p.Batch)
		if err := p.flush(ctx, conn); err != nil {
			return err
		}
	}
}

// flush sends what was gathered, also while this replica ends.
func (p *Poker) flush(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.Limit)
	defer cancel()
	p.mu.Lock()
	pending := p.pending
	p.pending = map[change.Org]map[string]change.Seq{}
	p.mu.Unlock()
	for org, topics := range pending {
		for _, payload := range p.payloads(org, topics) {
			if _, err := conn.Exec(ctx, "SELECT pg_notify($1, $2)", channel, payload); err != nil {
				p.putBack(pending)
				return err
			}
		}
		delete(pending, org)
	}
	return nil
}

// putBack keeps what was not sent, for the next connection.
func (p *Poker) putBack(unsent map[change.Org]map[string]change.Seq) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for org, topics := range unsent {
		if p.pending[org] == nil {
			p.pending[org] = map[string]change.Seq{}
		}
		for name, seq := range topics {
			p.pending[org][name] = max(seq, p.pending[org][name])
		}
	}
	ring(p.wake)
}

// payloads splits topics so that each notification fits.
func (p *Poker) payloads(org change.Org, topics map[string]change.Seq) []string {
	var out []string
	part, size := map[string]change.Seq{}, 0
	flush := func() {
		if len(part) > 0 {
			b, _ := json.Marshal(poke{p.replica, uuid.UUID(org), part}) // strings and numbers: cannot fail
			out = append(out, string(b))
			part, size = map[string]change.Seq{}, 0
		}
	}
	for name, seq := range topics {
		if size += len(name) + 24; size > maxPayload-200 {
			flush()
			size = len(name) + 24
		}
		part[name] = seq
	}
	flush()
	return out
}

func (p *Poker) sweep(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.now:
		case <-time.After(p.Sweep):
		}
		missed := p.missed.Swap(false)
		store := Store{Pool: p.Pool, Now: time.Now}
		for org, names := range p.Hub.Watched() {
			for part := range slices.Chunk(names, 1000) {
				var others []string
				err := store.Read(ctx, org, func(tx *Tx) (err error) {
					others, err = p.observe(ctx, tx, part)
					return err
				})
				if err != nil {
					if missed {
						p.missed.Store(true)
					}
					return err
				}
				if !missed {
					continue
				}
				// Boards have no head to compare: after a time of not listening they count as changed. So do rights that
				// have not changed since there are versions of them.
				for _, name := range others {
					p.Hub.Mark(watch.Topic{Org: org, Name: name})
					wait(ctx, perName)
				}
			}
		}
	}
}

// observe tells the hub the heads of the feeds among names and the versions of the rights, and returns the other names.
func (p *Poker) observe(ctx context.Context, tx *Tx, names []string) ([]string, error) {
	rows, err := tx.Query(ctx, `
		SELECT feed, seq FROM sync_feed WHERE org_id = $1 AND feed = ANY ($2::text[])
		UNION ALL
		SELECT 'user:' || user_id, version FROM sync_rights
			WHERE org_id = $1 AND user_id = ANY ($3::uuid[])`, tx.org, names, users(names))
	if err != nil {
		return nil, err
	}
	found := make(map[string]bool, len(names))
	var name string
	var seq change.Seq
	_, err = pgx.ForEachRow(rows, []any{&name, &seq}, func() error {
		f, err := change.ParseFeedID(name)
		if err == nil {
			found[name] = true
			p.Hub.Observe(tx.org, f, seq)
		}
		return err
	})
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return found[name] }), err
}
