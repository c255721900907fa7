package pay

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// What Earnings needs of the rooms below it. Every call is made in the transaction of the ticket. None of them calls
// Earnings back: see the order of rooms in docs/ARCHITECTURE.md.

// People answers about the company and where technicians belong.
type People interface {
	// Zone is the company's time zone, which decides days and months.
	Zone(ctx context.Context, tx *postgres.Tx) (*time.Location, error)
	// Home returns the teams and the region of a technician; both are empty for who is no technician.
	Home(ctx context.Context, tx *postgres.Tx, technician uuid.UUID) (teams []uuid.UUID, region uuid.UUID, err error)
}

// Proofs answers about photos.
type Proofs interface {
	// Settled reports whether the bytes of all required proof of a ticket are verified.
	Settled(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) (bool, error)
}

// Boards keeps the ranking.
type Boards interface {
	// Earned adds to a payee's income at a time: by how much the total, and the part that is not sure, changed.
	Earned(ctx context.Context, tx *postgres.Tx, payee uuid.UUID, at time.Time, total, pending money.Amount) error
}

// What Service needs of the rooms above Earnings.

// Tickets are what is paid for.
type Tickets interface {
	// Lock locks a ticket's row. Service locks tickets in the order of their ids before it locks their accruals.
	Lock(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) error
	// Posted notes that a ticket's money was posted.
	Posted(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) error
}
