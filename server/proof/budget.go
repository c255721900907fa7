package proof

import (
	"context"
	"runtime/debug"

	"golang.org/x/sync/semaphore"
)

// budget bounds the memory of all verifications together: the coded bytes of every picture that was read, and what
// decoding it takes. What a picture takes is known only when its headers are here. So one picture at a time, in the
// order in which they came, is read and asks for the rest; those who already have what they need never wait for it, and
// thus none waits for another for ever.
type budget struct {
	whole int64
	bytes *semaphore.Weighted
	line  *semaphore.Weighted
	// slots are how many may decode at once.
	slots *semaphore.Weighted
}

func newBudget(whole int64, slots int) *budget {
	return &budget{
		whole: whole, bytes: semaphore.NewWeighted(whole), line: semaphore.NewWeighted(1),
		slots: semaphore.NewWeighted(int64(slots)),
	}
}

// share is what one picture holds of the budget.
type share struct {
	of      *budget
	held    int64
	first   bool
	decodes bool
}

// enter waits in line and takes the room for the coded bytes of a picture. The caller must leave.
func (b *budget) enter(ctx context.Context, coded int64) (*share, error) {
	if err := b.line.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	s := &share{of: b, first: true}
	if err := b.bytes.Acquire(ctx, min(coded, b.whole)); err != nil {
		s.leave()
		return nil, err
	}
	s.held = min(coded, b.whole)
	return s, nil
}

// widen takes n bytes more and lets the next one read; ok is false when the whole budget is not enough for this
// picture.
func (s *share) widen(ctx context.Context, n int64) (ok bool, err error) {
	defer s.pass()
	if s.held+n > s.of.whole {
		return false, nil
	}
	if err := s.of.bytes.Acquire(ctx, n); err != nil {
		return false, err
	}
	s.held += n
	return true, nil
}

// decode waits until a processor is free for this picture.
func (s *share) decode(ctx context.Context) error {
	err := s.of.slots.Acquire(ctx, 1)
	s.decodes = err == nil
	return err
}

// pass lets the next one in line read.
func (s *share) pass() {
	if s.first {
		s.first = false
		s.of.line.Release(1)
	}
}

// worthCollecting is from how many bytes on a picture's memory is given back before the next one takes its place: until
// a collection it would count twice.
const worthCollecting = 64 << 20

// leave gives everything back.
func (s *share) leave() {
	if s.held >= worthCollecting {
		debug.FreeOSMemory()
	}
	if s.decodes {
		s.of.slots.Release(1)
	}
	s.of.bytes.Release(s.held)
	s.pass()
}
