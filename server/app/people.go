package app

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/dispatch/score"
	"github.com/doorstep-dev/doorstep/server/explain"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/order"
	"github.com/doorstep-dev/doorstep/server/rank"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Each room has its own words for people and places. These types say what the accounts know in the words of one room.

// ticketPeople are ticket.People.
type ticketPeople struct {
	*account.Accounts
	// tombstoneDays is after how many days a phone that was not heard of is given up.
	tombstoneDays int
}

func (p ticketPeople) Technician(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (ticket.Technician, error) {
	t, err := p.Accounts.Technician(ctx, tx, id)
	return ticket.Technician{ID: t.ID, Name: t.NameZH, Badge: t.Badge, Active: !t.Disabled, Teams: t.Teams}, err
}

func (p ticketPeople) Unsent(ctx context.Context, tx *postgres.Tx) ([]uuid.UUID, error) {
	return p.Accounts.Unsent(ctx, tx, tx.Now().AddDate(0, 0, -p.tombstoneDays))
}

func (p ticketPeople) Shop(ctx context.Context, tx *postgres.Tx, store uuid.UUID) (string, uuid.UUID, error) {
	shop, err := p.Accounts.Shop(ctx, tx, store)
	return shop.NameZH, shop.Region, err
}

// dispatchPeople are dispatch.People.
type dispatchPeople struct{ *account.Accounts }

// Candidates are the technicians whom dispatch may choose from, with their working hours.
func (p dispatchPeople) Candidates(ctx context.Context, tx *postgres.Tx, region uuid.UUID) ([]score.Technician, error) {
	zone, err := p.Zone(ctx, tx)
	if err != nil {
		return nil, err
	}
	all, err := p.Technicians(ctx, tx, account.TechnicianFilter{Region: region})
	out := make([]score.Technician, len(all))
	for i, t := range all {
		out[i] = score.Technician{
			ID: t.ID, Name: t.NameZH, Skills: t.Skills, Capacity: t.DailyCapacity, Gold: t.Gold,
			Hours: score.Hours{
				From: time.Duration(t.DayStart) * time.Minute, To: time.Duration(t.DayEnd) * time.Minute, Zone: zone,
			},
		}
		if t.Home != nil {
			out[i].Home = &score.Point{Latitude: t.Home.Latitude, Longitude: t.Home.Longitude}
		}
	}
	return out, err
}

// orderPeople are order.People.
type orderPeople struct{ *account.Accounts }

func (p orderPeople) Places(ctx context.Context, tx *postgres.Tx) ([]order.Place, error) {
	all, err := p.Accounts.Places(ctx, tx)
	var out []order.Place
	for _, p := range all {
		if p.Kind == identity.ScopeTeam {
			continue
		}
		q := order.Place{
			ID: p.ID, Shop: p.Kind == identity.ScopeStore, NameZH: p.NameZH, NameEN: p.NameEN, Region: p.Region,
		}
		if p.At != nil {
			q.At = &order.Point{Latitude: p.At.Latitude, Longitude: p.At.Longitude}
		}
		out = append(out, q)
	}
	return out, err
}

// rankPeople are rank.People.
type rankPeople struct{ *account.Accounts }

func (p rankPeople) Place(ctx context.Context, tx *postgres.Tx, payee uuid.UUID) (rank.Place, error) {
	teams, region, err := p.Home(ctx, tx, payee)
	return rank.Place{Teams: teams, Region: region}, err
}

func (p rankPeople) Peers(ctx context.Context, tx *postgres.Tx, payees []uuid.UUID) (map[uuid.UUID]rank.Peer, error) {
	ts, err := p.Technicians(ctx, tx, account.TechnicianFilter{IDs: payees, Disabled: true})
	out := make(map[uuid.UUID]rank.Peer, len(ts))
	for _, t := range ts {
		out[t.ID] = rank.Peer{Name: t.NameZH, Alias: t.Alias, Region: t.Region}
	}
	return out, err
}

func (p rankPeople) Companies(ctx context.Context) ([]uuid.UUID, error) {
	orgs, err := p.Orgs(ctx)
	ids := make([]uuid.UUID, len(orgs))
	for i, o := range orgs {
		ids[i] = o.ID
	}
	return ids, err
}

// explainPeople are explain.People.
type explainPeople struct{ *account.Accounts }

func (p explainPeople) FindPerson(
	ctx context.Context, tx *postgres.Tx, text string, sees func(uuid.UUID) (bool, error),
) (explain.Person, uuid.UUID, error) {
	u, device, err := p.FindUser(ctx, tx, text, sees)
	out := explain.Person{ID: u.ID, Name: u.NameZH, Disabled: u.Disabled}
	if u.Technician != nil {
		out.Technician, out.Teams = true, u.Technician.Teams
	}
	return out, device, err
}

func (p explainPeople) Phones(ctx context.Context, tx *postgres.Tx, user, device uuid.UUID) ([]explain.Phone, error) {
	all, err := p.Accounts.Phones(ctx, tx, user, device)
	out := make([]explain.Phone, len(all))
	for i, one := range all {
		out[i] = explain.Phone(one)
	}
	return out, err
}

func (p explainPeople) TeamName(ctx context.Context, tx *postgres.Tx, team uuid.UUID) (string, error) {
	place, err := p.PlaceByID(ctx, tx, team)
	return place.NameZH, err
}
