package day

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/internal/s3test"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
)

func TestThreeReplicasAreOneServer(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	database := db.URL
	a := install(t, db.OwnerURL, s3test.New(t))
	a.env = append(a.env, "DOORSTEP_DRAIN_DELAY=500ms")
	b := a.beside(database)
	cable, address := through(t, database)
	c := a.beside(address)
	s := open(t, a, db.OwnerURL, a, b, c)
	s.prober.CallTimeout = 20 * time.Second

	// A rolling restart, while people work.
	for _, r := range []*installation{b, c, a} {
		s.order(len(s.hands))
		var office sync.WaitGroup
		office.Go(func() { s.assign(t.Context()) })
		gone := make(chan struct{})
		office.Go(func() { s.callsAreServed(gone) })
		r.drain()
		s.inRotation(2)
		close(gone)
		r.serve()
		s.inRotation(3)
		office.Wait()
		s.settled()
	}

	// A replica whose database is out of reach says so, sends its phones away, and comes back by itself.
	told := s.watchAt(c, 30)
	s.order(len(s.hands))
	cable.Stall()
	s.inRotation(2)
	s.assign(t.Context())
	waits := told()
	slices.Sort(waits)
	if waits[0] <= 0 || waits[0] == waits[len(waits)-1] {
		t.Errorf("phones were told to come back after %v", waits)
	}
	t.Logf("%d phones were told to come back after %v to %v, half of them after %v",
		len(waits), waits[0], waits[len(waits)-1], waits[len(waits)/2])
	for _, h := range s.hands {
		h.note() // wherever their phones were
	}
	s.settled()
	cable.Flow()
	s.inRotation(3)
	s.account()
}

// callsAreServed makes calls until a while after gone, and holds the servers to it that none is refused for good.
func (s *storm) callsAreServed(gone <-chan struct{}) {
	s.t.Helper()
	calls, again := 0, 0
	for left := 20; left > 0; calls++ {
		select {
		case <-gone:
			left--
		default:
		}
		r, err := s.prober.Sync(s.t.Context())
		for try := 1; err != nil; try++ {
			if try == 5 {
				s.t.Errorf("a call was refused for good with servers in rotation: %v", err)
				return
			}
			again++
			r, err = s.prober.Sync(s.t.Context())
		}
		s.prober.noReset(r)
	}
	s.t.Logf("a replica went: of %d calls %d had to be made again", calls, again)
}

// watchAt holds n watches at one replica. The result waits until the server has ended them in good order, and returns
// after how long each was told to come back.
func (s *storm) watchAt(r *installation, n int) func() []time.Duration {
	s.t.Helper()
	transport := &http.Transport{}
	s.t.Cleanup(transport.CloseIdleConnections)
	client := syncv1connect.NewSyncServiceClient(&http.Client{Transport: transport}, r.url(), s.prober.Options()...)
	var streams []*connect.ServerStreamForClient[syncv1.WatchResponse]
	for range n {
		stream, err := client.Watch(s.t.Context(), connect.NewRequest(&syncv1.WatchRequest{}))
		s.must(err)
		if !stream.Receive() {
			s.t.Fatalf("a watch ends at once: %v", stream.Err())
		}
		streams = append(streams, stream)
	}
	return func() (waits []time.Duration) {
		for _, stream := range streams {
			for stream.Receive() {
				if g := stream.Msg().GetGoodbye(); g != nil {
					waits = append(waits, time.Duration(g.GetRetryAfterMs())*time.Millisecond)
				}
			}
			_ = stream.Close() // it has ended
		}
		if len(waits) != n {
			s.t.Fatalf("of %d watches %d ended in good order", n, len(waits))
		}
		return waits
	}
}
