package offline

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Report is what one round of Sync did.
type Report struct {
	// Pushed mutations got their verdict.
	Pushed int
	// Changed entities, by the checkpoints reached.
	Changed []Changed
	// Repaired feeds did not agree with their digest and were sent anew.
	Repaired []string
	// Reset are feeds that the device held and that the server sent from their beginning: to repair them, because
	// the device was away longer than removals are kept, or because the database went back in time.
	Reset []string
	// Uploaded files were verified by the server; Trouble is the first error of files that were not.
	Uploaded int
	Trouble  error
	// Verifying counts files that have arrived and that the server is still looking at: nothing is wrong and nothing is to
	// be done; a later round has the result. Run does that round by itself.
	Verifying int
	// Refused files arrived and are not acceptable; File.Code says why. They are to be taken again.
	Refused []File
	// Wiped: the device was taken out of service; what was unsent was handed in and the copy is gone.
	Wiped bool
}

const (
	pushCount = 100
	pushBytes = 1 << 20
	// maxRepairs bounds how often one round asks for feeds anew; a server whose digests never agree with its own
	// entries must not keep a phone busy for ever.
	maxRepairs = 3
	maxPages   = 100_000
)

// Sync does one round: it sends the outbox in order, pulls to a checkpoint, sends files, the small ones first,
// and pulls again if that changed something. It may be repeated at any time; on an error the rest is done next
// time. NoNetwork and PhoneOffline say that the server was not reached.
//
// Only one program on a folder does a round at a time; StoreLocked when another one did until ctx ended. It sends what
// this one saved.
func (c *Client) Sync(ctx context.Context) (Report, error) { return c.syncUnless(ctx, nil) }

// Deliver does a round as Sync does, unless the verdict of a mutation comes by the round of another program on the same
// folder first.
func (c *Client) Deliver(ctx context.Context, id uuid.UUID) (Report, error) {
	return c.syncUnless(ctx, func() bool {
		a, err := c.Store.Action(ctx, id)
		return err == nil && !a.Waits
	})
}

func (c *Client) syncUnless(ctx context.Context, done func() bool) (Report, error) {
	var r Report
	end, err := c.syncing.take(ctx, c.Store, turnSync, done)
	if errors.Is(err, errDoneElsewhere) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	defer end()
	if err := c.mayTalk(ctx); err != nil {
		return r, err
	}
	err = errors.Join(c.round(ctx, &r), c.Store.trimSpare(ctx))
	if CodeOf(err) == fault.DeviceRevoked {
		return r, c.handIn(ctx, &r)
	}
	return r, err
}

// mayTalk tells whether there is a reason not even to try.
func (c *Client) mayTalk(ctx context.Context) error {
	d, err := c.Store.Device(ctx)
	switch {
	case err != nil:
		return err
	case !d.Enrolled():
		return fault.New(fault.NotEnrolled, "")
	case d.Ended != "":
		return fault.New(fault.Code(d.Ended), "")
	case d.Offline:
		return fault.New(fault.PhoneOffline, "")
	}
	return nil
}

// round does it all once, and pushes and pulls again whenever something is done while files go up: it may take them an
// hour.
func (c *Client) round(ctx context.Context, r *Report) error {
	tried := map[uuid.UUID]bool{}
	for {
		aside, err := c.once(ctx, r, tried)
		if err != nil || !aside {
			return err
		}
	}
}

// queueWaits tells whether a push was refused because its queue has to wait, for an upgrade of the app or for somebody
// at the office. All but the queue goes on.
func queueWaits(err error) bool {
	code := CodeOf(err)
	return code == fault.ClientTooOld || code == fault.ParkedFull
}

func (c *Client) once(ctx context.Context, r *Report, tried map[uuid.UUID]bool) (aside bool, err error) {
	old := c.push(ctx, r)
	if old != nil && !queueWaits(old) {
		return false, old
	}
	if err := c.pull(ctx, r); err != nil {
		return false, err
	}
	if old == nil { // else its queue waits, see queueWaits
		if err := c.pushForgotten(ctx, r); err != nil {
			return false, err
		}
	}
	if err := c.Store.prune(ctx); err != nil {
		return false, err
	}
	moved, aside, err := c.upload(ctx, r, tried)
	switch {
	case err != nil:
		return false, err
	case aside:
		return true, nil // what comes next pulls, too, and says again why the queue waits
	case moved:
		err = c.pull(ctx, r)
	}
	return false, errors.Join(err, old)
}

