package offline

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"connectrpc.com/connect"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Event is something that Run wants the application to know.
type Event struct {
	// Report of a round that was done, with its error if it ended early.
	Report *Report
	Err    error
	// Connected says that the watch now stands (true) or fell (false); nil when that did not change.
	Connected *bool
	// Topics that changed and are no feeds, as asked for in Run.
	Topics []string
}

const (
	firstWait = time.Second
	lastWait  = time.Minute
	// silence is after how long a watch without any message is given up.
	silence = 60 * time.Second
)

// Run keeps the store in sync until ctx ends or the login does: it watches, pulls when poked, sends what is done
// on the device at once, also by other programs on the same folder, and comes back after a cut with waits that double from a second to a minute. hear is
// called from one goroutine at a time. topics are watched besides the feeds.
func (c *Client) Run(ctx context.Context, topics []string, hear func(Event)) error {
	others, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { c.Store.watchOthers(others) })
	defer watching.Wait()
	defer stop()
	wait := firstWait
	for ctx.Err() == nil {
		stood, after, err := c.live(ctx, topics, hear)
		switch code := CodeOf(err); {
		case ctx.Err() != nil:
		case code == fault.PhoneOffline:
			// Nothing to do until somebody moves the switch.
			select {
			case <-ctx.Done():
			case <-c.Store.Woken():
			}
			continue
		case code == fault.DeviceRevoked, code == fault.RefreshInvalid, code == fault.NotEnrolled,
			code == fault.StoreLocked, code == fault.StoreDamaged, code == fault.SequenceReused:
			return err // but not on StoreUnusable: a full disk does not stay full
		}
		if stood {
			wait = firstWait
		}
		own := after
		if after == 0 {
			own = c.jitter(wait)
			wait = min(2*wait, lastWait)
		}
		if err := c.pause(ctx, max(after, c.spread(RetryAfter(err))), own); err != nil {
			return ctx.Err()
		}
	}
	return ctx.Err()
}

// live watches once. stood: the watch was up, so that the next waits begin anew. after is how long the server
// asked to wait; 0 when it did not say.
func (c *Client) live(ctx context.Context, topics []string, hear func(Event)) (stood bool, after time.Duration, err error) {
	if err := c.both(ctx, hear); err != nil {
		return false, 0, err
	}
	client, err := c.watching(ctx)
	if err != nil {
		return false, 0, err
	}
	state, err := c.Store.pullState(ctx)
	if err != nil {
		return false, 0, err
	}
	watch, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.Watch(watch, connect.NewRequest(&syncv1.WatchRequest{Cursor: state.cursor, Topics: topics, Carry: true}))
	if err != nil {
		return false, 0, Refused(ctx, err)
	}
	messages := make(chan *syncv1.WatchResponse)
	ended := make(chan error, 1)
	go func() {
		defer close(messages)
		for stream.Receive() {
			select {
			case messages <- stream.Msg():
			case <-watch.Done():
			}
		}
		ended <- errors.Join(stream.Err(), ignoreEnd(stream.Close()))
	}()
	defer func() {
		cancel()
		for range messages { // until the reader has gone
		}
		if stood {
			hear(Event{Connected: new(false)})
		}
	}()
	quiet := time.NewTimer(silence)
	defer quiet.Stop()
	missed := 0
	for {
		select {
		case <-ctx.Done():
			return stood, 0, ctx.Err()
		case <-quiet.C:
			return stood, 0, fault.New(fault.NoNetwork, "")
		case <-c.Store.Woken():
			if err := c.both(ctx, hear); err != nil {
				return stood, 0, err
			}
			quiet.Reset(silence) // a round with large files may have taken longer; what came meanwhile waits to be read
		case m, ok := <-messages:
			if !ok {
				err := <-ended
				if err = Refused(ctx, err); CodeOf(err) == fault.TokenExpired || CodeOf(err) == fault.DeviceRevoked {
					// A round renews the token, or hands in and wipes.
					return stood, 0, c.both(ctx, hear)
				}
				return stood, 0, err
			}
			if !stood {
				stood = true
				hear(Event{Connected: new(true)})
			}
			quiet.Reset(silence)
			if g := m.GetGoodbye(); g != nil {
				if g.Code != "" {
					return stood, 0, c.both(ctx, hear)
				}
				return stood, max(time.Duration(g.RetryAfterMs)*time.Millisecond, time.Millisecond), nil
			}
			if p := m.GetPoke(); p != nil {
				if heard := intersect(topics, p.Feeds); len(heard) > 0 {
					hear(Event{Topics: heard})
				}
				taken, err := c.carried(ctx, p, hear)
				if err != nil {
					return stood, 0, err
				}
				if taken {
					missed = 0
					continue
				}
				if err := c.both(ctx, hear); err != nil {
					return stood, 0, err
				}
				if p.Page != nil {
					missed++
				}
				if missed == strayed {
					return stood, time.Millisecond, nil
				}
				quiet.Reset(silence)
			}
		}
	}
}

// filesAgain is when files that the server or its store could not take in are offered again, if nothing else
// happens before.
const filesAgain = 10 * time.Second

// both does a round and tells of it.
func (c *Client) both(ctx context.Context, hear func(Event)) error {
	r, err := c.Sync(ctx)
	again := r.Verifying > 0 // a poke tells the result, but not that the verification broke off
	switch CodeOf(r.Trouble) {
	case fault.Unavailable, fault.Overloaded, fault.Timeout, fault.StoreUnusable, fault.StoreFull:
		again = true
	}
	if again {
		// The round went through but for files whose time comes by itself: nobody will do or change anything for them.
		if c.offering.CompareAndSwap(false, true) {
			time.AfterFunc(max(c.jitter(filesAgain), RetryAfter(r.Trouble)), func() {
				c.offering.Store(false)
				c.Store.nudge()
			})
		}
	}
	if ctx.Err() == nil {
		hear(Event{Report: &r, Err: err})
	}
	if queueWaits(err) {
		return nil // all but the queue goes on: new jobs come, photos of what has a verdict go
	}
	return err
}

func ignoreEnd(err error) error {
	if connect.CodeOf(err) == connect.CodeCanceled {
		return nil
	}
	return err
}

func intersect(a, b []string) (out []string) {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				out = append(out, x)
			}
		}
	}
	return out
}

// spread adds up to half to what the server asks for, by chance: it tells all its phones the same.
func (c *Client) spread(asked time.Duration) time.Duration {
	return asked + asked/2 - c.jitter(asked/2)
}

// pause waits as long as the server asked, and as long as the own rhythm says. The part of the own rhythm above
// firstWait ends early when there is something new to send: a person who works now should not wait for the end of
// a wait that began in a tunnel.
func (c *Client) pause(ctx context.Context, asked, own time.Duration) error {
	kept := max(asked, min(own, firstWait))
	if err := c.sleep(ctx, kept); err != nil || own <= kept {
		return err
	}
	rest, cancel := context.WithCancel(ctx)
	woken := make(chan struct{})
	go func() {
		defer close(woken)
		defer cancel()
		select {
		case <-c.Store.Woken():
		case <-rest.Done():
		}
	}()
	_ = c.sleep(rest, own-kept) // ctx tells the two ends apart
	cancel()
	<-woken
	return ctx.Err()
}

// jitter takes up to half off d by chance, so that phones do not come back together.
func (c *Client) jitter(d time.Duration) time.Duration {
	random := c.Rand
	if random == nil {
		random = rand.Float64
	}
	return d - time.Duration(random()*float64(d)/2)
}

func (c *Client) sleep(ctx context.Context, d time.Duration) error {
	if c.Sleep != nil {
		return c.Sleep(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
