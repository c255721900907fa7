package offline

import (
	"bytes"
	"context"
	"crypto/sha256"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
)

// strayed is after how many pages in a row that this device could not take it opens a new watch, which tells the server
// anew what it holds: its pulls may go to another server.
const strayed = 3

// carried takes the page that a poke carries, if a pull would be answered with it now. If not, or if there is more to
// do than to take it, taken is false and a round is due.
func (c *Client) carried(ctx context.Context, p *syncv1.Poke, hear func(Event)) (taken bool, err error) {
	if p.Page == nil || p.Page.Checkpoint == nil {
		return false, nil
	}
	end, ok := c.syncing.try(c.Store, turnSync)
	if !ok {
		return false, nil
	}
	taken, report, err := c.takeCarried(ctx, p)
	end() // before anybody is told: who listens may take their time, and other programs wait for this turn
	if report != nil {
		hear(Event{Report: report})
	}
	return taken, err
}

func (c *Client) takeCarried(ctx context.Context, p *syncv1.Poke) (taken bool, r *Report, err error) {
	if c.mayTalk(ctx) != nil {
		return false, nil, nil //nolint:nilerr // the round that is due says why
	}
	state, err := c.Store.pullState(ctx)
	if err != nil || state.first || len(state.repair) > 0 {
		return false, nil, err
	}
	if !bytes.Equal(p.After, nameOf(state.cursor)) {
		// A round of our own may have brought just this.
		return bytes.Equal(p.Page.Cursor, state.cursor), nil, nil
	}
	if len(p.Page.Cursor) == 0 {
		return true, nil, nil // nothing has changed; the page may be older than what shows
	}
	// A page that is older than a verdict would take back what the device shows, and look like a restored server.
	if told, err := c.Store.toldBeyond(ctx, p.Page.LastSequence); err != nil || told {
		return false, nil, err
	}
	done, err := c.Store.stage(ctx, p.Page)
	if err != nil {
		return false, nil, err
	}
	return len(done.differ) == 0, &Report{Changed: done.changed, Repaired: done.differ, Reset: done.reset}, nil
}

// toldBeyond tells whether this device has a verdict for a mutation above a number.
func (s *Store) toldBeyond(ctx context.Context, seq uint64) (beyond bool, err error) {
	device, err := getMeta(ctx, s.read, metaDevice)
	if err != nil {
		return false, err
	}
	err = s.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM outbox
		WHERE device = ? AND outcome IS NOT NULL AND seq > ?)`,
		device, int64(seq)).Scan(&beyond)
	return beyond, err
}

// nameOf is how a page names the cursor that it goes on from.
func nameOf(cursor []byte) []byte {
	sum := sha256.Sum256(cursor)
	return sum[:8]
}
