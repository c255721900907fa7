// Package pay turns completed tickets into earning lines and keeps them in a double-entry, append-only ledger. The
// rules are pure: package plan prices, package ledger books. This package stores, and answers the phone and finance.
//
// A completed ticket accrues pending lines in the transaction that completes it; approval and verified proof
// confirm them; a payout pays them. A rework or a correction adds lines that refer to the old ones.
package pay

import (
	"log/slog"
	"sync"

	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// DefaultPlan is the key of the one plan that pays everybody of an org.
const DefaultPlan = "standard"

// Earnings keeps plans and earnings. Make it with New.
type Earnings struct {
	Store  *postgres.Store
	log    *slog.Logger
	people People
	proofs Proofs
	boards Boards

	versions sync.Map // versionKey → *plan.Version; published versions never change
}

// New makes the room of pay on the rooms that it calls.
func New(store *postgres.Store, log *slog.Logger, people People, proofs Proofs, boards Boards) *Earnings {
	return &Earnings{Store: store, log: log, people: people, proofs: proofs, boards: boards}
}
