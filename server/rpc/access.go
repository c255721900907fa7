package rpc

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Rule says who may make a call at all; over whom, the room decides by the caller's grants. A procedure
// without a rule is refused for everybody.
type Rule struct {
	// Anonymous calls need no token. They are limited by address.
	Anonymous bool
	// Costly calls guess or hash secrets; each counts as CostlyWeight calls against the address.
	Costly bool
	// Roles that may call; empty means any that has signed in.
	Roles []identity.Role
	// Device: only an enrolled device may call, no console session.
	Device bool
	// Evidence: also a revoked device may call, to hand in what it has not sent yet.
	Evidence bool
	// Large: the answer may have hundreds of kilobytes. Few such answers are built at a time, and one that waits for
	// a slow phone is held as the bytes that go out, not as messages and buffers besides.
	Large bool
}

// Access is the table of rules by procedure, for example /doorstep.sync.v1.SyncService/Pull.
type Access map[string]Rule

// Authenticator finds out who calls. It returns ok=false when the request carries no credential, and a fault
// (Unauthenticated, TokenExpired) when it carries one that does not hold.
type Authenticator interface {
	Authenticate(ctx context.Context, header http.Header) (i identity.Identity, ok bool, err error)
}

// admit checks one caller against the procedure's rule.
func (a Access) admit(procedure string, i identity.Identity, known bool) error {
	rule, ok := a[procedure]
	switch {
	case !ok:
		return fault.New(fault.Forbidden, "")
	case rule.Anonymous:
		return nil
	case !known:
		return fault.New(fault.Unauthenticated, "")
	case i.Revoked && !rule.Evidence:
		return fault.New(fault.DeviceRevoked, "")
	case rule.Device && i.Device == uuid.Nil:
		return fault.New(fault.Forbidden, "only an enrolled device may do this")
	case len(rule.Roles) > 0 && !identity.MayCall(i, rule.Roles) && !i.Revoked:
		return fault.New(fault.Forbidden, "")
	}
	return nil
}
