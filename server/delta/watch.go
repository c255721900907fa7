package delta

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/rpc"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/watch"
)

var heartbeat = &syncv1.WatchResponse{Event: &syncv1.WatchResponse_Heartbeat{Heartbeat: &syncv1.Heartbeat{}}}

// watching is one open watch. Its goroutine only waits: whatever goes deep is done aside, see rpc.Aside.
type watching struct {
	*Service
	who identity.Identity
	// place is who holds this watch's place among all: read by others' watches, so it never changes.
	place holder
	sub   *watch.Subscription
	extra []watch.Topic
	// carries: the device takes pages with its pokes.
	carries bool
	// displaced: a newer watch of the same caller took the place of this one.
	displaced atomic.Bool
}

// Watch implements SyncService. It listens first and reads the heads then, so that nothing falls between.
func (s *Service) Watch(
	ctx context.Context, req *connect.Request[syncv1.WatchRequest], stream *connect.ServerStream[syncv1.WatchResponse],
) error {
	who, err := device(ctx)
	if err != nil {
		return err
	}
	w := &watching{Service: s, sub: s.Hub.Subscribe(), who: who, place: holder{sessionOf{who.Org, who.User}, who.Device}}
	defer w.sub.Close()
	if err := s.shares.admit(w, s.MaxWatches); err != nil {
		return err
	}
	defer s.shares.leave(w)
	if _, err := rpc.Aside(func() (bool, error) {
		first, err := w.open(ctx, req.Msg)
		if err != nil {
			return false, err
		}
		return true, stream.Send(first)
	}); err != nil {
		return err
	}
	if w.carries = req.Msg.Carry; w.carries {
		defer s.carried.begin(carrier{change.Org(w.who.Org), change.Device(w.who.Device)}, req.Msg.Cursor, w.who.Until)()
	}
	req.Msg = nil // it would stay in memory as long as the watch
	return w.serve(ctx, stream)
}

// open finds out whom and what to listen for and gives the first message.
func (w *watching) open(ctx context.Context, req *syncv1.WatchRequest) (*syncv1.WatchResponse, error) {
	who, err := w.reader(ctx)
	if err != nil {
		return nil, err
	}
	cursor, err := change.DecodeCursor(req.Cursor)
	if err != nil {
		return nil, err
	}
	if w.Contacts != nil {
		w.Contacts.Watched(change.Org(who.Org), change.Device(who.Device), req.Cursor)
	}
	w.who = who
	for _, name := range req.Topics {
		if w.access.MayHear(ctx, who, name) {
			w.extra = append(w.extra, watch.Topic{Org: change.Org(who.Org), Name: name})
		}
	}
	behind, err := w.follow(ctx, cursor)
	if err != nil {
		return nil, err
	}
	if len(behind) > 0 {
		return pokeOf(behind), nil
	}
	return heartbeat, nil
}

// serve sends pokes and heartbeats until somebody ends the watch. One timer serves for both heartbeat and age.
func (w *watching) serve(ctx context.Context, stream *connect.ServerStream[syncv1.WatchResponse]) error {
	age := jittered(w.MaxAge)
	timer := time.NewTimer(min(age, w.Heartbeat))
	defer timer.Stop()
	for begin := time.Now(); ; {
		beat := false
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			beat = true
		case <-w.sub.Woken():
		}
		left := age - time.Since(begin)
		sent, err := rpc.Aside(func() (answer, error) {
			msg, last := w.next(ctx, beat, left <= 0)
			if msg == nil {
				return nothing, nil
			}
			if err := stream.Send(msg); err != nil || last {
				return ended, err
			}
			return told, nil
		})
		switch {
		case err != nil || sent == ended:
			return err
		case sent == told:
			timer.Reset(min(left, w.Heartbeat))
		}
	}
}

// answer is what was done about a wake-up.
type answer int

const (
	nothing answer = iota
	told
	ended
)

