package pgtest_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// listener is a test whose failing is only noted.
type listener struct {
	testing.TB
	mu   sync.Mutex
	said []string
}

func (l *listener) Errorf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, fmt.Sprintf(format, args...))
}

func TestABreachInAPoolOfTheProgramFailsTheTestWhoseDatabaseItIs(t *testing.T) {
	t.Parallel()
	quiet, loud := &listener{TB: t}, &listener{TB: t}
	pgtest.New(quiet)
	pool, err := postgres.Open(t.Context(), pgtest.New(loud).URL, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for range 2 {
		if _, err := pool.Exec(t.Context(), "SELECT id FROM ticket"); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(loud.said, "\n"); strings.Count(got, "outside a tenant's transaction") != 1 {
		t.Errorf("the test was told %q", got)
	}
	if len(quiet.said) != 0 {
		t.Errorf("another test was told %q", quiet.said)
	}
	if _, err := pool.Exec(t.Context(), pgtest.OnPurpose+"SELECT id FROM visit"); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(loud.said, "\n"); strings.Contains(got, "visit") {
		t.Errorf("a breach on purpose was told: %q", got)
	}
}
