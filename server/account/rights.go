package account

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/internal/fault"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// scopesOf says how far a role can reach. A grant outside of it is refused.
var scopesOf = map[identity.Role][]identity.ScopeKind{
	identity.Technician: {identity.ScopeSelf},
	identity.Clerk:      {identity.ScopeStore},
	identity.Dispatcher: {identity.ScopeOrg, identity.ScopeRegion, identity.ScopeTeam},
	identity.Supervisor: {identity.ScopeOrg, identity.ScopeRegion, identity.ScopeTeam},
	identity.Finance:    {identity.ScopeOrg, identity.ScopeRegion},
	identity.Dealer:     {identity.ScopeRegion, identity.ScopeStore},
	identity.Admin:      {identity.ScopeOrg, identity.ScopeRegion},
}

// checkGrant refuses roles and scopes that do not exist or do not go together.
func checkGrant(g identity.Grant) error {
	scopes, ok := scopesOf[g.Role]
	if !ok {
		return fault.New(fault.InvalidArgument, "role %.20q", g.Role)
	}
	if !slices.Contains(scopes, g.Scope) {
		return fault.New(fault.InvalidArgument, "role %s does not reach over %.20q", g.Role, g.Scope)
	}
	if whole := g.Scope == identity.ScopeOrg || g.Scope == identity.ScopeSelf; whole != (g.ID == uuid.Nil) {
		return fault.New(fault.InvalidArgument, "scope_id of role %s", g.Role)
	}
	return nil
}

// Reach is over whom a caller's grants extend: everything, or the regions, teams and shops named. A region
// includes its teams and shops.
type Reach struct {
	All                    bool
	Regions, Teams, Stores map[uuid.UUID]bool
}

// Region tells whether the region is within reach.
func (r Reach) Region(id uuid.UUID) bool { return r.All || r.Regions[id] }

// Team tells whether the team is within reach.
func (r Reach) Team(id uuid.UUID) bool { return r.All || r.Teams[id] }

// Store tells whether the shop is within reach.
func (r Reach) Store(id uuid.UUID) bool { return r.All || r.Stores[id] }

// ReachOf works out the reach of the caller's grants of the given roles (all roles when none is named).
func ReachOf(ctx context.Context, tx *postgres.Tx, who identity.Identity, roles ...identity.Role) (Reach, error) {
	reach := Reach{Regions: map[uuid.UUID]bool{}, Teams: map[uuid.UUID]bool{}, Stores: map[uuid.UUID]bool{}}
	var regions []uuid.UUID
	for _, g := range who.Grants {
		if len(roles) > 0 && !slices.Contains(roles, g.Role) {
			continue
		}
		switch g.Scope {
		case identity.ScopeOrg:
			return Reach{All: true}, nil
		case identity.ScopeRegion:
			reach.Regions[g.ID] = true
			regions = append(regions, g.ID)
		case identity.ScopeTeam:
			reach.Teams[g.ID] = true
		case identity.ScopeStore:
			reach.Stores[g.ID] = true
		}
	}
	if len(regions) == 0 {
		return reach, nil
	}
	rows, err := tx.Query(ctx, `SELECT id, true FROM team WHERE org_id = $1 AND region_id = ANY ($2)
		UNION ALL SELECT id, false FROM shop WHERE org_id = $1 AND region_id = ANY ($2)`, tx.OrgID(), regions)
	if err != nil {
		return Reach{}, err
	}
	var id uuid.UUID
	var team bool
	_, err = pgx.ForEachRow(rows, []any{&id, &team}, func() error {
		if team {
			reach.Teams[id] = true
		} else {
			reach.Stores[id] = true
		}
		return nil
	})
	return reach, err
}

// covers tells whether a grant lies within reach. A grant over oneself is judged by where the person belongs.
func (r Reach) covers(g identity.Grant, u User) bool {
	switch g.Scope {
	case identity.ScopeOrg:
		return r.All
	case identity.ScopeRegion:
		return r.Region(g.ID)
	case identity.ScopeTeam:
		return r.Team(g.ID)
	case identity.ScopeStore:
		return r.Store(g.ID)
	case identity.ScopeSelf:
		return r.All || u.Technician != nil && (r.Region(u.Technician.Region) || slices.ContainsFunc(u.Technician.Teams, r.Team))
	}
	return false
}

// User tells whether a person is within reach: all that they may do lies within it. Somebody without any grant
// is within the reach of the whole org only.
func (r Reach) User(u User) bool {
	if len(u.Grants) == 0 {
		return r.All
	}
	for _, g := range u.Grants {
		if !r.covers(g, u) {
			return false
		}
	}
	return true
}

// Oversees returns whether the caller, who oversees people, reaches over a user; what it found it remembers for
// as long as tx lives. Somebody who is not there is within the reach of the whole org only.
func (r *Room) Oversees(ctx context.Context, tx *postgres.Tx, who identity.Identity) (func(user uuid.UUID) (bool, error), error) {
	reach, err := ReachOf(ctx, tx, who, overseers...)
	if err != nil {
		return nil, err
	}
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
		if err != nil && fault.CodeOf(err) != fault.NotFound {
			return false, err
		}
		ok = err == nil && reach.User(u)
		known[user] = ok
		return ok, nil
	}, nil
}
