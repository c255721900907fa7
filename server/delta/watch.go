package delta

import (
	"context"
	"math/rand/v2"
	"time"

	"connectrpc.com/connect"

	"github.com/doorstep-dev/doorstep/internal/fault"
	syncv1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/watch"
)

var heartbeat = &syncv1.WatchResponse{Event: &syncv1.WatchResponse_Heartbeat{Heartbeat: &syncv1.Heartbeat{}}}

// Watch implements SyncService. It listens first and reads the heads then, so that nothing falls between.
func (s *Service) Watch(ctx context.Context, req *connect.Request[syncv1.WatchRequest], stream *connect.ServerStream[syncv1.WatchResponse]) error {
	who, err := s.reader(ctx)
	if err != nil {
		return err
	}
	cursor, err := change.DecodeCursor(req.Msg.Cursor)
	if err != nil {
		return err
	}
	if s.Contacts != nil {
		s.Contacts.Watched(change.Org(who.Org), change.Device(who.Device), req.Msg.Cursor)
	}
	if s.Hub.Connected() >= s.MaxWatches {
		return fault.New(fault.Overloaded, "").After(jittered(20 * time.Second))
	}
	var extra []watch.Topic
	for _, name := range req.Msg.Topics {
		if s.MayHear != nil && s.MayHear(ctx, who, name) {
			extra = append(extra, watch.Topic{Org: change.Org(who.Org), Name: name})
		}
	}
	sub := s.Hub.Subscribe()
	defer sub.Close()
	behind, err := aside(func() ([]string, error) { return s.follow(ctx, who, sub, cursor, extra) })
	if err != nil {
		return err
	}
	first := heartbeat
	if len(behind) > 0 {
		first = pokeOf(behind)
	}
	if err := stream.Send(first); err != nil {
		return err
	}
	return s.serve(ctx, who, sub, extra, stream)
}

// aside runs fn on a goroutine of its own. A watch lives for an hour on its goroutine's stack, and a query to the
// database makes a stack grow four times as deep as waiting for a poke needs.
func aside[T any](fn func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	c := make(chan answer, 1)
	go func() {
		v, err := fn()
		c <- answer{v, err}
	}()
	a := <-c
	return a.value, a.err
}

// serve sends pokes and heartbeats until somebody ends the watch.
func (s *Service) serve(ctx context.Context, who identity.Identity, sub *watch.Subscription, extra []watch.Topic, stream *connect.ServerStream[syncv1.WatchResponse]) error {
	rights := postgres.SubscriptionTopic(change.User(who.User))
	old := time.NewTimer(jittered(s.MaxAge))
	defer old.Stop()
	beat := time.NewTimer(s.Heartbeat)
	defer beat.Stop()
	for {
		msg := heartbeat
		select {
		case <-ctx.Done():
			return nil
		case <-old.C:
			return stream.Send(goodbye(jittered(2*time.Second), ""))
		case <-beat.C:
		case <-sub.Woken():
			dirty, ended, code := sub.Take()
			if ended {
				if code == "" {
					return stream.Send(s.elsewhere())
				}
				return stream.Send(goodbye(0, code))
			}
			if len(dirty) == 0 {
				continue
			}
			for _, name := range dirty {
				if name != rights {
					continue
				}
				// What the user follows has changed, or whether this device may read at all.
				_, err := s.reader(ctx)
				if err == nil {
					_, err = aside(func() ([]string, error) { return s.follow(ctx, who, sub, change.Cursor{}, extra) })
				}
				if err != nil && postgres.Transient(err) {
					return stream.Send(s.elsewhere()) // nothing is known of the device; another replica may know
				}
				if err != nil {
					return stream.Send(goodbye(0, string(fault.CodeOf(err))))
				}
			}
			msg = pokeOf(dirty)
		}
		if err := stream.Send(msg); err != nil {
			return err
		}
		beat.Reset(s.Heartbeat)
	}
}

// follow listens for the feeds that the user follows now and says which of them are ahead of the cursor.
func (s *Service) follow(ctx context.Context, who identity.Identity, sub *watch.Subscription, cursor change.Cursor, extra []watch.Topic) ([]string, error) {
	org, user := change.Org(who.Org), change.User(who.User)
	topics := append([]watch.Topic{{Org: org, Name: postgres.SubscriptionTopic(user)}}, extra...)
	// Listen for changes of rights before reading them, and for the feeds before reading their heads.
	sub.Follow(topics...)
	state, err := s.state(ctx, who)
	if err != nil {
		return nil, err
	}
	for _, h := range state.Heads {
		topics = append(topics, watch.Topic{Org: org, Name: h.Feed.String()})
	}
	sub.Follow(topics...)
	if state, err = s.state(ctx, who); err != nil {
		return nil, err
	}
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
	err := s.Store.Snapshot(ctx, change.Org(who.Org), change.Device(who.Device), change.User(who.User), func(snap feed.Snapshot) (err error) {
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
