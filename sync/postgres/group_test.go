package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/synctest"
)

// statements counts what reaches the database.
type statements struct{ reads atomic.Int64 }

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	if strings.Contains(q.SQL, "FROM sync_generation") {
		s.reads.Add(1)
	}
	return ctx
}

func (*statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// crowd is a store with one connection, and people who have read all there is.
type crowd struct {
	*postgres.Store
	org     change.Org
	people  []feed.Request
	counted *statements
}

func crowdOf(t *testing.T, n int) *crowd {
	t.Helper()
	db := pgtest.New(t)
	c := &crowd{org: change.Org(uuid.New()), counted: &statements{}}
	config := db.App.Config()
	config.MaxConns, config.ConnConfig.Tracer = 1, c.counted
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	c.Store = &postgres.Store{Pool: pool, Now: time.Now, Shared: &feed.Shared{MaxBytes: 1 << 20}}
	c.place(t, 1)
	err = c.Transact(t.Context(), c.org, func(tx *postgres.Tx) error {
		for range n {
			u := change.User(uuid.New())
			c.people = append(c.people, feed.Request{Org: c.org, Device: change.Device(uuid.New()), User: u})
			if err := tx.Subscribe(t.Context(), u, synctest.All); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.people {
		page, err := feed.Read(t.Context(), c, c.people[i])
		if err != nil || !page.Final {
			t.Fatalf("first page: final %v, %v", page.Final, err)
		}
		c.people[i].Cursor = page.Cursor
	}
	c.counted.reads.Store(0)
	return c
}

// waiter is a context that tells when somebody waits for its end: whoever asked for a page has joined a group then.
type waiter struct {
	context.Context
	once sync.Once
	wait *sync.WaitGroup
}

func waiting(ctx context.Context, wait *sync.WaitGroup) context.Context {
	wait.Add(1)
	return &waiter{Context: ctx, wait: wait}
}

func (w *waiter) Done() <-chan struct{} {
	w.once.Do(w.wait.Done)
	return w.Context.Done()
}

// place writes n entries to the feed that all follow.
func (c *crowd) place(t *testing.T, n int) {
	t.Helper()
	err := c.Transact(t.Context(), c.org, func(tx *postgres.Tx) error {
		for range n {
			tx.Place(1, uuid.New(), feed.Placement{Feed: synctest.All, Body: []byte("news")})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// hold takes the only connection until the function that it returns is called.
func (c *crowd) hold(t *testing.T) (release func()) {
	t.Helper()
	conn, err := c.Pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return conn.Release
}

func TestManyWhoAskAtOnceAreReadTogetherAndAsIfAlone(t *testing.T) {
	t.Parallel()
	const people = 100
	c := crowdOf(t, people)
	c.place(t, 3)
	release := c.hold(t)
	var wg, gathered sync.WaitGroup
	pages, errs := make([]feed.Page, people), make([]error, people)
	for i, req := range c.people {
		ctx := waiting(t.Context(), &gathered)
		wg.Go(func() { pages[i], errs[i] = c.Page(ctx, req) })
	}
	gathered.Wait()
	release()
	wg.Wait()
	if reads := c.counted.reads.Load(); reads > 5 {
		t.Errorf("%d people cost %d readings of heads", people, reads)
	}
	for i, req := range c.people {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		alone, err := feed.Read(t.Context(), c, req)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := withoutTime(pages[i]), withoutTime(alone); got != want {
			t.Fatalf("in company\n%s\nalone\n%s", got, want)
		}
	}
}

// withoutTime is what the page says but for when it was read.
func withoutTime(p feed.Page) string {
	p.At = time.Time{}
	return fmt.Sprintf("%+v", p)
}

func TestWhoGivesUpOrIsFarBehindHoldsNobodyUpInAGroup(t *testing.T) {
	t.Parallel()
	c := crowdOf(t, 3)
	c.place(t, feed.Few+1)
	far := c.people[0]
	for i := range c.people[1:] { // the others have seen all of it but one
		page, err := feed.Read(t.Context(), c, c.people[1+i])
		if err != nil {
			t.Fatal(err)
		}
		c.people[1+i].Cursor = page.Cursor
	}
	c.place(t, 1)
	release := c.hold(t)
	gone, leave := context.WithCancel(t.Context())
	var wg, gathered sync.WaitGroup
	first, second, third := waiting(gone, &gathered), waiting(t.Context(), &gathered), waiting(t.Context(), &gathered)
	var left, near error
	var page, long feed.Page
	var err error
	wg.Go(func() { _, left = c.Page(first, c.people[1]) })
	wg.Go(func() { page, near = c.Page(second, c.people[2]) })
	wg.Go(func() { long, err = c.Page(third, far) })
	gathered.Wait()
	leave()
	release()
	wg.Wait()
	if left != nil && !errors.Is(left, context.Canceled) {
		t.Errorf("who gave up got %v", left)
	}
	if near != nil || !page.Final || len(page.Deltas) != 1 || len(page.Deltas[0].Entries) != 1 {
		t.Errorf("who is near got %+v, %v", page, near)
	}
	if err != nil || len(long.Deltas) != 1 || len(long.Deltas[0].Entries) != feed.Few+2 {
		t.Errorf("who is far got %d deltas, %v", len(long.Deltas), err)
	}
}

func TestWhatAGroupCouldNotReadEachIsToldAlone(t *testing.T) {
	t.Parallel()
	c := crowdOf(t, 2)
	c.Pool.Close()
	for _, req := range c.people {
		if _, err := c.Page(t.Context(), req); err == nil {
			t.Error("an answer without a database")
		}
	}
}
