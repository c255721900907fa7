package pgtest

import (
	"context"
	"runtime"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/internal/pgtest/locks"
	"github.com/doorstep-dev/doorstep/internal/pgtest/statement"
)

// order watches in which order the program's transactions lock rows.
var order = &locks.Recorder{Report: disorder}

// disorder fails the test that the database belongs to, once for each pair of statements.
func disorder(conn *pgx.ConnConfig, about, words string) {
	if filling() {
		return
	}
	at := place(conn)
	watched.Lock()
	defer watched.Unlock()
	if t := watched.tests[at]; t != nil && !watched.said[at+about] {
		watched.said[at+about] = true
		t.Errorf("locks that are not taken in the one order (see docs/ARCHITECTURE.md): %s", words)
	}
}

// filling tells that the demonstration fills a company, or that the simulator plays several replicas in one goroutine.
// The demonstration works as the office and as all its phones in long transactions of its own, on a server that is one
// machine's.
func filling() bool {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if strings.Contains(f.Function, "/server/demo.") || strings.Contains(f.Function, "/sync/synctest.") {
			return true
		}
		if !more {
			return false
		}
	}
}

// both lets the recorder of statements and that of locks see everything.
type both struct {
	statements *statement.Recorder
	locks      *locks.Recorder
}

func (b both) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	ctx = b.statements.TraceQueryStart(ctx, conn, data)
	return b.locks.TraceQueryStart(ctx, conn, data)
}

func (b both) TraceQueryEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryEndData) {
	b.locks.TraceQueryEnd(ctx, conn, data)
}

func (b both) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	ctx = b.statements.TraceBatchStart(ctx, conn, data)
	return b.locks.TraceBatchStart(ctx, conn, data)
}

func (both) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (b both) TraceBatchEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchEndData) {
	b.locks.TraceBatchEnd(ctx, conn, data)
}

func (b both) TraceCopyFromStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceCopyFromStartData) context.Context {
	ctx = b.statements.TraceCopyFromStart(ctx, conn, data)
	return b.locks.TraceCopyFromStart(ctx, conn, data)
}

func (b both) TraceCopyFromEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceCopyFromEndData) {
	b.locks.TraceCopyFromEnd(ctx, conn, data)
}
