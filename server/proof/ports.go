package proof

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Tickets is what Proofs needs of the tickets that proofs belong to. Every call is made in the transaction of the
// proof.
type Tickets interface {
	// AdmitProof judges a mutation that adds a proof to a visit, locks its ticket, and writes it into the ticket's
	// trail; if ok is false, result is the verdict and nothing is to be kept. shown is what the trail shows.
	AdmitProof(ctx context.Context, tx *postgres.Tx, m change.Mutation, visit uuid.UUID, shown proto.Message) (
		a Admission, result intake.Result, ok bool, err error)
	// Lock locks a ticket's row. It is called before the row of one of its proofs is locked in a transaction that
	// also calls ProofVerified or ProofTrail.
	Lock(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) error
	// ProofVerified is called in the transaction in which a proof of the ticket becomes verified.
	ProofVerified(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) error
	// ProofTrail writes what happened to a proof without a mutation (proof.verified, proof.refused) into the ticket's
	// trail.
	ProofTrail(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, kind string, fact map[string]string) error
	// Reaches reports whether a ticket lies within a reach: so a caller who neither made the proof nor holds its
	// ticket may see it.
	Reaches(ctx context.Context, tx *postgres.Tx, reach identity.Reach, ticket uuid.UUID) (bool, error)
}

// Admission says to which ticket a mutation belongs.
type Admission struct {
	Ticket uuid.UUID
	// Holder is the technician who has the ticket now, zero for nobody: on that feed the proof stands.
	Holder uuid.UUID
}
