package intake

import (
	"context"
	"time"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Kept is what the office keeps of a device's work for a person to decide.
type Kept struct {
	Count int
	// Bytes are those of the arguments.
	Bytes int64
}

// Both limits are far beyond what a person does: a month without signal is some 1,500 actions, and a signature, the
// largest of them, some 30 kB.
var (
	// DefaultQuota is for the undecided work of a device in service.
	DefaultQuota = Kept{Count: 20_000, Bytes: 128 << 20}
	// DefaultEvidence is for what a device hands in that lost its rights, undecided or refused: it needs nobody's leave to
	// send more.
	DefaultEvidence = Kept{Count: 5_000, Bytes: 32 << 20}
)

// fullWait is when a device that met its quota may try again: somebody at the office has to decide first.
const fullWait = 30 * time.Minute

// fullError says that the quota has no place for the mutation at an index of those that were taken together.
type fullError struct{ at int }

func (*fullError) Error() string { return "the device's quota of undecided work is full" }

// quota watches over what one transaction adds to a device's kept work. The device's counter is locked, so no other
// transaction adds to it meanwhile.
type quota struct {
	most Kept
	now  Kept
	read bool
}

// add counts one more mutation, or says that there is no place for it.
func (q *quota) add(ctx context.Context, tx Tx, p Push, m change.Mutation, at int) (err error) {
	if !q.read {
		if q.now, err = tx.Kept(ctx, p.Device, p.ParkAll != ""); err != nil {
			return err
		}
		q.read = true
	}
	q.now.Count++
	q.now.Bytes += int64(len(m.Args))
	if q.now.Count > q.most.Count || q.now.Bytes > q.most.Bytes {
		return fault.Wrap(&fullError{at}, fault.ParkedFull, "").After(fullWait)
	}
	return nil
}

// quota is what a push may add to.
func (in *Intake[T]) quota(p Push) quota {
	or := func(q, d Kept) Kept {
		if q == (Kept{}) {
			return d
		}
		return q
	}
	if p.ParkAll != "" {
		return quota{most: or(in.Evidence, DefaultEvidence)}
	}
	return quota{most: or(in.Quota, DefaultQuota)}
}
