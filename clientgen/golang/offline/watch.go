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
// on the device at once, also by other programs on the same folder, and comes back after a cut with waits that double
// from a second to a minute. hear is called from one goroutine at a time. topics are watched besides the feeds.
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
func (c *Client) live(
	ctx context.Context, topics []string, hear func(Event),
) (stood bool, after time.Duration, err error) {
	if err := c.syncAndTell(ctx, hear); err != nil {
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
	streaming, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.Watch(streaming,
		connect.NewRequest(&syncv1.WatchRequest{Cursor: state.cursor, Topics: topics, Carry: true}))
	if err != nil {
		return false, 0, Refused(ctx, err)
	}
	w := &watch{
		client: c, topics: topics, hear: hear,
		messages: make(chan *syncv1.WatchResponse), ended: make(chan error, 1), quiet: time.NewTimer(silence),
	}
	go w.receive(streaming, stream)
	defer func() {
		cancel()
		for range w.messages { // until the reader has gone
		}
		w.quiet.Stop()
		if w.stood {
			hear(Event{Connected: new(false)})
		}
	}()
	for {
		end, after, err := w.next(ctx)
		if end || err != nil {
			return w.stood, after, err
		}
	}
}

// watch is one stream of the Watch call.
type watch struct {
	client   *Client
	topics   []string
	hear     func(Event)
	messages chan *syncv1.WatchResponse // closed when the stream has ended
	ended    chan error                 // why it ended
	quiet    *time.Timer                // fires after silence
	stood    bool                       // a message came
	missed   int                        // how many carried pages in turn could not be taken
}

// receive passes the messages on until the stream ends.
func (w *watch) receive(ctx context.Context, stream *connect.ServerStreamForClient[syncv1.WatchResponse]) {
	defer close(w.messages)
	for stream.Receive() {
		select {
		case w.messages <- stream.Msg():
		case <-ctx.Done():
		}
	}
	w.ended <- errors.Join(stream.Err(), ignoreEnd(stream.Close()))
}

// next handles what happens next. end says that the watch is over; after is as in live.
func (w *watch) next(ctx context.Context) (end bool, after time.Duration, err error) {
	select {
	case <-ctx.Done():
		return true, 0, ctx.Err()
	case <-w.quiet.C:
		return true, 0, fault.New(fault.NoNetwork, "")
	case <-w.client.Store.Woken():
		err := w.client.syncAndTell(ctx, w.hear)
		w.quiet.Reset(silence) // large files may have taken longer; messages that came meanwhile are still to be read
		return false, 0, err
	case m, ok := <-w.messages:
		if !ok {
			return true, 0, w.over(ctx)
		}
		return w.message(ctx, m)
	}
}

// over is called when the stream has ended. A round of sync renews the token, or hands in and wipes.
func (w *watch) over(ctx context.Context) error {
	err := Refused(ctx, <-w.ended)
	if code := CodeOf(err); code == fault.TokenExpired || code == fault.DeviceRevoked {
		return w.client.syncAndTell(ctx, w.hear)
	}
	return err
}

// message handles one message of the server. Each says that the connection stands, keepalives say nothing else.
func (w *watch) message(ctx context.Context, m *syncv1.WatchResponse) (end bool, after time.Duration, err error) {
	if !w.stood {
		w.stood = true
		w.hear(Event{Connected: new(true)})
	}
	w.quiet.Reset(silence)
	if g := m.GetGoodbye(); g != nil {
		if g.Code != "" {
			return true, 0, w.client.syncAndTell(ctx, w.hear)
		}
		return true, max(time.Duration(g.RetryAfterMs)*time.Millisecond, time.Millisecond), nil
	}
	if p := m.GetPoke(); p != nil {
		return w.poke(ctx, p)
	}
	return false, 0, nil
}

// poke tells of topics that changed, and takes the page that the poke carries or pulls. After strayed pages in turn
// that did not fit it ends the watch: the next one says anew what the device holds.
func (w *watch) poke(ctx context.Context, p *syncv1.Poke) (end bool, after time.Duration, err error) {
	if heard := intersect(w.topics, p.Feeds); len(heard) > 0 {
		w.hear(Event{Topics: heard})
	}
	taken, err := w.client.carried(ctx, p, w.hear)
	if err != nil {
		return true, 0, err
	}
	if taken {
		w.missed = 0
		return false, 0, nil
	}
	if err := w.client.syncAndTell(ctx, w.hear); err != nil {
		return true, 0, err
	}
	if p.Page != nil {
		w.missed++
	}
	if w.missed == strayed {
		return true, time.Millisecond, nil
	}
	w.quiet.Reset(silence)
	return false, 0, nil
}

// filesAgain is when files that the server or its store could not take in are offered again, if nothing else
// happens before.
const filesAgain = 10 * time.Second

// syncAndTell does a round of sync and tells the application of it.
func (c *Client) syncAndTell(ctx context.Context, hear func(Event)) error {
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
