package migrations_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
)

// withoutTenant are the tables that belong to no org, each with its reason. Keep the list short: what is not on
// it must have org_id first in every key and row-level security that holds for its owner, too.
var withoutTenant = map[string]string{
	"goose_db_version":   "the migrations' own",
	"sync_generation":    "one history of the whole database",
	"org":                "the directory of tenants, read before a tenant is known",
	"signing_key":        "the installation's keys",
	"enrolment_code":     "finds the tenant of a code that a phone not yet enrolled shows",
	"code_org":           "finds the tenant of a code that anybody scans",
	"river_job":          "the job queue's own",
	"river_leader":       "the job queue's own",
	"river_queue":        "the job queue's own",
	"river_client":       "the job queue's own",
	"river_client_queue": "the job queue's own",
	"river_migration":    "the job queue's own",
}

func TestEveryTenantTableIsKeyedAndGuardedByOrg(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	rows, err := db.Owner.Query(t.Context(), `
		SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity,
			coalesce((SELECT string_agg(pg_get_expr(p.polqual, p.polrelid), ' | ') FROM pg_policy p WHERE p.polrelid = c.oid), '')
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition`)
	if err != nil {
		t.Fatal(err)
	}
	const policy = `(org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)`
	var name, qual string
	var guarded bool
	_, err = pgx.ForEachRow(rows, []any{&name, &guarded, &qual}, func() error {
		if _, exempt := withoutTenant[name]; exempt {
			return nil
		}
		if !guarded {
			t.Errorf("table %s: row-level security is not enabled and forced", name)
		}
		if qual != policy {
			t.Errorf("table %s: policy %q, want %q", name, qual, policy)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEveryUniqueKeyAndForeignKeyHoldsOrg(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	rows, err := db.Owner.Query(t.Context(), `
		SELECT c.relname, i.relname, i.relname, (SELECT attname FROM pg_attribute WHERE attrelid = c.oid AND attnum = x.indkey[0])
		FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'public' AND x.indisunique
		UNION ALL
		SELECT c.relname, k.conname, 'foreign key', (SELECT attname FROM pg_attribute WHERE attrelid = c.oid AND attnum = k.conkey[1])
		FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'public' AND k.contype = 'f'`)
	if err != nil {
		t.Fatal(err)
	}
	var table, key, what string
	var first *string
	_, err = pgx.ForEachRow(rows, []any{&table, &key, &what, &first}, func() error {
		if _, exempt := withoutTenant[table]; !exempt && (first == nil || *first != "org_id") {
			t.Errorf("table %s: %s does not begin with org_id", table, key)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNoTenantTableUsesASequence(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	rows, err := db.Owner.Query(t.Context(), `
		SELECT coalesce(d.refobjid::regclass::text, s.relname) FROM pg_class s JOIN pg_namespace n ON n.oid = s.relnamespace
		LEFT JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i')
		WHERE n.nspname = 'public' AND s.relkind = 'S'`)
	if err != nil {
		t.Fatal(err)
	}
	owners, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, owner := range owners {
		if _, exempt := withoutTenant[owner]; !exempt {
			t.Errorf("table %s numbers its rows by a sequence that all tenants share", owner)
		}
	}
}
