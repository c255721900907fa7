package command

import (
	"context"

	"github.com/doorstep-dev/doorstep/sync/change"
)

type adminCollect struct {
	installation
	keeping
	Org string `placeholder:"NAME" help:"Only this company; all without it."`
}

// Help is shown by doorstep admin collect --help.
func (adminCollect) Help() string {
	return `Does now what the servers do by themselves every hour: finished tickets, old notices and old earning lines leave the
phones, and the feeds forget removals that every phone which called within the days kept has heard of. A phone that
was away longer fetches the feeds concerned anew and keeps what it has not sent. Safe beside running servers; give
the same days as they have.

  doorstep admin collect --org acme`
}

// Run tidies.
func (a *adminCollect) Run(ctx context.Context, c Console, end *closers) error {
	room, err := a.rooms(ctx, c, end, a.keeping)
	if err != nil {
		return err
	}
	orgs, err := companies(ctx, room, a.Org)
	if err != nil {
		return err
	}
	for _, org := range orgs {
		t, err := room.Tidy(ctx, change.Org(org.ID))
		if err != nil {
			return err
		}
		c.Say("%s: %d finished and %d earning lines left the phones, %d tombstones collected, %d notes of scans forgotten",
			"%s：%d 项已完成内容和 %d 条收入明细移出手机，清理 %d 个删除标记、%d 条扫码记录", org.Slug, t.Finished, t.Lines, t.Tombstones, t.Scans)
	}
	return nil
}
