// Package identity says who calls: the org, the user, the device, the roles and how far they reach.
// The rpc package puts an Identity into the context; rooms read it from there and decide by it.
package identity

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/fault"
)

// Role is what a user may do; Scope is over whom.
type Role string

// The roles. A user may hold several, each with its own scope.
const (
	Technician Role = "technician"
	Clerk      Role = "clerk"
	Dispatcher Role = "dispatcher"
	Supervisor Role = "supervisor"
	Finance    Role = "finance"
	Dealer     Role = "dealer"
	Admin      Role = "admin"
)

// ScopeKind is the breadth of a grant.
type ScopeKind string

// The scopes, from the widest to the narrowest.
const (
	ScopeOrg    ScopeKind = "org"
	ScopeRegion ScopeKind = "region"
	ScopeTeam   ScopeKind = "team"
	ScopeStore  ScopeKind = "store"
	ScopeSelf   ScopeKind = "self"
)

// Grant is one role with its reach. ID is the region, team or store; zero for org and self.
type Grant struct {
	Role  Role
	Scope ScopeKind
	ID    uuid.UUID
}

// Identity is an authenticated caller.
type Identity struct {
	Org    uuid.UUID
	User   uuid.UUID
	Device uuid.UUID // zero for a console session
	Grants []Grant
	// Revoked: the device was taken out of service. It may hand in what it has not sent, which is kept as
	// evidence for a person to decide and never applied; it may do nothing else. Grants is empty then.
	Revoked bool
	// Until is when the access token that the caller showed runs out; zero for whoever showed none.
	Until time.Time
}

// Has tells whether the caller holds one of the roles, whatever its scope.
func (i Identity) Has(roles ...Role) bool {
	for _, g := range i.Grants {
		for _, r := range roles {
			if g.Role == r {
				return true
			}
		}
	}
	return false
}

// Reaches tells whether the caller holds the role over the whole org or over the given region, team or store.
func (i Identity) Reaches(role Role, kind ScopeKind, id uuid.UUID) bool {
	for _, g := range i.Grants {
		if g.Role == role && (g.Scope == ScopeOrg || (g.Scope == kind && g.ID == id)) {
			return true
		}
	}
	return false
}

type key struct{}

// With returns a context that carries the caller.
func With(ctx context.Context, i Identity) context.Context { return context.WithValue(ctx, key{}, i) }

// From returns the caller; ok is false for an anonymous call.
func From(ctx context.Context) (i Identity, ok bool) {
	i, ok = ctx.Value(key{}).(Identity)
	return i, ok
}

// Require returns the caller if it holds one of the roles (any role when none is named), else a fault that
// says whether to sign in or to ask for the right.
func Require(ctx context.Context, roles ...Role) (Identity, error) {
	i, ok := From(ctx)
	if !ok {
		return Identity{}, fault.New(fault.Unauthenticated, "")
	}
	if len(roles) > 0 && !i.Has(roles...) {
		return Identity{}, fault.New(fault.Forbidden, "")
	}
	return i, nil
}
