package tenancy

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Querier is a connection, pool or transaction to read the catalogue with.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Schema is what the catalogue says about the schema public, as far as tenants are concerned.
type Schema struct {
	Tables      []Table
	Keys        []Key
	ForeignKeys []ForeignKey
	Sequences   []Sequence
	Views       []View
	Functions   []Function
	Triggers    []Trigger
}

// Table is a table that is no partition of another.
type Table struct {
	Name string
	// OrgType is the type of the column org_id, "" if there is none; OrgRequired says that it is NOT NULL.
	OrgType     string
	OrgRequired bool
	// Enabled says that row-level security is enabled, Guarded that it is forced, too.
	Enabled, Guarded bool

	Policies []string
}

// Key is a unique index, a primary key among them, or an exclusion constraint.
type Key struct {
	Table, Name string
	// Columns in the key's order; an expression is "".
	Columns []string
}

// ForeignKey refers from Columns to Other's OtherColumns, pairwise.
type ForeignKey struct {
	Table, Name, Other    string
	Columns, OtherColumns []string
}

// Sequence gives numbers; Table is the one that owns it or has it in a default, "" if none does.
type Sequence struct{ Name, Table string }

// View looks at tables; Invoker says that it looks with its caller's rights.
type View struct {
	Name    string
	Invoker bool
}

// Function is one that the migrations made; Source is its body. Definer says that it works with its owner's rights,
// SearchPath what it sets of itself.
type Function struct {
	Name, Source string
	Definer      bool
	SearchPath   string
}

// Trigger stands on a table.
type Trigger struct{ Table, Name, Function string }

const (
	tablesSQL = `
		SELECT c.relname AS name, coalesce(format_type(a.atttypid, a.atttypmod), '') AS org_type,
			coalesce(a.attnotnull, false) AS org_required, c.relrowsecurity AS enabled,
			c.relrowsecurity AND c.relforcerowsecurity AS guarded,
			ARRAY(SELECT format('%s for %s to %s using %s check %s',
					CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END, p.polcmd,
					array_to_string(ARRAY(SELECT CASE WHEN r = 0 THEN 'public' ELSE r::regrole::text END FROM unnest(p.polroles) r),
					','),
					coalesce(pg_get_expr(p.polqual, p.polrelid), '-'), coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '-'))
				FROM pg_policy p WHERE p.polrelid = c.oid ORDER BY p.polname) AS policies
		FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id' AND NOT a.attisdropped
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
		AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
		AND d.deptype = 'e')
		ORDER BY c.relname COLLATE "C"`
	keysSQL = `
		SELECT c.relname AS table, i.relname AS name, ARRAY(SELECT coalesce(a.attname, '')::text
				FROM unnest(x.indkey[0:x.indnkeyatts - 1]) WITH ORDINALITY k(n, at)
				LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.n AND k.n > 0 ORDER BY k.at) AS columns
		FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND (x.indisunique OR x.indisexclusion)
		ORDER BY c.relname COLLATE "C", i.relname COLLATE "C"`
	foreignKeysSQL = `
		SELECT c.relname AS table, k.conname AS name, o.relname AS other,
			ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u(n, at)
				JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.n ORDER BY u.at) AS columns,
			ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u(n, at)
				JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum = u.n ORDER BY u.at) AS other_columns
		FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class o ON o.oid = k.confrelid
		WHERE c.relnamespace = 'public'::regnamespace AND k.contype = 'f'
		ORDER BY c.relname COLLATE "C", k.conname COLLATE "C"`
	// Whoever owns the sequence (serial, identity) or numbers by it in a default.
	sequencesSQL = `
		SELECT s.relname AS name, coalesce(
			(SELECT min(c.relname) FROM pg_depend d JOIN pg_class c ON c.oid = d.refobjid
				WHERE d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i') AND c.relkind IN ('r', 'p')),
			(SELECT min(c.relname) FROM pg_depend d JOIN pg_attrdef f ON f.oid = d.objid JOIN pg_class c ON c.oid = f.adrelid
				WHERE d.classid = 'pg_attrdef'::regclass AND d.refobjid = s.oid), '') AS table
		FROM pg_class s WHERE s.relnamespace = 'public'::regnamespace AND s.relkind = 'S'
		ORDER BY s.relname COLLATE "C"`
	viewsSQL = `
		SELECT relname AS name, coalesce(reloptions @> ARRAY['security_invoker=true'], false) AS invoker
		FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')
		AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
		AND d.deptype = 'e')
		ORDER BY relname COLLATE "C"`
	functionsSQL = `
		SELECT p.proname AS name, p.prosrc AS source, p.prosecdef AS definer,
			coalesce(array_to_string(p.proconfig, ','), '') AS search_path
		FROM pg_proc p
		WHERE p.pronamespace = 'public'::regnamespace AND p.prokind IN ('f', 'p')
		AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
		ORDER BY p.proname COLLATE "C"`
	triggersSQL = `
		SELECT c.relname AS table, t.tgname AS name, p.proname AS function
		FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
		WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace
		ORDER BY c.relname COLLATE "C", t.tgname COLLATE "C"`
)

// Read reads the catalogue of the database that q is connected to.
func Read(ctx context.Context, q Querier) (Schema, error) {
	var s Schema
	for _, part := range []func() error{
		func() error { return collect(ctx, q, tablesSQL, &s.Tables) },
		func() error { return collect(ctx, q, keysSQL, &s.Keys) },
		func() error { return collect(ctx, q, foreignKeysSQL, &s.ForeignKeys) },
		func() error { return collect(ctx, q, sequencesSQL, &s.Sequences) },
		func() error { return collect(ctx, q, viewsSQL, &s.Views) },
		func() error { return collect(ctx, q, functionsSQL, &s.Functions) },
		func() error { return collect(ctx, q, triggersSQL, &s.Triggers) },
	} {
		if err := part(); err != nil {
			return Schema{}, fmt.Errorf("tenancy: read the catalogue: %w", err)
		}
	}
	return s, nil
}

func collect[T any](ctx context.Context, q Querier, sql string, into *[]T) error {
	rows, err := q.Query(ctx, sql)
	if err != nil {
		return err
	}
	*into, err = pgx.CollectRows(rows, pgx.RowToStructByName[T])
	return err
}
