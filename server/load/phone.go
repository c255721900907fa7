package load

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

const (
	firstWait = time.Second
	lastWait  = time.Minute
	// silence is after how long a watch without any message is given up.
	silence = 60 * time.Second
	// callTimeout bounds one call.
	callTimeout = 30 * time.Second
)

// Phone is one light phone. Trades see who it is; the rest is the run's.
type Phone struct {
	// N counts the phones of a run from 0.
	N     int
	Login Login

	run     *run
	http    *http.Client
	tokens  *tokens
	pulls   *connect.Client[syncv1.PullRequest, page]
	watches *connect.Client[syncv1.WatchRequest, event]
	syncs   syncv1connect.SyncServiceClient

	pulling sync.Mutex
	cursor  []byte
	lastSeq uint64
	held    map[string]feedPart // of the first sync, until its checkpoint
	first   bool                // the first sync is done

	pushing sync.Mutex
	next    uint64 // number of the next mutation; 0 until the first checkpoint said it

	waiting sync.Mutex
	own     map[uint64]Mark // pushed, and not yet covered by a checkpoint
}

func newPhone(r *run, n int, login Login) *Phone {
	p := &Phone{N: n, Login: login, run: r, held: map[string]feedPart{}, own: map[uint64]Mark{}}
	p.http = r.transport()
	p.tokens = &tokens{login: login, url: r.config.URL, http: p.http}
	options := []connect.ClientOption{
		connect.WithInterceptors(p.tokens), acceptZstd(), connect.WithSendGzip(), connect.WithCompressMinBytes(1 << 10),
		connect.WithReadMaxBytes(16 << 20),
	}
	p.syncs = syncv1connect.NewSyncServiceClient(p.http, r.config.URL, options...)
	own := append(options, connect.WithCodec(codec{keep: r.config.Trade.Keep}))
	p.pulls = connect.NewClient[syncv1.PullRequest, page](p.http, r.config.URL+syncv1connect.SyncServicePullProcedure,
		own...)
	own = append(own, connect.WithSendCompression("identity")) // a stream opened with gzip is answered with gzip
	p.watches = connect.NewClient[syncv1.WatchRequest, event](p.http, r.config.URL+syncv1connect.SyncServiceWatchProcedure,
		own...)
	return p
}

// sync pulls to a checkpoint. at is when it was wanted; the first round counts as a first sync.
func (p *Phone) sync(ctx context.Context, at time.Time) error {
	p.pulling.Lock()
	defer p.pulling.Unlock()
	t := p.run.tally
	for {
		call, cancel := context.WithTimeout(ctx, callTimeout)
		res, err := p.pulls.CallUnary(call,
			connect.NewRequest(&syncv1.PullRequest{Cursor: p.cursor, MaxBytes: p.run.config.PageBytes, Packed: true}))
		cancel()
		if err != nil {
			return err
		}
		t.pulls.Add(1)
		now := time.Now()
		p.take(res.Msg, now)
		if !res.Msg.final {
			continue
		}
		if p.first {
			t.pull.add(now.Sub(at))
			return nil
		}
		p.first, p.held = true, nil
		t.firstSync.add(now.Sub(at))
		t.synced.Add(1)
		return nil
	}
}

// carried takes the page that a poke carries, if it goes on from the cursor that this phone holds.
func (p *Phone) carried(e *event) bool {
	if e.page == nil || !e.page.final || !p.pulling.TryLock() {
		return false
	}
	defer p.pulling.Unlock()
	if sum := sha256.Sum256(p.cursor); !bytes.Equal(e.after, sum[:8]) {
		return bytes.Equal(e.page.cursor, p.cursor)
	}
	p.run.tally.carried.Add(1)
	p.take(e.page, time.Now())
	return true
}

// take does what a phone does with a page, but for keeping it.
func (p *Phone) take(g *page, now time.Time) {
	t := p.run.tally
	t.entries.Add(int64(g.count))
	if len(g.cursor) > 0 {
		p.cursor = g.cursor
	}
	if !p.first {
		for _, f := range g.feeds {
			h := p.held[f.feed]
			if f.reset {
				h = feedPart{}
			}
			h.live, h.digest = h.live+f.live, h.digest+f.digest
			p.held[f.feed] = h
		}
	}
	for _, e := range g.entries {
		if mark, ok := p.run.config.Trade.Arrive(p, e); ok {
			p.run.changes.arrived(mark, now)
		}
	}
	if !g.final {
		return
	}
	if !p.first {
		for _, h := range g.heads {
			if got := p.held[h.feed]; got.live != h.live || got.digest != h.digest {
				t.digests.Add(1)
			}
		}
	}
	p.cover(g.lastSeq, now)
}

// cover notes that a checkpoint covers the phone's own mutations up to last.
func (p *Phone) cover(last uint64, now time.Time) {
	p.waiting.Lock()
	defer p.waiting.Unlock()
	for ; p.lastSeq < last; p.lastSeq++ {
		if mark, ok := p.own[p.lastSeq+1]; ok {
			delete(p.own, p.lastSeq+1)
			p.run.changes.arrived(mark, now)
		}
	}
}

// sequence is the number after the last one that the server knows.
func (p *Phone) sequence() uint64 {
	p.waiting.Lock()
	defer p.waiting.Unlock()
	return p.lastSeq + 1
}

