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

// Wanted is what a device needs first: all of some kinds, and some entities, as far as its feeds hold them.
type Wanted struct {
	Kinds    []change.Kind
	Entities []change.Entity
}

// Early is the answer: live entries of one snapshot, to be shown until the first checkpoint replaces them. It is no part of
// the stream of pages and moves no cursor.
type Early struct {
	Deltas  []Delta
	LastSeq uint64
	Whole   Size
	At      time.Time
}
