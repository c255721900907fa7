package command

import (
	"context"

	"github.com/doorstep-dev/doorstep/migrations"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

type migrate struct{ owning }

// Help is shown by doorstep migrate --help.
func (migrate) Help() string {
	return `Brings the database to this program's schema, makes the login that servers use, and gives it what a server needs and
nothing more. Where all is right it changes nothing. Where the owner's login may not do something, it changes nothing
either and prints the statements for a database administrator. Safe while the older version still serves; it waits for
another migration that is running.

  export DOORSTEP_OWNER_DATABASE_URL=postgres://doorstep_owner:…@db.internal/doorstep
  export DOORSTEP_DATABASE_URL=postgres://doorstep_server:…@db.internal/doorstep
  doorstep migrate

The first owns the tables and may make roles (CREATEROLE). The second is made with the password given, or checked if it
is there. Run it again after a restore: it sets roles and rights that the backup does not hold.`
}

// Run migrates.
func (m *migrate) Run(ctx context.Context, c Console) error {
	return m.databases(ctx, c, func(owner, server string) error {
		if err := app.Migrate(ctx, owner, server); err != nil {
			if problems, ok := migrations.AsProblems(err); ok {
				return c.problems(err, problems)
			}
			return err
		}
		if server == "" {
			c.Say("The database has this program's tables and the rights of servers. No server's login was made or checked: "+
				"give DOORSTEP_DATABASE_URL for that.",
				"数据表和服务器权限均已就绪。未创建也未检查服务器登录账号：如需要，请设置 DOORSTEP_DATABASE_URL。")
			return nil
		}
		c.Say("The database has this program's tables, roles and rights.", "数据表、角色和权限均已就绪。")
		return nil
	})
}

// problems prints what is wrong, a line each, and the statements by which an administrator puts it right.
func (c Console) problems(err error, all migrations.Problems) error {
	sql := false
	for _, p := range all {
		c.Say("- %s", "- %s", pick(c, p.English, p.Chinese))
		sql = sql || p.SQL != ""
	}
	if sql {
		c.Say("\nA database administrator runs this, connected to the same database; then run doorstep migrate again:\n",
			"\n请由数据库管理员连接到该数据库执行以下语句，然后重新运行 doorstep migrate：\n")
		for _, p := range all {
			if p.SQL != "" {
				c.Say("%s;", "%s;", p.SQL)
			}
		}
	}
	return fault.Wrap(err, fault.ConfigInvalid, "%s", pick(c, "the database is not as it should be", "数据库不符合要求"))
}
