package locks_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/internal/pgtest/locks"
	"github.com/doorstep-dev/doorstep/migrations/lockorder"
	"github.com/doorstep-dev/doorstep/migrations/tenancy"
)

var tables = []lockorder.Place{
	{Table: "sync_device"},
	{Table: "shop", Gap: "test"},
	{Table: "app_user", Gap: "test"},
	{Table: "advisory 7"},
	{Table: "advisory hashtext ('pay ' | | p)"},
	{Table: "pay_measure", Guard: "advisory hashtext ('pay ' | | p)", By: "payee_id"},
	{Table: "ticket"},
	{Table: "visit", Guard: "ticket", By: "ticket_id"},
	{Table: "ticket_event", Fresh: "test"},
	{Table: "proof", Behind: "ticket", By: "ticket_id"},
	{Table: "proof_custody", Fresh: "test"},
	{Table: "pay_accrual"},
	{Table: "unit"},
	{Table: "sync_contact", Last: true},
}

type step struct {
	sql  string
	args []any
}

// said runs steps on a watched connection and returns what is said about them.
func said(t *testing.T, url string, s tenancy.Schema, steps []step) string {
	t.Helper()
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var out []string
	r := &locks.Recorder{Report: func(_ *pgx.ConnConfig, _, breach string) {
		mu.Lock()
		defer mu.Unlock()
		out = append(out, breach)
	}}
	r.Know(s, lockorder.New(tables))
	cfg.Tracer = r
	c, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	for _, one := range steps {
		switch one.sql {
		case "call":
			r.Called("the store")
			continue
		case "second":
			other, err := pgx.ConnectConfig(t.Context(), cfg)
			if err == nil {
				_, err = other.Exec(t.Context(), "SELECT 1")
			}
			if err := errors.Join(err, other.Close(t.Context())); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if _, err := c.Exec(t.Context(), one.sql, one.args...); err != nil {
			t.Fatalf("%s: %v", one.sql, err)
		}
	}
	return strings.Join(out, "\n")
}

func TestEveryLockThatIsOutOfOrderIsFound(t *testing.T) {
	t.Parallel()
	url := pgtest.OwnerURL(t, pgtest.New(t).URL)
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	schema, err := tenancy.Read(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	org := uuid.New()
	a, b := uuid.MustParse("0a000000-0000-4000-8000-000000000000"), uuid.MustParse("0b000000-0000-4000-8000-000000000000")
	do := func(sql string, args ...any) step { return step{sql, args} }
	begin, commit := do("BEGIN"), do("COMMIT")
	const (
		ticket = "SELECT id FROM ticket WHERE org_id = $1 AND id = $2 FOR UPDATE"
		photo  = "SELECT id FROM proof WHERE org_id = $1 AND id = $2 FOR UPDATE"
	)
	const (
		shop    = "SELECT FROM shop WHERE org_id = $1 AND id = $2 FOR UPDATE"
		person  = "SELECT FROM app_user WHERE org_id = $1 AND id = $2 FOR UPDATE"
		device  = "SELECT FROM sync_device WHERE org_id = $1 AND device_id = $2 FOR UPDATE"
		photos  = "SELECT id FROM proof WHERE org_id = $1 AND ticket_id = $2 ORDER BY id FOR UPDATE"
		payee   = "SELECT pg_advisory_xact_lock(hashtext('pay ' || p)) FROM unnest($1::uuid[]) AS p ORDER BY p"
		measure = "UPDATE pay_measure SET tickets = 1 WHERE org_id = $1 AND payee_id = $2 AND plan = '' AND month = " +
			"'2026-01-01'"
		accrual = "SELECT FROM pay_accrual WHERE org_id = $1 AND source = $2 FOR UPDATE"
		contact = "SELECT FROM sync_contact WHERE org_id = $1 AND device_id = $2 FOR UPDATE"
	)
	for name, c := range map[string]struct {
		want  string
		steps []step
	}{
		"in order": {
			"",
			[]step{begin, do(ticket, org, a), do(ticket, org, b), do(photo, org, a), commit},
		},
		"two tables swapped": {
			"ticket is locked after proof",
			[]step{begin, do(photo, org, a), do(ticket, org, a), commit},
		},
		"in two transactions":           {"", []step{begin, do(photo, org, a), commit, begin, do(ticket, org, a), commit}},
		"without a transaction":         {"", []step{do(photo, org, a), do(ticket, org, a)}},
		"two rows of one table swapped": {"out of order", []step{begin, do(ticket, org, b), do(ticket, org, a), commit}},
		"a row that is held already": {
			"",
			[]step{
				begin, do(ticket, org, a), do(photo, org, a),
				do("UPDATE ticket SET archived = true WHERE org_id = $1 AND id = $2", org, a), commit,
			},
		},
		"swapped by UPDATE": {
			"ticket is locked after proof",
			[]step{
				begin, do("UPDATE proof SET step = '' WHERE org_id = $1 AND id = $2", org, a),
				do("UPDATE ticket SET archived = true WHERE org_id = $1 AND id = $2", org, a), commit,
			},
		},
		"swapped by DELETE": {
			"ticket is locked after proof",
			[]step{begin, do("DELETE FROM proof WHERE org_id = $1 AND id = $2", org, a), do(ticket, org, a), commit},
		},
		"swapped by INSERT … ON CONFLICT": {
			"pay_accrual is locked after sync_contact",
			[]step{
				begin, do("INSERT INTO sync_contact (org_id, device_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", org, a),
				do("SELECT FROM pay_accrual WHERE org_id = $1 AND source = $2 FOR SHARE", org, a), commit,
			},
		},
		"swapped by a foreign key": {"proof is locked after pay_accrual", []step{
			begin, do("SELECT FROM pay_accrual WHERE org_id = $1 AND source = $2 FOR UPDATE", org, a),
			do("INSERT INTO proof_custody (org_id, proof_id, id, event, device_time, server_time, actor) SELECT $1, $2, $3, "+
				"'viewed', now(), now(), '' WHERE false", org, a, b), commit,
		}},
		"swapped by an advisory lock": {
			"advisory 7 is locked after ticket",
			[]step{begin, do(ticket, org, a), do("SELECT pg_advisory_xact_lock(7)"), commit},
		},
		"advisory locks of one kind": {
			"",
			[]step{begin, do(payee, []uuid.UUID{a}), do(payee, []uuid.UUID{b}), do(payee, []uuid.UUID{a}), commit},
		},
		"advisory locks of one kind, swapped": {
			"out of order",
			[]step{begin, do(payee, []uuid.UUID{b}), do(payee, []uuid.UUID{a}), commit},
		},
		"advisory locks of several, ordered": {"", []step{begin, do(payee, []uuid.UUID{b, a}), commit}},
		"advisory locks of several": {"in no order", []step{
			begin, do("SELECT pg_advisory_xact_lock(hashtext('pay ' || p)) FROM unnest($1::uuid[]) AS p", []uuid.UUID{b, a}),
			commit,
		}},
		"a row behind its advisory lock": {"", []step{begin, do(payee, []uuid.UUID{a}), do(measure, org, a), commit}},
		"a row behind another's advisory lock": {
			"whose guards",
			[]step{begin, do(payee, []uuid.UUID{b}), do(measure, org, a), commit},
		},
		"after a savepoint that was rolled back": {"", []step{
			begin, do("SAVEPOINT s"), do(photo, org, a), do("ROLLBACK TO SAVEPOINT s; RELEASE SAVEPOINT s"),
			do(ticket, org, a), commit,
		}},
		"several rows in order": {
			"",
			[]step{begin, do("SELECT id FROM ticket WHERE org_id = $1 AND id = ANY ($2) ORDER BY id FOR UPDATE",
				org, []uuid.UUID{b, a}), do(ticket, org, a), commit},
		},
		"several rows in no order": {
			"in no order",
			[]step{
				begin, do("SELECT id FROM ticket WHERE org_id = $1 AND id = ANY ($2) FOR UPDATE", org, []uuid.UUID{a, b}),
				commit,
			},
		},
		"several rows by another column": {"in no order", []step{
			begin, do("SELECT id FROM ticket WHERE org_id = $1 AND id = ANY ($2) ORDER BY number FOR UPDATE",
				org, []uuid.UUID{a, b}), commit,
		}},
		"an UPDATE of several rows": {
			"in no order",
			[]step{begin, do("UPDATE proof SET step = '' WHERE org_id = $1 AND ticket_id = $2", org, a), commit},
		},
		"an UPDATE of several rows that are held": {"", []step{
			begin, do("SELECT FROM proof WHERE org_id = $1 AND ticket_id = $2 ORDER BY id FOR UPDATE", org, a),
			do("UPDATE proof SET step = '' WHERE org_id = $1 AND ticket_id = $2", org, a), commit,
		}},
		"an UPDATE of more than is held": {"in no order", []step{
			begin, do("SELECT FROM proof WHERE org_id = $1 AND ticket_id = $2 AND state = 1 ORDER BY id FOR UPDATE", org, a),
			do("UPDATE proof SET step = '' WHERE org_id = $1 AND ticket_id = $2", org, a), commit,
		}},
		"a row behind its guard": {
			"",
			[]step{
				begin, do(ticket, org, a), do("UPDATE visit SET reason = '' WHERE org_id = $1 AND ticket_id = $2", org, a),
				commit,
			},
		},
		"a row without its guard": {
			"without their guard",
			[]step{begin, do("UPDATE visit SET reason = '' WHERE org_id = $1 AND ticket_id = $2", org, a), commit},
		},
		"a row behind another guard": {
			"whose guards",
			[]step{
				begin, do(ticket, org, a), do("UPDATE visit SET reason = '' WHERE org_id = $1 AND ticket_id = $2", org, b),
				commit,
			},
		},
		"photos behind their tickets": {"", []step{
			begin, do(ticket, org, a), do(ticket, org, b), do(photos, org, b), do(accrual, org, b), do(photos, org, a), commit,
		}},
		"photos behind another ticket": {"proof is locked after pay_accrual", []step{
			begin, do(ticket, org, a), do(accrual, org, a), do(photos, org, b), commit,
		}},
		"pay after a photo without its ticket": {
			"after proof without ticket",
			[]step{begin, do(photo, org, a), do(accrual, org, a), commit},
		},
		"what stands last, after a photo by itself": {"", []step{begin, do(photo, org, a), do(contact, org, a), commit}},
		"what is passed over": {
			"",
			[]step{
				begin, do(photo, org, a), do("SELECT id FROM ticket WHERE org_id = $1 LIMIT 3 FOR UPDATE SKIP LOCKED", org),
				commit,
			},
		},
		"tables without an order": {
			"",
			[]step{begin, do(person, org, a), do(shop, org, b), do(shop, org, a), do(ticket, org, a), commit},
		},
		"a table without an order, before its place": {
			"sync_device is locked after app_user",
			[]step{begin, do(person, org, a), do(device, org, a), commit},
		},
		"a table without an order, after its place": {
			"app_user is locked after ticket",
			[]step{begin, do(ticket, org, a), do(person, org, a), commit},
		},
		"a table without a place": {
			"no place",
			[]step{begin, do("SELECT FROM region WHERE org_id = $1 AND id = $2 FOR UPDATE", org, a), commit},
		},
		"a call inside":               {"inside a transaction", []step{begin, do("call"), commit}},
		"a second connection inside":  {"a second connection", []step{begin, do("second"), commit}},
		"a second connection outside": {"", []step{do("second"), begin, commit, do("second")}},
		"a call outside":              {"", []step{do("call"), begin, commit, do("call")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := said(t, url, schema, c.steps)
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("said %q, want %q", got, c.want)
			}
		})
	}
}

func TestEveryTableHasAPlace(t *testing.T) {
	t.Parallel()
	c, err := pgx.Connect(t.Context(), pgtest.New(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	s, err := tenancy.Read(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	order := lockorder.New(lockorder.Tables)
	for _, table := range s.Tables {
		p, ok := order.Place(table.Name)
		if !ok && !strings.HasPrefix(table.Name, "goose") && !strings.HasPrefix(table.Name, "river") {
			t.Errorf("table %s has no place in the lock order: add it to migrations/lockorder", table.Name)
		}
		if _, ok := order.Place(p.Guard); p.Guard != "" && !ok {
			t.Errorf("the guard of %s is no table", table.Name)
		}
	}
}
