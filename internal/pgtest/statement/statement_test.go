package statement_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/internal/pgtest/statement"
)

const (
	orgA = "01940000-0000-7000-8000-00000000000a"
	orgB = "01940000-0000-7000-8000-00000000000b"
	setA = "SET LOCAL doorstep.org = '" + orgA + "'"
)

// found runs do on a watched connection of its own database and returns what is said about it.
func found(t *testing.T, do func(ctx context.Context, c *pgx.Conn)) string {
	t.Helper()
	cfg, err := pgx.ParseConfig(pgtest.New(t).OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var said []string
	r := &statement.Recorder{Report: func(_ *pgx.ConnConfig, breach string) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, breach)
	}}
	r.Know(map[string]bool{"ticket": true, "visit": true, "customer": true, "price": true})
	cfg.Tracer = r
	c, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	do(t.Context(), c)
	return strings.Join(said, "\n")
}

type step struct {
	sql  string
	args []any
}

func TestEveryBrokenRuleOfStatementsIsFound(t *testing.T) {
	t.Parallel()
	a, b := uuid.MustParse(orgA), uuid.MustParse(orgB)
	do := func(sql string, args ...any) step { return step{sql, args} }
	for name, c := range map[string]struct {
		want  string
		steps []step
	}{
		"a tenant's transaction": {"", []step{
			do("begin; set local doorstep.org = '" + orgA + "'"),
			do("SELECT state FROM ticket WHERE org_id = $1", a),
			do("SELECT t.state FROM ticket t JOIN visit v ON v.org_id = t.org_id AND v.ticket_id = t.id WHERE t.org_id = $1", a),
			do("UPDATE ticket SET state = 2 WHERE org_id = $1 AND id = $2", a, b),
			do("commit"),
			do("begin; set local doorstep.org = '" + orgB + "'"),
			do("SELECT state FROM ticket WHERE org_id = $1 FOR UPDATE", b),
			do("commit"),
		}},
		"what only looks like a breach": {"", []step{
			do("SELECT 'FROM ticket', 1 AS ticket -- FROM ticket\n /* FROM ticket */"),
			do("SELECT extract(year FROM price) FROM (SELECT now() AS price) x"),
			do("SELECT slug FROM org WHERE id IS DISTINCT FROM $1", a),
			do("SELECT pg_notify('x', 'y')"),
		}},
		"two orgs in one transaction": {
			"goes on as org",
			[]step{do("BEGIN"), do(setA), do("SET LOCAL doorstep.org = '" + orgB + "'"), do("ROLLBACK")},
		},
		"two orgs in one text": {
			"goes on as org",
			[]step{do("BEGIN; " + setA + "; SET LOCAL doorstep.org TO '" + orgB + "'; ROLLBACK")},
		},
		"rows of another org": {"for org " + orgB, []step{
			do("BEGIN"), do(setA), do("SELECT state FROM ticket WHERE org_id = $1", b), do("ROLLBACK"),
		}},
		"rows of another org by its name": {"for org " + orgB, []step{
			do("BEGIN"), do(setA), do("SELECT state FROM ticket t WHERE state > $1 AND t.org_id = $2", 1, orgB), do("ROLLBACK"),
		}},
		"a row for another org": {"for org " + orgB, []step{
			do("BEGIN"), do(setA), do("INSERT INTO price (org_id, item_id) SELECT $1, $2 WHERE false", b, a), do("ROLLBACK"),
		}},
		"the tenant by set_config": {
			"otherwise than",
			[]step{do("SELECT set_config('doorstep.org', '" + orgA + "', true)")},
		},
		"the tenant by set_config with a parameter": {
			"otherwise than",
			[]step{do("SELECT set_config($1, $2, true)", "doorstep.org", orgA)},
		},
		"the tenant for the session": {"otherwise than", []step{do("SET doorstep.org = '" + orgA + "'")}},
		"no tenant":                  {"outside a tenant's", []step{do("SELECT state FROM ticket WHERE org_id = $1", a)}},
		"no tenant any more": {"outside a tenant's", []step{
			do("BEGIN"), do(setA), do("COMMIT"), do("DELETE FROM ticket WHERE org_id = $1", a),
		}},
		"a notification in a tenant's transaction": {
			"NOTIFY",
			[]step{do("BEGIN"), do(setA), do("NOTIFY doorstep, 'x'"), do("ROLLBACK")},
		},
		"pg_notify in a tenant's transaction": {
			"NOTIFY",
			[]step{do("BEGIN"), do(setA), do("SELECT pg_notify('a', 'b')"), do("ROLLBACK")},
		},
		"a statement for all nodes": {"every node would be asked", []step{
			do("BEGIN"), do(setA), do("SELECT count(*) FROM ticket"), do("ROLLBACK"),
		}},
		"one table of two for all nodes": {"every node would be asked", []step{
			do("BEGIN"), do(setA), do("SELECT t.state FROM ticket t, visit v WHERE t.org_id = $1 AND v.ticket_id = t.id", a),
			do("ROLLBACK"),
		}},
		"a local table beside a tenant's": {"stay on one node", []step{
			do("BEGIN"), do(setA), do("SELECT 1 FROM code_org c JOIN ticket t ON t.org_id = c.org_id WHERE t.org_id = $1", a),
			do("ROLLBACK"),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := found(t, func(ctx context.Context, conn *pgx.Conn) {
				for _, s := range c.steps {
					if _, err := conn.Exec(ctx, s.sql, s.args...); err != nil {
						t.Fatalf("%s: %v", s.sql, err)
					}
				}
			})
			if c.want == "" && said != "" || !strings.Contains(said, c.want) {
				t.Errorf("found %q, want %q", said, c.want)
			}
		})
	}
}

func TestBatchesAndCopiesAreSeen(t *testing.T) {
	t.Parallel()
	said := found(t, func(ctx context.Context, c *pgx.Conn) {
		b := &pgx.Batch{}
		b.Queue("SELECT state FROM ticket")
		if err := c.SendBatch(ctx, b).Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.CopyFrom(ctx, pgx.Identifier{"public", "price"}, []string{"org_id"}, pgx.CopyFromRows(nil)); err !=
			nil {
			t.Fatal(err)
		}
	})
	for _, table := range []string{"[ticket] touched outside", "[price] touched outside"} {
		if !strings.Contains(said, table) {
			t.Errorf("%q lacks %s", said, table)
		}
	}
}
