package locks

import (
	"bytes"
	"runtime"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// goroutine is the number of the one that runs. Go tells it in traces alone; it is good enough for tests.
func goroutine() uint64 {
	var b [64]byte
	s := bytes.TrimPrefix(b[:runtime.Stack(b[:], false)], []byte("goroutine "))
	digits, _, _ := bytes.Cut(s, []byte(" "))
	n, _ := strconv.ParseUint(string(digits), 10, 64)
	return n
}

// follow notes whether the goroutine has a transaction open on this connection.
func (r *Recorder) follow(conn *pgx.Conn) {
	g, open := goroutine(), conn.PgConn().TxStatus() != 'I' && !conn.IsClosed()
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.order == nil:
	case open:
		r.within[g] = conn
	case r.within[g] == conn:
		delete(r.within, g)
	}
}

// Called is told that the goroutine calls another program. It must have no transaction open.
func (r *Recorder) Called(what string) {
	g := goroutine()
	r.mu.Lock()
	defer r.mu.Unlock()
	conn := r.within[g]
	if conn == nil {
		return
	}
	if conn.IsClosed() || conn.PgConn().TxStatus() == 'I' { // it ended without a word, as with a broken connection
		delete(r.within, g)
		return
	}
	r.Report(conn.Config(), "outside "+what, "another program is called inside a transaction: "+what)
}

// second is told that the goroutine uses a connection. It must have no transaction open on another one: each of many
// callers would hold one connection of the pool and wait for a second.
func (r *Recorder) second(conn *pgx.Conn, sql string) {
	g := goroutine()
	r.mu.Lock()
	defer r.mu.Unlock()
	other := r.within[g]
	if other == nil || other == conn || other.IsClosed() || other.PgConn().TxStatus() == 'I' {
		return
	}
	if a, b := other.Config(), conn.Config(); a.User != b.User || a.Database != b.Database {
		return // a test looks from outside
	}
	r.Report(conn.Config(), "second "+flat(sql), "a second connection is used inside a transaction, by\n\t"+flat(sql))
}