// push sends what waits, in order, until the server has it all.
func (c *Client) push(ctx context.Context, r *Report) error {
	client, err := c.sync(ctx)
	if err != nil {
		return err
	}
	var gapped uint64
	for {
		batch, err := c.Store.batch(ctx, pushCount, pushBytes)
		if err != nil || len(batch.Mutations) == 0 {
			return err
		}
		call, cancel := c.within(ctx)
		res, err := client.Push(call, connect.NewRequest(batch))
		cancel()
		var refusal *Refusal
		if errors.As(err, &refusal) && CodeOf(err) == fault.SequenceGap {
			// The server lacks some that we have verdicts for: its database was restored. Send from there, once.
			from := refusal.Problem.GetExpectedSequence()
			if from == 0 || from == gapped {
				return err
			}
			gapped = from
			if err := c.Store.offerAgain(ctx, from); err != nil {
				return err
			}
			continue
		}
		if CodeOf(err) == fault.ClientTooOld {
			return errors.Join(err, c.Store.refusedAsOld(ctx, batch.Mutations[0].Sequence))
		}
		if err != nil {
			return err
		}
		if err := c.Store.take(ctx, res.Msg); err != nil {
			return err
		}
		// Fewer verdicts than mutations: the next one waits for something, and the next call says for what.
		n := len(res.Msg.Verdicts)
		r.Pushed += n
		if n == 0 || n > len(batch.Mutations) {
			return fault.New(fault.Internal, "%d verdicts for %d mutations", n, len(batch.Mutations))
		}
	}
}

// pull asks for pages until a checkpoint whose digests agree.
func (c *Client) pull(ctx context.Context, r *Report) error {
	client, err := c.sync(ctx)
	if err != nil {
		return err
	}
	forgotten, asked, repairs := false, false, 0
	for range maxPages {
		state, err := c.Store.pullState(ctx)
		if err != nil {
			return err
		}
		call, cancel := c.within(ctx)
		req := c.pullRequest(state)
		req.Early, asked = state.first && !asked, true
		res, err := client.Pull(call, connect.NewRequest(req))
		cancel()
		if CodeOf(err) == fault.CursorMalformed && !forgotten {
			forgotten = true
			if err := c.Store.forgetCursor(ctx); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if res.Msg.Early != nil {
			changed, err := c.Store.early(ctx, res.Msg)
			if err != nil {
				return err
			}
			r.Changed = append(r.Changed, changed...)
			continue
		}
		done, err := c.Store.stage(ctx, res.Msg)
		if err != nil {
			return err
		}
		r.Reset = append(r.Reset, done.reset...)
		if err := c.tell(ctx, state.first && !done.checkpoint); err != nil {
			return err
		}
		if !done.checkpoint {
			continue
		}
		r.Changed = append(r.Changed, done.changed...)
		r.Repaired = append(r.Repaired, done.differ...)
		if len(done.differ) == 0 {
			return nil
		}
		if repairs++; repairs > maxRepairs {
			return fault.New(fault.DigestDiffers, "%v", done.differ)
		}
	}
	return fault.New(fault.Internal, "pages without end")
}

// tell says how far the first download is, while it goes on.
func (c *Client) tell(ctx context.Context, first bool) error {
	if !first || c.Progress == nil {
		return nil
	}
	p, ok, err := c.Store.Progress(ctx)
	if err == nil && ok {
		c.Progress(p)
	}
	return err
}

// pullRequest asks for the next page and says how this device is doing.
func (c *Client) pullRequest(state pullState) *syncv1.PullRequest {
	m := &syncv1.PullRequest{
		Cursor: state.cursor, MaxBytes: c.PageBytes, ResetFeeds: state.repair, Unsent: uint32(state.unsent), Packed: true,
		DeviceTime: timestamppb.New(c.Store.Now()), AppVersion: c.AppVersion,
	}
	if state.oldest != 0 {
		m.OldestUnsent = timestamppb.New(time.UnixMicro(state.oldest))
	}
	return m
}

// handIn sends what is unsent as evidence and wipes the copy: the office took this device out of service. What
// cannot be handed in stays, for an export.
func (c *Client) handIn(ctx context.Context, r *Report) error {
	tried := map[uuid.UUID]bool{}
	for aside := true; aside; {
		err := c.push(ctx, r)
		if err != nil {
			return err
		}
		if _, aside, err = c.upload(ctx, r, tried); err != nil && CodeOf(err) != fault.DeviceRevoked {
			return err
		}
	}
	if err := c.Store.wipeCopy(ctx, fault.DeviceRevoked); err != nil {
		return err
	}
	r.Wiped = true
	return fault.New(fault.DeviceRevoked, "")
}
