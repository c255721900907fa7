package offline

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	_ "modernc.org/sqlite" // the driver

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Options say how to open a store. Dir and Now are required.
type Options struct {
	// Dir is the folder that holds everything; it is made if absent.
	Dir string
	// Now is the device's clock.
	Now func() time.Time
	// Effects by kind of mutation; a kind without one shows only when the server's state has it.
	Effects map[string]Effect
	// FeedOrder lists feed kinds, the preferred first: when several feeds hold an entity, the body of the most
	// preferred one shows.
	FeedOrder []string
	// Keys finds the server's public keys for receipts, by key id, among the entities.
	Keys func(*View) map[string]ed25519.PublicKey
	// OtherFiles: Keep takes files that are no pictures, too.
	OtherFiles bool
	// ReadOnly opens for looking only. Whatever writes fails with StoreLocked.
	ReadOnly bool
}

// storeName is the database within the folder.
const storeName = "store.db"

// Store is everything that a device keeps.
type Store struct {
	Options
	write  *sql.DB // one connection: writers wait for one another here, not in SQLite
	read   *sql.DB
	unlock func() error
	wake   chan struct{}
	once   sync.Once
	// stir is closed and made anew whenever wake is told, for who waits beside the one that wake is for.
	stir  atomic.Pointer[chan struct{}]
	fresh fresh
	// lastOwn is the newest row of the outbox that this program wrote.
	lastOwn atomic.Int64
}

// Open opens or makes the store in o.Dir. Several programs may have it open and work in it. A program of a version that
// could not do that keeps all others out while it runs, and is kept out by them: StoreLocked.
func Open(ctx context.Context, o Options) (*Store, error) {
	if err := os.MkdirAll(filepath.Join(o.Dir, "files"), 0o700); err != nil {
		return nil, unusable(err, o.Dir)
	}
	s := &Store{Options: o, unlock: func() error { return nil }, wake: make(chan struct{}, 1)}
	s.stir.Store(new(make(chan struct{})))
	if !o.ReadOnly {
		unlock, err := lock(filepath.Join(o.Dir, "lock"), true)
		if err != nil {
			return nil, err
		}
		s.unlock = unlock
	}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(unusable(err, o.Dir), s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) (err error) {
	path := filepath.Join(s.Dir, storeName)
	if err := s.vanished(path); err != nil {
		return err
	}
	pragmas := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)"}}
	pragmas.Set("_txlock", "immediate")
	if s.ReadOnly {
		if _, err := os.Stat(path); err != nil {
			return err
		}
	} else {
		if s.write, err = sql.Open("sqlite", "file:"+path+"?"+pragmas.Encode()); err != nil {
			return err
		}
		s.write.SetMaxOpenConns(1)
		if err := s.upgrade(ctx); err != nil {
			return err
		}
		// Names, phone numbers and addresses of customers are for the owner of this folder only.
		if err := os.Chmod(path, 0o600); err != nil {
			return err
		}
	}
	reading := url.Values{"_pragma": {"busy_timeout(10000)", "query_only(ON)"}}
	if s.read, err = sql.Open("sqlite", "file:"+path+"?"+reading.Encode()); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(4)
	if s.write == nil {
		return s.read.PingContext(ctx)
	}
	return errors.Join(s.catchUp(ctx), s.sweep(ctx), s.scrub(ctx))
}

// vanished tells of a database that is gone or empty although something was done in this folder: SQLite would begin a
// new one.
func (s *Store) vanished(path string) error {
	if info, err := os.Stat(path); err == nil && info.Size() > 0 || err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	kept, err := readSpares(s.Dir)
	if err != nil || len(kept) == 0 {
		return err
	}
	return damaged(errors.New("the database is gone"))
}

// Check looks through the whole store for damage: StoreDamaged.
func (s *Store) Check(ctx context.Context) error {
	var says string
	if err := s.read.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&says); err != nil {
		return err
	}
	if says != "ok" {
		return damaged(errors.New(says))
	}
	_, err := s.Actions(ctx)
	if err == nil {
		_, err = s.Files(ctx)
	}
	if err == nil {
		_, err = s.Device(ctx)
	}
	return err
}

// Close ends all use of the store.
func (s *Store) Close() (err error) {
	s.once.Do(func() {
		if s.read != nil {
			err = errors.Join(err, s.read.Close())
		}
		if s.write != nil {
			err = errors.Join(err, s.write.Close())
		}
		err = errors.Join(err, s.fresh.close(), s.unlock())
	})
	return err
}

// Woken receives after a mutation was made or the switch between offline and online was moved.
func (s *Store) Woken() <-chan struct{} { return s.wake }

// stirred is closed with the next nudge. What was done before the call is to be looked for after it.
func (s *Store) stirred() <-chan struct{} { return *s.stir.Load() }

func (s *Store) nudge() {
	close(*s.stir.Swap(new(make(chan struct{}))))
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// transact runs fn in one durable transaction.
func (s *Store) transact(ctx context.Context, fn func(tx *sql.Tx) error) error {
	if s.write == nil {
		return fault.New(fault.StoreLocked, "")
	}
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// queryer is a transaction or a pool.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// each runs fn for every row.
func each(ctx context.Context, q queryer, fn func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func getMeta(ctx context.Context, q queryer, key string) ([]byte, error) {
	var b []byte
	err := q.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = ?`, key).Scan(&b)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return b, err
}

func setMeta(ctx context.Context, tx *sql.Tx, key string, value []byte) error {
	if value == nil {
		value = []byte{} // a nil slice would be NULL
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO meta VALUES (?, ?) ON CONFLICT (key)
		DO UPDATE SET value = excluded.value`, key, value)
	return err
}

func idOf(b []byte) uuid.UUID {
	id, err := uuid.FromBytes(b)
	if err != nil {
		return uuid.Nil // only ids of 16 bytes are ever written
	}
	return id
}
