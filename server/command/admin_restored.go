package command

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/migrations"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

type adminRestored struct{ owning }

// Help is shown by doorstep admin restored --help.
func (adminRestored) Help() string {
	return `Run this once, after doorstep migrate and before the servers start again, on a database that was restored from a backup.

Phones hold cursors and numbers of a history that the backup does not know. This begins a new generation: each
phone fetches its feeds anew at its next contact and goes on sending from its own number. What was unsent stays
on the phones and is taken in as ever. What the backup has forgotten the phones send again, as far back as they
keep what they sent (DOORSTEP_BACKUP_DAYS); what is older is lost with the database, and receipts prove what it was.

The backup has also forgotten which devices were revoked and which people were disabled since it was made: they are
let in again. Do that again; the servers' logs say "a device is revoked" and "a person is disabled" with their ids.

  export DOORSTEP_OWNER_DATABASE_URL=postgres://doorstep_owner:…@db.internal/doorstep
  doorstep admin restored`
}

// Run begins a new generation.
func (a *adminRestored) Run(ctx context.Context, c Console) error {
	return a.databases(ctx, c, func(url, _ string) error {
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return fault.Wrap(err, fault.ConfigInvalid, "DOORSTEP_OWNER_DATABASE_URL")
		}
		defer conn.Close(context.WithoutCancel(ctx))
		if pending, err := migrations.Pending(ctx, conn); err != nil || pending {
			return fault.Wrap(err, fault.ConfigInvalid, "%s", pick(c, "run doorstep migrate first", "请先运行 doorstep migrate"))
		}
		if err := postgres.NewGeneration(ctx, conn, time.Now()); err != nil {
			return err
		}
		c.Say("A new generation begins: phones fetch their feeds anew and keep their queues.",
			"新的一代已开始：手机将重新获取数据，未发送的内容不受影响。")
		c.Say("Now revoke again what was revoked since the backup, and disable who was disabled: the logs of the servers "+
			"name them (admin restored --help).",
			"请重新停用备份之后停用过的设备和人员：服务器日志中有记录（见 admin restored --help）。")
		return nil
	})
}
