package cut

import (
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// Proxy carries connections to a target. It is made with New and ends with its test.
type Proxy struct {
	t        testing.TB
	listener net.Listener
	target   func() (string, bool)
	life     sync.WaitGroup

	mu      sync.Mutex
	changed *sync.Cond // when stalled or a pair's end changes
	pairs   map[*pair]struct{}
	stalled bool
	refuse  bool
	closed  bool
	bad     *weather
	made    int
	broken  int
}

// weather says how connections break by themselves.
type weather struct {
	random *rand.Rand
	mean   int
}

// How a connection ends when its time has come.
const (
	endReset = iota // both sides hear of it at once
	endMute         // nobody hears anything any more
	endHalf         // one direction ends in good order, in the middle of whatever it was saying
	ends
)

// New returns a proxy on a port of its own that carries to target, host:port.
func New(t testing.TB, target string) *Proxy {
	t.Helper()
	return listen(t, func() (string, bool) { return target, true })
}

func listen(t testing.TB, target func() (string, bool)) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("cut: %v", err)
	}
	p := &Proxy{t: t, listener: l, target: target, pairs: map[*pair]struct{}{}}
	p.changed = sync.NewCond(&p.mu)
	p.life.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Addr is where the proxy listens, host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

func (p *Proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				p.t.Errorf("cut: accept: %v", err)
			}
			return
		}
		p.mu.Lock()
		refuse := p.refuse || p.closed
		p.made++
		p.mu.Unlock()
		target, ok := p.target()
		if refuse || !ok {
			reset(conn)
			continue
		}
		p.life.Go(func() { p.carry(conn, target) })
	}
}

// Reset breaks all connections, so that both sides hear of it. New ones work.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		p.end(c)
	}
}

// Stall pulls the cable: nothing moves in either direction, and nobody hears why.
func (p *Proxy) Stall() { p.set(func() { p.stalled = true }) }

// Flow ends Stall. What was under way arrives now.
func (p *Proxy) Flow() { p.set(func() { p.stalled = false }) }

// Refuse breaks all connections and takes no new ones.
func (p *Proxy) Refuse() {
	p.set(func() { p.refuse = true })
	p.Reset()
}

// Accept ends Refuse.
func (p *Proxy) Accept() { p.set(func() { p.refuse = false }) }

// Break lets each connection, those that stand included, break after mean bytes on average in one of its directions:
// with a reset, with silence, or with an end in the middle of a message. Where and how comes from the seed.
func (p *Proxy) Break(seed uint64, mean int) {
	p.set(func() {
		p.bad = &weather{rand.New(rand.NewPCG(seed, 0x637574)), mean}
		for c := range p.pairs {
			c.draw(p.bad)
		}
	})
}

// Mend ends Break. Connections that fell silent are reset, as a system does with them in the end.
func (p *Proxy) Mend() {
	p.set(func() {
		p.bad = nil
		for c := range p.pairs {
			if c.mute {
				p.end(c)
			}
			c.left = [2]int{-1, -1}
		}
	})
}

// Made counts the connections that came, and Broken those that Break ended.
func (p *Proxy) Made() int   { p.mu.Lock(); defer p.mu.Unlock(); return p.made }
func (p *Proxy) Broken() int { p.mu.Lock(); defer p.mu.Unlock(); return p.broken }

func (p *Proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	p.changed.Broadcast()
}

func (p *Proxy) close() {
	p.set(func() { p.closed = true })
	if err := p.listener.Close(); err != nil {
		p.t.Errorf("cut: %v", err)
	}
	p.Reset()
	p.life.Wait()
}

// reset ends a connection so that the other side gets a reset and not an end in good order.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a connection that is gone already needs no reset
	}
	_ = conn.Close()
}
