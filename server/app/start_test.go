package app_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

func TestAnOldSchemaIsRefusedWithWhatToDo(t *testing.T) {
	t.Parallel()
	owner := pgtest.Empty(t)
	url := pgtest.ServerURL(owner)
	_, err := app.Start(t.Context(), app.Config{DatabaseURL: url, Listen: "127.0.0.1:0", Objects: nowhere})
	if fault.CodeOf(err) != fault.ConfigInvalid || !strings.Contains(err.Error(), "doorstep migrate") {
		t.Error(err)
	}
	if err := app.Migrate(t.Context(), owner, url); err != nil {
		t.Fatal(err)
	}
	a, err := app.Start(t.Context(), app.Config{DatabaseURL: url, Listen: "127.0.0.1:0", Objects: nowhere})
	if err != nil {
		t.Fatal(err)
	}
	// The object store is away: the server is ready, for only photos wait for it, and says that it is degraded.
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for said := ""; !strings.Contains(said, `"object_store":"failing"`); <-tick.C {
		res, err := http.Get(a.URL() + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("ready: %d %v", res.StatusCode, err)
		}
		said = string(body)
		if t.Context().Err() != nil {
			t.Fatalf("the server never said that the object store is away: %s", said)
		}
	}
	if err := a.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}
