package cut

import (
	"net"
	"sync"
)

// pair is one connection through the proxy: the caller's side and the target's. All but the connections themselves
// is under the proxy's lock.
type pair struct {
	caller, target net.Conn
	over           bool
	mute           bool
	// left are the bytes until it breaks, to the target and to the caller; negative for never. end is how.
	left [2]int
	end  int
}

// draw decides when and how the pair breaks.
func (c *pair) draw(w *weather) {
	c.left = [2]int{-1, -1}
	c.left[w.random.IntN(2)] = 1 + w.random.IntN(2*w.mean)
	c.end = w.random.IntN(ends)
}

// carry moves bytes until one side ends.
func (p *Proxy) carry(conn net.Conn, target string) {
	c := &pair{caller: conn, left: [2]int{-1, -1}}
	p.mu.Lock()
	p.pairs[c] = struct{}{}
	if p.bad != nil {
		c.draw(p.bad)
	}
	open := p.wait(c)
	p.mu.Unlock()
	if open {
		if to, err := net.Dial("tcp", target); err == nil {
			p.mu.Lock()
			c.target = to
			over := c.over
			p.mu.Unlock()
			if over {
				reset(to)
			} else {
				var both sync.WaitGroup
				both.Go(func() { p.pump(c, 0, conn, to) })
				both.Go(func() { p.pump(c, 1, to, conn) })
				both.Wait()
			}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(c)
	delete(p.pairs, c)
}

// end resets both sides. The proxy is locked.
func (p *Proxy) end(c *pair) {
	if c.over {
		return
	}
	c.over = true
	reset(c.caller)
	if c.target != nil {
		reset(c.target)
	}
	p.changed.Broadcast()
}

// wait returns when bytes may move; false when the pair is over. The proxy is locked.
func (p *Proxy) wait(c *pair) bool {
	for (p.stalled || c.mute) && !c.over {
		p.changed.Wait()
	}
	return !c.over
}

// pump moves one direction. A side that ends in good order ends that direction only.
func (p *Proxy) pump(c *pair, way int, from, to net.Conn) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			send, how := p.pass(c, way, n)
			if _, werr := to.Write(buf[:send]); werr != nil {
				err = werr
			}
			switch how {
			case endReset:
				p.set(func() { p.end(c) })
				return
			case endMute:
				p.set(func() { c.mute = true })
			case endHalf:
				halfClose(to)
				return
			}
		}
		if err != nil {
			if p.quiet(c) {
				halfClose(to)
			}
			return
		}
	}
}

// goesOn is what pass says of a direction that does not end here.
const goesOn = -1

// pass waits until n bytes may move and says how many of them do, and how the direction ends after them.
func (p *Proxy) pass(c *pair, way, n int) (send, how int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.wait(c) {
		return 0, endReset
	}
	if c.left[way] < 0 || c.left[way] > n {
		if c.left[way] > 0 {
			c.left[way] -= n
		}
		return n, goesOn
	}
	send, c.left = c.left[way], [2]int{-1, -1}
	p.broken++
	return send, c.end
}

// quiet waits until an end may be passed on too, for a pulled cable hides ends as well.
func (p *Proxy) quiet(c *pair) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wait(c)
}

func halfClose(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite() // the other side may have gone first
	}
}
