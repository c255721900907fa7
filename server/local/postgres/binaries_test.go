package postgres

import (
	"os"
	"testing"

	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

func TestFetchBringsProgramsThatRun(t *testing.T) {
	t.Parallel()
	if os.Getenv("DOORSTEP_TEST_DOWNLOAD") == "" {
		t.Skip("downloads 10 MB: set DOORSTEP_TEST_DOWNLOAD=1")
	}
	//nolint:usetesting // t.TempDir lies in a folder that is root's alone
	cache, err := os.MkdirTemp("", "doorstep-programs-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(cache, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(cache); err != nil {
			t.Error(err)
		}
	})
	got, err := Fetch(t.Context(), cache, 16)
	if err != nil {
		t.Fatal(err)
	}
	if found, ok := Find(t.Context(), cache, 16); !ok || found != got {
		t.Errorf("fetched %+v, found %+v", got, found)
	}
	server, err := Start(t.Context(), Config{Dir: cache + "/data", Cache: cache, Throwaway: true})
	if err != nil {
		t.Fatal(err)
	}
	if server.Major != 16 {
		t.Errorf("runs %d", server.Major)
	}
	if err := server.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestFetchOfAnUnknownMajorSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	if _, err := Fetch(t.Context(), t.TempDir(), 14); fault.CodeOf(err) != failure.ToolMissing {
		t.Fatal(err)
	}
}

func TestWhatPostgreSQLSaysBecomesAClearFault(t *testing.T) {
	t.Parallel()
	c := &cluster{cfg: Config{Dir: "data"}, port: 5432}
	for said, want := range map[string]fault.Code{
		`FATAL:  could not write to file "pg_wal/xlogtemp.1": No space left on device`: failure.DiskFull,
		`LOG:  could not bind IPv4 address "127.0.0.1": Address already in use`:        failure.PortBusy,
		`FATAL:  database files are incompatible with server`:                          failure.DataMajor,
		`FATAL:  something else`: failure.Start,
	} {
		if got := fault.CodeOf(c.diagnose(os.ErrInvalid, said)); got != want {
			t.Errorf("%s: %s, want %s", said, got, want)
		}
	}
}
