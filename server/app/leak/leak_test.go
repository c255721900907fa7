package leak

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// stopWithin is the time that a stop has here; nothing waits for it.
const stopWithin = 30 * time.Second

//nolint:paralleltest // it looks at all goroutines of the process
func TestAStoppedServerLeavesNothingRunning(t *testing.T) {
	owner := pgtest.Empty(t)
	url := pgtest.ServerURL(owner)
	if err := app.Migrate(t.Context(), owner, url); err != nil {
		t.Fatal(err)
	}
	config := app.Config{
		DatabaseURL: url, Listen: "127.0.0.1:0", MetricsListen: "127.0.0.1:0",
		Objects: app.Objects{Endpoint: "127.0.0.1:9", Bucket: "none", AccessKey: "none", SecretKey: "none"},
	}
	before := goleak.IgnoreCurrent() // the test database's own
	stop := func(a *app.App) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), stopWithin)
		defer cancel()
		for range 2 { // the second does nothing
			if err := a.Close(ctx); err != nil {
				t.Errorf("stop: %v", err)
			}
		}
		goleak.VerifyNone(t, before)
	}
	for range 2 {
		starting, cancel := context.WithCancel(t.Context())
		a, err := app.Start(starting, config)
		cancel() // the context of the start is not that of the life
		if err != nil {
			t.Fatal(err)
		}
		stop(a)
	}
	// Opened for a command, without serving.
	a, err := app.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	stop(a)
	// A start that fails half-way gives everything back, its ports too.
	busy, err := app.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	second := config
	second.MetricsListen = busy.MetricsURL()[len("http://") : len(busy.MetricsURL())-len("/metrics")]
	if _, err := app.Start(t.Context(), second); fault.CodeOf(err).Kind() != fault.KindConflict {
		t.Errorf("a port that is taken: %v", err)
	}
	stop(busy)
}
