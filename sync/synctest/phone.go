package synctest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
)

// Phone is a device that follows the protocol to the letter and checks all that it is told.
type Phone struct {
	Device change.Device
	User   change.User
	// PageBytes is what it asks for at once.
	PageBytes int

	shown    map[change.FeedID]map[change.Entity]change.Entry
	staged   map[change.FeedID]map[change.Entity]change.Entry
	cursor   change.Cursor // goes with staged
	repair   []change.FeedID
	lastSeq  uint64
	outbox   []change.Mutation
	verdicts map[uint64]change.Verdict
	made     map[uint64]change.Mutation
	heldFrom uint64 // what it still has of made
	// known is when the server had what has a verdict, by the server's clock; absent when it has shown that it forgot.
	known map[uint64]time.Time
	// Resets counts feeds that were sent anew after the first time.
	Resets int
}

// NewPhone returns a phone that holds nothing.
func NewPhone(user change.User) *Phone {
	return &Phone{
		Device: change.Device(uuid.New()), User: user, PageBytes: 300,
		shown: map[change.FeedID]map[change.Entity]change.Entry{}, staged: map[change.FeedID]map[change.Entity]change.Entry{},
		verdicts: map[uint64]change.Verdict{}, made: map[uint64]change.Mutation{}, heldFrom: 1, known: map[uint64]time.Time{},
	}
}

// Do puts a mutation into the outbox.
func (p *Phone) Do(kind string, a Args, at time.Time) change.Mutation {
	m := change.Mutation{
		Device: p.Device, User: p.User, Seq: uint64(len(p.made)) + 1, ID: uuid.Must(uuid.NewV7()),
		Kind: kind, Args: a.Encode(), DeviceTime: at.UTC().Truncate(time.Microsecond),
	}
	p.made[m.Seq] = m
	p.outbox = append(p.outbox, m)
	return m
}

// Take notes verdicts. A second verdict for the same mutation must be the first one.
func (p *Phone) Take(verdicts []change.Verdict) error {
	for _, v := range verdicts {
		if old, ok := p.verdicts[v.Seq]; ok &&
			(old.Outcome != v.Outcome || !bytes.Equal(old.Receipt, v.Receipt) || old.Code != v.Code) {
			return fmt.Errorf("mutation %d: first verdict %+v, then %+v", v.Seq, old, v)
		}
		if v.ID != p.made[v.Seq].ID {
			return fmt.Errorf("mutation %d: verdict for another id", v.Seq)
		}
		p.verdicts[v.Seq] = v
	}
	for len(p.outbox) > 0 && p.verdicts[p.outbox[0].Seq].Outcome != 0 {
		p.outbox = p.outbox[1:]
	}
	return nil
}

// Pull asks for one page, as the request of its state, and returns what the server answered.
func (p *Phone) Pull(ctx context.Context, r feed.Reader, org change.Org) (feed.Page, error) {
	// What travels is bytes.
	cursor, err := change.DecodeCursor(p.cursor.Encode())
	if p.cursor.Feeds == nil {
		cursor, err = change.DecodeCursor(nil)
	}
	if err != nil {
		return feed.Page{}, err
	}
	req := feed.Request{Org: org, Device: p.Device, User: p.User, Cursor: cursor, MaxBytes: p.PageBytes, Reset: p.repair}
	if own, ok := r.(interface {
		Page(context.Context, feed.Request) (feed.Page, error)
	}); ok {
		return own.Page(ctx, req) // the store has a way of its own, which must come to the same
	}
	return feed.Read(ctx, r, req)
}

// Apply takes a page in: staged until the checkpoint, then shown all at once, with the digests compared.
func (p *Phone) Apply(page feed.Page) error {
	if err := p.stage(page); err != nil || !page.Final {
		return err
	}
	return p.checkpoint(page)
}

