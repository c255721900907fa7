package distribute

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/migrations"
	"github.com/doorstep-dev/doorstep/migrations/tenancy"
)

// oldest is the oldest major version of Citus whose functions are used here; 13.2 is the one that the design was
// tried with.
const oldest = 12

// Obstacle is something that must be put right before the tables can be spread, with what to do about it.
type Obstacle struct{ English, Chinese string }

// Check lists what stands in the way; none when the plan can be carried out. conn signed in as the database's owner,
// server as the servers do.
func Check(ctx context.Context, conn, server *pgx.Conn) ([]Obstacle, error) {
	var version string
	err := conn.QueryRow(ctx, "SELECT extversion FROM pg_extension WHERE extname = 'citus'").Scan(&version)
	if errors.Is(err, pgx.ErrNoRows) {
		return missing(ctx, conn)
	}
	if err != nil {
		return nil, err
	}
	var out []Obstacle
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldest {
		out = append(out, Obstacle{
			fmt.Sprintf("Citus is %s; install %d or newer and run ALTER EXTENSION citus UPDATE.", version, oldest),
			fmt.Sprintf("Citus 版本为 %s，请安装 %d 或更新版本并执行 ALTER EXTENSION citus UPDATE。", version, oldest),
		})
	}
	for _, check := range []func() ([]Obstacle, error){
		func() ([]Obstacle, error) { return nodes(ctx, conn) },
		func() ([]Obstacle, error) { return setting(ctx, server) },
		func() ([]Obstacle, error) { return login(ctx, conn, server.Config().User) },
		func() ([]Obstacle, error) { return bound(ctx, conn) },
		func() ([]Obstacle, error) { return schema(ctx, conn) },
	} {
		more, err := check()
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	pending, err := migrations.Pending(ctx, conn)
	if err != nil {
		return nil, err
	}
	if pending {
		out = append(out, Obstacle{
			"The database lacks migrations: run doorstep migrate first.",
			"数据库尚未升级，请先运行 doorstep migrate。",
		})
	}
	return out, nil
}

func missing(ctx context.Context, conn *pgx.Conn) ([]Obstacle, error) {
	var offered bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'citus')").
		Scan(&offered); err != nil {
		return nil, err
	}
	if offered {
		return []Obstacle{{
			"Citus is installed on this server but not in this database: run CREATE EXTENSION citus in it on every node, then " +
				"citus_add_node() on the coordinator for each worker.",
			"服务器已安装 Citus，但本数据库未启用：请在每个节点的该数据库中执行 CREATE EXTENSION citus，再在协调节点上用 citus_add_node() 加入各工作节点。",
		}}, nil
	}
	return []Obstacle{{
		"This PostgreSQL has no extension citus. One primary serves without it; to spread tenants over several, install " +
			"Citus on every node (https://docs.citusdata.com), add citus to shared_preload_libraries, restart, and run CREATE " +
			"EXTENSION citus. Nothing was changed.",
		"该 PostgreSQL 没有 citus 扩展。单个主库无需它；若要把各公司分布到多个主库，请在每个节点安装 Citus（https://docs.citusdata.com），把 citus 加入 " +
			"shared_preload_libraries，重启后执行 CREATE EXTENSION citus。未作任何更改。",
	}}, nil
}

