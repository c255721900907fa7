package migrations

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Check compares the database with what a server needs: the login that q signed in as must own nothing and be able to
// become nobody else, and the tables, their row-level security and what the login may do to each must be those of this
// program. It returns Problems where they are not, and nil when all is right.
func Check(ctx context.Context, q Querier) error {
	var login string
	if err := q.QueryRow(ctx, "SELECT session_user").Scan(&login); err != nil {
		return err
	}
	found, err := mighty(ctx, q, login)
	if err != nil {
		return err
	}
	if len(found) == 0 { // the words of what follows would mislead somebody who gave the owner's login
		if found, err = checkSchema(ctx, q, login); err != nil {
			return err
		}
	}
	if len(found) > 0 {
		return found
	}
	return nil
}

// CheckSchema is Check of the tables and of what AppRole may do, without any login: what an owner can tell.
func CheckSchema(ctx context.Context, q Querier) error {
	found, err := checkSchema(ctx, q, AppRole)
	if err == nil && len(found) > 0 {
		return found
	}
	return err
}

var (
	notMigrated = Problem{
		English: "the database's schema is older than this program: run doorstep migrate",
		Chinese: "数据库结构早于本程序，请运行 doorstep migrate",
	}
	grantAgain = "run doorstep migrate"
)

func checkSchema(ctx context.Context, q Querier, role string) (Problems, error) {
	pending, err := Pending(ctx, q)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42501" {
		return Problems{{
			English: fmt.Sprintf("the login %s may not read the database's tables: %s", role, grantAgain),
			Chinese: fmt.Sprintf("登录账号 %s 无权读取数据库中的表，请运行 doorstep migrate", role),
		}}, nil
	}
	if err != nil {
		return nil, err
	}
	if pending {
		return Problems{notMigrated}, nil
	}
	found, err := tablesAsWanted(ctx, q)
	if err != nil {
		return nil, err
	}
	more, err := rightsAsWanted(ctx, q, role)
	return append(found, more...), err
}

// tablesAsWanted compares columns, row-level security and policies with the golden description.
func tablesAsWanted(ctx context.Context, q Querier) (found Problems, err error) {
	for _, part := range []string{columns, security, policies} {
		has, err := describe(ctx, q, part)
		if err != nil {
			return nil, err
		}
		short := func(line string) string { return line }
		if part == columns { // a default may be written otherwise by another version of PostgreSQL
			short = withoutDefault
		}
		want := map[string]bool{}
		for _, line := range wanted(part) {
			want[short(line)] = true
		}
		known := map[string]bool{}
		for line := range want {
			known[tableOf(line)] = true
		}
		there := map[string]bool{}
		for _, line := range has {
			line = short(line)
			there[line] = true
			// Tables and columns of others are theirs; a policy on a table of ours is not.
			if part == policies && known[tableOf(line)] && !want[line] {
				found = append(found, Problem{
					English: "a policy that is not the schema's: " + line + "; drop it",
					Chinese: "存在不属于本程序的行级安全策略：" + line + "，请删除",
				})
			}
		}
		for line := range want {
			if !there[line] {
				found = append(found, Problem{
					English: "missing, of " + part + ": " + line + "; the restore was not complete",
					Chinese: "缺少 " + part + "：" + line + "，恢复不完整",
				})
			}
		}
	}
	slices.SortFunc(found, func(a, b Problem) int { return strings.Compare(a.English, b.English) })
	return found, nil
}

func tableOf(line string) string { return line[:max(0, strings.IndexAny(line+" ", ". "))] }

func withoutDefault(line string) string {
	for _, word := range []string{" not null", " collate ", " identity", " default ", " generated "} {
		line, _, _ = strings.Cut(line, word)
	}
	return line
}

// mayDoSQL asks what a role may really do, whichever way it came to it.
const mayDoSQL = `
	SELECT c.relname,
		array_to_string(ARRAY(SELECT p
		FROM unnest(ARRAY['DELETE', 'INSERT', 'REFERENCES', 'SELECT', 'TRIGGER', 'TRUNCATE', 'UPDATE']) p
			WHERE has_table_privilege($1::name, c.oid, p)
				OR p IN ('INSERT', 'REFERENCES', 'SELECT', 'UPDATE') AND has_any_column_privilege($1::name, c.oid, p)), ', ')
	FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
	ORDER BY c.relname COLLATE "C"`

func rightsAsWanted(ctx context.Context, q Querier, role string) (found Problems, err error) {
	rows, err := q.Query(ctx, mayDoSQL, role)
	if err != nil {
		return nil, err
	}
	want := wantedRights()
	var table, has string
	_, err = pgx.ForEachRow(rows, []any{&table, &has}, func() error {
		wants, ours := want(table)
		if ours && has != wants {
			found = append(found, Problem{
				English: fmt.Sprintf("%s may %s in %s, and should %s: %s", role, orNothing(has, "nothing"), table,
					orNothing(wants, "nothing"), grantAgain),
				Chinese: fmt.Sprintf("%s 对表 %s 的权限为 %s，应为 %s：请运行 doorstep migrate", role, table, orNothing(has, "无"),
					orNothing(wants, "无")),
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, line := range wanted(callers) {
		function, _ := strings.CutSuffix(line, " "+AppRole)
		var may bool
		if err := q.QueryRow(ctx, "SELECT coalesce(has_function_privilege($1::name, to_regprocedure($2), 'EXECUTE'), false)",
			role, "public."+function).Scan(&may); err != nil {
			return nil, err
		}
		if !may {
			found = append(found, Problem{
				English: fmt.Sprintf("%s may not call %s: %s", role, function, grantAgain),
				Chinese: fmt.Sprintf("%s 无权调用 %s：请运行 doorstep migrate", role, function),
			})
		}
	}
	return found, nil
}

func orNothing(privileges, nothing string) string {
	if privileges == "" {
		return nothing
	}
	return privileges
}
