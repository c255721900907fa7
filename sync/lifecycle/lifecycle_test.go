package lifecycle_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/doorstep-dev/doorstep/sync/lifecycle"
)

func TestABackgroundServiceStartsAndStopsOnceHoweverOftenItIsAsked(t *testing.T) {
	t.Parallel()
	var running, begun atomic.Int32
	s := lifecycle.Background(func(ctx context.Context) {
		begun.Add(1)
		running.Add(1)
		defer running.Add(-1)
		<-ctx.Done()
	})
	if err := s.Stop(t.Context()); err != nil {
		t.Fatalf("stopped before it was started: %v", err)
	}
	for round := range int32(3) {
		starting, cancel := context.WithCancel(t.Context())
		for range 2 {
			if err := s.Start(starting); err != nil {
				t.Fatal(err)
			}
		}
		cancel() // the context of the start is not that of the life
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := s.Stop(t.Context()); err != nil {
					t.Error(err)
				}
				if n := running.Load(); n != 0 {
					t.Errorf("%d run after Stop", n)
				}
			})
		}
		all.Wait()
		if n := begun.Load(); n > round+1 {
			t.Errorf("%d ran in %d rounds", n, round+1)
		}
	}
}

// recorded writes down what happens to it.
type recorded struct {
	name string
	log  *[]string
	fail error
}

func (r recorded) Start(context.Context) error {
	*r.log = append(*r.log, "+"+r.name)
	return r.fail
}

func (r recorded) Stop(context.Context) error {
	*r.log = append(*r.log, "-"+r.name)
	if r.name == "b" {
		return errors.New("b would not stop")
	}
	return nil
}

func TestAGroupStopsInTheReverseOrder(t *testing.T) {
	t.Parallel()
	var log []string
	var g lifecycle.Group
	failure := errors.New("no port")
	err := g.Start(t.Context(), recorded{"a", &log, nil}, recorded{"b", &log, nil}, recorded{"c", &log, failure},
		recorded{"d", &log, nil})
	if !errors.Is(err, failure) {
		t.Errorf("the failure of c is told as %v", err)
	}
	if err := g.Stop(t.Context()); err == nil || !strings.Contains(err.Error(), "b would not stop") {
		t.Errorf("the failure of b is told as %v", err)
	}
	if err := g.Stop(t.Context()); err != nil {
		t.Errorf("stopped again: %v", err)
	}
	if err := g.Start(t.Context(), recorded{"e", &log, nil}); !errors.Is(err, lifecycle.ErrStopped) {
		t.Errorf("started after the end: %v", err)
	}
	if want := []string{"+a", "+b", "+c", "-c", "-b", "-a"}; !slices.Equal(log, want) {
		t.Errorf("%v, want %v", log, want)
	}
}

func TestWhatIsGivenBackIsGivenBackOnce(t *testing.T) {
	t.Parallel()
	n := 0
	s := lifecycle.OnStop(func(context.Context) error { n++; return nil })
	var g lifecycle.Group
	if err := g.Start(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := errors.Join(g.Stop(t.Context()), s.Stop(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	if n != 1 {
		t.Errorf("given back %d times", n)
	}
}
