package postgres_test

import (
	"context"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/cut"
	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/watch"
)

// through is a database's address as seen through a proxy.
func through(t *testing.T, raw string) (*cut.Proxy, string) {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	p := cut.New(t, u.Host)
	u.Host = p.Addr()
	return p, u.String()
}

// eventually waits for another goroutine's doing.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("gave up waiting: " + what)
		}
	}
}

func TestADatabaseThatFallsSilentFailsCallsInsteadOfHoldingThem(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	cable, address := through(t, db.URL)
	var line postgres.Line
	pool, err := line.Open(t.Context(), address, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	hub := &watch.Hub{}
	p := postgres.NewPoker(hub, pool, slog.New(slog.DiscardHandler))
	p.Line, p.Beat, p.Limit, p.Grace, p.Sweep = &line, 20*time.Millisecond, time.Second, 10*time.Millisecond, time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { p.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })

	store := &postgres.Store{Pool: pool, Now: time.Now, Poker: p}
	org, f := change.Org(uuid.New()), change.FeedID{Kind: "tech", Key: uuid.New()}
	write(t, store, org, f)
	sub := hub.Subscribe(watch.Topic{Org: org, Name: "board:2"})
	defer sub.Close()

	cable.Stall()
	try := func() error {
		return store.Transact(t.Context(), org, func(tx *postgres.Tx) error {
			tx.Place(1, uuid.New(), feed.Placement{Feed: f, Body: []byte("x")})
			return nil
		})
	}
	// The first of these waits on a connection that will never answer, and has no deadline of its own.
	for range 3 {
		if err := try(); fault.CodeOf(err) != fault.Unavailable {
			t.Fatalf("through a pulled cable: %v", err)
		}
	}
	if line.Err() == nil {
		t.Error("the line says that it stands")
	}
	eventually(t, "watchers are sent away", func() bool { _, ended, _ := sub.Take(); return ended })

	cable.Flow()
	eventually(t, "the line stands again", func() bool { return line.Err() == nil })
	eventually(t, "work goes on", func() bool { return try() == nil })
	// What happened meanwhile is told without waiting for the sweep's hour.
	late := hub.Subscribe(watch.Topic{Org: org, Name: "board:2"})
	defer late.Close()
	cable.Reset()
	eventually(t, "a listener hears that it may have missed something",
		func() bool { dirty, _, _ := late.Take(); return len(dirty) > 0 })
}

func TestOneBrokenConnectionDoesNotTakeTheLineDown(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	cable, address := through(t, db.URL)
	var line postgres.Line
	pool, err := line.Open(t.Context(), address, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	store := &postgres.Store{Pool: pool, Now: time.Now}
	org, f := change.Org(uuid.New()), change.FeedID{Kind: "tech", Key: uuid.New()}
	for range 5 { // each time, the pool's connections are broken when they are used next
		write(t, store, org, f)
		cable.Reset()
	}
	if err := line.Err(); err != nil {
		t.Error(err)
	}
}
