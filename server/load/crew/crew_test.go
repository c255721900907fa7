package crew_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/load"
	"github.com/doorstep-dev/doorstep/server/load/crew"
	"github.com/doorstep-dev/doorstep/server/local/child"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

func TestMain(m *testing.M) {
	child.Main()
	os.Exit(m.Run())
}

// start serves an installation whose object store is down: load needs none.
func start(t *testing.T) *app.App {
	t.Helper()
	a, err := app.Start(t.Context(), app.Config{
		DatabaseURL: pgtest.New(t).URL, Listen: "127.0.0.1:0", Secret: account.NewSecret(), WithoutJobs: true,
		Argon:   account.Argon{MemoryKiB: 64, Passes: 1, Lanes: 1},
		Objects: app.Objects{Endpoint: "127.0.0.1:1", Bucket: "none", AccessKey: "none", SecretKey: "none"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := a.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return a
}

func fill(t *testing.T, a *app.App, p crew.Plan) load.Phones {
	t.Helper()
	phones, err := crew.Fill(t.Context(), a.Rooms, p)
	if err != nil {
		t.Fatal(err)
	}
	return phones
}

func run(t *testing.T, a *app.App, phones load.Phones, c load.Config) load.Summary {
	t.Helper()
	c.URL, c.Logins = a.URL(), phones.Logins
	s, logins, err := load.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if len(logins) != len(phones.Logins) {
		t.Errorf("%d logins came back", len(logins))
	}
	if s.Refused != 0 || s.DigestsDiffer != 0 || int(s.Synced) != len(phones.Logins) {
		t.Errorf("%+v", s)
	}
	return s
}

func TestAStormSyncsEveryPhoneAndIsMeasured(t *testing.T) {
	t.Parallel()
	a := start(t)
	phones := fill(t, a, crew.Plan{Slug: "load-storm", Phones: 12, Visits: 1, Entries: 40})
	s := run(t, a, phones, load.Config{Storm: true, Length: 2 * time.Minute, Trade: load.Nothing{}})
	// 40 entries are a visit's ticket and its visit, a note to the technician if there is one, and invented ones
	// up to that number; and the feed of the company beside.
	if s.FirstSync.Count != 12 || s.Entries < 12*40 || s.SetupDown < 12*40*100 || s.Connect.Count < 12 {
		t.Errorf("%+v", s)
	}
	if s.FirstSync.P50 <= 0 || s.FirstSync.P99 < s.FirstSync.P50 || s.Memory == 0 {
		t.Errorf("%+v", s)
	}
}

func TestADayOfStatusChangesIsSeenByEveryPhone(t *testing.T) {
	t.Parallel()
	a := start(t)
	phones := fill(t, a, crew.Plan{Slug: "load-day", Phones: 3, Visits: 1})
	for _, c := range []load.Config{{Batch: 1}, {Batch: 4}, {Batch: 1, HTTP1: true}} {
		c.Length, c.Count, c.Rate, c.Trade = 5*time.Minute, 12, 100, &load.Visits{}
		s := run(t, a, phones, c)
		if s.Mutations != 12 || s.Verdicts["applied"] != s.Mutations || s.Change.Count == 0 || s.Unseen != 0 {
			t.Errorf("%+v", s)
		}
	}
}

func TestAClaimIsSeenByTheWholeTeamAndThePoolIsFilledUpAgain(t *testing.T) {
	t.Parallel()
	a := start(t)
	plan := crew.Plan{Slug: "load-shared", Phones: 4, Pool: 5}
	phones := fill(t, a, plan)
	for range 2 {
		s := run(t, a, phones, load.Config{Rate: 50, Count: 5, Length: 5 * time.Minute, Trade: &load.Claims{Phones: 4}})
		if s.Mutations != 5 || s.Verdicts["applied"] != s.Mutations || s.Change.Count != 4*s.Mutations || s.Unseen != 0 {
			t.Errorf("%+v", s)
		}
		plan.Held = phones.Logins
		again := fill(t, a, plan)
		if again.Logins[0].Device != phones.Logins[0].Device || again.Logins[0].Refresh == phones.Logins[0].Refresh {
			t.Error("a phone that was let in is let in anew, or keeps its old tokens")
		}
		phones = again
	}
}

func TestACompanyThatWorksIsNotPutUnderLoad(t *testing.T) {
	t.Parallel()
	a := start(t)
	if _, err := crew.Fill(t.Context(), a.Rooms, crew.Plan{Slug: "acme", Phones: 1}); fault.CodeOf(err) !=
		fault.InvalidArgument {
		t.Errorf("prepared: %v", err)
	}
	forced := fill(t, a, crew.Plan{Slug: "acme", Phones: 1, Force: true})
	if _, err := load.Check(t.Context(), a.URL(), forced.Logins[0]); fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("checked: %v", err)
	}
	forced.Slug = "load-lie"
	if _, err := load.Check(t.Context(), a.URL(), forced.Logins[0]); fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("the file was believed: %v", err)
	}
	phones := fill(t, a, crew.Plan{Slug: "load-x", Phones: 1})
	if _, err := load.Check(t.Context(), a.URL(), phones.Logins[0]); err != nil {
		t.Error(err)
	}
}
