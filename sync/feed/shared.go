package feed

import (
	"fmt"
	"sync"

	"golang.org/x/sync/singleflight"

	"github.com/doorstep-dev/doorstep/sync/change"
)

// EntryOverhead is counted for each entry of a page beside its body.
const EntryOverhead = 32

// Shared lets many devices that ask for the same range of a feed share one reading of it. What a feed holds
// between two sequences, at a given head of one history, never changes but for tombstones that are collected
// (and a tombstone too many does no harm), so a range is known by its ends and may be kept.
type Shared struct {
	// MaxBytes bounds what is kept; the oldest goes first.
	MaxBytes int

	flight singleflight.Group
	mu     sync.Mutex
	kept   map[string]sharedPart
	order  []string
	size   int
}

type sharedPart struct {
	part Part
	size int // bytes of memory
}

// Part returns the range from memory or by read, which runs once for all who wait for it. What it returns is
// shared: nobody may change it. Packed parts and plain ones are kept beside each other.
func (s *Shared) Part(org change.Org, r Range, limit int, packed bool, read func() (Part, error)) (Part, error) {
	key := fmt.Sprintf("%s %x %s %d %d %d %d %t", org, r.Generation, r.Head.Feed, r.After, r.Head.Seq,
		r.Base, limit, packed)
	s.mu.Lock()
	kept, ok := s.kept[key]
	s.mu.Unlock()
	if ok {
		return kept.part, nil
	}
	own := false
	v, err, _ := s.flight.Do(key, func() (any, error) {
		own = true
		part, err := read()
		if err != nil {
			return nil, err
		}
		size := len(key)
		if part.Packs == nil {
			size += part.Size
		}
		for _, b := range part.Packs {
			size += len(b)
		}
		s.keep(key, sharedPart{part, size})
		return part, nil
	})
	if err != nil && !own {
		// It failed for somebody else's reason, their connection or their patience: ask for ourselves.
		return read()
	}
	if err != nil {
		return Part{}, err
	}
	return v.(Part), nil
}

func (s *Shared) keep(key string, r sharedPart) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, again := s.kept[key]; again || r.size > s.MaxBytes/4 {
		return
	}
	if s.kept == nil {
		s.kept = map[string]sharedPart{}
	}
	s.kept[key] = r
	s.order = append(s.order, key)
	s.size += r.size
	for s.size > s.MaxBytes {
		s.size -= s.kept[s.order[0]].size
		delete(s.kept, s.order[0])
		s.order = s.order[1:]
	}
}
