package command

import (
	"context"

	"github.com/doorstep-dev/doorstep/server/account"
)

type adminRestored struct{ installation }

// Help is shown by doorstep admin restored --help.
func (adminRestored) Help() string {
	return `Run this once, before the servers start again on a database that was restored from a backup.

Phones hold cursors and numbers of a history that the backup does not know. This begins a new generation: each
phone fetches its feeds anew at its next contact and goes on sending from its own number. What was unsent stays
on the phones and is taken in as ever. What the backup has forgotten the phones send again, as far back as they
keep what they sent (DOORSTEP_BACKUP_DAYS); what is older is lost with the database, and receipts prove what it was.

The backup has also forgotten which devices were revoked and which people were disabled since it was made: they are
let in again. Do that again; the servers' logs say "a device is revoked" and "a person is disabled" with their ids.

  doorstep admin restored`
}

// Run begins a new generation.
func (a *adminRestored) Run(ctx context.Context, c Console) error {
	return a.accounts(ctx, c, func(r *account.Room) error {
		if err := r.Store.NewGeneration(ctx); err != nil {
			return err
		}
		c.Say("A new generation begins: phones fetch their feeds anew and keep their queues.",
			"新的一代已开始：手机将重新获取数据，未发送的内容不受影响。")
		c.Say("Now revoke again what was revoked since the backup, and disable who was disabled: the logs of the servers name them (admin restored --help).",
			"请重新停用备份之后停用过的设备和人员：服务器日志中有记录（见 admin restored --help）。")
		return nil
	})
}
