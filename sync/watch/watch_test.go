package watch_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	org  = change.Org{1}
	mine = change.FeedID{Kind: "tech", Key: uuid.UUID{2}}
)

func topic(f change.FeedID) watch.Topic { return watch.Topic{Org: org, Name: f.String()} }

func woken(s *watch.Subscription) bool {
	select {
	case <-s.Woken():
		return true
	default:
		return false
	}
}

func TestASlowListenerCostsOneMarkAFeed(t *testing.T) {
	t.Parallel()
	var h watch.Hub
	s := h.Subscribe(topic(mine))
	defer s.Close()
	for seq := range change.Seq(1000) {
		h.Observe(org, mine, seq+1)
	}
	if !woken(s) {
		t.Fatal("not woken")
	}
	if dirty, _, _ := s.Take(); !slices.Equal(dirty, []string{mine.String()}) {
		t.Fatalf("dirty %v", dirty)
	}
	if woken(s) {
		t.Fatal("woken twice for what was taken once")
	}
}

func TestANewsIsToldOnceHoweverOftenItIsHeard(t *testing.T) {
	t.Parallel()
	var h watch.Hub
	s := h.Subscribe(topic(mine))
	defer s.Close()
	h.Observe(org, mine, 5) // the commit
	woken(s)
	s.Take()
	h.Observe(org, mine, 5) // the notification, the sweep
	if woken(s) {
		t.Fatal("told twice")
	}
	h.Observe(org, mine, 6) // what a lost poke missed
	if !woken(s) {
		t.Fatal("the sweep's finding was not told")
	}
}

func TestOtherOrgsAndFeedsDoNotWake(t *testing.T) {
	t.Parallel()
	var h watch.Hub
	s := h.Subscribe(topic(mine))
	defer s.Close()
	h.Observe(change.Org{9}, mine, 1)
	h.Observe(org, change.FeedID{Kind: "tech"}, 1)
	h.Mark(watch.Topic{Org: org, Name: "board"})
	if woken(s) {
		t.Fatal("woken by a stranger")
	}
}

func TestFollowReplacesWhatIsHeard(t *testing.T) {
	t.Parallel()
	var h watch.Hub
	s := h.Subscribe(topic(mine))
	defer s.Close()
	s.Follow(watch.Topic{Org: org, Name: "board"})
	h.Observe(org, mine, 1)
	if woken(s) {
		t.Fatal("hears what it follows no longer")
	}
	h.Mark(watch.Topic{Org: org, Name: "board"})
	if !woken(s) {
		t.Fatal("does not hear what it follows now")
	}
}

func TestDisconnectEndsThoseConcernedWithTheCode(t *testing.T) {
	t.Parallel()
	var h watch.Hub
	s, other := h.Subscribe(topic(mine)), h.Subscribe()
	defer s.Close()
	defer other.Close()
	h.Disconnect(topic(mine), "device_revoked")
	if _, ended, code := s.Take(); !woken(s) || !ended || code != "device_revoked" {
		t.Fatalf("ended %v, code %q", ended, code)
	}
	if _, ended, _ := other.Take(); ended {
		t.Fatal("ended another")
	}
	h.Close()
	if _, ended, _ := h.Subscribe().Take(); !ended {
		t.Fatal("a closed hub lets somebody in")
	}
}

func TestManyMarkAndListenAtOnce(t *testing.T) {
	t.Parallel()
	var h watch.Hub
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				s := h.Subscribe(topic(mine))
				h.Mark(topic(mine))
				<-s.Woken()
				s.Take()
				s.Close()
			}
		})
	}
	wg.Wait()
	if n := h.Connected(); n != 0 || len(h.Watched()) != 0 {
		t.Fatalf("%d left", n)
	}
}

func TestAHeadThatOneListenerReadsIsNotHiddenFromTheOthers(t *testing.T) {
	t.Parallel()
	var h watch.Hub
	old := h.Subscribe(topic(mine))
	defer old.Close()
	old.Learn(org, mine, 5)
	fresh := h.Subscribe(topic(mine))
	defer fresh.Close()
	fresh.Learn(org, mine, 6) // 6 was committed and its poke lost; the newcomer reads it
	h.Observe(org, mine, 6)   // the sweep
	if !woken(old) {
		t.Fatal("who listened before was never told")
	}
	if woken(fresh) {
		t.Fatal("who read it was told again")
	}
}

func TestListenersThatComeTogetherDoNotWakeEachOther(t *testing.T) {
	t.Parallel()
	var h watch.Hub
	a, b := h.Subscribe(topic(mine)), h.Subscribe(topic(mine))
	defer a.Close()
	defer b.Close()
	a.Learn(org, mine, 5)
	b.Learn(org, mine, 5)
	if woken(a) || woken(b) {
		t.Fatal("woken by what they read themselves")
	}
}

func TestWhoReadAnOlderHeadThanIsKnownIsWokenAlone(t *testing.T) {
	t.Parallel()
	var h watch.Hub
	ahead, behind := h.Subscribe(topic(mine)), h.Subscribe(topic(mine))
	defer ahead.Close()
	defer behind.Close()
	ahead.Learn(org, mine, 6)
	behind.Learn(org, mine, 5) // read before 6 was committed: the poke of 6 was for others, and the sweep has no news
	if !woken(behind) {
		t.Fatal("who read an older head was never told of the newer one")
	}
	if woken(ahead) {
		t.Fatal("who had read the newer head was told again")
	}
}
