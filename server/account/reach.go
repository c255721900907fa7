package account

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// atlas is where places stand, as one transaction saw it.
type atlas map[identity.ScopeKind]map[uuid.UUID]identity.Place

func (a atlas) place(kind identity.ScopeKind, id uuid.UUID) identity.Place {
	if p, ok := a[kind][id]; ok {
		return p
	}
	return identity.Place{Kind: kind, ID: id}
}

// atlasOf reads where all places stand whose ids are given; nil reads all of the org.
func atlasOf(ctx context.Context, tx *postgres.Tx, ids []uuid.UUID) (atlas, error) {
	rows, err := tx.Query(ctx, `SELECT 'region', id, $3::uuid FROM region
		WHERE org_id = $1 AND ($2::uuid[] IS NULL OR id = ANY ($2))
		UNION ALL SELECT 'team', id, region_id FROM team WHERE org_id = $1 AND ($2 IS NULL OR id = ANY ($2))
		UNION ALL SELECT 'store', id, region_id FROM shop
		WHERE org_id = $1 AND ($2 IS NULL OR id = ANY ($2))`, tx.OrgID(), ids, uuid.Nil)
	if err != nil {
		return nil, err
	}
	a := atlas{identity.ScopeRegion: {}, identity.ScopeTeam: {}, identity.ScopeStore: {}}
	var p identity.Place
	_, err = pgx.ForEachRow(rows, []any{&p.Kind, &p.ID, &p.Region}, func() error {
		a[p.Kind][p.ID] = p
		return nil
	})
	return a, err
}

// atlasFor reads where the places of some users stand.
func atlasFor(ctx context.Context, tx *postgres.Tx, users ...User) (atlas, error) {
	ids := []uuid.UUID{}
	for _, u := range users {
		for _, g := range u.Grants {
			if g.ID != uuid.Nil {
				ids = append(ids, g.ID)
			}
		}
		if u.Technician != nil {
			ids = append(append(ids, u.Technician.Region), u.Technician.Teams...)
		}
	}
	return atlasOf(ctx, tx, ids)
}

// Reaches tells whether a shop, a team or a region lies within reach. One that is not there is within reach of the
// whole org only.
func (r *Accounts) Reaches(
	ctx context.Context, tx *postgres.Tx, reach identity.Reach, kind identity.ScopeKind, id uuid.UUID,
) (bool, error) {
	if reach.All {
		return true, nil
	}
	a, err := atlasOf(ctx, tx, []uuid.UUID{id})
	return err == nil && reach.Covers(a.place(kind, id)), err
}

// Relate tells whether the caller, acting within reach, may relate these things to one another: each end must be there,
// be what its field wants, and lie within reach. What the caller may not see at all is not_found, what it sees by
// another right than the one that it acts by is forbidden, a place of another kind is invalid; each names the field.
func (r *Accounts) Relate(
	ctx context.Context, tx *postgres.Tx, who identity.Identity, reach identity.Reach, ends ...identity.End,
) error {
	for _, e := range ends {
		stands, is, err := r.stands(ctx, tx, e)
		if err != nil {
			return err
		}
		switch seen := who.For(lookers...).Any(stands...); {
		case len(stands) == 0, !reach.Any(stands...) && !seen:
			return identity.Unseen(e.Field)
		case is != e.Kind:
			return fault.New(fault.InvalidArgument, "%s: this is the id of a %s, not of a %s", e.Field, is, e.Kind)
		case !reach.Any(stands...):
			return fault.New(fault.Forbidden, "%s: you may see it, but not do this there", e.Field)
		}
	}
	return nil
}

// lookers may know of the places and technicians within their reach.
var lookers = []identity.Role{
	identity.Clerk, identity.Dispatcher, identity.Supervisor, identity.Finance,
	identity.Dealer, identity.Admin,
}

// stands finds where the thing at an end stands, and what it is; nowhere when there is no such thing.
func (r *Accounts) stands(
	ctx context.Context, tx *postgres.Tx, e identity.End,
) ([]identity.Place, identity.ScopeKind, error) {
	if e.Kind != identity.ScopeSelf {
		a, err := atlasOf(ctx, tx, []uuid.UUID{e.ID})
		if err != nil {
			return nil, "", err
		}
		for _, kind := range []identity.ScopeKind{e.Kind, identity.ScopeRegion, identity.ScopeTeam, identity.ScopeStore} {
			if p, ok := a[kind][e.ID]; ok {
				return []identity.Place{p}, kind, nil
			}
		}
		return nil, "", nil
	}
	t, err := r.Technician(ctx, tx, e.ID)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	u := User{Technician: &t}
	a, err := atlasFor(ctx, tx, u)
	return homes(u, a.place), identity.ScopeSelf, err
}

// Oversees returns whether a user shows within a reach; what it found it remembers for as long as tx lives. Somebody
// who is not there is seen by the whole org only.
func (r *Accounts) Oversees(
	ctx context.Context, tx *postgres.Tx, reach identity.Reach,
) (func(user uuid.UUID) (bool, error), error) {
	known := map[uuid.UUID]bool{}
	return func(user uuid.UUID) (bool, error) {
		if reach.All {
			return true, nil
		}
		ok, asked := known[user]
		if asked {
			return ok, nil
		}
		u, err := r.UserByID(ctx, tx, user)
		if fault.CodeOf(err) == fault.NotFound {
			known[user] = false
			return false, nil
		}
		if err != nil {
			return false, err
		}
		a, err := atlasFor(ctx, tx, u)
		if err != nil {
			return false, err
		}
		known[user] = sees(reach, u, a.place)
		return known[user], nil
	}, nil
}
