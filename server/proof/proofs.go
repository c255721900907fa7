// Package proof is the room of photos and signatures: it takes in their manifests, lets phones send the bytes
// straight to the object store, verifies what arrived, and shows it to whoever may see it. See docs/PROOF.md.
package proof

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/proof/media"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Proofs keeps proofs. Hooks marked optional may be nil. Make it with New, and Close it.
type Proofs struct {
	Config
	// Reach knows whether the object store answers; Watch keeps it current.
	Reach         Reach
	budget        *budget
	verifications verifications
}

// Config is what a Proofs stands on.
type Config struct {
	Store   *postgres.Store
	Objects *Objects
	// Signer signs receipts.
	Signer change.Signer
	// Examiner looks at the bytes of pictures.
	Examiner media.Examiner
	Log      *slog.Logger
	// Verifiers is how many pictures may be decoded at once; default 2.
	Verifiers int
	// Memory is how many bytes all verifications together may take; default 512 MiB. A picture that takes more is kept without
	// copies. A HEIC is decoded in another process, one at a time, which takes up to 512 MiB on its own.
	Memory int64
	// Patience is how long a call waits for the end of a verification, which goes on without it; default 10 s.
	Patience time.Duration

	// Admit judges a mutation that adds a proof to a visit, locks its ticket, and writes it into the ticket's
	// trail; when ok is false, result is the verdict and nothing is to be kept. shown is what the trail shows.
	Admit func(ctx context.Context, tx *postgres.Tx, m change.Mutation, visit uuid.UUID, shown proto.Message) (a Admission, result intake.Result, ok bool, err error)
	// LockTicket locks a ticket's row. It is called before the row of one of its proofs is locked in a transaction that
	// also calls Verified, Refused or Trail. Optional where these are.
	LockTicket func(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) error
	// Reaches tells whether a ticket lies within a reach: so a caller who neither made the proof nor holds its ticket may
	// see it. Optional: nobody else may.
	Reaches func(ctx context.Context, tx *postgres.Tx, reach identity.Reach, ticket uuid.UUID) (bool, error)
	// Verified is called in the transaction in which a proof of the ticket becomes verified. Optional.
	Verified func(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) error
	// Refused is called in the transaction in which bytes are refused for good. Optional.
	Refused func(ctx context.Context, tx *postgres.Tx, ticket, proof uuid.UUID, reason fault.Code) error
	// Trail writes what happened to a proof without a mutation (proof.verified, proof.refused) into the
	// ticket's trail. Optional.
	Trail func(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, kind string, fact map[string]string) error
}

// Admission says to which ticket a mutation belongs.
type Admission struct {
	Ticket uuid.UUID
	// Holder is the technician who has the ticket now, zero for nobody: on that feed the proof stands.
	Holder uuid.UUID
}

// New makes a room.
func New(c Config) *Proofs {
	if c.Verifiers <= 0 {
		c.Verifiers = 2
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Memory <= 0 {
		c.Memory = 512 << 20
	}
	if c.Patience <= 0 {
		c.Patience = patience
	}
	return &Proofs{
		Config: c, budget: newBudget(c.Memory, c.Verifiers),
		verifications: verifications{running: map[verifying]*verification{}, stop: make(chan struct{})},
	}
}

// Mutators are what a phone does offline.
func (r *Proofs) Mutators() map[string]intake.Mutator[*postgres.Tx] {
	return map[string]intake.Mutator[*postgres.Tx]{
		"proof.attach":   r.attach,
		"signature.sign": r.sign,
	}
}

// micro is the time as the database keeps it.
func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
