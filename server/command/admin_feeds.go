package command

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-isatty"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// feeds are the flags of commands that look through feeds.
type feeds struct {
	installation
	Org  string   `placeholder:"NAME" help:"Only this company; all without it."`
	Only []string `name:"kind" placeholder:"KIND" help:"Only these: ${projections}."`
}

// projections are the names that --kind takes, for the help; a test keeps them true.
const projections = "classes, products, prices, profiles, keys, tickets, notices, templates, reasons, proofs, units, " +
	"plans, earnings, decisions"

// each calls fn for each company and each projection that the flags name.
func (f feeds) each(
	ctx context.Context, c Console, end *closers, fn func(*app.App, account.Org, []postgres.Projection) error,
) error {
	a, err := f.rooms(ctx, c, end, keeping{})
	if err != nil {
		return err
	}
	chosen := a.Rooms.Projections()
	if len(f.Only) > 0 {
		for _, name := range f.Only {
			if !slices.ContainsFunc(chosen, func(p postgres.Projection) bool { return p.Name == name }) {
				return fault.New(fault.InvalidArgument, "--kind %s: one of %s", name, projections)
			}
		}
		chosen = slices.DeleteFunc(chosen, func(p postgres.Projection) bool { return !slices.Contains(f.Only, p.Name) })
	}
	orgs, err := companies(ctx, a, f.Org)
	if err != nil {
		return err
	}
	for _, org := range orgs {
		if err := fn(a, org, chosen); err != nil {
			return err
		}
	}
	return nil
}

// companies is the one with the short name, or all.
func companies(ctx context.Context, a *app.App, slug string) ([]account.Org, error) {
	if slug == "" {
		return a.Rooms.Account.Orgs(ctx)
	}
	org, err := orgOf(ctx, a.Rooms.Account, slug)
	if err != nil {
		return nil, err
	}
	return []account.Org{org}, nil
}

// rooms opens an installation until the command ends.
func (i installation) rooms(ctx context.Context, c Console, end *closers, k keeping) (*app.App, error) {
	o, err := i.open(ctx, c, "")
	if err != nil {
		return nil, err
	}
	end.add(func() error {
		down, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return o.stop(down)
	})
	o.config.FinishedDays, o.config.TombstoneDays = k.FinishedDays, k.TombstoneDays
	a, err := app.Open(ctx, o.config)
	if err != nil {
		return nil, err
	}
	end.add(func() error { return a.Close(context.WithoutCancel(ctx)) })
	return a, nil
}

type adminRebuild struct {
	feeds
	DryRun bool `name:"dry-run" help:"Only say what would be written."`
}

// Help is shown by doorstep admin rebuild-feeds --help.
func (adminRebuild) Help() string {
	return `Places everything that phones hold anew, from the tables, and writes what differs: after an upgrade that shows
things otherwise, or where verify-feeds found differences. Phones stay online, fetch only what changed, and none is
reset. Each step is a short transaction; broken off, also by kill -9, the same command goes on where it was. It may
run while replicas of the older version still serve, but run it after the last one is replaced: what an older one
touches meanwhile is shown the older way.

  doorstep admin rebuild-feeds --dry-run
  doorstep admin rebuild-feeds --org acme --kind tickets --kind notices`
}

// Run rebuilds.
func (r *adminRebuild) Run(ctx context.Context, c Console, end *closers) error {
	return r.each(ctx, c, end, func(a *app.App, org account.Org, all []postgres.Projection) error {
		for _, p := range all {
			line := c.progress(org.Slug + " " + p.Name)
			var sum postgres.Progress
			var err error
			if r.DryRun {
				sum, err = a.Rooms.Store.Verify(ctx, change.Org(org.ID), p, func(feed.Difference) {}, line.draw)
			} else {
				sum, err = a.Rooms.Store.Rebuild(ctx, change.Org(org.ID), p, version(), line.draw)
			}
			line.clear()
			if err != nil {
				return err
			}
			if r.DryRun {
				c.Say("%s %s: %d looked at, %d would be written, %d taken out",
					"%s %s：检查 %d，将写入 %d，将移除 %d", org.Slug, p.Name, sum.Roots, sum.Written, sum.Removed)
			} else {
				c.Say("%s %s: %d looked at, %d written, %d taken out",
					"%s %s：检查 %d，写入 %d，移除 %d", org.Slug, p.Name, sum.Roots, sum.Written, sum.Removed)
			}
		}
		return heads(ctx, c, a, org, !r.DryRun)
	})
}

