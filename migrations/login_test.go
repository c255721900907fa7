package migrations_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/migrations"
	"github.com/doorstep-dev/doorstep/migrations/tenancy"
	"github.com/doorstep-dev/doorstep/server/job"
)

// onlyGrow are the ledger, the trails and what else is never changed. A table that the schema lets a server only insert
// into must be here, and the other way round.
var onlyGrow = []string{
	"ticket_charge", "ticket_note",
	"account_event", "code_org", "pay_entry", "pay_plan", "pay_posting", "proof_custody", "proof_signature", "signing_key",
	"sync_mutation", "sync_parked_edit", "ticket_agreement", "ticket_event",
}

// tenants is a database in which each table that has a column org_id, and org itself, holds a row of each of two orgs.
type tenants struct {
	t    *testing.T
	db   *pgtest.DB
	a, b uuid.UUID
	// tables are those, each with the column that names the org.
	tables map[string]string
	// all are all tables.
	all []string
}

func twoOrgs(t *testing.T) *tenants {
	t.Helper()
	db := pgtest.New(t)
	if err := job.Migrate(t.Context(), db.OwnerURL); err != nil {
		t.Fatal(err)
	}
	s, err := tenancy.Read(t.Context(), db.Owner)
	if err != nil {
		t.Fatal(err)
	}
	w := &tenants{t: t, db: db, a: uuid.New(), b: uuid.New(), tables: map[string]string{"org": "id"}}
	for _, table := range s.Tables {
		w.all = append(w.all, table.Name)
		if table.OrgType != "" {
			w.tables[table.Name] = "org_id"
		}
	}
	if len(w.tables) < 50 {
		t.Fatalf("only %d tables have orgs", len(w.tables))
	}
	w.unbind()
	for table, column := range w.tables {
		for _, org := range []uuid.UUID{w.a, w.b} {
			w.fill(table, column, org)
		}
	}
	return w
}

// unbind takes what stands against rows that mean nothing: conditions, references and triggers. Neither row-level
// security nor any right hangs on them.
func (w *tenants) unbind() {
	w.t.Helper()
	rows, err := w.db.Owner.Query(w.t.Context(), `
		SELECT format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', k.conrelid::regclass, k.conname) FROM pg_constraint k
		WHERE k.connamespace = 'public'::regnamespace AND k.contype IN ('c', 'f') AND k.conrelid <> 0
		UNION ALL
		SELECT format('ALTER TABLE %s DISABLE TRIGGER USER', c.oid::regclass) FROM pg_class c
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'`)
	if err != nil {
		w.t.Fatal(err)
	}
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		w.t.Fatal(err)
	}
	for _, sql := range statements {
		if _, err := w.db.Owner.Exec(w.t.Context(), sql); err != nil {
			w.t.Fatalf("%s: %v", sql, err)
		}
	}
}

// fill inserts a row of an org as the owner.
func (w *tenants) fill(table, column string, org uuid.UUID) {
	w.t.Helper()
	if _, err := w.db.Owner.Exec(w.t.Context(), w.insert(table, column, org)); err != nil {
		w.t.Fatalf("%s: %v", table, err)
	}
}

