package synctest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/watch"
)

// replica is one server process: the real intake, feed reader and hub over the shared store, and what dies with it.
type replica[T intake.Tx] struct {
	Store[T] // the shared store, under the faults of this replica
	sim      *sim[T]
	number   int
	down     bool
	skew     time.Duration
	deaf     bool // it hears no pokes of the others
	missed   bool // it was deaf since its last sweep
	sweeping bool
	intake   *intake.Intake[T]
	hub      *watch.Hub
	shared   *feed.Shared
	// step is where the next transaction fails, after is how many of its writes, dies whether the process does.
	step  string
	after int
	dies  bool
	// answer is false once the process died before it could answer.
	answers bool
	device  change.Device
}

func (r *replica[T]) start() {
	r.down, r.hub, r.shared = false, &watch.Hub{}, &feed.Shared{MaxBytes: 1 << 14}
	r.sweepSoon()
}

func (r *replica[T]) die(downtime time.Duration) {
	if r.down {
		return
	}
	r.sim.note("replica %d dies", r.number)
	r.down, r.answers, r.step = true, false, ""
	for _, p := range r.sim.phones {
		if p.stream != nil && p.streamOf == r {
			p.cutStream()
		}
	}
	r.hub.Close()
	r.sim.after(downtime, r.start)
}

// fails tells whether the transaction fails here.
func (r *replica[T]) fails(step string) bool {
	if r.step != step || r.sim.healed {
		return false
	}
	r.step = ""
	r.sim.note("replica %d fails %s", r.number, step)
	if r.dies {
		r.die(time.Duration(1+r.after*r.after) * 10 * time.Second)
	}
	return true
}

// write is the failing of a transaction in its midst.
func (r *replica[T]) write() error {
	if r.step == "within" && !r.sim.healed {
		if r.after--; r.after <= 0 {
			r.fails("within")
			return errTransient
		}
	}
	return nil
}

// PutItem implements Trade.
func (r *replica[T]) PutItem(ctx context.Context, tx T, i Item) error {
	if err := r.write(); err != nil {
		return err
	}
	if err := r.Store.PutItem(ctx, tx, i); err != nil {
		return err
	}
	return r.write()
}

// Transact implements intake.Store.
func (r *replica[T]) Transact(ctx context.Context, org change.Org, fn func(T) error) error {
	if r.down || r.fails("before") {
		return errTransient
	}
	r.sim.skew = r.skew
	err := r.Store.Transact(ctx, org, func(tx T) error {
		if err := fn(tx); err != nil {
			return err
		}
		if r.fails("before commit") {
			return errTransient
		}
		return nil
	})
	r.sim.skew = 0
	poke := r.sim.observe(r, err != nil)
	if err != nil {
		return err
	}
	if r.fails("after commit") {
		if !r.dies { // only the connection broke
			poke()
		}
		return errTransient
	}
	poke()
	if r.fails("before answer") {
		return errTransient
	}
	return nil
}

// Transient implements intake.Store.
func (r *replica[T]) Transient(err error) bool {
	return err == errTransient || r.Store.Transient(err) //nolint:errorlint // the very one
}

func (r *replica[T]) take(
	p *handset[T], device change.Device, held uint64, ms []change.Mutation,
) (v []change.Verdict, err error) {
	defer func() {
		if x := recover(); x != nil {
			r.sim.add(Broke{"contained", fmt.Sprint("a panic left the intake: ", x)})
			r.die(time.Minute)
			err = errTransient
		}
	}()
	push := intake.Push{Org: r.sim.org, Device: device, User: p.User, Mutations: ms, HeldFrom: held}
	if p.revoked {
		push.ParkAll = revokedCode
	}
	r.device = device
	defer func() { r.device = change.Device{} }()
	return r.intake.Take(r.sim.ctx, push)
}

// pulled is an answer with the view that it comes from.
type pulled struct {
	page feed.Page
	view int
	at   time.Time // by the replica's clock
}

func (r *replica[T]) pull(p *handset[T], req feed.Request, intrude bool) (pulled, error) {
	s := r.sim
	view := 0
	reader := readerFunc(
		func(ctx context.Context, org change.Org, d change.Device, u change.User, fn func(feed.Snapshot) error) error {
			return r.Snapshot(ctx, org, d, u, func(snap feed.Snapshot) error {
				if view == 0 { // the answer is held to the first
					s.views++
					view = s.views
					s.add(Viewed{view, p.number, p.User})
				}
				return fn(&spied[T]{snap, r, &intrude})
			})
		})
	page, err := feed.Read(s.ctx, reader, req)
	return pulled{page, view, s.now().Add(r.skew)}, err
}

type readerFunc func(context.Context, change.Org, change.Device, change.User, func(feed.Snapshot) error) error

func (f readerFunc) Snapshot(
	ctx context.Context, org change.Org, d change.Device, u change.User, fn func(feed.Snapshot) error,
) error {
	return f(ctx, org, d, u, fn)
}

// spied is a snapshot during which others commit.
type spied[T intake.Tx] struct {
	feed.Snapshot
	r       *replica[T]
	intrude *bool
}

// State implements feed.Snapshot.
func (v *spied[T]) State(ctx context.Context) (feed.State, error) {
	st, err := v.Snapshot.State(ctx)
	if *v.intrude && err == nil {
		*v.intrude = false
		v.r.sim.intrude()
	}
	return st, err
}

