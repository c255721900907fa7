//go:build unix

package pgtest

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Crash kills PostgreSQL with kill -9. Its supervisor starts it again at once; what was committed is there.
func (s *Server) Crash(t testing.TB) {
	t.Helper()
	if err := syscall.Kill(s.postmaster(t), syscall.SIGKILL); err != nil {
		t.Fatalf("pgtest: crash: %v", err)
	}
}

// Pause stops all of PostgreSQL's processes where they are, with SIGSTOP: it takes connections, and answers nothing.
// It skips the test where processes cannot be listed.
func (s *Server) Pause(t testing.TB) {
	t.Helper()
	t.Cleanup(func() { s.Resume(t) })
	s.signal(t, syscall.SIGSTOP)
}

// Resume ends Pause. Without one it does nothing.
func (s *Server) Resume(t testing.TB) {
	t.Helper()
	s.signal(t, syscall.SIGCONT)
}

// signal sends sig to the postmaster and then to its children: it makes no new ones while it is stopped.
func (s *Server) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	parent := s.postmaster(t)
	if err := syscall.Kill(parent, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Fatalf("pgtest: %v: %v", sig, err)
	}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		t.Skip("this machine does not list processes in /proc")
	}
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		// pid (name) state parent …, and a name may hold anything.
		after := string(raw[strings.LastIndexByte(string(raw), ')')+1:])
		fields := strings.Fields(after)
		if len(fields) < 2 || fields[1] != strconv.Itoa(parent) {
			continue
		}
		if child, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			_ = syscall.Kill(child, sig) // it may have ended meanwhile
		}
	}
}