// Mutation is one thing that a trade lets a phone do.
type Mutation struct {
	Kind string
	Args []byte
	// Mark names the change as Arrive will; zero: it has arrived when a checkpoint of the pushing phone covers it.
	Mark Mark
	// Witnesses is how many phones will see it; 0 with a zero Mark.
	Witnesses int
}

// push does the mutations in one call. due is when they were to be done: a server that falls behind is measured
// from then.
func (p *Phone) push(ctx context.Context, due time.Time, list []Mutation) error {
	p.pushing.Lock()
	defer p.pushing.Unlock()
	if p.next == 0 {
		p.next = p.sequence()
	}
	req, ids := &syncv1.PushRequest{}, make([]Mark, len(list))
	now := timestamppb.Now()
	for i, m := range list {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		seq := p.next + uint64(i)
		req.Mutations = append(req.Mutations,
			&syncv1.Mutation{Sequence: seq, Id: id[:], Kind: m.Kind, Args: m.Args, DeviceTime: now})
		if ids[i] = m.Mark; m.Mark != (Mark{}) {
			p.run.changes.send(m.Mark, due, m.Witnesses)
			continue
		}
		ids[i] = id
		p.waiting.Lock()
		p.own[seq] = id
		p.waiting.Unlock()
		p.run.changes.send(id, due, 1)
	}
	res, err := p.send(ctx, req)
	if err != nil {
		return err
	}
	p.next += uint64(len(list))
	for i, v := range res.Msg.Verdicts {
		outcome := change.Outcome(v.Outcome)
		p.run.tally.verdict(outcome.String(), v.Code)
		if outcome == change.Rejected || outcome == change.Parked {
			p.run.changes.refused(ids[i])
		}
	}
	p.run.tally.mutations.Add(int64(len(list)))
	return nil
}

// send repeats the same mutations until they have their verdicts, as every phone must.
func (p *Phone) send(ctx context.Context, req *syncv1.PushRequest) (*connect.Response[syncv1.PushResponse], error) {
	wait := firstWait
	for {
		begin := time.Now()
		call, cancel := context.WithTimeout(ctx, callTimeout)
		res, err := p.syncs.Push(call, connect.NewRequest(req))
		cancel()
		if err == nil {
			p.run.tally.pushes.Add(1)
			p.run.tally.push.add(time.Since(begin))
			return res, nil
		}
		if err := p.pause(ctx, err, &wait); err != nil {
			return nil, err
		}
	}
}

// pause counts an error and waits as a phone does before it tries again; it returns an error when it must not,
// or when the run is over.
func (p *Phone) pause(ctx context.Context, err error, wait *time.Duration) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	after := p.run.tally.failed(err)
	if final(err) {
		return err
	}
	p.run.tally.retries.Add(1)
	if after == 0 {
		after = *wait - time.Duration(rand.Float64()*float64(*wait)/2)
		*wait = min(2**wait, lastWait)
	}
	return sleep(ctx, after)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// live is the phone's day: sync, watch, sync when poked, come back after a cut; until ctx ends or it must not
// come back. arrived is when the phone wanted its first sync.
func (p *Phone) live(ctx context.Context, arrived time.Time) error {
	defer p.http.CloseIdleConnections()
	wait, at := firstWait, arrived
	for {
		err := p.sync(ctx, at)
		if err == nil {
			var after time.Duration
			if after, err = p.watch(ctx, &wait); err == nil {
				err = sleep(ctx, after)
			}
			if p.first {
				at = time.Now()
			}
		}
		if err != nil {
			if err := p.pause(ctx, err, &wait); err != nil {
				return err
			}
			if p.first {
				at = time.Now()
			}
		}
	}
}

// watch opens a watch and pulls when it is poked. It returns how long the server asked to stay away when the
// stream ended in good order.
func (p *Phone) watch(ctx context.Context, wait *time.Duration) (time.Duration, error) {
	open, cancel := context.WithCancel(ctx)
	defer cancel()
	begin := time.Now()
	p.pulling.Lock()
	cursor := p.cursor
	p.pulling.Unlock()
	stream, err := p.watches.CallServerStream(open, connect.NewRequest(&syncv1.WatchRequest{Cursor: cursor, Carry: true}))
	if err != nil {
		return 0, offline.Refused(ctx, err)
	}
	defer stream.Close() // what ended it is stream.Err
	quiet := time.AfterFunc(silence, cancel)
	defer quiet.Stop()
	stood := false
	defer func() {
		if stood {
			p.run.tally.watching.Add(-1)
		}
	}()
	for stream.Receive() {
		quiet.Reset(silence)
		if !stood {
			stood, *wait = true, firstWait
			p.run.tally.connect.add(time.Since(begin))
			p.run.tally.watching.Add(1)
		}
		m := stream.Msg()
		if g := m.goodbye; g != nil {
			if g.Code != "" {
				return 0, fault.New(fault.Code(g.Code), "")
			}
			return time.Duration(g.RetryAfterMs) * time.Millisecond, nil
		}
		if m.poke && !p.carried(m) {
			if err := p.sync(ctx, time.Now()); err != nil {
				return 0, err
			}
		}
	}
	if stood && ctx.Err() == nil {
		p.run.tally.cuts.Add(1)
	}
	if err := stream.Err(); err != nil {
		return 0, offline.Refused(ctx, err)
	}
	return 0, fault.Wrap(errors.New("the watch ended without a goodbye"), fault.NoNetwork, "")
}

// String names the phone in messages.
func (p *Phone) String() string { return fmt.Sprintf("phone %d", p.N) }