// next is what to send now, if anything, and whether it is the last.
func (w *watching) next(ctx context.Context, beat, old bool) (msg *syncv1.WatchResponse, last bool) {
	if beat {
		if old {
			return goodbye(jittered(2*time.Second), ""), true
		}
		return heartbeat, false
	}
	dirty, gone, code := w.sub.Take()
	switch {
	case gone && code == "" && w.displaced.Load():
		return goodbye(jittered(displacedWait), ""), true
	case gone && code == "":
		return w.elsewhere(), true
	case gone:
		return goodbye(0, code), true
	case len(dirty) == 0:
		return nil, false
	}
	if slices.Contains(dirty, postgres.SubscriptionTopic(change.User(w.who.User))) {
		if last := w.rights(ctx); last != nil {
			return last, true
		}
	}
	poke := &syncv1.Poke{Feeds: dirty}
	if w.carries && w.carry(ctx, poke) {
		if last := w.rights(ctx); last != nil {
			return last, true
		}
	}
	return &syncv1.WatchResponse{Event: &syncv1.WatchResponse_Poke{Poke: poke}}, false
}

// rights looks anew at what the user follows, and at whether this device may read at all. It gives what to end the
// watch with, or nil.
func (w *watching) rights(ctx context.Context) *syncv1.WatchResponse {
	_, err := w.reader(ctx)
	if err == nil {
		_, err = w.follow(ctx, change.Cursor{})
	}
	switch {
	case err == nil:
		return nil
	case postgres.Transient(err):
		return w.elsewhere() // nothing is known of the device; another replica may know
	}
	return goodbye(0, string(fault.CodeOf(err)))
}

// follow listens for the feeds that the user follows now and says which of them are ahead of the cursor.
func (w *watching) follow(ctx context.Context, cursor change.Cursor) ([]string, error) {
	who, sub := w.who, w.sub
	org, user := change.Org(who.Org), change.User(who.User)
	topics := append([]watch.Topic{{Org: org, Name: postgres.SubscriptionTopic(user)}}, w.extra...)
	// Listen for changes of rights before reading them, and for the feeds before reading their heads.
	sub.Follow(topics...)
	state, err := w.state(ctx, who)
	if err != nil {
		return nil, err
	}
	for _, h := range state.Heads {
		topics = append(topics, watch.Topic{Org: org, Name: h.Feed.String()})
	}
	sub.Follow(topics...)
	if state, err = w.state(ctx, who); err != nil {
		return nil, err
	}
	postgres.LearnRights(sub, org, user, state.Rights)
	var behind []string
	for _, h := range state.Heads {
		sub.Learn(org, h.Feed, h.Seq)
		pos, ok := cursor.Feeds[h.Feed]
		if !ok || pos.Seq != h.Seq || cursor.Generation != state.Generation {
			behind = append(behind, h.Feed.String())
		}
	}
	if len(behind) == 0 && len(cursor.Feeds) != len(state.Heads) {
		behind = append(behind, postgres.SubscriptionTopic(user))
	}
	return behind, nil
}

func (s *Service) state(ctx context.Context, who identity.Identity) (feed.State, error) {
	var state feed.State
	err := s.Store.Snapshot(ctx, change.Org(who.Org), change.Device(who.Device),
		change.User(who.User), func(snap feed.Snapshot) (err error) {
			state, err = snap.State(ctx)
			return err
		})
	return state, err
}

func pokeOf(feeds []string) *syncv1.WatchResponse {
	return &syncv1.WatchResponse{Event: &syncv1.WatchResponse_Poke{Poke: &syncv1.Poke{Feeds: feeds}}}
}

// perPhone is how much longer the phones' coming back is spread for each phone that is connected: 500 a second.
const perPhone = 2 * time.Millisecond

// elsewhere ends a watch that another server, or this one a little later, may serve. When all of a server's phones
// are told so at once, they come back spread over as long as it takes to serve them, a minute at most.
func (s *Service) elsewhere() *syncv1.WatchResponse {
	spread := min(max(time.Second, time.Duration(s.Hub.Connected())*perPhone), time.Minute)
	return goodbye(100*time.Millisecond+time.Duration(rand.Int64N(int64(spread))), "")
}

func goodbye(after time.Duration, code string) *syncv1.WatchResponse {
	return &syncv1.WatchResponse{Event: &syncv1.WatchResponse_Goodbye{Goodbye: &syncv1.Goodbye{
		RetryAfterMs: after.Milliseconds(), Code: code,
	}}}
}