// Entries implements feed.Snapshot.
func (v *spied[T]) Entries(ctx context.Context, r feed.Range, limit int) ([]change.Entry, bool, error) {
	part, err := v.r.shared.Part(v.r.sim.org, r, limit, false, func() (feed.Part, error) {
		entries, done, err := v.Snapshot.Entries(ctx, r, limit)
		return feed.PartOf(entries, done), err
	})
	return part.Entries, part.Done, err
}

// watch lets a phone listen; behind says that it has something to pull. It does what the server's Watch does.
func (r *replica[T]) watch(p *handset[T], cursor change.Cursor) (sub *watch.Subscription, behind bool, err error) {
	sub = r.hub.Subscribe()
	behind, err = r.follow(p, sub, cursor)
	return sub, behind, err
}

// carriedBytes bounds the pages that go with pokes.
const carriedBytes = 2000

// carry is the page that the phone would pull now, for a poke to take along; nil without one. Every third phone is of
// an older kind that takes none.
func (r *replica[T]) carry(p *handset[T]) *carriedPage {
	if p.revoked || p.guess.Feeds == nil || p.number%3 == 2 {
		return nil
	}
	c := carriedPage{after: p.guess}
	var err error
	c.pulled, err = r.pull(p,
		feed.Request{Org: r.sim.org, Device: p.Device, User: p.User, Cursor: p.guess, MaxBytes: carriedBytes}, false)
	if err != nil || !c.page.Final {
		return nil
	}
	p.guess = c.page.Cursor
	return &c
}

func rightsTopic(u change.User) string { return "user:" + u.String() }

func (r *replica[T]) follow(p *handset[T], sub *watch.Subscription, cursor change.Cursor) (behind bool, err error) {
	topics := []watch.Topic{{Org: r.sim.org, Name: rightsTopic(p.User)}}
	sub.Follow(topics...)
	st, err := r.sim.state(p.Device, p.User)
	for _, h := range st.Heads {
		topics = append(topics, watch.Topic{Org: r.sim.org, Name: h.Feed.String()})
	}
	sub.Follow(topics...)
	for _, h := range st.Heads {
		sub.Learn(r.sim.org, h.Feed, h.Seq)
		pos, ok := cursor.Feeds[h.Feed]
		behind = behind || !ok || pos.Seq != h.Seq || cursor.Generation != st.Generation
	}
	return behind || len(cursor.Feeds) != len(st.Heads), err
}

// sweepSoon finds within seconds what lost pokes missed.
func (r *replica[T]) sweepSoon() {
	if r.sweeping {
		return
	}
	r.sweeping = true
	r.sim.after(5*time.Second, func() {
		r.sweeping = false
		if r.down {
			return
		}
		missed := r.missed
		r.missed = r.deaf
		for _, name := range slices.Sorted(slices.Values(r.hub.Watched()[r.sim.org])) {
			if f, err := change.ParseFeedID(name); err == nil && f.Kind != "user" {
				if seq := r.sim.heads[f]; seq > 0 { // a feed without a row is not found
					r.hub.Observe(r.sim.org, f, seq)
				}
			} else if missed {
				r.hub.Mark(watch.Topic{Org: r.sim.org, Name: name})
			}
		}
	})
}

// hear takes in what another replica tells, or this one tells itself.
func (r *replica[T]) hear(heads []feed.Head, topics []string) {
	if r.down {
		return
	}
	for _, h := range heads {
		r.hub.Observe(r.sim.org, h.Feed, h.Seq)
	}
	for _, name := range topics {
		r.hub.Mark(watch.Topic{Org: r.sim.org, Name: name})
	}
}

// observe writes down what a transaction changed in the office's tables, and returns what tells the hubs of it.
func (s *sim[T]) observe(r *replica[T], failed bool) (poke func()) {
	items, err := s.store.Items(s.ctx, s.org)
	if err != nil {
		s.fail(err)
		return func() {}
	}
	slices.SortFunc(items, func(a, b Item) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	c := Committed{By: fmt.Sprintf("replica %d", r.number), Failed: failed, Device: r.device}
	now := make(map[uuid.UUID]Item, len(items))
	for _, i := range items {
		now[i.ID] = i
		if s.items[i.ID] != i {
			c.Items = append(c.Items, i)
		}
	}
	for id := range s.items {
		if _, still := now[id]; !still {
			c.Gone = append(c.Gone, id)
		}
	}
	s.items = now
	if r.device != (change.Device{}) {
		st, err := s.state(r.device, change.User{})
		s.fail(err)
		c.Counter = st.LastSeq
	}
	if len(c.Items)+len(c.Gone) > 0 {
		s.commits++
		c.Number = s.commits
		s.add(c)
	}
	st, err := s.state(change.Device{}, everybody)
	s.fail(err)
	var changed []feed.Head
	for _, h := range st.Heads {
		if s.heads[h.Feed] != h.Seq {
			changed = append(changed, h)
			s.heads[h.Feed] = h.Seq
		}
	}
	topics := s.topics
	s.topics = nil
	for _, other := range s.replicas {
		other.sweepSoon()
	}
	return func() {
		if len(changed)+len(topics) == 0 {
			return
		}
		for _, other := range s.replicas {
			switch {
			case other == r:
				r.hear(changed, topics)
			case other.deaf:
				other.missed = true
			default:
				s.after(time.Duration(5+s.commits*7919%2000)*time.Millisecond, func() { other.hear(changed, topics) })
			}
		}
	}
}

// Subscribe implements Trade; the change of rights is told after the commit.
func (r *replica[T]) Subscribe(ctx context.Context, tx T, u change.User, feeds ...change.FeedID) error {
	r.sim.topics = append(r.sim.topics, rightsTopic(u))
	return r.Store.Subscribe(ctx, tx, u, feeds...)
}
