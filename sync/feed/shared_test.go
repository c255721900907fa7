package feed_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
)

func rangeTo(seq change.Seq) feed.Range {
	return feed.Range{Head: feed.Head{Head: change.Head{Feed: change.FeedID{Kind: "org"}, Seq: seq}}}
}

func TestManyWhoAskForTheSameRangeReadItOnce(t *testing.T) {
	t.Parallel()
	s := &feed.Shared{MaxBytes: 1 << 20}
	var reads atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			got, err := s.Part(change.Org{1}, rangeTo(9), 1000, false, func() (feed.Part, error) {
				reads.Add(1)
				return feed.PartOf([]change.Entry{{Seq: 9}}, true), nil
			})
			if err != nil || !got.Done || len(got.Entries) != 1 || got.Last != 9 {
				t.Errorf("%v %v", got, err)
			}
		})
	}
	wg.Wait()
	if n := reads.Load(); n != 1 {
		t.Errorf("read %d times", n)
	}
}

func TestAnotherOrgHeadOrHistoryIsAnotherRange(t *testing.T) {
	t.Parallel()
	s := &feed.Shared{MaxBytes: 1 << 20}
	reads := 0
	read := func() (feed.Part, error) { reads++; return feed.Part{Done: true}, nil }
	restored := rangeTo(9)
	restored.Generation = change.Generation{1}
	for _, ask := range []struct {
		org change.Org
		r   feed.Range
	}{{change.Org{1}, rangeTo(9)}, {change.Org{2}, rangeTo(9)}, {change.Org{1}, rangeTo(10)}, {change.Org{1}, restored}} {
		if _, err := s.Part(ask.org, ask.r, 1000, false, read); err != nil {
			t.Fatal(err)
		}
	}
	if reads != 4 {
		t.Errorf("read %d times, want 4", reads)
	}
}

func TestWhatIsKeptIsBoundedAndErrorsAreNotKept(t *testing.T) {
	t.Parallel()
	s := &feed.Shared{MaxBytes: 2000}
	reads := 0
	read := func() (feed.Part, error) {
		reads++
		return feed.PartOf([]change.Entry{{Body: make([]byte, 300)}}, true), nil
	}
	for seq := range change.Seq(20) {
		_, _ = s.Part(change.Org{1}, rangeTo(seq), 1000, false, read)
	}
	_, _ = s.Part(change.Org{1}, rangeTo(19), 1000, false, read) // kept
	_, _ = s.Part(change.Org{1}, rangeTo(0), 1000, false, read)  // gone long ago
	if reads != 21 {
		t.Errorf("read %d times, want 21", reads)
	}
	broken := errors.New("broken")
	fail := func() (feed.Part, error) { return feed.Part{}, broken }
	if _, err := s.Part(change.Org{1}, rangeTo(99), 1000, false, fail); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if _, err := s.Part(change.Org{1}, rangeTo(99), 1000, false, read); err != nil {
		t.Errorf("the error was kept: %v", err)
	}
}
