package postgres

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Line is the way to the database: all connections of a pool, and whether the database can be reached. A database
// that is stopped, or behind a cable that was pulled, refuses nothing; without the line, every call would wait for
// it as long as its caller does. A Poker watches the line; when it finds the database out of reach, calls that wait
// fail as unavailable at once, and so do new ones, until the database answers again. The zero value is ready.
type Line struct {
	mu    sync.Mutex
	conns map[*lineConn]struct{}
	// direct dials without asking whether the line is down.
	direct pgconn.DialFunc
	since  time.Time // when the line went down; zero while it stands
}

// errDown is what a down line gives to whoever dials.
var errDown = errors.New("the database is out of reach")

// Open returns a pool on this line whose connections work as the login of url, which is the server's: it owns nothing
// and can become nobody who does, so nothing that a connection says lifts row-level security. size is the greatest
// number of connections, 0 for the default of pgx. A line serves one pool.
func (l *Line) Open(ctx context.Context, url string, size int) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fault.Wrap(err, fault.InvalidArgument, "database URL")
	}
	if size > 0 {
		config.MaxConns = int32(size)
	}
	config.ConnConfig.Tracer = observer
	l.direct = config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = l.dial
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, abandoned)
		return err
	}
	return pgxpool.NewWithConfig(ctx, config)
}

// abandoned has the database let go of what a server holds that does not come back: a frozen one within 30 s, in the
// midst of a transaction; one whose machine or cable is gone within 20 s. By default that would take two hours, in
// which everybody else waits for the locks on a feed. Nothing here pauses within a transaction.
const abandoned = "SET idle_in_transaction_session_timeout = '30s'; SET tcp_keepalives_idle = 10; SET " +
	"tcp_keepalives_interval = 3; SET tcp_keepalives_count = 3"

// Err is nil while the database can be reached, as far as is known.
func (l *Line) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.since.IsZero() {
		return nil
	}
	return fault.Wrap(errDown, fault.Unavailable, "").After(soon)
}

func (l *Line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if l.Err() != nil {
		return nil, errDown
	}
	conn, err := l.direct(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &lineConn{Conn: conn, line: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns == nil {
		l.conns = map[*lineConn]struct{}{}
	}
	l.conns[c] = struct{}{}
	return c, nil
}

// lose takes the line down: everybody who waits for an answer is told that none will come. It says whether the
// line stood.
func (l *Line) lose(at time.Time) bool {
	l.mu.Lock()
	stood := l.since.IsZero()
	if stood {
		l.since = at
	}
	conns := make([]*lineConn, 0, len(l.conns))
	for c := range l.conns {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, c := range conns {
		_ = c.Close() // its user hears of it; nobody else asks
	}
	return stood
}

// restore puts the line up again and says since when it was down, zero if it was not.
func (l *Line) restore() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	since := l.since
	l.since = time.Time{}
	return since
}

// downFor is how long the line has been down at a time, 0 if it stands.
func (l *Line) downFor(at time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.since.IsZero() {
		return 0
	}
	return at.Sub(l.since)
}

// lineConn is a connection that its line knows.
type lineConn struct {
	net.Conn
	line *Line
}

// Close implements net.Conn.
func (c *lineConn) Close() error {
	c.line.mu.Lock()
	delete(c.line.conns, c)
	c.line.mu.Unlock()
	return c.Conn.Close()
}
