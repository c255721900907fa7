package proof

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/proof/media"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

const (
	// verifyTime bounds one verification with its waiting: several pictures may stand before it, and a HEIC takes up to a
	// minute.
	verifyTime = 15 * time.Minute
	// patience is how long a call waits for the end of a verification. It is less than any client's.
	patience = 10 * time.Second
	// askAgain is after how long a caller who was told to wait asks anew, if no feed tells it before.
	askAgain = 2 * time.Second
)

// verifications are those that run now in this process. They belong to no call: a phone that loses its patience or its
// network finds the end when it asks again.
type verifications struct {
	mu      sync.Mutex
	running map[verifying]*verification
	all     sync.WaitGroup
	stop    chan struct{}
	stopped bool
}

// verifying names a proof: phones choose the ids, so two companies may have the same.
type verifying struct{ org, proof uuid.UUID }

type verification struct {
	// done is closed at the end; proof and err are set before.
	done  chan struct{}
	proof *row
	err   error
}

// verify finishes a proof, or waits for who does so already. When that takes longer than the room's patience, the error
// ProofVerifying tells the caller to ask again: the bytes are here and nothing is to be done.
func (r *Proofs) verify(ctx context.Context, org uuid.UUID, p *row) (*row, error) {
	v, err := r.begin(ctx, org, p)
	if err != nil {
		return nil, err
	}
	timer := time.NewTimer(r.Patience)
	defer timer.Stop()
	select {
	case <-v.done:
		return v.proof, v.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, fault.New(fault.ProofVerifying, "").After(askAgain)
	}
}

func (r *Proofs) begin(ctx context.Context, org uuid.UUID, p *row) (*verification, error) {
	vs := &r.verifications
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if vs.stopped {
		return nil, fault.New(fault.Unavailable, "")
	}
	key := verifying{org, p.ID}
	if v := vs.running[key]; v != nil {
		return v, nil
	}
	v := &verification{done: make(chan struct{})}
	vs.running[key] = v
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), verifyTime)
	vs.all.Go(func() {
		defer cancel()
		v.proof, v.err = r.finish(own, org, p)
		vs.mu.Lock()
		delete(vs.running, key)
		vs.mu.Unlock()
		close(v.done)
		if v.err != nil {
			r.Log.DebugContext(own, "a photo is not verified yet", "proof", p.ID, "error", v.err)
		}
	})
	vs.all.Go(func() {
		select {
		case <-vs.stop:
			cancel()
		case <-own.Done():
		}
	})
	return v, nil
}

// Stop ends the verifications that run and waits until they have ended. What was not finished is taken up by the next
// call or sweep.
func (r *Proofs) Stop(context.Context) error {
	vs := &r.verifications
	vs.mu.Lock()
	if !vs.stopped {
		vs.stopped = true
		close(vs.stop)
	}
	vs.mu.Unlock()
	vs.all.Wait()
	return nil
}

// examine looks at the bytes of a picture and makes its copies, as far as there is memory for it.
func (r *Proofs) examine(ctx context.Context, s *share, b []byte) (media.Picture, error) {
	picture, err := r.Examiner.Look(b)
	if err != nil || picture.Cost == 0 {
		return picture, err
	}
	ok, err := s.widen(ctx, picture.Cost)
	if err != nil {
		return picture, err
	}
	if !ok {
		r.Log.InfoContext(ctx, "a picture that takes more memory than is given is kept without copies",
			"width", picture.Width, "height", picture.Height, "bytes", picture.Cost)
		return picture, nil
	}
	// The decoder of HEIC has a queue of its own, for it has a process of its own.
	if picture.Type != media.HEIC {
		if err := s.decode(ctx); err != nil {
			return picture, err
		}
	}
	return r.Examiner.Copies(ctx, picture, b)
}
