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
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// oldest is the oldest major version of Citus whose functions are used here; 13.2 is the one that the design was
// tried with.
const oldest = 12

// Obstacle is something that must be put right before the tables can be spread, with what to do about it.
type Obstacle struct{ English, Chinese string }

// Check lists what stands in the way; none when the plan can be carried out. conn works as the role that the servers
// sign in as, url reaches the same database.
func Check(ctx context.Context, conn *pgx.Conn, url string) ([]Obstacle, error) {
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
	for _, check := range []func(context.Context, *pgx.Conn) ([]Obstacle, error){nodes, setting, role, schema} {
		more, err := check(ctx, conn)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	pending, err := migrations.Pending(ctx, url)
	if err != nil {
		return nil, err
	}
	if pending {
		out = append(out, Obstacle{"The database lacks migrations: run doorstep migrate first.", "数据库尚未升级，请先运行 doorstep migrate。"})
	}
	return out, nil
}

func missing(ctx context.Context, conn *pgx.Conn) ([]Obstacle, error) {
	var offered bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'citus')").Scan(&offered); err != nil {
		return nil, err
	}
	if offered {
		return []Obstacle{{
			"Citus is installed on this server but not in this database: run CREATE EXTENSION citus in it on every node, then citus_add_node() on the coordinator for each worker.",
			"服务器已安装 Citus，但本数据库未启用：请在每个节点的该数据库中执行 CREATE EXTENSION citus，再在协调节点上用 citus_add_node() 加入各工作节点。",
		}}, nil
	}
	return []Obstacle{{
		"This PostgreSQL has no extension citus. One primary serves without it; to spread tenants over several, install Citus on every node (https://docs.citusdata.com), add citus to shared_preload_libraries, restart, and run CREATE EXTENSION citus. Nothing was changed.",
		"该 PostgreSQL 没有 citus 扩展。单个主库无需它；若要把各公司分布到多个主库，请在每个节点安装 Citus（https://docs.citusdata.com），把 citus 加入 shared_preload_libraries，重启后执行 CREATE EXTENSION citus。未作任何更改。",
	}}, nil
}

func nodes(ctx context.Context, conn *pgx.Conn) ([]Obstacle, error) {
	var bad []string
	workers := 0
	rows, err := conn.Query(ctx, `SELECT nodename || ':' || nodeport, isactive, shouldhaveshards FROM pg_dist_node WHERE noderole = 'primary' ORDER BY 1`)
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
			fmt.Sprintf("Nodes are not active: %s. Bring them up and run citus_activate_node(), or take them out with citus_remove_node().", list),
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
func setting(ctx context.Context, conn *pgx.Conn) ([]Obstacle, error) {
	var user, value string
	if err := conn.QueryRow(ctx, "SELECT session_user, coalesce(current_setting('citus.propagate_set_commands', true), '')").Scan(&user, &value); err != nil {
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

// role sees to it that the servers' role can reach every worker: Citus connects to workers as the role that a
// connection works as, which is the one of SET ROLE.
func role(ctx context.Context, conn *pgx.Conn) ([]Obstacle, error) {
	rows, err := conn.Query(ctx, `SELECT nodename || ':' || nodeport FROM run_command_on_workers($1) WHERE NOT success OR result IS DISTINCT FROM '1' ORDER BY 1`,
		fmt.Sprintf("SELECT count(*) FROM pg_roles WHERE rolname = '%s' AND rolcanlogin AND NOT rolsuper AND NOT rolbypassrls", postgres.Role))
	if err != nil {
		return nil, err
	}
	lacking, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(lacking) == 0 {
		return nil, err
	}
	list := strings.Join(lacking, ", ")
	return []Obstacle{{
		fmt.Sprintf("The role %[1]s cannot sign in on %[2]s, or could bypass row-level security there: run ALTER ROLE %[1]s LOGIN NOSUPERUSER NOBYPASSRLS on the coordinator and let it in between the nodes (pg_hba.conf, pg_dist_authinfo).", postgres.Role, list),
		fmt.Sprintf("角色 %[1]s 无法登录 %[2]s，或在那里可绕过行级安全：请在协调节点执行 ALTER ROLE %[1]s LOGIN NOSUPERUSER NOBYPASSRLS，并允许其在节点间连接（pg_hba.conf、pg_dist_authinfo）。", postgres.Role, list),
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