func nodes(ctx context.Context, conn *pgx.Conn) ([]Obstacle, error) {
	var bad []string
	workers := 0
	rows, err := conn.Query(ctx, `SELECT nodename || ':' || nodeport, isactive, shouldhaveshards FROM pg_dist_node
		WHERE noderole = 'primary' ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	var name string
	var active, holds bool
	_, err = pgx.ForEachRow(rows, []any{&name, &active, &holds}, func() error {
		if !active {
			bad = append(bad, name)
		} else if holds {
			workers++
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out []Obstacle
	if len(bad) > 0 {
		list := strings.Join(bad, ", ")
		out = append(out, Obstacle{
			fmt.Sprintf("Nodes are not active: %s. Bring them up and run citus_activate_node(), or take them out with "+
				"citus_remove_node().", list),
			fmt.Sprintf("以下节点未激活：%s。请启动后执行 citus_activate_node()，或用 citus_remove_node() 移除。", list),
		})
	}
	if workers == 0 {
		out = append(out, Obstacle{
			"No active node may hold shards: add workers with citus_add_node().",
			"没有可存放分片的活动节点，请用 citus_add_node() 添加工作节点。",
		})
	}
	return out, nil
}

// setting sees to it that workers hear of SET LOCAL doorstep.org; without it, row-level security shows nothing there.
func setting(ctx context.Context, server *pgx.Conn) ([]Obstacle, error) {
	var user, value string
	if err := server.QueryRow(ctx,
		"SELECT session_user, coalesce(current_setting('citus.propagate_set_commands', true), '')").Scan(&user,
		&value); err != nil {
		return nil, err
	}
	if value == "local" {
		return nil, nil
	}
	sql := fmt.Sprintf("ALTER ROLE %s SET citus.propagate_set_commands = 'local'", pgx.Identifier{user}.Sanitize())
	return []Obstacle{{
		"Workers would not learn whose transaction it is, and show nothing: run " + sql + ".",
		"工作节点无法得知事务属于哪家公司，将查不到任何数据：请执行 " + sql + "。",
	}}, nil
}

// login sees to it that the servers' login can reach every worker: Citus connects to workers as the role that a
// connection works as.
func login(ctx context.Context, conn *pgx.Conn, name string) ([]Obstacle, error) {
	rows, err := conn.Query(ctx, `SELECT nodename || ':' || nodeport, success FROM run_command_on_workers($1)
		WHERE NOT success OR result IS DISTINCT FROM '1' ORDER BY 1`,
		fmt.Sprintf("SELECT count(*) FROM pg_roles WHERE rolname = '%s' AND rolcanlogin AND NOT rolsuper AND NOT "+
			"rolbypassrls", strings.ReplaceAll(name, "'", "''")))
	if err != nil {
		return nil, err
	}
	var mute, lacking []string
	var node string
	var success bool
	if _, err := pgx.ForEachRow(rows, []any{&node, &success}, func() error {
		if success {
			lacking = append(lacking, node)
		} else {
			mute = append(mute, node)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	var out []Obstacle
	if len(mute) > 0 {
		list := strings.Join(mute, ", ")
		out = append(out, Obstacle{
			fmt.Sprintf("No answer from %s: bring it up, and let the owner's login in between the nodes (pg_hba.conf, "+
				"pg_dist_authinfo).", list),
			fmt.Sprintf("%s 没有响应：请启动该节点，并允许所有者账号在节点间连接（pg_hba.conf、pg_dist_authinfo）。", list),
		})
	}
	if len(lacking) > 0 {
		list := strings.Join(lacking, ", ")
		out = append(out, Obstacle{
			fmt.Sprintf("The login %[1]s cannot sign in on %[2]s, or could bypass row-level security there: make it there as "+
				"on the coordinator, a member of %[3]s, and let it in between the nodes (pg_hba.conf, pg_dist_authinfo).", name,
				list, migrations.AppRole),
			fmt.Sprintf("账号 %[1]s 无法登录 %[2]s，或在那里可绕过行级安全：请在该节点按协调节点的方式创建它并加入 %[3]s，并允许其在节点间连接（pg_hba.conf、pg_dist_authinfo）。",
				name, list, migrations.AppRole),
		})
	}
	return out, nil
}

// bound sees to it that rows which are there already can be moved: row-level security that is forced binds the owner,
// too.
func bound(ctx context.Context, conn *pgx.Conn) ([]Obstacle, error) {
	var user string
	var rows, passes bool
	err := conn.QueryRow(ctx, `SELECT session_user, (SELECT rolsuper OR rolbypassrls FROM pg_roles
		WHERE rolname = session_user),
		EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relforcerowsecurity
		AND pg_relation_size(c.oid) > 0)`).
		Scan(&user, &passes, &rows)
	if err != nil || passes || !rows {
		return nil, err
	}
	me := pgx.Identifier{user}.Sanitize()
	return []Obstacle{{
		fmt.Sprintf("There are rows already, and the owner %[1]s could not move them past row-level security: a superuser "+
			"runs ALTER ROLE %[1]s BYPASSRLS on every node for this step, and ALTER ROLE %[1]s NOBYPASSRLS afterwards.", me),
		fmt.Sprintf("库中已有数据，所有者 %[1]s 受行级安全限制无法迁移：请由超级用户在每个节点执行 ALTER ROLE %[1]s BYPASSRLS，完成后再执行 ALTER ROLE %[1]s "+
			"NOBYPASSRLS。", me),
	}}, nil
}

func schema(ctx context.Context, conn *pgx.Conn) ([]Obstacle, error) {
	s, err := tenancy.Read(ctx, conn)
	if err != nil {
		return nil, err
	}
	var out []Obstacle
	for _, v := range s.Violations() {
		out = append(out, Obstacle{"The schema cannot be spread: " + v + ".", "数据库结构无法分布：" + v + "。"})
	}
	return out, nil
}
