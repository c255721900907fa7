package migrations

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// oldest is the oldest PostgreSQL that the schema works on, as server_version_num counts.
const oldest = 150000

// owning is what an owner's login finds.
type owning struct {
	Me      string
	Version int
	Super   bool
	// Makes: it may make roles. Creates: it may make tables.
	Makes, Creates bool
	// App and Server are there; Grants: it may let others be members of AppRole; Member: the server's login is one.
	App, Server, Grants, Member bool
	// Unfit are attributes that the server's login should not have.
	Unfit string
	// Foreign are owners of our tables that this login cannot act as.
	Foreign []string
}

const owningSQL = `
	SELECT session_user AS me, current_setting('server_version_num')::int AS version, u.rolsuper AS super,
		u.rolsuper OR u.rolcreaterole AS makes, has_schema_privilege('public', 'CREATE') AS creates,
		a.oid IS NOT NULL AS app, s.oid IS NOT NULL AS server,
		u.rolsuper OR coalesce(pg_has_role(u.oid, a.oid, 'MEMBER WITH ADMIN OPTION'), false)
			OR u.rolcreaterole AND (a.oid IS NULL OR current_setting('server_version_num')::int < 160000) AS grants,
		EXISTS (SELECT FROM pg_auth_members m WHERE m.member = s.oid AND m.roleid = a.oid) AS member,
		concat_ws(' ', CASE WHEN NOT s.rolcanlogin THEN 'LOGIN' END, CASE WHEN NOT s.rolinherit THEN 'INHERIT' END,
			CASE WHEN s.rolsuper THEN 'NOSUPERUSER' END, CASE WHEN s.rolbypassrls THEN 'NOBYPASSRLS' END,
			CASE WHEN s.rolcreaterole THEN 'NOCREATEROLE' END, CASE WHEN s.rolcreatedb THEN 'NOCREATEDB' END,
			CASE WHEN s.rolreplication THEN 'NOREPLICATION' END) AS unfit,
		ARRAY(SELECT DISTINCT pg_get_userbyid(c.relowner)::text FROM pg_class c
			WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
				AND NOT pg_has_role(u.oid, c.relowner, 'USAGE')
			AND (c.relname = ANY ($3) OR c.relname LIKE 'goose\_%' OR c.relname LIKE 'river\_%')) AS foreign
	FROM pg_roles u LEFT JOIN pg_roles a ON a.rolname = $1 LEFT JOIN pg_roles s ON s.rolname = $2
	WHERE u.rolname = session_user`

// Lacking lists what stands in the way of Up and MakeLogin with these logins, each with the statement that a database
// administrator runs; none when they can go through. It changes nothing. serverURL may be empty.
func Lacking(ctx context.Context, ownerURL, serverURL string) (found Problems, err error) {
	login := ""
	if serverURL != "" {
		server, err := pgx.ParseConfig(serverURL)
		if err != nil {
			return nil, fmt.Errorf("the server's database URL: %w", err)
		}
		login = server.User
	}
	err = connected(ctx, ownerURL, func(c *pgx.Conn) error {
		rows, err := c.Query(ctx, owningSQL, AppRole, login, tables())
		if err != nil {
			return err
		}
		o, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[owning])
		if err == nil {
			found = o.lacks(login)
		}
		return err
	})
	return found, err
}

// tables are the names of our tables and views.
func tables() (out []string) {
	seen := map[string]bool{}
	for _, line := range wanted(columns) {
		if name := tableOf(line); !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	return out
}

func (o owning) lacks(login string) (out Problems) {
	say := func(english, chinese, sql string) { out = append(out, Problem{english, chinese, sql}) }
	me, server := ident(o.Me), ident(login)
	if o.Version < oldest {
		say(fmt.Sprintf("PostgreSQL is %d; 15 or newer is needed", o.Version/10000),
			fmt.Sprintf("PostgreSQL 版本为 %d，需要 15 或更新版本", o.Version/10000), "")
	}
	if login == o.Me {
		say("DOORSTEP_DATABASE_URL and DOORSTEP_OWNER_DATABASE_URL sign in as the same login "+o.Me+
			"; the server needs one of its own, for example doorstep_server",
			"DOORSTEP_DATABASE_URL 与 DOORSTEP_OWNER_DATABASE_URL 使用同一登录账号 "+o.Me+"；服务器需要单独的账号，例如 doorstep_server", "")
		return out
	}
	if !o.Creates {
		say(o.Me+" may not make tables", o.Me+" 无权创建表", "GRANT CREATE ON SCHEMA public TO "+me)
	}
	for _, other := range o.Foreign {
		say("tables belong to "+other, "表属于 "+other, "REASSIGN OWNED BY "+ident(other)+" TO "+me)
	}
	if !o.App && !o.Makes {
		say(o.Me+" may not make the role "+AppRole, o.Me+" 无权创建角色 "+AppRole, "CREATE ROLE "+AppRole+" NOLOGIN")
	}
	if login == "" {
		return out
	}
	switch {
	case !o.Server && !o.Makes:
		say(o.Me+" may not make the server's login "+login, o.Me+" 无权创建服务器登录账号 "+login,
			"CREATE ROLE "+server+" LOGIN PASSWORD 'the one in DOORSTEP_DATABASE_URL'")
	case o.Server && o.Unfit != "":
		say("the server's login "+login+" has other attributes than it should", "服务器登录账号 "+login+" 的属性不符合要求",
			"ALTER ROLE "+server+" "+strings.TrimSpace(o.Unfit))
	}
	if !o.Member && !o.Grants {
		say(o.Me+" may not make "+login+" a member of "+AppRole, o.Me+" 无权将 "+login+" 加入 "+AppRole, "GRANT "+AppRole+" TO "+
			server)
	}
	return out
}
