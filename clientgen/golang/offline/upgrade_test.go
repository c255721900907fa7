package offline_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// olden makes a store as version 1 of it was: its statements, frozen, with a device, what it shows and two actions
// without a verdict.
func olden(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	frozen, err := os.ReadFile("testdata/store-1.sql")
	if err != nil {
		t.Fatal(err)
	}
	rawly(t, dir, string(frozen))
	return dir
}

func rawly(t *testing.T, dir, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAStoreOfAnOlderAppIsBroughtUpWithAllThatIsInIt(t *testing.T) {
	t.Parallel()
	dir := olden(t)
	for range 2 { // the second time there is nothing to do
		s, err := offline.Open(t.Context(), offline.Options{Dir: dir, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		waiting, err := s.Waiting(t.Context())
		if err != nil || len(waiting) != 2 || waiting[0].Kind != "add" || string(waiting[1].Args) != "{}" {
			t.Errorf("%+v %v", waiting, err)
		}
		if d, err := s.Device(t.Context()); err != nil || d.Server != "https://old.example" {
			t.Errorf("%+v %v", d, err)
		}
		if err := s.Read(t.Context(), func(v *offline.View) error {
			if body, ok := v.Get(offline.Entity{Kind: 7, ID: uuid.UUID{15: 1}}); !ok || string(body) != "body" {
				t.Errorf("%q", body)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		// No server has said that it knows nothing of it.
		if err := s.Reword(t.Context(), waiting[0].ID, "count", nil); offline.CodeOf(err) != fault.SequenceReused {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAStoreOfANewerAppIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := olden(t)
	rawly(t, dir, "PRAGMA user_version = 1000")
	if _, err := offline.Open(t.Context(), offline.Options{Dir: dir, Now: time.Now}); offline.CodeOf(err) !=
		fault.StoreUnusable {
		t.Fatal(err)
	}
}