type adminVerify struct {
	feeds
	All bool `help:"Name every difference, not only the first twenty of a kind."`
}

// Help is shown by doorstep admin verify-feeds --help.
func (adminVerify) Help() string {
	return `Compares what stands in the feeds with what the tables say, and each feed's digest with its entries. It changes
nothing and locks nothing; each step is one snapshot, so phones and the office may work meanwhile. The exit code is 1
when something differs; doorstep admin rebuild-feeds mends it. Entries that differ only in what they tell of other
things, the earlier jobs of a customer say, are counted as aged and are no fault.

  doorstep admin verify-feeds --org acme`
}

// named is how many differences of a kind are named.
const named = 20

// Run verifies.
func (v *adminVerify) Run(ctx context.Context, c Console, end *closers) error {
	differ := int64(0)
	err := v.each(ctx, c, end, func(a *app.App, org account.Org, all []postgres.Projection) error {
		for _, p := range all {
			line := c.progress(org.Slug + " " + p.Name)
			n := int64(0)
			sum, err := a.Rooms.Store.Verify(ctx, change.Org(org.ID), p, func(d feed.Difference) {
				if n++; v.All || n <= named {
					line.clear()
					c.Say("  %s %s %s: %s", "  %s %s %s：%s", d.Feed, entityName(d.Entity.Kind), d.Entity.ID, what(c, d))
				}
			}, line.draw)
			line.clear()
			if err != nil {
				return err
			}
			differ += n
			c.Say("%s %s: %d looked at, %d differ, %d aged", "%s %s：检查 %d，差异 %d，过时 %d", org.Slug, p.Name, sum.Roots, n, sum.Aged)
		}
		wrong := 0
		_, err := a.Rooms.Store.VerifyHeads(ctx, change.Org(org.ID), func(d postgres.HeadDifference) {
			wrong++
			c.Say("  %s: the head says %d entries, digest %016x; it holds %d, digest %016x",
				"  %s：头部记录 %d 项，摘要 %016x；实际 %d 项，摘要 %016x",
				d.Says.Feed, d.Says.Live, uint64(d.Says.Digest), d.Is.Live, uint64(d.Is.Digest))
		})
		differ += int64(wrong)
		return err
	})
	if err == nil && differ > 0 {
		return fault.New(FeedsDiffer, "%d", differ)
	}
	return err
}

func what(c Console, d feed.Difference) string {
	switch {
	case d.Stray:
		return pick(c, "should not be there", "不应存在")
	case d.Missing:
		return pick(c, "is missing", "缺失")
	}
	return pick(c, "differs", "内容不同")
}

func entityName(k change.Kind) string {
	return strings.ToLower(strings.TrimPrefix(fieldv1.EntityKind(k).String(), "ENTITY_KIND_"))
}

// heads mends the feeds whose digest is not that of their entries, or counts them.
func heads(ctx context.Context, c Console, a *app.App, org account.Org, mend bool) error {
	var wrong []change.FeedID
	n, err := a.Rooms.Store.VerifyHeads(ctx,
		change.Org(org.ID), func(d postgres.HeadDifference) { wrong = append(wrong, d.Says.Feed) })
	if err != nil {
		return err
	}
	if mend {
		for _, f := range wrong {
			if err := a.Rooms.Store.MendHead(ctx, change.Org(org.ID), f); err != nil {
				return err
			}
		}
	}
	c.Say("%s: %d feeds, %d with a wrong digest", "%s：%d 个数据流，%d 个摘要有误", org.Slug, n, len(wrong))
	return nil
}

// progress is a line at a terminal's end that says how far something is; elsewhere it is silent.
type progress struct {
	c    Console
	what string
	on   bool
	seen time.Time
}

func (c Console) progress(what string) *progress {
	file, terminal := c.Err.(interface{ Fd() uintptr })
	return &progress{c: c, what: what, on: terminal && isatty.IsTerminal(file.Fd())}
}

func (p *progress) draw(at postgres.Progress) {
	if !p.on || time.Since(p.seen) < 100*time.Millisecond {
		return
	}
	p.seen = time.Now()
	const width = 30
	full := int(min(at.Roots*width/max(at.Of, 1), width))
	_, _ = fmt.Fprintf(p.c.Err, "\r%s [%s%s] %d / %d\x1b[K", p.what, strings.Repeat("█", full),
		strings.Repeat("░", width-full), at.Roots, at.Of)
}

func (p *progress) clear() {
	if p.on {
		_, _ = fmt.Fprint(p.c.Err, "\r\x1b[K")
	}
}
