package migrations

import (
	"context"
	_ "embed" // the golden description
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

//go:embed schema.golden.sql
var golden string

// The parts of the description that a database is compared by.
const (
	columns  = "columns"
	security = "row security"
	policies = "policies"
	rights   = "rights"
	callers  = "callers"
)

// parts are queries that each describe one kind of thing, a line a thing, in a stable order. pg_dump would
// say the same, but it is not among the programs that a machine without PostgreSQL downloads, and its words
// change from version to version.
var parts = []struct{ name, sql string }{
	{"types", `
		SELECT format('%s: %s', t.typname, string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder))
		FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid
		WHERE t.typnamespace = 'public'::regnamespace GROUP BY t.typname ORDER BY t.typname COLLATE "C"`},
	{columns, `
		SELECT format('%s.%s %s%s%s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
			CASE WHEN a.attcollation <> t.typcollation THEN ' collate ' || co.collname ELSE '' END,
			CASE WHEN a.attnotnull THEN ' not null' ELSE '' END,
			CASE a.attidentity WHEN 'a' THEN ' identity' WHEN 'd' THEN ' identity by default' ELSE '' END,
			coalesce(CASE a.attgenerated WHEN 's' THEN ' generated ' ELSE ' default ' END || pg_get_expr(d.adbin, d.adrelid),
			''))
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		JOIN pg_type t ON t.oid = a.atttypid
		LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
		LEFT JOIN pg_collation co ON co.oid = a.attcollation
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
		AND c.relname NOT LIKE 'goose%' ORDER BY c.relname COLLATE "C", a.attnum`},
	{"constraints", `
		SELECT format('%s %s %s', c.relname, k.conname, pg_get_constraintdef(k.oid))
		FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
		WHERE c.relnamespace = 'public'::regnamespace AND k.contype <> 'n' AND c.relname NOT LIKE 'goose%'
		ORDER BY c.relname COLLATE "C", k.conname COLLATE "C"`},
	{"indexes", `
		SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
		WHERE c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE 'goose%'
		ORDER BY pg_get_indexdef(i.indexrelid) COLLATE "C"`},
	{security, `
		SELECT format('%s%s%s', relname, CASE WHEN relrowsecurity THEN ' enabled' ELSE '' END,
			CASE WHEN relforcerowsecurity THEN ' forced' ELSE '' END)
		FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
		AND relname NOT LIKE 'goose%' ORDER BY relname COLLATE "C"`},
	{policies, `
		SELECT format('%s %s %s for %s to %s using (%s) check (%s)', tablename, policyname, permissive, cmd,
			array_to_string(roles, ', '), qual, with_check)
		FROM pg_policies WHERE schemaname = 'public' ORDER BY tablename COLLATE "C", policyname COLLATE "C"`},
	{rights, `
		SELECT format('%s %s: %s', c.relname, CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::regrole::text END,
			string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type COLLATE "C"))
		FROM pg_class c, aclexplode(c.relacl) a
		WHERE c.relnamespace = 'public'::regnamespace AND a.grantee <> c.relowner
		GROUP BY c.relname, a.grantee ORDER BY c.relname COLLATE "C", a.grantee::regrole::text COLLATE "C"`},
	// Whoever may call what works with its owner's rights.
	{callers, `
		SELECT format('%s %s', p.oid::regprocedure, CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::regrole::text END)
		FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
		WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef AND a.grantee <> p.proowner
		AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
		ORDER BY p.oid::regprocedure::text COLLATE "C", a.grantee::regrole::text COLLATE "C"`},
	{"views", `
		SELECT format('%s with (%s) as %s', relname, array_to_string(reloptions, ', '), pg_get_viewdef(oid))
		FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm') ORDER BY relname COLLATE "C"`},
	{"functions", `
		SELECT pg_get_functiondef(p.oid) FROM pg_proc p
		WHERE p.pronamespace = 'public'::regnamespace AND p.prokind IN ('f', 'p')
		AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
		ORDER BY pg_get_functiondef(p.oid) COLLATE "C"`},
	{"triggers", `
		SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
		WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace ORDER BY pg_get_triggerdef(t.oid) COLLATE "C"`},
	{"extensions", `
		SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY extname COLLATE "C"`},
}

// Describe describes all that the migrations have made, without their own book-keeping, as text that two databases
// share exactly when they are made alike.
func Describe(ctx context.Context, q Querier) (string, error) {
	out := &strings.Builder{}
	out.WriteString("-- What the migrations make, written by a test. It is a description to compare, not a script to " +
		"run.\n\n")
	for _, part := range parts {
		lines, err := describe(ctx, q, part.name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(out, "-- %s\n", part.name)
		for _, l := range lines {
			fmt.Fprintln(out, l)
		}
		out.WriteByte('\n')
	}
	return out.String(), nil
}

// describe describes one part, a line a thing.
func describe(ctx context.Context, q Querier, name string) ([]string, error) {
	for _, part := range parts {
		if part.name != name {
			continue
		}
		rows, err := q.Query(ctx, part.sql)
		if err != nil {
			return nil, fmt.Errorf("describe %s: %w", name, err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for i := range lines {
			lines[i] = strings.TrimSpace(lines[i])
		}
		return lines, err
	}
	return nil, fmt.Errorf("no part of the description is called %s", name)
}

// wanted is a part of the golden description.
func wanted(name string) []string {
	_, rest, _ := strings.Cut(golden, "\n-- "+name+"\n")
	part, _, _ := strings.Cut(rest, "\n\n")
	return slices.DeleteFunc(strings.Split(part, "\n"), func(l string) bool { return l == "" })
}
