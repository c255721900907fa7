package delta_test

import (
	"context"
	"net/http/httptest"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/server/identity"
)

// callers says whose the next stream is.
type callers struct {
	mu  sync.Mutex
	who identity.Identity
}

func (c *callers) get() identity.Identity { c.mu.Lock(); defer c.mu.Unlock(); return c.who }
func (c *callers) set(i identity.Identity) {
	c.mu.Lock()
	c.who = i
	c.mu.Unlock()
}

// streams opens watches of several callers on one server.
func (d *desk) streams() (open func(identity.Identity) *connect.ServerStreamForClient[syncv1.WatchResponse]) {
	now := &callers{}
	_, handler := syncv1connect.NewSyncServiceHandler(d.Service, connect.WithInterceptors(as(now.get)))
	server := httptest.NewServer(handler)
	d.t.Cleanup(func() { d.Hub.Close(); server.Close() })
	client := syncv1connect.NewSyncServiceClient(server.Client(), server.URL)
	return func(i identity.Identity) *connect.ServerStreamForClient[syncv1.WatchResponse] {
		now.set(i)
		s, err := client.Watch(d.t.Context(), connect.NewRequest(&syncv1.WatchRequest{}))
		if err != nil {
			d.t.Fatal(err)
		}
		d.t.Cleanup(func() { _ = s.Close() })
		s.Receive() // until the server has decided, so that the next is somebody else's
		return s
	}
}

func TestADeviceHoldsAFewWatchesAndItsNewestAlwaysStands(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.MaxWatches = 1000
	watch := d.streams()
	var all []*connect.ServerStreamForClient[syncv1.WatchResponse]
	for i := range 40 {
		s := watch(d.who)
		if s.Msg() == nil || s.Err() != nil {
			t.Fatalf("watch %d was refused, though its phone may have lost the others: %v", i, s.Err())
		}
		all = append(all, s)
		if len(all) > 4 {
			// The oldest ends by itself and is told when to come back.
			old := all[len(all)-5]
			for old.Msg().GetGoodbye() == nil {
				if !old.Receive() {
					t.Fatalf("watch %d ended without a word: %v", i, old.Err())
				}
			}
			if g := old.Msg().GetGoodbye(); g.GetCode() != "" || g.GetRetryAfterMs() < 10_000 {
				t.Errorf("an old watch was told %v", g)
			}
			old.Receive() // its end
		}
	}
	if _, mine := d.Watches(d.who); mine != 4 {
		t.Errorf("the device holds %d watches, want 4", mine)
	}
	d.count()
	last := all[len(all)-1]
	for last.Msg().GetPoke() == nil {
		if !last.Receive() {
			t.Fatal("the newest watch ended: ", last.Err())
		}
	}
}

func TestWatchesOpenedAtOnceAreCountedEachByTheirDevice(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.MaxWatches = 1000
	_, handler := syncv1connect.NewSyncServiceHandler(d.Service,
		connect.WithInterceptors(as(func() identity.Identity { return d.who })))
	server := httptest.NewServer(handler)
	t.Cleanup(func() { d.Hub.Close(); server.Close() })
	client := syncv1connect.NewSyncServiceClient(server.Client(), server.URL)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var opening sync.WaitGroup
	for range 100 {
		opening.Go(func() {
			s, err := client.Watch(ctx, connect.NewRequest(&syncv1.WatchRequest{}))
			if err == nil {
				s.Receive() // admitted or refused
			}
		})
	}
	opening.Wait()
	if _, mine := d.Watches(d.who); mine > 4 {
		t.Errorf("the device holds %d watches, want 4 at most", mine)
	}
}

func TestOneCompanyLeavesPlacesForOthersAndOneUserForColleagues(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.MaxWatches = 40
	watch := d.streams()
	someone := func(org, user uuid.UUID) identity.Identity {
		i := d.who
		i.Org, i.User, i.Device = org, user, uuid.New()
		return i
	}
	greedy, user := uuid.New(), uuid.New()
	for range 30 { // each from another device
		watch(someone(greedy, user))
	}
	admitted := 0
	for range 40 {
		if s := watch(someone(greedy, uuid.New())); s.Err() == nil {
			admitted++
		}
	}
	if admitted == 0 || admitted > 36-16 {
		t.Errorf("%d more of the company were let in, want 1 to 20: its one user holds 16, and the last tenth is for others",
			admitted)
	}
	for i := range 2 {
		if s := watch(someone(uuid.New(), uuid.New())); s.Err() != nil {
			t.Errorf("another company's watch %d: %v", i, s.Err())
		}
	}
}
