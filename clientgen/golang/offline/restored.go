package offline

import (
	"context"
	"database/sql"

	"connectrpc.com/connect"

	syncv1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/sync/v1"
)

// forgotten asks whether the server still has all that it gave verdicts for, and returns the first number that
// it has not, 0 if it has all. After a restore of its database the server takes the device's next number without
// asking for those before it, since another phone may no longer have them. This one has: they must go first, or
// the number that follows would bury them.
//
// It reads no more than the counter: the page is thrown away, for what the server shows now may lack what is
// still to be sent.
func (c *Client) forgotten(ctx context.Context) (from uint64, err error) {
	latest, err := c.Store.latestVerdict(ctx)
	if err != nil || latest == 0 {
		return 0, err
	}
	client, err := c.sync(ctx)
	if err != nil {
		return 0, err
	}
	state, err := c.Store.pullState(ctx)
	if err != nil {
		return 0, err
	}
	call, cancel := c.within(ctx)
	defer cancel()
	// The smallest page from the cursor: nothing at all when nothing has changed.
	res, err := client.Pull(call, connect.NewRequest(&syncv1.PullRequest{Cursor: state.cursor, MaxBytes: 1, Unsent: uint32(state.unsent)}))
	if err != nil {
		return 0, err
	}
	if res.Msg.LastSequence >= latest {
		return 0, nil
	}
	return c.Store.firstAfter(ctx, res.Msg.LastSequence)
}

// latestVerdict is the highest number of this device that has a verdict.
func (s *Store) latestVerdict(ctx context.Context) (uint64, error) {
	return s.number(ctx, `SELECT max(seq) FROM outbox WHERE device = ? AND outcome IS NOT NULL`)
}

// firstAfter is the lowest number of this device above seq that the outbox holds.
func (s *Store) firstAfter(ctx context.Context, seq uint64) (uint64, error) {
	return s.number(ctx, `SELECT min(seq) FROM outbox WHERE device = ? AND seq > ?`, int64(seq))
}

// number runs a query about this device's outbox that gives a number or nothing, which is 0.
func (s *Store) number(ctx context.Context, query string, args ...any) (uint64, error) {
	device, err := getMeta(ctx, s.read, metaDevice)
	if err != nil {
		return 0, err
	}
	var n sql.NullInt64
	err = s.read.QueryRowContext(ctx, query, append([]any{device}, args...)...).Scan(&n)
	return uint64(n.Int64), err
}
