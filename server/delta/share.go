package delta

import (
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// How many watches one caller may hold. A phone has one; another process, and one or two whose connection is dead but
// was not yet found to be, are what the rest is for.
const (
	watchesOfDevice = 4
	watchesOfUser   = 16
	// unfinished are watches of a device that were told to end and have not: each ends when its next write fails, after
	// 90 s at the latest.
	unfinished = 16
	// displacedWait is when a watch that made room for a newer one may come back.
	displacedWait = 30 * time.Second
	fullWait      = 20 * time.Second
)

// shares counts the open watches by who holds them. Its zero value is ready.
type shares struct {
	mu    sync.Mutex
	total int
	orgs  map[uuid.UUID]int
	users map[sessionOf][]*watching // oldest first
}

type sessionOf struct{ org, user uuid.UUID }

// holder is the device of a person.
type holder struct {
	sessionOf
	device uuid.UUID
}

// admit gives the watch a place, or Overloaded. A device and a user are never refused because of watches of their own:
// the oldest makes room, for it may be the one whose phone has long been elsewhere. The last tenth of all places is for
// companies that hold less than a twentieth, so that one company cannot take the streams of all.
func (s *shares) admit(w *watching, most int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := w.place.sessionOf
	if s.total >= most || s.total >= most-most/10 && s.orgs[of.org] > most/20 {
		return fault.New(fault.Overloaded, "").After(jittered(fullWait))
	}
	mine := s.users[of]
	var live []*watching
	ending, device := 0, 0
	for _, old := range mine {
		switch same := old.place.device == w.place.device; {
		case old.displaced.Load():
			if same {
				ending++
			}
		default:
			live = append(live, old)
			if same {
				device++
			}
		}
	}
	if ending >= unfinished {
		return fault.New(fault.Overloaded, "").After(jittered(fullWait))
	}
	if device >= watchesOfDevice {
		first := slices.IndexFunc(live, func(old *watching) bool { return old.place.device == w.place.device })
		live[first].displace()
	} else if len(live) >= watchesOfUser {
		live[0].displace()
	}
	if s.users == nil {
		s.orgs, s.users = map[uuid.UUID]int{}, map[sessionOf][]*watching{}
	}
	s.total++
	s.orgs[of.org]++
	s.users[of] = append(mine, w)
	return nil
}

// leave gives the place back.
func (s *shares) leave(w *watching) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := w.place.sessionOf
	s.total--
	if s.orgs[of.org]--; s.orgs[of.org] == 0 {
		delete(s.orgs, of.org)
	}
	left := slices.DeleteFunc(s.users[of], func(one *watching) bool { return one == w })
	if s.users[of] = left; len(left) == 0 {
		delete(s.users, of)
	}
}

// displace ends the watch, because its owner opened newer ones.
func (w *watching) displace() {
	w.displaced.Store(true)
	w.sub.End("")
}

// Watches tells how many watches are open in all, and how many of them a caller's device holds that were not told to
// end.
func (s *Service) Watches(who identity.Identity) (all, ofDevice int) {
	s.shares.mu.Lock()
	defer s.shares.mu.Unlock()
	for _, w := range s.shares.users[sessionOf{who.Org, who.User}] {
		if w.who.Device == who.Device && !w.displaced.Load() {
			ofDevice++
		}
	}
	return s.shares.total, ofDevice
}
