package proof_test

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/minio/minio-go/v7"
	"github.com/riverqueue/river"

	"github.com/doorstep-dev/doorstep/server/job"
	"github.com/doorstep-dev/doorstep/server/proof"
	"github.com/doorstep-dev/doorstep/sync/change"
)

const day = 24 * time.Hour

func (h *house) sweep() proof.Report {
	h.t.Helper()
	r, err := h.Sweep(h.t.Context(), change.Org(h.org))
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func TestTheSweepFinishesWhatThePhoneCouldNot(t *testing.T) {
	t.Parallel()
	h := open(t)
	small, long := photo(t, 64), big(t)
	one, two := h.attach(small), h.attach(long)
	h.upload(one, small)
	h.upload(two, long)
	if r := h.sweep(); r != (proof.Report{}) {
		t.Errorf("at once: %+v", r)
	}
	h.clock.add(time.Hour)
	if r := h.sweep(); r != (proof.Report{Finished: 2}) {
		t.Errorf("an hour later: %+v", r)
	}
	for _, id := range [][]byte{one, two} {
		if h.onFeed(h.user, id).GetState() != verified {
			t.Error("not verified")
		}
	}
}

func TestTheSweepReportsBytesThatNeverCameAndGivesUpOldParts(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.attach(photo(t, 64))
	b := big(t)
	id := h.attach(b)
	h.send(h.requests(id)[0], b)
	h.clock.add(3 * day)
	if r := h.sweep(); r != (proof.Report{Overdue: 2}) {
		t.Errorf("after three days: %+v", r)
	}
	h.clock.add(5 * day)
	if r := h.sweep(); r != (proof.Report{Overdue: 2, Aborted: 1}) {
		t.Errorf("after a week: %+v", r)
	}
	// The phone comes back after its holidays.
	h.upload(id, b)
	if p, err := h.finish(h.tech(), id); err != nil || p.GetState() != verified {
		t.Errorf("%v, %v", p, err)
	}
}

func TestTheSweepFindsOrphansAndLostObjects(t *testing.T) {
	t.Parallel()
	h := open(t)
	var ids [][]byte
	for range 3 {
		b := photo(t, 32)
		id := h.attach(b)
		h.upload(id, b)
		if _, err := h.finish(h.tech(), id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	folder := "org/" + h.org.String() + "/proof/"
	put := func(key string) {
		t.Helper()
		if _, err := h.bucket.Client.PutObject(t.Context(), h.bucket.Name, key, strings.NewReader("x"), 1,
			minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	orphan, foreign := folder+uuid.NewString()+"/original", "org/"+uuid.NewString()+"/proof/"+uuid.NewString()+"/original"
	put(orphan)
	put(foreign)
	gone := folder + uuid.UUID(ids[1]).String() + "/original"
	if err := h.bucket.Client.RemoveObject(t.Context(), h.bucket.Name, gone, minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	if r := h.sweep(); r != (proof.Report{Orphans: 1, Lost: 1}) {
		t.Errorf("young: %+v", r)
	}
	h.clock.add(31 * day)
	if r := h.sweep(); r != (proof.Report{Orphans: 1, Removed: 1, Lost: 1}) {
		t.Errorf("old: %+v", r)
	}
	if keys := h.objects(); slices.Contains(keys, orphan) || !slices.Contains(keys, foreign) || len(keys) != 9 {
		t.Errorf("the store holds %v", keys)
	}
	if got := h.custody(ids[1]); got[len(got)-1] != "lost" || slices.Index(got, "lost") != len(got)-1 {
		t.Errorf("custody %v", got)
	}
	if r := h.sweep(); r.Orphans != 0 {
		t.Errorf("again: %+v", r)
	}
}

func TestTheSweepRunsAsAJob(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := photo(t, 64)
	id := h.attach(b)
	h.upload(id, b)
	h.clock.add(time.Hour)
	for range 2 {
		if err := job.Migrate(t.Context(), h.db.OwnerURL); err != nil {
			t.Fatal(err)
		}
	}
	workers := river.NewWorkers()
	rounds := &job.Rounds{
		Orgs:   func(context.Context) ([]change.Org, error) { return []change.Org{change.Org(h.org)}, nil },
		Within: 1, // at once
	}
	h.Jobs(rounds)
	runner, err := job.New(h.db.App, slog.New(slog.NewTextHandler(io.Discard, nil)), workers, rounds.Register(workers))
	if err != nil {
		t.Fatal(err)
	}
	done, cancel := runner.Client.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed)
	defer cancel()
	if err := runner.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := runner.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	for range 2 { // the round, then the org's job
		select {
		case e := <-done:
			if e.Kind != river.EventKindJobCompleted {
				t.Fatalf("%s of %s", e.Kind, e.Job.Kind)
			}
		case <-time.After(time.Minute):
			t.Fatal("no sweep ran")
		}
	}
	if h.onFeed(h.user, id).GetState() != verified {
		t.Error("the sweep did not finish the proof")
	}
}
