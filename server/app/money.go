package app

import (
	"context"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/pay"
	"github.com/doorstep-dev/doorstep/server/rank"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// money makes the rooms of pay and rank: what somebody earns moves their place on the boards in the same
// transaction.
func (a *App) money(r *Rooms) {
	c, accounts := a.config, r.Account
	r.Rank = &rank.Boards{
		Store: r.Store, Log: c.Log, Zone: accounts.Zone,
		Places: func(ctx context.Context, tx *postgres.Tx, payee uuid.UUID) (rank.Place, error) {
			teams, region, err := accounts.Home(ctx, tx, payee)
			return rank.Place{Teams: teams, Region: region}, err
		},
		Peers: peers(accounts),
	}
	r.boards = &rank.Keeper{Boards: r.Rank, Log: c.Log, Orgs: func(ctx context.Context) ([]uuid.UUID, error) {
		orgs, err := accounts.Orgs(ctx)
		ids := make([]uuid.UUID, len(orgs))
		for i, o := range orgs {
			ids[i] = o.ID
		}
		return ids, err
	}}
	r.Rank.Changed = r.boards.Touch
	r.Pay = &pay.Earnings{Store: r.Store, Log: c.Log, Zone: accounts.Zone, Home: accounts.Home, Earned: r.Rank.Earned}
}

func peers(accounts *account.Accounts) func(context.Context, *postgres.Tx, []uuid.UUID) (map[uuid.UUID]rank.Peer, error) {
	return func(ctx context.Context, tx *postgres.Tx, payees []uuid.UUID) (map[uuid.UUID]rank.Peer, error) {
		ts, err := accounts.Technicians(ctx, tx, account.TechnicianFilter{IDs: payees, Disabled: true})
		out := make(map[uuid.UUID]rank.Peer, len(ts))
		for _, t := range ts {
			out[t.ID] = rank.Peer{Name: t.NameZH, Alias: t.Alias, Region: t.Region}
		}
		return out, err
	}
}

// mayHear allows the topics that are no feeds: boards.
func mayHear(_ context.Context, _ identity.Identity, topic string) bool { return rank.MayHear(topic) }
