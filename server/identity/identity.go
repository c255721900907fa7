// Package identity says who calls: the org, the user, the device, and over what their rights extend.
// The rpc package puts an Identity into the context; rooms read it from there and decide by it.
//
// A right is a pair: a role with its scope. Neither half says anything alone, so nothing here tells whether somebody
// "is an administrator". A room names the roles that may do a thing, gets the Reach of exactly those grants, and asks
// it about the thing's place.
package identity

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/fault"
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

// Roles are all roles.
func Roles() []Role {
	return []Role{Technician, Clerk, Dispatcher, Supervisor, Finance, Dealer, Admin}
}

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

// Identity is an authenticated caller. Its grants are not to be had: For asks them, by named roles.
type Identity struct {
	Org    uuid.UUID
	User   uuid.UUID
	Device uuid.UUID // zero for a console session
	// Revoked: the device was taken out of service. It may hand in what it has not sent, which is kept as
	// evidence for a person to decide and never applied; it may do nothing else. It holds no grants then.
	Revoked bool
	// Until is when the access token that the caller showed runs out; zero for whoever showed none.
	Until time.Time

	grants []Grant
}

// Holding is the same caller with these grants and no others.
func (i Identity) Holding(grants ...Grant) Identity {
	i.grants = slices.Clone(grants)
	return i
}

// For is over what the caller's grants of these roles extend. Without a role it is nothing.
func (i Identity) For(roles ...Role) Reach {
	var r Reach
	for _, g := range i.grants {
		if slices.Contains(roles, g.Role) {
			r.add(g)
		}
	}
	return r
}

type key struct{}

// With returns a context that carries the caller.
func With(ctx context.Context, i Identity) context.Context { return context.WithValue(ctx, key{}, i) }

// From returns the caller; ok is false for an anonymous call.
func From(ctx context.Context) (i Identity, ok bool) {
	i, ok = ctx.Value(key{}).(Identity)
	return i, ok
}

// Require returns the caller, whoever it is, else a fault that says to sign in.
func Require(ctx context.Context) (Identity, error) {
	i, ok := From(ctx)
	if !ok {
		return Identity{}, fault.New(fault.Unauthenticated, "")
	}
	return i, nil
}

// Acting returns the caller and over what it may act by these roles; a fault, when it holds none of them at all. The
// reach decides what the caller may do, never that there was no fault: a test of this repository refuses calls that
// throw it away.
func Acting(ctx context.Context, roles ...Role) (Identity, Reach, error) {
	i, err := Require(ctx)
	if err != nil {
		return i, Reach{}, err
	}
	r := i.For(roles...)
	if r.nothing() {
		return i, r, fault.New(fault.Forbidden, "")
	}
	return i, r, nil
}

// MayCall tells whether the caller holds one of the roles over anything at all. It is for the border, which knows no
// more of a call than its name; what a room decides, it decides by a Reach.
func MayCall(i Identity, roles []Role) bool { return !i.For(roles...).nothing() }