// insert makes a statement that inserts a row of an org, with something in every column that needs it.
func (w *tenants) insert(table, column string, org uuid.UUID) string {
	w.t.Helper()
	rows, err := w.db.Owner.Query(w.t.Context(), `
		SELECT a.attname, format_type(a.atttypid, NULL) FROM pg_attribute a
		WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
		AND (a.attname = $2 OR a.attnotnull AND NOT a.atthasdef)`, table, column)
	if err != nil {
		w.t.Fatal(err)
	}
	var columns, values []string
	var name, kind string
	_, err = pgx.ForEachRow(rows, []any{&name, &kind}, func() error {
		value := "'1'"
		switch {
		case name == column:
			value = "'" + org.String() + "'"
		case kind == "uuid":
			value = "gen_random_uuid()"
		case kind == "bytea":
			value = "decode(md5(gen_random_uuid()::text), 'hex')"
		case kind == "text":
			value = "gen_random_uuid()::text"
		case strings.HasPrefix(kind, "timestamp"), kind == "date":
			value = "now()"
		case kind == "boolean":
			value = "true"
		case kind == "jsonb":
			value = "'{}'"
		case strings.HasSuffix(kind, "[]"):
			value = "'{}'"
		}
		columns, values = append(columns, pgx.Identifier{name}.Sanitize()), append(values, value)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, strings.Join(columns, ", "), strings.Join(values, ", "))
}

// within runs fn in a transaction of the server's login that is undone, after the given words and with the org set, if
// any.
func (w *tenants) within(words string, org uuid.UUID, fn func(tx pgx.Tx)) {
	w.t.Helper()
	c, err := pgx.Connect(w.t.Context(), w.db.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(w.t.Context()))
	if words != "" {
		_, err := c.Exec(w.t.Context(), words)
		if err != nil && !denied(err) {
			w.t.Fatalf("%s: %v", words, err)
		}
	}
	tx, err := c.Begin(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(w.t.Context())) }() // that is what is wanted
	if org != uuid.Nil {
		if _, err := tx.Exec(w.t.Context(), "SET LOCAL doorstep.org = '"+org.String()+"'"); err != nil {
			w.t.Fatal(err)
		}
	}
	fn(tx)
}

// tried runs a statement on its own and says how many rows it touched, 0 where it is refused.
func (w *tenants) tried(tx pgx.Tx, sql string) (touched int64, err error) {
	w.t.Helper()
	err = pgx.BeginFunc(w.t.Context(), tx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(w.t.Context(), sql)
		touched = tag.RowsAffected()
		return err
	})
	if err != nil {
		return 0, err
	}
	return touched, nil
}

func denied(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "42501"
}

// gains is all that a login may say to become more than it is.
var gains = []string{
	"", "RESET ROLE", "SET ROLE NONE", "RESET SESSION AUTHORIZATION", "SET row_security = off",
	"SET ROLE " + migrations.AppRole,
	"SET SESSION AUTHORIZATION DEFAULT", "RESET ALL", "DISCARD ALL",
}

func TestAServersLoginSeesAndChangesNoRowOfAnotherOrgWhateverItSays(t *testing.T) {
	t.Parallel()
	w := twoOrgs(t)
	statements := map[string][]string{}
	for table, column := range w.tables {
		others := fmt.Sprintf(" WHERE %s IS DISTINCT FROM nullif(current_setting('doorstep.org', true), '')::uuid", column)
		statements[table] = []string{
			fmt.Sprintf("UPDATE %s SET %[2]s = %[2]s", table, column) + others,
			fmt.Sprintf("UPDATE %s SET %s = '%s'", table, column, w.b),
			"DELETE FROM " + table + others, "TRUNCATE " + table + " CASCADE",
			w.insert(table, column, w.b),
		}
		if table != "org" { // the directory is for everybody to read
			statements[table] = append(statements[table], "SELECT FROM "+table+others)
		}
	}
	for _, words := range gains {
		for _, org := range []uuid.UUID{uuid.Nil, w.a} {
			w.within(words, org, func(tx pgx.Tx) {
				for _, all := range statements {
					for _, sql := range all {
						if n, err := w.tried(tx, sql); n > 0 {
							t.Errorf("after %q, with the org %s: %d rows touched by %s", words, org, n, sql)
						} else if err != nil && !denied(err) {
							t.Errorf("%s: %v", sql, err)
						}
					}
				}
			})
		}
	}
	// What is asked above would find rows, were it allowed: an org's own are seen.
	w.within("", w.a, func(tx pgx.Tx) {
		for table := range w.tables {
			if n, err := w.tried(tx, "SELECT FROM "+table); table != "org" && n != 1 || err != nil {
				t.Errorf("of its own in %s an org sees %d: %v", table, n, err)
			}
		}
	})
}

