package pgtest

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorstep-dev/doorstep/internal/port"
	"github.com/doorstep-dev/doorstep/migrations"
	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/server/local/postgres"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Server is a PostgreSQL of one test alone, as durable as a real one: to be stopped, started and killed.
type Server struct {
	// URL reaches a migrated database as a server does, OwnerURL as its owner; they stay the same over stops and crashes.
	URL, OwnerURL string

	cfg     postgres.Config
	running *postgres.Server
}

// Own starts a PostgreSQL for this test alone, with all migrations applied. It takes a second or two; use New
// unless the test is about PostgreSQL going away.
func Own(t testing.TB) *Server {
	t.Helper()
	return OwnIn(t, "")
}

// OwnIn is Own with its data in a new folder below parent, which every account may enter.
func OwnIn(t testing.TB, parent string) *Server {
	t.Helper()
	s := Fresh(t, parent)
	if err := migrations.Up(context.Background(), s.OwnerURL); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	if err := migrations.MakeLogin(context.Background(), s.OwnerURL, s.URL); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	if err := learn(context.Background(), s.OwnerURL); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return s
}

// Fresh is OwnIn without migrations and without any role but the superuser of OwnerURL.
func Fresh(t testing.TB, parent string) *Server {
	t.Helper()
	// Not t.TempDir, which lies in a folder that is root's alone when the tests run as root.
	dir, err := os.MkdirTemp(parent, "doorstep-pgtest-own-") //nolint:usetesting // see above
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	s := &Server{cfg: postgres.Config{
		Dir: dir, Port: port.Stable(t),
		Cache: filepath.Join(os.TempDir(), "doorstep-programs"),
	}}
	t.Cleanup(func() {
		s.Stop(t)
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	s.Start(t)
	s.OwnerURL = s.running.URL
	s.URL = ServerURL(s.OwnerURL)
	watch(t, s.OwnerURL)
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
		if fault.CodeOf(err) != failure.PortBusy || ctx.Err() != nil {
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

// Revive starts the server again if it has ended by itself, as one does that can write nothing down.
func (s *Server) Revive(t testing.TB) {
	t.Helper()
	select {
	case <-s.running.Done():
		s.Start(t)
	default:
	}
}

func (s *Server) postmaster(t testing.TB) int {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.cfg.Dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return pid
}
