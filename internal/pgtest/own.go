package pgtest

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doorstep-dev/doorstep/internal/fault"
	"github.com/doorstep-dev/doorstep/internal/port"
	"github.com/doorstep-dev/doorstep/migrations"
	"github.com/doorstep-dev/doorstep/server/local/postgres"
)

// Server is a PostgreSQL of one test alone, as durable as a real one: to be stopped, started and killed.
type Server struct {
	// URL reaches a migrated database as its owner; it stays the same over stops and crashes.
	URL     string
	cfg     postgres.Config
	running *postgres.Server
}

// Own starts a PostgreSQL for this test alone, with all migrations applied. It takes a second or two; use New
// unless the test is about PostgreSQL going away.
func Own(t testing.TB) *Server {
	t.Helper()
	// Not t.TempDir, which lies in a folder that is root's alone when the tests run as root.
	dir, err := os.MkdirTemp("", "doorstep-pgtest-own-") //nolint:usetesting // see above
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	s := &Server{cfg: postgres.Config{Dir: dir, Port: port.Stable(t), Cache: filepath.Join(os.TempDir(), "doorstep-programs")}}
	t.Cleanup(func() {
		s.Stop(t)
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	s.Start(t)
	s.URL = s.running.URL
	watch(t, s.URL)
	if err := migrations.Up(context.Background(), s.URL); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	if err := learn(context.Background(), s.URL); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return s
}

// Start starts a stopped server again, on the same address and with the same data.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// Whoever looks for a free port of its own holds this one for an instant.
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		var err error
		s.running, err = postgres.Start(ctx, s.cfg)
		if err == nil {
			return
		}
		if fault.CodeOf(err) != fault.LocalPortBusy || ctx.Err() != nil {
			t.Fatalf("pgtest: start: %v", err)
		}
	}
}

// Stop takes the server away: connections break, new ones are refused. Stopping twice is harmless.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if s.running == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.running.Stop(ctx); err != nil {
		t.Errorf("pgtest: stop: %v", err)
	}
}

// Crash kills PostgreSQL with kill -9. Its supervisor starts it again at once; what was committed is there.
func (s *Server) Crash(t testing.TB) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.cfg.Dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatalf("pgtest: crash: %v", err)
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatalf("pgtest: crash: %v", err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("pgtest: crash: %v", err)
	}
}
