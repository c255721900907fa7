package delta

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

const (
	// contactEvery is how often what was heard is written.
	contactEvery = 5 * time.Second
	// contactsAtOnce bounds one statement; contactsHeld what waits in memory. More is forgotten: it only explains.
	contactsAtOnce, contactsHeld = 500, 50_000
)

// Contacts remembers what devices say of themselves when they call, and writes it now and then, many devices in one
// statement, so that no pull waits for it or costs a transaction more. A crash loses the last few seconds of it.
type Contacts struct {
	Store *postgres.Store
	Log   *slog.Logger

	mu    sync.Mutex
	heard map[change.Org]map[change.Device]postgres.Contact
	count int
}

// Pulled notes a pull and the cursor that it gave; an empty one says that the cursor sent still holds.
func (c *Contacts) Pulled(org change.Org, d change.Device, m *syncv1.PullRequest, given []byte, at time.Time) {
	if len(given) == 0 {
		given = m.Cursor
	}
	n := postgres.Contact{
		Device: d, PulledAt: at, Held: said(m.Cursor), Given: said(given), AppVersion: m.AppVersion,
	}
	if m.OldestUnsent.IsValid() {
		n.OldestUnsent = m.OldestUnsent.AsTime()
	}
	if m.DeviceTime.IsValid() {
		ahead := m.DeviceTime.AsTime().Sub(at).Milliseconds()
		n.AheadMS = &ahead
	}
	c.note(org, n)
}

// Watched notes the cursor with which a device began to watch: it holds what that says.
func (c *Contacts) Watched(org change.Org, d change.Device, cursor []byte) {
	c.add(org, d, func(n *postgres.Contact) { n.Held = said(cursor) })
}

// Carried notes a cursor that a device was given without asking; whether it has it, its next pull or watch says.
func (c *Contacts) Carried(org change.Org, d change.Device, given []byte) {
	if len(given) == 0 {
		return
	}
	c.add(org, d, func(n *postgres.Contact) { n.Given = said(given) })
}

// said is a cursor that may be empty, which is not the same as none having been said.
func said(cursor []byte) []byte { return append([]byte{}, cursor...) }

// note replaces what waits to be written of a device.
func (c *Contacts) note(org change.Org, n postgres.Contact) {
	c.add(org, n.Device, func(waits *postgres.Contact) { *waits = n })
}

// add changes what waits to be written of a device. It reads and writes that under one lock: calls of the same device
// overlap, and none takes back what another has noted.
func (c *Contacts) add(org change.Org, d change.Device, say func(*postgres.Contact)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, waits := c.heard[org][d]
	if !waits {
		if c.count >= contactsHeld {
			return
		}
		c.count++
		n = postgres.Contact{Device: d}
	}
	say(&n)
	if c.heard == nil {
		c.heard = map[change.Org]map[change.Device]postgres.Contact{}
	}
	if c.heard[org] == nil {
		c.heard[org] = map[change.Device]postgres.Contact{}
	}
	c.heard[org][d] = n
}

// Run writes until ctx ends.
func (c *Contacts) Run(ctx context.Context) {
	tick := time.NewTicker(contactEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := c.Flush(ctx); err != nil && ctx.Err() == nil {
				c.Log.WarnContext(ctx, "what devices said of themselves was not written", "error", err)
			}
		}
	}
}

// Flush writes what was heard and not written yet. What one company's devices said does not keep another's from being
// written.
func (c *Contacts) Flush(ctx context.Context) error {
	c.mu.Lock()
	heard := c.heard
	c.heard, c.count = nil, 0
	c.mu.Unlock()
	var failed error
	for org, of := range heard {
		part := make([]postgres.Contact, 0, min(len(of), contactsAtOnce))
		write := func() {
			err := c.Store.Transact(ctx, org, func(tx *postgres.Tx) error { return tx.SaveContacts(ctx, part) })
			failed, part = errors.Join(failed, err), part[:0]
		}
		for _, n := range of {
			if part = append(part, n); len(part) == contactsAtOnce {
				write()
			}
		}
		if len(part) > 0 {
			write()
		}
	}
	return failed
}
