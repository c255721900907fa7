package migrations

import (
	"context"
	"fmt"
)

// mightySQL lists what makes a login more than a server's: in itself, and in each role that it could become. A role
// that has no part in this database, such as the one by which a provider lets logins in, does no harm.
const mightySQL = `
	WITH me AS (SELECT * FROM pg_roles WHERE rolname = $1),
	becomes AS (SELECT r.* FROM pg_roles r, me WHERE pg_has_role(me.oid, r.oid, 'MEMBER') AND r.rolname <> $2)
	SELECT rolname, what FROM (
		SELECT r.rolname, 1 AS weight, 'is a superuser' AS what FROM becomes r WHERE r.rolsuper
		UNION ALL SELECT r.rolname, 2, 'bypasses row-level security' FROM becomes r WHERE r.rolbypassrls
		UNION ALL SELECT r.rolname, 3, 'makes roles' FROM becomes r WHERE r.rolcreaterole
		UNION ALL SELECT r.rolname, 4, 'makes databases' FROM becomes r WHERE r.rolcreatedb
		UNION ALL SELECT r.rolname, 5, 'may replicate' FROM becomes r WHERE r.rolreplication
		UNION ALL SELECT r.rolname, 6, 'owns tables' FROM becomes r WHERE EXISTS (
			SELECT FROM pg_class c WHERE c.relowner = r.oid AND c.relnamespace = 'public'::regnamespace)
		UNION ALL SELECT r.rolname, 6, 'owns functions' FROM becomes r WHERE EXISTS (
			SELECT FROM pg_proc p WHERE p.proowner = r.oid AND p.pronamespace = 'public'::regnamespace)
		UNION ALL SELECT r.rolname, 7, 'owns the schema' FROM becomes r WHERE EXISTS (
			SELECT FROM pg_namespace n WHERE n.nspowner = r.oid AND n.nspname = 'public')
		UNION ALL SELECT r.rolname, 8, 'owns the database' FROM becomes r WHERE EXISTS (
			SELECT FROM pg_database d WHERE d.datdba = r.oid AND d.datname = current_database())
		UNION ALL SELECT r.rolname, 9, 'makes tables' FROM becomes r WHERE has_schema_privilege(r.oid, 'public', 'CREATE')
		UNION ALL SELECT r.rolname, 10, 'makes schemas' FROM becomes r
		WHERE has_database_privilege(r.oid, current_database(), 'CREATE')
		UNION ALL SELECT r.rolname, 11, 'reaches past this database' FROM becomes r
			WHERE r.rolname LIKE 'pg\_%' AND r.rolname NOT IN ('pg_monitor', 'pg_read_all_settings', 'pg_read_all_stats',
				'pg_stat_scan_tables')
		UNION ALL SELECT r.rolname, 12, 'has rights of its own to ' || c.relname
		FROM becomes r, me, pg_class c, unnest(ARRAY['DELETE', 'INSERT', 'SELECT', 'TRUNCATE', 'UPDATE']) p
			WHERE r.oid <> me.oid AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
			AND has_table_privilege(r.oid, c.oid, p) AND NOT has_table_privilege(me.oid, c.oid, p)
		UNION ALL SELECT rolname, 13, 'hands on the rights of a server' FROM me
			WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = $2)
				AND pg_has_role(me.oid, (SELECT oid FROM pg_roles WHERE rolname = $2), 'MEMBER WITH ADMIN OPTION')
	) f ORDER BY weight, rolname, what LIMIT 1`

// mighty says what makes the login more than a server's may be; none when it is one.
func mighty(ctx context.Context, q Querier, login string) (Problems, error) {
	rows, err := q.Query(ctx, mightySQL, login, AppRole)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var who, what string
	if !rows.Next() {
		return nil, rows.Err()
	}
	if err := rows.Scan(&who, &what); err != nil {
		return nil, err
	}
	by := ""
	if who != login {
		by = fmt.Sprintf("through the role %s, which it can become, ", who)
	}
	return Problems{{
		English: fmt.Sprintf("the login %s of DOORSTEP_DATABASE_URL is more than a server may be (%s%s). Give that login as "+
			"DOORSTEP_OWNER_DATABASE_URL, choose another for DOORSTEP_DATABASE_URL, for example doorstep_server, and run "+
			"doorstep migrate, "+
			"which makes it (docs/OPERATIONS.md, Two logins)", login, by, what),
		Chinese: fmt.Sprintf("DOORSTEP_DATABASE_URL 的登录账号 %s 权限过大（%s%s）。请把该账号设为 DOORSTEP_OWNER_DATABASE_URL，另选一个账号"+
			"（例如 doorstep_server）设为 DOORSTEP_DATABASE_URL，然后运行 doorstep migrate 创建它（见 docs/OPERATIONS.md）", login, by, what),
	}}, nil
}
