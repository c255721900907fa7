package migrations_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/migrations"
	"github.com/doorstep-dev/doorstep/server/order/parse"
)

// disguises are writings of identities, for the two functions that know their form.
var disguises = []string{
	"", "A-17", "a-17", "2026112901", "2026112901.0", "2026112901.00", "2026112901.10", "２０２６１１２９０１",
	"2026112901\u200b", "\ufeffA1",
	`="A-1"`, `="="A-1""`, "'A-1", "''A-1", "'A'1", "'", `="`, `=""`, "\tA-1 ", "　A 1　", "A\u00a01", "\u2003A1\u2029",
	"A\u2003B", "1.5E1", "1.5e+1",
	"2.02611E+17", "1E+0", "1E+5", "2E10", "1.0", "0001234567", "0001234567.0", "AJ-0504", "class:lighting", "（A）",
	"中文 12", "1.\u200b0", "\u00851\u0085",
	"1.000E3", "9.9E999", "\u202aA\u202c", "\u2060A\u00ad", "A|b", "1..0", ".0", "1.0.0", `="1.0"`, "'1.5E1",
}

func TestTheDatabaseAndTheServerKnowOneFormOfAnIdentity(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for _, s := range disguises {
		var got *string
		if err := db.Owner.QueryRow(t.Context(), `SELECT identity_of($1)`, s).Scan(&got); err != nil {
			t.Fatal(err)
		}
		want, err := parse.Identity(s)
		switch {
		case err != nil && got != nil:
			t.Errorf("%q: the database keeps %q, the server refuses it", s, *got)
		case err == nil && (got == nil || *got != want):
			t.Errorf("%q: the database keeps %v, the server %q", s, got, want)
		}
	}
}

func TestStoredIdentitiesComeToTheirFormAndTwinsStay(t *testing.T) {
	t.Parallel()
	owner := pgtest.Empty(t)
	if err := migrations.UpTo(t.Context(), owner, 20); err != nil {
		t.Fatal(err)
	}
	c, err := pgx.Connect(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	const org, other, shop = "'00000000-0000-7000-8000-00000000000a'", "'00000000-0000-7000-8000-00000000000b'",
		"00000000-0000-7000-8000-0000000000cc"
	id := func(n string) string { return "'00000000-0000-7000-8000-0000000000" + n + "'" }
	run := func(sql string) {
		t.Helper()
		if _, err := c.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%v: %s", err, sql)
		}
	}
	purchase := func(org, n, number string) {
		run(`INSERT INTO purchase (org_id, id, source, number, ordered_at, customer_id, address, taken_at)
			VALUES (` + org + `, ` + id(n) + `, 's', ` + number + `, now(), ` + id("01") + `, '', now())`)
	}
	for _, o := range []string{org, other} {
		run(`SELECT set_config('doorstep.org', ` + o + `, false)`)
		run(`INSERT INTO customer (org_id, id, name, phone, source, ref, address, vip, created_at)
			VALUES (` + o + `, ` + id("01") + `, '', '', 's', '''K1', '', false, now())`)
		purchase(o, "11", `'A1.'||E'\u200b'`) // no number: it only loses the mark
		purchase(o, "12", `'２０１'`)
		purchase(o, "13", `'201.0'`) // comes to the key of the one before
		purchase(o, "14", `'="X1"'`) // somebody has X1 already
		purchase(o, "15", `'X1'`)
		purchase(o, "16", `'7.0'||E'\x1f`+shop+`'`)
		purchase(o, "17", `'1.5E+17'`)
	}
	run(`INSERT INTO product_class (org_id, id, key, name_zh, name_en, skills, duration_minutes)
		VALUES (` + other + `, ` + id("21") + `, 'k', '', '', '{}', 0)`)
	run(`INSERT INTO product (org_id, id, class_id, sku, model, name_zh, name_en, warranty_months)
		VALUES (` + other + `, ` + id("22") + `, ` + id("21") + `, '''AJ', 'Ｍ１', '', '', 0)`)
	run(`INSERT INTO price_item (org_id, id, kind, sku, name_zh, name_en)
		VALUES (` + other + `, ` + id("23") + `, 1, '铜管　', '', '')`)
	if err := migrations.Up(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	for _, o := range []string{org, other} {
		run(`SELECT set_config('doorstep.org', ` + o + `, false)`)
		rows, err := c.Query(t.Context(), `SELECT number FROM purchase WHERE org_id = `+o+` ORDER BY id`)
		if err != nil {
			t.Fatal(err)
		}
		got, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"A1.", "201", "201.0", `="X1"`, "X1", "7\x1f" + shop, "1.5E+17"}
		for i := range want {
			if len(got) != len(want) || got[i] != want[i] {
				t.Fatalf("numbers are %q, want %q", got, want)
			}
		}
	}
	var ref, sku, model, item string
	if err := c.QueryRow(t.Context(), `SELECT (SELECT ref FROM customer WHERE org_id = `+other+`), sku, model, (SELECT sku
		FROM price_item WHERE org_id = `+other+`)
		FROM product WHERE org_id = `+other).Scan(&ref, &sku, &model, &item); err != nil || ref != "K1" || sku != "AJ" ||
		model != "M1" || item != "铜管" {
		t.Errorf("customer %q, product %q %q, part %q, %v", ref, sku, model, item, err)
	}
}
