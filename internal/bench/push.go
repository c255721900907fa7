package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
)

// body is what each mutation carries and each entry holds: about as much as a visit.
var body = func() []byte {
	b := make([]byte, 400)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}()

// h2c returns a transport with connections of its own, speaking HTTP/2 without TLS.
func h2c() *http.Client {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: &http.Transport{Protocols: p}}
}

// phone pushes and remembers its number.
type phone struct {
	syncv1connect.SyncServiceClient
	seq uint64
}

func (p *phone) push(ctx context.Context, n int) error {
	req := &syncv1.PushRequest{}
	for range n {
		p.seq++
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		req.Mutations = append(req.Mutations, &syncv1.Mutation{
			Sequence: p.seq, Id: id[:], Kind: "bench.touch", Args: body, DeviceTime: timestamppb.Now(),
		})
	}
	res, err := p.Push(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	for _, v := range res.Msg.Verdicts {
		if v.Outcome != syncv1.Outcome_OUTCOME_APPLIED {
			return fmt.Errorf("verdict %s %s", v.Outcome, v.Code)
		}
	}
	return nil
}

// pushers lets clients phones push size mutations a call for b.length and returns the mutations per second.
func (b *bench) pushers(clients, size int) (float64, error) {
	if err := b.forget(); err != nil {
		return 0, err
	}
	h := h2c()
	defer h.CloseIdleConnections()
	ctx, cancel := context.WithCancelCause(b.ctx)
	defer cancel(nil)
	end := time.Now().Add(b.length)
	var mu sync.Mutex
	var done int
	var wg sync.WaitGroup
	for n := range clients {
		c, err := client(b.server.URL, n, h)
		if err != nil {
			return 0, err
		}
		wg.Go(func() {
			p := &phone{SyncServiceClient: c}
			for time.Now().Before(end) {
				if err := p.push(ctx, size); err != nil {
					cancel(err)
					return
				}
			}
			mu.Lock()
			done += int(p.seq)
			mu.Unlock()
		})
	}
	begin := time.Now()
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	return float64(done) / time.Since(begin).Seconds(), nil
}

func (b *bench) push() error {
	for _, clients := range []int{1, 8, 32} {
		ours, theirs, err := b.pairs(
			func() (float64, error) { return b.pushers(clients, 1) },
			func() (float64, error) { return b.pgbench(clients) },
		)
		if err != nil {
			return err
		}
		b.report.ratio(fmt.Sprintf("push, one mutation a call, %d clients", clients), "≥ 0.8 ×", ours, "mutations/s",
			theirs, "pgbench transactions/s, same statements")
	}
	return nil
}

func (b *bench) backlog() error {
	const clients = 8
	ours, theirs, err := b.pairs(
		func() (float64, error) { return b.pushers(clients, 20) },
		func() (float64, error) { return b.pgbench(clients) },
	)
	if err != nil {
		return err
	}
	b.report.ratio("push, backlog of 20 a call, 8 clients", "≥ 3 ×", ours, "mutations/s",
		theirs, "pgbench transactions/s, one mutation each")
	return nil
}

func (b *bench) roundTrip() error {
	h := h2c()
	defer h.CloseIdleConnections()
	c, err := client(b.server.URL, 0, h)
	if err != nil {
		return err
	}
	if err := b.forget(); err != nil {
		return err
	}
	p := &phone{SyncServiceClient: c}
	var took []float64
	for i := range 2200 {
		begin := time.Now()
		if err := p.push(b.ctx, 1); err != nil {
			return err
		}
		if i >= 200 {
			took = append(took, time.Since(begin).Seconds()*1000)
		}
	}
	b.report.spread("one mutation, one phone, round trip", "p50 ≤ 5 ms, p99 ≤ 15 ms", took, "ms")
	return nil
}

// pairs measures two sides in turn, as often as b.rounds says.
func (b *bench) pairs(ours, theirs func() (float64, error)) (a, z []float64, err error) {
	for range b.rounds {
		x, err := ours()
		if err != nil {
			return nil, nil, err
		}
		y, err := theirs()
		if err != nil {
			return nil, nil, err
		}
		a, z = append(a, x), append(z, y)
	}
	return a, z, nil
}
