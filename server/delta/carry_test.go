package delta_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/synctest"
)

// stream is a watch that the desk's device holds over a wire.
type stream struct {
	*connect.ServerStreamForClient[syncv1.WatchResponse]
	t *testing.T
}

// watch opens one and takes its first message, a heartbeat.
func (d *desk) watch(req *syncv1.WatchRequest) *stream {
	d.t.Helper()
	known := connect.WithInterceptors(as(func() identity.Identity { return d.who }))
	_, handler := syncv1connect.NewSyncServiceHandler(d.Service, known)
	server := httptest.NewServer(handler)
	d.t.Cleanup(func() { d.Hub.Close(); server.Close() })
	s, err := syncv1connect.NewSyncServiceClient(server.Client(), server.URL).Watch(d.t.Context(), connect.NewRequest(req))
	if err != nil {
		d.t.Fatal(err)
	}
	w := &stream{s, d.t}
	if m := w.next(); m.GetHeartbeat() == nil {
		d.t.Fatalf("first came %v", m)
	}
	return w
}

func (s *stream) next() *syncv1.WatchResponse {
	s.t.Helper()
	if !s.Receive() {
		s.t.Fatal("the watch ended: ", s.Err())
	}
	return s.Msg()
}

func (s *stream) poke() *syncv1.Poke {
	s.t.Helper()
	m := s.next()
	if m.GetPoke() == nil {
		s.t.Fatalf("no poke: %v", m)
	}
	return m.GetPoke()
}

// as is an interceptor that lets every call be one's.
type as func() identity.Identity

func (a as) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc { return next }

func (a as) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (a as) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, c connect.StreamingHandlerConn) error {
		return next(identity.With(ctx, a()), c)
	}
}

// count counts the desk's item up, which changes its feed.
func (d *desk) count() {
	d.t.Helper()
	d.office(func(ctx context.Context, tx *postgres.Tx) error {
		return synctest.Change(ctx, d.trade, tx, d.item, func(i *synctest.Item) { i.Count++ })
	})
}

func sameName(after, cursor []byte) bool {
	sum := sha256.Sum256(cursor)
	return bytes.Equal(after, sum[:8])
}

func TestAPokeCarriesWhatThePullWouldAnswer(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.who.Until = time.Now().Add(time.Hour)
	cursor := d.pull(&syncv1.PullRequest{}).Cursor
	w := d.watch(&syncv1.WatchRequest{Cursor: cursor, Carry: true})
	for range 3 {
		d.count()
		poke := w.poke()
		if poke.Page == nil || !sameName(poke.After, cursor) {
			t.Fatalf("%v does not go on from what the phone holds", poke)
		}
		page, err := feed.Read(t.Context(), d.Store, d.request(cursor))
		if err != nil {
			t.Fatal(err)
		}
		asked := poke.Page
		if e := asked.Feeds[0].Entries; len(asked.Feeds) != 1 || len(e) != 1 ||
			!bytes.Equal(e[0].Body, page.Deltas[0].Entries[0].Body) ||
			e[0].Sequence != uint64(page.Deltas[0].Entries[0].Seq) || !bytes.Equal(asked.Cursor, page.Cursor.Encode()) ||
			asked.Checkpoint.GetFeeds()[0].Digest != uint64(page.Heads[0].Digest) {
			t.Fatalf("carried %v, to be read is %+v", asked, page)
		}
		cursor = poke.Page.Cursor
	}
	// What the phone pulls by itself the server learns.
	if _, err := d.push(d.mutation(1, "add")); err != nil {
		t.Fatal(err)
	}
	pulled := d.pull(&syncv1.PullRequest{Cursor: cursor})
	if first := w.poke(); !sameName(first.After, cursor) && len(first.GetPage().GetCursor()) != 0 {
		t.Errorf("after a pull of its own the phone was sent %v", first)
	}
	d.count()
	if next := w.poke(); !sameName(next.After, pulled.Cursor) {
		t.Errorf("%v does not go on from what the phone pulled", next)
	}
}

func (d *desk) request(cursor []byte) feed.Request {
	d.t.Helper()
	c, err := change.DecodeCursor(cursor)
	if err != nil {
		d.t.Fatal(err)
	}
	return feed.Request{
		Org: change.Org(d.who.Org), Device: change.Device(d.who.Device), User: change.User(d.who.User),
		Cursor: c,
	}
}

func TestAPokeCarriesNothingThatIsLargeOrForWhomNobodyAsked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		carry bool
		until time.Duration
		bytes int
		want  bool
	}{
		"asked for":              {true, time.Hour, 100, true},
		"not asked for":          {false, time.Hour, 100, false},
		"after the token's time": {true, -time.Second, 100, false},
		"more than a page":       {true, time.Hour, 20 << 10, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			d.who.Until = time.Now().Add(c.until)
			cursor := d.pull(&syncv1.PullRequest{}).Cursor
			w := d.watch(&syncv1.WatchRequest{Cursor: cursor, Carry: c.carry})
			for range 2 { // two entries: one alone is a page, however large
				d.office(func(_ context.Context, tx *postgres.Tx) error {
					in := feed.Placement{Feed: synctest.FeedOf(d.who.User), Body: make([]byte, c.bytes)}
					tx.Place(synctest.ItemKind, uuid.New(), in)
					tx.Place(synctest.ItemKind, uuid.New(), in)
					return nil
				})
				if poke := w.poke(); (poke.Page != nil) != c.want {
					t.Fatalf("carried: %v", poke.Page != nil)
				}
			}
		})
	}
}

func TestADeviceThatMayReadNoLongerIsCarriedNothingEvenIfNobodyToldTheWatch(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.who.Until = time.Now().Add(time.Hour)
	var mu sync.Mutex
	gone := false
	d.revoke(func() (bool, error) {
		mu.Lock()
		defer mu.Unlock()
		return gone, nil
	})
	d.Store.MayRead = func(_ context.Context, _ *postgres.Tx, devices []change.Device) (map[change.Device]bool, error) {
		mu.Lock()
		defer mu.Unlock()
		return map[change.Device]bool{devices[0]: !gone}, nil
	}
	cursor := d.pull(&syncv1.PullRequest{}).Cursor
	w := d.watch(&syncv1.WatchRequest{Cursor: cursor, Carry: true})
	d.count()
	if w.poke().Page == nil {
		t.Fatal("nothing was carried")
	}
	mu.Lock()
	gone = true
	mu.Unlock()
	d.count()
	if g := w.next().GetGoodbye(); g.GetCode() != string(fault.DeviceRevoked) {
		t.Errorf("got %v", w.Msg())
	}
}
