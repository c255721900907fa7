package migrations

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// grantLock is the advisory lock under which rights are set.
const grantLock = 0x646f6f7273677274

// queue is what the job queue needs of its own tables, which are not among our migrations; it reads river_migration.
const queue = "DELETE, INSERT, SELECT, UPDATE"

// wantedRights are what AppRole may do to a table of this schema or the job queue's, sorted and separated by ", ".
// ok is false for what is neither.
func wantedRights() func(table string) (privileges string, ok bool) {
	out := map[string]string{"river_migration": "SELECT"}
	for _, line := range wanted(rights) {
		if table, privileges, ok := strings.Cut(line, " "+AppRole+": "); ok {
			out[table] = privileges
		}
	}
	return func(table string) (string, bool) {
		privileges, ok := out[table]
		if !ok && strings.HasPrefix(table, "river_") {
			return queue, true
		}
		return privileges, ok
	}
}

// Of each table: what AppRole was granted, whether it was granted columns, and who else of PUBLIC and of AppRole's
// members was granted anything.
const grantedSQL = `
	SELECT c.relname, c.relkind::text,
		coalesce((SELECT string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type COLLATE "C") FROM aclexplode(c.relacl) a
		WHERE a.grantee = r.oid), ''),
		EXISTS (SELECT FROM pg_attribute t, aclexplode(t.attacl) a WHERE t.attrelid = c.oid AND a.grantee = r.oid),
		ARRAY(SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
			FROM (SELECT grantee FROM aclexplode(c.relacl)
				UNION ALL SELECT x.grantee FROM pg_attribute t, aclexplode(t.attacl) x WHERE t.attrelid = c.oid) a
			WHERE a.grantee = 0 OR a.grantee IN (SELECT m.member FROM pg_auth_members m
				WHERE m.roleid = r.oid AND m.member <> c.relowner))
	FROM pg_class c CROSS JOIN pg_roles r
	WHERE r.rolname = $1 AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')
	ORDER BY c.relname COLLATE "C"`

// Grant gives AppRole what the schema says that a server may do to each table, and takes from it, from the logins that
// are its members and from PUBLIC what it does not say: after a restore that left rights out, and after somebody's
// hand. url is the owner's. It changes nothing where everything is right.
func Grant(ctx context.Context, url string) error {
	err := connected(ctx, url, func(c *pgx.Conn) error {
		return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(grantLock)); err != nil {
				return err
			}
			statements, err := grants(ctx, tx)
			if err != nil {
				return err
			}
			for _, sql := range statements {
				if _, err := tx.Exec(ctx, sql); err != nil {
					return fmt.Errorf("%s: %w", sql, err)
				}
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("migrations: rights: %w", err)
	}
	return nil
}

// grants are the statements that are missing.
func grants(ctx context.Context, tx pgx.Tx) (out []string, err error) {
	rows, err := tx.Query(ctx, grantedSQL, AppRole)
	if err != nil {
		return nil, err
	}
	want := wantedRights()
	var name, kind, has string
	var byColumn bool
	var others []string
	_, err = pgx.ForEachRow(rows, []any{&name, &kind, &has, &byColumn, &others}, func() error {
		wants, ours := want(name)
		if kind == "S" {
			if wants, ours = "SELECT, USAGE", strings.HasPrefix(name, "river_"); ours && has != wants {
				out = append(out, "GRANT "+wants+" ON SEQUENCE public."+ident(name)+" TO "+AppRole)
			}
			return nil
		}
		if ours && (has != wants || byColumn || len(others) > 0) {
			from := strings.Join(append([]string{AppRole}, others...), ", ")
			out = append(out, "REVOKE ALL ON public."+ident(name)+" FROM "+from, "GRANT "+wants+" ON public."+ident(name)+" TO "+
				AppRole)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	more, err := besideTables(ctx, tx)
	return append(out, more...), err
}

// besideTables are the statements for the schema and for the functions that work with their owner's rights.
func besideTables(ctx context.Context, tx pgx.Tx) (out []string, err error) {
	var uses, makes bool
	err = tx.QueryRow(ctx, `SELECT has_schema_privilege($1, 'public', 'USAGE'),
		has_schema_privilege($1, 'public', 'CREATE')`, AppRole).Scan(&uses, &makes)
	if err != nil {
		return nil, err
	}
	if !uses {
		out = append(out, "GRANT USAGE ON SCHEMA public TO "+AppRole)
	}
	if makes { // a database of PostgreSQL 14 or older let everybody
		out = append(out, "REVOKE CREATE ON SCHEMA public FROM PUBLIC, "+AppRole)
	}
	has, err := describe(ctx, tx, callers)
	if err != nil {
		return nil, err
	}
	for _, line := range wanted(callers) {
		function, ok := strings.CutSuffix(line, " "+AppRole)
		if !ok {
			return nil, errors.New("the schema lets " + line)
		}
		var there bool
		if err := tx.QueryRow(ctx, "SELECT to_regprocedure($1) IS NOT NULL", function).Scan(&there); err != nil {
			return nil, err
		}
		granted, open := false, false
		for _, h := range has {
			granted, open = granted || h == line, open || h == function+" public"
		}
		if there && (open || !granted) {
			out = append(out, "REVOKE ALL ON FUNCTION public."+function+" FROM PUBLIC", "GRANT EXECUTE ON FUNCTION public."+
				function+" TO "+AppRole)
		}
	}
	return out, nil
}
