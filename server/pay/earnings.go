// Package pay turns completed tickets into earning lines and keeps them in a double-entry, append-only ledger. The
// rules are pure: package plan prices, package ledger books. This package stores, and answers the phone and finance.
//
// A completed ticket accrues pending lines in the transaction that completes it; approval and verified proof
// confirm them; a payout pays them. A rework or a correction adds lines that refer to the old ones.
package pay

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// DefaultPlan is the key of the one plan that pays everybody of an org.
const DefaultPlan = "standard"

// Earnings keeps plans and earnings.
type Earnings struct {
	Store *postgres.Store
	Log   *slog.Logger
	// Zone is the org's time zone, which decides days and months. From the account room.
	Zone func(ctx context.Context, tx *postgres.Tx) (*time.Location, error)
	// Home tells the teams and the region of a technician, for the rights of who leads them; both are empty for
	// who is no technician. From the account room.
	Home func(ctx context.Context, tx *postgres.Tx, technician uuid.UUID) (teams []uuid.UUID, region uuid.UUID, err error)
	// ProofsVerified tells whether the bytes of all required proof of a ticket are verified. From the proof room;
	// while it is nil nobody can tell, and nothing is posted.
	ProofsVerified func(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) (bool, error)
	// LockTicket locks a ticket's row. It is called, in the order of the tickets' ids, before the accruals of several
	// tickets are locked by a transaction that may call Confirmed. Optional where that is.
	LockTicket func(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) error
	// Earned is told of every change of a payee's income: by how much the total and the part that is not sure
	// changed, and at which time it counts. The ranking listens here.
	Earned func(ctx context.Context, tx *postgres.Tx, payee uuid.UUID, at time.Time, total, pending money.Amount) error
	// Confirmed is told that a ticket's money was posted. The ticket room listens here.
	Confirmed func(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) error

	versions sync.Map // versionKey → *plan.Version; published versions never change
}
