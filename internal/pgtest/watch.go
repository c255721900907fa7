package pgtest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/internal/outside"
	"github.com/doorstep-dev/doorstep/internal/pgtest/statement"
	"github.com/doorstep-dev/doorstep/migrations/lockorder"
	"github.com/doorstep-dev/doorstep/migrations/tenancy"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Every statement of every pool that works as AppRole in a test's process is watched, also of pools that are opened
// deep inside the program. A breach fails the test whose database it happened in.
var watched struct {
	sync.Mutex
	tests map[string]testing.TB // by place
	said  map[string]bool
	ears  map[string]func(sql string, args []any)
}

var recorder = &statement.Recorder{Report: breach, Seen: seen}

func init() {
	postgres.Observe(both{recorder, order})
	outside.Observe(order.Called)
}

// OnPurpose begins a statement that breaks the rules on purpose, to see what the database does about it: in tests
// alone.
const OnPurpose = statement.OnPurpose

// place names a database as its connections see it. A private database has a name of its own, whatever lies between.
func place(c *pgx.ConnConfig) string {
	if strings.HasPrefix(c.Database, testPrefix) {
		return c.Database
	}
	return fmt.Sprintf("%s:%d/%s", c.Host, c.Port, c.Database)
}

// watch lets breaches in the database at url fail t, as long as t runs.
func watch(t testing.TB, url string) {
	c, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	at := place(c)
	watched.Lock()
	defer watched.Unlock()
	if watched.tests == nil {
		watched.tests, watched.said = map[string]testing.TB{}, map[string]bool{}
	}
	watched.tests[at] = t
	t.Cleanup(func() {
		watched.Lock()
		defer watched.Unlock()
		delete(watched.tests, at)
		delete(watched.ears, at)
	})
}

// Statements lets heard know, as long as t runs, of each statement that the program runs on tenants' tables in the
// database at url. heard is called by one goroutine at a time.
func Statements(t testing.TB, url string, heard func(sql string, args []any)) {
	t.Helper()
	c, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	watched.Lock()
	defer watched.Unlock()
	if watched.ears == nil {
		watched.ears = map[string]func(string, []any){}
	}
	watched.ears[place(c)] = heard
}

func seen(conn *pgx.ConnConfig, sql string, args []any) {
	watched.Lock()
	defer watched.Unlock()
	if heard := watched.ears[place(conn)]; heard != nil {
		heard(sql, args)
	}
}

// breach fails the test that the database belongs to, once for each statement.
func breach(conn *pgx.ConnConfig, words string) {
	at := place(conn)
	watched.Lock()
	defer watched.Unlock()
	if t := watched.tests[at]; t != nil && !watched.said[at+words] {
		watched.said[at+words] = true
		t.Errorf("a statement that tenants spread over several primaries do not bear (see docs/SCALING.md): %s", words)
	}
}

var learned struct {
	sync.Mutex
	done bool
}

// learn tells the recorder, once in a process, which tables belong to tenants. url reaches a migrated database.
func learn(ctx context.Context, url string) error {
	learned.Lock()
	defer learned.Unlock()
	if learned.done {
		return nil
	}
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	s, err := tenancy.Read(ctx, c)
	if err != nil {
		return err
	}
	tenants := map[string]bool{}
	for _, t := range s.Tables {
		tenants[t.Name] = tenancy.KindOf(t.Name) == tenancy.Tenant
	}
	recorder.Know(tenants)
	order.Know(s, lockorder.New(lockorder.Tables))
	learned.done = true
	return nil
}
