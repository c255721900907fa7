package proof

import (
	"context"
	"time"

	"github.com/doorstep-dev/doorstep/server/job"
	"github.com/doorstep-dev/doorstep/sync/change"
)

// sweepEvery is how often the sweep runs.
const sweepEvery = 30 * time.Minute

// Jobs adds what the room does for every org again and again.
func (r *Proofs) Jobs(rounds *job.Rounds) {
	// The first round after the start also makes the bucket where there is none.
	rounds.Add("proof_sweep", sweepEvery, r.Objects.Ready, func(ctx context.Context, org change.Org) error {
		_, err := r.Sweep(ctx, org)
		return err
	})
}
