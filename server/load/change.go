package load

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

// Mark names one change on its way from the phone that pushes it to those who must see it.
type Mark = uuid.UUID

// changes follows changes on their way.
type changes struct {
	tally *tally

	mu   sync.Mutex
	sent map[Mark]*onItsWay
	// open is how many arrivals are still awaited.
	open int
	// arrivals are kept when somebody else knows when each change was committed; nil otherwise.
	arrivals []arrival
	keep     bool
}

type onItsWay struct {
	at   time.Time
	left int
}

type arrival struct {
	mark Mark
	at   time.Time
}

func newChanges(t *tally, keep bool) *changes {
	return &changes{tally: t, sent: map[Mark]*onItsWay{}, keep: keep}
}

// send notes that a change which is due since at goes out now, and how many phones will see it.
func (c *changes) send(m Mark, at time.Time, witnesses int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent[m] = &onItsWay{at: at, left: witnesses}
	c.open += witnesses
}

// refused forgets a change that the server did not make.
func (c *changes) refused(m Mark) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w, ok := c.sent[m]; ok {
		c.open -= w.left
		delete(c.sent, m)
	}
}

// arrived notes that one more phone holds a change. Marks of nobody's are passed over.
func (c *changes) arrived(m Mark, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, ok := c.sent[m]
	if !ok {
		return
	}
	if c.keep {
		c.arrivals = append(c.arrivals, arrival{m, at})
	} else {
		c.tally.change.add(at.Sub(w.at))
	}
	c.open--
	if w.left--; w.left == 0 {
		delete(c.sent, m)
	}
}

// awaited is how many arrivals are still to come.
func (c *changes) awaited() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

// judge measures the kept arrivals from when each change was committed.
func (c *changes) judge(committed map[Mark]time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.arrivals {
		if at, ok := committed[a.mark]; ok {
			c.tally.change.add(a.at.Sub(at))
		}
	}
	c.arrivals = nil
}
