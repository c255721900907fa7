// Package proof is the room of photos and signatures: it takes in their manifests, lets phones send the bytes
// straight to the object store, verifies what arrived, and shows it to whoever may see it. See docs/PROOF.md.
package proof

import (
	"log/slog"
	"time"

	"github.com/doorstep-dev/doorstep/server/proof/media"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Proofs takes proofs in and looks at their bytes. It calls Tickets; what tickets and pay ask about proofs is Records.
// Make it with New, and Close it.
type Proofs struct {
	Records
	Config
	tickets Tickets
	// Reach knows whether the object store answers; Watch keeps it current.
	Reach         Reach
	budget        *budget
	verifications verifications
}

// Config is what Proofs stands on.
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
	// Memory is how many bytes all verifications together may take; default 512 MiB. A picture that takes more is kept
	// without copies. A HEIC is decoded in another process, one at a time, which takes up to 512 MiB on its own.
	Memory int64
	// Patience is how long a call waits for the end of a verification, which goes on without it; default 10 s.
	Patience time.Duration
}

// New makes the room of proofs on the tickets that they belong to. Close it.
func New(c Config, tickets Tickets) *Proofs {
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
		Config: c, tickets: tickets, budget: newBudget(c.Memory, c.Verifiers),
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
