package job

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/sync/change"
)

func TestARoundGivesEachOrgOneJobAtAMomentOfItsOwnHoweverOftenItBegins(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	if err := Migrate(t.Context(), db.OwnerURL); err != nil {
		t.Fatal(err)
	}
	orgs := make([]change.Org, 50)
	for i := range orgs {
		orgs[i] = change.Org(uuid.New())
	}
	rounds := &Rounds{Orgs: func(context.Context) ([]change.Org, error) { return orgs, nil }}
	rounds.Add("tidy", 1000*time.Hour, nil, func(context.Context, change.Org) error { return nil })
	workers := river.NewWorkers()
	rounds.Register(workers)
	runner, err := New(db.App, slog.New(slog.DiscardHandler), workers, nil)
	if err != nil {
		t.Fatal(err)
	}
	done, cancel := runner.Client.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed)
	defer cancel()
	if err := runner.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := runner.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	for range 2 {
		if _, err := runner.Client.Insert(t.Context(), roundArgs{"tidy"}, nil); err != nil {
			t.Fatal(err)
		}
		select {
		case e := <-done:
			if e.Kind != river.EventKindJobCompleted || e.Job.Kind != "round" {
				t.Fatalf("%s of %s: %v", e.Kind, e.Job.Kind, e.Job.Errors)
			}
		case <-time.After(time.Minute):
			t.Fatal("no round began")
		}
	}
	var jobs, moments int
	var soonest, latest time.Time
	err = db.Owner.QueryRow(t.Context(), `SELECT count(*), count(DISTINCT scheduled_at), min(scheduled_at),
		max(scheduled_at) FROM river_job WHERE kind = 'round_org'`).
		Scan(&jobs, &moments, &soonest, &latest)
	if err != nil {
		t.Fatal(err)
	}
	// One of fifty may well come at once and be done by now; the moments lie 500 hours apart at most.
	if jobs < len(orgs) || jobs > len(orgs)+1 || moments < len(orgs)/2 || latest.Sub(soonest) > 501*time.Hour {
		t.Errorf("%d jobs at %d moments from %s to %s", jobs, moments, soonest, latest)
	}
}
