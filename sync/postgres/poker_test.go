package postgres_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/watch"
)

// replica is a store with a hub and a running poker on a shared database.
func replica(t *testing.T, db *pgtest.DB, sweep time.Duration) (*postgres.Store, *watch.Hub) {
	t.Helper()
	hub := &watch.Hub{}
	p := postgres.NewPoker(hub, db.App, slog.New(slog.DiscardHandler))
	p.Sweep = sweep
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { p.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return &postgres.Store{Pool: db.App, Now: time.Now, Poker: p}, hub
}

func write(t *testing.T, s *postgres.Store, org change.Org, f change.FeedID) {
	t.Helper()
	err := s.Transact(t.Context(), org, func(tx *postgres.Tx) error {
		tx.Place(1, uuid.New(), feed.Placement{Feed: f, Body: []byte("x")})
		tx.Poke("board:1")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAPokeReachesEveryReplica(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	org, f := change.Org(uuid.New()), change.FeedID{Kind: "tech", Key: uuid.New()}
	a, _ := replica(t, db, time.Hour)
	_, hub := replica(t, db, time.Hour)
	sub := hub.Subscribe(watch.Topic{Org: org, Name: f.String()}, watch.Topic{Org: org, Name: "board:1"})
	defer sub.Close()
	heard := map[string]bool{}
	for len(heard) < 2 {
		write(t, a, org, f) // again until the other replica listens: its LISTEN may come after the first
		select {
		case <-sub.Woken():
			dirty, _, _ := sub.Take()
			for _, d := range dirty {
				heard[d] = true
			}
		case <-time.After(20 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("never heard")
		}
	}
}

func TestTheSweepFindsWhatALostPokeMissed(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	org, f := change.Org(uuid.New()), change.FeedID{Kind: "tech", Key: uuid.New()}
	_, hub := replica(t, db, 10*time.Millisecond)
	sub := hub.Subscribe(watch.Topic{Org: org, Name: f.String()})
	defer sub.Close()
	mute := &postgres.Store{Pool: db.App, Now: time.Now} // tells nobody
	write(t, mute, org, f)
	select {
	case <-sub.Woken():
	case <-t.Context().Done():
		t.Fatal("never found")
	}
}

func TestRightsAndBoardsCountAsChangedAfterATimeOfNotListening(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	_, hub := replica(t, db, 10*time.Millisecond)
	sub := hub.Subscribe(watch.Topic{Org: change.Org(uuid.New()), Name: "board:1"})
	defer sub.Close()
	for cut := false; !cut; {
		err := db.Owner.QueryRow(t.Context(), `SELECT coalesce(bool_or(pg_terminate_backend(pid)), false)
			FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE 'LISTEN%' AND state = 'idle'`).Scan(&cut)
		if err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-sub.Woken():
	case <-t.Context().Done():
		t.Fatal("never told")
	}
}

// subscribe lets a user follow one feed more.
func subscribe(t *testing.T, s *postgres.Store, org change.Org, user change.User) {
	t.Helper()
	err := s.Transact(t.Context(), org, func(tx *postgres.Tx) error {
		return tx.Subscribe(t.Context(), user, change.FeedID{Kind: "team", Key: uuid.New()})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func becomesDirty(t *testing.T, sub *watch.Subscription) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for dirty := []string(nil); len(dirty) == 0; dirty, _, _ = sub.Take() {
		select {
		case <-sub.Woken():
		case <-limit:
			t.Fatal("nobody was told")
		}
	}
}

func TestTheSweepMakesUpForALostPokeOfRights(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	org, user := change.Org(uuid.New()), change.User(uuid.New())
	mute := &postgres.Store{Pool: db.App, Now: time.Now} // a replica that dies between COMMIT and NOTIFY
	subscribe(t, mute, org, user)
	s, hub := replica(t, db, 10*time.Millisecond)
	sub := hub.Subscribe(watch.Topic{Org: org, Name: postgres.SubscriptionTopic(user)})
	defer sub.Close()
	learn := func() {
		t.Helper()
		err := s.Snapshot(t.Context(), org, change.Device{}, user, func(snap feed.Snapshot) error {
			state, err := snap.State(t.Context())
			postgres.LearnRights(sub, org, user, state.Rights)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		learn()
		sub.Take()
		subscribe(t, mute, org, user)
		becomesDirty(t, sub)
	}
}

func TestTheLastPokesOfAReplicaThatEndsAreSent(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	org, first, last := change.Org(uuid.New()), change.User(uuid.New()), change.User(uuid.New())
	_, hub := replica(t, db, time.Hour)
	begun := hub.Subscribe(watch.Topic{Org: org, Name: postgres.SubscriptionTopic(first)})
	defer begun.Close()
	sub := hub.Subscribe(watch.Topic{Org: org, Name: postgres.SubscriptionTopic(last)})
	defer sub.Close()
	p := postgres.NewPoker(&watch.Hub{}, db.App, slog.New(slog.DiscardHandler))
	ctx, end := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { p.Run(ctx); close(done) }()
	s := &postgres.Store{Pool: db.App, Now: time.Now, Poker: p}
	for heard := false; !heard; { // until the one sends and the other listens
		subscribe(t, s, org, first)
		select {
		case <-begun.Woken():
			heard = true
		case <-time.After(20 * time.Millisecond):
		}
	}
	sub.Take() // having just begun to listen counts as having missed something
	subscribe(t, s, org, last)
	end()
	<-done
	becomesDirty(t, sub)
}
