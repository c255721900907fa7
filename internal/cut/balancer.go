package cut

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// Balancer is a proxy that gives each new connection to the next of its servers that say on /readyz that they are
// ready. Connections that stand stay where they are.
type Balancer struct {
	*Proxy
	mu      sync.Mutex
	servers []*server
	next    int
}

type server struct {
	addr  string
	ready bool
}

// How often servers are asked, and how long an answer may take.
const (
	probeEvery = 50 * time.Millisecond
	probeLimit = 2 * time.Second
)

// Balance returns a balancer for servers at host:port, none of which is in rotation before it has answered.
func Balance(t testing.TB, servers ...string) *Balancer {
	t.Helper()
	b := &Balancer{}
	ctx, stop := context.WithCancel(context.Background())
	transport := &http.Transport{DisableKeepAlives: true}
	var probes sync.WaitGroup
	for _, addr := range servers {
		s := &server{addr: addr}
		b.servers = append(b.servers, s)
		probes.Go(func() { b.watch(ctx, &http.Client{Transport: transport, Timeout: probeLimit}, s) })
	}
	b.Proxy = listen(t, b.pick)
	t.Cleanup(func() {
		stop()
		probes.Wait()
	})
	return b
}

// Ready are the servers in rotation.
func (b *Balancer) Ready() (out []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.servers {
		if s.ready {
			out = append(out, s.addr)
		}
	}
	slices.Sort(out)
	return out
}

func (b *Balancer) pick() (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.servers {
		s := b.servers[b.next%len(b.servers)]
		b.next++
		if s.ready {
			return s.addr, true
		}
	}
	return "", false
}

func (b *Balancer) watch(ctx context.Context, client *http.Client, s *server) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		ready := probe(ctx, client, s.addr)
		b.mu.Lock()
		s.ready = ready
		b.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func probe(ctx context.Context, client *http.Client, addr string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		return false
	}
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close() // only the status was asked for
	return res.StatusCode == http.StatusOK
}
