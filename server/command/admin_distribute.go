package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/server/distribute"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

type adminDistribute struct {
	owning
	DryRun bool `name:"dry-run" help:"Only check, and print the statements that would be made."`
	Shards int  `default:"64" placeholder:"N" help:"How many parts the companies are spread over, ${default} unless given: two to four for each core of the largest cluster that you foresee. Decided by the first run."`
}

// Help is shown by doorstep admin distribute --help.
func (adminDistribute) Help() string {
	return `For an installation that one PostgreSQL cannot carry any more; docs/SCALING.md says when that is. The database
must be the coordinator of a Citus cluster. Rows of one company stay together on one node, companies lie apart.

Stop the servers first: tables are locked while their rows move. A run that was cut off is taken up by the next; on
tables that are spread already it changes nothing. Run it again after an upgrade that brought new tables.

  export DOORSTEP_OWNER_DATABASE_URL=postgres://doorstep_owner:…@coordinator/doorstep
  export DOORSTEP_DATABASE_URL=postgres://doorstep_server:…@coordinator/doorstep
  doorstep admin distribute --dry-run
  doorstep admin distribute`
}

// Run spreads the tables.
func (a *adminDistribute) Run(ctx context.Context, c Console) error {
	if a.Shards < 1 || a.Shards > 4096 {
		return fault.New(fault.InvalidArgument, "--shards: 1 to 4096")
	}
	return a.databases(ctx, c, func(ownerURL, serverURL string) error {
		if serverURL == "" {
			return fault.New(fault.ConfigInvalid, "DOORSTEP_DATABASE_URL: %s",
				pick(c, "the servers' login, which is tried out, too", "服务器登录账号，也需试用"))
		}
		conn, err := pgx.Connect(ctx, ownerURL)
		if err != nil {
			return fault.Wrap(err, fault.ConfigInvalid, "DOORSTEP_OWNER_DATABASE_URL")
		}
		defer conn.Close(context.WithoutCancel(ctx))
		server, err := pgx.Connect(ctx, serverURL)
		if err != nil {
			return fault.Wrap(err, fault.ConfigInvalid, "DOORSTEP_DATABASE_URL: %s",
				pick(c, "run doorstep migrate first", "请先运行 doorstep migrate"))
		}
		defer server.Close(context.WithoutCancel(ctx))
		obstacles, err := distribute.Check(ctx, conn, server)
		if err != nil {
			return fault.Wrap(err, SpreadBlocked, "%v", err)
		}
		for _, o := range obstacles {
			c.Say("- %s", "- %s", pick(c, o.English, o.Chinese))
		}
		if a.DryRun {
			if err := a.print(ctx, c, conn); err != nil {
				return err
			}
		}
		if len(obstacles) > 0 {
			return fault.New(SpreadBlocked, "")
		}
		if a.DryRun {
			return nil
		}
		return a.spread(ctx, c, conn, server)
	})
}

// print shows the statements.
func (a *adminDistribute) print(ctx context.Context, c Console, conn *pgx.Conn) error {
	steps, err := distribute.Read(ctx, conn, a.Shards)
	if err != nil {
		return fault.Wrap(err, SpreadBlocked, "%v", err)
	}
	for _, s := range steps {
		if _, err := fmt.Fprintf(c.Out, "%s;\n", s.SQL); err != nil {
			return err
		}
	}
	return nil
}

func (a *adminDistribute) spread(ctx context.Context, c Console, conn, server *pgx.Conn) error {
	made, err := distribute.Run(ctx, conn, server, a.Shards, func(s distribute.Step, at, of int) {
		_, _ = fmt.Fprintf(c.Out, "%d/%d %s\n", at, of, s.SQL) // a terminal that is gone does not stop the work
	})
	if errors.Is(err, distribute.ErrBusy) {
		return fault.Wrap(err, SpreadBlocked, "%s", pick(c, "another run is under way", "另一次运行正在进行"))
	}
	if err != nil {
		return fault.Wrap(err, SpreadBlocked, "%v", err)
	}
	if made == 0 {
		c.Say("All tables are where they should be; nothing was changed.", "所有表均已就位，未作任何更改。")
		return nil
	}
	c.Say("The companies are spread by org_id; a row was written and read on the nodes as the servers do, and undone.",
		"各公司已按 org_id 分布；已以服务器身份在节点上试写、试读并撤销。")
	return nil
}
