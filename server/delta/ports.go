package delta

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Access says who may read, listen and decide.
type Access interface {
	// Revoked tells whether a device lost its access: it may not read, and what it pushes is kept as evidence.
	Revoked(ctx context.Context, who identity.Identity) (bool, error)
	// MayHear tells whether a caller may listen for a topic that is no feed.
	MayHear(ctx context.Context, who identity.Identity, topic string) bool
	// Oversees returns whether a user's work lies within a reach, read in tx.
	Oversees(
		ctx context.Context, tx *postgres.Tx, reach identity.Reach,
	) (func(user uuid.UUID) (bool, error), error)
}

// People knows who decides, and by which clock.
type People interface {
	// NameOf gives the name of a person of the office, empty for nobody known.
	NameOf(ctx context.Context, tx *postgres.Tx, user change.User) (string, error)
	// Zone is the time zone of the company that tx reads.
	Zone(ctx context.Context, tx *postgres.Tx) (*time.Location, error)
}
