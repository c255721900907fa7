package postgres

import (
	"context"
	"encoding/json"
	"log/slog"
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
// own, to the other replicas. Nothing depends on a poke: a sweep finds what a lost one missed.
type Poker struct {
	Hub  *watch.Hub
	Pool *pgxpool.Pool
	Log  *slog.Logger
	// Batch is how long pokes are gathered before they are sent to the other replicas.
	Batch time.Duration
	// Sweep is how often the heads of watched feeds are compared with what is known.
	Sweep time.Duration

	replica string
	mu      sync.Mutex
	pending map[change.Org]map[string]change.Seq
	wake    chan struct{}
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
		replica: uuid.NewString(), pending: map[change.Org]map[string]change.Seq{}, wake: make(chan struct{}, 1),
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
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Poke marks a topic on all replicas, outside of any transaction.
func (p *Poker) Poke(org change.Org, topic string) { p.changed(org, nil, []string{topic}) }

// Run sends, listens and sweeps until ctx ends. It reconnects by itself.
func (p *Poker) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, loop := range []func(context.Context) error{p.send, p.listen, p.sweep} {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := loop(ctx); err != nil && ctx.Err() == nil {
					p.Log.WarnContext(ctx, "pokes between replicas are interrupted; the sweep stands in", "error", err)
					wait(ctx, time.Second)
				}
			}
		})
	}
	wg.Wait()
}

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
			return nil
		case <-p.wake:
		}
		wait(ctx, p.Batch)
		p.mu.Lock()
		pending := p.pending
		p.pending = map[change.Org]map[string]change.Seq{}
		p.mu.Unlock()
		for org, topics := range pending {
			for _, payload := range p.payloads(org, topics) {
				if _, err := conn.Exec(ctx, "SELECT pg_notify($1, $2)", channel, payload); err != nil {
					p.again(pending)
					return err
				}
			}
			delete(pending, org)
		}
	}
}

// again puts back what was not sent, for the next connection.
func (p *Poker) again(unsent map[change.Org]map[string]change.Seq) {
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
	select {
	case p.wake <- struct{}{}:
	default:
	}
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

func (p *Poker) listen(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, p.Pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			p.missed.Store(true)
			return err
		}
		var k poke
		if err := json.Unmarshal([]byte(n.Payload), &k); err != nil || k.Replica == p.replica {
			continue // not ours to understand, or our own
		}
		for name, seq := range k.Topics {
			if f, err := change.ParseFeedID(name); err == nil && seq > 0 {
				p.Hub.Observe(change.Org(k.Org), f, seq)
			} else {
				p.Hub.Mark(watch.Topic{Org: change.Org(k.Org), Name: name})
			}
		}
	}
}

func (p *Poker) sweep(ctx context.Context) error {
	for {
		wait(ctx, p.Sweep)
		if ctx.Err() != nil {
			return nil
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
				// Rights and boards have no head to compare: after a time of not listening they count as changed.
				for _, name := range others {
					p.Hub.Mark(watch.Topic{Org: org, Name: name})
					wait(ctx, perName)
				}
			}
		}
	}
}

// observe tells the hub the heads of the feeds among names, and returns the other names.
func (p *Poker) observe(ctx context.Context, tx *Tx, names []string) ([]string, error) {
	rows, err := tx.Query(ctx, `SELECT feed, seq FROM sync_feed WHERE org_id = $1 AND feed = ANY ($2::text[])`, tx.org, names)
	if err != nil {
		return nil, err
	}
	feeds := make(map[string]bool, len(names))
	var name string
	var seq change.Seq
	_, err = pgx.ForEachRow(rows, []any{&name, &seq}, func() error {
		f, err := change.ParseFeedID(name)
		if err == nil {
			feeds[name] = true
			p.Hub.Observe(tx.org, f, seq)
		}
		return err
	})
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return feeds[name] }), err
}
