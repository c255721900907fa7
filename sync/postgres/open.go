// Package postgres keeps the engine's feeds, devices and mutations in PostgreSQL and carries pokes between
// replicas. It is the one store of a running server; rooms write their own tables through its Tx.
package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// observer sees the statements of all pools.
var observer pgx.QueryTracer

// Observe lets t see every statement of every pool that is opened from now on. It is for the tests, which hold all
// statements of the program against rules, wherever its pools are opened; call it before the first Open.
func Observe(t pgx.QueryTracer) { observer = t }

// Open returns a pool on a line of its own that nobody watches; see Line.Open.
func Open(ctx context.Context, url string, size int) (*pgxpool.Pool, error) {
	return new(Line).Open(ctx, url, size)
}

// Transient tells whether an error lies in the moment: the connection, a deadlock, the server's going down.
// Doing the same again may work, and says nothing about the work itself.
func Transient(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code[:2] {
		case "08", "53", "57", "58": // connection, resources, operator, system
			return pg.Code != "57014" || errors.Is(err, context.Canceled) // a statement's own timeout is its fault
		}
		return conflict(err) || pg.Code == "25P03" // it was frozen within a transaction, and the database has let go
	}
	var connect *pgconn.ConnectError
	return errors.As(err, &connect) || pgconn.SafeToRetry(err) || pgconn.Timeout(err) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		fault.CodeOf(err) == fault.Unavailable || lost(err)
}

// deadlock tells whether the database ended the transaction because others waited for it in a circle.
func deadlock(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "40P01"
}

// Deadlocks is how many transactions of this store were ended by the database because of a deadlock, and run again. All
// lock in one order, so there should be none; see docs/ARCHITECTURE.md.
func (s *Store) Deadlocks() int64 { return s.deadlocks.Load() }

// conflict tells whether running the transaction once more is all that is needed.
func conflict(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	// A mutation's id that another device is sending at this very moment: the next try finds it.
	return pg.Code == "40001" || pg.Code == "40P01" || pg.ConstraintName == "sync_mutation_id"
}
