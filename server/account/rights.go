package account

import (
	"slices"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/fault"
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

// overseers see the people, devices and parked work within their reach.
var overseers = []identity.Role{identity.Dispatcher, identity.Supervisor, identity.Admin}

// managers says who may do something with a user that holds a role: let in and revoke their devices. Only
// administrators change people. A role that is not here is nobody's.
var managers = map[identity.Role][]identity.Role{
	identity.Technician: {identity.Dispatcher, identity.Supervisor, identity.Admin},
	identity.Clerk:      {identity.Dispatcher, identity.Supervisor, identity.Admin},
	identity.Dispatcher: {identity.Admin},
	identity.Supervisor: {identity.Admin},
	identity.Finance:    {identity.Admin},
	identity.Dealer:     {identity.Admin},
	identity.Admin:      {identity.Admin},
}

// right is a role over one place. A technician's one grant is as many rights as the technician has places.
type right struct {
	role identity.Role
	at   identity.Place
}

// rightsOf spells out all that a user may do: each grant, and of a technician the region and every team. placeOf
// gives the place of an id of that kind; one that is not there has no region.
func rightsOf(u User, placeOf func(identity.ScopeKind, uuid.UUID) identity.Place) []right {
	var out []right
	for _, g := range u.Grants {
		if g.Scope != identity.ScopeSelf {
			out = append(out, right{g.Role, placeOf(g.Scope, g.ID)})
			continue
		}
		places := homes(u, placeOf)
		if len(places) == 0 {
			places = []identity.Place{{Kind: identity.ScopeOrg}}
		}
		for _, p := range places {
			out = append(out, right{g.Role, p})
		}
	}
	return out
}

// homes are the places to which a technician belongs: the region and every team.
func homes(u User, placeOf func(identity.ScopeKind, uuid.UUID) identity.Place) []identity.Place {
	if u.Technician == nil {
		return nil
	}
	out := []identity.Place{placeOf(identity.ScopeRegion, u.Technician.Region)}
	for _, t := range u.Technician.Teams {
		out = append(out, placeOf(identity.ScopeTeam, t))
	}
	return out
}

// manages tells whether the caller may let a user of these rights in and revoke them: over the place of each right, the
// caller holds a role that manages that right's. Somebody without any right is managed by administrators of the org.
func manages(who identity.Identity, rights []right) bool {
	for _, r := range rights {
		if !who.For(managers[r.role]...).Covers(r.at) {
			return false
		}
	}
	return len(rights) > 0 || who.For(identity.Admin).All
}

// administers is manages for changing the user: by administrators only.
func administers(who identity.Identity, rights []right) bool {
	reach := who.For(identity.Admin)
	for _, r := range rights {
		if !reach.Covers(r.at) || !slices.Contains(managers[r.role], identity.Admin) {
			return false
		}
	}
	return len(rights) > 0 || reach.All
}

// sees tells whether a user shows within a reach: every grant lies within it. A technician shows wherever they belong,
// to the leader of each of their teams.
func sees(reach identity.Reach, u User, placeOf func(identity.ScopeKind, uuid.UUID) identity.Place) bool {
	if len(u.Grants) == 0 {
		return reach.All
	}
	for _, g := range u.Grants {
		if g.Scope == identity.ScopeSelf {
			if !reach.Any(homes(u, placeOf)...) {
				return false
			}
		} else if !reach.Covers(placeOf(g.Scope, g.ID)) {
			return false
		}
	}
	return true
}

// widened is the first right that a user would gain; ok is false when the new rights are all among the old ones, of
// the same role over the same place or over one that includes it.
func widened(old, now []right) (r right, ok bool) {
	for _, n := range now {
		if !slices.ContainsFunc(old, func(o right) bool { return o.role == n.role && includes(o.at, n.at) }) {
			return n, true
		}
	}
	return right{}, false
}

func includes(outer, inner identity.Place) bool {
	return outer.Kind == identity.ScopeOrg || outer.Kind == inner.Kind && outer.ID == inner.ID ||
		outer.Kind == identity.ScopeRegion && outer.ID == inner.Region
}
