package delta

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// carriedBytes bounds the bodies of a page that a poke carries: what is larger the phone asks for when it can take it.
const carriedBytes = 16 << 10

// carried are the devices that watch here and take pages with their pokes, with the cursor that each holds as far as
// this server can tell. It can be wrong, after an answer that was lost or a pull at another server; then the phone,
// which compares, pulls, and that teaches it.
type carried struct {
	mu sync.Mutex
	by map[carrier]*presumed
}

type carrier struct {
	org    change.Org
	device change.Device
}

// presumed is what a device holds, and until when the token is good that it showed last: longer it gets no data unasked.
type presumed struct {
	cursor []byte
	until  time.Time
}

// begin notes a watch; the newest of a device counts. end takes it back.
func (c *carried) begin(who carrier, cursor []byte, until time.Time) (end func()) {
	g := &presumed{bytes.Clone(cursor), until}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[carrier]*presumed{}
	}
	c.by[who] = g
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.by[who] == g {
			delete(c.by, who)
		}
	}
}

// learn notes the cursor that a device was given when it asked.
func (c *carried) learn(who carrier, cursor []byte, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if g := c.by[who]; g != nil {
		g.cursor, g.until = bytes.Clone(cursor), until
	}
}

// of is the cursor of a device that may be given a page at this time; nil if there is none.
func (c *carried) of(who carrier, now time.Time) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if g := c.by[who]; g != nil && now.Before(g.until) {
		return g.cursor
	}
	return nil
}

// gave notes that a device will hold another cursor, unless it has said something else meanwhile.
func (c *carried) gave(who carrier, before, cursor []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if g := c.by[who]; g != nil && bytes.Equal(g.cursor, before) {
		g.cursor = cursor
	}
}

// carry puts into a poke the page that the phone would ask for now. It stays without one if that would take more than
// one page, if the cursor is not known, or if anything is wrong: then the phone asks, and is told. barred says that the
// device may not read.
func (w *watching) carry(ctx context.Context, poke *syncv1.Poke) (barred bool) {
	who := carrier{change.Org(w.who.Org), change.Device(w.who.Device)}
	before := w.carried.of(who, w.Store.Now())
	if before == nil {
		return false
	}
	cursor, err := change.DecodeCursor(before)
	if err != nil || len(cursor.Feeds) == 0 {
		return false
	}
	page, err := w.Store.Carry(ctx, feed.Request{
		Org: who.org, Device: who.device, User: change.User(w.who.User), Cursor: cursor, MaxBytes: carriedBytes,
	})
	if err != nil || !page.Final {
		return errors.Is(err, postgres.ErrMayNotRead)
	}
	poke.Page = pageToWire(page)
	after := sha256.Sum256(before)
	poke.After = after[:8]
	if len(poke.Page.Cursor) > 0 {
		w.carried.gave(who, before, poke.Page.Cursor)
	}
	if w.Contacts != nil {
		w.Contacts.Carried(who.org, who.device, poke.Page.Cursor)
	}
	return false
}
