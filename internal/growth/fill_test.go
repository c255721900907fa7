package growth

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// rowsEach is about how many rows each table that grows with the work has in the end, all of one company.
const rowsEach = 12_000

// few are tables that do not grow with the work: what a company sells, where it is, how it pays.
var few = map[string]bool{
	"region": true, "team": true, "shop": true, "product": true, "product_class": true, "price": true, "price_item": true,
	"ticket_template": true, "ticket_reason": true, "pay_plan": true, "rank_board": true, "rank_bucket": true,
	"rank_dirty":      true,
	"key_publication": true, "import_run": true, "ticket_counter": true,
}

// fill multiplies the rows of a company: each copy gets other ids, mapped alike in all tables, so that what belongs
// together still does. It returns how many rows each table has.
func fill(t *testing.T, c *pgx.Conn, org uuid.UUID) map[string]int {
	t.Helper()
	ctx := t.Context()
	do := func(sql string, args ...any) pgx.Rows {
		rows, err := c.Query(ctx, sql, args...)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		return rows
	}
	exec := func(sql string, args ...any) {
		if _, err := c.Exec(ctx, sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec("SET session_replication_role = replica") // no triggers, no foreign keys: copies are as sound as their originals
	tables, err := pgx.CollectRows(do(`SELECT c.relname::text FROM pg_class c
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id'
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relrowsecurity
			ORDER BY 1`), pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	total := map[string]int{}
	for _, table := range tables {
		var n int
		if err := c.QueryRow(ctx, "SELECT count(*) FROM "+table+" WHERE org_id = $1", org).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n == 0 || few[table] {
			total[table] = n
			continue
		}
		columns, values := mapped(ctx, t, c, table)
		exec(
			fmt.Sprintf("INSERT INTO %[1]s (%[2]s) SELECT %[3]s FROM %[1]s o, generate_series(1, $2::int) k WHERE o.org_id = "+
				"$1 ON CONFLICT DO NOTHING",
				table, columns, values), org, rowsEach/n)
		if err := c.QueryRow(ctx, "SELECT count(*) FROM "+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		total[table] = n
	}
	exec("SET session_replication_role = origin")
	exec("VACUUM (ANALYZE)")
	return total
}

// mapped lists a table's columns, and what the copy k of a row has in each: other ids, other words where words must
// be unique and may be any, an earlier time, else the same.
func mapped(ctx context.Context, t *testing.T, c *pgx.Conn, table string) (columns, values string) {
	rows, err := c.Query(ctx, `
		SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), EXISTS (SELECT FROM pg_index x
			WHERE x.indrelid = a.attrelid AND x.indisunique AND a.attnum = ANY (x.indkey::int2[]))
			AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'c'
			AND a.attnum = ANY (k.conkey))
		FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
			ORDER BY a.attnum`, table)
	if err != nil {
		t.Fatal(err)
	}
	var names, news []string
	var name, kind string
	var unique bool
	_, err = pgx.ForEachRow(rows, []any{&name, &kind, &unique}, func() error {
		value := "o." + name
		switch {
		case name == "org_id":
		case kind == "uuid":
			value = fmt.Sprintf("md5(o.%s::text || k)::uuid", name)
		case kind == "timestamp with time zone":
			value = fmt.Sprintf("o.%s - k * interval '6 hours'", name)
		case unique && kind == "text":
			value = fmt.Sprintf("o.%s || '-' || k", name)
		case unique && kind == "bytea":
			value = fmt.Sprintf("sha256(o.%s || convert_to(k::text, 'UTF8'))", name)
		}
		names, news = append(names, name), append(news, value)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, ", "), strings.Join(news, ", ")
}
