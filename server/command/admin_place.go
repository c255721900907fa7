package command

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

type adminPlace struct {
	Add  placeAdd  `cmd:"" help:"Add a region, team or shop."`
	List placeList `cmd:"" help:"List them."`
}

type placeAdd struct {
	installation
	Org       string  `arg:"" help:"Company."`
	Kind      string  `arg:"" enum:"region,team,store" help:"region, team or store."`
	Name      string  `arg:"" help:"Name in Chinese."`
	English   string  `help:"Name in English."`
	Region    string  `help:"Of a team or store: its region."`
	Latitude  float64 `help:"Of a store: degrees north."`
	Longitude float64 `help:"Of a store: degrees east."`
}

// Help is shown by doorstep admin place add --help.
func (placeAdd) Help() string {
	return `  doorstep admin place add acme region 华北 --english "North China"
  doorstep admin place add acme team 朝阳一组 --region 华北
  doorstep admin place add acme store 国贸店 --region 华北 --latitude 39.91 --longitude 116.46`
}

// Run adds a place.
func (a *placeAdd) Run(ctx context.Context, c Console) error {
	var p account.Place
	err := a.within(ctx, c, a.Org, func(r *account.Accounts, tx *postgres.Tx) error {
		p = account.Place{Kind: identity.ScopeKind(a.Kind), NameZH: a.Name, NameEN: a.English}
		if p.Kind != identity.ScopeRegion {
			places, err := r.Places(ctx, tx)
			if err != nil {
				return err
			}
			if a.Region == "" {
				return fault.New(fault.InvalidArgument, "--region: which region does it belong to?")
			}
			region, err := placeNamed(places, a.Region, identity.ScopeRegion)
			if err != nil {
				return fault.Wrap(err, fault.CodeOf(err), "--region: %s", fault.As(err).Detail)
			}
			p.Region = region.ID
		}
		if p.Kind == identity.ScopeStore && (a.Latitude != 0 || a.Longitude != 0) {
			p.At = &account.Point{Latitude: a.Latitude, Longitude: a.Longitude}
		}
		added, err := r.PutPlace(ctx, tx, p)
		p = added
		return err
	})
	if err == nil {
		c.Say("%s is there: %s.", "%s 已建立：%s。", cellText(a.Name), p.ID)
	}
	return err
}

type placeList struct {
	installation
	Org string `arg:"" help:"Company."`
}

// Help is shown by --help.
func (placeList) Help() string { return "  doorstep admin place list acme" }

// Run lists places.
func (l *placeList) Run(ctx context.Context, c Console) error {
	return l.within(ctx, c, l.Org, func(r *account.Accounts, tx *postgres.Tx) error {
		places, err := r.Places(ctx, tx)
		if err != nil {
			return err
		}
		regions := map[uuid.UUID]string{}
		for _, p := range places {
			if p.Kind == identity.ScopeRegion {
				regions[p.ID] = p.NameZH
			}
		}
		return table(c, func(row func(...any)) {
			row(columns(c, "kind", "类型", "name", "名称", "English name", "英文名", "region", "所属区域", "id", "编号")...)
			for _, p := range places {
				row(string(p.Kind), p.NameZH, strings.TrimSpace(p.NameEN), regions[p.Region], p.ID)
			}
		})
	})
}