func TestWhatOnlyGrowsIsNeverChangedByAServersLogin(t *testing.T) {
	t.Parallel()
	w := twoOrgs(t)
	for _, words := range gains {
		w.within(words, w.a, func(tx pgx.Tx) {
			for _, table := range w.all {
				if _, err := w.tried(tx, "TRUNCATE "+table+" CASCADE"); !denied(err) {
					t.Errorf("after %q: TRUNCATE %s: %v", words, table, err)
				}
				if !slices.Contains(onlyGrow, table) {
					continue
				}
				for _, sql := range []string{
					"UPDATE " + table + " SET " + columnOf(w, table) + " = DEFAULT", "DELETE FROM " + table,
					"SELECT FROM " + table + " FOR UPDATE",
				} {
					if _, err := w.tried(tx, sql); !denied(err) {
						t.Errorf("after %q: %s: %v", words, sql, err)
					}
				}
			}
		})
	}
	// The list is the schema's.
	for _, table := range w.all {
		var inserts, more bool
		err := w.db.App.QueryRow(t.Context(), `SELECT has_table_privilege($1, 'INSERT'),
			has_any_column_privilege($1, 'UPDATE') OR has_table_privilege($1, 'DELETE')`, table).Scan(&inserts, &more)
		if err != nil {
			t.Fatal(err)
		}
		if grows := inserts && !more; grows != slices.Contains(onlyGrow, table) {
			t.Errorf("a server may only insert into %s: %v, listed %v", table, grows, !grows)
		}
	}
}

func columnOf(w *tenants, table string) (name string) {
	w.t.Helper()
	err := w.db.Owner.QueryRow(w.t.Context(),
		"SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = $1::regclass AND attnum = 1", table).Scan(&name)
	if err != nil {
		w.t.Fatal(err)
	}
	return name
}

func TestTheDirectoryKeysAndCodesRefuseToBeChangedWithoutTheirOrg(t *testing.T) {
	t.Parallel()
	w := twoOrgs(t)
	for _, org := range []uuid.UUID{uuid.Nil, w.a} {
		w.within("", org, func(tx pgx.Tx) {
			for _, sql := range []string{
				"UPDATE org SET finished_days = 1 WHERE id = '" + w.b.String() + "'", "DELETE FROM org",
				"INSERT INTO org (id, slug, name_zh, name_en, time_zone, currency, created_at) VALUES (gen_random_uuid(), 'x', " +
					"'x', 'x', 'UTC', 'CNY', now())",
				"UPDATE signing_key SET verify_until = now()", "DELETE FROM signing_key",
				"UPDATE sync_generation SET restored = true", "DELETE FROM sync_generation",
				"UPDATE enrolment_code SET used_at = now() WHERE org_id = '" + w.b.String() + "'",
				"DELETE FROM enrolment_code WHERE org_id = '" + w.b.String() + "'",
			} {
				if n, err := w.tried(tx, sql); n > 0 || err != nil && !denied(err) {
					t.Errorf("with the org %s: %s: %d rows, %v", org, sql, n, err)
				}
			}
		})
	}
	// By a key that somebody knows, and by no other way, they are found.
	var hash []byte
	var handle string
	err := w.db.Owner.QueryRow(t.Context(),
		"SELECT code_hash, (SELECT handle FROM code_org WHERE org_id = $1) FROM enrolment_code WHERE org_id = $1",
		w.b).Scan(&hash, &handle)
	if err != nil {
		t.Fatal(err)
	}
	var byCode, byHandle, none *uuid.UUID
	err = w.db.App.QueryRow(t.Context(), "SELECT org_of_enrolment_code($1), org_of_handle($2), org_of_handle('none')",
		hash, handle).Scan(&byCode, &byHandle, &none)
	if err != nil || byCode == nil || *byCode != w.b || byHandle == nil || *byHandle != w.b || none != nil {
		t.Error(byCode, byHandle, none, err)
	}
}

