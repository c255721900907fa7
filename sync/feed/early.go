package feed

import (
	"time"

	"github.com/doorstep-dev/doorstep/sync/change"
)

// Size is an amount of live entries.
type Size struct {
	Entries int64
	// Bytes of their bodies.
	Bytes int64
}

// SizeOf is what a device holds in the end that follows these feeds.
func SizeOf(heads []Head) (s Size) {
	for _, h := range heads {
		s.Entries += h.Live
		s.Bytes += h.Bytes
	}
	return s
}

// Wanted is what a device needs first, as far as its feeds hold it: all of some kinds, and groups of entities.
type Wanted struct {
	Kinds []change.Kind
	// Groups come after the kinds, the most urgent first. Each is of use as a whole, with what the groups before it hold.
	Groups [][]change.Entity
}

// Early is the answer: live entries of one snapshot, to be shown until the first checkpoint replaces them. It is no
// part of the stream of pages and moves no cursor. It has the kinds and as many groups as its bytes allow, none of them
// in part.
type Early struct {
	Deltas  []Delta
	LastSeq uint64
	Whole   Size
	At      time.Time
}

// PageBytes is how many bytes of bodies the page may have.
func (r Request) PageBytes() int {
	if r.MaxBytes <= 0 {
		return DefaultPageBytes
	}
	return min(r.MaxBytes, MaxPageBytes)
}

// EarlyBytes is how many bytes the early part may have: one page, and never less than a usual one.
func (r Request) EarlyBytes() int { return max(r.PageBytes(), DefaultPageBytes) }

// FromNothing tells whether the device's first download begins or goes on: since the last checkpoint, of which there
// is none, it has asked for every feed that it follows.
func (r Request) FromNothing(state State) bool {
	for _, head := range state.Heads {
		if pos, reset := begin(r, state.Generation, head.Head); !reset && !pos.Pending {
			return false
		}
	}
	return true
}
