package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/watch"
)

// listenAlways listens, and when that ends, by a connection that broke or that gave no answer, tries anew. The line
// goes down when that fails too: one broken connection says nothing about the database.
func (p *Poker) listenAlways(ctx context.Context) {
	scattered := false
	for ctx.Err() == nil {
		stood, err := p.listen(ctx)
		if ctx.Err() != nil {
			return
		}
		if stood {
			p.Log.DebugContext(ctx, "the listening connection is lost", "error", err)
			scattered = false
			wait(ctx, between(again)) // a middleman that accepts and cuts must not be asked without rest
			continue
		}
		if !answered(err) {
			if at := time.Now(); p.Line.lose(at) { // how long the line is down is real time
				p.Log.WarnContext(ctx, "the database is out of reach; calls fail as unavailable until it answers", "error", err)
				p.Pool.Reset()
			}
		}
		if down := p.Line.downFor(time.Now()); down > p.Grace && !scattered {
			scattered = true
			p.Log.WarnContext(ctx, "watch streams are sent to other replicas", "watches", p.Hub.Connected())
			p.Hub.Scatter()
		}
		wait(ctx, between(again))
	}
}

// answered tells whether err is a database's own word, of one that lives and works. One that starts or stops lives
// and does not work.
func answered(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code != "57P03" && pg.Code != "57P01" && pg.Code != "57P02"
}

// listen passes pokes of other replicas on until its connection fails. stood: it did listen.
func (p *Poker) listen(ctx context.Context) (stood bool, err error) {
	conn, err := p.connect(ctx)
	if err != nil {
		p.missed.Store(true)
		return false, err
	}
	defer func() {
		p.missed.Store(true)
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(bye) // what it could still say is of no use
	}()
	if since := p.Line.restore(); !since.IsZero() {
		p.Log.InfoContext(ctx, "the database is back", "after", time.Since(since).Round(time.Millisecond))
	}
	if p.missed.Load() {
		ring(p.now)
	}
	for {
		n, err := p.next(ctx, conn)
		if err != nil {
			return true, err
		}
		if n != nil {
			p.hear(n.Payload)
		}
	}
}

// connect makes the listening connection, also while the line is down.
func (p *Poker) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.Limit)
	defer cancel()
	config := p.Pool.Config().ConnConfig
	if p.Line.direct != nil {
		config.DialFunc = p.Line.direct
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return nil, errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
	}
	return conn, nil
}

// next waits for a notification. It returns nil after a Beat in which none came and the database answered.
func (p *Poker) next(ctx context.Context, conn *pgx.Conn) (*pgconn.Notification, error) {
	silent, cancel := context.WithTimeout(ctx, p.Beat)
	defer cancel()
	n, err := conn.WaitForNotification(silent)
	if err == nil {
		return n, nil
	}
	if silent.Err() == nil || ctx.Err() != nil || conn.IsClosed() {
		return nil, err
	}
	limit, cancel := context.WithTimeout(ctx, p.Limit)
	defer cancel()
	return nil, conn.Ping(limit)
}

// hear passes one notification on to the hub.
func (p *Poker) hear(payload string) {
	var k poke
	if err := json.Unmarshal([]byte(payload), &k); err != nil || k.Replica == p.replica {
		return // not ours to understand, or our own
	}
	for name, seq := range k.Topics {
		if f, err := change.ParseFeedID(name); err == nil && seq > 0 {
			p.Hub.Observe(change.Org(k.Org), f, seq)
		} else {
			p.Hub.Mark(watch.Topic{Org: change.Org(k.Org), Name: name})
		}
	}
}

func ring(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