func TestAServersLoginBecomesNobodyElse(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	c, err := pgx.Connect(t.Context(), db.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	owner, err := url.Parse(db.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	name := pgx.Identifier{owner.User.Username()}.Sanitize()
	for _, sql := range []string{
		"SET ROLE " + name, "SET SESSION AUTHORIZATION " + name, "SET SESSION AUTHORIZATION " + migrations.AppRole,
		"ALTER TABLE ticket DISABLE ROW LEVEL SECURITY", "ALTER TABLE ticket NO FORCE ROW LEVEL SECURITY",
		"DROP POLICY tenant ON ticket",
		"CREATE POLICY open ON ticket USING (true)", "ALTER TABLE ticket_event DISABLE TRIGGER ALL",
		"DROP TRIGGER append_only ON pay_entry",
		"SET session_replication_role = replica", "CREATE TABLE mine (id int)", "CREATE SCHEMA mine", "CREATE ROLE more",
		"DROP TABLE ticket",
		"CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", "GRANT UPDATE ON pay_entry TO " + migrations.AppRole,
		"GRANT " + migrations.AppRole + " TO " + name, "ALTER ROLE CURRENT_USER BYPASSRLS", "COPY org TO PROGRAM 'true'",
		"ALTER FUNCTION org_of_handle(text) SECURITY INVOKER", "UPDATE goose_db_version SET is_applied = false",
		"ALTER DEFAULT PRIVILEGES FOR ROLE " + name + " GRANT ALL ON TABLES TO PUBLIC",
	} {
		_, err := c.Exec(t.Context(), sql)
		var pg *pgconn.PgError
		// What is not one's own is also said not to be there, or, of a grant, only warned of.
		if err == nil && strings.HasPrefix(sql, "GRANT") || errors.As(err, &pg) &&
			(pg.Code == "42501" || pg.Code == "0LP01") {
			continue
		}
		t.Errorf("%s: %v", sql, err)
	}
	if err := migrations.Check(t.Context(), c); err != nil {
		t.Errorf("after all that the database is not as it was: %v", err)
	}
}

func TestAnOlderServerGoesOnFindingCodesAndHandlesWhileItIsThere(t *testing.T) {
	t.Parallel()
	w := twoOrgs(t)
	// It signed in as the owner, who was a member of the role, and works as that.
	tx, err := w.db.Owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	for _, sql := range []string{"GRANT " + migrations.AppRole + " TO CURRENT_USER", "SET LOCAL ROLE " +
		migrations.AppRole} {
		if _, err := tx.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for table, want := range map[string]int64{"enrolment_code": 2, "code_org": 2, "org": 2, "ticket": 0} {
		if n, err := w.tried(tx, "SELECT FROM "+table); n != want || err != nil {
			t.Errorf("of %s it sees %d rows, not %d: %v", table, n, want, err)
		}
	}
}

func TestADatabaseOfOneLoginIsUpgradedToTwo(t *testing.T) {
	t.Parallel()
	owner := pgtest.Empty(t)
	if err := migrations.UpTo(t.Context(), owner, 13); err != nil {
		t.Fatal(err)
	}
	check := func(url string) error {
		t.Helper()
		c, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(context.WithoutCancel(t.Context()))
		return migrations.Check(t.Context(), c)
	}
	server := pgtest.ServerURL(owner)
	if err := check(server); err == nil || !strings.Contains(err.Error(), "doorstep migrate") {
		t.Errorf("before the upgrade: %v", err)
	}
	for _, do := range []func(context.Context, string) error{migrations.Up, migrations.Grant, migrations.Grant} {
		if err := do(t.Context(), owner); err != nil {
			t.Fatal(err)
		}
	}
	if err := check(server); err != nil {
		t.Errorf("after the upgrade: %v", err)
	}
	if err := check(owner); err == nil || !strings.Contains(err.Error(), "DOORSTEP_OWNER_DATABASE_URL") {
		t.Errorf("the owner's login is taken for a server's: %v", err)
	}
}