// stage takes a page in without showing it, together with its cursor.
func (p *Phone) stage(page feed.Page) error {
	p.repair = nil
	for _, f := range page.Dropped {
		p.staged[f] = nil
		delete(p.staged, f)
	}
	for _, d := range page.Deltas {
		held := p.staged[d.Feed]
		if d.Reset && held != nil {
			p.Resets++
		}
		if held == nil || d.Reset {
			held = map[change.Entity]change.Entry{}
			p.staged[d.Feed] = held
		}
		last := change.Seq(0)
		for _, e := range d.Entries {
			if e.Seq <= last {
				return fmt.Errorf("feed %s: %d after %d", d.Feed, e.Seq, last)
			}
			last = e.Seq
			if old, ok := held[e.Entity]; ok && old.Seq >= e.Seq {
				return fmt.Errorf("feed %s: entity goes back from %d to %d", d.Feed, old.Seq, e.Seq)
			}
			if delete(held, e.Entity); !e.Removed {
				held[e.Entity] = e
			}
		}
	}
	if page.Cursor.Generation != p.cursor.Generation {
		p.lastSeq = 0 // a restored office may have forgotten some
	}
	if page.Changed {
		p.cursor = page.Cursor
	}
	return nil
}

// checkpoint shows what is staged, in one step.
func (p *Phone) checkpoint(page feed.Page) error {
	if page.LastSeq < p.lastSeq {
		return fmt.Errorf("last sequence goes back from %d to %d", p.lastSeq, page.LastSeq)
	}
	p.lastSeq = page.LastSeq
	for _, h := range page.Heads {
		var sum change.Digest
		for _, e := range p.staged[h.Feed] {
			sum += change.DigestOf(e.Entity, e.Seq)
		}
		if sum != h.Digest || int64(len(p.staged[h.Feed])) != h.Live {
			p.repair = append(p.repair, h.Feed)
		}
	}
	if p.repair != nil {
		return fmt.Errorf("digest differs in %v", p.repair)
	}
	p.shown = map[change.FeedID]map[change.Entity]change.Entry{}
	for f, held := range p.staged {
		copied := make(map[change.Entity]change.Entry, len(held))
		maps.Copy(copied, held)
		p.shown[f] = copied
	}
	return nil
}

// Items decodes what the phone shows.
func (p *Phone) Items() (map[uuid.UUID]Item, error) {
	out := map[uuid.UUID]Item{}
	for f, held := range p.shown {
		for k, e := range held {
			var i Item
			if err := json.Unmarshal(e.Body, &i); err != nil {
				return nil, err
			}
			if old, ok := out[k.ID]; ok && old != i {
				return nil, fmt.Errorf("item %s differs between feeds at one checkpoint (%s): %+v, %+v", k.ID, f, old, i)
			}
			out[k.ID] = i
		}
	}
	return out, nil
}

// Sync pushes all and pulls to a checkpoint, over a network without faults. What a restored server has forgotten and
// the phone still has is sent again.
func Sync[T intake.Tx](ctx context.Context, p *Phone, in *intake.Intake[T], r feed.Reader, org change.Org) error {
	if err := pushAll(ctx, p, in, org); err != nil {
		return err
	}
	if err := pullAll(ctx, p, r, org); err != nil {
		return err
	}
	if newest := uint64(len(p.made)); p.lastSeq == newest || newest < p.heldFrom {
		return nil
	}
	p.offerFrom(max(p.lastSeq+1, p.heldFrom))
	if err := pushAll(ctx, p, in, org); err != nil {
		return err
	}
	return pullAll(ctx, p, r, org)
}

// offerFrom puts what was sent before into the outbox again.
func (p *Phone) offerFrom(seq uint64) {
	p.outbox = nil
	for ; seq <= uint64(len(p.made)); seq++ {
		p.outbox = append(p.outbox, p.made[seq])
		delete(p.verdicts, seq) // given by a history that is lost
	}
}

func pushAll[T intake.Tx](ctx context.Context, p *Phone, in *intake.Intake[T], org change.Org) error {
	for len(p.outbox) > 0 {
		n := min(len(p.outbox), 7)
		v, err := in.Take(ctx,
			intake.Push{Org: org, Device: p.Device, User: p.User, Mutations: p.outbox[:n], HeldFrom: p.heldFrom})
		var gap *intake.GapError
		if errors.As(err, &gap) && gap.Expected < p.outbox[0].Seq && gap.Expected >= p.heldFrom {
			p.offerFrom(gap.Expected)
			continue
		}
		if err != nil {
			return err
		}
		if err := p.Take(v); err != nil {
			return err
		}
	}
	return nil
}

func pullAll(ctx context.Context, p *Phone, r feed.Reader, org change.Org) error {
	for range 10_000 {
		page, err := p.Pull(ctx, r, org)
		if err != nil {
			return err
		}
		if err := p.Apply(page); err != nil {
			return err
		}
		if page.Final {
			return nil
		}
	}
	return errors.New("10,000 pages and no checkpoint")
}
