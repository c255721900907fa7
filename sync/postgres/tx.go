package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
)

// Querier is how rooms read and write their tables. Committing is the store's alone.
type Querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error)
}

// Tx is an open transaction bound to one org. It may be used by one goroutine at a time.
type Tx struct {
	Querier
	org    change.Org
	now    time.Time
	batch  feed.Batch
	later  pgx.Batch // statements whose results nobody waits for
	topics []string
	after  []func()
	// gathered is what is written once, before the feeds.
	gathered []gathered
	reads    bool
}

// Org is the tenant that the transaction is bound to.
func (t *Tx) Org() change.Org { return t.org }

// OrgID is Org as the UUID that queries take.
func (t *Tx) OrgID() uuid.UUID { return uuid.UUID(t.org) }

// Now is the office's time for everything that this transaction writes.
func (t *Tx) Now() time.Time { return t.now }

// RowLock is what ends a SELECT whose rows are to be placed: FOR UPDATE where the transaction writes, and nothing where
// it reads one snapshot, which stands still by itself.
func (t *Tx) RowLock() string {
	if t.reads {
		return ""
	}
	return " FOR UPDATE"
}

// Place declares in which feeds an entity stands from now on, and as what; see feed.Batch.Place. The caller
// must hold the row lock of the entity.
func (t *Tx) Place(kind change.Kind, id uuid.UUID, in ...feed.Placement) {
	t.batch.Place(change.Entity{Kind: kind, ID: id}, in...)
}

// Poke makes a topic that is no feed dirty once the transaction has committed, for example a board.
func (t *Tx) Poke(topic string) { t.topics = append(t.topics, topic) }

// AfterCommit calls fn once the transaction has committed, and never if it does not. What fn does may be lost
// with a crash: it is for hints and for the memory of this process.
func (t *Tx) AfterCommit(fn func()) { t.after = append(t.after, fn) }

// Savepoint runs fn so that an error from it undoes all that it wrote, placed and poked, and nothing else.
// Deferred constraints are checked before fn counts as done.
func (t *Tx) Savepoint(ctx context.Context, fn func() error) error {
	if _, err := t.Exec(ctx, "SAVEPOINT doorstep"); err != nil {
		return err
	}
	mark, topics, after, items := t.batch.Mark(), len(t.topics), len(t.after), len(t.gathered)
	err := fn()
	if err == nil {
		_, err = t.Exec(ctx, "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED; RELEASE SAVEPOINT doorstep")
		if err == nil {
			return nil
		}
	}
	t.batch.Reset(mark)
	t.topics, t.after, t.gathered = t.topics[:topics], t.after[:after], t.gathered[:items]
	if _, back := t.Exec(ctx, "ROLLBACK TO SAVEPOINT doorstep; RELEASE SAVEPOINT doorstep"); back != nil {
		return errors.Join(back, err)
	}
	return err
}

// flushLater sends the statements that travel with others, if there were no others.
func (t *Tx) flushLater(ctx context.Context) error {
	if t.later.Len() == 0 {
		return nil
	}
	later := t.later
	t.later = pgx.Batch{}
	return t.SendBatch(ctx, &later).Close()
}

// Store runs transactions on a pool made by Open.
type Store struct {
	Pool *pgxpool.Pool
	// Poker tells listeners what became dirty; nil tells nobody.
	Poker *Poker
	// Now is the office's clock.
	Now func() time.Time
	// Shared, if set, reads ranges that many devices ask for once.
	Shared *feed.Shared
	// MayRead gives those of the devices that may read; nil lets all.
	MayRead func(ctx context.Context, tx *Tx, devices []change.Device) (map[change.Device]bool, error)

	groups    groups
	deadlocks atomic.Int64
}

// time is the office's time as the database keeps it: what is read back later equals what was written.
func (s *Store) time() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

// attempts is how often a transaction is tried when the database asks for another try.
const attempts = 8

// Transact runs fn in one transaction bound to org; then writes what was placed into the feeds, as the last
// thing, and commits. fn runs again after a deadlock or a serialization failure, so it must not keep state of
// an earlier run.
func (s *Store) Transact(ctx context.Context, org change.Org, fn func(*Tx) error) error {
	var err error
	for try := range attempts {
		if try > 0 {
			wait := time.Duration(rand.Int64N(int64(time.Millisecond) << try))
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		err = s.transact(ctx, org, fn)
		if deadlock(err) {
			s.deadlocks.Add(1)
		}
		if !conflict(err) {
			return err
		}
	}
	return err
}

func (s *Store) transact(ctx context.Context, org change.Org, fn func(*Tx) error) (err error) {
	var heads []feed.Head
	tx := &Tx{org: org, now: s.time()}
	err = s.begin(ctx, pgx.TxOptions{BeginQuery: "begin; set local doorstep.org = '" + org.String() + "'"},
		func(ptx pgx.Tx) error {
			tx.Querier = ptx
			if err := fn(tx); err != nil {
				return err
			}
			if err := tx.writeGathered(ctx); err != nil {
				return err
			}
			if heads, err = tx.batch.Flush(ctx, tx); err != nil {
				return err
			}
			if err := tx.countRights(ctx); err != nil {
				return err
			}
			return tx.flushLater(ctx)
		})
	if err != nil {
		return err
	}
	for _, f := range tx.after {
		f()
	}
	if s.Poker != nil {
		s.Poker.changed(org, heads, tx.topics)
	}
	return nil
}

// Read runs fn in a read-only transaction at one snapshot.
func (s *Store) Read(ctx context.Context, org change.Org, fn func(*Tx) error) error {
	begin := "begin isolation level repeatable read read only; set local doorstep.org = '" + org.String() + "'"
	return s.begin(ctx, pgx.TxOptions{BeginQuery: begin}, func(ptx pgx.Tx) error {
		return fn(&Tx{Querier: ptx, org: org, now: s.time(), reads: true})
	})
}

// stale is how many connections that turn out to be broken at their first word, as all are after a restart of the
// database, are passed over. Nothing was asked of them yet.
const stale = 3

func (s *Store) begin(ctx context.Context, options pgx.TxOptions, fn func(pgx.Tx) error) error {
	ptx, err := s.Pool.BeginTx(ctx, options)
	for range stale {
		if err == nil || !lost(err) || ctx.Err() != nil {
			break
		}
		ptx, err = s.Pool.BeginTx(ctx, options)
	}
	if err != nil {
		return unavailable(err)
	}
	defer func() {
		// After a commit this does nothing; after an error or a panic it frees the connection, also when ctx
		// has ended.
		back, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = ptx.Rollback(back)
	}()
	if err := fn(ptx); err != nil {
		return unavailable(err)
	}
	return unavailable(ptx.Commit(ctx))
}

// soon is when callers are asked to try again: most outages are a restart.
const soon = 500 * time.Millisecond

// unavailable gives a broken connection its public face, and leaves other errors as they are.
func unavailable(err error) error {
	var f *fault.Error
	if err == nil || errors.As(err, &f) || conflict(err) || !Transient(err) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fault.Wrap(err, fault.Unavailable, "").After(soon)
}

// Transient implements intake.Store.
func (s *Store) Transient(err error) bool { return Transient(err) }
